//! `LpPool`, `GlobalLpPool`.

use netfold_linear::{Real, Sparse};

use super::facts::{BFLOAT16, FLOATS, Facts};
use super::pool::layout;
use super::sliding::{Readings, Sliding};
use super::{At, Attributes, Class, Dependence, Extent, Holds, Op, Operator, Outlines, Role, only, size};
use crate::affine::{Affine, Validity};
use crate::error::OpError;

pub(super) fn facts(name: &str) -> Facts {
    let class = if name == "LpPool" { Class::Pool } else { Class::Reduce };
    let facts = Facts::since(1, class).gives(Role::Statistic).float("p", ..2).int("p", 2..).input(
        "X",
        FLOATS.with(BFLOAT16, 22),
        ..,
    );
    match name {
        "LpPool" => {
            Sliding::declared(facts).required("kernel_shape", 2..).ints("dilations", 18..).int("ceil_mode", 18..)
        }
        _ => facts,
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let p = if attributes.opset < 2 { attributes.float_or("p", 2.0)? } else { attributes.int_or("p", 2)? as f64 };
    if p < 1.0 {
        return Err(OpError::new(format!("attribute `p` is {p}; 1 or more is expected")));
    }
    let sliding = if name == "LpPool" { Some(Sliding::read(attributes)?) } else { None };
    sliding.as_ref().map(Sliding::kernel).transpose()?;
    Ok(Box::new(LpPool { sliding, p }))
}

/// `y[c, w] = (Σ over the window w of |x[c, ·]|ᵖ)^(1/p)`; the window is all places in `GlobalLpPool`.
///
/// Frozen, under every rule: the gradient sign(x) (|x| / y)^(p−1), which rebuilds y without an offset, since y grows in
/// proportion with x. Where y is 0 the slope is taken to be 0.
///
/// Source: ONNX `LpPool`, `GlobalLpPool`.
#[derive(Clone, Debug)]
struct LpPool {
    sliding: Option<Sliding>,
    p: f64,
}

impl Operator for LpPool {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let from = x.shape(0)?;
        if let Some(sliding) = &self.sliding {
            let layout = layout(sliding, from)?;
            let (read, planes) = (layout.taps(), layout.planes());
            let (read_by, entries) = (read * size_of::<u32>() as f64, planes * size::sparse(read, x.width));
            let made = Extent::new(Holds::Reals, layout.shape).scratch(read_by + entries);
            return Ok(made.frozen(entries).mul_adds(planes * read));
        }
        let [_, _, places @ ..] = from else {
            return Err(OpError::new(format!("{from:?} has no batch and channel axes")));
        };
        let to = [&from[..2], &vec![1; places.len()]].concat();
        let entries = size::sparse(x.count(0), x.width);
        Ok(Extent::new(Holds::Reals, to).scratch(entries).frozen(entries))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input"])
    }
}

impl<T: Real> Op<T> for LpPool {
    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let x = at.inputs.real(0)?;
        let &[batch, channels, ref sizes @ ..] = x.shape() else {
            return Err(OpError::new(format!("{:?} has no batch and channel axes", x.shape())));
        };
        let places: usize = sizes.iter().product();
        let windows = match &self.sliding {
            Some(sliding) => {
                let layout = layout(sliding, x.shape())?;
                let readings = layout.readings()?;
                (layout.shape, readings)
            }
            None => ([vec![batch, channels], vec![1; sizes.len()]].concat(), Readings::whole(places)),
        };
        let (shape, readings) = windows;
        let outputs = readings.len();
        let taps: usize = (0..outputs).map(|p| readings.of(p).len()).sum();
        size::count(&[batch * channels, taps])?;
        let row = |i: usize| {
            let (first, read) = (i / outputs * places, readings.of(i % outputs));
            let value = move |place: u32| x.data()[first + place as usize].wide();
            let sum: f64 = read.iter().map(|&place| value(place).abs().powf(self.p)).sum();
            let y = sum.powf(1.0 / self.p);
            let slope = move |z: f64| if y == 0.0 { 0.0 } else { z.signum() * (z.abs() / y).powf(self.p - 1.0) };
            read.iter().map(move |&place| (first + place as usize, T::of(slope(value(place)))))
        };
        Ok(Affine::linear(Sparse::new(x.shape(), &shape, row)).valid(Validity::Input))
    }
}
