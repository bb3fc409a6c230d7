//! Vector registers under one interface, and the choice of the instruction set.
//!
//! A loop is written once, generic over a [`Vector`], the type of a register, and wrapped in a `Body`. `dispatch`
//! compiles the body for each instruction set and runs the copy for the one that is asked for. The body receives a
//! token, `Simd<V>`: it proves that the processor has the instructions of V, so that only what takes a pointer is
//! unsafe.

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
