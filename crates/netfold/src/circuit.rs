//! The circuit: the frozen network, in which every node is affine.

mod freeze;
mod fusion;
mod gates;
mod kind;
mod rules;
mod still;

use std::sync::Arc;

use netfold_linear::{Probes, Support, awake};
use rayon::prelude::*;

use crate::affine::{Affine, Rule};
use crate::budget::{Budget, Share};
use crate::ops::{self, Class, Precision};
use crate::trace::Decisions;

pub use fusion::FusedStages;
use fusion::Step;
pub(crate) use fusion::{Fusion, Pass};
pub use gates::Gates;
pub use kind::Kind;
pub use rules::Rules;

/// One tensor of a [`Circuit`] and the affine operator that makes it from earlier ones.
#[derive(Clone, Debug)]
pub struct Stage<T> {
    /// The tensor's name.
    pub tensor: String,
    /// The node that makes it.
    pub node: String,
    /// The node's operator.
    pub op: String,
    /// The rule that it was frozen by, where there was a choice: `half` for a product without a gate.
    pub rule: Rule,
    /// The tensors that the node reads and that are held constant as gates.
    pub held: Vec<String>,
    /// The operator frozen: one term for each of `sources`.
    pub affine: Affine<T>,
    /// The slots that it reads.
    pub sources: Vec<usize>,
    /// The node's inputs that these are.
    pub inputs: Vec<usize>,
    /// What the node decides, where the trace counted decisions that rounding could turn.
    pub decisions: Option<Decisions>,
}

impl<T> Stage<T> {
    /// What kind of operator the node has.
    pub fn class(&self) -> Class {
        ops::class(&self.op)
    }
}

/// A network frozen at one input: `output = W input + b`, as a line of affine operators.
///
/// Slot 0 is the input; slot i is made by stage i − 1. The last slot is the output. Cloning shares the stages.
#[derive(Clone, Debug)]
pub struct Circuit<T> {
    stages: Arc<Vec<Stage<T>>>,
    input_shape: Vec<usize>,
    output: usize,
    gated_only: Vec<String>,
    budget: Budget,
    /// What the stages' tables take of it.
    _held: Vec<Arc<Share>>,
}

/// What is pushed through a circuit: the affine network, or its linear part alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// W v + b: every stage adds its offset.
    Affine,
    /// W v.
    Linear,
}

/// Whether pulling computes what each stage gives to b.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shares {
    /// Each stage's share of b is computed.
    Computed,
    /// Rows of W alone.
    LeftOut,
}

/// What is shown each stage's number and the adjoint of its tensor, and may change it.
pub type Visit<'a, T> = &'a mut dyn FnMut(usize, &mut Probes<T>);

