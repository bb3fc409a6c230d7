//! The element type of an input says which numbers it takes.

use half::f16;
use image::{GrayImage, Luma};
use netfold::input::{Given, InputError, LayoutChoice, NamedPreprocess, Preprocess, read_held};
use netfold::model::TensorInfo;
use netfold::{Tensor, Value};
use netfold_linear::Real;
use netfold_onnx::{DType, Dim};
use npyz::WriterBuilder;
use tempfile::TempDir;

use crate::told;

fn info(dtype: DType, shape: &[usize]) -> TensorInfo {
    let shape = shape.iter().map(|&size| Dim::Known(size)).collect();
    TensorInfo { name: "x".into(), dtype: Some(dtype), shape: Some(shape), unread: None }
}

fn given<T: Real>(folder: &TempDir, file: &str, info: &TensorInfo, name: &str) -> Result<Given<T>, InputError> {
    let preprocess = Preprocess::preset(name).unwrap();
    Given::read(&folder.path().join(file), info, LayoutChoice::Auto, &preprocess)
}

fn array<E: npyz::AutoSerialize>(folder: &TempDir, shape: &[u64], values: &[E]) {
    let file = std::fs::File::create(folder.path().join("x.npy")).unwrap();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd().unwrap();
    writer.extend(values.iter()).unwrap();
    writer.finish().unwrap();
}

/// 4 × 4, values 0 to 255.
fn picture() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = GrayImage::from_fn(4, 4, |x, y| Luma([(x * 64 + y * 21) as u8]));
    image.save(folder.path().join("x.png")).unwrap();
    folder
}

#[test]
fn integers_get_pixel_values_unless_told_otherwise() {
    for dtype in DType::all() {
        let integers =
            matches!(dtype.name(), "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64");
        let usual = NamedPreprocess::usual(&info(dtype, &[1]));
        assert_eq!(usual.name, if integers { "raw" } else { "unit" }, "{dtype}");
        assert_eq!(Some(usual.preprocess), Preprocess::preset(&usual.name));
    }
    assert_eq!(NamedPreprocess::usual(&TensorInfo::default()).name, "unit");
}

#[test]
fn a_picture_for_bytes_is_its_pixels() {
    let folder = picture();
    let given = given::<f32>(&folder, "x.png", &info(DType::U8, &[1, 1, 4, 4]), "raw").unwrap();
    let expected: Vec<f32> = (0..16).map(|i| (i % 4 * 64 + i / 4 * 21) as f32).collect();
    assert_eq!(given.x.data(), expected);
    let error = self::given::<f32>(&folder, "x.png", &info(DType::U8, &[1, 1, 4, 4]), "unit").unwrap_err();
    assert!(told(&error).starts_with("input `x` takes uint8: element [0, 0, 0, 1] is 0.25"), "{error}");
    assert!(told(&error).ends_with("no whole number") && error.hint().unwrap().contains("--preprocess raw"));
    let error = self::given::<f32>(&folder, "x.png", &info(DType::I8, &[1, 1, 4, 4]), "raw").unwrap_err();
    assert!(told(&error).ends_with("is 128, outside -128 to 127"), "{error}");
}

/// Resampled pixels are rounded, and the map from the picture's own pixels holds with the rounding in its offset.
#[test]
fn resampled_bytes_are_rounded() {
    let folder = picture();
    let own = own_pixels(&folder);
    for (shape, choice) in [([1, 1, 3, 5], "raw"), ([1, 1, 7, 7], "raw")] {
        let given = given::<f64>(&folder, "x.png", &info(DType::U8, &shape), choice).unwrap();
        let plain = self::given::<f64>(&folder, "x.png", &info(DType::F32, &shape), choice).unwrap();
        for (x, free) in given.x.data().iter().zip(plain.x.data()) {
            assert!(x.fract() == 0.0 && (0.0..=255.0).contains(x) && (x - free).abs() <= 0.5, "{x}, {free}");
        }
        assert!(plain.x.data().iter().any(|x| x.fract() != 0.0));
        let made = given.picture.unwrap().map.apply(&own);
        for (made, x) in made.data().iter().zip(given.x.data()) {
            assert!((made - x).abs() < 1e-12, "{made}, {x}");
        }
    }
}

fn own_pixels(folder: &TempDir) -> netfold::input::Picture {
    netfold::input::Picture::read(&folder.path().join("x.png")).unwrap()
}

