//! What a file may not say, and what is not supported: refused by name, all at once, with what helps.

use netfold::inspect::Start;
use netfold::trace::NonFinite;
use netfold::{Error, Head, Kind, Model, Rules, Tensor};
use netfold_onnx::{DType, Data, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};

/// A graph from x of this type and shape to y.
fn graph(dtype: DType, shape: &[usize]) -> GraphDef {
    let output = ValueInfo { name: "y".into(), ..ValueInfo::default() };
    GraphDef::new("g").with_input(ValueInfo::new("x", dtype, shape.iter().copied())).with_output(output)
}

fn floats(shape: &[usize]) -> TensorDef {
    TensorDef::new(shape, vec![0.5_f32; shape.iter().product()]).unwrap()
}

/// The logits at ones, or what stands in the way.
fn logits(model: ModelDef, shape: &[usize]) -> Result<Tensor<f64>, Error> {
    let model = Model::new(model)?;
    let head = model.head(netfold::Squashing::LeftOff)?;
    let x = Tensor::new(shape, vec![1.0; shape.iter().product()]);
    model.trace(&x, head.logits, NonFinite::Refuse)?.logits().cloned()
}

/// The nodes that are not supported, with the reasons, and the tensors that could be explained instead.
fn refused(graph: GraphDef, set: i64, shape: &[usize]) -> (Vec<(String, String)>, Vec<String>) {
    match logits(ModelDef::new(graph).with_opset("", set), shape) {
        Err(Error::Unsupported { nodes, before }) => {
            (nodes.into_iter().map(|refused| (refused.node, refused.why)).collect(), before)
        }
        other => panic!("{other:?}"),
    }
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|&(node, why)| (node.to_owned(), why.to_owned())).collect()
}

#[test]
fn operator_sets_that_there_are_not() {
    let model = || ModelDef::new(graph(DType::F32, &[3]).with_node(NodeDef::new("Relu", ["x"], ["y"])));
    for set in [-1, 0, 999] {
        let error = logits(model().with_opset("", set), &[3]).unwrap_err();
        assert!(matches!(error, Error::OperatorSet { stated: Some(found), .. } if found == set), "{error:?}");
        assert!(error.to_string().contains(&format!("operator set {set}; there are 1 to ")), "{error}");
    }
    for set in [1, 17, netfold::ops::NEWEST] {
        assert_eq!(logits(model().with_opset("", set), &[3]).unwrap().data(), [1.0; 3], "set {set}");
    }
    // Sets of other domains say nothing of ONNX's own nodes.
    let mut other = model().with_opset("com.example", 1);
    other.opsets.remove("");
    assert!(matches!(logits(other.clone(), &[3]), Err(Error::OperatorSet { stated: None, .. })));
    // The domain's long name is the same domain, and a file that names none is of the first set.
    assert!(logits(other.with_opset("ai.onnx", 13), &[3]).is_ok());
    let mut bare = model();
    bare.opsets.clear();
    assert_eq!(Model::new(bare).unwrap().opset, 1);
}

