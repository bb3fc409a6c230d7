//! The model: a trained network, ready to be folded.

mod dependence;
pub(crate) mod feed;
mod graph;
mod head;
mod shape;
mod stamp;

use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use netfold_onnx::ModelDef;

use crate::budget::Budget;
use crate::error::Error;

pub use feed::Feed;
pub use graph::{Graph, Node, TensorId, TensorInfo};
pub use head::{Head, Squashing};
pub(crate) use shape::agree;
pub use shape::shape_text;
pub use stamp::FileStamp;

/// A trained network: its [`Graph`], shared by clones and by all that is made of the model.
#[derive(Clone, Debug)]
pub struct Model {
    graph: Arc<Graph>,
    origin: Origin,
}

/// Where a model comes from.
#[derive(Clone, Debug)]
enum Origin {
    /// A file, and its hash once it was asked for.
    File(Arc<Path>, Arc<OnceLock<FileStamp>>),
    /// Bytes, or what the program put together.
    Memory(Arc<FileStamp>),
}

impl Deref for Model {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.graph
    }
}

impl Model {
    /// The model in an ONNX file.
    ///
    /// # Errors
    /// If the file cannot be read, or its graph contradicts itself. Operators that are not supported are no error here:
    /// see [`Node::operator`](crate::model::Node::operator).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let graph = Arc::new(Graph::new(netfold_onnx::read(path)?)?);
        Ok(Self { graph, origin: Origin::File(path.into(), Arc::default()) })
    }

    /// The model in the bytes of an ONNX file. Tensors that the file keeps in other files cannot be read from bytes.
    ///
    /// # Errors
    /// As [`read`](Self::read), and if a tensor's numbers are in another file.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let bytes = bytes.into();
        let origin = Origin::Memory(Arc::new(FileStamp::of_bytes("bytes", [bytes.as_slice()])));
        Ok(Self { graph: Arc::new(Graph::new(netfold_onnx::decode(bytes, None)?)?), origin })
    }

    /// As [`read`](Self::read), [within](Self::within) a budget.
    ///
    /// # Errors
    /// As [`read`](Self::read), and if the file or its constants take more memory than the budget has left.
    pub fn read_within(path: impl AsRef<Path>, budget: Budget) -> Result<Self, Error> {
        let path = path.as_ref();
        if let Ok(file) = path.metadata() {
            budget.ask(file.len() as f64).map_err(Error::memory(format!("to read `{}`", path.display())))?;
        }
        Self::read(path)?.within(budget)
    }

    /// The model that a decoded file describes.
    ///
    /// # Errors
    /// If the graph reads what nothing makes, goes in a circle, or is of an operator set that does not exist.
    pub fn new(def: ModelDef) -> Result<Self, Error> {
        let origin = Origin::Memory(Arc::new(FileStamp::of_bytes("model", [netfold_onnx::encode(&def).as_slice()])));
        Ok(Self { graph: Arc::new(Graph::new(def)?), origin })
    }

    /// With this budget for all that is computed with the model: its constants count.
    ///
    /// # Errors
    /// If the constants take more memory than the budget has left.
    pub fn within(self, budget: Budget) -> Result<Self, Error> {
        let graph = Arc::new(Arc::unwrap_or_clone(self.graph).within(budget)?);
        Ok(Self { graph, origin: self.origin })
    }

    /// Name and hash of the file that the model comes from; of bytes their hash.
    ///
    /// # Errors
    /// If the file cannot be read any more.
    pub fn stamp(&self) -> Result<FileStamp, Error> {
        let (path, stamp) = match &self.origin {
            Origin::Memory(stamp) => return Ok(FileStamp::clone(stamp)),
            Origin::File(path, stamp) => (path, stamp),
        };
        if let Some(stamp) = stamp.get() {
            return Ok(stamp.clone());
        }
        let read = FileStamp::of(path).map_err(Error::unreadable(path))?;
        Ok(stamp.get_or_init(|| read).clone())
    }

    /// Adds the tensor −f to this model: a network of one logit f decides between two classes, and −f is the logit of the
    /// other one. What was made of the model before keeps the graph that it has.
    pub fn opposite(&mut self, f: TensorId) -> TensorId {
        Arc::make_mut(&mut self.graph).opposite(f)
    }
}
