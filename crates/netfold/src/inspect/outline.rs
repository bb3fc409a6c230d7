//! The shapes of a network's tensors, told without computing more than they need.

use std::collections::BTreeSet;

use crate::budget::Share;
use crate::error::{Error, OpError};
use crate::model::{Graph, Node, TensorId};
use crate::ops::{Extent, Inputs, Outline, Outlines, Precision, Told, size};
use crate::trace::{node_error, refusal};
use crate::value::{Tensor, Value};

/// Products that computing all that shapes depend on may take: it is hardly ever more than a few sums.
const PRODUCTS: f64 = 1e9;
/// Bytes that one node of it may take.
const BYTES: f64 = (1 << 26) as f64;

/// What the nodes of a network say of their outputs, for an input of some shape.
///
/// What only constants make is computed where a shape depends on it, and only then.
#[derive(Debug)]
pub(crate) struct Sketch<'m, T> {
    model: &'m Graph,
    varies: &'m [bool],
    told: Vec<Option<Told>>,
    known: Vec<Option<Value<T>>>,
    held: Share,
    spent: f64,
    /// What a trace would take.
    pub takes: Takes,
}

/// What a trace takes, by what its nodes say; infinite where one of them cannot tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Takes {
    /// Bytes of all values.
    pub values: f64,
    /// Bytes of all values, and of the tables of computing and freezing.
    pub bytes: f64,
    /// Elements of the largest tensor.
    pub largest: f64,
    /// Products of two numbers.
    pub products: f64,
    /// Those among them of constants alone.
    pub constant: f64,
}

impl Takes {
    const UNKNOWN: Self = {
        let most = f64::INFINITY;
        Self { values: most, bytes: most, largest: most, products: most, constant: most }
    };

    fn and(self, extent: &Extent, width: usize, constant: bool) -> Self {
        let amounts = extent.outputs.iter().map(|told| size::amount(&told.shape));
        Self {
            values: self.values + extent.outputs.iter().map(|told| told.bytes(width)).sum::<f64>(),
            bytes: self.bytes + extent.bytes(width) + extent.frozen,
            largest: amounts.fold(self.largest, f64::max),
            products: self.products + extent.products,
            constant: self.constant + if constant { extent.products } else { 0.0 },
        }
    }
}

impl Graph {
    /// The shapes that these nodes make of inputs that are told, with their values where shapes may depend on them; `varies`
    /// tells which tensors depend on the explained one.
    ///
    /// # Errors
    /// If a node refuses the shapes of its inputs, or the budget has too little memory left for the constants.
    pub(crate) fn sketch<'m, T: Precision>(
        &'m self,
        inputs: Vec<(TensorId, Told, Option<Value<T>>)>,
        nodes: &[usize],
        varies: &'m [bool],
    ) -> Result<Sketch<'m, T>, Error> {
        let (mut told, mut known) = (vec![None; self.tensors.len()], vec![None; self.tensors.len()]);
        self.values::<T>()?.values.iter().for_each(|(id, value)| known[id.0] = Some(value.clone()));
        let mut takes = Takes::default();
        for (id, input, value) in inputs {
            takes.largest = takes.largest.max(size::amount(&input.shape));
            (told[id.0], known[id.0]) = (Some(input), value);
        }
        let held = self.budget().none();
        let mut sketch = Sketch { model: self, varies, told, known, held, spent: 0.0, takes };
        for &index in nodes {
            let node = &self.nodes[index];
            match sketch.extent(node)? {
                None => sketch.takes = Takes::UNKNOWN,
                Some(extent) => {
                    let constant = !node.outputs.iter().flatten().any(|id| varies[id.0]);
                    sketch.takes = sketch.takes.and(&extent, size_of::<T>(), constant);
                    sketch.tell(node, extent);
                }
            }
        }
        Ok(sketch)
    }
}

