//! What an operator says before it computes: what its outputs hold, their shapes, and what it takes besides.

use std::fmt::Debug;

use netfold_linear::Real;

use super::size;
use crate::error::OpError;
use crate::value::{Tensor, Value};

/// What the elements of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Numbers that can depend on the input linearly.
    Reals,
    /// Shapes, indices, axes.
    Ints,
    /// Conditions.
    Truths,
}

impl Holds {
    /// Bytes of an element, where a real number has `width` of them.
    pub fn bytes(self, width: usize) -> usize {
        match self {
            Self::Reals => width,
            Self::Ints => size_of::<i64>(),
            Self::Truths => size_of::<bool>(),
        }
    }
}

/// A tensor's shape and what it holds; its elements too, where they are known.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    /// What it holds.
    pub holds: Holds,
    /// The shape.
    pub shape: &'a [usize],
    elements: Elements<'a>,
}

/// Elements that are known.
#[derive(Clone, Copy, Debug)]
enum Elements<'a> {
    Unknown,
    Ints(&'a [i64]),
    Reals(&'a dyn Wide),
    Truths,
}

/// Numbers of either precision.
trait Wide: Debug {
    fn wide(&self) -> Vec<f64>;
}

impl<T: Real> Wide for Tensor<T> {
    fn wide(&self) -> Vec<f64> {
        self.data().iter().map(|value| value.wide()).collect()
    }
}

impl<'a> Outline<'a> {
    /// Of a value: all is known.
    pub fn of<T: Real>(value: &'a Value<T>) -> Self {
        let (holds, elements) = match value {
            Value::Real(tensor) => (Holds::Reals, Elements::Reals(tensor)),
            Value::Int(tensor) => (Holds::Ints, Elements::Ints(tensor.data())),
            Value::Bool(_) => (Holds::Truths, Elements::Truths),
        };
        Self { holds, shape: value.shape(), elements }
    }

    /// Of a tensor that was told, and is not computed.
    pub fn told(told: &'a Told) -> Self {
        let elements = told.ints.as_deref().map_or(Elements::Unknown, Elements::Ints);
        Self { holds: told.holds, shape: &told.shape, elements }
    }
}

/// What is known of a node's inputs before it computes; `None` where an optional input is left out.
#[derive(Clone, Debug)]
pub struct Outlines<'a> {
    inputs: Vec<Option<Outline<'a>>>,
    /// Bytes of a real number.
    pub width: usize,
    /// Which inputs depend on the network's input, where that is known.
    varies: Option<Vec<bool>>,
}

impl<'a> Outlines<'a> {
    /// Of these inputs; a real number has `width` bytes.
    pub fn new(inputs: Vec<Option<Outline<'a>>>, width: usize) -> Self {
        Self { inputs, width, varies: None }
    }

    /// Told which inputs depend on the network's input.
    #[must_use]
    pub fn varying(self, varies: Vec<bool>) -> Self {
        Self { varies: Some(varies), ..self }
    }

    /// Whether input `i` may have a term.
    pub fn moves(&self, i: usize) -> bool {
        self.varies.as_ref().is_none_or(|varies| varies.get(i) == Some(&true))
    }

    /// How many inputs the node names.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Whether the node has no input.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Input `i`, if it is there.
    pub fn get(&self, i: usize) -> Option<Outline<'a>> {
        self.inputs.get(i).copied().flatten()
    }

    /// Input `i`.
    ///
    /// # Errors
    /// If it is left out.
    pub fn input(&self, i: usize) -> Result<Outline<'a>, OpError> {
        self.get(i).ok_or_else(|| OpError::new(format!("input {i} is missing")))
    }

    /// The shape of input `i`.
    ///
    /// # Errors
    /// If it is left out.
    pub fn shape(&self, i: usize) -> Result<&'a [usize], OpError> {
        Ok(self.input(i)?.shape)
    }

    /// How many elements input `i` has; none where it is left out.
    pub fn count(&self, i: usize) -> f64 {
        self.get(i).map_or(0.0, |input| size::amount(input.shape))
    }

    /// Bytes of so many real numbers.
    pub fn reals(&self, count: f64) -> f64 {
        count * self.width as f64
    }

    /// Input `i` as integers.
    ///
    /// # Errors
    /// If it is left out, holds something else, or its elements are not known.
    pub fn ints(&self, i: usize) -> Result<&'a [i64], OpError> {
        match self.input(i)? {
            Outline { elements: Elements::Ints(ints), .. } => Ok(ints),
            Outline { holds: Holds::Ints, .. } => Err(OpError::Unknown(i)),
            Outline { holds: Holds::Reals, .. } => {
                Err(OpError::new(format!("input {i} should be integers, it is floating point")))
            }
            Outline { holds: Holds::Truths, .. } => {
                Err(OpError::new(format!("input {i} should be integers, it is bool")))
            }
        }
    }

    /// Input `i` as integers, if it is there.
    ///
    /// # Errors
    /// If it holds something else, or its elements are not known.
    pub fn ints_if(&self, i: usize) -> Result<Option<&'a [i64]>, OpError> {
        self.get(i).map(|_| self.ints(i)).transpose()
    }

    /// The numbers of input `i`, in double precision.
    ///
    /// # Errors
    /// If it is left out, holds something else, or its elements are not known.
    pub fn numbers(&self, i: usize) -> Result<Vec<f64>, OpError> {
        match self.input(i)? {
            Outline { elements: Elements::Reals(numbers), .. } => Ok(numbers.wide()),
            Outline { holds: Holds::Reals, .. } => Err(OpError::Unknown(i)),
            Outline { holds: Holds::Ints, .. } => {
                Err(OpError::new(format!("input {i} should be floating point, it is integer")))
            }
            Outline { holds: Holds::Truths, .. } => {
                Err(OpError::new(format!("input {i} should be floating point, it is bool")))
            }
        }
    }
}

