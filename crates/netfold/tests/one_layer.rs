//! Another runtime runs both models: the network and the one-layer model that was written for it agree in onnxruntime.

mod common;

use std::path::Path;
use std::process::Command;

use common::{networks, samples, zoo};
use netfold::input::read_npy;
use netfold::output::Taken;
use netfold::output::folder::Folder;
use netfold::reconstruction::Request;
use netfold::trace::NonFinite;
use netfold::{Error, Method, Model, Rules, Store, Tensor};

/// Runs a model on an array and saves its first output; the logits of both models are compared in Rust.
const RUN: &str = "
import sys, numpy, onnxruntime
for model, x, out in zip(*[iter(sys.argv[1:])] * 3):
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    kind = {'tensor(float)': numpy.float32, 'tensor(int8)': numpy.int8}[session.get_inputs()[0].type]
    numpy.save(out, session.run(None, {session.get_inputs()[0].name: numpy.load(x).astype(kind)})[0])
";

#[test]
fn onnxruntime_gives_the_networks_logits() {
    let Some(zoo) = zoo() else { return };
    let Ok(python) = std::env::var("NETFOLD_PYTHON") else {
        println!("SKIPPED: NETFOLD_PYTHON names no Python with onnxruntime");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut arguments, mut expected) = (Vec::new(), Vec::new());
    for network in networks(&zoo) {
        let name = network.file_name().unwrap().to_string_lossy().into_owned();
        let model = Model::read(network.join("model.onnx")).unwrap();
        let (Some(sample), Ok(head)) = (samples(&network).into_iter().next(), model.head(netfold::Squashing::LeftOff))
        else {
            continue;
        };
        let x = read_npy::<f32>(&sample.input).unwrap();
        let Ok(trace) = model.trace(&x, head.logits, NonFinite::Refuse) else { continue };
        let logits = trace.logits().unwrap().clone();
        // Few enough classes to keep the files small, all of them where there are few.
        let classes: Vec<usize> = (0..logits.len()).step_by(logits.len().div_ceil(20)).collect();
        let circuit = trace.freeze(&Rules::default()).unwrap();
        let out = folder.path().join(&name);
        let taken =
            Taken { name: model.name(trace.input), dtype: model.tensors[trace.input.0].dtype, shape: x.shape() };
        let mut files = Folder::begin(&out).unwrap();
        let mut store = Store::begin(&mut files, taken, classes.len()).unwrap();
        let request = Request { classes: classes.clone(), method: Method::Adjoint, ..Request::default() };
        let result = circuit
            .reconstruct::<Error>(&x, &logits, &request, &netfold::Watch::default(), &mut |row| store.row(row))
            .unwrap();
        store.finish(&result, &x).unwrap();
        files.commit().unwrap();
        let result = out.join("logits.npy");
        for path in [&out.join("reconstructed.onnx"), &sample.input, &result] {
            arguments.push(path.clone());
        }
        let wanted: Vec<f32> = classes.iter().map(|&class| logits.data()[class]).collect();
        expected.push((name, result, wanted));
    }
    assert!(expected.len() >= 11, "only {} networks", expected.len());
    let status = Command::new(python).arg("-c").arg(RUN).args(&arguments).status().unwrap();
    assert!(status.success(), "onnxruntime ran every one-layer model");
    for (name, path, wanted) in expected {
        assert_close(&name, read_npy::<f32>(&path).unwrap().data(), &wanted);
    }
}

/// The arrays are where the contract says, with its names and shapes, and hold the numbers that add up.
#[test]
fn arrays_add_up() {
    let (model, x) = (common::random::model(7), common::random::input::<f64>(7));
    let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
    let (circuit, logits) = (trace.freeze(&Rules::default()).unwrap(), trace.logits().unwrap().clone());
    let folder = tempfile::tempdir().unwrap();
    let mut files = Folder::begin(folder.path()).unwrap();
    let mut store = Store::begin(&mut files, taken(&x), 2).unwrap();
    let request = Request { classes: vec![1, 2], ..Request::default() };
    let result = circuit
        .reconstruct::<Error>(&x, &logits, &request, &netfold::Watch::default(), &mut |row| store.row(row))
        .unwrap();
    store.finish(&result, &x).unwrap();
    files.commit().unwrap();

    let weights = entry(folder.path(), "weights", &[2, 2, 7, 7]);
    let (b, y) = (entry(folder.path(), "bias", &[2]), entry(folder.path(), "reconstructed", &[2]));
    assert_eq!(entry(folder.path(), "logits", &[2]), logits.data()[1..3]);
    assert_eq!(entry(folder.path(), "input", &[1, 2, 7, 7]), x.data());
    for (k, row) in weights.chunks_exact(98).enumerate() {
        let dot: f64 = row.iter().zip(x.data()).map(|(w, x)| w * x).sum();
        assert!((dot + b[k] - y[k]).abs() < 1e-12 && (y[k] - logits.data()[k + 1]).abs() < 1e-12);
    }
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing but the two files: {names:?}");
}

fn taken<T: Clone>(x: &Tensor<T>) -> Taken<'_> {
    Taken { name: "x", dtype: None, shape: x.shape() }
}

fn entry(folder: &Path, name: &str, shape: &[u64]) -> Vec<f64> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(folder.join("reconstruction.npz")).unwrap()).unwrap();
    let array = npyz::NpyFile::new(archive.by_name(&format!("{name}.npy")).unwrap()).unwrap();
    assert_eq!(array.shape(), shape, "{name}");
    array.into_vec().unwrap()
}

fn assert_close(name: &str, got: &[f32], wanted: &[f32]) {
    let scale = wanted.iter().map(|v| v.abs()).fold(0.0, f32::max);
    assert_eq!(got.len(), wanted.len(), "{name}");
    for (got, wanted) in got.iter().zip(wanted) {
        assert!((got - wanted).abs() <= 1e-4 * scale, "{name}: onnxruntime {got}, the network {wanted}");
    }
}
