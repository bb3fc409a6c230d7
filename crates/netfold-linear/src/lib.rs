//! Linear maps and their transposes over batches of probes. Knows tensors, no networks.
//!
//! - [`Probes`]: a batch of vectors that travels together, the probe index innermost, stored on a [`Support`].
//! - [`LinearMap`]: `apply` and `apply_transpose`; [`dot_test`] is the law that ties them together.
//! - The maps: [`Identity`], [`Diagonal`], [`Mask`], [`Select`], [`Sparse`], [`Resample`], [`Conv`], [`MatMul`],
//!   [`RankOne`], and what is made of maps: [`Transposed`], [`Chain`].
//! - [`CachedRows`]: rows that are kept, to be combined by batches.
//!
//! ```
//! use netfold_linear::{Broadcast, Diagonal, LinearMap, Probes, Support, dot_test};
//! let map = Diagonal::new(Broadcast::full(&[3], vec![2.0, 0.0, -1.0]));
//! let x = Probes::tensor(&[3], vec![1.0, 5.0, 3.0]);
//! assert_eq!(map.apply(x.clone(), &Support::full(&[3])).values(), [2.0, 0.0, -3.0]);
//! let y = Probes::tensor(&[3], vec![7.0, 1.0, 4.0]);
//! for (ax_y, x_aty) in dot_test(&map, &x, &y) {
//!     assert_eq!(ax_y, x_aty);
//! }
//! ```

mod broadcast;
mod map;
mod maps;
mod probes;
mod real;

pub use broadcast::Broadcast;
pub use map::{Entrywise, LinearMap, SharedMap, dot_test, matrix};
pub use maps::{
    CachedRows, Chain, Conv, Diagonal, Filter, FusedConv, Fusible, Identity, Mask, MatMul, PackedWeights, RankOne,
    Reduction, Resample, Run, Select, Side, Sparse, Taps, Transposed,
};
pub use netfold_kernels::Scalar;
pub use netfold_kernels::dense::{ArgmaxPool, Clamped};
pub use netfold_kernels::index::{Support, Window, WindowAxis};
pub use netfold_kernels::memory::{Pool, Reuse, awake};
pub use netfold_kernels::simd::{UnknownInstructionSet, instruction_set};
pub use probes::Probes;
pub use real::Real;
