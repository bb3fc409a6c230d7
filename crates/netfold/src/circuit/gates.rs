//! Which factors of a product are gates: held constant under the `gate` rule, while the signal passes linearly.

use crate::affine::Rule;
use crate::model::{Node, TensorId};
pub use crate::ops::Role;
use crate::ops::{Class, Inputs, Precision};
use crate::trace::Trace;
use crate::value::{Tensor, Value};

/// The role of every tensor of a trace.
#[derive(Clone, Debug)]
pub struct Gates {
    roles: Vec<Role>,
}

impl Gates {
    /// The role of a tensor.
    pub fn role(&self, id: TensorId) -> Role {
        self.roles[id.0]
    }

    /// How a node is frozen when `rule` is asked for: which inputs of those that vary have a term, and by which rule.
    ///
    /// Of a product under `gate`, factors with a higher role than the lowest are held; if more than one is left, the
    /// rule is `half`.
    pub fn choose(&self, node: &Node, factors: &[usize], varies: &[bool], rule: Rule) -> (Vec<bool>, Rule) {
        let mut moves = varies.to_vec();
        let vary: Vec<usize> = factors.iter().copied().filter(|&i| varies.get(i) == Some(&true)).collect();
        if rule != Rule::Gate || vary.len() < 2 {
            return (moves, rule);
        }
        let divides = node.class() == Class::Quotient;
        let role = |i: usize| {
            let own = node.inputs[i].map(|id| self.role(id)).unwrap_or_default();
            if divides && i == 1 { own.max(Role::Statistic) } else { own }
        };
        let lowest = vary.iter().map(|&i| role(i)).min().unwrap_or_default();
        vary.iter().filter(|&&i| role(i) > lowest).for_each(|&i| moves[i] = false);
        let left = vary.iter().filter(|&&i| moves[i]).count();
        (moves, if left > 1 { Rule::Half } else { rule })
    }
}

impl<T: Precision> Trace<'_, T> {
    /// The role of every tensor, from the operators on the way to it.
    pub fn gates(&self) -> Gates {
        let mut gates = Gates { roles: vec![Role::Signal; self.model.tensors.len()] };
        for node in self.nodes.iter().map(|&index| &self.model.nodes[index]) {
            let role = self.role_of(node, &gates);
            node.outputs.iter().flatten().for_each(|id| gates.roles[id.0] = role);
        }
        gates
    }

    fn role_of(&self, node: &Node, gates: &Gates) -> Role {
        let varying = || node.inputs.iter().flatten().copied().filter(|&id| self.reached(id));
        if varying().next().is_none() {
            return Role::Signal;
        }
        let facts = node.facts();
        let constant_dividend = || node.inputs.first().copied().flatten().is_some_and(|id| !self.reached(id));
        match facts.class() {
            Class::Clip | Class::Select if self.is_hard_sigmoid(node) => Role::Gate,
            Class::Quotient if constant_dividend() => Role::Statistic,
            Class::Power if self.number(node, 1).is_some_and(|p| p < 1.0) => Role::Statistic,
            _ => facts.role().unwrap_or_else(|| varying().map(|id| gates.role(id)).min().unwrap_or_default()),
        }
    }

    /// min(max(z + c, 0), d) with constants c and d above 0, as `Clip` or as `Min` of a `Relu`: a hard sigmoid in small
    /// nodes.
    fn is_hard_sigmoid(&self, node: &Node) -> bool {
        const LARGEST: f64 = f32::MAX as f64;
        let first = |node: &Node| node.inputs.first().copied().flatten().and_then(|id| self.model.maker(id));
        let clipped = match node.class() {
            Class::Clip if self.range(node).is_some_and(|[low, high]| low == 0.0 && high < LARGEST) => first(node),
            // The smaller of its input and a constant.
            Class::Select
                if self.number(node, 1).is_some()
                    && self.range(node).is_some_and(|[low, high]| low <= -LARGEST && high < LARGEST) =>
            {
                first(node).filter(|maker| maker.class() == Class::Relu).and_then(first)
            }
            _ => None,
        };
        let positive = |id: TensorId| self.constant(id).is_some_and(|c| c > 0.0);
        clipped.is_some_and(|maker| {
            let facts = maker.facts();
            let mut added = facts.bias_inputs().iter().filter_map(|&i| maker.inputs.get(i).copied().flatten());
            facts.class() == Class::Sum && added.any(positive)
        })
    }

    /// What a node with constant bounds gives at the lowest and the highest number.
    fn range(&self, node: &Node) -> Option<[f64; 2]> {
        let operator = node.operator.as_ref().ok()?;
        let at = |z: f64| {
            let mut inputs = self.inputs(node);
            let z = Value::Real(Tensor::scalar(T::of(z)));
            inputs.0[0] = Some(&z);
            match T::op(operator.as_ref()).forward(&Inputs(inputs.0)).ok()?.into_iter().next()? {
                Value::Real(y) => Some(y.data()[0].wide()),
                _ => None,
            }
        };
        Some([at(f64::from(f32::MIN))?, at(f64::from(f32::MAX))?])
    }

    /// Input `i` of a node, if it is one constant number.
    fn number(&self, node: &Node, i: usize) -> Option<f64> {
        self.constant(node.inputs.get(i).copied().flatten()?)
    }

    fn constant(&self, id: TensorId) -> Option<f64> {
        match self.value(id)? {
            Value::Real(tensor) if !self.reached(id) && tensor.len() == 1 => Some(tensor.data()[0].wide()),
            Value::Int(tensor) if tensor.len() == 1 => Some(tensor.data()[0] as f64),
            _ => None,
        }
    }
}
