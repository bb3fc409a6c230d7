//! The interface of vector registers, the token that makes them, and registers of portable code.

use std::marker::PhantomData;

use num_traits::Float;

use crate::Scalar;

/// Lanes that a register has at most.
pub(crate) const MAX_LANES: usize = 16;

/// A vector register: LANES numbers that one instruction computes with.
///
/// A value of such a type exists only where the processor has its instructions, because `Simd` makes the values.
/// Arithmetic is therefore safe; only what takes a pointer is not.
pub trait Vector: Copy {
    /// What a lane holds.
    type Lane: Lanes;
    /// A register of fewer lanes, for what is left of a row.
    type Narrow: Vector<Lane = Self::Lane>;
    /// Some of its lanes.
    type Mask: Copy;
    /// How many lanes there are.
    const LANES: usize;
    /// How many such registers a processor has.
    const REGISTERS: usize;
    /// Zero in each lane.
    ///
    /// # Safety
    /// The processor has the instructions of this register.
    unsafe fn zero() -> Self;
    /// The same number in each lane.
    ///
    /// # Safety
    /// As [`zero`](Self::zero).
    unsafe fn splat(value: Self::Lane) -> Self;
    /// `LANES` numbers from memory.
    ///
    /// # Safety
    /// As [`zero`](Self::zero); the pointer is valid for `LANES` numbers.
    unsafe fn load(from: *const Self::Lane) -> Self;
    /// `LANES` numbers to memory.
    ///
    /// # Safety
    /// The pointer is valid for `LANES` numbers.
    unsafe fn store(self, to: *mut Self::Lane);
    /// The lanes `first..end`.
    ///
    /// # Safety
    /// As [`zero`](Self::zero); no bound is beyond `LANES`.
    unsafe fn mask(first: usize, end: usize) -> Self::Mask;
    /// The numbers of these lanes from memory, and zeros. No other number is read.
    ///
    /// # Safety
    /// As [`zero`](Self::zero); the pointer is valid for the numbers of these lanes.
    unsafe fn load_masked(from: *const Self::Lane, mask: Self::Mask) -> Self;
    /// These lanes to memory. No other number is written.
    ///
    /// # Safety
    /// The pointer is valid for the numbers of these lanes.
    unsafe fn store_masked(self, to: *mut Self::Lane, mask: Self::Mask);
    /// The first `count` lanes to memory, `LANES` at most. No other number is written.
    ///
    /// # Safety
    /// The pointer is valid for `count` numbers, which are `LANES` at most.
    #[inline(always)]
    unsafe fn store_first(self, to: *mut Self::Lane, count: usize) {
        // SAFETY: the caller's.
        unsafe { if count == Self::LANES { self.store(to) } else { self.store_masked(to, Self::mask(0, count)) } }
    }
    /// Every other lane of self and then of `next`, from the first one on.
    #[must_use]
    #[inline(always)]
    fn deinterleave_even(self, next: Self) -> Self {
        let mut lanes = [Self::Lane::default(); 2 * MAX_LANES];
        // SAFETY: the array has room for two registers, of which self is one.
        unsafe {
            self.store(lanes.as_mut_ptr());
            next.store(lanes.as_mut_ptr().wrapping_add(Self::LANES));
            (0..Self::LANES).for_each(|i| lanes[i] = lanes[2 * i]);
            Self::load(lanes.as_ptr())
        }
    }
    /// The lanes of self and `other` in turn, from the first ones on: two registers.
    #[must_use]
    #[inline(always)]
    fn interleave(self, other: Self) -> [Self; 2] {
        let (mut from, mut lanes) = ([Self::Lane::default(); 2 * MAX_LANES], [Self::Lane::default(); 2 * MAX_LANES]);
        // SAFETY: the arrays have room for two registers.
        unsafe {
            self.store(from.as_mut_ptr());
            other.store(from.as_mut_ptr().wrapping_add(Self::LANES));
            (0..2 * Self::LANES).for_each(|i| lanes[i] = from[i / 2 + i % 2 * Self::LANES]);
            [Self::load(lanes.as_ptr()), Self::load(lanes.as_ptr().wrapping_add(Self::LANES))]
        }
    }
    /// self · x + sum.
    #[must_use]
    fn multiply_add(self, x: Self, sum: Self) -> Self;
    /// self + x.
    #[must_use]
    fn add(self, x: Self) -> Self;
    /// self − x.
    #[must_use]
    fn sub(self, x: Self) -> Self;
    /// The larger one of self and `bound`; self where one of them is NaN.
    #[must_use]
    fn max(self, bound: Self) -> Self;
    /// The smaller one of self and `bound`; self where one of them is NaN.
    #[must_use]
    fn min(self, bound: Self) -> Self;
    /// Zero in the lanes whose bit is 0.
    #[must_use]
    fn keep(self, bits: u64) -> Self;
    /// Bit i is 1 where lane i is at most that of `bound`; no NaN is.
    fn le_bits(self, bound: Self) -> u64;
    /// The lanes as whole numbers, which they have to be for the result to mean anything, and anything behind them.
    fn to_i32(self) -> [i32; MAX_LANES];
    /// `name` where self equals `best`; elsewhere `holder`.
    #[must_use]
    fn select_equal(self, best: Self, name: Self, holder: Self) -> Self;
}

/// A token that proves that the processor has the instructions of V. `dispatch` makes it; the token makes registers.
#[derive(Debug)]
pub struct Simd<V>(PhantomData<V>);

impl<V> Clone for Simd<V> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Simd<V> {}

#[expect(clippy::unused_self, reason = "self is the proof")]
impl<V: Vector> Simd<V> {
    /// The proof.
    ///
    /// # Safety
    /// The processor has the instructions of V, and code that is compiled for them calls this.
    #[inline(always)]
    pub(crate) const unsafe fn new() -> Self {
        Self(PhantomData)
    }

