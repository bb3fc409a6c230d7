//! Small things worked out by hand.

use netfold::affine::{Rule, Validity};
use netfold::{Tensor, Value};
use netfold_linear::{Probes, Support};

use crate::node::{NEWEST, build, forward, freeze, matrix, node, real};

#[test]
fn an_element_that_wins_in_several_windows_gets_back_the_sum() {
    let pool = build(&node("MaxPool").with("kernel_shape", [3, 3]), NEWEST).unwrap();
    // The nine at place 5 wins in all four windows; a transpose that assigns would give back only the last.
    let mut picture = vec![0.0; 16];
    picture[5] = 9.0;
    let x = real(&[1, 1, 4, 4], &picture);
    let affine = freeze(pool.as_ref(), &[x], &[0], Rule::Gate).unwrap();
    assert_eq!(affine.validity, Validity::Region);
    let y = Probes::tensor(&[1, 1, 2, 2], vec![1.0, 10.0, 100.0, 1000.0]);
    let back = affine.terms[0].as_ref().unwrap().apply_transpose(y, &Support::full(&[1, 1, 4, 4]));
    let mut expected = vec![0.0; 16];
    expected[5] = 1111.0;
    assert_eq!(back.values(), expected);
}

#[test]
fn the_first_of_equals_wins() {
    let pool = build(&node("MaxPool").with("kernel_shape", [2]), NEWEST).unwrap();
    let affine = freeze(pool.as_ref(), &[real(&[1, 1, 3], &[4.0, 4.0, 4.0])], &[0], Rule::Gate).unwrap();
    assert_eq!(matrix(&affine).0, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);

    let max = build(&node("Max"), NEWEST).unwrap();
    let inputs = [real(&[3], &[1.0, 2.0, 0.0]), real(&[3], &[1.0, 1.0, 5.0])];
    let affine = freeze(max.as_ref(), &inputs, &[0, 1], Rule::Gate).unwrap();
    let parts: Vec<Vec<f64>> = affine.terms.iter().flatten().map(|map| netfold_linear::matrix(map.as_ref())).collect();
    assert_eq!(parts[0], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(parts[1], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    // A constant that wins is the offset; on a tie the first input passes, here the one that varies.
    let affine = freeze(max.as_ref(), &inputs, &[0], Rule::Gate).unwrap();
    assert_eq!(affine.offset.unwrap().to_vec(), [0.0, 0.0, 5.0]);
}

#[test]
fn a_clip_is_flat_at_and_beyond_its_bounds() {
    let clip = build(&node("Clip").with("min", -1.0).with("max", 6.0), 6).unwrap();
    let z = real(&[5], &[-2.0, -1.0, 0.5, 6.0, 7.0]);
    assert_eq!(forward(clip.as_ref(), std::slice::from_ref(&z)).unwrap(), real(&[5], &[-1.0, -1.0, 0.5, 6.0, 6.0]));
    let (slopes, offset) = matrix(&freeze(clip.as_ref(), &[z], &[0], Rule::Tangent).unwrap());
    let diagonal: Vec<f64> = (0..5).map(|i| slopes[i * 6]).collect();
    assert_eq!(diagonal, [0.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(offset.unwrap(), [-1.0, -1.0, 0.0, 6.0, 6.0]);
}

#[test]
fn an_average_pool_in_ceil_mode_leaves_out_what_lies_beyond_the_padding() {
    let means = |count_padding: i64| {
        let node = node("AveragePool").with("kernel_shape", [3]).with("strides", [2]).with("pads", [1, 1]);
        let pool = build(&node.with("ceil_mode", 1).with("count_include_pad", count_padding), NEWEST).unwrap();
        forward(pool.as_ref(), &[real(&[1, 1, 4], &[6.0, 12.0, 18.0, 24.0])]).unwrap()
    };
    // Places −1..1, 1..3, 3..5 of a line of four, of which 4 is padding and 5 lies beyond it.
    assert_eq!(means(0), real(&[1, 1, 3], &[9.0, 18.0, 24.0]));
    assert_eq!(means(1), real(&[1, 1, 3], &[6.0, 18.0, 12.0]));
}

#[test]
fn secants_keep_their_digits_near_zero() {
    let slope = |op: &str, z: f64| {
        matrix(&freeze(build(&node(op), NEWEST).unwrap().as_ref(), &[real(&[1], &[z])], &[0], Rule::Gate).unwrap())
    };
    for z in [0.0_f64, 1e-300, 1e-12, -1e-7, 1e-3, -0.1, 0.249, 0.251, 3.0, -40.0] {
        // (sigmoid(z) − 1/2) / z = tanh(z / 2) / 2z, (exp(z) − 1) / z = expm1(z) / z
        let sigmoid = if z == 0.0 { 0.25 } else { (z / 2.0).tanh() / (2.0 * z) };
        let exp = if z == 0.0 { 1.0 } else { z.exp_m1() / z };
        for (op, expected, at_zero) in [("Sigmoid", sigmoid, 0.5), ("Exp", exp, 1.0)] {
            let (got, offset) = slope(op, z);
            assert!((got[0] / expected - 1.0).abs() < 1e-14, "{op} at {z}: {} is not {expected}", got[0]);
            assert_eq!(offset.unwrap(), [at_zero], "{op} at {z}");
        }
        let (got, offset) = slope("Tanh", z);
        let expected = if z == 0.0 { 1.0 } else { z.tanh() / z };
        assert!((got[0] / expected - 1.0).abs() < 1e-14, "Tanh at {z}: {} is not {expected}", got[0]);
        assert_eq!(offset, None, "Tanh at {z}");
    }
}

#[test]
fn the_error_function_is_right_to_the_last_digits() {
    let erf = build(&node("Erf"), NEWEST).unwrap();
    // Abramowitz and Stegun, table 7.1, and 1 − erfc(5).
    let z = [0.0, 0.5, 1.0, -2.0, 5.0, 40.0];
    let expected =
        [0.0, 0.520_499_877_813_046_5, 0.842_700_792_949_714_9, -0.995_322_265_018_952_7, 0.999_999_999_998_462_5, 1.0];
    let Value::Real(got) = forward(erf.as_ref(), &[real(&[6], &z)]).unwrap() else { panic!("numbers") };
    for (got, expected) in got.data().iter().zip(expected) {
        assert!((got - expected).abs() < 1e-15, "{got} is not {expected}");
    }
}

#[test]
fn what_has_no_value_at_zero_is_frozen_by_its_tangent() {
    let log = build(&node("Log"), NEWEST).unwrap();
    let (slope, offset) = matrix(&freeze(log.as_ref(), &[real(&[1], &[2.0])], &[0], Rule::Gate).unwrap());
    assert_eq!((slope, offset.unwrap()), (vec![0.5], vec![2.0_f64.ln() - 1.0]));
    let root = build(&node("Sqrt"), NEWEST).unwrap();
    let error = freeze(root.as_ref(), &[real(&[1], &[0.0])], &[0], Rule::Tangent).unwrap_err();
    assert_eq!(error.to_string(), "Sqrt has no finite slope at 0, element [0] (flat index 0) of its input");
}

#[test]
fn old_operator_sets_broadcast_from_an_axis_on() {
    let add = build(&node("Add").with("broadcast", 1).with("axis", 1), 6).unwrap();
    let inputs = [real(&[1, 2, 2], &[0.0, 1.0, 2.0, 3.0]), real(&[2], &[10.0, 20.0])];
    let expected = real(&[1, 2, 2], &[10.0, 11.0, 22.0, 23.0]);
    assert_eq!(forward(add.as_ref(), &inputs).unwrap(), expected);
    let affine = freeze(add.as_ref(), &inputs, &[0, 1], Rule::Gate).unwrap();
    let tensors: Vec<&Tensor<f64>> = inputs.iter().map(|x| if let Value::Real(x) = x { x } else { panic!() }).collect();
    assert_eq!(Value::Real(affine.apply(&tensors.into_iter().map(Some).collect::<Vec<_>>())), expected);
    assert_eq!(affine.terms[1].as_ref().unwrap().domain(), [2]);
}

#[test]
fn old_operator_sets_give_every_channel_a_slope() {
    let inputs = [real(&[1, 2, 2], &[-1.0, -2.0, -3.0, 4.0]), real(&[2], &[0.5, 0.25])];
    let by_channel = forward(build(&node("PRelu"), 6).unwrap().as_ref(), &inputs).unwrap();
    assert_eq!(by_channel, real(&[1, 2, 2], &[-0.5, -1.0, -0.75, 4.0]));
    let by_last_axis = forward(build(&node("PRelu"), 7).unwrap().as_ref(), &inputs).unwrap();
    assert_eq!(by_last_axis, real(&[1, 2, 2], &[-0.5, -0.5, -1.5, 4.0]));
}

#[test]
fn a_branch_of_a_concatenation_is_no_larger_than_the_branch() {
    let concat = build(&node("Concat").with("axis", 1), NEWEST).unwrap();
    let inputs = [real(&[1, 1], &[5.0]), real(&[1, 2], &[6.0, 7.0])];
    let affine = freeze(concat.as_ref(), &inputs, &[0], Rule::Gate).unwrap();
    assert_eq!(matrix(&affine).0, [1.0, 0.0, 0.0]);
    assert_eq!(affine.offset.unwrap().to_vec(), [0.0, 6.0, 7.0]);
}
