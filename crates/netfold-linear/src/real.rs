//! The two kinds of number that everything is computed in.

use std::cell::RefCell;
use std::fmt::{Debug, Display, LowerExp};

use faer::{MatMut, MatRef};

use crate::Pool;
use crate::gemm::gemm;
use crate::kernels::scratch::Scratch;
use crate::kernels::vector::Lanes;
use crate::kernels::{self, Loop};

/// A real number: `f32` or `f64`.
///
/// Everything above is generic over it, so that one code computes in both precisions.
pub trait Real:
    num_traits::Float
    + num_traits::NumAssign
    + faer::traits::ComplexField
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
    /// C = A B, or C += A B, by one thread.
    fn gemm(c: MatMut<'_, Self>, add: bool, a: MatRef<'_, Self>, b: MatRef<'_, Self>);
    /// Appends the number's bytes, the lowest first.
    fn put_le(self, bytes: &mut Vec<u8>);
}

impl Real for f32 {
    const NAME: &'static str = "f32";
    #[inline]
    fn of(value: f64) -> Self {
        value as f32
    }
    #[inline]
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn pool() -> &'static Pool<Self> {
        static POOL: Pool<f32> = Pool::new();
        &POOL
    }
    fn with_scratch<R>(run: impl FnOnce(&mut Scratch<Self>) -> R) -> R {
        thread_local!(static SCRATCH: RefCell<Scratch<f32>> = const { RefCell::new(Scratch::new()) });
        SCRATCH.with_borrow_mut(run)
    }
    fn run(job: Loop<'_, Self>, x: &[Self], y: &mut [Self]) {
        kernels::run(&job, x, y);
    }
    fn gemm(c: MatMut<'_, Self>, add: bool, a: MatRef<'_, Self>, b: MatRef<'_, Self>) {
        gemm(c, add, a, b);
    }
    #[inline]
    fn put_le(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";
    #[inline]
    fn of(value: f64) -> Self {
        value
    }
    #[inline]
    fn wide(self) -> f64 {
        self
    }
    fn pool() -> &'static Pool<Self> {
        static POOL: Pool<f64> = Pool::new();
        &POOL
    }
    fn with_scratch<R>(run: impl FnOnce(&mut Scratch<Self>) -> R) -> R {
        thread_local!(static SCRATCH: RefCell<Scratch<f64>> = const { RefCell::new(Scratch::new()) });
        SCRATCH.with_borrow_mut(run)
    }
    fn run(job: Loop<'_, Self>, x: &[Self], y: &mut [Self]) {
        kernels::run(&job, x, y);
    }
    fn gemm(c: MatMut<'_, Self>, add: bool, a: MatRef<'_, Self>, b: MatRef<'_, Self>) {
        gemm(c, add, a, b);
    }
    #[inline]
    fn put_le(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }
}
