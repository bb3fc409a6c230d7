//! Lenses against Captum and zennit on real networks, and against what each promises on all of them.
//!
//! `goldens/lenses.json` is what `goldens/lenses.py` writes: sums, norms and some values of each map, in double
//! precision.

mod common;

use std::path::Path;

use common::random::{input, model};
use common::{array, networks, samples, zoo};
use netfold::lenses::{Attribution, Lens, Settings, Subject, TABLE};
use netfold::reconstruction::argmax;
use netfold::trace::NonFinite;
use netfold::{Error, Model, Precision, Tensor};
use serde_json::Value;

/// What `goldens/lenses.py` was told.
fn settings<T: Precision>() -> Settings<T> {
    Settings {
        steps: 10,
        samples: 3,
        noise: 0.1,
        seed: 7,
        window: Some(8),
        bounds: Some([-3.0, 3.0]),
        epsilon: 1e-2,
        ..Settings::default()
    }
}

fn look<T: Precision>(model: &Model, x: &Tensor<T>, class: usize, lens: &str) -> Result<(Attribution, f64), Error> {
    let head = model.head_of(model.name(model.outputs[0]), netfold::Squashing::LeftOff)?;
    let trace = model.trace(x, head.logits, NonFinite::Refuse)?;
    let settings = settings();
    let subject = Subject { trace: &trace, class, settings: &settings };
    Ok((Lens::find(lens)?.look(&subject)?, subject.logit()?))
}

/// The largest difference from a golden's numbers, relative to its norm.
fn difference(seen: &Attribution, golden: &Value) -> f64 {
    let number = |value: &Value| value.as_f64().unwrap();
    let norm = number(&golden["norm"]);
    assert_eq!(seen.values.len() as u64, golden["len"].as_u64().unwrap());
    let values = golden["values"].as_object().unwrap();
    let each = values.iter().map(|(at, value)| (seen.values[at.parse::<usize>().unwrap()] - number(value)).abs());
    let own = seen.values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let sums = (seen.values.iter().sum::<f64>() - number(&golden["sum"])).abs() / (seen.values.len() as f64).sqrt();
    each.chain([(own - norm).abs(), sums]).fold(0.0, f64::max) / norm
}

#[test]
fn lenses_agree_with_captum_and_zennit() {
    let Some(zoo) = zoo() else { return };
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/lenses.json");
    let goldens: Value = serde_json::from_str(&std::fs::read_to_string(goldens).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for (network, golden) in goldens.as_object().unwrap() {
        let folder = zoo.join(network);
        let model = Model::read(folder.join("model.onnx")).unwrap();
        let sample = folder.join(format!("{}.npy", golden["sample"].as_str().unwrap()));
        let class = golden["class"].as_u64().unwrap() as usize;
        for (lens, golden) in golden["lenses"].as_object().unwrap() {
            let double = look(&model, &array::<f64>(&sample), class, lens).unwrap().0;
            let single = look(&model, &array::<f32>(&sample), class, lens).unwrap().0;
            let (double, single) = (difference(&double, golden), difference(&single, golden));
            let peer = golden["peer"].as_str().unwrap();
            println!("{network:24} {lens:22} {peer:8} f64 {double:8.1e}  f32 {single:8.1e}");
            // Captum holds the places of its steps, and its sums over windows, in single precision.
            let rounds = peer == "captum" && matches!(lens.as_str(), "integrated-gradients" | "occlusion");
            if double > if rounds { 1e-4 } else { 1e-12 } || single > 1e-4 {
                wrong.push(format!("{network} {lens}: f64 {double:e}, f32 {single:e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What adds up by its definition does so on every network: all of it is the logit, but for the residual that a lens
/// admits.
#[test]
fn what_adds_up_adds_up() {
    let Some(zoo) = zoo() else { return };
    let mut seen = 0;
    for network in networks(&zoo) {
        let model = Model::read(network.join("model.onnx")).unwrap();
        let x = array::<f64>(&samples(&network).remove(0).input);
        let head = model.head_of(model.name(model.outputs[0]), netfold::Squashing::LeftOff).unwrap();
        let trace = match model.trace(&x, head.logits, NonFinite::Refuse) {
            Err(Error::Unsupported { .. }) => continue,
            trace => trace.unwrap(),
        };
        let logits = trace.logits().unwrap().data();
        let scale = logits.iter().fold(1e-300_f64, |largest, f| largest.max(f.abs()));
        let (class, settings) = (argmax(logits), settings());
        let subject = Subject { trace: &trace, class, settings: &settings };
        for lens in ["contributions", "fullgrad", "hirescam", "deeplift"] {
            match Lens::find(lens).unwrap().look(&subject) {
                // The last feature map of many is not all that leads to the logit; what goes around it is the rest.
                Ok(attribution) => {
                    let residual = attribution.residual(logits[class]);
                    // Tangents of a detector's hundred gates cancel, offsets of many times the logits.
                    assert!(residual.abs() <= 1e-9 * scale, "{} {lens}: {residual:e} of {scale}", network.display());
                    seen += 1;
                }
                Err(Error::Lens { .. }) => {}
                Err(error) => panic!("{} {lens}: {error}", network.display()),
            }
        }
        // What takes one pull is tried on every network that is not large.
        let few = |lens: &&Lens| x.len() < 50_000 && !matches!(lens.file, "smooth_grad" | "integrated" | "occlusion");
        for lens in TABLE.iter().filter(few) {
            match lens.look(&subject) {
                Ok(map) => assert!(map.values.iter().all(|v| v.is_finite()), "{} {}", network.display(), lens.name),
                Err(Error::Lens { .. }) => {}
                Err(error) => panic!("{} {}: {error}", network.display(), lens.name),
            }
        }
    }
    assert!(seen > 40, "{seen} attributions");
}

/// DeepLIFT's multipliers add up on max pools whose windows overlap. Captum scatters what pools give back by assignment,
/// so that of two windows with one winner the later counts alone, and where windows do not overlap its shares still miss
/// winners that differ from the reference's. The formula, a sum over all windows, is what is right.
#[test]
fn deeplift_adds_up_where_pools_overlap() {
    let mut overlapping = 0;
    for seed in 0..60 {
        let (model, x) = (model(seed), input::<f64>(seed));
        match look(&model, &x, 1, "deeplift") {
            Ok((attribution, logit)) => {
                assert!(attribution.residual(logit).abs() < 1e-10 * logit.abs().max(1.0), "seed {seed}");
                overlapping += usize::from(model.nodes.iter().any(|node| node.op == "MaxPool"));
            }
            Err(Error::Lens { .. }) => {}
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(overlapping > 5, "{overlapping} networks with pools");
}

/// Every lens either shows something finite or says which node is in its way, on every network.
#[test]
fn every_lens_looks_or_says_why_not() {
    for seed in 0..20 {
        let (model, x) = (model(seed), input::<f32>(seed));
        for lens in TABLE {
            match look(&model, &x, 0, lens.name) {
                Ok((attribution, _)) => {
                    assert!(attribution.values.iter().all(|v| v.is_finite()), "seed {seed}, {}", lens.name);
                    assert!(matches!(attribution.values.len(), 49 | 98), "seed {seed}, {}", lens.name);
                }
                Err(error @ Error::Lens { .. }) => assert!(error.to_string().contains(lens.name)),
                Err(error) => panic!("seed {seed}, {}: {error}", lens.name),
            }
        }
    }
}

#[test]
fn an_unknown_lens_is_named() {
    let error = Lens::find("gradcam").unwrap_err();
    assert_eq!((error.to_string().as_str(), error.hint().is_some()), ("there is no lens `gradcam`", true));
}
