//! Each loop against a plain double-precision sum, over random geometry, supports and widths, for every instruction set
//! that the processor has; and its bits for one, two and three threads.

mod case;

use std::cell::Cell;

pub(crate) use case::Noise;
use case::{Batch, Case};
use rayon::ThreadPoolBuilder;

use crate::dense::few_channels::THIN;
use crate::index::{Support, WindowAxis};
use crate::masked::{Relayout, dot, keep_stored};
use crate::simd::Isa;
use crate::{Number, Scalar};

fn agree<T: Number>(case: &Case<T>, y: &[T], isa: Isa) {
    let scale = (case.ins * case.reads.taps() + 1) as f64 * T::epsilon().wide() * 4.0;
    for (y, plain) in y.iter().zip(case.plain()) {
        assert!((y.wide() - plain).abs() <= scale, "{isa:?}: {y} and {plain}");
    }
}

fn sums<T: Number>() {
    let noise = Noise(Cell::new(0x1234_5678_9abc_def1));
    for round in 0..120 {
        let depth = round % 3 == 0;
        let case = Case::<T>::new(&noise, depth);
        for isa in Isa::all() {
            if depth {
                agree(&case, &case.masked_depthwise(isa), isa);
            }
            agree(&case, &case.masked_conv(isa), isa);
        }
    }
}

fn whole_sums<T: Number>() {
    let (noise, mut met) = (Noise(Cell::new(0x0dd_ba11)), 0);
    for round in 0..150 {
        let mut case = Case::<T>::new(&noise, round % 3 == 0);
        if round % 3 == 1 {
            case.thin(&noise);
        }
        let case = case.filled(&noise);
        for isa in Isa::all() {
            if case.outs <= THIN {
                agree(&case, &case.few_channels(isa), isa);
            }
            agree(&case, &case.im2col(isa), isa);
            if case.frame.is_one_grid() {
                met += 1;
                agree(&case, &case.channels_last(isa), isa);
            }
        }
    }
    assert!(met > 50, "{met} products with few places");
}

fn depthwise_sums<T: Number>() {
    let (noise, mut met) = (Noise(Cell::new(0xa1_0e)), 0);
    for _ in 0..100 {
        let axes = [noise.long_axis(), noise.long_axis()];
        let turned = [axes[0].turned(), axes[1].turned()];
        let case = Case::<T>::over(&noise, axes, false, true).filled(&noise);
        Isa::all().into_iter().for_each(|isa| agree(&case, &case.dense_depthwise(isa, axes, false), isa));
        if let [Some(down), Some(along)] = turned {
            met += 1;
            let case = Case::<T>::over(&noise, axes, true, true).filled(&noise);
            Isa::all().into_iter().for_each(|isa| agree(&case, &case.dense_depthwise(isa, [down, along], true), isa));
        }
    }
    assert!(met > 10, "{met} transposes");
}

#[test]
fn channels_are_summed_alone() {
    depthwise_sums::<f32>();
    depthwise_sums::<f64>();
}

/// A 3×3 window without stride, padded or cropped.
fn three(noise: &Noise) -> [WindowAxis; 2] {
    [(); 2].map(|()| {
        let (pad, input) = (noise.below(5) as isize - 1, 3 + noise.below(20));
        let output = (input as isize + 2 * pad - 2).max(1) as usize + noise.below(2);
        WindowAxis { input, kernel: 3, stride: 1, dilation: 1, pad, output }
    })
}

fn minimal_sums<T: Number>() {
    let noise = Noise(Cell::new(0x3b3));
    for _ in 0..80 {
        let (axes, transpose) = (three(&noise), noise.below(2) == 0);
        let mut case = Case::<T>::over(&noise, axes, transpose, false);
        if noise.below(2) == 0 {
            // As many channels as make them the lanes of a register.
            (case.groups, case.outs) = (1, 48 + noise.below(20));
            case.onto = Support::full(&[case.x.support.shape()[0], case.outs, case.reads.places_to()]);
            case.weights = noise.numbers(case.outs * 9 * case.ins);
            let from = Support::full(&[case.x.support.shape()[0], case.ins, case.reads.places_from()]);
            case.x = Batch { values: vec![T::zero(); from.count()], support: from, width: 1 };
        }
        let case = case.filled(&noise);
        for isa in Isa::all() {
            agree(&case, &case.winograd(isa, &axes, transpose), isa);
        }
        let bits = |threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| case.winograd(Isa::best(), &axes, transpose))
                .iter()
                .map(|y| y.wide().to_bits())
                .collect::<Vec<_>>()
        };
        assert!(bits(1) == bits(3));
    }
}