#[test]
fn nodes_that_the_specification_does_not_allow() {
    let leaky = |name: &str| {
        let node = NodeDef::new("LeakyRelu", ["x"], ["y"]).with(name, 0.5_f32).named("leaky");
        graph(DType::F32, &[3]).with_node(node)
    };
    let why = "there is no attribute `Alpha`; there is `alpha`";
    assert_eq!(refused(leaky("Alpha"), 16, &[3]).0, pairs(&[("leaky", why)]));
    assert!(logits(ModelDef::new(leaky("alpha")), &[3]).is_ok());

    let mish = graph(DType::F32, &[3]).with_node(NodeDef::new("Mish", ["x"], ["y"]).named("mish"));
    let why = "operator set 13, which the file names, does not have it: it is in operator sets from 18 on";
    assert_eq!(refused(mish.clone(), 13, &[3]).0, pairs(&[("mish", why)]));
    assert!(logits(ModelDef::new(mish).with_opset("", 18), &[3]).is_ok());

    let relu = |dtype| graph(dtype, &[3]).with_node(NodeDef::new("Relu", ["x"], ["y"]).named("relu"));
    for (dtype, set) in [(DType::I64, 13), (DType::BF16, 12)] {
        let why = &refused(relu(dtype), set, &[3]).0[0].1;
        assert!(why.starts_with(&format!("its input `X` is {dtype} in the file; in operator set {set}")), "{why}");
    }
    // What holds no numbers is refused before its node is.
    for dtype in [DType::String, DType::Bool] {
        let error = logits(ModelDef::new(relu(dtype)), &[3]).unwrap_err();
        assert!(matches!(error, Error::NotExplained { dtype: found, .. } if found == dtype), "{error:?}");
    }
    for dtype in [DType::F16, DType::F32, DType::F64] {
        assert!(logits(ModelDef::new(relu(dtype)).with_opset("", 12), &[3]).is_ok(), "{dtype}");
    }
    // The type of a constant node is told by its value.
    let indices = |data: Data| {
        let value = TensorDef::new([2], data).unwrap();
        graph(DType::F32, &[3])
            .with_node(NodeDef::new("Constant", [], ["i"]).with("value", value))
            .with_node(NodeDef::new("Gather", ["x", "i"], ["y"]).named("gather"))
    };
    let why = "its input `indices` is float in the file; in operator set 17 it can be int32, int64";
    assert_eq!(refused(indices(vec![0.0_f32, 2.0].into()), 17, &[3]).0, pairs(&[("gather", why)]));
    assert!(logits(ModelDef::new(indices(vec![0_i64, 2].into())), &[3]).is_ok());
}

#[test]
fn an_output_without_a_number() {
    let sliced = |end: i64| {
        let bound = |at: i64| TensorDef::vector(vec![at]);
        let graph = graph(DType::F32, &[1, 5]);
        let graph = graph.with_initializer("s", bound(0)).with_initializer("e", bound(end));
        let graph = graph.with_initializer("a", bound(1));
        ModelDef::new(graph.with_node(NodeDef::new("Slice", ["x", "s", "e", "a"], ["y"])))
    };
    let error = logits(sliced(0), &[1, 5]).unwrap_err();
    assert_eq!(error.to_string(), "`y` has shape [1, 0]: there is not one number in it");
    assert!(logits(sliced(2), &[1, 5]).is_ok());
}

/// A convolution over three axes, twice, and what it needs.
fn volumes() -> GraphDef {
    let conv = |from: &str, to: &str| NodeDef::new("Conv", [from, "w"], [to]).with("pads", [1; 6]).named(to);
    graph(DType::F32, &[1, 1, 4, 4, 4])
        .with_initializer("w", floats(&[1, 1, 3, 3, 3]))
        .with_node(conv("x", "first"))
        .with_node(NodeDef::new("Relu", ["first"], ["r"]).named("relu"))
        .with_node(conv("r", "y"))
}

