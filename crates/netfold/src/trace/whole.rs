//! Networks of integers: what their first nodes compute in integers has to be what is computed here in reals.

use std::collections::HashSet;

use netfold_onnx::DType;

use crate::error::Error;
use crate::input::range;
use crate::model::{Graph, Node, TensorId};
use crate::ops::{Class, Precision};
use crate::value::Value;

/// Tensors of integers that depend on x.
///
/// Moving integers around is the same in reals. A quotient is cut, a sum wraps, and a resampled value is rounded in
/// integers alone: such a node is not supported at an input where it makes a difference.
#[derive(Debug)]
pub(crate) struct Whole {
    dtype: DType,
    ends: [f64; 2],
    tensors: HashSet<TensorId>,
}

impl Whole {
    /// Begins at an input of integers whose values are whole. Between whole numbers, where lenses look too, the network
    /// is what it is in reals, and nothing is checked.
    pub fn begin<T: Precision>(model: &Graph, root: TensorId, value: Option<&Value<T>>) -> Option<Self> {
        let dtype = model.tensors[root.0].dtype.filter(|_| model.inputs.contains(&root))?;
        let ends = range(dtype)?.map(|end| end as f64);
        match value {
            Some(Value::Real(x)) if x.data().iter().all(|x| x.wide().fract() == 0.0) => {
                Some(Self { dtype, ends, tensors: HashSet::from([root]) })
            }
            _ => None,
        }
    }

    /// Follows a node that was computed.
    ///
    /// # Errors
    /// If it computes in integers, and its values are none.
    pub fn follow<T: Precision>(&mut self, node: &Node, made: &[Value<T>]) -> Result<(), Error> {
        let reads = node.inputs.iter().flatten().any(|id| self.tensors.contains(id));
        // What has another element type than what it reads ends the chain of integers.
        if !reads || matches!(node.class(), Class::Cast | Class::Quantize | Class::Dequantize) {
            return Ok(());
        }
        let [low, high] = self.ends;
        for (id, value) in node.outputs.iter().zip(made) {
            let (Some(id), Value::Real(tensor)) = (id, value) else { continue };
            self.tensors.insert(*id);
            let mut numbers = tensor.data().iter().map(|value| value.wide());
            if let Some(odd) = numbers.find(|v| v.fract() != 0.0 || !(low..=high).contains(v)) {
                let why = format!("it computes in {}, which has no {odd}: this is not followed", self.dtype);
                return Err(Error::Unsupported { nodes: vec![node.refused(&why)], before: Vec::new() });
            }
        }
        Ok(())
    }
}
