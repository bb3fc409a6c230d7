//! What the reader allocates is bounded by a multiple of the file's size.
#![allow(unsafe_code)] // An allocator that counts cannot be written otherwise.

use netfold_onnx::{GraphDef, ModelDef, TensorDef, decode, encode};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: both calls go to the system's allocator as they are; the counters are all that is added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller's promises are those of `System.alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: every pointer comes from `System.alloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes allocated at most at one time while these bytes are decoded, for each byte.
fn factor(bytes: &[u8]) -> usize {
    let bytes = bytes.to_vec();
    let (length, before) = (bytes.len(), NOW.load(Relaxed));
    PEAK.store(before, Relaxed);
    let _ = decode(bytes, None);
    (PEAK.load(Relaxed) - before) / length
}

/// A model whose graph is this field, so and so often.
fn model(field: &[u8], times: usize) -> Vec<u8> {
    let graph = field.repeat(times);
    let mut bytes = vec![1 << 3, 8, 8 << 3 | 2, 2, 2 << 3, 17, 7 << 3 | 2];
    let mut length = graph.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(graph);
    bytes
}

/// One test, since the counters are the whole process's.
#[test]
fn allocations_follow_the_size() {
    // Weights are in memory once beside the file's bytes.
    let weights = TensorDef::vector(vec![1.0_f32; 1 << 20]);
    let model_of_weights = encode(&ModelDef::new(GraphDef::new("big").with_initializer("w", weights)));
    assert_eq!(factor(&model_of_weights), 1);
    // The message that costs most for its bytes: an empty one, two bytes long, of each kind a graph repeats.
    for tag in [1_u8, 5, 11, 12, 13, 15] {
        let factor = factor(&model(&[tag << 3 | 2, 0], 50_000));
        assert!(factor < 600, "field {tag}: {factor} bytes a byte");
    }
    // Attributes in one node.
    let node = model(&[5 << 3 | 2, 0], 50_000);
    let attributes = model(&[&[1 << 3 | 2], &node[7..]].concat(), 1);
    let attributes = factor(&attributes);
    assert!(attributes < 600, "{attributes} bytes a byte");
    // A float tensor of 2^60 elements that the file does not have, and one sparse tensor of as many.
    let dims: &[u8] = &[1 << 3, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    let tensor = [&[5 << 3 | 2, dims.len() as u8 + 2, 2 << 3, 1], dims].concat();
    assert!(factor(&model(&tensor, 1)) < 600);
    let dims = &[&[3 << 3], &dims[1..]].concat();
    let sparse = [&[15 << 3 | 2, dims.len() as u8 + 4, 1 << 3 | 2, 0, 2 << 3 | 2, 0], dims.as_slice()].concat();
    assert!(factor(&model(&sparse, 1)) < 600);
}
