//! Networks of several inputs: one is explained, the others are held, and it is as if they were constants of the file.

#![allow(clippy::float_cmp)]

use netfold::inspect::{InputRole, Start};
use netfold::region::Line;
use netfold::trace::{NonFinite, Tracing};
use netfold::{Circuit, Error, Feed, Kind, Model, Path, Rules, Tensor, Value, Watch};
use netfold_onnx::{Attribute, DType, Data, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};

fn numbers(len: usize, step: usize) -> Vec<f64> {
    (0..len).map(|i| ((i * step) % 13) as f64 / 8.0 - 0.7).collect()
}

fn tensor(shape: &[usize], step: usize) -> Tensor<f64> {
    Tensor::new(shape, numbers(shape.iter().product(), step))
}

fn matrix(rows: usize, columns: usize, step: usize) -> TensorDef {
    TensorDef::new([rows, columns], numbers(rows * columns, step)).unwrap()
}

/// y = V relu(A left + B right) + right C: `right` enters behind the rectifier as well. `idle` is never read.
fn graph() -> GraphDef {
    GraphDef::new("two inputs")
        .with_input(ValueInfo::new("left", DType::F64, [1, 4]))
        .with_input(ValueInfo::new("right", DType::F64, [1, 3]))
        .with_input(ValueInfo::new("idle", DType::I64, [7]))
        .with_initializer("a", matrix(4, 6, 5))
        .with_initializer("b", matrix(3, 6, 7))
        .with_initializer("v", matrix(6, 2, 3))
        .with_initializer("c", matrix(3, 2, 4))
        .with_node(NodeDef::new("MatMul", ["left", "a"], ["l"]))
        .with_node(NodeDef::new("MatMul", ["right", "b"], ["r"]))
        .with_node(NodeDef::new("Add", ["l", "r"], ["z"]))
        .with_node(NodeDef::new("Relu", ["z"], ["h"]))
        .with_node(NodeDef::new("MatMul", ["h", "v"], ["u"]))
        .with_node(NodeDef::new("MatMul", ["right", "c"], ["w"]))
        .with_node(NodeDef::new("Add", ["u", "w"], ["y"]))
        .with_output(ValueInfo::new("y", DType::F64, [1, 2]))
}

fn model(graph: GraphDef) -> Model {
    Model::new(ModelDef::new(graph)).unwrap()
}

/// The same graph, one input made a constant of the file.
fn folded(mut graph: GraphDef, name: &str, value: &Tensor<f64>) -> Model {
    graph.inputs.retain(|input| input.name == "left" || input.name == "right");
    graph.inputs.retain(|input| input.name != name);
    model(graph.with_initializer(name, TensorDef::new(value.shape(), value.data().to_vec()).unwrap()))
}

fn rows(circuit: &Circuit<f64>) -> Vec<Vec<f64>> {
    (0..circuit.output_shape().iter().product()).map(|row| circuit.row(row)).collect()
}

fn frozen(model: &Model, feed: impl Into<Feed<f64>>) -> Circuit<f64> {
    let trace = model.trace(feed, model.outputs[0], NonFinite::Refuse).unwrap();
    trace.freeze(&Rules::default()).unwrap()
}

#[test]
fn a_held_input_is_a_constant_of_the_file() {
    let model = model(graph());
    let (left, right) = (tensor(&[1, 4], 6), tensor(&[1, 3], 2));
    let [left_id, right_id] = ["left", "right"].map(|name| model.input_named(name).unwrap());

    let first = frozen(&model, Feed::from(&left).holding(right_id, Value::Real(right.clone())));
    let alone = frozen(&folded(graph(), "right", &right), &left);
    assert_eq!((rows(&first), first.bias()), (rows(&alone), alone.bias()));

    let second = Feed { input: Some(right_id), ..Feed::from(&right) }.holding(left_id, Value::Real(left.clone()));
    let second = frozen(&model, second);
    let alone = frozen(&folded(graph(), "left", &left), &right);
    assert_eq!((rows(&second), second.bias()), (rows(&alone), alone.bias()));
    assert_eq!((first.input_shape(), second.input_shape()), (&[1, 4][..], &[1, 3][..]));
}

