//! What networks take: bytes, several inputs, words; and what is said where an input does not fit.

mod common;

use common::{Stage, network};
use netfold_onnx::{Attribute, DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};
use serde_json::Value;

/// The small network, its picture as bytes that are cast first.
fn bytes() -> ModelDef {
    let mut model = network();
    model.graph.inputs[0].dtype = Some(DType::U8);
    model.graph.nodes[0].inputs[0] = "numbers".into();
    let cast = NodeDef::new("Cast", ["image"], ["numbers"]).with("to", Attribute::Int(i64::from(DType::F32.code())));
    model.graph.nodes.insert(0, cast.named("/cast"));
    model
}

/// The small network, whose picture has a second one added before; `idle` is never read.
fn two() -> ModelDef {
    let mut model = network();
    model.graph.inputs.push(ValueInfo::new("other", DType::F32, [1, 1, 4, 4]));
    model.graph.inputs.push(ValueInfo::new("idle", DType::I64, [1]));
    model.graph.nodes[0].inputs[0] = "sum".into();
    model.graph.nodes.insert(0, NodeDef::new("Add", ["image", "other"], ["sum"]).named("/sum"));
    model
}

/// Words through a table, then a rectifier and a matrix.
fn words() -> ModelDef {
    let numbers = |len: usize, step: usize| (0..len).map(|i| ((i * step) % 11) as f32 / 10.0 - 0.5).collect::<Vec<_>>();
    let graph = GraphDef::new("words")
        .with_input(ValueInfo::new("ids", DType::I64, [1, 3]))
        .with_output(ValueInfo::new("logits", DType::F32, [1, 2]))
        .with_initializer("table", TensorDef::new([9, 4], numbers(36, 5)).unwrap())
        .with_initializer("w", TensorDef::new([12, 2], numbers(24, 7)).unwrap())
        .with_node(NodeDef::new("Gather", ["table", "ids"], ["embedded"]).named("/table"))
        .with_node(NodeDef::new("Relu", ["embedded"], ["h"]).named("/relu"))
        .with_node(NodeDef::new("Flatten", ["h"], ["flat"]).named("/flatten"))
        .with_node(NodeDef::new("MatMul", ["flat", "w"], ["logits"]).named("/head"));
    ModelDef::new(graph)
}

fn stage() -> Stage {
    let stage = Stage::set();
    stage.file("bytes.onnx", &encode(&bytes()));
    stage.file("two.onnx", &encode(&two()));
    stage.file("words.onnx", &encode(&words()));
    stage.array("other.npy", &[1, 4, 4], &[0.25; 16]);
    stage.array("ids.npy", &[3], &[7.0, 0.0, 4.0]);
    stage
}

