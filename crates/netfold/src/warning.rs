//! What a reader of a result has to know although nothing stopped the run.

use std::fmt;

use serde::{Serialize, Serializer};

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
}

impl Warning {
    /// What helps, where there is something that does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::DeclaredShape { .. } => None,
            Self::InputScale { .. } => {
                Some("was the network trained with this preprocessing? See --preprocess".to_owned())
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
