//! The pool and the scratch space of each number type.

use std::cell::RefCell;

use super::{Pool, Scratch};
use crate::Scalar;

/// Numbers whose buffers are kept for reuse.
pub trait Buffered: Scalar {
    /// Large buffers, for all threads.
    fn pool() -> &'static Pool<Self>;
    /// Runs a loop with the buffers of this thread, which must not run another one that takes them.
    fn with_scratch<R>(run: impl FnOnce(&mut Scratch<Self>) -> R) -> R;
}

macro_rules! buffered {
    ($($number:ident)+) => {$(
        impl Buffered for $number {
            fn pool() -> &'static Pool<Self> {
                static POOL: Pool<$number> = Pool::new();
                &POOL
            }
            fn with_scratch<R>(run: impl FnOnce(&mut Scratch<Self>) -> R) -> R {
                thread_local!(static SCRATCH: RefCell<Scratch<$number>> = const { RefCell::new(Scratch::new()) });
                SCRATCH.with_borrow_mut(run)
            }
        }
    )+};
}
buffered!(f32 f64);

/// While one of these lives, large buffers of dropped batches are kept and used again; with the last one they go.
#[derive(Debug)]
pub struct Reuse<T: Buffered>(std::marker::PhantomData<T>);

impl<T: Buffered> Reuse<T> {
    /// Starts to keep buffers.
    pub fn start() -> Self {
        T::pool().enter();
        Self(std::marker::PhantomData)
    }
}

impl<T: Buffered> Drop for Reuse<T> {
    fn drop(&mut self) {
        T::pool().leave();
    }
}
