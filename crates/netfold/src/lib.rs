//! The one-layer model y = W x + b that a trained network *is* at one input.
//!
//! ```text
//! Model ──trace──▶ Trace ──freeze──▶ Circuit ──pull / push──▶ Reconstruction
//! ```
//!
//! Each file defines a noun and gives the noun before it the verb that makes it.

pub mod affine;
pub mod circuit;
pub mod error;
pub mod graph;
pub mod ops;
pub mod trace;
pub mod value;

pub use affine::{Affine, Rule, Validity};
pub use circuit::Circuit;
pub use error::{Error, OpError, Unsupported};
pub use graph::Model;
pub use ops::Precision;
pub use trace::Trace;
pub use value::{Tensor, Value};
