//! Loops over batches of K vectors, of which only some elements are stored. Elements that are not stored cost nothing.
//! A stored element is a row of K numbers, and the lanes of a register are vectors of the batch.

mod conv;
mod depthwise;
mod relayout;
mod row_ops;
mod segment_sum;
mod spmm;

pub use conv::{MASKED, MaskedConv, Weights};
pub use depthwise::MaskedDepthwise;
pub use relayout::Relayout;
pub use row_ops::{dot, keep_stored};
pub use segment_sum::SegmentSum;
pub use spmm::Spmm;
