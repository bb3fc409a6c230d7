//! Whatever a file says, an operator computes or says why not; it never panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use netfold::affine::Rule;
use netfold::ops::{At, Dependence, Facts, Inputs, Op, TABLE};
use netfold::{OpError, Tensor, Value};
use netfold_onnx::{NodeDef, TensorDef};

use crate::draw::Draw;
use crate::node::{NEWEST, build, compute, node};

/// A node with inputs of one's own.
type Given = (NodeDef, Vec<Option<Value<f64>>>);

fn reals(shape: &[usize]) -> Value<f64> {
    let len: usize = shape.iter().product();
    Value::Real(Tensor::new(shape, (0..len).map(|i| ((i * 7) % 11) as f64 - 4.0).collect()))
}

fn ints(data: &[i64]) -> Value<f64> {
    Value::Int(Tensor::new(&[data.len()], data.to_vec()))
}

/// A node that is right, where chance alone would hardly ever make one.
fn right(op: &str) -> Option<Given> {
    let node = node(op);
    let (node, values) = match op {
        "AveragePool" | "MaxPool" => {
            let node = node.with("kernel_shape", [2, 3]).with("strides", [2, 1]).with("pads", [1, 0, 0, 1]);
            (node, vec![reals(&[1, 2, 5, 4])])
        }
        "BatchNormalization" => (node, vec![reals(&[2, 3, 2]), reals(&[3]), reals(&[3]), reals(&[3]), reals(&[3])]),
        "Conv" => {
            let node = node.with("group", 2).with("pads", [1, 0, 0, 1]).with("dilations", [1, 2]);
            (node, vec![reals(&[1, 2, 5, 4]), reals(&[4, 1, 2, 2]), reals(&[4])])
        }
        "Col2Im" => (node, vec![reals(&[1, 8, 6]), ints(&[3, 4]), ints(&[2, 2])]),
        "ConvTranspose" => {
            let node = node.with("group", 2).with("strides", [2, 1]).with("pads", [1, 0, 0, 1]);
            (node, vec![reals(&[1, 4, 3, 4]), reals(&[4, 1, 2, 3]), reals(&[2])])
        }
        "CumSum" => (node, vec![reals(&[2, 3, 2]), ints(&[1])]),
        "DepthToSpace" => (node.with("blocksize", 2), vec![reals(&[1, 8, 2, 3])]),
        "DequantizeLinear" | "QuantizeLinear" => (node, vec![reals(&[2, 3]), reals(&[3])]),
        "Einsum" => (node.with("equation", "bij,bkj->bik"), vec![reals(&[2, 3, 4]), reals(&[2, 5, 4])]),
        "Expand" => (node, vec![reals(&[3, 1]), ints(&[2, 1, 4])]),
        "Gather" => (node.with("axis", 1), vec![reals(&[2, 3, 2]), ints(&[-1, 0])]),
        "GatherElements" => {
            let indices = Value::Int(Tensor::new(&[2, 2], vec![0, -1, 1, 0]));
            (node.with("axis", 1), vec![reals(&[2, 3]), indices])
        }
        "GatherND" => (node, vec![reals(&[2, 3, 2]), ints(&[1, -2])]),
        "Gemm" => (node.with("transA", 1), vec![reals(&[3, 2]), reals(&[3, 4]), reals(&[4])]),
        "GroupNormalization" => (node.with("num_groups", 2), vec![reals(&[1, 4, 3]), reals(&[4]), reals(&[4])]),
        "InstanceNormalization" => (node, vec![reals(&[2, 3, 4]), reals(&[3]), reals(&[3])]),
        "LayerNormalization" => (node.with("axis", 1), vec![reals(&[2, 3, 4]), reals(&[3, 4]), reals(&[4])]),
        "LRN" => (node.with("size", 3), vec![reals(&[1, 5, 2])]),
        "LpPool" => (node.with("kernel_shape", [2]), vec![reals(&[1, 2, 5])]),
        "MatMul" => (node, vec![reals(&[2, 1, 2, 3]), reals(&[2, 3, 4])]),
        "Pad" => (node.with("mode", "constant"), vec![reals(&[2, 3]), ints(&[0, 1, 2, -1]), reals(&[])]),
        "Range" => (node, vec![reals(&[]), reals(&[]), reals(&[])]),
        "Reshape" => (node, vec![reals(&[2, 3, 4]), ints(&[0, -1])]),
        "Resize" => {
            let node = node.with("mode", "linear").with("antialias", 1);
            (node, vec![reals(&[1, 2, 5, 4]), reals(&[0]), reals(&[0]), ints(&[1, 2, 3, 6])])
        }
        "RMSNormalization" => (node, vec![reals(&[2, 3, 4]), reals(&[4])]),
        "Scatter" | "ScatterElements" => {
            let indices = Value::Int(Tensor::new(&[2, 2], vec![0, -1, 1, 1]));
            (node.with("axis", 1), vec![reals(&[2, 3]), indices, reals(&[2, 2])])
        }
        "ScatterND" => {
            let indices = Value::Int(Tensor::new(&[3, 1], vec![0, -1, 1]));
            (node, vec![reals(&[3, 2]), indices, reals(&[3, 2])])
        }
        "Slice" => (node, vec![reals(&[4, 5]), ints(&[3, 0]), ints(&[0, 4]), ints(&[0, 1]), ints(&[-1, 2])]),
        "SpaceToDepth" => (node.with("blocksize", 2), vec![reals(&[1, 2, 4, 6])]),
        "Split" => (node.with("axis", 1), vec![reals(&[2, 5]), ints(&[5])]),
        "TopK" => (node.with("axis", 1), vec![reals(&[2, 3]), ints(&[2])]),
        "Tile" => (node, vec![reals(&[2, 3]), ints(&[2, 1])]),
        "Transpose" => (node.with("perm", [2, 0, 1]), vec![reals(&[2, 3, 4])]),
        "Upsample" => (node.with("scales", vec![1.0_f32, 1.0, 2.0, 1.5]), vec![reals(&[1, 2, 3, 2])]),
        "Where" => {
            let condition = Value::Bool(Tensor::new(&[3], vec![true, false, true]));
            (node, vec![condition, reals(&[2, 1]), reals(&[2, 3])])
        }
        _ => return None,
    };
    Some((node, values.into_iter().map(Some).collect()))
}

