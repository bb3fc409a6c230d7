//! A diagonal and one outer product for each line.

use std::sync::Arc;

use rayon::prelude::*;

use crate::{Broadcast, Entrywise, LinearMap, Probes, Real, SharedMap, Support};

/// `y[i] = d[i] · x[i] − u[i] · Σⱼ v[j] · x[j]` along every line of a tensor: on each line the matrix diag(d) − u vᵀ.
///
/// Mean subtraction is d = 1, u = 1, v = 1/n; the Jacobian of a softmax p is d = u = v = p, that of its logarithm
/// d = u = 1, v = p; the Jacobian of x / ‖x‖ is diag(1) − x̂ x̂ᵀ, divided by the norm.
///
/// The sums over j are taken in double precision: a line may be a whole picture, and what is left of d ∘ x is often small.
///
/// Lines run along `size` elements that are `inner` apart, as along one axis of a tensor in standard layout.
#[derive(Clone, Debug)]
pub struct RankOne<T> {
    size: usize,
    inner: usize,
    diagonal: Broadcast<T>,
    left: Arc<Vec<T>>,
    right: Arc<Vec<T>>,
}

impl<T: Real> RankOne<T> {
    /// The map with diagonal d, and u and v in standard layout, along lines of `size` elements that are `inner` apart.
    ///
    /// # Panics
    /// If u and v do not have as many elements as d, or these are no whole lines.
    pub fn new(diagonal: Broadcast<T>, left: Vec<T>, right: Vec<T>, [size, inner]: [usize; 2]) -> Self {
        let len = diagonal.shape().iter().product::<usize>();
        assert_eq!((left.len(), right.len()), (len, len), "one number of u and v for each element");
        assert!(len == 0 || len.is_multiple_of(size * inner), "whole lines");
        Self { size, inner, diagonal, left: Arc::new(left), right: Arc::new(right) }
    }

    /// d ∘ x − u ⟨v, x⟩
    fn run(&self, x: Probes<T>, onto: &Support, [u, v]: [&[T]; 2]) -> Probes<T> {
        let (shape, width) = (self.diagonal.shape(), x.width());
        let x = x.onto(&Support::full(shape));
        let mut y = vec![T::zero(); x.values().len()];
        let (row, block) = (self.inner * width, self.size * self.inner);
        if y.is_empty() {
            return Probes::zeros(onto, width);
        }
        y.par_chunks_mut(block * width).zip(x.values().par_chunks(block * width)).enumerate().for_each(
            |(index, (y, x))| {
                let first = index * block;
                let mut sums = vec![0.0; row];
                for (j, x) in x.chunks_exact(row).enumerate() {
                    for (i, (sums, x)) in sums.chunks_exact_mut(width).zip(x.chunks_exact(width)).enumerate() {
                        let v = v[first + j * self.inner + i];
                        sums.iter_mut().zip(x).for_each(|(sum, &x)| *sum += v.wide() * x.wide());
                    }
                }
                for (j, (y, x)) in y.chunks_exact_mut(row).zip(x.chunks_exact(row)).enumerate() {
                    let places = y.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(sums.chunks_exact(width));
                    for (i, ((y, x), sums)) in places.enumerate() {
                        let element = first + j * self.inner + i;
                        let (d, u) = (self.diagonal.at(element), u[element]);
                        y.iter_mut().zip(x).zip(sums).for_each(|((y, &x), &sum)| *y = d * x - u * T::of(sum));
                    }
                }
            },
        );
        Probes::new(Support::full(shape), width, y).onto(onto)
    }

    /// Every line that holds one of these elements.
    fn lines(&self, of: &Support) -> Support {
        if of.is_full() || of.count() == 0 {
            return of.clone();
        }
        let line = |element: usize| element / (self.size * self.inner) * self.inner + element % self.inner;
        let mut touched = vec![false; of.tensor_len() / self.size];
        of.standard().for_each(|element| touched[line(element)] = true);
        Support::from_fn(of.shape(), |element| touched[line(element)])
    }
}

impl<T: Real> LinearMap<T> for RankOne<T> {
    fn domain(&self) -> &[usize] {
        self.diagonal.shape()
    }

    fn codomain(&self) -> &[usize] {
        self.diagonal.shape()
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        self.run(x, onto, [&self.left, &self.right])
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        self.run(y, onto, [&self.right, &self.left])
    }

    fn output_support(&self, of: &Support) -> Support {
        self.lines(of)
    }

    fn input_support(&self, of: &Support) -> Support {
        self.lines(of)
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        // |diag(d) − u vᵀ| ≤ diag(|d|) + |u| |v|ᵀ, and (d − u v)² ≤ 2 d² + 2 u² v².
        let scale = if how == Entrywise::Square { T::of(2.0) } else { T::one() };
        let left = self.left.iter().map(|&u| -scale * how.of(u)).collect();
        let right = self.right.iter().map(|&v| how.of(v)).collect();
        Arc::new(Self::new(self.diagonal.map(|d| scale * how.of(d)), left, right, [self.size, self.inner]))
    }
}
