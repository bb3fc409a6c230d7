//! Law 4 on real networks: W x + b = f(x), node biases add up, and the winning class is onnxruntime's.

mod common;

use common::{Sample, array, networks, samples, zoo};
use netfold::reconstruction::Request;
use netfold::reconstruction::{argmax, top};
use netfold::trace::NonFinite;
use netfold::{Error, Method, Model, Precision, Rule, Rules};

#[test]
fn every_network_is_its_one_layer_model() {
    let Some(zoo) = zoo() else { return };
    let mut covered = Vec::new();
    for network in networks(&zoo) {
        let name = network.file_name().unwrap().to_string_lossy().into_owned();
        let model = Model::read(network.join("model.onnx")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let output = (model.outputs.len() > 1).then(|| model.name(model.outputs[model.outputs.len() - 1]).to_owned());
        let head = match output.as_deref() {
            Some(name) => model.head_of(name, netfold::Squashing::LeftOff),
            None => model.head(netfold::Squashing::LeftOff),
        }
        .unwrap();
        for sample in samples(&network) {
            // Offsets of a hundred tangents, many times larger than the outputs, cancel here.
            let limit = if name == "coco_yolox_nano" { 1e-4 } else { 1e-5 };
            let single = check::<f32>(&model, &head, &sample, limit);
            let single = single.unwrap_or_else(|error| panic!("{name} at {}: {error}", sample.name));
            let double = check::<f64>(&model, &head, &sample, 1e-12).expect("covered in f32, so in f64");
            println!("{name:32} {:28} f32 {single:8.1e}  f64 {double:8.1e}", sample.name);
        }
        covered.push(name);
    }
    println!("{} networks covered: {}", covered.len(), covered.join(", "));
    assert!(covered.len() >= 12, "{} networks covered", covered.len());
}

/// The worst relative difference of one sample in one precision.
fn check<T: Precision>(model: &Model, head: &netfold::Head, sample: &Sample, limit: f64) -> Result<f64, Error> {
    let x = array::<T>(&sample.input);
    let trace = model.trace(&x, head.logits, NonFinite::Refuse)?;
    let logits = trace.logits()?.clone();
    let mut worst: f64 = 0.0;
    for rule in [Rule::Gate, Rule::Tangent] {
        let circuit = trace.freeze(&Rules { default: rule, ..Rules::default() })?;
        let request = Request { classes: top(logits.data(), 3), method: Method::Adjoint, ..Request::default() };
        let result = circuit
            .reconstruct::<Error>(&x, &logits, &request, &netfold::Watch::default(), &mut |_| Ok(()))
            .expect("no consumer fails");
        let (difference, (original, reconstructed)) = (result.difference(), result.argmax());
        assert!(difference <= limit, "{} {}: {rule} differs by {difference:e}", sample.name, T::NAME);
        let biases = result.bias_difference.unwrap();
        assert!(biases <= limit, "{} {}: biases by {biases:e}", sample.name, T::NAME);
        assert_eq!(original, reconstructed, "{} {}: the winner is kept", sample.name, T::NAME);
        worst = worst.max(difference);
    }
    if model.outputs.len() == 1 {
        let expected = array::<T>(&sample.expected);
        assert_eq!(argmax(expected.data()), argmax(logits.data()), "{}: onnxruntime's winner", sample.name);
    }
    Ok(worst)
}