impl<T: Precision> Sketch<'_, T> {
    /// The shape of a tensor, if it could be told.
    pub fn shape(&self, id: TensorId) -> Option<&[usize]> {
        self.outline(id).map(|outline| outline.shape)
    }

    fn outline(&self, id: TensorId) -> Option<Outline<'_>> {
        let known = self.known[id.0].as_ref().map(Outline::of);
        known.or_else(|| self.told[id.0].as_ref().map(Outline::told))
    }

    /// What is known of a node's inputs; `None` where one of them could not be told.
    fn outlines(&self, node: &Node) -> Option<Outlines<'_>> {
        let outline = |id: &Option<TensorId>| match id {
            None => Some(None),
            Some(id) => self.outline(*id).map(Some),
        };
        Some(Outlines::new(node.inputs.iter().map(outline).collect::<Option<_>>()?, size_of::<T>()))
    }

    fn tell(&mut self, node: &Node, extent: Extent) {
        for (&output, told) in node.outputs.iter().zip(extent.outputs) {
            if let Some(output) = output {
                self.told[output.0] = Some(told);
            }
        }
    }

    /// What a node says; `None` where an input could not be told, its elements would be costly, or a tensor has more
    /// elements than can be numbered.
    fn extent(&mut self, node: &Node) -> Result<Option<Extent>, Error> {
        loop {
            let error = match self.says_of(node) {
                Some(Ok(extent)) => return Ok(Some(extent)),
                Some(Err(error)) if error.too_large().is_some() => return Ok(None),
                Some(Err(error)) => error,
                None => return Ok(None),
            };
            let missing = error.not_known().and_then(|i| node.inputs.get(i).copied().flatten());
            match missing {
                Some(id) if self.compute(id)? => {}
                Some(_) => return Ok(None),
                None => {
                    let shape = |id: &Option<TensorId>| id.and_then(|id| self.shape(id));
                    let shapes = node.inputs.iter().map(|id| shape(id).map_or("-".to_owned(), |s| format!("{s:?}")));
                    return Err(refusal("compute", node, shapes.collect::<Vec<_>>().join(" "), error));
                }
            }
        }
    }

    /// What a node says, if its operator can be used and its inputs could be told.
    fn says_of(&self, node: &Node) -> Option<Result<Extent, OpError>> {
        let operator = node.operator.as_ref().ok()?;
        self.outlines(node).map(|outlines| operator.extent(&outlines))
    }

    /// Computes a tensor that does not depend on the input; false where that would be costly or cannot be.
    fn compute(&mut self, id: TensorId) -> Result<bool, Error> {
        let (mut open, mut wanted) = (vec![id], BTreeSet::new());
        while let Some(id) = open.pop() {
            // What a shape alone says needs nothing else.
            if let Some(told) = self.told[id.0].as_ref()
                && let Some(ints) = &told.ints
            {
                self.known[id.0] = Some(Value::Int(Tensor::new(&told.shape, ints.clone())));
            }
            if self.known[id.0].is_none() {
                let maker = self.model.nodes_of(id).pop().filter(|_| !self.varies[id.0]);
                let Some(maker) = maker else { return Ok(false) };
                if wanted.insert(maker) {
                    open.extend(self.model.nodes[maker].inputs.iter().flatten());
                }
            }
        }
        for index in wanted {
            let node = &self.model.nodes[index];
            let (Ok(operator), Some(Ok(extent))) = (&node.operator, self.says_of(node)) else { return Ok(false) };
            let (bytes, spent) = (extent.bytes(size_of::<T>()), self.spent + extent.products);
            if bytes > BYTES || spent > PRODUCTS || self.held.grow(bytes).is_err() {
                return Ok(false);
            }
            let inputs = Inputs(node.inputs.iter().map(|id| id.and_then(|id| self.known[id.0].as_ref())).collect());
            let failed = |source| node_error("compute", node, &inputs, source);
            let made = T::op(operator.as_ref()).forward(&inputs).map_err(failed)?;
            self.spent = spent;
            for (&output, value) in node.outputs.iter().zip(made) {
                if let Some(output) = output {
                    self.known[output.0] = Some(value);
                }
            }
        }
        Ok(self.known[id.0].is_some())
    }
}
