//! Real networks, from the folder beside the checkout.

use netfold_onnx::{ModelDef, decode, encode, read};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The folders of the zoo (`NETFOLD_ZOO`, or `../shared/zoo` from the checkout); none, and a line that says so, where it is
/// absent.
pub(crate) fn folders() -> Vec<PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let zoo = checkout.join(std::env::var_os("NETFOLD_ZOO").unwrap_or_else(|| "../shared/zoo".into()));
    let Ok(entries) = fs::read_dir(&zoo) else {
        println!("SKIPPED: no networks in {}", zoo.display());
        return Vec::new();
    };
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("model.onnx").exists());
    folders.collect()
}

fn operators(model: &ModelDef) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for node in &model.graph.nodes {
        *counts.entry(node.op_type.clone()).or_default() += 1;
    }
    counts
}

#[test]
fn every_network_is_read() {
    for folder in folders() {
        let name = folder.display();
        let info = fs::read_to_string(folder.join("info.json")).unwrap();
        let info = serde_json::from_str::<Value>(&info).unwrap();
        let model = read(&folder.join("model.onnx")).unwrap_or_else(|e| panic!("{name}: {e}: {e:?}"));

        let expected = serde_json::from_value::<BTreeMap<String, u64>>(info["ops"].clone()).unwrap();
        assert_eq!(operators(&model), expected, "{name}");
        assert!(!model.graph.inputs.is_empty() && !model.graph.outputs.is_empty(), "{name}");
        if let Some(ir) = info["ir"].as_i64() {
            assert_eq!(model.ir_version, ir, "{name}");
        }
        if let Some(version) = info["opset"]["ai.onnx"].as_i64() {
            assert_eq!(model.opsets.get(""), Some(&version), "{name}");
        }
    }
}

#[test]
fn every_network_survives_being_written() {
    for folder in folders() {
        let model = read(&folder.join("model.onnx")).unwrap();
        assert!(decode(encode(&model), None).unwrap() == model, "{}", folder.display());
    }
}
