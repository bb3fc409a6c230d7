//! What `netfold inspect` says.

mod common;

use common::{Stage, network, two_outputs, unsupported};
use netfold_onnx::{DType, Dim, ModelDef, NodeDef, TensorDef, ValueInfo, encode};

/// The small network with a gated unit, shape arithmetic and a final softmax.
fn gated() -> ModelDef {
    let mut model = network();
    let graph = &mut model.graph;
    graph.nodes[1] = NodeDef::new("Sigmoid", ["z"], ["g"]).named("/gate");
    graph.nodes.insert(2, NodeDef::new("Mul", ["z", "g"], ["h"]).named("/mul"));
    graph.nodes.insert(3, NodeDef::new("Shape", ["image"], ["sizes"]).named("/shape"));
    graph.nodes.insert(4, NodeDef::new("Slice", ["sizes", "zero", "one"], ["batch"]).named("/slice"));
    graph.nodes.insert(5, NodeDef::new("Concat", ["batch", "rest"], ["target"]).with("axis", 0_i64).named("/concat"));
    graph.nodes[6] = NodeDef::new("Reshape", ["h", "target"], ["flat"]).named("/reshape");
    graph.nodes[7].outputs[0] = "scores".into();
    graph.nodes.push(NodeDef::new("Softmax", ["scores"], ["logits"]).named("/softmax"));
    for (name, value) in [("zero", 0_i64), ("one", 1), ("rest", -1)] {
        graph.initializers.push((name.into(), TensorDef::vector(vec![value])));
    }
    model
}

/// The gated network with an input whose sizes have names.
fn dynamic() -> ModelDef {
    let mut model = gated();
    let names = ["batch", "channels", "height", "width"];
    let shape = Some(names.map(|name| Dim::Symbol(name.into())).to_vec());
    model.graph.inputs =
        vec![ValueInfo { name: "image".into(), dtype: Some(DType::F32), shape, ..ValueInfo::default() }];
    model
}

#[test]
fn a_table() {
    let stage = Stage::set();
    says!(stage, ["inspect", "model.onnx"]);
}

#[test]
fn every_kind_of_node() {
    let stage = Stage::set();
    stage.file("gated.onnx", &encode(&gated()));
    says!(stage, ["inspect", "gated.onnx"]);
}

#[test]
fn another_rule_and_precision() {
    let stage = Stage::set();
    stage.file("gated.onnx", &encode(&gated()));
    says!(stage, ["inspect", "gated.onnx", "--freeze", "tangent", "--freeze-node", "/mul=half", "--precision", "f64"]);
}

#[test]
fn json() {
    let stage = Stage::set();
    stage.file("gated.onnx", &encode(&gated()));
    let output = stage.netfold(&["inspect", "gated.onnx", "--json"]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&object).unwrap());
}

#[test]
fn a_graph_for_graphviz() {
    let stage = Stage::set();
    stage.file("gated.onnx", &encode(&gated()));
    says!(stage, ["inspect", "gated.onnx", "--graph", "dot"]);
}

#[test]
fn a_graph_for_mermaid() {
    let stage = Stage::set();
    stage.file("gated.onnx", &encode(&gated()));
    says!(stage, ["inspect", "gated.onnx", "--graph", "mermaid"]);
}

#[test]
fn nodes_that_are_not_supported_are_all_named() {
    let stage = Stage::set();
    stage.file("odd.onnx", &encode(&unsupported()));
    says!(stage, ["inspect", "odd.onnx"]);
}

#[test]
fn sizes_that_are_not_known() {
    let stage = Stage::set();
    stage.file("dynamic.onnx", &encode(&dynamic()));
    says!(stage, ["inspect", "dynamic.onnx"]);
}

#[test]
fn sizes_that_are_given() {
    let stage = Stage::set();
    stage.file("dynamic.onnx", &encode(&dynamic()));
    says!(stage, ["inspect", "dynamic.onnx", "--shape", "2,1,4,4"]);
}

#[test]
fn sizes_that_do_not_fit() {
    let stage = Stage::set();
    says!(stage, ["inspect", "model.onnx", "--shape", "1,3,4,4"]);
}

#[test]
fn sizes_that_no_memory_holds() {
    let stage = Stage::set();
    stage.file("dynamic.onnx", &encode(&dynamic()));
    says!(stage, ["inspect", "dynamic.onnx", "--shape", "1,1,4000000000,4000000000"]);
}

#[test]
fn several_outputs_are_told() {
    let stage = Stage::set();
    stage.file("two.onnx", &encode(&two_outputs()));
    says!(stage, ["inspect", "two.onnx", "--output", "h"]);
}

#[test]
fn a_node_names_the_tensor_that_it_makes() {
    let stage = Stage::set();
    let logit = |words: &[&str]| {
        let output = stage.netfold(words).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["classes"].clone()
    };
    let by_node = logit(&["reconstruct", "model.onnx", "picture.png", "--at", "/relu", "--unit", "1,0,0", "--json"]);
    assert_eq!(by_node, logit(&["reconstruct", "model.onnx", "picture.png", "--at", "h", "--unit", "1,0,0", "--json"]));
}