#[test]
fn sixteen_bits_are_what_a_runtime_gives() {
    let folder = picture();
    let given = given::<f64>(&folder, "x.png", &info(DType::F16, &[1, 1, 4, 4]), "unit").unwrap();
    let expected: Vec<f64> =
        (0..16).map(|i| f16::from_f64(f64::from(i % 4 * 64 + i / 4 * 21) / 255.0).to_f64()).collect();
    assert_eq!(given.x.data(), expected);
    let made = given.picture.unwrap().map.apply(&own_pixels(&folder));
    assert!(made.data().iter().zip(&expected).all(|(made, x)| (made - x).abs() < 1e-15));
    array(&folder, &[2], &[0.1_f32, 1.0]);
    let given = self::given::<f64>(&folder, "x.npy", &info(DType::F16, &[2]), "unit").unwrap();
    assert_eq!(given.x.data(), [f16::from_f32(0.1).to_f64(), 1.0]);
    let given = self::given::<f64>(&folder, "x.npy", &info(DType::F32, &[2]), "unit").unwrap();
    assert_eq!(given.x.data(), [f64::from(0.1_f32), 1.0]);
}

#[test]
fn arrays_of_any_type_that_holds_the_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let taken = |dtype| given::<f32>(&folder, "x.npy", &info(dtype, &[3]), "raw").map(|given| given.x.data().to_vec());
    array(&folder, &[3], &[0_u8, 7, 255]);
    for dtype in [DType::U8, DType::I16, DType::I64, DType::F32, DType::F64] {
        assert_eq!(taken(dtype).unwrap(), [0.0, 7.0, 255.0], "{dtype}");
    }
    array(&folder, &[3], &[0_i64, 7, 255]);
    assert_eq!(taken(DType::U8).unwrap(), [0.0, 7.0, 255.0]);
    assert!(told(&taken(DType::I8).unwrap_err()).ends_with("element [2] is 255, outside -128 to 127"));
    array(&folder, &[3], &[0.0_f64, 7.0, 255.0]);
    assert_eq!(taken(DType::U8).unwrap(), [0.0, 7.0, 255.0]);
    array(&folder, &[3], &[0.0_f64, 7.5, 256.0]);
    assert!(told(&taken(DType::U8).unwrap_err()).ends_with("element [1] is 7.5, no whole number"));
    array(&folder, &[3], &[0.0_f64, f64::NAN, 1.0]);
    assert!(told(&taken(DType::U8).unwrap_err()).ends_with("element [1] is NaN, no whole number"));
    array(&folder, &[3], &[-1_i64, 0, 16_777_217]);
    assert!(told(&taken(DType::U32).unwrap_err()).ends_with("element [0] is -1, outside 0 to 4294967295"));
    let error = taken(DType::I64).unwrap_err();
    assert!(told(&error).contains("16777217, which is no number of this precision"), "{error}");
    assert!(error.hint().unwrap().contains("--precision f64"));
    assert!(matches!(taken(DType::String).unwrap_err(), InputError::Strings { .. }));
}

#[test]
fn held_inputs_have_their_own_type() {
    let folder = tempfile::tempdir().unwrap();
    let read = |dtype| {
        let preprocess = Preprocess::preset("raw").unwrap();
        read_held::<f64>(&folder.path().join("x.npy"), &info(dtype, &[3]), LayoutChoice::Auto, &preprocess)
    };
    array(&folder, &[3], &[1_i64, 0, i64::MAX]);
    assert_eq!(read(DType::I64).unwrap(), Value::Int(Tensor::new(&[3], vec![1, 0, i64::MAX])));
    assert!(told(&read(DType::Bool).unwrap_err()).contains("9223372036854775807, neither 0 nor 1"));
    array(&folder, &[3], &[1.0_f32, 0.0, 1.0]);
    assert_eq!(read(DType::I32).unwrap(), Value::Int(Tensor::new(&[3], vec![1, 0, 1])));
    assert_eq!(read(DType::Bool).unwrap(), Value::Bool(Tensor::new(&[3], vec![true, false, true])));
    assert_eq!(read(DType::U8).unwrap(), Value::Real(Tensor::new(&[3], vec![1.0, 0.0, 1.0])));
    array(&folder, &[3], &[true, false, true]);
    assert_eq!(read(DType::F32).unwrap(), Value::Real(Tensor::new(&[3], vec![1.0, 0.0, 1.0])));
    assert_eq!(read(DType::I64).unwrap(), Value::Int(Tensor::new(&[3], vec![1, 0, 1])));
}
