//! The two kinds of number that maps are computed in.

use netfold_kernels::Compiled;

use crate::maps::Gemm;

/// A real number: `f32` or `f64`.
///
/// All maps are generic over the number, so that one code computes in both precisions. What a number can do is in
/// [`Scalar`](netfold_kernels::Scalar).
pub trait Real: Compiled + Gemm {}

impl Real for f32 {}
impl Real for f64 {}
