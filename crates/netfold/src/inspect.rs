//! What a network is made of and what a reconstruction takes, told before there is an input.

mod inputs;
mod outline;

use std::collections::{HashMap, HashSet};

use netfold_onnx::DType;
pub use netfold_onnx::Dim;
use serde::Serialize;

use crate::circuit::{Circuit, Kind, Rules, Shares, Stage};
use crate::error::{Error, Unsupported};
use crate::model::{Graph, Head, Node, TensorId};
use crate::ops::{Class, Holds, Outlines, Precision};
use crate::reconstruction::{Cost, Together};
use crate::trace::{Trace, Warning};
use outline::Takes;

/// A network, node by node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// What the one-layer model takes: the explained input, or an inner tensor.
    pub input: TensorFacts,
    /// All that the model takes, in the file's order, and what each is to the one-layer model.
    pub inputs: Vec<(TensorFacts, InputRole)>,
    /// What it gives.
    pub outputs: Vec<TensorFacts>,
    /// What is reconstructed.
    pub logits: TensorFacts,
    /// The input's shape that the network was traced with, for shapes, kinds and costs; `None` where a size is not
    /// known, a node is not supported, or a trace is too much.
    pub traced: Option<Vec<usize>>,
    /// What a trace would take, where that is too much to be done for an inspection: shapes are told all the same.
    pub beyond: Option<Beyond>,
    /// The nodes on the way to the output, in the order in which they are computed.
    pub nodes: Vec<NodeFacts>,
    /// Those that stand in the way of a reconstruction.
    pub unsupported: Vec<Unsupported>,
    /// Tensors before the first of them that depend on the input and can be explained.
    pub before: Vec<String>,
    /// How many numbers the constants hold that these nodes read; 64-bit integers (shapes, indices) do not count.
    pub parameters: usize,
    /// What a reconstruction takes, where the network was traced.
    pub estimate: Option<Estimate>,
    /// What a reader has to know.
    pub warnings: Vec<Warning>,
}

/// What an input of the model is to the one-layer model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InputRole {
    /// It is the x of W x + b, or what x is computed from.
    Explained,
    /// It is held constant and needs a value.
    Held,
    /// Nothing that is looked at is computed from it.
    Unused,
}

/// Where an inspection begins, and how large the inputs are.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The explained input; `None`: the model's first.
    pub input: Option<TensorId>,
    /// The inner tensor that the one-layer model begins with; `None`: the explained input.
    pub from: Option<TensorId>,
    /// Shapes of inputs, where the file does not give the sizes. The same symbol has the same size in all inputs.
    pub shapes: HashMap<TensorId, Vec<usize>>,
}

/// One node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeFacts {
    /// Its name in the file, or what it makes where it has none.
    pub name: String,
    /// Its operator.
    pub op: String,
    /// The tensors that it reads, in the order of its inputs.
    pub inputs: Vec<String>,
    /// The tensors that it makes.
    pub outputs: Vec<TensorFacts>,
    /// What it is to the one-layer model.
    pub kind: Kind,
    /// What makes it affine, where something has to.
    pub rule: Option<&'static str>,
}

/// A tensor.
#[derive(Clone, Debug)]
pub struct TensorFacts {
    /// Its name.
    pub name: String,
    /// The type of its elements, where the file declares it.
    pub dtype: Option<DType>,
    /// Its shape: as traced, else as the file declares it.
    pub shape: Option<Vec<Dim>>,
}

/// What a reconstruction takes, on the masks of an input of evenly spread numbers.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Products of a vector that is pushed through the frozen network, nothing masked.
    pub pass: f64,
    /// Bytes of the constants, as they are read and as they are computed with.
    pub constants: usize,
    /// Bytes of the traced values.
    pub trace: usize,
    /// One row.
    pub row: Cost,
    /// The rows of all logits.
    pub rows: Cost,
}

/// What a trace would take, by what the nodes say of shapes; `None` where one of them cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Beyond {
    /// Bytes of all values, and of the tables of computing and freezing.
    pub bytes: Option<f64>,
    /// Products of two numbers.
    pub products: Option<f64>,
}

