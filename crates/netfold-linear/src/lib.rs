//! Linear maps and their transposes over batches of probes. Knows tensors, no networks.
//!
//! - [`Probes`]: a batch of vectors that travels together, the probe index innermost, stored on a [`Support`].
//! - [`LinearMap`]: `apply` and `apply_transpose`; [`dot_test`] is the law that ties them together.
//! - The maps: [`Identity`], [`Diagonal`], [`Mask`], [`Select`], [`Sparse`], [`Resample`], [`Conv`], [`Product`],
//!   [`RankOne`], and what is made of maps: [`Transposed`], [`Chain`].
//! - [`Stack`]: rows that are kept, to be combined by batches.
//!
//! ```
//! use netfold_linear::{Field, Diagonal, LinearMap, Probes, Support, dot_test};
//! let map = Diagonal::new(Field::full(&[3], vec![2.0, 0.0, -1.0]));
//! let x = Probes::tensor(&[3], vec![1.0, 5.0, 3.0]);
//! assert_eq!(map.apply(x.clone(), &Support::full(&[3])).values(), [2.0, 0.0, -3.0]);
//! let y = Probes::tensor(&[3], vec![7.0, 1.0, 4.0]);
//! for (ax_y, x_aty) in dot_test(&map, &x, &y) {
//!     assert_eq!(ax_y, x_aty);
//! }
//! ```

mod awake;
mod bits;
mod compose;
mod conv;
mod diagonal;
mod field;
mod frame;
mod gemm;
mod identity;
mod kernels;
mod layout;
mod map;
mod mask;
mod pool;
mod probes;
mod product;
mod pulled;
mod rank_one;
mod reads;
mod real;
mod reduction;
mod resample;
mod select;
mod sparse;
mod stack;
mod support;
mod window;

pub use awake::awake;
pub use compose::{Chain, SharedMap, Transposed};
pub use conv::{Conv, Filters};
pub use diagonal::Diagonal;
pub use field::Field;
pub use identity::Identity;
pub use kernels::clip::Clipped;
pub use kernels::contest::Contest;
pub use kernels::isa::{UnknownInstructionSet, instruction_set};
pub use map::{Entrywise, LinearMap, dot_test, matrix};
pub use mask::Mask;
pub use pool::{Pool, Reuse};
pub use probes::Probes;
pub use product::{Product, Side};
pub use pulled::{Pending, Pulled};
pub use rank_one::RankOne;
pub use real::Real;
pub use reduction::Reduction;
pub use resample::{Filter, Resample, Taps};
pub use select::{Run, Select};
pub use sparse::Sparse;
pub use stack::Stack;
pub use support::Support;
pub use window::{Window, WindowAxis};
