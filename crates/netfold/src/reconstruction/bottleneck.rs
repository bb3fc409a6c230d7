//! The narrow cut: rows of W by way of a tensor that has fewer elements than rows are wanted.

use std::ops::Range;

use netfold_linear::{CachedRows, Probes, Support};

use crate::circuit::{Circuit, FusedStages, Fusion, Pass, Pullback, Shares};
use crate::ops::Precision;
use crate::reconstruction::blocks::{at_foot, blocks, padded};

/// Bytes that the rows of a bottleneck's elements may take.
const BYTES: usize = 3 << 28;

/// W = H R B, where every path from the output to the input leads through a tensor of few elements, the bottleneck, and
/// through another one, the foot, which may be the input: H `[rows, bottleneck]` are the adjoints at the bottleneck,
/// R `[bottleneck, foot]` is the product of the stages between the two, computed once for all rows, and B `[foot, input]`
/// is what lies below.
#[derive(Debug)]
pub(crate) struct Bottleneck<T> {
    /// The stages that are multiplied out: from the foot's slot to the bottleneck's.
    stages: Range<usize>,
    rows: CachedRows<T>,
    /// The stages below the foot that are pulled through together.
    below: Fusion<T>,
    /// `shares[stage][element]`: what these stages give to each element of the bottleneck; empty without shares.
    shares: Vec<Vec<T>>,
}

impl<T: Precision> Circuit<T> {
    /// The stages to multiply out for `count` rows, if that takes fewer products than to pull each row through them.
    ///
    /// With n elements at the bottleneck and f at the foot, n rows take the products between the two, and each of `count`
    /// rows n f more and those below the foot.
    pub(crate) fn bottleneck(&self, plan: &[Support], count: usize) -> Option<Range<usize>> {
        let cuts = self.cuts(plan);
        let bottleneck = cuts.iter().copied().filter(|&slot| slot > 0).min_by_key(|&slot| plan[slot].count())?;
        let units = plan[bottleneck].count();
        if units >= count {
            return None;
        }
        let mut below = vec![0.0];
        (0..bottleneck).for_each(|stage| below.push(below[stage] + self.mul_adds(stage..stage + 1, plan)));
        let rows = count as f64;
        let takes = |foot: usize| {
            let each = (units * at_foot(plan, foot)) as f64 + below[foot];
            units as f64 * (below[bottleneck] - below[foot]) + rows * each
        };
        let fits = |foot: &usize| *foot < bottleneck && units * at_foot(plan, *foot) * size_of::<T>() <= BYTES;
        let feet = cuts.iter().copied().filter(fits);
        let foot = feet.min_by(|&a, &b| takes(a).total_cmp(&takes(b)))?;
        (takes(foot) < rows * below[bottleneck]).then_some(foot..bottleneck)
    }

    /// Slots below the output that all paths to the input lead through, in falling order; last of all the input.
    fn cuts(&self, plan: &[Support]) -> Vec<usize> {
        let output = plan.len() - 1;
        // The lowest slot that those above read: where it is not below a slot, all paths lead through that one.
        let (mut lowest, mut cuts) = (usize::MAX, Vec::new());
        for slot in (1..=output).rev().filter(|&slot| plan[slot].count() > 0) {
            if slot < output && lowest >= slot {
                cuts.push(slot);
            }
            lowest = self.stages()[slot - 1].sources.iter().fold(lowest, |lowest, &source| lowest.min(source));
        }
        cuts.push(0);
        cuts
    }

    /// The rows that `stages` are, for all elements that `plan` stores at their end, pulled `block` at a time.
    pub(crate) fn pull_bottleneck(
        &self,
        stages: Range<usize>,
        plan: &[Support],
        block: usize,
        shares: Shares,
        fused: &[FusedStages],
    ) -> Bottleneck<T> {
        let (foot, bottleneck) = (stages.start, stages.end);
        let fusion = |part: [usize; 2]| Fusion::of(self, fused, part, plan, padded::<T>(block));
        let between = fusion([foot, bottleneck]);
        let pass = if shares == Shares::Computed { Pass::WithShares } else { Pass::Fused(&between) };
        let units: Vec<usize> = plan[bottleneck].elements().collect();
        let above = self.truncated(bottleneck);
        self.stages().iter().flat_map(|stage| &stage.affine.terms).flatten().for_each(|map| map.clear_caches());
        let onto = if foot == 0 { Support::full(self.input_shape()) } else { plan[foot].clone() };
        let mut rows = CachedRows::zeros(units.len(), &onto);
        let mut all: Vec<Vec<T>> = vec![Vec::new(); if shares == Shares::Computed { stages.len() } else { 0 }];
        for own in blocks(units.len(), block, block.min(Probes::<T>::register())) {
            let (first, chunk) = (own.start, &units[own]);
            let seeds = Probes::one_hot_within(plan[bottleneck].shape(), chunk, padded::<T>(chunk.len()));
            let pulled = above.pull_to(foot, seeds, &plan[..=bottleneck], pass);
            rows.put(first, pulled.weights, chunk.len());
            let own = pulled.bias.iter().skip(foot);
            all.iter_mut().zip(own).for_each(|(all, own)| all.extend_from_slice(&own[..chunk.len()]));
        }
        // Adjoints as large are not pulled again: their buffers would lie beside the rows for nothing.
        T::pool().clear();
        Bottleneck { stages, rows, below: fusion([0, foot]), shares: all }
    }
}

impl<T: Precision> Bottleneck<T> {
    /// The slot that H belongs to.
    pub fn slot(&self) -> usize {
        self.stages.end
    }

    /// What has been pulled to the bottleneck, pulled on to the input: through R, and through `circuit` below its foot.
    pub fn pull(&self, circuit: &Circuit<T>, at: Pullback<T>, plan: &[Support]) -> Pullback<T> {
        let Pullback { weights: h, mut bias } = at;
        let foot = self.stages.start;
        for (to, shares) in bias.iter_mut().skip(foot).zip(&self.shares) {
            for (row, to) in to.iter_mut().enumerate() {
                let terms = h.values().chunks_exact(h.width()).zip(shares);
                *to = T::of(terms.map(|(h, share)| h[row].wide() * share.wide()).sum());
            }
        }
        let weights = self.rows.combine(&h);
        if foot == 0 {
            return Pullback { weights, bias };
        }
        let pass = if bias.is_empty() { Pass::Fused(&self.below) } else { Pass::WithShares };
        let below = circuit.truncated(foot).pull_within(weights, &plan[..=foot], pass);
        bias.iter_mut().zip(below.bias).for_each(|(to, own)| *to = own);
        Pullback { weights: below.weights, bias }
    }
}
