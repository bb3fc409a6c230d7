//! Which tensor of the model is reconstructed: the logits.

use crate::error::Error;
use crate::model::{Graph, Node, TensorId};
use crate::ops::{AfterLogits, Class};

/// The end of the network that is reconstructed.
#[derive(Clone, Debug)]
pub struct Head {
    /// The output of the model that was asked for.
    pub output: TensorId,
    /// What is reconstructed: the output, or what a final normalisation reads.
    pub logits: TensorId,
    /// The nodes between the two, left off (softmax and the like).
    pub left_off: Vec<String>,
    /// What the first of them makes of the logits: probabilities, or their logarithms; absent where nothing is left off.
    pub squashed: Option<TensorId>,
}

/// What becomes of a softmax, log-softmax or sigmoid at the network's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Squashing {
    /// It is left off: the logits are explained.
    #[default]
    LeftOff,
    /// It is part of what is explained.
    Kept,
}

impl Head {
    /// An inner tensor, as it is.
    pub fn at(tensor: TensorId) -> Self {
        Self { output: tensor, logits: tensor, left_off: Vec::new(), squashed: None }
    }
}

impl Graph {
    /// What a node of those that may be left off makes of a tensor, if it keeps the shape.
    pub(crate) fn same_shape(&self, id: TensorId) -> Option<TensorId> {
        let keeps = |node: &Node| match node.facts().after_logits() {
            AfterLogits::Squashes => true,
            AfterLogits::Transparent => matches!(node.class(), Class::Copy | Class::Cast),
            AfterLogits::Bends | AfterLogits::Computes => false,
        };
        let node = self.nodes.iter().find(|node| node.inputs.first() == Some(&Some(id)) && keeps(node))?;
        node.outputs.first().copied().flatten()
    }

    /// The only output, up to a final softmax, log-softmax or sigmoid, or with it: a network of probabilities is not
    /// linear anywhere, its logits are.
    ///
    /// # Errors
    /// If there is no output, or there are several.
    pub fn head(&self, squashing: Squashing) -> Result<Head, Error> {
        self.ended(None, squashing)
    }

    /// As [`head`](Self::head), of the output of this name.
    ///
    /// # Errors
    /// If there is no output of this name.
    pub fn head_of(&self, output: &str, squashing: Squashing) -> Result<Head, Error> {
        self.ended(Some(output), squashing)
    }

    fn ended(&self, name: Option<&str>, squashing: Squashing) -> Result<Head, Error> {
        let keep = squashing == Squashing::Kept;
        let names = || self.outputs.iter().map(|&id| self.name(id));
        let unknown = |name: &str, nearest| Error::Unknown { kind: "output", name: name.to_owned(), nearest };
        let output = match (name, self.outputs.as_slice()) {
            (Some(name), outputs) => {
                let found = outputs.iter().copied().find(|&id| self.name(id) == name);
                found.ok_or_else(|| unknown(name, names().map(str::to_owned).collect()))?
            }
            (None, [only]) => *only,
            (None, []) => return Err(Error::Graph("the model has no output".into())),
            (None, _) => return Err(Error::SeveralOutputs(names().map(str::to_owned).collect())),
        };
        let (mut logits, mut left_off, mut squashed) = (output, Vec::new(), None);
        let (mut at, mut passed) = (output, Vec::new());
        while let (false, Some(node)) = (keep, self.maker(at)) {
            let Some(&Some(input)) = node.inputs.first() else { break };
            passed.push(node.name.clone());
            match node.facts().after_logits() {
                AfterLogits::Squashes => {
                    (logits, left_off, squashed) = (input, passed, Some(at));
                    break;
                }
                AfterLogits::Transparent => at = input,
                AfterLogits::Bends | AfterLogits::Computes => break,
            }
        }
        Ok(Head { output, logits, left_off, squashed })
    }
}