    /// Registers of fewer lanes need no other instructions.
    #[inline(always)]
    pub fn narrow(self) -> Simd<V::Narrow> {
        Simd(PhantomData)
    }

    /// A register of one lane needs none.
    #[inline(always)]
    pub fn one(self) -> Simd<<V::Lane as Lanes>::V1> {
        Simd(PhantomData)
    }

    /// Zero in each lane.
    #[inline(always)]
    pub fn zero(self) -> V {
        // SAFETY: self is the proof; so in all that follow.
        unsafe { V::zero() }
    }

    /// The same number in each lane.
    #[inline(always)]
    pub fn splat(self, value: V::Lane) -> V {
        // SAFETY: as above.
        unsafe { V::splat(value) }
    }

    /// The lanes `first..end`.
    ///
    /// # Safety
    /// No bound is beyond the lanes of V.
    #[inline(always)]
    pub unsafe fn mask(self, first: usize, end: usize) -> V::Mask {
        // SAFETY: the caller's.
        unsafe { V::mask(first, end) }
    }

    /// A register's numbers from memory.
    ///
    /// # Safety
    /// The pointer is valid for so many numbers.
    #[inline(always)]
    pub unsafe fn load(self, from: *const V::Lane) -> V {
        // SAFETY: the caller's.
        unsafe { V::load(from) }
    }

    /// The numbers of these lanes from memory, and zeros. No other number is read.
    ///
    /// # Safety
    /// The pointer is valid for the numbers of these lanes.
    #[inline(always)]
    pub unsafe fn load_masked(self, from: *const V::Lane, mask: V::Mask) -> V {
        // SAFETY: the caller's.
        unsafe { V::load_masked(from, mask) }
    }

    /// `count` numbers from memory, and zeros. No other number is read.
    ///
    /// # Safety
    /// The pointer is valid for `count` numbers, which are not more than the lanes of V.
    #[inline(always)]
    pub unsafe fn load_first(self, from: *const V::Lane, count: usize) -> V {
        // SAFETY: the caller's.
        unsafe { if count == V::LANES { V::load(from) } else { V::load_masked(from, V::mask(0, count)) } }
    }
}

/// The registers of a number's instruction sets.
pub trait Lanes: Scalar {
    /// 64 bytes, where there is AVX-512.
    type V512: Vector<Lane = Self>;
    /// 32 bytes, where there are AVX2 and FMA.
    type V256: Vector<Lane = Self>;
    /// 16 bytes, in portable code.
    type V128: Vector<Lane = Self>;
    /// One lane, in any code.
    type V1: Vector<Lane = Self>;
}

/// Lanes in portable code.
#[derive(Clone, Copy, Debug)]
pub struct ScalarLanes<T, const N: usize, const FMA: bool>([T; N]);

/// Whether a multiply-add in portable code is one instruction; as a library call it would be slow.
pub(crate) const PORTABLE_FMA: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

impl<T: Lanes, const N: usize, const FMA: bool> Vector for ScalarLanes<T, N, FMA> {
    type Lane = T;
    type Narrow = ScalarLanes<T, 1, FMA>;
    type Mask = (usize, usize);
    const LANES: usize = N;
    const REGISTERS: usize = if cfg!(target_arch = "aarch64") { 32 } else { 16 };
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
    fn multiply_add(self, x: Self, sum: Self) -> Self {
        let lane =
            |i: usize| if FMA { Float::mul_add(self.0[i], x.0[i], sum.0[i]) } else { self.0[i] * x.0[i] + sum.0[i] };
        Self(std::array::from_fn(lane))
    }
    #[inline(always)]
    fn add(self, x: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + x.0[i]))
    }
    #[inline(always)]
    fn sub(self, x: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - x.0[i]))
    }
    #[inline(always)]
    fn max(self, bound: Self) -> Self {
        Self(std::array::from_fn(|i| if bound.0[i] > self.0[i] { bound.0[i] } else { self.0[i] }))
    }
    #[inline(always)]
    fn min(self, bound: Self) -> Self {
        Self(std::array::from_fn(|i| if bound.0[i] < self.0[i] { bound.0[i] } else { self.0[i] }))
    }
    #[inline(always)]
    fn keep(self, bits: u64) -> Self {
        Self(std::array::from_fn(|i| if bits >> i & 1 == 1 { self.0[i] } else { T::zero() }))
    }
    #[inline(always)]
    fn le_bits(self, bound: Self) -> u64 {
        (0..N).fold(0, |flags, i| flags | u64::from(self.0[i] <= bound.0[i]) << i)
    }
    #[inline(always)]
    fn to_i32(self) -> [i32; MAX_LANES] {
        std::array::from_fn(|i| if i < N { self.0[i].wide() as i32 } else { 0 })
    }
    #[inline(always)]
    fn select_equal(self, best: Self, name: Self, holder: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] == best.0[i] { name.0[i] } else { holder.0[i] }))
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod registers {
    use super::{Lanes, PORTABLE_FMA, ScalarLanes};

    macro_rules! lanes {
        ($($lane:ty: $n:literal;)+) => {$(
            impl Lanes for $lane {
                type V512 = ScalarLanes<Self, $n, PORTABLE_FMA>;
                type V256 = ScalarLanes<Self, $n, PORTABLE_FMA>;
                type V128 = ScalarLanes<Self, $n, PORTABLE_FMA>;
                type V1 = ScalarLanes<Self, 1, PORTABLE_FMA>;
            }
        )+};
    }
    lanes! {
        f32: 4;
        f64: 2;
    }
}
