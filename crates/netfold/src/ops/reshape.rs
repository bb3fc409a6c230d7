//! Reshape, Flatten, Squeeze, Unsqueeze: the same elements under another shape.

use netfold_linear::Real;

use super::facts::{ALL, BFLOAT16, FLOATS, Facts, INT64};
use super::{At, Attributes, Class, Dependence, Extent, Inputs, Op, Operator, Outlines, Record, only, size};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::Value;

pub(super) fn facts(name: &str) -> Facts {
    let axes = || {
        let facts = Facts::since(1, Class::Squeeze).makes_shapes().ints("axes", ..13);
        facts.input("data", ALL.with(BFLOAT16, 13), ..).input("axes", INT64, 13..)
    };
    match name {
        "Reshape" => Facts::since(1, Class::Reshape)
            .makes_shapes()
            .ints("shape", ..5)
            .ints("consumed_inputs", ..5)
            .int("allowzero", 14..)
            .input("data", FLOATS.with(ALL, 5).with(BFLOAT16, 13), ..)
            .input("shape", INT64, 5..),
        "Flatten" => {
            Facts::since(1, Class::Reshape).int("axis", ..).input("input", FLOATS.with(ALL, 9).with(BFLOAT16, 13), ..)
        }
        "Squeeze" => axes().optional("axes", ..),
        _ => axes().required("axes", ..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let list = |name| attributes.ints(name).map(|ints| ints.map(<[i64]>::to_vec));
    Ok(Box::new(match name {
        "Reshape" => Reshape::To { shape: list("shape")?, zero_is_zero: attributes.int_or("allowzero", 0)? != 0 },
        "Flatten" => Reshape::Flatten(attributes.int_or("axis", 1)?),
        "Squeeze" => Reshape::Squeeze(list("axes")?),
        _ => Reshape::Unsqueeze(list("axes")?),
    }))
}

/// y = x under another shape.
///
/// Source: ONNX `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`; shape and axes are attributes in old opsets, input 1 in
/// new ones.
#[derive(Clone, Debug)]
enum Reshape {
    To { shape: Option<Vec<i64>>, zero_is_zero: bool },
    Flatten(i64),
    Squeeze(Option<Vec<i64>>),
    Unsqueeze(Option<Vec<i64>>),
}

impl Operator for Reshape {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        Ok(Extent::new(x.input(0)?.holds, self.target(x)?).shared())
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "shape"])
    }
}

impl Reshape {
    fn target(&self, x: &Outlines<'_>) -> Result<Vec<usize>, OpError> {
        let from = x.shape(0)?;
        let list = |own: &Option<Vec<i64>>| -> Result<Option<Vec<i64>>, OpError> {
            Ok(match own {
                Some(own) => Some(own.clone()),
                None => x.ints_if(1)?.map(<[i64]>::to_vec),
            })
        };
        let to = match self {
            Self::To { shape, zero_is_zero } => {
                let shape = list(shape)?.ok_or_else(|| OpError::new("the new shape is missing"))?;
                resolve(from, &shape, *zero_is_zero)?
            }
            Self::Flatten(at) => {
                let at = if *at == from.len() as i64 { from.len() } else { size::axis(*at, from.len())? };
                vec![from[..at].iter().product(), from[at..].iter().product()]
            }
            Self::Squeeze(axes) => match list(axes)? {
                None => from.iter().copied().filter(|&size| size != 1).collect(),
                Some(axes) => {
                    let drop = size::axes(&axes, from.len())?;
                    if let Some(&bad) = drop.iter().find(|&&a| from[a] != 1) {
                        return Err(OpError::new(format!("axis {bad} of {from:?} is not 1, it cannot be squeezed")));
                    }
                    (0..from.len()).filter(|a| !drop.contains(a)).map(|a| from[a]).collect()
                }
            },
            Self::Unsqueeze(axes) => {
                let list = list(axes)?.ok_or_else(|| OpError::new("the axes are missing"))?;
                let rank = from.len() + list.len();
                let new = size::axes(&list, rank)?;
                let mut old = from.iter();
                (0..rank).map(|a| if new.contains(&a) { 1 } else { old.next().copied().unwrap_or(1) }).collect()
            }
        };
        let len = |shape: &[usize]| shape.iter().try_fold(1_usize, |len, &size| len.checked_mul(size));
        if len(&to) == len(from) { Ok(to) } else { Err(OpError::new(format!("{from:?} cannot be reshaped to {to:?}"))) }
    }
}

/// The shape that `wanted` means: −1 takes what is left, 0 keeps the size (unless zero means zero).
fn resolve(from: &[usize], wanted: &[i64], zero_is_zero: bool) -> Result<Vec<usize>, OpError> {
    let refuse = || OpError::new(format!("{from:?} cannot be reshaped to {wanted:?}"));
    let mut to = Vec::with_capacity(wanted.len());
    for (i, &size) in wanted.iter().enumerate() {
        to.push(match size {
            -1 => 1,
            0 if !zero_is_zero => *from.get(i).ok_or_else(refuse)?,
            size => usize::try_from(size).map_err(|_| refuse())?,
        });
    }
    if let Some(free) = wanted.iter().position(|&size| size == -1) {
        let known = to.iter().try_fold(1_usize, |len, &size| len.checked_mul(size)).ok_or_else(refuse)?;
        let len: usize = from.iter().product();
        to[free] = len.checked_div(known).unwrap_or(0);
    }
    Ok(to)
}

impl<T: Real> Op<T> for Reshape {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        Ok(vec![x.value(0)?.reshaped(&self.target(&x.outlines())?)])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::both(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        Ok(Affine::reshape(at.inputs.shape(0)?, &self.target(&at.inputs.outlines())?))
    }
}
