//! The laws of the scale and of its colours.

#![allow(clippy::float_cmp, reason = "the laws hold exactly, not nearly")]

use image::Rgb;
use netfold_render::{Kind, Layout, Plane, Scale, Sheet, View, diverging, veil};
use proptest::prelude::*;

fn plane(values: &[f64]) -> Plane {
    Sheet::arrange(values, Layout::Vector { length: values.len() }).unwrap().plane(View::Sum)
}

/// CIE lightness L* of an sRGB colour.
fn lightness(Rgb(rgb): Rgb<u8>) -> f64 {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    let y = 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
    116.0 * y.cbrt() - 16.0
}

fn sample() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![Just(0.0), -1e6..1e6_f64, -1e-6..1e-6_f64], 1..900)
}

proptest! {
    #[test]
    fn place_is_odd_monotone_and_bounded(values in sample(), a in -1e7..1e7_f64, b in -1e7..1e7_f64) {
        let scale = Scale::over([&plane(&values)]);
        prop_assert_eq!(scale.place(-a), -scale.place(a));
        prop_assert!(scale.place(a).abs() <= 1.0);
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(scale.place(low) <= scale.place(high));
        prop_assert_eq!(scale.place(0.0), 0.0);
    }

    #[test]
    fn at_most_one_in_two_hundred_is_clipped(values in sample()) {
        let scale = Scale::over([&plane(&values)]);
        let beyond = values.iter().filter(|v| v.abs() > scale.limit).count();
        prop_assert_eq!(scale.clipped, beyond);
        let lit = values.iter().filter(|v| **v != 0.0).count() as f64;
        prop_assert!(beyond as f64 <= 0.005 * lit);
        prop_assert!(scale.limit > 0.0 || values.iter().all(|&v| v == 0.0));
        // The limit is the smallest such value, or the largest of all.
        let reach = values.iter().filter(|v| v.abs() >= scale.limit).count() as f64;
        prop_assert!(scale.limit == scale.largest || reach > 0.005 * lit);
    }

    #[test]
    fn a_shared_scale_is_the_scale_of_all_values(a in sample(), b in sample()) {
        let together: Vec<f64> = a.iter().chain(&b).copied().collect();
        prop_assert_eq!(Scale::over([&plane(&a), &plane(&b)]), Scale::over([&plane(&together)]));
    }

    #[test]
    fn the_sign_does_not_change_the_scale(values in sample()) {
        let turned: Vec<f64> = values.iter().map(|v| -v).collect();
        prop_assert_eq!(Scale::over([&plane(&values)]), Scale::over([&plane(&turned)]));
    }
}

#[test]
fn the_quantile_of_a_ramp_is_known() {
    let values: Vec<f64> = (1..=1000).map(f64::from).collect();
    let scale = Scale::over([&plane(&values)]);
    assert_eq!((scale.limit, scale.largest, scale.clipped, scale.total), (995.0, 1000.0, 5, 1000));
    assert_eq!(
        scale.statement(Kind::Picture),
        "clipped at the 99.5 % quantile of what is not zero: 0.50 % of pixels (5 of 1,000) lie beyond, the largest at 1000"
    );
}

#[test]
fn zero_constant_and_sparse_sheets_have_a_scale() {
    let zero = Scale::over([&plane(&[0.0; 9])]);
    assert_eq!((zero.limit, zero.place(0.0), zero.place(5.0)), (0.0, 0.0, 0.0));
    assert_eq!(zero.statement(Kind::Picture), "all values are zero");
    let constant = Scale::over([&plane(&[-2.5; 9])]);
    assert_eq!((constant.limit, constant.clipped, constant.place(-2.5)), (2.5, 0, -1.0));
    assert_eq!(constant.statement(Kind::Series), "not clipped: no sample lies beyond");
    let mut sparse = vec![0.0; 1000];
    sparse[3] = 4.0;
    assert_eq!(Scale::over([&plane(&sparse)]).limit, 4.0);
    assert_eq!(Scale::over([]).place(1.0), 0.0);
}

#[test]
fn what_is_not_finite_is_left_out_and_neutral() {
    let scale = Scale::over([&plane(&[1.0, f64::NAN, f64::INFINITY, -3.0])]);
    assert_eq!((scale.limit, scale.total), (3.0, 2));
    assert_eq!(diverging(scale.place(f64::NAN)), diverging(0.0));
    assert_eq!(diverging(f64::NAN), diverging(0.0));
    assert_eq!(scale.place(f64::INFINITY), 1.0);
    assert_eq!(veil(f64::NAN).0[3], 0);
}

#[test]
fn the_neutral_colour_is_grey_and_the_sides_are_warm_and_cold() {
    let Rgb([r, g, b]) = diverging(0.0);
    assert!(r.abs_diff(g) <= 4 && g.abs_diff(b) <= 4 && g > 230);
    for i in 3..=10 {
        let t = f64::from(i) / 10.0;
        let (Rgb(warm), Rgb(cold)) = (diverging(t), diverging(-t));
        assert!(warm[0] > warm[2] && cold[2] > cold[0], "t = {t}");
    }
}

#[test]
fn lightness_falls_steadily_and_equally_to_both_sides() {
    for i in 0..100 {
        let (t, next) = (f64::from(i) / 100.0, f64::from(i + 1) / 100.0);
        for sign in [-1.0, 1.0] {
            let step = lightness(diverging(sign * t)) - lightness(diverging(sign * next));
            assert!((-0.4..2.5).contains(&step), "step {step} at {}", sign * t);
        }
        let sides = lightness(diverging(next)) - lightness(diverging(-next));
        assert!(sides.abs() < 7.0, "{sides} at {next}");
    }
}

#[test]
fn a_veil_hides_more_the_larger_the_amount() {
    let opacities: Vec<u8> = (0..=10).map(|i| veil(f64::from(i) / 10.0).0[3]).collect();
    assert!(opacities.is_sorted() && opacities[0] == 0 && opacities[10] == 255);
    assert_eq!(veil(0.3).0[3], veil(-0.3).0[3]);
}
