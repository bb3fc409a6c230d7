//! What the program says when something is wrong: one clear message on standard error, the right exit code, and no
//! half-written file.

mod common;

use std::sync::Arc;

use common::{Stage, network, two_outputs, unsupported};
use netfold_onnx::{Data, TensorDef, encode};

#[test]
fn a_picture_for_a_model() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "picture.png", "picture.png"]);
}

#[test]
fn a_cut_model() {
    let stage = Stage::set();
    let bytes = encode(&network());
    stage.file("cut.onnx", &bytes[..bytes.len() / 2]);
    says!(stage, ["reconstruct", "cut.onnx", "picture.png"]);
}

#[test]
fn a_model_that_is_not_there() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "nothing.onnx", "picture.png"]);
}

#[test]
fn operators_that_are_not_supported_are_all_named() {
    let stage = Stage::set();
    stage.file("odd.onnx", &encode(&unsupported()));
    says!(stage, ["reconstruct", "odd.onnx", "picture.png", "--out", "out"]);
    assert!(!stage.path("out").exists(), "nothing is written");
}

#[test]
fn a_rule_for_a_node_that_does_not_exist() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--freeze-node", "/rely=tangent"]);
}

#[test]
fn a_broken_picture() {
    let stage = Stage::set();
    stage.file("broken.png", &std::fs::read(stage.path("picture.png")).unwrap()[..40]);
    says!(stage, ["reconstruct", "model.onnx", "broken.png"]);
}

#[test]
fn a_text_for_a_picture() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "labels.txt"]);
}

#[test]
fn an_array_of_another_shape() {
    let stage = Stage::set();
    stage.array("array.npy", &[3, 4, 4], &[0.0; 48]);
    says!(stage, ["reconstruct", "model.onnx", "array.npy"]);
}

#[test]
fn nan_in_the_input() {
    let stage = Stage::set();
    let mut values = [0.5; 16];
    values[6] = f32::NAN;
    stage.array("array.npy", &[1, 1, 4, 4], &values);
    says!(stage, ["reconstruct", "model.onnx", "array.npy"]);
}

#[test]
fn infinity_in_the_weights() {
    let stage = Stage::set();
    let mut model = network();
    if let Data::F32(weights) = &mut model.graph.initializers[0].1.data {
        Arc::make_mut(weights)[4] = f32::INFINITY;
    }
    stage.file("infinite.onnx", &encode(&model));
    says!(stage, ["reconstruct", "infinite.onnx", "picture.png"]);
}

#[test]
fn a_class_that_does_not_exist() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--labels", "labels.txt", "--class", "wapsp"]);
}

#[test]
fn an_index_that_does_not_exist() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--class", "3"]);
}

#[test]
fn labels_of_another_model() {
    let stage = Stage::set();
    stage.file("labels.txt", b"one\ntwo\n");
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--labels", "labels.txt"]);
}

#[test]
fn a_file_for_the_output_folder() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--out", "labels.txt"]);
    assert_eq!(std::fs::read(stage.path("labels.txt")).unwrap(), b"ant\nbee\nwasp\n");
}

#[test]
fn a_preset_that_does_not_exist() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--preprocess", "imagenett"]);
}

#[test]
fn several_outputs() {
    let stage = Stage::set();
    stage.file("two.onnx", &encode(&two_outputs()));
    says!(stage, ["reconstruct", "two.onnx", "picture.png"]);
}

#[test]
fn weights_that_do_not_fit() {
    let stage = Stage::set();
    let mut model = network();
    model.graph.initializers[0].1 = TensorDef::new([2, 3, 3, 3], vec![0.1_f32; 54]).unwrap();
    stage.file("misfit.onnx", &encode(&model));
    says!(stage, ["reconstruct", "misfit.onnx", "picture.png"]);
}

#[test]
fn a_negative_tolerance() {
    let stage = Stage::set();
    says!(stage, ["verify", "model.onnx", "picture.png", "--tolerance=-1"]);
}

#[test]
fn a_tensor_that_does_not_exist() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--at", "logit"]);
}

#[test]
fn a_unit_that_does_not_exist() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--at", "z", "--unit", "0,2,0"]);
}

#[test]
fn an_inner_tensor_for_the_explorer() {
    let stage = Stage::set();
    says!(stage, ["explore", "model.onnx", "picture.png", "--at", "z"]);
}

#[test]
fn a_constant_to_begin_with() {
    let stage = Stage::set();
    says!(stage, ["reconstruct", "model.onnx", "picture.png", "--from", "b1"]);
}

#[test]
fn a_pixel_outside_the_picture() {
    let stage = Stage::set();
    says!(stage, ["region", "model.onnx", "picture.png", "--pixel", "4,0"]);
}

#[test]
fn a_rectangle_of_three_numbers() {
    let stage = Stage::set();
    says!(stage, ["region", "model.onnx", "picture.png", "--rectangle", "0,1,2"]);
}

#[test]
fn a_region_from_an_inner_tensor() {
    let stage = Stage::set();
    says!(stage, ["region", "model.onnx", "picture.png", "--from", "h"]);
}

#[test]
fn a_path_without_a_reference() {
    let stage = Stage::set();
    says!(stage, ["integrate", "model.onnx", "picture.png"]);
}

#[test]
fn instructions_that_no_processor_has() {
    let stage = Stage::set();
    for words in [vec!["inspect", "model.onnx"], vec!["verify", "model.onnx", "picture.png"], vec!["ops"]] {
        let done = stage.netfold(&words).env("NETFOLD_ISA", "avx1024").output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{words:?}");
        let told = String::from_utf8(done.stderr).unwrap();
        assert!(told.contains("NETFOLD_ISA") && told.contains("`avx1024`") && told.contains("portable"), "{told}");
        assert!(done.stdout.is_empty());
    }
}

#[test]
fn instructions_that_every_processor_has() {
    let stage = Stage::set();
    let done = stage.netfold(&["verify", "model.onnx", "picture.png"]).env("NETFOLD_ISA", "portable").output().unwrap();
    assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(0), b"".as_slice()));
}