/// Bytes of all values up to which an inspection traces.
const VALUES: f64 = (1 << 30) as f64;
/// Elements of a tensor up to which it does.
const LARGEST: f64 = (1 << 26) as f64;
/// Products up to which it does, and those of constants alone.
const PRODUCTS: [f64; 2] = [1e12, 1e10];
/// Logits up to which it plans all rows.
const LOGITS: usize = 1 << 24;

impl Takes {
    /// Whether a trace is too much for an inspection.
    fn beyond(self, left: u64) -> Option<Beyond> {
        let Self { values, bytes, largest, products, constant } = self;
        let within = values <= VALUES && bytes <= left as f64 && largest <= LARGEST;
        (!within || products > PRODUCTS[0] || constant > PRODUCTS[1]).then(|| self.told())
    }

    fn told(self) -> Beyond {
        let finite = |number: f64| Some(number).filter(|number| number.is_finite());
        Beyond { bytes: finite(self.bytes), products: finite(self.products) }
    }
}

impl Graph {
    /// Every node on the way to `head`, how `rules` freeze it, and what a reconstruction takes.
    ///
    /// Shapes are those of a trace with inputs of the shapes in `start`; without one the declared shape is taken, if its
    /// sizes are numbers (a first axis without number is 1). Inputs that are held are evenly spread numbers, indices 0, and
    /// true. Where a trace would be too much (more than 1 GiB of values or what the budget has left, a tensor of more than 2²⁶
    /// elements, more than 1e12 products, or 1e10 of constants) nothing is computed but what shapes depend on. Nodes that are
    /// not supported are no error here.
    ///
    /// # Errors
    /// If the model takes no input, a shape does not fit, a rule names a node that the model does not have, or a node
    /// refuses the trace.
    pub fn inspect<T: Precision>(&self, head: &Head, start: &Start, rules: &Rules) -> Result<Inspection, Error> {
        rules.check(self)?;
        let input = start.input.map_or_else(|| self.input(), Ok)?;
        let root = start.from.unwrap_or(input);
        let (way, needed) = (self.nodes_of(head.logits), self.inputs_of(head.logits));
        let (varies, mut unsupported) = self.dependence_and_refused(root, &way);
        let shapes = if unsupported.is_empty() { self.shapes_of_inputs(input, &needed, start) } else { None };
        let sketch = shapes.as_ref().map(|shapes| self.sketch_of_inputs::<T>(shapes, start, &way, &varies));
        let sketch = listed(sketch, &mut unsupported)?;
        let mut beyond = sketch.as_ref().and_then(|sketch| sketch.takes.beyond(self.budget().left()));
        let feed = match &shapes {
            Some(shapes) if beyond.is_none() && unsupported.is_empty() => Some(self.spread_feed::<T>(shapes, start)?),
            _ => None,
        };
        let made = feed.map(|feed| self.spread::<T>(feed, head, rules));
        let (trace, circuit) = match listed(made, &mut unsupported) {
            // What is beside values and tables of nodes may be too much, too.
            Err(Error::Memory { .. }) => {
                beyond = sketch.as_ref().map(|sketch| sketch.takes.told());
                (None, None)
            }
            made => made?.unzip(),
        };
        let traced = shapes.map(|shapes| shapes[0].1.clone()).filter(|_| trace.is_some());
        let told = |id: TensorId| sketch.as_ref().and_then(|sketch| sketch.shape(id));

        let stages = circuit.iter().flat_map(Circuit::stages);
        let stages: HashMap<&str, &Stage<T>> = stages.map(|stage| (stage.tensor.as_str(), stage)).collect();
        let refused: HashSet<&str> = unsupported.iter().map(|refused| refused.node.as_str()).collect();
        let on_way: HashSet<usize> = way.iter().copied().collect();
        let kind = |index: usize, node: &Node| {
            let made = || node.outputs.iter().flatten();
            let stage = made().find_map(|&id| stages.get(self.name(id)));
            match stage {
                Some(stage) => (stage.affine.validity.into(), stage.frozen_by()),
                None if !on_way.contains(&index) => (Kind::LeftOff, None),
                None if refused.contains(node.name.as_str()) => (Kind::Unsupported, None),
                None if !made().any(|&id| varies[id.0] && id != root) => (Kind::Constant, None),
                None if circuit.is_some() => (Kind::Held, None),
                None => (Kind::Varies, None),
            }
        };
        let nodes = self.nodes_of(head.output).into_iter().map(|index| {
            let node = &self.nodes[index];
            let (kind, rule) = kind(index, node);
            NodeFacts {
                name: node.name.clone(),
                op: node.op.clone(),
                inputs: node.inputs.iter().flatten().map(|&id| self.name(id).to_owned()).collect(),
                outputs: node.outputs.iter().flatten().map(|&id| self.facts(id, told(id))).collect(),
                kind,
                rule,
            }
        });
        let facts = |&id: &TensorId| self.facts(id, told(id));
        let role = |id: TensorId| match needed.contains(&id) {
            _ if id == input => InputRole::Explained,
            true => InputRole::Held,
            false => InputRole::Unused,
        };
        Ok(Inspection {
            input: facts(&root),
            inputs: self.inputs.iter().map(|id| (facts(id), role(*id))).collect(),
            outputs: self.outputs.iter().map(facts).collect(),
            logits: facts(&head.logits),
            nodes: nodes.collect(),
            before: self.before(root, &varies, &unsupported),
            unsupported,
            parameters: self.parameters(&way),
            estimate: trace.as_ref().zip(circuit.as_ref()).and_then(|(trace, circuit)| estimate(trace, circuit)),
            warnings: trace.as_ref().map(Trace::warnings).unwrap_or_default(),
            traced,
            beyond,
        })
    }

