//! `ReduceSum`, `ReduceMean`, `ReduceMax`, `ReduceMin`, `GlobalAveragePool`, `GlobalMaxPool` and the norms and products
//! (`ReduceL1`, `ReduceL2`, `ReduceSumSquare`, `ReduceLogSum`, `ReduceLogSumExp`, `ReduceProd`): whole axes at once.

mod curved;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use netfold_linear::{Broadcast, Chain, Diagonal, Real, Reduction, Select, Transposed};

use super::facts::{BFLOAT16, BOOL, BYTES, FLOATS, Facts, INT64, WIDE};
use super::min_max::is_nan;
use super::movement::{strides, walk};
use super::{
    At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, Record, Role, only, size,
};
use crate::affine::{Affine, Border, Constraints, Validity, Winner};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let facts = match name {
        "ReduceMax" | "ReduceMin" | "GlobalMaxPool" => Facts::since(1, Class::Extreme),
        "ReduceSum" | "ReduceMean" | "GlobalAveragePool" => Facts::since(1, Class::Reduce),
        _ => Facts::since(1, Class::Reduce).gives(Role::Statistic),
    };
    if name.starts_with("Global") {
        return facts.input("X", FLOATS.with(BFLOAT16, 22), ..);
    }
    let numbers = (FLOATS | WIDE).with(BFLOAT16, 13);
    let types = match name {
        "ReduceMax" | "ReduceMin" => (FLOATS | WIDE).with(BYTES, 12).with(BFLOAT16, 13).with(BOOL, 20),
        "ReduceLogSum" | "ReduceLogSumExp" => numbers.then(FLOATS | BFLOAT16, 28),
        _ => numbers,
    };
    // From this set on the axes are an input.
    let input = if name == "ReduceSum" { 13 } else { 18 };
    facts
        .int("keepdims", ..)
        .ints("axes", ..input)
        .int("noop_with_empty_axes", input..)
        .input("data", types, ..)
        .input("axes", INT64, input..)
        .optional("axes", ..)
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let kind = match name {
        "ReduceSum" => Kind::Sum,
        "ReduceMean" | "GlobalAveragePool" => Kind::Mean,
        "ReduceMax" | "GlobalMaxPool" => Kind::Max,
        "ReduceMin" => Kind::Min,
        "ReduceL1" => Kind::L1,
        "ReduceL2" => Kind::L2,
        "ReduceSumSquare" => Kind::Squares,
        "ReduceLogSum" => Kind::LogSum,
        "ReduceLogSumExp" => Kind::LogSumExp,
        _ => Kind::Prod,
    };
    let axes = if name.starts_with("Global") {
        Axes::Spatial
    } else if attributes.int_or("noop_with_empty_axes", 0)? != 0 {
        Axes::NamedOrNone(attributes.ints("axes")?.map(<[i64]>::to_vec))
    } else {
        Axes::NamedOrAll(attributes.ints("axes")?.map(<[i64]>::to_vec))
    };
    Ok(Box::new(Reduce { kind, axes, keep: attributes.int_or("keepdims", 1)? != 0 }))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Sum,
    Mean,
    Max,
    Min,
    Prod,
    L1,
    L2,
    Squares,
    LogSum,
    LogSumExp,
}

#[derive(Clone, Debug)]
enum Axes {
    /// All behind batch and channel.
    Spatial,
    /// Those of the attribute or of input 1; all if there are none.
    NamedOrAll(Option<Vec<i64>>),
    /// Those of the attribute or of input 1; none if there are none.
    NamedOrNone(Option<Vec<i64>>),
}

/// y = the sum, mean, largest, smallest or product of x over some axes, Σ|x|, √Σx², Σx², ln Σx or ln Σ exp(x); these
/// axes have size one in y, or are missing without `keepdims`.
///
/// Frozen: a sum or mean is linear; of the largest or smallest the first winner at the traced point passes; Σ|x| passes
/// by sign. The others are exact at the traced x₀ and y₀ only:
/// - √Σx²: slopes x₀ / y₀, or 0 at y₀ = 0, under every rule;
/// - Σx²: `tangent` slopes 2 x₀, offset −y₀; else slopes x₀;
/// - a product of n: slopes the products p of the other factors, offset −(n − 1) y₀; else slopes p / n;
/// - ln Σx: slopes 1 / Σx₀, and ln Σ exp(x): slopes softmax(x₀), offset what is missing, under every rule.
///
/// Axes are an attribute in old opsets, input 1 since 13 (`ReduceSum`) or 18.
///
/// Source: ONNX operators of the same names.
#[derive(Clone, Debug)]
struct Reduce {
    kind: Kind,
    axes: Axes,
    keep: bool,
}

