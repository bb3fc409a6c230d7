//! What exporters write in small nodes is, under `gate`, what the single operator is: the same W and b.

mod common;

use netfold::ops::NEWEST;
use netfold::trace::NonFinite;
use netfold::{Circuit, Error, Model, Rule, Rules, Tensor};
use netfold_linear::{Probes, Support};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};

const SHAPE: [usize; 3] = [2, 3, 4];

/// A graph from `x` to `y` with these constants (one number each) and nodes.
fn model(constants: &[(&str, f64)], nodes: Vec<NodeDef>) -> Model {
    let mut graph = GraphDef::new("form").with_input(ValueInfo::new("x", DType::F64, SHAPE));
    for &(name, value) in constants {
        graph = graph.with_initializer(name, TensorDef::new([], vec![value]).unwrap());
    }
    graph = graph.with_initializer("last", TensorDef::vector(vec![-1_i64]));
    graph = nodes.into_iter().fold(graph, GraphDef::with_node);
    let graph = graph.with_output(ValueInfo::new("y", DType::F64, SHAPE));
    let def = ModelDef::new(graph).with_opset("", NEWEST);
    Model::new(decode(encode(&def), None).unwrap()).unwrap()
}

fn node(op: &str, inputs: &[&str], output: &str) -> NodeDef {
    NodeDef::new(op, inputs.iter().copied(), [output]).named(format!("/{output}"))
}

/// Numbers on both sides of every bend, some beyond where a hard sigmoid is flat.
fn x() -> Tensor<f64> {
    Tensor::new(&SHAPE, (0..24).map(|i| f64::from(i * 7 % 24) * 0.37 - 4.1).collect())
}

fn freeze(model: &Model, rule: Rule) -> (Circuit<f64>, Tensor<f64>) {
    let trace = model.trace(x(), model.outputs[0], NonFinite::Refuse).unwrap();
    let y = trace.logits().unwrap().clone();
    (trace.freeze(&Rules { default: rule, ..Rules::default() }).unwrap(), y)
}

/// W, row by row, and b.
fn parts(circuit: &Circuit<f64>) -> (Vec<f64>, Vec<f64>) {
    let all: Vec<usize> = (0..24).collect();
    (circuit.push(Probes::one_hot(&SHAPE, &all), netfold::Push::Linear).into_values(), circuit.bias())
}

fn close(what: &str, a: &[f64], b: &[f64]) {
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(a.len() == b.len() && worst < 1e-12, "{what} differs by {worst:e}");
}

/// Both forms have the same W and b under `gate` and under `tangent`, and are complete under every rule.
fn same(name: &str, single: &Model, small: &Model) {
    for rule in [Rule::Gate, Rule::Tangent, Rule::Half] {
        let forms = [single, small].map(|model| {
            let (circuit, y) = freeze(model, rule);
            let pushed = circuit.push(x().probe(), netfold::Push::Affine).into_values();
            close(&format!("{name}, {rule}: W x + b"), &pushed, y.data());
            let seeds = Probes::one_hot(&SHAPE, &(0..24).collect::<Vec<_>>());
            let plan = circuit.pull_plan(&Support::full(&SHAPE), netfold::Shares::Computed);
            let (w, b) = parts(&circuit);
            let rows: Vec<f64> = circuit.pull_on(seeds, &plan).weights.vectors();
            close(&format!("{name}, {rule}: rows and columns"), &rows, &w);
            (w, b)
        });
        if rule != Rule::Half {
            close(&format!("{name}, {rule}: W"), &forms[0].0, &forms[1].0);
            close(&format!("{name}, {rule}: b"), &forms[0].1, &forms[1].1);
        }
    }
}

#[test]
fn swish() {
    let single = model(&[], vec![node("Swish", &["x"], "y")]);
    for factors in [["x", "s"], ["s", "x"]] {
        let small = vec![node("Sigmoid", &["x"], "s"), node("Mul", &factors, "y")];
        same("swish", &single, &model(&[], small));
    }
}

#[test]
fn hard_swish() {
    let single = model(&[], vec![node("HardSwish", &["x"], "y")]);
    let constants = [("three", 3.0), ("zero", 0.0), ("six", 6.0), ("sixth", 1.0 / 6.0)];
    let shifted = || node("Add", &["x", "three"], "a");
    let clip = || node("Clip", &["a", "zero", "six"], "c");
    // PyTorch's and Paddle's form; Keras' by tf2onnx, with Relu6 as Clip or as Min of Relu.
    let forms = [
        vec![shifted(), clip(), node("Mul", &["x", "c"], "m"), node("Div", &["m", "six"], "y")],
        vec![shifted(), clip(), node("Div", &["c", "six"], "g"), node("Mul", &["x", "g"], "y")],
        vec![shifted(), clip(), node("Mul", &["c", "sixth"], "g"), node("Mul", &["g", "x"], "y")],
        vec![
            shifted(),
            node("Relu", &["a"], "r"),
            node("Min", &["r", "six"], "c"),
            node("Mul", &["c", "sixth"], "g"),
            node("Mul", &["x", "g"], "y"),
        ],
    ];
    for (form, nodes) in forms.into_iter().enumerate() {
        same(&format!("hard swish {form}"), &single, &model(&constants, nodes));
    }
}

