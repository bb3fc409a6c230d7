//! Rows of a network of depthwise convolutions are pulled through two convolutions together, and have the bits that they
//! have one by one.

mod common;

use netfold::trace::NonFinite;
use netfold::{Model, Rules, Shares, Tensor, Together};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};

/// `blocks` of 1×1 convolution, Relu, perhaps a Pad, depthwise 3×3 convolution, Relu; a sum over all places behind them.
fn blocks(blocks: usize, pad: bool) -> Model {
    const CHANNELS: usize = 8;
    let node = |op: &str, inputs: &[&str], output: &str| NodeDef::new(op, inputs.to_vec(), [output]).named(output);
    let numbers =
        |n: usize, seed: usize| (0..n).map(|i| ((i * 7 + seed * 3) % 11) as f32 / 8.0 - 0.5).collect::<Vec<_>>();
    let mut graph = GraphDef::new("blocks")
        .with_input(ValueInfo::new("x", DType::F32, [1, CHANNELS, 10, 10]))
        .with_output(ValueInfo::new("y", DType::F32, [1, CHANNELS]))
        .with_initializer("pads", TensorDef::vector(vec![0_i64, 0, 1, 1, 0, 0, 1, 1]));
    let mut last = "x".to_owned();
    for block in 0..blocks {
        let name = |what: &str| format!("{what}{block}");
        let weights = TensorDef::new([CHANNELS, CHANNELS, 1, 1], numbers(CHANNELS * CHANNELS, block)).unwrap();
        let window = TensorDef::new([CHANNELS, 1, 3, 3], numbers(CHANNELS * 9, block + 5)).unwrap();
        graph = graph
            .with_initializer(name("w"), weights)
            .with_initializer(name("v"), window)
            .with_node(node("Conv", &[&last, &name("w")], &name("wide")))
            .with_node(node("Relu", &[&name("wide")], &name("on")));
        let around = i64::from(!pad);
        let from = if pad { name("padded") } else { name("on") };
        if pad {
            graph = graph.with_node(node("Pad", &[&name("on"), "pads"], &name("padded")));
        }
        graph = graph
            .with_node(
                node("Conv", &[&from, &name("v")], &name("deep"))
                    .with("group", CHANNELS as i64)
                    .with("pads", [around; 4]),
            )
            .with_node(node("Relu", &[&name("deep")], &name("out")));
        last = name("out");
    }
    let graph = graph.with_node(node("GlobalAveragePool", &[&last], "mean")).with_node(node("Flatten", &["mean"], "y"));
    let def = ModelDef { opsets: [(String::new(), 13)].into(), ..ModelDef::new(graph) };
    Model::new(decode(encode(&def), None).unwrap()).unwrap()
}

#[test]
fn each_block_is_fused_and_no_bit_changes() {
    for pad in [false, true] {
        let model = blocks(3, pad);
        let x = Tensor::new(&[1, 8, 10, 10], (0..800).map(|i| ((i * 13) % 17) as f32 / 8.0 - 0.6).collect());
        let circuit = model.trace(x, model.outputs[0], NonFinite::Refuse).unwrap().freeze(&Rules::default()).unwrap();
        let classes: Vec<usize> = (0..8).collect();
        let plan = |shares| circuit.plan_rows(&classes, Together::Number(8), shares);

        let fused = plan(Shares::LeftOut);
        let names = |stage: usize| circuit.stages()[stage].tensor.as_str();
        let pairs: Vec<_> = fused.fused().iter().map(|f| (names(f.pointwise()), names(f.depthwise()))).collect();
        assert_eq!(pairs, [("wide0", "deep0"), ("wide1", "deep1"), ("wide2", "deep2")], "pad: {pad}");

        let alone = plan(Shares::Computed);
        assert!(alone.fused().is_empty(), "shares of b need the adjoint of each stage");
        let mut rows = [Vec::new(), Vec::new()];
        for (plan, rows) in [&fused, &alone].into_iter().zip(&mut rows) {
            circuit
                .rows(plan, |block| {
                    let _: () = rows.extend_from_slice(block.weights);
                    Ok::<_, ()>(())
                })
                .unwrap();
        }
        assert!(rows[0].iter().any(|&w| w != 0.0) && rows[0].len() == 8 * 800);
        assert!(rows[0].iter().zip(&rows[1]).all(|(a, b)| a.to_bits() == b.to_bits()), "pad: {pad}");
    }
}

/// All depthwise convolutions of a real MobileNet v1 but the first follow a 1×1 convolution.
#[test]
fn a_mobilenet_is_fused() {
    let Some(zoo) = common::zoo() else { return };
    let network = zoo.join("person_mlperf_vww_mobilenetv1");
    let model = Model::read(network.join("model.onnx")).unwrap();
    let x = common::array::<f32>(&common::samples(&network)[0].input);
    let circuit = model.trace(x, model.outputs[0], NonFinite::Refuse).unwrap().freeze(&Rules::default()).unwrap();
    let plan = circuit.plan_rows(&[0], Together::Number(8), Shares::LeftOut);
    assert_eq!(plan.fused().len(), 12);
}
