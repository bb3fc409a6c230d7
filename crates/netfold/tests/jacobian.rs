//! Law 7: another differentiator. W under the tangent rule is the Jacobian that PyTorch computes in double precision.
//!
//! The networks of `goldens/` are random ones of this project; `goldens/README.md` says how they and their Jacobians
//! were made.

mod common;

use std::path::Path;

use common::{array, random};
use netfold::reconstruction::Request;
use netfold::trace::NonFinite;
use netfold::{Model, Rule, Rules};
use netfold_onnx::encode;

/// Seeds of the networks in `goldens/`.
const SEEDS: [u64; 6] = [1, 2, 3, 5, 8, 13];

#[test]
fn w_is_the_jacobian_of_pytorch() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    if std::env::var_os("NETFOLD_WRITE_GOLDENS").is_some() {
        return write(&folder);
    }
    for seed in SEEDS {
        let file = |kind: &str| folder.join(format!("{seed}.{kind}"));
        let model = Model::read(file("onnx")).unwrap();
        let (x, jacobian) = (array::<f64>(&file("x.npy")), array::<f64>(&file("jacobian.npy")));
        let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
        let circuit = trace.freeze(&Rules { default: Rule::Tangent, ..Rules::default() }).unwrap();
        let logits = trace.logits().unwrap().clone();
        let request = Request { classes: (0..logits.len()).collect(), ..Request::default() };
        let mut w = Vec::new();
        circuit
            .reconstruct::<netfold::Error>(&x, &logits, &request, &netfold::Watch::default(), &mut |row| {
                w.extend_from_slice(row.weights);
                Ok(())
            })
            .unwrap();
        assert_eq!(w.len(), jacobian.len(), "network {seed}");
        let scale = jacobian.data().iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
        let worst = w.iter().zip(jacobian.data()).map(|(w, j)| (w - j).abs()).fold(0.0, f64::max) / scale;
        assert!(worst < 1e-12, "network {seed} differs from PyTorch's Jacobian by {worst:e}");
    }
}

/// Writes networks and inputs; the Jacobians are PyTorch's.
fn write(folder: &Path) {
    use npyz::WriterBuilder;
    for seed in SEEDS {
        std::fs::write(folder.join(format!("{seed}.onnx")), encode(&random::network(seed))).unwrap();
        let file = std::fs::File::create(folder.join(format!("{seed}.x.npy"))).unwrap();
        let x = random::input::<f64>(seed);
        let mut writer =
            npyz::WriteOptions::new().default_dtype().shape(&[1, 2, 7, 7]).writer(file).begin_nd().unwrap();
        writer.extend(x.data()).unwrap();
        writer.finish().unwrap();
    }
}
