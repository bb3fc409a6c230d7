//! Add, Sub, Mul, Div, Sum.

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Diagonal, Identity, Real, SharedMap};

use super::facts::{BFLOAT16, BYTES, FLOATS, Facts, SHORTS, WIDE};
use super::{At, Attributes, Class, Extent, Inputs, Op, Operator, Outlines, Record, broadcast, place, size};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let class = match name {
        "Add" | "Sum" => Class::Sum,
        "Sub" => Class::Difference,
        "Mul" => Class::Product,
        _ => Class::Quotient,
    };
    let facts = Facts::since(1, class);
    if name == "Sum" {
        return facts.inputs("data_0", FLOATS.with(BFLOAT16, 13)).ints("consumed_inputs", ..6);
    }
    let types = FLOATS.with(WIDE, 6).with(BFLOAT16, 13).with(SHORTS | BYTES, 14);
    let facts = facts.broadcast().ints("consumed_inputs", ..6).input("A", types.clone(), ..).input("B", types, ..);
    let facts = facts.makes_shapes();
    if let "Add" | "Sub" = name { facts.biases(&[0, 1]) } else { facts }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let kind = match name {
        "Add" | "Sum" => Kind::Add,
        "Sub" => Kind::Sub,
        "Mul" => Kind::Mul,
        _ => Kind::Div,
    };
    Ok(Box::new(Arithmetic { kind, axis: attributes.old_axis()? }))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Add,
    Sub,
    Mul,
    Div,
}

/// y = a ∘ b for broadcast a and b, with ∘ one of + − × ÷; `Sum` adds any number of inputs.
///
/// Frozen: sums are linear in each input, a product is linear in the factor that varies, a quotient in its dividend.
/// What is neither is exact at the traced a₀, b₀ and y₀ = a₀ ∘ b₀ only:
/// - `tangent`: a b ≈ a b₀ + a₀ b − y₀, a / b ≈ a / b₀ − y₀ b / b₀ + y₀; a divisor alone: −y₀ b / b₀ + 2 y₀, and so
///   under every rule, since 1 / b has no value at 0;
/// - `gate` and `half`: split evenly, a b ≈ (a b₀ + a₀ b) / 2, a / b ≈ (a / b₀ + y₀ b / b₀) / 2.
///
/// Source: ONNX `Add`, `Sub`, `Mul`, `Div`, `Sum`; before opset 7 the axes of b can be those of a from `axis` on.
#[derive(Clone, Copy, Debug)]
struct Arithmetic {
    kind: Kind,
    axis: Option<i64>,
}

impl Operator for Arithmetic {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let shapes = self.shapes(x)?;
        let shape = broadcast::common(shapes.iter().map(Vec::as_slice))?;
        let scratch = broadcast::tables(shapes.iter().map(Vec::as_slice), &shape, x.width);
        // The factors of what varies, or the constants that are added to it.
        let product = matches!(self.kind, Kind::Mul | Kind::Div);
        let kept: f64 = (0..x.len()).filter(|&i| product || !x.moves(i)).map(|i| x.count(i)).sum();
        let repeated = broadcast::repeated(x, 0..x.len(), &shape);
        Ok(Extent::new(x.input(0)?.holds, shape).scratch(scratch).kept(x.reals(kept) + repeated))
    }

    fn factors(&self) -> &[usize] {
        if let Kind::Mul | Kind::Div = self.kind { &[0, 1] } else { &[] }
    }
}

impl Kind {
    fn real<T: Real>(self, a: T, b: T) -> T {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
        }
    }

    fn int(self, a: i64, b: i64) -> Result<i64, OpError> {
        let result = match self {
            Self::Add => a.checked_add(b),
            Self::Sub => a.checked_sub(b),
            Self::Mul => a.checked_mul(b),
            Self::Div => a.checked_div(b),
        };
        result.ok_or_else(|| OpError::new(format!("integer overflow or division by zero with {a} and {b}")))
    }

    fn pair<T: Real>(self, a: &Value<T>, b: &Value<T>) -> Result<Value<T>, OpError> {
        Ok(match (a, b) {
            (Value::Real(a), Value::Real(b)) if a.shape() == b.shape() => {
                // A loop each, compiled for its operator.
                Value::Real(match self {
                    Self::Add => a.paired(b, |a, b| a + b),
                    Self::Sub => a.paired(b, |a, b| a - b),
                    Self::Mul => a.paired(b, |a, b| a * b),
                    Self::Div => a.paired(b, |a, b| a / b),
                })
            }
            (Value::Real(a), Value::Real(b)) => Value::Real(broadcast::zip(a, b, |a, b| Ok(self.real(a, b)))?),
            (Value::Int(a), Value::Int(b)) => Value::Int(broadcast::zip(a, b, |a, b| self.int(a, b))?),
            (a, b) => return Err(OpError::new(format!("cannot combine {} with {} values", a.kind(), b.kind()))),
        })
    }
}

impl Arithmetic {
    /// The shapes of the inputs, as they are broadcast.
    fn shapes(&self, x: &Outlines<'_>) -> Result<Vec<Vec<usize>>, OpError> {
        if self.kind != Kind::Add && x.len() != 2 {
            return Err(OpError::new(format!("{} inputs; two are expected", x.len())));
        }
        let mut shapes = (0..x.len()).map(|i| x.shape(i).map(<[usize]>::to_vec)).collect::<Result<Vec<_>, _>>()?;
        if let (Some(at), [a, b]) = (self.axis, shapes.as_mut_slice()) {
            let last = size::axis(at, a.len() + 1)? + b.len();
            b.extend(std::iter::repeat_n(1, a.len().saturating_sub(last)));
        }
        Ok(shapes)
    }
}

