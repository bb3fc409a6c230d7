//! Every real network's forward pass gives what onnxruntime gives, at each of its outputs.

use std::collections::HashMap;
use std::path::Path;

use netfold::ops::Inputs;
use netfold::trace::NonFinite;
use netfold::{Model, Precision, Tensor, Value};

use crate::common::{array, networks, samples, zoo};

#[test]
fn real_networks_give_what_onnxruntime_gives() {
    let Some(zoo) = zoo() else { return };
    for folder in networks(&zoo) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let model = Model::read(folder.join("model.onnx")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut worst: f64 = 0.0;
        for sample in samples(&folder) {
            for (index, &output) in model.outputs.iter().enumerate() {
                let head = model.head_of(model.name(output), netfold::Squashing::LeftOff).unwrap();
                let x = array::<f32>(&sample.input);
                let trace = model.trace(&x, head.logits, NonFinite::Refuse);
                let trace = trace.unwrap_or_else(|error| panic!("{name} at {}: {error}", sample.name));
                let file = if model.outputs.len() == 1 { String::new() } else { index.to_string() };
                let expected = folder.join(format!("{}.expected_output{file}.npy", sample.name));
                let logits = Value::Real(trace.logits().unwrap().clone());
                worst = worst.max(distance(&finish(&model, head.logits, output, logits), &expected));
            }
        }
        println!("{name:32} {worst:8.1e}");
        assert!(worst <= 1e-4, "{name} differs by {worst:e}");
    }
}

/// The nodes between the logits and the output, which a trace leaves off.
fn finish<T: Precision>(
    model: &Model,
    logits: netfold::model::TensorId,
    output: netfold::model::TensorId,
    value: Value<T>,
) -> Tensor<T> {
    let before = model.nodes_of(logits);
    let mut values = HashMap::from([(logits, value)]);
    for (&id, tensor) in &model.constants {
        values.extend(Value::from_onnx(tensor).map(|value| (id, value)));
    }
    for index in model.nodes_of(output).into_iter().filter(|index| !before.contains(index)) {
        let node = &model.nodes[index];
        let inputs = Inputs(node.inputs.iter().map(|id| id.and_then(|id| values.get(&id))).collect());
        let operator = node.operator.as_ref().unwrap();
        let made = T::op(operator.as_ref()).forward(&inputs).unwrap_or_else(|error| panic!("{}: {error}", node.name));
        values.extend(node.outputs.iter().zip(made).filter_map(|(id, value)| Some(((*id)?, value))));
    }
    match &values[&output] {
        Value::Real(tensor) => tensor.clone(),
        other => panic!("the output is {}", other.kind()),
    }
}

/// max |got − expected| / max |expected|.
fn distance(got: &Tensor<f32>, expected: &Path) -> f64 {
    let expected = array::<f32>(expected);
    assert_eq!(got.shape(), expected.shape(), "shape of the output");
    let pairs = || got.data().iter().zip(expected.data()).map(|(&a, &b)| (f64::from(a), f64::from(b)));
    pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / pairs().map(|(_, b)| b.abs()).fold(1e-30, f64::max)
}