/// An output before it is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it will hold.
    pub holds: Holds,
    /// The shape that it will have.
    pub shape: Vec<usize>,
    /// Its elements, where the inputs' shapes say them.
    pub ints: Option<Vec<i64>>,
    /// Whether it is the numbers of input 0 themselves.
    shares: bool,
}

impl Told {
    /// Something of this shape.
    pub fn new(holds: Holds, shape: Vec<usize>) -> Self {
        Self { holds, shape, ints: None, shares: false }
    }

    /// Bytes of its elements, where a real number has `width` of them; none where it shares those of an input.
    pub fn bytes(&self, width: usize) -> f64 {
        if self.shares { 0.0 } else { size::amount(&self.shape) * self.holds.bytes(width) as f64 }
    }
}

/// What a node is about to make and to take. Bytes are estimates, of tables that can be as large as a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Extent {
    /// Its outputs.
    pub outputs: Vec<Told>,
    /// Bytes of tables that outlast computing: of the affine form that it records, or for the next time.
    pub kept: f64,
    /// Bytes of tables that computing and freezing give back at once.
    pub scratch: f64,
    /// Bytes of tables that freezing builds, where computing has recorded nothing, beside `kept`.
    pub frozen: f64,
    /// Products of two numbers.
    pub products: f64,
}

impl Extent {
    /// One output. Freezing takes a slope and an offset for each element, unless [`frozen`](Self::frozen) says more.
    pub fn new(holds: Holds, shape: Vec<usize>) -> Self {
        Self { outputs: vec![Told::new(holds, shape)], kept: 0.0, scratch: 0.0, frozen: 0.0, products: 0.0 }
    }

    /// One output that is as input `i`.
    ///
    /// # Errors
    /// If the input is left out.
    pub fn like(x: &Outlines<'_>, i: usize) -> Result<Self, OpError> {
        let input = x.input(i)?;
        Ok(Self::new(input.holds, input.shape.to_vec()))
    }

    /// One more output.
    #[must_use]
    pub fn and(mut self, holds: Holds, shape: Vec<usize>) -> Self {
        self.outputs.push(Told::new(holds, shape));
        self
    }

    /// The first output is the numbers of input 0 themselves.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.outputs.iter_mut().take(1).for_each(|told| told.shares = true);
        self
    }

    /// With so many more bytes of tables that outlast computing.
    #[must_use]
    pub fn kept(mut self, bytes: f64) -> Self {
        self.kept += bytes;
        self
    }

    /// With so many more bytes of tables that are given back at once.
    #[must_use]
    pub fn scratch(mut self, bytes: f64) -> Self {
        self.scratch += bytes;
        self
    }

    /// With so many more bytes of tables that freezing builds, beside a slope and an offset for each element.
    #[must_use]
    pub fn frozen(mut self, bytes: f64) -> Self {
        self.frozen += bytes;
        self
    }

    /// With so many products.
    #[must_use]
    pub fn mul_adds(mut self, count: f64) -> Self {
        self.products += count;
        self
    }

    /// Bytes that computing takes, where a real number has `width` of them.
    pub fn bytes(&self, width: usize) -> f64 {
        self.outputs.iter().map(|told| told.bytes(width)).sum::<f64>() + self.kept + self.scratch
    }

    /// Bytes that the frozen form takes, where computing has recorded nothing.
    pub fn bytes_frozen(&self, width: usize) -> f64 {
        let elements: f64 = self.outputs.iter().map(|told| size::amount(&told.shape)).sum();
        self.kept + self.frozen + 2.0 * elements * width as f64
    }
}
