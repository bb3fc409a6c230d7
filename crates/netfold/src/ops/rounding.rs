//! `Floor`, `Ceil`, `Round`, `Sign`, `Mod`: functions in steps.

use netfold_linear::{Broadcast, Diagonal, Real};

use super::facts::{BFLOAT16, FLOATS, Facts, NUMBERS};
use super::{At, Attributes, Class, Dependence, Extent, Inputs, Op, Operator, Outlines, broadcast, only, place, size};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;
use crate::value::Value;

pub(super) fn facts(name: &str) -> Facts {
    match name {
        "Floor" | "Ceil" => {
            Facts::since(1, Class::Steps).ints("consumed_inputs", ..6).input("X", FLOATS.with(BFLOAT16, 13), ..)
        }
        "Round" => Facts::since(11, Class::Steps).input("X", FLOATS.with(BFLOAT16, 22), ..),
        "Sign" => Facts::since(9, Class::Steps).input("input", NUMBERS.with(BFLOAT16, 13), ..),
        _ => {
            let types = NUMBERS.with(BFLOAT16, 13);
            Facts::since(10, Class::Steps).int("fmod", ..).input("A", types.clone(), ..).input("B", types, ..)
        }
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(match name {
        "Floor" => Steps::Floor,
        "Ceil" => Steps::Ceil,
        "Round" => Steps::Round,
        "Sign" => Steps::Sign,
        _ => Steps::Mod { like_dividend: attributes.int_or("fmod", 0)? != 0 },
    }))
}

/// y = ⌊z⌋, ⌈z⌉, the nearest integer (the even one on a tie), −1, 0 or 1 by sign, or the remainder of a / b with the
/// sign of b (of a with `fmod`).
///
/// Frozen: these are flat between their steps, so that the rules differ more than elsewhere.
/// - `tangent`: the slope is 0 and the value constant, in the region between two steps;
/// - `gate` and `half`: the secant through 0, slope y / z, at z = 0 zero (at an infinite z too, with offset y); exact at the traced z.
///
/// A remainder by a constant is a − b ⌊a / b⌋ with the quotient held: slope 1 in the region between two jumps.
///
/// Source: ONNX `Floor`, `Ceil`, `Round`, `Sign`, `Mod`.
#[derive(Clone, Copy, Debug)]
enum Steps {
    Floor,
    Ceil,
    Round,
    Sign,
    Mod { like_dividend: bool },
}

impl Operator for Steps {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let Self::Mod { .. } = self else { return Extent::like(x, 0) };
        let shapes = [x.shape(0)?, x.shape(1)?];
        let shape = broadcast::common(shapes)?;
        let (tables, made) = (broadcast::tables(shapes, &shape, size_of::<i64>()), x.reals(size::amount(&shape)));
        Ok(Extent::new(x.input(0)?.holds, shape).scratch(tables).frozen(made))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "divisor"])
    }
}

impl Steps {
    fn real<T: Real>(self, z: T) -> T {
        match self {
            Self::Floor => z.floor(),
            Self::Ceil => z.ceil(),
            Self::Round => T::of(z.wide().round_ties_even()),
            _ if z > T::zero() => T::one(),
            _ if z < T::zero() => -T::one(),
            _ => z,
        }
    }
}

impl<T: Real> Op<T> for Steps {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        Ok(vec![match (self, x.value(0)?, x.get(1)) {
            (Self::Mod { like_dividend }, Value::Int(a), Some(Value::Int(b))) => {
                Value::Int(broadcast::zip(a, b, |a, b| match a.checked_rem(b) {
                    None if b == 0 => Err(OpError::new("a remainder of a division by zero")),
                    None => Ok(0),
                    Some(rest) if !like_dividend && rest != 0 && (rest < 0) != (b < 0) => Ok(rest + b),
                    Some(rest) => Ok(rest),
                })?)
            }
            (Self::Mod { like_dividend }, Value::Real(a), Some(Value::Real(b))) => {
                Value::Real(broadcast::zip(a, b, |a, b| {
                    let rest = a % b;
                    let turn = !like_dividend && rest != T::zero() && (rest < T::zero()) != (b < T::zero());
                    Ok(if turn { rest + b } else { rest })
                })?)
            }
            (Self::Mod { .. }, _, _) => return Err(OpError::new("two inputs of one kind of number are expected")),
            (_, Value::Real(z), _) => Value::Real(z.map(|&z| self.real(z))),
            (Self::Sign, Value::Int(z), _) => Value::Int(z.map(|z| z.signum())),
            (_, other, _) => return Err(OpError::new(format!("floating point is expected, not {}", other.kind()))),
        }])
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let z = at.inputs.real(0)?;
        let made = self.forward(at.inputs)?;
        let Some(Value::Real(y)) = made.first() else { return Err(OpError::new("floating point is expected")) };
        if let Self::Mod { .. } = self {
            let spread = broadcast::tensor(z, y.shape());
            let quotients = y.data().iter().zip(spread.data()).map(|(&y, &z)| y - z).collect();
            let map = broadcast::map(z.shape(), y.shape());
            let affine = Affine::sum(y.shape(), vec![Some(map)]).plus(Broadcast::full(y.shape(), quotients));
            return Ok(affine.valid(Validity::Region));
        }
        if at.rule == Rule::Tangent {
            return Ok(Affine::constant(y).valid(Validity::Region));
        }
        let slope = |(&y, &z): (&T, &T)| if z.is_zero() || z.is_infinite() { T::zero() } else { y / z };
        let slopes: Vec<T> = y.data().iter().zip(z.data()).map(slope).collect();
        if let Some(i) = slopes.iter().position(|slope| !slope.is_finite()) {
            let at = place(i, z.shape());
            return Err(OpError::new(format!("no finite secant at {}, element {at}", z.data()[i])));
        }
        let affine = Affine::linear(Diagonal::new(Broadcast::full(z.shape(), slopes))).valid(Validity::Input);
        if z.data().iter().any(|z| z.is_infinite()) {
            let offset = |(&y, &z): (&T, &T)| if z.is_infinite() { y } else { T::zero() };
            return Ok(affine.plus(Broadcast::full(z.shape(), y.data().iter().zip(z.data()).map(offset).collect())));
        }
        Ok(affine)
    }
}
