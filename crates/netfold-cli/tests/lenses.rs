//! `netfold lens` and `netfold check`.

mod common;

use common::Stage;
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, encode};
use serde_json::Value;

fn object(stage: &Stage, words: &[&str]) -> Value {
    let output = stage.netfold(words).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn help_of_lens() {
    let stage = Stage::new();
    says!(stage, ["lens", "--help"]);
}

#[test]
fn a_lens_that_does_not_apply() {
    let stage = Stage::set();
    says!(stage, ["lens", "model.onnx", "picture.png", "--lens", "cam"]);
}

#[test]
fn a_lens_that_does_not_exist() {
    let stage = Stage::set();
    says!(stage, ["lens", "model.onnx", "picture.png", "--lens", "gradcam"]);
}

#[test]
fn lenses_begin_at_the_input() {
    let stage = Stage::set();
    says!(stage, ["lens", "model.onnx", "picture.png", "--from", "h"]);
}

/// Of two lenses the one that applies is made; where none does, it is an error that names both.
#[test]
fn a_lens_that_does_not_apply_does_not_stop_the_others() {
    let stage = Stage::set();
    let seen = object(
        &stage,
        &["lens", "model.onnx", "picture.png", "--lens", "cam", "--lens", "gradient", "--json", "--out", "seen"],
    );
    let lenses = seen["lenses"].as_array().unwrap();
    assert!(lenses[0]["does_not_apply"].is_string() && lenses[1]["residual"].is_number(), "{seen}");
    assert_eq!(stage.names("seen"), ["lens-gradient.png", "lenses.json", "lenses.png"]);
    stage.file("flat.onnx", &encode(&one_logit(1.0)));
    stage.array("x.npy", &[1, 2], &[1.0, 2.0]);
    says!(stage, ["lens", "flat.onnx", "x.npy", "--lens", "cam", "--lens", "deconvnet", "--out", "none"]);
    assert!(!stage.path("none").exists());
}

/// sigmoid(s (2 x₀ − 3 x₁ + 1))
fn one_logit(s: f32) -> ModelDef {
    let graph = GraphDef::new("one logit")
        .with_input(ValueInfo::new("x", DType::F32, [1, 2]))
        .with_output(ValueInfo::new("y", DType::F32, [1, 1]))
        .with_initializer("w", TensorDef::new([2, 1], vec![2.0 * s, -3.0 * s]).unwrap())
        .with_initializer("b", TensorDef::vector(vec![s]))
        .with_node(NodeDef::new("Gemm", ["x", "w", "b"], ["f"]).named("/dense"))
        .with_node(NodeDef::new("Sigmoid", ["f"], ["y"]).named("/sigmoid"));
    ModelDef::new(graph)
}

/// A network of one logit has two classes: f = −3 here, so the first label wins.
#[test]
fn one_logit_has_two_classes() {
    let stage = Stage::new();
    stage.file("one.onnx", &encode(&one_logit(1.0)));
    stage.file("two.txt", b"sound\nfaulty\n");
    stage.array("x.npy", &[1, 2], &[1.0, 2.0]);
    let lens = |words: &[&str]| {
        let all = [&["lens", "one.onnx", "x.npy", "--lens", "contributions", "--json"], words].concat();
        let seen = object(&stage, &all);
        (seen["label"].as_str().map(str::to_owned), seen["logit"].as_f64().unwrap())
    };
    let (sound, faulty) = ((Some("sound".to_owned()), 3.0), (Some("faulty".to_owned()), -3.0));
    assert_eq!(lens(&["--labels", "two.txt"]), sound);
    assert_eq!(lens(&["--labels", "two.txt", "--class", "Sound"]), sound);
    assert_eq!(lens(&["--labels", "two.txt", "--class", "not-0"]), sound);
    assert_eq!(lens(&["--labels", "two.txt", "--class", "faulty"]), faulty);
    assert_eq!(lens(&["--class", "0"]), (None, -3.0));
    assert_eq!(lens(&["--class", "not-0"]), (None, 3.0));
    says!(stage, ["reconstruct", "one.onnx", "x.npy", "--labels", "two.txt", "--class", "sound"]);
    says!(stage, ["reconstruct", "one.onnx", "x.npy", "--class", "1"]);
    says!(stage, ["verify", "one.onnx", "x.npy", "--labels", "two.txt"]);
    says!(stage, ["region", "one.onnx", "x.npy", "--labels", "two.txt", "--norm", "linf"]);
    let checked = object(&stage, &["check", "one.onnx", "x.npy", "--json", "--steps", "2"]);
    let start = checked["inputs"][0]["curves"]["deletion"][0].as_f64().unwrap();
    assert!((start - 1.0 / (1.0 + (-3.0_f64).exp())).abs() < 1e-6, "{checked}");
    let logit = object(&stage, &["check", "one.onnx", "x.npy", "--json", "--steps", "2", "--score", "logit"]);
    assert_eq!(logit["inputs"][0]["curves"]["deletion"][0], 3.0);
}

/// Axes that are said of a feature map, and words that are none.
#[test]
fn axes_of_a_feature_map() {
    let stage = Stage::set();
    let map = |axes: &[&str]| {
        object(&stage, &[&["lens", "model.onnx", "picture.png", "--lens", "hirescam", "--json"], axes].concat())
    };
    let number = |seen: &Value| seen["lenses"][0]["contributions"].as_f64().unwrap();
    let known = map(&[]);
    assert!((number(&map(&["--layer-axes", "N,C,H,W"])) - number(&known)).abs() < 1e-9);
    says!(stage, ["lens", "model.onnx", "picture.png", "--lens", "hirescam", "--layer-axes", "N,T,C"]);
    says!(stage, ["lens", "model.onnx", "picture.png", "--lens", "hirescam", "--layer-axes", "N,C,X"]);
    says!(stage, ["lens", "model.onnx", "picture.png", "--lens", "hirescam", "--layer", "logits"]);
}

/// All lenses: numbers that add up, a picture each, a contact sheet, an array.
#[test]
fn every_lens_at_once() {
    let stage = Stage::set();
    let seen = object(
        &stage,
        &["lens", "model.onnx", "picture.png", "--json", "--out", "seen", "--npy", "maps.npy", "--box", "0", "1"],
    );
    let logit = seen["logit"].as_f64().unwrap();
    let mut shown = 0;
    for lens in seen["lenses"].as_array().unwrap() {
        let name = lens["lens"].as_str().unwrap();
        if let Some(why) = lens["does_not_apply"].as_str() {
            assert_eq!((name, why), ("cam", "a channel of the feature map has another weight at each place"));
            continue;
        }
        let number = |key: &str| lens[key].as_f64().unwrap();
        assert!((number("contributions") + number("rest") + number("residual") - logit).abs() < 1e-9, "{lens}");
        assert!(common::is_picture(&stage.path("seen").join(format!("lens-{}.png", name.replace('+', "p")))));
        shown += 1;
    }
    assert!(shown > 20 && common::is_picture(&stage.path("seen/lenses.png")));
    let maps = npyz::NpyFile::new(std::fs::File::open(stage.path("maps.npy")).unwrap()).unwrap();
    assert_eq!(maps.shape(), [shown, 1, 4, 4]);
    let values: Vec<f64> = maps.into_vec().unwrap();
    assert!(values.iter().all(|v| v.is_finite()) && values.iter().any(|&v| v != 0.0));
}

#[test]
fn a_table_of_lenses() {
    let stage = Stage::set();
    let words =
        ["lens", "model.onnx", "picture.png", "--lens", "contributions", "--lens", "lrp-0", "--labels", "labels.txt"];
    let output = stage.netfold(&words).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("contributions ") && text.contains("lrp-0 "), "{text}");
}

#[test]
fn checks_hold() {
    let stage = Stage::set();
    let checked = object(&stage, &["check", "model.onnx", "picture.png", "--json", "--steps", "4"]);
    assert_eq!(checked["holds"], true, "{checked}");
    let input = &checked["inputs"][0];
    assert_eq!(input["checks"].as_array().unwrap().len(), 4);
    assert_eq!(input["randomisation"].as_array().unwrap().len(), 2);
    assert_eq!(input["curves"]["deletion"].as_array().unwrap().len(), 5);
    let text = stage.netfold(&["check", "model.onnx", "picture.png"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("transposes") && text.contains("area below deletion"), "{text}");
}
