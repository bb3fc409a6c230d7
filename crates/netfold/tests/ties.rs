//! Decisions within rounding of a tie: what single and double precision decide otherwise is among them, and they are few.

mod common;

use common::{array, networks, samples, zoo};
use netfold::circuit::Stage;
use netfold::trace::Ties;
use netfold::trace::{Keep, Tracing};
use netfold::{Circuit, Model, Precision, Rules, Tensor, Validity};

/// The network at x, frozen, its decisions counted.
fn frozen<T: Precision>(model: &Model, x: &Tensor<T>, keep: Keep) -> Circuit<T> {
    let output = (model.outputs.len() > 1).then(|| model.name(model.outputs[model.outputs.len() - 1]).to_owned());
    let head = match output.as_deref() {
        Some(name) => model.head_of(name, netfold::Squashing::LeftOff),
        None => model.head(netfold::Squashing::LeftOff),
    }
    .unwrap();
    let tracing = Tracing { keep, ties: Ties::Count, ..Tracing::default() };
    model.trace_with(x, head.logits, tracing).unwrap().freeze(&Rules::default()).unwrap()
}

/// What a stage makes of numbers between 1 and 2 that differ from each other nearby: it tells which of them pass.
fn passed<T: Precision>(stage: &Stage<T>) -> Vec<f64> {
    let number = |element: usize| T::of(1.0 + (element % (1 << 20)) as f64 / f64::from(1 << 20));
    let inputs: Vec<_> = stage.affine.terms.iter().flatten().map(|map| map.domain().to_vec()).collect();
    let inputs: Vec<_> =
        inputs.iter().map(|shape| Tensor::new(shape, (0..shape.iter().product()).map(number).collect())).collect();
    let made = stage.affine.apply(&inputs.iter().map(Some).collect::<Vec<_>>());
    made.data().iter().map(|made| made.wide()).collect()
}

/// Elements that two precisions decide otherwise.
fn turned(single: &Stage<f32>, double: &Stage<f64>) -> Vec<u32> {
    let pairs = passed(single).into_iter().zip(passed(double)).enumerate();
    pairs.filter(|(_, (a, b))| (a - b).abs() > 2.5e-7 * b.abs()).map(|(element, _)| element as u32).collect()
}

/// Over the zoo every unit whose mask or winner differs between the precisions is counted, and at most 1 % of all are.
#[test]
fn real_networks() {
    let Some(zoo) = zoo() else { return };
    let (mut judged, mut all, mut wrong) = (0, 0, Vec::new());
    for network in networks(&zoo) {
        let name = network.file_name().unwrap().to_string_lossy().into_owned();
        let model = Model::read(network.join("model.onnx")).unwrap();
        let (mut made, mut ties) = (0, 0);
        for sample in samples(&network) {
            let single = frozen(&model, &array::<f32>(&sample.input), Keep::ForFreezing);
            let double = frozen(&model, &array::<f64>(&sample.input), Keep::ForFreezing);
            let (mut own, mut counted, mut differ) = (0, 0, 0);
            for (single, double) in single.stages().iter().zip(double.stages()) {
                let Some(decisions) = &single.decisions else { continue };
                assert_eq!((single.affine.validity, &single.node), (Validity::Region, &double.node));
                own += decisions.made;
                counted += decisions.ties.len();
                for element in turned(single, double) {
                    differ += 1;
                    if decisions.ties.binary_search(&element).is_err() {
                        wrong.push(format!("{name} at {}: {element} of `{}` is not counted", sample.name, single.node));
                    }
                }
            }
            println!("{name:32} {:28} {differ:5} differ {counted:5} counted of {own:8}", sample.name);
            judged += usize::from(own > 0);
            all += differ;
            made += own;
            ties += counted;
        }
        if ties * 100 > made {
            wrong.push(format!("{name}: {ties} of {made} are counted"));
        }
    }
    println!("{all} units differ in {judged} runs");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged >= 12, "{judged} runs");
}
