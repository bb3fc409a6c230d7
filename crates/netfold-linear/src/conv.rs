//! Convolution and its transpose.

use std::sync::Arc;

use faer::MatMut;
use rayon::prelude::*;

use crate::gemm::{View, by_columns, gemm};
use crate::window::{Window, WindowAxis};
use crate::{LinearMap, Probes, Real, Support};

/// Numbers in one block of unfolded input: half of a level-2 cache in f32.
const UNFOLDED: usize = 1 << 17;
/// Below this many products for each place and tap a group is too thin for a matrix product.
const THIN: usize = 16;

/// y[o, p] = Σ over c, t of weights[o, c, t] · x[c, p · stride + t · dilation − pad], group by group.
///
/// Shapes: x `[batch, channels, places…]`, weights `[out, channels / groups, taps…]`, y `[batch, out, places…]`, with
/// one or two spatial axes. The offset is not part of the map.
///
/// Source: ONNX `Conv`.
#[derive(Clone, Debug)]
pub struct Conv<T> {
    domain: Vec<usize>,
    codomain: Vec<usize>,
    /// Two axes always; the first is [`WindowAxis::UNIT`] for one-dimensional signals.
    axes: [WindowAxis; 2],
    groups: usize,
    weights: Arc<Vec<T>>,
}

impl<T: Real> Conv<T> {
    /// The convolution of `batch` images of `channels` channels into `out` channels.
    ///
    /// # Panics
    /// If the window has more than two axes, or the weights do not have `out · channels / groups · taps` numbers.
    pub fn new(
        batch: usize,
        channels: usize,
        out: usize,
        groups: usize,
        window: &Window,
        weights: Arc<Vec<T>>,
    ) -> Self {
        let axes = match *window.axes.as_slice() {
            [x] => [WindowAxis::UNIT, x],
            [y, x] => [y, x],
            _ => panic!("one or two spatial axes"),
        };
        assert!(channels.is_multiple_of(groups) && out.is_multiple_of(groups), "groups divide the channels");
        assert_eq!(weights.len(), out * (channels / groups) * window.taps(), "weights of a convolution");
        let shape = |channels: usize, places: Vec<usize>| [vec![batch, channels], places].concat();
        Self {
            domain: shape(channels, window.input()),
            codomain: shape(out, window.output()),
            axes,
            groups,
            weights,
        }
    }

    fn sizes(&self) -> Sizes {
        let [y, x] = self.axes;
        Sizes {
            batch: self.domain[0],
            ins: self.domain[1] / self.groups,
            outs: self.codomain[1] / self.groups,
            taps: y.kernel * x.kernel,
            places_in: y.input * x.input,
            places_out: y.output * x.output,
        }
    }

    /// Whether the unfolded input is the input itself.
    fn pointwise(&self) -> bool {
        self.axes.iter().all(|a| a.kernel == 1 && a.stride == 1 && a.pad == 0 && a.input == a.output)
    }

    /// Group `g`'s weights as a matrix `[outs, ins · taps]`.
    fn matrix(&self, g: usize, s: &Sizes) -> View<'_, T> {
        let size = s.outs * s.ins * s.taps;
        View::new(&self.weights[g * size..][..size], s.outs, s.ins * s.taps)
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

    /// unfolded[c, t, p] = x[c, p · stride + t · dilation − pad] for `n` output lines from line `from`.
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

    /// x[c, p · stride + t · dilation − pad] += folded[c, t, p] for whole channels.
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
                for (tap, &weight) in self.weights[at..at + s.taps].iter().enumerate() {
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

    /// The channels of group `g` that `of` touches at each place, spread to all channels of the group elsewhere.
    fn reach(&self, of: &Support, transpose: bool) -> Support {
        let s = self.sizes();
        let (from, to) =
            if transpose { (&self.codomain, &self.domain) } else { (&self.domain, &self.codomain) };
        let (from_channels, to_channels) = if transpose { (s.outs, s.ins) } else { (s.ins, s.outs) };
        let (from_places, to_places) =
            if transpose { (s.places_out, s.places_in) } else { (s.places_in, s.places_out) };
        let mut touched = vec![false; s.batch * self.groups * from_places];
        for element in of.elements() {
            touched[element / (from_channels * from_places) * from_places + element % from_places] = true;
        }
        let mut reached = vec![false; s.batch * self.groups * to_places];
        let window = Window { axes: self.axes.to_vec() };
        for (from, to) in touched.chunks_exact(from_places.max(1)).zip(reached.chunks_exact_mut(to_places.max(1))) {
            for place in 0..s.places_out {
                window.visit(place, |_, read| {
                    if transpose {
                        to[read] |= from[place];
                    } else {
                        to[place] |= from[read];
                    }
                });
            }
        }
        debug_assert_eq!(from, of.shape());
        Support::from_fn(to, |e| reached[e / (to_channels * to_places) * to_places + e % to_places])
    }

    fn run(&self, input: Probes<T>, onto: &Support, transpose: bool) -> Probes<T> {
        let (from, to) =
            if transpose { (&self.codomain, &self.domain) } else { (&self.domain, &self.codomain) };
        let input = input.onto(&Support::full(from));
        let width = input.width();
        let mut output = vec![T::zero(); to.iter().product::<usize>() * width];
        let s = self.sizes();
        if input.values().is_empty() || output.is_empty() {
            // An axis of length zero: nothing to sum.
        } else if s.ins * s.outs <= THIN {
            self.thin(input.values(), &mut output, width, transpose);
        } else if transpose {
            self.backward(input.values(), &mut output, width);
        } else {
            self.forward(input.values(), &mut output, width);
        }
        Probes::new(Support::full(to), width, output).onto(onto)
    }
}

/// Counts for one group of one image.
struct Sizes {
    batch: usize,
    ins: usize,
    outs: usize,
    taps: usize,
    places_in: usize,
    places_out: usize,
}

/// target[p] = source[read(p)] for p inside.
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

impl<T: Real> LinearMap<T> for Conv<T> {
    fn domain(&self) -> &[usize] {
        &self.domain
    }

    fn codomain(&self) -> &[usize] {
        &self.codomain
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        self.run(x, onto, false)
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        self.run(y, onto, true)
    }

    fn image(&self, of: &Support) -> Support {
        self.reach(of, false)
    }

    fn preimage(&self, of: &Support) -> Support {
        self.reach(of, true)
    }
}
