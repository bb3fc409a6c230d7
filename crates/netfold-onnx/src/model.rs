//! Models, graphs, nodes and the types of values.

use crate::{Attribute, DType, TensorDef};
use std::collections::BTreeMap;

/// A whole file.
///
/// The constructors below build small models, for tests and for export:
///
/// ```
/// use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};
///
/// let graph = GraphDef::new("tiny")
///     .with_input(ValueInfo::new("x", DType::F32, [1, 3, 8, 8]))
///     .with_initializer("w", TensorDef::new([4, 3, 3, 3], vec![0.5_f32; 108])?)
///     .with_node(NodeDef::new("Conv", ["x", "w"], ["c"]).with("strides", [2, 2]).named("first"))
///     .with_node(NodeDef::new("Relu", ["c"], ["y"]))
///     .with_output(ValueInfo::new("y", DType::F32, [1, 4, 3, 3]));
/// let model = ModelDef::new(graph);
/// assert_eq!(decode(encode(&model), None)?, model);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelDef {
    /// Version of the file format itself; 0 where the file does not say.
    pub ir_version: i64,
    /// The program that wrote the file, and its version after a space.
    pub producer: String,
    /// Versions of the operator sets by domain; `""` is ONNX's own, also where the file writes `ai.onnx`.
    pub opsets: BTreeMap<String, i64>,
    /// The network.
    pub graph: GraphDef,
    /// Functions that the file defines for itself: domain and name.
    pub functions: Vec<(String, String)>,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
}

/// The network: nodes in topological order, and the values that they read and write.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GraphDef {
    /// Name of the graph.
    pub name: String,
    /// The nodes, in the order of the file.
    pub nodes: Vec<NodeDef>,
    /// Inputs; before IR version 4 they repeat the initializers.
    pub inputs: Vec<ValueInfo>,
    /// Outputs.
    pub outputs: Vec<ValueInfo>,
    /// Constant tensors by name, in the order of the file; sparse ones come last, made dense.
    pub initializers: Vec<(String, TensorDef)>,
    /// Types of values between nodes, where the file gives them.
    pub value_info: Vec<ValueInfo>,
}

/// One operator at one place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeDef {
    /// Name; often empty, not always unique.
    pub name: String,
    /// The operator, such as `Conv`.
    pub op_type: String,
    /// Domain of the operator; `""` is ONNX's own, also where the file writes `ai.onnx`.
    pub domain: String,
    /// Names of the values it reads; `""` is an input that is left out.
    pub inputs: Vec<String>,
    /// Names of the values it writes; `""` is an output that nobody wants.
    pub outputs: Vec<String>,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
}

/// Name and type of a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValueInfo {
    /// Name of the value.
    pub name: String,
    /// Type of its elements; `None` if the file does not say, or says a type that this crate does not read.
    pub dtype: Option<DType>,
    /// What it is instead, where the file says a type that this crate does not read: `complex64`, or `no tensor`.
    pub unread: Option<String>,
    /// Its axes; `None` if the file does not say how many there are.
    pub shape: Option<Vec<Dim>>,
}

/// The size of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// A number.
    Known(usize),
    /// A name, the same wherever the size is the same.
    Symbol(String),
    /// Anything.
    Unknown,
}

impl ModelDef {
    /// A model that onnxruntime and others of the last years read: IR version 8, operator set 17.
    pub fn new(graph: GraphDef) -> Self {
        let producer = concat!("netfold ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { ir_version: 8, producer, graph, ..Self::default() }.with_opset("", 17)
    }

    /// The same model with this version of this domain's operators.
    #[must_use]
    pub fn with_opset(mut self, domain: &str, version: i64) -> Self {
        self.opsets.insert(domain.to_owned(), version);
        self
    }
}

impl GraphDef {
    /// An empty graph.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The graph with one more node, after all others.
    #[must_use]
    pub fn with_node(mut self, node: NodeDef) -> Self {
        self.nodes.push(node);
        self
    }

    /// The graph with one more input.
    #[must_use]
    pub fn with_input(mut self, input: ValueInfo) -> Self {
        self.inputs.push(input);
        self
    }

    /// The graph with one more output.
    #[must_use]
    pub fn with_output(mut self, output: ValueInfo) -> Self {
        self.outputs.push(output);
        self
    }

    /// The graph with one more constant tensor.
    #[must_use]
    pub fn with_initializer(mut self, name: impl Into<String>, tensor: TensorDef) -> Self {
        self.initializers.push((name.into(), tensor));
        self
    }
}

impl NodeDef {
    /// A nameless node of ONNX's own domain.
    pub fn new<'a>(
        op_type: &str,
        inputs: impl IntoIterator<Item = &'a str>,
        outputs: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            op_type: op_type.to_owned(),
            inputs: inputs.into_iter().map(str::to_owned).collect(),
            outputs: outputs.into_iter().map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    /// The node with this attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Attribute>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    /// The node with this name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What to call the node in a message: its name, or operator and first output if it has none.
    pub fn label(&self) -> String {
        match (self.name.as_str(), self.outputs.iter().find(|o| !o.is_empty())) {
            ("", Some(output)) if self.op_type.is_empty() => output.clone(),
            ("", Some(output)) => format!("{} -> {output}", self.op_type),
            ("", None) => self.op_type.clone(),
            (name, _) => name.to_owned(),
        }
    }
}

impl ValueInfo {
    /// A tensor whose shape is known.
    pub fn new(name: impl Into<String>, dtype: DType, shape: impl IntoIterator<Item = usize>) -> Self {
        let shape = shape.into_iter().map(Dim::Known).collect();
        Self { name: name.into(), dtype: Some(dtype), unread: None, shape: Some(shape) }
    }
}
