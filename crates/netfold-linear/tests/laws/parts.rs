//! What maps are made of: supports, probes, fields, windows; and the shapes that arithmetic does not like.

// Numbers are small integers: sums are exact.
#![allow(clippy::float_cmp)]

use netfold_linear::{Broadcast, CachedRows, LinearMap, Probes, Select, Support, Window, WindowAxis, matrix};
use proptest::prelude::*;

use crate::numbers::Numbers;
use crate::recipe::{Recipe, len};
use crate::strategies::{Weights, recipe};

const SHAPES: [&[usize]; 8] = [&[], &[0], &[7], &[3, 5], &[2, 3, 4], &[2, 0, 4], &[2, 3, 2, 5], &[130]];

proptest! {
    #[test]
    fn supports_are_sets(shape in 0..SHAPES.len(), seed: u64) {
        let (shape, mut numbers) = (SHAPES[shape], Numbers(seed));
        let (a, b) = (numbers.support(shape), numbers.support(shape));
        let (both, either) = (a.intersection(&b), a.union(&b));
        for e in 0..len(shape) {
            prop_assert_eq!(both.contains(e), a.contains(e) && b.contains(e));
            prop_assert_eq!(either.contains(e), a.contains(e) || b.contains(e));
        }
        for support in [&a, &b, &both, &either] {
            let stored: Vec<usize> = support.elements().collect();
            prop_assert_eq!(stored.len(), support.count());
            for (row, &e) in stored.iter().enumerate() {
                prop_assert!(support.contains(e));
                prop_assert_eq!((support.row_of(e), support.element_of(row)), (Some(row), e));
            }
            prop_assert_eq!((0..len(shape)).filter(|&e| support.contains(e)).count(), support.count());
            prop_assert!((0..len(shape)).all(|e| support.contains(e) || support.row_of(e).is_none()));
            prop_assert_eq!(support.is_full(), support.count() == len(shape));
            let again = Support::of(shape, stored.iter().copied().chain(stored.iter().copied()));
            prop_assert!(support.same_rows(&again) && again.count() == support.count());
            let flat = support.reshaped(&[len(shape)]);
            prop_assert!((0..len(shape)).all(|e| flat.contains(e) == support.contains(e)));
        }
    }

    #[test]
    fn probes_are_tensors_without_their_zeros(shape in 0..SHAPES.len(), seed: u64, width in 0..6_usize) {
        let (shape, mut numbers) = (SHAPES[shape], Numbers(seed));
        let (a, b) = (numbers.support(shape), numbers.support(shape));
        let x: Probes<f64> = numbers.probes(&a, width);
        let tensors = x.vectors();
        for probe in 0..width {
            let tensor = x.vector(probe);
            prop_assert_eq!(&tensor, &tensors[probe * len(shape)..][..len(shape)]);
            for e in 0..len(shape) {
                prop_assert_eq!(tensor[e], x.at(e).map_or(0.0, |row| row[probe]));
            }
            let cut = x.clone().onto(&b).vector(probe);
            let kept = |e: usize| if b.contains(e) { tensor[e] } else { 0.0 };
            prop_assert_eq!(cut, (0..len(shape)).map(kept).collect::<Vec<_>>());
            let flat = Support::full(&[len(shape)]);
            prop_assert_eq!(&x.clone().reshaped(&flat).vector(probe), &tensor);
            let cut = x.clone().reshaped(&b.reshaped(&[len(shape)])).vector(probe);
            prop_assert_eq!(cut, (0..len(shape)).map(kept).collect::<Vec<_>>());
            let twice = x.clone().plus(&x).scaled(|e| e as f64).vector(probe);
            prop_assert_eq!(twice, (0..len(shape)).map(|e| 2.0 * e as f64 * tensor[e]).collect::<Vec<_>>());
        }
    }

    #[test]
    fn probes_are_added_and_measured(shape in 0..SHAPES.len(), seed: u64, width in 0..40_usize) {
        let (shape, mut numbers) = (SHAPES[shape], Numbers(seed));
        let (a, b) = (numbers.support(shape), numbers.support(shape));
        let (x, y): (Probes<f32>, Probes<f32>) = (numbers.probes(&a, width), numbers.probes(&b, width));
        let field = Broadcast::full(shape, numbers.probes::<f32>(&Support::full(shape), 1).into_values());
        let (sum, inner) = (x.clone().plus_part(&y), x.inner(&field));
        prop_assert!(sum.support().same_rows(&a));
        prop_assert_eq!(inner.len(), width);
        for probe in 0..width {
            let (x, y, sum) = (x.vector(probe), y.vector(probe), sum.vector(probe));
            for e in 0..len(shape) {
                prop_assert_eq!(sum[e], if a.contains(e) { x[e] + y[e] } else { 0.0 });
            }
            let want: f64 = (0..len(shape)).map(|e| f64::from(x[e]) * f64::from(field.at(e))).sum();
            prop_assert_eq!(inner[probe], want);
        }
        let first = width / 2;
        let mut tensors = vec![f32::NAN; first * len(shape)];
        x.vectors_into(&mut tensors);
        prop_assert_eq!(&tensors, &x.vectors()[..first * len(shape)]);
        let values = x.vectors();
        let flat = [width * len(shape)];
        let positive = Support::positive(&flat, &values);
        prop_assert!((0..flat[0]).all(|e| positive.contains(e) == (values[e] > 0.0)));
    }

    /// Rows that are put into a stack, some at a time, are combined as a matrix would.
    #[test]
    fn rows_of_a_stack_are_combined(shape in 0..SHAPES.len(), seed: u64, terms in 1..40_usize, rows in 0..20_usize) {
        let (shape, mut numbers) = (SHAPES[shape], Numbers(seed));
        let own = numbers.support(shape);
        let (mut stack, mut matrix, mut first) = (CachedRows::zeros(terms, &own), Vec::new(), 0);
        while first < terms {
            let (count, support) = ((terms - first).min(7), numbers.support(shape));
            let x: Probes<f64> = numbers.probes(&support, count + 1);
            matrix.extend_from_slice(&x.vectors()[..count * len(shape)]);
            stack.put(first, x, count);
            first += count;
        }
        let h: Probes<f64> = numbers.probes(&Support::full(&[terms]), rows);
        let y = stack.combine(&h);
        prop_assert!(y.support().same_rows(&own));
        for (index, y) in y.vectors().into_iter().enumerate() {
            let (row, e) = (index / len(shape), index % len(shape));
            let terms = (0..terms).map(|n| h.values()[n * rows + row] * matrix[n * len(shape) + e]);
            prop_assert_eq!(y, if own.contains(e) { terms.sum::<f64>() } else { 0.0 });
        }
    }

    #[test]
    fn windows_read_inside_and_nowhere_else(
        input in 0..9_usize, kernel in 1..5_usize, stride in 1..4_usize, dilation in 1..4_usize, pad in -9..10_isize,
        output in 0..9_usize,
    ) {
        let axis = WindowAxis { input, kernel, stride, dilation, pad, output };
        for tap in 0..kernel {
            let read: Vec<usize> = (0..output).filter(|&o| axis.read(o, tap).is_some()).collect();
            prop_assert_eq!(axis.inside(tap).collect::<Vec<_>>(), read, "tap {}", tap);
        }
        let other = WindowAxis { input: 4, kernel: 2, stride: 2, dilation: 1, pad: 1, output: 3 };
        let window = Window { axes: vec![axis, other] };
        for place in 0..output * 3 {
            let mut visited = Vec::new();
            window.visit(place, |tap, read| visited.push((tap, read)));
            let mut expected = Vec::new();
            for (a, b) in (0..kernel).flat_map(|a| (0..2).map(move |b| (a, b))) {
                if let (Some(y), Some(x)) = (axis.read(place / 3, a), other.read(place % 3, b)) {
                    expected.push((a * 2 + b, y * 4 + x));
                }
            }
            prop_assert_eq!(visited, expected);
        }
    }

    #[test]
    fn no_probe_at_all_is_no_trouble(recipe in recipe(Weights::Any), seed: u64) {
        let mut numbers = Numbers(seed);
        let map = recipe.build::<f32>();
        let (x, y) = (numbers.support(map.domain()), numbers.support(map.codomain()));
        let none = map.apply(Probes::zeros(&x, 0), &y);
        prop_assert_eq!((none.width(), none.values().len(), none.shape()), (0, 0, map.codomain()));
        let none = map.apply_transpose(Probes::zeros(&y, 0), &x);
        prop_assert_eq!((none.width(), none.values().len(), none.shape()), (0, 0, map.domain()));
    }
}

