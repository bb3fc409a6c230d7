use netfold::Tensor;
use netfold::input::{InputLayout, LayoutChoice, fit};

use crate::dims;

/// `[height, width, channel]` axes of the layout that is found.
fn axes<const N: usize>(sizes: [Option<usize>; N], choice: LayoutChoice) -> Option<(usize, usize, Option<usize>)> {
    let layout = InputLayout::find("x", &dims(sizes), choice).ok()?;
    Some((layout.height_axis(), layout.width_axis(), layout.channel_axis()))
}

#[test]
fn the_declared_shape_says_which_axis_is_which() {
    let auto = LayoutChoice::Auto;
    let (nchw, nhwc) = (Some((2, 3, Some(1))), Some((1, 2, Some(3))));
    assert_eq!(axes([Some(1), Some(3), Some(224), Some(224)], auto), nchw);
    assert_eq!(axes([None, Some(1), Some(28), Some(28)], auto), nchw);
    assert_eq!(axes([None, Some(3), None, None], auto), nchw);
    assert_eq!(axes([None, None, None, None], auto), nchw);
    assert_eq!(axes([None, Some(32), Some(32), Some(3)], auto), nhwc);
    assert_eq!(axes([None, None, None, Some(3)], auto), nhwc);
    assert_eq!(axes([Some(1), Some(3), Some(5), Some(3)], auto), nchw, "ambiguous");
    assert_eq!(axes([Some(1), Some(3), Some(5), Some(3)], LayoutChoice::Nhwc), nhwc);
    assert_eq!(axes([Some(3), Some(8), Some(9)], auto), Some((1, 2, Some(0))));
    assert_eq!(axes([Some(8), Some(9), Some(3)], auto), Some((0, 1, Some(2))));
    assert_eq!(axes([Some(3), Some(9), Some(3)], LayoutChoice::Nhwc), Some((0, 1, Some(2))));
    assert_eq!(axes([None, Some(28), Some(28)], auto), Some((1, 2, None)));
}

#[test]
fn what_is_no_picture_needs_an_array() {
    let auto = LayoutChoice::Auto;
    assert_eq!(axes([None, Some(1024)], auto), None);
    assert_eq!(axes([Some(1), Some(1), Some(16_000)], auto), None);
    assert_eq!(axes([None, Some(100), Some(3)], auto), None);
    assert_eq!(axes([Some(1), Some(4), Some(8), Some(8)], auto), None);
    assert_eq!(axes([Some(2), Some(3), Some(8), Some(8)], auto), None, "a batch of two");
    assert_eq!(axes([Some(1), Some(3), Some(0), Some(8)], auto), None);
    assert_eq!(axes([Some(1), Some(8), Some(8), Some(4)], LayoutChoice::Nhwc), None);
    assert_eq!(axes([None; 5], auto), None);
    assert_eq!(axes([], auto), None);
    let error = InputLayout::find("wave", &dims([None, Some(1024)]), auto).unwrap_err();
    assert_eq!(error.to_string(), "input `wave` takes shape [s0, 1024], which is not a picture");
    assert_eq!(error.hint().unwrap(), "give a .npy file that holds a tensor of shape [s0, 1024]");
}

#[test]
fn symbolic_sizes_take_the_pictures() {
    let layout = InputLayout::find("x", &dims([None, None, None, Some(3)]), LayoutChoice::Auto).unwrap();
    assert_eq!((layout.height(), layout.width(), layout.channels()), (None, None, Some(3)));
    assert_eq!(layout.shape(5, 7, 3), [1, 5, 7, 3]);
    let gray = InputLayout::find("x", &dims([None, Some(28), Some(29)]), LayoutChoice::Auto).unwrap();
    assert_eq!((gray.height(), gray.width(), gray.channels()), (Some(28), Some(29), Some(1)));
    assert_eq!(gray.shape(28, 29, 1), [1, 28, 29]);
    let free = InputLayout::find("x", &dims([None; 4]), LayoutChoice::Auto).unwrap();
    assert_eq!(free.channels(), None);
    assert_eq!(free.shape(5, 7, 1), [1, 1, 5, 7]);
}

/// What is said of an array that does not fit.
#[test]
fn hints_say_what_would_make_an_array_fit() {
    let hint = |shape: &[usize], declared: &[netfold_onnx::Dim]| {
        let error = fit(&Tensor::new(shape, vec![0.0_f32; shape.iter().product()]), "x", declared).unwrap_err();
        error.hint().unwrap()
    };
    let image = dims([Some(1), Some(3), Some(8), Some(6)]);
    let free = dims([None, Some(3), Some(8), Some(6)]);
    let last = dims([None, Some(8), Some(6), Some(3)]);
    for declared in [&image, &free] {
        assert!(hint(&[8, 6, 3], declared).contains("np.moveaxis(array, -1, -3)"));
        assert!(hint(&[1, 8, 6, 3], declared).contains("np.moveaxis(array, -1, -3)"));
        assert!(hint(&[3, 6, 8], declared).contains("np.swapaxes(array, -1, -2)"));
        assert!(hint(&[5, 3, 8, 6], declared).contains("holds 5 inputs, and one is explained"));
        assert!(hint(&[3, 8, 7], declared).contains("give an array of this shape"));
        assert!(hint(&[144], &image).contains("reshape the array"));
    }
    assert!(hint(&[3, 8, 6], &last).contains("np.moveaxis(array, -3, -1)"));
    assert!(hint(&[3, 8, 6, 3], &last).contains("holds 3 inputs"));
}

/// A batch that the file fixes is named, for arrays and pictures alike, and no reshape is proposed.
#[test]
fn a_fixed_batch_is_named() {
    let four = dims([Some(4), Some(3), Some(8), Some(6)]);
    let array = |shape: &[usize]| fit(&Tensor::new(shape, vec![0.0_f32; shape.iter().product()]), "x", &four);
    let picture = InputLayout::find("x", &four, LayoutChoice::Auto).unwrap_err();
    for error in [array(&[3, 8, 6]).unwrap_err(), array(&[1, 3, 8, 6]).unwrap_err(), picture] {
        assert!(error.to_string().contains("a batch of 4 inputs"), "{error}");
        assert!(error.hint().unwrap().contains("a batch of 1"));
    }
    assert!(array(&[4, 3, 8, 6]).is_ok(), "all of them at once");
    let error = InputLayout::find("x", &dims([Some(4), Some(8), Some(6), Some(3)]), LayoutChoice::Auto).unwrap_err();
    assert!(error.to_string().contains("a batch of 4"), "{error}");
}
