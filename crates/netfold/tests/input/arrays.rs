use netfold::input::{InputError, check_finite, fit, is_npy, read_npy};
use netfold::value::Tensor;
use netfold_linear::Real;

use crate::{dims, file, told};

/// A `.npy` file, byte for byte.
fn npy(descr: &str, fortran: bool, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let sizes = shape.iter().fold(String::new(), |sizes, size| sizes + &size.to_string() + ", ");
    let order = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': ({sizes}), }}");
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    with_header(&header, bytes)
}

fn with_header(header: &str, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), bytes].concat()
}

fn read<T: Real>(content: &[u8]) -> Result<Tensor<T>, InputError> {
    let (_folder, path) = file("x.npy", content);
    read_npy(&path)
}

fn refused(content: &[u8]) -> String {
    let error = read::<f32>(content).unwrap_err();
    assert!(error.hint().is_some());
    told(&error)
}

#[test]
fn every_type_in_either_byte_order() {
    macro_rules! both {
        ($($kind:literal: $type:ty = $values:expr;)*) => {$({
            let values: [$type; 3] = $values;
            let (little, big) = (values.map(<$type>::to_le_bytes).concat(), values.map(<$type>::to_be_bytes).concat());
            for (order, bytes) in [('<', little), ('>', big)] {
                let tensor = read::<f64>(&npy(&format!("'{order}{}'", $kind), false, &[3], &bytes)).unwrap();
                assert_eq!(tensor.data(), [1.0, 0.0, 5.0], "{order}{}", $kind);
            }
        })*};
    }
    both! {
        "f2": half::f16 = [1.0, 0.0, 5.0].map(half::f16::from_f64);
        "f4": f32 = [1.0, 0.0, 5.0];
        "f8": f64 = [1.0, 0.0, 5.0];
        "i2": i16 = [1, 0, 5];
        "i4": i32 = [1, 0, 5];
        "i8": i64 = [1, 0, 5];
        "u2": u16 = [1, 0, 5];
        "u4": u32 = [1, 0, 5];
        "u8": u64 = [1, 0, 5];
    }
    assert_eq!(read::<f32>(&npy("'|u1'", false, &[3], &[0, 200, 255])).unwrap().data(), [0.0, 200.0, 255.0]);
    assert_eq!(read::<f32>(&npy("'|i1'", false, &[2], &[255, 127])).unwrap().data(), [-1.0, 127.0]);
    assert_eq!(read::<f32>(&npy("'|b1'", false, &[2], &[1, 0])).unwrap().data(), [1.0, 0.0]);
}

#[test]
fn either_order_of_axes() {
    // Element (i, j, k) is 100 i + 10 j + k.
    let shape = [2, 3, 4];
    let number = |i: usize, j: usize, k: usize| (100 * i + 10 * j + k) as u8;
    let standard: Vec<u8> = (0..24).map(|element| number(element / 12, element / 4 % 3, element % 4)).collect();
    let fortran: Vec<u8> = (0..24).map(|element| number(element % 2, element / 2 % 3, element / 6)).collect();
    let a = read::<f64>(&npy("'|u1'", false, &shape, &standard)).unwrap();
    let b = read::<f64>(&npy("'|u1'", true, &shape, &fortran)).unwrap();
    assert_eq!(a, b);
    assert_eq!(a.shape(), shape);
    for (shape, bytes) in [(&[0, 3][..], vec![]), (&[], vec![7])] {
        let tensor = read::<f32>(&npy("'|u1'", true, shape, &bytes)).unwrap();
        assert_eq!((tensor.shape(), tensor.len()), (shape, bytes.len()));
    }
}

