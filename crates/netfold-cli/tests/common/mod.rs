//! A folder with a small network, pictures and arrays, and the program run in it.
#![allow(dead_code, missing_docs)]

use std::fs;
use std::path::Path;
use std::process::Command;

use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, encode};
use tempfile::TempDir;

/// A folder of its own for each test.
pub struct Stage(TempDir);

impl Stage {
    /// An empty folder.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with `model.onnx`, `picture.png` and `labels.txt`.
    pub fn set() -> Self {
        let stage = Self::new();
        stage.file("model.onnx", &encode(&network()));
        image::GrayImage::from_fn(4, 4, |x, y| image::Luma([(x * 60 + y * 15) as u8]))
            .save(stage.path("picture.png"))
            .unwrap();
        stage.file("labels.txt", b"ant\nbee\nwasp\n");
        stage
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file into the folder.
    pub fn file(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Writes an array of numbers.
    pub fn array(&self, name: &str, shape: &[u64], values: &[f32]) {
        use npyz::WriterBuilder;
        let file = fs::File::create(self.path(name)).unwrap();
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd().unwrap();
        writer.extend(values.iter()).unwrap();
        writer.finish().unwrap();
    }

    /// The names of the files in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(folder))
            .map(|entries| entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    /// The program, run in the folder with these words.
    pub fn netfold(&self, words: &[&str]) -> Command {
        let mut command = Command::new(insta_cmd::get_cargo_bin("netfold"));
        command.current_dir(self.0.path()).args(words).env("NO_COLOR", "1").env("COLUMNS", "100");
        command
    }
}

/// Runs a netfold command and compares all it says with the snapshot; times, versions and rounding are left out.
#[macro_export]
macro_rules! says {
    ($stage:expr, $words:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r" +\d\.\de-?\d+\b", " [small]");
        settings.add_filter(r" +-?\d\.\d+e-(?:[6-9]|1\d)\b", " [small]");
        // A difference of nothing at all, which another processor may round to something.
        settings.add_filter(r"(?m)  +0(  |$)", " [small]$1");
        settings.set_omit_expression(true);
        settings.set_description(format!("netfold {}", $words.join(" ")));
        settings.bind(|| insta_cmd::assert_cmd_snapshot!($stage.netfold(&$words)));
    }};
}

/// Conv, ReLU, Flatten, Gemm on a 4 × 4 picture; three classes.
pub fn network() -> ModelDef {
    let numbers =
        |len: usize, step: usize| (0..len).map(|i| ((i * step) % 11) as f32 / 10.0 - 0.5).collect::<Vec<f32>>();
    let graph = GraphDef::new("small")
        .with_input(ValueInfo::new("image", DType::F32, [1, 1, 4, 4]))
        .with_output(ValueInfo::new("logits", DType::F32, [1, 3]))
        .with_initializer("w1", TensorDef::new([2, 1, 3, 3], numbers(18, 7)).unwrap())
        .with_initializer("b1", TensorDef::vector(vec![0.1_f32, -0.2]))
        .with_initializer("w2", TensorDef::new([3, 8], numbers(24, 5)).unwrap())
        .with_initializer("b2", TensorDef::vector(vec![0.3_f32, 0.0, -0.1]))
        .with_node(NodeDef::new("Conv", ["image", "w1", "b1"], ["z"]).named("/conv"))
        .with_node(NodeDef::new("Relu", ["z"], ["h"]).named("/relu"))
        .with_node(NodeDef::new("Flatten", ["h"], ["flat"]).named("/flatten"))
        .with_node(NodeDef::new("Gemm", ["flat", "w2", "b2"], ["logits"]).with("transB", 1_i64).named("/head"));
    ModelDef::new(graph)
}

/// The small network with two nodes that nobody supports.
pub fn unsupported() -> ModelDef {
    let mut model = network();
    model.graph.nodes[1] = NodeDef::new("NonMaxSuppression", ["z"], ["h"]).named("/odd");
    model.graph.nodes.insert(2, NodeDef::new("Relu2", ["h"], ["h2"]).named("/odder"));
    model.graph.nodes[3].inputs[0] = "h2".into();
    model
}

/// The small network with its feature map as a second output.
pub fn two_outputs() -> ModelDef {
    let mut model = network();
    model.graph.outputs.push(ValueInfo::new("h", DType::F32, [1, 2, 2, 2]));
    model
}

/// Whether a file is a whole PNG picture.
pub fn is_picture(path: &Path) -> bool {
    image::open(path).is_ok()
}
