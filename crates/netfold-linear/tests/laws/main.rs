//! The laws that every linear map keeps, for arbitrary maps: random shapes, strides, pads, repeated indices, empty axes.
//!
//! Numbers are small integers wherever a map allows it, so that sums are exact in either precision and any difference
//! is a wrong index, not rounding.

mod fused;
mod numbers;
mod parts;
mod recipe;
mod strategies;
mod supports;
mod threads;
mod transpose;
mod twin;
