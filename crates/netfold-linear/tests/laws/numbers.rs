//! Reproducible numbers and supports out of a seed.

use netfold_linear::{Probes, Real, Support};

/// A generator of 64-bit numbers (splitmix64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.draw() % end.max(1) as u64) as usize
    }

    /// −4 to 4.
    pub fn integer(&mut self) -> f64 {
        self.below(9) as f64 - 4.0
    }

    /// −1 to 1, all bits random.
    pub fn real(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// Nothing, everything, or a random share of the elements.
    pub fn support(&mut self, shape: &[usize]) -> Support {
        match self.below(6) {
            0 => Support::full(shape),
            1 if self.below(4) == 0 => Support::empty(shape),
            share => Support::from_fn(shape, |_| self.below(6) < share),
        }
    }

    /// Integers on a support.
    pub fn probes<T: Real>(&mut self, support: &Support, width: usize) -> Probes<T> {
        let values = (0..support.count() * width).map(|_| T::of(self.integer())).collect();
        Probes::new(support.clone(), width, values)
    }
}

/// Asserts that two numbers agree to rounding; `size` is the sum of the absolute values of what was added up.
pub fn assert_close<T: Real>(got: f64, want: f64, size: f64, what: impl FnOnce() -> String) {
    let epsilon = if T::NAME == "f32" { f64::from(f32::EPSILON) } else { f64::EPSILON };
    assert!((got - want).abs() <= 64.0 * epsilon * size, "{}: {got}, not {want}", what());
}
