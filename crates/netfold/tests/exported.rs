//! A transformer and a squeeze-and-excitation network, as both exporters of PyTorch write them, from end to end.
//!
//! `goldens/README.md` says how they were made.

mod common;

use std::path::Path;

use common::array;
use netfold::reconstruction::Request;
use netfold::trace::NonFinite;
use netfold::{Model, Rule, Rules, Tensor};

const NETWORKS: [&str; 2] = ["transformer", "squeeze_excite"];
const EXPORTERS: [&str; 2] = ["torchscript", "dynamo"];

fn golden(name: &str) -> Tensor<f64> {
    array(&folder().join(format!("{name}.npy")))
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

/// W, row by row, of one export under one rule, after its logits and W x + b are held to PyTorch's logits.
fn weights(name: &str, exporter: &str, rule: Rule) -> Vec<f64> {
    let model = Model::read(folder().join(format!("{name}.{exporter}.onnx"))).unwrap();
    let (x, y) = (golden(&format!("{name}.x")), golden(&format!("{name}.y")));
    let head = model.head(netfold::Squashing::LeftOff).unwrap();
    let trace = model.trace(&x, head.logits, NonFinite::Refuse).unwrap();
    let logits = trace.logits().unwrap().clone();
    close(&format!("{name}, {exporter}: logits"), logits.data(), y.data());
    let circuit = trace.freeze(&Rules { default: rule, ..Rules::default() }).unwrap();
    let request = Request { classes: (0..logits.len()).collect(), ..Request::default() };
    let mut w = Vec::new();
    let made = circuit.reconstruct::<netfold::Error>(&x, &logits, &request, &netfold::Watch::default(), &mut |row| {
        w.extend_from_slice(row.weights);
        Ok(())
    });
    let made = made.unwrap();
    close(&format!("{name}, {exporter}, {rule}: W x + b of the rows"), &made.reconstructed, y.data());
    close(&format!("{name}, {exporter}, {rule}: W x + b pushed"), &made.pushed, y.data());
    w
}

fn close(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
    let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / scale;
    assert!(worst < 1e-12, "{what} differs by {worst:e}");
}

#[test]
fn under_tangent_w_is_the_jacobian_of_pytorch() {
    for name in NETWORKS {
        let jacobian = golden(&format!("{name}.jacobian"));
        for exporter in EXPORTERS {
            close(&format!("{name}, {exporter}"), &weights(name, exporter, Rule::Tangent), jacobian.data());
        }
    }
}

#[test]
fn both_exporters_forms_are_frozen_alike() {
    for name in NETWORKS {
        let [one, other] = EXPORTERS.map(|exporter| weights(name, exporter, Rule::Gate));
        close(name, &one, &other);
    }
}

#[test]
fn products_are_split_evenly() {
    for name in NETWORKS {
        for exporter in EXPORTERS {
            weights(name, exporter, Rule::Half);
        }
    }
}
