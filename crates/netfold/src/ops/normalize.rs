//! `LayerNormalization`, `InstanceNormalization`, `GroupNormalization`, `RMSNormalization`, `LpNormalization`,
//! `MeanVarianceNormalization`: what divides by statistics of its own input.

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Diagonal, RankOne, Real, Select, SharedMap, Sparse, Transposed};

use super::facts::{BFLOAT16, FLOATS, Facts};

use super::movement::{strides, walk};
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, broadcast, only, size};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let (all, late) = (FLOATS | BFLOAT16, FLOATS.with(BFLOAT16, 22));
    match name {
        "LayerNormalization" => Facts::since(17, Class::Norm)
            .biases(&[2])
            .int("axis", ..)
            .float("epsilon", ..)
            .int("stash_type", ..)
            .input("X", all, ..)
            .input("Scale", all, ..)
            .input("B", all, ..)
            .optional("B", ..)
            .outputs(3, ..),
        "RMSNormalization" => Facts::since(23, Class::Norm)
            .int("axis", ..)
            .float("epsilon", ..)
            .int("stash_type", ..)
            .input("X", all, ..)
            .input("scale", all, ..)
            .own_type("scale", ..),
        "InstanceNormalization" => Facts::since(1, Class::Norm)
            .biases(&[2])
            .float("epsilon", ..)
            .ints("consumed_inputs", ..6)
            .input("input", late.clone(), ..)
            .input("scale", late.clone(), ..)
            .input("B", late, ..),
        "GroupNormalization" => Facts::since(21, Class::Norm)
            .biases(&[2])
            .float("epsilon", ..)
            .int("num_groups", ..)
            .required("num_groups", ..)
            .int("stash_type", ..)
            .input("X", all, ..)
            .input("scale", all, ..)
            .input("bias", all, ..),
        "LpNormalization" => Facts::since(1, Class::Norm).int("axis", ..).int("p", ..).input("input", late, ..),
        _ => Facts::since(9, Class::Norm).ints("axes", ..).input("X", FLOATS.with(BFLOAT16, 13), ..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let epsilon = attributes.float_or("epsilon", 1e-5)?;
    let axis = attributes.int_or("axis", -1)?;
    let (over, by) = match name {
        "LayerNormalization" => (Over::From(axis), By::Deviation(epsilon)),
        "RMSNormalization" => (Over::From(axis), By::RootMeanSquare(epsilon)),
        "InstanceNormalization" => (Over::Groups(None), By::Deviation(epsilon)),
        "GroupNormalization" => {
            let groups = attributes.int_or("num_groups", 0)?;
            let groups = usize::try_from(groups).ok().filter(|&groups| groups > 0);
            let groups = groups.ok_or_else(|| OpError::new("attribute `num_groups` is no positive number"))?;
            (Over::Groups(Some(groups)), By::Deviation(epsilon))
        }
        "LpNormalization" => match attributes.int_or("p", 2)? {
            1 => (Over::Axes(vec![axis]), By::SumOfSizes),
            2 => (Over::Axes(vec![axis]), By::Length),
            p => return Err(OpError::new(format!("attribute `p` is {p}; 1 and 2 are known"))),
        },
        _ => (Over::Axes(attributes.ints("axes")?.unwrap_or(&[0, 2, 3]).to_vec()), By::DeviationAnd(1e-9)),
    };
    Ok(Box::new(Normalization { over, by, outputs: attributes.outputs }))
}

/// A batch normalisation in training: by the statistics of each channel of its own batch. What it makes of the running
/// statistics is not computed.
pub(super) fn of_own_batch(epsilon: f64) -> Box<dyn Operator> {
    Box::new(Normalization { over: Over::Channels, by: By::Deviation(epsilon), outputs: 1 })
}

/// Which elements are normalised together.
#[derive(Clone, Debug)]
enum Over {
    /// All places of a channel, over the whole batch.
    Channels,
    /// All axes from this one on.
    From(i64),
    /// All places of a group of channels; of one channel where no number of groups is given.
    Groups(Option<usize>),
    /// These axes.
    Axes(Vec<i64>),
}

/// What they are divided by.
#[derive(Clone, Copy, Debug)]
enum By {
    /// √(variance + ε), after the mean is taken off.
    Deviation(f64),
    /// √variance + ε, after the mean is taken off.
    DeviationAnd(f64),
    /// √(mean of squares + ε).
    RootMeanSquare(f64),
    /// Σ |x|
    SumOfSizes,
    /// √Σ x²
    Length,
}

/// y = scale ∘ z / d + bias over groups of n elements, with z = x − mean (or x) and d a statistic of z.
///
/// Frozen, exact at this input:
/// - `gate` and `half`: d is held; taking off the mean is linear, slope scale / d;
/// - `tangent`: the Jacobian diag(scale / d) (1 − ŷ vᵀ) (1 − 11ᵀ/n), with ŷ = z / d and v = ∂d/∂z.
///
/// Where all elements of a group are zero, so is d = Σ|x| or √Σx², and y is zero there.
///
/// Source: ONNX operators of the same names, and `BatchNormalization` where `training_mode` is 1. `GroupNormalization` has
/// a scale for each group before opset 21, one for each channel since.
#[derive(Clone, Debug)]
struct Normalization {
    over: Over,
    by: By,
    outputs: usize,
}

impl Operator for Normalization {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let (count, shape) = (x.count(0), x.shape(0)?);
        // Lines in double precision, spread scales and biases, factors, means and offsets.
        let tables = count * (3 * size_of::<f64>() + size_of::<u32>()) as f64 + x.reals(6.0 * count);
        let mut made = Extent::new(Holds::Reals, shape.to_vec()).scratch(tables).frozen(x.reals(2.0 * count));
        for _ in 1..self.outputs {
            let entries = size::sparse(count, x.width);
            made = made.and(Holds::Reals, self.shape_of_statistics(shape)?).scratch(entries).frozen(entries);
        }
        Ok(made)
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "scale", "bias", "running mean", "running variance"])
    }
}