impl Operator for Reduce {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let (holds, groups) = (x.input(0)?.holds, self.groups(x)?);
        let simple = matches!(self.kind, Kind::Sum | Kind::Mean) && (groups.size == 1 || groups.axes().is_some());
        // Which element goes where.
        let targets = if simple && holds == Holds::Reals { 0.0 } else { x.count(0) * size_of::<u32>() as f64 };
        let made = Extent::new(holds, groups.shape).kept(targets).scratch(targets);
        // A sum is frozen as it is computed, all else with a slope for each element.
        Ok(if let Kind::Sum | Kind::Mean = self.kind { made } else { made.frozen(x.reals(2.0 * x.count(0))) })
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "axes"])
    }
}

/// What a reduction goes over.
struct Groups {
    /// x, and how far apart the elements of y lie that neighbours along its axes go into.
    from: Vec<usize>,
    steps: Vec<usize>,
    /// y
    shape: Vec<usize>,
    /// How many elements of x go into one of y.
    size: usize,
    target: OnceLock<Vec<u32>>,
}

impl Groups {
    fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// For each element of x the element of y that it goes into.
    fn target(&self) -> &[u32] {
        self.target.get_or_init(|| walk(0, &self.from, &self.steps))
    }

    /// The axes that are summed, where they lie side by side.
    fn axes(&self) -> Option<Range<usize>> {
        let summed = |&axis: &usize| self.from[axis] != 1 && self.steps[axis] == 0;
        let mut axes = (0..self.from.len()).filter(summed);
        let first = axes.next()?;
        let range = first..axes.next_back().unwrap_or(first) + 1;
        range.clone().all(|axis| self.steps[axis] == 0).then_some(range)
    }
}

impl Reduce {
    fn groups(&self, x: &Outlines<'_>) -> Result<Groups, OpError> {
        let from = x.shape(0)?;
        let named = |own: &Option<Vec<i64>>| -> Result<Vec<usize>, OpError> {
            match (own, x.ints_if(1)?) {
                (Some(own), _) => size::axes(own, from.len()),
                (None, Some(axes)) => size::axes(axes, from.len()),
                (None, None) => Ok(Vec::new()),
            }
        };
        let axes = match &self.axes {
            Axes::Spatial if from.len() < 2 => {
                return Err(OpError::new(format!("{from:?} has no batch and channel axes")));
            }
            Axes::Spatial => (2..from.len()).collect(),
            Axes::NamedOrNone(own) => named(own)?,
            Axes::NamedOrAll(own) => Some(named(own)?).filter(|a| !a.is_empty()).unwrap_or((0..from.len()).collect()),
        };
        let kept: Vec<usize> = (0..from.len()).map(|a| if axes.contains(&a) { 1 } else { from[a] }).collect();
        let steps: Vec<usize> =
            strides(&kept).iter().enumerate().map(|(a, &s)| if axes.contains(&a) { 0 } else { s }).collect();
        let shape =
            if self.keep { kept } else { (0..from.len()).filter(|a| !axes.contains(a)).map(|a| from[a]).collect() };
        let size = axes.iter().map(|&a| from[a]).product();
        Ok(Groups { from: from.to_vec(), steps, shape, size, target: OnceLock::new() })
    }

    /// For each element of y the first element of x that is the largest (smallest); `NONE` of an empty group.
    fn winners<E: PartialOrd>(&self, x: &[E], groups: &Groups) -> Vec<u32> {
        let mut winners = vec![Select::NONE; groups.count()];
        for (j, &i) in groups.target().iter().enumerate() {
            let winner = &mut winners[i as usize];
            let wins = || {
                let (new, old) = (&x[j], &x[*winner as usize]);
                let number_lost = is_nan(new) && !is_nan(old);
                number_lost || if self.kind == Kind::Max { new > old } else { new < old }
            };
            if *winner == Select::NONE || wins() {
                *winner = j as u32;
            }
        }
        winners
    }

    /// Every element of y from the elements of its group, in order.
    fn fold<E: Copy>(
        x: &Tensor<E>,
        groups: &Groups,
        start: E,
        f: impl Fn(E, E) -> Option<E>,
    ) -> Result<Tensor<E>, OpError> {
        let mut y = vec![start; groups.count()];
        for (&value, &i) in x.data().iter().zip(groups.target()) {
            let y = &mut y[i as usize];
            *y = f(*y, value).ok_or_else(|| OpError::new("the result is beyond the integers of 64 bits"))?;
        }
        Ok(Tensor::new(&groups.shape, y))
    }

