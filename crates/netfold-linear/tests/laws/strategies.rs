//! Arbitrary maps.

use netfold_linear::{Filter, WindowAxis};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::numbers::Numbers;
use crate::recipe::{Factors, Line, Recipe, len};

/// Which weights maps are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// −4 to 4.
    Any,
    /// 1 to 4: nothing cancels, so a map reaches all that its structure says. Diagonals may still hold zeros.
    Positive,
}

impl Weights {
    fn draw(self, numbers: &mut Numbers) -> f64 {
        match self {
            Self::Any => numbers.integer(),
            Self::Positive => 1.0 + numbers.below(4) as f64,
        }
    }

    fn many(self, numbers: &mut Numbers, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.draw(numbers)).collect()
    }
}

/// Arbitrary maps of every kind.
pub fn recipe(weights: Weights) -> BoxedStrategy<Recipe> {
    let simple = prop_oneof![
        1 => reshape(),
        2 => shape().prop_flat_map(move |shape| on(shape, weights)),
        2 => shape().prop_flat_map(move |shape| moved(shape, weights)),
        2 => resample(weights),
        4 => conv(weights),
        3 => product(weights),
    ]
    .boxed();
    let chained = simple.clone().prop_flat_map(move |first| {
        let shape = first.build::<f64>().codomain().to_vec();
        prop_oneof![on(shape.clone(), weights), moved(shape, weights)]
            .prop_map(move |then| Recipe::Chain(Box::new(first.clone()), Box::new(then)))
    });
    let composed = prop_oneof![3 => simple, 1 => chained].boxed();
    let transposed = composed.clone().prop_map(|map| Recipe::Transposed(Box::new(map)));
    prop_oneof![3 => composed, 1 => transposed].boxed()
}

/// Up to four axes, now and then an empty one.
fn shape() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1 => Just(0_usize), 12 => 1..6_usize, 1 => Just(9)], 0..5)
}

fn reshape() -> impl Strategy<Value = Recipe> {
    shape().prop_map(|domain| {
        let (head, tail) = domain.split_at(domain.len() / 2);
        let codomain = [&[len(tail)], head].concat();
        Recipe::Reshape { domain, codomain }
    })
}

/// Maps from a shape to itself.
fn on(shape: Vec<usize>, weights: Weights) -> impl Strategy<Value = Recipe> {
    let zeros = prop_oneof![Just(0), Just(3)];
    (any::<u64>(), 0..5_usize, zeros).prop_map(move |(seed, kind, zeros)| {
        let (mut numbers, shape) = (Numbers(seed), shape.clone());
        let mut draw = |count: usize| -> Vec<f64> {
            (0..count).map(|_| if numbers.below(6) < zeros { 0.0 } else { weights.draw(&mut numbers) }).collect()
        };
        match kind {
            0 => {
                let active = draw(len(&shape)).into_iter().map(|value| value > 0.0).collect();
                Recipe::Mask { shape, active }
            }
            1 => Recipe::Diagonal { factors: Factors::Uniform(draw(1)[0]), shape },
            2 if !shape.is_empty() => {
                let axis = shape.len() / 2;
                Recipe::Diagonal { factors: Factors::Along(axis, draw(shape[axis])), shape }
            }
            3 if !shape.is_empty() => {
                let axis = shape.len() / 2;
                let lines = [shape[axis], len(&shape[axis + 1..])];
                // The diagonal and the product of u and v have opposite signs where nothing is to cancel.
                let [d, u, v] = [1.0, -1.0, 1.0]
                    .map(|sign| weights.many(&mut numbers, len(&shape)).iter().map(|w| sign * w).collect());
                Recipe::RankOne { shape, parts: [d, u, v], lines }
            }
            _ => Recipe::Diagonal { factors: Factors::Full(draw(len(&shape))), shape },
        }
    })
}

/// Maps from a shape to another one by indices.
fn moved(domain: Vec<usize>, weights: Weights) -> impl Strategy<Value = Recipe> {
    (shape(), any::<u64>(), 0..3_usize).prop_map(move |(codomain, seed, kind)| {
        let (mut numbers, domain) = (Numbers(seed), domain.clone());
        let (from, to) = (len(&domain), len(&codomain));
        if kind == 0 {
            let first = numbers.below(domain.len() + 1);
            let axes = [first, first + numbers.below(domain.len() - first + 1)];
            return Recipe::Reduction { domain, axes, scale: weights.draw(&mut numbers) };
        }
        if kind == 1 {
            let source = (0..to).map(|_| (from > 0 && numbers.below(4) > 0).then(|| numbers.below(from))).collect();
            return Recipe::Select { domain, codomain, source };
        }
        let entries = |numbers: &mut Numbers| if from == 0 { 0 } else { numbers.below(5) };
        let mut rows = Vec::new();
        for _ in 0..to {
            let row = (0..entries(&mut numbers)).map(|_| (numbers.below(from), weights.draw(&mut numbers))).collect();
            rows.push(row);
        }
        Recipe::Sparse { domain, codomain, rows }
    })
}

