//! W and b, out of a circuit: rows and columns, the way that takes fewer products, and the shares of b.

mod basis;
mod bias;
pub(crate) mod blocks;
mod bottleneck;
mod coloring;
mod columns;
mod cost;
mod proportion;
mod receptive_field;
mod reconstruct;
mod request;
pub(crate) mod rows;
mod strategy;

pub use basis::Basis;
pub use bias::BiasMap;
pub use columns::{ColumnPlan, Gathered};
pub use cost::Cost;
pub use receptive_field::{ReceptiveField, Unit};
pub use reconstruct::{Compared, Reconstruction, RowRef, argmax, top};
pub use request::{Method, Request, Together};
pub use rows::{Block, RowPlan};
pub use strategy::Strategy;
