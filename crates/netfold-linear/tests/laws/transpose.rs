//! Law 1: ⟨A x, y⟩ = ⟨x, Aᵀ y⟩.

use netfold_linear::{Probes, Real, dot_test};
use proptest::prelude::*;

use crate::numbers::{Numbers, assert_close};
use crate::recipe::Recipe;
use crate::strategies::{Weights, recipe};

fn law<T: Real>(recipe: &Recipe, seed: u64, width: usize) {
    let mut numbers = Numbers(seed);
    let map = recipe.build::<T>();
    let (on_x, on_y) = (numbers.support(map.domain()), numbers.support(map.codomain()));
    let (x, y): (Probes<T>, Probes<T>) = (numbers.probes(&on_x, width), numbers.probes(&on_y, width));
    let sizes = absolute::<T>(recipe, &x, &y);
    for (probe, (ax_y, x_aty)) in dot_test(&*map, &x, &y).into_iter().enumerate() {
        assert_close::<T>(ax_y, x_aty, sizes[probe], || format!("probe {probe}"));
    }
    // What is computed on the other one's support alone is enough.
    let dot = |a: &Probes<T>, b: &Probes<T>, probe: usize| -> f64 {
        a.values().iter().zip(b.values()).skip(probe).step_by(width).map(|(a, b)| a.wide() * b.wide()).sum()
    };
    let (ax, aty) = (map.apply(x.clone(), &on_y), map.apply_transpose(y.clone(), &on_x));
    assert!(ax.support().same_rows(&on_y) && aty.support().same_rows(&on_x), "results are stored as asked for");
    // What is given up is made again.
    map.clear_caches();
    assert_eq!(map.apply(x.clone(), &on_y).values(), ax.values(), "trimmed");
    assert_eq!(map.apply_transpose(y.clone(), &on_x).values(), aty.values(), "trimmed");
    // Added to what is there already.
    let start: Probes<T> = numbers.probes(&on_x, width);
    let sum = map.add_transpose(y.clone(), start.clone());
    assert!(sum.support().same_rows(&on_x), "a sum keeps its support");
    if !recipe.rounds() {
        assert_eq!(sum.values(), aty.clone().plus(&start).values(), "added to what is there");
    }
    for (probe, &size) in sizes.iter().enumerate() {
        assert_close::<T>(dot(&ax, &y, probe), dot(&aty, &x, probe), size, || format!("probe {probe}, on supports"));
    }
}

/// Σ |y| |A| |x| for each probe: how large the sums are that must agree.
fn absolute<T: Real>(recipe: &Recipe, x: &Probes<T>, y: &Probes<T>) -> Vec<f64> {
    let (_, columns, matrix) = recipe.dense();
    let size = |probe: usize| {
        let (x, y) = (x.vector(probe), y.vector(probe));
        let row = |i: usize| -> f64 { (0..columns).map(|j| (matrix[i * columns + j] * x[j].wide()).abs()).sum() };
        (0..y.len()).filter(|&i| !y[i].is_zero()).map(|i| row(i) * y[i].wide().abs()).sum()
    };
    (0..x.width()).map(size).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn either_precision(recipe in recipe(Weights::Any), seed: u64, width in 1..70_usize) {
        law::<f64>(&recipe, seed, width.min(1 + (seed % 90) as usize));
        law::<f32>(&recipe, seed, width.min(1 + (seed % 90) as usize));
    }
}
