//! The one-layer model y = W x + b that a trained network *is* at one input.
//!
//! ```text
//! Model ──trace──▶ Trace ──freeze──▶ Circuit ──pull / push──▶ Reconstruction
//! ```
//!
//! Each file defines a noun and gives the noun before it the verb that makes it.

pub mod affine;
pub mod basis;
pub mod certificate;
pub mod circuit;
pub mod error;
pub mod graph;
pub mod head;
pub mod input;
pub mod ops;
pub mod reconstruct;
pub mod store;
pub mod trace;
pub mod value;

pub use affine::{Affine, Rule, Validity};
pub use basis::Basis;
pub use certificate::Certificate;
pub use circuit::{Circuit, Rules};
pub use error::{Error, OpError, Unsupported};
pub use graph::Model;
pub use head::Head;
pub use ops::Precision;
pub use reconstruct::{Method, Reconstruction, Request, Row};
pub use store::Store;
pub use trace::Trace;
pub use value::{Tensor, Value};