/// A node of this operator with inputs and values of its attributes at random.
fn random(op: &str, names: &[&str], draw: &mut Draw) -> Given {
    let outputs = draw.of(&["a", "a", "a b", "a b c"]);
    let mut node = NodeDef::new(op, [], outputs.split(' '));
    for name in names {
        if draw.below(5) == 0 {
            node = node.with(name, draw.attribute());
        }
    }
    if names.contains(&"value") && draw.below(2) == 0 {
        node = node.with("value", TensorDef::new([1], vec![1.5_f32]).unwrap());
    }
    // Half of the time all inputs are of one kind.
    let kind = (draw.below(2) == 0).then(|| draw.below(8));
    let value = |draw: &mut Draw| {
        let kind = kind.unwrap_or_else(|| draw.below(8));
        (draw.below(8) > 0).then(|| draw.value(kind))
    };
    let values = (0..draw.of(&[0, 1, 1, 2, 2, 3, 3, 4, 5])).map(|_| value(draw)).collect();
    (node, values)
}

/// A right node with something changed.
fn mutated((mut node, mut values): Given, names: &[&str], draw: &mut Draw) -> Given {
    for _ in 0..draw.below(3) {
        let own: Vec<String> = node.attributes.keys().cloned().collect();
        match draw.below(3) {
            0 if !names.is_empty() => node = node.with(draw.of(names), draw.attribute()),
            1 if !own.is_empty() => node = node.with(&own[draw.below(own.len())], draw.attribute()),
            _ => {
                let (i, kind) = (draw.below(values.len()), draw.below(8));
                values[i] = (draw.below(8) > 0).then(|| draw.value(kind));
            }
        }
    }
    (node, values)
}

/// Builds, computes and freezes one node; an error says how far it came.
fn attempt(op: &str, facts: &Facts, draw: &mut Draw) -> Result<(), OpError> {
    let sets: Vec<i64> = [1, 5, 7, 9, 11, 13, 18, NEWEST].into_iter().filter(|&set| facts.has(set)).collect();
    let opset = draw.of(&sets);
    let names: Vec<&str> = facts.attributes_of(opset).map(|(name, _)| name).collect();
    let (node, values) = match right(op).filter(|_| draw.below(4) > 0) {
        Some(given) => mutated(given, &names, draw),
        None => random(op, &names, draw),
    };
    let varies: Vec<bool> = values.iter().map(|x| matches!(x, Some(Value::Real(_))) && draw.below(3) > 0).collect();
    let operator = build(&node, opset)?;
    let inputs = Inputs(values.iter().map(Option::as_ref).collect());
    let made = compute::<f64>(operator.as_ref(), &inputs)?;
    if operator.dependence(&varies) != Dependence::Varies {
        return Ok(());
    }
    let real = |x: Option<&Value<f64>>| if let Some(Value::Real(x)) = x { Some(x.clone()) } else { None };
    let tensors: Vec<Option<Tensor<f64>>> = inputs.0.iter().copied().map(real).collect();
    for rule in [Rule::Gate, Rule::Tangent] {
        for (output, value) in made.iter().enumerate() {
            let at = At { inputs: &inputs, outputs: &made, varies: &varies, output, rule, still: None };
            let affine = Op::<f64>::freeze(operator.as_ref(), &at)?;
            assert_eq!(affine.shape(), value.shape(), "shape of the frozen node");
            affine.apply(&tensors.iter().map(Option::as_ref).collect::<Vec<_>>());
        }
    }
    Ok(())
}

#[test]
fn nothing_that_a_file_says_makes_an_operator_panic() {
    let mut panics = Vec::new();
    for entry in TABLE {
        let mut draw = Draw(entry.name.bytes().map(u64::from).sum());
        let (mut fine, facts) = (0, (entry.facts)());
        for _ in 0..3000 {
            let before = draw.0;
            match catch_unwind(AssertUnwindSafe(|| attempt(entry.name, &facts, &mut draw))) {
                Ok(result) => fine += usize::from(result.is_ok()),
                Err(_) => panics.push(format!("{} from {before}", entry.name)),
            }
        }
        println!("{:20} {fine} of 3000 computed", entry.name);
        assert!(fine > 0, "nothing random ever suits {}", entry.name);
    }
    assert!(panics.is_empty(), "{} panics: {:?}", panics.len(), panics.iter().take(40).collect::<Vec<_>>());
}
