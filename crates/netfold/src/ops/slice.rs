//! `Slice`, `Split`: a part of each axis.

use super::facts::{ALL, BFLOAT16, FLOATS, Facts, INDICES, INT64};
use super::movement::{Moved, Movement, Pick, whole};
use super::{Attributes, Class, Operator, Outlines, size};
use crate::error::OpError;

pub(super) fn facts(name: &str) -> Facts {
    match name {
        "Slice" => Facts::since(1, Class::Slice)
            .makes_shapes()
            .ints("axes", ..10)
            .ints("ends", ..10)
            .required("ends", ..)
            .ints("starts", ..10)
            .required("starts", ..)
            .input("data", ALL.with(BFLOAT16, 13), ..)
            .input("starts", INDICES, 10..)
            .input("ends", INDICES, 10..)
            .input("axes", INDICES, 10..)
            .optional("axes", ..)
            .input("steps", INDICES, 10..)
            .optional("steps", ..),
        _ => Facts::since(1, Class::Split)
            .int("axis", ..)
            .ints("split", ..13)
            .int("num_outputs", 18..)
            .input("input", FLOATS.with(ALL, 2).with(BFLOAT16, 13), ..)
            .input("split", FLOATS, ..2)
            .input("split", INT64, 13..)
            .optional("split", ..)
            .outputs(usize::MAX, ..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let list = |name| attributes.ints(name).map(|ints| ints.map(<[i64]>::to_vec));
    Ok(match name {
        "Slice" => Box::new(Moved::new(Slice { starts: list("starts")?, ends: list("ends")?, axes: list("axes")? })),
        _ => Box::new(Moved::new(Split {
            axis: attributes.int_or("axis", 0)?,
            sizes: list("split")?,
            even: attributes.int("num_outputs")?.is_none(),
            outputs: attributes.outputs,
        })),
    })
}

/// `y[i] = x[start + i · step]` along each of some axes, for as many i as stay on this side of end.
///
/// Starts, ends and axes are attributes before opset 10, inputs with a step since; a negative step goes backwards.
///
/// Source: ONNX `Slice`.
#[derive(Clone, Debug)]
struct Slice {
    starts: Option<Vec<i64>>,
    ends: Option<Vec<i64>>,
    axes: Option<Vec<i64>>,
}

/// Some places of an axis: `len` of them, from `start` on, `step` apart.
struct Range {
    start: i128,
    step: i128,
    len: usize,
}

impl Range {
    fn indices(&self) -> Vec<u32> {
        (0..self.len as i128).map(|i| (self.start + i * self.step) as u32).collect()
    }
}

/// The places of one axis: `start` and `end` count from the end where negative, and are cut to the axis.
fn range(size: usize, start: i64, end: i64, step: i64) -> Range {
    let len = i128::from(size as u64);
    let from_end = |i: i64| if i < 0 { i128::from(i) + len } else { i128::from(i) };
    let step = i128::from(step);
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let (start, end) =
        (from_end(start).clamp(low.max(0).min(high), high.max(low)), from_end(end).clamp(low, high.max(low)));
    let span = if step > 0 { end - start } else { start - end }.max(0);
    Range { start, step, len: ((span + step.abs() - 1) / step.abs()) as usize }
}

impl Slice {
    /// The axes that are cut, and what is left of each.
    fn ranges(&self, x: &Outlines<'_>) -> Result<Vec<(usize, Range)>, OpError> {
        let from = x.shape(0)?;
        let list = |own: &Option<Vec<i64>>, i: usize| -> Result<Option<Vec<i64>>, OpError> {
            Ok(match own {
                Some(own) => Some(own.clone()),
                None => x.ints_if(i)?.map(<[i64]>::to_vec),
            })
        };
        let missing = |what: &str| OpError::new(format!("the {what} are missing"));
        let starts = list(&self.starts, 1)?.ok_or_else(|| missing("starts"))?;
        let ends = list(&self.ends, 2)?.ok_or_else(|| missing("ends"))?;
        let axes = list(&self.axes, 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = list(&None, 4)?.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()].iter().any(|&len| len != starts.len()) {
            return Err(OpError::new(format!(
                "starts {starts:?}, ends {ends:?}, axes {axes:?}, steps {steps:?} differ in number"
            )));
        }
        if steps.contains(&0) {
            return Err(OpError::new("a step is zero"));
        }
        let axes = size::axes(&axes, from.len())?.into_iter().enumerate();
        Ok(axes.map(|(i, axis)| (axis, range(from[axis], starts[i], ends[i], steps[i]))).collect())
    }
}

impl Movement for Slice {
    fn shape(&self, x: &Outlines<'_>, _: usize) -> Result<Vec<usize>, OpError> {
        let mut shape = x.shape(0)?.to_vec();
        self.ranges(x)?.into_iter().for_each(|(axis, range)| shape[axis] = range.len);
        Ok(shape)
    }

    fn pick(&self, x: &Outlines<'_>, _: usize) -> Result<Pick, OpError> {
        let from = x.shape(0)?;
        let mut lists: Vec<Vec<u32>> = from.iter().map(|&size| whole(size)).collect();
        self.ranges(x)?.into_iter().for_each(|(axis, range)| lists[axis] = range.indices());
        Pick::separable(from, &lists)
    }
}

/// `yᵢ[.., t, ..] = x[.., first(i) + t, ..]` along one axis: the reverse of `Concat`.
///
/// Sizes: attribute `split` before opset 13, input 1 since; else as even as can be, the last output being the smaller
/// where `num_outputs` (opset 18) is given.
///
/// Source: ONNX `Split`.
#[derive(Clone, Debug)]
struct Split {
    axis: i64,
    sizes: Option<Vec<i64>>,
    /// Whether sizes that are not given have to be the same.
    even: bool,
    outputs: usize,
}

impl Split {
    fn sizes(&self, x: &Outlines<'_>, size: usize) -> Result<Vec<usize>, OpError> {
        let given = match &self.sizes {
            Some(own) => Some(own.as_slice()),
            None => x.ints_if(1)?,
        };
        let parts = self.outputs.max(1);
        let sizes = match given {
            Some(given) => size::sizes(given)?,
            None if self.even && !size.is_multiple_of(parts) => {
                return Err(OpError::new(format!("{size} places cannot be split evenly into {parts}")));
            }
            None => {
                let part = size.div_ceil(parts);
                (0..parts).map(|i| part.min(size.saturating_sub(i * part))).collect()
            }
        };
        if sizes.len() < self.outputs || sizes.iter().sum::<usize>() != size {
            return Err(OpError::new(format!(
                "sizes {sizes:?} do not split {size} places into {} outputs",
                self.outputs
            )));
        }
        Ok(sizes)
    }
}

impl Movement for Split {
    fn shape(&self, x: &Outlines<'_>, output: usize) -> Result<Vec<usize>, OpError> {
        let mut shape = x.shape(0)?.to_vec();
        let axis = size::axis(self.axis, shape.len())?;
        shape[axis] = self.sizes(x, shape[axis])?[output];
        Ok(shape)
    }

    fn pick(&self, x: &Outlines<'_>, output: usize) -> Result<Pick, OpError> {
        let from = x.shape(0)?;
        let axis = size::axis(self.axis, from.len())?;
        let sizes = self.sizes(x, from[axis])?;
        let start: usize = sizes[..output].iter().sum();
        let mut lists: Vec<Vec<u32>> = from.iter().map(|&size| whole(size)).collect();
        lists[axis] = lists[axis][start..start + sizes[output]].to_vec();
        Pick::separable(from, &lists)
    }

    fn outputs(&self) -> usize {
        self.outputs
    }
}