#[test]
fn everything_that_is_not_supported_is_told_at_once() {
    let why = "convolution over 3 axes slides over the third; two are supported";
    let (nodes, before) = refused(volumes(), 17, &[1, 1, 4, 4, 4]);
    assert_eq!(nodes, pairs(&[("first", why), ("y", why)]));
    assert!(before.is_empty(), "{before:?}");

    // Known before anything is computed, and what no operator is: in one list.
    let dropped = |training: bool, ratio: f32| {
        graph(DType::F32, &[6])
            .with_initializer("r", TensorDef::new([], vec![ratio]).unwrap())
            .with_node(NodeDef::new("Constant", [], ["t"]).with("value", TensorDef::new([], vec![training]).unwrap()))
            .with_node(NodeDef::new("Dropout", ["x", "r", "t"], ["d"]).named("drop"))
    };
    let (nodes, _) =
        refused(dropped(true, 0.5).with_node(NodeDef::new("Whatever", ["d"], ["y"]).named("thing")), 17, &[6]);
    let drops = "`training_mode` is true: it drops elements at random";
    assert_eq!(nodes, pairs(&[("drop", drops), ("thing", "no such operator here")]));
    for (training, ratio) in [(false, 0.5), (true, 0.0)] {
        let model = dropped(training, ratio).with_node(NodeDef::new("Relu", ["d"], ["y"]));
        assert!(logits(ModelDef::new(model), &[6]).is_ok(), "{training}, {ratio}");
    }

    // A computed truth value shows only on the way.
    let computed = graph(DType::F32, &[6])
        .with_initializer("r", TensorDef::new([], vec![0.5_f32]).unwrap())
        .with_initializer("f", TensorDef::new([], vec![false]).unwrap())
        .with_node(NodeDef::new("Not", ["f"], ["t"]))
        .with_node(NodeDef::new("Relu", ["x"], ["h"]))
        .with_node(NodeDef::new("Dropout", ["h", "r", "t"], ["y"]).named("drop"));
    let (nodes, before) = refused(computed, 17, &[6]);
    assert_eq!((nodes, before), (pairs(&[("drop", drops)]), vec!["h".to_owned()]));

    // In old sets a dropout says whether it is one in inference.
    let old = |tested: i64| {
        let node = NodeDef::new("Dropout", ["x"], ["y"]).with("is_test", tested).named("drop");
        graph(DType::F32, &[6]).with_node(node)
    };
    assert_eq!(refused(old(0), 6, &[6]).0, pairs(&[("drop", "`is_test` is 0: it drops elements at random")]));
    assert!(logits(ModelDef::new(old(1)).with_opset("", 6), &[6]).is_ok());
}

#[test]
fn casts_of_activations_to_integers() {
    let like = |dtype: DType| {
        let model = match dtype {
            DType::I64 => TensorDef::vector(vec![1_i64]),
            _ => floats(&[1]),
        };
        let graph = graph(DType::F32, &[3]).with_initializer("like", model);
        let graph = graph.with_node(NodeDef::new("Sigmoid", ["x"], ["h"]));
        graph.with_node(NodeDef::new("CastLike", ["h", "like"], ["y"]).named("cast"))
    };
    let why = "it casts what depends on the network's input to int64";
    assert_eq!(refused(like(DType::I64), 17, &[3]), (pairs(&[("cast", why)]), vec!["h".to_owned()]));
    assert!(logits(ModelDef::new(like(DType::F32)), &[3]).is_ok());
}

/// A detector of two boxes, and what suppresses the lesser one.
fn detector() -> GraphDef {
    graph(DType::F32, &[1, 8])
        .with_initializer("wb", floats(&[8, 8]))
        .with_initializer("ws", floats(&[8, 2]))
        .with_initializer("sb", TensorDef::vector(vec![1_i64, 2, 4]))
        .with_initializer("ss", TensorDef::vector(vec![1_i64, 1, 2]))
        .with_node(NodeDef::new("MatMul", ["x", "wb"], ["b"]))
        .with_node(NodeDef::new("Reshape", ["b", "sb"], ["boxes"]))
        .with_node(NodeDef::new("MatMul", ["x", "ws"], ["s"]))
        .with_node(NodeDef::new("Reshape", ["s", "ss"], ["scores"]))
        .with_node(NodeDef::new("NonMaxSuppression", ["boxes", "scores"], ["chosen"]).named("nms"))
        .with_node(NodeDef::new("Mystery", ["chosen"], ["y"]).named("behind"))
}

#[test]
fn an_earlier_tensor_is_proposed() {
    let error = logits(ModelDef::new(detector()), &[1, 8]).unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains("`--at boxes` or `--at scores`, and `--unit`"), "{hint}");
    // What is proposed can be explained.
    let model = Model::new(ModelDef::new(detector())).unwrap();
    let scores = model.tensor("scores").unwrap();
    let x = Tensor::new(&[1, 8], vec![1.0_f64; 8]);
    assert!(model.trace(&x, scores, NonFinite::Refuse).unwrap().freeze(&Rules::default()).is_ok());
    // At the first node there is nothing before.
    let first = graph(DType::F32, &[3]).with_node(NodeDef::new("Mystery", ["x"], ["y"]));
    let hint = logits(ModelDef::new(first), &[3]).unwrap_err().hint().unwrap();
    assert!(!hint.contains("--at"), "{hint}");
}

