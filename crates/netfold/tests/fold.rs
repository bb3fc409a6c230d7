//! The front door: what it gives is what the road below it gives, from every kind of source, and it can be stopped.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use netfold::input::Picture;
use netfold::trace::NonFinite;
use netfold::{Error, Folded, Model, Request, Rules, Source, Step, Tensor};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, ValueInfo};

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/aircraft").join(name)
}

fn aircraft() -> Model {
    Model::read(example("aircraft.onnx")).unwrap()
}

const PICTURE: &str = "images/an-26-0.png";

/// y = x ∘ scale.
fn product() -> Model {
    let graph = GraphDef::new("a product")
        .with_input(ValueInfo::new("x", DType::F64, [1, 2]))
        .with_input(ValueInfo::new("scale", DType::F64, [1, 2]))
        .with_node(NodeDef::new("Mul", ["x", "scale"], ["y"]))
        .with_output(ValueInfo::new("y", DType::F64, [1, 2]));
    Model::new(ModelDef::new(graph)).unwrap()
}

#[test]
fn a_folded_model_owns_all_it_needs_and_moves_to_another_thread() {
    fn sent<T: Send + Sync + 'static>(value: T) -> T {
        value
    }
    let folded: Folded<f32> = sent(aircraft().fold(example(PICTURE)).unwrap());
    let there = std::thread::spawn(move || folded.row(0).unwrap().bias);
    let here = aircraft().fold::<f32>(example(PICTURE)).unwrap();
    assert_eq!(there.join().unwrap().to_bits(), here.row(0).unwrap().bias.to_bits());
}

#[test]
fn rows_are_those_of_the_circuit_bit_for_bit_in_every_order() {
    let (model, folded) = (aircraft(), aircraft().fold::<f64>(example(PICTURE)).unwrap());
    let head = model.head(netfold::Squashing::LeftOff).unwrap();
    let trace = model.trace(folded.x(), head.logits, NonFinite::Refuse).unwrap();
    let circuit = trace.freeze(&Rules::default()).unwrap();
    assert_eq!(trace.logits().unwrap(), folded.logits());
    let mut seen = Vec::new();
    let request = Request { classes: vec![1, 0], method: netfold::Method::Adjoint, ..Request::default() };
    circuit
        .reconstruct::<Error>(folded.x(), folded.logits(), &request, &netfold::Watch::default(), &mut |row| {
            seen.push((row.class, row.weights.to_vec(), row.bias, row.bias_by_stage.to_vec(), row.reconstructed));
            Ok(())
        })
        .unwrap();
    let rows = folded.rows([1, 0]).unwrap().map(Result::unwrap);
    let own: Vec<_> = rows
        .map(|row| (row.class, row.weights.data().to_vec(), row.bias, row.bias_by_node, row.reconstructed))
        .collect();
    assert_eq!(own, seen);
    for class in [0, 1] {
        let (contributions, row) = (folded.contributions(class).unwrap(), folded.row(class).unwrap());
        let logit = folded.logits().data()[class];
        assert!((contributions.data().iter().sum::<f64>() + row.bias - logit).abs() < 1e-10 * logit.abs());
        let shares: f64 = folded.bias_maps(class).unwrap().iter().map(netfold::BiasMap::total).sum();
        assert!((shares - row.bias).abs() < 1e-10 * logit.abs());
    }
}

#[test]
fn a_path_its_bytes_its_pixels_and_its_tensor_are_one_input() {
    let model = aircraft();
    let file = model.fold::<f32>(example(PICTURE)).unwrap();
    let bytes = std::fs::read(example(PICTURE)).unwrap();
    let pixels = Picture::read(&example(PICTURE)).unwrap();
    let others: [Source<f32>; 3] = [Source::Bytes(bytes.clone()), pixels.into(), file.x().into()];
    for source in others {
        let other = model.fold(source).unwrap();
        assert_eq!(other.logits(), file.logits());
        assert_eq!(other.row(0).unwrap(), file.row(0).unwrap());
    }
    let again = Model::from_bytes(std::fs::read(example("aircraft.onnx")).unwrap()).unwrap();
    assert_eq!(again.fold(file.x()).unwrap().logits(), file.logits());
    // The same bytes have the same hash, whatever they are called.
    let (of_file, of_bytes) = (file.certificate().unwrap(), again.fold(Source::<f32>::Bytes(bytes)).unwrap());
    let of_bytes = of_bytes.certificate().unwrap();
    assert_eq!(of_file.input.sha256, of_bytes.input.sha256);
    assert_eq!((of_file.model.sha256, of_file.model.file.as_str()), (of_bytes.model.sha256, "aircraft.onnx"));
}

#[test]
fn the_one_layer_model_is_a_model_of_the_same_logits() {
    let folded = aircraft().fold::<f32>(example(PICTURE)).unwrap();
    let one_layer = Model::new(folded.one_layer(&[1, 0]).unwrap()).unwrap();
    let logits = one_layer.fold(folded.x()).unwrap().logits().clone();
    for (logit, class) in logits.data().iter().zip([1, 0]) {
        assert!((logit - folded.logits().data()[class]).abs() < 1e-4 * folded.logits().data()[class].abs());
    }
    // The file that is saved holds the same numbers.
    let folder = tempfile::tempdir().unwrap();
    folded.save(folder.path(), &[1, 0]).unwrap();
    let saved = Model::read(folder.path().join("reconstructed.onnx")).unwrap();
    assert_eq!(saved.fold(folded.x()).unwrap().logits(), &logits);
    assert!(folded.one_layer(&[2]).is_err());
}

