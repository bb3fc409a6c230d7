//! ONNX files to plain structs, and back.
//!
//! [`read`] takes a path and gives a [`ModelDef`]: a graph of [`NodeDef`]s with their [`Attribute`]s, and the constant
//! tensors as [`TensorDef`]s whose elements are ordinary vectors. Nothing is computed, nothing is inferred; what an
//! operator means is the business of the crates above.
//!
//! ```no_run
//! let model = netfold_onnx::read("resnet.onnx".as_ref())?;
//! for node in &model.graph.nodes {
//!     println!("{} = {}({})", node.outputs.join(", "), node.op_type, node.inputs.join(", "));
//! }
//! # Ok::<(), netfold_onnx::OnnxError>(())
//! ```
//!
//! # What can be relied on
//!
//! A model that was read keeps these promises, so that nobody above has to check them again:
//! - every tensor has as many elements as its shape says, and no product of some of its sizes overflows;
//! - no two values have the same name, other than an initializer that is also listed among the inputs (as it was
//!   usual before IR version 4);
//! - every node has an operator, at least one output with a name, and no attribute twice.
//!
//! Anything else is an [`OnnxError`] that says which tensor or node, what was expected and what is there;
//! [`OnnxError::hint`] says what helps. No input makes the reader panic or recurse, and what it allocates is bounded
//! by a multiple of the size of the files (sparse tensors made dense have a limit of their own,
//! [`MAX_SPARSE_ELEMENTS`]).
//!
//! # What is left out
//!
//! Subgraphs ([`Attribute::Graph`]) and the bodies of functions that a file defines for itself are noticed, not
//! decoded. Training information, quantisation annotations and documentation strings are skipped. Tensors of complex,
//! 8-bit float and 4-bit types are errors.
//!
//! # Writing
//!
//! [`encode`] turns a [`ModelDef`] into the bytes of a file. [`StreamedModel`] writes one that holds a tensor larger
//! than memory should hold.

mod attribute;
mod decode;
mod dtype;
mod elements;
mod encode;
mod error;
#[rustfmt::skip]
#[allow(missing_docs, clippy::pedantic)]
mod generated;
mod model;
mod sniff;
mod stream;
mod tensor;

pub use attribute::Attribute;
pub use decode::{MAX_SPARSE_ELEMENTS, decode, read};
pub use dtype::DType;
pub use encode::encode;
pub use error::{NodeProblem, OnnxError, TensorProblem};
pub use model::{Dim, GraphDef, ModelDef, NodeDef, ValueInfo};
pub use stream::StreamedModel;
pub use tensor::{Data, TensorDef};
