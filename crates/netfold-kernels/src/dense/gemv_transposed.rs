//! Transposed matrix times vector: `y = Σ over i of a[i] · matrix[i]`. Rows whose factor a[i] is zero are not read.

use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};
use rayon::prelude::*;

/// Numbers of y that one task computes: they stay in the level-1 cache.
const COLUMNS: usize = 2048;
/// Rows that are added at once.
const ROWS: usize = 4;

/// y = matrixᵀ · a for the vector a that this struct holds. The matrix is row-major, and the argument of `run`.
#[derive(Debug)]
pub struct GemvTransposed<'a, T>(pub &'a [T]);

impl<T: Lanes> GemvTransposed<'_, T> {
    pub(crate) fn run_by(&self, isa: Isa, matrix: &[T], y: &mut [T]) {
        let a = self.0;
        let columns = y.len();
        assert_eq!(matrix.len(), a.len() * columns, "a row for each number of a");
        let rows: Vec<(usize, T)> = a.iter().copied().enumerate().filter(|&(_, factor)| factor != T::zero()).collect();
        y.par_chunks_mut(COLUMNS).enumerate().for_each(|(block, y)| {
            let job = Job { rows: &rows, matrix, columns, first: block * COLUMNS };
            y.fill(T::zero());
            // SAFETY: `isa` is one that this processor has; each row has `columns` numbers, and y some of them from `first`.
            unsafe { dispatch(isa, ByColumns { job: &job, y }) };
        });
    }
}

/// What one task reads.
struct Job<'a, T> {
    rows: &'a [(usize, T)],
    matrix: &'a [T],
    columns: usize,
    first: usize,
}

/// The work of one task: some numbers of y. Its `run` has the safety conditions of [`body`].
struct ByColumns<'a, T> {
    job: &'a Job<'a, T>,
    y: &'a mut [T],
}

impl<T: Lanes> Body<T> for ByColumns<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { body(simd, self.job, self.y) }
    }
}

/// # Safety
/// Every row of the job has `first + y.len()` numbers at least.
#[inline(always)]
unsafe fn body<V: Vector>(simd: Simd<V>, job: &Job<'_, V::Lane>, y: &mut [V::Lane]) {
    let (fours, rest) = job.rows.as_chunks::<ROWS>();
    // SAFETY: the caller's.
    unsafe {
        for rows in fours {
            add::<V, ROWS>(simd, job, rows, y);
        }
        for &row in rest {
            add::<V, 1>(simd, job, &[row], y);
        }
    }
}

/// y += Σ of N rows.
///
/// # Safety
/// See [`body`].
#[inline(always)]
unsafe fn add<V: Vector, const N: usize>(
    simd: Simd<V>,
    job: &Job<'_, V::Lane>,
    rows: &[(usize, V::Lane); N],
    y: &mut [V::Lane],
) {
    let from = rows.map(|(index, factor)| (job.matrix.as_ptr().wrapping_add(index * job.columns + job.first), factor));
    let whole = y.len() / V::LANES * V::LANES;
    // SAFETY: the caller's.
    unsafe {
        run::<V, N>(simd, &from, y, 0..whole);
        run::<<V::Lane as Lanes>::V1, N>(simd.one(), &from, y, whole..y.len());
    }
}

/// # Safety
/// Each of `from` has a number for each of y's, the range is one of y's of whole registers.
#[inline(always)]
unsafe fn run<V: Vector, const N: usize>(
    simd: Simd<V>,
    from: &[(*const V::Lane, V::Lane); N],
    y: &mut [V::Lane],
    range: std::ops::Range<usize>,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut at = range.start;
        while at < range.end {
            let to = y.as_mut_ptr().wrapping_add(at);
            let mut sum = simd.load(to);
            for &(from, factor) in from {
                sum = simd.splat(factor).multiply_add(simd.load(from.wrapping_add(at)), sum);
            }
            sum.store(to);
            at += V::LANES;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use crate::Scalar;

    use crate::simd::Isa;
    use crate::tests::Noise;

    #[test]
    fn rows_of_a_matrix_combine() {
        let noise = Noise(Cell::new(8));
        for (rows, columns) in [(0, 3), (1, 1), (5, 17), (9, 2100), (30, 4099)] {
            let (mut a, matrix) = (noise.numbers::<f32>(rows), noise.numbers::<f32>(rows * columns));
            a.iter_mut().step_by(3).for_each(|a| *a = 0.0);
            for isa in Isa::all() {
                let mut y = noise.numbers::<f32>(columns);
                super::GemvTransposed(&a).run_by(isa, &matrix, &mut y);
                for (c, y) in y.iter().enumerate() {
                    let plain: f64 = (0..rows).map(|i| a[i].wide() * matrix[i * columns + c].wide()).sum();
                    assert!((y.wide() - plain).abs() < 1e-5, "{isa:?}");
                }
            }
        }
    }
}
