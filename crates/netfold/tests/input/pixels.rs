//! The affine map from pixels to the model's input.

use netfold::input::{InputError, InputLayout, LayoutChoice, Picture, PixelMap, Pixels, Preprocess};
use netfold_linear::{Probes, Real};

use crate::dims;

/// Value of (row y, column x, channel c): (37 y² + 91 x + 53 c x + 17 x y + 11 c) mod 256.
fn picture(height: usize, width: usize, channels: usize) -> Picture {
    let value = |e: usize| {
        let (y, x, c) = (e / channels / width, e / channels % width, e % channels);
        ((37 * y * y + 91 * x + 53 * c * x + 17 * x * y + 11 * c) % 256) as u8
    };
    Picture { width, height, channels, pixels: Pixels::Bytes((0..height * width * channels).map(value).collect()) }
}

fn layout<const N: usize>(sizes: [Option<usize>; N]) -> InputLayout {
    InputLayout::find("x", &dims(sizes), LayoutChoice::Auto).unwrap()
}

fn preset(name: &str) -> Preprocess {
    Preprocess::preset(name).unwrap()
}

fn json(text: &str) -> Preprocess {
    Preprocess::from_json(text, "p.json").unwrap()
}

fn map<T: Real>(how: &Preprocess, picture: &Picture, layout: &InputLayout) -> PixelMap<T> {
    how.pixel_map(picture, layout).unwrap()
}

fn tensor(how: &Preprocess, picture: &Picture, layout: &InputLayout) -> Vec<f64> {
    map::<f64>(how, picture, layout).apply(picture).data().to_vec()
}

fn close(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance, "element {i}: {got}, not {want}");
    }
}

/// ⟨w, A p + c⟩ + b = ⟨Aᵀ w, p⟩ + b', and w reads the model's input as Aᵀ w reads pixels.
fn pulls_back<T: Real>(how: &Preprocess, picture: &Picture, layout: &InputLayout, tolerance: f64) {
    let map = map::<T>(how, picture, layout);
    let x = map.apply(picture);
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24) - 0.5
    };
    let width = 3;
    let values = (0..x.len() * width).map(|_| T::of(random())).collect();
    let rows = Probes::new(netfold_linear::Support::full(x.shape()), width, values);
    let bias: Vec<T> = (0..width).map(|_| T::of(random())).collect();
    let pixels = map.pull(rows.clone());
    let moved = map.bias_of(&rows, &bias);
    assert_eq!((pixels.shape(), pixels.width()), (picture.shape().as_slice(), width));
    let dot = |row: Vec<T>, with: &[T]| -> f64 { row.iter().zip(with).map(|(a, b)| a.wide() * b.wide()).sum() };
    for k in 0..width {
        let model = dot(rows.vector(k), x.data()) + bias[k].wide();
        let pixel = dot(pixels.vector(k), picture.tensor::<T>().data()) + moved[k].wide();
        let size: f64 = x.data().iter().map(|x| x.wide().abs()).sum::<f64>() + moved[k].wide().abs() + 1.0;
        assert!((model - pixel).abs() <= tolerance * size, "{model} over the input, {pixel} over the pixels");
    }
}

