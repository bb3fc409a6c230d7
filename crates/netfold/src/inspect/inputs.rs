//! Inputs that stand in for those that are not there yet: their shapes, and evenly spread numbers.

use std::collections::HashMap;

use netfold_linear::Real;
use netfold_onnx::Dim;

use super::Start;
use super::outline::Sketch;
use crate::circuit::{Circuit, Rules};
use crate::error::Error;
use crate::model::feed::{Feed, behind};
use crate::model::{Graph, Head, TensorId};
use crate::ops::{Holds, Precision, Told, size};
use crate::trace::{NonFinite, Trace};
use crate::value::{Tensor, Value};

impl Graph {
    /// The network at evenly spread numbers, and frozen there.
    pub(super) fn spread<T: Precision>(
        &self,
        feed: Feed<T>,
        head: &Head,
        rules: &Rules,
    ) -> Result<(Trace<'_, T>, Circuit<T>), Error> {
        let trace = self.trace(feed, head.logits, NonFinite::Allow)?;
        let circuit = trace.freeze(rules)?;
        Ok((trace, circuit))
    }

    /// Shapes of all inputs that are needed, the explained one first; nothing where a size is not known.
    pub(super) fn shapes_of_inputs(
        &self,
        input: TensorId,
        needed: &[TensorId],
        start: &Start,
    ) -> Option<Vec<(TensorId, Vec<usize>)>> {
        let mut symbols: HashMap<&str, usize> = HashMap::new();
        for (id, shape) in &start.shapes {
            for (dim, &size) in self.tensors[id.0].shape.iter().flatten().zip(shape) {
                if let Dim::Symbol(name) = dim {
                    symbols.insert(name, size);
                }
            }
        }
        let sizes = |id: TensorId| match start.shapes.get(&id) {
            Some(shape) => Some(shape.clone()),
            None => concrete(self.tensors[id.0].shape.as_deref()?, &symbols),
        };
        let held = needed.iter().copied().filter(|&id| id != input);
        std::iter::once(input).chain(held).map(|id| Some((id, sizes(id)?))).collect()
    }

    /// What the nodes say of inputs of these shapes. Small inputs that are held have their values: shapes may depend on them.
    pub(super) fn sketch_of_inputs<'m, T: Precision>(
        &'m self,
        shapes: &[(TensorId, Vec<usize>)],
        start: &Start,
        way: &[usize],
        varies: &'m [bool],
    ) -> Result<Sketch<'m, T>, Error> {
        const SMALL: f64 = (1 << 20) as f64;
        let mut inputs = Vec::new();
        for (i, (id, shape)) in shapes.iter().enumerate() {
            self.check_shape(*id, shape)?;
            let reals = i == 0 && start.from.is_none();
            let held =
                (i > 0 && size::amount(shape) <= SMALL).then(|| self.spread_value::<T>(*id, shape)).transpose()?;
            let holds = if reals { Holds::Reals } else { self.holds(*id) };
            inputs.push((*id, Told::new(holds, shape.clone()), held));
        }
        self.sketch(inputs, way, varies)
    }

    /// What a tensor holds by the kind of its elements that the file declares.
    fn holds(&self, id: TensorId) -> Holds {
        match behind(Value::Real(Tensor::new(&[0], Vec::<f32>::new())), self.tensors[id.0].dtype) {
            Value::Real(_) => Holds::Reals,
            Value::Int(_) => Holds::Ints,
            Value::Bool(_) => Holds::Truths,
        }
    }

    /// A value for an input that is held.
    fn spread_value<T: Precision>(&self, id: TensorId, shape: &[usize]) -> Result<Value<T>, Error> {
        Ok(match behind(Value::Real(spread::<T>(shape)?), self.tensors[id.0].dtype) {
            Value::Int(indices) => Value::Int(indices.map(|_| 0)),
            Value::Bool(conditions) => Value::Bool(conditions.map(|_| true)),
            numbers @ Value::Real(_) => numbers,
        })
    }

    /// Values for the inputs of these shapes.
    pub(super) fn spread_feed<T: Precision>(
        &self,
        shapes: &[(TensorId, Vec<usize>)],
        start: &Start,
    ) -> Result<Feed<T>, Error> {
        let (input, shape) = &shapes[0];
        let mut feed = Feed { input: Some(*input), from: start.from, ..Feed::from(spread::<T>(shape)?) };
        if start.from.is_some() && self.holds(*input) != Holds::Reals {
            // Indices: the first of anything is there.
            feed.x = feed.x.map(|_| T::zero());
        }
        for (id, shape) in &shapes[1..] {
            feed.held.insert(*id, self.spread_value(*id, shape)?);
        }
        Ok(feed)
    }
}

/// The sizes of a declared shape, if they are numbers or known symbols; a first axis without one is a batch of 1.
fn concrete(shape: &[Dim], symbols: &HashMap<&str, usize>) -> Option<Vec<usize>> {
    let size = |(axis, dim): (usize, &Dim)| match dim {
        Dim::Known(size) => Some(*size),
        Dim::Symbol(name) if symbols.contains_key(name.as_str()) => symbols.get(name.as_str()).copied(),
        _ => (axis == 0).then_some(1),
    };
    shape.iter().enumerate().map(size).collect()
}

/// Numbers spread evenly between 0 and 1: the fractions of multiples of the golden ratio.
///
/// Zeros would put every unit on its bend.
fn spread<T: Real>(shape: &[usize]) -> Result<Tensor<T>, Error> {
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    let len = size::count(shape).map_err(|error| Error::Graph(error.to_string()))?;
    Ok(Tensor::new(shape, (0..len).map(|i| T::of((i as f64 * GOLDEN).fract())).collect()))
}
