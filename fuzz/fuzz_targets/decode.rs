//! Any bytes: an error, or a model that can be written and read again.
//!
//! `cargo fuzz run decode -- -max_total_time=60 -rss_limit_mb=4096`, on a stable toolchain with `RUSTC_BOOTSTRAP=1`.
//! Small models make good seeds: put some into `fuzz/corpus/decode`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netfold_onnx::{decode, encode};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = decode(bytes.to_vec(), None) {
        let written = encode(&model);
        let again = decode(written.clone(), None).expect("what was written can be read");
        assert!(encode(&again) == written, "writing twice gives two files");
    }
});
