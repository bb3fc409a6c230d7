//! The narrow cut: rows of W by way of a tensor that has fewer elements than rows are wanted.

use netfold_linear::{Probes, Stack, Support};

use crate::circuit::Circuit;
use crate::ops::Precision;
use crate::rows::{blocks, padded};

/// Bytes that the rows of a neck's elements may take.
const BYTES: usize = 3 << 28;

/// W = H R, where every road from the output to the input leads through one tensor of n elements: H `[rows, n]` are the
/// adjoints there, R `[n, input]` are the rows of its elements, pulled once for all.
#[derive(Debug)]
pub(crate) struct Neck<T> {
    slot: usize,
    rows: Stack<T>,
    /// `shares[stage][element]`: what the stages below give to each element; empty without shares.
    shares: Vec<Vec<T>>,
}

impl<T: Precision> Circuit<T> {
    /// The tensor to pull `count` rows through, if there is one by which they take fewer products: those that the rows
    /// of its elements save on `plan` against those of H R.
    pub(crate) fn neck(&self, plan: &[Support], count: usize) -> Option<usize> {
        let (output, len) = (plan.len() - 1, plan[0].tensor_len());
        let mut best: Option<usize> = None;
        // The lowest slot that those above read: where it is not below a slot, all roads lead through that one.
        let mut lowest = usize::MAX;
        for slot in (1..=output).rev() {
            let elements = plan[slot].count();
            if elements == 0 {
                continue;
            }
            if slot < output && lowest >= slot && best.is_none_or(|best| elements < plan[best].count()) {
                best = Some(slot);
            }
            lowest = self.stages()[slot - 1].sources.iter().fold(lowest, |lowest, &source| lowest.min(source));
        }
        let slot = best?;
        let units = plan[slot].count();
        let below = self.products(0..slot, plan);
        let saved = (count as f64 - units as f64) * below;
        let fits = units > 0 && units * len * size_of::<T>() <= BYTES;
        (fits && saved > count as f64 * units as f64 * len as f64).then_some(slot)
    }

    /// The rows of all elements that `plan` stores of the tensor `slot`, pulled `block` at a time.
    pub(crate) fn pull_neck(&self, slot: usize, plan: &[Support], block: usize, shares: bool) -> Neck<T> {
        let units: Vec<usize> = plan[slot].elements().collect();
        let (below, len) = (self.up_to(slot), plan[0].tensor_len());
        self.stages().iter().flat_map(|stage| &stage.affine.terms).flatten().for_each(|map| map.trim());
        let mut rows = Stack::zeros(units.len(), len);
        let mut all: Vec<Vec<T>> = vec![Vec::new(); if shares { slot } else { 0 }];
        for own in blocks(units.len(), block, block.min(Probes::<T>::register())) {
            let (first, chunk) = (own.start, &units[own]);
            let seeds = Probes::one_hot_within(plan[slot].shape(), chunk, padded::<T>(chunk.len()));
            let pulled = below.pull_within(seeds, &plan[..=slot], shares);
            rows.put(first, pulled.weights, chunk.len());
            all.iter_mut().zip(&pulled.bias).for_each(|(all, own)| all.extend_from_slice(&own[..chunk.len()]));
        }
        // Adjoints as large are not pulled again: their buffers would lie beside the rows for nothing.
        T::pool().clear();
        Neck { slot, rows, shares: all }
    }
}

impl<T: Precision> Neck<T> {
    /// The slot that H belongs to.
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// H R `[count, input]` into `weights` for the first `count` probes of `h`; the shares below the neck into `shares`.
    pub fn multiply(&self, h: &Probes<T>, count: usize, weights: &mut [T], shares: &mut [Vec<T>]) {
        for (to, below) in shares.iter_mut().zip(&self.shares) {
            for (row, to) in to.iter_mut().enumerate().take(count) {
                let terms = h.values().chunks_exact(h.width()).zip(below);
                *to = T::of(terms.map(|(h, share)| h[row].wide() * share.wide()).sum());
            }
        }
        self.rows.combine(h, weights);
    }
}
