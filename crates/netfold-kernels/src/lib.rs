//! Inner loops over masked and dense tensors of `f32` or `f64`, and the index structures that they read.
//!
//! | module | what it holds |
//! |---|---|
//! | [`simd`] | vector registers under one interface, and the choice of the instruction set |
//! | [`memory`] | buffers that are used again, and threads that are kept awake |
//! | [`index`] | which elements of a tensor are stored, and what a window reads |
//! | [`masked`] | loops over batches of K ≥ 1 vectors, of which only some elements are stored |
//! | [`dense`] | loops over one whole tensor |
//!
//! A loop is a struct that holds its parameters, such as [`dense::Gemv`]; its function `run` computes y from x. Inside the
//! crate, the work of one task is a `simd::Body`, which `simd::dispatch` runs with the chosen instruction set.
//!
//! In formulas x is what is read, y the result, w the weights; c and d are channels of y and of x, p and q their
//! places, t a tap of a window, and q(p, t) the place that tap t of the window at p reads. `docs/kernels.md` of the
//! repository has a section for each loop.
//!
//! One thread sums each element of a result, in an order that the shapes alone decide, so that the bits are the same
//! for any number of threads. Between instruction sets they may differ, because a fused multiply-add rounds once.
//!
//! This crate is the only one of the project with `unsafe` code. The loops check the lengths of all their arguments before
//! they start, and panic if these do not fit.

#![allow(unsafe_code)]

pub mod ablation;
pub mod dense;
pub mod index;
pub mod masked;
pub mod memory;
mod number;
mod run;
mod scalar;
pub mod simd;
#[cfg(test)]
mod tests;

pub use number::Number;
pub use run::{Compiled, Loop};
pub use scalar::Scalar;
