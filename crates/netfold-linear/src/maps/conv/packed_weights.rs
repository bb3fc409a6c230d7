//! The weights of a convolution, packed in the order in which each loop reads them.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use netfold_kernels::dense::BLOCK;
use rayon::prelude::*;

use super::{Sizes, dense};
use crate::Real;

/// The weights of a convolution, and the orders that they are read in, made when first used.
///
/// Maps made from one object share these orders.
#[derive(Debug)]
pub struct PackedWeights<T> {
    /// `[out, channel of the group, tap]`
    natural: Arc<Vec<T>>,
    /// `[out, tap, channel of the group]`
    forward: OnceLock<Vec<T>>,
    /// `[channel, tap, out of the group]`
    backward: OnceLock<Vec<T>>,
    /// `[tap, channel]` of a depthwise convolution
    depth: OnceLock<Vec<T>>,
    /// Blocks of channels for whole tensors: forward, transposed.
    blocks: [Order<T>; 2],
    /// Lanes of channels for whole tensors with few places.
    lanes: [Order<T>; 2],
    /// The same two for minimal filtering.
    spectra: [[Order<T>; 2]; 2],
}

/// An order that may be given up, and is made again.
#[derive(Debug)]
struct Order<T>(RwLock<Option<Arc<Vec<T>>>>);

impl<T> Order<T> {
    const fn none() -> Self {
        Self(RwLock::new(None))
    }

    /// The order, made before it is locked, as [`once`] does it.
    fn get(&self, make: impl FnOnce() -> Vec<T>) -> Arc<Vec<T>> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        kept.unwrap_or_else(|| {
            let made = Arc::new(make());
            Arc::clone(self.0.write().unwrap_or_else(PoisonError::into_inner).get_or_insert(made))
        })
    }

    fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<T: Real> PackedWeights<T> {
    /// The weights `[out, channels / groups, taps…]`.
    pub fn new(weights: Arc<Vec<T>>) -> Self {
        let pair = || [Order::none(), Order::none()];
        let (blocks, lanes, spectra) = (pair(), pair(), [pair(), pair()]);
        let (forward, backward, depth) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { natural: weights, forward, backward, depth, blocks, lanes, spectra }
    }

    /// The weights as they were given.
    pub fn natural(&self) -> &Arc<Vec<T>> {
        &self.natural
    }

    /// Gives up the orders that whole tensors are multiplied by.
    pub(super) fn clear_caches(&self) {
        self.blocks.iter().chain(&self.lanes).chain(self.spectra.iter().flatten()).for_each(Order::clear);
    }

    pub(super) fn blocks(&self, s: &Sizes, groups: usize, transpose: bool) -> Arc<Vec<T>> {
        self.blocks[usize::from(transpose)].get(|| dense::blocks(&self.natural, s, groups, transpose))
    }

    pub(super) fn lanes(&self, s: &Sizes, groups: usize, transpose: bool) -> Arc<Vec<T>> {
        self.lanes[usize::from(transpose)].get(|| dense::lanes(&self.natural, s, groups, transpose))
    }

    pub(super) fn spectra(&self, s: &Sizes, groups: usize, transpose: bool, block: usize) -> Arc<Vec<T>> {
        let orders = &self.spectra[usize::from(block == BLOCK)];
        orders[usize::from(transpose)].get(|| dense::spectra(&self.natural, s, groups, transpose, block))
    }

    pub(super) fn forward(&self, s: &Sizes) -> &[T] {
        once(&self.forward, || {
            let mut packed = vec![T::zero(); self.natural.len()];
            let size = s.ins * s.taps;
            packed.par_chunks_mut(size).zip(self.natural.par_chunks(size)).for_each(|(to, from)| {
                for (tap, to) in to.chunks_exact_mut(s.ins).enumerate() {
                    to.iter_mut().enumerate().for_each(|(c, to)| *to = from[c * s.taps + tap]);
                }
            });
            packed
        })
    }

    pub(super) fn depth(&self, s: &Sizes) -> &[T] {
        once(&self.depth, || (0..s.taps).flat_map(|tap| self.natural[tap..].iter().step_by(s.taps).copied()).collect())
    }

    pub(super) fn backward(&self, s: &Sizes) -> &[T] {
        /// Channels whose weights are packed by one task: what it reads of one output is a few cache lines.
        const CHANNELS: usize = 8;
        once(&self.backward, || {
            let mut packed = vec![T::zero(); self.natural.len()];
            let size = s.taps * s.outs;
            let blocks = s.ins.div_ceil(CHANNELS);
            let groups = packed.par_chunks_mut(s.ins * size).enumerate();
            groups
                .flat_map_iter(|(g, group)| {
                    group.chunks_mut(CHANNELS * size).enumerate().map(move |(block, to)| (g, block, to))
                })
                .for_each(|(g, block, to)| {
                    debug_assert!(block < blocks);
                    for o in 0..s.outs {
                        let from = &self.natural[((g * s.outs + o) * s.ins + block * CHANNELS) * s.taps..];
                        for (index, &weight) in from[..to.len() / s.outs].iter().enumerate() {
                            to[index * s.outs + o] = weight;
                        }
                    }
                });
            packed
        })
    }
}

/// What the cell holds, made before it is locked: a parallel loop inside the lock could take up another pass that waits
/// for this cell, and stand still. Two passes at once may both make it.
fn once<T>(cell: &OnceLock<Vec<T>>, make: impl FnOnce() -> Vec<T>) -> &[T] {
    match cell.get() {
        Some(made) => made,
        None => {
            let made = make();
            cell.get_or_init(|| made)
        }
    }
}
