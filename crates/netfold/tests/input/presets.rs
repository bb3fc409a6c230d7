use netfold::input::{ChannelOrder, InputError, Preprocess, Resize};
use netfold_linear::Filter;

use crate::{file, told};

fn parsed(text: &str) -> Preprocess {
    Preprocess::from_json(text, "p.json").unwrap()
}

fn refused(text: &str) -> String {
    let error = Preprocess::from_json(text, "p.json").unwrap_err();
    assert!(matches!(error, InputError::Config { .. }));
    error.to_string()
}

#[test]
fn presets_and_files_are_found_by_name() {
    for name in Preprocess::PRESETS {
        assert_eq!(Preprocess::parse(name).unwrap(), Preprocess::preset(name).unwrap());
    }
    let (_folder, path) = file("p.JSON", b"{\"do_rescale\": false}");
    assert_eq!(Preprocess::parse(path.to_str().unwrap()).unwrap(), Preprocess::preset("raw").unwrap());
    let error = Preprocess::parse("imagnet").unwrap_err();
    assert_eq!(error.to_string(), "there is no preprocessing called `imagnet`");
    assert_eq!(error.hint().unwrap(), "there are unit, raw, imagenet, tf, caffe, and files that end in .json");
    assert!(told(&Preprocess::parse("no/such/file.json").unwrap_err()).starts_with("cannot read `no/such/file.json`"));
}

#[test]
fn files_of_known_models() {
    // google/vit-base-patch16-224
    let vit = parsed(
        r#"{"do_normalize": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
            "size": 224}"#,
    );
    assert_eq!((vit.resize, vit.crop, vit.filter), (Resize::Exact([224, 224]), None, Filter::Bilinear));
    assert_eq!((vit.rescale, vit.mean.as_slice(), vit.std.as_slice()), (1.0 / 255.0, &[0.5; 3][..], &[0.5; 3][..]));
    // openai/clip-vit-base-patch32
    let clip = parsed(
        r#"{"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
            "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48, 0.45, 0.40],
            "image_std": [0.26, 0.26, 0.27], "resample": 3, "size": 224}"#,
    );
    assert_eq!((clip.resize, clip.crop, clip.filter), (Resize::ShortSide(224), Some([224, 224]), Filter::Bicubic));
    // facebook/deit-base-distilled-patch16-224
    let deit = parsed(
        r#"{"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
            "feature_extractor_type": "DeiTFeatureExtractor", "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225], "resample": 3, "size": 256}"#,
    );
    assert_eq!((deit.resize, deit.crop), (Resize::Exact([256, 256]), Some([224, 224])));
    // google/mobilenet_v2_1.0_224
    let mobilenet = parsed(
        r#"{"crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "do_normalize": true, "do_rescale": true,
            "do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "MobileNetV2ImageProcessor",
            "image_std": [0.5, 0.5, 0.5], "resample": 2, "rescale_factor": 0.00392156862745098,
            "size": {"shortest_edge": 256}}"#,
    );
    assert_eq!((mobilenet.resize, mobilenet.crop), (Resize::ShortSide(256), Some([224, 224])));
    // facebook/convnext-tiny-224
    let convnext = parsed(
        r#"{"crop_pct": 0.875, "do_normalize": true, "do_resize": true,
            "feature_extractor_type": "ConvNextFeatureExtractor", "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225], "resample": 3, "size": 224}"#,
    );
    assert_eq!((convnext.resize, convnext.crop), (Resize::ShortSide(256), Some([224, 224])));
    // apple/mobilevit-small
    let mobilevit = parsed(
        r#"{"crop_size": {"height": 256, "width": 256}, "do_center_crop": true, "do_flip_channel_order": true,
            "do_flip_channels": null, "do_rescale": true, "do_resize": true, "resample": 2,
            "image_processor_type": "MobileViTImageProcessor", "rescale_factor": 0.00392156862745098,
            "size": {"shortest_edge": 288}, "do_reduce_labels": false}"#,
    );
    assert_eq!((mobilevit.order, mobilevit.mean.as_slice()), (ChannelOrder::Bgr, &[0.0][..]));
}

#[test]
fn what_is_left_out_has_a_meaning() {
    assert_eq!(parsed("{}"), Preprocess::preset("unit").unwrap());
    assert_eq!(parsed(r#"{"size": null, "do_resize": null, "image_mean": null}"#), Preprocess::preset("unit").unwrap());
    assert_eq!(parsed(r#"{"do_resize": false}"#).resize, Resize::Keep);
    assert_eq!(parsed(r#"{"size": {"height": 3, "width": 5}}"#).resize, Resize::Exact([3, 5]));
    assert_eq!(parsed(r#"{"do_rescale": false, "rescale_factor": 7}"#).rescale, 1.0);
    assert_eq!(parsed(r#"{"do_normalize": false, "image_mean": 3, "image_std": 4}"#).mean, [0.0]);
    assert_eq!(parsed(r#"{"image_mean": 3, "image_std": [4]}"#).std, [4.0]);
    assert_eq!(parsed(r#"{"resample": 0, "size": 8}"#).filter, Filter::Nearest);
    assert_eq!(
        parsed(r#"{"unknown": true, "do_pad": false, "do_convert_rgb": true}"#),
        Preprocess::preset("unit").unwrap()
    );
    let flipped = parsed(r#"{"image_mean": [1, 2, 3], "image_std": [4, 5, 6], "do_flip_channel_order": true}"#);
    assert_eq!((flipped.mean.as_slice(), flipped.std.as_slice()), (&[3.0, 2.0, 1.0][..], &[6.0, 5.0, 4.0][..]));
}

#[test]
fn what_cannot_be_followed_is_refused_with_a_reason() {
    let start = "cannot use the preprocessing in `p.json`: ";
    assert!(refused("{").starts_with(start));
    assert!(refused("[1]").starts_with(start));
    assert!(refused(r#"{"size": "big"}"#).contains("a size is a number"));
    assert!(refused(r#"{"size": {"longest_edge": 4}}"#).contains("a size is a number"));
    assert!(refused(r#"{"size": {"height": 4}}"#).contains("`size` must have `height` and `width`"));
    assert!(refused(r#"{"size": 0}"#).contains("a size is zero"));
    assert!(refused(r#"{"size": -1}"#).contains("a size is a number"));
    assert!(refused(r#"{"do_resize": true}"#).contains("`do_resize` needs `size`"));
    assert!(refused(r#"{"do_center_crop": true}"#).contains("`do_center_crop` needs `crop_size`"));
    assert!(refused(r#"{"crop_size": {"shortest_edge": 4}}"#).contains("`crop_size` must have"));
    assert!(refused(r#"{"do_normalize": true}"#).contains("`do_normalize` needs `image_mean`"));
    assert!(refused(r#"{"image_mean": 1}"#).contains("`do_normalize` needs `image_std`"));
    assert!(refused(r#"{"size": 4, "resample": 1}"#).contains("`resample` is 1 (Lanczos); supported are"));
    assert!(refused(r#"{"do_pad": true}"#).contains("`do_pad` is true, which is not supported"));
    assert!(refused(r#"{"do_color_quantize": true}"#).contains("`do_color_quantize` is true"));
    assert!(refused(r#"{"rescale_offset": true}"#).contains("`rescale_offset` is true"));
    assert!(refused(r#"{"size": 4, "crop_pct": 0.9}"#).contains("`crop_pct` is 0.9"));
}
