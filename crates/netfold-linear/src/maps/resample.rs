//! Resampling along two neighbouring axes.

use rayon::prelude::*;

use std::sync::Arc;

use crate::{Entrywise, LinearMap, Probes, Real, SharedMap, Sparse, Support};

/// How many numbers one task of a parallel loop handles: fixed, so that results do not depend on the thread count.
const TASK: usize = 1 << 14;

/// Which weights a resampled place gives to the places around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The place under its centre, alone.
    Nearest,
    /// The triangle: 1 − |t| for |t| < 1.
    Bilinear,
    /// Keys' cubic with a = −1/2, for |t| < 2.
    Bicubic,
}

impl Filter {
    /// Half the width of the filter, in places of the finer of the two lines.
    fn reach(self) -> f64 {
        match self {
            Self::Nearest => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, t: f64) -> f64 {
        let (a, t) = (-0.5, t.abs());
        match self {
            Self::Nearest => 1.0,
            Self::Bilinear => (1.0 - t).max(0.0),
            // In factors, so that what is small near a root is not a difference of large numbers.
            Self::Bicubic if t < 1.0 => (1.0 - t) * (1.0 + t - (a + 2.0) * t * t),
            Self::Bicubic if t < 2.0 => a * (t - 1.0) * (t - 2.0) * (t - 2.0),
            Self::Bicubic => 0.0,
        }
    }
}

/// The matrix that turns one line into another one of another length, with its transpose beside it.
#[derive(Clone, Debug)]
pub struct Taps<T> {
    forward: Sparse<T>,
    backward: Sparse<T>,
}

impl<T: Real> Taps<T> {
    /// The matrix from `input` places whose row i holds the entries (place, weight) of `rows[i]`; zeros are dropped.
    ///
    /// # Panics
    /// If a place is not below `input`.
    pub fn new(input: usize, rows: &[Vec<(usize, f64)>]) -> Self {
        let mut columns = vec![Vec::new(); input];
        let nonzero = |i: usize| {
            rows[i].iter().map(|&(place, weight)| (place, T::of(weight))).filter(|(_, weight)| !weight.is_zero())
        };
        for i in 0..rows.len() {
            nonzero(i).for_each(|(place, weight)| columns[place].push((i, weight)));
        }
        let forward = Sparse::new(&[input], &[rows.len()], nonzero);
        let backward = Sparse::new(&[rows.len()], &[input], |place| columns[place].iter().copied());
        Self { forward, backward }
    }

    /// `output` places that cover the same line as `input` places do.
    ///
    /// With scale s = input / output, place i has its centre at (i + 1/2) · s, and gives place j the weight
    /// filter((j + 1/2 − centre) / max(s, 1)), divided by the sum of its weights: when a line shrinks the filter widens
    /// with it, so that nothing between two places is lost (antialiasing). [`Filter::Nearest`] takes the place that
    /// holds the centre. These are Pillow's coefficients.
    pub fn antialiased(input: usize, output: usize, filter: Filter) -> Self {
        if input == 0 {
            return Self::new(0, &vec![Vec::new(); output]);
        }
        let scale = input as f64 / output as f64;
        let (reach, shrink) = (filter.reach() * scale.max(1.0), scale.max(1.0));
        let rows: Vec<Vec<(usize, f64)>> = (0..output)
            .map(|i| {
                let centre = (i as f64 + 0.5) * scale;
                if filter == Filter::Nearest {
                    return vec![((centre as usize).min(input - 1), 1.0)];
                }
                let first = (centre - reach + 0.5).max(0.0) as usize;
                let end = ((centre + reach + 0.5) as usize).min(input);
                let weight = |j: usize| filter.weight((j as f64 + 0.5 - centre) / shrink);
                let sum: f64 = (first..end).map(weight).sum();
                // At the rim of the filter a weight that should be zero is rounding noise.
                (first..end).map(|j| (j, weight(j) / sum)).filter(|(_, weight)| weight.abs() > 1e-12).collect()
            })
            .collect();
        Self::new(input, &rows)
    }

    fn entrywise(&self, how: Entrywise) -> Self {
        Self { forward: self.forward.each(how), backward: self.backward.each(how) }
    }

    fn input(&self) -> usize {
        self.forward.domain()[0]
    }

    fn output(&self) -> usize {
        self.forward.codomain()[0]
    }
}

/// `y[o, r, c, i] = Σ over s, t of rows[r, s] · columns[c, t] · x[o, s, t, i]`: y = (rows ⊗ columns) x.
///
/// Two passes: along the lines, then across them. Nothing is rounded or clipped in between, so the map is linear.
/// Shapes: x `[outer…, height, width, inner…]`; y has the new height and width in the same places.
///
/// ```
/// use netfold_linear::{Filter, LinearMap, Probes, Resample, Support};
/// let half = Resample::antialiased(&[1, 4], 0, [1, 2], Filter::Bilinear);
/// let y = half.apply(Probes::tensor(&[1, 4], vec![0.0, 7.0, 14.0, 21.0]), &Support::full(&[1, 2]));
/// assert_eq!(y.values(), [5.0, 16.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Resample<T> {
    domain: Vec<usize>,
    codomain: Vec<usize>,
    rows: Taps<T>,
    columns: Taps<T>,
    /// Elements of the axes behind the two.
    inner: usize,
}

