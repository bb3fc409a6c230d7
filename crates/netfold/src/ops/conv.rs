//! Conv.

use netfold_linear::{Conv as Map, Field, Real, Window, WindowAxis};

use super::{At, Attributes, Dependence, Op, Operator, only};
use crate::affine::Affine;
use crate::error::OpError;

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Conv { sliding: Sliding::read(attributes)?, groups: attributes.int_or("group", 1)? }))
}

/// y[o, p] = Σ over c, t of w[o, c, t] · x[c, p · stride + t · dilation − pad] + b[o].
///
/// Source: ONNX `Conv`.
#[derive(Clone, Debug)]
struct Conv {
    sliding: Sliding,
    groups: i64,
}

impl Operator for Conv {
    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "weights", "bias"])
    }
}

impl<T: Real> Op<T> for Conv {
    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (x, w) = (at.inputs.shape(0)?, at.inputs.real(1)?);
        let (&[batch, channels, ref places @ ..], &[out, ins, ref kernel @ ..]) = (x, w.shape()) else {
            return Err(OpError::new("input and weights need a batch and a channel axis"));
        };
        let groups = usize::try_from(self.groups).unwrap_or(0);
        if groups == 0 || channels != ins * groups || !out.is_multiple_of(groups) {
            return Err(OpError::new(format!(
                "weights {:?} in {} groups do not fit an input with {channels} channels",
                w.shape(),
                self.groups
            )));
        }
        let window = self.sliding.window(places, kernel, false)?;
        if window.axes.len() > 2 {
            return Err(OpError::new(format!("convolution over {} axes; one or two are supported", window.axes.len())));
        }
        let map = Map::new(batch, channels, out, groups, &window, w.share());
        let affine = Affine::linear(map);
        Ok(match at.inputs.real_if(2)? {
            Some(bias) if bias.len() == out => {
                let offset = Field::along(affine.shape(), 1, bias.data().to_vec());
                affine.plus(offset)
            }
            Some(bias) => return Err(OpError::new(format!("{} biases for {out} output channels", bias.len()))),
            None => affine,
        })
    }
}

/// How a window slides, as convolutions and pools write it in their attributes.
#[derive(Clone, Debug)]
pub(super) struct Sliding {
    kernel: Option<Vec<i64>>,
    strides: Option<Vec<i64>>,
    dilations: Option<Vec<i64>>,
    pads: Option<Vec<i64>>,
    auto_pad: String,
}

impl Sliding {
    /// Reads `kernel_shape`, `strides`, `dilations`, `pads` and `auto_pad`.
    pub fn read(attributes: &Attributes<'_>) -> Result<Self, OpError> {
        let list = |name| attributes.ints(name).map(|ints| ints.map(<[i64]>::to_vec));
        let auto_pad = attributes.string("auto_pad")?.unwrap_or("NOTSET").to_owned();
        if !matches!(auto_pad.as_str(), "NOTSET" | "" | "VALID" | "SAME_UPPER" | "SAME_LOWER") {
            return Err(OpError::new(format!("auto_pad `{auto_pad}` is not known")));
        }
        Ok(Self {
            kernel: list("kernel_shape")?,
            strides: list("strides")?,
            dilations: list("dilations")?,
            pads: list("pads")?,
            auto_pad,
        })
    }

    /// The window's own shape, for operators that have no weights.
    pub fn kernel(&self) -> Result<Vec<usize>, OpError> {
        let kernel = self.kernel.as_ref().ok_or_else(|| OpError::new("attribute `kernel_shape` is missing"))?;
        kernel.iter().map(|&size| positive(size, "kernel_shape")).collect()
    }

    /// The window over an input with these places; with `ceil` an output more where a last window starts inside.
    pub fn window(&self, places: &[usize], kernel: &[usize], ceil: bool) -> Result<Window, OpError> {
        let rank = places.len();
        if kernel.len() != rank || self.kernel.as_ref().is_some_and(|k| k.len() != rank) {
            return Err(OpError::new(format!("a window of {} axes over an input of {rank}", kernel.len())));
        }
        let list = |values: &Option<Vec<i64>>, len: usize, fill: i64, name: &str| match values {
            None => Ok(vec![fill; len]),
            Some(values) if values.len() == len => Ok(values.clone()),
            Some(values) => Err(OpError::new(format!("attribute `{name}` has {} entries, not {len}", values.len()))),
        };
        let strides = list(&self.strides, rank, 1, "strides")?;
        let dilations = list(&self.dilations, rank, 1, "dilations")?;
        let pads = list(&self.pads, 2 * rank, 0, "pads")?;
        let mut axes = Vec::with_capacity(rank);
        for axis in 0..rank {
            let (stride, dilation) = (positive(strides[axis], "strides")?, positive(dilations[axis], "dilations")?);
            axes.push(self.axis(places[axis], kernel[axis], [stride, dilation], [pads[axis], pads[rank + axis]], ceil)?);
        }
        Ok(Window { axes })
    }

    fn axis(
        &self,
        input: usize,
        kernel: usize,
        [stride, dilation]: [usize; 2],
        [begin, end]: [i64; 2],
        ceil: bool,
    ) -> Result<WindowAxis, OpError> {
        let reach = (kernel.max(1) - 1) * dilation + 1;
        let make = |pad: isize, output: usize| WindowAxis { input, kernel, stride, dilation, pad, output };
        match self.auto_pad.as_str() {
            "SAME_UPPER" | "SAME_LOWER" => {
                let output = input.div_ceil(stride);
                let total = ((output.max(1) - 1) * stride + reach).saturating_sub(input);
                let pad = if self.auto_pad == "SAME_UPPER" { total / 2 } else { total.div_ceil(2) };
                Ok(make(pad as isize, output))
            }
            _ => {
                let (begin, end) = if self.auto_pad == "VALID" { (0, 0) } else { (begin as isize, end as isize) };
                let room = input as isize + begin + end - reach as isize;
                if room < 0 {
                    return Err(OpError::new(format!("a window of {reach} over {input} places padded by {begin} and {end}")));
                }
                let room = room as usize;
                let mut output = room / stride + 1;
                // A window that would start in the end padding is left out.
                let starts_inside = ((output * stride) as isize) < input as isize + begin;
                if ceil && !room.is_multiple_of(stride) && starts_inside {
                    output += 1;
                }
                Ok(make(begin, output))
            }
        }
    }
}

fn positive(value: i64, name: &str) -> Result<usize, OpError> {
    usize::try_from(value)
        .ok()
        .filter(|&v| v > 0)
        .ok_or_else(|| OpError::new(format!("attribute `{name}` holds {value}; positive numbers are expected")))
}
