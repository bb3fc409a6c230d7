//! Vector registers under one name, and the choice of the instruction set.

mod dispatch;
mod isa;
mod pack_bits;
mod tiles;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use dispatch::{Body, dispatch};
pub(crate) use isa::Isa;
pub use isa::{UnknownInstructionSet, instruction_set};
pub(crate) use pack_bits::pack_word;
pub use tiles::{fastest_width, lanes};
pub(crate) use tiles::{most, registers};
pub use vector::{Lanes, Vector};
pub(crate) use vector::{MAX_LANES, Simd};
