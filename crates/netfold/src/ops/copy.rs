//! `Identity`, `Dropout`, `Cast`, `CastLike`: the same elements, perhaps of another kind.

use netfold_linear::{Identity, Real};
use netfold_onnx::DType;

use super::facts::{ALL, BFLOAT16, BOOL, FLOATS, Facts, NUMBERS};
use super::{
    AfterLogits, At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, Record, only,
};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    match name {
        "Identity" => Facts::since(1, Class::Copy).makes_shapes().input("input", ALL.with(BFLOAT16, 13), ..),
        "Dropout" => Facts::since(1, Class::Copy)
            .int("seed", 12..)
            .float("ratio", ..12)
            .int("is_test", ..7)
            .ints("consumed_inputs", ..6)
            .input("data", FLOATS.with(BFLOAT16, 13), ..)
            .input("ratio", FLOATS.with(BFLOAT16, 22), 12..)
            .optional("ratio", ..)
            .own_type("ratio", ..)
            .input("training_mode", BOOL, 12..)
            .optional("training_mode", ..)
            .outputs(2, ..),
        "CastLike" => Facts::since(15, Class::Cast)
            .behind_logits(AfterLogits::Computes)
            .int("saturate", 19..)
            .string("round_mode", 24..)
            .input("input", ALL | BFLOAT16, ..)
            .input("target_type", ALL | BFLOAT16, ..)
            .own_type("target_type", ..),
        _ => Facts::since(1, Class::Cast)
            .makes_shapes()
            .string("to", ..6)
            .int("to", 6..)
            .required("to", ..)
            .int("saturate", 19..)
            .string("round_mode", 24..)
            .input("input", (NUMBERS | BOOL).with(ALL, 9).with(BFLOAT16, 13), ..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(match name {
        "Identity" => Copy::Identity,
        "Dropout" => {
            dropped(attributes)?;
            Copy::Dropout { outputs: attributes.outputs, opset: attributes.opset }
        }
        "CastLike" => Copy::CastLike(attributes.known(1).dtype),
        _ => Copy::Cast(target(attributes)?),
    }))
}

/// Refuses a `Dropout` that the file tells to be one in training, of which something is dropped.
fn dropped(attributes: &Attributes<'_>) -> Result<(), OpError> {
    let constant = |i: usize| attributes.known(i).constant.and_then(Value::<f64>::from_onnx);
    // Where no ratio is given it is a half.
    let (training, ratio) = if attributes.opset < 12 {
        let tested = attributes.opset >= 7 || attributes.int_or("is_test", 0)? != 0;
        (!tested, Some(attributes.float_or("ratio", 0.5)?))
    } else {
        let training = matches!(constant(2), Some(Value::Bool(training)) if training.data().contains(&true));
        let ratio = match constant(1) {
            Some(Value::Real(ratio)) => ratio.data().first().copied(),
            _ => (attributes.inputs < 2).then_some(0.5),
        };
        (training, ratio)
    };
    let word = if attributes.opset < 12 { "`is_test` is 0" } else { "`training_mode` is true" };
    match ratio {
        Some(ratio) if training && ratio != 0.0 => Err(in_training(word)),
        _ => Ok(()),
    }
}

fn in_training(word: &str) -> OpError {
    OpError::unsupported(format!("{word}: it drops elements at random"))
}

/// The element type that `Cast` goes to: a number, or a word in opset 1.
fn target(attributes: &Attributes<'_>) -> Result<DType, OpError> {
    let dtype = if attributes.opset < 6 {
        let word = attributes.string("to")?.unwrap_or_default().to_ascii_lowercase();
        (DType::all().find(|dtype| dtype.name() == word), word)
    } else {
        let code = attributes.int_or("to", 0)?;
        (i32::try_from(code).ok().and_then(DType::from_code), format!("number {code}"))
    };
    match dtype {
        (Some(dtype), _) if dtype != DType::String => Ok(dtype),
        (_, word) => Err(OpError::new(format!("a cast to type {word} is not supported"))),
    }
}

/// y = x. `Dropout` does nothing in inference (its mask is all true since opset 12, all false before, as in
/// onnxruntime); a `Cast` between float types is the identity, since all of them are
/// computed in the precision asked for.
///
/// A cast of something that depends on the network's input to integers or truth values cannot be frozen.
///
/// Source: ONNX `Identity`, `Dropout`, `Cast`, `CastLike`.
#[derive(Clone, Copy, Debug)]
enum Copy {
    Identity,
    Dropout {
        outputs: usize,
        opset: i64,
    },
    Cast(DType),
    /// The kind of input 1, where the file tells it.
    CastLike(Option<DType>),
}

fn is_real(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64 | DType::F16 | DType::BF16)
}

