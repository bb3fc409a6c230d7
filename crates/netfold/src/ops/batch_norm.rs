//! `BatchNormalization`.

use netfold_linear::{Broadcast, Diagonal, Real};

use super::facts::{BFLOAT16, FLOATS, Facts};
use super::{At, Attributes, Class, Dependence, Extent, Inputs, Op, Operator, Outlines, Record, normalize, only};
use crate::affine::Affine;
use crate::error::OpError;

pub(super) fn facts(_: &str) -> Facts {
    let types = FLOATS.with(BFLOAT16, 14);
    Facts::since(1, Class::BatchNorm)
        .biases(&[2, 3])
        .float("epsilon", ..)
        .float("momentum", ..)
        .int("training_mode", 14..)
        .int("spatial", ..9)
        .int("is_test", ..7)
        .ints("consumed_inputs", ..6)
        .required("consumed_inputs", ..)
        .input("X", types.clone(), ..)
        .input("scale", types.clone(), ..)
        .own_type("scale", 15..)
        .input("B", types.clone(), ..)
        .input("input_mean", types.clone(), ..)
        .own_type("input_mean", 14..)
        .input("input_var", types, ..)
        .outputs(5, ..14)
        .outputs(3, 14..)
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let refuse = |what: &str| Err(OpError::new(format!("{what}: it normalises by the statistics of its own batch")));
    let (test, epsilon) = (attributes.int("is_test")?, attributes.float_or("epsilon", 1e-5)?);
    match attributes.opset {
        // Weights are standardised in this way.
        14.. if attributes.int_or("training_mode", 0)? != 0 => return Ok(normalize::of_own_batch(epsilon)),
        // `is_test` is 0 where it is not written.
        ..7 if test.unwrap_or(0) == 0 => return refuse("`is_test` is 0"),
        7..14 if attributes.outputs > 1 => return refuse("it has outputs for running statistics"),
        ..9 if attributes.int_or("spatial", 1)? == 0 => {
            return Err(OpError::new("`spatial` is 0: statistics by place are not supported"));
        }
        _ => {}
    }
    Ok(Box::new(BatchNormalization { epsilon }))
}

/// `y[n, c, p] = s[c] · x[n, c, p] + bias[c] − s[c] · mean[c]` with s = scale / √(var + ε): what it is in inference.
///
/// Source: ONNX `BatchNormalization`, `is_test` and `spatial` in old opsets, `training_mode` in new ones.
#[derive(Clone, Debug)]
struct BatchNormalization {
    epsilon: f64,
}

impl Operator for BatchNormalization {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        Extent::like(x, 0)
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "scale", "bias", "mean", "variance"])
    }
}

impl<T: Real> Op<T> for BatchNormalization {
    /// The median over all channels of √(mean over places of (x − mean)² / (var + ε)).
    ///
    /// Of a large tensor some hundred places a channel are read.
    fn deviation(&self, x: &Inputs<'_, T>) -> Option<f64> {
        const PLACES: usize = 256;
        const FEWEST: usize = 64;
        let ([1, channels, places @ ..], Ok(values)) = (x.shape(0).ok()?, x.real(0)) else { return None };
        let places: usize = places.iter().product();
        let (mean, var) = (x.real(3).ok()?.data(), x.real(4).ok()?.data());
        if channels * places < FEWEST || mean.len() != *channels || var.len() != *channels {
            return None;
        }
        let step = places.div_ceil(PLACES);
        let deviation = |(c, plane): (usize, &[T])| {
            let squares = plane.iter().step_by(step).map(|value| (value.wide() - mean[c].wide()).powi(2));
            let mean_square = squares.sum::<f64>() / places.div_ceil(step) as f64;
            (mean_square / (var[c].wide() + self.epsilon)).sqrt()
        };
        let mut all: Vec<f64> = values.data().chunks_exact(places).enumerate().map(deviation).collect();
        all.sort_by(f64::total_cmp);
        Some(all[all.len() / 2])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::applied(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let shape = at.inputs.shape(0)?;
        let channels = match shape {
            [_, channels, ..] => *channels,
            // A vector is a batch of one channel.
            [_] => 1,
            [] => return Err(OpError::new("a number has no batch and no channels")),
        };
        let mut numbers = Vec::new();
        for i in 1..5 {
            let values = at.inputs.real(i)?;
            if values.shape() != [channels] {
                return Err(OpError::new(format!("input {i} has shape {:?}, not [{channels}]", values.shape())));
            }
            numbers.push(values.data());
        }
        let (scale, bias, mean, var) = (numbers[0], numbers[1], numbers[2], numbers[3]);
        let slope = |c: usize| scale[c].wide() / (var[c].wide() + self.epsilon).sqrt();
        let offset = |c: usize| bias[c].wide() - slope(c) * mean[c].wide();
        let field = |values: Vec<T>| match shape {
            [_] => Broadcast::uniform(shape, values[0]),
            _ => Broadcast::along(shape, 1, values),
        };
        let slopes = field((0..channels).map(|c| T::of(slope(c))).collect());
        let offsets = field((0..channels).map(|c| T::of(offset(c))).collect());
        Ok(Affine::linear(Diagonal::new(slopes)).plus(offsets))
    }
}
