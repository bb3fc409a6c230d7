//! The graph: nodes and tensors under their ONNX names, in an order in which they can be computed.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use netfold_linear::Real;
use netfold_onnx::{Attribute, DType, Dim, ModelDef, NodeDef, TensorDef, ValueInfo};

use crate::budget::{Budget, Share};
use crate::error::{Error, Unsupported, nearest, quoted};
use crate::ops::{self, Attributes, Class, Facts, Known, NEWEST, Operator};
use crate::value::Value;

/// A tensor of a [`Graph`], by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// A node of a [`Graph`].
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name in the file, or what it makes where it has none.
    pub name: String,
    /// Its operator's name.
    pub op: String,
    /// The operator, or why it cannot be used.
    pub operator: Result<Arc<dyn Operator>, String>,
    /// What it reads; `None` where an optional input is left out.
    pub inputs: Vec<Option<TensorId>>,
    /// What it makes; `None` where nobody wants an output.
    pub outputs: Vec<Option<TensorId>>,
}

/// A tensor's name and what the file says of it.
#[derive(Clone, Debug, Default)]
pub struct TensorInfo {
    /// Its name in the file.
    pub name: String,
    /// The kind of its elements, where declared.
    pub dtype: Option<DType>,
    /// What the file says that it is, where that is nothing that can be read: `complex64`, or `no tensor`.
    pub unread: Option<String>,
    /// Its shape, where declared.
    pub shape: Option<Vec<Dim>>,
}

/// A trained network's nodes and tensors: what a [`Model`](crate::Model) holds.
#[derive(Clone, Debug)]
pub struct Graph {
    /// All tensors.
    pub tensors: Vec<TensorInfo>,
    /// All nodes, each after those whose outputs it reads.
    pub nodes: Vec<Node>,
    /// The constants of the file.
    pub constants: HashMap<TensorId, TensorDef>,
    /// What has to be given: the graph's inputs that no constant fills.
    pub inputs: Vec<TensorId>,
    /// What the graph gives.
    pub outputs: Vec<TensorId>,
    /// Version of the operator set.
    pub opset: i64,
    /// Who wrote the file.
    pub producer: String,
    names: HashMap<String, TensorId>,
    makers: HashMap<TensorId, usize>,
    single: OnceLock<Arc<Constants<f32>>>,
    double: OnceLock<Arc<Constants<f64>>>,
    budget: OnceLock<Budget>,
    /// What the constants take as they were read, until the model goes.
    share: Option<Arc<Share>>,
}

/// A model's constants in one precision.
#[derive(Debug)]
pub(crate) struct Constants<T> {
    pub values: HashMap<TensorId, Value<T>>,
    _held: Share,
    /// The constants that are not finite.
    pub non_finite: Vec<TensorId>,
}

impl Graph {
    /// With this budget for all that is computed with the model: its constants count.
    ///
    /// # Errors
    /// If the constants take more memory than the budget has left.
    pub fn within(mut self, budget: Budget) -> Result<Self, Error> {
        let bytes = |tensor: &TensorDef| (tensor.data.len() * tensor.data.dtype().size().unwrap_or_default()) as f64;
        let bytes = self.constants.values().map(bytes).sum();
        self.share = Some(Arc::new(budget.take(bytes).map_err(Error::memory("to hold the model's constants"))?));
        self.budget = OnceLock::from(budget);
        Ok(self)
    }

    /// How much memory what is computed with the model may take; where none was given, the default at the time of the
    /// first computation.
    pub fn budget(&self) -> &Budget {
        self.budget.get_or_init(Budget::default)
    }

    /// The graph that a decoded file describes.
    ///
    /// # Errors
    /// If the graph reads what nothing makes, goes in a circle, or is of an operator set that there is not.
    pub fn new(def: ModelDef) -> Result<Self, Error> {
        let opset = operator_set(&def)?;
        let mut model = Self {
            tensors: Vec::new(),
            nodes: Vec::new(),
            constants: HashMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            opset,
            producer: def.producer,
            names: HashMap::new(),
            makers: HashMap::new(),
            single: OnceLock::new(),
            double: OnceLock::new(),
            budget: OnceLock::new(),
            share: None,
        };
        let graph = def.graph;
        for (name, tensor) in graph.initializers {
            let id = model.intern(&name);
            let shape = tensor.shape.iter().map(|&size| Dim::Known(size)).collect();
            (model.tensors[id.0].dtype, model.tensors[id.0].shape) = (Some(tensor.data.dtype()), Some(shape));
            model.constants.insert(id, tensor);
        }
        for info in graph.inputs {
            let id = model.intern(&info.name);
            // Files older than IR version 4 list their constants among the inputs.
            if !model.constants.contains_key(&id) {
                model.declare(id, info);
                model.inputs.push(id);
            }
        }
        for info in graph.value_info {
            let id = model.intern(&info.name);
            model.declare(id, info);
        }
        let mut given = model.constants.clone();
        for node in graph.nodes.iter().filter(|node| full_name(node) == "Constant") {
            if let (Some(Attribute::Tensor(value)), [made]) = (node.attributes.get("value"), node.outputs.as_slice()) {
                let id = model.intern(made);
                let shape = value.shape.iter().map(|&size| Dim::Known(size)).collect();
                (model.tensors[id.0].dtype, model.tensors[id.0].shape) = (Some(value.data.dtype()), Some(shape));
                given.insert(id, value.clone());
            }
        }
        for node in &graph.nodes {
            model.add_node(node, &given);
        }
        for info in graph.outputs {
            let id = model.intern(&info.name);
            model.declare(id, info);
            model.outputs.push(id);
        }
        model.sort()?;
        Ok(model)
    }

