//! Class activation maps of networks that are one function, written with channels first, channels last, as tokens and
//! as windows: they are one map, and what cannot be placed is refused by name.

use netfold::input::LayoutChoice;
use netfold::lenses::Channels;
use netfold::lenses::{Attribution, Grid, Lens, Settings, Subject};
use netfold::trace::NonFinite;
use netfold::{Error, Model, Tensor};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};

const LENSES: [&str; 3] = ["hirescam", "grad-cam", "grad-cam++"];

/// A network from x of this shape to y, of nodes and constants.
struct Network(GraphDef);

impl Network {
    fn new(shape: &[usize]) -> Self {
        Self(
            GraphDef::new("places")
                .with_input(ValueInfo::new("x", DType::F64, shape.iter().copied()))
                .with_output(ValueInfo::new("y", DType::F64, [1, 2])),
        )
    }

    fn node(self, op: &str, reads: &[&str], makes: &str, attributes: &[(&str, &[i64])]) -> Self {
        let node = NodeDef::new(op, reads.iter().copied(), [makes]);
        Self(self.0.with_node(attributes.iter().fold(node, |node, &(name, ints)| node.with(name, ints))))
    }

    fn ints(self, name: &str, values: &[i64]) -> Self {
        Self(self.0.with_initializer(name, TensorDef::vector(values.to_vec())))
    }

    /// Numbers without a pattern.
    fn weights(self, name: &str, shape: &[usize]) -> Self {
        let value = |i: usize| ((i * 7 + name.len() * 3) % 11) as f64 / 5.0 - 0.9;
        let values = (0..shape.iter().product()).map(value).collect::<Vec<f64>>();
        Self(self.0.with_initializer(name, TensorDef::new(shape, values).unwrap()))
    }

    /// Three channels of 2 × 4 places.
    fn stem(self) -> Self {
        let named = NodeDef::new("Conv", ["x", "kernel"], ["z"]).with("strides", [2, 2]);
        Self(self.weights("kernel", &[3, 1, 2, 2]).0.with_node(named))
    }

    /// The mean over places, and two logits of it.
    fn head(self, h: &str, axes: &[i64]) -> Self {
        let pooled = NodeDef::new("ReduceMean", [h], ["pooled"]).with("axes", axes).with("keepdims", 0_i64);
        Self(self.weights("dense", &[3, 2]).0.with_node(pooled)).node("MatMul", &["pooled", "dense"], "y", &[])
    }

    fn model(self) -> Model {
        let def = ModelDef::new(self.0).with_opset("", 17);
        Model::new(decode(encode(&def), None).unwrap()).unwrap()
    }
}

/// A picture of 4 × 8 without a pattern.
fn picture(shape: &[usize]) -> Tensor<f64> {
    Tensor::new(shape, (0..shape.iter().product()).map(|i| ((i * 5) % 13) as f64 / 4.0 - 1.0).collect())
}

fn look(model: &Model, x: &Tensor<f64>, layer: &str, axes: Option<&str>, lens: &str) -> Result<Attribution, Error> {
    let trace = model.trace(x, model.outputs[0], NonFinite::Refuse)?;
    let settings = Settings {
        layer: Some(model.tensor(layer)?),
        layer_axes: axes.map(|axes| axes.parse().unwrap()),
        ..Settings::default()
    };
    Lens::find(lens)?.look(&Subject { trace: &trace, class: 0, settings: &settings })
}

fn first() -> Network {
    Network::new(&[1, 1, 4, 8]).stem().node("Relu", &["z"], "h", &[]).head("h", &[2, 3])
}

/// All maps of `h` are those of the network with channels first.
fn agrees(network: Network, what: &str) {
    let (twin, model, x) = (first().model(), network.model(), picture(&[1, 1, 4, 8]));
    for lens in LENSES {
        let (a, b) = (look(&twin, &x, "h", None, lens).unwrap(), look(&model, &x, "h", None, lens).unwrap());
        assert!(a.values.iter().any(|value| value.abs() > 0.01), "{lens} shows something");
        let worst = a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-12 && (a.rest - b.rest).abs() < 1e-12, "{what}, {lens}: {worst}");
    }
}

