//! Frozen nodes that are out of proportion: slopes so large that W x and b are little more than what cancels in their sum.

use netfold_linear::{Probes, Support};

use crate::affine::{Affine, Rule, Validity};
use crate::circuit::{Circuit, Push, Rules};
use crate::error::Error;
use crate::model::TensorId;
use crate::ops::Precision;
use crate::reconstruction::Reconstruction;
use crate::trace::{Trace, Warning};
use crate::value::Tensor;

/// How many times b may be larger than the largest logit, and what a node's slopes reach than its values. Of deep networks
/// that are frozen well b is up to 800 times larger.
const LIMIT: f64 = 1e3;

impl<T: Precision> Reconstruction<T> {
    /// Whether b of a logit, and W x with it, is so much larger than the logits that it says little by itself.
    pub fn is_out_of_proportion(&self) -> bool {
        self.proportion > LIMIT
    }
}

impl<T: Precision> Trace<'_, T> {
    /// Which node makes W x and b between two tensors so large: the first one, of those that a rule freezes, whose slopes
    /// reach far beyond its values, and the rule that mends it, if one does.
    ///
    /// # Errors
    /// As [`freeze_between`](Self::freeze_between).
    pub fn out_of_proportion(&self, from: TensorId, to: TensorId, rules: &Rules) -> Result<Option<Warning>, Error> {
        let (circuit, x) = (self.freeze_between(from, to, rules)?, self.real(from)?);
        let all = reaches(&circuit, x);
        let Some((index, &reach)) = all.iter().enumerate().find(|&(_, &reach)| reach > LIMIT) else { return Ok(None) };
        let stage = &circuit.stages()[index];
        let mut best = (reach / 10.0, None);
        for rule in [Rule::Tangent, Rule::Gate, Rule::Half] {
            let mut other = rules.clone();
            other.by_node.insert(stage.node.clone(), rule);
            let reach = match self.freeze_between(from, to, &other) {
                Ok(circuit) => {
                    let all = circuit.stages().iter().zip(reaches(&circuit, x));
                    all.filter(|(other, _)| other.node == stage.node).map(|(_, reach)| reach).fold(0.0, f64::max)
                }
                // Without slopes nothing is left that depends on the input: so it is there.
                Err(Error::Detached { .. }) => 0.0,
                Err(_) => continue,
            };
            if reach < best.0 {
                best = (reach, Some(rule));
            }
        }
        Ok(Some(Warning::OutOfProportion {
            node: stage.node.clone(),
            op: stage.op.clone(),
            rule: stage.rule,
            times: reach,
            helps: best.1,
        }))
    }
}

/// For each stage that is exact at the traced input alone how far its slopes reach over numbers of the size of what it
/// reads, or of b there, in parts of the largest number that it gives; 0 for others.
fn reaches<T: Precision>(circuit: &Circuit<T>, x: &Tensor<T>) -> Vec<f64> {
    let stages = circuit.stages();
    let at_input = |index: usize| stages[index].affine.validity == Validity::Input;
    let zero = Probes::zeros(&Support::full(circuit.input_shape()), 1);
    let mut offsets: Vec<Vec<f64>> = vec![Vec::new(); stages.len()];
    circuit.push_with(zero, Push::Affine, &circuit.full_plan(), &mut |index, read| {
        if at_input(index) {
            offsets[index] = read.iter().map(|z| largest(z.values())).collect();
        }
    });
    let mut reaches = vec![0.0; stages.len()];
    circuit.push_with(x.probe(), Push::Affine, &circuit.full_plan(), &mut |index, read| {
        if at_input(index) {
            reaches[index] = reach(&stages[index].affine, read, &offsets[index]);
        }
    });
    reaches
}

fn largest<T: Precision>(values: &[T]) -> f64 {
    values.iter().map(|value| value.wide().abs()).fold(0.0, f64::max)
}

fn reach<T: Precision>(affine: &Affine<T>, read: &[&Probes<T>], offsets: &[f64]) -> f64 {
    let (full, mut reach) = (Support::full(affine.shape()), 0.0);
    let mut y = affine.offset.as_ref().map_or_else(|| vec![T::zero(); full.count()], netfold_linear::Broadcast::to_vec);
    for ((map, z), &offset) in affine.terms.iter().zip(read).zip(offsets) {
        let Some(map) = map else { continue };
        let size = T::of(largest(z.values()).max(offset));
        let sizes = Probes::new(Support::full(map.domain()), 1, vec![size; map.domain().iter().product()]);
        reach = f64::max(reach, largest(map.abs_bound().apply(sizes, &full).values()));
        let part = map.apply((*z).clone(), &full);
        y.iter_mut().zip(part.values()).for_each(|(y, &part)| *y += part);
    }
    reach / largest(&y).max(f64::MIN_POSITIVE)
}
