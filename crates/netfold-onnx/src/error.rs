//! What can be wrong with a file.

use crate::DType;
use std::{io, path::PathBuf};

/// Protobuf messages are at most this long, and with them ONNX files.
pub(crate) const MAX_BYTES: u64 = (1 << 31) - 1;

/// Why a model could not be read or written.
///
/// Each message says one thing; [`std::error::Error::source`] leads to the cause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// Reading this file failed for the reason inside.
    #[error("cannot read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<OnnxError>,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes are something else.
    #[error("not an ONNX model: it is {looks_like}")]
    NotOnnx {
        /// What they are, such as `a PNG picture`.
        looks_like: &'static str,
    },
    /// The file ends too early.
    #[error("the file is cut: it has {got} bytes and should have at least {expected}")]
    Cut {
        /// Bytes that the file's own length fields ask for.
        expected: u64,
        /// Bytes that there are.
        got: u64,
    },
    /// The bytes are no protobuf of the shape that ONNX has.
    #[error("not an ONNX model, or a damaged one")]
    Malformed(#[from] prost::DecodeError),
    /// There is no graph in the model.
    #[error("the model has no graph")]
    NoGraph,
    /// The model does not say which operators it means.
    #[error("the model has IR version {ir_version} and names no operator set")]
    NoOpset {
        /// Version of the format that the file claims.
        ir_version: i64,
    },
    /// Two values have the same name.
    #[error("two values are called `{name}`: {first} and {second}")]
    DuplicateName {
        /// The name.
        name: String,
        /// Who has it first.
        first: String,
        /// Who has it again.
        second: String,
    },
    /// Something is wrong with a node.
    #[error("cannot read node `{node}`")]
    Node {
        /// Its name, or what else tells it from the others.
        node: String,
        /// What is wrong.
        #[source]
        problem: NodeProblem,
    },
    /// Something is wrong with a tensor.
    #[error("cannot read tensor {tensor}")]
    Tensor {
        /// Its name, or attribute and node that it belongs to, in backticks.
        tensor: String,
        /// What is wrong.
        #[source]
        problem: TensorProblem,
    },
    /// A file of this size cannot be a protobuf message.
    #[error("the model would have {bytes} bytes; an ONNX file holds at most {} (2 GiB)", MAX_BYTES)]
    TooLarge {
        /// Bytes that it would have.
        bytes: u64,
    },
    /// The streamed tensor got too few bytes or too many.
    #[error("tensor `{tensor}` takes {expected} bytes and was given {got}")]
    StreamLength {
        /// The tensor.
        tensor: String,
        /// Bytes of its shape and type.
        expected: u64,
        /// Bytes written, with those of the refused block.
        got: u64,
    },
}

/// What is wrong with a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeProblem {
    /// It does not say which operator it is.
    #[error("it names no operator")]
    NoOperator,
    /// Nothing can read what it computes.
    #[error("`{op_type}` has no output")]
    NoOutput {
        /// Its operator.
        op_type: String,
    },
    /// Two attributes have the same name.
    #[error("attribute `{attribute}` is given twice")]
    DuplicateAttribute {
        /// The name.
        attribute: String,
    },
}

/// What is wrong with a tensor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorProblem {
    /// Elements of a type that is not read.
    #[error("elements of type {dtype} are not supported")]
    Type {
        /// The type as ONNX names it.
        dtype: String,
    },
    /// An axis of negative size.
    #[error("shape {shape:?} has a negative size")]
    NegativeSize {
        /// The shape as the file has it.
        shape: Vec<i64>,
    },
    /// More elements than any computer holds.
    #[error("shape {shape:?} has too many elements")]
    TooManyElements {
        /// The shape.
        shape: Vec<usize>,
    },
    /// Shape and data disagree.
    #[error("{dtype} of shape {shape:?} takes {expected} {unit}, there are {got}")]
    Length {
        /// Type of the elements.
        dtype: DType,
        /// The shape.
        shape: Vec<usize>,
        /// What is counted: `elements` or `bytes`.
        unit: &'static str,
        /// As many as the shape says.
        expected: usize,
        /// As many as there are.
        got: usize,
    },
    /// Texts in the field for numbers.
    #[error("texts are stored as raw bytes")]
    RawText,
    /// A text that is not UTF-8.
    #[error("text number {index} is not UTF-8")]
    NotUtf8 {
        /// Which element.
        index: usize,
    },
    /// A number that its type does not have.
    #[error("element {index} is {value}, which {dtype} cannot hold")]
    OutOfRange {
        /// Which element.
        index: usize,
        /// The number.
        value: i128,
        /// The type.
        dtype: DType,
    },
    /// A sparse tensor that cannot be made dense.
    #[error("it is sparse, and {what}")]
    Sparse {
        /// What is wrong, a clause.
        what: String,
    },
    /// Elements in another file, and no folder to look for it.
    #[error("its elements are in another file, and the model was not read from a folder")]
    NoFolder,
    /// Elements in another file that is not named, or whose range is no number.
    #[error("its elements are in another file, and `{key}` is {}", value.as_ref().map_or("missing".to_owned(), |v| format!("`{v}`")))]
    ExternalField {
        /// The key that is wrong: `location`, `offset` or `length`.
        key: &'static str,
        /// Its value, if there is one.
        value: Option<String>,
    },
    /// Elements in a file outside the model's folder.
    #[error("its elements are in `{location}`, which is outside the model's folder")]
    Outside {
        /// The path as the model has it.
        location: String,
    },
    /// The file with the elements cannot be read.
    #[error("its elements are in `{}`, which cannot be read", path.display())]
    External {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file with the elements is too short.
    #[error("its elements are bytes {offset} to {end} of `{}`, which has {got} bytes", path.display())]
    ExternalCut {
        /// The file.
        path: PathBuf,
        /// First byte.
        offset: u64,
        /// The byte after the last.
        end: u64,
        /// Size of the file.
        got: u64,
    },
    /// Many tensors claim the same bytes of a file, so that the model would be many times as large as its files.
    #[error("the model reads `{}` more than {times} times over", path.display())]
    ExternalShared {
        /// The file.
        path: PathBuf,
        /// How often it may be read.
        times: u64,
    },
}

impl OnnxError {
    /// One sentence on what helps, where something is known to.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::File { source, .. } => return source.hint(),
            Self::NotOnnx { looks_like } => return crate::sniff::hint(looks_like),
            Self::Cut { .. } | Self::Malformed(_) | Self::NoGraph | Self::NoOpset { .. } => {
                "download or copy the file again"
            }
            Self::DuplicateName { .. } | Self::Node { .. } => {
                "`python -c \"import onnx; onnx.checker.check_model('model.onnx')\"` says more about an invalid model"
            }
            Self::TooLarge { .. } => "ask for fewer classes, or for a smaller part of the input",
            Self::Tensor { problem, .. } => return problem.hint(),
            _ => return None,
        })
    }
}

impl TensorProblem {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::External { .. } | Self::ExternalCut { .. } => {
                "keep the weight files that came with the model in the folder where they were"
            }
            Self::NoFolder | Self::Outside { .. } => {
                "save the model as one file: `onnx.save(onnx.load('model.onnx'), 'single.onnx')`"
            }
            Self::Type { .. } => "export the model with weights of type float",
            _ => return None,
        })
    }
}
