//! Law 6: each map is its naive dense matrix, with any probes on any support.

use netfold_linear::{Entrywise, Probes, Real, matrix};
use proptest::prelude::*;

use crate::numbers::{Numbers, assert_close};
use crate::recipe::{Recipe, len};
use crate::strategies::{Weights, recipe};

fn shapes_and_matrix<T: Real>(recipe: &Recipe) {
    let map = recipe.build::<T>();
    let (rows, columns, want) = recipe.dense();
    assert_eq!((len(map.codomain()), len(map.domain())), (rows, columns), "shapes");
    // What an entry of a chain is the sum of can be larger than the entry.
    let (got, sizes) = (matrix(&*map), matrix(&*map.abs_bound()));
    assert_eq!(got.len(), want.len());
    for (e, ((got, size), &want)) in got.iter().zip(&sizes).zip(&want).enumerate() {
        assert_close::<T>(got.wide(), want, size.wide().max(1.0), || {
            format!("entry ({}, {})", e / columns, e % columns)
        });
    }
}

/// |A| ≤ the map's magnitude and A ∘ A ≤ its squares, entry by entry, with equality where an entry is one number of the
/// map's. An exact map moves the numbers that it is given.
fn entrywise(recipe: &Recipe) {
    let map = recipe.build::<f64>();
    let single = matches!(recipe, Recipe::Diagonal { .. } | Recipe::Conv { .. } | Recipe::MatMul { .. });
    let entries = matrix(&*map);
    // Where an entry is a sum, of a chain or of repeated indices, its squares are those of the summands.
    let whole = single || matches!(recipe, Recipe::RankOne { .. } | Recipe::Reduction { .. } | Recipe::Mask { .. });
    for how in [Entrywise::Magnitude, Entrywise::Square].into_iter().take(if whole { 2 } else { 1 }) {
        for (bound, entry) in matrix(&*map.entrywise(how)).iter().zip(&entries) {
            let want = how.of(*entry);
            assert!(*bound >= want - 1e-12 * want.max(1.0), "{how:?}: {bound} bounds {want}");
            if single {
                assert_close::<f64>(*bound, want, want.max(1.0), || format!("{how:?}"));
            }
        }
    }
    if map.is_exact() {
        let moved = |row: &[f64]| row.iter().copied().filter(|&a| a != 0.0).collect::<Vec<_>>();
        let rows = entries.chunks(len(map.domain()).max(1)).map(moved);
        rows.for_each(|row| assert!(row.is_empty() || row == [1.0], "each element is one of x, or zero: {row:?}"));
    }
}

/// M x (or Mᵀ y) on `onto`, against the loop.
fn products<T: Real>(recipe: &Recipe, seed: u64, width: usize) {
    let mut numbers = Numbers(seed);
    let map = recipe.build::<T>();
    let (rows, columns, matrix) = recipe.dense();
    let entry = |i: usize, j: usize| matrix[i * columns + j];
    let (on_x, on_y) = (numbers.support(map.domain()), numbers.support(map.codomain()));
    let check = |got: &Probes<T>, from: &Probes<T>, entry: &dyn Fn(usize, usize) -> f64, count: usize| {
        assert_eq!(got.width(), width);
        for probe in 0..width {
            let (from, to) = (from.vector(probe), got.vector(probe));
            for e in got.support().elements() {
                let want: f64 = (0..count).map(|j| entry(e, j) * from[j].wide()).sum();
                let size: f64 = (0..count).map(|j| (entry(e, j) * from[j].wide()).abs()).sum();
                // What a chain adds up inside may be larger than what is left of it.
                assert_close::<T>(to[e].wide(), want, size.max(1.0), || format!("element {e}, probe {probe}"));
            }
        }
    };
    let x: Probes<T> = numbers.probes(&on_x, width);
    check(&map.apply(x.clone(), &on_y), &x, &entry, columns);
    let y: Probes<T> = numbers.probes(&on_y, width);
    check(&map.apply_transpose(y.clone(), &on_x), &y, &|e, j| entry(j, e), rows);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_matrix_entry_by_entry(recipe in recipe(Weights::Any)) {
        shapes_and_matrix::<f64>(&recipe);
        shapes_and_matrix::<f32>(&recipe);
    }

    #[test]
    fn magnitudes_and_squares_bound_every_entry(recipe in recipe(Weights::Any)) {
        entrywise(&recipe);
    }

    #[test]
    fn products_on_any_support(recipe in recipe(Weights::Any), seed: u64, width in 1..8_usize) {
        products::<f64>(&recipe, seed, width);
        products::<f32>(&recipe, seed, width);
    }
}
