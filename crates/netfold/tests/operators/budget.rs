//! Whatever a small file asks for, the budget is asked first: nothing is allocated that it has not.

use netfold::error::Error;
use netfold::inspect::Start;
use netfold::trace::{Keep, NonFinite, Tracing};
use netfold::{Budget, Model, Rules, Tensor};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};

/// Bytes of the budget of these tests: no test takes a tenth of it.
const BUDGET: u64 = 2 << 30;

/// A network from `x` to `y`: constants, then nodes, whose last one makes `y`.
struct Net {
    opset: i64,
    x: Vec<usize>,
    constants: Vec<(&'static str, TensorDef)>,
    nodes: Vec<NodeDef>,
}

impl Net {
    /// One node named `it`.
    fn of(x: &[usize], node: NodeDef) -> Self {
        Self { opset: 18, x: x.to_vec(), constants: Vec::new(), nodes: vec![node.named("it")] }
    }

    fn opset(self, opset: i64) -> Self {
        Self { opset, ..self }
    }

    fn ints(self, name: &'static str, shape: &[usize], data: &[i64]) -> Self {
        self.constant(name, TensorDef::new(shape, data.to_vec()).unwrap())
    }

    fn zeros(self, name: &'static str, shape: &[usize]) -> Self {
        let zeros = vec![0.0_f32; shape.iter().product()];
        self.constant(name, TensorDef::new(shape, zeros).unwrap())
    }

    fn constant(mut self, name: &'static str, tensor: TensorDef) -> Self {
        self.constants.push((name, tensor));
        self
    }

    fn then(mut self, node: NodeDef) -> Self {
        self.nodes.push(node);
        self
    }

