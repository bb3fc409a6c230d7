//! `Concat`.

use std::sync::Arc;

use netfold_linear::{Broadcast, Identity, Real, Run, Select, SharedMap, Transposed};

use super::facts::{ALL, BFLOAT16, FLOATS, Facts};
use super::{At, Attributes, Class, Extent, Inputs, Op, Operator, Outlines, Record, size};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(1, Class::Concat)
        .makes_shapes()
        .int("axis", ..)
        .required("axis", 4..)
        .inputs("inputs", FLOATS.with(ALL, 4).with(BFLOAT16, 13))
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let axis = match attributes.int("axis")? {
        Some(axis) => axis,
        None if attributes.opset < 4 => 1,
        None => return Err(OpError::new("attribute `axis` is missing")),
    };
    Ok(Box::new(Concat { axis }))
}

/// `y[.., first(i) + t, ..] = xᵢ[.., t, ..]` along one axis, first(i) being the sum of the sizes of the inputs before i.
///
/// Frozen: every input is put into its place, the transpose of picking it out of y.
///
/// Source: ONNX `Concat`.
#[derive(Clone, Debug)]
struct Concat {
    axis: i64,
}

impl Operator for Concat {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let (shape, axis, starts) = self.shape(x)?;
        let runs = size::amount(&shape[..axis]) * starts.len() as f64 * size_of::<Run>() as f64;
        let constant: f64 = (0..x.len()).filter(|&i| !x.moves(i)).map(|i| x.count(i)).sum();
        let offset = if constant > 0.0 { x.reals(size::amount(&shape)) } else { 0.0 };
        Ok(Extent::new(x.input(0)?.holds, shape).kept(runs + offset))
    }
}

impl Concat {
    /// Shape of y, the axis, and where each input begins along it.
    fn shape(&self, x: &Outlines<'_>) -> Result<(Vec<usize>, usize, Vec<usize>), OpError> {
        let first = x.shape(0)?;
        let axis = size::axis(self.axis, first.len())?;
        let (mut shape, mut starts) = (first.to_vec(), Vec::new());
        shape[axis] = 0;
        for i in 0..x.len() {
            let own = x.shape(i)?;
            let fits = own.len() == first.len() && (0..own.len()).all(|a| a == axis || own[a] == first[a]);
            if !fits {
                return Err(OpError::new(format!("{own:?} cannot be put beside {first:?} along axis {axis}")));
            }
            starts.push(shape[axis]);
            shape[axis] = shape[axis].saturating_add(own[axis]);
        }
        size::count(&shape)?;
        Ok((shape, axis, starts))
    }

    /// Shape of y, and for each input where its elements lie in y.
    fn places<T: Real>(&self, x: &Inputs<'_, T>) -> Result<(Vec<usize>, Vec<Select>), OpError> {
        let (shape, axis, starts) = self.shape(&x.outlines())?;
        // What lies behind each index of the axes before the joined one moves together.
        let (lines, whole) = (shape[..axis].iter().product::<usize>(), shape[axis..].iter().product::<usize>());
        let place = |(i, &start): (usize, &usize)| {
            let own = x.shape(i)?;
            let (start, len) =
                (start * shape[axis + 1..].iter().product::<usize>(), own[axis..].iter().product::<usize>());
            let run = |line: usize| Run { from: line * whole + start, to: line * len, len };
            Ok(Select::in_runs(&shape, own, (0..lines).map(run).collect()))
        };
        let places = starts.iter().enumerate().map(place).collect::<Result<_, OpError>>()?;
        Ok((shape, places))
    }
}

/// The parts' elements in their places among the first ones of `data`.
fn put<E: Copy + Send + Sync>(shape: &[usize], mut data: Vec<E>, parts: &[(&Tensor<E>, &Select)]) -> Tensor<E> {
    let len = shape.iter().product();
    parts.iter().for_each(|(part, places)| places.put(part.data(), &mut data[..len]));
    Tensor::shared(shape, Arc::new(data))
}

impl<T: Real> Op<T> for Concat {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let (shape, places) = self.places(x)?;
        macro_rules! whole {
            ($kind:ident, $data:expr) => {{
                let mut parts = Vec::new();
                for (i, places) in places.iter().enumerate() {
                    match x.value(i)? {
                        Value::$kind(part) => parts.push((part, places)),
                        other => return Err(OpError::new(format!("input {i} is {}, input 0 is not", other.kind()))),
                    }
                }
                Value::$kind(put(&shape, $data, &parts))
            }};
        }
        let len = shape.iter().product();
        Ok(vec![match x.value(0)? {
            // The parts make up the whole.
            Value::Real(_) => whole!(Real, T::pool().at_least(len)),
            Value::Int(_) => whole!(Int, vec![0; len]),
            Value::Bool(_) => whole!(Bool, vec![false; len]),
        }])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::both(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (shape, places) = self.places(at.inputs)?;
        let (mut terms, mut constants): (Vec<Option<SharedMap<T>>>, Vec<_>) = (Vec::new(), Vec::new());
        for (i, places) in places.iter().enumerate() {
            let own = at.inputs.shape(i)?;
            terms.push(if !at.varies.get(i).copied().unwrap_or(false) {
                constants.push((at.inputs.real(i)?, places));
                None
            } else if own == shape {
                Some(Arc::new(Identity::new(own)))
            } else {
                Some(Arc::new(Transposed(places.clone())))
            });
        }
        let affine = Affine::sum(&shape, terms);
        if constants.is_empty() {
            return Ok(affine);
        }
        let offset = put(&shape, vec![T::zero(); shape.iter().product()], &constants);
        Ok(affine.plus(Broadcast::full(&shape, offset.data().to_vec())))
    }
}