/// x as lines of n elements each, and what is normalised along them.
struct Lines {
    n: usize,
    /// Where the elements of the lines come from, unless they lie one after the other.
    order: Option<Vec<u32>>,
    /// z of each element.
    centred: Vec<f64>,
    /// Of each line.
    mean: Vec<f64>,
    /// 1 / d of each line.
    inverse: Vec<f64>,
    /// v of each element.
    slope: Vec<f64>,
}

/// Lines along these axes: their length, and the order of their elements, unless they lie one after the other.
fn turned(from: &[usize], inner: &[usize]) -> (usize, Option<Vec<u32>>) {
    let outer = (0..from.len()).filter(|axis| !inner.contains(axis));
    let order: Vec<usize> = outer.chain(inner.iter().copied()).collect();
    let steps = strides(from);
    let pick = |of: &[usize]| order.iter().map(|&axis| of[axis]).collect::<Vec<_>>();
    let order = (!order.is_sorted()).then(|| walk(0, &pick(from), &pick(&steps)));
    (inner.iter().map(|&axis| from[axis]).product(), order)
}

impl Normalization {
    fn subtracts(&self) -> bool {
        matches!(self.by, By::Deviation(_) | By::DeviationAnd(_))
    }

    /// Elements of a line, and their order.
    fn layout(&self, from: &[usize]) -> Result<(usize, Option<Vec<u32>>), OpError> {
        Ok(match &self.over {
            Over::From(axis) => (from[size::axis(*axis, from.len())?..].iter().product(), None),
            Over::Groups(groups) => {
                let [_, channels, places @ ..] = from else {
                    return Err(OpError::new(format!("{from:?} has no batch and channel axes")));
                };
                let groups = groups.unwrap_or(*channels);
                if groups > 0 && !channels.is_multiple_of(groups) {
                    return Err(OpError::new(format!("{channels} channels in {groups} groups")));
                }
                (channels / groups.max(1) * places.iter().product::<usize>(), None)
            }
            Over::Axes(axes) => turned(from, &size::axes(axes, from.len())?),
            Over::Channels => turned(from, &(0..from.len()).filter(|&axis| axis != 1).collect::<Vec<_>>()),
        })
    }