#[test]
fn minimal_filtering_equals_its_definition_in_single_precision() {
    minimal_sums::<f32>();
}

#[test]
fn minimal_filtering_equals_its_definition_in_double_precision() {
    minimal_sums::<f64>();
}

#[test]
fn whole_tensors_equal_their_definition_in_single_precision() {
    whole_sums::<f32>();
}

#[test]
fn whole_tensors_equal_their_definition_in_double_precision() {
    whole_sums::<f64>();
}

#[test]
fn loops_equal_their_definition_in_single_precision() {
    sums::<f32>();
}

#[test]
fn loops_equal_their_definition_in_double_precision() {
    sums::<f64>();
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let noise = Noise(Cell::new(77));
    for round in 0..30 {
        let case = Case::<f32>::new(&noise, round % 2 == 0);
        let bits = |threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let y = pool.install(|| {
                if round % 2 == 0 { case.masked_depthwise(Isa::best()) } else { case.masked_conv(Isa::best()) }
            });
            y.iter().map(|y| y.to_bits()).collect::<Vec<_>>()
        };
        assert!(bits(1) == bits(2) && bits(1) == bits(3));
        let case = Case::<f32>::whole(&noise, round % 2 == 0);
        let bits = |threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let y = pool.install(|| match case.outs {
                ..=THIN => [case.few_channels(Isa::best()), case.im2col(Isa::best())].concat(),
                _ => case.im2col(Isa::best()),
            });
            y.iter().map(|y| y.to_bits()).collect::<Vec<_>>()
        };
        assert!(bits(1) == bits(2) && bits(1) == bits(3));
    }
}

#[test]
fn rows_move_onto_another_support() {
    let noise = Noise(Cell::new(12));
    for _ in 0..60 {
        let shape = [1 + noise.below(2), 1 + noise.below(150), 1 + noise.below(9)];
        let (from, to) = (noise.support(&shape), noise.support(&shape));
        let width = [1, 3, 8, 16, 24][noise.below(5)];
        let x = Batch { values: noise.numbers::<f32>(from.count() * width), support: from.clone(), width };
        let start = noise.numbers::<f32>(to.count() * width);
        for (isa, add) in Isa::all().into_iter().flat_map(|isa| [(isa, false), (isa, true)]) {
            let mut y = start.clone();
            Relayout { from: from.rows(), to: to.rows(), width, add }.run_by(isa, &x.values, &mut y);
            for (row, element) in to.elements().enumerate() {
                for probe in 0..width {
                    let own = if add { start[row * width + probe] } else { 0.0 };
                    let plain = own + x.at(element).map_or(0.0, |x| x[probe]);
                    assert!((y[row * width + probe] - plain).abs() <= 0.0, "{isa:?}");
                }
            }
        }
    }
}

#[test]
fn rows_are_summed_in_double_precision() {
    let noise = Noise(Cell::new(5));
    for width in [1, 5, 16, 64, 70] {
        let (x, factors) = (noise.numbers::<f32>(37 * width), noise.numbers::<f32>(37));
        let mut sums = vec![0.0; width];
        dot(&x, width, |row| factors[row], &mut sums);
        for (probe, sum) in sums.iter().enumerate() {
            let plain: f64 = (0..37).map(|row| factors[row].wide() * x[row * width + probe].wide()).sum();
            assert!((sum - plain).abs() < 1e-5);
        }
    }
}

#[test]
fn masked_numbers_are_zero() {
    let noise = Noise(Cell::new(6));
    for len in [0, 1, 63, 64, 65, 200] {
        let (x, bits) = (noise.numbers::<f32>(len), (0..len.div_ceil(64)).map(|_| noise.next()).collect::<Vec<_>>());
        let mut y = x.clone();
        keep_stored(&mut y, &bits);
        for (i, (x, y)) in x.iter().zip(&y).enumerate() {
            let kept = bits[i / 64] >> (i % 64) & 1 == 1;
            assert_eq!(y.to_bits(), if kept { x.to_bits() } else { 0 });
        }
    }
}
