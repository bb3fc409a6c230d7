//! Planes put into their frames.

use rayon::prelude::*;

use super::vector::Vector;
use super::{Isa, Kernel, Loop};
use crate::Real;
use crate::frame::{Frame, Line};

/// Numbers of one task at least.
const TASK: usize = 1 << 14;

/// Puts planes into frames that lie one behind the other.
pub(crate) fn fill<T: Real>(frame: &Frame, planes: &[T], framed: &mut [T]) {
    T::run(Loop(Kernel::Fill(frame)), planes, framed);
}

pub(super) fn fill_by<T: Real>(isa: Isa, frame: &Frame, planes: &[T], framed: &mut [T]) {
    let (size, places) = (frame.size().max(1), frame.places_from().max(1));
    let parts = framed.par_chunks_exact_mut(size).zip(planes.par_chunks_exact(places));
    parts.with_min_len(TASK.div_ceil(size)).for_each(|(framed, plane)| {
        // SAFETY: `isa` is one that this processor has.
        unsafe {
            match isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => avx512(frame, plane, framed),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => avx2(frame, plane, framed),
                Isa::Portable => put::<T::Plain, true>(frame, plane, framed),
            }
        }
    });
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW).
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(frame: &Frame, plane: &[T], framed: &mut [T]) {
    // SAFETY: the caller's.
    unsafe { put::<T::Wide, true>(frame, plane, framed) }
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(frame: &Frame, plane: &[T], framed: &mut [T]) {
    // SAFETY: the caller's.
    unsafe { put::<T::Half, true>(frame, plane, framed) }
}

/// Puts a plane into its frame; without BORDERS that holds zeros around it already.
///
/// # Panics
/// If the plane or its frame have another size.
///
/// # Safety
/// The processor has the instructions of V.
#[inline(always)]
pub(super) unsafe fn put<V: Vector, const BORDERS: bool>(frame: &Frame, plane: &[V::Lane], framed: &mut [V::Lane]) {
    let (length, stride) = (frame.pitch(), frame.stride());
    for (&Line { low, count, from }, line) in frame.lines().iter().zip(framed.chunks_exact_mut(length)) {
        if BORDERS {
            line[..low].fill(V::Lane::default());
            line[low + count..].fill(V::Lane::default());
        }
        if count > 0 {
            let (from, to) = (&plane[from..][..=(count - 1) * stride], &mut line[low..][..count]);
            // SAFETY: as many numbers as the slices have; the processor has the instructions.
            unsafe { collect::<V>(from.as_ptr(), stride, to.as_mut_ptr(), count) };
        }
    }
}

/// `to[i] = from[i · stride]`.
///
/// # Safety
/// `to` is valid for `count` numbers, `from` for all that is read, and the processor has the instructions of V.
#[inline(always)]
pub(super) unsafe fn collect<V: Vector>(from: *const V::Lane, stride: usize, to: *mut V::Lane, count: usize) {
    if stride > 2 {
        // SAFETY: the caller's, here and below.
        return (0..count).for_each(|i| unsafe { *to.wrapping_add(i) = *from.wrapping_add(i * stride) });
    }
    let mut at = 0;
    while at < count {
        let (from, to, left) = (from.wrapping_add(at * stride), to.wrapping_add(at), (count - at).min(V::LANES));
        // SAFETY: the first `left` places of the line read `(left − 1) · stride + 1` numbers.
        unsafe {
            let line = match stride {
                1 => V::load_first(from, left),
                _ => {
                    let read = 2 * left - 1;
                    V::load_first(from, read.min(V::LANES))
                        .evens(V::load_first(from.wrapping_add(V::LANES), read.saturating_sub(V::LANES)))
                }
            };
            line.store_first(to, left);
        }
        at += V::LANES;
    }
}

/// `to[2 i] = even[i]` and `to[2 i + 1] = odd[i]`, of `count` numbers in all.
///
/// # Safety
/// `to` is valid for `count` numbers, `even` and `odd` for half of them each, and the processor has the instructions of V.
#[inline(always)]
pub(super) unsafe fn alternate<V: Vector>(even: *const V::Lane, odd: *const V::Lane, to: *mut V::Lane, count: usize) {
    let mut at = 0;
    while at < count {
        let (left, to) = ((count - at).min(2 * V::LANES), to.wrapping_add(at));
        // SAFETY: the caller's.
        unsafe {
            let even = V::load_first(even.wrapping_add(at / 2), left.div_ceil(2));
            let [low, high] = even.in_turn(V::load_first(odd.wrapping_add(at / 2), left / 2));
            low.store_first(to, left.min(V::LANES));
            high.store_first(to.wrapping_add(V::LANES), left.saturating_sub(V::LANES));
        }
        at += 2 * V::LANES;
    }
}
