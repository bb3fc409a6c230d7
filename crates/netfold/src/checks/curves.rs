//! Deletion and insertion: is what a map calls important so?

use serde::Serialize;

use super::randomisation::places;
use crate::circuit::{Circuit, Push};
use crate::error::Error;
use crate::lenses::{Grid, Lens, Subject};
use crate::model::Head;
use crate::ops::{Inputs, Precision};
use crate::trace::{Trace, node_error};
use crate::value::{Tensor, Value};

/// What is made of the logits for the curves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Score {
    /// The softmax over these logits.
    Softmax(#[serde(skip)] Vec<usize>),
    /// The sigmoid of the class's logit: classes are independent, or there are two of one logit.
    Sigmoid,
    /// The class's logit itself.
    Logit,
}

impl Score {
    /// As the network ends: the softmax with the logits that the class's probability depends on, the sigmoid, or nothing.
    ///
    /// # Errors
    /// If the last node refuses the logits.
    pub fn of<T: Precision>(head: &Head, trace: &Trace<'_, T>, class: usize) -> Result<Self, Error> {
        let Some(node) = head.squashed.and_then(|id| trace.model.maker(id)) else { return Ok(Self::Logit) };
        if node.class().is_pointwise() {
            return Ok(Self::Sigmoid);
        }
        let (Ok(operator), logits) = (&node.operator, trace.logits()?) else { return Ok(Self::Logit) };
        // With one large logit what shares its sum is nearly 0, all else as it was.
        let squashed = |large: f64| -> Result<Vec<f64>, Error> {
            let value = |i| T::of(if i == class { large } else { 0.0 });
            let given = Value::Real(Tensor::new(logits.shape(), (0..logits.len()).map(value).collect()));
            let inputs = Inputs(vec![Some(&given)]);
            let made = T::op(operator.as_ref()).forward(&inputs);
            let made = made.map_err(|source| node_error("compute", node, &inputs, source))?;
            let Some(Value::Real(made)) = made.first() else { return Ok(Vec::new()) };
            Ok(made.data().iter().map(|p| p.wide()).collect())
        };
        let pairs = squashed(0.0)?.into_iter().zip(squashed(50.0)?).enumerate();
        Ok(Self::Softmax(pairs.filter(|(i, (a, b))| a.total_cmp(b).is_ne() || *i == class).map(|(i, _)| i).collect()))
    }

    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Softmax(_) => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Logit => "logit",
        }
    }

    /// The number of a class.
    fn at<T: Precision>(&self, logits: &[T], class: usize) -> f64 {
        let own = logits[class].wide();
        match self {
            Self::Softmax(among) => {
                let among = || among.iter().map(|&i| logits[i].wide());
                let largest = among().fold(f64::MIN, f64::max);
                let total: f64 = among().map(|f| (f - largest).exp()).sum();
                (own - largest).exp() / total
            }
            Self::Sigmoid if own < 0.0 => own.exp() / (1.0 + own.exp()),
            Self::Sigmoid => 1.0 / (1.0 + (-own).exp()),
            Self::Logit => own,
        }
    }
}

/// The class's score while places are deleted or inserted, most important first, by the network and as the one-layer
/// model at x predicts it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Curves {
    /// What the curves are of: a probability, or the logit.
    pub score: Score,
    /// The share of the places that is deleted or inserted.
    pub share: Vec<f64>,
    /// The network, places set to zero.
    pub deletion: Vec<f64>,
    /// The score of W x' + b at the same inputs.
    pub deletion_predicted: Vec<f64>,
    /// The network, places set to those of x in a blurred x.
    pub insertion: Vec<f64>,
    /// The score of W x' + b at the same inputs.
    pub insertion_predicted: Vec<f64>,
}

impl Curves {
    /// The area below a curve over all its steps, by trapezoids: small is good for deletion, large for insertion.
    pub fn area(curve: &[f64]) -> f64 {
        let [first, .., last] = curve else { return 0.0 };
        (curve.iter().sum::<f64>() - f64::midpoint(*first, *last)) / (curve.len() - 1) as f64
    }
}