    fn lines<T: Real>(&self, x: &Tensor<T>) -> Result<Lines, OpError> {
        let (n, order) = self.layout(x.shape())?;
        let values: Vec<f64> = match &order {
            Some(order) => order.iter().map(|&i| x.data()[i as usize].wide()).collect(),
            None => x.data().iter().map(|x| x.wide()).collect(),
        };
        let (mut mean, mut inverse, mut slope) = (Vec::new(), Vec::new(), Vec::with_capacity(values.len()));
        let mut centred = values;
        let count = n as f64;
        for z in centred.chunks_mut(n.max(1)) {
            let middle = if self.subtracts() { z.iter().sum::<f64>() / count } else { 0.0 };
            z.iter_mut().for_each(|z| *z -= middle);
            let squares: f64 = z.iter().map(|z| z * z).sum();
            // d, and what v is a multiple of z by.
            let (d, factor) = match self.by {
                By::Deviation(epsilon) | By::RootMeanSquare(epsilon) => {
                    let d = (squares / count + epsilon).sqrt();
                    (d, 1.0 / (count * d))
                }
                By::DeviationAnd(epsilon) => {
                    let deviation = (squares / count).sqrt();
                    (deviation + epsilon, 1.0 / (count * deviation))
                }
                By::SumOfSizes => (z.iter().map(|z| z.abs()).sum(), 0.0),
                By::Length => (squares.sqrt(), 1.0 / squares.sqrt()),
            };
            let flat = squares == 0.0;
            match self.by {
                By::SumOfSizes => slope.extend(z.iter().map(|&z| if z == 0.0 { 0.0 } else { z.signum() })),
                _ => slope.extend(z.iter().map(|z| if flat { 0.0 } else { z * factor })),
            }
            mean.push(middle);
            inverse.push(if d == 0.0 { 0.0 } else { 1.0 / d });
        }
        if let Some(line) = inverse.iter().position(|inverse| !inverse.is_finite()) {
            return Err(OpError::new(format!("group {line} of {n} elements has no statistics that can be divided by")));
        }
        Ok(Lines { n, order, centred, mean, inverse, slope })
    }

    /// Input `i`, scale or bias, for every element of the lines; `None` where it is left out.
    fn spread<T: Real>(&self, x: &Inputs<'_, T>, i: usize) -> Result<Option<Tensor<T>>, OpError> {
        let (shape, Some(given)) = (x.shape(0)?, x.real_if(i)?) else { return Ok(None) };
        let refuse = || OpError::new(format!("input {i} of shape {:?} for an input {shape:?}", given.shape()));
        match &self.over {
            Over::From(_) if broadcast::shape(given.shape(), shape)? == shape => {
                Ok(Some(broadcast::tensor(given, shape)))
            }
            Over::Groups(_) => {
                let (channels, places) = (shape[1], shape[2..].iter().product::<usize>());
                if given.shape().len() != 1 || given.is_empty() || !channels.is_multiple_of(given.len()) {
                    return Err(refuse());
                }
                let share = channels / given.len() * places;
                let at = |element: usize| given.data()[element / share % given.len()];
                Ok(Some(Tensor::new(shape, (0..shape.iter().product()).map(at).collect())))
            }
            Over::Channels if shape.len() > 1 && given.shape() == [shape[1]] => {
                let place =
                    given.data().iter().flat_map(|&value| vec![value; shape.iter().product::<usize>() / shape[1]]);
                Ok(Some(Tensor::new(shape, place.collect())))
            }
            _ => Err(refuse()),
        }
    }

    /// The shape of mean and 1 / d.
    fn shape_of_statistics(&self, x: &[usize]) -> Result<Vec<usize>, OpError> {
        let (Over::From(axis), By::Deviation(_), false) = (&self.over, self.by, x.contains(&0)) else {
            return Err(OpError::new("it has one output, or nothing to take statistics of"));
        };
        let from = size::axis(*axis, x.len())?;
        Ok((0..x.len()).map(|axis| if axis < from { x[axis] } else { 1 }).collect())
    }

    /// Mean (output 1) or 1 / d (output 2) of each line, and its map.
    fn statistic<T: Real>(
        &self,
        x: &Tensor<T>,
        lines: &Lines,
        output: usize,
        rule: Rule,
    ) -> Result<Affine<T>, OpError> {
        let (n, count) = (lines.n, lines.mean.len());
        let shape = self.shape_of_statistics(x.shape())?;
        let values = |values: &[f64]| values.iter().map(|&value| T::of(value)).collect::<Vec<T>>();
        if output == 1 {
            let weight = T::of(1.0 / n as f64);
            let row = |line: usize| (0..n).map(move |i| (line * n + i, weight));
            return Ok(Affine::linear(Sparse::new(x.shape(), &shape, row)));
        }
        if rule != Rule::Tangent {
            return Ok(Affine::constant(&Tensor::new(&shape, values(&lines.inverse))).valid(Validity::Input));
        }
        let slope = |e: usize| -lines.slope[e] * lines.inverse[e / n].powi(2);
        let row = |line: usize| (line * n..(line + 1) * n).map(|e| (e, T::of(slope(e))));
        let at = |line: usize| -> f64 { (line * n..(line + 1) * n).map(|e| slope(e) * x.data()[e].wide()).sum() };
        let offset: Vec<f64> = (0..count).map(|line| lines.inverse[line] - at(line)).collect();
        let affine = Affine::linear(Sparse::new(x.shape(), &shape, row));
        Ok(affine.plus(Broadcast::full(&shape, values(&offset))).valid(Validity::Input))
    }
}