#[test]
fn what_is_asked_of_a_trace_keeps_what_is_held() {
    let model = model(graph());
    let (left, right) = (tensor(&[1, 4], 6), tensor(&[1, 3], 2));
    let alone = folded(graph(), "right", &right);
    let feed = Feed::from(&left).holding(model.input_named("right").unwrap(), Value::Real(right));
    let (output, non_finite) = (model.outputs[0], NonFinite::Refuse);
    let trace = model.trace(&feed, output, non_finite).unwrap();

    let there = tensor(&[1, 4], 9);
    let moved = trace.at(&there).unwrap();
    let expected = alone.trace(&there, alone.outputs[0], non_finite).unwrap();
    assert_eq!(moved.logits().unwrap(), expected.logits().unwrap());

    let (rules, d) = (Rules::default(), tensor(&[1, 4], 11));
    let line = Line { model: &model, output, rules: &rules, non_finite, feed: feed.clone(), d: d.clone() };
    let feed_alone = (&left).into();
    let expected = Line { model: &alone, output: alone.outputs[0], rules: &rules, non_finite, feed: feed_alone, d };
    assert!(!line.events(9, 5.0).unwrap().is_empty());
    assert_eq!(line.events(9, 5.0).unwrap(), expected.events(9, 5.0).unwrap());

    let path = Path { model: &model, output, non_finite, reference: there.clone(), feed };
    let expected = Path { model: &alone, output: alone.outputs[0], non_finite, reference: there, feed: (&left).into() };
    let made = path.integrate(1, 100, &Watch::default()).unwrap();
    assert_eq!(made, expected.integrate(1, 100, &Watch::default()).unwrap());
    assert!(made.is_exact() && made.pieces > 1);
}

#[test]
fn an_input_without_a_value_is_named_and_an_idle_one_needs_none() {
    let model = model(graph());
    let error = model.trace(tensor(&[1, 4], 6), model.outputs[0], NonFinite::Refuse).unwrap_err();
    assert_eq!(error.to_string(), "the model takes 3 inputs; `right` has no value");
    assert!(error.hint().unwrap().contains("`--input right=FILE`"));
    // The left branch is computed from the left input alone.
    let branch = model.tensor("l").unwrap();
    assert!(model.trace(tensor(&[1, 4], 6), branch, NonFinite::Refuse).is_ok());
    assert_eq!(model.inputs_of(branch), [model.input().unwrap()]);
}

#[test]
fn values_that_do_not_fit_are_refused_by_name() {
    let model = model(graph());
    let (left, right) = (tensor(&[1, 4], 6), model.input_named("right").unwrap());
    let refused = |value: Value<f64>| {
        let feed = Feed::from(&left).holding(right, value);
        model.trace(feed, model.outputs[0], NonFinite::Refuse).unwrap_err().to_string()
    };
    assert_eq!(refused(Value::Real(tensor(&[1, 4], 2))), "input `right` takes shape [1, 3], got [1, 4]");
    assert!(refused(Value::Int(Tensor::new(&[1, 3], vec![1, 2, 3]))).contains("`right` takes double, got integer"));
    let nan = Tensor::new(&[1, 3], vec![0.0, f64::NAN, 0.0]);
    assert!(refused(Value::Real(nan)).contains("the input `right` holds NaN"));
    let feed = Feed { input: Some(model.tensor("z").unwrap()), ..Feed::from(&left) };
    assert!(matches!(model.trace(feed, model.outputs[0], NonFinite::Refuse), Err(Error::Graph(_))));
}

/// Words through a table, a mask of truth values, and a rectifier.
fn words() -> Model {
    let graph = GraphDef::new("words")
        .with_input(ValueInfo::new("ids", DType::I64, [1, 3]))
        .with_input(ValueInfo::new("mask", DType::Bool, [1, 3, 1]))
        .with_initializer("table", matrix(9, 4, 5))
        .with_initializer("v", matrix(4, 2, 7))
        .with_initializer("zero", TensorDef::vector(vec![0.0_f64]))
        .with_node(NodeDef::new("Gather", ["table", "ids"], ["embedded"]))
        .with_node(NodeDef::new("Where", ["mask", "embedded", "zero"], ["kept"]))
        .with_node(NodeDef::new("Relu", ["kept"], ["h"]))
        .with_node(NodeDef::new("MatMul", ["h", "v"], ["y"]))
        .with_output(ValueInfo::new("y", DType::F64, [1, 3, 2]));
    model(graph)
}

