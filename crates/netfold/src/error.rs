//! What can go wrong, where, and what helps.

mod names;

use std::io;
use std::path::{Path, PathBuf};

use netfold_linear::UnknownInstructionSet;
use netfold_onnx::DType;
pub use netfold_onnx::OnnxError;

use crate::budget::Shortage;
use crate::input::InputError;

pub use names::{nearest, quoted};

/// Why an operator refuses its inputs or attributes. The graph adds where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpError {
    /// They do not fit each other, or the operator.
    #[error("{0}")]
    Misfit(Box<str>),
    /// The specification allows them, and they are not supported here.
    #[error("{0}")]
    Unsupported(Box<str>),
    /// A tensor of this shape has more elements than can be numbered.
    #[error("a tensor of shape {shape:?} is over the limit of {most} elements")]
    Large {
        /// The shape.
        shape: Box<[usize]>,
        /// The most elements that a tensor may have.
        most: usize,
    },
    /// A shape depends on the elements of this input, which were not computed.
    #[error("the elements of input {0} are not known")]
    Unknown(usize),
}

impl OpError {
    /// What does not fit, in these words.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self::Misfit(text.into())
    }

    /// What is not supported, in these words.
    pub fn unsupported(text: impl Into<Box<str>>) -> Self {
        Self::Unsupported(text.into())
    }

    /// The shape that has too many elements, where that is the reason.
    pub(crate) fn too_large(&self) -> Option<&[usize]> {
        if let Self::Large { shape, .. } = self { Some(shape) } else { None }
    }

    /// The input whose elements are missing, where that is the reason.
    pub(crate) fn not_known(&self) -> Option<usize> {
        if let Self::Unknown(input) = self { Some(*input) } else { None }
    }
}

/// A node that stands in the way of a reconstruction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsupported {
    /// The node's name in the file, or what it makes where it has none.
    pub node: String,
    /// Its operator.
    pub op: String,
    /// Why it cannot be used.
    pub why: String,
}