/// Both curves of a lens's map in so many steps.
///
/// Deletion sets places to zero, insertion begins with x blurred by a Gaussian of σ = 5 over 11 places.
///
/// Source: Petsiuk, Das & Saenko, *RISE*, arXiv 1806.07421. Cost: the lens, two forward passes and two pushes a step.
///
/// # Errors
/// What the lens and the traces return.
pub fn curves<T: Precision>(
    lens: &Lens,
    subject: &Subject<'_, T>,
    circuit: &Circuit<T>,
    score: Score,
    steps: usize,
) -> Result<Curves, Error> {
    let (x, grid) = (subject.x()?, subject.grid()?);
    let map = places(&lens.look(subject)?, &grid);
    let mut order: Vec<usize> = (0..grid.len()).collect();
    order.sort_by(|&a, &b| map[b].total_cmp(&map[a]).then(a.cmp(&b)));
    let mut rank = vec![0; order.len()];
    order.iter().enumerate().for_each(|(index, &place)| rank[place] = index);
    let (zero, blurred) = (x.map(|_| T::zero()), blurred(x, &grid));
    let steps = steps.clamp(1, grid.len().max(1));
    let mut curves = Curves {
        score,
        share: Vec::new(),
        deletion: Vec::new(),
        deletion_predicted: Vec::new(),
        insertion: Vec::new(),
        insertion_predicted: Vec::new(),
    };
    for step in 0..=steps {
        let taken = grid.len() * step / steps;
        curves.share.push(taken as f64 / grid.len().max(1) as f64);
        let mixed = |first: &Tensor<T>, others: &Tensor<T>| {
            let pick = |e: usize| if rank[grid.place(e)] < taken { first.data()[e] } else { others.data()[e] };
            Tensor::new(x.shape(), (0..x.len()).map(pick).collect())
        };
        for (at, own, predicted) in [
            (mixed(&zero, x), &mut curves.deletion, &mut curves.deletion_predicted),
            (mixed(x, &blurred), &mut curves.insertion, &mut curves.insertion_predicted),
        ] {
            own.push(curves.score.at(subject.trace.at(&at)?.logits()?.data(), subject.class));
            predicted.push(curves.score.at(&circuit.push(at.probe(), Push::Affine).into_values(), subject.class));
        }
    }
    Ok(curves)
}

/// x blurred along each axis of its places; at an edge the weights inside are scaled to one.
fn blurred<T: Precision>(x: &Tensor<T>, grid: &Grid) -> Tensor<T> {
    const REACH: isize = 5;
    const SIGMA: f64 = 5.0;
    let place_of: Vec<Vec<usize>> = elements_by_channel(x.len(), grid);
    let mut values: Vec<f64> = x.data().iter().map(|x| x.wide()).collect();
    let mut inner = 1;
    for &size in grid.places.iter().rev() {
        let old = values.clone();
        for elements in &place_of {
            for (place, &element) in elements.iter().enumerate() {
                let index = (place / inner % size) as isize;
                let (mut sum, mut total) = (0.0, 0.0);
                for offset in -REACH..=REACH {
                    if (0..size as isize).contains(&(index + offset)) {
                        let weight = (-(offset * offset) as f64 / (2.0 * SIGMA * SIGMA)).exp();
                        sum += weight * old[elements[(place as isize + offset * inner as isize) as usize]];
                        total += weight;
                    }
                }
                values[element] = sum / total;
            }
        }
        inner *= size;
    }
    Tensor::new(x.shape(), values.into_iter().map(T::of).collect())
}

/// For each channel, the element at each place.
fn elements_by_channel(len: usize, grid: &Grid) -> Vec<Vec<usize>> {
    let mut found = vec![vec![0; grid.len()]; grid.channels];
    let mut seen = vec![0; grid.len()];
    for element in 0..len.min(grid.channels * grid.len()) {
        let place = grid.place(element);
        found[seen[place]][place] = element;
        seen[place] += 1;
    }
    found
}