#[test]
fn from_an_embedding_on_words_need_no_derivative() {
    let model = words();
    let (ids, mask) = (Tensor::new(&[1, 3], vec![7.0, 0.0, 4.0]), Tensor::new(&[1, 3, 1], vec![true, false, true]));
    let feed = Feed::from(&ids).holding(model.input_named("mask").unwrap(), Value::Bool(mask.clone()));
    let refused = model.trace(&feed, model.outputs[0], NonFinite::Refuse).unwrap_err();
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");

    let embedded = model.tensor("embedded").unwrap();
    let feed = Feed { from: Some(embedded), ..feed };
    let trace = model.trace(&feed, model.outputs[0], NonFinite::Refuse).unwrap();
    let table = numbers(36, 5);
    let x: Vec<f64> = [7, 0, 4].iter().flat_map(|&word| table[4 * word..4 * word + 4].to_vec()).collect();
    assert_eq!((trace.input, trace.real(embedded).unwrap().data()), (embedded, x.as_slice()));
    let circuit = trace.freeze(&Rules::default()).unwrap();
    // y[place, class] = Σ v[j, class] x[place, j] where the mask is true and x is positive.
    let v = numbers(8, 7);
    for (row, weights) in rows(&circuit).iter().enumerate() {
        let (place, class) = (row / 2, row % 2);
        for (element, &w) in weights.iter().enumerate() {
            let on = element / 4 == place && place != 1 && x[element] > 0.0;
            assert_eq!(w, if on { v[2 * (element % 4) + class] } else { 0.0 }, "row {row}, element {element}");
        }
    }
    let error =
        model.trace(Feed { from: Some(model.tensor("table").unwrap()), ..feed }, model.outputs[0], NonFinite::Refuse);
    assert_eq!(error.unwrap_err().to_string(), "`table` does not depend on `ids`");
}

#[test]
fn a_truth_value_is_not_explained() {
    let model = words();
    let mask = model.input_named("mask").unwrap();
    let feed = Feed { input: Some(mask), ..Feed::from(Tensor::new(&[1, 3, 1], vec![1.0_f64, 0.0, 1.0])) };
    let feed = feed.holding(model.input().unwrap(), Value::Int(Tensor::new(&[1, 3], vec![7, 0, 4])));
    let error = model.trace(feed, model.outputs[0], NonFinite::Refuse).unwrap_err();
    assert!(error.to_string().contains("the input `mask` takes bool"), "{error}");
}

#[test]
fn precisions_share_what_is_held() {
    let model = model(graph());
    let right = model.input_named("right").unwrap();
    let feed = Feed::from(tensor(&[1, 4], 6)).holding(right, Value::Real(tensor(&[1, 3], 2)));
    let double = model.trace(&feed, model.outputs[0], NonFinite::Refuse).unwrap();
    let single = model.trace_with(feed.cast::<f32>(), model.outputs[0], Tracing::default()).unwrap();
    for (a, b) in double.logits().unwrap().data().iter().zip(single.logits().unwrap().data()) {
        assert!((a - f64::from(*b)).abs() < 1e-5, "{a}, {b}");
    }
}

#[test]
fn an_inspection_tells_all_inputs() {
    let model = model(graph());
    let head = model.head(netfold::Squashing::LeftOff).unwrap();
    let found = model.inspect::<f32>(&head, &Start::default(), &Rules::default()).unwrap();
    let told: Vec<_> = found.inputs.iter().map(|(facts, role)| (facts.name.as_str(), facts.dtype, *role)).collect();
    let (explained, held, unused) = (InputRole::Explained, InputRole::Held, InputRole::Unused);
    let expected = [("left", DType::F64, explained), ("right", DType::F64, held), ("idle", DType::I64, unused)];
    assert_eq!(told, expected.map(|(name, dtype, role)| (name, Some(dtype), role)));
    let kinds: Vec<Kind> = found.nodes.iter().map(|node| node.kind).collect();
    let constant = found.nodes.iter().filter(|node| node.kind == Kind::Constant);
    assert_eq!(constant.map(|node| node.outputs[0].name.as_str()).collect::<Vec<_>>(), ["r", "w"]);
    assert!(found.estimate.is_some() && kinds.contains(&Kind::Region));

    let words = words();
    let head = words.head(netfold::Squashing::LeftOff).unwrap();
    let found = words.inspect::<f32>(&head, &Start::default(), &Rules::default()).unwrap();
    assert_eq!(found.unsupported.len(), 1, "indices have no derivative");
    let start = Start { from: Some(words.tensor("embedded").unwrap()), ..Start::default() };
    let found = words.inspect::<f32>(&head, &start, &Rules::default()).unwrap();
    assert!(found.unsupported.is_empty() && found.estimate.is_some(), "{:?}", found.unsupported);
}

