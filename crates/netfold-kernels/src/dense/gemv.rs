//! Matrix times vector (GEMV): `y[i] = Σ over columns j of matrix[i][j] · x[j]`. The loop is bound by the memory that
//! holds the matrix.

use rayon::prelude::*;

use crate::dense::microkernel::PIECE;
use crate::simd::{Body, Isa, Lanes, MAX_LANES, Simd, Vector, dispatch};

/// Rows that are summed at once.
const ROWS: usize = 4;
/// Registers of sums for each row. With one register, each addition would wait for the one before it.
const SUMS: usize = 2;
/// Products of one task at least.
const PRODUCTS: usize = 1 << 16;

/// y = matrix · x for the vector x that this struct holds. The matrix is row-major, and the argument of `run`.
#[derive(Debug)]
pub struct Gemv<'a, T>(pub &'a [T]);

impl<T: Lanes> Gemv<'_, T> {
    pub(crate) fn run_by(&self, isa: Isa, matrix: &[T], y: &mut [T]) {
        let x = self.0;
        let columns = x.len();
        assert_eq!(matrix.len(), y.len() * columns, "a row for each number of y");
        let rows = PRODUCTS.div_ceil(columns.max(1)).next_multiple_of(ROWS);
        y.par_chunks_mut(rows).enumerate().for_each(|(task, y)| {
            let matrix = &matrix[task * rows * columns..][..y.len() * columns];
            // SAFETY: `isa` is one that this processor has; each row has `columns` numbers.
            unsafe { dispatch(isa, ByRows { x, matrix, y }) };
        });
    }
}

/// The work of one task: some numbers of y. Its `run` has the safety conditions of [`body`].
struct ByRows<'a, T> {
    x: &'a [T],
    matrix: &'a [T],
    y: &'a mut [T],
}

impl<T: Lanes> Body<T> for ByRows<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { body(simd, self.x, self.matrix, self.y) }
    }
}

/// # Safety
/// The matrix has x's length of numbers for each of y's.
#[inline(always)]
unsafe fn body<V: Vector>(simd: Simd<V>, x: &[V::Lane], matrix: &[V::Lane], y: &mut [V::Lane]) {
    let rows = |index: usize| matrix.as_ptr().wrapping_add(index * x.len());
    let (fours, rest) = y.as_chunks_mut::<ROWS>();
    let first = fours.len() * ROWS;
    // SAFETY: the caller's.
    unsafe {
        for (index, y) in fours.iter_mut().enumerate() {
            *y = sums::<V, ROWS>(simd, x, rows(index * ROWS));
        }
        for (index, y) in rest.iter_mut().enumerate() {
            [*y] = sums::<V, 1>(simd, x, rows(first + index));
        }
    }
}

/// The sums of N rows: lane by lane and in pieces (see [`PIECE`]), then over the lanes by halves.
///
/// # Safety
/// `matrix` has N rows of x's length.
#[inline(always)]
unsafe fn sums<V: Vector, const N: usize>(simd: Simd<V>, x: &[V::Lane], matrix: *const V::Lane) -> [V::Lane; N] {
    let step = SUMS * V::LANES;
    let whole = x.len() / step * step;
    // SAFETY: registers of x and of the rows; the last ones are masked.
    unsafe {
        let mut totals = [simd.zero(); N];
        let mut at = 0;
        while at < whole {
            let end = (at + PIECE * step).min(whole);
            let mut sums = [[simd.zero(); SUMS]; N];
            while at < end {
                for s in 0..SUMS {
                    let read = simd.load(x.as_ptr().wrapping_add(at + s * V::LANES));
                    for n in 0..N {
                        let row = simd.load(matrix.wrapping_add(n * x.len() + at + s * V::LANES));
                        sums[n][s] = row.multiply_add(read, sums[n][s]);
                    }
                }
                at += step;
            }
            for n in 0..N {
                for s in 0..SUMS {
                    totals[n] = totals[n].add(sums[n][s]);
                }
            }
        }
        while at < x.len() {
            let count = (x.len() - at).min(V::LANES);
            let left = simd.load_first(x.as_ptr().wrapping_add(at), count);
            for n in 0..N {
                let row = simd.load_first(matrix.wrapping_add(n * x.len() + at), count);
                totals[n] = row.multiply_add(left, totals[n]);
            }
            at += count;
        }
        let mut made = [V::Lane::default(); N];
        for n in 0..N {
            let mut lanes = [V::Lane::default(); MAX_LANES];
            totals[n].store(lanes.as_mut_ptr());
            let mut half = V::LANES / 2;
            while half > 0 {
                for lane in 0..half {
                    lanes[lane] += lanes[lane + half];
                }
                half /= 2;
            }
            made[n] = lanes[0];
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use crate::Scalar;

    use crate::simd::Isa;
    use crate::tests::Noise;

    #[test]
    fn rows_of_a_matrix_meet_a_vector() {
        let noise = Noise(Cell::new(12));
        for (rows, columns) in [(0, 3), (3, 0), (1, 1), (5, 17), (9, 2100), (30, 4099)] {
            let (x, matrix) = (noise.numbers::<f32>(columns), noise.numbers::<f32>(rows * columns));
            for isa in Isa::all() {
                let mut y = vec![f32::NAN; rows];
                super::Gemv(&x).run_by(isa, &matrix, &mut y);
                for (i, y) in y.iter().enumerate() {
                    let plain: f64 = (0..columns).map(|j| x[j].wide() * matrix[i * columns + j].wide()).sum();
                    assert!((y.wide() - plain).abs() < 1e-4, "{isa:?}: {y} and {plain}");
                }
            }
        }
    }
}
