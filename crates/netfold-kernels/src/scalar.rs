//! The two number types in which everything is computed: the lowest of the traits of numbers.

use std::fmt::{Debug, Display, LowerExp};

/// A real number: `f32` or `f64`.
///
/// All code above is generic over the number, so that one code computes in both precisions.
pub trait Scalar:
    num_traits::Float
    + num_traits::NumAssign
    + Debug
    + Display
    + LowerExp
    + Default
    + Send
    + Sync
    + std::iter::Sum
    + 'static
{
    /// The word for this precision on the command line and in files: `f32` or `f64`.
    const NAME: &'static str;
    /// The nearest number of this precision.
    fn of(value: f64) -> Self;
    /// The same number in double precision.
    fn wide(self) -> f64;
    /// Appends the number's bytes, the lowest first.
    fn put_le(self, bytes: &mut Vec<u8>);
}

macro_rules! scalar {
    ($($number:ident)+) => {$(
        impl Scalar for $number {
            const NAME: &'static str = stringify!($number);
            #[inline]
            fn of(value: f64) -> Self {
                value as $number
            }
            #[inline]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline]
            fn put_le(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )+};
}
scalar!(f32 f64);