    fn model(self) -> Model {
        let mut graph = GraphDef::new("small file")
            .with_input(ValueInfo::new("x", DType::F32, self.x.iter().copied()))
            .with_output(ValueInfo { shape: None, ..ValueInfo::new("y", DType::F32, [1]) });
        for (name, tensor) in self.constants {
            graph = graph.with_initializer(name, tensor);
        }
        for node in self.nodes {
            graph = graph.with_node(node);
        }
        let mut def = ModelDef::new(graph);
        def.opsets.insert(String::new(), self.opset);
        Model::new(def).unwrap().within(Budget::new(BUDGET)).unwrap()
    }
}

/// A node of `op` that reads these tensors and makes `y`.
fn node(op: &str, inputs: &[&str]) -> NodeDef {
    NodeDef::new(op, inputs.iter().copied(), ["y"])
}

/// Each family of operators whose output or tables can be larger than its inputs, with a number that makes it so: a large
/// one asks for 6 GB or more, a small one for little.
fn families(large: bool) -> Vec<(&'static str, Net)> {
    // Two sides of a large square, and one that is hardly large by itself.
    let n = if large { 40_000 } else { 7 };
    let (side, many) = (n as i64, if large { 1_600_000_000_i64 } else { 5 });
    let scales = |first: f32| TensorDef::new([4], vec![1.0_f32, 1.0, first, first]).unwrap();
    let sized = |mode: &str| {
        Net::of(&[1, 1, 2, 2], node("Resize", &["x", "", "", "s"]).with("mode", mode)).ints(
            "s",
            &[4],
            &[1, 1, side, side],
        )
    };
    let square = |op: &str| Net::of(&[1, n], node(op, &["x", "c"])).zeros("c", &[n, 1]);
    let conv = |op: &str| Net::of(&[1, 1, 2, 2], node(op, &["x", "w"]));
    let one = |shape: &[usize]| TensorDef::new(shape, vec![1.0_f32; shape.iter().product()]).unwrap();
    let pool = |op: &str| {
        let node = node(op, &["x"]).with("kernel_shape", [1, side]).with("pads", [0, side - 1, 0, side - 1]);
        Net::of(&[1, 1, 1, 2 * n], node)
    };
    vec![
        ("Expand", Net::of(&[1, 8], node("Expand", &["x", "s"])).ints("s", &[2], &[many / 8 + 1, 8])),
        ("Tile", Net::of(&[1, 8], node("Tile", &["x", "s"])).ints("s", &[2], &[many / 8 + 1, 1])),
        ("Resize, nearest", sized("nearest")),
        ("Resize, linear", sized("linear")),
        ("Resize, cubic", sized("cubic")),
        (
            "Upsample",
            Net::of(&[1, 1, 2, 2], node("Upsample", &["x", "s"])).constant("s", scales(n as f32 / 2.0)).opset(9),
        ),
        ("Pad", Net::of(&[1, 8], node("Pad", &["x", "s"])).ints("s", &[4], &[0, 0, 0, many])),
        ("Conv, padding", conv("Conv").constant("w", one(&[1, 1, 1, 1])).padded(side / 2)),
        (
            "Conv, channels",
            Net::of(&[1, 1, 200, n / 2 + 1], node("Conv", &["x", "w"])).zeros("w", &[n / 2 + 1, 1, 1, 1]),
        ),
        ("ConvTranspose", conv("ConvTranspose").constant("w", one(&[1, 1, 1, 1])).strided(side)),
        ("MatMul", Net::of(&[n, 1], node("MatMul", &["x", "c"])).zeros("c", &[1, n])),
        ("Gemm", Net::of(&[n, 1], node("Gemm", &["x", "c"])).zeros("c", &[1, n])),
        ("Einsum", Net::of(&[n], node("Einsum", &["x", "c"]).with("equation", "i,j->ij")).zeros("c", &[n])),
        ("Gather", Net::of(&[1, n], node("Gather", &["x", "i"])).ints("i", &[n], &vec![0; n])),
        ("Add", square("Add")),
        ("Mul", square("Mul")),
        ("Max", square("Max")),
        ("Pow", square("Pow")),
        (
            "Where",
            Net::of(&[1, n], node("Where", &["b", "x", "c"]))
                .zeros("c", &[n, 1])
                .constant("b", TensorDef::new([1, 1], vec![true]).unwrap()),
        ),
        (
            "Col2Im",
            Net::of(&[1, 1, 4], node("Col2Im", &["x", "p", "k"]).with("strides", [side - 1, side - 1]))
                .ints("p", &[2], &[side, side])
                .ints("k", &[2], &[1, 1]),
        ),
        ("CumSum", Net::of(&[1, n], node("CumSum", &["x", "a"])).ints("a", &[], &[1])),
        ("AveragePool", pool("AveragePool")),
        ("MaxPool", pool("MaxPool")),
        ("LpPool", pool("LpPool")),
    ]
}

impl Net {
    fn padded(mut self, by: i64) -> Self {
        self.nodes[0] = self.nodes[0].clone().with("pads", [by, by, by, by]);
        self
    }

