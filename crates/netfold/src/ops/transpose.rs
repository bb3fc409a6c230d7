//! `Transpose`, `DepthToSpace`, `SpaceToDepth`: axes in another order.

use super::facts::{ALL, BFLOAT16, Facts};
use super::movement::{Moved, Movement, Pick, strides, walk};
use super::{Attributes, Class, Operator, Outlines, size};
use crate::error::OpError;

pub(super) fn facts(name: &str) -> Facts {
    let facts = match name {
        "Transpose" => Facts::since(1, Class::Transpose).makes_shapes(),
        _ => Facts::since(1, Class::Blocks),
    };
    let facts = facts.input("input", ALL.with(BFLOAT16, 13), ..);
    match name {
        "Transpose" => facts.ints("perm", ..),
        "DepthToSpace" => facts.int("blocksize", ..).required("blocksize", ..).string("mode", 11..),
        _ => facts.int("blocksize", ..).required("blocksize", ..).string("mode", 28..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    if name == "Transpose" {
        let order = attributes.ints("perm")?.map(<[i64]>::to_vec);
        return Ok(Box::new(Moved::new(Transpose { order })));
    }
    let block = attributes.int_or("blocksize", 0)?;
    let block = usize::try_from(block).ok().filter(|&block| (1..=1 << 14).contains(&block));
    let block = block.ok_or_else(|| OpError::new("attribute `blocksize` is missing or no positive number"))?;
    let kind = match (name, attributes.string("mode")?.unwrap_or("DCR")) {
        ("SpaceToDepth", "DCR") => Kind::ToDepth { channel_first: false },
        ("SpaceToDepth", "CRD") => Kind::ToDepth { channel_first: true },
        (_, "DCR") => Kind::BlockFirst,
        (_, "CRD") => Kind::ChannelFirst,
        (_, other) => return Err(OpError::new(format!("mode `{other}` is not known"))),
    };
    Ok(Box::new(Moved::new(Blocks { kind, block })))
}

/// x of shape `from`, its axes in this order, under the shape `to` (which has the same elements).
fn turned(from: &[usize], order: &[usize], to: Option<Vec<usize>>) -> Pick {
    let steps = strides(from);
    let shape: Vec<usize> = order.iter().map(|&axis| from[axis]).collect();
    let turned: Vec<usize> = order.iter().map(|&axis| steps[axis]).collect();
    let source = walk(0, &shape, &turned);
    Pick::new(from, to.unwrap_or(shape), source)
}

/// `y[i₀, i₁, …]` = x at the index that has iₖ along axis `perm[k]`; without `perm` the axes are reversed.
///
/// Source: ONNX `Transpose`.
#[derive(Clone, Debug)]
struct Transpose {
    order: Option<Vec<i64>>,
}

impl Transpose {
    /// The axes of x in the order of y.
    fn order(&self, from: &[usize]) -> Result<Vec<usize>, OpError> {
        match &self.order {
            None => Ok((0..from.len()).rev().collect()),
            Some(order) if order.len() == from.len() => size::axes(order, from.len()),
            Some(order) => Err(OpError::new(format!("perm {order:?} of a tensor with {} axes", from.len()))),
        }
    }
}

impl Movement for Transpose {
    fn shape(&self, x: &Outlines<'_>, _: usize) -> Result<Vec<usize>, OpError> {
        let from = x.shape(0)?;
        Ok(self.order(from)?.into_iter().map(|axis| from[axis]).collect())
    }

    fn pick(&self, x: &Outlines<'_>, _: usize) -> Result<Pick, OpError> {
        let from = x.shape(0)?;
        Ok(turned(from, &self.order(from)?, None))
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    ToDepth { channel_first: bool },
    BlockFirst,
    ChannelFirst,
}

/// Blocks of b × b places become channels (`SpaceToDepth`) or come from them (`DepthToSpace`); the index within the
/// block is the outer part of a channel's in mode `DCR`, the inner one in `CRD`.
///
/// Source: ONNX `DepthToSpace`, `SpaceToDepth`.
#[derive(Clone, Debug)]
struct Blocks {
    kind: Kind,
    block: usize,
}

impl Movement for Blocks {
    fn shape(&self, x: &Outlines<'_>, _: usize) -> Result<Vec<usize>, OpError> {
        let (from, b) = (x.shape(0)?, self.block);
        let &[n, c, h, w] = from else { return Err(OpError::new(format!("{from:?} should have four axes"))) };
        if let Kind::ToDepth { .. } = self.kind {
            if !h.is_multiple_of(b) || !w.is_multiple_of(b) {
                return Err(OpError::new(format!("{h} x {w} places in blocks of {b}")));
            }
            return Ok(vec![n, c * b * b, h / b, w / b]);
        }
        if !c.is_multiple_of(b * b) {
            return Err(OpError::new(format!("{c} channels do not fill blocks of {b} x {b}")));
        }
        Ok(vec![n, c / (b * b), h * b, w * b])
    }

    fn pick(&self, x: &Outlines<'_>, output: usize) -> Result<Pick, OpError> {
        let to = self.shape(x, output)?;
        // Of the side with fewer places.
        let (from, b) = (x.shape(0)?, self.block);
        let [n, c, h, w] = [0, 1, 2, 3].map(|axis| from[axis].min(to[axis]));
        Ok(match self.kind {
            Kind::ToDepth { channel_first: true } => turned(&[n, c, h, b, w, b], &[0, 1, 3, 5, 2, 4], Some(to)),
            Kind::ToDepth { channel_first: false } => turned(&[n, c, h, b, w, b], &[0, 3, 5, 1, 2, 4], Some(to)),
            Kind::ChannelFirst => turned(&[n, c, b, b, h, w], &[0, 1, 4, 2, 5, 3], Some(to)),
            Kind::BlockFirst => turned(&[n, b, b, c, h, w], &[0, 3, 4, 1, 5, 2], Some(to)),
        })
    }
}
