//! Graphs, nodes, attributes and the types of values.

use super::{Context, domain, sparse, tensor};
use crate::dtype::code_name;
use crate::{
    Attribute, DType, Dim, GraphDef, NodeDef, NodeProblem, OnnxError, ValueInfo,
    generated::{AttributeProto, DimensionProto, GraphProto, NodeProto, ValueInfoProto},
};
use std::collections::{BTreeMap, HashMap, btree_map::Entry};

pub(super) fn graph(proto: GraphProto, context: &mut Context) -> Result<GraphDef, OnnxError> {
    let mut nodes = Vec::with_capacity(proto.node.len());
    for (index, node) in proto.node.into_iter().enumerate() {
        nodes.push(self::node(node, index, context)?);
    }
    let mut initializers = Vec::with_capacity(proto.initializer.len() + proto.sparse_initializer.len());
    for mut tensor in proto.initializer {
        let name = std::mem::take(&mut tensor.name);
        let decoded = tensor::tensor(tensor, context).map_err(|problem| tensor_error(&name, problem))?;
        initializers.push((name, decoded));
    }
    for tensor in proto.sparse_initializer {
        let name = tensor.values.as_ref().map(|v| v.name.clone()).unwrap_or_default();
        let decoded = sparse::tensor(tensor, context).map_err(|problem| tensor_error(&name, problem))?;
        initializers.push((name, decoded));
    }
    let graph = GraphDef {
        name: proto.name,
        nodes,
        inputs: proto.input.into_iter().map(value_info).collect(),
        outputs: proto.output.into_iter().map(value_info).collect(),
        initializers,
        value_info: proto.value_info.into_iter().map(value_info).collect(),
    };
    check_names(&graph)?;
    Ok(graph)
}

fn tensor_error(name: &str, problem: crate::TensorProblem) -> OnnxError {
    OnnxError::Tensor { tensor: format!("`{name}`"), problem }
}

