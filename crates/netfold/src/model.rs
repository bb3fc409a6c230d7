//! The model: a trained network, ready to be folded.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use netfold_onnx::ModelDef;

use crate::budget::Budget;
use crate::error::Error;
use crate::graph::{Graph, TensorId};

/// A trained network: its [`Graph`], shared by clones and by all that is made of the model.
#[derive(Clone, Debug)]
pub struct Model(Arc<Graph>);

impl Deref for Model {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.0
    }
}

impl Model {
    /// The model in an ONNX file.
    ///
    /// # Errors
    /// If the file cannot be read, or its graph contradicts itself. Operators that are not supported are no error here:
    /// see [`Node::operator`](crate::graph::Node::operator).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(netfold_onnx::read(path.as_ref())?)
    }

    /// The model in the bytes of an ONNX file. Tensors that the file keeps in other files cannot be read from bytes.
    ///
    /// # Errors
    /// As [`read`](Self::read), and if a tensor's numbers are in another file.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        Self::new(netfold_onnx::decode(bytes.into(), None)?)
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
        Ok(Self(Arc::new(Graph::new(def)?)))
    }

    /// With this budget for all that is computed with the model: its constants count.
    ///
    /// # Errors
    /// If the constants take more memory than the budget has left.
    pub fn within(self, budget: Budget) -> Result<Self, Error> {
        Ok(Self(Arc::new(Arc::unwrap_or_clone(self.0).within(budget)?)))
    }

    /// Adds the tensor −f to this model: a network of one logit f decides between two classes, and −f is the logit of the
    /// other one. What was made of the model before keeps the graph that it has.
    pub fn opposite(&mut self, f: TensorId) -> TensorId {
        Arc::make_mut(&mut self.0).opposite(f)
    }
}