#[test]
fn an_inspection_lists_what_shows_on_the_way() {
    // The weights' shape is not in the file: only computing tells it.
    let graph = graph(DType::F32, &[1, 1, 4, 4, 4])
        .with_initializer("flat", floats(&[27]))
        .with_initializer("shape", TensorDef::vector(vec![1_i64, 1, 3, 3, 3]))
        .with_node(NodeDef::new("Reshape", ["flat", "shape"], ["w"]))
        .with_node(NodeDef::new("Relu", ["x"], ["h"]).named("relu"))
        .with_node(NodeDef::new("Conv", ["h", "w"], ["y"]).named("volume"));
    for graph in [graph, volumes()] {
        let model = Model::new(ModelDef::new(graph)).unwrap();
        let head = Head::at(model.tensor("y").unwrap());
        let found = model.inspect::<f32>(&head, &Start::default(), &Rules::default()).unwrap();
        let kind = |name: &str| found.nodes.iter().find(|node| node.name == name).map(|node| node.kind);
        let last = found.unsupported.last().unwrap();
        assert_eq!(kind(&last.node), Some(Kind::Unsupported));
        assert!(last.why.contains("3 axes"), "{last:?}");
        assert_eq!(kind("relu"), Some(Kind::Varies));
        assert!(found.traced.is_none() && found.estimate.is_none());
    }
}

#[test]
fn types_that_cannot_be_read_are_refused_where_they_are_used() {
    let read = |name: &str| {
        let mut def = graph(DType::F32, &[3]).with_node(NodeDef::new("Relu", [name], ["y"]).named("relu"));
        let unread = ValueInfo { unread: Some("complex64".into()), ..ValueInfo::new("z", DType::F32, [3]) };
        def.inputs.push(ValueInfo { dtype: None, ..unread });
        Model::new(ModelDef::new(def)).unwrap()
    };
    let why = |name: &str| read(name).nodes[0].operator.as_ref().err().cloned();
    assert_eq!(why("z").as_deref(), Some("its input `X` is complex64 in the file"));
    // What nobody reads is in nobody's way.
    assert_eq!(why("x"), None);
}

#[test]
fn a_declared_shape_that_the_computation_contradicts_is_told() {
    let told = |declared: &[usize], softmax: bool| -> Vec<String> {
        let (end, last) = if softmax { ("p", "y") } else { ("y", "") };
        let mut def = GraphDef::new("g")
            .with_input(ValueInfo::new("x", DType::F32, [1, 4]))
            .with_initializer("b", floats(&[4, 1]))
            .with_node(NodeDef::new("Add", ["x", "b"], [end]));
        if softmax {
            def = def.with_node(NodeDef::new("Softmax", ["p"], [last]));
        }
        let def = def.with_output(ValueInfo::new("y", DType::F32, declared.iter().copied()));
        let model = Model::new(ModelDef::new(def)).unwrap();
        let head = model.head(netfold::Squashing::LeftOff).unwrap();
        let trace = model.trace(Tensor::new(&[1, 4], vec![1.0_f64; 4]), head.logits, NonFinite::Refuse).unwrap();
        trace.warnings().iter().map(ToString::to_string).collect()
    };
    // A softmax that is left off keeps the shape.
    for softmax in [false, true] {
        let warning = &told(&[1, 10], softmax)[..];
        let [warning] = warning else { panic!("{warning:?}") };
        assert!(warning.contains("declares shape [1, 10] for `y`") && warning.contains("[4, 4]"), "{warning}");
        assert!(told(&[4, 4], softmax).is_empty());
    }
}
