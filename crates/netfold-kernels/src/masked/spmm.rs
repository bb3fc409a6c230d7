//! Product of the transpose of a matrix and a batch that stores some rows (`SpMM`):
//! `y[c] = Σ over stored d of w[d, c] · x[d]`. The sum is a sum of outer products of the rows of the matrix and those
//! of x. Rows of the matrix whose d is not stored are not read; any other row is read from end to end.

use crate::memory::prefetch;
use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};
use rayon::prelude::*;

/// Rows of x that are multiplied at once: two registers of each, and what they are added to, fill 16.
const ROWS: usize = 6;
/// Rows of y of one task: as few as leave long runs of a row of the matrix, and stay in a cache.
const COLUMNS: usize = 256;
/// Columns after which the next rows of the matrix are asked for again: half of a cache line's.
const AHEAD: usize = 8;

/// The product of the transpose of a matrix and the stored rows of a batch.
#[derive(Debug)]
pub struct Spmm<'a, T> {
    /// The row of the matrix that belongs to each row of x.
    pub from: &'a [u32],
    /// The column of the matrix that belongs to each row of y.
    pub to: &'a [u32],
    /// `w[d · columns + c]`
    pub weights: &'a [T],
    /// Columns of the matrix.
    pub columns: usize,
    /// K, the vectors of the batch.
    pub width: usize,
}

impl<T: Lanes> Spmm<'_, T> {
    pub(crate) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        assert_eq!(x.len(), self.from.len() * self.width, "rows of x");
        assert_eq!(y.len(), self.to.len() * self.width, "rows of y");
        let below = |list: &[u32], end: usize| list.iter().all(|&index| (index as usize) < end);
        assert!(below(self.to, self.columns), "columns of a matrix");
        assert!(below(self.from, self.weights.len() / self.columns.max(1)), "rows of a matrix");
        let tasks = self.to.par_chunks(COLUMNS).zip(y.par_chunks_mut((COLUMNS * self.width).max(1)));
        tasks.for_each(|(to, y)| {
            y.fill(T::zero());
            // SAFETY: `isa` is one that this processor has; lengths, columns and rows as asserted.
            unsafe { dispatch(isa, ByColumns { job: self, to, x, y }) };
        });
    }
}

/// The work of one task: some rows of y. Its `run` has the safety conditions of [`body`].
struct ByColumns<'a, T> {
    job: &'a Spmm<'a, T>,
    to: &'a [u32],
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Lanes> Body<T> for ByColumns<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { body(simd, self.job, self.to, self.x, self.y) }
    }
}

/// Adds to the rows of y that belong to the columns `to`.
///
/// # Safety
/// What [`Spmm::run_by`] asserts holds for all columns, y has a row for each of `to`.
#[inline(always)]
unsafe fn body<V: Vector>(simd: Simd<V>, job: &Spmm<'_, V::Lane>, to: &[u32], x: &[V::Lane], y: &mut [V::Lane]) {
    let row = |d: u32| job.weights.as_ptr().wrapping_add(d as usize * job.columns);
    let (groups, rest) = job.from.as_chunks::<ROWS>();
    // SAFETY: the caller's.
    unsafe {
        for (index, group) in groups.iter().enumerate() {
            let next = groups.get(index + 1).unwrap_or(group);
            let x = &x[index * ROWS * job.width..][..ROWS * job.width];
            lanes::<V, ROWS>(simd, group.map(row), next.map(row), to, job.width, x, y);
        }
        for (index, &d) in rest.iter().enumerate() {
            let x = &x[(groups.len() * ROWS + index) * job.width..][..job.width];
            lanes::<V, 1>(simd, [row(d)], [row(d)], to, job.width, x, y);
        }
    }
}

