//! No bytes make the reader panic.

use crate::small_model;
use netfold_onnx::{OnnxError, decode, encode};
use proptest::prelude::*;

#[test]
fn cut_at_every_length() {
    let bytes = encode(&small_model());
    for length in 0..bytes.len() {
        let error = decode(bytes[..length].to_vec(), None).expect_err("a part is not a model");
        if length > 30 {
            let known = matches!(error, OnnxError::Cut { .. } | OnnxError::NoOpset { .. });
            assert!(known, "cut to {length} of {}: {error}", bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn changed_bytes(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = encode(&small_model());
        for (place, byte) in changes {
            *place.get_mut(&mut bytes) = byte;
        }
        // Whatever can be decoded can be written, and is the same then.
        if let Ok(model) = decode(bytes, None) {
            decode(encode(&model), None).unwrap();
        }
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(bytes, None);
    }
}