    /// The constants as values, made when first asked for.
    ///
    /// # Errors
    /// If the budget has too little memory left for those that are not computed with as they were read.
    pub(crate) fn values<T: Real>(&self) -> Result<&Constants<T>, Error> {
        let (single, double): (&dyn Any, &dyn Any) = (&self.single, &self.double);
        let cell: Option<&OnceLock<Arc<Constants<T>>>> = single.downcast_ref().or_else(|| double.downcast_ref());
        let Some(cell) = cell else { unreachable!("reals are f32 and f64") };
        if let Some(made) = cell.get() {
            return Ok(made);
        }
        let bytes = self.constants.values().map(Value::<T>::bytes_from_onnx).sum();
        let held = self
            .budget()
            .take(bytes)
            .map_err(Error::memory(format!("to convert the model's constants to {}", T::NAME)))?;
        Ok(cell.get_or_init(|| {
            let constants = self.constants.iter();
            let values: HashMap<_, _> =
                constants.filter_map(|(&id, tensor)| Some((id, Value::from_onnx(tensor)?))).collect();
            let mut non_finite: Vec<_> =
                values.iter().filter(|(_, value)| value.non_finite().is_some()).map(|(&id, _)| id).collect();
            non_finite.sort_unstable();
            Arc::new(Constants { values, non_finite, _held: held })
        }))
    }

    /// The tensor of this name, or the first that the node of this name makes.
    ///
    /// # Errors
    /// If there is neither; names the nearest tensors.
    pub fn tensor(&self, name: &str) -> Result<TensorId, Error> {
        let unknown = || Error::Unknown {
            kind: "tensor",
            name: name.to_owned(),
            nearest: nearest(name, self.tensors.iter().map(|tensor| tensor.name.as_str())),
        };
        let made = || self.nodes.iter().find(|node| node.name == name)?.outputs.iter().copied().flatten().next();
        self.names.get(name).copied().or_else(made).ok_or_else(unknown)
    }

    /// The tensor's name.
    pub fn name(&self, id: TensorId) -> &str {
        &self.tensors[id.0].name
    }

    /// The node that makes a tensor; `None` for inputs and constants.
    pub fn maker(&self, id: TensorId) -> Option<&Node> {
        self.makers.get(&id).map(|&index| &self.nodes[index])
    }

    /// The nodes that `output` is computed from, in order.
    pub fn nodes_of(&self, output: TensorId) -> Vec<usize> {
        let mut wanted = vec![false; self.nodes.len()];
        let mut open: Vec<usize> = self.makers.get(&output).copied().into_iter().collect();
        while let Some(index) = open.pop() {
            if !std::mem::replace(&mut wanted[index], true) {
                open.extend(self.nodes[index].inputs.iter().flatten().filter_map(|id| self.makers.get(id)));
            }
        }
        (0..self.nodes.len()).filter(|&index| wanted[index]).collect()
    }

    /// Adds −f of a tensor f: a network of one logit f decides between two classes, and −f is the logit of the other.
    pub fn opposite(&mut self, f: TensorId) -> TensorId {
        let mut name = format!("opposite of {}", self.name(f));
        while self.names.contains_key(&name) {
            name.push('\'');
        }
        self.add_node(&NodeDef::new("Neg", [self.name(f)], [name.as_str()]), &HashMap::new());
        self.intern(&name)
    }

    fn intern(&mut self, name: &str) -> TensorId {
        if let Some(&id) = self.names.get(name) {
            return id;
        }
        let id = TensorId(self.tensors.len());
        self.tensors.push(TensorInfo { name: name.to_owned(), ..TensorInfo::default() });
        self.names.insert(name.to_owned(), id);
        id
    }

    fn declare(&mut self, id: TensorId, info: ValueInfo) {
        let tensor = &mut self.tensors[id.0];
        tensor.dtype = tensor.dtype.or(info.dtype);
        tensor.unread = tensor.unread.take().or(info.unread);
        if tensor.shape.is_none() {
            tensor.shape = info.shape;
        }
    }

