//! Warnings of what is explained, and of what cancels; each network has a twin about which nothing is said.

use netfold::reconstruction::Request;
use netfold::trace::NonFinite;
use netfold::{Model, Rule, Rules, Tensor, Warning};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};

fn node(op: &str, inputs: &[&str], output: &str) -> NodeDef {
    NodeDef::new(op, inputs.iter().copied(), [output]).named(format!("/{output}"))
}

/// z = x W + c of four numbers, and then these nodes, to `y`.
fn network(nodes: Vec<NodeDef>) -> Model {
    let numbers = |len: usize, step: usize| (0..len).map(|i| ((i * step) % 11) as f64 / 5.0 - 1.0).collect::<Vec<_>>();
    let mut graph = GraphDef::new("probabilities")
        .with_input(ValueInfo::new("x", DType::F64, [1, 4]))
        .with_output(ValueInfo::new("y", DType::F64, [1, 3]))
        .with_initializer("w", TensorDef::new([4, 3], numbers(12, 7)).unwrap())
        .with_initializer("c", TensorDef::vector(vec![0.5_f64, -0.25, 0.125]))
        .with_initializer("square", TensorDef::new([3, 3], numbers(9, 5)).unwrap())
        .with_initializer("tiny", TensorDef::new([], vec![1e-12_f64]).unwrap())
        .with_initializer("hundred", TensorDef::new([], vec![100.0_f64]).unwrap())
        .with_initializer("first", TensorDef::vector(vec![0_i64]))
        .with_initializer("third", TensorDef::vector(vec![2_i64]))
        .with_initializer("last", TensorDef::vector(vec![-1_i64]))
        .with_node(node("Gemm", &["x", "w", "c"], "z"));
    graph = nodes.into_iter().fold(graph, GraphDef::with_node);
    graph.outputs[0].shape = None;
    Model::new(decode(encode(&ModelDef::new(graph)), None).unwrap()).unwrap()
}

fn x() -> Tensor<f64> {
    Tensor::new(&[1, 4], vec![1.0, -2.0, 0.5, 3.0])
}

/// What is said of the network's logits, a final softmax left off.
fn said(model: &Model) -> Vec<Warning> {
    let head = model.head(netfold::Squashing::LeftOff).unwrap();
    model.trace(x(), head.logits, NonFinite::Refuse).unwrap().warnings()
}

#[test]
fn a_function_of_probabilities_is_told() {
    let softmax = || node("Softmax", &["z"], "p");
    let cases = [
        ("log", vec![softmax(), node("Add", &["p", "tiny"], "s"), node("Log", &["s"], "y")]),
        ("percent", vec![softmax(), node("Mul", &["p", "hundred"], "y")]),
        ("slice", vec![softmax(), node("Slice", &["p", "first", "third", "last"], "y")]),
        ("clamp", vec![softmax(), node("Clip", &["p", "tiny"], "y")]),
        ("twice", vec![softmax(), node("Softmax", &["p"], "y")]),
        ("parts", vec![softmax(), node("Neg", &["p"], "n"), node("Concat", &["p", "n"], "y").with("axis", 1_i64)]),
        ("sigmoid", vec![node("Sigmoid", &["z"], "p"), node("Mul", &["p", "hundred"], "y")]),
        ("log softmax", vec![node("LogSoftmax", &["z"], "p"), node("Neg", &["p"], "y")]),
    ];
    for (name, nodes) in cases {
        let warnings = said(&network(nodes));
        let [Warning::Probabilities { node, logits, .. }] = warnings.as_slice() else { panic!("{name}: {warnings:?}") };
        assert_eq!((node.as_str(), logits.as_str()), ("/p", "z"), "{name}");
        assert!(warnings[0].to_string().contains("probabilities that `/p`"), "{name}: {}", warnings[0]);
        let hint = warnings[0].hint().unwrap();
        assert!(hint.starts_with("`--at z` explains the logits before"), "{name}: {hint}");
    }
}