/// Everything that stops the road from model to reconstruction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is not a model that can be read.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The environment asks for instructions that this processor does not have.
    #[error(transparent)]
    InstructionSet(#[from] UnknownInstructionSet),
    /// Nodes between the input and the wanted output that are not supported: all that are known.
    #[error("{}", unsupported_lines(.nodes).join("\n    "))]
    Unsupported {
        /// The nodes.
        nodes: Vec<Unsupported>,
        /// Tensors before the first of them that depend on the input and can be explained.
        before: Vec<String>,
    },
    /// The file is written for operators that ONNX does not have.
    #[error("{}", operator_set(*.stated, *.newest))]
    OperatorSet {
        /// The one that the file states, if it does.
        stated: Option<i64>,
        /// The newest that there is.
        newest: i64,
    },
    /// A tensor without a single number: there is nothing to explain.
    #[error("`{name}` has shape {shape:?}: there is not one number in it")]
    Empty {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// The graph contradicts itself.
    #[error("the graph is not valid: {0}")]
    Graph(String),
    /// A node refuses its inputs.
    #[error("cannot {verb} `{node}` ({op}, inputs {shapes})")]
    Op {
        /// `compute` or `freeze`.
        verb: &'static str,
        /// The node.
        node: Box<str>,
        /// Its operator.
        op: Box<str>,
        /// The shapes of its inputs.
        shapes: Box<str>,
        /// What the operator says.
        source: OpError,
    },
    /// More memory is asked for than the budget has left.
    #[error("{what} would take {shortage}")]
    Memory {
        /// What asks: a node, by what it does, and the shapes of what it makes; the constants; rows of W.
        what: String,
        /// How much, and of what.
        shortage: Shortage,
    },
    /// The input tensor does not fit the model.
    #[error("input `{name}` takes shape {expected}, got {got}")]
    InputShape {
        /// The model's input.
        name: String,
        /// What the model declares.
        expected: String,
        /// What was given.
        got: String,
    },
    /// Inputs that the wanted output is computed from and that have no value.
    #[error("the model takes {}; {} no value", counted(*inputs), lacking_list(lacking))]
    MissingInputs {
        /// How many inputs the model takes.
        inputs: usize,
        /// Those without a value.
        lacking: Vec<String>,
    },
    /// An input whose elements are no numbers.
    #[error("the input `{name}` takes {dtype}: nothing can be said of its elements' weights")]
    NotExplained {
        /// The input.
        name: String,
        /// Its element type.
        dtype: DType,
    },
    /// Nothing leads from one tensor to the other.
    #[error("`{to}` does not depend on `{from}`")]
    Detached {
        /// Where the way should end.
        to: String,
        /// Where it should begin.
        from: String,
    },
    /// Indices that name no unit of a tensor.
    #[error("there is no unit `{unit}` in a tensor of shape {shape:?}")]
    Unit {
        /// The indices.
        unit: String,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// A tensor of which it is not known which elements belong to which place of the picture.
    #[error("which axes of `{tensor}`, of shape {shape:?}, are places is not known{}", behind(.cause.as_ref()))]
    Unplaced {
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The node and its operator behind which places are not known any more.
        cause: Option<(String, String)>,
    },
    /// A lens that has no meaning for this network.
    #[error("the lens `{lens}` does not apply: {why}")]
    Lens {
        /// Its name.
        lens: &'static str,
        /// The node in the way, with its operator, and what is missing.
        why: String,
    },
    /// Nodes that the one-layer model is exact for at the traced input alone: there is no region around it.
    #[error("the one-layer model has no region: it holds at this input alone, {}", point_lines(.0).join("\n    "))]
    Point(Vec<Unsupported>),
    /// A number that is not finite.
    #[error("{what} holds {value} at flat index {index}{}", origin.as_ref().map_or(String::new(), |at| format!(": {at}")))]
    NonFinite {
        /// `the input` or a named constant or value.
        what: String,
        /// NaN or an infinity, as text.
        value: String,
        /// Where in the tensor.
        index: usize,
        /// The node that made the first such number, of what, where that is another one.
        origin: Option<String>,
    },
    /// The model has several outputs and none was named.
    #[error("the model has {} outputs, {}; one has to be named", .0.len(), quoted(.0))]
    SeveralOutputs(Vec<String>),
    /// An input cannot be read, or does not fit the model.
    #[error(transparent)]
    Input(Box<InputError>),
    /// An input that would have two values.
    #[error("`{word}`: the input `{name}` has a value already")]
    Twice {
        /// As it was said.
        word: String,
        /// The input.
        name: String,
        /// Whether it is the one that is explained.
        explained: bool,
    },
    /// The call was stopped by the one who is told of its progress.
    #[error("stopped")]
    Stopped,
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A name or number that the model does not have.
    #[error("there is no {kind} `{name}`")]
    Unknown {
        /// `output`, `tensor`, `class`, …
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// What there is, nearest first.
        nearest: Vec<String>,
    },
}

impl From<InputError> for Error {
    fn from(error: InputError) -> Self {
        Self::Input(Box::new(error))
    }
}

impl Error {
    /// What asked for memory, and how much is missing.
    pub(crate) fn memory(what: impl Into<String>) -> impl FnOnce(Shortage) -> Self {
        let what = what.into();
        |shortage| Self::Memory { what, shortage }
    }

    /// A file that the system does not let be read.
    pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| InputError::Read { path, source }.into()
    }

    /// The message line by line: an error about several nodes has one for each. Names of nodes may hold line breaks, so
    /// that the lines cannot be told from the message.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Unsupported { nodes, .. } => unsupported_lines(nodes),
            Self::Point(nodes) => {
                let mut lines = point_lines(nodes);
                // The message begins before the first line of the list.
                if let Some(first) = self.to_string().split('\n').next() {
                    first.clone_into(&mut lines[0]);
                }
                lines
            }
            error => vec![error.to_string()],
        }
    }

    /// What helps, where something simple does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Onnx(error) => error.hint().map(|hint| hint.to_string()),
            Self::InstructionSet(_) => Some("without the variable the best one is used".into()),
            Self::Unsupported { before, .. } => Some(unsupported_hint(before)),
            Self::OperatorSet { newest, .. } => {
                Some(format!("write the file anew for one of the operator sets 1 to {newest}"))
            }
            Self::MissingInputs { lacking, .. } => {
                let words: Vec<String> = lacking.iter().map(|name| format!("`--input {name}=FILE`")).collect();
                let they = if words.len() == 1 { "gives it, and it is held" } else { "give them, and they are held" };
                Some(format!("{} {they} constant", words.join(" ")))
            }
            Self::Input(error) => error.hint(),
            Self::Twice { explained: true, .. } => Some("INPUT is its value; `--explain` names another".into()),
            Self::NotExplained { .. } => Some("`--explain NAME` names another input".into()),
            Self::SeveralOutputs(names) => names.first().map(|name| format!("`--output {name}`")),
            Self::Unplaced { .. } => Some(AXES.into()),
            Self::Memory { .. } => Some("`--memory SIZE` sets the budget: 16G, say".into()),
            Self::NonFinite { .. } => Some("`--allow-non-finite` computes all the same".into()),
            Self::Unit { shape, .. } => Some(format!(
                "`c` is a channel (its strongest place), {} indices from 0 are one element",
                shape.len().max(2) - 1
            )),
            Self::Unknown { nearest, .. } if !nearest.is_empty() => Some(format!("there is {}", quoted(nearest))),
            _ => None,
        }
    }
}

