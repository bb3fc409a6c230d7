//! What a reconstruction is asked for.

use crate::reconstruction::Basis;

/// How W is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// The one that takes fewer products, by [`Circuit::strategy`](crate::Circuit::strategy).
    #[default]
    Auto,
    /// Rows: unit vectors are pulled back from the output.
    Adjoint,
    /// Columns: a group of orthogonal vectors is pushed from the input (the founding paper's way). Unit vectors whose
    /// columns have no row in common are pushed as one.
    Probe,
}

/// How many rows or probes travel through the frozen network at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Together {
    /// As many as suit the machine and keep their adjoints in bounds.
    #[default]
    AsFits,
    /// So many.
    Number(usize),
}

impl Together {
    pub(crate) fn number(self) -> Option<usize> {
        match self {
            Self::AsFits => None,
            Self::Number(number) => Some(number),
        }
    }
}

/// What to compute.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The outputs whose rows are wanted, by flat index.
    pub classes: Vec<usize>,
    /// How.
    pub method: Method,
    /// The probes of [`Method::Probe`].
    pub basis: Basis,
    /// Rows or probes that travel together.
    pub together: Together,
}