/// h = relu(x) of one channel, y₀ = 2 · mean over 2 × 2 places: ∂y₀ / ∂h is ½ everywhere, so the map is h / 2.
#[test]
fn a_map_by_hand() {
    let model = Network(
        Network::new(&[1, 2, 2, 1])
            .0
            .with_initializer("one", TensorDef::new([1, 1, 1, 1], vec![1.0_f64]).unwrap())
            .with_initializer("two", TensorDef::new([1, 2], vec![2.0_f64, 0.0]).unwrap()),
    )
    .node("Transpose", &["x"], "t", &[("perm", &[0, 3, 1, 2])])
    .node("Conv", &["t", "one"], "z", &[])
    .node("Transpose", &["z"], "l", &[("perm", &[0, 2, 3, 1])])
    .node("Relu", &["l"], "h", &[])
    .0
    .with_node(NodeDef::new("ReduceMean", ["h"], ["p"]).with("axes", [1, 2]).with("keepdims", 0_i64))
    .with_node(NodeDef::new("MatMul", ["p", "two"], ["y"]));
    let (model, x) = (Network(model).model(), Tensor::new(&[1, 2, 2, 1], vec![1.0, -2.0, 3.0, 4.0]));
    let seen = look(&model, &x, "h", None, "hirescam").unwrap();
    assert_eq!((seen.values, seen.sum, seen.rest), (vec![0.5, 0.0, 1.5, 2.0], 4.0, 0.0));
}

#[test]
fn channels_last_are_the_same_map() {
    let network = Network::new(&[1, 1, 4, 8]).stem().node("Transpose", &["z"], "t", &[("perm", &[0, 2, 3, 1])]);
    agrees(network.node("Relu", &["t"], "h", &[]).head("h", &[1, 2]), "channels last");
}

#[test]
fn tokens_are_the_same_map() {
    let tokens = |network: Network| {
        network.ints("flat", &[1, 3, 8]).node("Reshape", &["z", "flat"], "r", &[]).node(
            "Transpose",
            &["r"],
            "t",
            &[("perm", &[0, 2, 1])],
        )
    };
    let plain = tokens(Network::new(&[1, 1, 4, 8]).stem()).node("Relu", &["t"], "h", &[]);
    agrees(plain.head("h", &[1]), "tokens");
    // A class token before them that nobody reads, cut off again.
    let with_class = tokens(Network::new(&[1, 1, 4, 8]).stem())
        .weights("class", &[1, 1, 3])
        .node("Concat", &["class", "t"], "all", &[])
        .node("Relu", &["all"], "h", &[])
        .ints("one", &[1])
        .ints("end", &[9])
        .node("Slice", &["h", "one", "end", "one"], "cut", &[])
        .head("cut", &[1]);
    agrees(concat_along(with_class, 1), "class token");
}

/// The attribute that `Concat` needs.
fn concat_along(mut network: Network, axis: i64) -> Network {
    for node in network.0.nodes.iter_mut().filter(|node| node.op_type == "Concat") {
        *node = node.clone().with("axis", axis);
    }
    network
}

/// A class token has no place: what it gives stands beside the map, and all adds up to the logit.
#[test]
fn a_class_token_is_beside_the_map() {
    let network = Network::new(&[1, 1, 4, 8])
        .stem()
        .ints("flat", &[1, 3, 8])
        .node("Reshape", &["z", "flat"], "r", &[])
        .node("Transpose", &["r"], "t", &[("perm", &[0, 2, 1])])
        .weights("class", &[1, 1, 3])
        .node("Concat", &["class", "t"], "all", &[])
        .node("Relu", &["all"], "h", &[])
        .head("h", &[1]);
    let (model, x) = (concat_along(network, 1).model(), picture(&[1, 1, 4, 8]));
    let seen = look(&model, &x, "h", None, "hirescam").unwrap();
    let logit = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap().logits().unwrap().data()[0];
    let told = look(&model, &x, "h", Some("N,T=1+2x4,C"), "hirescam").unwrap();
    assert!(seen.rest.abs() > 1e-3 && seen.residual(logit).abs() < 1e-12 && told == seen, "{seen:?}");
    let refused = look(&model, &x, "h", Some("N,T,C"), "hirescam").unwrap_err().to_string();
    assert!(refused.contains("9 tokens"), "{refused}");
}

