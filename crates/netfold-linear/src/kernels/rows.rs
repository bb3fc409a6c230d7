//! Loops over whole rows.

use super::Isa;
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
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
unsafe fn dot_avx512<T: Real>(x: &[T], width: usize, factor: impl Fn(usize) -> T, sums: &mut [f64]) {
    dot_body(x, width, factor, sums);
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
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