#[test]
fn what_is_no_array_is_refused_with_a_reason() {
    assert!(refused(b"").contains("does not begin like a .npy file"));
    assert!(refused(b"\x93NUMPY\x01").contains("does not begin like a .npy file"));
    assert!(
        refused(&npy("'<f4'", false, &[2, 2], &[0; 15])).contains("[2, 2] of float32 takes 16 bytes, there are 15")
    );
    assert!(refused(&npy("'<c16'", false, &[1], &[0; 16])).contains("its elements are complex128"));
    assert!(refused(&npy("'|O'", false, &[1], &[0; 16])).contains("its elements are Python objects"));
    assert!(refused(&npy("'<U3'", false, &[1], &[0; 12])).contains("its elements are strings `<U3`"));
    assert!(refused(&npy("'<M8[ns]'", false, &[1], &[0; 8])).contains("its elements are `<M8[ns]`"));
    assert!(refused(&npy("'<f16'", false, &[1], &[0; 16])).contains("its elements are float128"));
    assert!(refused(&npy("'<f+4'", false, &[1], &[0; 4])).contains("its elements are `<f+4`"));
    assert!(refused(&npy("'<f99999999999999999999'", false, &[3], &[0; 16])).contains("its elements are `<f9999"));
    assert!(refused(&npy("'<f999999999999999999'", false, &[3000], &[0; 16])).contains("it is cut"));
    assert!(refused(&npy("[('a', '<f4')]", false, &[1], &[0; 4])).contains("its elements are records"));
    assert!(refused(&npy("'|b1'", false, &[1], &[2])).contains("bool"));
    let huge = npy("'<f4'", false, &[usize::MAX / 4, 1000], &[]);
    assert!(refused(&huge).contains("too many elements"));
    assert!(refused(&npy("'<f4'", false, &[0, usize::MAX / 4, 1000], &[])).contains("too many elements"));
    assert!(refused(&npy("'<f4'", false, &[1 << 33], &[])).contains("elements; fewer than"));
    let deep = format!("{{'descr': {}'<f4'{}}}", "[".repeat(4000), "]".repeat(4000));
    assert!(refused(&with_header(&deep, &[])).contains("not that of a plain array"));
    let braces = format!("{{'descr': '|b1', 'fortran_order': False, {}'shape': (1, 3), }}", "{".repeat(20));
    assert!(refused(&with_header(&braces, &[])).contains("not that of a plain array"));
    assert!(refused(&with_header("{'shape': (0xffffffffffffffff, 0xffffffffffffffff)}", &[])).contains("plainly"));
    assert!(refused(&with_header("{'descr': '<f4'}", &[])).contains("missing key"));
    let mut long = npy("'<f4'", false, &[1], &[0; 4]);
    long[9] = 255;
    assert!(refused(&long).contains("header is cut"));
    let missing = read_npy::<f32>("no/such/file.npy".as_ref()).unwrap_err();
    assert!(told(&missing).starts_with("cannot read `no/such/file.npy`: No such file"), "{missing}");
}

#[test]
fn no_header_panics() {
    let good = npy("'<f4'", false, &[2, 3], &[0; 24]);
    for at in 0..good.len() {
        for byte in [0, 1, b'(', b'9', b'-', b'\'', 255] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            let _ = read::<f32>(&bytes);
        }
        let _ = read::<f32>(&good[..at]);
    }
}

#[test]
fn known_by_what_it_begins_with() {
    let known = |content: &[u8]| {
        let (_folder, path) = file("picture.png", content);
        is_npy(&path).unwrap()
    };
    assert!(known(&npy("'<f4'", false, &[], &[0; 4])));
    assert!(!known(b"\x89PNG\r\n\x1a\n") && !known(b"\x93NUM") && !known(b""));
    assert!(is_npy("no/such/file".as_ref()).is_err());
}

#[test]
fn the_batch_axis_may_be_left_out_or_given() {
    let fitted = |shape: &[usize], declared: &[netfold_onnx::Dim]| {
        let len = shape.iter().product();
        fit(&Tensor::new(shape, vec![0.0_f32; len]), "x", declared).map(|tensor| tensor.shape().to_vec())
    };
    let image = dims([Some(1), Some(3), Some(4), Some(5)]);
    assert_eq!(fitted(&[1, 3, 4, 5], &image).unwrap(), [1, 3, 4, 5]);
    assert_eq!(fitted(&[3, 4, 5], &image).unwrap(), [1, 3, 4, 5]);
    let free = dims([None, Some(3), None, None]);
    assert_eq!(fitted(&[1, 3, 7, 9], &free).unwrap(), [1, 3, 7, 9]);
    assert_eq!(fitted(&[3, 7, 9], &free).unwrap(), [1, 3, 7, 9]);
    assert_eq!(fitted(&[1024], &dims([None, Some(1024)])).unwrap(), [1, 1024]);
    assert_eq!(fitted(&[1, 28, 28], &dims([Some(28), Some(28)])).unwrap(), [28, 28]);
    assert_eq!(fitted(&[16_000], &dims([None])).unwrap(), [16_000]);
    assert_eq!(fitted(&[], &[]).unwrap(), [0_usize; 0]);
    for (got, declared) in [
        (&[2, 3, 4, 5][..], &image),
        (&[3, 5, 4], &image),
        (&[3, 4, 5, 1], &image),
        (&[2, 3, 7, 9], &free),
        (&[60], &image),
    ] {
        assert!(fitted(got, declared).is_err(), "{got:?}");
    }
    let square =
        [netfold_onnx::Dim::Known(1), netfold_onnx::Dim::Symbol("n".into()), netfold_onnx::Dim::Symbol("n".into())];
    assert!(fitted(&[1, 4, 4], &square).is_ok() && fitted(&[1, 4, 5], &square).is_err());
    let error = fitted(&[2, 2], &free).unwrap_err();
    assert_eq!(error.to_string(), "input `x` takes shape [s0, 3, s2, s3], got [2, 2]");
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    assert!(check_finite(&Tensor::new(&[2], vec![1.0, -1e38_f32]), "x").is_ok());
    let tensor = Tensor::new(&[1, 2, 3], vec![0.0, 1.0, 2.0, 3.0, f64::NEG_INFINITY, f64::NAN]);
    let error = check_finite(&tensor, "`a.npy`").unwrap_err();
    assert_eq!(error.to_string(), "element [0, 1, 1] of `a.npy` is -inf, one of 2 that are not finite");
    assert!(error.hint().unwrap().contains("--allow-non-finite"));
}
