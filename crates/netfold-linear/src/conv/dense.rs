//! Convolution of whole tensors: unfolding and matrix products.

use faer::MatMut;
use rayon::prelude::*;

use super::{Conv, Sizes};
use crate::Real;
use crate::gemm::{View, by_columns, gemm};
use crate::window::WindowAxis;

/// Numbers in one block of unfolded input: half of a level-2 cache in f32.
const UNFOLDED: usize = 1 << 17;
/// Below this many products for each place and tap a group is too thin for a matrix product.
const THIN: usize = 16;

impl<T: Real> Conv<T> {
    /// All of y = A x (or Aᵀ) from all of x, both in standard order with the probe innermost; y holds zeros before.
    pub(super) fn dense(&self, from: &[T], to: &mut [T], width: usize, transpose: bool) {
        let s = self.sizes();
        if s.ins * s.outs <= THIN {
            self.thin(from, to, width, transpose);
        } else if transpose {
            self.backward(from, to, width);
        } else {
            self.forward(from, to, width);
        }
    }

    /// Whether the unfolded input is the input itself.
    fn pointwise(&self) -> bool {
        self.axes.iter().all(|a| a.kernel == 1 && a.stride == 1 && a.pad == 0 && a.input == a.output)
    }

    /// Group `g`'s weights as a matrix `[outs, ins · taps]`.
    fn matrix(&self, g: usize, s: &Sizes) -> View<'_, T> {
        let size = s.outs * s.ins * s.taps;
        View::new(&self.filters.natural[g * size..][..size], s.outs, s.ins * s.taps)
    }

    /// Y = W · unfold(X), block by block of output rows.
    fn forward(&self, x: &[T], y: &mut [T], width: usize) {
        let s = self.sizes();
        let [rows, cols] = self.axes;
        let (x_size, y_size) = (s.ins * s.places_in * width, s.outs * s.places_out * width);
        for (index, (x, y)) in x.chunks_exact(x_size).zip(y.chunks_exact_mut(y_size)).enumerate() {
            let weights = self.matrix(index % self.groups, &s).mat();
            let line = cols.output * width;
            let lines_a_block = (UNFOLDED / (s.ins * s.taps * line).max(1)).clamp(1, rows.output.max(1));
            let y = MatMut::from_row_major_slice_mut(y, s.outs, s.places_out * width);
            by_columns(y, lines_a_block * line, &|first, block| {
                let (from, n) = (first / line, block.ncols() / line);
                if self.pointwise() {
                    let view = View { data: &x[first..], rows: s.ins, cols: n * line, stride: s.places_in * width };
                    gemm(block, false, weights, view.mat());
                } else {
                    let mut unfolded = vec![T::zero(); s.ins * s.taps * n * line];
                    self.unfold(x, &mut unfolded, from, n, width);
                    gemm(block, false, weights, View::new(&unfolded, s.ins * s.taps, n * line).mat());
                }
            });
        }
    }

    /// `unfolded[c, t, p] = x[c, p · stride + t · dilation − pad]` for `n` output lines from line `from`.
    fn unfold(&self, x: &[T], unfolded: &mut [T], from: usize, n: usize, width: usize) {
        let s = self.sizes();
        let [rows, cols] = self.axes;
        let line = cols.output * width;
        for (index, target) in unfolded.chunks_exact_mut(n * line).enumerate() {
            let (channel, tap) = (index / s.taps, index % s.taps);
            let (ty, tx) = (tap / cols.kernel, tap % cols.kernel);
            let inside = cols.inside(tx);
            for (out_line, target) in target.chunks_exact_mut(line).enumerate() {
                let Some(y) = rows.read(from + out_line, ty) else { continue };
                let source = &x[(channel * s.places_in + y * cols.input) * width..][..cols.input * width];
                copy_line(&cols, tx, inside.clone(), source, target, width);
            }
        }
    }

    /// X̄ = fold(Wᵀ · Ȳ), channel block by channel block.
    fn backward(&self, y: &[T], x: &mut [T], width: usize) {
        let s = self.sizes();
        let (x_size, y_size) = (s.ins * s.places_in * width, s.outs * s.places_out * width);
        for (index, (y, x)) in y.chunks_exact(y_size).zip(x.chunks_exact_mut(x_size)).enumerate() {
            let g = index % self.groups;
            let columns = s.places_out * width;
            let y = View::new(y, s.outs, columns);
            if self.pointwise() {
                let weights = self.matrix(g, &s).mat();
                let x = MatMut::from_row_major_slice_mut(x, s.ins, columns);
                by_columns(x, (UNFOLDED / s.outs.max(1)).max(64), &|first, block| {
                    let view = View { data: &y.data[first..], rows: s.outs, cols: block.ncols(), stride: columns };
                    gemm(block, false, weights.transpose(), view.mat());
                });
                continue;
            }
            // Channels a task: enough rows for a good matrix product, few enough to keep every core busy.
            let channels = (64 / s.taps).clamp(1, s.ins.div_ceil(4).max(1));
            let size = s.places_in * width;
            x.par_chunks_mut(channels * size).enumerate().for_each(|(task, x)| {
                let rows = x.len() / size * s.taps;
                let all = self.matrix(g, &s);
                let weights =
                    View { data: &all.data[task * channels * s.taps..], rows: s.outs, cols: rows, stride: all.stride };
                let mut folded = vec![T::zero(); rows * columns];
                let product = MatMut::from_row_major_slice_mut(&mut folded, rows, columns);
                gemm(product, false, weights.mat().transpose(), y.mat());
                self.fold(&folded, x, width);
            });
        }
    }

    /// `x[c, p · stride + t · dilation − pad] += folded[c, t, p]` for whole channels.
    fn fold(&self, folded: &[T], x: &mut [T], width: usize) {
        let s = self.sizes();
        let [rows, cols] = self.axes;
        let line = cols.output * width;
        for (index, source) in folded.chunks_exact(s.places_out * width).enumerate() {
            let (channel, tap) = (index / s.taps, index % s.taps);
            let (ty, tx) = (tap / cols.kernel, tap % cols.kernel);
            let inside = cols.inside(tx);
            for (out_line, source) in source.chunks_exact(line).enumerate() {
                let Some(y) = rows.read(out_line, ty) else { continue };
                let target = &mut x[(channel * s.places_in + y * cols.input) * width..][..cols.input * width];
                add_line(&cols, tx, inside.clone(), T::one(), source, target, width);
            }
        }
    }

    /// Thin groups, depthwise among them: one line times one weight at a time.
    fn thin(&self, from: &[T], to: &mut [T], width: usize, transpose: bool) {
        let s = self.sizes();
        let [rows, cols] = self.axes;
        let (x_size, y_size) = (s.places_in * width, s.places_out * width);
        let (from_size, to_size, from_channels, to_channels) =
            if transpose { (y_size, x_size, s.outs, s.ins) } else { (x_size, y_size, s.ins, s.outs) };
        to.par_chunks_mut(to_size.max(1)).enumerate().for_each(|(index, to)| {
            let (group, channel) = (index / to_channels, index % to_channels);
            for other in 0..from_channels {
                let from = &from[(group * from_channels + other) * from_size..][..from_size];
                let (o, c) = if transpose { (other, channel) } else { (channel, other) };
                let at = ((group % self.groups * s.outs + o) * s.ins + c) * s.taps;
                for (tap, &weight) in self.filters.natural[at..at + s.taps].iter().enumerate() {
                    let (ty, tx) = (tap / cols.kernel, tap % cols.kernel);
                    let inside = cols.inside(tx);
                    for out_line in rows.inside(ty) {
                        let Some(in_line) = rows.read(out_line, ty) else { continue };
                        let (x_at, y_at) = (in_line * cols.input * width, out_line * cols.output * width);
                        if transpose {
                            let target = &mut to[x_at..][..cols.input * width];
                            let source = &from[y_at..][..cols.output * width];
                            add_line(&cols, tx, inside.clone(), weight, source, target, width);
                        } else {
                            let target = &mut to[y_at..][..cols.output * width];
                            let source = &from[x_at..][..cols.input * width];
                            gather_line(&cols, tx, inside.clone(), weight, source, target, width);
                        }
                    }
                }
            }
        });
    }
}

