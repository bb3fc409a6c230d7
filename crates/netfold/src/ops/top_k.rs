//! `TopK`, `ArgMax`, `ArgMin`, `Hardmax`: what the order along one axis decides.

use std::cmp::Ordering;

use netfold_linear::{Real, Select};

use super::facts::{BFLOAT16, FLOATS, Facts, INT64, NUMBERS};
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, Record, only, size};
use crate::affine::{Affine, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let facts = Facts::since(1, Class::Rank).int("axis", ..);
    match name {
        "TopK" => facts
            .int("k", ..10)
            .required("k", ..)
            .int("largest", 11..)
            .int("sorted", 11..)
            .input("X", FLOATS.with(NUMBERS, 11).with(BFLOAT16, 24), ..)
            .input("K", INT64, 10..)
            .outputs(2, ..),
        "Hardmax" => facts.input("input", FLOATS.with(BFLOAT16, 13), ..),
        _ => facts.int("keepdims", ..).int("select_last_index", 12..).input("data", NUMBERS.with(BFLOAT16, 13), ..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let flag = |name, default| attributes.int_or(name, default).map(|flag| flag != 0);
    let default = match (name, attributes.opset) {
        ("ArgMax" | "ArgMin", _) => 0,
        ("Hardmax", ..13) => 1,
        _ => -1,
    };
    let kind = match name {
        "TopK" => Kind::Top { k: attributes.int("k")? },
        "Hardmax" => Kind::OneHot { rest: attributes.opset < 13 },
        _ => Kind::Index { keep: flag("keepdims", 1)?, last: flag("select_last_index", 0)? },
    };
    let largest = if name == "TopK" { flag("largest", 1)? } else { name != "ArgMin" };
    Ok(Box::new(Ranks { kind, largest, axis: attributes.int_or("axis", default)? }))
}

/// The k largest (smallest) of x along an axis and where they stand (`TopK`), where the first or last of them stands
/// (`ArgMax`, `ArgMin`), or 1 where the first stands and 0 elsewhere (`Hardmax`). Among equals the first is ahead.
///
/// Frozen: the elements of the traced point pass; places do not change in the whole region, they are the offset.
///
/// Source: ONNX operators of the same names; k is an attribute before opset 10, `Hardmax` runs over all axes from the
/// given one on before opset 13.
#[derive(Clone, Debug)]
struct Ranks {
    kind: Kind,
    largest: bool,
    axis: i64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Top { k: Option<i64> },
    Index { keep: bool, last: bool },
    OneHot { rest: bool },
}

impl Operator for Ranks {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let (holds, Lines { n, winners, to, .. }) = (x.input(0)?.holds, self.lines(x)?);
        // Elements and places of the winners, twice, and the order of a line.
        let tables = 2.0 * winners * size_of::<(u32, i64)>() as f64 + (n * 2 * size_of::<usize>()) as f64;
        Ok(match self.kind {
            Kind::Top { .. } => Extent::new(holds, to.clone()).and(Holds::Ints, to),
            Kind::Index { .. } => Extent::new(Holds::Ints, to),
            Kind::OneHot { .. } => Extent::new(Holds::Reals, to),
        }
        .scratch(tables)
        .kept(winners * size_of::<u32>() as f64 + x.reals(winners)))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "count"])
    }
}

/// The winners of each line: shape of the result, elements of x, their places on the line.
struct Winners {
    shape: Vec<usize>,
    elements: Vec<u32>,
    places: Vec<i64>,
}

/// The lines that are put into order.
struct Lines {
    /// Places of a line.
    n: usize,
    /// How far apart they lie.
    inner: usize,
    /// How many of them win.
    k: usize,
    /// Winners of all lines.
    winners: f64,
    /// Shape of the result.
    to: Vec<usize>,
}