/// Windows of 2 × 2 places, as window attention cuts them, and a grid that was rolled around its edge.
#[test]
fn windows_are_the_same_map() {
    let windows = Network::new(&[1, 1, 4, 8])
        .stem()
        .ints("cut", &[1, 3, 1, 2, 2, 2])
        .ints("pack", &[2, 4, 3])
        .node("Reshape", &["z", "cut"], "c", &[])
        .node("Transpose", &["c"], "t", &[("perm", &[0, 2, 4, 3, 5, 1])])
        .node("Reshape", &["t", "pack"], "w", &[])
        .node("Relu", &["w"], "h", &[])
        .ints("line", &[1, 8, 3])
        .node("Reshape", &["h", "line"], "l", &[])
        .head("l", &[1]);
    agrees(windows, "windows");
    let rolled = Network::new(&[1, 1, 4, 8])
        .stem()
        .ints("zero", &[0])
        .ints("one", &[1])
        .ints("many", &[9])
        .ints("axis", &[3])
        .node("Slice", &["z", "one", "many", "axis"], "right", &[])
        .node("Slice", &["z", "zero", "one", "axis"], "left", &[])
        .node("Concat", &["right", "left"], "rolled", &[])
        .node("Relu", &["rolled"], "h", &[])
        .head("h", &[2, 3]);
    agrees(concat_along(rolled, 3), "rolled");
}

/// Patches of 2 × 2 pixels made tokens by a reshape and a matrix product, without a convolution; and four neighbours
/// merged by slices in steps of two.
#[test]
fn patches_are_places_of_a_coarser_grid() {
    let patches = Network::new(&[1, 1, 4, 8])
        .ints("cut", &[1, 2, 2, 4, 2])
        .ints("pack", &[1, 8, 4])
        .weights("embed", &[4, 3])
        .node("Reshape", &["x", "cut"], "c", &[])
        .node("Transpose", &["c"], "t", &[("perm", &[0, 1, 3, 2, 4])])
        .node("Reshape", &["t", "pack"], "p", &[])
        .node("MatMul", &["p", "embed"], "e", &[])
        .node("Relu", &["e"], "h", &[])
        .head("h", &[1]);
    let slice = |network: Network, from: &str, rows: &str, columns: &str, to: &str| {
        network.ints(&format!("at{to}"), &[rows.parse().unwrap(), columns.parse().unwrap()]).node(
            "Slice",
            &[from, &format!("at{to}"), "ends", "axes", "steps"],
            to,
            &[],
        )
    };
    let mut merged = Network::new(&[1, 1, 4, 8]).ints("ends", &[99, 99]).ints("axes", &[2, 3]).ints("steps", &[2, 2]);
    for (to, rows, columns) in [("a", "0", "0"), ("b", "0", "1"), ("c", "1", "0"), ("d", "1", "1")] {
        merged = slice(merged, "x", rows, columns, to);
    }
    let merged = merged
        .node("Concat", &["a", "b", "c", "d"], "four", &[])
        .node("Transpose", &["four"], "last", &[("perm", &[0, 2, 3, 1])])
        .weights("embed", &[4, 3])
        .node("MatMul", &["last", "embed"], "e", &[])
        .node("Relu", &["e"], "h", &[])
        .head("h", &[1, 2]);
    let (patches, merged, x) = (patches.model(), concat_along(merged, 1).model(), picture(&[1, 1, 4, 8]));
    for lens in LENSES {
        let (a, b) = (look(&patches, &x, "h", None, lens).unwrap(), look(&merged, &x, "h", None, lens).unwrap());
        assert!(a.values.iter().any(|value| value.abs() > 0.01) && a.sum.abs() > 0.01, "{lens}: {a:?}");
        let worst = a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-12, "{lens}: {worst}");
        // Four pixels of a patch have one value.
        assert!((a.values[0] - a.values[9]).abs() < 1e-15 && (a.values[2] - a.values[11]).abs() < 1e-15);
    }
}