#[test]
fn nothing_is_said_of_other_softmaxes() {
    let softmax = || node("Softmax", &["z"], "p");
    let cases = [
        ("the last node", vec![node("Softmax", &["z"], "y")]),
        ("the last node but a reshape", vec![softmax(), node("Flatten", &["p"], "y")]),
        ("logits", vec![node("Neg", &["z"], "y")]),
        ("weights of other numbers", vec![softmax(), node("MatMul", &["p", "square"], "y")]),
        ("weights of the signal", vec![softmax(), node("Mul", &["p", "z"], "y")]),
        (
            "a gated unit",
            vec![node("Sigmoid", &["z"], "p"), node("Mul", &["z", "p"], "s"), node("Mul", &["s", "hundred"], "y")],
        ),
        ("a skip", vec![softmax(), node("Add", &["p", "z"], "y")]),
    ];
    for (name, nodes) in cases {
        let warnings = said(&network(nodes));
        assert!(warnings.is_empty(), "{name}: {warnings:?}");
    }
    // An inner tensor that was asked for is what was asked for.
    let model = network(vec![softmax(), node("Mul", &["p", "hundred"], "s"), node("MatMul", &["s", "square"], "y")]);
    let inner = model.trace(x(), model.tensor("s").unwrap(), NonFinite::Refuse).unwrap();
    assert!(inner.warnings().is_empty());
    // And so are probabilities that were kept.
    let model = network(vec![node("Softmax", &["z"], "y")]);
    let kept = model.trace(x(), model.head(netfold::Squashing::Kept).unwrap().logits, NonFinite::Refuse).unwrap();
    assert!(kept.warnings().is_empty());
}

/// y = (sign(x − shift) + x) W'
fn step(shift: f64) -> Model {
    let mut graph = GraphDef::new("step")
        .with_input(ValueInfo::new("x", DType::F64, [1, 2]))
        .with_output(ValueInfo::new("y", DType::F64, [1, 2]))
        .with_initializer("shift", TensorDef::vector(vec![shift, 0.5]))
        .with_initializer("w", TensorDef::new([2, 2], vec![4.0_f64, -1.0, 2.0, 0.5]).unwrap());
    let (sub, sign) = (node("Sub", &["x", "shift"], "z"), node("Sign", &["z"], "s"));
    for node in [sub, sign, node("Add", &["s", "x"], "h"), node("MatMul", &["h", "w"], "y")] {
        graph = graph.with_node(node);
    }
    Model::new(decode(encode(&ModelDef::new(graph)), None).unwrap()).unwrap()
}

fn told(model: &Model, rules: &Rules) -> (bool, Option<Warning>) {
    let x = Tensor::new(&[1, 2], vec![1.0_f64, 2.0]);
    let (from, to) = (model.input().unwrap(), model.outputs[0]);
    let trace = model.trace(&x, to, NonFinite::Refuse).unwrap();
    let circuit = trace.freeze(rules).unwrap();
    let request = Request { classes: vec![0, 1], ..Request::default() };
    let result = circuit
        .reconstruct::<netfold::Error>(&x, trace.logits().unwrap(), &request, &netfold::Watch::default(), &mut |_| {
            Ok(())
        })
        .unwrap();
    (result.is_out_of_proportion(), trace.out_of_proportion(from, to, rules).unwrap())
}

#[test]
fn a_step_at_nearly_zero_is_named_and_the_rule_that_helps() {
    let gate = Rules::default();
    let (out, warning) = told(&step(1.0 - 1e-9), &gate);
    assert!(out);
    let warning = warning.unwrap();
    let Warning::OutOfProportion { ref node, helps, times, .. } = warning else { panic!("{warning:?}") };
    assert_eq!((node.as_str(), helps), ("/s", Some(Rule::Tangent)));
    assert!(times > 1e8, "{times}");
    assert_eq!(warning.hint().unwrap(), "`--freeze-node /s=tangent` freezes it in proportion");
    // Far from the step nothing is out of proportion.
    assert_eq!(told(&step(0.25), &gate), (false, None));
}
