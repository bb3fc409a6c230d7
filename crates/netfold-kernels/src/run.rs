//! The list of the loops that compute one slice from another, and where they are compiled.
//!
//! A loop is generic over the precision. Generic code of other crates hands the loop to [`Compiled::run`], which is
//! compiled here for `f32` and `f64`. Each loop is therefore compiled in this crate, once for each precision and
//! instruction set, and not again in every crate that calls it. To add a loop, add its struct to the call of `kernels!`
//! below.

use crate::Number;
use crate::dense::{ChannelsLast, DenseDepthwise, FewChannels, Gemv, GemvTransposed, Im2col, Winograd};
use crate::index::Padded;
use crate::masked::{MaskedConv, MaskedDepthwise, Relayout, SegmentSum, Spmm};
use crate::simd::Isa;

/// Numbers that the loops are compiled for.
pub trait Compiled: Number {
    /// Computes y from x by a loop that was compiled for this precision.
    fn run(job: Loop<'_, Self>, x: &[Self], y: &mut [Self]);
}

macro_rules! compiled {
    ($($number:ident)+) => {$(
        impl Compiled for $number {
            fn run(job: Loop<'_, Self>, x: &[Self], y: &mut [Self]) {
                job.run(x, y);
            }
        }
    )+};
}
compiled!(f32 f64);

/// A loop that computes y from x: a reference to one of the structs with loops, such as [`Gemv`].
#[derive(Debug)]
pub struct Loop<'a, T>(Kernel<'a, T>);

/// For each loop: a variant of `Kernel` and the public function `run`. First the loops that are generic over a lifetime and
/// the number, then those that are generic over nothing.
macro_rules! kernels {
    ($($kernel:ident)+; $($plain:ident)+) => {
        #[derive(Debug)]
        enum Kernel<'a, T> {
            $($kernel(&'a $kernel<'a, T>),)+
            $($plain(&'a $plain),)+
            Relayout(&'a Relayout<'a>),
        }

        impl<T: Number> Loop<'_, T> {
            /// Runs the loop with the instructions of [`Isa::best`].
            pub(crate) fn run(&self, x: &[T], y: &mut [T]) {
                let isa = Isa::best();
                match &self.0 {
                    $(Kernel::$kernel(job) => job.run_by(isa, x, y),)+
                    $(Kernel::$plain(job) => job.run_by(isa, x, y),)+
                    Kernel::Relayout(job) => job.run_by(isa, x, y),
                }
            }
        }

        $(impl<T: Compiled> $kernel<'_, T> {
            /// Computes all of y from x.
            ///
            /// # Panics
            /// If the lengths of x, y and the kernel's own slices do not fit.
            pub fn run(&self, x: &[T], y: &mut [T]) {
                T::run(Loop(Kernel::$kernel(self)), x, y);
            }
        })+

        $(impl $plain {
            /// Computes all of y from x.
            ///
            /// # Panics
            /// If the lengths of x, y and the kernel's own slices do not fit.
            pub fn run<T: Compiled>(&self, x: &[T], y: &mut [T]) {
                T::run(Loop(Kernel::$plain(self)), x, y);
            }
        })+
    };
}
kernels! {
    MaskedConv MaskedDepthwise Spmm Im2col ChannelsLast FewChannels DenseDepthwise Winograd Gemv GemvTransposed;
    SegmentSum Padded
}

impl Relayout<'_> {
    /// Computes all of y from x.
    ///
    /// # Panics
    /// If the lengths of x and y do not fit.
    pub fn run<T: Compiled>(&self, x: &[T], y: &mut [T]) {
        T::run(Loop(Kernel::Relayout(self)), x, y);
    }
}
