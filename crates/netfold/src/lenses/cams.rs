//! `cam`, `grad-cam`, `grad-cam++`, `hirescam`: from the last feature map to the logit.

use super::in_the_way;
use super::subject::{Attribution, Subject, kind, row_and_bias, tangent};
use crate::affine::Validity;
use crate::cam::Cam;
use crate::circuit::Circuit;
use crate::error::Error;
use crate::graph::TensorId;
use crate::ops::Precision;

/// The circuit from h to the logits gives g = ∂f/∂h; what is made of g and h is spread over the input's places. What
/// goes around h and the offsets behind it are the rest.
pub(super) fn look<T: Precision>(lens: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let id = feature_map(lens, subject)?;
    let circuit = subject.trace.freeze_between(id, subject.trace.output, &tangent())?;
    let (h, (g, b)) = (subject.trace.real(id)?, row_and_bias(&circuit, subject.class));
    let &[1, _, ref places @ ..] = h.shape() else {
        let why = format!(
            "`{}` has shape {:?}, one picture with channels is expected",
            subject.trace.model.name(id),
            h.shape()
        );
        return Err(Error::Lens { lens, why });
    };
    let (places, count) = (places.to_vec(), places.iter().product::<usize>().max(1));
    if lens == "cam" {
        affine_behind(lens, &circuit, &g)?;
    }
    let h: Vec<f64> = h.data().iter().map(|h| h.wide()).collect();
    let mut map = vec![0.0; count];
    for (g, h) in g.chunks(count).zip(h.chunks(count)) {
        let weight = channel_weight(lens, g, h);
        for ((map, g), h) in map.iter_mut().zip(g).zip(h) {
            *map += weight.unwrap_or(*g) * h;
        }
    }
    if lens.starts_with("grad-cam") {
        map.iter_mut().for_each(|value| *value = value.max(0.0));
    }
    let spread = subject.grid()?.spread(&map, &places);
    let values =
        spread.ok_or_else(|| Error::Lens { lens, why: format!("a map over {places:?} has no place in the input") })?;
    Ok(Attribution::contributions(values, b))
}

/// The one weight of a channel; `None` where each place has its own.
fn channel_weight(lens: &str, g: &[f64], h: &[f64]) -> Option<f64> {
    match lens {
        "grad-cam" => Some(g.iter().sum::<f64>() / g.len() as f64),
        "grad-cam++" => {
            let total: f64 = h.iter().sum();
            let alpha = |g: f64| {
                let below = 2.0 * g * g + g * g * g * total;
                if below == 0.0 { 0.0 } else { g * g / below }
            };
            Some(g.iter().map(|&g| alpha(g) * g.max(0.0)).sum())
        }
        _ => None,
    }
}

/// The tensor that was asked for, or the last convolution's output after what follows it element by element.
fn feature_map<T: Precision>(lens: &'static str, subject: &Subject<'_, T>) -> Result<TensorId, Error> {
    if let Some(id) = subject.settings.layer {
        return Ok(id);
    }
    let circuit = subject.jacobian()?;
    let stages = circuit.stages();
    let Some(last) = stages.iter().rposition(|stage| stage.op == "Conv") else {
        return Err(Error::Lens { lens, why: "no node is a Conv".into() });
    };
    let shape = stages[last].affine.shape();
    let follows = |op: &str| {
        matches!(kind(op), "rectifier" | "segments" | "smooth" | "power" | "arithmetic" | "batch_norm" | "normalize")
    };
    let after = stages[last..].iter().rposition(|stage| stage.affine.shape() == shape && follows(&stage.op));
    subject.trace.model.tensor(&stages[last + after.unwrap_or(0)].tensor)
}

/// CAM is defined where all behind h is affine and a channel has one weight.
fn affine_behind<T: Precision>(lens: &'static str, circuit: &Circuit<T>, g: &[f64]) -> Result<(), Error> {
    if let Some(stage) = circuit.stages().iter().find(|stage| stage.affine.validity != Validity::Everywhere) {
        return Err(in_the_way(lens, &stage.node, &stage.op, "behind the feature map is not affine"));
    }
    match Cam::of(circuit, [g]) {
        Some(cam) if !cam.uniform => {
            Err(Error::Lens { lens, why: "a channel of the feature map has another weight at each place".into() })
        }
        _ => Ok(()),
    }
}
