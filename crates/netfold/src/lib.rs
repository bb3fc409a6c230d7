//! The one-layer model y = W x + b that a trained network *is* at one input.
//!
//! [`Model::fold`] computes it: a forward pass records the masks and winners at x, every nonlinear node is replaced by the
//! affine operator that equals it there, and rows of W are computed by the transposes of these operators.
//!
//! ```
//! use netfold::{Error, Model, Tensor};
//! # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};
//! # // y = relu(x₀ − x₁ + 1) − 3
//! # let graph = GraphDef::new("one unit")
//! #     .with_input(ValueInfo::new("x", DType::F32, [1, 2]))
//! #     .with_initializer("w", TensorDef::new([2, 1], vec![1.0_f32, -1.0]).unwrap())
//! #     .with_initializer("one", TensorDef::vector(vec![1.0_f32]))
//! #     .with_initializer("three", TensorDef::vector(vec![3.0_f32]))
//! #     .with_node(NodeDef::new("Gemm", ["x", "w", "one"], ["z"]))
//! #     .with_node(NodeDef::new("Relu", ["z"], ["a"]))
//! #     .with_node(NodeDef::new("Sub", ["a", "three"], ["y"]))
//! #     .with_output(ValueInfo::new("y", DType::F32, [1, 1]));
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("model.onnx");
//! # std::fs::write(&path, netfold_onnx::encode(&ModelDef::new(graph))).unwrap();
//!
//! // y = relu(x₀ − x₁ + 1) − 3, at x = (5, 2)
//! let model = Model::read(&path)?;
//! let x = Tensor::new(&[1, 2], vec![5.0_f64, 2.0]);
//! let folded = model.fold(&x)?;
//!
//! // The unit is on: y = x₀ − x₁ − 2, here and in the whole region x₀ − x₁ > −1.
//! let row = folded.row(0)?;
//! assert_eq!((row.weights.data(), row.bias), ([1.0, -1.0].as_slice(), -2.0));
//! assert!(folded.certificate()?.equivalent);
//! # Ok::<(), Error>(())
//! ```
//!
//! The tensor's type is the precision. `model.options()` says which output, rule or input is meant, and takes a function that is
//! told of the progress. [`input`] reads pictures and arrays, [`Store`] writes rows while they come.
//!
//! Below this front door lies the road that it walks, for those who look inside. Each file defines a noun and gives the noun
//! before it the verb that makes it:
//!
//! ```text
//! Model ──trace──▶ Trace ──freeze──▶ Circuit ──pull / push──▶ Reconstruction
//! ```
//!
//! ```
//! # use netfold::{Model, Rules, Squashing, Tensor, trace::NonFinite};
//! # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, ValueInfo};
//! # let graph = GraphDef::new("a rectifier")
//! #     .with_input(ValueInfo::new("x", DType::F64, [1, 2]))
//! #     .with_node(NodeDef::new("Relu", ["x"], ["y"]))
//! #     .with_output(ValueInfo::new("y", DType::F64, [1, 2]));
//! # let model = Model::new(ModelDef::new(graph))?;
//! # let x = Tensor::new(&[1, 2], vec![5.0_f64, -2.0]);
//! let head = model.head(Squashing::LeftOff)?;
//! let trace = model.trace(&x, head.logits, NonFinite::Refuse)?;
//! let circuit = trace.freeze(&Rules::default())?;
//! assert_eq!(circuit.row(0), [1.0, 0.0]);
//! # Ok::<(), netfold::Error>(())
//! ```

pub mod affine;
pub mod budget;
pub mod checks;
pub mod circuit;
pub mod error;
pub mod fold;
pub mod input;
pub mod inspect;
pub mod lenses;
pub mod model;
mod npy;
pub mod ops;
pub mod output;
pub mod progress;
pub mod reconstruction;
pub mod region;
pub mod trace;
pub mod value;

pub use affine::{Affine, Rule, Validity};
pub use budget::Budget;
pub use circuit::{Circuit, Kind, Push, Rules, Shares};
pub use error::{Error, OpError, Unsupported};
pub use fold::{Folded, Options, Row, Rows, Setup, Source};
pub use inspect::Inspection;
pub use lenses::{Cam, Places};
pub use model::{Feed, Graph, Head, Model, Squashing};
pub use ops::Precision;
pub use output::{Certificate, Store};
pub use progress::{Progress, Step, Watch};
pub use reconstruction::{
    Basis, BiasMap, ColumnPlan, Compared, Cost, Method, ReceptiveField, Reconstruction, Request, RowPlan, RowRef,
    Strategy, Together, Unit,
};
pub use region::{Integral, Path, Region};
pub use trace::{Trace, Warning};
pub use value::{Tensor, Value};

/// The program of README.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
