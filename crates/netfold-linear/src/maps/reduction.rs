//! Sums over whole axes.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use crate::{Entrywise, LinearMap, Probes, Real, SharedMap, Support};

/// Numbers that one task sums.
const TASK: usize = 1 << 14;

/// `y[o, i] = s · Σ over m of x[o, m, i]`: neighbouring axes m are summed, with s = 1, or 1 / their size for a mean.
#[derive(Clone, Debug)]
pub struct Reduction<T> {
    domain: Vec<usize>,
    codomain: Vec<usize>,
    /// Elements of the axes that are summed, and of those behind them.
    middle: usize,
    inner: usize,
    scale: T,
}

impl<T: Real> Reduction<T> {
    /// The sum over the axes `axes` of x, times `scale`.
    ///
    /// # Panics
    /// If the axes are not those of `domain`, or `codomain` has not as many elements as the others.
    pub fn new(domain: &[usize], axes: Range<usize>, codomain: &[usize], scale: T) -> Self {
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let (outer, middle, inner) = (&domain[..axes.start], &domain[axes.clone()], &domain[axes.end..]);
        assert_eq!(count(outer) * count(inner), count(codomain), "elements of y");
        let (middle, inner) = (count(middle), count(inner));
        Self { domain: domain.to_vec(), codomain: codomain.to_vec(), middle, inner, scale }
    }

    /// The element of y that an element of x goes into.
    fn target(&self, element: usize) -> usize {
        if self.inner == 1 {
            return element / self.middle;
        }
        element / (self.middle * self.inner) * self.inner + element % self.inner
    }

    /// Elements of y for one task.
    fn task(&self, width: usize) -> usize {
        (TASK / (self.middle * width).max(1)).max(1)
    }

    /// All of y from all of x.
    fn whole(&self, x: &[T], y: &mut [T]) {
        let (task, size) = (self.task(1).next_multiple_of(self.inner.max(1)), self.middle * self.inner);
        let blocks = x.par_chunks((task * self.middle).max(1)).zip(y.par_chunks_mut(task));
        blocks.for_each(|(x, y)| {
            for (x, y) in x.chunks_exact(size.max(1)).zip(y.chunks_exact_mut(self.inner.max(1))) {
                if let [y] = y {
                    *y = self.scale * sum(x);
                    continue;
                }
                y.fill(T::zero());
                for x in x.chunks_exact(self.inner) {
                    y.iter_mut().zip(x).for_each(|(y, &x)| *y += x);
                }
                y.iter_mut().for_each(|y| *y *= self.scale);
            }
        });
    }
}

/// The sum of numbers that lie side by side, in as many sums as registers have lanes.
fn sum<T: Real>(x: &[T]) -> T {
    const LANES: usize = 16;
    let (whole, rest) = x.as_chunks::<LANES>();
    let mut sums = [T::zero(); LANES];
    for x in whole {
        sums.iter_mut().zip(x).for_each(|(sum, &x)| *sum += x);
    }
    sums.iter_mut().zip(rest).for_each(|(sum, &x)| *sum += x);
    let mut lanes = LANES;
    while lanes > 1 {
        lanes /= 2;
        let (near, far) = sums.split_at_mut(lanes);
        near.iter_mut().zip(far).for_each(|(near, far)| *near += *far);
    }
    sums[0]
}

impl<T: Real> LinearMap<T> for Reduction<T> {
    fn domain(&self) -> &[usize] {
        &self.domain
    }

    fn codomain(&self) -> &[usize] {
        &self.codomain
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        let width = x.width();
        if self.middle == 0 {
            return Probes::zeros(onto, width);
        }
        let mut y = Probes::scratch(onto, width);
        if width == 1 && x.support().is_full() && onto.is_full() {
            self.whole(x.values(), y.values_mut());
            return y;
        }
        let task = self.task(width);
        y.values_mut().par_chunks_mut(task * width.max(1)).enumerate().for_each(|(index, rows)| {
            for (row, sums) in rows.chunks_exact_mut(width.max(1)).enumerate() {
                let element = onto.element_of(index * task + row);
                let first = element / self.inner * self.middle * self.inner + element % self.inner;
                sums.fill(T::zero());
                for x in (0..self.middle).filter_map(|m| x.at(first + m * self.inner)) {
                    sums.iter_mut().zip(x).for_each(|(sum, &x)| *sum += x);
                }
                sums.iter_mut().for_each(|sum| *sum *= self.scale);
            }
        });
        y
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        let y = if self.scale.is_one() { y } else { y.scaled(|_| self.scale) };
        if y.width() != 1 || !y.support().is_full() || !onto.is_full() || onto.count() == 0 {
            return y.gather(onto, |element| Some(self.target(element)));
        }
        let mut x = Probes::scratch(onto, 1);
        let blocks = x.values_mut().chunks_exact_mut(self.middle * self.inner);
        for (x, y) in blocks.zip(y.values().chunks_exact(self.inner)) {
            match y {
                &[y] => x.fill(y),
                y => x.chunks_exact_mut(self.inner).for_each(|x| x.copy_from_slice(y)),
            }
        }
        x
    }

    fn output_support(&self, of: &Support) -> Support {
        if of.is_full() && self.middle > 0 {
            return Support::full(&self.codomain);
        }
        Support::of(&self.codomain, of.standard().map(|element| self.target(element)))
    }

    fn input_support(&self, of: &Support) -> Support {
        if of.is_full() {
            return Support::full(&self.domain);
        }
        Support::from_fn(&self.domain, |element| of.contains(self.target(element)))
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        Arc::new(Self { scale: how.of(self.scale), ..self.clone() })
    }
}
