//! Any bytes as a model: an error with a message, or a network whose nodes are told, in no more memory than it is given.
//!
//! `cargo fuzz run model -- -max_total_time=60 -rss_limit_mb=4096`, on a stable toolchain with `RUSTC_BOOTSTRAP=1`.
//! Small models make good seeds: put some into `fuzz/corpus/model`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netfold::model::Squashing;
use netfold::inspect::Start;
use netfold::{Budget, Error, Model, Rules};
use netfold_onnx::decode;

/// Bytes that a network may take.
const MEMORY: u64 = 64 << 20;

fn told(bytes: &[u8]) -> Result<(), Error> {
    let model = Model::new(decode(bytes.to_vec(), None)?)?.within(Budget::new(MEMORY))?;
    let first = model.outputs.first().map(|&id| model.name(id));
    let head = match first {
        Some(output) => model.head_of(output, Squashing::LeftOff)?,
        None => model.head(Squashing::LeftOff)?,
    };
    let found = model.inspect::<f32>(&head, &Start::default(), &Rules::default())?;
    assert!(found.warnings.iter().all(|warning| !warning.to_string().is_empty()));
    match found.unsupported {
        nodes if nodes.is_empty() => Ok(()),
        nodes => Err(Error::Unsupported { nodes, before: found.before }),
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = told(bytes) {
        assert!(!error.to_string().is_empty());
    }
});
