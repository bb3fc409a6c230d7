//! Networks whose output is made of probabilities that are not the last thing they compute.

use std::collections::HashMap;

use crate::model::{Node, Squashing, TensorId};
use crate::ops::{AfterLogits, Class, Precision};
use crate::trace::{Trace, Warning};

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
            let head = model.head_of(model.name(id), Squashing::LeftOff).ok();
            head.is_some_and(|head| head.logits == self.output && !head.left_off.is_empty())
        };
        let again = model.outputs.iter().any(squashed_again);
        if !again && !model.outputs.contains(&self.output) {
            return None;
        }
        let mut made: HashMap<TensorId, Made<'_>> = HashMap::new();
        for node in self.nodes.iter().map(|&index| &model.nodes[index]) {
            let facts = node.facts();
            let mut read = node.inputs.iter().flatten().filter(|&&id| self.varies(id)).map(|id| made.get(id).copied());
            let own = match (facts.after_logits(), read.next()) {
                (AfterLogits::Squashes, _) => Some(Made { by: node, bent: false }),
                (AfterLogits::Transparent, Some(Some(first))) => Some(first),
                (_, Some(Some(first))) if facts.class() == Class::Cast => Some(first),
                // Whatever else comes in is made of probabilities too.
                (AfterLogits::Bends, Some(Some(first))) if read.all(|other| other.is_some()) => {
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