impl<T: Real> Resample<T> {
    /// The map over tensors of shape `domain` whose axes `axis` and `axis + 1` change by `rows` and `columns`.
    ///
    /// # Panics
    /// If there are no such axes, or they do not have the lengths that the matrices read.
    pub fn new(domain: &[usize], axis: usize, rows: Taps<T>, columns: Taps<T>) -> Self {
        assert_eq!(domain[axis..axis + 2], [rows.input(), columns.input()], "axes that the matrices read");
        let mut codomain = domain.to_vec();
        (codomain[axis], codomain[axis + 1]) = (rows.output(), columns.output());
        let inner = domain[axis + 2..].iter().product();
        Self { domain: domain.to_vec(), codomain, rows, columns, inner }
    }

    /// The map that gives axes `axis` and `axis + 1` the lengths `to`, by [`Taps::antialiased`].
    ///
    /// # Panics
    /// If there are no such axes.
    pub fn antialiased(domain: &[usize], axis: usize, to: [usize; 2], filter: Filter) -> Self {
        let taps = |axis: usize, to| Taps::antialiased(domain[axis], to, filter);
        Self::new(domain, axis, taps(axis, to[0]), taps(axis + 1, to[1]))
    }

    /// What both passes do in the direction asked for: `pass(matrix, numbers before, numbers of one place)`.
    fn both<E>(
        &self,
        x: &[E],
        lanes: usize,
        transpose: bool,
        pass: impl Fn(&Sparse<T>, &[E], usize) -> Vec<E>,
    ) -> Vec<E> {
        let (rows, columns) = (&self.rows, &self.columns);
        if transpose {
            let between = pass(&rows.backward, x, columns.output() * lanes);
            pass(&columns.backward, &between, lanes)
        } else {
            let between = pass(&columns.forward, x, lanes);
            pass(&rows.forward, &between, columns.output() * lanes)
        }
    }

    fn run(&self, input: Probes<T>, onto: &Support, transpose: bool) -> Probes<T> {
        let (from, to) = if transpose { (&self.codomain, &self.domain) } else { (&self.domain, &self.codomain) };
        let (width, to) = (input.width(), Support::full(to));
        if input.values().is_empty() || to.count() == 0 {
            return Probes::zeros(onto, width);
        }
        let input = input.onto(&Support::full(from));
        Probes::new(to, width, self.both(input.values(), self.inner * width, transpose, along)).onto(onto)
    }

    fn reach(&self, of: &Support, transpose: bool) -> Support {
        let to = if transpose { &self.domain } else { &self.codomain };
        if of.count() == 0 || to.contains(&0) {
            return Support::empty(to);
        }
        let touched: Vec<bool> = (0..of.tensor_len()).map(|element| of.contains(element)).collect();
        let reached = self.both(&touched, self.inner, transpose, |matrix, from, lanes| {
            let read = |i: usize, lane: usize| {
                let (outer, i) = (i / matrix.codomain()[0], i % matrix.codomain()[0]);
                matrix.row(i).iter().any(|&(j, _)| from[(outer * matrix.domain()[0] + j as usize) * lanes + lane])
            };
            let places = from.len() / (matrix.domain()[0] * lanes) * matrix.codomain()[0];
            (0..places * lanes).map(|e| read(e / lanes, e % lanes)).collect()
        });
        Support::from_fn(to, |element| reached[element])
    }
}

/// `y[o, i, lane] = Σ weight · x[o, j, lane]` over the entries (j, weight) of the matrix' row i.
fn along<T: Real>(matrix: &Sparse<T>, x: &[T], lanes: usize) -> Vec<T> {
    let (input, output) = (matrix.domain()[0], matrix.codomain()[0]);
    let mut y = vec![T::zero(); x.len() / input * output];
    y.par_chunks_mut(lanes).with_min_len(TASK.div_ceil(lanes)).enumerate().for_each(|(place, sums)| {
        let (outer, i) = (place / output, place % output);
        for &(j, weight) in matrix.row(i) {
            let from = &x[(outer * input + j as usize) * lanes..][..lanes];
            sums.iter_mut().zip(from).for_each(|(sum, &value)| *sum += weight * value);
        }
    });
    y
}

impl<T: Real> LinearMap<T> for Resample<T> {
    fn domain(&self) -> &[usize] {
        &self.domain
    }

    fn codomain(&self) -> &[usize] {
        &self.codomain
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        self.run(x, onto, false)
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        self.run(y, onto, true)
    }

    fn output_support(&self, of: &Support) -> Support {
        self.reach(of, false)
    }

    fn input_support(&self, of: &Support) -> Support {
        self.reach(of, true)
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        let (rows, columns) = (self.rows.entrywise(how), self.columns.entrywise(how));
        Arc::new(Self { rows, columns, ..self.clone() })
    }
}
