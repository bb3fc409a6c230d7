//! The loops that make one slice of another, under one name.
//!
//! A loop is generic over the precision. [`Compiled::run`] is where generic code hands it over, so that each loop is
//! compiled in this crate, once for each precision and instruction set, and not again in every crate that multiplies.

use crate::Number;
use crate::dense::{ChannelsLast, DenseDepthwise, FewChannels, Gemv, GemvTransposed, Im2col, Winograd};
use crate::index::Padded;
use crate::masked::{MaskedConv, MaskedDepthwise, Relayout, SegmentSum, Spmm};
use crate::simd::Isa;

/// Numbers that the loops are compiled for.
pub trait Compiled: Number {
    /// Makes y of x by a loop that was compiled for this precision.
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

/// A loop that makes y of x.
#[derive(Debug)]
pub struct Loop<'a, T>(Kernel<'a, T>);

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
