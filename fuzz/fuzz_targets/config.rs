//! Any text as a `preprocessor_config.json`: an error with a message, or a preprocessing that makes an input of a small
//! picture, or says why it cannot.
//!
//! `cargo fuzz run config -- -max_total_time=60 -rss_limit_mb=4096`, on a stable toolchain with `RUSTC_BOOTSTRAP=1`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netfold::input::{InputLayout, LayoutChoice, Picture, Pixels, Preprocess};
use netfold_onnx::Dim;

fuzz_target!(|text: &str| {
    let how = match Preprocess::from_json(text, "preprocessor_config.json") {
        Ok(how) => how,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(!how.formula(255.0).is_empty());
    let picture = Picture { width: 3, height: 2, channels: 3, pixels: Pixels::Bytes((0..18).collect()) };
    let declared = [Dim::Known(1), Dim::Known(3), Dim::Known(8), Dim::Known(8)];
    let layout = InputLayout::find("x", &declared, LayoutChoice::Auto).expect("an input for pictures");
    match how.pixel_map::<f32>(&picture, &layout) {
        Ok(map) => assert_eq!(map.apply(&picture).shape(), [1, 3, 8, 8]),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
