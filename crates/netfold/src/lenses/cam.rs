//! Class activation maps: what the reconstruction from a feature map says.
//!
//! ```
//! # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};
//! # let graph = GraphDef::new("edges")
//! #     .with_input(ValueInfo::new("x", DType::F64, [1, 1, 2, 3]))
//! #     .with_initializer("w", TensorDef::new([1, 1, 1, 2], vec![-1.0_f64, 1.0])?)
//! #     .with_node(NodeDef::new("Conv", ["x", "w"], ["z"]))
//! #     .with_node(NodeDef::new("Relu", ["z"], ["h"]))
//! #     .with_node(NodeDef::new("GlobalAveragePool", ["h"], ["g"]))
//! #     .with_node(NodeDef::new("Flatten", ["g"], ["y"]))
//! #     .with_output(ValueInfo::new("y", DType::F64, [1, 1]));
//! # let model = Model::new(netfold_onnx::decode(netfold_onnx::encode(&ModelDef::new(graph)), None)?)?;
//! use netfold::{Cam, Model, Rules, Tensor, input::LayoutChoice, trace::NonFinite};
//!
//! // h = relu(x[i + 1] − x[i]) along rows, y = the mean of h.
//! let x = Tensor::new(&[1, 1, 2, 3], vec![0.0_f64, 3.0, 4.0, 1.0, 0.0, 9.0]);
//! let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse)?;
//! let circuit = trace.freeze_between(model.tensor("h")?, model.outputs[0], &Rules::default())?;
//! let w = circuit.row(0);
//! assert_eq!(w, [0.25; 4]);
//! // Nothing behind h bends, and its one channel has one weight: w ∘ h is CAM, Grad-CAM and HiResCAM, everywhere.
//! let places = trace.places(model.tensor("h")?, LayoutChoice::Auto)?;
//! let cam = Cam::of(&circuit, &places, [w.as_slice()]).expect("h is a map");
//! assert_eq!(cam.to_string(), "contributions summed over channels are HiResCAM, exact everywhere (CAM, Grad-CAM and HiResCAM are one map here)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use serde::Serialize;

use crate::affine::Validity;
use crate::circuit::Circuit;
use crate::lenses::Places;
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
    /// What the rows of a circuit from a feature map with these places are; `None` where the map has but one place.
    /// Weights of a channel count as one if they differ by no more than 1e-4 (f32) or 1e-10 (f64) of the largest.
    pub fn of<'a, T: Precision>(
        circuit: &Circuit<T>,
        places: &Places,
        rows: impl IntoIterator<Item = &'a [f64]>,
    ) -> Option<Self> {
        let sorted = places.by_channel(circuit.input_shape())?;
        if sorted.places.len() < 2 {
            return None;
        }
        let validity = circuit.stages().iter().map(|stage| stage.affine.validity).max().unwrap_or(Validity::Everywhere);
        let rounding = if T::NAME == "f32" { 1e-4 } else { 1e-10 };
        let mut uniform = true;
        for row in rows {
            let largest = row.iter().fold(0.0, |largest: f64, w| largest.max(w.abs()));
            let one =
                |channel: &[usize]| channel.iter().all(|&e| (row[e] - row[channel[0]]).abs() <= rounding * largest);
            uniform &= sorted.elements.chunks(sorted.places.len()).all(one);
        }
        Some(Self { validity, uniform })
    }
}
