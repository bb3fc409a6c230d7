//! `Pad`.

use netfold_linear::{Real, Select};

use super::facts::{ALL, BFLOAT16, FLOATS, Facts, INDICES, INT64, NUMBERS};
use super::movement::{Moved, Movement, Pick, whole};
use super::{Attributes, Class, Inputs, Operator, Outlines, size};
use crate::error::OpError;
use crate::value::Value;

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(1, Class::Pad)
        .string("mode", ..)
        .float("value", ..11)
        .ints("pads", 2..11)
        .required("pads", ..)
        .ints("paddings", ..2)
        .required("paddings", ..)
        .input("data", FLOATS.with(NUMBERS, 11).with(ALL | BFLOAT16, 13), ..)
        .input("pads", INT64, 11..)
        .input("constant_value", NUMBERS.with(ALL | BFLOAT16, 13), 11..)
        .optional("constant_value", ..)
        .input("axes", INDICES, 18..)
        .optional("axes", ..)
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
    /// How many places begin and end make of `size`.
    fn longer(size: usize, [begin, end]: [i64; 2]) -> Result<usize, OpError> {
        let longer = (size as i64).checked_add(begin).and_then(|len| len.checked_add(end));
        Ok(size::shape(&[longer.unwrap_or(i64::MAX)])?[0])
    }

    /// Pads before and behind each axis.
    fn pads(&self, x: &Outlines<'_>) -> Result<Vec<[i64; 2]>, OpError> {
        let rank = x.shape(0)?.len();
        let pads = match &self.pads {
            Some(own) => own.as_slice(),
            None => x.ints(1)?,
        };
        let axes = match x.ints_if(3)? {
            Some(axes) => size::axes(axes, rank)?,
            None => (0..rank).collect(),
        };
        if pads.len() != 2 * axes.len() {
            return Err(OpError::new(format!("{} pads for {} axes; two an axis are expected", pads.len(), axes.len())));
        }
        let mut each = vec![[0; 2]; rank];
        for (i, &axis) in axes.iter().enumerate() {
            each[axis] = [pads[i], pads[axes.len() + i]];
        }
        Ok(each)
    }

    /// The indices of one axis of `size` places.
    fn line(&self, size: usize, pads: [i64; 2]) -> Result<Vec<u32>, OpError> {
        let (len, longer, begin) = (size as i64, Self::longer(size, pads)? as i64, pads[0]);
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
    fn shape(&self, x: &Outlines<'_>, _: usize) -> Result<Vec<usize>, OpError> {
        let axes = x.shape(0)?.iter().zip(self.pads(x)?);
        let shape = axes.map(|(&size, pads)| Self::longer(size, pads)).collect::<Result<Vec<_>, _>>()?;
        size::count(&shape).map(|_| shape)
    }

    fn pick(&self, x: &Outlines<'_>, output: usize) -> Result<Pick, OpError> {
        let (from, _) = (x.shape(0)?, self.shape(x, output)?);
        let axes = from.iter().zip(self.pads(x)?);
        let line =
            |(&size, pads): (&usize, [i64; 2])| if pads == [0; 2] { Ok(whole(size)) } else { self.line(size, pads) };
        Pick::separable(from, &axes.map(line).collect::<Result<Vec<_>, _>>()?)
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