impl Ranks {
    fn lines(&self, x: &Outlines<'_>) -> Result<Lines, OpError> {
        let shape = x.shape(0)?;
        let axis = size::axis(self.axis, shape.len())?;
        let rest = matches!(self.kind, Kind::OneHot { rest: true });
        let n = if rest { shape[axis..].iter().product() } else { shape[axis] };
        let inner: usize = if rest { 1 } else { shape[axis + 1..].iter().product() };
        let k = match self.kind {
            Kind::Top { k } => {
                let k = match k {
                    Some(k) => k,
                    None => *x.ints(1)?.first().ok_or_else(|| OpError::new("the count is missing"))?,
                };
                let k = usize::try_from(k).ok().filter(|&k| k <= n);
                k.ok_or_else(|| OpError::new(format!("more are asked for than the {n} places of axis {axis}")))?
            }
            _ if n == 0 => return Err(OpError::new(format!("axis {axis} of {shape:?} has no places"))),
            _ => 1,
        };
        let mut to = shape.to_vec();
        match self.kind {
            Kind::Index { keep: false, .. } => drop(to.remove(axis)),
            Kind::OneHot { .. } => {}
            _ => to[axis] = k,
        }
        let winners = size::amount(shape) / n.max(1) as f64 * k as f64;
        Ok(Lines { n, inner, k, winners, to })
    }

    fn winners<T: Real, E: PartialOrd>(&self, x: &Inputs<'_, T>, values: &[E]) -> Result<Winners, OpError> {
        let Lines { n, inner, k, to, .. } = self.lines(&x.outlines())?;
        let outer = values.len().checked_div(n * inner).unwrap_or(0);
        let mut made = vec![(0, 0); outer * k * inner];
        let mut line: Vec<usize> = Vec::with_capacity(n);
        for start in 0..outer * inner {
            let (first, column) = (start / inner * n * inner + start % inner, start % inner);
            line.clear();
            line.extend(0..n);
            let value = |place: usize| &values[first + place * inner];
            let last = matches!(self.kind, Kind::Index { last: true, .. });
            line.sort_by(|&a, &b| {
                // NaN is ahead of every number.
                let none = |e: &E| e.partial_cmp(e).is_none();
                let order = value(b).partial_cmp(value(a)).unwrap_or_else(|| none(value(b)).cmp(&none(value(a))));
                let order = if self.largest { order } else { order.reverse() };
                if order == Ordering::Equal && last { b.cmp(&a) } else { order }
            });
            for (rank, &place) in line.iter().take(k).enumerate() {
                made[(start / inner * k + rank) * inner + column] = ((first + place * inner) as u32, place as i64);
            }
        }
        let (elements, places) = made.into_iter().unzip();
        Ok(Winners { shape: to, elements, places })
    }

    fn of<T: Real>(&self, x: &Inputs<'_, T>) -> Result<Winners, OpError> {
        match x.value(0)? {
            Value::Real(values) => self.winners(x, values.data()),
            Value::Int(values) => self.winners(x, values.data()),
            Value::Bool(_) => Err(OpError::new("numbers are expected, not truth values")),
        }
    }

    /// The places as numbers, or the one-hot lines.
    fn flat<T: Real>(&self, winners: &Winners) -> Tensor<T> {
        if let Kind::OneHot { .. } = self.kind {
            let mut y = vec![T::zero(); winners.shape.iter().product()];
            winners.elements.iter().for_each(|&element| y[element as usize] = T::one());
            return Tensor::new(&winners.shape, y);
        }
        Tensor::new(&winners.shape, winners.places.iter().map(|&place| T::of(place as f64)).collect())
    }
}

impl<T: Real> Op<T> for Ranks {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let winners = self.of(x)?;
        Ok(match self.kind {
            Kind::OneHot { .. } => vec![Value::Real(self.flat(&winners))],
            Kind::Index { .. } => vec![Value::Int(Tensor::new(&winners.shape, winners.places))],
            Kind::Top { .. } => vec![
                x.value(0)?.selected(&winners.shape, &winners.elements),
                Value::Int(Tensor::new(&winners.shape, winners.places)),
            ],
        })
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::both(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (x, winners) = (at.inputs.real(0)?, self.of(at.inputs)?);
        Ok(match (self.kind, at.output) {
            (Kind::Top { .. }, 0) => Affine::linear(Select::new(x.shape(), &winners.shape, winners.elements)),
            _ => Affine::constant(&self.flat(&winners)),
        }
        .valid(Validity::Region))
    }
}