    fn ints(&self, x: &Tensor<i64>, groups: &Groups) -> Result<Tensor<i64>, OpError> {
        match self.kind {
            Kind::Sum => Self::fold(x, groups, 0, i64::checked_add),
            Kind::Prod => Self::fold(x, groups, 1, i64::checked_mul),
            Kind::Mean => {
                let len = groups.size.max(1) as i64;
                Ok(Self::fold(x, groups, 0, i64::checked_add)?.map(|sum| sum / len))
            }
            Kind::Max | Kind::Min => {
                let none = if self.kind == Kind::Max { i64::MIN } else { i64::MAX };
                Ok(x.selected(&groups.shape, &self.winners(x.data(), groups), &none))
            }
            Kind::L1 => Self::fold(x, groups, 0, |sum, x| sum.checked_add(x.checked_abs()?)),
            Kind::Squares => Self::fold(x, groups, 0, |sum, x| sum.checked_add(x.checked_mul(x)?)),
            _ => Err(OpError::unsupported("integers are not supported")),
        }
    }
}

impl<T: Real> Op<T> for Reduce {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let groups = self.groups(&x.outlines())?;
        Ok(vec![match (self.kind, x.value(0)?) {
            (_, Value::Int(x)) => Value::Int(self.ints(x, &groups)?),
            (Kind::Max | Kind::Min, Value::Bool(x)) => {
                Value::Bool(x.selected(&groups.shape, &self.winners(x.data(), &groups), &(self.kind == Kind::Min)))
            }
            (Kind::Max | Kind::Min, Value::Real(x)) => {
                let none = if self.kind == Kind::Max { T::neg_infinity() } else { T::infinity() };
                Value::Real(x.selected(&groups.shape, &self.winners(x.data(), &groups), &none))
            }
            (Kind::Prod, Value::Real(x)) => Value::Real(Self::fold(x, &groups, T::one(), |a, b| Some(a * b))?),
            (Kind::Sum | Kind::Mean, Value::Real(x)) => Value::Real(self.linear(&groups).apply(&[Some(x)])),
            (_, Value::Real(x)) => Value::Real(self.curved(x, &groups)?),
            (_, other) => return Err(OpError::new(format!("numbers are expected, not {}", other.kind()))),
        }])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        let Value::Real(z) = x.value(0)? else { return Ok(None) };
        match self.kind {
            Kind::Sum | Kind::Mean => Record::applied(self, x, varies),
            Kind::Max | Kind::Min => {
                let groups = self.groups(&x.outlines())?;
                let winners = Select::new(z.shape(), &groups.shape, self.winners(z.data(), &groups));
                let none = if self.kind == Kind::Max { T::neg_infinity() } else { T::infinity() };
                let value = z.picked(&winners, none);
                Ok(Some(Record::new(value, Affine::linear(winners).valid(Validity::Region))))
            }
            _ => Ok(None),
        }
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let groups = self.groups(&at.inputs.outlines())?;
        let x = at.inputs.real(0)?;
        match self.kind {
            Kind::Sum | Kind::Mean => Ok(self.linear(&groups)),
            Kind::Max | Kind::Min => {
                let winners = self.winners(x.data(), &groups);
                Ok(Affine::linear(Select::new(x.shape(), &groups.shape, winners)).valid(Validity::Region))
            }
            _ => self.slopes(x, &groups, at.rule),
        }
    }

    fn constraints(&self, at: &At<'_, T>) -> Result<Vec<Constraints<T>>, OpError> {
        let x = at.inputs.real(0)?;
        if self.kind == Kind::L1 {
            return Ok(vec![Constraints::pieces(0, x, [T::zero(); 2], Border::Inner)]);
        }
        let groups = self.groups(&at.inputs.outlines())?;
        let winners = self.winners(x.data(), &groups);
        let members = groups.target().iter().enumerate().map(|(element, &group)| (group as usize, element as u32));
        let wins = if self.kind == Kind::Max { Winner::Largest } else { Winner::Smallest };
        Ok(vec![Constraints::contest(0, &winners, members, wins)])
    }
}

impl Reduce {
    /// A sum or mean as a map.
    fn linear<T: Real>(&self, groups: &Groups) -> Affine<T> {
        let Groups { from, shape, size, .. } = groups;
        if *size == 1 {
            return Affine::reshape(from, shape);
        }
        let scale = if self.kind == Kind::Mean { T::of(1.0 / *size as f64) } else { T::one() };
        if let Some(axes) = groups.axes() {
            return Affine::linear(Reduction::new(from, axes, shape, scale));
        }
        let sum = Transposed(Select::new(shape, from, groups.target().to_vec()));
        Affine::linear(Chain::new(Arc::new(sum), Arc::new(Diagonal::new(Broadcast::uniform(shape, scale)))))
    }
}
