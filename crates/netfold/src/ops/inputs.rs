//! What an operator is given.

use netfold_linear::{Real, Support};

use super::extent::{Outline, Outlines};
use crate::affine::Rule;
use crate::error::OpError;
use crate::value::{Tensor, Value, indices};

/// The values of a node's inputs; `None` where an optional input is left out.
#[derive(Clone, Debug)]
pub struct Inputs<'a, T>(pub Vec<Option<&'a Value<T>>>);

impl<'a, T: Real> Inputs<'a, T> {
    /// Shapes and elements, as they are told before computing.
    pub fn outlines(&self) -> Outlines<'a> {
        Outlines::new(self.0.iter().map(|value| value.map(Outline::of)).collect(), size_of::<T>())
    }

    /// How many inputs the node names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the node has no input.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Input `i`, if it is there.
    pub fn get(&self, i: usize) -> Option<&'a Value<T>> {
        self.0.get(i).copied().flatten()
    }

    /// Input `i`.
    ///
    /// # Errors
    /// If it is left out.
    pub fn value(&self, i: usize) -> Result<&'a Value<T>, OpError> {
        self.get(i).ok_or_else(|| OpError::new(format!("input {i} is missing")))
    }

    /// The shape of input `i`.
    ///
    /// # Errors
    /// If it is left out.
    pub fn shape(&self, i: usize) -> Result<&'a [usize], OpError> {
        Ok(self.value(i)?.shape())
    }

    /// Input `i` as numbers.
    ///
    /// # Errors
    /// If it is left out or holds something else.
    pub fn real(&self, i: usize) -> Result<&'a Tensor<T>, OpError> {
        match self.value(i)? {
            Value::Real(tensor) => Ok(tensor),
            other => Err(OpError::new(format!("input {i} should be floating point, it is {}", other.kind()))),
        }
    }

    /// Input `i` as numbers, if it is there.
    ///
    /// # Errors
    /// If it holds something else.
    pub fn real_if(&self, i: usize) -> Result<Option<&'a Tensor<T>>, OpError> {
        self.get(i).map(|_| self.real(i)).transpose()
    }

    /// Input `i` as integers.
    ///
    /// # Errors
    /// If it is left out or holds something else.
    pub fn ints(&self, i: usize) -> Result<&'a Tensor<i64>, OpError> {
        match self.value(i)? {
            Value::Int(tensor) => Ok(tensor),
            other => Err(OpError::new(format!("input {i} should be integers, it is {}", other.kind()))),
        }
    }

    /// Input `i` as integers, if it is there.
    ///
    /// # Errors
    /// If it holds something else.
    pub fn ints_if(&self, i: usize) -> Result<Option<&'a Tensor<i64>>, OpError> {
        self.get(i).map(|_| self.ints(i)).transpose()
    }
}

/// Where a node is frozen: the traced values around it, and how.
#[derive(Clone, Copy, Debug)]
pub struct At<'a, T> {
    /// The traced inputs.
    pub inputs: &'a Inputs<'a, T>,
    /// The traced outputs.
    pub outputs: &'a [Value<T>],
    /// Which inputs have a term: they depend on the network's input and are not held constant as gates.
    pub varies: &'a [bool],
    /// Which output is asked for.
    pub output: usize,
    /// The rule for what is not piecewise linear.
    pub rule: Rule,
    /// The elements of input 0 that are known to stay as they are around the network's input: where a function has no
    /// finite slope at such a one, the slope is 0. `None` where nobody asked.
    pub still: Option<&'a Support>,
}

impl<T: Real> At<'_, T> {
    /// Refuses elements of input 0 without a finite slope, unless they stay as they are; `what` has none.
    ///
    /// # Errors
    /// If one of them moves; names the first one.
    pub(crate) fn still_at(&self, what: &str, mut elements: impl Iterator<Item = usize>) -> Result<(), OpError> {
        let z = self.inputs.real(0)?;
        match elements.find(|&element| self.still.is_none_or(|still| !still.contains(element))) {
            None => Ok(()),
            Some(element) => Err(OpError::new(format!(
                "{what} has no finite slope at {}, element {} of its input",
                z.data()[element],
                place(element, z.shape())
            ))),
        }
    }

    /// Whether input `i` has a term.
    pub fn moves(&self, i: usize) -> bool {
        self.varies.get(i) == Some(&true)
    }
}

/// An element as people find it: `[0, 3, 1] (flat index 10)`.
pub(crate) fn place(element: usize, shape: &[usize]) -> String {
    format!("{:?} (flat index {element})", indices(element, shape))
}
