//! The streamed model is the one that would have been written at once.

use crate::{small_model, told};
use netfold_onnx::{DType, StreamedModel, TensorDef, decode};
use std::io;

#[test]
fn streaming_writes_the_same_model() {
    let mut expected = small_model();
    let elements = (0_u16..300).map(f32::from).collect::<Vec<_>>();
    let bytes = elements.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    for block in [1, 7, 1200, 4000] {
        let tensors: [(&str, &[usize]); 3] = [("big", &[3, 98]), ("none", &[0, 5]), ("small", &[6])];
        let mut out = StreamedModel::begin(&small_model(), DType::F32, &tensors, Vec::new()).unwrap();
        for part in bytes.chunks(block) {
            out.write(part).unwrap();
        }
        let model = decode(out.finish().unwrap(), None).unwrap();
        let (big, small) = elements.split_at(294);
        expected.graph.initializers.truncate(2);
        for ((name, shape), elements) in tensors.into_iter().zip([big, &[], small]) {
            let tensor = TensorDef::new(shape.to_vec(), elements.to_vec()).unwrap();
            expected.graph.initializers.push((name.into(), tensor));
        }
        assert_eq!(model, expected);
    }
}

#[test]
fn an_empty_tensor_is_streamed() {
    let out = StreamedModel::begin(&small_model(), DType::F64, &[("none", &[0, 5])], Vec::new()).unwrap();
    let model = decode(out.finish().unwrap(), None).unwrap();
    assert_eq!(model.graph.initializers[2].1, TensorDef::new([0, 5], Vec::<f64>::new()).unwrap());
}

#[test]
fn a_file_cut_within_the_elements_is_noticed() {
    let mut out = StreamedModel::begin(&small_model(), DType::F32, &[("big", &[100])], Vec::new()).unwrap();
    out.write(&[1; 400]).unwrap();
    let mut bytes = out.finish().unwrap();
    let length = bytes.len();
    bytes.truncate(length - 123);
    let told = told(&decode(bytes, None).unwrap_err());
    assert!(told.contains(&format!("has {} bytes and should have at least {length}", length - 123)), "{told}");
}

#[test]
fn messages() {
    let begin =
        |tensor, dtype, shape: &[usize]| StreamedModel::begin(&small_model(), dtype, &[(tensor, shape)], Vec::new());
    let mut short = begin("big", DType::F32, &[2, 2]).unwrap();
    short.write(&[0; 12]).unwrap();
    insta::assert_snapshot!(told(&short.finish().unwrap_err()), @"error: tensor `big` takes 16 bytes and was given 12");
    let mut long = begin("big", DType::F32, &[2, 2]).unwrap();
    long.write(&[0; 12]).unwrap();
    insta::assert_snapshot!(told(&long.write(&[0; 5]).unwrap_err()), @"error: tensor `big` takes 16 bytes and was given 17");
    long.write(&[0; 4]).unwrap();
    long.finish().unwrap();
    let (w, b): (&[usize], &[usize]) = (&[2], &[3]);
    let mut first = StreamedModel::begin(&small_model(), DType::F32, &[("W", w), ("B", b)], Vec::new()).unwrap();
    first.write(&[0; 8]).unwrap();
    insta::assert_snapshot!(told(&first.finish().unwrap_err()), @"error: tensor `B` takes 12 bytes and was given 0");
    insta::assert_snapshot!(told(&begin("w", DType::F32, &[1]).unwrap_err()), @r#"
    error: two values are called `w`: an initializer and the streamed tensor
    hint: `python -c "import onnx; onnx.checker.check_model('model.onnx')"` says more about an invalid model
    "#);
    insta::assert_snapshot!(told(&begin("big", DType::String, &[1]).unwrap_err()), @r"
    error: cannot read tensor `big`
    cause: elements of type string are not supported
    hint: export the model with weights of type float
    ");
    // ImageNet, all 1000 classes, in double precision: 1.2 GB; at 448 x 448 it is too much.
    StreamedModel::begin(&small_model(), DType::F64, &[("big", &[1000, 150_528])], io::sink()).unwrap();
    insta::assert_snapshot!(told(&begin("big", DType::F64, &[1000, 602_112]).unwrap_err()), @r"
    error: the model would have 4816896695 bytes; an ONNX file holds at most 2147483647 (2 GiB)
    hint: ask for fewer classes, or for a smaller part of the input
    ");
}
