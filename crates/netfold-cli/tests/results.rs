//! What the program says and writes when all goes well.

mod common;

use common::Stage;

#[test]
fn help() {
    let stage = Stage::new();
    says!(stage, ["--help"]);
}

#[test]
fn help_of_reconstruct() {
    let stage = Stage::new();
    says!(stage, ["reconstruct", "--help"]);
}

#[test]
fn reconstruct_a_picture() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--labels", "labels.txt", "--out", "out"]);
    let names = stage.names("out");
    insta::assert_snapshot!(names.join("\n"));
    let mut pictures =
        names.iter().map(|name| stage.path("out").join(name)).filter(|path| path.extension() == Some("png".as_ref()));
    assert!(pictures.all(|path| common::is_picture(&path)));
}

#[test]
fn one_class_by_name() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--labels", "labels.txt", "--class", "Bee"]);
}

#[test]
fn probes_say_their_basis() {
    let stage = Stage::set();
    says!(
        stage,
        ["reconstruct", "model.onnx", "picture.png", "--method", "probe", "--basis", "hadamard", "--precision", "f64"]
    );
}

#[test]
fn verify_several_inputs() {
    let stage = Stage::set();
    stage.array("array.npy", &[1, 4, 4], &[0.5; 16]);
    says!(stage, ["verify", "model.onnx", "picture.png", "array.npy"]);
}

/// One object on standard output and nothing else there.
#[test]
fn json_is_one_object() {
    let stage = Stage::set();
    let output = stage.netfold(&["reconstruct", "model.onnx", "picture.png", "--json", "--all"]).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["certificate"]["equivalent"], true);
    assert_eq!(object["certificate"]["classes"], 3);
    for class in object["classes"].as_array().unwrap() {
        let number = |name: &str| class[name].as_f64().unwrap();
        assert!((number("pixels") + number("bias") - number("logit")).abs() < 1e-5, "{class}");
    }
}

/// Too small a tolerance: results are written, marked, and the exit code is 3.
#[test]
fn not_equivalent_within_zero() {
    let stage = Stage::set();
    stage.array("array.npy", &[1, 4, 4], &std::array::from_fn::<f32, 16, _>(|i| 0.1 + i as f32 / 7.0));
    let words = ["reconstruct", "model.onnx", "array.npy", "--tolerance", "0", "--out", "out"];
    let output = stage.netfold(&words).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("NOT equivalent"));
    let certificate = std::fs::read_to_string(stage.path("out").join("certificate.json")).unwrap();
    assert!(certificate.contains("\"equivalent\": false"));
    assert!(stage.names("out").contains(&"reconstruction.npz".to_owned()));
}

#[test]
fn ops_are_sorted() {
    let stage = Stage::new();
    let output = stage.netfold(&["ops"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = text.lines().collect();
    assert!(names.is_sorted() && names.contains(&"Conv"));
}

#[test]
fn a_unit_of_an_inner_tensor() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--at", "z", "--unit", "0,1,1", "--unit", "1"]);
}

#[test]
fn from_a_feature_map() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--from", "h", "--top", "1", "--out", "out"]);
}

#[test]
fn where_the_bias_comes_from() {
    let stage = Stage::set();
    says!(stage, ["bias", "model.onnx", "picture.png", "--labels", "labels.txt", "--preprocess", "tf"]);
}

#[test]
fn contributions_against_a_reference() {
    let stage = Stage::set();
    stage.array("gray.npy", &[1, 4, 4], &[0.5; 16]);
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--reference", "gray.npy", "--top", "1"]);
}

/// The shares of b by node add up to it, in the answer and in the arrays, and both give one b over pixels.
#[test]
fn the_bias_is_one_in_all_places() {
    let stage = Stage::set();
    let common = ["model.onnx", "picture.png", "--preprocess", "tf", "--precision", "f64", "--class", "1"];
    let output = stage.netfold(&[&["bias", "--json"], &common[..]].concat()).output().unwrap();
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = object["nodes"].as_array().unwrap();
    let sum: f64 = nodes.iter().map(|node| node["share"].as_f64().unwrap()).sum();
    assert!((sum - object["bias"].as_f64().unwrap()).abs() < 1e-12, "{object}");
    stage.netfold(&[&["reconstruct", "--out", "out"], &common[..]].concat()).output().unwrap();
    let mut arrays = npyz::npz::NpzArchive::open(stage.path("out/reconstruction.npz")).unwrap();
    let mut array = |name: &str| arrays.by_name(name).unwrap().unwrap().into_vec::<f64>().unwrap();
    assert!((array("bias_by_node").iter().sum::<f64>() - array("bias")[0]).abs() < 1e-12);
    assert!((array("pixel_bias")[0] - object["pixel_bias"].as_f64().unwrap()).abs() < 1e-12, "{object}");
}