impl Operator for Copy {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let (from, shape) = (x.input(0)?.holds, x.shape(0)?.to_vec());
        let cast = |to: Holds| {
            let made = Extent::new(to, shape.clone());
            // Integers are made narrow one by one.
            if to == from && to != Holds::Ints { made.shared() } else { made }
        };
        Ok(match self {
            Self::Cast(to) if is_real(*to) => cast(Holds::Reals),
            Self::Cast(DType::Bool) => cast(Holds::Truths),
            Self::Cast(_) => cast(Holds::Ints),
            Self::CastLike(_) => cast(x.input(1)?.holds),
            Self::Dropout { outputs: 2.., opset } => {
                let mask = if *opset < 10 { Holds::Reals } else { Holds::Truths };
                Extent::new(from, shape.clone()).shared().and(mask, shape)
            }
            Self::Identity | Self::Dropout { .. } => Extent::new(from, shape).shared(),
        })
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        match (self, varies) {
            // Only the kind of input 1 is read.
            (Self::CastLike(None), [true, ..]) => Dependence::Varies,
            (Self::CastLike(Some(to)), [true, ..]) if is_real(*to) => Dependence::Varies,
            (Self::Cast(to), [true]) | (Self::CastLike(Some(to)), [true, ..]) if !is_real(*to) => {
                Dependence::Unsupported(format!("it casts what depends on the network's input to {to}"))
            }
            (Self::CastLike(_), _) => Dependence::Constant,
            _ => only(&[0], varies, &["input", "ratio", "training_mode"]),
        }
    }
}

/// The integer as a type of fewer bits holds it.
fn narrow(value: i64, to: DType) -> i64 {
    match to {
        DType::I8 => i64::from(value as i8),
        DType::I16 => i64::from(value as i16),
        DType::I32 => i64::from(value as i32),
        DType::U8 => i64::from(value as u8),
        DType::U16 => i64::from(value as u16),
        DType::U32 => i64::from(value as u32),
        _ => value,
    }
}

fn cast<T: Real>(x: &Value<T>, to: DType) -> Value<T> {
    match (x, to) {
        (Value::Real(x), to) if is_real(to) => Value::Real(x.clone()),
        (Value::Int(x), to) if is_real(to) => Value::Real(x.map(|&value| T::of(value as f64))),
        (Value::Bool(x), to) if is_real(to) => Value::Real(x.map(|&value| T::of(f64::from(u8::from(value))))),
        (Value::Real(x), DType::Bool) => Value::Bool(x.map(|&value| value != T::zero())),
        (Value::Int(x), DType::Bool) => Value::Bool(x.map(|&value| value != 0)),
        (Value::Bool(x), DType::Bool) => Value::Bool(x.clone()),
        (Value::Real(x), to) => Value::Int(x.map(|&value| narrow(value.wide() as i64, to))),
        (Value::Int(x), to) => Value::Int(x.map(|&value| narrow(value, to))),
        (Value::Bool(x), _) => Value::Int(x.map(|&value| i64::from(value))),
    }
}

impl<T: Real> Op<T> for Copy {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let from = x.value(0)?;
        Ok(match self {
            Self::Identity => vec![from.clone()],
            Self::Cast(to) => vec![cast(from, *to)],
            Self::CastLike(_) => vec![match x.value(1)? {
                Value::Real(_) => cast(from, DType::F64),
                Value::Int(_) => cast(from, DType::I64),
                Value::Bool(_) => cast(from, DType::Bool),
            }],
            Self::Dropout { outputs, opset } => {
                let training = matches!(x.get(2), Some(Value::Bool(training)) if training.data().contains(&true));
                let ratio = x.real_if(1)?.and_then(|ratio| ratio.data().first().copied());
                if training && ratio != Some(T::zero()) {
                    return Err(in_training("`training_mode` is true"));
                }
                let (shape, len) = (from.shape(), from.shape().iter().product());
                let mask = match opset {
                    ..10 => Value::Real(Tensor::new(shape, vec![T::zero(); len])),
                    10..12 => Value::Bool(Tensor::new(shape, vec![false; len])),
                    _ => Value::Bool(Tensor::new(shape, vec![true; len])),
                };
                [from.clone(), mask].into_iter().take(*outputs).collect()
            }
        })
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::both(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let x = at.inputs.real(0)?;
        match (self, at.inputs.get(1)) {
            // The mask is the same for every input.
            (Self::Dropout { opset, .. }, _) if at.output == 1 => {
                let kept = if *opset < 12 { T::zero() } else { T::one() };
                Ok(Affine::constant(&x.map(|_| kept)))
            }
            (Self::CastLike(_), Some(Value::Int(_) | Value::Bool(_))) => {
                Err(OpError::unsupported("it casts what depends on the network's input to integers or truth values"))
            }
            _ => Ok(Affine::linear(Identity::new(x.shape()))),
        }
    }
}
