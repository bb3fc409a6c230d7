//! Where the numbers of a batch lie.

use std::sync::Arc;

use netfold_kernels::memory::{align_offset, line};

use crate::Real;

/// The numbers of a batch, from `start` on, in a buffer that its last owner gives back to the pool.
#[derive(Clone, Debug)]
pub(super) struct Numbers<T: Real> {
    pub buffer: Arc<Vec<T>>,
    pub start: usize,
}

impl<T: Real> Numbers<T> {
    /// Any numbers, `width` for each of so many rows; the first row of several probes begins a cache line.
    pub fn room(rows: usize, width: usize) -> Self {
        let apart = width > 1;
        let buffer = T::pool().at_least(rows * width + if apart { line::<T>() } else { 0 });
        Self { start: if apart { align_offset(&buffer) } else { 0 }, buffer: Arc::new(buffer) }
    }
}

impl<T: Real> Drop for Numbers<T> {
    fn drop(&mut self) {
        if let Some(buffer) = Arc::get_mut(&mut self.buffer) {
            T::pool().give(std::mem::take(buffer));
        }
    }
}
