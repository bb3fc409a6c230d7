//! Checks of the numbers: transposes, slopes, precisions.

use netfold_linear::{Probes, Support, dot_test};

use super::Outcome;
use crate::affine::Rule;
use crate::circuit::{Circuit, Rules};
use crate::error::Error;
use crate::model::Node;
use crate::ops::{Class, Precision};
use crate::reconstruction::argmax;
use crate::trace::Trace;
use crate::value::Tensor;

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// A random tensor of this shape, between −1 and 1.
fn random<T: Precision>(shape: &[usize], rng: &mut fastrand::Rng) -> Probes<T> {
    let len = shape.iter().product();
    Probes::tensor(shape, (0..len).map(|_| T::of(2.0 * rng.f64() - 1.0)).collect())
}

/// |⟨A x, y⟩ − ⟨x, Aᵀ y⟩| / (‖A x‖ ‖y‖) for every map of every stage, x and y random.
///
/// Source: the dot-product test, Claerbout, *Earth Soundings Analysis*, 1992. Cost: three products a map.
pub fn transposes<T: Precision>(circuit: &Circuit<T>, seed: u64) -> Outcome {
    let mut rng = fastrand::Rng::with_seed(seed);
    let limit = if T::NAME == "f32" { 1e-4 } else { 1e-11 };
    let (mut worst, mut place) = (0.0, String::new());
    for stage in circuit.stages() {
        for map in stage.affine.terms.iter().flatten() {
            let (x, y) = (random::<T>(map.domain(), &mut rng), random::<T>(map.codomain(), &mut rng));
            let wide = |probes: &Probes<T>| norm(&probes.values().iter().map(|v| v.wide()).collect::<Vec<_>>());
            let size = wide(&map.apply(x.clone(), &Support::full(map.codomain()))) * wide(&y);
            let difference: f64 = dot_test(map.as_ref(), &x, &y).iter().map(|(a, b)| (a - b).abs()).sum();
            let relative = if difference == 0.0 { 0.0 } else { difference / size };
            // NaN must not pass for small.
            if relative.is_nan() || relative > worst {
                (worst, place) = (
                    if relative.is_nan() { f64::INFINITY } else { relative },
                    format!("`{}` ({})", stage.node, stage.op),
                );
            }
        }
    }
    let maps = circuit.stages().iter().map(|stage| stage.affine.terms.iter().flatten().count()).sum::<usize>();
    let place = if place.is_empty() { format!("none of {maps} maps differs") } else { place };
    Outcome { check: "transposes", worst: Some(worst), limit, place }
}

/// The nodes on the way from the input that are functions in steps.
fn steps<'m, T: Precision>(trace: &Trace<'m, T>) -> impl Iterator<Item = &'m Node> {
    let model = trace.model;
    let on_way = model.nodes_of(trace.output).into_iter().map(|index| &model.nodes[index]);
    let in_steps = |node: &Node| matches!(node.class(), Class::Quantize | Class::Steps);
    let varying: Vec<&Node> =
        on_way.filter(|node| in_steps(node) && node.outputs.iter().flatten().any(|&id| trace.varies(id))).collect();
    varying.into_iter()
}

