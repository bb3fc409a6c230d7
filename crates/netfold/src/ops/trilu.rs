//! `Trilu`.

use netfold_linear::Select;

use super::facts::{ALL, BFLOAT16, Facts, INT64};
use super::movement::{Moved, Movement, Pick};
use super::{Attributes, Class, Operator, Outlines};
use crate::error::OpError;

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(14, Class::Mask)
        .int("upper", ..)
        .input("input", ALL | BFLOAT16, ..)
        .input("k", INT64, ..)
        .optional("k", ..)
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Moved::new(Trilu { upper: attributes.int_or("upper", 1)? != 0 })))
}

/// `y[…, i, j] = x[…, i, j]` where j ≥ i + k (`upper`) or j ≤ i + k, else 0, with k from input 1.
///
/// Source: ONNX `Trilu`.
#[derive(Clone, Debug)]
struct Trilu {
    upper: bool,
}

impl Movement for Trilu {
    fn shape(&self, x: &Outlines<'_>, _: usize) -> Result<Vec<usize>, OpError> {
        Ok(x.shape(0)?.to_vec())
    }

    fn pick(&self, x: &Outlines<'_>, _: usize) -> Result<Pick, OpError> {
        let shape = x.shape(0)?;
        let &[.., rows, columns] = shape else { return Err(OpError::new(format!("{shape:?} should have two axes"))) };
        let k = match x.ints_if(1)? {
            None => 0,
            Some(&[k]) => k,
            Some(other) => return Err(OpError::new(format!("{} numbers for one diagonal", other.len()))),
        };
        let len = shape.iter().product();
        let keeps = |e: usize| {
            let diagonal = (e % columns) as i64 - (e / columns % rows) as i64;
            if self.upper { diagonal >= k } else { diagonal <= k }
        };
        let source = (0..len).map(|e| if keeps(e) { e as u32 } else { Select::NONE }).collect();
        Ok(Pick::new(shape, shape.to_vec(), source))
    }
}
