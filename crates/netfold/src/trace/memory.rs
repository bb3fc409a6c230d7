//! What nodes ask the budget for, before they compute and before they are frozen.

use std::sync::Arc;

use super::Trace;
use crate::budget::{Share, Shortage};
use crate::error::{Error, OpError};
use crate::model::Node;
use crate::ops::{Extent, Precision, size};

impl<T: Precision> Trace<'_, T> {
    /// What a node will make and take.
    pub(super) fn extent(&self, node: &Node) -> Result<Extent, Error> {
        let operator = match &node.operator {
            Ok(operator) => operator,
            Err(why) => return Err(self.model.unsupported(self.input, &self.varies, vec![node.refused(why)])),
        };
        let inputs = self.inputs(node);
        operator.extent(&inputs.outlines().varying(self.depends(node))).map_err(|source| {
            let (taken, limit) = (self.model.budget().taken(), self.model.budget().limit());
            too_large::<T>(node, &source, taken, limit).unwrap_or_else(|| self.failed("compute", node, &inputs, source))
        })
    }

    /// So many bytes, which a node is about to take for what it makes.
    pub(super) fn ask(&self, verb: &'static str, node: &Node, extent: &Extent, bytes: f64) -> Result<Share, Error> {
        let budget = self.model.budget();
        let share = budget.take(bytes).map_err(|shortage| short(verb, node, extent, shortage))?;
        // What is kept for reuse is nobody's, and has to go where it is in the way.
        if budget.left() < budget.limit() / 2 && budget.left() < (T::pool().kept() * size_of::<T>()) as u64 {
            T::pool().clear();
        }
        Ok(share)
    }

    /// What the recorded tables take of the budget, for those who hold the tables too.
    pub(crate) fn tables(&self) -> Arc<Share> {
        Arc::clone(&self.tables)
    }

    /// A share of the budget that a node's frozen form takes, beside what was recorded.
    pub(crate) fn ask_to_freeze(&self, node: &Node) -> Result<Share, Error> {
        let extent = self.extent(node)?;
        let bytes = extent.bytes_frozen(size_of::<T>());
        let mut share = self.ask("freeze", node, &extent, bytes + extent.scratch)?;
        share.shrink_to(bytes as u64);
        Ok(share)
    }
}

/// The error of a node that would take more than is left.
pub(super) fn short(verb: &'static str, node: &Node, extent: &Extent, shortage: Shortage) -> Error {
    let shapes: Vec<String> = extent.outputs.iter().map(|told| format!("{:?}", told.shape)).collect();
    let what = format!("to {verb} `{}` ({}), which makes {},", node.name, node.op, shapes.join(" "));
    Error::Memory { what, shortage }
}

/// The error of a tensor with more elements than can be numbered, where it would be more than is left, too.
fn too_large<T: Precision>(node: &Node, error: &OpError, taken: u64, limit: u64) -> Option<Error> {
    let shape = error.too_large()?;
    let bytes = (size::amount(shape) * size_of::<T>() as f64) as u64;
    let what = format!("to compute `{}` ({}), which makes {shape:?},", node.name, node.op);
    (bytes > limit.saturating_sub(taken)).then_some(Error::Memory { what, shortage: Shortage { bytes, taken, limit } })
}
