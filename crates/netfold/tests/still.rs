//! Functions without a finite slope at 0: a slope of 0 where the value cannot move, else an error that names the element.

use netfold::trace::NonFinite;
use netfold::{Error, Model, Rule, Rules, Tensor};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};

/// The deviation of each channel over its places, of three channels of a rectified 1×1 convolution of which one is off for
/// every x near 1; `root` is how the root is written.
fn deviations(root: &str) -> Model {
    let node =
        |op: &str, inputs: &[&str], output: &str| NodeDef::new(op, inputs.iter().copied(), [output]).named(output);
    let mean = |from: &str, to: &str| node("ReduceMean", &[from], to).with("axes", [2]);
    let mut graph = GraphDef::new("deviations")
        .with_input(ValueInfo::new("x", DType::F64, [1, 2, 4]))
        .with_output(ValueInfo::new("y", DType::F64, [1, 3, 1]))
        .with_initializer("w", TensorDef::new([3, 2, 1], vec![1.0, 0.5, -1.0, -0.5, 0.25, 2.0]).unwrap())
        .with_initializer("c", TensorDef::vector(vec![0.1, -0.5, 0.2]))
        .with_initializer("half", TensorDef::new([], vec![0.5]).unwrap())
        .with_initializer("two", TensorDef::new([], vec![2.0]).unwrap())
        .with_node(node("Conv", &["x", "w", "c"], "z"))
        .with_node(node("Relu", &["z"], "h"))
        .with_node(mean("h", "mean"))
        .with_node(node("Sub", &["h", "mean"], "centred"));
    graph = match root {
        "Pow" => graph.with_node(node("Pow", &["centred", "two"], "squares")),
        _ => graph.with_node(node("Mul", &["centred", "centred"], "squares")),
    };
    graph = graph.with_node(mean("squares", "variance"));
    graph = match root {
        "Pow" => graph.with_node(node("Pow", &["variance", "half"], "deviation")),
        _ => graph.with_node(node("Sqrt", &["variance"], "deviation")),
    };
    let graph = graph.with_node(node("Add", &["deviation", "mean"], "y"));
    let def = ModelDef { opsets: [(String::new(), 13)].into(), ..ModelDef::new(graph) };
    Model::new(decode(encode(&def), None).unwrap()).unwrap()
}

fn x(by: f64) -> Tensor<f64> {
    Tensor::new(&[1, 2, 4], (0..8).map(|i| 1.0 + f64::from(i * 3 % 8) / 10.0 + by * f64::from(i).cos()).collect())
}

#[test]
fn the_root_of_what_stays_zero_has_slope_zero() {
    let h = 1e-6;
    for root in ["Sqrt", "Pow"] {
        let model = deviations(root);
        let at = |by: f64| model.trace(x(by), model.outputs[0], NonFinite::Refuse).unwrap();
        let trace = at(0.0);
        let deviations = trace.real(model.tensor("deviation").unwrap()).unwrap().data();
        assert!(deviations[1].abs() <= 0.0, "a channel that is off: {deviations:?}");
        for rule in [Rule::Tangent, Rule::Gate, Rule::Half] {
            let circuit = trace.freeze(&Rules { default: rule, ..Rules::default() }).unwrap();
            let pushed = circuit.push(x(0.0).probe(), netfold::Push::Affine).into_values();
            for (made, y) in pushed.iter().zip(trace.logits().unwrap().data()) {
                assert!((made - y).abs() < 1e-13, "{root}, {rule}: {made} for {y}");
            }
            if rule == Rule::Tangent {
                let v = Tensor::new(&[1, 2, 4], (0..8).map(|i| f64::from(i).cos()).collect());
                let slopes = circuit.push(v.probe(), netfold::Push::Linear).into_values();
                let (up, down) = (at(h), at(-h));
                let ends = up.logits().unwrap().data().iter().zip(down.logits().unwrap().data());
                for (slope, (up, down)) in slopes.iter().zip(ends) {
                    assert!((slope - (up - down) / (2.0 * h)).abs() < 1e-8, "{root}: {slopes:?}");
                }
            }
        }
    }
}

#[test]
fn the_root_of_what_could_move_is_refused_by_element() {
    // √(x²) = |x|: at 0 the square has slope 0, and the root none.
    let graph = GraphDef::new("absolute")
        .with_input(ValueInfo::new("x", DType::F64, [2, 2]))
        .with_output(ValueInfo::new("y", DType::F64, [2, 2]))
        .with_node(NodeDef::new("Mul", ["x", "x"], ["square"]).named("/square"))
        .with_node(NodeDef::new("Sqrt", ["square"], ["y"]).named("/root"));
    let model = Model::new(decode(encode(&ModelDef::new(graph)), None).unwrap()).unwrap();
    let x = Tensor::new(&[2, 2], vec![1.0, 2.0, 0.0, 3.0]);
    let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
    for rule in [Rule::Tangent, Rule::Gate] {
        let Err(Error::Op { node, source, .. }) = trace.freeze(&Rules { default: rule, ..Rules::default() }) else {
            panic!("{rule}: it has no slope");
        };
        assert_eq!(&*node, "/root");
        assert_eq!(source.to_string(), "Sqrt has no finite slope at 0, element [1, 0] (flat index 2) of its input");
    }
}
