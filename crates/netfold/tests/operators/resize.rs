//! `Resize`, nearest: a place that is a tie between two elements is decided as the mode says, by integers.

use netfold::{Tensor, Value};

use crate::node::{build, forward, node};

/// Where output place i of m lies among n, as a fraction.
fn place(mode: &str, i: i64, n: i64, m: i64) -> [i64; 2] {
    match mode {
        "asymmetric" => [i * n, m],
        "align_corners" if m > 1 => [i * (n - 1), m - 1],
        "align_corners" => [0, 1],
        "tf_half_pixel_for_nn" => [(2 * i + 1) * n, 2 * m],
        "pytorch_half_pixel" if m == 1 => [0, 1],
        _ => [(2 * i + 1) * n - m, 2 * m],
    }
}

/// The element that a rounding mode takes, found by going through all of them.
fn element(rounding: &str, [over, under]: [i64; 2], n: i64) -> i64 {
    let apart = |j: i64| (j * under - over).abs();
    match rounding {
        "floor" => (0..n).rev().find(|j| j * under <= over).unwrap_or(0),
        "ceil" => (0..n).find(|j| j * under >= over).unwrap_or(n - 1),
        "round_prefer_floor" => (0..n).min_by_key(|&j| (apart(j), j)).unwrap(),
        _ => (0..n).min_by_key(|&j| (apart(j), -j)).unwrap(),
    }
}

fn line(n: i64) -> Value<f32> {
    Value::Real(Tensor::new(&[1, n as usize], (0..n).map(|i| i as f32).collect()))
}

/// What `Resize` makes of a line of its own indices, by size or by the scale in single precision.
fn resized(mode: &str, rounding: &str, n: i64, m: i64, by_size: bool) -> Vec<i64> {
    let resize = node("Resize").with("coordinate_transformation_mode", mode).with("nearest_mode", rounding);
    let resize = build(&resize, 13).unwrap();
    let none = || Value::Real(Tensor::new(&[0], Vec::new()));
    let inputs = if by_size {
        vec![line(n), none(), none(), Value::Int(Tensor::new(&[2], vec![1, m]))]
    } else {
        vec![line(n), none(), Value::Real(Tensor::new(&[2], vec![1.0, m as f32 / n as f32]))]
    };
    let Value::Real(y) = forward(resize.as_ref(), &inputs).unwrap() else { panic!("numbers") };
    y.data().iter().map(|&y| y as i64).collect()
}

#[test]
fn every_tie_of_small_sizes_is_decided_as_the_mode_says() {
    let modes = [
        "half_pixel",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
        "tf_half_pixel_for_nn",
        "half_pixel_symmetric",
    ];
    let mut ties = 0;
    for mode in modes {
        for rounding in ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"] {
            for (n, m) in (1..=24).flat_map(|n| (1..=24).map(move |m| (n, m))) {
                let places = (0..m).map(|i| if n == m { [i, 1] } else { place(mode, i, n, m) });
                ties += places.clone().filter(|[over, under]| (2 * over) % under == 0 && over % under != 0).count();
                let expected: Vec<i64> = places.map(|place| element(rounding, place, n)).collect();
                for by_size in [true, false] {
                    let got = resized(mode, rounding, n, m, by_size);
                    if got.len() == expected.len() {
                        assert_eq!(got, expected, "{mode}, {rounding}, {n} to {m}, by size: {by_size}");
                    } else {
                        assert!(!by_size, "{mode}: {n} to {m} gives {} places", got.len());
                    }
                }
            }
        }
    }
    assert!(ties > 5000, "{ties} ties");
}

#[test]
fn an_axis_that_is_not_resized_stays_in_every_mode() {
    for (mode, rounding) in [("tf_half_pixel_for_nn", "ceil"), ("tf_half_pixel_for_nn", "round_prefer_ceil")] {
        let resize = node("Resize").with("coordinate_transformation_mode", mode).with("nearest_mode", rounding);
        let none = || Value::Real(Tensor::new(&[0], Vec::new()));
        let x = Value::Real(Tensor::new(&[2, 2], vec![1.0_f32, 2.0, 3.0, 4.0]));
        let inputs = [x, none(), none(), Value::Int(Tensor::new(&[2], vec![2, 4]))];
        let Value::Real(y) = forward(build(&resize, 13).unwrap().as_ref(), &inputs).unwrap() else { panic!("numbers") };
        // Places 1/4, 3/4, 5/4 and 7/4 of each row.
        let columns = if rounding == "ceil" { [2.0, 2.0, 2.0, 2.0] } else { [1.0, 2.0, 2.0, 2.0] };
        assert_eq!(y.data(), [columns, columns.map(|c| c + 2.0)].concat(), "{rounding}");
    }
}

#[test]
fn linear_weights_are_those_of_the_ratio_of_sizes() {
    // From 3 to 7 places at (2 i + 1) 3 / 14 − 1/2 = (3 i − 2) / 7.
    let resize = node("Resize").with("mode", "linear");
    let none = || Value::Real(Tensor::new(&[0], Vec::new()));
    let x = Value::Real(Tensor::new(&[1, 3], vec![0.0_f64, 1.0, 4.0]));
    let inputs = [x, none(), none(), Value::Int(Tensor::new(&[2], vec![1, 7]))];
    let Value::Real(y) = forward(build(&resize, 13).unwrap().as_ref(), &inputs).unwrap() else { panic!("numbers") };
    let expected = [0.0, 1.0 / 7.0, 4.0 / 7.0, 1.0, 1.0 + 9.0 / 7.0, 1.0 + 18.0 / 7.0, 4.0];
    for (got, expected) in y.data().iter().zip(expected) {
        assert!((got - expected).abs() < 1e-15, "{:?}", y.data());
    }
}
