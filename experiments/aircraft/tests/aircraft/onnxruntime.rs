//! The exported file in another runtime: its logits are those of the training library.

use std::io::Write;
use std::process::{Command, Stdio};

use aircraft::dataset::{Order, simulate};
use aircraft::export;
use aircraft::train::{Plan, logits, train};
use aircraft::view::Size;
use indicatif::ProgressBar;

/// Reads grey levels from standard input, prints a line of logits for each image.
const SCRIPT: &str = r#"
import sys
import numpy, onnxruntime
model, size = sys.argv[1], int(sys.argv[2])
grey = numpy.frombuffer(sys.stdin.buffer.read(), numpy.uint8).reshape(-1, 1, size, size)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
assert [i.name for i in session.get_inputs()] == ["image"]
assert [o.name for o in session.get_outputs()] == ["logits"]
(logits,) = session.run(None, {"image": grey.astype(numpy.float32) / numpy.float32(255)})
for row in logits:
    print(*(repr(float(value)) for value in row))
"#;

#[test]
fn onnxruntime_computes_the_same_logits() {
    let Ok(python) = std::env::var("NETFOLD_PYTHON") else {
        eprintln!("SKIPPED: NETFOLD_PYTHON is not set (a Python with onnxruntime and numpy)");
        return;
    };
    for size in [Size::Multilook, Size::Native] {
        let order = Order { count: 8, seed: 3, snr: 15.0..=25.0, size };
        let pictures = simulate(&order, &ProgressBar::hidden());
        // Trained a little, so that the running statistics are not the initial zeros and ones.
        let plan = Plan { epochs: 2, patience: 2, batch: 7, learning_rate: 0.002, seed: 1 };
        let network = train(&pictures, &plan).expect("train").network;

        let home = tempfile::tempdir().expect("temporary folder");
        let model = home.path().join("aircraft.onnx");
        std::fs::write(&model, export::onnx(&network).expect("export")).expect("write");
        let mut child = Command::new(&python)
            .args(["-c", SCRIPT])
            .arg(&model)
            .arg(size.side().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("NETFOLD_PYTHON runs");
        let grey: Vec<u8> = pictures.iter().flat_map(|picture| picture.grey.iter().copied()).collect();
        child.stdin.take().expect("standard input").write_all(&grey).expect("send the images");
        let output = child.wait_with_output().expect("NETFOLD_PYTHON ends");
        assert!(output.status.success());

        let theirs: Vec<f32> = String::from_utf8(output.stdout)
            .expect("text")
            .split_whitespace()
            .map(|word| word.parse().expect("a number"))
            .collect();
        let ours = logits(&network, &pictures).concat();
        assert_eq!(ours.len(), theirs.len());
        let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "largest difference {worst}");
    }
}
