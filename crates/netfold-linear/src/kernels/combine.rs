//! y = Σ over i of a[i] · row i of a matrix: rows that a leaves out are not read.

use rayon::prelude::*;

use super::vector::{Lanes, Vector};
use super::{Isa, Kernel, Loop};
use crate::Real;

/// Numbers of y that one task computes: they stay in the level-1 cache.
const COLUMNS: usize = 2048;
/// Rows that are added at once.
const ROWS: usize = 4;

/// y = Σ over i of a[i] · matrix[i], rows of y's length one behind the other.
pub(crate) fn combine<T: Real>(a: &[T], matrix: &[T], y: &mut [T]) {
    T::run(Loop(Kernel::Combine(a)), matrix, y);
}

pub(super) fn combine_by<T: Real>(isa: Isa, a: &[T], matrix: &[T], y: &mut [T]) {
    let columns = y.len();
    assert_eq!(matrix.len(), a.len() * columns, "a row for each number of a");
    let rows: Vec<(usize, T)> = a.iter().copied().enumerate().filter(|&(_, factor)| factor != T::zero()).collect();
    y.par_chunks_mut(COLUMNS).enumerate().for_each(|(block, y)| {
        let job = Job { rows: &rows, matrix, columns, first: block * COLUMNS };
        y.fill(T::zero());
        // SAFETY: `isa` is one that this processor has; each row has `columns` numbers, and y some of them from `first`.
        unsafe {
            match isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => avx512(&job, y),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => avx2(&job, y),
                Isa::Portable => body::<T::Plain>(&job, y),
            }
        }
    });
}

/// What one task reads.
struct Job<'a, T> {
    rows: &'a [(usize, T)],
    matrix: &'a [T],
    columns: usize,
    first: usize,
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(job: &Job<'_, T>, y: &mut [T]) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide>(job, y) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(job: &Job<'_, T>, y: &mut [T]) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half>(job, y) }
}

/// # Safety
/// Every row of the job has `first + y.len()` numbers at least, and the processor has the instructions of V.
#[inline(always)]
unsafe fn body<V: Vector>(job: &Job<'_, V::Lane>, y: &mut [V::Lane]) {
    let (fours, rest) = job.rows.as_chunks::<ROWS>();
    // SAFETY: the caller's.
    unsafe {
        for rows in fours {
            add::<V, ROWS>(job, rows, y);
        }
        for &row in rest {
            add::<V, 1>(job, &[row], y);
        }
    }
}

/// y += Σ of N rows.
///
/// # Safety
/// See [`body`].
#[inline(always)]
unsafe fn add<V: Vector, const N: usize>(job: &Job<'_, V::Lane>, rows: &[(usize, V::Lane); N], y: &mut [V::Lane]) {
    let from = rows.map(|(index, factor)| (job.matrix.as_ptr().wrapping_add(index * job.columns + job.first), factor));
    let whole = y.len() / V::LANES * V::LANES;
    // SAFETY: the caller's.
    unsafe {
        run::<V, N>(&from, y, 0..whole);
        run::<<V::Lane as Lanes>::One, N>(&from, y, whole..y.len());
    }
}

/// # Safety
/// Each of `from` has a number for each of y's, the range is one of y's of whole registers, and the processor has the
/// instructions of V.
#[inline(always)]
unsafe fn run<V: Vector, const N: usize>(
    from: &[(*const V::Lane, V::Lane); N],
    y: &mut [V::Lane],
    range: std::ops::Range<usize>,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut at = range.start;
        while at < range.end {
            let to = y.as_mut_ptr().wrapping_add(at);
            let mut sum = V::load(to);
            for &(from, factor) in from {
                sum = V::splat(factor).multiply_add(V::load(from.wrapping_add(at)), sum);
            }
            sum.store(to);
            at += V::LANES;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use crate::Real;
    use crate::kernels::Isa;
    use crate::kernels::tests::Noise;

    #[test]
    fn rows_of_a_matrix_combine() {
        let noise = Noise(Cell::new(8));
        for (rows, columns) in [(0, 3), (1, 1), (5, 17), (9, 2100), (30, 4099)] {
            let (mut a, matrix) = (noise.numbers::<f32>(rows), noise.numbers::<f32>(rows * columns));
            a.iter_mut().step_by(3).for_each(|a| *a = 0.0);
            for isa in Isa::all() {
                let mut y = noise.numbers::<f32>(columns);
                super::combine_by(isa, &a, &matrix, &mut y);
                for (c, y) in y.iter().enumerate() {
                    let plain: f64 = (0..rows).map(|i| a[i].wide() * matrix[i * columns + c].wide()).sum();
                    assert!((y.wide() - plain).abs() < 1e-5, "{isa:?}");
                }
            }
        }
    }
}
