//! `Expand`, `Tile`: elements repeated.

use super::facts::{ALL, BFLOAT16, FLOATS, Facts, INT64};
use super::movement::{Moved, Movement, Pick};
use super::{Attributes, Class, Operator, Outlines, broadcast, size};
use crate::error::OpError;

pub(super) fn facts(name: &str) -> Facts {
    match name {
        "Expand" => Facts::since(8, Class::Repeat).input("input", ALL.with(BFLOAT16, 13), ..).input("shape", INT64, ..),
        _ => Facts::since(1, Class::Repeat)
            .input("input", FLOATS.with(ALL, 6).with(BFLOAT16, 13), ..)
            .input("tiles", FLOATS, ..6)
            .input("axis", FLOATS, ..6)
            .input("repeats", INT64, 6..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(match name {
        "Expand" => Box::new(Moved::new(Expand)),
        _ if attributes.opset < 6 => return Err(OpError::new("`Tile` of opset 1 is not supported")),
        _ => Box::new(Moved::new(Tile)),
    })
}

/// y = x broadcast together with the shape that input 1 holds.
///
/// Source: ONNX `Expand`.
#[derive(Clone, Debug)]
struct Expand;

impl Movement for Expand {
    fn shape(&self, x: &Outlines<'_>, _: usize) -> Result<Vec<usize>, OpError> {
        broadcast::shape(x.shape(0)?, &size::shape(x.ints(1)?)?)
    }

    fn pick(&self, x: &Outlines<'_>, output: usize) -> Result<Pick, OpError> {
        let (from, to) = (x.shape(0)?, self.shape(x, output)?);
        Ok(Pick::new(from, to.clone(), broadcast::sources(from, &to)))
    }
}

/// `y[i] = x[i mod size]` along each axis, as often as input 1 says.
///
/// Source: ONNX `Tile` (opset 6 and newer).
#[derive(Clone, Debug)]
struct Tile;

impl Movement for Tile {
    fn shape(&self, x: &Outlines<'_>, _: usize) -> Result<Vec<usize>, OpError> {
        let (from, times) = (x.shape(0)?, size::shape(x.ints(1)?)?);
        if times.len() != from.len() {
            return Err(OpError::new(format!("repeats {times:?} for {} axes", from.len())));
        }
        let shape: Vec<usize> = from.iter().zip(&times).map(|(&size, &times)| size.saturating_mul(times)).collect();
        size::count(&shape).map(|_| shape)
    }

    fn pick(&self, x: &Outlines<'_>, output: usize) -> Result<Pick, OpError> {
        let (from, shape) = (x.shape(0)?, self.shape(x, output)?);
        let line = |(&size, &from): (&usize, &usize)| (0..size as u32).map(|i| i % from as u32).collect();
        Pick::separable(from, &shape.iter().zip(from).map(line).collect::<Vec<_>>())
    }
}
