//! Fractions of integers: what is a tie among them is one.

use std::cmp::Ordering;

/// over / under, with under above 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    over: i128,
    under: i128,
}

impl Ratio {
    /// One.
    pub const ONE: Self = Self { over: 1, under: 1 };

    /// over / under.
    ///
    /// # Panics
    /// If `under` is not above 0.
    pub fn new(over: i128, under: i128) -> Self {
        assert!(under > 0, "a ratio to a positive number");
        Self { over, under }
    }

    /// The ratio that a scale stands for: `to / from`, if that is the scale in the precision that scales are written in,
    /// else the scale as the fraction that every number of that precision is.
    ///
    /// `None` where the scale is no positive number between 2⁻⁶⁰ and 2⁶⁰.
    pub fn of_scale(scale: f32, from: usize, to: usize) -> Option<Self> {
        if to > 0 && from > 0 && ((to as f64 / from as f64) as f32).to_bits() == scale.to_bits() {
            return Some(Self::new(to as i128, from as i128));
        }
        let size = scale.to_bits() >> 23;
        let exponent = i32::try_from(size).ok()? - 127 - 23;
        if scale <= 0.0 || !(-83..=37).contains(&exponent) {
            return None;
        }
        let digits = i128::from(scale.to_bits() & 0x7f_ffff | 0x80_0000);
        let power = 1_i128 << exponent.unsigned_abs();
        Some(if exponent < 0 { Self::new(digits, power) } else { Self::new(digits * power, 1) })
    }

    /// Numerator.
    pub fn over(self) -> i128 {
        self.over
    }

    /// Denominator.
    pub fn under(self) -> i128 {
        self.under
    }

    /// The largest integer that is not above it.
    pub fn floor(self) -> i128 {
        self.over.div_euclid(self.under)
    }

    /// The smallest integer that is not below it.
    pub fn ceil(self) -> i128 {
        -(-self.over).div_euclid(self.under)
    }

    /// It and one half more (−1: less).
    pub fn plus_halves(self, halves: i128) -> Self {
        Self { over: 2 * self.over + halves * self.under, under: 2 * self.under }
    }

    /// Which of two is larger.
    pub fn order(&self, other: &Self) -> Ordering {
        (self.over * other.under).cmp(&(other.over * self.under))
    }

    /// It, `n` times.
    pub fn times(self, n: i128) -> Self {
        Self { over: self.over * n, ..self }
    }

    /// As a number of double precision.
    pub fn wide(self) -> f64 {
        self.over as f64 / self.under as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Ratio;

    #[test]
    fn a_scale_is_the_ratio_of_sizes_or_the_number_that_it_is() {
        let parts = |scale, from, to| Ratio::of_scale(scale, from, to).map(|ratio| (ratio.over, ratio.under));
        assert_eq!(parts(0.3, 20, 6), Some((6, 20)));
        // 0.3 in single precision is 10066330 / 2²⁵: a little more.
        assert_eq!(parts(0.3, 20, 5), Some((10_066_330, 1 << 25)));
        assert_eq!(parts(2.5, 3, 7).map(|(over, under)| over * 2 == under * 5), Some(true));
        assert_eq!(parts(3.0e9, 3, 0).map(|(over, under)| over == under * 3_000_000_000), Some(true));
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-30, 1e30] {
            assert_eq!(parts(scale, 4, 4), None, "{scale}");
        }
    }

    #[test]
    fn borders_are_exact() {
        let half = Ratio::new(-7, 2);
        assert_eq!(
            [half.floor(), half.ceil(), half.plus_halves(1).floor(), half.plus_halves(-1).ceil()],
            [-4, -3, -3, -4]
        );
        let whole = Ratio::new(6, 3);
        assert_eq!([whole.floor(), whole.ceil(), whole.plus_halves(1).floor(), whole.plus_halves(-1).ceil()], [2; 4]);
        assert!((half.wide() + 3.5).abs() < 1e-15);
    }
}