/// |(f(x + h d) − f(x − h d)) / 2 h − ⟨w, d⟩| / (‖w‖ ‖d‖ + |⟨w, d⟩|), w of the Jacobian, d random signs: the smallest
/// over steps h from 1e-3 to 1e-8, the largest over five directions.
///
/// x is moved by a thousandth at random first: equal pixels tie in max pools, and on the border of its region a network has
/// no one slope. The smaller the step, the fewer units switch on the way; a network that is not piecewise linear has its error in h².
/// In single precision nothing is left of so small a difference: meant for a trace in double precision. A function in
/// steps (a quantised network) has no slope that a difference over a step could tell.
///
/// # Errors
/// What tracing and freezing return.
pub fn slopes(trace: &Trace<'_, f64>, class: usize, seed: u64) -> Result<Outcome, Error> {
    const DIRECTIONS: usize = 5;
    const STEPS: [f64; 6] = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8];
    if let Some(node) = steps(trace).next() {
        let place = format!("`{}` ({}) is a function in steps: it has no slope but 0", node.name, node.op);
        return Ok(Outcome { check: "finite differences", worst: None, limit: 1e-5, place });
    }
    let (given, mut rng) = (trace.real(trace.input)?, fastrand::Rng::with_seed(seed));
    let size = given.data().iter().fold(1e-30_f64, |largest, x| largest.max(x.abs()));
    let trace = &trace.at(&given.map(|x| x + 1e-3 * size * (2.0 * rng.f64() - 1.0)))?;
    let x = trace.real(trace.input)?;
    let circuit = trace.freeze(&Rules { default: Rule::Tangent, ..Rules::default() })?;
    let w = circuit.pull_with(Probes::one_hot(circuit.output_shape(), &[class]), &circuit.full_plan(), &mut |_, _| {});
    let w = w.vector(0);
    let (mut worst, mut place) = (0.0_f64, String::new());
    for _ in 0..DIRECTIONS {
        let d: Vec<f64> = (0..x.len()).map(|_| if rng.bool() { size } else { -size }).collect();
        let expected: f64 = w.iter().zip(&d).map(|(w, d)| w * d).sum();
        let scale = norm(&w) * norm(&d) + expected.abs();
        let (mut best, mut at) = (f64::INFINITY, 0.0);
        for h in STEPS {
            let f = |h: f64| -> Result<f64, Error> {
                let moved = Tensor::new(x.shape(), x.data().iter().zip(&d).map(|(x, d)| x + h * d).collect());
                Ok(trace.at(&moved)?.logits()?.data()[class])
            };
            let difference = ((f(h)? - f(-h)?) / (2.0 * h) - expected).abs() / scale.max(f64::MIN_POSITIVE);
            if difference < best {
                (best, at) = (difference, h);
            }
        }
        if best > worst || place.is_empty() {
            (worst, place) = (best, format!("steps of {at:.0e} of the largest input"));
        }
    }
    Ok(Outcome { check: "finite differences", worst: Some(worst), limit: 1e-5, place })
}

/// max over logits of |f32 − f64| / max |f64|, and whether the winner is kept.
///
/// In a network with functions in steps, a number near the border of a step can fall on the other side of it by rounding
/// alone. Where that is so, the difference is one of the model and not of its computation; it is told with the first node
/// at which it arises, and is no failure.
///
/// # Errors
/// If a trace's output holds something else than numbers.
pub fn precisions(single: &Trace<'_, f32>, double: &Trace<'_, f64>) -> Result<Outcome, Error> {
    let (a, b) = (single.logits()?.data(), double.logits()?.data());
    let scale = b.iter().fold(f64::MIN_POSITIVE, |largest, f| largest.max(f.abs()));
    let worst = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max) / scale;
    let kept = argmax(a) == argmax(b);
    let mut place = if kept { "the winner is the same" } else { "the winner differs" }.to_owned();
    let (check, limit) = ("single against double", 1e-4);
    if kept && worst <= limit {
        return Ok(Outcome { check, worst: Some(worst), limit, place });
    }
    for node in steps(double) {
        let Some(&Some(id)) = node.outputs.first() else { continue };
        let (narrow, wide) = (single.real(id)?.data(), double.real(id)?.data());
        let apart = narrow.iter().zip(wide).filter(|(a, b)| (f64::from(**a) - **b).abs() > 0.5).count();
        if apart > 0 {
            place = format!(
                "`{}` ({}) rounds {apart} of {} numbers to another step; logits differ by {worst:.1e}, {place}",
                node.name,
                node.op,
                wide.len()
            );
            return Ok(Outcome { check, worst: None, limit, place });
        }
    }
    Ok(Outcome { check, worst: Some(if kept { worst } else { f64::INFINITY }), limit, place })
}