    fn strided(mut self, by: i64) -> Self {
        self.nodes[0] = self.nodes[0].clone().with("strides", [by, by]);
        self
    }
}

/// Constants that a large tensor is made of beside the input.
fn constants(large: bool) -> Vec<(&'static str, Net)> {
    let n = if large { 40_000 } else { 7 };
    let many = if large { 1_600_000_000 } else { 5 };
    let add = |made: NodeDef| Net::of(&[1, 1], made.named("it")).then(node("Add", &["x", "c"]));
    let made = |op: &str, inputs: &[&str]| NodeDef::new(op, inputs.iter().copied(), ["c"]);
    let scalar = |net: Net, name, value: f32| net.constant(name, TensorDef::new([], vec![value]).unwrap());
    let range = add(made("Range", &["from", "to", "by"]));
    vec![
        ("ConstantOfShape", add(made("ConstantOfShape", &["s"])).ints("s", &[2], &[n, n])),
        ("Range", scalar(scalar(scalar(range, "from", 0.0), "to", many as f32), "by", 1.0)),
        ("Equal", {
            let compared = NodeDef::new("Equal", ["a", "b"], ["q"]).named("it");
            let cast = NodeDef::new("Cast", ["q"], ["c"]).with("to", 1);
            Net { nodes: vec![compared, cast, node("Add", &["x", "c"])], ..Net::of(&[1, 1], node("Add", &["x", "c"])) }
                .zeros("a", &[1, n as usize])
                .zeros("b", &[n as usize, 1])
        }),
    ]
}

fn traced(model: &Model, keep: Keep) -> Result<usize, Error> {
    let input = model.input().unwrap();
    let shape: Vec<usize> = model.tensors[input.0].shape.as_ref().unwrap().iter().map(known).collect();
    let x = Tensor::new(&shape, (0..shape.iter().product()).map(|i| i as f32 % 5.0 + 1.0).collect());
    let tracing = Tracing { non_finite: NonFinite::Allow, keep, ..Tracing::default() };
    let trace = model.trace_with(&x, model.outputs[0], tracing)?;
    trace.freeze(&Rules::default())?;
    trace.logits().map(Tensor::len)
}

fn known(dim: &netfold_onnx::Dim) -> usize {
    match dim {
        netfold_onnx::Dim::Known(size) => *size,
        other => panic!("{other:?} is no size"),
    }
}

#[test]
fn what_a_small_file_asks_for_is_refused_before_it_is_allocated() {
    for (family, net) in families(true).into_iter().chain(constants(true)) {
        let model = net.model();
        // The constants stay with the model, once they are converted.
        assert!(traced(&model, Keep::Values).is_err());
        let before = model.budget().taken();
        let error = traced(&model, Keep::Values).unwrap_err();
        let Error::Memory { what, shortage } = &error else { panic!("{family}: {error}") };
        assert!(what.contains("`it`"), "{family}: {what}");
        assert!(shortage.limit == BUDGET && shortage.bytes > BUDGET - shortage.taken, "{family}: {shortage:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("--memory")), "{family}: {error}");
        assert_eq!(model.budget().taken(), before, "{family}: all is given back");
    }
}

#[test]
fn the_same_networks_with_small_numbers_are_computed() {
    for (family, net) in families(false).into_iter().chain(constants(false)) {
        let model = net.model();
        assert!(traced(&model, Keep::Values).is_ok(), "{family}");
        let before = model.budget().taken();
        for keep in [Keep::Values, Keep::ForFreezing] {
            let logits = traced(&model, keep).unwrap_or_else(|error| panic!("{family}: {error}"));
            assert!(logits > 0, "{family}");
        }
        assert_eq!(model.budget().taken(), before, "{family}: all is given back");
    }
}

#[test]
fn many_tensors_that_fit_one_by_one_do_not_fit_together() {
    let sum = |copies: usize| {
        let names: Vec<String> = (0..copies).map(|i| format!("e{i}")).collect();
        let all = NodeDef::new("Sum", names.iter().map(String::as_str), ["y"]).named("all");
        let mut net = Net { nodes: Vec::new(), ..Net::of(&[1, 8], all.clone()) }.ints("s", &[2], &[1 << 13, 8]);
        for name in &names {
            net = net.then(NodeDef::new("Expand", ["x", "s"], [name.as_str()]));
        }
        net.then(all).model().within(Budget::new(8 << 20)).unwrap()
    };
    // Each takes 256 KiB and its indices as much.
    assert_eq!(traced(&sum(4), Keep::Values).unwrap(), 1 << 16);
    let Error::Memory { what, shortage } = traced(&sum(40), Keep::Values).unwrap_err() else {
        panic!("memory is short")
    };
    assert!(what.contains("(Expand), which makes [8192, 8]") && shortage.taken > 4 << 20, "{what}: {shortage}");
}

#[test]
fn what_is_given_back_can_be_taken_again() {
    // A chain of 60 tensors of 256 KiB, of which a pass holds two or three.
    let chain = || {
        let mut net = Net::of(&[1, 1 << 16], NodeDef::new("Softplus", ["x"], ["t0"]));
        for i in 1..60 {
            let (from, to) = (format!("t{}", i - 1), format!("t{i}"));
            net = net.then(NodeDef::new("Relu", [from.as_str()], [to.as_str()]));
        }
        net.then(node("Neg", &["t59"])).model()
    };
    let within = |mebibytes: u64, keep| traced(&chain().within(Budget::new(mebibytes << 20)).unwrap(), keep);
    assert_eq!(within(40, Keep::Values).unwrap(), 1 << 16);
    assert!(matches!(within(8, Keep::Values), Err(Error::Memory { .. })));
    assert_eq!(within(8, Keep::ForFreezing).unwrap(), 1 << 16);
}

#[test]
fn an_inspection_of_what_is_too_large_tells_shapes_alone() {
    for (family, net) in families(true) {
        let model = net.model();
        let head = model.head(netfold::Squashing::LeftOff).unwrap();
        let found = model
            .inspect::<f32>(&head, &Start::default(), &Rules::default())
            .unwrap_or_else(|e| panic!("{family}: {e}"));
        assert!(found.traced.is_none() && found.estimate.is_none() && found.beyond.is_some(), "{family}");
    }
    for (family, net) in families(false) {
        let model = net.model();
        let head = model.head(netfold::Squashing::LeftOff).unwrap();
        let found = model
            .inspect::<f32>(&head, &Start::default(), &Rules::default())
            .unwrap_or_else(|e| panic!("{family}: {e}"));
        assert!(found.traced.is_some() && found.beyond.is_none(), "{family}");
    }
}

#[test]
fn shapes_alone_are_those_of_a_trace() {
    // The sizes that y is reshaped to come from a shape and from a product of constants, by way of arithmetic.
    let net = |places: usize| {
        let mut net = Net::of(&[1, 2, places, 3], NodeDef::new("Conv", ["x", "w"], ["h"]))
            .zeros("w", &[4, 2, 1, 1])
            .zeros("a", &[2, 2])
            .ints("three", &[1], &[3])
            .ints("i", &[1], &[2])
            .ints("zero", &[1], &[0])
            .ints("rest", &[1], &[-1]);
        for (op, inputs, output) in [
            ("Shape", vec!["h"], "s"),
            ("Gather", vec!["s", "i"], "n"),
            ("Mul", vec!["n", "three"], "m"),
            ("MatMul", vec!["a", "a"], "p"),
            ("Size", vec!["p"], "q"),
            ("Unsqueeze", vec!["q", "zero"], "r"),
            ("Concat", vec!["m", "r", "rest"], "to"),
            ("Reshape", vec!["h", "to"], "y"),
        ] {
            let node = NodeDef::new(op, inputs, [output]);
            net = net.then(if op == "Concat" { node.with("axis", 0) } else { node });
        }
        net.model()
    };
    let found = |places: usize, beyond: bool| {
        let model = net(places);
        let head = model.head(netfold::Squashing::LeftOff).unwrap();
        let found = model.inspect::<f32>(&head, &Start::default(), &Rules::default()).unwrap();
        assert_eq!(found.beyond.is_some(), beyond);
        found.logits.shape.unwrap().iter().map(known).collect::<Vec<_>>()
    };
    assert_eq!(found(6, false), [18, 4, 1]);
    assert_eq!(found(30_000_000, true), [90_000_000, 4, 1]);
}

#[test]
fn an_inspection_does_not_compute_a_long_chain_of_products() {
    let mut net = Net::of(&[1, 1], NodeDef::new("ConstantOfShape", ["s"], ["m0"])).ints("s", &[2], &[2000, 2000]);
    for i in 1..300 {
        let (from, to) = (format!("m{}", i - 1), format!("m{i}"));
        net = net.then(NodeDef::new("MatMul", [from.as_str(), from.as_str()], [to.as_str()]));
    }
    let model = net.then(node("Add", &["x", "m299"])).model();
    let head = model.head(netfold::Squashing::LeftOff).unwrap();
    let found = model.inspect::<f32>(&head, &Start::default(), &Rules::default()).unwrap();
    assert_eq!(found.logits.shape.unwrap().iter().map(known).collect::<Vec<_>>(), [2000, 2000]);
    assert!(found.beyond.is_some_and(|beyond| beyond.products > Some(2e12)));
}