#[test]
fn weights_over_pixels_say_the_same_as_weights_over_the_input() {
    let cropped = json(
        r#"{"size": {"shortest_edge": 9}, "crop_size": {"height": 8, "width": 12}, "resample": 3,
            "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "do_flip_channel_order": true}"#,
    );
    let padded =
        json(r#"{"do_resize": false, "crop_size": {"height": 8, "width": 12}, "image_mean": 0.5, "image_std": 2}"#);
    for channels in [1, 3] {
        let picture = picture(11, 7, channels);
        for takes in [1, 3] {
            let layouts = [
                layout([None, Some(takes), Some(8), Some(12)]),
                layout([Some(1), Some(8), Some(12), Some(takes)]),
                InputLayout::find("x", &dims([Some(8), Some(12), Some(takes)]), LayoutChoice::Nhwc).unwrap(),
            ];
            for layout in &layouts {
                for how in [&preset("unit"), &preset("tf"), &preset("imagenet"), &preset("caffe"), &cropped, &padded] {
                    if takes == 1 && how.mean.len() == 3 {
                        continue;
                    }
                    pulls_back::<f64>(how, &picture, layout, 1e-14);
                    pulls_back::<f32>(how, &picture, layout, 1e-5);
                }
            }
        }
    }
}

/// The numbers are Pillow's, without rounding to 8 bits: each channel as `Image.fromarray(channel, mode='F')`,
/// `.resize((13, 9), Image.BILINEAR)`, rows 0 to 7, columns 2 to 9, normalised; here the row 3 of each channel.
#[test]
fn imagenet_takes_the_short_side_and_the_centre() {
    let x = tensor(&preset("imagenet"), &picture(12, 18, 3), &layout([Some(1), Some(3), Some(8), Some(8)]));
    let want = [
        [0.00027, 0.07135, -0.79838, -0.14674, 0.28501, 0.3483, -0.2827, 0.43932],
        [0.48683, 0.04071, -0.57185, 0.2532, 1.57391, 0.8882, -0.01377, -0.90656],
        [-0.01437, 0.04136, 0.32192, 0.61672, 0.90896, 1.20121, 1.49601, 1.29327],
    ];
    for (channel, want) in want.iter().enumerate() {
        close(&x[channel * 64 + 24..][..8], want, 2e-5);
    }
}

#[test]
fn a_picture_of_the_models_size_is_taken_as_it_is() {
    let picture = picture(8, 8, 3);
    let layout = layout([None, Some(8), Some(8), Some(3)]);
    let values: Vec<f64> = picture.pixels.reals();
    close(&tensor(&preset("raw"), &picture, &layout), &values, 0.0);
    close(&tensor(&preset("unit"), &picture, &layout), &values.iter().map(|v| v / 255.0).collect::<Vec<_>>(), 1e-15);
    close(
        &tensor(&preset("tf"), &picture, &layout),
        &values.iter().map(|v| v / 127.5 - 1.0).collect::<Vec<_>>(),
        1e-15,
    );
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    let normalised: Vec<f64> = values.iter().enumerate().map(|(i, v)| (v / 255.0 - mean[i % 3]) / std[i % 3]).collect();
    close(&tensor(&preset("imagenet"), &picture, &layout), &normalised, 1e-14);
    let (at, minus) = ([2, 1, 0], [103.939, 116.779, 123.68]);
    let caffe: Vec<f64> = (0..values.len()).map(|i| values[i / 3 * 3 + at[i % 3]] - minus[i % 3]).collect();
    close(&tensor(&preset("caffe"), &picture, &layout), &caffe, 1e-12);
}

#[test]
fn symbolic_sizes_keep_the_pictures_own() {
    let picture = picture(10, 15, 3);
    let shape = |how: &str, sizes| map::<f32>(&preset(how), &picture, &layout(sizes)).map.codomain().to_vec();
    assert_eq!(shape("unit", [None, Some(3), None, None]), [1, 3, 10, 15]);
    assert_eq!(shape("imagenet", [None, Some(3), None, None]), [1, 3, 10, 15]);
    assert_eq!(shape("unit", [None, Some(3), Some(20), None]), [1, 3, 20, 30], "proportions are kept");
    assert_eq!(shape("unit", [None, None, Some(5), Some(3)]), [1, 3, 5, 3]);
    assert_eq!(shape("raw", [None, None, None, None]), [1, 3, 10, 15], "channels too");
}

#[test]
fn colour_becomes_gray_and_gray_becomes_colour() {
    // Pillow: np.asarray(Image.fromarray(picture).convert('L'))[2]; it rounds.
    let want = [157, 69, 58, 120, 109, 21, 160, 178, 90, 229, 142, 130, 193, 182, 94, 83, 145, 134].map(f64::from);
    let luma = tensor(&preset("raw"), &picture(12, 18, 3), &layout([None, Some(1), None, None]));
    close(&luma[36..54], &want, 0.51);
    assert_eq!(tensor(&preset("raw"), &picture(12, 18, 3), &layout([None, Some(12), Some(18)])), luma);
    let gray = picture(2, 2, 1);
    let values: Vec<f64> = gray.pixels.reals();
    let spread = tensor(&preset("raw"), &gray, &layout([None, Some(2), Some(2), Some(3)]));
    close(&spread, &values.iter().flat_map(|&v| [v; 3]).collect::<Vec<_>>(), 0.0);
}

#[test]
fn a_crop_larger_than_the_picture_is_black_outside() {
    // Hugging Face's center_crop pads first: ⌈(crop − size) / 2⌉ before, the rest behind.
    let how = json(r#"{"do_resize": false, "do_rescale": false, "crop_size": 5, "image_mean": 10, "image_std": 2}"#);
    let picture = Picture { width: 2, height: 6, channels: 1, pixels: Pixels::Bytes(vec![12; 12]) };
    let x = tensor(&how, &picture, &layout([None, Some(1), Some(5), Some(5)]));
    for row in x.chunks(5) {
        assert_eq!(row, [-5.0, -5.0, 1.0, 1.0, -5.0]);
    }
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() {
    let refused =
        |how: &Preprocess, picture: &Picture, layout: &InputLayout| how.pixel_map::<f32>(picture, layout).unwrap_err();
    let image = layout([None, Some(3), Some(8), Some(8)]);
    let error = refused(&json(r#"{"size": 9}"#), &picture(4, 4, 3), &image);
    assert_eq!(error.to_string(), "the preprocessing makes a picture of 9 x 9, the model takes 8 x 8 (height x width)");
    assert!(error.hint().is_some());
    let error = refused(&preset("imagenet"), &picture(8, 8, 3), &layout([None, Some(1), Some(8), Some(8)]));
    assert_eq!(error.to_string(), "the preprocessing has 3 values for `mean`, the model's input has 1 channel(s)");
    assert!(error.hint().is_some());
    let error = refused(&json(r#"{"image_mean": 0, "image_std": 0}"#), &picture(8, 8, 3), &image);
    assert!(matches!(error, InputError::Deviation(_)));
    let free = layout([None, Some(3), None, None]);
    let error = refused(&json(r#"{"size": {"shortest_edge": 4000}}"#), &picture(1, 100, 3), &free);
    assert_eq!(error.to_string(), "the resized picture has 400000 x 4000 pixels; at most 100000000 are taken");
    let error = refused(&json(r#"{"size": 18446744073709551615}"#), &picture(2, 2, 3), &free);
    assert!(matches!(error, InputError::TooLarge { .. }));
    let error = refused(&json(r#"{"do_resize": false, "crop_size": 99999999}"#), &picture(2, 2, 3), &free);
    assert!(matches!(error, InputError::TooLarge { .. }));
}

#[test]
fn sixteen_bits_are_scaled_by_their_own_range() {
    let values = vec![0, 1, 255, 1_023, 40_000, 65_535];
    let picture = Picture { width: 3, height: 2, channels: 1, pixels: Pixels::Words(values.clone()) };
    let layout = layout([None, Some(1), Some(2), Some(3)]);
    let wide: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    let by = |name: &str, f: fn(f64) -> f64| {
        close(&tensor(&preset(name), &picture, &layout), &wide.iter().map(|&v| f(v)).collect::<Vec<_>>(), 1e-15);
        pulls_back::<f64>(&preset(name), &picture, &layout, 1e-12);
    };
    by("raw", |v| v);
    by("unit", |v| v / 65_535.0);
    by("tf", |v| v / 32_767.5 - 1.0);
    assert_eq!(preset("unit").formula(65_535.0), "v / 65535");
    assert_eq!(preset("tf").formula(65_535.0), "v / 32767.5 − 1");
    assert_eq!(preset("raw").formula(65_535.0), "v");
    assert_eq!(preset("imagenet").formula(255.0), "(v / 255 − (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)");
    assert_eq!(json(r#"{"do_rescale": false}"#).formula(65_535.0), "v");
}