#[test]
fn fields_hold_as_few_numbers_as_it_takes() {
    let shape = [2, 3, 4];
    let along = Broadcast::along(&shape, 1, vec![5.0, 0.0, 7.0]);
    let full = Broadcast::full(&shape, along.to_vec());
    assert_eq!(along.to_vec(), (0..24).map(|e| [5.0, 0.0, 7.0][e / 4 % 3]).collect::<Vec<_>>());
    assert!(along.nonzero().same_rows(&full.nonzero()) && along.nonzero().count() == 16);
    assert_eq!(Broadcast::uniform(&shape, 2.0).map(|value| value * value).to_vec(), vec![4.0; 24]);
    assert_eq!(Broadcast::uniform(&shape, 0.0).nonzero().count(), 0);
    assert_eq!(along.reshaped(&[6, 4]).to_vec(), full.to_vec());
    let single = Broadcast::along(&[3, 1, 2], 1, vec![9.0]);
    assert_eq!(single.to_vec(), [9.0; 6]);
    assert_eq!(Broadcast::<f32>::along(&[2, 0, 3], 1, vec![]).to_vec(), []);
    assert!(Broadcast::<f32>::full(&[0], vec![]).nonzero().is_full());
}

#[test]
fn one_hot_probes_are_the_columns_of_the_identity() {
    let wider = Probes::<f32>::one_hot_within(&[2, 2, 2], &[6, 1], 5);
    assert_eq!((wider.width(), wider.values().iter().sum::<f32>(), wider.vector(4)), (5, 2.0, vec![0.0; 8]));
    // More probes than a task has numbers.
    let many = Probes::<f32>::one_hot_within(&[2], &[1], 40_000).vectors();
    assert_eq!((many.len(), many.iter().sum::<f32>(), many[1]), (80_000, 1.0, 1.0));
    let probes = Probes::<f32>::one_hot(&[2, 2, 2], &[6, 1, 6]);
    assert_eq!((probes.support().count(), probes.width()), (2, 3));
    for (probe, element) in [6, 1, 6].into_iter().enumerate() {
        let mut want = vec![0.0; 8];
        want[element] = 1.0;
        assert_eq!(probes.vector(probe), want);
    }
}

/// Two convolutions by hand: one whose window is flipped nowhere, one with a negative pad.
#[test]
fn a_convolution_by_hand() {
    let conv = |pad: isize, output: usize| Recipe::Conv {
        batch: 1,
        groups: 1,
        ins: 1,
        outs: 1,
        axes: vec![WindowAxis { input: 3, kernel: 2, stride: 1, dilation: 1, pad, output }],
        weights: vec![10.0, 1.0],
    };
    let padded = conv(1, 4).build::<f64>();
    assert_eq!(matrix(&*padded), [1., 0., 0., 10., 1., 0., 0., 10., 1., 0., 0., 10.]);
    let cropped = conv(-1, 1).build::<f64>();
    assert_eq!(matrix(&*cropped), [0., 10., 1.]);
}

#[test]
fn repeated_indices_add_up_in_the_transpose() {
    let select = Select::new(&[3], &[4], vec![1, 1, Select::NONE, 2]);
    let x = select.apply_transpose(Probes::tensor(&[4], vec![1.0, 10.0, 100.0, 1000.0]), &Support::full(&[3]));
    assert_eq!(x.values(), [0.0, 11.0, 1000.0]);
}
