//! Convolution of one whole tensor: the choice among the dense loops, and the order of weights that each reads.

use netfold_kernels::ablation::is_on;
use netfold_kernels::dense::channels_last;
use netfold_kernels::dense::depthwise;
use netfold_kernels::dense::few_channels::THIN;
use netfold_kernels::dense::winograd::{self, POINTS, spectrum};
use netfold_kernels::dense::{BLOCK, ChannelsLast, DenseDepthwise, FewChannels, Im2col, Init, Winograd};
use netfold_kernels::index::Padded;
use netfold_kernels::index::padded::SLACK;
use rayon::prelude::*;

use super::{Conv, Sizes};
use crate::Real;
use crate::WindowAxis;

/// Places of a plane up to which the lanes of a register had better be channels than places, if they are used as well.
const FEW: usize = 256;

impl<T: Real> Conv<T> {
    /// All of y = A x (or Aᵀ x) from all of x, both in standard order, with what y begins with.
    pub(super) fn dense(&self, from: &[T], to: &mut [T], transpose: bool, begin: Init<'_, T>) {
        if let Some(axes) = self.dense_depthwise(transpose) {
            return DenseDepthwise { axes, weights: self.packed.natural(), turned: transpose, begin }.run(from, to);
        }
        let (s, frame, groups) = (self.sizes(), self.frame(transpose), self.groups);
        let (ins, outs) = if transpose { (s.outs, s.ins) } else { (s.ins, s.outs) };
        if self.is_thin(transpose) {
            let strides = if transpose { [1, s.ins] } else { [s.ins, 1] };
            let weights = self.packed.natural();
            return FewChannels { frame, groups, from: ins, to: outs, weights, strides, taps: s.taps, begin }
                .run(from, to);
        }
        if self.fits_channels(transpose) {
            let weights = &self.packed.lanes(&s, groups, transpose);
            let channels = ChannelsLast { frame, groups, from: ins, to: outs, weights, taps: s.taps, begin };
            if frame.is_bare() {
                return channels.run(from, to);
            }
            return framed(frame, from, |framed| channels.run(framed, to));
        }
        let weights = &self.packed.blocks(&s, groups, transpose);
        let panels = Im2col { frame, groups, from: ins, to: outs, weights, taps: s.taps, begin };
        if frame.is_bare() {
            return panels.run(from, to);
        }
        framed(frame, from, |framed| panels.run(framed, to));
    }

    /// As [`dense`](Self::dense), for a convolution that [`fits_winograd`](Self::fits_winograd).
    pub(super) fn winograd(&self, from: &[T], to: &mut [T], transpose: bool, begin: Init<'_, T>) {
        let (s, frame, groups) = (self.sizes(), self.tiles(transpose), self.groups);
        let (ins, outs) = if transpose { (s.outs, s.ins) } else { (s.ins, s.outs) };
        let places = if transpose { self.axes.map(|axis| axis.input) } else { self.axes.map(|axis| axis.output) };
        let weights = &self.packed.spectra(&s, groups, transpose, winograd::block::<T>(outs, places));
        let job = Winograd { frame, groups, from: ins, to: outs, places, weights, begin };
        framed(frame, from, |framed| job.run(framed, to));
    }

    /// The window of a product by [`DenseDepthwise`]: a depthwise convolution, or the transpose of one without stride, which is one,
    /// too, the other way.
    fn dense_depthwise(&self, transpose: bool) -> Option<[WindowAxis; 2]> {
        let (Sizes { ins: 1, outs: 1, taps: 1.. }, axes) = (self.sizes(), self.axes) else { return None };
        if !is_on("depthwise") {
            return None;
        }
        if axes[1].kernel > depthwise::TAPS || axes[1].stride > depthwise::STRIDE {
            return None;
        }
        if !transpose {
            return Some(axes);
        }
        Some([axes[0].turned()?, axes[1].turned()?])
    }

    /// Whether groups of the result have so few channels that they are computed plane by plane.
    pub(super) fn is_thin(&self, transpose: bool) -> bool {
        let s = self.sizes();
        (if transpose { s.ins } else { s.outs }) <= THIN && is_on("few_channels")
    }

