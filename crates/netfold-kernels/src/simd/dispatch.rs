//! The one place where the code of an instruction set is chosen.

use super::{Isa, Lanes, Simd, Vector};

/// A computation that [`dispatch`] compiles once for each instruction set: a struct of its arguments, consumed by `run`.
pub(crate) trait Body<T: Lanes> {
    /// What the computation returns.
    type Out;

    /// Runs with registers of type V. This function has to be `#[inline(always)]`, and so has every function to which
    /// it hands `simd`: a function that is not inlined is compiled without the instructions of V.
    ///
    /// # Safety
    /// Each implementation documents its own conditions.
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) -> Self::Out;
}

/// Runs the copy of a computation that was compiled for an instruction set.
///
/// # Safety
/// The conditions of `B::run` hold, and this processor has the instructions: `isa` comes from [`Isa::best`] or
/// [`Isa::all`].
#[inline]
pub(crate) unsafe fn dispatch<T: Lanes, B: Body<T>>(isa: Isa, body: B) -> B::Out {
    // SAFETY: the caller's.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512(body),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2(body),
            Isa::Portable => body.run(Simd::<T::V128>::new()),
        }
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`Body::run`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Lanes, B: Body<T>>(body: B) -> B::Out {
    // SAFETY: the caller's.
    unsafe { body.run(Simd::<T::V512>::new()) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`Body::run`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Lanes, B: Body<T>>(body: B) -> B::Out {
    // SAFETY: the caller's.
    unsafe { body.run(Simd::<T::V256>::new()) }
}
