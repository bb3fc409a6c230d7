//! What is warned of, and that nothing else is.

mod common;

use netfold::trace::{Keep, Tracing};
use netfold::{Model, Tensor, Warning};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};

/// A 1×1 convolution of one channel into four, and a batch normalisation that remembers mean 0 and variance 1.
fn normalised(declared: usize) -> Model {
    let ones = |len: usize| TensorDef::vector(vec![1.0_f32; len]);
    let zeros = || TensorDef::vector(vec![0.0_f32; 4]);
    let weights = TensorDef::new([4, 1, 1, 1], vec![1.0_f32, -1.0, 1.5, 0.75]).unwrap();
    let graph = GraphDef::new("normalised")
        .with_input(ValueInfo::new("x", DType::F32, [1, 1, 8, 8]))
        .with_initializer("w", weights)
        .with_initializer("scale", ones(4))
        .with_initializer("bias", zeros())
        .with_initializer("mean", zeros())
        .with_initializer("variance", ones(4))
        .with_node(NodeDef::new("Conv", ["x", "w"], ["z"]).named("conv"))
        .with_node(NodeDef::new("BatchNormalization", ["z", "scale", "bias", "mean", "variance"], ["n"]).named("norm"))
        .with_node(NodeDef::new("Relu", ["n"], ["y"]).named("relu"))
        .with_output(ValueInfo::new("y", DType::F32, [1, declared, 8, 8]));
    Model::new(ModelDef::new(graph)).unwrap()
}

/// Warnings at numbers between −√3 and √3 times `scale`: mean 0, deviation `scale`.
fn warnings(model: &Model, scale: f32) -> Vec<Warning> {
    let x = Tensor::new(&[1, 1, 8, 8], (0..64).map(|i| scale * 3_f32.sqrt() * (i as f32 / 31.5 - 1.0)).collect());
    let trace =
        model.trace_with(&x, model.outputs[0], Tracing { keep: Keep::ForFreezing, ..Tracing::default() }).unwrap();
    trace.warnings()
}

#[test]
fn an_input_of_another_scale_than_the_statistics_remember() {
    let model = normalised(4);
    for (scale, told) in [(20.0, "20.3 times larger"), (0.02, "49.2 times smaller")] {
        let found = warnings(&model, scale);
        let [warning @ Warning::InputScale { node, .. }] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(node, "norm");
        assert!(warning.to_string().contains(told), "{warning}");
        assert!(warning.hint().unwrap().contains("--preprocess"));
    }
    assert_eq!(warnings(&model, 1.0), []);
}

#[test]
fn a_declared_shape_that_the_computation_contradicts() {
    let found = warnings(&normalised(10), 1.0);
    let [warning] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        warning.to_string(),
        "the file declares shape [1, 10, 8, 8] for `y`, the computation gives [1, 4, 8, 8]"
    );
}

#[test]
fn real_networks_with_their_own_inputs_are_silent() {
    let Some(zoo) = common::zoo() else { return };
    for network in common::networks(&zoo) {
        let model = Model::read(network.join("model.onnx")).unwrap();
        for sample in common::samples(&network) {
            for &output in &model.outputs {
                let x: Tensor<f32> = common::array(&sample.input);
                let tracing = Tracing { keep: Keep::ForFreezing, ..Tracing::default() };
                let trace = model.trace_with(&x, output, tracing).unwrap();
                assert_eq!(trace.warnings(), [], "{} {}", network.display(), sample.name);
            }
        }
    }
}