    /// Whether [`ChannelsLast`] computes the product, and faster than [`Im2col`].
    fn fits_channels(&self, transpose: bool) -> bool {
        let (s, frame) = (self.sizes(), self.frame(transpose));
        let to = if transpose { s.ins } else { s.outs };
        let places = frame.places_to();
        let used = |n: usize, lanes: usize| n as f64 / n.next_multiple_of(lanes) as f64;
        let least = if places <= FEW { 0.95 } else { 1.05 };
        is_on("channels_last")
            && frame.is_one_grid()
            && used(to, channels_last::lanes::<T>()) > least * used(places, channels_last::lanes::<T>())
    }

    /// Whether [`Winograd`] computes the product, and faster than [`Im2col`].
    pub(super) fn fits_winograd(&self) -> bool {
        /// Lanes of a register, as many as most processors have.
        const LANES: usize = 16;
        let s = self.sizes();
        let plain = |axis: &WindowAxis| (axis.kernel, axis.stride, axis.dilation) == (3, 1, 1);
        let registers = |places: [usize; 2]| places.iter().product::<usize>().div_ceil(LANES);
        // Instructions for all pairs of channels and one register of tiles, about 64 to read it and 100 to write it.
        let points = POINTS * s.ins * s.outs + 64 * s.ins + 100 * s.outs;
        let faster = |places: [usize; 2]| {
            points * registers(places.map(|n| n.div_ceil(2))) < 9 * s.ins * s.outs * registers(places)
        };
        is_on("winograd")
            && self.axes.iter().all(plain)
            && faster(self.axes.map(|axis| axis.output))
            && faster(self.axes.map(|axis| axis.input))
    }
}

/// Copies planes into the padded layout and runs a loop on them.
fn framed<T: Real>(frame: &Padded, planes: &[T], run: impl FnOnce(&[T])) {
    let mut framed = T::pool().take(planes.len() / frame.places_from() * frame.size() + SLACK);
    frame.run(planes, &mut framed[..planes.len() / frame.places_from() * frame.size()]);
    run(&framed);
    T::pool().give(framed);
}

/// The weights as [`Im2col`] reads them.
pub(super) fn blocks<T: Real>(natural: &[T], s: &Sizes, groups: usize, transpose: bool) -> Vec<T> {
    blocked(natural, s, groups, transpose, BLOCK)
}

/// w[c, t, d] at `[g][c / block][t][d][c % block]`, zero behind the last channel.
fn blocked<T: Real>(natural: &[T], s: &Sizes, groups: usize, transpose: bool, block: usize) -> Vec<T> {
    let (from, to) = if transpose { (s.outs, s.ins) } else { (s.ins, s.outs) };
    let size = s.taps * from * block;
    let of_group = to.div_ceil(block);
    let mut packed = vec![T::zero(); groups * of_group * size];
    packed.par_chunks_exact_mut(size).enumerate().for_each(|(index, packed)| {
        let (g, first) = (index / of_group, index % of_group * block);
        for c in first..to.min(first + block) {
            for d in 0..from {
                let (o, i) = if transpose { (d, c) } else { (c, d) };
                let window = &natural[((g * s.outs + o) * s.ins + i) * s.taps..][..s.taps];
                for (tap, &weight) in window.iter().enumerate() {
                    packed[(tap * from + d) * block + c - first] = weight;
                }
            }
        }
    });
    packed
}

/// The weights as [`ChannelsLast`] reads them.
pub(super) fn lanes<T: Real>(natural: &[T], s: &Sizes, groups: usize, transpose: bool) -> Vec<T> {
    blocked(natural, s, groups, transpose, channels_last::lanes::<T>())
}

/// The weights as [`Winograd`] reads them.
pub(super) fn spectra<T: Real>(natural: &[T], s: &Sizes, groups: usize, transpose: bool, block: usize) -> Vec<T> {
    let (from, to) = if transpose { (s.outs, s.ins) } else { (s.ins, s.outs) };
    let blocks = to.div_ceil(block);
    let mut packed = vec![T::zero(); groups * POINTS * blocks * from * block];
    packed.par_chunks_exact_mut(POINTS * blocks * from * block).enumerate().for_each(|(g, packed)| {
        for c in 0..to {
            for d in 0..from {
                let (o, i) = if transpose { (d, c) } else { (c, d) };
                let window = &natural[((g * s.outs + o) * s.ins + i) * 9..][..9];
                // The transpose goes through the window the other way.
                let window = std::array::from_fn(|tap| window[if transpose { 8 - tap } else { tap }]);
                for (point, value) in spectrum(window).into_iter().enumerate() {
                    packed[((point * blocks + c / block) * from + d) * block + c % block] = value;
                }
            }
        }
    });
    packed
}