    /// `given` are the constants, as initializers or as nodes.
    fn add_node(&mut self, node: &NodeDef, given: &HashMap<TensorId, TensorDef>) {
        let mut tensors = |names: &[String]| -> Vec<Option<TensorId>> {
            names.iter().map(|name| (!name.is_empty()).then(|| self.intern(name))).collect()
        };
        let (inputs, outputs) = (tensors(&node.inputs), tensors(&node.outputs));
        for &id in outputs.iter().flatten() {
            self.makers.insert(id, self.nodes.len());
        }
        let known = |id: &Option<TensorId>| {
            let info = id.map(|id| &self.tensors[id.0]);
            Known {
                dtype: info.and_then(|info| info.dtype),
                unread: info.and_then(|info| info.unread.as_deref()),
                shape: info.and_then(|info| info.shape.as_deref()),
                constant: id.and_then(|id| given.get(&id)),
            }
        };
        let known: Vec<Known<'_>> = inputs.iter().map(known).collect();
        let operator = build(node, self.opset, &known);
        let (name, op) = (node.label(), full_name(node));
        self.nodes.push(Node { name, op, operator, inputs, outputs });
    }

    /// Puts every node after those that it reads from (Kahn's algorithm, keeping the file's order where it can).
    fn sort(&mut self) -> Result<(), Error> {
        let known = |model: &Self, id: TensorId| model.constants.contains_key(&id) || model.inputs.contains(&id);
        for id in self.nodes.iter().flat_map(|node| node.inputs.iter().flatten()).chain(&self.outputs) {
            if !known(self, *id) && !self.makers.contains_key(id) {
                return Err(Error::Graph(format!("nothing makes `{}`", self.name(*id))));
            }
        }
        let mut waits: Vec<usize> = Vec::new();
        let mut readers: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let makers: Vec<usize> =
                node.inputs.iter().flatten().filter_map(|id| self.makers.get(id)).copied().collect();
            waits.push(makers.len());
            makers.into_iter().for_each(|maker| readers.entry(maker).or_default().push(index));
        }
        let mut ready: std::collections::BinaryHeap<std::cmp::Reverse<usize>> =
            (0..waits.len()).filter(|&index| waits[index] == 0).map(std::cmp::Reverse).collect();
        let mut order = Vec::new();
        while let Some(std::cmp::Reverse(index)) = ready.pop() {
            order.push(index);
            for &reader in readers.get(&index).into_iter().flatten() {
                waits[reader] -= 1;
                if waits[reader] == 0 {
                    ready.push(std::cmp::Reverse(reader));
                }
            }
        }
        if order.len() < self.nodes.len() {
            let stuck: Vec<String> =
                (0..waits.len()).filter(|&i| waits[i] > 0).take(3).map(|i| self.nodes[i].name.clone()).collect();
            return Err(Error::Graph(format!("{} wait for each other in a circle", quoted(&stuck))));
        }
        let mut nodes: Vec<Option<Node>> = std::mem::take(&mut self.nodes).into_iter().map(Some).collect();
        self.nodes = order.iter().filter_map(|&index| nodes[index].take()).collect();
        let made = |(index, node): (usize, &Node)| {
            node.outputs.iter().flatten().map(move |&id| (id, index)).collect::<Vec<_>>()
        };
        self.makers = self.nodes.iter().enumerate().flat_map(made).collect();
        Ok(())
    }
}

impl Node {
    /// What is known of its operator.
    pub fn facts(&self) -> &'static Facts {
        ops::facts(&self.op)
    }

    /// What kind of operator it has.
    pub fn class(&self) -> Class {
        ops::class(&self.op)
    }

    /// This node in a list of what is not supported.
    pub fn refused(&self, why: &str) -> Unsupported {
        Unsupported { node: self.name.clone(), op: self.op.clone(), why: why.to_owned() }
    }
}

fn full_name(node: &NodeDef) -> String {
    if matches!(node.domain.as_str(), "" | "ai.onnx") {
        node.op_type.clone()
    } else {
        format!("{}.{}", node.domain, node.op_type)
    }
}

fn build(node: &NodeDef, opset: i64, inputs: &[Known<'_>]) -> Result<Arc<dyn Operator>, String> {
    match ops::entry(&full_name(node)) {
        Some(entry) => {
            let operator = entry.operator(&Attributes::new(node, opset).with_inputs(inputs));
            operator.map(Arc::from).map_err(|error| error.to_string())
        }
        None => Err("no such operator here".to_owned()),
    }
}

/// The version of ONNX's operators that a file is written for.
fn operator_set(def: &ModelDef) -> Result<i64, Error> {
    match def.opsets.get("").or_else(|| def.opsets.get("ai.onnx")).copied() {
        Some(set @ 1..=NEWEST) => Ok(set),
        Some(set) => Err(Error::OperatorSet { stated: Some(set), newest: NEWEST }),
        // Files that name no sets at all are older than the naming of sets.
        None if def.opsets.is_empty() => Ok(1),
        None if def.graph.nodes.iter().any(|node| matches!(node.domain.as_str(), "" | "ai.onnx")) => {
            Err(Error::OperatorSet { stated: None, newest: NEWEST })
        }
        // No node is of this domain.
        None => Ok(NEWEST),
    }
}