impl<T: Real> Op<T> for Normalization {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let varies: Vec<bool> = (0..x.len()).map(|i| i == 0).collect();
        let output = |output| {
            let at = At { inputs: x, outputs: &[], varies: &varies, output, rule: Rule::Gate, still: None };
            Ok(Value::Real(self.freeze(&at)?.apply(&[Some(x.real(0)?)])))
        };
        (0..self.outputs.max(1)).map(output).collect()
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let x = at.inputs.real(0)?;
        let lines = self.lines(x)?;
        if at.output > 0 {
            return self.statistic(x, &lines, at.output, at.rule);
        }
        let (shape, n) = (x.shape(), lines.n.max(1));
        let scale = self.spread(at.inputs, 1)?;
        let factor = |e: usize| scale.as_ref().map_or(1.0, |scale| scale.data()[e].wide()) * lines.inverse[e / n];
        let elements = || 0..x.len();
        let factors: Vec<T> = elements().map(|e| T::of(factor(e))).collect();
        let mean = || vec![T::of(1.0 / n as f64); x.len()];
        let tangent = at.rule == Rule::Tangent;
        let map: SharedMap<T> = if tangent {
            let left = elements().map(|e| T::of(factor(e) * lines.centred[e] * lines.inverse[e / n])).collect();
            let slope = lines.slope.iter().map(|&v| T::of(v)).collect();
            let turn: SharedMap<T> = Arc::new(RankOne::new(Broadcast::full(shape, factors), left, slope, [n, 1]));
            if self.subtracts() {
                let centre = RankOne::new(Broadcast::uniform(shape, T::one()), vec![T::one(); x.len()], mean(), [n, 1]);
                Arc::new(Chain::new(Arc::new(centre), turn))
            } else {
                turn
            }
        } else if self.subtracts() {
            Arc::new(RankOne::new(Broadcast::full(shape, factors.clone()), factors, mean(), [n, 1]))
        } else {
            Arc::new(Diagonal::new(Broadcast::full(shape, factors)))
        };
        // Under `tangent` what is left of y: scale · ŷ ⟨v, z⟩ / d, which ε and a held deviation leave.
        let rest = |line: usize| -> f64 {
            let line = line * n..(line + 1) * n;
            lines.centred[line.clone()].iter().zip(&lines.slope[line]).map(|(z, v)| z * v).sum()
        };
        let rests: Vec<f64> = if tangent { (0..lines.mean.len()).map(rest).collect() } else { Vec::new() };
        let mut offset = vec![T::zero(); x.len()];
        if tangent {
            for (e, offset) in offset.iter_mut().enumerate() {
                *offset = T::of(factor(e) * lines.centred[e] * lines.inverse[e / n] * rests[e / n]);
            }
        }
        if let Some(bias) = self.spread(at.inputs, 2)? {
            offset.iter_mut().zip(bias.data()).for_each(|(offset, &bias)| *offset += bias);
        }
        let (map, offset) = match &lines.order {
            None => (map, offset),
            Some(order) => {
                let turn = Select::new(shape, shape, order.clone());
                let back: SharedMap<T> = Arc::new(Transposed(turn.clone()));
                let mut placed = vec![T::zero(); x.len()];
                order.iter().zip(&offset).for_each(|(&element, &value)| placed[element as usize] = value);
                let there: SharedMap<T> = Arc::new(Chain::new(Arc::new(turn), map));
                (Arc::new(Chain::new(there, back)) as SharedMap<T>, placed)
            }
        };
        let affine = Affine::sum(shape, vec![Some(map)]).valid(Validity::Input);
        Ok(if offset.iter().all(T::is_zero) { affine } else { affine.plus(Broadcast::full(shape, offset)) })
    }
}
