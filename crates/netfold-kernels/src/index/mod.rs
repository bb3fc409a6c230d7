//! Index structures: which elements of a tensor are stored, where their rows lie, and what a window reads.
//!
//! A **row** is the K numbers that a batch of K vectors stores for one element.

pub mod bitset;
pub mod padded;
pub mod rows;
mod support;
mod window;
pub mod window_index;

pub use padded::Padded;
pub use support::Support;
pub use window::{Window, WindowAxis};
pub use window_index::WindowIndex;
