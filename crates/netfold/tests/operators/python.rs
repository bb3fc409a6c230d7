//! Cases that Python scripts write, read back.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use netfold::model::TensorId;
use netfold::ops::Inputs;
use netfold::{Model, Precision, Tensor, Value};

/// One case: a model, what goes in and what should come out.
pub struct Case {
    pub name: String,
    pub model: Result<Model, String>,
    inputs: Vec<PathBuf>,
    outputs: Vec<PathBuf>,
    /// The difference that is allowed, relative to the largest expected value.
    pub tolerance: f64,
}

/// What a script of `tests/judge` prints; `None`, with a visible line, without Python.
pub fn judge(script: &str, arguments: &[&str]) -> Option<String> {
    let Some(python) = std::env::var_os("NETFOLD_PYTHON") else {
        println!("SKIPPED: NETFOLD_PYTHON names no Python to run {script}");
        return None;
    };
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge").join(script);
    let output = Command::new(python).arg(judge).args(arguments).output().expect("Python runs");
    assert!(
        output.status.success(),
        "{script} ends with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).expect("text"))
}

/// All cases that a script of `tests/judge` writes, by name; `None`, with a visible line, without Python.
pub fn cases(script: &str, arguments: &[&str]) -> Option<Vec<Case>> {
    let Some(python) = std::env::var_os("NETFOLD_PYTHON") else {
        println!("SKIPPED: NETFOLD_PYTHON names no Python to run {script}");
        return None;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(script.trim_end_matches(".py"));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("the old cases can be removed");
    }
    std::fs::create_dir_all(&folder).expect("a folder for the cases");
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge").join(script);
    let status = Command::new(python).arg(judge).arg(&folder).args(arguments).status().expect("Python runs");
    assert!(status.success(), "{script} ends with {status}");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    Some(folders.iter().map(|folder| read(folder)).collect())
}

fn read(folder: &Path) -> Case {
    let numbered = |kind: &str| {
        let file = |i: usize| folder.join(format!("{kind}_{i}.npy"));
        (0..64).map(file).take_while(|path| path.exists()).collect()
    };
    Case {
        name: folder.file_name().unwrap().to_string_lossy().into_owned(),
        model: Model::read(folder.join("model.onnx")).map_err(|error| error.to_string()),
        inputs: numbered("input"),
        outputs: numbered("output"),
        tolerance: std::fs::read_to_string(folder.join("tolerance.txt")).unwrap().trim().parse().unwrap(),
    }
}

/// An array of doubles, 64-bit integers or truth values.
fn array<T: Precision>(path: &Path) -> Value<T> {
    let bytes = std::fs::read(path).unwrap();
    let open = || npyz::NpyFile::new(&bytes[..]).unwrap();
    let file = open();
    let shape: Vec<usize> = file.shape().iter().map(|&size| size as usize).collect();
    if let Ok(data) = file.into_vec::<f64>() {
        return Value::Real(Tensor::new(&shape, data.into_iter().map(T::of).collect()));
    }
    match open().into_vec::<i64>() {
        Ok(data) => Value::Int(Tensor::new(&shape, data)),
        Err(_) => Value::Bool(Tensor::new(&shape, open().into_vec::<bool>().unwrap())),
    }
}

impl Case {
    /// What goes into the graph.
    pub fn inputs<T: Precision>(&self, model: &Model) -> HashMap<TensorId, Value<T>> {
        model.inputs.iter().copied().zip(self.inputs.iter().map(|path| array(path))).collect()
    }

    /// What should come out.
    pub fn outputs<T: Precision>(&self) -> Vec<Value<T>> {
        self.outputs.iter().map(|path| array(path)).collect()
    }
}

/// Every value of a graph, from those of its inputs.
pub fn evaluate<T: Precision>(
    model: &Model,
    inputs: HashMap<TensorId, Value<T>>,
) -> Result<HashMap<TensorId, Value<T>>, String> {
    let mut values = inputs;
    for (&id, tensor) in &model.constants {
        values.extend(Value::from_onnx(tensor).map(|value| (id, value)));
    }
    for node in &model.nodes {
        let operator = node.operator.as_ref().map_err(|why| format!("{}: {why}", node.op))?;
        let given = Inputs(node.inputs.iter().map(|id| id.and_then(|id| values.get(&id))).collect());
        let made = crate::node::compute(operator.as_ref(), &given).map_err(|error| format!("{}: {error}", node.op))?;
        values.extend(node.outputs.iter().zip(made).filter_map(|(id, value)| Some(((*id)?, value))));
    }
    Ok(values)
}

/// The lines `name: reason` of a manifest; empty lines and those with `#` are for the reader.
pub fn manifest(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let entry = |line: &str| line.split_once(": ").map(|(name, why)| (name.to_owned(), why.to_owned()));
    lines.map(|line| entry(line).unwrap_or_else(|| panic!("`{line}` should read `name: reason`"))).collect()
}
