//! Convolution of one whole tensor.

use rayon::prelude::*;

use super::{Conv, Sizes};
use crate::Real;
use crate::frame::SLACK;
use crate::kernels::panels::{BLOCK, Panels};
use crate::kernels::planes::Planes;

/// Up to so many pairs of channels of a group are gone through one by one.
const THIN: usize = 4;

impl<T: Real> Conv<T> {
    /// All of y = A x (or Aᵀ) from all of x, both in standard order; y += with `add`.
    pub(super) fn dense(&self, from: &[T], to: &mut [T], transpose: bool, add: bool) {
        let (s, frame, groups) = (self.sizes(), self.frame(transpose), self.groups);
        let (ins, outs) = if transpose { (s.outs, s.ins) } else { (s.ins, s.outs) };
        if ins * outs <= THIN {
            let strides = if transpose { [1, s.ins] } else { [s.ins, 1] };
            let weights = &self.filters.natural;
            return Planes { frame, groups, from: ins, to: outs, weights, strides, taps: s.taps, add }.run(from, to);
        }
        let weights = self.filters.blocks(&s, groups, transpose);
        let panels = Panels { frame, groups, from: ins, to: outs, weights, taps: s.taps, add };
        if frame.is_bare() {
            return panels.run(from, to);
        }
        let planes = from.len() / frame.places_from();
        let mut framed = T::pool().take(planes * frame.size() + SLACK);
        framed
            .par_chunks_exact_mut(frame.size())
            .zip(from.par_chunks_exact(frame.places_from()))
            .for_each(|(framed, plane)| frame.fill(plane, framed));
        panels.run(&framed, to);
        T::pool().give(framed);
    }
}

/// The weights as [`Panels`] reads them.
pub(super) fn blocks<T: Real>(natural: &[T], s: &Sizes, groups: usize, transpose: bool) -> Vec<T> {
    let (from, to) = if transpose { (s.outs, s.ins) } else { (s.ins, s.outs) };
    let size = s.taps * from * BLOCK;
    let of_group = to.div_ceil(BLOCK);
    let mut packed = vec![T::zero(); groups * of_group * size];
    packed.par_chunks_exact_mut(size).enumerate().for_each(|(index, packed)| {
        let (g, first) = (index / of_group, index % of_group * BLOCK);
        for c in first..to.min(first + BLOCK) {
            for d in 0..from {
                let (o, i) = if transpose { (d, c) } else { (c, d) };
                let window = &natural[((g * s.outs + o) * s.ins + i) * s.taps..][..s.taps];
                for (tap, &weight) in window.iter().enumerate() {
                    packed[(tap * from + d) * BLOCK + c - first] = weight;
                }
            }
        }
    });
    packed
}
