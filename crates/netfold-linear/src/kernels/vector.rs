//! Vector registers under one name.

use num_traits::Float;

use crate::Real;

#[cfg(target_arch = "x86_64")]
mod registers;

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
    /// How many such registers a processor has.
    const REGISTERS: usize;
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
        unsafe { if count == Self::LANES { Self::load(from) } else { Self::load_masked(from, Self::mask(0, count)) } }
    }
    /// The first `count` lanes to memory, `LANES` at most. No other number is written.
    ///
    /// # Safety
    /// See the trait; the pointer must be valid for `count` numbers.
    #[inline(always)]
    unsafe fn store_first(self, to: *mut Self::Lane, count: usize) {
        // SAFETY: the caller's.
        unsafe { if count == Self::LANES { self.store(to) } else { self.store_masked(to, Self::mask(0, count)) } }
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
    /// Zero in the lanes whose bit is 0.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn kept(self, bits: u64) -> Self;
    /// Bit i is 1 where lane i is at most that of `bound`; no NaN is.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn at_most(self, bound: Self) -> u64;
    /// The lanes as whole numbers, and anything behind them.
    ///
    /// # Safety
    /// See the trait; each lane is a whole number that an `i32` holds.
    unsafe fn whole(self) -> [i32; MOST];
    /// `name` where self equals `best`; elsewhere `holder`.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn chosen(self, best: Self, name: Self, holder: Self) -> Self;
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
    unsafe fn kept(self, bits: u64) -> Self {
        Self(std::array::from_fn(|i| if bits >> i & 1 == 1 { self.0[i] } else { T::zero() }))
    }
    #[inline(always)]
    unsafe fn at_most(self, bound: Self) -> u64 {
        (0..N).fold(0, |flags, i| flags | u64::from(self.0[i] <= bound.0[i]) << i)
    }
    #[inline(always)]
    unsafe fn whole(self) -> [i32; MOST] {
        // SAFETY: whole numbers, by the trait's contract.
        std::array::from_fn(|i| if i < N { unsafe { self.0[i].wide().to_int_unchecked() } } else { 0 })
    }
    #[inline(always)]
    unsafe fn chosen(self, best: Self, name: Self, holder: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] == best.0[i] { name.0[i] } else { holder.0[i] }))
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
