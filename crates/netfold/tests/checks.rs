//! Checks hold where they should, and fail where something was broken on purpose.

mod common;

use std::sync::Arc;

use common::random::{input, model};
use common::{array, networks, samples, zoo};
use netfold::checks::{Curves, curves, precisions, randomisation, slopes, transposes, without_biases};
use netfold::lenses::{Lens, Settings, Subject};
use netfold::reconstruct::argmax;
use netfold::trace::{NonFinite, Tracing};
use netfold::{Error, Model, Rules, Tensor};
use netfold_linear::{LinearMap, Probes, Support};

/// Keeps two of a map's numbers from meeting their transposes.
#[derive(Debug)]
struct Broken(netfold_linear::SharedMap<f64>);

impl LinearMap<f64> for Broken {
    fn domain(&self) -> &[usize] {
        self.0.domain()
    }

    fn codomain(&self) -> &[usize] {
        self.0.codomain()
    }

    fn apply(&self, x: Probes<f64>, onto: &Support) -> Probes<f64> {
        self.0.apply(x, onto)
    }

    fn apply_transpose(&self, y: Probes<f64>, onto: &Support) -> Probes<f64> {
        self.0.apply_transpose(y, onto).scaled(|element| if element == 0 { 1.001 } else { 1.0 })
    }

    fn image(&self, of: &Support) -> Support {
        self.0.image(of)
    }

    fn preimage(&self, of: &Support) -> Support {
        self.0.preimage(of)
    }

    fn magnitude(&self) -> netfold_linear::SharedMap<f64> {
        self.0.magnitude()
    }
}

#[test]
fn a_wrong_transpose_is_found_and_named() {
    let (model, x) = (model(3), input::<f64>(3));
    let circuit = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap().freeze(&Rules::default()).unwrap();
    assert!(transposes(&circuit, 0).holds(), "{:?}", transposes(&circuit, 0));
    let mut index = 0;
    let broken = circuit.remade(|stage| {
        let mut stage = stage.clone();
        index += 1;
        if index == 2 {
            stage.affine.terms[0] = stage.affine.terms[0].take().map(|map| Arc::new(Broken(map)) as _);
        }
        Ok::<_, Error>(stage)
    });
    let (broken, name) = (broken.unwrap(), &circuit.stages()[1].node);
    let found = transposes(&broken, 0);
    assert!(!found.holds() && found.place.contains(name.as_str()), "{found:?}");
}

/// On every network of the zoo: transposes, slopes, precisions, and one map without biases where that has a meaning.
#[test]
fn real_networks_hold() {
    let Some(zoo) = zoo() else { return };
    let (mut seen, mut homogeneous) = (0, Vec::new());
    for network in networks(&zoo) {
        let name = network.file_name().unwrap().to_string_lossy().into_owned();
        let model = Model::read(&network.join("model.onnx")).unwrap();
        let head = model.head(Some(model.name(model.outputs[0])), false).unwrap();
        let sample = samples(&network).remove(0);
        let (x, narrow) = (array::<f64>(&sample.input), array::<f32>(&sample.input));
        let trace = match model.trace(&x, head.logits, NonFinite::Refuse) {
            Err(Error::Unsupported { .. }) => continue,
            trace => trace.unwrap(),
        };
        let single = model.trace(&narrow, head.logits, NonFinite::Refuse).unwrap();
        let class = argmax(trace.logits().unwrap().data());
        let stripped = without_biases(&trace, class).unwrap();
        let mut outcomes = vec![transposes(&trace.freeze(&Rules::default()).unwrap(), 1)];
        outcomes.push(precisions(&single, &trace).unwrap());
        // Sixty forward passes each.
        if x.len() < 50_000 {
            outcomes.push(slopes(&trace, class, 1).unwrap());
        }
        let stepwise = outcomes.iter().any(|outcome| outcome.place.contains("QuantizeLinear) rounds"));
        assert_eq!(stepwise, name.starts_with("hard_"), "{name}");
        if stripped.worst.is_some() {
            homogeneous.push(name.clone());
        }
        outcomes.push(stripped);
        for outcome in outcomes {
            println!("{name:32} {:24} {:?} {}", outcome.check, outcome.worst, outcome.place);
            assert!(outcome.holds(), "{name}: {outcome:?}");
        }
        seen += 1;
    }
    println!("homogeneous without biases: {}", homogeneous.join(", "));
    assert!(seen > 15 && homogeneous.len() >= 6, "{seen} networks, {} homogeneous", homogeneous.len());
}

/// Shuffled weights change the map, the more the deeper they reach; the curves begin and end where they must.
#[test]
fn a_map_is_put_to_the_test() {
    let Some(zoo) = zoo() else { return };
    let folder = zoo.join("cifar_captum_lenet");
    let model = Model::read(&folder.join("model.onnx")).unwrap();
    let x = array::<f32>(&samples(&folder)[0].input);
    let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
    let (class, settings) = (argmax(trace.logits().unwrap().data()), Settings::default());
    let subject = Subject { trace: &trace, class, settings: &settings };
    let lens = Lens::find("contributions").unwrap();
    let steps = randomisation(lens, &subject, 0, &mut |_, _| {}).unwrap();
    assert_eq!(steps.len(), 5, "two convolutions and three dense layers");
    assert!(steps.iter().all(|step| step.spearman.abs() < 0.7 && step.ssim.unwrap() < 0.9), "{steps:?}");
    let circuit = trace.freeze(&Rules::default()).unwrap();
    let made = curves(lens, &subject, &circuit, 10).unwrap();
    let softmax = |logits: &[f32]| {
        let total: f64 = logits.iter().map(|f| f64::from(*f).exp()).sum();
        f64::from(logits[class]).exp() / total
    };
    let whole = softmax(trace.logits().unwrap().data());
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} and {b}");
    near(made.deletion[0], whole);
    near(made.deletion_predicted[0], whole);
    near(*made.insertion.last().unwrap(), whole);
    near(*made.insertion_predicted.last().unwrap(), whole);
    near(made.deletion[10], softmax(trace.at(&x.map(|_| 0.0)).unwrap().logits().unwrap().data()));
    near(made.deletion_predicted[10], softmax(&circuit.bias()));
    near(Curves::area(&[1.0, 0.5, 0.0]), 0.5);
    assert!(Curves::area(&made.deletion_predicted) < Curves::area(&made.insertion_predicted));
}

/// A trace with other constants is that of a model with these constants.
#[test]
fn replaced_constants_are_read() {
    let (model, x) = (model(5), input::<f64>(5));
    let (id, constant) = model.constants.iter().find(|(_, tensor)| tensor.shape.len() == 4).unwrap();
    let zeros = netfold::Value::Real(Tensor::new(&constant.shape, vec![0.0; constant.shape.iter().product()]));
    let replaced = Arc::new([(*id, zeros.clone())].into());
    let trace = model.trace_with(&x, model.outputs[0], Tracing { replaced, ..Tracing::default() }).unwrap();
    assert_eq!(trace.value(*id), Some(&zeros));
    assert_eq!(trace.at(&x).unwrap().logits().unwrap(), trace.logits().unwrap());
    let own = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
    assert_ne!(own.logits().unwrap(), trace.logits().unwrap());
}