#[test]
fn gelu() {
    let root = 2.0_f64.sqrt();
    let constants = [("root", root), ("inverse", 1.0 / root), ("one", 1.0), ("half", 0.5)];
    let single = model(&[], vec![node("Gelu", &["x"], "y")]);
    // PyTorch's TorchScript exporter; Keras by tf2onnx.
    let torch = vec![
        node("Div", &["x", "root"], "d"),
        node("Erf", &["d"], "e"),
        node("Add", &["e", "one"], "g"),
        node("Mul", &["x", "g"], "m"),
        node("Mul", &["m", "half"], "y"),
    ];
    let keras = vec![
        node("Mul", &["x", "inverse"], "d"),
        node("Erf", &["d"], "e"),
        node("Add", &["one", "e"], "g"),
        node("Mul", &["half", "x"], "h"),
        node("Mul", &["h", "g"], "y"),
    ];
    for nodes in [torch, keras] {
        same("gelu", &single, &model(&constants, nodes));
    }
    let constants = [("one", 1.0), ("half", 0.5), ("c", 0.044_715), ("k", (2.0 / std::f64::consts::PI).sqrt())];
    let single = model(&[], vec![node("Gelu", &["x"], "y").with("approximate", "tanh")]);
    let tanh = vec![
        node("Mul", &["x", "x"], "xx"),
        node("Mul", &["xx", "x"], "xxx"),
        node("Mul", &["xxx", "c"], "cube"),
        node("Add", &["x", "cube"], "s"),
        node("Mul", &["s", "k"], "t"),
        node("Tanh", &["t"], "e"),
        node("Add", &["e", "one"], "g"),
        node("Mul", &["x", "half"], "h"),
        node("Mul", &["h", "g"], "y"),
    ];
    same("gelu by tanh", &single, &model(&constants, tanh));
}

/// The forms of a layer normalisation hold the same denominator: W of `gate` is (1 − mean) / σ.
#[test]
fn layer_normalisation() {
    let constants = [("two", 2.0), ("eps", 1e-5), ("power", -0.5)];
    let mean = |of: &str, to: &str| node("ReduceMean", &[of, "last"], to);
    let start = || vec![mean("x", "m"), node("Sub", &["x", "m"], "d")];
    let variance = [
        vec![node("Pow", &["d", "two"], "q"), mean("q", "v"), node("Add", &["v", "eps"], "ve")],
        vec![node("Mul", &["d", "d"], "q"), mean("q", "v"), node("Add", &["v", "eps"], "ve")],
    ];
    let ends = [
        vec![node("Sqrt", &["ve"], "s"), node("Div", &["d", "s"], "y")],
        vec![node("Sqrt", &["ve"], "s"), node("Reciprocal", &["s"], "r"), node("Mul", &["d", "r"], "y")],
        vec![node("Pow", &["ve", "power"], "r"), node("Mul", &["r", "d"], "y")],
    ];
    let x = x();
    let mut expected = vec![0.0; 24 * 24];
    for (line, x) in x.data().chunks(4).enumerate() {
        let mean = x.iter().sum::<f64>() / 4.0;
        let deviation = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4.0 + 1e-5).sqrt();
        for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
            expected[(line * 4 + i) * 24 + line * 4 + j] = (f64::from(u8::from(i == j)) - 0.25) / deviation;
        }
    }
    let mut forms = Vec::new();
    for (variance, end) in variance.iter().flat_map(|v| ends.iter().map(move |e| (v, e))) {
        let model = model(&constants, [start(), variance.clone(), end.clone()].concat());
        let (circuit, _) = freeze(&model, Rule::Gate);
        let (w, b) = parts(&circuit);
        close("W of a layer normalisation", &w, &expected);
        close("b of a layer normalisation", &b, &[0.0; 24]);
        assert_eq!(circuit.stages().len(), 3, "the mean, the difference and the product are all that is left");
        assert!(circuit.gated_only().len() >= 4, "the others serve the denominator: {:?}", circuit.gated_only());
        forms.push(model);
    }
    for form in &forms[1..] {
        same("layer normalisation", &forms[0], form);
    }
}

/// softmax(x xᵀ) x: the weights are held, so that W is them, and the scores are not part of it.
#[test]
fn attention() {
    let nodes = vec![
        node("Transpose", &["x"], "t").with("perm", [0, 2, 1]),
        node("MatMul", &["x", "t"], "scores"),
        node("Softmax", &["scores"], "p"),
        node("MatMul", &["p", "x"], "y"),
    ];
    let small = model(&[], nodes);
    let (circuit, _) = freeze(&small, Rule::Gate);
    let stages: Vec<&str> = circuit.stages().iter().map(|stage| stage.node.as_str()).collect();
    assert_eq!(stages, ["/y"]);
    assert_eq!(circuit.stages()[0].held, ["p"]);
    assert_eq!(circuit.gated_only(), ["/t", "/scores", "/p"]);
    same("attention", &small, &small);
}

#[test]
fn a_rule_for_one_node() {
    let small = model(&[], vec![node("Sigmoid", &["x"], "s"), node("Mul", &["x", "s"], "y")]);
    let trace = small.trace(x(), small.outputs[0], NonFinite::Refuse).unwrap();
    let rules = |name: &str| Rules { by_node: [(name.to_owned(), Rule::Tangent)].into(), ..Rules::default() };
    let circuit = trace.freeze(&rules("/y")).unwrap();
    assert_eq!(circuit.stages().len(), 2, "the product rule has a term for the gate");
    match trace.freeze(&rules("/z")) {
        Err(Error::Unknown { kind: "node", name, nearest }) => assert_eq!((name, nearest.len()), ("/z".into(), 2)),
        other => panic!("{other:?}"),
    }
}