/// How adjoints descend.
enum Way<'a, T: Precision> {
    /// Each is shown.
    Shown(Visit<'a, T>),
    /// Through some stages together.
    Fused(&'a Fusion<T>),
}

/// What pulling unit vectors back from the output gives: rows of W, and where b comes from.
#[derive(Clone, Debug)]
pub struct Pullback<T: Precision> {
    /// Wᵀ s for each seed s, over the input.
    pub weights: Probes<T>,
    /// `bias[stage][probe]`: ⟨adjoint of the seed at the stage, the stage's offset⟩. The sum over stages is ⟨s, b⟩.
    pub bias: Vec<Vec<T>>,
}

impl<T: Precision> Circuit<T> {
    /// The circuit of some stages, of which each reads slots before its own.
    ///
    /// `held` is what their tables take of `budget`, which rows and columns ask too.
    pub(crate) fn new(
        stages: Vec<Stage<T>>,
        input_shape: &[usize],
        output: usize,
        gated_only: Vec<String>,
        budget: Budget,
        held: Vec<Arc<Share>>,
    ) -> Self {
        Self { stages: Arc::new(stages), input_shape: input_shape.to_vec(), output, gated_only, budget, _held: held }
    }

    /// How much memory rows and columns may take.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The stages, in order.
    pub fn stages(&self) -> &[Stage<T>] {
        &self.stages[..self.output]
    }

    /// The circuit that ends with the tensor of `slot`: 0 is the input, i what stage i − 1 makes.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn truncated(&self, slot: usize) -> Self {
        assert!(slot <= self.output, "a slot of the circuit");
        Self { output: slot, ..self.clone() }
    }

    /// The nodes that depend on the input but reach the output only through what is held constant.
    pub fn gated_only(&self) -> &[String] {
        &self.gated_only
    }

    /// Shape of the input.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// Shape of the output.
    pub fn output_shape(&self) -> &[usize] {
        self.shape(self.output)
    }

    pub(crate) fn shape(&self, slot: usize) -> &[usize] {
        if slot == 0 { &self.input_shape } else { self.stages[slot - 1].affine.shape() }
    }

    /// W v + b or W v for each vector v.
    ///
    /// Pushing zeros through the [affine](Push::Affine) network gives b; pushing unit vectors through its
    /// [linear](Push::Linear) part gives columns of W.
    pub fn push(&self, v: Probes<T>, what: Push) -> Probes<T> {
        self.push_with(v, what, &self.full_plan(), &mut |_, _| {})
    }

    /// As [`push`](Self::push), each tensor on its way stored on the support that `plan` gives for its slot: all of it,
    /// if offsets are added. `visit` is shown each stage, by number, and what has reached the slots that it reads.
    pub fn push_with(
        &self,
        v: Probes<T>,
        what: Push,
        plan: &[Support],
        visit: &mut dyn FnMut(usize, &[&Probes<T>]),
    ) -> Probes<T> {
        let offsets = what == Push::Affine;
        let width = v.width();
        let last_use = self.last_use();
        let mut values: Vec<Option<Probes<T>>> = vec![None; self.output + 1];
        values[0] = Some(v);
        for (index, stage) in self.stages().iter().enumerate() {
            let onto = &plan[index + 1];
            visit(index, &stage.sources.iter().filter_map(|&source| values[source].as_ref()).collect::<Vec<_>>());
            let mut sum: Option<Probes<T>> = None;
            for (term, &source) in stage.affine.terms.iter().zip(&stage.sources) {
                let x = if last_use[source] == index { values[source].take() } else { values[source].clone() };
                if let (Some(map), Some(x)) = (term, x) {
                    let y = map.apply(x.clone(), onto);
                    // A source read twice by the last stage that uses it must still be there for its second term.
                    if last_use[source] == index && stage.sources.iter().filter(|&&s| s == source).count() > 1 {
                        values[source] = Some(x);
                    }
                    sum = Some(match sum {
                        Some(sum) => sum.plus(&y),
                        None => y,
                    });
                }
            }
            let mut y = sum.unwrap_or_else(|| Probes::zeros(onto, width));
            if let (true, Some(offset)) = (offsets, &stage.affine.offset) {
                offset.add_to(y.values_mut(), width);
            }
            values[index + 1] = Some(y);
        }
        values[self.output].take().unwrap_or_else(|| Probes::zeros(&plan[self.output], width))
    }

    /// The circuit of the magnitudes of all maps, without offsets: pushing |v| bounds |W v| for every tensor.
    #[must_use]
    pub(crate) fn abs_bound(&self) -> Self {
        let stage = |stage: &Stage<T>| Stage { affine: stage.affine.abs_bound(), ..stage.clone() };
        Self { stages: Arc::new(self.stages().iter().map(stage).collect()), ..self.clone() }
    }

    /// b: what the circuit makes of zero, with its offsets. One number for each output.
    pub fn bias(&self) -> Vec<T> {
        self.push(Probes::zeros(&Support::full(&self.input_shape), 1), Push::Affine).into_values()
    }

    /// Wᵀ s for each seed s over the output, and every stage's share of ⟨s, b⟩.
    ///
    /// Pulling unit vectors gives rows of W.
    pub fn pull(&self, seeds: Probes<T>) -> Pullback<T> {
        self.pull_on(seeds, &self.full_plan())
    }

    /// As [`pull`](Self::pull), each adjoint stored on the support that `plan` gives for its slot.
    pub fn pull_on(&self, seeds: Probes<T>, plan: &[Support]) -> Pullback<T> {
        self.pull_within(seeds, plan, Pass::WithShares)
    }

    /// As [`pull_on`](Self::pull_on); the list of the shares of b is empty if the pass leaves them out.
    pub(crate) fn pull_within(&self, seeds: Probes<T>, plan: &[Support], pass: Pass<'_, T>) -> Pullback<T> {
        self.pull_to(0, seeds, plan, pass)
    }

    /// As `pull_within`, down to a slot through which all paths to the input lead: `weights` are over its tensor, and
    /// stages below have no shares.
    pub(crate) fn pull_to(&self, slot: usize, seeds: Probes<T>, plan: &[Support], pass: Pass<'_, T>) -> Pullback<T> {
        awake(|| {
            if let Pass::Fused(fusion) = pass {
                let weights = self.descend(slot, seeds, plan, Way::Fused(fusion));
                return Pullback { weights, bias: Vec::new() };
            }
            let mut bias = vec![vec![T::zero(); seeds.width()]; self.output];
            let mut share = |stage: usize, adjoint: &mut Probes<T>| {
                if let Some(offset) = &self.stages[stage].affine.offset {
                    bias[stage] = adjoint.inner(offset).into_iter().map(T::of).collect();
                }
            };
            let weights = self.descend(slot, seeds, plan, Way::Shown(&mut share));
            Pullback { weights, bias }
        })
    }

    /// Wᵀ s for each seed s; `visit` is shown the adjoint of each stage's tensor, from the last stage on, and may change
    /// it on its way.
    pub fn pull_with(&self, seeds: Probes<T>, plan: &[Support], visit: Visit<'_, T>) -> Probes<T> {
        self.descend(0, seeds, plan, Way::Shown(visit))
    }

    /// The same line of stages, each as `change` makes it anew: with other maps, or several over one source.
    ///
    /// # Errors
    /// What `change` returns.
    pub fn map_stages<E>(&self, change: impl FnMut(&Stage<T>) -> Result<Stage<T>, E>) -> Result<Self, E> {
        let stages = self.stages().iter().map(change).collect::<Result<_, E>>()?;
        Ok(Self { stages: Arc::new(stages), ..self.clone() })
    }

    fn descend(&self, slot: usize, seeds: Probes<T>, plan: &[Support], mut way: Way<'_, T>) -> Probes<T> {
        let width = seeds.width();
        let mut adjoints: Vec<Option<Probes<T>>> = vec![None; self.output + 1];
        adjoints[self.output] = Some(seeds);
        for (index, stage) in self.stages().iter().enumerate().skip(slot).rev() {
            if let Way::Fused(fusion) = way {
                match fusion.step(index) {
                    Step::Alone => {}
                    Step::Later => continue,
                    Step::Fused(from, map) => {
                        let source = stage.sources[0];
                        if let Some(y) = adjoints[from].take() {
                            adjoints[source] = Some(map.apply_transpose(&y, &plan[source], adjoints[source].take()));
                        }
                        continue;
                    }
                }
            }
            let Some(mut adjoint) = adjoints[index + 1].take() else { continue };
            if let Way::Shown(visit) = &mut way {
                visit(index, &mut adjoint);
            }
            // The last term takes the adjoint itself, so that it may be changed in place.
            let mut adjoint = Some(adjoint);
            let count = stage.affine.terms.len();
            for (term, (map, &source)) in stage.affine.terms.iter().zip(&stage.sources).enumerate() {
                let Some(map) = map else { continue };
                let y = if term + 1 == count { adjoint.take() } else { adjoint.clone() };
                let Some(y) = y else { continue };
                adjoints[source] = Some(match adjoints[source].take() {
                    Some(sum) => map.add_transpose(y, sum),
                    None => map.apply_transpose(y, &plan[source]),
                });
            }
        }
        adjoints[slot].take().unwrap_or_else(|| Probes::zeros(&plan[slot], width))
    }

    /// Every slot whole.
    pub fn full_plan(&self) -> Vec<Support> {
        (0..=self.output).map(|slot| Support::full(self.shape(slot))).collect()
    }

    /// For each slot the elements whose adjoint matters when `outputs` are asked for: those that an output reaches
    /// through masks and winners, and that depend on the input or, where shares of b are computed, carry an offset of their
    /// own.
    pub fn pull_plan(&self, outputs: &Support, shares: Shares) -> Vec<Support> {
        awake(|| self.plan(outputs, shares == Shares::Computed))
    }

    fn plan(&self, outputs: &Support, shares: bool) -> Vec<Support> {
        let mut needed = vec![Support::full(&self.input_shape)];
        for stage in self.stages() {
            let mut own = match &stage.affine.offset {
                // A bias on every element: what the input reaches below it is hardly ever less.
                Some(offset) if shares || offset.is_nonzero() => offset.nonzero(),
                _ => Support::empty(stage.affine.shape()),
            };
            for (term, &source) in stage.affine.terms.iter().zip(&stage.sources) {
                if let (Some(map), false) = (term, own.is_full()) {
                    own = own.union(&map.output_support(&needed[source]));
                }
            }
            needed.push(own);
        }
        let mut plan: Vec<Support> = needed.iter().map(|own| Support::empty(own.shape())).collect();
        plan[self.output] = outputs.clone();
        for (index, stage) in self.stages().iter().enumerate().rev() {
            let here = plan[index + 1].intersection(&needed[index + 1]);
            if here.count() > 0 {
                for (term, &source) in stage.affine.terms.iter().zip(&stage.sources) {
                    if let Some(map) = term {
                        plan[source] = plan[source].union(&map.input_support(&here));
                    }
                }
            }
            plan[index + 1] = here;
        }
        // Several probes travel on a plan: masked products go from position to position.
        plan[1..].par_iter_mut().for_each(|support| {
            *support = support.by_position();
            support.lay_out();
        });
        plan
    }

    /// For each slot, the last stage that reads it.
    fn last_use(&self) -> Vec<usize> {
        let mut last = vec![usize::MAX; self.output + 1];
        for (index, stage) in self.stages().iter().enumerate() {
            stage.sources.iter().for_each(|&source| last[source] = index);
        }
        last
    }
}
