//! `ScatterElements`, `ScatterND`, `Scatter`: elements put in places that constant indices name.

use std::sync::Arc;

use netfold_linear::{Broadcast, Identity, Mask, Real, Select, SharedMap, Support, Transposed};

use super::facts::{ALL, BFLOAT16, Facts, INDICES, INT64};
use super::gather::{along, firsts};
use super::{At, Attributes, Class, Dependence, Extent, Inputs, Op, Operator, Outlines};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let types = ALL.with(BFLOAT16, 13);
    let (facts, indices) = match name {
        "ScatterElements" => (Facts::since(11, Class::Scatter).int("axis", ..).string("reduction", 16..), INDICES),
        "ScatterND" => (Facts::since(11, Class::Scatter).string("reduction", 16..), INT64),
        _ => (Facts::within(9..11, Class::Scatter).int("axis", ..), INDICES),
    };
    facts.input("data", types.clone(), ..).input("indices", indices, ..).input("updates", types, ..)
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let reduction = match attributes.string("reduction")?.unwrap_or("none") {
        "none" => Reduction::Last,
        "add" => Reduction::Add,
        "mul" => Reduction::Mul,
        "max" => Reduction::Max,
        "min" => Reduction::Min,
        other => return Err(OpError::new(format!("reduction `{other}` is not known"))),
    };
    let axis = if name == "ScatterND" { None } else { Some(attributes.int_or("axis", 0)?) };
    Ok(Box::new(Scatter { axis, reduction }))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reduction {
    Last,
    Add,
    Mul,
    Max,
    Min,
}

/// y = data, but at the places that indices name the updates: in their stead, the last one where a place is named
/// several times, or added to them (`reduction`).
///
/// Frozen: data pass where nothing was put, updates go to their places, the transpose of picking them out of y.
/// Products and extremes of what depends on the network's input are refused.
///
/// Source: ONNX `ScatterElements`, `ScatterND`, `Scatter` (opsets 9 and 10).
#[derive(Clone, Debug)]
struct Scatter {
    /// The axis that the indices count along; `None`: they name whole places.
    axis: Option<i64>,
    reduction: Reduction,
}

impl Operator for Scatter {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let (data, updates) = (x.count(0), x.count(2));
        let tables = updates * (2 * size_of::<u32>() + size_of::<usize>()) as f64;
        Ok(Extent::like(x, 0)?.scratch(tables).frozen((data + updates) * size_of::<u32>() as f64))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        match varies {
            [_, true, ..] => Dependence::Unsupported("its `indices` depend on the network's input".into()),
            _ if !varies.contains(&true) => Dependence::Constant,
            _ if matches!(self.reduction, Reduction::Last | Reduction::Add) => Dependence::Varies,
            _ => Dependence::Unsupported("it multiplies or compares what depends on the network's input".into()),
        }
    }
}

impl Scatter {
    /// For each update the element of y that it goes to.
    fn places<T: Real>(&self, x: &Inputs<'_, T>) -> Result<Vec<u32>, OpError> {
        let (data, indices, updates) = (x.shape(0)?, x.ints(1)?, x.shape(2)?);
        let refuse = || OpError::new(format!("updates {updates:?} for indices {:?}", indices.shape()));
        if let Some(axis) = self.axis {
            if updates != indices.shape() {
                return Err(refuse());
            }
            return along(data, axis, indices.shape(), indices.data());
        }
        let firsts = firsts(data, 0, indices.shape(), indices.data())?;
        let depth = indices.shape().last().copied().unwrap_or(0);
        let rest = &data[depth..];
        if updates != [&indices.shape()[..indices.shape().len() - 1], rest].concat() {
            return Err(refuse());
        }
        let slice: usize = rest.iter().product();
        Ok(firsts.iter().flat_map(|&first| (0..slice).map(move |i| (first + i) as u32)).collect())
    }

    /// For each element of y the last update that goes to it.
    fn last(places: &[u32], len: usize) -> Vec<u32> {
        let mut last = vec![Select::NONE; len];
        places.iter().zip(0..).for_each(|(&place, update)| last[place as usize] = update);
        last
    }

    fn put<E: Copy>(
        places: &[u32],
        data: &Tensor<E>,
        updates: &Tensor<E>,
        join: impl Fn(E, E) -> Result<E, OpError>,
    ) -> Result<Tensor<E>, OpError> {
        let mut y = data.data().to_vec();
        for (&place, &update) in places.iter().zip(updates.data()) {
            y[place as usize] = join(y[place as usize], update)?;
        }
        Ok(Tensor::new(data.shape(), y))
    }
}

impl<T: Real> Op<T> for Scatter {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let places = self.places(x)?;
        let overflow = || OpError::new("the result is beyond the integers of 64 bits");
        let refuse = || OpError::new("truth values are put, not computed with");
        Ok(vec![match (x.value(0)?, x.value(2)?) {
            (Value::Real(data), Value::Real(updates)) => Value::Real(Self::put(&places, data, updates, |old, new| {
                Ok(match self.reduction {
                    Reduction::Last => new,
                    Reduction::Add => old + new,
                    Reduction::Mul => old * new,
                    Reduction::Max => old.max(new),
                    Reduction::Min => old.min(new),
                })
            })?),
            (Value::Int(data), Value::Int(updates)) => {
                Value::Int(Self::put(&places, data, updates, |old, new| match self.reduction {
                    Reduction::Last => Ok(new),
                    Reduction::Add => old.checked_add(new).ok_or_else(overflow),
                    Reduction::Mul => old.checked_mul(new).ok_or_else(overflow),
                    Reduction::Max => Ok(old.max(new)),
                    Reduction::Min => Ok(old.min(new)),
                })?)
            }
            (Value::Bool(data), Value::Bool(updates)) => Value::Bool(Self::put(&places, data, updates, |_, new| {
                if self.reduction == Reduction::Last { Ok(new) } else { Err(refuse()) }
            })?),
            (a, b) => return Err(OpError::new(format!("{} updates of {} values", b.kind(), a.kind()))),
        }])
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let places = self.places(at.inputs)?;
        let (data, updates) = (at.inputs.real(0)?, at.inputs.real(2)?);
        let shape = data.shape();
        let last = Self::last(&places, data.len());
        let adds = self.reduction == Reduction::Add;
        // An update that another one overwrites goes nowhere.
        let counts = |update: usize| adds || last[places[update] as usize] as usize == update;
        let varies = |i: usize| at.varies.get(i) == Some(&true);
        let (mut terms, mut offset): (Vec<Option<SharedMap<T>>>, _) = (vec![None; 3], vec![T::zero(); data.len()]);
        if varies(0) {
            terms[0] = Some(if adds {
                Arc::new(Identity::new(shape))
            } else {
                Arc::new(Mask::new(Support::from_fn(shape, |element| last[element] == Select::NONE)))
            });
        } else {
            for (element, value) in offset.iter_mut().enumerate().filter(|&(e, _)| adds || last[e] == Select::NONE) {
                *value = data.data()[element];
            }
        }
        if varies(2) {
            let target = |update: usize| if counts(update) { places[update] } else { Select::NONE };
            let pick = Select::new(shape, updates.shape(), (0..updates.len()).map(target).collect());
            terms[2] = Some(Arc::new(Transposed(pick)));
        } else {
            for update in (0..updates.len()).filter(|&update| counts(update)) {
                offset[places[update] as usize] += updates.data()[update];
            }
        }
        let affine = Affine::sum(shape, terms);
        Ok(if offset.iter().all(T::is_zero) { affine } else { affine.plus(Broadcast::full(shape, offset)) })
    }
}
