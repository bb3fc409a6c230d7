//! Resampling against the programs whose coefficients it follows.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};
use netfold_linear::{Filter, LinearMap, Probes, Resample, Support, matrix};

/// Value at (row y, column x): (37 y² + 91 x + 17 x y) mod 256.
fn picture(height: usize, width: usize) -> Vec<f64> {
    (0..height * width)
        .map(|e| ((37 * (e / width).pow(2) + 91 * (e % width) + 17 * (e % width) * (e / width)) % 256) as f64)
        .collect()
}

fn resized(from: [usize; 2], to: [usize; 2], filter: Filter) -> Vec<f64> {
    let map = Resample::antialiased(&from, 0, to, filter);
    map.apply(Probes::tensor(&from, picture(from[0], from[1])), &Support::full(&to)).into_values()
}

fn assert_close(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (e, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance, "element {e}: {got}, not {want}");
    }
}

/// Pillow 13, in its mode of floating-point numbers, which does not round between the passes:
/// `Image.fromarray(picture.astype(np.float32), mode='F').resize((width, height), filter)`.
#[test]
fn pillow_without_rounding() {
    let bilinear = [
        104.6419, 121.6493, 117.578, 150.6606, 148.2076, 133.4033, 124.7103, 108.253, 151.7317, 156.8699, 154.5024,
        132.9542, 117.3373, 137.6755, 126.2878, 116.1924, 141.8346, 121.9502, 115.9091, 101.6552,
    ];
    assert_close(&resized([9, 13], [4, 5], Filter::Bilinear), &bilinear, 1e-4);
    let bicubic = [
        56.9207, 82.2797, 144.291, 173.951, 70.8988, 137.6615, 124.7719, 81.4694, 120.0, 114.7353, 141.4426, 170.7316,
        169.4215, 126.9909, 187.0402, 178.8882, 86.0254, 101.7656, 153.6547, 180.9484, 161.6653, 130.0744, 139.219,
        98.893, 67.3957, 121.7349, 132.0441, 102.4263, 116.3515, 199.3495, 170.2233, 103.677, 116.517, 199.0607,
        49.3957, 128.1532, 163.9373, 146.6623, 163.3017, 123.5285, 121.6805, 132.4326, 109.9733, 146.9254, 121.644,
        108.3548, 149.0571, 106.1949, 51.9992, 89.9923, 192.5568,
    ];
    assert_close(&resized([9, 13], [3, 17], Filter::Bicubic), &bicubic, 1e-4);
}

/// Pillow 13 in its mode of 8-bit numbers, which rounds after each pass and clips:
/// `Image.fromarray(picture).resize((width, height), filter)`.
#[test]
fn pillow_with_rounding() {
    let bilinear = [105, 122, 117, 150, 148, 134, 125, 108, 152, 157, 154, 133, 117, 138, 126, 116, 142, 122, 116, 102];
    assert_close(&resized([9, 13], [4, 5], Filter::Bilinear), &bilinear.map(f64::from), 1.0);
    let bicubic = [102, 125, 115, 153, 145, 133, 123, 100, 157, 161, 163, 135, 114, 140, 128, 109, 145, 125, 111, 101];
    assert_close(&resized([9, 13], [4, 5], Filter::Bicubic), &bicubic.map(f64::from), 1.0);
    let nearest = [
        91, 17, 199, 125, 51, 233, 17, 11, 5, 255, 249, 243, 239, 45, 107, 169, 231, 37, 245, 119, 249, 123, 253, 127,
        35, 233, 175, 117, 59, 1,
    ];
    assert_close(&resized([9, 13], [5, 6], Filter::Nearest), &nearest.map(f64::from), 0.0);
}

/// In the middle half of the numbers that the other program holds for colours: it cuts what leaves them.
fn rival(from: [usize; 2], to: [usize; 2], filter: FilterType) -> Vec<f64> {
    let colours = picture(from[0], from[1]).iter().map(|&value| value as f32 / 512.0 + 0.25).collect();
    let source = ImageBuffer::<Luma<f32>, Vec<f32>>::from_raw(from[1] as u32, from[0] as u32, colours).unwrap();
    let target = imageops::resize(&source, to[1] as u32, to[0] as u32, filter);
    target.into_raw().into_iter().map(|colour| (f64::from(colour) - 0.25) * 512.0).collect()
}

#[test]
fn another_program_that_resamples_so() {
    for from in [[9, 13], [40, 61], [64, 64], [300, 200]] {
        for to in [[9, 13], [31, 5], [64, 64], [224, 224], [7, 90]] {
            assert_close(&resized(from, to, Filter::Bilinear), &rival(from, to, FilterType::Triangle), 0.01);
            assert_close(&resized(from, to, Filter::Bicubic), &rival(from, to, FilterType::CatmullRom), 0.01);
        }
    }
}

#[test]
fn the_same_size_is_the_identity() {
    for filter in [Filter::Nearest, Filter::Bilinear, Filter::Bicubic] {
        let map = Resample::<f64>::antialiased(&[5, 7], 0, [5, 7], filter);
        assert_eq!(matrix(&map), (0..35 * 35).map(|e| f64::from(u8::from(e / 35 == e % 35))).collect::<Vec<_>>());
    }
}

/// A picture of one colour stays one, whatever the size.
#[test]
fn weights_add_up_to_one() {
    for (from, to) in [([5, 7], [224, 3]), ([100, 1], [7, 7]), ([1, 1], [4, 4]), ([17, 23], [16, 24])] {
        for filter in [Filter::Nearest, Filter::Bilinear, Filter::Bicubic] {
            let map = Resample::<f64>::antialiased(&from, 0, to, filter);
            let flat = map.apply(Probes::tensor(&from, vec![3.0; from[0] * from[1]]), &Support::full(&to));
            assert_close(flat.values(), &vec![3.0; to[0] * to[1]], 1e-13);
        }
    }
}
