//! Decisions that rounding could turn.
//!
//! A rectifier decides by the sign of a number, a clip by the side of a border, a max pool by which number is larger. In
//! floating point such a number has an error, and where it is smaller than the error, single and double precision can
//! decide otherwise: W is then that of another linear region.
//!
//! The error of an element is estimated by its variance v, in units of u² (u = 2⁻²⁴ in single, 2⁻⁵³ in double precision):
//!
//! - of the input, as if it had been rounded: v = x²;
//! - of y = Σᵢ Aᵢ xᵢ + c, the tangent of a node: v = Σᵢ (Aᵢ ∘ Aᵢ) (vᵢ + 16 xᵢ²) + y². Errors of what is summed are taken
//!   for independent. Each product counts as rounded four times, since a sum rounds it again with each step;
//! - of what is moved, chosen or dropped (reshapes, masks, winners): as before;
//! - of a function in steps (rounding, quantisation): v = 0, or (step / 8 u)², that of a whole step, where x is within
//!   8 u √(v + x²) of the next one;
//! - of a node that has no tangent there: v = 16 y².
//!
//! A decision is *within rounding of a tie* if what it is made by is no larger than 8 u √v: the distance from the border of
//! a rectifier or clip, with v of z + z², and the lead of a winner on a rival, with v of both added. Two equal numbers with
//! equal v are the same sum of the same numbers: the order decides between them in every precision, and they do not count.

use std::collections::HashMap;
use std::sync::Arc;

use netfold_linear::{Entrywise, LinearMap, Probes, Real, SharedMap, Support};
use rayon::prelude::*;

use crate::affine::{Affine, Constraints, Rule, Validity};
use crate::model::{Node, TensorId};
use crate::ops::{At, Inputs, Op, Precision, Record};
use crate::trace::Trace;
use crate::value::{Tensor, Value};

/// Roundings that a product counts for, squared.
const PRODUCT: f64 = 16.0;
/// Standard deviations that are within rounding, squared.
const REACH: f64 = 64.0;
/// How many numbers one task of a parallel loop handles.
const TASK: usize = 1 << 14;

/// Whether a trace counts decisions that rounding could turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// It does not.
    #[default]
    Ignore,
    /// It does: about as much work as one or two more forward passes.
    Count,
}

/// The decisions of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// How many it makes: one for each element that a rectifier or clip looks at, for each winner that a pool chooses.
    pub made: usize,
    /// Those within rounding of a tie, as elements of its output, in order.
    pub ties: Vec<u32>,
}

impl<T: Precision> Trace<'_, T> {
    /// What a node decides, if decisions that rounding could turn were counted and it makes any.
    pub fn decisions(&self, node: usize) -> Option<&Decisions> {
        self.decisions.get(&node)
    }

    /// The variances at the beginning, where decisions are counted. An input of integers is exact.
    pub(crate) fn rounding(&self) -> Option<Rounding<T>> {
        if self.tracing.ties == Ties::Ignore {
            return None;
        }
        let mut readers = HashMap::new();
        let inputs = self.nodes.iter().flat_map(|&index| self.model.nodes[index].inputs.iter().flatten());
        inputs.for_each(|&id| *readers.entry(id).or_default() += 1);
        let x = self.real(self.input).ok().map(|x| (self.input, x.paired(x, |x, _| x * x)));
        Some(Rounding { variances: x.into_iter().collect(), readers })
    }
}

/// The variances of a trace on its way through the nodes.
#[derive(Debug)]
pub(crate) struct Rounding<T> {
    variances: HashMap<TensorId, Tensor<T>>,
    /// Nodes that will read each tensor.
    readers: HashMap<TensorId, usize>,
}

impl<T: Precision> Rounding<T> {
    /// Through a node: the variances of what it makes, and the decisions that it makes.
    pub fn pass(&mut self, trace: &Trace<'_, T>, node: &Node, record: &Record<T>) -> Option<Decisions> {
        let (inputs, varies) = (&trace.inputs(node), &trace.depends(node));
        let operator = node.operator.as_ref().ok().filter(|_| varies.contains(&true))?;
        let operator = T::op(operator.as_ref());
        let mut decisions = None;
        for (output, (id, value)) in node.outputs.iter().zip(&record.values).enumerate() {
            let (Some(id), Value::Real(y)) = (id, value) else { continue };
            let at = At { inputs, outputs: &record.values, varies, output, rule: Rule::Tangent, still: None };
            let frozen = record.affines.get(output).cloned().map_or_else(|| operator.freeze(&at), Ok);
            let mut made = match &frozen {
                Ok(affine) if affine.terms.iter().all(Option::is_none) => self.steps(node, operator, &at, y),
                Ok(affine) => self.spread(node, affine, inputs, y),
                Err(_) => y.paired(y, |y, _| T::of(PRODUCT) * y * y),
            };
            if output == 0 && frozen.is_ok_and(|affine| affine.validity == Validity::Region) {
                decisions = self.decisions(node, operator, &at, &mut made);
            }
            self.variances.insert(*id, made);
        }
        for id in node.inputs.iter().flatten() {
            if let Some(readers) = self.readers.get_mut(id) {
                *readers -= 1;
                if *readers == 0 {
                    self.variances.remove(id).into_iter().for_each(Tensor::recycle);
                }
            }
        }
        decisions
    }