/// Every value has one origin: an input, an initializer (which may be listed as an input too) or a node.
fn check_names(graph: &GraphDef) -> Result<(), OnnxError> {
    let mut origins = HashMap::new();
    let inputs = graph.inputs.iter().map(|input| (&input.name, Origin::Input));
    for (name, origin) in inputs.chain(graph.initializers.iter().map(|(name, _)| (name, Origin::Initializer))) {
        match (origins.insert(name, origin), origin) {
            (None, _) | (Some(Origin::Input), Origin::Initializer) => {}
            (Some(first), second) => return Err(duplicate(name, first, second)),
        }
    }
    for node in &graph.nodes {
        for name in node.outputs.iter().filter(|name| !name.is_empty()) {
            if let Some(first) = origins.insert(name, Origin::Node(node)) {
                return Err(duplicate(name, first, Origin::Node(node)));
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Origin<'a> {
    Input,
    Initializer,
    Node(&'a NodeDef),
}

fn duplicate(name: &str, first: Origin, second: Origin) -> OnnxError {
    let word = |origin| match origin {
        Origin::Input => "an input".to_owned(),
        Origin::Initializer => "an initializer".to_owned(),
        Origin::Node(node) => format!("an output of node `{}`", node.label()),
    };
    let (first, second) = (word(first), word(second));
    let second = if first == second { "another one".to_owned() } else { second };
    OnnxError::DuplicateName { name: name.to_owned(), first, second }
}

fn node(proto: NodeProto, index: usize, context: &mut Context) -> Result<NodeDef, OnnxError> {
    let mut node = NodeDef {
        name: proto.name,
        op_type: proto.op_type,
        domain: domain(proto.domain),
        inputs: proto.input,
        outputs: proto.output,
        attributes: BTreeMap::new(),
    };
    let label = match node.label() {
        label if label.is_empty() => format!("number {index}"),
        label => label,
    };
    let error = |problem| OnnxError::Node { node: label.clone(), problem };
    if node.op_type.is_empty() {
        return Err(error(NodeProblem::NoOperator));
    }
    if node.outputs.iter().all(String::is_empty) {
        return Err(error(NodeProblem::NoOutput { op_type: node.op_type }));
    }
    for mut proto in proto.attribute {
        match node.attributes.entry(std::mem::take(&mut proto.name)) {
            Entry::Vacant(place) => {
                let tensor = format!("`{}` of node `{label}`", place.key());
                place.insert(attribute(proto, tensor, context)?);
            }
            Entry::Occupied(place) => {
                return Err(error(NodeProblem::DuplicateAttribute { attribute: place.key().clone() }));
            }
        }
    }
    Ok(node)
}

/// `tensor` is what to call the attribute if it holds a tensor that cannot be read.
fn attribute(proto: AttributeProto, tensor: String, context: &mut Context) -> Result<Attribute, OnnxError> {
    if !proto.ref_attr_name.is_empty() {
        return Ok(Attribute::Other("reference"));
    }
    Ok(match kind(&proto) {
        "float" => Attribute::Float(proto.f.unwrap_or_default()),
        "int" => Attribute::Int(proto.i.unwrap_or_default()),
        "string" => text(&proto.s.unwrap_or_default()).map_or(Attribute::Other("bytes"), Attribute::String),
        "tensor" => match proto.t {
            Some(t) => {
                Attribute::Tensor(tensor::tensor(*t, context).map_err(|problem| OnnxError::Tensor { tensor, problem })?)
            }
            None => Attribute::Other("undefined"),
        },
        "graph" => Attribute::Graph,
        "floats" => Attribute::Floats(proto.floats),
        "ints" => Attribute::Ints(proto.ints),
        "strings" => {
            let texts = proto.strings.iter().map(|s| text(s)).collect::<Option<_>>();
            texts.map_or(Attribute::Other("bytes"), Attribute::Strings)
        }
        other => Attribute::Other(other),
    })
}

/// What the attribute says that it is, or, in files that do not say, which field is there.
fn kind(proto: &AttributeProto) -> &'static str {
    if proto.r#type != 0 {
        return Attribute::kind_of(proto.r#type).unwrap_or("undefined");
    }
    let fields = [
        (proto.f.is_some(), "float"),
        (proto.i.is_some(), "int"),
        (proto.s.is_some(), "string"),
        (proto.t.is_some(), "tensor"),
        (proto.g.is_some(), "graph"),
        (!proto.floats.is_empty(), "floats"),
        (!proto.ints.is_empty(), "ints"),
        (!proto.strings.is_empty(), "strings"),
    ];
    fields.iter().find(|field| field.0).map_or("undefined", |field| field.1)
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn value_info(proto: ValueInfoProto) -> ValueInfo {
    let said = proto.r#type.is_some();
    let tensor = proto.r#type.and_then(|t| t.tensor_type);
    let unread = match tensor.as_ref().map(|tensor| tensor.elem_type) {
        // Some files leave the type open.
        Some(0) => None,
        Some(code) => DType::from_code(code).is_none().then(|| code_name(code)),
        None => said.then(|| "no tensor".to_owned()),
    };
    let tensor = tensor.unwrap_or_default();
    ValueInfo {
        name: proto.name,
        dtype: DType::from_code(tensor.elem_type),
        unread,
        shape: tensor.shape.map(|shape| shape.dim.into_iter().map(dim).collect()),
    }
}

/// Negative sizes are how some writers say "anything".
fn dim(proto: DimensionProto) -> Dim {
    match (proto.dim_value.map(usize::try_from), proto.dim_param) {
        (Some(Ok(size)), _) => Dim::Known(size),
        // Paddle writes "?" for whatever size.
        (_, Some(name)) if !matches!(name.as_str(), "" | "?") => Dim::Symbol(name),
        _ => Dim::Unknown,
    }
}
