//! Forms that only other writers use, so that [`crate::encode`] cannot make them.

use super::decode;
use crate::{
    Attribute, Data, Dim, ModelDef, OnnxError, TensorDef,
    generated::{
        AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, SparseTensorProto,
        TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
    },
};
use half::{bf16, f16};
use prost::Message;
use std::error::Error;

fn decoded(graph: GraphProto) -> Result<ModelDef, OnnxError> {
    let opset = OperatorSetIdProto { domain: "ai.onnx".into(), version: 9 };
    let model = ModelProto { ir_version: 4, graph: Some(graph), opset_import: vec![opset], ..Default::default() };
    decode(model.encode_to_vec(), None)
}

fn tensor(proto: TensorProto) -> Result<Data, String> {
    let proto = TensorProto { name: "t".into(), ..proto };
    match decoded(GraphProto { initializer: vec![proto], ..Default::default() }) {
        Ok(mut model) => Ok(model.graph.initializers.remove(0).1.data),
        Err(e) => Err(e.source().expect("a tensor error has a cause").to_string()),
    }
}

#[test]
fn every_type_reads_its_typed_field() {
    let ints = |data_type, int32_data| {
        let dims = vec![2];
        tensor(TensorProto { dims, data_type, int32_data, ..Default::default() })
    };
    let data = TensorProto { dims: vec![2], ..Default::default() };
    let longs = vec![1_u64, u64::from(u32::MAX)];
    assert_eq!(
        tensor(TensorProto { data_type: 1, float_data: vec![1.5, 2.0], ..data.clone() }),
        Ok(Data::F32(vec![1.5, 2.0].into()))
    );
    assert_eq!(
        tensor(TensorProto { data_type: 11, double_data: vec![1.5, 2.0], ..data.clone() }),
        Ok(Data::F64(vec![1.5, 2.0].into()))
    );
    assert_eq!(
        tensor(TensorProto { data_type: 7, int64_data: vec![-1, i64::MAX], ..data.clone() }),
        Ok(Data::I64(vec![-1, i64::MAX].into()))
    );
    assert_eq!(
        tensor(TensorProto { data_type: 12, uint64_data: longs.clone(), ..data.clone() }),
        Ok(Data::U32(vec![1, u32::MAX].into()))
    );
    assert_eq!(
        tensor(TensorProto { data_type: 13, uint64_data: longs.clone(), ..data.clone() }),
        Ok(Data::U64(longs.into()))
    );
    let string_data = vec!["a".into(), "é".into()];
    assert_eq!(
        tensor(TensorProto { data_type: 8, string_data, ..data }),
        Ok(Data::String(vec!["a".into(), "é".into()].into()))
    );
    assert_eq!(ints(2, vec![0, 255]), Ok(Data::U8(vec![0, 255].into())));
    assert_eq!(ints(3, vec![-128, 127]), Ok(Data::I8(vec![-128, 127].into())));
    assert_eq!(ints(4, vec![0, 65535]), Ok(Data::U16(vec![0, 65535].into())));
    assert_eq!(ints(5, vec![-32768, 7]), Ok(Data::I16(vec![-32768, 7].into())));
    assert_eq!(ints(6, vec![i32::MIN, 7]), Ok(Data::I32(vec![i32::MIN, 7].into())));
    assert_eq!(ints(9, vec![0, 1]), Ok(Data::Bool(vec![false, true].into())));
    assert_eq!(ints(10, vec![0x3c00, -0x4400]), Ok(Data::F16(vec![f16::from_f32(1.0), f16::from_f32(-1.0)].into())));
    assert_eq!(ints(16, vec![0x3f80, 0xbf80]), Ok(Data::BF16(vec![bf16::from_f32(1.0), bf16::from_f32(-1.0)].into())));
    assert_eq!(ints(3, vec![0, 300]), Err("element 1 is 300, which int8 cannot hold".into()));
}

#[test]
fn odd_tensors_are_explained() {
    let problem = |dims: &[i64], data_type, int32_data| {
        tensor(TensorProto { dims: dims.to_vec(), data_type, int32_data, ..Default::default() }).unwrap_err()
    };
    assert_eq!(problem(&[2, -1], 6, vec![1]), "shape [2, -1] has a negative size");
    assert_eq!(problem(&[1 << 40, 1 << 40], 6, vec![]), "shape [1099511627776, 1099511627776] has too many elements");
    assert_eq!(problem(&[2], 6, vec![1]), "int32 of shape [2] takes 2 elements, there are 1");
    assert_eq!(problem(&[], 6, vec![]), "int32 of shape [] takes 1 elements, there are 0");
    assert_eq!(problem(&[1], 22, vec![1]), "elements of type int4 are not supported");
    assert_eq!(problem(&[1], 0, vec![1]), "elements of type undefined are not supported");
    let raw = |data_type, raw: &'static [u8]| {
        let raw_data = Some(raw.into());
        tensor(TensorProto { dims: vec![1], data_type, raw_data, ..Default::default() }).unwrap_err()
    };
    assert_eq!(raw(1, &[0, 0, 0]), "float of shape [1] takes 4 bytes, there are 3");
    assert_eq!(raw(8, b"text"), "texts are stored as raw bytes");
    let string_data = vec![b"\xff".as_slice().into()];
    let latin = TensorProto { dims: vec![1], data_type: 8, string_data, ..Default::default() };
    assert_eq!(tensor(latin), Err("text number 0 is not UTF-8".into()));
}

