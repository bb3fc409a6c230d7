//! Matrix product with a constant matrix.

use std::sync::Arc;

use faer::{MatMut, MatRef};
use netfold_kernels::ablation::is_on;
use netfold_kernels::dense::{Gemv, GemvTransposed};
use netfold_kernels::index::rows::Axes;
use netfold_kernels::index::{WindowAxis, WindowIndex};
use netfold_kernels::masked::{MASKED, MaskedConv, Spmm, Weights};
use rayon::prelude::*;

use super::gemm::{View, by_columns};
use crate::{Entrywise, LinearMap, Probes, Real, SharedMap, Support};

/// Columns of a result that one task computes.
const COLUMNS: usize = 256;

/// Which factor of the product is the constant one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// y = M x
    Lhs,
    /// y = x M
    Rhs,
}

/// Y = M X or Y = X M for each matrix of a batch, M held constant.
///
/// Shapes: with the constant at the left, M `[batch…, m, k]`, X `[batch…, k, n]`, Y `[batch…, m, n]`; at the right
/// X `[batch…, m, k]`, M `[batch…, k, n]`. Each matrix of the batch names the constant and the X that it multiplies,
/// so either may be shared (broadcast).
///
/// Source: ONNX `MatMul`, `Gemm`.
#[derive(Clone, Debug)]
pub struct MatMul<T> {
    domain: Vec<usize>,
    codomain: Vec<usize>,
    side: Side,
    constant: Arc<Vec<T>>,
    /// Whether the constant's matrices are stored as their transposes.
    transposed: bool,
    m: usize,
    k: usize,
    n: usize,
    /// For each matrix of Y: which constant, which X.
    pairs: Vec<(usize, usize)>,
}

impl<T: Real> MatMul<T> {
    /// The product with the shapes of the type's description; `pairs` has one (constant, X) for each matrix of Y.
    ///
    /// # Panics
    /// If shapes, constant and pairs do not fit together.
    pub fn new(
        side: Side,
        constant: Arc<Vec<T>>,
        [m, k, n]: [usize; 3],
        domain: &[usize],
        codomain: &[usize],
        pairs: Vec<(usize, usize)>,
    ) -> Self {
        let len = |shape: &[usize]| shape.iter().product::<usize>();
        let (of_constant, of_x) = if side == Side::Lhs { (m * k, k * n) } else { (k * n, m * k) };
        assert_eq!(len(codomain), pairs.len() * m * n, "one pair for each matrix of y");
        for &(c, x) in &pairs {
            assert!((c + 1) * of_constant <= constant.len() && (x + 1) * of_x <= len(domain), "pairs inside the batch");
        }
        let (domain, codomain) = (domain.to_vec(), codomain.to_vec());
        Self { domain, codomain, side, constant, transposed: false, m, k, n, pairs }
    }

    /// The product of one constant with one matrix: M `[m, k]`, X `[k, n]` at the left; X `[m, k]`, M `[k, n]` at the
    /// right.
    pub fn single(side: Side, constant: Arc<Vec<T>>, sizes: [usize; 3], domain: &[usize], codomain: &[usize]) -> Self {
        Self::new(side, constant, sizes, domain, codomain, vec![(0, 0)])
    }