/// A convolution behind a transposed picture draws its map the right way round.
#[test]
fn a_turned_picture_is_turned_back() {
    let turned = |last: &[i64]| {
        let named = NodeDef::new("Conv", ["t", "kernel"], ["z"]).with("strides", [2, 1]);
        let network = Network::new(&[1, 1, 4, 8])
            .node("Transpose", &["x"], "t", &[("perm", last)])
            .weights("kernel", &[3, 1, 2, 1]);
        Network(network.0.with_node(named)).node("Relu", &["z"], "h", &[]).head("h", &[2, 3]).model()
    };
    let x = picture(&[1, 1, 4, 8]);
    let seen = look(&turned(&[0, 1, 3, 2]), &x, "h", None, "hirescam").unwrap();
    // Pairs of columns are one place, rows are not.
    assert!((0..32).step_by(2).all(|e| seen.values[e].to_bits() == seen.values[e + 1].to_bits()), "{seen:?}");
    assert!((0..8).any(|e| (seen.values[e] - seen.values[e + 8]).abs() > 1e-3));
}

/// What mixes all places leaves none; a residual connection brings them back.
#[test]
fn what_has_no_place_is_refused_by_name() {
    let network = Network::new(&[1, 1, 4, 8])
        .stem()
        .ints("flat", &[1, 3, 8])
        .node("Reshape", &["z", "flat"], "r", &[])
        .weights("mix", &[8, 8])
        .node("MatMul", &["r", "mix"], "mixed", &[])
        .node("Relu", &["mixed"], "across", &[])
        .node("Add", &["across", "r"], "h", &[])
        .head("h", &[2])
        .model();
    let x = picture(&[1, 1, 4, 8]);
    for layer in ["across", "pooled"] {
        let error = look(&network, &x, layer, None, "hirescam").unwrap_err();
        let (Error::Lens { why, .. }, node) = (&error, if layer == "pooled" { "ReduceMean" } else { "MatMul" }) else {
            panic!("{error}");
        };
        assert!(why.contains(layer) && why.contains(node) && why.contains("--layer-axes"), "{why}");
    }
    let told = look(&network, &x, "across", Some("N,C,T"), "hirescam").unwrap();
    let known = look(&network, &x, "h", None, "hirescam").unwrap();
    assert_eq!((told.values.len(), known.values.len()), (32, 32));
    let wrong = look(&network, &x, "across", Some("N,C,H,W"), "hirescam").unwrap_err().to_string();
    assert!(wrong.contains("names 4 axes"), "{wrong}");
}

/// A gate over channels, computed by a convolution along them, has no places: those of what it gates stay, whichever comes
/// first.
#[test]
fn a_gate_over_channels_has_no_places() {
    for gated in [["z", "open"], ["open", "z"]] {
        let network = Network::new(&[1, 1, 4, 8])
            .stem()
            .node("ReduceMean", &["z"], "mean", &[("axes", &[2, 3])])
            .ints("row", &[1, 1, 3])
            .ints("column", &[1, 3, 1, 1])
            .node("Reshape", &["mean", "row"], "r", &[])
            .weights("along", &[1, 1, 1])
            .node("Conv", &["r", "along"], "g", &[])
            .node("Reshape", &["g", "column"], "c", &[])
            .node("Sigmoid", &["c"], "open", &[])
            .node("Mul", &gated, "h", &[])
            .head("h", &[2, 3])
            .model();
        let x = picture(&[1, 1, 4, 8]);
        let (seen, known) = (look(&network, &x, "h", None, "hirescam").unwrap(), Some("N,C,H,W"));
        assert_eq!(seen, look(&network, &x, "h", known, "hirescam").unwrap());
        assert!(matches!(look(&network, &x, "g", None, "hirescam"), Err(Error::Lens { .. })));
    }
}

