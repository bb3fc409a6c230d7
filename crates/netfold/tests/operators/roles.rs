//! What moves or scales a tensor passes its role on: a gate behind it still is a gate.

use netfold::ops::{NEWEST, TABLE};
use netfold::trace::NonFinite;
use netfold::{Model, Rules, Tensor};
use netfold_onnx::{Attribute, DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};

/// What a node reads.
enum Read {
    /// The tensor whose role is judged.
    Data,
    /// Nothing: an input that is left out.
    Nothing,
    /// A constant of reals.
    Reals(Vec<usize>, Vec<f32>),
    /// A constant of integers.
    Ints(Vec<usize>, Vec<i64>),
}

/// A node of each operator: the shape of what it reads, its inputs, its attributes.
struct Case(Vec<usize>, Vec<Read>, Vec<(&'static str, Attribute)>);

fn ints(values: &[i64]) -> Read {
    Read::Ints(vec![values.len()], values.to_vec())
}

/// A valid node of an operator that moves or scales.
fn case(op: &str) -> Option<Case> {
    use Read::{Data, Ints, Nothing, Reals};
    let int = |name, value: i64| vec![(name, Attribute::Int(value))];
    let four = |value: f32| Reals(vec![4], vec![value; 4]);
    let one = |value: f32| Reals(Vec::new(), vec![value]);
    let shape = if op == "Col2Im" { vec![1, 4, 4] } else { vec![1, 4, 2, 2] };
    let (read, attributes) = match op {
        "BatchNormalization" => (vec![Data, four(2.0), four(0.5), four(0.1), four(1.0)], vec![]),
        "Cast" => (vec![Data], int("to", 1)),
        "CastLike" => (vec![Data, one(0.0)], vec![]),
        "Col2Im" => (vec![Data, ints(&[3, 3]), ints(&[2, 2])], vec![]),
        "Concat" => (vec![Data, Data], int("axis", 1)),
        "CumSum" => (vec![Data, Ints(vec![], vec![1])], vec![]),
        "DepthToSpace" | "SpaceToDepth" => (vec![Data], int("blocksize", 2)),
        "QuantizeLinear" | "DequantizeLinear" => (vec![Data, one(0.01)], vec![]),
        "Expand" => (vec![Data, ints(&[3, 4, 2, 2])], vec![]),
        "Gather" => (vec![Data, ints(&[0, 2])], int("axis", 1)),
        "GatherElements" => (vec![Data, Ints(vec![1, 1, 2, 2], vec![0, 1, 2, 3])], int("axis", 1)),
        "GatherND" => (vec![Data, Ints(vec![1, 2], vec![0, 3])], vec![]),
        "Dropout" | "Flatten" | "Identity" | "Transpose" | "Trilu" => (vec![Data], vec![]),
        "Pad" => (vec![Data, ints(&[0, 0, 1, 1, 0, 0, 1, 1])], vec![]),
        "Reshape" => (vec![Data, ints(&[1, 16])], vec![]),
        "Resize" => (vec![Data, Nothing, Reals(vec![4], vec![1.0, 1.0, 2.0, 2.0])], vec![]),
        "Scatter" | "ScatterElements" => {
            let indices = Ints(vec![1, 1, 2, 2], vec![0, 1, 2, 3]);
            (vec![Data, indices, Reals(vec![1, 1, 2, 2], vec![0.5; 4])], int("axis", 1))
        }
        "ScatterND" => (vec![Data, Ints(vec![1, 2], vec![0, 3]), Reals(vec![1, 2, 2], vec![0.5; 4])], vec![]),
        "Slice" => (vec![Data, ints(&[1]), ints(&[3]), ints(&[1])], vec![]),
        "Split" => (vec![Data], int("num_outputs", 1)),
        "Squeeze" | "Unsqueeze" => (vec![Data, ints(&[0])], vec![]),
        "Tile" => (vec![Data, ints(&[1, 1, 1, 2])], vec![]),
        "Upsample" => (vec![Data, Reals(vec![4], vec![1.0, 1.0, 2.0, 2.0])], vec![]),
        _ => return None,
    };
    Some(Case(shape, read, attributes))
}

/// op(x) · op(sigmoid(x)), in the newest operator set that has the operator.
fn gated(op: &str, opset: i64, Case(shape, read, attributes): Case) -> Model {
    let mut graph = GraphDef::new(op).with_input(ValueInfo::new("x", DType::F32, shape));
    let mut names = Vec::new();
    for (i, read) in read.into_iter().enumerate() {
        let name = format!("constant {i}");
        let tensor = match read {
            Read::Data | Read::Nothing => {
                names.push(if let Read::Data = read { None } else { Some(String::new()) });
                continue;
            }
            Read::Reals(shape, data) => TensorDef::new(shape, data).unwrap(),
            Read::Ints(shape, data) => TensorDef::new(shape, data).unwrap(),
        };
        graph = graph.with_initializer(&name, tensor);
        names.push(Some(name));
    }
    graph = graph.with_node(NodeDef::new("Sigmoid", ["x"], ["opening"]));
    for (mut data, made) in [("x", "signal"), ("opening", "gate")] {
        let integers = format!("integers for {made}");
        if op == "DequantizeLinear" {
            graph = graph.with_node(NodeDef::new("QuantizeLinear", [data, "constant 1"], [integers.as_str()]));
            data = &integers;
        }
        let inputs: Vec<&str> = names.iter().map(|name| name.as_deref().unwrap_or(data)).collect();
        let node = NodeDef::new(op, inputs, [made]);
        graph = graph.with_node(attributes.iter().fold(node, |node, (name, value)| node.with(name, value.clone())));
    }
    let graph = graph.with_node(NodeDef::new("Mul", ["signal", "gate"], ["y"]));
    let y = ValueInfo { shape: None, ..ValueInfo::new("y", DType::F32, []) };
    let graph = graph.with_output(y);
    Model::new(decode(encode(&ModelDef::new(graph).with_opset("", opset)), None).unwrap()).unwrap()
}

/// Of every operator that moves or scales: in op(x) · op(sigmoid(x)) the second factor is held, as in x · sigmoid(x).
#[test]
fn what_moves_or_scales_a_gate_is_a_gate() {
    let mut wrong = Vec::new();
    for entry in TABLE {
        let facts = (entry.facts)();
        if !facts.class().moves() && !facts.class().scales() {
            continue;
        }
        let opset = (1..=NEWEST).rev().find(|&set| facts.has(set)).unwrap();
        let case = case(entry.name).unwrap_or_else(|| panic!("{} needs a node in the table of this test", entry.name));
        let len = case.0.iter().product::<usize>();
        let x = Tensor::new(&case.0, (0..len).map(|i| (i * 7 % 16) as f64 * 0.25 + 0.125).collect());
        let model = gated(entry.name, opset, case);
        let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
        let circuit = trace.freeze(&Rules::default()).unwrap();
        let product = circuit.stages().last().unwrap();
        if product.held != ["gate"] {
            wrong.push(entry.name);
        }
    }
    assert!(wrong.is_empty(), "a gate behind these is none: {wrong:?}");
}
