//! Checks that users should run: of the model as it was read, of the numbers, and of an explanation.
//!
//! - [`transposes`]: the dot-product test of every map;
//! - [`without_biases`]: on the model without biases, lenses that should be one are one;
//! - [`slopes`]: W against finite differences;
//! - [`precisions`]: single against double precision;
//! - [`randomisation()`]: whether a map depends on the weights;
//! - [`curves()`]: whether what a map calls important is, and what the one-layer model says of the same inputs.
//!
//! ```
//! # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};
//! use netfold::checks::{Curves, Score, curves, precisions, randomisation, slopes, transposes, without_biases};
//! use netfold::lenses::{Lens, Settings, Subject};
//! use netfold::{Error, Model, Rules, Tensor, Watch, trace::NonFinite};
//! # let graph = GraphDef::new("two units")
//! #     .with_input(ValueInfo::new("x", DType::F32, [1, 2]))
//! #     .with_initializer("w", TensorDef::new([2, 2], vec![1.0_f32, 0.5, -1.0, 2.0]).unwrap())
//! #     .with_initializer("c", TensorDef::vector(vec![1.0_f32, -3.0]))
//! #     .with_node(NodeDef::new("Gemm", ["x", "w", "c"], ["z"]))
//! #     .with_node(NodeDef::new("Relu", ["z"], ["y"]))
//! #     .with_output(ValueInfo::new("y", DType::F32, [1, 2]));
//! # let model = Model::new(netfold_onnx::decode(netfold_onnx::encode(&ModelDef::new(graph)), None)?)?;
//!
//! // y = relu(x₀ − x₁ + 1, ½ x₀ + 2 x₁ − 3), at x = (5, 2)
//! let x = Tensor::new(&[1, 2], vec![5.0_f64, 2.0]);
//! let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse)?;
//! let circuit = trace.freeze(&Rules::default())?;
//! assert!(transposes(&circuit, 0).holds() && without_biases(&trace, 0)?.holds());
//! let single = model.trace(&x.map(|&x| x as f32), model.outputs[0], NonFinite::Refuse)?;
//! assert!(slopes(&trace, 0, 0)?.holds() && precisions(&single, &trace)?.holds());
//!
//! let subject = Subject { trace: &trace, class: 0, settings: &Settings::default() };
//! assert_eq!(randomisation(Lens::find("contributions")?, &subject, 0, &Watch::default())?.len(), 1, "a node with weights");
//! let curves = curves(Lens::find("contributions")?, &subject, &circuit, Score::Softmax(vec![0, 1]), 2)?;
//! // x₀, which speaks for y₀, is deleted first.
//! assert!(curves.deletion[1] < curves.deletion[2] && curves.deletion_predicted[1] < 0.12);
//! assert!((Curves::area(&curves.deletion) - 0.473).abs() < 1e-3);
//! # Ok::<(), Error>(())
//! ```

mod curves;
mod numbers;
mod randomisation;
mod similarity;
mod stripped;

use serde::Serialize;

pub use curves::{Curves, Score, curves};
pub use numbers::{precisions, slopes, transposes};
pub use randomisation::{Randomised, randomisation};
pub use similarity::{spearman, ssim};
pub use stripped::without_biases;

/// The outcome of a check that a number decides.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The check.
    pub check: &'static str,
    /// The largest difference, relative as the check says; absent where that cannot be judged, as `place` says.
    pub worst: Option<f64>,
    /// What it may be.
    pub limit: f64,
    /// Where it was found, or why there is none.
    pub place: String,
}

impl Outcome {
    /// Whether the difference is within its limit; what cannot be judged is not failed.
    pub fn holds(&self) -> bool {
        self.worst.is_none_or(|worst| worst <= self.limit)
    }
}
