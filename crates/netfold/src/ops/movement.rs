//! Operators that only move elements: each is one list of indices, used by forward and freeze alike.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use netfold_linear::{Broadcast, Real, Run, Select};

use super::{At, Dependence, Extent, Inputs, Op, Operator, Outlines, Record, Told, only, size};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

/// Where the elements of an output come from.
#[derive(Clone, Debug)]
pub(super) struct Pick {
    /// Shape of y.
    pub shape: Vec<usize>,
    /// `None` where y is x under another shape.
    pub source: Option<Select>,
}

impl Pick {
    /// `y[i] = x[source[i]]`, with [`Select::NONE`] for a fill.
    pub fn new(from: &[usize], shape: Vec<usize>, source: Vec<u32>) -> Self {
        let len = from.iter().product::<usize>();
        let same = source.len() == len && source.iter().zip(0..).all(|(&j, i)| i == j);
        let source = (!same).then(|| Select::new(from, &shape, source));
        Self { shape, source }
    }

    /// Index i along axis a of y is index `lists[a][i]` along axis a of x; y is `NONE` where one of them is.
    ///
    /// # Errors
    /// If y is too large.
    pub fn separable(from: &[usize], lists: &[Vec<u32>]) -> Result<Self, OpError> {
        let shape: Vec<usize> = lists.iter().map(Vec::len).collect();
        if size::count(&shape)? == 0 {
            return Ok(Self::new(from, shape, Vec::new()));
        }
        let stays =
            |axis: &usize| lists[*axis].len() == from[*axis] && lists[*axis].iter().copied().eq(0..from[*axis] as u32);
        // Axes behind the last one that changes move as they are.
        let Some(last) = (0..from.len()).rev().find(|axis| !stays(axis)) else {
            return Ok(Self { shape, source: None });
        };
        let inner = from[last + 1..].iter().product::<usize>();
        let mut steps: Vec<Run> = Vec::new();
        for (to, &index) in lists[last].iter().enumerate().filter(|&(_, &index)| index != Select::NONE) {
            match steps.last_mut() {
                Some(run) if (run.from + run.len, run.to + run.len) == (index as usize, to) => run.len += 1,
                _ => steps.push(Run { from: index as usize, to, len: 1 }),
            }
        }
        let moved: usize = steps.iter().map(|step| step.len * inner).sum();
        if moved < LONG * steps.len() {
            return Ok(Self { source: Some(Select::new(from, &shape, indices(from, lists))), shape });
        }
        // First elements of the lines along the last axis that changes, in x and in y.
        let mut lines = vec![(0, 0)];
        for (list, &size) in lists[..last].iter().zip(from) {
            let mut longer = Vec::with_capacity(lines.len() * list.len());
            for &(from, to) in &lines {
                let read = list.iter().enumerate().filter(|&(_, &index)| index != Select::NONE);
                longer.extend(read.map(|(i, &index)| (from * size + index as usize, to * list.len() + i)));
            }
            lines = longer;
        }
        let (size, longer) = (from[last], lists[last].len());
        let mut runs = Vec::with_capacity(lines.len() * steps.len());
        for (line, to) in lines {
            runs.extend(steps.iter().map(|step| Run {
                from: (line * size + step.from) * inner,
                to: (to * longer + step.to) * inner,
                len: step.len * inner,
            }));
        }
        Ok(Self { source: Some(Select::in_runs(from, &shape, runs)), shape })
    }

    /// The same elements of y under another shape.
    pub fn reshaped(self, shape: Vec<usize>) -> Self {
        Self { source: self.source.map(|source| source.reshaped(&shape)), shape }
    }
}

/// Elements of a run, on average, from which on runs are worth it.
const LONG: usize = 8;

