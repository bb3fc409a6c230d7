//! Does a map depend on the weights?

use std::sync::Arc;

use serde::Serialize;

use super::similarity::{spearman, ssim};
use crate::error::Error;
use crate::lenses::{Attribution, Grid, Lens, Subject};
use crate::model::TensorId;
use crate::ops::Precision;
use crate::progress::{Step, Watch};
use crate::trace::{NonFinite, Replaced, Tracing};
use crate::value::{Tensor, Value};

/// How alike a map is to itself after the weights from the output down to one node were shuffled.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Randomised {
    /// The last node whose weights were shuffled.
    pub node: String,
    /// Spearman's rank correlation of the two maps, place by place.
    pub spearman: f64,
    /// That of their absolute values.
    pub spearman_absolute: f64,
    /// Structural similarity of the absolute values, each divided by its largest; absent where the input is no picture.
    pub ssim: Option<f64>,
}

/// Cascading randomisation: from the output down, the weights of one layer after another are shuffled, and each time the
/// map of the same logit is compared with that of the trained network.
///
/// A map that stays alike does not depend on what was learnt. Shuffling keeps each layer's distribution of weights.
///
/// Source: Adebayo et al., *Sanity checks for saliency maps*, arXiv 1810.03292. Cost: the lens, once for each layer.
///
/// # Errors
/// What the lens returns, and [`Error::Stopped`] where `watch` says so.
pub fn randomisation<T: Precision>(
    lens: &Lens,
    subject: &Subject<'_, T>,
    seed: u64,
    watch: &Watch,
) -> Result<Vec<Randomised>, Error> {
    let (trace, grid) = (subject.trace, subject.grid()?);
    let trained = places(&lens.look(subject)?, &grid);
    let (mut rng, mut replaced) = (fastrand::Rng::with_seed(seed), Replaced::new());
    let layers: Vec<(String, TensorId)> = (trace.nodes.iter().rev())
        .filter_map(|&index| {
            let node = &trace.model.nodes[index];
            let mut held = node.facts().weight_inputs().iter().filter_map(|&i| node.inputs.get(i).copied().flatten());
            let weights = held.find(|&id| !trace.varies(id))?;
            let varies = node.inputs.iter().flatten().any(|&id| trace.varies(id));
            varies.then(|| (node.name.clone(), weights))
        })
        .collect();
    let mut steps = Vec::new();
    for (done, (node, weights)) in layers.iter().enumerate() {
        let Some(Value::Real(tensor)) = trace.value(*weights) else { continue };
        let mut shuffled = tensor.data().to_vec();
        rng.shuffle(&mut shuffled);
        replaced.insert(*weights, Value::Real(Tensor::new(tensor.shape(), shuffled)));
        let other = trace.model.trace_with(
            &trace.feed,
            trace.output,
            Tracing { non_finite: NonFinite::Allow, replaced: Arc::new(replaced.clone()), ..Tracing::default() },
        )?;
        let map = places(&lens.look(&Subject { trace: &other, ..*subject })?, &grid);
        steps.push(compared(node, &trained, &map, &grid));
        watch.tell(Step::Randomise, done + 1, layers.len())?;
    }
    Ok(steps)
}

/// A map's numbers, one for each place.
pub(super) fn places(map: &Attribution, grid: &Grid) -> Vec<f64> {
    if map.values.len() == grid.len() { map.values.clone() } else { grid.by_place(&map.values) }
}

fn compared(node: &str, a: &[f64], b: &[f64], grid: &Grid) -> Randomised {
    let absolute = |map: &[f64]| map.iter().map(|v| v.abs()).collect::<Vec<f64>>();
    let (sizes_a, sizes_b) = (absolute(a), absolute(b));
    let ssim = match *grid.places.as_slice() {
        [height, width] if height > 1 && width > 1 => {
            let unit = |map: &[f64]| {
                let largest = map.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
                map.iter().map(|v| v / largest).collect::<Vec<f64>>()
            };
            Some(ssim(&unit(&sizes_a), &unit(&sizes_b), [height, width]))
        }
        _ => None,
    };
    Randomised {
        node: node.to_owned(),
        spearman: spearman(a, b),
        spearman_absolute: spearman(&sizes_a, &sizes_b),
        ssim,
    }
}
