//! Where an input comes from.

use std::path::{Path, PathBuf};

use netfold_linear::Real;

use crate::error::Error;
use crate::input::{Content, Given, InputError, LayoutChoice, Picture, Pixels, Preprocess};
use crate::model::FileStamp;
use crate::model::TensorInfo;
use crate::value::Tensor;

/// An input: a file, the bytes of one, decoded pixels, or the tensor itself.
///
/// Every call that takes an input takes whatever converts into one: a path, a [`Picture`], a [`Tensor`] or a reference to a
/// tensor.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source<T> {
    /// A picture or a `.npy` array, known by its content.
    File(PathBuf),
    /// The bytes of such a file.
    Bytes(Vec<u8>),
    /// A decoded picture.
    Picture(Picture),
    /// What the model takes, in its own units: nothing is done to the numbers.
    Tensor(Tensor<T>),
}

impl<T> From<Tensor<T>> for Source<T> {
    fn from(x: Tensor<T>) -> Self {
        Self::Tensor(x)
    }
}

impl<T: Clone> From<&Tensor<T>> for Source<T> {
    fn from(x: &Tensor<T>) -> Self {
        Self::Tensor(x.clone())
    }
}

impl<T> From<Picture> for Source<T> {
    fn from(picture: Picture) -> Self {
        Self::Picture(picture)
    }
}

impl<T> From<PathBuf> for Source<T> {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl<T> From<&Path> for Source<T> {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl<T> From<&str> for Source<T> {
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

impl<T: Real> Source<T> {
    /// The tensor that the model takes.
    pub(super) fn given(
        &self,
        input: &TensorInfo,
        layout: LayoutChoice,
        preprocess: &Preprocess,
    ) -> Result<Given<T>, InputError> {
        match self {
            Self::File(path) => Given::read(path, input, layout, preprocess),
            Self::Bytes(bytes) => Given::decode(Content::Bytes(bytes), input, layout, preprocess),
            Self::Picture(picture) => Given::of_picture(picture, input, layout, preprocess),
            Self::Tensor(x) => Ok(Given { x: x.clone(), picture: None }),
        }
    }

    /// Name and hash: of a file its name, of other sources what they are.
    pub(super) fn stamp(&self) -> Result<FileStamp, Error> {
        match self {
            Self::File(path) => {
                FileStamp::of(path).map_err(|source| InputError::Read { path: path.clone(), source }.into())
            }
            Self::Bytes(bytes) => Ok(FileStamp::of_bytes("bytes", [bytes.as_slice()])),
            Self::Picture(picture) => {
                let values: Vec<u8> = match &picture.pixels {
                    Pixels::Bytes(values) => values.clone(),
                    Pixels::Words(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                };
                Ok(FileStamp::of_bytes("picture", [values.as_slice()]))
            }
            Self::Tensor(x) => {
                let mut bytes = Vec::new();
                x.data().iter().for_each(|value| value.put_le(&mut bytes));
                Ok(FileStamp::of_bytes("array", [bytes.as_slice()]))
            }
        }
    }
}
