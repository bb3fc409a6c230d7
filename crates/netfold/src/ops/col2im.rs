//! `Col2Im`.

use netfold_linear::{Real, Select, Transposed, Window, WindowAxis};

use super::facts::{ALL, BFLOAT16, Facts, INT64};
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, Record, only, size};
use crate::affine::Affine;
use crate::error::OpError;

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(18, Class::Accumulate)
        .ints("dilations", ..)
        .ints("pads", ..)
        .ints("strides", ..)
        .input("input", ALL | BFLOAT16, ..)
        .input("image_shape", INT64, ..)
        .input("block_shape", INT64, ..)
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let list = |name| attributes.ints(name).map(|ints| ints.map(<[i64]>::to_vec));
    Ok(Box::new(Col2Im { dilations: list("dilations")?, pads: list("pads")?, strides: list("strides")? }))
}

/// y = the pictures whose blocks are the columns of x, overlapping blocks added: the transpose of cutting a picture
/// into the blocks that a sliding window reads.
///
/// Shapes: x `[batch, channels · block, blocks]`, y `[batch, channels, places…]`.
///
/// Source: ONNX `Col2Im`.
#[derive(Clone, Debug)]
struct Col2Im {
    dilations: Option<Vec<i64>>,
    pads: Option<Vec<i64>>,
    strides: Option<Vec<i64>>,
}

impl Operator for Col2Im {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let Layout { to, .. } = self.layout(x)?;
        Ok(Extent::new(Holds::Reals, to).kept(x.count(0) * size_of::<u32>() as f64))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "picture's shape", "block's shape"])
    }
}

/// Blocks and the picture that they make up.
struct Layout {
    window: Window,
    /// Elements of a block.
    taps: usize,
    blocks: usize,
    channels: usize,
    /// Shape of y.
    to: Vec<usize>,
}

impl Col2Im {
    fn layout(&self, x: &Outlines<'_>) -> Result<Layout, OpError> {
        let (picture, block) = (size::shape(x.ints(1)?)?, size::shape(x.ints(2)?)?);
        let window = self.window(&picture, &block)?;
        let (taps, blocks) = (size::count(&block)?, size::count(&window.output())?);
        let x = x.shape(0)?;
        let &[batch, rows, columns] = x else { return Err(OpError::new(format!("{x:?} should have three axes"))) };
        if !rows.is_multiple_of(taps) || columns != blocks {
            return Err(OpError::new(format!("{x:?} is not {taps} elements of each of {blocks} blocks")));
        }
        let channels = rows / taps;
        let to = [vec![batch, channels], picture].concat();
        size::count(&to)?;
        Ok(Layout { window, taps, blocks, channels, to })
    }

    fn window(&self, picture: &[usize], block: &[usize]) -> Result<Window, OpError> {
        let rank = picture.len();
        if block.len() != rank || block.contains(&0) {
            return Err(OpError::new(format!("blocks {block:?} of a picture {picture:?}")));
        }
        let numbers = |own: &Option<Vec<i64>>, len: usize, fill: i64| -> Result<Vec<usize>, OpError> {
            let own = own.clone().unwrap_or_else(|| vec![fill; len]);
            let numbers: Option<Vec<usize>> =
                own.iter().map(|&v| usize::try_from(v).ok().filter(|&v| v as i64 >= fill && v <= size::MOST)).collect();
            let numbers = numbers.filter(|numbers| numbers.len() == len);
            numbers.ok_or_else(|| OpError::new(format!("{own:?} for a picture with {rank} axes")))
        };
        let (strides, dilations) = (numbers(&self.strides, rank, 1)?, numbers(&self.dilations, rank, 1)?);
        let pads = numbers(&self.pads, 2 * rank, 0)?;
        let axis = |a: usize| {
            let reach = (block[a] - 1) * dilations[a] + 1;
            let room = (picture[a] + pads[a] + pads[rank + a]).checked_sub(reach);
            let room = room.ok_or_else(|| OpError::new(format!("blocks of {reach} in {} places", picture[a])))?;
            let (stride, pad, output) = (strides[a], pads[a] as isize, room / strides[a] + 1);
            Ok(WindowAxis { input: picture[a], kernel: block[a], stride, dilation: dilations[a], pad, output })
        };
        Ok(Window { axes: (0..rank).map(axis).collect::<Result<_, OpError>>()? })
    }
}

impl<T: Real> Op<T> for Col2Im {
    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::applied(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (x, layout) = (at.inputs.shape(0)?, self.layout(&at.inputs.outlines())?);
        let Layout { window, taps, blocks, channels, to } = layout;
        let (batch, places) = (x[0], to[2..].iter().product::<usize>());
        let mut source = vec![Select::NONE; x.iter().product()];
        for column in 0..blocks {
            window.visit(column, |tap, place| {
                for plane in 0..batch * channels {
                    source[(plane * taps + tap) * blocks + column] = (plane * places + place) as u32;
                }
            });
        }
        Ok(Affine::linear(Transposed(Select::new(&to, x, source))))
    }
}
