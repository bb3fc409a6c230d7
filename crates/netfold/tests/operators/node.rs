//! One node made by hand.

use netfold::affine::{Affine, Rule};
use netfold::ops::{At, Attributes, Inputs, Operator, entry};
use netfold::{OpError, Precision, Tensor, Value};
use netfold_onnx::NodeDef;

/// The newest operator set.
pub use netfold::ops::NEWEST;

/// An operator, as the loader builds it.
pub fn build(node: &NodeDef, opset: i64) -> Result<Box<dyn Operator>, OpError> {
    let entry = entry(&node.op_type).unwrap_or_else(|| panic!("{} is not in the table", node.op_type));
    entry.operator(&Attributes::new(node, opset))
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
    T::op(operator).forward(&Inputs(inputs.iter().map(Some).collect())).map(|mut outputs| outputs.swap_remove(0))
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
    (netfold_linear::matrix(map.as_ref()), affine.offset.as_ref().map(netfold_linear::Field::to_vec))
}