fn line(input: usize, weights: Weights) -> impl Strategy<Value = Line> {
    (0..9_usize, 0..4_usize, any::<u64>()).prop_map(move |(output, kind, seed)| {
        let mut numbers = Numbers(seed);
        let mut filter = [Filter::Nearest, Filter::Bilinear, Filter::Bicubic][kind % 3];
        if weights == Weights::Positive && filter == Filter::Bicubic {
            filter = Filter::Bilinear;
        }
        if kind < 3 {
            return Line::Antialiased { input, output, filter };
        }
        let count = if input == 0 { 0 } else { 3 };
        let row = |numbers: &mut Numbers| {
            (0..numbers.below(count + 1)).map(|_| (numbers.below(input), weights.draw(numbers))).collect()
        };
        Line::Any { input, rows: (0..output).map(|_| row(&mut numbers)).collect() }
    })
}

fn resample(weights: Weights) -> impl Strategy<Value = Recipe> {
    let around = vec(prop_oneof![1 => Just(0_usize), 12 => 1..4_usize], 0..3);
    (around.clone(), around, 0..9_usize, 0..9_usize).prop_flat_map(move |(outer, inner, height, width)| {
        let domain = [outer.as_slice(), &[height, width], &inner].concat();
        (line(height, weights), line(width, weights)).prop_map(move |(rows, columns)| Recipe::Resample {
            domain: domain.clone(),
            axis: outer.len(),
            lines: [rows, columns],
        })
    })
}

/// Any window, also one that no network has: its output need not be what input, stride and pads would give.
fn axis() -> impl Strategy<Value = WindowAxis> {
    (0..7_usize, 1..4_usize, 1..4_usize, 1..4_usize, -3..4_isize, 0..7_usize).prop_map(
        |(input, kernel, stride, dilation, pad, output)| {
            // Empty axes are rare: of what they do there is little to see.
            let input = if input == 0 { pad.unsigned_abs() } else { input };
            let output = if output == 0 { kernel - 1 } else { output };
            WindowAxis { input, kernel, stride, dilation, pad, output }
        },
    )
}

fn conv(weights: Weights) -> impl Strategy<Value = Recipe> {
    // Thin groups (up to 16 pairs of channels) and thick ones; now and then the window that reads one place.
    let depthwise = (1..2_usize, 1..2_usize);
    let channels = prop_oneof![depthwise, (1..5_usize, 1..5_usize), (5..9_usize, 4..9_usize), (0..3_usize, 0..3_usize)];
    let point = (1..6_usize).prop_map(|places| WindowAxis { input: places, output: places, ..WindowAxis::UNIT });
    let axes = prop_oneof![1 => vec(axis(), 1..=1), 3 => vec(axis(), 2..=2), 1 => vec(point, 1..=2)];
    (1..3_usize, 1..4_usize, channels, axes, any::<u64>()).prop_map(move |(batch, groups, (ins, outs), axes, seed)| {
        let taps: usize = axes.iter().map(|axis| axis.kernel).product();
        let weights = weights.many(&mut Numbers(seed), groups * outs * ins * taps);
        let batch = if seed % 40 == 0 { 0 } else { batch };
        Recipe::Conv { batch, groups, ins, outs, axes, weights }
    })
}

fn product(weights: Weights) -> impl Strategy<Value = Recipe> {
    let size = || prop_oneof![1 => Just(0_usize), 12 => 1..7_usize, 2 => Just(17)];
    // A matrix times one vector is computed by another loop than a matrix times a matrix.
    let vector = (any::<bool>(), size(), size())
        .prop_map(|(left, a, k)| (left, if left { (a, k, 1) } else { (1, k, a) }, 1, 1, 1));
    let sizes = (size(), size(), size());
    let batch = (any::<bool>(), sizes, 1..4_usize, 1..4_usize, 0..5_usize);
    (prop_oneof![vector, batch], any::<bool>(), any::<u64>()).prop_map(
        move |((left, (m, k, n), constants, batch, outputs), transposed, seed)| {
            let mut numbers = Numbers(seed);
            let pairs = (0..outputs).map(|_| (numbers.below(constants), numbers.below(batch))).collect();
            let constants = weights.many(&mut numbers, constants * if left { m * k } else { k * n });
            Recipe::MatMul { left, transposed, sizes: [m, k, n], constants, batch, pairs }
        },
    )
}