#[test]
fn a_fold_checks_its_own_numbers() {
    let folded = aircraft().fold::<f64>(example(PICTURE)).unwrap();
    let outcomes = folded.check(0, 0).unwrap();
    assert_eq!(outcomes.len(), 4);
    assert!(outcomes.iter().all(netfold::checks::Outcome::holds), "{outcomes:?}");
    assert!(folded.check(2, 0).is_err());
}

#[test]
fn a_call_tells_its_progress_and_stops_at_every_step() {
    static STEPS: AtomicUsize = AtomicUsize::new(0);
    let told = |progress: netfold::Progress| {
        assert!(progress.done <= progress.all, "{progress:?}");
        let step =
            [Step::Trace, Step::Freeze, Step::Compare, Step::Rows].iter().position(|&step| step == progress.step);
        STEPS.fetch_or(1 << step.unwrap(), Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    let folded = aircraft().options().progress(told).fold::<f32>(example(PICTURE)).unwrap();
    folded.certificate().unwrap();
    folded.row(0).unwrap();
    assert_eq!(STEPS.load(Ordering::Relaxed), 0b1111, "each step was told of");

    let stopping = |at: Step| {
        move |progress: netfold::Progress| {
            if progress.step == at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    };
    for step in [Step::Trace, Step::Freeze] {
        let stopped = aircraft().options().progress(stopping(step)).fold::<f32>(example(PICTURE));
        assert!(matches!(stopped, Err(Error::Stopped)), "{step:?}");
    }
    for step in [Step::Compare, Step::Rows] {
        let folded = aircraft().options().progress(stopping(step)).fold::<f32>(example(PICTURE)).unwrap();
        let request = Request { classes: vec![0], ..Request::default() };
        assert!(matches!(folded.reconstruct::<Error>(&request, |_| Ok(())), Err(Error::Stopped)), "{step:?}");
    }
    let folded = aircraft().options().progress(stopping(Step::Rows)).fold::<f32>(example(PICTURE)).unwrap();
    let rows: Vec<_> = folded.rows([0, 1]).unwrap().collect();
    assert!(matches!(rows.as_slice(), [Err(Error::Stopped)]), "one error, and no more rows");
}

#[test]
fn what_is_not_there_is_an_error_and_no_panic() {
    let folded = aircraft().fold::<f32>(example(PICTURE)).unwrap();
    let message = |error: Error| format!("{error}; {}", error.hint().unwrap_or_default());
    assert_eq!(message(folded.row(2).unwrap_err()), "there is no class `2`; there is `0 to 1`");
    assert_eq!(message(folded.rows([0, 7]).unwrap_err()), "there is no class `7`; there is `0 to 1`");
    assert!(folded.bias_maps(9).is_err() && folded.contributions(9).is_err() && folded.lens("gradient", 9).is_err());
    assert!(message(folded.lens("gradcam", 0).unwrap_err()).contains("grad-cam"));
    assert!(folded.from("nothing").is_err() && folded.at("nothing").is_err() && folded.bias_map("nothing", 0).is_err());
    let wrong = Tensor::new(&[1, 3], vec![0.0_f32; 3]);
    assert!(message(aircraft().fold(&wrong).unwrap_err()).contains("takes shape"));
    assert!(matches!(aircraft().fold::<f32>("no/such/file.png"), Err(Error::Input(_))));
}

#[test]
fn inputs_beside_the_explained_one_are_held_under_their_names() {
    let (x, scale) = (Tensor::new(&[1, 2], vec![1.0, 2.0]), Tensor::new(&[1, 2], vec![3.0, 4.0]));
    assert!(matches!(product().fold(&x), Err(Error::MissingInputs { .. })));
    let folded = product().options().input("scale", &scale).fold(&x).unwrap();
    assert_eq!(folded.row(1).unwrap().weights.data(), [0.0, 4.0]);
    assert_eq!(folded.certificate().unwrap().held_inputs[0].name, "scale");
    let folded = product().options().explain("scale").input("x", &x).fold(&scale).unwrap();
    assert_eq!(folded.row(1).unwrap().weights.data(), [0.0, 2.0]);
    let twice = product().options().input("scale", &scale).input("scale", &scale).fold(&x);
    assert!(matches!(twice, Err(Error::Twice { explained: false, .. })));
    let twice = product().options().input("x", &scale).fold(&x);
    assert!(matches!(twice, Err(Error::Twice { explained: true, .. })));
}

#[test]
fn a_saved_folder_holds_the_rows_and_a_certificate() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("out");
    let folded = aircraft().fold::<f32>(example(PICTURE)).unwrap();
    let certificate = folded.save(&out, &[0, 1]).unwrap();
    assert!(certificate.equivalent && certificate.classes == 2);
    let one_layer = Model::read(out.join("reconstructed.onnx")).unwrap();
    let again = one_layer.fold(folded.x()).unwrap();
    for (own, other) in folded.logits().data().iter().zip(again.logits().data()) {
        assert!((own - other).abs() < 1e-4 * own.abs());
    }
    for name in ["reconstruction.npz", "certificate.json"] {
        assert!(out.join(name).is_file(), "{name}");
    }
}

#[test]
fn the_way_is_cut_in_two_at_an_inner_tensor() {
    let folded = aircraft().fold::<f64>(example(PICTURE)).unwrap();
    // The node before the last one.
    let stages = folded.circuit().stages();
    let tensor = &stages[stages.len() - 2].tensor;
    let (below, above) = (folded.at(tensor).unwrap(), folded.from(tensor).unwrap());
    assert_eq!(below.logits(), above.x());
    assert!(below.certificate().unwrap().argmax.is_none() && above.certificate().unwrap().equivalent);
    let (unit, field) = below.unit(&"0".parse().unwrap()).unwrap();
    assert!(field.elements > 0 && field.elements <= unit.weights.len());
}
