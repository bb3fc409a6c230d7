//! What is written is read again, bit for bit.

use half::{bf16, f16};
use netfold_onnx::{Attribute, DType, Data, Dim, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
};

/// As many elements as asked for, of any type, made of any bits.
fn data(count: usize) -> impl Strategy<Value = Data> {
    let types = DType::all().collect::<Vec<_>>();
    (proptest::sample::select(types), vec(any::<u64>(), count)).prop_map(|(dtype, bits)| {
        let bits = bits.into_iter();
        match dtype {
            DType::F32 => bits.map(|b| f32::from_bits(b as u32)).collect::<Vec<f32>>().into(),
            DType::F64 => bits.map(f64::from_bits).collect::<Vec<f64>>().into(),
            DType::F16 => bits.map(|b| f16::from_bits(b as u16)).collect::<Vec<f16>>().into(),
            DType::BF16 => bits.map(|b| bf16::from_bits(b as u16)).collect::<Vec<bf16>>().into(),
            DType::I8 => bits.map(|b| b as i8).collect::<Vec<i8>>().into(),
            DType::I16 => bits.map(|b| b as i16).collect::<Vec<i16>>().into(),
            DType::I32 => bits.map(|b| b as i32).collect::<Vec<i32>>().into(),
            DType::I64 => bits.map(|b| b as i64).collect::<Vec<i64>>().into(),
            DType::U8 => bits.map(|b| b as u8).collect::<Vec<u8>>().into(),
            DType::U16 => bits.map(|b| b as u16).collect::<Vec<u16>>().into(),
            DType::U32 => bits.map(|b| b as u32).collect::<Vec<u32>>().into(),
            DType::U64 => bits.collect::<Vec<u64>>().into(),
            DType::Bool => bits.map(|b| b % 2 == 1).collect::<Vec<bool>>().into(),
            DType::String => bits.map(|b| format!("é{b}")).collect::<Vec<String>>().into(),
        }
    })
}

/// Scalars, empty tensors and ordinary ones.
fn tensor() -> impl Strategy<Value = TensorDef> {
    vec(0_usize..4, 0..4).prop_flat_map(|shape| {
        data(shape.iter().product()).prop_map(move |data| TensorDef::new(shape.clone(), data).unwrap())
    })
}

fn attribute() -> impl Strategy<Value = Attribute> {
    let texts = "[a-zé]{0,5}";
    prop_oneof![
        any::<i64>().prop_map(Attribute::Int),
        any::<f32>().prop_map(Attribute::Float),
        texts.prop_map(Attribute::String),
        tensor().prop_map(Attribute::Tensor),
        vec(any::<i64>(), 0..4).prop_map(Attribute::Ints),
        vec(any::<f32>(), 0..4).prop_map(Attribute::Floats),
        vec(texts, 0..4).prop_map(Attribute::Strings),
        Just(Attribute::Graph),
        Just(Attribute::Other("sparse_tensor")),
    ]
}

fn value_info(prefix: &'static str) -> impl Strategy<Value = Vec<ValueInfo>> {
    let dim = prop_oneof![(0_usize..1000).prop_map(Dim::Known), "[a-z]{1,4}".prop_map(Dim::Symbol), Just(Dim::Unknown)];
    let dtype = proptest::option::of(proptest::sample::select(DType::all().collect::<Vec<_>>()));
    let types = vec((dtype, proptest::option::of(vec(dim, 0..4))), 0..3);
    types.prop_map(move |types| {
        let named = |(i, (dtype, shape))| ValueInfo { name: format!("{prefix}{i}"), dtype, unread: None, shape };
        types.into_iter().enumerate().map(named).collect()
    })
}

fn nodes() -> impl Strategy<Value = Vec<NodeDef>> {
    let node = ("[A-Z][a-z]{0,5}", "[a-z/]{0,6}", vec("[a-z]{0,2}", 0..3), btree_map("[a-z]{1,6}", attribute(), 0..3));
    vec(node, 0..5).prop_map(|nodes| {
        let node = |(i, (op_type, name, inputs, attributes))| {
            let (domain, outputs) = (String::new(), vec![format!("v{i}"), String::new()]);
            NodeDef { name, op_type, domain, inputs, outputs, attributes }
        };
        nodes.into_iter().enumerate().map(node).collect()
    })
}

fn model() -> impl Strategy<Value = ModelDef> {
    let values = (value_info("in"), value_info("out"), value_info("v"));
    let texts = btree_map("[a-z]{0,4}", "[a-z]{0,4}", 0..3);
    let functions = vec(("[a-z]{1,4}", "[a-z]{1,4}"), 0..2);
    let model = (3_i64..12, "[a-z]{0,3}( [0-9.]{1,3})?", btree_map("[a-z]{0,3}", any::<i64>(), 1..3), texts, functions);
    (model, nodes(), values, vec(tensor(), 0..4)).prop_map(|(model, nodes, (inputs, outputs, value_info), tensors)| {
        let (ir_version, producer, opsets, metadata, functions) = model;
        let name = |(i, tensor)| (format!("w{i}"), tensor);
        let initializers = tensors.into_iter().enumerate().map(name).collect();
        let graph = GraphDef { name: "g".into(), nodes, inputs, outputs, initializers, value_info };
        ModelDef { ir_version, producer, opsets, graph, functions, metadata }
    })
}

proptest! {
    #[test]
    fn encode_then_decode_is_the_same_model(model in model()) {
        let bytes = encode(&model);
        let again = decode(bytes.clone(), None).unwrap();
        // Bytes tell not-a-number from not-a-number, `==` does not.
        prop_assert_eq!(&encode(&again), &bytes);
        // `{:?}` sees everything else, such as an attribute that moved.
        prop_assert_eq!(format!("{again:?}"), format!("{model:?}"));
    }
}