impl<T: Real> Op<T> for Arithmetic {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let shapes = self.shapes(&x.outlines())?;
        let mut result = x.value(0)?.reshaped(&shapes[0]);
        for (i, shape) in shapes.iter().enumerate().skip(1) {
            result = self.kind.pair(&result, &x.value(i)?.reshaped(shape))?;
        }
        Ok(vec![result])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        // Of two factors that vary one may be held, and a rule says how they share.
        let several = matches!(self.kind, Kind::Mul | Kind::Div) && varies.iter().filter(|&&varies| varies).count() > 1;
        if several { Ok(None) } else { Record::both(self, x, varies) }
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let shapes = self.shapes(&at.inputs.outlines())?;
        let shape = broadcast::common(shapes.iter().map(Vec::as_slice))?;
        let operand = |i: usize| -> Result<Tensor<T>, OpError> { Ok(at.inputs.real(i)?.reshaped(&shapes[i])) };
        let (mut terms, mut constants): (Vec<Option<SharedMap<T>>>, Vec<Tensor<T>>) = (Vec::new(), Vec::new());
        for (i, from) in shapes.iter().enumerate() {
            let negative = self.kind == Kind::Sub && i == 1;
            if !at.moves(i) {
                terms.push(None);
                if let Kind::Add | Kind::Sub = self.kind {
                    constants.push(operand(i)?.map(|&value| if negative { -value } else { value }));
                }
                continue;
            }
            let factor = match self.kind {
                Kind::Mul | Kind::Div => Some(self.factor(at, i, &operand(0)?, &operand(1)?, &shape)?),
                Kind::Add | Kind::Sub => negative.then(|| Broadcast::uniform(&shape, -T::one())),
            };
            terms.push(Some(term(at.inputs.shape(i)?, from, &shape, factor)));
        }
        let affine = Affine::sum(&shape, terms);
        if let Kind::Mul | Kind::Div = self.kind {
            let y = || broadcast::zip(&operand(0)?, &operand(1)?, |a, b| Ok(self.kind.real(a, b)));
            return Ok(match (self.kind, at.moves(0), at.moves(1), at.rule) {
                (_, true, true, Rule::Gate | Rule::Half) => affine.valid(Validity::Input),
                (Kind::Mul, true, true, Rule::Tangent) => {
                    affine.plus(broadcast::field(&y()?.map(|&y| -y), &shape)).valid(Validity::Input)
                }
                (Kind::Div, true, true, Rule::Tangent) => {
                    affine.plus(broadcast::field(&y()?, &shape)).valid(Validity::Input)
                }
                (Kind::Div, false, true, _) => {
                    affine.plus(broadcast::field(&y()?.map(|&y| y + y), &shape)).valid(Validity::Input)
                }
                _ => affine,
            });
        }
        let mut constants = constants.into_iter();
        let Some(first) = constants.next() else { return Ok(affine) };
        let sum = constants.try_fold(first, |sum, next| broadcast::zip(&sum, &next, |a, b| Ok(a + b)))?;
        Ok(affine.plus(broadcast::field(&sum, &shape)))
    }
}

impl Arithmetic {
    /// What factor `i` of a product or quotient is multiplied with.
    ///
    /// # Errors
    /// If it is not finite where both operands are.
    fn factor<T: Real>(
        &self,
        at: &At<'_, T>,
        i: usize,
        a: &Tensor<T>,
        b: &Tensor<T>,
        shape: &[usize],
    ) -> Result<Broadcast<T>, OpError> {
        let (both, one) = (at.moves(0) && at.moves(1), T::one());
        let share = if both && at.rule != Rule::Tangent { T::of(0.5) } else { one };
        let factor = match (self.kind, i) {
            (Kind::Mul, 0) => b.map(|&b| b * share),
            (Kind::Mul, _) => a.map(|&a| a * share),
            (_, 0) => b.map(|&b| one / b * share),
            // The divisor's share has the dividend's sign where both are split evenly, the slope's elsewhere.
            _ => {
                let share = if both && at.rule != Rule::Tangent { share } else { -one };
                broadcast::zip(a, b, |a, b| Ok(a / b / b * share))?
            }
        };
        let zero = || b.data().iter().position(T::is_zero);
        if self.kind == Kind::Div
            && factor.non_finite().is_some()
            && let Some(element) = zero()
        {
            return Err(OpError::new(format!("a divisor is 0: element {}", place(element, b.shape()))));
        }
        // Times an infinity y is infinite or no number: whoever reads it and gives something finite has a coefficient of 0.
        let factor = if factor.non_finite().is_some() {
            factor.map(|&factor| if factor.is_finite() { factor } else { T::zero() })
        } else {
            factor
        };
        Ok(broadcast::field(&factor, shape))
    }
}

/// Input of shape `own`, taken for shape `from`, repeated to `shape` and scaled.
fn term<T: Real>(own: &[usize], from: &[usize], shape: &[usize], factor: Option<Broadcast<T>>) -> SharedMap<T> {
    let mut map = broadcast::map(from, shape);
    if own != from {
        map = Arc::new(Chain::new(Arc::new(Identity::reshape(own, from)), map));
    }
    match factor {
        None => map,
        Some(factor) if own == shape => Arc::new(Diagonal::new(factor)),
        Some(factor) => Arc::new(Chain::new(map, Arc::new(Diagonal::new(factor)))),
    }
}
