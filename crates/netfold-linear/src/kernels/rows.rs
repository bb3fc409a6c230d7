//! Loops over whole rows.

use super::Isa;
use super::vector::Vector;
use crate::Real;

/// `sums[k] += Σ over rows r of factor(r) · x[r · width + k]`, in double precision.
///
/// Rows are summed in the batch's own precision eight at a time, and in double precision from there on.
pub(crate) fn dot<T: Real>(x: &[T], width: usize, factor: impl Fn(usize) -> T, sums: &mut [f64]) {
    assert_eq!(sums.len(), width, "one sum a probe");
    match Isa::best() {
        // SAFETY: this processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { dot_avx512(x, width, factor, sums) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { dot_avx2(x, width, factor, sums) },
        Isa::Portable => dot_body(x, width, factor, sums),
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW).
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn dot_avx512<T: Real>(x: &[T], width: usize, factor: impl Fn(usize) -> T, sums: &mut [f64]) {
    dot_body(x, width, factor, sums);
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn dot_avx2<T: Real>(x: &[T], width: usize, factor: impl Fn(usize) -> T, sums: &mut [f64]) {
    dot_body(x, width, factor, sums);
}

#[inline(always)]
fn dot_body<T: Real>(x: &[T], width: usize, factor: impl Fn(usize) -> T, sums: &mut [f64]) {
    /// Rows that are summed before they are widened.
    const GROUP: usize = 8;
    let mut partial = vec![T::zero(); width];
    for (group, rows) in x.chunks(GROUP * width.max(1)).enumerate() {
        for (index, row) in rows.chunks_exact(width).enumerate() {
            let factor = factor(group * GROUP + index);
            if index == 0 {
                partial.iter_mut().zip(row).for_each(|(sum, &value)| *sum = factor * value);
            } else {
                partial.iter_mut().zip(row).for_each(|(sum, &value)| *sum += factor * value);
            }
        }
        sums.iter_mut().zip(&partial).for_each(|(sum, part)| *sum += part.wide());
    }
}

/// Zero where the bit is 0.
pub(crate) fn cut<T: Real>(values: &mut [T], bits: &[u64]) {
    match Isa::best() {
        // SAFETY: this processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { cut_avx512(values, bits) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { cut_avx2(values, bits) },
        // SAFETY: plain registers need nothing.
        Isa::Portable => unsafe { cut_body::<T::Plain>(values, bits) },
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW).
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn cut_avx512<T: Real>(values: &mut [T], bits: &[u64]) {
    // SAFETY: the caller's.
    unsafe { cut_body::<T::Wide>(values, bits) }
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn cut_avx2<T: Real>(values: &mut [T], bits: &[u64]) {
    // SAFETY: the caller's.
    unsafe { cut_body::<T::Half>(values, bits) }
}

/// # Safety
/// The processor has the instructions of V.
#[inline(always)]
unsafe fn cut_body<V: Vector>(values: &mut [V::Lane], bits: &[u64]) {
    let (words, rest) = values.as_chunks_mut::<64>();
    // A compiler that saw where numbers are stored, that is where they come from, would make masked stores of these, which
    // take many times as long.
    let to = std::hint::black_box(words.as_mut_ptr().cast::<V::Lane>());
    for (index, (values, &word)) in words.iter().zip(bits).enumerate() {
        for at in (0..64).step_by(V::LANES) {
            let to = to.wrapping_add(index * 64 + at);
            // SAFETY: whole registers of a word's numbers; the processor has the instructions.
            unsafe { V::load(values.as_ptr().wrapping_add(at)).kept(word >> at).store(to) };
        }
    }
    if let Some(&word) = bits.get(words.len()) {
        for (bit, value) in rest.iter_mut().enumerate() {
            if word >> bit & 1 == 0 {
                *value = V::Lane::default();
            }
        }
    }
}
