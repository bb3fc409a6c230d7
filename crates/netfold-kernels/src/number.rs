//! The number type that loops are generic over.

use crate::memory::Buffered;
use crate::simd::Lanes;

/// A number that has registers and buffers.
pub trait Number: Lanes + Buffered {}

impl<T: Lanes + Buffered> Number for T {}