fn sparse(dims: &[i64], index_dims: &[i64], indices: &[i64]) -> Result<TensorDef, String> {
    let float_data = vec![5.0, 7.0];
    let values = TensorProto { name: "s".into(), dims: vec![2], data_type: 1, float_data, ..Default::default() };
    let (dims, int64_data) = (dims.to_vec(), indices.to_vec());
    let indices = TensorProto { dims: index_dims.to_vec(), data_type: 7, int64_data, ..Default::default() };
    let proto = SparseTensorProto { values: Some(values), indices: Some(indices), dims };
    match decoded(GraphProto { sparse_initializer: vec![proto], ..Default::default() }) {
        Ok(mut model) => Ok(model.graph.initializers.remove(0).1),
        Err(e) => Err(e.source().expect("a tensor error has a cause").to_string()),
    }
}

#[test]
fn sparse_tensors_become_dense() {
    let dense = TensorDef::new([2, 3], vec![0.0, 0.0, 5.0, 7.0, 0.0, 0.0_f32]).unwrap();
    assert_eq!(sparse(&[2, 3], &[2], &[2, 3]), Ok(dense.clone()));
    assert_eq!(sparse(&[2, 3], &[2, 2], &[0, 2, 1, 0]), Ok(dense));
    assert_eq!(sparse(&[2, 3], &[2], &[2, 6]).unwrap_err(), "it is sparse, and index 6 is outside shape [2, 3]");
    let by_axis = sparse(&[2, 3], &[2, 2], &[0, 3, 1, 0]).unwrap_err();
    assert_eq!(by_axis, "it is sparse, and index 3 is outside shape [2, 3]");
    let count = sparse(&[2, 3], &[3], &[1, 2, 3]).unwrap_err();
    assert_eq!(count, "it is sparse, and 2 values do not go with indices of shape [3]");
    assert!(sparse(&[], &[2, 0], &[]).is_err(), "a scalar has no room for two values");
    let huge = sparse(&[1 << 30, 4], &[2], &[1, 2]).unwrap_err();
    assert!(huge.contains("more than 67108864 elements"), "{huge}");
}

#[test]
fn attributes_of_old_and_odd_files() {
    let ints = AttributeProto { name: "ints".into(), ints: vec![1, 2], ..Default::default() };
    let graph = AttributeProto { name: "graph".into(), r#type: 5, g: Some("junk".into()), ..Default::default() };
    let bytes = AttributeProto { name: "s".into(), s: Some(b"\xff".as_slice().into()), ..Default::default() };
    let zero = AttributeProto { name: "zero".into(), r#type: 2, ..Default::default() };
    let types = AttributeProto { name: "types".into(), r#type: 14, ..Default::default() };
    let reference = AttributeProto { name: "ref".into(), r#type: 2, ref_attr_name: "a".into(), ..Default::default() };
    let attribute = vec![ints, graph, bytes, zero, types, reference];
    let node = NodeProto { op_type: "Odd".into(), output: vec!["y".into()], attribute, ..Default::default() };
    let model = decoded(GraphProto { node: vec![node], ..Default::default() }).unwrap();
    assert_eq!(model.opsets[""], 9, "ai.onnx is the domain without a name");
    let found = &model.graph.nodes[0].attributes;
    assert_eq!(found["ints"], Attribute::Ints(vec![1, 2]));
    assert_eq!(found["graph"], Attribute::Graph);
    assert_eq!(found["s"], Attribute::Other("bytes"));
    assert_eq!(found["zero"], Attribute::Int(0));
    assert_eq!(found["types"], Attribute::Other("type_protos"));
    assert_eq!(found["ref"], Attribute::Other("reference"));
}

#[test]
fn negative_and_nameless_sizes_are_unknown() {
    let dim = |dim_value, name: Option<&str>| DimensionProto { dim_value, dim_param: name.map(Into::into) };
    let dim = vec![dim(Some(-1), None), dim(None, Some("?")), dim(None, Some("n")), dim(Some(0), None)];
    let tensor_type = Some(TensorTypeProto { elem_type: 17, shape: Some(TensorShapeProto { dim }) });
    let input = vec![ValueInfoProto { name: "x".into(), r#type: Some(TypeProto { tensor_type }) }];
    let model = decoded(GraphProto { input, ..Default::default() }).unwrap();
    let input = &model.graph.inputs[0];
    assert_eq!(input.dtype, None);
    let expected = [Dim::Unknown, Dim::Unknown, Dim::Symbol("n".into()), Dim::Known(0)];
    assert_eq!(input.shape.as_deref(), Some(expected.as_slice()));
}

#[test]
fn a_type_that_is_not_read_is_named() {
    let tensor = |elem_type| Some(TypeProto { tensor_type: Some(TensorTypeProto { elem_type, shape: None }) });
    let info = |name: &str, r#type| ValueInfoProto { name: name.into(), r#type };
    let types = [tensor(14), tensor(99), Some(TypeProto { tensor_type: None }), tensor(0), None, tensor(1)];
    let input = types.into_iter().enumerate().map(|(i, r#type)| info(&format!("x{i}"), r#type)).collect();
    let model = decoded(GraphProto { input, ..Default::default() }).unwrap();
    let found: Vec<Option<&str>> = model.graph.inputs.iter().map(|input| input.unread.as_deref()).collect();
    assert_eq!(found, [Some("complex64"), Some("number 99"), Some("no tensor"), None, None, None]);
}
