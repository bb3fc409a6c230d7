//! The images and the network under `examples/aircraft`.

use std::path::PathBuf;

use aircraft::dataset::{SHOWN_DECIBELS, read};
use aircraft::radar::Processor;
use aircraft::view::Size;

fn examples() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "examples", "aircraft"].iter().collect()
}

/// Another processor may round the transform otherwise, so a level may be the next one here and there.
#[test]
fn the_ten_images_are_what_the_simulator_makes_of_their_table() {
    let pictures = read(&examples().join("images")).expect("images and table");
    let processor = Processor::new();
    assert_eq!(pictures.len(), 10);
    for picture in pictures {
        let size = Size::from_side(picture.label.size).expect("a size that there is");
        let again = picture.label.view().image(picture.label.class, size, &processor).grey(SHOWN_DECIBELS);
        let worst = picture.grey.iter().zip(&again).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(1), "{}: {worst:?}", picture.label.file);
    }
}

#[test]
fn the_network_is_a_small_file_for_images_of_that_size() {
    let bytes = std::fs::read(examples().join("aircraft.onnx")).expect("the network");
    assert!(bytes.len() < 300 * 1024, "{} bytes", bytes.len());
    let model = netfold_onnx::decode(bytes, None).expect("ONNX");
    let shape = model.graph.inputs[0].shape.as_ref().expect("a shape");
    assert_eq!(shape[1..], [1, 64, 64].map(netfold_onnx::Dim::Known));
    let labels = std::fs::read_to_string(examples().join("labels.txt")).expect("labels");
    assert_eq!(labels, "An-26\nYak-42\n");
}
