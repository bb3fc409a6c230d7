//! Segment sum: `y[r] = Σ x[i]` over all i with target(i) = r. Each row of y has a segment, a singly linked list of
//! rows of x. Each row of x is in one segment at most. The transpose of max pooling is such a sum.

use crate::memory::{line, prefetch};
use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};
use rayon::prelude::*;

/// Marks the end of a segment.
const NONE: u32 = u32::MAX;
/// Numbers of y that one task sums.
const TASK: usize = 1 << 15;
/// Rows of y after which a row of x is read that is asked for now.
const AHEAD: usize = 8;

/// The segments: which rows of x each row of y sums, in their order.
#[derive(Debug)]
pub struct SegmentSum {
    /// For each row of y the first row of x of its segment.
    first: Vec<u32>,
    /// For each row of x the next one of its segment.
    next: Vec<u32>,
}

impl SegmentSum {
    /// The segments of `rows` rows of y; `targets` names for each row of x the row of y that sums it.
    ///
    /// # Panics
    /// If one belongs to a row that is not there.
    pub fn new(rows: usize, targets: impl ExactSizeIterator<Item = Option<usize>> + DoubleEndedIterator) -> Self {
        assert!(targets.len() < NONE as usize, "rows are u32");
        let (mut first, mut next) = (vec![NONE; rows], vec![NONE; targets.len()]);
        for (row, target) in targets.enumerate().rev() {
            if let Some(target) = target {
                next[row] = std::mem::replace(&mut first[target], row as u32);
            }
        }
        Self { first, next }
    }

    pub(crate) fn run_by<T: Lanes>(&self, isa: Isa, x: &[T], y: &mut [T]) {
        if y.is_empty() {
            return;
        }
        let width = y.len() / self.first.len();
        assert_eq!((x.len(), y.len()), (self.next.len() * width, self.first.len() * width), "rows of x and y");
        let rows = (TASK / width).max(1);
        y.par_chunks_mut(rows * width).zip(self.first.par_chunks(rows)).for_each(|(y, first)| {
            // SAFETY: `isa` is one that this processor has; all links are rows of x, and lengths as asserted.
            unsafe { dispatch(isa, ByRows { links: self, first, width, x, y }) };
        });
    }
}

/// The work of one task: some rows of y. Its `run` has the safety conditions of [`body`].
struct ByRows<'a, T> {
    links: &'a SegmentSum,
    first: &'a [u32],
    width: usize,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Lanes> Body<T> for ByRows<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { body(simd, self.links, self.first, self.width, self.x, self.y) }
    }
}

/// Some rows of y, whose segments begin at `first`.
///
/// # Safety
/// All entries of the segments are rows of x, and x and y have rows of `width` numbers.
#[inline(always)]
unsafe fn body<V: Vector>(
    simd: Simd<V>,
    links: &SegmentSum,
    first: &[u32],
    width: usize,
    x: &[V::Lane],
    y: &mut [V::Lane],
) {
    for (index, &row) in first.iter().enumerate() {
        if let Some(&ahead) = first.get(index + AHEAD)
            && ahead != NONE
        {
            let ahead = x.as_ptr().wrapping_add(ahead as usize * width);
            (0..width).step_by(line::<V::Lane>()).for_each(|lane| prefetch(ahead.wrapping_add(lane)));
        }
        let y = y.as_mut_ptr().wrapping_add(index * width);
        let mut lane = 0;
        while lane < width {
            // SAFETY: the caller's; the registers lie below the width.
            unsafe {
                lane += match (width - lane) / V::LANES {
                    0 if width - lane >= V::Narrow::LANES => {
                        add::<V::Narrow, 1>(simd.narrow(), links, row, width, lane, x, y)
                    }
                    0 => add::<<V::Lane as Lanes>::V1, 1>(simd.one(), links, row, width, lane, x, y),
                    r if r >= 4 => add::<V, 4>(simd, links, row, width, lane, x, y),
                    r if r >= 2 => add::<V, 2>(simd, links, row, width, lane, x, y),
                    _ => add::<V, 1>(simd, links, row, width, lane, x, y),
                };
            }
        }
    }
}

/// R registers of lanes of one row of y, whose segment begins at `row`. Returns how many lanes that are.
///
/// # Safety
/// As [`body`]; y is that row.
#[inline(always)]
unsafe fn add<V: Vector, const R: usize>(
    simd: Simd<V>,
    links: &SegmentSum,
    mut row: u32,
    width: usize,
    lane: usize,
    x: &[V::Lane],
    y: *mut V::Lane,
) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [simd.zero(); R];
        while row != NONE {
            let x = x.as_ptr().wrapping_add(row as usize * width + lane);
            for r in 0..R {
                sums[r] = sums[r].add(simd.load(x.wrapping_add(r * V::LANES)));
            }
            row = *links.next.get_unchecked(row as usize);
        }
        for r in 0..R {
            sums[r].store(y.wrapping_add(lane + r * V::LANES));
        }
    }
    R * V::LANES
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::SegmentSum;
    use crate::Number;
    use crate::simd::Isa;
    use crate::tests::Noise;

    fn sums<T: Number>() {
        let noise = Noise(Cell::new(6));
        for (from, to) in [(1, 1), (40, 7), (7, 40), (300, 200)] {
            let targets: Vec<Option<usize>> =
                (0..from).map(|_| Some(noise.below(to + 3)).filter(|&row| row < to)).collect();
            let links = SegmentSum::new(to, targets.iter().copied());
            for width in [1, 3, 8, 16, 24, 40, 64] {
                let x: Vec<T> = (0..from * width).map(|_| T::of(noise.below(9) as f64 - 4.0)).collect();
                let mut sums = vec![T::zero(); to * width];
                for (row, target) in targets.iter().enumerate() {
                    let to = target.map(|target| target * width);
                    (0..width).for_each(|lane| to.into_iter().for_each(|to| sums[to + lane] += x[row * width + lane]));
                }
                for isa in Isa::all() {
                    let mut y = vec![T::one(); to * width];
                    links.run_by(isa, &x, &mut y);
                    // Small whole numbers: nothing is rounded.
                    assert_eq!(y, sums, "{isa:?}");
                }
            }
        }
    }

    #[test]
    fn rows_are_sums_of_their_chains() {
        sums::<f32>();
        sums::<f64>();
    }
}
