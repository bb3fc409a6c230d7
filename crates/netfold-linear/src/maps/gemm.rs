//! Dense products, by faer; the only file that names it.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use netfold_kernels::Scalar;

/// A row-major matrix in a slice: `rows × cols`, rows `stride` apart; `transposed` swaps its two axes when read.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, T> {
    pub data: &'a [T],
    pub rows: usize,
    pub cols: usize,
    pub stride: usize,
}

impl<'a, T: Scalar> View<'a, T> {
    /// A matrix without gaps.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, stride: cols }
    }

    pub fn mat(self) -> MatRef<'a, T> {
        MatRef::from_row_major_slice_with_stride(self.data, self.rows, self.cols, self.stride)
    }
}

/// Numbers whose dense products faer computes. The trait is sealed: its module is private.
pub trait Gemm: Sized {
    /// C += A B. One thread: callers split the work into blocks that do not depend on the thread count.
    fn add_gemm(c: MatMut<'_, Self>, a: MatRef<'_, Self>, b: MatRef<'_, Self>);
}

macro_rules! gemm {
    ($($number:ident)+) => {$(
        impl Gemm for $number {
            fn add_gemm(c: MatMut<'_, Self>, a: MatRef<'_, Self>, b: MatRef<'_, Self>) {
                if c.nrows() > 0 && c.ncols() > 0 {
                    matmul(c, Accum::Add, a, b, 1.0, Par::Seq);
                }
            }
        }
    )+};
}
gemm!(f32 f64);

/// Runs `work(first column, block)` over blocks of `width` columns of C, in parallel.
pub(crate) fn by_columns<T: Scalar>(c: MatMut<'_, T>, width: usize, work: &(impl Fn(usize, MatMut<'_, T>) + Sync)) {
    split(c, 0, width.max(1), work);
}

fn split<T: Scalar>(c: MatMut<'_, T>, first: usize, width: usize, work: &(impl Fn(usize, MatMut<'_, T>) + Sync)) {
    let blocks = c.ncols().div_ceil(width);
    if blocks <= 1 {
        if c.ncols() > 0 {
            work(first, c);
        }
        return;
    }
    let at = blocks / 2 * width;
    let (left, right) = c.split_at_col_mut(at);
    rayon::join(|| split(left, first, width, work), || split(right, first + at, width, work));
}
