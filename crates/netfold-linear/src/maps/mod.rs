//! The maps, one file each. None of them knows of networks.

mod cached_rows;
mod compose;
mod conv;
mod diagonal;
mod gemm;
mod identity;
mod mask;
mod matmul;
mod rank_one;
mod reduction;
mod resample;
mod select;
mod sparse;

pub use cached_rows::CachedRows;
pub use compose::{Chain, Transposed};
pub use conv::{Conv, FusedConv, Fusible, PackedWeights};
pub use diagonal::Diagonal;
pub use gemm::Gemm;
pub use identity::Identity;
pub use mask::Mask;
pub use matmul::{MatMul, Side};
pub use rank_one::RankOne;
pub use reduction::Reduction;
pub use resample::{Filter, Resample, Taps};
pub use select::{Run, Select};
pub use sparse::Sparse;
