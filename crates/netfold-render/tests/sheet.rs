//! Arranging against the index formula.

#![allow(clippy::float_cmp, reason = "arranging moves values and never changes them")]

use netfold_render::{Kind, Layout, Order, RenderError, Sheet, View};
use proptest::prelude::*;

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::ChannelsFirst), Just(Order::ChannelsLast)]
}

proptest! {
    #[test]
    fn every_element_is_where_the_formula_says(height in 1..7_usize, width in 1..7_usize, channels in 1..5_usize, order in order()) {
        let values: Vec<f64> = (0..height * width * channels).map(|i| i as f64).collect();
        let sheet = Sheet::arrange(&values, Layout::Picture { height, width, channels, order }).unwrap();
        prop_assert_eq!((sheet.height(), sheet.width(), sheet.channels()), (height, width, channels));
        for c in 0..channels {
            let plane = sheet.plane(View::Channel(c));
            for y in 0..height {
                for x in 0..width {
                    let at = match order {
                        Order::ChannelsFirst => (c * height + y) * width + x,
                        Order::ChannelsLast => (y * width + x) * channels + c,
                    };
                    prop_assert_eq!(plane.values()[y * width + x], values[at]);
                }
            }
        }
    }

    #[test]
    fn the_sum_view_keeps_the_total(values in prop::collection::vec(-1e3..1e3_f64, 24), order in order()) {
        let sheet = Sheet::arrange(&values, Layout::Picture { height: 2, width: 4, channels: 3, order }).unwrap();
        let total: f64 = sheet.plane(View::Sum).values().iter().sum();
        prop_assert!((total - values.iter().sum::<f64>()).abs() < 1e-9);
    }

    #[test]
    fn shrinking_takes_means_of_blocks(height in 1..20_usize, width in 1..20_usize, longest in 1..12_usize) {
        let values: Vec<f64> = (0..height * width).map(|i| (i as f64).sin()).collect();
        let layout = Layout::Picture { height, width, channels: 1, order: Order::ChannelsLast };
        let plane = Sheet::arrange(&values, layout).unwrap().plane(View::Sum).shrunk(longest);
        let k = plane.block();
        prop_assert!(plane.height().max(plane.width()) <= longest);
        for y in 0..plane.height() {
            for x in 0..plane.width() {
                let block: Vec<f64> = (y * k..height.min((y + 1) * k))
                    .flat_map(|row| (x * k..width.min((x + 1) * k)).map(move |column| row * width + column))
                    .map(|at| values[at])
                    .collect();
                let mean = block.iter().sum::<f64>() / block.len() as f64;
                prop_assert!((plane.values()[y * plane.width() + x] - mean).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn a_wrong_number_of_values_is_refused_with_both_numbers() {
    let layout = Layout::Picture { height: 28, width: 28, channels: 1, order: Order::ChannelsFirst };
    let error = Sheet::arrange(&[0.0; 10], layout).unwrap_err();
    assert_eq!(error.to_string(), "cannot arrange 10 values as a picture of 28 x 28 with 1 channel: 784 expected");
    assert!(matches!(Sheet::arrange(&[], Layout::Vector { length: 0 }), Err(RenderError::Empty { .. })));
    let huge = Layout::Picture { height: usize::MAX, width: 2, channels: 1, order: Order::ChannelsFirst };
    assert!(Sheet::arrange(&[0.0], huge).unwrap_err().to_string().contains("more than memory can hold"));
}

#[test]
fn shapes_of_real_networks_are_recognised() {
    use Order::{ChannelsFirst as First, ChannelsLast as Last};
    let picture = |height, width, channels, order| Layout::Picture { height, width, channels, order };
    let cases: [(&[usize], Order, Layout); 9] = [
        (&[3, 224, 192], First, picture(224, 192, 3, First)),
        (&[32, 32, 3], Last, picture(32, 32, 3, Last)),
        (&[1, 28, 28], First, picture(28, 28, 1, First)),
        (&[28, 28], First, picture(28, 28, 1, First)),
        (&[1, 3, 48, 192], First, picture(48, 192, 3, First)),
        (&[1024], First, Layout::Series { length: 1024, channels: 1, order: First }),
        (&[12, 1, 5000], First, Layout::Series { length: 5000, channels: 12, order: First }),
        (&[13], First, Layout::Vector { length: 13 }),
        (&[], First, Layout::Vector { length: 1 }),
    ];
    for (shape, order, layout) in cases {
        assert_eq!(Layout::of_shape(shape, order), layout, "{shape:?}");
    }
}

#[test]
fn a_channel_that_does_not_exist_is_empty_and_a_signal_has_one_row() {
    let layout = Layout::Series { length: 3, channels: 2, order: Order::ChannelsFirst };
    let sheet = Sheet::arrange(&[1.0, 2.0, 3.0, 10.0, 20.0, 30.0], layout).unwrap();
    assert_eq!(sheet.kind(), Kind::Series);
    assert_eq!(sheet.plane(View::Sum).values(), [11.0, 22.0, 33.0]);
    assert_eq!(sheet.plane(View::Channel(7)).values(), [0.0; 3]);
}

#[test]
fn a_part_holds_what_the_sheet_has_there() {
    let values: Vec<f64> = (0..24).map(f64::from).collect();
    let layout = Layout::Picture { height: 3, width: 4, channels: 2, order: Order::ChannelsLast };
    let sheet = Sheet::arrange(&values, layout).unwrap();
    let part = sheet.part(1..3, 1..3);
    assert_eq!((part.height(), part.width(), part.channels()), (2, 2, 2));
    assert_eq!(part.values(), [10.0, 11.0, 12.0, 13.0, 18.0, 19.0, 20.0, 21.0]);
    let beyond = sheet.part(2..9, 3..9);
    assert_eq!((beyond.height(), beyond.width(), beyond.values()), (1, 1, &[22.0, 23.0][..]));

    assert_eq!(sheet.nonzero(), Some((0..3, 0..4)));
    let mut lit = vec![0.0; 24];
    assert_eq!(Sheet::arrange(&lit, layout).unwrap().nonzero(), None);
    (lit[11], lit[19]) = (1.0, -1.0);
    assert_eq!(Sheet::arrange(&lit, layout).unwrap().nonzero(), Some((1..3, 1..2)), "pixels (1, 1) and (2, 1)");
}
