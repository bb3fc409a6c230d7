//! The fused transpose of a depthwise convolution, masks, padding and a 1×1 convolution has the bits of the four maps one
//! after the other, for any number of threads.

use std::sync::Arc;

use netfold_linear::{
    Conv, Fusible, LinearMap, Mask, Probes, Real, Run, Select, SharedMap, Support, Window, WindowAxis,
};

use crate::numbers::Numbers;

/// Convolution of 1×1, rectifier, zeros around it, a convolution, depthwise most often.
struct Block<T> {
    expand: Conv<T>,
    mask: Mask,
    pad: Select,
    depth: Conv<T>,
}

/// Zeros around lines: `before` lines and as many columns, and one less behind.
fn zeros_around(shape: &[usize], before: usize) -> Select {
    let &[batch, channels, height, width] = shape else { panic!("lines") };
    let longer = |size: usize| size + (2 * before).saturating_sub(1);
    let (tall, wide) = (longer(height), longer(width));
    let run = |line: usize| {
        let to = (line / height * tall + line % height + before) * wide + before;
        Run { from: line * width, to, len: width }
    };
    Select::in_runs(shape, &[batch, channels, tall, wide], (0..batch * channels * height).map(run).collect())
}

impl<T: Real> Block<T> {
    fn new(numbers: &mut Numbers) -> Self {
        let (batch, ins, channels) = (1 + numbers.below(2), 1 + numbers.below(40), 1 + numbers.below(150));
        let axes: Vec<WindowAxis> = (0..2)
            .map(|_| {
                let (kernel, stride, output) = (1 + numbers.below(5), 1 + numbers.below(2), 1 + numbers.below(9));
                let pad = numbers.below(kernel) as isize;
                let input = ((output - 1) * stride + kernel).saturating_sub(2 * pad as usize).max(1);
                WindowAxis { input, kernel, stride, dilation: 1, pad, output }
            })
            .collect();
        let mut window = Window { axes };
        let before = numbers.below(3);
        let places = window.input().iter().map(|&n| WindowAxis { input: n, output: n, ..WindowAxis::UNIT }).collect();
        // Zeros around it are the padding of any convolution.
        let (outs, groups) = if numbers.below(4) == 0 { (1 + numbers.below(4), 1) } else { (channels, channels) };
        let mut weights = |n: usize| Arc::new((0..n).map(|_| T::of(numbers.real())).collect::<Vec<T>>());
        let expand = Conv::new(batch, ins, channels, 1, &Window { axes: places }, weights(ins * channels));
        let pad = zeros_around(LinearMap::<T>::codomain(&expand), before);
        let padded = LinearMap::<T>::codomain(&pad)[2..].to_vec();
        for (axis, input) in window.axes.iter_mut().zip(padded) {
            axis.input = input;
        }
        let size = outs * channels / groups * window.taps();
        let depth = Conv::new(batch, channels, outs, groups, &window, weights(size));
        let mask = Mask::new(numbers.support(expand.codomain()));
        Self { expand, mask, pad, depth }
    }
}

fn law<T: Real>(seed: u64) -> bool {
    let mut numbers = Numbers(seed);
    let block = Block::<T>::new(&mut numbers);
    let width = [1, 7, 8, 16, 24, 32, 64, 70][numbers.below(8)];
    let mut real = |on: Support| {
        let values = (0..on.count() * width).map(|_| T::of(numbers.real())).collect();
        Probes::<T>::new(on, width, values)
    };
    let mut other = Numbers(!seed);
    let y = real(other.support(block.depth.codomain()).by_position());
    let sum = (other.below(2) == 0).then(|| real(other.support(block.expand.domain())));
    let onto =
        sum.as_ref().map_or_else(|| other.support(block.expand.domain()).by_position(), |sum| sum.support().clone());
    // Some rows that the mask drops, or none.
    let all = Support::full(block.expand.codomain());
    let between = if other.below(3) == 0 { all } else { block.mask.active().clone() }.by_position();

    // All that the convolution reads inside the zeros, or some rows less.
    let wide = if other.below(4) == 0 {
        other.support(block.depth.domain())
    } else {
        LinearMap::<T>::output_support(&block.pad, &between)
    };

    let stored = block.depth.apply_transpose(y.clone(), &wide);
    let stored = block.pad.apply_transpose(stored, &between);
    let stored = block.mask.apply_transpose(stored, &between);
    let stored = match sum.clone() {
        Some(sum) => block.expand.add_transpose(stored, sum),
        None => block.expand.apply_transpose(stored, &onto),
    };
    let [expand, pad, depth]: [SharedMap<T>; 3] = [Arc::new(block.expand), Arc::new(block.pad), Arc::new(block.depth)];
    let mask: SharedMap<T> = Arc::new(block.mask);
    let fused = Fusible::new(&depth, &wide, width)
        .and_then(|depth| depth.through(&pad, &between))
        .and_then(|depth| depth.through(&mask, &between))
        .and_then(|depth| depth.after(&expand, width));
    let Some(fused) = fused else { return false };
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let pulled = pool.install(|| fused.apply_transpose(&y, &onto, sum.clone()));
        assert!(pulled.support().same_rows(stored.support()), "stored as asked for: seed {seed}");
        assert_eq!(pulled.values(), stored.values(), "{threads} threads, seed {seed}, {}", T::NAME);
    }
    true
}

#[test]
fn fusing_changes_no_bit() {
    let fused = (0..300).filter(|&seed| law::<f32>(seed) & law::<f64>(seed)).count();
    assert!(fused > 50, "{fused} fused products");
}
