//! The bits of a result do not depend on the number of threads.

use netfold_linear::{Filter, Probes, Real, Reuse, Support, WindowAxis};

use crate::numbers::Numbers;
use crate::recipe::{Factors, Line, Recipe};

/// Maps that are large enough for their work to be split.
fn large() -> Vec<(&'static str, Recipe)> {
    let mut numbers = Numbers(1);
    let mut reals = |count: usize| -> Vec<f64> { (0..count).map(|_| numbers.real()).collect() };
    let axis = |input, output, stride, kernel| WindowAxis { input, kernel, stride, dilation: 1, pad: 1, output };
    let mut conv = |groups, ins, outs, stride, kernel| Recipe::Conv {
        batch: 2,
        groups,
        ins,
        outs,
        axes: vec![axis(24, 24 / stride, stride, kernel), axis(20, 20 / stride, stride, kernel)],
        weights: reals(groups * outs * ins * kernel * kernel),
    };
    let (thick, strided, thin) = (conv(1, 40, 48, 1, 3), conv(2, 20, 12, 2, 3), conv(16, 1, 2, 1, 3));
    let point = WindowAxis { input: 23, output: 23, ..WindowAxis::UNIT };
    let pointwise =
        Recipe::Conv { batch: 1, groups: 1, ins: 70, outs: 33, axes: vec![point; 2], weights: reals(70 * 33) };
    let pairs = vec![(0, 1), (1, 0), (0, 1)];
    let mut product = |left| Recipe::MatMul {
        left,
        transposed: left,
        sizes: [60, 50, 70],
        constants: reals(2 * 70 * 60),
        batch: 2,
        pairs: pairs.clone(),
    };
    let (left, right) = (product(true), product(false));
    let vector = Recipe::MatMul {
        left: false,
        transposed: true,
        sizes: [1, 900, 70],
        constants: reals(900 * 70),
        batch: 1,
        pairs: vec![(0, 0)],
    };
    let source = (0..40_000).map(|i| (i % 7 != 0).then_some(i * 31 % 30_000)).collect();
    let rows = (0..9000).map(|i| (0..i % 5).map(|n| ((i * 77 + n * 13) % 8000, 0.1 + n as f64)).collect()).collect();
    let line = |input, output, filter| Line::Antialiased { input, output, filter };
    vec![
        ("thick convolution", thick),
        ("strided convolution in groups", strided),
        ("depthwise convolution", thin),
        ("pointwise convolution", pointwise),
        ("product, constant at the left", left),
        ("product, constant at the right", right),
        ("a vector's product", vector),
        ("select", Recipe::Select { domain: vec![30_000], codomain: vec![40_000], source }),
        ("sparse", Recipe::Sparse { domain: vec![8000], codomain: vec![9000], rows }),
        ("sum", Recipe::Reduction { domain: vec![700, 61], axes: [1, 2], scale: 0.1 }),
        ("sum of planes", Recipe::Reduction { domain: vec![90, 13, 31], axes: [1, 2], scale: 0.1 }),
        ("diagonal", Recipe::Diagonal { shape: vec![50_000], factors: Factors::Full(reals(50_000)) }),
        (
            "resample",
            Recipe::Resample {
                domain: vec![2, 60, 90, 3],
                axis: 1,
                lines: [line(60, 41, Filter::Bicubic), line(90, 131, Filter::Bilinear)],
            },
        ),
    ]
}

/// Both directions, full and on a part, of real numbers with all their bits.
fn results<T: Real>(recipe: &Recipe, width: usize, threads: usize) -> Vec<Vec<T>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let mut numbers = Numbers(7);
    let map = recipe.build::<T>();
    let mut filled = |shape: &[usize]| {
        let mut probes = numbers.probes::<T>(&Support::full(shape), width);
        probes.values_mut().iter_mut().for_each(|value| *value = T::of(numbers.real()));
        probes
    };
    let (x, y) = (filled(map.domain()), filled(map.codomain()));
    let part = |shape: &[usize]| Support::from_fn(shape, |e| e % 3 != 1);
    pool.install(|| {
        let (to, from) = (map.codomain(), map.domain());
        let runs = [
            map.apply(x.clone(), &Support::full(to)),
            map.apply(x.clone().onto(&part(from)), &part(to)),
            map.apply_transpose(y.clone(), &Support::full(from)),
            map.apply_transpose(y.clone().onto(&part(to)), &part(from)),
            map.add_transpose(y.clone(), x.clone().onto(&part(from))),
        ];
        runs.map(Probes::into_values).into()
    })
}

fn same_bits<T: Real>(width: usize) {
    for (name, recipe) in large() {
        let one = results::<T>(&recipe, width, 1);
        for threads in [2, 3] {
            let more = results::<T>(&recipe, width, threads);
            // Finite numbers that are equal have the same bits, but for the sign of zero.
            assert!(one == more, "{name}: {threads} threads, width {width}, {}", T::NAME);
        }
    }
}

#[test]
fn in_double_precision() {
    [1, 5, 33].into_iter().for_each(same_bits::<f64>);
}

#[test]
fn in_single_precision() {
    [1, 5, 33].into_iter().for_each(same_bits::<f32>);
}

/// Large buffers of dropped batches may hold anything; nothing of it may show.
#[test]
fn buffers_that_are_used_again_leave_no_trace() {
    let fresh: Vec<_> = large().iter().map(|(_, recipe)| results::<f32>(recipe, 33, 2)).collect();
    let _reuse = Reuse::<f32>::start();
    for ((name, recipe), fresh) in large().iter().zip(&fresh) {
        let map = recipe.build::<f32>();
        for shape in [map.domain(), map.codomain()] {
            let support = Support::full(shape);
            let dirty = || Probes::new(support.clone(), 33, vec![f32::NAN; support.count() * 33]);
            drop([dirty(), dirty(), dirty(), dirty()]);
        }
        assert!(*fresh == results::<f32>(recipe, 33, 2), "{name}");
    }
}
