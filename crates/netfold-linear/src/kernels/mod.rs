//! Inner loops: the only module with `unsafe` code.
//!
//! Each loop is one generic inline body over a [`Vector`](vector::Vector). It is compiled several times, for the
//! instruction sets that a processor may have, and the copy is chosen when the program runs. Every number of a result is summed by one thread in an order that the shapes alone decide, so that
//! the bits are the same for any number of threads. Between instruction sets they may differ: fused multiply-add
//! rounds once.

#![allow(unsafe_code)]

pub(crate) mod channels;
pub(crate) mod clip;
pub(crate) mod combine;
pub(crate) mod contest;
pub(crate) mod depth;
pub(crate) mod dots;
pub(crate) mod flags;
pub(crate) mod frames;
pub(crate) mod gather;
pub(crate) mod isa;
pub(crate) mod links;
pub(crate) mod lone;
pub(crate) mod outer;
pub(crate) mod pages;
pub(crate) mod panels;
pub(crate) mod parts;
pub(crate) mod planes;
pub(crate) mod restore;
pub(crate) mod rows;
pub(crate) mod scratch;
#[cfg(test)]
mod tests;
pub(crate) mod vector;
mod walk;
pub(crate) mod winograd;

use channels::Channels;
use depth::Depth;
use gather::Gather;
pub(crate) use isa::Isa;
use links::Links;
use lone::Lone;
use outer::Outer;
use panels::Panels;
use planes::Planes;
use restore::Restore;
use winograd::Winograd;

use crate::Real;
use crate::frame::Frame;

/// A loop that makes y of x.
///
/// [`Real::run`] is where code that is generic over the precision hands it over: so each loop is compiled here, once for
/// each precision and instruction set, and not again in every crate that multiplies.
#[derive(Debug)]
pub struct Loop<'a, T>(Kernel<'a, T>);

#[derive(Debug)]
pub(crate) enum Kernel<'a, T> {
    Gather(&'a Gather<'a, T>),
    Depth(&'a Depth<'a, T>),
    Panels(&'a Panels<'a, T>),
    Channels(&'a Channels<'a, T>),
    Planes(&'a Planes<'a, T>),
    Lone(&'a Lone<'a, T>),
    Winograd(&'a Winograd<'a, T>),
    Restore(&'a Restore<'a>),
    Outer(&'a Outer<'a, T>),
    Links(&'a Links),
    /// Planes put into their frames.
    Fill(&'a Frame),
    /// Rows of a matrix summed by these factors.
    Combine(&'a [T]),
    /// Rows of a matrix by this vector.
    Dots(&'a [T]),
}

/// Runs a loop with the instructions of [`Isa::best`].
pub(crate) fn run<T: Real>(job: &Loop<'_, T>, x: &[T], y: &mut [T]) {
    let isa = Isa::best();
    match &job.0 {
        Kernel::Gather(job) => job.run_by(isa, x, y),
        Kernel::Depth(job) => job.run_by(isa, x, y),
        Kernel::Panels(job) => job.run_by(isa, x, y),
        Kernel::Channels(job) => job.run_by(isa, x, y),
        Kernel::Planes(job) => job.run_by(isa, x, y),
        Kernel::Lone(job) => job.run_by(isa, x, y),
        Kernel::Winograd(job) => job.run_by(isa, x, y),
        Kernel::Restore(job) => job.run_by(isa, x, y),
        Kernel::Outer(job) => job.run_by(isa, x, y),
        Kernel::Links(links) => links.sum_by(isa, x, y),
        Kernel::Fill(frame) => frames::fill_by(isa, frame, x, y),
        Kernel::Combine(factors) => combine::combine_by(isa, factors, x, y),
        Kernel::Dots(vector) => dots::dots_by(isa, vector, x, y),
    }
}

/// Numbers of a cache line.
pub(crate) const fn line<T>() -> usize {
    64 / size_of::<T>()
}

/// Numbers before the first one of a buffer that begins a cache line, fewer than a line's; none where that is not known.
pub(crate) fn lead<T>(buffer: &[T]) -> usize {
    match buffer.as_ptr().align_offset(64) {
        numbers if numbers < line::<T>() => numbers,
        _ => 0,
    }
}

/// Has the cache line of a number brought near.
#[inline(always)]
fn fetch<T>(number: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; every x86-64 processor has SSE.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(number.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = number;
}

/// A pointer that tasks share, each writing rows of its own.
#[derive(Clone, Copy)]
struct Shared<T>(*mut T);

// SAFETY: the loops of this module hand it only to tasks whose rows are disjoint.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn get(self) -> *mut T {
        self.0
    }
}