/// A symbol of one input that was given is known in the others.
#[test]
fn symbols_have_one_size() {
    let symbols = |name: &str| ValueInfo {
        name: name.into(),
        dtype: Some(DType::F32),
        shape: Some(vec![netfold_onnx::Dim::Symbol("n".into()), netfold_onnx::Dim::Symbol("length".into())]),
        ..ValueInfo::default()
    };
    let graph = GraphDef::new("sum")
        .with_input(symbols("p"))
        .with_input(symbols("q"))
        .with_node(NodeDef::new("Add", ["p", "q"], ["y"]))
        .with_output(ValueInfo { name: "y".into(), dtype: Some(DType::F32), ..ValueInfo::default() });
    let model = model(graph);
    let head = model.head(netfold::Squashing::LeftOff).unwrap();
    let found = model.inspect::<f32>(&head, &Start::default(), &Rules::default()).unwrap();
    assert!(found.traced.is_none() && found.unsupported.is_empty());
    let shapes = [(model.input().unwrap(), vec![1, 5])].into_iter().collect();
    let found = model.inspect::<f32>(&head, &Start { shapes, ..Start::default() }, &Rules::default()).unwrap();
    assert_eq!(found.traced, Some(vec![1, 5]));
}

/// Bytes that are cast: a held one and an explained one are the same numbers.
#[test]
fn small_integers_are_quantities() {
    let to = |name: &str, out: &str| {
        NodeDef::new("Cast", [name], [out]).with("to", Attribute::Int(i64::from(DType::F64.code())))
    };
    let graph = GraphDef::new("bytes")
        .with_input(ValueInfo::new("p", DType::U8, [1, 2]))
        .with_input(ValueInfo::new("q", DType::U8, [1, 2]))
        .with_input(ValueInfo::new("place", DType::I32, [1]))
        .with_initializer("table", TensorDef::new([2, 1], Data::from(vec![10.0_f64, 20.0])).unwrap())
        .with_node(to("p", "a"))
        .with_node(to("q", "b"))
        .with_node(NodeDef::new("Mul", ["a", "b"], ["c"]))
        .with_node(NodeDef::new("Gather", ["table", "place"], ["d"]))
        .with_node(NodeDef::new("Add", ["c", "d"], ["y"]))
        .with_output(ValueInfo::new("y", DType::F64, [1, 2]));
    let model = model(graph);
    let [q, place] = ["q", "place"].map(|name| model.input_named(name).unwrap());
    let feed = Feed::from(Tensor::new(&[1, 2], vec![3.0, 5.0]))
        .holding(q, Value::Real(Tensor::new(&[1, 2], vec![200.0, 7.0])))
        .holding(place, Value::Int(Tensor::new(&[1], vec![1])));
    let circuit = frozen(&model, feed);
    assert_eq!((rows(&circuit), circuit.bias()), (vec![vec![200.0, 0.0], vec![0.0, 7.0]], vec![20.0, 20.0]));
}

/// What is computed in bytes is refused where reals give something else: a sum that wraps, a resampled value.
#[test]
fn what_bytes_cannot_hold_is_not_computed_in_reals() {
    let cast =
        |name: &str| NodeDef::new("Cast", [name], ["y"]).with("to", Attribute::Int(i64::from(DType::F64.code())));
    let graph = GraphDef::new("sum of bytes")
        .with_input(ValueInfo::new("p", DType::U8, [1, 2]))
        .with_node(NodeDef::new("Add", ["p", "p"], ["twice"]).named("/twice"))
        .with_node(NodeDef::new("Transpose", ["twice"], ["moved"]))
        .with_node(cast("moved"))
        .with_output(ValueInfo::new("y", DType::F64, [2, 1]));
    let model = model(graph);
    let trace = |values: [f64; 2]| {
        model
            .trace(Tensor::new(&[1, 2], values.to_vec()), model.outputs[0], NonFinite::Refuse)
            .map(|trace| trace.bytes())
    };
    assert!(trace([100.0, 127.0]).is_ok());
    assert!(trace([100.0, 127.9]).is_ok(), "between whole numbers it is what reals are");
    let error = trace([100.0, 128.0]).unwrap_err();
    assert!(error.to_string().contains("`/twice` (Add): it computes in uint8, which has no 256"), "{error}");
}
