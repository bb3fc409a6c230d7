//! Vector registers under one name.

use num_traits::Float;

use crate::Real;

/// A register of lanes.
///
/// # Safety
/// All methods need the processor to have the register's instructions; pointers must be valid for `LANES` numbers.
pub trait Vector: Copy {
    /// What a lane holds.
    type Lane: Real;
    /// How many lanes there are.
    const LANES: usize;
    /// Zero in each lane.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn zero() -> Self;
    /// The same number in each lane.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn splat(value: Self::Lane) -> Self;
    /// `LANES` numbers from memory.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn load(from: *const Self::Lane) -> Self;
    /// `LANES` numbers to memory.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn store(self, to: *mut Self::Lane);
    /// self · x + sum.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn multiply_add(self, x: Self, sum: Self) -> Self;
    /// self + x.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn add(self, x: Self) -> Self;
    /// self − x.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn sub(self, x: Self) -> Self;
}

/// The registers of a number's instruction sets.
pub trait Lanes: Sized {
    /// 64 bytes, where there is AVX-512.
    type Wide: Vector<Lane = Self>;
    /// 32 bytes, where there are AVX2 and FMA.
    type Half: Vector<Lane = Self>;
    /// 16 bytes, in portable code.
    type Plain: Vector<Lane = Self>;
    /// One lane, in any code.
    type One: Vector<Lane = Self>;
}

/// Lanes in portable code.
#[derive(Clone, Copy, Debug)]
pub struct Array<T, const N: usize, const FMA: bool>([T; N]);

/// Whether a multiply-add in portable code is one instruction; as a library call it would be slow.
const PORTABLE_FMA: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

impl<T: Real, const N: usize, const FMA: bool> Vector for Array<T, N, FMA> {
    type Lane = T;
    const LANES: usize = N;
    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([T::zero(); N])
    }
    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Self([value; N])
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: N numbers, by the trait's contract; an array has its element's alignment.
        Self(unsafe { *from.cast::<[T; N]>() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: as above.
        unsafe { *to.cast::<[T; N]>() = self.0 };
    }
    #[inline(always)]
    unsafe fn multiply_add(self, x: Self, sum: Self) -> Self {
        let lane =
            |i: usize| if FMA { Float::mul_add(self.0[i], x.0[i], sum.0[i]) } else { self.0[i] * x.0[i] + sum.0[i] };
        Self(std::array::from_fn(lane))
    }
    #[inline(always)]
    unsafe fn add(self, x: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + x.0[i]))
    }
    #[inline(always)]
    unsafe fn sub(self, x: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - x.0[i]))
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod registers {
    use super::{Array, Lanes, PORTABLE_FMA};

    macro_rules! lanes {
        ($($lane:ty: $n:literal;)+) => {$(
            impl Lanes for $lane {
                type Wide = Array<Self, $n, PORTABLE_FMA>;
                type Half = Array<Self, $n, PORTABLE_FMA>;
                type Plain = Array<Self, $n, PORTABLE_FMA>;
                type One = Array<Self, 1, PORTABLE_FMA>;
            }
        )+};
    }
    lanes! {
        f32: 4;
        f64: 2;
    }
}

#[cfg(target_arch = "x86_64")]
mod registers {
    use std::arch::x86_64::*;

    use super::{Array, Lanes, PORTABLE_FMA, Vector};

    macro_rules! register {
        ($($register:ty, $lane:ty, $n:literal: $zero:ident $splat:ident $load:ident $store:ident $fma:ident $add:ident $sub:ident;)+) => {$(
            impl Vector for $register {
                type Lane = $lane;
                const LANES: usize = $n;
                #[inline(always)]
                unsafe fn zero() -> Self {
                    // SAFETY: the processor has the instruction, by the trait's contract; so in all that follow.
                    unsafe { $zero() }
                }
                #[inline(always)]
                unsafe fn splat(value: $lane) -> Self {
                    // SAFETY: as above.
                    unsafe { $splat(value) }
                }
                #[inline(always)]
                unsafe fn load(from: *const $lane) -> Self {
                    // SAFETY: as above; valid for all lanes, by the trait's contract.
                    unsafe { $load(from) }
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut $lane) {
                    // SAFETY: as above.
                    unsafe { $store(to, self) }
                }
                #[inline(always)]
                unsafe fn multiply_add(self, x: Self, sum: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $fma(self, x, sum) }
                }
                #[inline(always)]
                unsafe fn add(self, x: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $add(self, x) }
                }
                #[inline(always)]
                unsafe fn sub(self, x: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $sub(self, x) }
                }
            }
        )+};
    }
    register! {
        __m512, f32, 16: _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_add_ps _mm512_sub_ps;
        __m512d, f64, 8: _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_fmadd_pd _mm512_add_pd _mm512_sub_pd;
        __m256, f32, 8: _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_add_ps _mm256_sub_ps;
        __m256d, f64, 4: _mm256_setzero_pd _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_add_pd _mm256_sub_pd;
    }

    impl Lanes for f32 {
        type Wide = __m512;
        type Half = __m256;
        type Plain = Array<f32, 4, PORTABLE_FMA>;
        type One = Array<f32, 1, PORTABLE_FMA>;
    }

    impl Lanes for f64 {
        type Wide = __m512d;
        type Half = __m256d;
        type Plain = Array<f64, 2, PORTABLE_FMA>;
        type One = Array<f64, 1, PORTABLE_FMA>;
    }
}
