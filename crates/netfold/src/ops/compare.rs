//! `Equal`, `Greater`, `GreaterOrEqual`, `Less`, `LessOrEqual`, `And`, `Or`, `Xor`, `Not`, `IsNaN`, `IsInf`: conditions.

use netfold_linear::Real;

use super::facts::{ALL, BFLOAT16, BOOL, DOUBLE, FLOAT, FLOAT16, FLOATS, Facts, INDICES, NUMBERS, Types};
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, broadcast, only};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let two = |facts: Facts, types: Types| facts.input("A", types.clone(), ..).input("B", types, ..);
    match name {
        "Equal" => {
            let types = (INDICES | BOOL).with(NUMBERS, 11).with(BFLOAT16, 13).with(ALL, 19);
            two(Facts::since(1, Class::Compare).broadcast(), types)
        }
        "Greater" | "Less" => {
            two(Facts::since(1, Class::Compare).broadcast(), FLOATS.with(NUMBERS, 9).with(BFLOAT16, 13))
        }
        "GreaterOrEqual" | "LessOrEqual" => two(Facts::since(12, Class::Compare), NUMBERS.with(BFLOAT16, 16)),
        "And" | "Or" | "Xor" => two(Facts::since(1, Class::Compare).broadcast(), BOOL.into()),
        "IsNaN" => Facts::since(9, Class::Compare).input("X", FLOATS.with(BFLOAT16, 13), ..),
        "IsInf" => Facts::since(10, Class::Compare).int("detect_negative", ..).int("detect_positive", ..).input(
            "X",
            (FLOAT | DOUBLE).with(FLOAT16 | BFLOAT16, 20),
            ..,
        ),
        _ => Facts::since(1, Class::Compare).input("X", BOOL, ..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    if attributes.old_axis()?.is_some() {
        return Err(OpError::new("attribute `axis` of old operator sets is not supported"));
    }
    Ok(Box::new(match name {
        "Equal" => Condition::Equal,
        "Greater" => Condition::Greater,
        "GreaterOrEqual" => Condition::GreaterOrEqual,
        "Less" => Condition::Less,
        "LessOrEqual" => Condition::LessOrEqual,
        "And" => Condition::And,
        "Or" => Condition::Or,
        "Xor" => Condition::Xor,
        "IsNaN" => Condition::IsNaN,
        "IsInf" => Condition::IsInf {
            below: attributes.int_or("detect_negative", 1)? != 0,
            above: attributes.int_or("detect_positive", 1)? != 0,
        },
        _ => Condition::Not,
    }))
}

/// y = whether a = b, a > b, a ≥ b, a < b, a ≤ b; a and b, a or b, either of them, not a; a and b broadcast; whether a is no
/// number, or infinite (below or above zero).
///
/// Constants only: a condition on the network's input is flat almost everywhere.
///
/// Source: ONNX operators of the same names.
#[derive(Clone, Copy, Debug)]
enum Condition {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    And,
    Or,
    Xor,
    Not,
    IsNaN,
    IsInf { below: bool, above: bool },
}

impl Operator for Condition {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let shapes = (0..x.len().min(2)).filter_map(|i| x.get(i)).map(|input| input.shape);
        let shape = broadcast::common(shapes.clone())?;
        let tables = broadcast::tables(shapes, &shape, size_of::<i64>());
        Ok(Extent::new(Holds::Truths, shape).scratch(tables))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[], varies, &["input", "input"])
    }
}

impl Condition {
    fn holds<E: PartialOrd>(self, a: &E, b: &E) -> Result<bool, OpError> {
        Ok(match self {
            Self::Equal => a == b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            _ => return Err(OpError::new("truth values are expected, not numbers")),
        })
    }

    fn of_truths(self, a: bool, b: bool) -> Result<bool, OpError> {
        match self {
            Self::And => Ok(a && b),
            Self::Or => Ok(a || b),
            Self::Xor => Ok(a != b),
            _ => self.holds(&a, &b),
        }
    }
}

impl<T: Real> Op<T> for Condition {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let y: Tensor<bool> = match (self, x.value(0)?, x.get(1)) {
            (Self::Not, Value::Bool(a), None) => a.map(|&a| !a),
            (Self::IsNaN, Value::Real(a), None) => a.map(|a| a.is_nan()),
            (Self::IsInf { below, above }, Value::Real(a), None) => {
                a.map(|a| a.is_infinite() && if a.is_sign_negative() { *below } else { *above })
            }
            (_, Value::Real(a), Some(Value::Real(b))) => broadcast::zip(a, b, |a, b| self.holds(&a, &b))?,
            (_, Value::Int(a), Some(Value::Int(b))) => broadcast::zip(a, b, |a, b| self.holds(&a, &b))?,
            (_, Value::Bool(a), Some(Value::Bool(b))) => broadcast::zip(a, b, |a, b| self.of_truths(a, b))?,
            (_, a, b) => {
                let other = b.map_or("nothing", |b| b.kind());
                return Err(OpError::new(format!("cannot compare {} with {other}", a.kind())));
            }
        };
        Ok(vec![Value::Bool(y)])
    }

    fn freeze(&self, _: &At<'_, T>) -> Result<Affine<T>, OpError> {
        Err(OpError::unsupported("a condition cannot be frozen"))
    }
}
