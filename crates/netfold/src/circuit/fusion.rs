//! Stages that rows of W are pulled through together.

use netfold_linear::{FusedConv, Fusible, SharedMap, Support};

use super::{Circuit, Stage};
use crate::ops::Precision;

/// The stages of a depthwise convolution, of the masks and the zero padding before it, and of a 1×1 convolution before
/// these: the transposes of all of them are one loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FusedStages {
    /// The stages by number: the depthwise convolution first, the 1×1 convolution last.
    stages: Vec<usize>,
}

impl FusedStages {
    /// The stage of the depthwise convolution.
    pub fn depthwise(&self) -> usize {
        self.stages[0]
    }

    /// The stage of the 1×1 convolution.
    pub fn pointwise(&self) -> usize {
        self.stages[self.stages.len() - 1]
    }
}

/// The maps of some [`FusedStages`].
#[derive(Debug)]
pub(crate) struct Fusion<T> {
    pairs: Vec<(FusedStages, FusedConv<T>)>,
}

/// How a stage is pulled through.
pub(super) enum Step<'a, T> {
    /// By its own maps.
    Alone,
    /// With a stage before it: its adjoint stays where it is.
    Later,
    /// With the stages after it, from the adjoint in this slot.
    Fused(usize, &'a FusedConv<T>),
}

impl<T: Precision> Fusion<T> {
    /// No stages are pulled through together.
    pub fn none() -> Self {
        Self { pairs: Vec::new() }
    }

    /// The fused maps of those stages that lie between two slots, for batches of `width` vectors whose adjoints are stored
    /// on `supports`.
    pub fn of(
        circuit: &Circuit<T>,
        fused: &[FusedStages],
        [from, to]: [usize; 2],
        supports: &[Support],
        width: usize,
    ) -> Self {
        let inside = |stages: &&FusedStages| stages.pointwise() >= from && stages.depthwise() < to;
        let pair = |stages: &FusedStages| circuit.fusible(stages.depthwise(), supports, width);
        Self { pairs: fused.iter().filter(inside).filter_map(pair).collect() }
    }

    pub(super) fn step(&self, stage: usize) -> Step<'_, T> {
        match self.pairs.iter().find(|(stages, _)| stages.stages.contains(&stage)) {
            None => Step::Alone,
            Some((stages, map)) if stages.pointwise() == stage => Step::Fused(stages.depthwise() + 1, map),
            Some(_) => Step::Later,
        }
    }
}

impl<T: Precision> Circuit<T> {
    /// All stages that batches of `width` vectors, stored on `supports`, are pulled through together.
    pub(crate) fn fused(&self, supports: &[Support], width: usize) -> Vec<FusedStages> {
        let of = |depthwise| self.fusible(depthwise, supports, width).map(|(stages, _)| stages);
        (0..self.stages().len()).filter_map(of).collect()
    }

    /// The stages that end with this depthwise convolution, if it is one, and their map.
    fn fusible(&self, depthwise: usize, supports: &[Support], width: usize) -> Option<(FusedStages, FusedConv<T>)> {
        let (map, mut slot) = only_term(&self.stages()[depthwise])?;
        let mut fusible = Fusible::new(map, &supports[slot], width)?;
        let mut stages = vec![depthwise];
        loop {
            // What others read too has to be summed first.
            if self.readers(slot) != 1 {
                return None;
            }
            let stage = slot.checked_sub(1)?;
            let (map, source) = only_term(&self.stages()[stage])?;
            stages.push(stage);
            match fusible.through(map, &supports[source]) {
                Some(moved) => (fusible, slot) = (moved, source),
                None => return Some((FusedStages { stages }, fusible.after(map, width)?)),
            }
        }
    }

    /// How many terms read a slot.
    fn readers(&self, slot: usize) -> usize {
        let terms = self.stages().iter().flat_map(|stage| stage.affine.terms.iter().zip(&stage.sources));
        terms.filter(|&(map, &source)| map.is_some() && source == slot).count()
    }
}

/// The map of a stage that has one alone, and the slot that it reads.
fn only_term<T>(stage: &Stage<T>) -> Option<(&SharedMap<T>, usize)> {
    match (stage.affine.terms.as_slice(), stage.sources.as_slice()) {
        ([Some(map)], &[source]) => Some((map, source)),
        _ => None,
    }
}

/// What a pull computes beside rows of W, or how it computes them faster.
///
/// Shares of b need the adjoint of each stage, so that no stages are pulled through together then.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pass<'a, T> {
    /// Each stage's share of b.
    WithShares,
    /// Rows of W alone, through these stages together.
    Fused(&'a Fusion<T>),
}
