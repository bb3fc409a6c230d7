//! Scratch space: buffers that a thread keeps from one loop to the next.

use crate::Scalar;

/// The scratch buffers of a thread. They hold any numbers, and are to be overwritten.
#[derive(Debug)]
pub struct Scratch<T>([Vec<T>; 3]);

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Scratch<T> {
    /// Buffers that hold nothing yet.
    pub const fn new() -> Self {
        Self([const { Vec::new() }; 3])
    }
}

impl<T: Scalar> Scratch<T> {
    /// Buffers of so many numbers, or more.
    pub(crate) fn hold(&mut self, lens: [usize; 3]) -> [&mut [T]; 3] {
        for (buffer, len) in self.0.iter_mut().zip(lens) {
            if buffer.len() < len {
                buffer.resize(len, T::zero());
            }
        }
        self.0.each_mut().map(Vec::as_mut_slice)
    }
}
