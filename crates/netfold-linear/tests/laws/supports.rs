//! `image` and `input_support`: never too small; exact where nothing cancels. What is computed on a part is the part.

use netfold_linear::{Probes, Real, Support};
use proptest::prelude::*;

use crate::numbers::Numbers;
use crate::recipe::Recipe;
use crate::strategies::{Weights, recipe};

/// The elements that those of `of` truly reach, by the dense matrix.
fn reached(recipe: &Recipe, of: &Support, transpose: bool) -> Vec<bool> {
    let (rows, columns, matrix) = recipe.dense();
    let (count, entry): (usize, Box<dyn Fn(usize, usize) -> f64>) = if transpose {
        (columns, Box::new(|e, from| matrix[from * columns + e]))
    } else {
        (rows, Box::new(|e, from| matrix[e * columns + from]))
    };
    (0..count).map(|e| of.elements().any(|from| entry(e, from) != 0.0)).collect()
}

fn check(recipe: &Recipe, seed: u64, exact: bool) {
    let mut numbers = Numbers(seed);
    let map = recipe.build::<f64>();
    let of_x = numbers.support(map.domain());
    let of_y = numbers.support(map.codomain());
    for (of, to, got, transpose) in [
        (&of_x, map.codomain(), map.output_support(&of_x), false),
        (&of_y, map.domain(), map.input_support(&of_y), true),
    ] {
        assert_eq!(got.shape(), to, "shape, transpose: {transpose}");
        for (e, reached) in reached(recipe, of, transpose).into_iter().enumerate() {
            let inside = got.contains(e);
            assert!(inside || !reached, "element {e} is reached and left out, transpose: {transpose}");
            assert!(!exact || reached || !inside, "element {e} is not reached, transpose: {transpose}");
        }
    }
}

fn part_of_the_whole<T: Real>(recipe: &Recipe, seed: u64, width: usize) {
    let mut numbers = Numbers(seed);
    let map = recipe.build::<T>();
    let (on_x, on_y) = (numbers.support(map.domain()), numbers.support(map.codomain()));
    let same = |part: &Probes<T>, whole: &Probes<T>| {
        assert!(part.support().elements().all(|e| part.at(e) == whole.at(e)), "a part differs from the whole");
    };
    let x: Probes<T> = numbers.probes(&on_x, width);
    same(&map.apply(x.clone(), &on_y), &map.apply(x, &Support::full(map.codomain())));
    let y: Probes<T> = numbers.probes(&on_y, width);
    same(&map.apply_transpose(y.clone(), &on_x), &map.apply_transpose(y, &Support::full(map.domain())));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_reached_is_left_out(recipe in recipe(Weights::Any), seed: u64) {
        check(&recipe, seed, false);
    }

    #[test]
    fn nothing_else_is_inside_where_nothing_cancels(recipe in recipe(Weights::Positive), seed: u64) {
        check(&recipe, seed, true);
    }

    #[test]
    fn a_part_is_the_part_of_the_whole(recipe in recipe(Weights::Any), seed: u64, width in 0..20_usize) {
        part_of_the_whole::<f64>(&recipe, seed, width);
        part_of_the_whole::<f32>(&recipe, seed, width);
    }
}