    /// A tensor's name and shape: as its node tells it, else as declared.
    fn facts(&self, id: TensorId, told: Option<&[usize]>) -> TensorFacts {
        let known = told.map(|shape| shape.iter().map(|&size| Dim::Known(size)).collect());
        let info = &self.tensors[id.0];
        TensorFacts { name: info.name.clone(), dtype: info.dtype, shape: known.or_else(|| info.shape.clone()) }
    }

    /// How many numbers the constants hold that these nodes read or make out of nothing.
    fn parameters(&self, nodes: &[usize]) -> usize {
        let nodes = || nodes.iter().map(|&index| &self.nodes[index]);
        let read: HashSet<TensorId> = nodes().flat_map(|node| node.inputs.iter().flatten().copied()).collect();
        let stored = read.iter().filter_map(|id| self.constants.get(id));
        let stored = stored.filter(|tensor| !matches!(tensor.data.dtype(), DType::I64 | DType::Bool | DType::String));
        let made =
            nodes().filter(|node| node.inputs.is_empty() && node.class() == Class::Constant).filter_map(|node| {
                let extent = node.operator.as_ref().ok()?.extent(&Outlines::new(Vec::new(), size_of::<f32>())).ok()?;
                let made = extent.outputs.first().filter(|told| told.holds == Holds::Reals)?;
                Some(made.shape.iter().product())
            });
        stored.map(|tensor| tensor.data.len()).chain(made).sum()
    }
}

/// What was made, if it was; what is not supported goes to the others.
fn listed<M>(made: Option<Result<M, Error>>, unsupported: &mut Vec<Unsupported>) -> Result<Option<M>, Error> {
    match made.transpose() {
        Err(Error::Unsupported { nodes, .. }) => {
            unsupported.extend(nodes);
            Ok(None)
        }
        made => made,
    }
}

/// What rows of W take; `None` where there are no logits, or so many that a plan of all rows is too much.
fn estimate<T: Precision>(trace: &Trace<'_, T>, circuit: &Circuit<T>) -> Option<Estimate> {
    let logits: usize = circuit.output_shape().iter().product();
    let cost = |rows: usize| {
        circuit.cost(&circuit.plan_rows(&(0..rows).collect::<Vec<_>>(), Together::AsFits, Shares::Computed))
    };
    // What is stored in this precision is computed with as it is.
    let own = if T::NAME == "f32" { DType::F32 } else { DType::F64 };
    let constants = trace.model.constants.values().map(|tensor| {
        let dtype = tensor.data.dtype();
        let copy = if dtype == own { 0 } else { size_of::<T>() };
        tensor.data.len() * (dtype.size().unwrap_or_default() + copy)
    });
    (1..=LOGITS).contains(&logits).then(|| Estimate {
        pass: circuit.mul_adds(0..circuit.stages().len(), &circuit.full_plan()),
        constants: constants.sum(),
        trace: trace.bytes(),
        row: cost(1),
        rows: cost(logits),
    })
}
