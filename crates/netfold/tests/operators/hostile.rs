//! Whatever a file says, an operator computes or says why not; it never panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use netfold::affine::Rule;
use netfold::ops::{At, Dependence, Inputs, TABLE};
use netfold::{OpError, Tensor, Value};
use netfold_onnx::{Attribute, NodeDef, TensorDef};

use crate::node::{NEWEST, build, forward, node};

/// Numbers that are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn of<E: Copy>(&mut self, list: &[E]) -> E {
        list[self.below(list.len())]
    }

    /// Mostly what makes sense somewhere, now and then what does nowhere.
    fn int(&mut self) -> i64 {
        if self.below(8) == 0 {
            return self.of(&[i64::MIN, i64::MIN + 1, -(1 << 40), -7, 9, 1 << 31, 1 << 33, 1 << 40, i64::MAX]);
        }
        self.of(&[-2, -1, 0, 0, 1, 1, 2, 2, 3, 4])
    }

    fn ints(&mut self) -> Vec<i64> {
        (0..self.of(&[0, 1, 1, 2, 2, 3, 4, 4, 8])).map(|_| self.int()).collect()
    }

    fn float(&mut self) -> f64 {
        self.of(&[0.0, 1.0, -1.0, 0.5, -2.5, 3.0, f64::MAX, f64::INFINITY, f64::NAN])
    }

    fn shape(&mut self) -> Vec<usize> {
        let rank = self.of(&[0, 1, 1, 2, 2, 3, 4, 4, 5]);
        (0..rank).map(|_| self.of(&[0, 1, 1, 2, 2, 3, 4])).collect()
    }

    fn value(&mut self, kind: usize) -> Value<f64> {
        let shape =
            if (5..7).contains(&kind) && self.below(4) > 0 { vec![self.of(&[0, 1, 2, 3, 4, 8])] } else { self.shape() };
        let len = shape.iter().product();
        match kind {
            0..5 => Value::Real(Tensor::new(&shape, (0..len).map(|_| self.float()).collect())),
            5..7 => Value::Int(Tensor::new(&shape, (0..len).map(|_| self.int()).collect())),
            _ => Value::Bool(Tensor::new(&shape, (0..len).map(|_| self.below(2) == 0).collect())),
        }
    }

    fn attribute(&mut self) -> Attribute {
        match self.below(8) {
            0..3 => Attribute::Int(self.int()),
            3..6 => Attribute::Ints(self.ints()),
            6 => Attribute::Float(self.float() as f32),
            _ => self.of(&["SAME_UPPER", "SAME_LOWER", "VALID", "reflect", "edge", "wrap", "CRD", "tanh"]).into(),
        }
    }
}

/// Attributes that some operator reads.
const NAMES: [&str; 31] = [
    "axis",
    "axes",
    "kernel_shape",
    "strides",
    "dilations",
    "pads",
    "auto_pad",
    "ceil_mode",
    "count_include_pad",
    "group",
    "mode",
    "value",
    "perm",
    "starts",
    "ends",
    "split",
    "num_outputs",
    "keepdims",
    "noop_with_empty_axes",
    "alpha",
    "blocksize",
    "shape",
    "to",
    "start",
    "end",
    "transA",
    "storage_order",
    "allowzero",
    "min",
    "epsilon",
    "fmod",
];