    /// The same product where `constant` holds Mᵀ instead of M.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    fn constant(&self, index: usize) -> MatRef<'_, T> {
        let (rows, cols) = if self.side == Side::Lhs { (self.m, self.k) } else { (self.k, self.n) };
        let data = &self.constant[index * rows * cols..][..rows * cols];
        if self.transposed { View::new(data, cols, rows).mat().transpose() } else { View::new(data, rows, cols).mat() }
    }

    /// One matrix times one vector, without what is zero or not stored: `None` where it is something else.
    fn masked(&self, x: &Probes<T>, onto: &Support, transpose: bool) -> Option<Probes<T>> {
        let (rows, cols, other) =
            if self.side == Side::Lhs { (self.m, self.k, self.n) } else { (self.k, self.n, self.m) };
        // Rows in standard order, so that both sides may be taken for vectors.
        let flat = |shape: &[usize]| matches!(Axes::of(shape), Axes { channels: 1, .. } | Axes { places: 1, .. });
        // A batch of X may hold more than what is multiplied.
        let single =
            (self.pairs.as_slice(), other) == (&[(0, 0)], 1) && self.domain.iter().product::<usize>() == self.k;
        // y runs along the rows of the stored matrix or along its columns.
        let along_rows = (self.side == Side::Rhs) == transpose;
        if single && x.width() == 1 && is_on("gemv") {
            let (from, to) = if transpose { (&self.codomain, &self.domain) } else { (&self.domain, &self.codomain) };
            let (x, full) = (x.clone().onto(&Support::full(from)), Support::full(to));
            let mut y = Probes::scratch(&full, 1);
            let len = x.values().len() * y.values().len();
            let matrix = &self.constant[..len];
            if along_rows == self.transposed {
                GemvTransposed(x.values()).run(matrix, y.values_mut());
            } else {
                Gemv(x.values()).run(matrix, y.values_mut());
            }
            return Some(y.onto(onto));
        }
        if !single || x.width() * size_of::<T>() < MASKED || !flat(&self.domain) || !flat(&self.codomain) {
            return None;
        }
        let (len, width) = (self.domain.iter().product::<usize>(), x.width());
        let len = if transpose { [self.codomain.iter().product(), len] } else { [len, self.codomain.iter().product()] };
        let mut y = Probes::scratch(onto, width);
        let (from, to) = (x.support().reshaped(&len[..1]), onto.reshaped(&len[1..]));
        let (data, stride) = (self.constant.as_slice(), if self.transposed { rows } else { cols });
        let (from, to) = (from.rows(), to.rows());
        if along_rows == self.transposed {
            let (from, to) = (&from.list(), &to.list());
            Spmm { from, to, weights: data, columns: stride, width }.run(x.values(), y.values_mut());
            return Some(y);
        }
        let weights = Weights { data, to: stride, tap: 0, from: 1 };
        let reads = &WindowIndex::new(&[WindowAxis::UNIT; 2], false);
        MaskedConv { from, to, reads, groups: 1, weights, width, add: false, after: None }
            .run(x.values(), y.values_mut());
        Some(y)
    }

    fn run(&self, input: Probes<T>, onto: &Support, transpose: bool) -> Probes<T> {
        if input.values().is_empty() || onto.count() == 0 {
            return Probes::zeros(onto, input.width());
        }
        if let Some(y) = self.masked(&input, onto, transpose) {
            return y;
        }
        let (from, to) = if transpose { (&self.codomain, &self.domain) } else { (&self.domain, &self.codomain) };
        let input = input.onto(&Support::full(from));
        let width = input.width();
        let mut output = T::pool().zeros(to.iter().product::<usize>() * width);
        let y_size = self.m * self.n * width;
        let x_size = if self.side == Side::Lhs { self.k * self.n } else { self.m * self.k } * width;
        for (y_index, &(constant, x_index)) in self.pairs.iter().enumerate() {
            let constant = self.constant(constant);
            let (from, to) = if transpose {
                (&input.values()[y_index * y_size..][..y_size], &mut output[x_index * x_size..][..x_size])
            } else {
                (&input.values()[x_index * x_size..][..x_size], &mut output[y_index * y_size..][..y_size])
            };
            match self.side {
                Side::Lhs => self.left(constant, from, to, width, transpose),
                Side::Rhs => self.right(constant, from, to, width, transpose),
            }
        }
        Probes::new(Support::full(to), width, output).onto(onto)
    }

    /// to[m, n·width] += M · from[k, n·width], or with Mᵀ.
    fn left(&self, constant: MatRef<'_, T>, from: &[T], to: &mut [T], width: usize, transpose: bool) {
        let (matrix, rows_in, rows_out) =
            if transpose { (constant.transpose(), self.m, self.k) } else { (constant, self.k, self.m) };
        let columns = self.n * width;
        by_columns(MatMut::from_row_major_slice_mut(to, rows_out, columns), COLUMNS, &|first, block| {
            let view = View { data: &from[first..], rows: rows_in, cols: block.ncols(), stride: columns };
            T::add_gemm(block, matrix, view.mat());
        });
    }

    /// For each row of X: to[n, width] += Mᵀ · from[k, width], or with M.
    fn right(&self, constant: MatRef<'_, T>, from: &[T], to: &mut [T], width: usize, transpose: bool) {
        let (matrix, rows_in, rows_out) =
            if transpose { (constant, self.n, self.k) } else { (constant.transpose(), self.k, self.n) };
        if width == 1 {
            // Y = X M as it stands: the rows of X are the rows of one product.
            let x = View::new(from, self.m, rows_in).mat();
            by_columns(MatMut::from_row_major_slice_mut(to, self.m, rows_out), COLUMNS, &|first, block| {
                let n = block.ncols();
                T::add_gemm(block, x, matrix.transpose().subcols(first, n));
            });
            return;
        }
        to.par_chunks_mut(rows_out * width).zip(from.par_chunks(rows_in * width)).for_each(|(to, from)| {
            let to = MatMut::from_row_major_slice_mut(to, rows_out, width);
            T::add_gemm(to, matrix, View::new(from, rows_in, width).mat());
        });
    }

    /// Lines of one side that lines of the other touch: a line is a column of X (constant left) or a row (right).
    fn reach(&self, of: &Support, transpose: bool) -> Support {
        let shape = if transpose { &self.domain } else { &self.codomain };
        if of.count() == 0 || shape.contains(&0) {
            return Support::empty(shape);
        }
        let (x_rows, x_cols) = if self.side == Side::Lhs { (self.k, self.n) } else { (self.m, self.k) };
        let line = |element: usize, rows: usize, cols: usize| match self.side {
            Side::Lhs => element / (rows * cols) * cols + element % cols,
            Side::Rhs => element / cols,
        };
        let lines = if self.side == Side::Lhs { self.n } else { self.m };
        let x_batch = self.domain.iter().product::<usize>() / (x_rows * x_cols);
        let (from, to) =
            if transpose { ((self.m, self.n), (x_rows, x_cols)) } else { ((x_rows, x_cols), (self.m, self.n)) };
        let (from_batch, to_batch) = if transpose { (self.pairs.len(), x_batch) } else { (x_batch, self.pairs.len()) };
        let mut touched = vec![false; from_batch * lines];
        of.standard().for_each(|element| touched[line(element, from.0, from.1)] = true);
        let mut reached = vec![false; to_batch * lines];
        for (y, &(_, x)) in self.pairs.iter().enumerate() {
            let (source, target) = if transpose { (y, x) } else { (x, y) };
            for l in 0..lines {
                reached[target * lines + l] |= touched[source * lines + l];
            }
        }
        Support::from_fn(shape, |element| reached[line(element, to.0, to.1)])
    }
}

impl<T: Real> LinearMap<T> for MatMul<T> {
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

    fn mul_adds(&self, x: &Support, y: &Support) -> f64 {
        x.density() * (y.count() * self.k) as f64
    }

    fn output_support(&self, of: &Support) -> Support {
        self.reach(of, false)
    }

    fn input_support(&self, of: &Support) -> Support {
        self.reach(of, true)
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        let constant = Arc::new(self.constant.iter().map(|&weight| how.of(weight)).collect());
        Arc::new(Self { constant, ..self.clone() })
    }
}