/// How the axes of a feature map are said.
pub(crate) const AXES: &str =
    "`--layer-axes` says it: N,C,H,W or N,H,W,C, or N,T=1+14x14,C for one class token and patches in 14 rows of 14";

fn behind(cause: Option<&(String, String)>) -> String {
    cause.map_or_else(String::new, |(node, op)| format!(" behind `{node}` ({op})"))
}

fn operator_set(stated: Option<i64>, newest: i64) -> String {
    match stated {
        Some(set) => format!("the file is written for operator set {set}; there are 1 to {newest}"),
        None => "the file does not say which of ONNX's operator sets its nodes are of".to_owned(),
    }
}

fn unsupported_hint(before: &[String]) -> String {
    let list = "`netfold ops` lists the operators that are supported";
    let at: Vec<String> = before.iter().map(|name| format!("`--at {name}`")).collect();
    if at.is_empty() {
        return list.to_owned();
    }
    format!("{list}; what comes before can be explained: {}, and `--unit` for one number of it", at.join(" or "))
}

fn counted(inputs: usize) -> String {
    if inputs == 1 { "1 input".into() } else { format!("{inputs} inputs") }
}

fn lacking_list(names: &[String]) -> String {
    format!("{} {}", quoted(names), if names.len() == 1 { "has" } else { "have" })
}

fn unsupported_lines(nodes: &[Unsupported]) -> Vec<String> {
    let head = match nodes.len() {
        1 => "1 node is not supported:".to_owned(),
        n => format!("{n} nodes are not supported:"),
    };
    std::iter::once(head).chain(nodes.iter().map(told)).collect()
}

fn point_lines(nodes: &[Unsupported]) -> Vec<String> {
    /// Nodes that are named.
    const NAMED: usize = 8;
    let head = match nodes.len() {
        1 => "for 1 node:".to_owned(),
        n => format!("for {n} nodes:"),
    };
    let more = (nodes.len() > NAMED).then(|| format!("and {} more", nodes.len() - NAMED));
    std::iter::once(head).chain(nodes.iter().take(NAMED).map(told)).chain(more).collect()
}

fn told(Unsupported { node, op, why }: &Unsupported) -> String {
    format!("`{node}` ({op}): {why}")
}
