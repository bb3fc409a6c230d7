//! Any bytes as a file: an error with a message, or a picture whose sizes and values agree.
//!
//! `cargo fuzz run picture -- -max_total_time=60 -rss_limit_mb=4096`, on a stable toolchain with `RUSTC_BOOTSTRAP=1`.
//! Small pictures of each format make good seeds: put some into `fuzz/corpus/picture`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netfold::input::Picture;
use netfold_fuzz::file_of;

fuzz_target!(|bytes: &[u8]| {
    let path = file_of("picture", bytes);
    match Picture::read(&path) {
        Ok(picture) => {
            let values = picture.pixels.reals::<f64>();
            assert_eq!(values.len(), picture.width * picture.height * picture.channels);
            assert!(values.iter().all(|&value| value <= picture.pixels.largest()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
