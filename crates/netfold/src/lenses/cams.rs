//! `cam`, `grad-cam`, `grad-cam++`, `hirescam`: from the last feature map to the logit.

use super::in_the_way;
use super::subject::{Attribution, Subject, row_and_bias, tangent};
use crate::affine::Validity;
use crate::circuit::Circuit;
use crate::error::{AXES, Error};
use crate::lenses::{ByChannel, Cam, Places};
use crate::model::TensorId;
use crate::ops::{Class, Precision};

/// The circuit from h to the logits gives g = ∂f/∂h; what is made of g and h is spread over the input's places. What
/// goes around h, the offsets behind it, and the parts of elements without a place (a class token) are the rest.
pub(super) fn look<T: Precision>(lens: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let id = feature_map(lens, subject)?;
    let (places, sorted) = places(lens, subject, id)?;
    let circuit = subject.trace.freeze_between(id, subject.trace.output, &tangent())?;
    let (h, (g, b)) = (subject.trace.real(id)?, row_and_bias(&circuit, subject.class));
    if lens == "cam" {
        affine_behind(lens, &circuit, &places, &g)?;
    }
    let count = sorted.places.len();
    let (gradients, values): (Vec<f64>, Vec<f64>) = sorted.elements.iter().map(|&e| (g[e], h.data()[e].wide())).unzip();
    let mut map = vec![0.0; count];
    for (g, h) in gradients.chunks(count).zip(values.chunks(count)) {
        let weight = channel_weight(lens, g, h);
        for ((map, g), h) in map.iter_mut().zip(g).zip(h) {
            *map += weight.unwrap_or(*g) * h;
        }
    }
    if lens.starts_with("grad-cam") {
        map.iter_mut().for_each(|value| *value = value.max(0.0));
    }
    let mut whole = vec![0.0; places.len()];
    sorted.places.iter().zip(&map).for_each(|(&place, &value)| whole[place] = value);
    let grid = &places.grid;
    let values = subject.grid()?.spread(&whole, grid).ok_or_else(|| {
        let input = subject.grid().map(|grid| grid.places).unwrap_or_default();
        Error::Lens { lens, why: format!("a map over {grid:?} places has none in an input of {input:?}") }
    })?;
    let rest = sorted.others.iter().fold(b, |rest, &e| rest + g[e] * h.data()[e].wide());
    Ok(Attribution::contributions(values, rest))
}

/// Which elements of the feature map belong to which place: as it is said, or as the operators tell that made it.
fn places<T: Precision>(
    lens: &'static str,
    subject: &Subject<'_, T>,
    id: TensorId,
) -> Result<(Places, ByChannel), Error> {
    let refused = |why: String| Error::Lens { lens, why };
    let (name, shape) = (subject.trace.model.name(id), subject.trace.real(id)?.shape());
    let places = match &subject.settings.layer_axes {
        Some(axes) => axes.places(shape, &subject.grid()?.places).map_err(|why| refused(format!("`{name}`: {why}")))?,
        None => match subject.trace.places(id, subject.settings.layout) {
            Err(error @ Error::Unplaced { .. }) => return Err(refused(format!("{error}; {AXES}"))),
            places => places?,
        },
    };
    if places.len() < 2 {
        return Err(refused(format!("`{name}`, of shape {shape:?}, has one place alone")));
    }
    let uneven = || refused(format!("`{name}`, of shape {shape:?}, has more numbers at some places than at others"));
    let sorted = places.by_channel(shape).ok_or_else(uneven)?;
    Ok((places, sorted))
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
    let Some(last) = stages.iter().rposition(|stage| stage.class() == Class::Convolution) else {
        return Err(Error::Lens { lens, why: "no node is a Conv".into() });
    };
    let shape = stages[last].affine.shape();
    let follows = |class: Class| match class {
        Class::Sum | Class::Difference | Class::Product | Class::Quotient | Class::BatchNorm | Class::Norm => true,
        class => class.is_pointwise() && class != Class::Steps,
    };
    let after = stages[last..].iter().rposition(|stage| stage.affine.shape() == shape && follows(stage.class()));
    subject.trace.model.tensor(&stages[last + after.unwrap_or(0)].tensor)
}

/// CAM is defined where all behind h is affine and a channel has one weight.
fn affine_behind<T: Precision>(
    lens: &'static str,
    circuit: &Circuit<T>,
    places: &Places,
    g: &[f64],
) -> Result<(), Error> {
    if let Some(stage) = circuit.stages().iter().find(|stage| stage.affine.validity != Validity::Everywhere) {
        return Err(in_the_way(lens, &stage.node, &stage.op, "behind the feature map is not affine"));
    }
    match Cam::of(circuit, places, [g]) {
        Some(cam) if !cam.uniform => {
            Err(Error::Lens { lens, why: "a channel of the feature map has another weight at each place".into() })
        }
        _ => Ok(()),
    }
}
