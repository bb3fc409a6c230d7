//! `ConvTranspose`.

use std::sync::Arc;

use netfold_linear::{Broadcast, Conv, PackedWeights, Real, Transposed, Window};

use super::facts::{BFLOAT16, FLOATS, Facts};
use super::prepared::Prepared;
use super::sliding::Sliding;
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, Record, only, size};
use crate::affine::Affine;
use crate::error::OpError;

pub(super) fn facts(_: &str) -> Facts {
    let types = FLOATS.with(BFLOAT16, 22);
    Sliding::declared(Facts::since(1, Class::TransposedConvolution))
        .weights(&[1])
        .biases(&[2])
        .ints("dilations", ..)
        .int("group", ..)
        .ints("output_padding", ..)
        .ints("output_shape", ..)
        .input("X", types.clone(), ..)
        .input("W", types.clone(), ..)
        .input("B", types, ..)
        .optional("B", ..)
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    if let Some([_, _, kernel @ ..]) = attributes.known(1).shape {
        supported(kernel.len())?;
    }
    let list = |name| attributes.ints(name).map(|ints| ints.map(<[i64]>::to_vec));
    Ok(Box::new(ConvTranspose {
        sliding: Sliding::read(attributes)?,
        groups: attributes.int_or("group", 1)?,
        longer: list("output_padding")?,
        shape: list("output_shape")?,
        packed: Prepared::default(),
    }))
}

/// A convolution over so many axes.
fn supported(axes: usize) -> Result<(), OpError> {
    match axes {
        ..=2 => Ok(()),
        _ => Err(OpError::unsupported(format!("convolution over {axes} axes; one and two are supported"))),
    }
}

/// y = Aᵀ x + b, where A is the convolution from y's shape to x's with the same weights, window and groups:
/// `y[o, p · stride + t · dilation − pad]` gathers `w[c, o, t] · x[c, p]`.
///
/// Source: ONNX `ConvTranspose`.
#[derive(Clone, Debug)]
struct ConvTranspose {
    sliding: Sliding,
    groups: i64,
    longer: Option<Vec<i64>>,
    shape: Option<Vec<i64>>,
    packed: Prepared,
}

impl Operator for ConvTranspose {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let Layout { to, .. } = self.layout(x.shape(0)?, x.shape(1)?)?;
        let products = x.count(0) * x.count(1) / x.shape(1)?[0].max(1) as f64;
        // Two orders of the weights, and the output with its padding.
        let (kept, scratch) = (x.reals(2.0 * x.count(1)), x.reals(size::amount(&to)));
        Ok(Extent::new(Holds::Reals, to).kept(kept).scratch(scratch).mul_adds(products))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "weights", "bias"])
    }
}

/// How the convolution that is transposed lies over its input, which is y.
struct Layout {
    batch: usize,
    out: usize,
    channels: usize,
    groups: usize,
    window: Window,
    /// Shape of y.
    to: Vec<usize>,
}

impl ConvTranspose {
    /// For an input and weights of these shapes.
    fn layout(&self, x: &[usize], w: &[usize]) -> Result<Layout, OpError> {
        let (&[batch, channels, ref places @ ..], &[ins, outs, ref kernel @ ..]) = (x, w) else {
            return Err(OpError::new("input and weights need a batch and a channel axis"));
        };
        let groups = usize::try_from(self.groups).unwrap_or(0);
        if groups == 0 || channels != ins || !channels.is_multiple_of(groups) {
            let groups = self.groups;
            let text = format!("weights {w:?} in {groups} groups do not fit an input with {channels} channels");
            return Err(OpError::new(text));
        }
        let window = self.sliding.transposed(places, kernel, self.longer.as_deref(), self.shape.as_deref())?;
        supported(window.axes.len())?;
        let out = outs.saturating_mul(groups);
        let to = [vec![batch, out], window.input()].concat();
        if size::count(&to)? == 0 || w.contains(&0) || x.contains(&0) {
            return Err(OpError::new("there is nothing to convolve: a size is zero"));
        }
        Ok(Layout { batch, out, channels, groups, window, to })
    }
}

impl<T: Real> Op<T> for ConvTranspose {
    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::applied(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (x, w) = (at.inputs.shape(0)?, at.inputs.real(1)?);
        let Layout { batch, out, channels, groups, window, .. } = self.layout(x, w.shape())?;
        let weights = w.share();
        let packed = self.packed.of(&weights, || PackedWeights::new(Arc::clone(&weights)));
        let affine = Affine::linear(Transposed(Conv::with_weights(batch, out, channels, groups, &window, packed)));
        Ok(match at.inputs.real_if(2)? {
            Some(bias) if bias.shape() == [out] => {
                let offset = Broadcast::along(affine.shape(), 1, bias.data().to_vec());
                affine.plus(offset)
            }
            Some(bias) => {
                return Err(OpError::new(format!("biases {:?} for {out} output channels: [{out}] fits", bias.shape())));
            }
            None => affine,
        })
    }
}
