//! Copies planes into the padded layout ([`Padded`]), and places of several stride phases together again.

use rayon::prelude::*;

use crate::index::Padded;
use crate::index::padded::Line;
use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};

/// Numbers of one task at least.
const TASK: usize = 1 << 14;

impl Padded {
    /// Copies planes into the padded layout; the padded planes lie one behind the other.
    pub(crate) fn run_by<T: Lanes>(&self, isa: Isa, planes: &[T], framed: &mut [T]) {
        let (size, places) = (self.size().max(1), self.places_from().max(1));
        let parts = framed.par_chunks_exact_mut(size).zip(planes.par_chunks_exact(places));
        parts.with_min_len(TASK.div_ceil(size)).for_each(|(framed, plane)| {
            // SAFETY: `isa` is one that this processor has.
            unsafe { dispatch(isa, ByPlane { frame: self, plane, framed }) };
        });
    }
}

/// The work of one task: a plane into its frame. Its `run` has no safety conditions.
struct ByPlane<'a, T> {
    frame: &'a Padded,
    plane: &'a [T],
    framed: &'a mut [T],
}

impl<T: Lanes> Body<T> for ByPlane<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { put::<V, true>(simd, self.frame, self.plane, self.framed) }
    }
}

/// Copies a plane into the padded layout. Without BORDERS the zeros around it are there already.
///
/// # Panics
/// If the plane or the padded plane has another size.
#[inline(always)]
pub(crate) unsafe fn put<V: Vector, const BORDERS: bool>(
    simd: Simd<V>,
    frame: &Padded,
    plane: &[V::Lane],
    framed: &mut [V::Lane],
) {
    let (length, stride) = (frame.pitch(), frame.stride());
    for (&Line { low, count, from }, line) in frame.lines().iter().zip(framed.chunks_exact_mut(length)) {
        if BORDERS {
            line[..low].fill(V::Lane::default());
            line[low + count..].fill(V::Lane::default());
        }
        if count > 0 {
            let (from, to) = (&plane[from..][..=(count - 1) * stride], &mut line[low..][..count]);
            // SAFETY: as many numbers as the slices have; the processor has the instructions.
            unsafe { collect::<V>(simd, from.as_ptr(), stride, to.as_mut_ptr(), count) };
        }
    }
}

/// `to[i] = from[i · stride]`.
///
/// # Safety
/// `to` is valid for `count` numbers, `from` for all that is read.
#[inline(always)]
pub(crate) unsafe fn collect<V: Vector>(
    simd: Simd<V>,
    from: *const V::Lane,
    stride: usize,
    to: *mut V::Lane,
    count: usize,
) {
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
                1 => simd.load_first(from, left),
                _ => {
                    let read = 2 * left - 1;
                    simd.load_first(from, read.min(V::LANES))
                        .deinterleave_even(simd.load_first(from.wrapping_add(V::LANES), read.saturating_sub(V::LANES)))
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
/// `to` is valid for `count` numbers, `even` and `odd` for half of them each.
#[inline(always)]
pub(crate) unsafe fn alternate<V: Vector>(
    simd: Simd<V>,
    even: *const V::Lane,
    odd: *const V::Lane,
    to: *mut V::Lane,
    count: usize,
) {
    let mut at = 0;
    while at < count {
        let (left, to) = ((count - at).min(2 * V::LANES), to.wrapping_add(at));
        // SAFETY: the caller's.
        unsafe {
            let even = simd.load_first(even.wrapping_add(at / 2), left.div_ceil(2));
            let [low, high] = even.interleave(simd.load_first(odd.wrapping_add(at / 2), left / 2));
            low.store_first(to, left.min(V::LANES));
            high.store_first(to.wrapping_add(V::LANES), left.saturating_sub(V::LANES));
        }
        at += 2 * V::LANES;
    }
}
