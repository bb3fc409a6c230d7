//! Checks hold where they should, and fail where something was broken on purpose.

mod common;

use std::sync::Arc;

use common::random::{input, model};
use common::{array, networks, samples, zoo};
use netfold::checks::{Curves, Score, curves, precisions, randomisation, slopes, transposes, without_biases};
use netfold::lenses::{Lens, Settings, Subject};
use netfold::reconstruction::argmax;
use netfold::trace::{NonFinite, Tracing};
use netfold::{Error, Model, Rules, Tensor};
use netfold_linear::{LinearMap, Probes, Support};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};

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

    fn output_support(&self, of: &Support) -> Support {
        self.0.output_support(of)
    }

    fn input_support(&self, of: &Support) -> Support {
        self.0.input_support(of)
    }

    fn entrywise(&self, how: netfold_linear::Entrywise) -> netfold_linear::SharedMap<f64> {
        self.0.entrywise(how)
    }
}

#[test]
fn a_wrong_transpose_is_found_and_named() {
    let (model, x) = (model(3), input::<f64>(3));
    let circuit = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap().freeze(&Rules::default()).unwrap();
    assert!(transposes(&circuit, 0).holds(), "{:?}", transposes(&circuit, 0));
    let mut index = 0;
    let broken = circuit.map_stages(|stage| {
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
        let model = Model::read(network.join("model.onnx")).unwrap();
        let head = model.head_of(model.name(model.outputs[0]), netfold::Squashing::LeftOff).unwrap();
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
    let model = Model::read(folder.join("model.onnx")).unwrap();
    let x = array::<f32>(&samples(&folder)[0].input);
    let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
    let (class, settings) = (argmax(trace.logits().unwrap().data()), Settings::default());
    let subject = Subject { trace: &trace, class, settings: &settings };
    let lens = Lens::find("contributions").unwrap();
    let steps = randomisation(lens, &subject, 0, &netfold::Watch::default()).unwrap();
    assert_eq!(steps.len(), 5, "two convolutions and three dense layers");
    assert!(steps.iter().all(|step| step.spearman.abs() < 0.7 && step.ssim.unwrap() < 0.9), "{steps:?}");
    let circuit = trace.freeze(&Rules::default()).unwrap();
    let made = curves(lens, &subject, &circuit, Score::Softmax((0..10).collect()), 10).unwrap();
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

/// y of x = (1, 2) by a dense layer to logits of this shape, then `last`.
fn ending(shape: &[i64], weights: Vec<f64>, last: Option<NodeDef>) -> Model {
    let outputs = weights.len() / 2;
    let mut graph = GraphDef::new("ending")
        .with_input(ValueInfo::new("x", DType::F64, [1, 2]))
        .with_initializer("w", TensorDef::new([2, outputs], weights).unwrap())
        .with_initializer("shape", TensorDef::vector(shape.to_vec()))
        .with_node(NodeDef::new("MatMul", ["x", "w"], ["f"]))
        .with_node(NodeDef::new("Reshape", ["f", "shape"], [if last.is_some() { "l" } else { "y" }]));
    if let Some(last) = last {
        graph = graph.with_node(last);
    }
    let shape = shape.iter().map(|&size| size as usize);
    let graph = graph.with_output(ValueInfo::new("y", DType::F64, shape));
    Model::new(decode(encode(&ModelDef::new(graph)), None).unwrap()).unwrap()
}

/// The curves are of what the network ends with: they begin at the number that it gives for the class.
#[test]
fn curves_are_of_what_the_network_gives() {
    let last = |op: &str| Some(NodeDef::new(op, ["l"], ["y"]));
    // Logits 1·a + 2·b for the columns (a, b) of w.
    let three = || vec![0.5, -1.0, 0.25, 0.5, 0.75, -0.5];
    let softmax = |own: f64, all: &[f64]| own.exp() / all.iter().map(|f| f.exp()).sum::<f64>();
    let (f, x) = ([1.5, 0.5, -0.75], Tensor::new(&[1, 2], vec![1.0_f64, 2.0]));
    let six = [three(), three()].concat();
    let table: [(Model, &str, f64); 7] = [
        (ending(&[1, 3], three(), None), "logit", f[0]),
        (ending(&[1, 3], three(), last("Softmax")), "softmax", softmax(f[0], &f)),
        (ending(&[1, 3], three(), last("LogSoftmax")), "softmax", softmax(f[0], &f)),
        (ending(&[1, 3], three(), last("Sigmoid")), "sigmoid", 1.0 / (1.0 + (-f[0]).exp())),
        (ending(&[1, 1], vec![0.5, 0.5], last("Sigmoid")), "sigmoid", 1.0 / (1.0 + (-1.5_f64).exp())),
        // A sum along the axis that the node names, not over all logits: the first of each column, or of each row.
        (
            ending(&[1, 2, 3], six.clone(), Some(NodeDef::new("Softmax", ["l"], ["y"]).with("axis", 1_i64))),
            "softmax",
            {
                let f = |i: usize| six[i] + 2.0 * six[6 + i];
                softmax(f(0), &[f(0), f(3)])
            },
        ),
        (ending(&[1, 2, 3], six.clone(), last("Softmax")), "softmax", {
            let f = |i: usize| six[i] + 2.0 * six[6 + i];
            softmax(f(0), &[f(0), f(1), f(2)])
        }),
    ];
    for (model, name, expected) in table {
        let head = model.head(netfold::Squashing::LeftOff).unwrap();
        let trace = model.trace(&x, head.logits, NonFinite::Refuse).unwrap();
        let score = Score::of(&head, &trace, 0).unwrap();
        let settings = Settings::default();
        let subject = Subject { trace: &trace, class: 0, settings: &settings };
        let circuit = trace.freeze(&Rules::default()).unwrap();
        let made = curves(Lens::find("contributions").unwrap(), &subject, &circuit, score.clone(), 2).unwrap();
        let given = model.trace(&x, head.output, NonFinite::Refuse).unwrap().logits().unwrap().data()[0];
        let given = if model.nodes.iter().any(|node| node.op == "LogSoftmax") { given.exp() } else { given };
        assert_eq!(score.name(), name);
        for number in
            [made.deletion[0], made.deletion_predicted[0], made.insertion[2], made.insertion_predicted[2], given]
        {
            assert!((number - expected).abs() < 1e-12, "{name}: {number}, {expected} is right");
        }
    }
}

/// The opposite of a lone logit is its other sign: the same network, W and b negated, the curve 1 minus the other.
#[test]
fn one_logit_has_an_opposite() {
    let mut model = ending(&[1, 1], vec![0.5, -1.0], Some(NodeDef::new("Sigmoid", ["l"], ["y"])));
    let head = model.head(netfold::Squashing::LeftOff).unwrap();
    let opposite = model.opposite(head.logits);
    let x = Tensor::new(&[1, 2], vec![1.0_f64, 2.0]);
    let at = |output| model.trace(&x, output, NonFinite::Refuse).unwrap();
    let (own, other) = (at(head.logits), at(opposite));
    assert_eq!((own.logits().unwrap().data()[0], other.logits().unwrap().data()[0]), (-1.5, 1.5));
    let row = |trace: &netfold::Trace<'_, f64>| trace.freeze(&Rules::default()).unwrap().row(0);
    assert_eq!((row(&own), row(&other)), (vec![0.5, -1.0], vec![-0.5, 1.0]));
    let settings = Settings::default();
    let curve = |trace: &netfold::Trace<'_, f64>| {
        let subject = Subject { trace, class: 0, settings: &settings };
        let circuit = trace.freeze(&Rules::default()).unwrap();
        let score = Score::of(&head, trace, 0).unwrap();
        curves(Lens::find("contributions").unwrap(), &subject, &circuit, score, 2).unwrap()
    };
    let (a, b) = (curve(&own), curve(&other));
    assert!((a.deletion[0] + b.deletion[0] - 1.0).abs() < 1e-15 && b.deletion[0] > 0.8);
}
