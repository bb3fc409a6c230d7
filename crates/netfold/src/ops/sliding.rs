//! How a window slides, as convolutions and pools write it in their attributes.

use netfold_linear::{Window, WindowAxis};

use super::{Attributes, Facts, size};
use crate::error::OpError;

/// The attributes `kernel_shape`, `strides`, `dilations`, `pads`, `auto_pad` and `ceil_mode`.
#[derive(Clone, Debug)]
pub(super) struct Sliding {
    kernel: Option<Vec<i64>>,
    strides: Option<Vec<i64>>,
    dilations: Option<Vec<i64>>,
    pads: Option<Vec<i64>>,
    auto_pad: String,
    ceil: bool,
}

/// Strides, dilations, pads.
type Numbers = (Vec<usize>, Vec<usize>, Vec<i64>);

/// Larger kernels, strides, dilations and pads are refused: their sums stay far from an overflow.
const LARGEST: i64 = 1 << 31;

impl Sliding {
    /// With the attributes that say how a window slides, in all operator sets.
    pub fn declared(facts: Facts) -> Facts {
        facts.ints("kernel_shape", ..).ints("strides", ..).ints("pads", ..).string("auto_pad", ..)
    }

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
            ceil: attributes.int_or("ceil_mode", 0)? != 0,
        })
    }

    /// The window's own shape, for operators that have no weights.
    pub fn kernel(&self) -> Result<Vec<usize>, OpError> {
        let kernel = self.kernel.as_ref().ok_or_else(|| OpError::new("attribute `kernel_shape` is missing"))?;
        kernel.iter().map(|&size| positive(size, "kernel_shape")).collect()
    }

    /// The window over an input with these places, and the padding behind the last place of each axis.
    ///
    /// With `ceil_mode` there is an output more where a last window starts inside the input or the padding before it.
    pub fn window(&self, places: &[usize], kernel: &[usize]) -> Result<(Window, Vec<isize>), OpError> {
        let rank = places.len();
        let (strides, dilations, pads) = self.numbers(places, kernel)?;
        let (mut axes, mut ends) = (Vec::with_capacity(rank), Vec::with_capacity(rank));
        for axis in 0..rank {
            let pads = [pads[axis] as isize, pads[rank + axis] as isize];
            let (axis, end) = self.axis(places[axis], kernel[axis], [strides[axis], dilations[axis]], pads)?;
            axes.push(axis);
            ends.push(end);
        }
        let window = Window { axes };
        size::count(&window.output()).map(|_| (window, ends))
    }

    /// The window over as many places as it reaches; nothing where the attributes do not fit it.
    pub fn smallest(&self, kernel: &[usize]) -> Option<Window> {
        let dilations = self.numbers(kernel, kernel).ok()?.1;
        let reach = |(&size, dilation): (&usize, usize)| size.saturating_sub(1).saturating_mul(dilation) + 1;
        let places: Vec<usize> = kernel.iter().zip(dilations).map(reach).collect();
        self.window(&places, kernel).ok().map(|(window, _)| window)
    }

    /// Strides, dilations and pads of a window over these places.
    fn numbers(&self, places: &[usize], kernel: &[usize]) -> Result<Numbers, OpError> {
        let rank = places.len();
        let named = self.kernel.as_ref().is_none_or(|own| own.iter().map(|&k| k as usize).eq(kernel.iter().copied()));
        if kernel.len() != rank || !named {
            let own = self.kernel.as_ref().map_or(String::new(), |own| format!(" (`kernel_shape` {own:?})"));
            return Err(OpError::new(format!("a window {kernel:?}{own} over an input with places {places:?}")));
        }
        let each = |name: &str, values: &Option<Vec<i64>>| -> Result<Vec<usize>, OpError> {
            list(name, values.as_deref(), rank, 1)?.into_iter().map(|value| positive(value, name)).collect()
        };
        let pads = list("pads", self.pads.as_deref(), 2 * rank, 0)?;
        if let Some(pad) = pads.iter().find(|pad| !(-LARGEST..=LARGEST).contains(*pad)) {
            return Err(OpError::new(format!("attribute `pads` holds {pad}")));
        }
        Ok((each("strides", &self.strides)?, each("dilations", &self.dilations)?, pads))
    }

    /// The window whose transpose makes an output of an input with these places: its own input is that output.
    ///
    /// An output has stride · (places − 1) + `longer` + reach of the kernel − pads places, or those of `shape`, which
    /// the pads are then made to fit.
    pub fn transposed(
        &self,
        places: &[usize],
        kernel: &[usize],
        longer: Option<&[i64]>,
        shape: Option<&[i64]>,
    ) -> Result<Window, OpError> {
        let rank = places.len();
        let (strides, dilations, pads) = self.numbers(places, kernel)?;
        let longer = list("output_padding", longer, rank, 0)?;
        // Some files give batch and channels too.
        let shape = shape.map(|shape| shape.get(shape.len().saturating_sub(rank)..).unwrap_or(shape));
        let shape = shape.map(|shape| list("output_shape", Some(shape), rank, 0)).transpose()?;
        let mut axes = Vec::with_capacity(rank);
        for axis in 0..rank {
            let (stride, dilation, kernel, output) = (strides[axis], dilations[axis], kernel[axis], places[axis]);
            if !(0..=LARGEST).contains(&longer[axis]) {
                return Err(OpError::new(format!("attribute `output_padding` holds {}", longer[axis])));
            }
            let reach = (kernel.max(1) - 1) * dilation + 1;
            let whole = ((output.max(1) - 1).saturating_mul(stride) + reach) as i64 + longer[axis];
            let same = matches!(self.auto_pad.as_str(), "SAME_UPPER" | "SAME_LOWER");
            let wanted = match &shape {
                Some(shape) => Some(positive(shape[axis], "output_shape")? as i64),
                None if same => Some(output.saturating_mul(stride) as i64),
                None => None,
            };
            let (pad, input) = match wanted {
                Some(wanted) => {
                    let total = (whole - wanted).max(0);
                    (if self.auto_pad == "SAME_UPPER" { total / 2 } else { total - total / 2 }, wanted)
                }
                None if self.auto_pad == "VALID" => (0, whole),
                None => (pads[axis], whole - pads[axis] - pads[rank + axis]),
            };
            let input = size::shape(&[input])?[0];
            axes.push(WindowAxis { input, kernel, stride, dilation, pad: pad as isize, output });
        }
        let window = Window { axes };
        size::count(&window.input()).map(|_| window)
    }

    fn axis(
        &self,
        input: usize,
        kernel: usize,
        [stride, dilation]: [usize; 2],
        [begin, end]: [isize; 2],
    ) -> Result<(WindowAxis, isize), OpError> {
        let reach = (kernel.max(1) - 1) * dilation + 1;
        let make = |pad: isize, output: usize| WindowAxis { input, kernel, stride, dilation, pad, output };
        if let "SAME_UPPER" | "SAME_LOWER" = self.auto_pad.as_str() {
            let output = input.div_ceil(stride);
            let total = ((output.max(1) - 1) * stride + reach).saturating_sub(input);
            let pad = if self.auto_pad == "SAME_UPPER" { total / 2 } else { total.div_ceil(2) };
            return Ok((make(pad as isize, output), (total - pad) as isize));
        }
        let (begin, end) = if self.auto_pad == "VALID" { (0, 0) } else { (begin, end) };
        let room = input as isize + begin + end - reach as isize;
        if room < 0 {
            return Err(OpError::new(format!("a window of {reach} over {input} places padded by {begin} and {end}")));
        }
        let room = room as usize;
        let mut output = room / stride + 1;
        // A window that would start in the end padding is left out.
        let starts_inside = ((output * stride) as isize) < input as isize + begin;
        if self.ceil && !room.is_multiple_of(stride) && starts_inside {
            output += 1;
        }
        Ok((make(begin, output), end))
    }
}

