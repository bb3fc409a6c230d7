//! Inner loops over masked and dense tensors of `f32` or `f64`, and the index structures that they read.
//!
//! | module | what it holds |
//! |---|---|
//! | [`simd`] | vector registers under one name, and the choice of the instruction set |
//! | [`memory`] | buffers that are used again, threads that are kept awake |
//! | [`index`] | which elements of a tensor are stored, and what a window reads |
//! | [`masked`] | loops over batches of K ≥ 1 vectors, of which only some elements are stored |
//! | [`dense`] | loops over one whole tensor |
//!
//! `docs/kernels.md` of the repository has one formula for each loop. Every number of a result is summed by one thread in
//! an order that the shapes alone decide, so that the bits are the same for any number of threads. Between instruction
//! sets they may differ: fused multiply-add rounds once.
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