/// Builds, computes and freezes a node of `op` with random attributes and inputs; how far it came.
fn attempt(op: &str, draw: &mut Draw) -> Result<(), OpError> {
    let outputs = draw.of(&["a", "a", "a b", "a b c"]);
    let mut node = NodeDef::new(op, [], outputs.split(' '));
    let opset = draw.of(&[1, 5, 7, 9, 11, 13, 18, NEWEST]);
    for name in NAMES {
        // One in three of the windows' attributes, so that they meet; fewer of the others.
        if draw.below(if (2..8).contains(&NAMES.iter().position(|&n| n == name).unwrap_or(0)) { 3 } else { 6 }) == 0 {
            node = node.with(name, draw.attribute());
        }
    }
    if draw.below(2) == 0 {
        let rank = draw.of(&[1, 2, 3]);
        node = node.with("kernel_shape", (0..rank).map(|_| draw.of(&[1, 2, 3])).collect::<Vec<i64>>());
    }
    if draw.below(2) == 0 {
        node = node.with("value", TensorDef::new([1], vec![1.5_f32]).unwrap());
    }
    // Half of the time all inputs are of one kind.
    let kind = (draw.below(2) == 0).then(|| draw.below(8));
    let value = |draw: &mut Draw| {
        let kind = kind.unwrap_or_else(|| draw.below(8));
        (draw.below(8) > 0).then(|| draw.value(kind))
    };
    let values: Vec<Option<Value<f64>>> = (0..draw.of(&[0, 1, 1, 2, 2, 3, 3, 4, 5])).map(|_| value(draw)).collect();
    let varies: Vec<bool> = values.iter().map(|x| matches!(x, Some(Value::Real(_))) && draw.below(3) > 0).collect();
    let operator = build(&node, opset)?;
    let inputs = Inputs(values.iter().map(Option::as_ref).collect());
    let made = netfold::ops::Op::<f64>::forward(operator.as_ref(), &inputs)?;
    if operator.dependence(&varies) == Dependence::Varies {
        for rule in [Rule::Gate, Rule::Tangent] {
            for (output, value) in made.iter().enumerate() {
                let at = At { inputs: &inputs, outputs: &made, varies: &varies, output, rule };
                let affine = netfold::ops::Op::<f64>::freeze(operator.as_ref(), &at)?;
                assert_eq!(affine.shape(), value.shape(), "shape of the frozen node");
                let real = |x: &Option<&Value<f64>>| if let Some(Value::Real(x)) = x { Some(x.clone()) } else { None };
                let tensors: Vec<Option<Tensor<f64>>> = inputs.0.iter().map(real).collect();
                affine.apply(&tensors.iter().map(Option::as_ref).collect::<Vec<_>>());
            }
        }
    }
    Ok(())
}

#[test]
fn nothing_that_a_file_says_makes_an_operator_panic() {
    let mut panics = Vec::new();
    for entry in TABLE {
        let mut draw = Draw(entry.name.bytes().map(u64::from).sum());
        let mut fine = 0;
        for _ in 0..3000 {
            let before = draw.0;
            match catch_unwind(AssertUnwindSafe(|| attempt(entry.name, &mut draw))) {
                Ok(result) => fine += usize::from(result.is_ok()),
                Err(_) => panics.push(format!("{} from {before}", entry.name)),
            }
        }
        println!("{:20} {fine} of 3000 computed", entry.name);
        // Four vectors that fit a tensor's channels are not met by chance.
        assert!(fine > 0 || entry.name == "BatchNormalization", "nothing random ever suits {}", entry.name);
    }
    assert!(panics.is_empty(), "{} panics: {:?}", panics.len(), panics.iter().take(40).collect::<Vec<_>>());
}

#[test]
fn shapes_beyond_every_memory_are_refused_by_number() {
    let huge = Value::<f64>::Int(Tensor::new(&[2], vec![1 << 20, 1 << 20]));
    let x = Value::Real(Tensor::new(&[1, 1], vec![1.0]));
    let step = |value: i64| Value::<f64>::Int(Tensor::scalar(value));
    let cases = [
        (node("ConstantOfShape"), vec![huge.clone()]),
        (node("Expand"), vec![x.clone(), huge.clone()]),
        (node("Tile"), vec![x.clone(), huge]),
        (node("Range"), vec![step(0), step(1 << 40), step(1)]),
        (node("Pad").with("pads", [0, 0, 1 << 40, 0]), vec![x.clone()]),
        (
            node("MatMul"),
            vec![
                Value::Real(Tensor::new(&[1 << 15, 1], vec![1.0; 1 << 15])),
                Value::Real(Tensor::new(&[1, 1 << 15], vec![1.0; 1 << 15])),
            ],
        ),
    ];
    for (node, inputs) in cases {
        let opset = if node.op_type == "Pad" { 10 } else { NEWEST };
        let error = forward(build(&node, opset).unwrap().as_ref(), &inputs).unwrap_err().to_string();
        assert!(error.contains("over the limit of 268435456 elements"), "{}: {error}", node.op_type);
    }
}
