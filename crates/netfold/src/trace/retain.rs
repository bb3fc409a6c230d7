//! What a trace holds on to, and what it gives back on the way.

use super::Trace;
use crate::error::Error;
use crate::model::{Node, TensorId};
use crate::ops::{Precision, Record};
use crate::value::Value;

/// What a trace holds on to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// All values: inner tensors can be looked at, and parts of the network be frozen.
    #[default]
    Values,
    /// What freezing the whole network needs: masks and winners, the inputs of those nodes that a rule has a say in, and
    /// the output. All else is given back as soon as the last node has read it.
    ForFreezing,
}

impl<T: Precision> Trace<'_, T> {
    /// How many hold on to each tensor: the node that makes it, those that read it, and who asks for input and output.
    pub(super) fn held(&self) -> Vec<usize> {
        let mut held = vec![0; self.values.len()];
        for node in self.nodes.iter().map(|&index| &self.model.nodes[index]) {
            node.inputs.iter().chain(&node.outputs).flatten().for_each(|id| held[id.0] += 1);
        }
        [self.input, self.output].iter().for_each(|id| held[id.0] += 1);
        held
    }

    /// One holds on to each of these tensors no longer; the last one gives its numbers back.
    pub(super) fn release<'a>(&mut self, tensors: impl Iterator<Item = &'a TensorId>, held: &mut [usize]) {
        for &id in tensors {
            held[id.0] = held[id.0].saturating_sub(1);
            if held[id.0] == 0
                && self.varies(id)
                && self.tracing.keep == Keep::ForFreezing
                && let Some(value) = self.values[id.0].take()
            {
                let rest = self.held.bytes().saturating_sub(value.own_bytes());
                value.recycle();
                self.held.shrink_to(rest);
            }
        }
    }

    /// As [`compute`](Self::compute), in the place of an input that the node is the last to hold on to; nothing where that
    /// cannot be.
    pub(super) fn overwritten(&mut self, node: &Node, held: &[usize]) -> Result<Option<Record<T>>, Error> {
        let (Some(&Some(id)), Ok(operator)) = (node.inputs.first(), &node.operator) else { return Ok(None) };
        if held[id.0] > 1 || !self.varies(id) || self.tracing.keep == Keep::Values {
            return Ok(None);
        }
        let taken = self.values[id.0].take();
        let Some(Value::Real(mut z)) = taken else {
            self.values[id.0] = taken;
            return Ok(None);
        };
        let affine = T::op(operator.as_ref()).overwrite(&mut z, &self.inputs(node));
        if let Ok(Some(affine)) = affine {
            return Ok(Some(Record::new(z, affine)));
        }
        self.values[id.0] = Some(Value::Real(z));
        affine.map(|_| None).map_err(|source| self.failed("compute", node, &self.inputs(node), source))
    }
}
