//! Vector registers under one name.

use num_traits::Float;

use crate::Real;

/// Lanes that a register has at most.
pub(super) const MOST: usize = 16;

/// A register of lanes.
///
/// # Safety
/// All methods need the processor to have the register's instructions; pointers must be valid for `LANES` numbers.
pub trait Vector: Copy {
    /// What a lane holds.
    type Lane: Real;
    /// A register of fewer lanes, for what is left of a row.
    type Narrow: Vector<Lane = Self::Lane>;
    /// Some of its lanes.
    type Mask: Copy;
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
    /// The lanes `first..end`, of `LANES` at most.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn mask(first: usize, end: usize) -> Self::Mask;
    /// The numbers of these lanes from memory, and zeros. No other number is read.
    ///
    /// # Safety
    /// See the trait; the pointer must be valid for the numbers of these lanes.
    unsafe fn load_masked(from: *const Self::Lane, mask: Self::Mask) -> Self;
    /// These lanes to memory. No other number is written.
    ///
    /// # Safety
    /// See the trait; the pointer must be valid for the numbers of these lanes.
    unsafe fn store_masked(self, to: *mut Self::Lane, mask: Self::Mask);
    /// `count` numbers from memory, `LANES` at most, and zeros. No other number is read.
    ///
    /// # Safety
    /// See the trait; the pointer must be valid for `count` numbers.
    #[inline(always)]
    unsafe fn load_first(from: *const Self::Lane, count: usize) -> Self {
        // SAFETY: the caller's.
        unsafe { Self::load_masked(from, Self::mask(0, count)) }
    }
    /// The first `count` lanes to memory, `LANES` at most. No other number is written.
    ///
    /// # Safety
    /// See the trait; the pointer must be valid for `count` numbers.
    #[inline(always)]
    unsafe fn store_first(self, to: *mut Self::Lane, count: usize) {
        // SAFETY: the caller's.
        unsafe { self.store_masked(to, Self::mask(0, count)) }
    }
    /// Every other lane of self and then of `next`, from the first one on.
    ///
    /// # Safety
    /// See the trait.
    #[inline(always)]
    unsafe fn evens(self, next: Self) -> Self {
        let mut lanes = [Self::Lane::default(); 2 * MOST];
        // SAFETY: the array has room for two registers.
        unsafe {
            self.store(lanes.as_mut_ptr());
            next.store(lanes.as_mut_ptr().wrapping_add(Self::LANES));
            (0..Self::LANES).for_each(|i| lanes[i] = lanes[2 * i]);
            Self::load(lanes.as_ptr())
        }
    }
    /// The lanes of self and `other` in turn, from the first ones on: two registers.
    ///
    /// # Safety
    /// See the trait.
    #[inline(always)]
    unsafe fn in_turn(self, other: Self) -> [Self; 2] {
        let (mut from, mut lanes) = ([Self::Lane::default(); 2 * MOST], [Self::Lane::default(); 2 * MOST]);
        // SAFETY: the arrays have room for two registers.
        unsafe {
            self.store(from.as_mut_ptr());
            other.store(from.as_mut_ptr().wrapping_add(Self::LANES));
            (0..2 * Self::LANES).for_each(|i| lanes[i] = from[i / 2 + i % 2 * Self::LANES]);
            [Self::load(lanes.as_ptr()), Self::load(lanes.as_ptr().wrapping_add(Self::LANES))]
        }
    }
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
    /// The larger one of self and `bound`; self where one of them is NaN.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn raised(self, bound: Self) -> Self;
    /// The smaller one of self and `bound`; self where one of them is NaN.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn lowered(self, bound: Self) -> Self;
    /// Bit i is 1 where lane i is at most that of `bound`; no NaN is.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn at_most(self, bound: Self) -> u64;
    /// Where self is larger than `best`, or NaN while `best` is a number: self and `name`; elsewhere `best` and `holder`.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn contend(self, name: Self, best: Self, holder: Self) -> [Self; 2];
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
    type Narrow = Array<T, 1, FMA>;
    type Mask = (usize, usize);
    const LANES: usize = N;
    #[inline(always)]
    unsafe fn mask(first: usize, end: usize) -> Self::Mask {
        (first, end)
    }
    #[inline(always)]
    unsafe fn load_masked(from: *const T, (first, end): Self::Mask) -> Self {
        let mut lanes = [T::zero(); N];
        for i in first..end {
            // SAFETY: a number of these lanes.
            lanes[i] = unsafe { *from.wrapping_add(i) };
        }
        Self(lanes)
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut T, (first, end): Self::Mask) {
        for i in first..end {
            // SAFETY: a number of these lanes.
            unsafe { *to.wrapping_add(i) = self.0[i] };
        }
    }
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
    #[inline(always)]
    unsafe fn raised(self, bound: Self) -> Self {
        Self(std::array::from_fn(|i| if bound.0[i] > self.0[i] { bound.0[i] } else { self.0[i] }))
    }
    #[inline(always)]
    unsafe fn lowered(self, bound: Self) -> Self {
        Self(std::array::from_fn(|i| if bound.0[i] < self.0[i] { bound.0[i] } else { self.0[i] }))
    }
    #[inline(always)]
    unsafe fn at_most(self, bound: Self) -> u64 {
        (0..N).fold(0, |flags, i| flags | u64::from(self.0[i] <= bound.0[i]) << i)
    }
    #[inline(always)]
    unsafe fn contend(self, name: Self, best: Self, holder: Self) -> [Self; 2] {
        let wins = |i: usize| (self.0[i] > best.0[i]) | (self.0[i].is_nan() & !best.0[i].is_nan());
        [(self, best), (name, holder)]
            .map(|(new, old)| Self(std::array::from_fn(|i| if wins(i) { new.0[i] } else { old.0[i] })))
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

    /// The methods that AVX-512 has an instruction for: masked moves, and picks from two registers.
    macro_rules! wide {
        ($mask:ty, $load:ident $store:ident, $index:ty, $lanes:literal, $pick:ident) => {
            #[inline(always)]
            unsafe fn evens(self, next: Self) -> Self {
                const EVENS: [$index; $lanes] = {
                    let (mut lanes, mut i) = ([0; $lanes], 0);
                    while i < $lanes {
                        lanes[i as usize] = 2 * i;
                        i += 1;
                    }
                    lanes
                };
                // SAFETY: the processor has the instructions, by the trait's contract.
                unsafe { $pick(self, _mm512_loadu_si512(EVENS.as_ptr().cast()), next) }
            }
            #[inline(always)]
            unsafe fn in_turn(self, other: Self) -> [Self; 2] {
                const TURNS: [[$index; $lanes]; 2] = {
                    let (mut lanes, mut i) = ([[0; $lanes]; 2], 0);
                    while i < 2 * $lanes {
                        lanes[(i / $lanes) as usize][(i % $lanes) as usize] = i / 2 + i % 2 * $lanes;
                        i += 1;
                    }
                    lanes
                };
                // SAFETY: as above.
                unsafe {
                    [
                        $pick(self, _mm512_loadu_si512(TURNS[0].as_ptr().cast()), other),
                        $pick(self, _mm512_loadu_si512(TURNS[1].as_ptr().cast()), other),
                    ]
                }
            }
            type Mask = $mask;
            #[inline(always)]
            unsafe fn mask(first: usize, end: usize) -> $mask {
                ((1_u32 << end) - (1_u32 << first)) as $mask
            }
            #[inline(always)]
            unsafe fn load_masked(from: *const Self::Lane, mask: $mask) -> Self {
                // SAFETY: lanes whose bit is 0 are not read; the rest is the caller's.
                unsafe { $load(mask, from) }
            }
            #[inline(always)]
            unsafe fn store_masked(self, to: *mut Self::Lane, mask: $mask) {
                // SAFETY: lanes whose bit is 0 are not written; the rest is the caller's.
                unsafe { $store(to, mask, self) }
            }
        };
    }

    /// The same of AVX2, whose masks are registers of whole numbers.
    macro_rules! half {
        ($load:ident $store:ident, $whole:ty, $lanes:literal) => {
            type Mask = __m256i;
            #[inline(always)]
            unsafe fn mask(first: usize, end: usize) -> __m256i {
                const WINDOWS: [$whole; 3 * $lanes] = {
                    let (mut lanes, mut i) = ([0; 3 * $lanes], $lanes);
                    while i < 2 * $lanes {
                        lanes[i] = -1;
                        i += 1;
                    }
                    lanes
                };
                // SAFETY: no bound is beyond the lanes; the processor has the instructions, by the trait's contract.
                unsafe {
                    let window = |from: usize| _mm256_loadu_si256(WINDOWS.as_ptr().wrapping_add(from).cast());
                    _mm256_and_si256(window($lanes - first), window(2 * $lanes - end))
                }
            }
            #[inline(always)]
            unsafe fn load_masked(from: *const Self::Lane, mask: __m256i) -> Self {
                // SAFETY: lanes whose bits are 0 are not read; the rest is the caller's.
                unsafe { $load(from, mask) }
            }
            #[inline(always)]
            unsafe fn store_masked(self, to: *mut Self::Lane, mask: __m256i) {
                // SAFETY: lanes whose bits are 0 are not written; the rest is the caller's.
                unsafe { $store(to, mask, self) }
            }
        };
    }

    macro_rules! register {
        ($($register:ty, $narrow:ty, $lane:ty, $n:literal: $zero:ident $splat:ident $load:ident $store:ident $fma:ident $add:ident $sub:ident $max:ident $min:ident $at_most:expr, $contend:expr, $wide:ident!($($words:tt)*);)+) => {$(
            impl Vector for $register {
                type Lane = $lane;
                type Narrow = $narrow;
                const LANES: usize = $n;
                $wide!($($words)*);
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
                #[inline(always)]
                unsafe fn raised(self, bound: Self) -> Self {
                    // The second one where one of them is NaN.
                    // SAFETY: as above.
                    unsafe { $max(bound, self) }
                }
                #[inline(always)]
                unsafe fn lowered(self, bound: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $min(bound, self) }
                }
                #[inline(always)]
                unsafe fn at_most(self, bound: Self) -> u64 {
                    // SAFETY: as above.
                    unsafe { $at_most(self, bound) }
                }
                #[inline(always)]
                unsafe fn contend(self, name: Self, best: Self, holder: Self) -> [Self; 2] {
                    // Not at most the best, that is larger or NaN, where the best is no NaN.
                    // SAFETY: as above.
                    unsafe { $contend(self, name, best, holder) }
                }
            }
        )+};
    }
    register! {
        __m512, __m256, f32, 16: _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_add_ps _mm512_sub_ps _mm512_max_ps _mm512_min_ps |a, b| u64::from(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b)),
            |x, name, best, holder| {
                let wins = _mm512_mask_cmp_ps_mask::<_CMP_NLE_UQ>(_mm512_cmp_ps_mask::<_CMP_ORD_Q>(best, best), x, best);
                [_mm512_mask_blend_ps(wins, best, x), _mm512_mask_blend_ps(wins, holder, name)]
            },
            wide!(__mmask16, _mm512_maskz_loadu_ps _mm512_mask_storeu_ps, i32, 16, _mm512_permutex2var_ps);
        __m512d, __m256d, f64, 8: _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_fmadd_pd _mm512_add_pd _mm512_sub_pd _mm512_max_pd _mm512_min_pd |a, b| u64::from(_mm512_cmp_pd_mask::<_CMP_LE_OQ>(a, b)),
            |x, name, best, holder| {
                let wins = _mm512_mask_cmp_pd_mask::<_CMP_NLE_UQ>(_mm512_cmp_pd_mask::<_CMP_ORD_Q>(best, best), x, best);
                [_mm512_mask_blend_pd(wins, best, x), _mm512_mask_blend_pd(wins, holder, name)]
            },
            wide!(__mmask8, _mm512_maskz_loadu_pd _mm512_mask_storeu_pd, i64, 8, _mm512_permutex2var_pd);
        __m256, <f32 as Lanes>::Plain, f32, 8: _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_add_ps _mm256_sub_ps _mm256_max_ps _mm256_min_ps |a, b| _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(a, b)) as u64,
            |x, name, best, holder| {
                let (larger, number) = (_mm256_cmp_ps::<_CMP_NLE_UQ>(x, best), _mm256_cmp_ps::<_CMP_ORD_Q>(best, best));
                let wins = _mm256_and_ps(larger, number);
                [_mm256_blendv_ps(best, x, wins), _mm256_blendv_ps(holder, name, wins)]
            },
            half!(_mm256_maskload_ps _mm256_maskstore_ps, i32, 8);
        __m256d, <f64 as Lanes>::Plain, f64, 4: _mm256_setzero_pd _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_add_pd _mm256_sub_pd _mm256_max_pd _mm256_min_pd |a, b| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LE_OQ>(a, b)) as u64,
            |x, name, best, holder| {
                let (larger, number) = (_mm256_cmp_pd::<_CMP_NLE_UQ>(x, best), _mm256_cmp_pd::<_CMP_ORD_Q>(best, best));
                let wins = _mm256_and_pd(larger, number);
                [_mm256_blendv_pd(best, x, wins), _mm256_blendv_pd(holder, name, wins)]
            },
            half!(_mm256_maskload_pd _mm256_maskstore_pd, i64, 4);
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
