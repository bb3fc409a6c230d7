//! Pictures of real networks become exactly the tensors that those networks were given.

use std::path::{Path, PathBuf};

use netfold::input::{InputLayout, LayoutChoice, Picture, Preprocess, read_npy};
use netfold_linear::Real;
use netfold_onnx::Dim;

use crate::common::zoo;

/// `(value − mean) / std` of pixel values from 0 to 1, in the file format of Hugging Face.
fn normalised(mean: &str, std: &str) -> String {
    format!(r#"{{"image_mean": {mean}, "image_std": {std}}}"#)
}

/// Each model with the preprocessing that its note states: a preset, or the text of a file.
fn cases() -> Vec<(&'static str, String)> {
    let plain = |mean, std| format!(r#"{{"do_rescale": false, "image_mean": {mean}, "image_std": {std}}}"#);
    let blue_first = r#"{"do_resize": false, "do_rescale": false, "do_flip_channel_order": true}"#;
    vec![
        ("antispoof_minifasnetv1se", blue_first.to_owned()),
        ("cifar_captum_lenet", normalised("0.5", "0.5")),
        ("cifar_conv_sigmoid", normalised("[0.4914, 0.4822, 0.4465]", "[0.2023, 0.1994, 0.2010]")),
        ("cifar_marabou_nhwc", "unit".to_owned()),
        ("cifar_mlperf_resnet8", "raw".to_owned()),
        ("cifar_oval_deep", normalised("[0.485, 0.456, 0.406]", "0.225")),
        ("cifar_resnet20", "imagenet".to_owned()),
        ("cifar_resnet20_unfused_bn", "imagenet".to_owned()),
        ("cifar_resnet2b", normalised("[0.4914, 0.4822, 0.4465]", "[0.2471, 0.2435, 0.2616]")),
        ("coco_yolox_nano", blue_first.to_owned()),
        ("face_mtcnn_onet", plain(127.5, 128.0)),
        ("hard_cifar_resnet8_int8_qdq", plain(128.0, 1.0)),
        ("imagenet_efficientnet_lite0", plain(127.0, 128.0)),
        ("mnist_cntk_opt", "raw".to_owned()),
        ("mnist_cntk_raw", "raw".to_owned()),
        ("mnist_digit_recognizer", normalised("0.1307", "0.3081")),
        ("person_mlperf_vww_mobilenetv1", "unit".to_owned()),
    ]
}

fn pictures(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "png")).collect()
}

/// The largest difference to what the network was given, divided by max(1, |value|).
fn difference<T: Real>(picture: &Path, preprocess: &Preprocess) -> f64 {
    let wanted = read_npy::<T>(&picture.with_extension("npy")).unwrap();
    let shape: Vec<Dim> = wanted.shape().iter().map(|&size| Dim::Known(size)).collect();
    let layout = InputLayout::find("input", &shape, LayoutChoice::Auto).unwrap();
    let picture = Picture::read(picture).unwrap();
    let got = preprocess.pixel_map::<T>(&picture, &layout).unwrap().apply(&picture);
    assert_eq!(got.shape(), wanted.shape());
    let pairs = got.data().iter().zip(wanted.data());
    pairs.map(|(got, want)| (got.wide() - want.wide()).abs() / want.wide().abs().max(1.0)).fold(0.0, f64::max)
}

#[test]
fn tensors_of_real_networks() {
    let Some(zoo) = zoo() else { return };
    for (model, how) in cases() {
        let preprocess = Preprocess::preset(&how).unwrap_or_else(|| Preprocess::from_json(&how, model).unwrap());
        let pictures = pictures(&zoo.join(model));
        assert!(!pictures.is_empty(), "{model} has pictures");
        for picture in pictures {
            let (single, double) = (difference::<f32>(&picture, &preprocess), difference::<f64>(&picture, &preprocess));
            assert!(single < 1e-6 && double < 1e-6, "{}: {single:e}, {double:e}", picture.display());
        }
    }
}
