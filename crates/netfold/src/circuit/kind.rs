//! What a node of a network is to its one-layer model.

use std::fmt;

use netfold_linear::Real;
use serde::Serialize;

use crate::affine::Validity;
use crate::circuit::Stage;

/// What a node is to the one-layer model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Affine itself: frozen, it is the node everywhere.
    Linear,
    /// Piecewise linear: frozen, it is the node for all inputs with the same masks and winners.
    Region,
    /// Frozen by a rule: it is the node at this input alone.
    Input,
    /// It depends on the input, but only through gates, which are held at this input's values.
    Held,
    /// It does not depend on the input.
    Constant,
    /// It comes after the logits.
    LeftOff,
    /// It depends on the input; how it is frozen is known once shapes are.
    Varies,
    /// There is no way to freeze it.
    Unsupported,
}

impl Kind {
    /// All kinds, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::Linear,
        Self::Region,
        Self::Input,
        Self::Held,
        Self::Varies,
        Self::Constant,
        Self::LeftOff,
        Self::Unsupported,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Region => "exact in a region",
            Self::Input => "exact at this input",
            Self::Held => "held in a gate",
            Self::Constant => "constant",
            Self::LeftOff => "left off",
            Self::Varies => "depends on the input",
            Self::Unsupported => "not supported",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Validity> for Kind {
    fn from(validity: Validity) -> Self {
        match validity {
            Validity::Everywhere => Self::Linear,
            Validity::Region => Self::Region,
            Validity::Input => Self::Input,
        }
    }
}

impl<T: Real> Stage<T> {
    /// What was done to the node to make it affine; `None` where nothing was.
    pub fn frozen_by(&self) -> Option<&'static str> {
        match self.affine.validity {
            Validity::Everywhere => None,
            Validity::Region => Some("active branch"),
            Validity::Input if !self.held.is_empty() => Some("gate held"),
            Validity::Input => Some(self.rule.name()),
        }
    }
}