/// The input places that each output place reads, in the order of the taps.
#[derive(Clone, Debug)]
pub(super) struct Readings {
    starts: Vec<usize>,
    places: Vec<u32>,
}

impl Readings {
    pub fn new(window: &Window) -> Result<Self, OpError> {
        let outputs = size::count(&window.output())?;
        let kernel: Vec<usize> = window.axes.iter().map(|axis| axis.kernel).collect();
        size::count(&[kernel, vec![outputs]].concat())?;
        let (mut starts, mut places) = (vec![0], Vec::new());
        for output in 0..outputs {
            window.visit(output, |_, place| places.push(place as u32));
            starts.push(places.len());
        }
        Ok(Self { starts, places })
    }

    /// One output place that reads all of so many input places.
    pub fn whole(places: usize) -> Self {
        Self { starts: vec![0, places], places: (0..places as u32).collect() }
    }

    /// How many output places there are.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// What output place `output` reads.
    pub fn of(&self, output: usize) -> &[u32] {
        &self.places[self.starts[output]..self.starts[output + 1]]
    }
}

/// The elements of x that each element of a pool's y is made of.
#[derive(Clone, Debug)]
pub struct Windows {
    /// Places of a channel of x.
    places: usize,
    readings: Readings,
}

impl Windows {
    pub(super) fn new(places: usize, readings: Readings) -> Self {
        Self { places, readings }
    }

    /// The elements of x in the window of element `i` of y, in the order of the taps.
    pub fn of(&self, i: usize) -> impl Iterator<Item = usize> + Clone + '_ {
        let (plane, p) = (i / self.readings.len(), i % self.readings.len());
        self.readings.of(p).iter().map(move |&place| plane * self.places + place as usize)
    }
}

/// An attribute's numbers, one for each axis (two for pads), or as many times `fill`.
fn list(name: &str, values: Option<&[i64]>, len: usize, fill: i64) -> Result<Vec<i64>, OpError> {
    match values {
        None => Ok(vec![fill; len]),
        Some(values) if values.len() == len => Ok(values.to_vec()),
        Some(values) => Err(OpError::new(format!("attribute `{name}` has {} entries, not {len}", values.len()))),
    }
}

fn positive(value: i64, name: &str) -> Result<usize, OpError> {
    usize::try_from(value)
        .ok()
        .filter(|&v| v > 0 && value <= LARGEST)
        .ok_or_else(|| OpError::new(format!("attribute `{name}` holds {value}; positive numbers are expected")))
}
