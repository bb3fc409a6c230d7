//! `Pad`.

use netfold_linear::{Real, Select};

use super::facts::{ALL, BFLOAT16, FLOATS, Facts, INDICES, INT64, NUMBERS};
use super::movement::{Moved, Movement, Pick, whole};
use super::{Attributes, Inputs, Operator, size};
use crate::error::OpError;
use crate::value::Value;

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(1)
        .string("mode", ..)
        .float("value", ..11)
        .ints("pads", 2..11)
        .ints("paddings", ..2)
        .input("data", FLOATS.with(NUMBERS, 11).with(ALL | BFLOAT16, 13), ..)
        .input("pads", INT64, 11..)
        .input("constant_value", NUMBERS.with(ALL | BFLOAT16, 13), 11..)
        .input("axes", INDICES, 18..)
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let mode = match attributes.string("mode")?.unwrap_or("constant") {
        "constant" => Mode::Constant,
        "reflect" => Mode::Reflect,
        "edge" => Mode::Edge,
        "wrap" => Mode::Wrap,
        other => return Err(OpError::new(format!("mode `{other}` is not known"))),
    };
    let pads = match attributes.ints("pads")? {
        Some(pads) => Some(pads),
        None => attributes.ints("paddings")?,
    };
    Ok(Box::new(Moved::new(Pad { mode, pads: pads.map(<[i64]>::to_vec), value: attributes.float_or("value", 0.0)? })))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Constant,
    Reflect,
    Edge,
    Wrap,
}

/// `y[i] = x[i − begin]` along each axis, and beyond x's edges a number (`constant`), the edge (`edge`), the mirror image
/// about it (`reflect`) or the other end (`wrap`); negative pads crop.
///
/// Frozen: a number that is not zero is the offset.
///
/// Pads and number are attributes before opset 11 (`paddings` in opset 1), inputs 1 and 2 since, input 3 (opset 18)
/// names the axes.
///
/// Source: ONNX `Pad`.
#[derive(Clone, Debug)]
struct Pad {
    mode: Mode,
    pads: Option<Vec<i64>>,
    value: f64,
}

impl Pad {
    /// The indices of one axis of `size` places.
    fn line(&self, size: usize, begin: i64, end: i64) -> Result<Vec<u32>, OpError> {
        let len = size as i64;
        let longer = len.checked_add(begin).and_then(|len| len.checked_add(end));
        let longer = size::shape(&[longer.unwrap_or(i64::MAX)])?[0] as i64;
        if size == 0 && longer > 0 && self.mode != Mode::Constant {
            return Err(OpError::new("an axis without places has no edge to pad with"));
        }
        let source = |i: i64| match self.mode {
            _ if (0..len).contains(&i) => i as u32,
            Mode::Constant => Select::NONE,
            Mode::Edge => i.clamp(0, len - 1) as u32,
            Mode::Wrap => i.rem_euclid(len) as u32,
            Mode::Reflect => {
                let period = (2 * (len - 1)).max(1);
                let i = i.rem_euclid(period);
                i.min(period - i).min(len - 1) as u32
            }
        };
        // `begin` lies between −longer and longer here: no overflow.
        Ok((0..longer).map(|i| source(i - begin)).collect())
    }
}

impl Movement for Pad {
    fn pick<T: Real>(&self, x: &Inputs<'_, T>, _: usize) -> Result<Pick, OpError> {
        let from = x.shape(0)?;
        let pads = match &self.pads {
            Some(own) => own.as_slice(),
            None => x.ints(1)?.data(),
        };
        let axes = match x.ints_if(3)? {
            Some(axes) => size::axes(axes.data(), from.len())?,
            None => (0..from.len()).collect(),
        };
        if pads.len() != 2 * axes.len() {
            return Err(OpError::new(format!("{} pads for {} axes; two an axis are expected", pads.len(), axes.len())));
        }
        let mut lists: Vec<Vec<u32>> = from.iter().map(|&size| whole(size)).collect();
        for (i, &axis) in axes.iter().enumerate() {
            lists[axis] = self.line(from[axis], pads[i], pads[axes.len() + i])?;
        }
        Pick::separable(from, &lists)
    }

    fn fill<T: Real>(&self, x: &Inputs<'_, T>) -> Result<f64, OpError> {
        let first = |len: usize| if len == 1 { Ok(()) } else { Err(OpError::new(format!("{len} values to pad with"))) };
        Ok(match x.get(2) {
            None => self.value,
            Some(Value::Real(value)) => first(value.len()).map(|()| value.data()[0].wide())?,
            Some(Value::Int(value)) => first(value.len()).map(|()| value.data()[0] as f64)?,
            Some(Value::Bool(value)) => first(value.len()).map(|()| f64::from(u8::from(value.data()[0])))?,
        })
    }
}
