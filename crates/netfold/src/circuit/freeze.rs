//! Freezing: every node of a traced network made affine, by its rule, at the values that it had there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::affine::{Affine, Rule, Validity};
use crate::budget::Share;
use crate::circuit::{Circuit, Gates, Rules, Stage};
use crate::error::{Error, OpError};
use crate::model::{Node, TensorId};
use crate::ops::{At, Precision};
use crate::trace::Trace;
use crate::trace::finite::{finite, is_finite};
use crate::value::Value;

/// A stage before slots are given: what it makes and what it reads.
struct Made<T> {
    tensor: TensorId,
    stage: Stage<T>,
    reads: Vec<TensorId>,
}

impl<T: Precision> Trace<'_, T> {
    /// The network frozen at the traced input, from the input to the output.
    ///
    /// Only what reaches the output through a term becomes a stage: nodes that serve a gate alone, or a step that is
    /// held constant, are part of the traced values already.
    ///
    /// # Errors
    /// If a node cannot be frozen there, a rule names a node that the model does not have, or the output does not depend
    /// on the input.
    pub fn freeze(&self, rules: &Rules) -> Result<Circuit<T>, Error> {
        self.freeze_between(self.input, self.output, rules)
    }

    /// The part of the network between two tensors, frozen at the traced input: `to = W from + b` holds there.
    ///
    /// What reaches `to` by a way around `from` (a skip connection, say) is held at its traced value and belongs to b.
    ///
    /// # Errors
    /// As [`freeze`](Self::freeze), or if `from` does not depend on the network's input or `to` not on `from`.
    pub fn freeze_between(&self, from: TensorId, to: TensorId, rules: &Rules) -> Result<Circuit<T>, Error> {
        rules.check(self.model)?;
        // Freezing, planning and pulling are many short parallel loops: a thread of the pool starts them at no cost.
        rayon::scope(|_| self.frozen(from, to, rules))
    }

    fn frozen(&self, from: TensorId, to: TensorId, rules: &Rules) -> Result<Circuit<T>, Error> {
        let detached = |to: TensorId, from: TensorId| {
            let name = |id| self.model.name(id).to_owned();
            Error::Detached { to: name(to), from: name(from) }
        };
        if !self.varies(from) {
            return Err(detached(from, self.input));
        }
        let nodes = self.model.nodes_of(to);
        let varies = self.model.dependence(from, &nodes)?;
        let gates = self.gates();
        let mut wanted = HashSet::from([to]);
        let (mut made, mut gated_only) = (Vec::new(), Vec::new());
        let mut taken = self.model.budget().none();
        for &index in nodes.iter().rev() {
            let node = &self.model.nodes[index];
            let own = || node.outputs.iter().flatten().filter(|&&id| varies[id.0] && id != from);
            if own().any(|id| wanted.contains(id)) {
                let stages = self.freeze_node(index, rules.at(node), &gates, &varies, &wanted, &mut taken)?;
                wanted.extend(stages.iter().flat_map(|made| made.reads.iter().copied()));
                made.extend(stages);
            } else if own().next().is_some() {
                gated_only.push(node.name.clone());
            }
        }
        let mut slots: HashMap<TensorId, usize> = HashMap::from([(from, 0)]);
        let mut stages = Vec::new();
        for Made { tensor, mut stage, reads } in made.into_iter().rev() {
            stage.sources = reads.iter().filter_map(|id| slots.get(id).copied()).collect();
            stages.push(stage);
            slots.insert(tensor, stages.len());
        }
        gated_only.reverse();
        let Some(&output) = slots.get(&to) else { return Err(detached(to, from)) };
        let (shape, budget) = (self.real(from)?.shape(), self.model.budget().clone());
        let circuit = Circuit::new(stages, shape, output, gated_only, budget, vec![self.tables(), Arc::new(taken)]);
        circuit.ask_for_a_pass()?;
        Ok(circuit)
    }

    /// What a node is where it could not be frozen: elements of its first input that do not move need no slope.
    fn freeze_still(&self, node: &Node, at: At<'_, T>, why: OpError) -> Result<Affine<T>, OpError> {
        match (node.inputs.first(), &node.operator) {
            (Some(&Some(id)), Ok(operator)) if at.moves(0) => {
                let still = self.still(id);
                T::op(operator.as_ref()).freeze(&At { still: Some(&still), ..at })
            }
            _ => Err(why),
        }
    }

    /// The stages of a node's wanted outputs, and what they read.
    fn freeze_node(
        &self,
        index: usize,
        rule: Rule,
        gates: &Gates,
        varies: &[bool],
        wanted: &HashSet<TensorId>,
        taken: &mut Share,
    ) -> Result<Vec<Made<T>>, Error> {
        let node = &self.model.nodes[index];
        let Ok(operator) = &node.operator else { return Ok(Vec::new()) };
        let depends: Vec<bool> = node.inputs.iter().map(|id| id.is_some_and(|id| varies[id.0])).collect();
        let (moves, rule) = gates.choose(node, operator.factors(), &depends, rule);
        let recorded = self.record(index).filter(|_| moves == self.depends(node));
        let gone = node.inputs.iter().flatten().find(|&&id| self.value(id).is_none());
        if let (None, Some(&id)) = (recorded, gone) {
            return Err(self.not_kept(id));
        }
        if recorded.is_none() {
            taken.join(self.ask_to_freeze(node)?);
        }
        let inputs = self.inputs(node);
        let outputs: Vec<Value<T>> =
            node.outputs.iter().filter_map(|id| id.and_then(|id| self.value(id)).cloned()).collect();
        let held: Vec<String> = (node.inputs.iter().zip(&depends).zip(&moves))
            .filter(|&((_, depends), moves)| *depends && !moves)
            .filter_map(|((id, _), _)| id.map(|id| self.model.name(id).to_owned()))
            .collect();
        let mut frozen = Vec::new();
        for (output, &id) in node.outputs.iter().enumerate().rev() {
            let Some(id) = id.filter(|id| wanted.contains(id)) else { continue };
            let mut affine = match recorded {
                Some(affines) => affines[output].clone(),
                None => {
                    let at = At { inputs: &inputs, outputs: &outputs, varies: &moves, output, rule, still: None };
                    let failed = |source| self.failed("freeze", node, &inputs, source);
                    T::op(operator.as_ref())
                        .freeze(&at)
                        .or_else(|why| self.freeze_still(node, at, why))
                        .map_err(failed)?
                }
            };
            let infinite = node.inputs.iter().flatten().find(|&&id| self.is_infinite(id));
            if let Some(&id) = infinite.filter(|_| !is_finite(&affine)) {
                let text = format!("it multiplies by the constant `{}`, which holds an infinity", self.model.name(id));
                return Err(self.failed("freeze", node, &inputs, OpError::new(text)));
            }
            affine.offset = affine.offset.map(finite);
            if !held.is_empty() {
                affine.validity = Validity::Input;
            }
            // Keep the terms of inputs that vary; the others are in the offset already.
            let terms = std::mem::take(&mut affine.terms).into_iter().zip(&node.inputs);
            let (mut reads, mut inputs) = (Vec::new(), Vec::new());
            for (input, (term, id)) in terms.enumerate() {
                if let (Some(term), Some(id)) = (term, id.filter(|&id| varies[id.0])) {
                    affine.terms.push(Some(term));
                    reads.push(id);
                    inputs.push(input);
                }
            }
            let (tensor, node, op) = (self.model.name(id).to_owned(), node.name.clone(), node.op.clone());
            let decisions = self.decisions(index).filter(|_| output == 0).cloned();
            let (held, sources) = (held.clone(), Vec::new());
            let stage = Stage { tensor, node, op, rule, held, affine, sources, inputs, decisions };
            frozen.push(Made { tensor: id, stage, reads });
        }
        Ok(frozen)
    }
}