/// `target[p] = source[read(p)]` for p inside.
fn copy_line<T: Real>(
    axis: &WindowAxis,
    tap: usize,
    inside: std::ops::Range<usize>,
    source: &[T],
    target: &mut [T],
    width: usize,
) {
    let Some(first) = (!inside.is_empty()).then(|| axis.read(inside.start, tap)).flatten() else { return };
    let target = &mut target[inside.start * width..inside.end * width];
    if axis.stride == 1 {
        target.copy_from_slice(&source[first * width..][..target.len()]);
    } else {
        for (p, target) in target.chunks_exact_mut(width).enumerate() {
            target.copy_from_slice(&source[(first + p * axis.stride) * width..][..width]);
        }
    }
}

/// target[read(p)] += weight · source[p] for p inside.
fn add_line<T: Real>(
    axis: &WindowAxis,
    tap: usize,
    inside: std::ops::Range<usize>,
    weight: T,
    source: &[T],
    target: &mut [T],
    width: usize,
) {
    let Some(first) = (!inside.is_empty()).then(|| axis.read(inside.start, tap)).flatten() else { return };
    let source = &source[inside.start * width..inside.end * width];
    if axis.stride == 1 {
        let target = &mut target[first * width..][..source.len()];
        target.iter_mut().zip(source).for_each(|(sum, &value)| *sum += weight * value);
    } else {
        for (p, source) in source.chunks_exact(width).enumerate() {
            let target = &mut target[(first + p * axis.stride) * width..][..width];
            target.iter_mut().zip(source).for_each(|(sum, &value)| *sum += weight * value);
        }
    }
}

/// target[p] += weight · source[read(p)] for p inside.
fn gather_line<T: Real>(
    axis: &WindowAxis,
    tap: usize,
    inside: std::ops::Range<usize>,
    weight: T,
    source: &[T],
    target: &mut [T],
    width: usize,
) {
    let Some(first) = (!inside.is_empty()).then(|| axis.read(inside.start, tap)).flatten() else { return };
    let target = &mut target[inside.start * width..inside.end * width];
    if axis.stride == 1 {
        let source = &source[first * width..][..target.len()];
        target.iter_mut().zip(source).for_each(|(sum, &value)| *sum += weight * value);
    } else {
        for (p, target) in target.chunks_exact_mut(width).enumerate() {
            let source = &source[(first + p * axis.stride) * width..][..width];
            target.iter_mut().zip(source).for_each(|(sum, &value)| *sum += weight * value);
        }
    }
}
