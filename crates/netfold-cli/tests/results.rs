//! What the program says and writes when all goes well.

mod common;

use common::{Stage, network};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, encode};

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
    let names: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.is_sorted() && names.contains(&"Conv"));
    let classed =
        |line: &str| line.split_once("  ").is_some_and(|(name, class)| name == "Conv" && class.trim() == "convolution");
    assert!(text.lines().any(classed), "{text}");
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
fn how_far_the_model_holds() {
    let stage = Stage::set();
    says!(stage, ["region", "model.onnx", "picture.png", "--labels", "labels.txt", "--precision", "f64"]);
}

#[test]
fn rays_out_of_the_region() {
    let stage = Stage::set();
    let gray: Vec<f32> = (0_u8..16).map(|i| 0.4 + 0.01 * f32::from(i)).collect();
    stage.array("gray.npy", &[1, 4, 4], &gray);
    let rays = ["--towards", "gray.npy", "--brightness", "--contrast", "--pixel", "1,2", "--rectangle", "0,0,2,3"];
    let words = ["region", "model.onnx", "picture.png", "--along-class", "1", "--points", "3", "--precision", "f64"];
    says!(stage, [&words[..], &rays[..]].concat());
}

#[test]
fn a_network_that_is_not_piecewise_linear_has_no_region() {
    let stage = Stage::set();
    let mut model = network();
    model.graph.nodes[1].op_type = "Sigmoid".into();
    stage.file("smooth.onnx", &encode(&model));
    stage.array("gray.npy", &[1, 4, 4], &[0.5; 16]);
    says!(stage, ["region", "smooth.onnx", "picture.png", "--brightness", "--norm", "l2", "--precision", "f64"]);
    says!(stage, ["integrate", "smooth.onnx", "picture.png", "--reference", "gray.npy"]);
}

#[test]
fn integrated_gradients() {
    let stage = Stage::set();
    stage.array("gray.npy", &[1, 4, 4], &[0.5; 16]);
    let words = ["integrate", "model.onnx", "picture.png", "--reference", "gray.npy", "--precision", "f64"];
    says!(stage, words);
    says!(stage, [&words[..], &["--pieces", "2"]].concat());
}

/// The attributions of the file and of the answer are the same, and add up to the difference of the logits.
#[test]
fn attributions_add_up() {
    let stage = Stage::set();
    stage.array("gray.npy", &[1, 4, 4], &[0.5; 16]);
    let words = ["integrate", "model.onnx", "picture.png", "--reference", "gray.npy", "--precision", "f64", "--json"];
    let output = stage.netfold(&[&words[..], &["--out", "ig.npy"]].concat()).output().unwrap();
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let numbers = |value: &serde_json::Value| value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let attributions: Vec<f64> = numbers(&object["attributions"]);
    let file = npyz::NpyFile::new(std::fs::File::open(stage.path("ig.npy")).unwrap()).unwrap();
    assert_eq!(serde_json::json!(file.shape()), object["shape"]);
    assert_eq!(file.into_vec::<f64>().unwrap(), attributions);
    let logits = object["logits"]["input"].as_f64().unwrap() - object["logits"]["reference"].as_f64().unwrap();
    assert!(object["exact"] == true && (attributions.iter().sum::<f64>() - logits).abs() < 1e-12, "{object}");
}

/// The answer for programs holds what is printed: brackets in order, and a point where there is no region.
#[test]
fn a_region_for_programs() {
    let stage = Stage::set();
    let words = ["region", "model.onnx", "picture.png", "--json", "--precision", "f64", "--norm", "l2", "--brightness"];
    let output = stage.netfold(&words).output().unwrap();
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let (radius, ray) = (&object["radius"][0], &object["rays"][0]);
    assert!(radius["exact"] == true && radius["lower"] == radius["upper"] && object["point"].is_null(), "{object}");
    // Brightness t moves every element by t / 255: the ball ends no later than the ray.
    let reach = ray["exit"]["t"].as_f64().unwrap() / 255.0 * 4.0;
    assert!(radius["upper"].as_f64().unwrap() <= reach * (1.0 + 1e-9), "{object}");
    assert!(object["decisions"][0]["distances"]["l2"]["distance"].is_number(), "{object}");
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
    for b in ["bias", "pushed_zero"] {
        assert!((sum - object[b].as_f64().unwrap()).abs() < 1e-12, "{object}");
    }
    stage.netfold(&[&["reconstruct", "--out", "out"], &common[..]].concat()).output().unwrap();
    let mut arrays = zip::ZipArchive::new(std::fs::File::open(stage.path("out/reconstruction.npz")).unwrap()).unwrap();
    let mut array = |name: &str| {
        let array = npyz::NpyFile::new(arrays.by_name(&format!("{name}.npy")).unwrap()).unwrap();
        array.into_vec::<f64>().unwrap()
    };
    assert!((array("bias_by_node").iter().sum::<f64>() - array("bias")[0]).abs() < 1e-12);
    assert!((array("pixel_bias")[0] - object["pixel_bias"].as_f64().unwrap()).abs() < 1e-12, "{object}");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let stage = Stage::new();
    let mut program = stage
        .netfold(&["ops"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(program.stdout.take());
    let output = program.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

/// x · w is exactly 0 in front of the first rectifier at (½, ¼), and in front of none at (½, ⅜).
#[test]
fn a_tie_that_rounding_would_decide() {
    let stage = Stage::new();
    let graph = GraphDef::new("tie")
        .with_input(ValueInfo::new("x", DType::F32, [1, 2]))
        .with_output(ValueInfo::new("y", DType::F32, [1, 2]))
        .with_initializer("w", TensorDef::new([2, 2], vec![0.25_f32, 1.0, -0.5, 1.0]).unwrap())
        .with_initializer("v", TensorDef::new([2, 2], vec![1.0_f32, 2.0, 3.0, 4.0]).unwrap())
        .with_node(NodeDef::new("MatMul", ["x", "w"], ["z"]))
        .with_node(NodeDef::new("Relu", ["z"], ["h"]))
        .with_node(NodeDef::new("MatMul", ["h", "v"], ["y"]));
    stage.file("tie.onnx", &encode(&ModelDef::new(graph)));
    stage.array("tie.npy", &[1, 2], &[0.5, 0.25]);
    stage.array("clear.npy", &[1, 2], &[0.5, 0.375]);
    let told = |words: &[&str]| {
        let done = stage.netfold(&[&["reconstruct", "tie.onnx"][..], words].concat()).output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let text = told(&["tie.npy"]);
    assert!(text.contains("ties: 1 of 2 decisions") && text.contains("--precision f64"), "{text}");
    let text = told(&["tie.npy", "--precision", "f64"]);
    assert!(text.contains("ties: 1 of 2 decisions") && !text.contains("--precision f64"), "{text}");
    assert!(!told(&["clear.npy"]).contains("ties: "));
    let certified = |input: &str| {
        let object: serde_json::Value = serde_json::from_str(&told(&[input, "--json"])).unwrap();
        object["certificate"]["ties"].clone()
    };
    assert_eq!(certified("tie.npy"), serde_json::json!({ "decisions": 2, "within_rounding": 1 }));
    assert_eq!(certified("clear.npy"), serde_json::json!({ "decisions": 2, "within_rounding": 0 }));
}
