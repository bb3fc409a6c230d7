//! Networks whose output is made of probabilities that are not the last thing they compute.

use std::collections::HashMap;

use crate::graph::{Node, TensorId};
use crate::ops::Precision;
use crate::trace::Trace;
use crate::warning::Warning;

/// Operators that make probabilities.
const SQUASHING: [&str; 3] = ["Softmax", "LogSoftmax", "Sigmoid"];

/// Operators behind which probabilities still are probabilities, moved.
const MOVING: [&str; 8] = ["Identity", "Cast", "CastLike", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze"];

/// Operators that choose, scale, shift or bend every number by itself.
const BENDING: &[&str] = &[
    "Transpose",
    "Slice",
    "Split",
    "Gather",
    "GatherElements",
    "GatherND",
    "Concat",
    "Pad",
    "Expand",
    "Tile",
    "Add",
    "Sub",
    "Sum",
    "Mul",
    "Div",
    "Neg",
    "Log",
    "Exp",
    "Sqrt",
    "Pow",
    "Reciprocal",
    "Clip",
    "Min",
    "Max",
    "Relu",
    "LeakyRelu",
    "Where",
    "Abs",
];

/// Probabilities that a tensor is made of.
#[derive(Clone, Copy)]
struct Made<'m> {
    /// The node that makes them.
    by: &'m Node,
    /// Whether anything else than moving was done to them since.
    bent: bool,
}

impl<T: Precision> Trace<'_, T> {
    /// That what is reconstructed are probabilities, or a function of each of them.
    ///
    /// A softmax that weighs other numbers, as an attention's does, is none of this: nor is what the user has asked for by
    /// name, an inner tensor or the final probabilities themselves.
    pub(crate) fn probabilities(&self) -> Option<Warning> {
        let model = self.model;
        let squashed_again = |&id: &TensorId| {
            let head = model.head(Some(model.name(id)), false).ok();
            head.is_some_and(|head| head.logits == self.output && !head.left_off.is_empty())
        };
        let again = model.outputs.iter().any(squashed_again);
        if !again && !model.outputs.contains(&self.output) {
            return None;
        }
        let mut made: HashMap<TensorId, Made<'_>> = HashMap::new();
        for node in self.nodes.iter().map(|&index| &model.nodes[index]) {
            let op = node.op.as_str();
            let mut read = node.inputs.iter().flatten().filter(|&&id| self.varies(id)).map(|id| made.get(id).copied());
            let own = match read.next() {
                _ if SQUASHING.contains(&op) => Some(Made { by: node, bent: false }),
                Some(Some(first)) if MOVING.contains(&op) => Some(first),
                // Whatever else comes in is made of probabilities too.
                Some(Some(first)) if BENDING.contains(&op) && read.all(|other| other.is_some()) => {
                    Some(Made { bent: true, ..first })
                }
                _ => None,
            };
            if let Some(own) = own {
                made.extend(node.outputs.iter().flatten().filter(|&&id| self.varies(id)).map(|&id| (id, own)));
            }
        }
        let Made { by, .. } = made.get(&self.output).filter(|made| made.bent || again)?;
        let logits = by.inputs.first().copied().flatten()?;
        Some(Warning::Probabilities {
            node: by.name.clone(),
            op: by.op.clone(),
            output: model.name(self.output).to_owned(),
            logits: model.name(logits).to_owned(),
        })
    }
}
