//! The front door: a model, an input, and the one-layer model that the network is there.
//!
//! [`Model::fold`](crate::Model::fold) walks the whole road for one input and gives a [`Folded`]. [`Options`] says which
//! output, rule or input is meant; [`Setup`] is what many inputs share. The program, the explorer and other languages stand
//! on these; [`Trace`](crate::Trace) and [`Circuit`](crate::Circuit) lie open for those who look inside.

mod folded;
mod options;
mod rows;
mod saved;
mod setup;
mod source;

pub use folded::Folded;
pub use options::Options;
pub use rows::{Row, Rows};
pub use setup::{Opposite, Setup};
pub use source::Source;
