//! `src/generated.rs` must be what `proto/onnx.proto` generates.
//!
//! After a change of the proto file:
//! `UPDATE_GENERATED=1 cargo nextest run -p netfold-onnx --test generated`.

use std::{env, fs, path::Path};

#[test]
fn generated_file_is_fresh() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked_in = crate_dir.join("src/generated.rs");
    let descriptors = protox::compile(["onnx.proto"], [crate_dir.join("proto")]).expect("proto/onnx.proto compiles");

    let out = tempfile::tempdir().expect("temporary folder");
    prost_build::Config::new()
        .bytes(["."])
        // Most attributes hold no tensor: boxed, an attribute of a few bytes stays small in memory.
        .boxed(".onnx.AttributeProto.t")
        .out_dir(out.path())
        .compile_fds(descriptors)
        .expect("prost generates");
    let fresh = fs::read_to_string(out.path().join("onnx.rs")).expect("generated file");

    if env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&checked_in, &fresh).expect("src/generated.rs can be written");
    }
    let checked_in = fs::read_to_string(checked_in).unwrap_or_default();
    assert!(checked_in == fresh, "src/generated.rs is stale; run this test with UPDATE_GENERATED=1");
}
