//! The two kinds of number that everything is computed in.

use std::cell::RefCell;
use std::fmt::{Debug, Display, LowerExp};

use crate::Loop;
use crate::memory::{Pool, Scratch};
use crate::simd::Lanes;

/// A real number: `f32` or `f64`.
///
/// All loops are generic over the number, so that one code computes in both precisions.
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
    + Lanes
    + 'static
{
    /// The word for this precision on the command line and in files: `f32` or `f64`.
    const NAME: &'static str;
    /// The nearest number of this precision.
    fn of(value: f64) -> Self;
    /// The same number in double precision.
    fn wide(self) -> f64;
    /// Where buffers of this precision are kept for reuse.
    fn pool() -> &'static Pool<Self>;
    /// Runs a loop with the buffers of this thread, which must not run another one that takes them.
    fn with_scratch<R>(run: impl FnOnce(&mut Scratch<Self>) -> R) -> R;
    /// Makes y of x by a loop that was compiled for this precision.
    fn run(job: Loop<'_, Self>, x: &[Self], y: &mut [Self]);
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
            fn pool() -> &'static Pool<Self> {
                static POOL: Pool<$number> = Pool::new();
                &POOL
            }
            fn with_scratch<R>(run: impl FnOnce(&mut Scratch<Self>) -> R) -> R {
                thread_local!(static SCRATCH: RefCell<Scratch<$number>> = const { RefCell::new(Scratch::new()) });
                SCRATCH.with_borrow_mut(run)
            }
            fn run(job: Loop<'_, Self>, x: &[Self], y: &mut [Self]) {
                job.run(x, y);
            }
            #[inline]
            fn put_le(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )+};
}
scalar!(f32 f64);
