//! Any bytes as a file: an error with a message, or a tensor whose shape and numbers agree.
//!
//! `cargo fuzz run array -- -max_total_time=60 -rss_limit_mb=4096`, on a stable toolchain with `RUSTC_BOOTSTRAP=1`.
//! Small `.npy` files make good seeds: put some into `fuzz/corpus/array`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netfold::input::read_npy;
use netfold_fuzz::file_of;

fuzz_target!(|bytes: &[u8]| {
    let path = file_of("array", bytes);
    match read_npy::<f32>(&path) {
        Ok(tensor) => assert_eq!(tensor.len(), tensor.shape().iter().product::<usize>()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