/// All lanes of N rows of x.
///
/// # Safety
/// The rows of the matrix have a number at each column of `to`, x has N rows of `width` numbers and y one for each
/// column.
#[inline(always)]
unsafe fn lanes<V: Vector, const N: usize>(
    simd: Simd<V>,
    rows: [*const V::Lane; N],
    next: [*const V::Lane; N],
    to: &[u32],
    width: usize,
    x: &[V::Lane],
    y: &mut [V::Lane],
) {
    let mut lane = 0;
    while lane < width {
        let (x, y, next) =
            (x.as_ptr().wrapping_add(lane), y.as_mut_ptr().wrapping_add(lane), (lane == 0).then_some(next));
        // SAFETY: the caller's; the registers lie below the width.
        unsafe {
            lane += match (width - lane) / V::LANES {
                0 if width - lane >= V::Narrow::LANES => {
                    add::<V::Narrow, N, 1>(simd.narrow(), rows, next, to, width, x, y)
                }
                0 => add::<<V::Lane as Lanes>::V1, N, 1>(simd.one(), rows, next, to, width, x, y),
                r if r >= 4 && V::REGISTERS >= 32 => add::<V, N, 4>(simd, rows, next, to, width, x, y),
                r if r >= 2 => add::<V, N, 2>(simd, rows, next, to, width, x, y),
                _ => add::<V, N, 1>(simd, rows, next, to, width, x, y),
            };
        }
    }
}

/// R registers of lanes. Returns how many lanes that are.
///
/// # Safety
/// As [`lanes`]; x and y begin at the first of the lanes.
#[inline(always)]
unsafe fn add<V: Vector, const N: usize, const R: usize>(
    simd: Simd<V>,
    rows: [*const V::Lane; N],
    next: Option<[*const V::Lane; N]>,
    to: &[u32],
    width: usize,
    x: *const V::Lane,
    y: *mut V::Lane,
) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let mut factors = [[simd.zero(); R]; N];
        for n in 0..N {
            for r in 0..R {
                factors[n][r] = simd.load(x.wrapping_add(n * width + r * V::LANES));
            }
        }
        for (index, &column) in to.iter().enumerate() {
            if let Some(next) = next
                && index.is_multiple_of(AHEAD)
            {
                next.iter().for_each(|row| prefetch(row.wrapping_add(column as usize)));
            }
            let y = y.wrapping_add(index * width);
            let mut sums = [simd.zero(); R];
            for r in 0..R {
                sums[r] = simd.load(y.wrapping_add(r * V::LANES));
            }
            for n in 0..N {
                let w = simd.splat(*rows[n].wrapping_add(column as usize));
                for r in 0..R {
                    sums[r] = w.multiply_add(factors[n][r], sums[r]);
                }
            }
            for r in 0..R {
                sums[r].store(y.wrapping_add(r * V::LANES));
            }
        }
    }
    R * V::LANES
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::Spmm;
    use crate::Number;
    use crate::simd::Isa;
    use crate::tests::Noise;

    fn sums<T: Number>() {
        let noise = Noise(Cell::new(5));
        let number = |_| T::of(noise.below(9) as f64 - 4.0);
        for (rows, columns) in [(1, 1), (5, 9), (6, 300), (20, 17), (13, 600)] {
            let weights: Vec<T> = (0..rows * columns).map(number).collect();
            let some = |count: usize| (0..count as u32).filter(|_| noise.below(3) > 0).collect::<Vec<_>>();
            for width in [1, 3, 8, 16, 24, 40, 64] {
                let (from, to) = (some(rows), some(columns));
                let x: Vec<T> = (0..from.len() * width).map(number).collect();
                let job = Spmm { from: &from, to: &to, weights: &weights, columns, width };
                for isa in Isa::all() {
                    let mut y = vec![T::one(); to.len() * width];
                    job.run_by(isa, &x, &mut y);
                    for (index, &sum) in y.iter().enumerate() {
                        let term = |(n, &d): (usize, &u32)| {
                            weights[d as usize * columns + to[index / width] as usize] * x[n * width + index % width]
                        };
                        // Small whole numbers: nothing is rounded.
                        assert_eq!(sum, from.iter().enumerate().map(term).fold(T::zero(), |a, b| a + b), "{isa:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn stored_rows_are_multiplied_and_summed() {
        sums::<f32>();
        sums::<f64>();
    }
}
