//! The registers of x86-64: AVX-512 and AVX2.

use std::arch::x86_64::*;

use super::vector::{Lanes, MAX_LANES, PORTABLE_FMA, ScalarLanes, Vector};

/// The methods that AVX-512 has an instruction for: masked moves, and picks from two registers.
macro_rules! wide {
    ($mask:ty, $load:ident $store:ident, $index:ty, $lanes:literal, $pick:ident) => {
        const REGISTERS: usize = 32;
        #[inline(always)]
        fn deinterleave_even(self, next: Self) -> Self {
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
        fn interleave(self, other: Self) -> [Self; 2] {
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

/// Lanes of a register of AVX2: whole numbers of ones and zeros, and from which to which.
#[derive(Clone, Copy)]
pub struct Span {
    lanes: __m256i,
    first: usize,
    end: usize,
}

/// The same of AVX2. On some processors a masked store takes twenty times as long as any other.
macro_rules! half {
    ($load:ident $store:ident, $whole:ty, $lanes:literal, $evens:expr, $in_turn:expr, $first:expr) => {
        const REGISTERS: usize = 16;
        #[inline(always)]
        fn deinterleave_even(self, next: Self) -> Self {
            // SAFETY: the processor has the instructions, by the trait's contract; so in all that follow.
            unsafe { $evens(self, next) }
        }
        #[inline(always)]
        fn interleave(self, other: Self) -> [Self; 2] {
            // SAFETY: as above.
            unsafe { $in_turn(self, other) }
        }
        type Mask = Span;
        #[inline(always)]
        unsafe fn mask(first: usize, end: usize) -> Span {
            const WINDOWS: [$whole; 3 * $lanes] = {
                let (mut lanes, mut i) = ([0; 3 * $lanes], $lanes);
                while i < 2 * $lanes {
                    lanes[i] = -1;
                    i += 1;
                }
                lanes
            };
            // SAFETY: as above; no bound is beyond the lanes.
            unsafe {
                let window = |from: usize| _mm256_loadu_si256(WINDOWS.as_ptr().wrapping_add(from).cast());
                Span { lanes: _mm256_and_si256(window($lanes - first), window(2 * $lanes - end)), first, end }
            }
        }
        #[inline(always)]
        unsafe fn load_masked(from: *const Self::Lane, mask: Span) -> Self {
            // SAFETY: lanes whose bits are 0 are not read; the rest is the caller's.
            unsafe { $load(from, mask.lanes) }
        }
        #[inline(always)]
        unsafe fn store_masked(self, to: *mut Self::Lane, mask: Span) {
            // SAFETY: lanes outside the span are not written; the rest is the caller's.
            unsafe {
                match mask {
                    Span { first: 0, end: $lanes, .. } => self.store(to),
                    Span { first: 0, end, .. } => $first(self, to, end),
                    _ => $store(to, mask.lanes, self),
                }
            }
        }
    };
}

macro_rules! register {
    ($($register:ty, $narrow:ty, $lane:ty, $n:literal: $zero:ident $splat:ident $load:ident $store:ident $fma:ident $add:ident $sub:ident $max:ident $min:ident $kept:expr, $at_most:expr, $whole:ident $keep:ident, $chosen:expr, $wide:ident!($($words:tt)*);)+) => {$(
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
            fn multiply_add(self, x: Self, sum: Self) -> Self {
                // SAFETY: as above.
                unsafe { $fma(self, x, sum) }
            }
            #[inline(always)]
            fn add(self, x: Self) -> Self {
                // SAFETY: as above.
                unsafe { $add(self, x) }
            }
            #[inline(always)]
            fn sub(self, x: Self) -> Self {
                // SAFETY: as above.
                unsafe { $sub(self, x) }
            }
            #[inline(always)]
            fn max(self, bound: Self) -> Self {
                // The second one where one of them is NaN.
                // SAFETY: as above.
                unsafe { $max(bound, self) }
            }
            #[inline(always)]
            fn min(self, bound: Self) -> Self {
                // SAFETY: as above.
                unsafe { $min(bound, self) }
            }
            #[inline(always)]
            fn keep(self, bits: u64) -> Self {
                // SAFETY: as above.
                unsafe { $kept(self, bits) }
            }
            #[inline(always)]
            fn le_bits(self, bound: Self) -> u64 {
                // SAFETY: as above.
                unsafe { $at_most(self, bound) }
            }
            #[inline(always)]
            fn to_i32(self) -> [i32; MAX_LANES] {
                let mut lanes = [0; MAX_LANES];
                // SAFETY: as above; the array has room for the lanes.
                unsafe { $keep(lanes.as_mut_ptr().cast(), $whole(self)) };
                lanes
            }
            #[inline(always)]
            fn select_equal(self, best: Self, name: Self, holder: Self) -> Self {
                // SAFETY: as above.
                unsafe { $chosen(self, best, name, holder) }
            }
        }
    )+};
}
register! {
    __m512, __m256, f32, 16: _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_add_ps _mm512_sub_ps _mm512_max_ps _mm512_min_ps |x, bits| _mm512_maskz_mov_ps(bits as u16, x), |a, b| u64::from(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b)), _mm512_cvttps_epi32 _mm512_storeu_si512,
        |x, best, name, holder| _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(x, best), holder, name),
        wide!(__mmask16, _mm512_maskz_loadu_ps _mm512_mask_storeu_ps, i32, 16, _mm512_permutex2var_ps);
    __m512d, __m256d, f64, 8: _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_fmadd_pd _mm512_add_pd _mm512_sub_pd _mm512_max_pd _mm512_min_pd |x, bits| _mm512_maskz_mov_pd(bits as u8, x), |a, b| u64::from(_mm512_cmp_pd_mask::<_CMP_LE_OQ>(a, b)), _mm512_cvttpd_epi32 _mm256_storeu_si256,
        |x, best, name, holder| _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_EQ_OQ>(x, best), holder, name),
        wide!(__mmask8, _mm512_maskz_loadu_pd _mm512_mask_storeu_pd, i64, 8, _mm512_permutex2var_pd);
    __m256, <f32 as Lanes>::V128, f32, 8: _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_add_ps _mm256_sub_ps _mm256_max_ps _mm256_min_ps
        |x, bits| {
            let own = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let met = _mm256_and_si256(_mm256_set1_epi32(bits as i32), own);
            _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_cmpeq_epi32(met, own)))
        },
        |a, b| _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(a, b)) as u64, _mm256_cvttps_epi32 _mm256_storeu_si256,
        |x, best, name, holder| _mm256_blendv_ps(holder, name, _mm256_cmp_ps::<_CMP_EQ_OQ>(x, best)),
        half!(_mm256_maskload_ps _mm256_maskstore_ps, i32, 8,
            |a, b| {
                let picked = _mm256_castps_pd(_mm256_shuffle_ps::<0b10_00_10_00>(a, b));
                _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(picked))
            },
            |a, b| {
                let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
                [_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high)]
            },
            |x, to: *mut f32, count: usize| {
                let (mut rest, mut at) = (_mm256_castps256_ps128(x), 0);
                if count & 4 != 0 {
                    _mm_storeu_ps(to, rest);
                    (rest, at) = (_mm256_extractf128_ps::<1>(x), 4);
                }
                if count & 2 != 0 {
                    _mm_storel_pd(to.wrapping_add(at).cast(), _mm_castps_pd(rest));
                    (rest, at) = (_mm_movehl_ps(rest, rest), at + 2);
                }
                if count & 1 != 0 {
                    _mm_store_ss(to.wrapping_add(at), rest);
                }
            });
    __m256d, <f64 as Lanes>::V128, f64, 4: _mm256_setzero_pd _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_add_pd _mm256_sub_pd _mm256_max_pd _mm256_min_pd
        |x, bits| {
            let own = _mm256_setr_epi64x(1, 2, 4, 8);
            let met = _mm256_and_si256(_mm256_set1_epi64x(bits as i64), own);
            _mm256_and_pd(x, _mm256_castsi256_pd(_mm256_cmpeq_epi64(met, own)))
        },
        |a, b| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LE_OQ>(a, b)) as u64, _mm256_cvttpd_epi32 _mm_storeu_si128,
        |x, best, name, holder| _mm256_blendv_pd(holder, name, _mm256_cmp_pd::<_CMP_EQ_OQ>(x, best)),
        half!(_mm256_maskload_pd _mm256_maskstore_pd, i64, 4,
            |a, b| _mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_unpacklo_pd(a, b)),
            |a, b| {
                let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
                [_mm256_permute2f128_pd::<0x20>(low, high), _mm256_permute2f128_pd::<0x31>(low, high)]
            },
            |x, to: *mut f64, count: usize| {
                let (mut rest, mut at) = (_mm256_castpd256_pd128(x), 0);
                if count & 2 != 0 {
                    _mm_storeu_pd(to, rest);
                    (rest, at) = (_mm256_extractf128_pd::<1>(x), 2);
                }
                if count & 1 != 0 {
                    _mm_store_sd(to.wrapping_add(at), rest);
                }
            });
}

impl Lanes for f32 {
    type V512 = __m512;
    type V256 = __m256;
    type V128 = ScalarLanes<f32, 4, PORTABLE_FMA>;
    type V1 = ScalarLanes<f32, 1, PORTABLE_FMA>;
}

impl Lanes for f64 {
    type V512 = __m512d;
    type V256 = __m256d;
    type V128 = ScalarLanes<f64, 2, PORTABLE_FMA>;
    type V1 = ScalarLanes<f64, 1, PORTABLE_FMA>;
}
