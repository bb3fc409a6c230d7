//! How far the colour map reaches.

use crate::number::{count, percent, significant};
use crate::plane::Plane;
use crate::sheet::Kind;

/// t(v) = clamp(v / limit, −1, 1), limit = 99.5 % quantile of the |v| that are not zero
///
/// Symmetric, so that zero is the neutral colour and equal amounts for and against a class have equally strong
/// colours. A few extreme pixels would leave the rest pale; they are clipped, and the scale says how many they are.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Scale {
    /// The value that has the strongest colour.
    pub limit: f64,
    /// The largest |v|.
    pub largest: f64,
    /// How many values lie beyond the limit.
    pub clipped: usize,
    /// How many values the scale was made over.
    pub total: usize,
}

impl Scale {
    /// The quantile of |v| at which values are clipped.
    pub const QUANTILE: f64 = 0.995;

    /// The scale of one plane, or the one scale that several planes share.
    ///
    /// The quantile is the smallest |v| that at least 99.5 % of those that are not zero do not exceed: the weights of a
    /// unit, zero outside its field, are not clipped to a few colours. Values that are not finite are left out.
    pub fn over<'a>(planes: impl IntoIterator<Item = &'a Plane>) -> Self {
        let mut sizes: Vec<f64> = Vec::new();
        for plane in planes {
            sizes.extend(plane.values.iter().filter(|v| v.is_finite()).map(|v| v.abs()));
        }
        let total = sizes.len();
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        sizes.retain(|&size| size > 0.0);
        if sizes.is_empty() {
            return Self { limit: 0.0, largest, clipped: 0, total };
        }
        let rank = ((Self::QUANTILE * sizes.len() as f64).ceil() as usize).clamp(1, sizes.len());
        let (_, &mut limit, _) = sizes.select_nth_unstable_by(rank - 1, f64::total_cmp);
        let clipped = sizes.iter().filter(|&&v| v > limit).count();
        Self { limit, largest, clipped, total }
    }

    /// t(v), in −1 ..= 1. Everything is neutral on the scale of an all-zero sheet, and so is a value that is not a
    /// number.
    pub fn place(&self, value: f64) -> f64 {
        if value.is_nan() || self.limit <= 0.0 { 0.0 } else { (value / self.limit).clamp(-1.0, 1.0) }
    }

    /// The sentence about clipping that stands under every legend.
    pub fn statement(&self, kind: Kind) -> String {
        let place = kind.place();
        if self.limit <= 0.0 {
            return "all values are zero".into();
        }
        if self.clipped == 0 {
            return format!("not clipped: no {place} lies beyond");
        }
        let share = percent(self.clipped as f64 / self.total as f64);
        format!(
            "clipped at the 99.5 % quantile of what is not zero: {share} of {place}s ({} of {}) lie beyond, the largest at {}",
            count(self.clipped),
            count(self.total),
            significant(self.largest, 3)
        )
    }
}