/// The first operator that slides over places says which axis the channels are.
#[test]
fn the_first_operator_tells_the_channels() {
    let conv = |shape: &[usize], before: Option<(&str, &[i64])>, kernel: &[usize]| {
        let network = Network::new(shape).weights("kernel", kernel);
        let network = match before {
            Some(("Transpose", perm)) => network.node("Transpose", &["x"], "t", &[("perm", perm)]),
            Some((op, to)) => network.ints("to", to).node(op, &["x", "to"], "t", &[]),
            None => network.node("Identity", &["x"], "t", &[]),
        };
        network.node("Conv", &["t", "kernel"], "y", &[]).model()
    };
    for (shape, before, kernel, expected) in [
        // Eleven sensors over sixty samples: a short last axis is no colour.
        (vec![1, 11, 60, 1], None, vec![2, 11, 5, 1], Channels::Axis(1)),
        (vec![1, 60, 11, 1], Some(("Transpose", [0_i64, 2, 1, 3].as_slice())), vec![2, 11, 5, 1], Channels::Axis(2)),
        (vec![1, 5, 6, 3], Some(("Transpose", &[0, 3, 1, 2])), vec![2, 3, 2, 2], Channels::Axis(3)),
        (vec![1, 5, 6, 1], Some(("Reshape", &[1, 1, 5, 6])), vec![2, 1, 2, 2], Channels::Axis(3)),
        (vec![1, 3, 3, 3], Some(("Transpose", &[0, 3, 1, 2])), vec![2, 3, 2, 2], Channels::Axis(3)),
        (vec![1, 7, 9], Some(("Transpose", &[0, 2, 1])), vec![2, 9, 3], Channels::Axis(2)),
        (vec![1, 7, 9], Some(("Unsqueeze", &[1])), vec![2, 1, 3, 3], Channels::Nowhere),
        (vec![1, 64], Some(("Unsqueeze", &[1])), vec![2, 1, 3], Channels::Nowhere),
    ] {
        let model = conv(&shape, before, &kernel);
        let found = model.channels(model.inputs[0], &shape, LayoutChoice::Auto);
        assert_eq!(found, expected, "{shape:?} {before:?}");
    }
    let model = conv(&[1, 11, 60, 1], None, &[2, 11, 5, 1]);
    let layout = |choice| model.layout(model.inputs[0], &[1, 11, 60, 1], choice);
    assert_eq!((layout(LayoutChoice::Auto), layout(LayoutChoice::Nhwc)), (LayoutChoice::Nchw, LayoutChoice::Nhwc));
    let channels = model.channels(model.inputs[0], &[1, 11, 60, 1], LayoutChoice::Auto);
    assert_eq!(Grid::of(&[1, 11, 60, 1], channels).places, [60, 1]);
}

/// Constants that would be doubled again and again, or a shape that would take all memory, are not computed to learn a
/// layout.
#[test]
fn learning_a_layout_takes_little() {
    let mut network = Network::new(&[1, 1, 4, 4]).weights("kernel", &[1, 1, 2, 2]).ints("c0", &[1, 1, 1, 1]);
    for i in 0..200 {
        let (from, to) = (format!("c{i}"), format!("c{}", i + 1));
        network = network.node("Mul", &[&from, &from], &to, &[]);
    }
    let model = network.node("Tile", &["x", "c200"], "t", &[]).node("Conv", &["t", "kernel"], "y", &[]).model();
    assert_eq!(model.layout(model.inputs[0], &[1, 1, 4, 4], LayoutChoice::Auto), LayoutChoice::Auto);
    let huge = Network::new(&[1, 1, 4, 4])
        .weights("kernel", &[1, 1, 2, 2])
        .ints("pads", &[0, 0, 1 << 40, 1 << 40, 0, 0, 0, 0])
        .node("Pad", &["x", "pads"], "t", &[])
        .node("Conv", &["t", "kernel"], "y", &[])
        .model();
    assert_eq!(huge.layout(huge.inputs[0], &[1, 1, 4, 4], LayoutChoice::Auto), LayoutChoice::Auto);
    // The declared input itself may be beyond all memory.
    let declared = Network::new(&[1, 1, 28, 1 << 33])
        .weights("kernel", &[1, 1, 2, 2])
        .node("Conv", &["x", "kernel"], "y", &[])
        .model()
        .within(netfold::Budget::new(1 << 30))
        .unwrap();
    assert_eq!(declared.declared_layout(declared.inputs[0], LayoutChoice::Auto), LayoutChoice::Auto);
}