/// The index in x of each element of y: index i along axis a is `lists[a][i]`.
fn indices(from: &[usize], lists: &[Vec<u32>]) -> Vec<u32> {
    let join = |base: u32, index: u32, size: usize| {
        if base == Select::NONE || index == Select::NONE { Select::NONE } else { base * size as u32 + index }
    };
    let mut source = vec![0];
    for (list, &size) in lists.iter().zip(from) {
        let mut longer = Vec::with_capacity(source.len() * list.len());
        source.iter().for_each(|&base| longer.extend(list.iter().map(|&index| join(base, index, size))));
        source = longer;
    }
    source
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
    /// The shape of output `output`.
    fn shape(&self, x: &Outlines<'_>, output: usize) -> Result<Vec<usize>, OpError>;

    /// Where its elements come from.
    fn pick(&self, x: &Outlines<'_>, output: usize) -> Result<Pick, OpError>;

    /// How many outputs there are.
    fn outputs(&self) -> usize {
        1
    }

    /// What an element is that comes from nowhere.
    fn fill<T: Real>(&self, _: &Inputs<'_, T>) -> Result<f64, OpError> {
        Ok(0.0)
    }
}

/// A [`Movement`] as an operator, with what it picked last: a model is traced more than once, mostly by the same shapes.
#[derive(Debug)]
pub(super) struct Moved<M> {
    movement: M,
    last: Mutex<Option<Picked>>,
}

/// What a movement picks, and what of its inputs that depends on.
#[derive(Debug)]
struct Picked {
    shape: Vec<usize>,
    ints: Vec<Option<Tensor<i64>>>,
    picks: Vec<Pick>,
}

impl<M: Movement> Operator for Moved<M> {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let outputs = (0..self.movement.outputs()).map(|output| self.movement.shape(x, output));
        let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
        let elements: f64 = outputs.iter().map(|shape| size::amount(shape)).sum();
        let indices = elements * size_of::<u32>() as f64;
        // The indices stay for the next time.
        let mut made = Extent::like(x, 0)?.kept(indices).scratch(indices);
        made.outputs = outputs.into_iter().map(|shape| Told::new(made.outputs[0].holds, shape)).collect();
        Ok(made)
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input"])
    }
}

impl<M: Movement> Moved<M> {
    pub fn new(movement: M) -> Self {
        Self { movement, last: Mutex::default() }
    }

    /// Where the elements of each output come from: the shape of input 0 and the whole numbers among the others say it.
    fn picks<T: Real>(&self, x: &Inputs<'_, T>) -> Result<Vec<Pick>, OpError> {
        let (shape, ints) = (x.shape(0)?, || (1..x.len()).map(|i| x.ints_if(i).ok().flatten()));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref()
            && last.shape == shape
            && last.ints.iter().map(Option::as_ref).eq(ints())
        {
            return Ok(last.picks.clone());
        }
        let outlines = x.outlines();
        let picks: Vec<Pick> = (0..self.movement.outputs())
            .map(|output| self.movement.pick(&outlines, output))
            .collect::<Result<_, _>>()?;
        *last = Some(Picked {
            shape: shape.to_vec(),
            ints: ints().map(Option::<&_>::cloned).collect(),
            picks: picks.clone(),
        });
        Ok(picks)
    }

    /// The elements of x that are picked.
    fn moved<T: Real>(&self, x: &Inputs<'_, T>, pick: &Pick) -> Result<Value<T>, OpError> {
        let (from, fill) = (x.value(0)?, self.movement.fill(x)?);
        Ok(match (&pick.source, from) {
            (None, from) => from.reshaped(&pick.shape),
            (Some(source), Value::Real(from)) => Value::Real(from.moved(source, T::of(fill))),
            (Some(source), Value::Int(from)) => Value::Int(from.picked(source, fill as i64)),
            (Some(source), Value::Bool(from)) => Value::Bool(from.picked(source, fill != 0.0)),
        })
    }

    /// Picking as an affine operator: a fill that is not zero is its offset.
    fn affine<T: Real>(&self, x: &Inputs<'_, T>, pick: Pick) -> Result<Affine<T>, OpError> {
        let (from, fill) = (x.shape(0)?, T::of(self.movement.fill(x)?));
        let Some(source) = pick.source else { return Ok(Affine::reshape(from, &pick.shape)) };
        let offset = (!fill.is_zero()).then(|| source.pick(&vec![T::zero(); from.iter().product()], fill));
        let offset = offset.filter(|offset| offset.iter().any(|value| !value.is_zero()));
        let affine = Affine::linear(source);
        Ok(match offset {
            Some(offset) => affine.plus(Broadcast::full(&pick.shape, offset)),
            None => affine,
        })
    }
}

impl<T: Real, M: Movement> Op<T> for Moved<M> {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        self.picks(x)?.iter().map(|pick| self.moved(x, pick)).collect()
    }

    fn record(&self, x: &Inputs<'_, T>, _: &[bool]) -> Result<Option<Record<T>>, OpError> {
        let picks = self.picks(x)?;
        let values = picks.iter().map(|pick| self.moved(x, pick)).collect::<Result<_, _>>()?;
        let affines = picks.into_iter().map(|pick| self.affine(x, pick)).collect::<Result<_, _>>()?;
        Ok(Some(Record { values, affines }))
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        self.affine(at.inputs, self.picks(at.inputs)?.swap_remove(at.output))
    }
}
