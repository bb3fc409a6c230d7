//! Conv.

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Conv as Map, Identity, LinearMap, PackedWeights, Real, Window, WindowAxis};

use super::facts::{BFLOAT16, FLOATS, Facts};
use super::prepared::Prepared;
use super::sliding::Sliding;
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, Record, only, size};
use crate::affine::Affine;
use crate::error::OpError;

pub(super) fn facts(_: &str) -> Facts {
    let types = FLOATS.with(BFLOAT16, 22);
    Sliding::declared(Facts::since(1, Class::Convolution))
        .weights(&[1])
        .biases(&[2])
        .ints("dilations", ..)
        .int("group", ..)
        .input("X", types.clone(), ..)
        .input("W", types.clone(), ..)
        .input("B", types, ..)
        .optional("B", ..)
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let sliding = Sliding::read(attributes)?;
    // The smallest input that weights of this shape fit on tells which axes are slid over.
    if let Some([_, _, kernel @ ..]) = attributes.known(1).sizes().as_deref()
        && let Some(window) = sliding.smallest(kernel)
    {
        flat(&window)?;
    }
    Ok(Box::new(Conv { sliding, groups: attributes.int_or("group", 1)?, packed: Prepared::default() }))
}

/// `y[o, p] = Σ over c, t of w[o, c, t] · x[c, p · stride + t · dilation − pad] + b[o]`, over one or two axes; over three
/// if the third is not slid over.
///
/// Source: ONNX `Conv`.
#[derive(Clone, Debug)]
struct Conv {
    sliding: Sliding,
    groups: i64,
    packed: Prepared,
}

impl Operator for Conv {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let Layout { to, .. } = self.layout(x.shape(0)?, x.shape(1)?)?;
        let out = to[1].max(1) as f64;
        let products = size::amount(&to) * x.count(1) / out;
        // Two orders of the weights, and the input with its padding.
        let (kept, scratch) = (x.reals(2.0 * x.count(1)), x.reals(x.count(0)));
        Ok(Extent::new(Holds::Reals, to).kept(kept).scratch(scratch).mul_adds(products))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "weights", "bias"])
    }
}

/// How a convolution lies over its input.
struct Layout {
    batch: usize,
    channels: usize,
    out: usize,
    groups: usize,
    window: Window,
    /// Shape of y.
    to: Vec<usize>,
}

impl Conv {
    /// For an input and weights of these shapes.
    fn layout(&self, x: &[usize], w: &[usize]) -> Result<Layout, OpError> {
        let (&[batch, channels, ref places @ ..], &[out, ins, ref kernel @ ..]) = (x, w) else {
            return Err(OpError::new("input and weights need a batch and a channel axis"));
        };
        let groups = usize::try_from(self.groups).unwrap_or(0);
        if groups == 0 || channels != ins * groups || !out.is_multiple_of(groups) {
            return Err(OpError::new(format!(
                "weights {w:?} in {} groups do not fit an input with {channels} channels",
                self.groups
            )));
        }
        let (window, _) = self.sliding.window(places, kernel)?;
        let to = [vec![batch, out], window.output()].concat();
        if size::count(&to)? == 0 || w.contains(&0) || x.contains(&0) {
            return Err(OpError::new("there is nothing to convolve: a size is zero"));
        }
        Ok(Layout { batch, channels, out, groups, window, to })
    }
}

impl<T: Real> Op<T> for Conv {
    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::applied(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (x, w) = (at.inputs.shape(0)?, at.inputs.real(1)?);
        let Layout { batch, channels, out, groups, window, to } = self.layout(x, w.shape())?;
        let flat = flat(&window)?;
        let weights = w.share();
        let packed = self.packed.of(&weights, || PackedWeights::new(Arc::clone(&weights)));
        let map = Map::with_weights(batch, channels, out, groups, flat.as_ref().unwrap_or(&window), packed);
        let affine = if flat.is_none() {
            Affine::linear(map)
        } else {
            let first = Identity::reshape(x, LinearMap::<T>::domain(&map));
            let last = Identity::reshape(LinearMap::<T>::codomain(&map), &to);
            Affine::linear(Chain::new(Arc::new(Chain::new(Arc::new(first), Arc::new(map))), Arc::new(last)))
        };
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

/// A window over three axes as one over two, where the last one is not slid over (one tap, no padding) and the second
/// goes place by place: a step along the second is a step of so many elements. `None` for fewer axes.
fn flat(window: &Window) -> Result<Option<Window>, OpError> {
    let (first, second, last) = match *window.axes.as_slice() {
        [_] | [_, _] => return Ok(None),
        [first, second, last] => (first, second, last),
        _ => {
            let text = format!("convolution over {} axes; one and two are supported", window.axes.len());
            return Err(OpError::unsupported(text));
        }
    };
    let n = last.input;
    if (last.kernel, last.stride, last.pad, last.output) != (1, 1, 0, n) || second.stride != 1 {
        return Err(OpError::unsupported("convolution over 3 axes slides over the third; two are supported"));
    }
    let (input, output) = (second.input * n, second.output * n);
    let second = WindowAxis { input, output, dilation: second.dilation * n, pad: second.pad * n as isize, ..second };
    Ok(Some(Window { axes: vec![first, second] }))
}