/// What a command prints with `--json`.
fn told(stage: &Stage, words: &[&str]) -> Value {
    let output = stage.netfold(words).arg("--json").output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn close(a: &Value, b: &Value) -> bool {
    let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
    (a - b).abs() < 1e-5 * a.abs().max(0.1)
}

fn bias(told: &Value) -> Vec<f64> {
    told["classes"].as_array().unwrap().iter().map(|class| class["bias"].as_f64().unwrap()).collect()
}

/// Bytes are what the picture holds, and the one-layer model takes bytes too.
#[test]
fn a_network_of_bytes_is_given_bytes() {
    let stage = stage();
    let usual = told(&stage, &["reconstruct", "bytes.onnx", "picture.png", "--out", "out"]);
    let raw = told(&stage, &["reconstruct", "model.onnx", "picture.png", "--preprocess", "raw", "--out", "plain"]);
    assert_eq!(usual["classes"], raw["classes"]);
    let read =
        |folder: &str| decode(std::fs::read(stage.path(folder).join("reconstructed.onnx")).unwrap(), None).unwrap();
    let (bytes, plain) = (read("out").graph, read("plain").graph);
    assert_eq!((bytes.inputs[0].dtype, plain.inputs[0].dtype), (Some(DType::U8), Some(DType::F32)));
    assert_eq!((bytes.nodes.len(), plain.nodes.len()), (3, 2), "a cast, and none where nothing has to be cast");
    // It is a network like any other, and gives the same logits.
    let twice = told(&stage, &["reconstruct", "out/reconstructed.onnx", "picture.png"]);
    assert!(close(&twice["classes"][0]["logit"], &usual["classes"][0]["reconstructed"]));
}

#[test]
fn a_unit_picture_for_bytes() {
    says!(stage(), ["reconstruct", "bytes.onnx", "picture.png", "--preprocess", "unit"]);
}

#[test]
fn a_second_input_is_missing() {
    says!(stage(), ["reconstruct", "two.onnx", "picture.png"]);
}

#[test]
fn an_input_that_does_not_exist() {
    says!(stage(), ["reconstruct", "two.onnx", "picture.png", "--input", "othr=other.npy"]);
}

#[test]
fn a_value_for_the_explained_input() {
    says!(stage(), ["reconstruct", "two.onnx", "picture.png", "--input", "image=other.npy"]);
}

#[test]
fn two_inputs_are_inspected() {
    says!(stage(), ["inspect", "two.onnx"]);
}

#[test]
fn bytes_are_inspected() {
    says!(stage(), ["inspect", "bytes.onnx"]);
}

#[test]
fn words_are_inspected_from_their_embedding() {
    says!(stage(), ["inspect", "words.onnx", "--from", "embedded"]);
}

/// The sum of two inputs: either may be explained, the weights are those of the sum, and what the other gives is b.
#[test]
fn the_other_input_belongs_to_b() {
    let stage = stage();
    let first = told(&stage, &["reconstruct", "two.onnx", "picture.png", "--input", "other=other.npy", "--out", "out"]);
    let swapped = &["reconstruct", "two.onnx", "other.npy", "--explain", "other", "--input", "image=picture.png"];
    let second = told(&stage, swapped);
    for (a, b) in first["classes"].as_array().unwrap().iter().zip(second["classes"].as_array().unwrap()) {
        assert!(close(&a["logit"], &b["logit"]));
    }
    assert_ne!(bias(&first), bias(&second));
    let held = &first["certificate"]["held_inputs"][0];
    assert_eq!((held["name"].as_str(), held["file"].as_str()), (Some("other"), Some("other.npy")));
    assert_eq!(held["sha256"].as_str().map(str::len), Some(64));
    let page = std::fs::read_to_string(stage.path("out/report.html")).unwrap();
    assert!(page.contains("Held input") && page.contains(held["sha256"].as_str().unwrap()));
    let alone = told(&stage, &["reconstruct", "model.onnx", "picture.png"]);
    assert_eq!(alone["certificate"]["held_inputs"], Value::Array(Vec::new()));
}

#[test]
fn every_command_takes_the_other_input() {
    let stage = stage();
    let other = ["--input", "other=other.npy"];
    for words in [
        &["reconstruct", "two.onnx", "picture.png"][..],
        &["bias", "two.onnx", "picture.png"],
        &["verify", "two.onnx", "picture.png"],
        &["lens", "two.onnx", "picture.png"],
        &["check", "two.onnx", "picture.png"],
        &["region", "two.onnx", "picture.png", "--brightness", "--norm", "l2", "--seconds", "1"],
        &["integrate", "two.onnx", "picture.png", "--reference", "other.npy"],
    ] {
        told(&stage, &[words, &other].concat());
        let refused = stage.netfold(words).output().unwrap();
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(4) && text.contains("`other` has no value"), "{words:?}: {text}");
    }
}

#[test]
fn from_an_embedding() {
    let stage = stage();
    let made = told(&stage, &["reconstruct", "words.onnx", "ids.npy", "--from", "embedded", "--out", "out"]);
    assert_eq!(made["certificate"]["equivalent"], true);
    says!(stage, ["reconstruct", "words.onnx", "ids.npy"]);
}

#[test]
fn an_array_with_its_channels_last() {
    let stage = stage();
    stage.array("array.npy", &[4, 4, 1], &[0.5; 16]);
    says!(stage, ["reconstruct", "model.onnx", "array.npy"]);
}

#[test]
fn a_stack_of_arrays() {
    let stage = stage();
    stage.array("array.npy", &[3, 1, 4, 4], &[0.5; 48]);
    says!(stage, ["reconstruct", "model.onnx", "array.npy"]);
}

#[test]
fn a_batch_that_is_fixed() {
    let stage = stage();
    let mut model = network();
    model.graph.inputs[0] = ValueInfo::new("image", DType::F32, [4, 1, 4, 4]);
    stage.file("batch.onnx", &encode(&model));
    says!(stage, ["reconstruct", "batch.onnx", "picture.png"]);
}
