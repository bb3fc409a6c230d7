//! Inputs that are held at what a file holds.

use std::path::Path;

use serde::Serialize;

use super::{InputError, LayoutChoice, Preprocess, read_held};
use crate::model::{Feed, FileStamp, Graph, TensorId};
use crate::ops::Precision;
use crate::value::{Tensor, Value};

/// An input that was held constant.
#[derive(Clone, Debug, Serialize)]
pub struct HeldInput {
    /// The input's name.
    pub name: String,
    /// Its file.
    #[serde(flatten)]
    pub stamp: FileStamp,
}

/// An input that is held, read once.
#[derive(Clone, Debug)]
pub struct Held {
    /// Which one.
    pub input: TensorId,
    /// Its value; integers and truth values where the model takes such.
    pub value: Value<f64>,
    /// Its name, and name and hash of the file.
    pub stamp: HeldInput,
}

impl Held {
    /// The value in a picture or a `.npy` file.
    ///
    /// # Errors
    /// If the file cannot be read, or does not fit the input.
    pub fn read(
        model: &Graph,
        input: TensorId,
        path: &Path,
        choice: LayoutChoice,
        preprocess: &Preprocess,
    ) -> Result<Self, InputError> {
        let info = &model.tensors[input.0];
        let value = read_held(path, info, choice, preprocess)?;
        let stamp = FileStamp::of(path).map_err(|source| InputError::Read { path: path.to_owned(), source })?;
        Ok(Self { input, value, stamp: HeldInput { name: info.name.clone(), stamp } })
    }

    /// x of one input, with the values of all that are held.
    pub fn feed<T: Precision>(held: &[Self], input: TensorId, x: &Tensor<T>) -> Feed<T> {
        let held = held.iter().map(|held| (held.input, held.value.clone())).collect();
        Feed { x: Tensor::scalar(0.0), input: Some(input), held, from: None }.cast::<T>().at(x)
    }
}
