//! Tensors in files beside the model.

use crate::told;
use netfold_onnx::{Data, OnnxError, decode, read};
use std::fs;

/// A field of a protobuf message that holds bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 128, "one byte of length");
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

/// A model of IR version 8 with one float tensor `w` of shape (2), whose elements are where these entries say.
fn model(entries: &[(&str, &str)]) -> Vec<u8> {
    // dims = 2, data_type = float, data_location = external
    let mut tensor = vec![1 << 3, 2, 2 << 3, 1, 14 << 3, 1];
    tensor.extend(field(8, b"w"));
    for (key, value) in entries {
        tensor.extend(field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat()));
    }
    let graph = field(5, &tensor);
    [vec![1 << 3, 8], field(7, &graph), field(8, &[2 << 3, 17])].concat()
}

/// Reads such a model from a folder with 12 bytes in `w.bin` and in `deep/w.bin`.
fn outcome(entries: &[(&str, &str)]) -> Result<Data, OnnxError> {
    let folder = tempfile::tempdir().unwrap();
    let data = [1.0_f32, 2.0, 3.0].map(f32::to_le_bytes).concat();
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(folder.path().join("w.bin"), &data).unwrap();
    fs::write(folder.path().join("deep/w.bin"), &data).unwrap();
    fs::write(folder.path().join("model.onnx"), model(entries)).unwrap();
    read(&folder.path().join("model.onnx")).map(|mut model| model.graph.initializers.remove(0).1.data)
}

/// The cause and the hint, without the temporary folder's name.
fn problem(entries: &[(&str, &str)]) -> String {
    let text = told(&outcome(entries).unwrap_err());
    let lines = text.lines().skip(2).map(|line| match (line.find('`'), line.find("/w.bin")) {
        (Some(start), Some(end)) if end > start => format!("{}`…{}", &line[..start], &line[end..]),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn elements_are_found() {
    assert_eq!(outcome(&[("location", "w.bin")]).unwrap(), Data::from(vec![1.0_f32, 2.0]));
    let all = [("location", "deep/w.bin"), ("offset", "4"), ("length", "8"), ("checksum", "whatever")];
    assert_eq!(outcome(&all).unwrap(), Data::from(vec![2.0_f32, 3.0]));
}

#[test]
fn nothing_outside_the_folder_is_opened() {
    for location in ["/etc/passwd", "../w.bin", "deep/../../w.bin"] {
        let told = problem(&[("location", location)]);
        assert!(told.contains("outside the model's folder"), "{told}");
    }
}

#[test]
fn folders_and_pipes_are_not_read() {
    let told = problem(&[("location", "deep")]);
    assert!(told.contains("not a regular file"), "{told}");
}

#[test]
fn bytes_are_not_read_over_and_over() {
    let entry = |n: usize| {
        let name = format!("w{n}");
        let location = field(13, &[field(1, b"location"), field(2, b"w.bin")].concat());
        field(5, &[vec![1 << 3, 2, 2 << 3, 1, 14 << 3, 1], field(8, name.as_bytes()), location].concat())
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("w.bin"), [0; 8]).unwrap();
    let read = |tensors| {
        let graphs = (0..tensors).flat_map(|n| field(7, &entry(n))).collect::<Vec<_>>();
        decode([vec![1 << 3, 8, 8 << 3 | 2, 2, 2 << 3, 17], graphs].concat(), Some(folder.path()))
    };
    assert_eq!(read(8).unwrap().graph.initializers.len(), 8);
    let told = told(&read(9).unwrap_err());
    assert!(told.contains("more than 8 times over"), "{told}");
}

#[test]
fn messages() {
    insta::assert_snapshot!(problem(&[("location", "no/w.bin")]), @r"
    cause: its elements are in `…/w.bin`, which cannot be read
    cause: No such file or directory (os error 2)
    hint: keep the weight files that came with the model in the folder where they were
    ");
    insta::assert_snapshot!(problem(&[("location", "w.bin"), ("offset", "8")]), @r"
    cause: its elements are bytes 8 to 16 of `…/w.bin`, which has 12 bytes
    hint: keep the weight files that came with the model in the folder where they were
    ");
    insta::assert_snapshot!(problem(&[("location", "w.bin"), ("offset", "18446744073709551615")]), @r"
    cause: its elements are bytes 18446744073709551615 to 18446744073709551615 of `…/w.bin`, which has 12 bytes
    hint: keep the weight files that came with the model in the folder where they were
    ");
    insta::assert_snapshot!(problem(&[("location", "w.bin"), ("offset", "-4")]), @"cause: its elements are in another file, and `offset` is `-4`");
    insta::assert_snapshot!(problem(&[("location", "w.bin"), ("length", "9")]), @"cause: float of shape [2] takes 8 bytes, there are 9");
    insta::assert_snapshot!(problem(&[("offset", "0")]), @"cause: its elements are in another file, and `location` is missing");
    insta::assert_snapshot!(told(&decode(model(&[("location", "w.bin")]), None).unwrap_err()), @r"
    error: cannot read tensor `w`
    cause: its elements are in another file, and the model was not read from a folder
    hint: save the model as one file: `onnx.save(onnx.load('model.onnx'), 'single.onnx')`
    ");
}
