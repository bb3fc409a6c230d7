//! What the reference checker and onnxruntime say of written models.
//!
//! `NETFOLD_PYTHON` is the path of a Python that has `onnx` and `onnxruntime`.

use crate::small_model;
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, StreamedModel, ValueInfo, encode};
use std::{env, fs, path::Path, process::Command};

/// Runs a script with the path of a model; false, and a line that says so, where there is no Python.
fn python(script: &str, model: &Path) -> bool {
    let Some(python) = env::var_os("NETFOLD_PYTHON") else {
        println!("SKIPPED: NETFOLD_PYTHON is not set");
        return false;
    };
    let output = Command::new(python).arg("-c").arg(script).arg(model).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

#[test]
fn the_checker_accepts_written_models() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.onnx");
    fs::write(&path, encode(&small_model())).unwrap();
    python("import onnx, sys; onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)", &path);
}

#[test]
fn the_checker_accepts_real_models_written_again() {
    let folder = tempfile::tempdir().unwrap();
    for network in crate::zoo::folders() {
        let path = folder.path().join("again.onnx");
        fs::write(&path, encode(&netfold_onnx::read(&network.join("model.onnx")).unwrap())).unwrap();
        if !python("import onnx, sys; onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)", &path) {
            return;
        }
    }
}

#[test]
fn onnxruntime_runs_streamed_models() {
    let graph = GraphDef::new("one layer")
        .with_input(ValueInfo::new("x", DType::F32, [1, 2]))
        .with_node(NodeDef::new("MatMul", ["x", "w"], ["y"]))
        .with_output(ValueInfo::new("y", DType::F32, [1, 3]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("streamed.onnx");
    let file = fs::File::create(&path).unwrap();
    let mut out = StreamedModel::begin(&ModelDef::new(graph), DType::F32, &[("w", &[2, 3])], file).unwrap();
    out.write(&[1.0_f32, 2.0, 3.0, 40.0, 50.0, 60.0].map(f32::to_le_bytes).concat()).unwrap();
    out.finish().unwrap();
    let script = "
import numpy, onnx, onnxruntime, sys
onnx.checker.check_model(sys.argv[1], full_check=True)
session = onnxruntime.InferenceSession(sys.argv[1])
y, = session.run(None, {'x': numpy.array([[1, 10]], dtype='float32')})
assert y.tolist() == [[401, 502, 603]], y
";
    python(script, &path);
}
