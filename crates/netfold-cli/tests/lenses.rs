//! `netfold lens` and `netfold check`.

mod common;

use common::Stage;
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
