//! Exact integrated gradients: against sums of many steps, and their completeness on real networks.

mod common;

use std::ops::ControlFlow;

use common::random::{input, model};
use common::{array, networks, samples, zoo};
use netfold::region::Path;
use netfold::trace::NonFinite;
use netfold::{Error, Model, Rules, Tensor, Watch};
use netfold_linear::Probes;

fn is_piecewise_linear(model: &Model, x: &Tensor<f64>) -> bool {
    let trace = model.trace(x, model.outputs[0], NonFinite::Refuse).unwrap();
    trace.region(&trace.freeze(&Rules::default()).unwrap()).is_ok()
}

/// Integrated gradients of random networks against a sum of 20 000 steps.
#[test]
fn integrals_against_many_steps() {
    const STEPS: usize = 20_000;
    let mut judged = 0;
    for seed in 0..200 {
        let (model, x, reference) = (model(seed), input::<f64>(seed), input::<f64>(seed + 1000));
        // Smooth networks are refused: the test of real ones holds that.
        if !is_piecewise_linear(&model, &x) || judged == 3 {
            continue;
        }
        let path = Path {
            model: &model,
            output: model.outputs[0],
            non_finite: NonFinite::Refuse,
            reference: reference.clone(),
            feed: (&x).into(),
        };
        let exact = path.integrate(2, 100_000, &Watch::default()).unwrap();
        assert!(exact.is_exact() && exact.difference < 1e-12 && exact.pieces > 3, "seed {seed}: {exact:?}");
        let mut sums = vec![0.0; x.len()];
        for step in 0..STEPS {
            let s = (step as f64 + 0.5) / STEPS as f64;
            let at = x.paired(&reference, |x, x0| x0 + s * (x - x0));
            let trace = model.trace(&at, model.outputs[0], NonFinite::Refuse).unwrap();
            let circuit = trace.freeze(&Rules::default()).unwrap();
            let row = circuit.pull(Probes::one_hot(circuit.output_shape(), &[2])).weights;
            sums.iter_mut().zip(row.vector(0)).for_each(|(sum, w)| *sum += w / STEPS as f64);
        }
        let largest = exact.attributions.iter().fold(0.0, |m: f64, a| m.max(a.abs()));
        for (e, (a, sum)) in exact.attributions.iter().zip(&sums).enumerate() {
            let riemann = sum * (x.data()[e] - reference.data()[e]);
            assert!((a - riemann).abs() < 1e-3 * largest, "seed {seed}, element {e}: {a}, {riemann}");
        }
        // With too few pieces the rest is told, and counted.
        let short = path.integrate(2, 2, &Watch::default()).unwrap();
        assert!(!short.is_exact() && short.unresolved > 0.0 && short.pieces <= 2, "{short:?}");
        let two = Watch::new(|found| if found.done < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) });
        let stopped = path.integrate(2, 100_000, &two).unwrap();
        assert!(!stopped.is_exact() && stopped.pieces == 2, "{stopped:?}");
        judged += 1;
    }
    assert_eq!(judged, 3);
}

/// From zeros, on every network of the zoo: complete where the pieces are few; else what is open is told; and what is no
/// sum of pieces is refused with the nodes that make it so.
#[test]
fn integrals_of_real_networks() {
    const FEW: [&str; 5] =
        ["cifar_resnet2b", "cifar_oval_deep", "cifar_captum_lenet", "cifar_marabou_nhwc", "mnist_cntk_opt"];
    let Some(zoo) = zoo() else { return };
    let mut seen = 0;
    for network in networks(&zoo) {
        let name = network.file_name().unwrap().to_string_lossy().into_owned();
        let model = Model::read(network.join("model.onnx")).unwrap();
        let x = array::<f64>(&samples(&network)[0].input);
        let output = model.head_of(model.name(model.outputs[0]), netfold::Squashing::LeftOff).unwrap().logits;
        let reference = x.map(|_| 0.0);
        let path = Path { model: &model, output, non_finite: NonFinite::Refuse, reference, feed: x.into() };
        let few = FEW.contains(&name.as_str());
        let made = match path.integrate(1, if few { 20_000 } else { 3 }, &Watch::default()) {
            Err(Error::Point(nodes)) => {
                assert!(!few && !nodes.is_empty(), "{name}");
                continue;
            }
            made => made.unwrap(),
        };
        seen += 1;
        if !few {
            assert!(!made.is_exact() && made.unresolved > 0.0 && made.unresolved < 1.0, "{name}: {}", made.unresolved);
            assert!(made.attributions.iter().all(|a| a.is_finite()), "{name}");
            continue;
        }
        println!("{name}: {} pieces, difference {:e}", made.pieces, made.difference);
        assert!(made.is_exact() && made.difference < 1e-10, "{name}: {} {:e}", made.pieces, made.difference);
    }
    assert!(seen >= 12, "{seen} networks");
}