    /// Of y = Σᵢ Aᵢ xᵢ + c.
    fn spread(&self, node: &Node, affine: &Affine<T>, inputs: &Inputs<'_, T>, y: &Tensor<T>) -> Tensor<T> {
        let full = Support::full(affine.shape());
        let mut sum: Option<Probes<T>> = None;
        let mut exact = affine.validity == Validity::Region;
        let mut terms = 0;
        for (i, map) in affine.terms.iter().enumerate() {
            let (Some(map), Ok(x)) = (map, inputs.real(i)) else { continue };
            let Some(v) = node.inputs[i].and_then(|id| self.variances.get(&id)) else { continue };
            terms += 1;
            let v = if map.is_exact() { v.clone() } else { v.paired(x, |v, x| v + T::of(PRODUCT) * x * x) };
            exact &= map.is_exact();
            let made = squares(map).apply(v.probe(), &full);
            sum = Some(match sum {
                Some(sum) => sum.plus(&made),
                None => made,
            });
        }
        exact |= terms == 1 && affine.offset.is_none() && affine.terms.iter().flatten().all(|map| map.is_exact());
        let Some(sum) = sum else { return y.paired(y, |y, _| y * y) };
        let sum = Tensor::shared(affine.shape(), sum.into_shared());
        if exact { sum } else { sum.paired(y, |v, y| v.max(T::zero()) + y * y) }
    }

    /// Of a step: none, or that of the next step where x is within rounding of one.
    fn steps(&self, node: &Node, operator: &dyn Op<T>, at: &At<'_, T>, y: &Tensor<T>) -> Tensor<T> {
        let unit = T::of(REACH.sqrt()) * T::epsilon() / T::of(2.0);
        let none = y.paired(y, |_, _| T::zero());
        let v = node.inputs.first().copied().flatten().and_then(|id| self.variances.get(&id));
        let (Some(v), Ok(x)) = (v, at.inputs.real(0)) else { return none };
        [-unit, unit].into_iter().fold(none, |made, reach| {
            let moved = Value::Real(x.paired(v, |x, v| x + reach * (v + x * x).sqrt()));
            let mut inputs = at.inputs.clone();
            inputs.0[0] = Some(&moved);
            // What the operator refuses is no step.
            let there = operator.forward(&inputs).unwrap_or_default();
            let Some(Value::Real(there)) = there.get(at.output).filter(|there| there.shape() == y.shape()) else {
                return made;
            };
            let step = there.paired(y, |there, y| ((there - y) / unit) * ((there - y) / unit));
            made.paired(&step, T::max)
        })
    }

    /// Which decisions of a node are within rounding of a tie. What such a decision passes on has the error of what it
    /// could have passed on.
    fn decisions(&self, node: &Node, operator: &dyn Op<T>, at: &At<'_, T>, made: &mut Tensor<T>) -> Option<Decisions> {
        // Nodes that nobody knows the switches of have no region either, and `netfold region` says so.
        let switches = operator.constraints(at).ok()?;
        let of = |input: usize| node.inputs[input].and_then(|id| self.variances.get(&id));
        let reach = T::of(REACH) * (T::epsilon() / T::of(2.0)).powi(2);
        let mut decisions = Decisions::default();
        let mut passed: Vec<(usize, T)> = Vec::new();
        for switches in switches {
            match switches {
                Constraints::Slack { input, down, up } => {
                    decisions.made += down.len();
                    let (Some(v), Ok(z)) = (of(input), at.inputs.real(input)) else { continue };
                    let near = |&e: &usize| {
                        let (room, v, z) = (down[e].min(up[e]), v.data()[e], z.data()[e]);
                        v > T::zero() && room * room <= reach * (v + z * z)
                    };
                    let near = (0..down.len()).into_par_iter().with_min_len(TASK).filter(near);
                    passed.extend(near.map(|e| (e, v.data()[e])).collect::<Vec<_>>());
                }
                Constraints::Order { inputs: [a, b], pairs, decides } => {
                    decisions.made += decides.chunk_by(PartialEq::eq).count();
                    let (Ok(ahead), Ok(behind)) = (at.inputs.real(a), at.inputs.real(b)) else { continue };
                    let variance = |v: Option<&Tensor<T>>, e: usize| v.map_or(T::zero(), |v| v.data()[e]);
                    let (of_ahead, of_behind) = (of(a), of(b));
                    let near = |(&[i, j], &decided): (&[u32; 2], &u32)| {
                        let [i, j] = [i, j].map(|e| e as usize);
                        let (v, w) = (variance(of_ahead, i), variance(of_behind, j));
                        let lead = ahead.data()[i] - behind.data()[j];
                        let same = lead.is_zero() && v == w;
                        (!same && lead * lead <= reach * (v + w)).then(|| (decided as usize, v.max(w)))
                    };
                    let pairs = pairs.par_iter().with_min_len(TASK).zip(&decides);
                    passed.extend(pairs.filter_map(near).collect::<Vec<_>>());
                }
            }
        }
        decisions.ties = passed.iter().map(|&(element, _)| element as u32).collect();
        decisions.ties.sort_unstable();
        decisions.ties.dedup();
        if !passed.is_empty() && passed.iter().all(|&(element, _)| element < made.len()) {
            let mut all = made.data().to_vec();
            passed.iter().for_each(|&(element, v)| all[element] = all[element].max(v));
            *made = Tensor::new(made.shape(), all);
        }
        Some(decisions)
    }
}

/// A ∘ A; A itself where all entries are 0 or 1.
fn squares<T: Real>(map: &SharedMap<T>) -> SharedMap<T> {
    if map.is_exact() { Arc::clone(map) } else { map.entrywise(Entrywise::Square) }
}
