//! One node made by hand.

use netfold::affine::{Affine, Rule};
use netfold::ops::{At, Attributes, Holds, Inputs, Operator, entry};
use netfold::{OpError, Precision, Tensor, Value};
use netfold_onnx::NodeDef;

/// The newest operator set.
pub use netfold::ops::NEWEST;

/// An operator, as the loader builds it; of a node without inputs as if it named as many as it has to.
pub fn build(node: &NodeDef, opset: i64) -> Result<Box<dyn Operator>, OpError> {
    let entry = entry(&node.op_type).unwrap_or_else(|| panic!("{} is not in the table", node.op_type));
    let mut node = node.clone();
    if node.inputs.is_empty() {
        node.inputs = vec!["x".to_owned(); (entry.facts)().least_inputs(opset)];
    }
    entry.operator(&Attributes::new(&node, opset))
}

/// A nameless node with one output.
pub fn node(op: &str) -> NodeDef {
    NodeDef::new(op, [], ["y"])
}

/// A tensor of numbers.
pub fn real(shape: &[usize], data: &[f64]) -> Value<f64> {
    Value::Real(Tensor::new(shape, data.to_vec()))
}

/// What a node gives as its first output.
pub fn forward<T: Precision>(operator: &dyn Operator, inputs: &[Value<T>]) -> Result<Value<T>, OpError> {
    compute(operator, &Inputs(inputs.iter().map(Some).collect())).map(|mut outputs| outputs.swap_remove(0))
}

/// Bytes that one node of a test may take.
const MOST: f64 = (1 << 30) as f64;

/// What a node gives, which is what it tells beforehand.
///
/// # Panics
/// If it computes something else than it told, or computes where it refused to tell.
pub fn compute<T: Precision>(operator: &dyn Operator, inputs: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
    let extent = operator.extent(&inputs.outlines());
    match &extent {
        Ok(extent) if extent.bytes(size_of::<T>()) > MOST => return Err(OpError::new("more than a test may take")),
        Err(error) if error.to_string().contains("over the limit") => return Err(error.clone()),
        _ => {}
    }
    let made = T::op(operator).forward(inputs)?;
    let told = extent.unwrap_or_else(|error| panic!("{operator:?} computes, and tells nothing: {error}"));
    let holds = |value: &Value<T>| match value {
        Value::Real(_) => Holds::Reals,
        Value::Int(_) => Holds::Ints,
        Value::Bool(_) => Holds::Truths,
    };
    let made_of: Vec<(Holds, &[usize])> = made.iter().map(|value| (holds(value), value.shape())).collect();
    let told_of: Vec<(Holds, &[usize])> = told.outputs.iter().map(|told| (told.holds, told.shape.as_slice())).collect();
    assert_eq!(told_of, made_of, "{operator:?} makes what it tells");
    for (told, value) in told.outputs.iter().zip(&made) {
        if let (Some(ints), Value::Int(value)) = (&told.ints, value) {
            assert_eq!(ints, value.data(), "{operator:?} makes the elements that it tells");
        }
    }
    Ok(made)
}

/// What a node is at its inputs, of which those in `varies` vary.
pub fn freeze<T: Precision>(
    operator: &dyn Operator,
    inputs: &[Value<T>],
    varies: &[usize],
    rule: Rule,
) -> Result<Affine<T>, OpError> {
    let varies: Vec<bool> = (0..inputs.len()).map(|i| varies.contains(&i)).collect();
    let inputs = Inputs(inputs.iter().map(Some).collect());
    T::op(operator).freeze(&At { inputs: &inputs, outputs: &[], varies: &varies, output: 0, rule, still: None })
}

/// The matrix of input 0's map, row by row, and the offset.
pub fn matrix(affine: &Affine<f64>) -> (Vec<f64>, Option<Vec<f64>>) {
    let map = affine.terms[0].as_ref().expect("input 0 varies");
    (netfold_linear::matrix(map.as_ref()), affine.offset.as_ref().map(netfold_linear::Broadcast::to_vec))
}
