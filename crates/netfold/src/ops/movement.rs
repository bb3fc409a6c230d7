//! Operators that only move elements: each is one list of indices, used by forward and freeze alike.

use std::fmt::Debug;

use netfold_linear::{Real, Select};

use super::{At, Dependence, Inputs, Op, Operator, only, size};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::Value;

/// Where the elements of an output come from: `y[i] = x[source[i]]`.
#[derive(Clone, Debug)]
pub(super) struct Pick {
    /// Shape of y.
    pub shape: Vec<usize>,
    /// One index for each element of y, [`Select::NONE`] for a fill; `None` where y is x under another shape.
    pub source: Option<Vec<u32>>,
}

impl Pick {
    /// The pick from `len` elements with these indices.
    pub fn new(len: usize, shape: Vec<usize>, source: Vec<u32>) -> Self {
        let same = source.len() == len && source.iter().zip(0..).all(|(&j, i)| i == j);
        Self { shape, source: (!same).then_some(source) }
    }

    /// Index i along axis a of y is index `lists[a][i]` along axis a of x; y is `NONE` where one of them is.
    ///
    /// # Errors
    /// If y is too large.
    pub fn separable(from: &[usize], lists: &[Vec<u32>]) -> Result<Self, OpError> {
        let shape: Vec<usize> = lists.iter().map(Vec::len).collect();
        if size::count(&shape)? == 0 {
            return Ok(Self::new(from.iter().product(), shape, Vec::new()));
        }
        let join = |base: u32, index: u32, size: usize| {
            if base == Select::NONE || index == Select::NONE { Select::NONE } else { base * size as u32 + index }
        };
        let mut source = vec![0];
        for (list, &size) in lists.iter().zip(from) {
            let mut longer = Vec::with_capacity(source.len() * list.len());
            source.iter().for_each(|&base| longer.extend(list.iter().map(|&index| join(base, index, size))));
            source = longer;
        }
        Ok(Self::new(from.iter().product(), shape, source))
    }

    /// The same elements of y under another shape.
    pub fn reshaped(self, shape: Vec<usize>) -> Self {
        Self { shape, ..self }
    }
}

/// The indices 0, 1, … of an axis, as [`Pick::separable`] takes them.
pub(super) fn whole(size: usize) -> Vec<u32> {
    (0..size as u32).collect()
}

/// first + Σ over axes of index · stride, for each index of `shape` in standard order.
pub(super) fn walk(first: usize, shape: &[usize], strides: &[usize]) -> Vec<u32> {
    if shape.contains(&0) {
        return Vec::new();
    }
    let mut sources = vec![first as u32];
    for (&size, &stride) in shape.iter().zip(strides) {
        let step = stride as u32;
        let mut longer = Vec::with_capacity(sources.len() * size);
        sources.iter().for_each(|&s| longer.extend((0..size as u32).map(|i| s + i * step)));
        sources = longer;
    }
    sources
}

/// How far apart neighbours along each axis lie in standard order.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// An operator whose outputs pick elements of input 0.
pub(super) trait Movement: Debug + Send + Sync + 'static {
    /// Where the elements of output `output` come from.
    fn pick<T: Real>(&self, x: &Inputs<'_, T>, output: usize) -> Result<Pick, OpError>;

    /// How many outputs there are.
    fn outputs(&self) -> usize {
        1
    }

    /// What an element is that comes from nowhere.
    fn fill<T: Real>(&self, _: &Inputs<'_, T>) -> Result<f64, OpError> {
        Ok(0.0)
    }
}

/// A [`Movement`] as an operator.
#[derive(Debug)]
pub(super) struct Moved<M>(pub M);

impl<M: Movement> Operator for Moved<M> {
    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input"])
    }
}

impl<T: Real, M: Movement> Op<T> for Moved<M> {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let (from, fill) = (x.value(0)?, self.0.fill(x)?);
        let output = |output| {
            let pick = self.0.pick(x, output)?;
            Ok(match (&pick.source, from) {
                (None, from) => from.reshaped(&pick.shape),
                (Some(source), Value::Real(from)) => Value::Real(from.selected(&pick.shape, source, &T::of(fill))),
                (Some(source), Value::Int(from)) => Value::Int(from.selected(&pick.shape, source, &(fill as i64))),
                (Some(source), Value::Bool(from)) => Value::Bool(from.selected(&pick.shape, source, &(fill != 0.0))),
            })
        };
        (0..self.0.outputs()).map(output).collect()
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let from = at.inputs.shape(0)?;
        let pick = self.0.pick(at.inputs, at.output)?;
        let fill = T::of(self.0.fill(at.inputs)?);
        let Some(source) = pick.source else { return Ok(Affine::reshape(from, &pick.shape)) };
        let filled = |&j: &u32| if j == Select::NONE { fill } else { T::zero() };
        let offset = (fill != T::zero() && source.contains(&Select::NONE))
            .then(|| netfold_linear::Field::full(&pick.shape, source.iter().map(filled).collect()));
        let affine = Affine::linear(Select::new(from, &pick.shape, source));
        Ok(match offset {
            Some(offset) => affine.plus(offset),
            None => affine,
        })
    }
}
