//! The one-layer model y = W x + b that the trained network is at one image.

use std::path::Path;

use netfold::model::shape_text;
use netfold::trace::NonFinite;
use netfold::{Head, Model, Precision, Request, Rules, Tensor};
use netfold_linear::Real;
use netfold_onnx::Dim;

use crate::dataset::Picture;
use crate::error::{Error, Result};
use crate::geometry::Aircraft;

/// The outputs: one for each aircraft.
pub const OUTPUTS: usize = Aircraft::ALL.len();

/// A trained network as it comes from its file: input (batch, 1, S, S), grey levels over 255; one logit an aircraft.
#[derive(Debug)]
pub struct Original {
    model: Model,
    head: Head,
    side: usize,
    name: String,
}

/// A network at one image, and the one-layer model there.
#[derive(Debug, Clone, PartialEq)]
pub struct OneLayer {
    /// f(x), both outputs.
    pub original: [f64; OUTPUTS],
    /// W x + b: multiplied, summed and shifted in the precision of W.
    pub reconstructed: [f64; OUTPUTS],
    /// x, row by row.
    pub input: Vec<f64>,
    /// W: a row for each output, arranged as the image is.
    pub weights: [Vec<f64>; OUTPUTS],
    /// b.
    pub bias: [f64; OUTPUTS],
}

impl OneLayer {
    /// max |f(x) − (W x + b)|
    pub fn difference(&self) -> f64 {
        let differences = self.original.iter().zip(&self.reconstructed).map(|(f, y)| (f - y).abs());
        // What is not a number must not pass for small.
        differences.fold(0.0, |worst, d| if d.is_nan() || d > worst { d } else { worst })
    }

    /// w ∘ x for one output: what each pixel gives to its logit.
    pub fn contributions(&self, output: usize) -> Vec<f64> {
        self.weights[output].iter().zip(&self.input).map(|(w, x)| w * x).collect()
    }
}

impl Original {
    /// Reads a network that takes square images of one channel.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |cause: &dyn std::error::Error| Error::input(path, one_line(cause));
        if !path.is_file() {
            return Err(Error::input(path, "no such file"));
        }
        let model = Model::read(path).map_err(|error| wrong(&error))?;
        let head = model.head(netfold::Squashing::LeftOff).map_err(|error| wrong(&error))?;
        let input = &model.tensors[model.input().map_err(|error| wrong(&error))?.0];
        let shape = input.shape.clone().unwrap_or_default();
        let side = match shape[..] {
            [_, Dim::Known(1), Dim::Known(height), Dim::Known(width)] if height == width => height,
            _ => {
                let got = shape_text(&shape);
                return Err(Error::input(path, format!("takes {got}, not square images of one channel")));
            }
        };
        Ok(Self { model, head, side, name: path.display().to_string() })
    }

    /// Refuses pictures, which come from `folder`, of another size than the network takes.
    pub fn check(&self, pictures: &[Picture], folder: &Path) -> Result<()> {
        match pictures.iter().find(|picture| picture.label.size != self.side) {
            None => Ok(()),
            Some(other) => {
                let (name, takes, has, folder) = (&self.name, self.side, other.label.size, folder.display());
                Err(Error::Input(format!(
                    "{name}: takes images of {takes} x {takes} pixels, those in {folder} have {has} x {has}"
                )))
            }
        }
    }

    /// f(x), in single precision.
    pub fn logits(&self, picture: &Picture) -> Result<[f64; OUTPUTS]> {
        let x = self.input::<f32>(picture);
        let trace = self.model.trace(&x, self.head.logits, NonFinite::Refuse).map_err(|error| self.failed(&error))?;
        self.outputs(trace.logits().map_err(|error| self.failed(&error))?)
    }

    /// The share of pictures whose greatest logit is their aircraft's.
    pub fn accuracy(&self, pictures: &[Picture]) -> Result<f64> {
        use rayon::prelude::*;
        let right = pictures.par_iter().map(|picture| {
            let logits = self.logits(picture)?;
            Ok(usize::from(logits[picture.label.label] > logits[1 - picture.label.label]))
        });
        let right = right.try_reduce(|| 0, |a, b| Ok(a + b))?;
        Ok(right as f64 / pictures.len().max(1) as f64)
    }

    /// The one-layer model at the picture, computed in the precision `T`.
    pub fn reconstruct<T: Precision>(&self, picture: &Picture) -> Result<OneLayer> {
        let x = self.input::<T>(picture);
        let trace = self.model.trace(&x, self.head.logits, NonFinite::Refuse).map_err(|error| self.failed(&error))?;
        let logits = trace.logits().map_err(|error| self.failed(&error))?;
        let circuit = trace.freeze(&Rules::default()).map_err(|error| self.failed(&error))?;
        let mut model = OneLayer {
            original: self.outputs(logits)?,
            reconstructed: [0.0; OUTPUTS],
            input: x.data().iter().map(|x| x.wide()).collect(),
            weights: std::array::from_fn(|_| Vec::new()),
            bias: [0.0; OUTPUTS],
        };
        let request = Request { classes: (0..OUTPUTS).collect(), ..Request::default() };
        circuit
            .reconstruct::<netfold::Error>(&x, logits, &request, &netfold::Watch::default(), &mut |row| {
                model.reconstructed[row.class] = affine(row.weights, x.data(), row.bias, self.side).wide();
                model.weights[row.class] = row.weights.iter().map(|w| w.wide()).collect();
                model.bias[row.class] = row.bias.wide();
                Ok(())
            })
            .map_err(|error| self.failed(&error))?;
        Ok(model)
    }

    /// x: grey levels over 255.
    fn input<T: Real>(&self, picture: &Picture) -> Tensor<T> {
        let levels = picture.grey.iter().map(|&level| T::of(f64::from(level) / 255.0)).collect();
        Tensor::new(&[1, 1, self.side, self.side], levels)
    }

    fn outputs<T: Real>(&self, logits: &Tensor<T>) -> Result<[f64; OUTPUTS]> {
        let values: Vec<f64> = logits.data().iter().map(|y| y.wide()).collect();
        values.try_into().map_err(|values: Vec<f64>| {
            Error::Input(format!(
                "{}: gives {} outputs, one for each of {OUTPUTS} aircraft is expected",
                self.name,
                values.len()
            ))
        })
    }

    fn failed(&self, error: &netfold::Error) -> Error {
        Error::Input(format!("{}: {}", self.name, one_line(error)))
    }
}

/// ⟨w, x⟩ + b in the precision `T`, summed image row by image row.
fn affine<T: Real>(w: &[T], x: &[T], b: T, side: usize) -> T {
    let line = |(w, x): (&[T], &[T])| w.iter().zip(x).map(|(&w, &x)| w * x).sum::<T>();
    w.chunks(side).zip(x.chunks(side)).map(line).sum::<T>() + b
}

/// An error and its causes, in one line.
fn one_line(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let text = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
