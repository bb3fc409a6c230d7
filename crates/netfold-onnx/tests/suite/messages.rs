//! What users are told.

use crate::{small_model, told};
use netfold_onnx::{DType, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode, read};

/// What is said of these bytes.
fn of(bytes: impl Into<Vec<u8>>) -> String {
    told(&decode(bytes.into(), None).expect_err("not a model"))
}

/// What is said of the small model after a change.
fn changed(change: impl FnOnce(&mut ModelDef)) -> String {
    let mut model = small_model();
    change(&mut model);
    of(encode(&model))
}

#[test]
fn other_files() {
    insta::assert_snapshot!(of(""), @r"
    error: not an ONNX model: it is an empty file
    hint: download or copy the file again
    ");
    insta::assert_snapshot!(of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), @"error: not an ONNX model: it is a PNG picture");
    insta::assert_snapshot!(of("\n<!DOCTYPE html>\n<html lang=\"en\">"), @r"
    error: not an ONNX model: it is a web page (HTML)
    hint: the download saved a page about the file; use the link named raw or download
    ");
    insta::assert_snapshot!(of("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"), @r"
    error: not an ONNX model: it is a Git LFS pointer, which stands for the model
    hint: run `git lfs pull` in the repository that it comes from
    ");
    insta::assert_snapshot!(of("Dear model,\n"), @"error: not an ONNX model: it is text");
    insta::assert_snapshot!(of(b"PK\x03\x04\x14\0archive/data.pkl"), @r"
    error: not an ONNX model: it is a ZIP archive (PyTorch saves models so)
    hint: export the network with `torch.onnx.export(model, example_input, 'model.onnx')`
    ");
    insta::assert_snapshot!(of(b"\x20\0\0\0\0\0\0\0{\"weight\":{\"dtype\":\"F32\""), @r"
    error: not an ONNX model: it is a safetensors file (weights without a graph)
    hint: weights alone are not a network: export the whole model to ONNX
    ");
    insta::assert_snapshot!(of(b"\x1c\0\0\0TFL3\x14\0"), @r"
    error: not an ONNX model: it is a TensorFlow Lite model
    hint: convert it with `python -m tf2onnx.convert`
    ");
    insta::assert_snapshot!(of(vec![0; 2000]), @r"
    error: not an ONNX model: it is nothing but zeros
    hint: download or copy the file again
    ");
    insta::assert_snapshot!(of(b"\xfe\xfd\xfc\xfb\xfa"), @r"
    error: not an ONNX model, or a damaged one
    cause: failed to decode Protobuf message: invalid varint
    hint: download or copy the file again
    ");
}

#[test]
fn cut_files() {
    let bytes = encode(&small_model());
    insta::assert_snapshot!(of(&bytes[..500]), @r"
    error: the file is cut: it has 500 bytes and should have at least 662
    hint: download or copy the file again
    ");
    insta::assert_snapshot!(of(&bytes[..bytes.len() - 4]), @r"
    error: the model has IR version 8 and names no operator set
    hint: download or copy the file again
    ");
    insta::assert_snapshot!(changed(|m| m.opsets.clear()), @r"
    error: the model has IR version 8 and names no operator set
    hint: download or copy the file again
    ");
    insta::assert_snapshot!(of(&bytes[..18]), @r"
    error: the model has no graph
    hint: download or copy the file again
    ");
}

#[test]
fn damaged_file() {
    let mut bytes = encode(&small_model());
    let place = bytes.windows(4).position(|w| w == b"Conv").unwrap();
    bytes[place - 1] = 120;
    insta::assert_snapshot!(of(bytes), @r"
    error: not an ONNX model, or a damaged one
    cause: failed to decode Protobuf message: NodeProto.op_type: GraphProto.node: ModelProto.graph: invalid string value: data is not UTF-8 encoded
    hint: download or copy the file again
    ");
}

#[test]
fn graphs() {
    insta::assert_snapshot!(changed(|m| m.graph.nodes[2].outputs = vec!["c".into()]), @r#"
    error: two values are called `c`: an output of node `first` and an output of node `Reshape -> c`
    hint: `python -c "import onnx; onnx.checker.check_model('model.onnx')"` says more about an invalid model
    "#);
    insta::assert_snapshot!(changed(|m| m.graph.nodes[2].outputs = vec!["w".into()]), @r#"
    error: two values are called `w`: an initializer and an output of node `Reshape -> w`
    hint: `python -c "import onnx; onnx.checker.check_model('model.onnx')"` says more about an invalid model
    "#);
    insta::assert_snapshot!(changed(|m| m.graph.inputs.push(ValueInfo::new("x", DType::F32, []))), @r#"
    error: two values are called `x`: an input and another one
    hint: `python -c "import onnx; onnx.checker.check_model('model.onnx')"` says more about an invalid model
    "#);
    insta::assert_snapshot!(changed(|m| m.graph.nodes[0].outputs.clear()), @r#"
    error: cannot read node `first`
    cause: `Conv` has no output
    hint: `python -c "import onnx; onnx.checker.check_model('model.onnx')"` says more about an invalid model
    "#);
    insta::assert_snapshot!(changed(|m| m.graph.nodes.push(NodeDef::new("Relu", ["y"], [""]))), @r#"
    error: cannot read node `Relu`
    cause: `Relu` has no output
    hint: `python -c "import onnx; onnx.checker.check_model('model.onnx')"` says more about an invalid model
    "#);
    insta::assert_snapshot!(changed(|m| m.graph.nodes.push(NodeDef::default())), @r#"
    error: cannot read node `number 3`
    cause: it names no operator
    hint: `python -c "import onnx; onnx.checker.check_model('model.onnx')"` says more about an invalid model
    "#);
    insta::assert_snapshot!(changed(|m| m.graph.nodes.push(NodeDef::new("", ["y"], ["z"]))), @r#"
    error: cannot read node `z`
    cause: it names no operator
    hint: `python -c "import onnx; onnx.checker.check_model('model.onnx')"` says more about an invalid model
    "#);
}

#[test]
fn attribute_given_twice() {
    let mut model = small_model();
    model.graph.nodes[0] = NodeDef::new("Conv", ["x", "w"], ["c"]).with("a", 1).with("b", 2);
    let mut twice = encode(&model);
    let place = twice.windows(3).position(|w| w == [10, 1, b'b']).unwrap();
    twice[place + 2] = b'a';
    insta::assert_snapshot!(of(twice), @r#"
    error: cannot read node `Conv -> c`
    cause: attribute `a` is given twice
    hint: `python -c "import onnx; onnx.checker.check_model('model.onnx')"` says more about an invalid model
    "#);
}

#[test]
fn tensors() {
    let wrong = || TensorDef { shape: vec![2, 3], data: vec![0.0_f32; 5].into() };
    insta::assert_snapshot!(changed(|m| m.graph.initializers[0].1 = wrong()), @r"
    error: cannot read tensor `w`
    cause: float of shape [2, 3] takes 24 bytes, there are 20
    ");
    insta::assert_snapshot!(changed(|m| {
        m.graph.nodes[1] = NodeDef::new("Constant", [], ["r"]).with("value", wrong());
    }), @r"
    error: cannot read tensor `value` of node `Constant -> r`
    cause: float of shape [2, 3] takes 24 bytes, there are 20
    ");
    insta::assert_snapshot!(changed(|m| m.graph.initializers[0].1.shape = vec![1 << 30, 1 << 31, 1 << 32]), @r"
    error: cannot read tensor `w`
    cause: shape [1073741824, 2147483648, 4294967296] has too many elements
    ");
}

#[test]
fn files_are_named() {
    let told = told(&read("no/such/model.onnx".as_ref()).unwrap_err());
    assert!(told.starts_with("error: cannot read `no/such/model.onnx`\ncause: No such file"), "{told}");
}

#[test]
fn initializers_among_the_inputs_are_left_there() {
    let mut model = small_model();
    model.ir_version = 3;
    model.graph.inputs.push(ValueInfo::new("w", DType::F32, [4, 3, 3, 3]));
    assert_eq!(decode(encode(&model), None).unwrap(), model);
}
