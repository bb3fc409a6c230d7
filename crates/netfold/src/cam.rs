//! Class activation maps: what the reconstruction from a feature map says.

use std::fmt;

use serde::Serialize;

use crate::affine::Validity;
use crate::circuit::Circuit;
use crate::ops::Precision;

/// What the contributions of a feature map h are, summed over its channels: Σ over c of W[c, p] · h[c, p] is HiResCAM,
/// and with b it adds up to the logit.
///
/// Source: Draelos & Carin, *HiResCAM*, arXiv 2011.08891; Zhou et al., *CAM*, arXiv 1512.04150.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cam {
    /// How far the rows hold: everywhere, if all behind the feature map is affine.
    pub validity: Validity,
    /// Whether each channel has one weight at all places, as behind a global average pool: then CAM, Grad-CAM (before
    /// its rectifier) and HiResCAM are one map up to a factor.
    pub uniform: bool,
}

impl fmt::Display for Cam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let same =
            if self.uniform { "CAM, Grad-CAM and HiResCAM are one map here" } else { "not CAM: weights vary by place" };
        write!(f, "contributions summed over channels are HiResCAM, {} ({same})", self.validity)
    }
}

impl Cam {
    /// What the rows of a circuit from a feature map `[batch, channels, places…]` are; `None` from anything else.
    /// Weights of a channel count as one if they differ by no more than 1e-4 (f32) or 1e-10 (f64) of the largest.
    pub fn of<'a, T: Precision>(circuit: &Circuit<T>, rows: impl IntoIterator<Item = &'a [f64]>) -> Option<Self> {
        let &[_, _, ref places @ ..] = circuit.input_shape() else { return None };
        let places = places.iter().product::<usize>();
        if places < 2 {
            return None;
        }
        let validity = circuit.stages().iter().map(|stage| stage.affine.validity).max().unwrap_or(Validity::Everywhere);
        let rounding = if T::NAME == "f32" { 1e-4 } else { 1e-10 };
        let mut uniform = true;
        for row in rows {
            let largest = row.iter().fold(0.0, |largest: f64, w| largest.max(w.abs()));
            uniform &= row.chunks(places).all(|w| w.iter().all(|v| (v - w[0]).abs() <= rounding * largest));
        }
        Some(Self { validity, uniform })
    }
}
