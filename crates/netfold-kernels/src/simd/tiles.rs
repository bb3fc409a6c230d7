//! The sizes of register tiles: how many sums a loop keeps in registers. One sum too many is spilled to memory.

use super::{Body, Isa, Lanes, Simd, Vector, dispatch};

/// The largest number of registers of places in a tile of a dense product. The tile holds the sums of 8 channels, or of
/// 4 and then 4 more, beside what they read.
pub(crate) const fn most<V: Vector>() -> usize {
    if V::REGISTERS < 32 { 2 } else { 3 }
}

/// The largest number of lanes in a tile of a masked product.
pub(crate) const fn widest<V: Vector>() -> usize {
    V::LANES * if V::REGISTERS < 32 { 3 } else { 4 }
}

/// The lanes of a register, and [`most`] of an instruction set.
pub(crate) fn registers<T: Lanes>(isa: Isa) -> (usize, usize) {
    struct Registers;
    impl<T: Lanes> Body<T> for Registers {
        type Out = (usize, usize);
        #[inline(always)]
        unsafe fn run<V: Vector<Lane = T>>(self, _: Simd<V>) -> Self::Out {
            (V::LANES, most::<V>())
        }
    }
    // SAFETY: nothing is demanded; no register is used.
    unsafe { dispatch::<T, _>(isa, Registers) }
}

/// Lanes of a register.
pub fn lanes<T: Lanes>() -> usize {
    registers::<T>(Isa::best()).0
}

/// The number K of vectors that masked loops compute fastest at once: the lanes of one register tile.
pub fn fastest_width<T: Lanes>() -> usize {
    struct Widest;
    impl<T: Lanes> Body<T> for Widest {
        type Out = usize;
        #[inline(always)]
        unsafe fn run<V: Vector<Lane = T>>(self, _: Simd<V>) -> usize {
            widest::<V>()
        }
    }
    // SAFETY: as above.
    unsafe { dispatch::<T, _>(Isa::best(), Widest) }
}
