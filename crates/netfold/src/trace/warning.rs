//! What a reader of a result has to know although nothing stopped the run.

use std::collections::HashMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::Trace;
use crate::affine::Rule;
use crate::model::{Node, TensorId, agree, shape_text};
use crate::ops::{Class, Precision};

/// A finding that does not stop a run, and that a reader of its result has to know.
///
/// `Display` says what was found and where, [`hint`](Self::hint) what helps. In JSON a warning is an object of `message`
/// and, where there is one, `hint`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// The file declares another shape for a tensor than the computation gives.
    DeclaredShape {
        /// The tensor.
        tensor: String,
        /// The shape that the file declares, symbols by name.
        declared: String,
        /// The shape that was computed.
        computed: Vec<usize>,
    },
    /// The input is of another scale than what the network was trained on, as far as a batch normalisation near the
    /// input remembers that.
    InputScale {
        /// The batch normalisation.
        node: String,
        /// The median over its channels of √(mean (z − running mean)² / running variance), z what it reads.
        ratio: f64,
    },
    /// What is reconstructed are no logits but probabilities, or a function of them, since a softmax or sigmoid is not the
    /// last node of the network.
    Probabilities {
        /// The softmax or sigmoid.
        node: String,
        /// Its operator.
        op: String,
        /// What is reconstructed.
        output: String,
        /// What the softmax or sigmoid reads.
        logits: String,
    },
    /// A frozen node's slopes are so large that W x and b are many times larger than the logits, and cancel.
    OutOfProportion {
        /// The node.
        node: String,
        /// Its operator.
        op: String,
        /// The rule that it was frozen by.
        rule: Rule,
        /// How many times larger than its values what its slopes make of numbers of its input's size is.
        times: f64,
        /// The rule under which it is not so, if there is one.
        helps: Option<Rule>,
    },
}

impl Warning {
    /// What helps, where there is something that does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::DeclaredShape { .. } => None,
            Self::InputScale { .. } => {
                Some("was the network trained with this preprocessing? See --preprocess".to_owned())
            }
            Self::Probabilities { logits, op, .. } => {
                let (noun, verb) = (op.to_lowercase(), "explains the logits before");
                Some(format!("`--at {logits}` {verb} the {noun}"))
            }
            Self::OutOfProportion { node, helps, .. } => {
                helps.map(|rule| format!("`--freeze-node {node}={rule}` freezes it in proportion"))
            }
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeclaredShape { tensor, declared, computed } => {
                write!(f, "the file declares shape {declared} for `{tensor}`, the computation gives {computed:?}")
            }
            Self::InputScale { node, ratio } => {
                let (times, word) = if *ratio > 1.0 { (*ratio, "larger") } else { (1.0 / ratio, "smaller") };
                write!(
                    f,
                    "what `{node}` normalises is {times:.1} times {word} at this input than its running statistics say: \
                     the input has another scale than in training"
                )
            }
            Self::Probabilities { node, op, output, .. } => {
                write!(
                    f,
                    "`{output}` is a function of the probabilities that `{node}` ({op}) makes: that is what W and b \
                     explain, and the {} is frozen at this input alone",
                    op.to_lowercase()
                )
            }
            Self::OutOfProportion { node, op, rule, times, .. } => {
                write!(
                    f,
                    "`{node}` ({op}), frozen by `{rule}`, has slopes {times:.0e} times too large for its values: W x and b \
                     are much larger than the logits, and cancel"
                )
            }
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            message: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            hint: Option<String>,
        }
        Told { message: self.to_string(), hint: self.hint() }.serialize(serializer)
    }
}

impl<T: Precision> Trace<'_, T> {
    /// What a reader of a result of this trace has to know.
    pub fn warnings(&self) -> Vec<Warning> {
        self.contradicted().into_iter().chain(self.scale.clone()).chain(self.probabilities()).collect()
    }

    /// A declared shape of the output that the computation contradicts, or of what nodes that keep shapes make of it.
    fn contradicted(&self) -> Option<Warning> {
        let computed = self.value(self.output)?.shape();
        std::iter::successors(Some(self.output), |&id| self.model.same_shape(id)).find_map(|id| {
            let info = &self.model.tensors[id.0];
            let declared = info.shape.as_ref().filter(|declared| !agree(declared, computed))?;
            Some(Warning::DeclaredShape {
                tensor: info.name.clone(),
                declared: shape_text(declared),
                computed: computed.to_vec(),
            })
        })
    }

    /// The batch normalisation near the input that tells of its scale: the first one, if few nodes lead to it.
    pub(super) fn scale_judge(&self) -> Option<usize> {
        const NEAR: usize = 8;
        let model = self.model;
        let first = *self.nodes.iter().find(|&&index| model.nodes[index].class() == Class::BatchNorm)?;
        let mut depths: HashMap<TensorId, usize> = HashMap::new();
        for node in self.nodes.iter().map(|&index| &model.nodes[index]) {
            let read = node.inputs.iter().flatten().filter(|&&id| self.varies(id));
            let depth = read.map(|id| depths.get(id).copied().unwrap_or(0)).max().unwrap_or(0) + 1;
            node.outputs.iter().flatten().filter(|&&id| self.varies(id)).for_each(|&id| {
                depths.insert(id, depth);
            });
        }
        let depth = |id: &TensorId| depths.get(id).copied().unwrap_or(0);
        (depth(model.nodes[first].outputs.first()?.as_ref()?) <= NEAR).then_some(first)
    }

    /// What a batch normalisation says of the scale of the input, where that is off by more than four times.
    pub(super) fn scale_at(&self, node: &Node) -> Option<Warning> {
        const MOST: f64 = 4.0;
        let ratio = T::op(node.operator.as_ref().ok()?.as_ref()).deviation(&self.inputs(node))?;
        let off = !(1.0 / MOST..=MOST).contains(&ratio);
        off.then(|| Warning::InputScale { node: node.name.clone(), ratio })
    }
}
