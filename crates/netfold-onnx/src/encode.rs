//! From [`ModelDef`] to bytes.

use crate::{
    Attribute, Data, Dim, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo,
    elements::to_le_bytes,
    generated::{
        AttributeProto, DimensionProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
        StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
    },
};
use prost::Message;

/// The bytes of a model file.
///
/// What [`crate::decode`] does not decode cannot be written again: a subgraph becomes an empty attribute of the same
/// kind, a local function keeps its name only. Whether the model makes sense is not checked, and beyond 2 GiB no
/// reader takes the result; [`crate::StreamedModel`] checks that.
pub fn encode(model: &ModelDef) -> Vec<u8> {
    proto(model).encode_to_vec()
}

pub(crate) fn proto(model: &ModelDef) -> ModelProto {
    let (name, version) = match model.producer.rsplit_once(' ') {
        Some((name, version)) if !name.is_empty() && !version.is_empty() => (name, version),
        _ => (model.producer.as_str(), ""),
    };
    let set = |(domain, &version): (&String, &i64)| OperatorSetIdProto { domain: domain.clone(), version };
    let entry = |(k, v): (&String, &String)| StringStringEntryProto { key: k.clone(), value: v.clone() };
    let function = |(domain, name): &(String, String)| FunctionProto { name: name.clone(), domain: domain.clone() };
    ModelProto {
        ir_version: model.ir_version,
        producer_name: name.to_owned(),
        producer_version: version.to_owned(),
        graph: Some(graph(&model.graph)),
        opset_import: model.opsets.iter().map(set).collect(),
        metadata_props: model.metadata.iter().map(entry).collect(),
        functions: model.functions.iter().map(function).collect(),
    }
}

fn graph(graph: &GraphDef) -> GraphProto {
    let initializer = |(name, t): &(String, TensorDef)| TensorProto { name: name.clone(), ..tensor(t) };
    GraphProto {
        node: graph.nodes.iter().map(node).collect(),
        name: graph.name.clone(),
        initializer: graph.initializers.iter().map(initializer).collect(),
        input: graph.inputs.iter().map(value_info).collect(),
        output: graph.outputs.iter().map(value_info).collect(),
        value_info: graph.value_info.iter().map(value_info).collect(),
        sparse_initializer: Vec::new(),
    }
}

fn node(node: &NodeDef) -> NodeProto {
    NodeProto {
        input: node.inputs.clone(),
        output: node.outputs.clone(),
        name: node.name.clone(),
        op_type: node.op_type.clone(),
        attribute: node.attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        domain: node.domain.clone(),
    }
}

fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let mut proto = AttributeProto { name: name.to_owned(), r#type: value.code(), ..AttributeProto::default() };
    match value {
        Attribute::Int(v) => proto.i = Some(*v),
        Attribute::Float(v) => proto.f = Some(*v),
        Attribute::String(v) => proto.s = Some(v.clone().into()),
        Attribute::Tensor(v) => proto.t = Some(Box::new(tensor(v))),
        Attribute::Ints(v) => proto.ints.clone_from(v),
        Attribute::Floats(v) => proto.floats.clone_from(v),
        Attribute::Strings(v) => proto.strings = v.iter().map(|s| s.clone().into()).collect(),
        Attribute::Graph | Attribute::Other(_) => {}
    }
    proto
}

fn tensor(tensor: &TensorDef) -> TensorProto {
    let texts = match &tensor.data {
        Data::String(texts) => texts.iter().map(|s| s.clone().into()).collect(),
        _ => Vec::new(),
    };
    TensorProto {
        dims: tensor.shape.iter().map(|&d| d as i64).collect(),
        data_type: tensor.data.dtype().code(),
        string_data: texts,
        raw_data: to_le_bytes(&tensor.data).map(Into::into),
        ..TensorProto::default()
    }
}

fn value_info(info: &ValueInfo) -> ValueInfoProto {
    let shape = info.shape.as_ref().map(|dims| TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let elem_type = info.dtype.map_or(0, crate::DType::code);
    let tensor_type = Some(TensorTypeProto { elem_type, shape });
    ValueInfoProto { name: info.name.clone(), r#type: Some(TypeProto { tensor_type }) }
}

fn dim(dim: &Dim) -> DimensionProto {
    match dim {
        Dim::Known(size) => DimensionProto { dim_value: Some(*size as i64), dim_param: None },
        Dim::Symbol(name) => DimensionProto { dim_value: None, dim_param: Some(name.clone()) },
        Dim::Unknown => DimensionProto::default(),
    }
}
