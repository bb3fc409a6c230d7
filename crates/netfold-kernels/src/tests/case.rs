//! Random products, and what each loop makes of them.

use std::cell::Cell;

use crate::Number;
use crate::dense::channels_last;
use crate::dense::few_channels::THIN;
use crate::dense::winograd;
use crate::dense::{BLOCK, ChannelsLast, DenseDepthwise, FewChannels, Im2col, Init, Winograd};
use crate::index::padded::SLACK;
use crate::index::{Padded, Support, WindowAxis, WindowIndex};
use crate::masked::{MaskedConv, MaskedDepthwise, Weights};
use crate::simd::Isa;

/// K vectors on one support: the numbers of a row lie side by side.
pub(crate) struct Batch<T> {
    pub support: Support,
    pub width: usize,
    pub values: Vec<T>,
}

impl<T: Number> Batch<T> {
    /// The numbers of an element, if it is stored.
    pub fn at(&self, element: usize) -> Option<&[T]> {
        self.support.row_of(element).map(|row| &self.values[row * self.width..][..self.width])
    }
}

pub(crate) struct Noise(pub Cell<u64>);

impl Noise {
    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        state >> 16
    }

    pub(crate) fn below(&self, n: usize) -> usize {
        self.next() as usize % n
    }

    pub(crate) fn number<T: Number>(&self) -> T {
        T::of((self.next() % 2001) as f64 / 1000.0 - 1.0)
    }

    pub(crate) fn numbers<T: Number>(&self, n: usize) -> Vec<T> {
        (0..n).map(|_| self.number()).collect()
    }

    /// Full, empty, or a random share of the elements.
    pub(crate) fn support(&self, shape: &[usize]) -> Support {
        match self.below(6) {
            0 => Support::full(shape),
            1 => Support::empty(shape),
            share => Support::from_fn(shape, |_| self.below(6) < share),
        }
    }

    /// A window over lines of several registers, which may have a stride of two.
    pub(crate) fn long_axis(&self) -> WindowAxis {
        let (kernel, stride, dilation) = (1 + self.below(5), 1 + self.below(2), 1 + self.below(2));
        let (pad, output) = (self.below(5) as isize - 1, 1 + self.below(40));
        let reach = ((output - 1) * stride + (kernel - 1) * dilation) as isize + 1 - pad;
        let input = (reach + self.below(3) as isize - 1).max(1) as usize;
        WindowAxis { input, kernel, stride, dilation, pad, output }
    }

    pub(crate) fn axis(&self) -> WindowAxis {
        let (kernel, stride, dilation) = (1 + self.below(3), 1 + self.below(3), 1 + self.below(2));
        let (pad, output) = (self.below(4) as isize - 1, 1 + self.below(5));
        let reach = ((output - 1) * stride + (kernel - 1) * dilation) as isize + 1 - pad;
        // Some inputs end before the last window does, some go on behind it.
        let input = (reach + self.below(3) as isize - 1).max(1) as usize;
        WindowAxis { input, kernel, stride, dilation, pad, output }
    }
}

/// One random product: what both loops take.
pub(crate) struct Case<T: Number> {
    pub groups: usize,
    pub ins: usize,
    pub outs: usize,
    pub reads: WindowIndex,
    pub frame: Padded,
    pub x: Batch<T>,
    pub onto: Support,
    pub start: Vec<T>,
    pub weights: Vec<T>,
    strides: [usize; 3],
    pub add: bool,
    /// A number for each channel of y, for loops over whole tensors; empty without.
    bias: Vec<T>,
}

impl<T: Number> Case<T> {
    /// What the sums of a whole tensor begin with.
    fn begin(&self) -> Init<'_, T> {
        match () {
            () if !self.bias.is_empty() => Init::Bias(&self.bias),
            () if self.add => Init::Accumulate,
            () => Init::Zero,
        }
    }

    pub(crate) fn new(noise: &Noise, depth: bool) -> Self {
        let axes = [if noise.below(4) == 0 { WindowAxis::UNIT } else { noise.axis() }, noise.axis()];
        Self::over(noise, axes, noise.below(2) == 0, depth)
    }

    pub(crate) fn over(noise: &Noise, axes: [WindowAxis; 2], transpose: bool, depth: bool) -> Self {
        let (reads, frame) = (WindowIndex::new(&axes, transpose), Padded::new(&axes, transpose));
        let (groups, ins, outs) = if depth {
            (1 + noise.below(70), 1, 1)
        } else {
            (1 + noise.below(3), 1 + noise.below(70), 1 + noise.below(30))
        };
        let batch = 1 + noise.below(2);
        let width = [1, 3, 8, 16, 20, 32, 48, 64, 71][noise.below(9)];
        let from = noise.support(&[batch, groups * ins, reads.places_from()]);
        let onto = noise.support(&[batch, groups * outs, reads.places_to()]);
        let x = Batch { values: noise.numbers(from.count() * width), support: from, width };
        let start = noise.numbers(onto.count() * width);
        let weights = noise.numbers(groups * outs * reads.taps() * ins);
        // Either order of the last axis, the first one too where there is one group.
        let strides =
            if groups == 1 && noise.below(2) == 0 { [1, ins * outs, outs] } else { [reads.taps() * ins, ins, 1] };
        Self {
            groups,
            ins,
            outs,
            reads,
            frame,
            x,
            onto,
            start,
            weights,
            strides,
            add: noise.below(2) == 0,
            bias: Vec::new(),
        }
    }

    pub(crate) fn masked_conv(&self, isa: Isa) -> Vec<T> {
        let [to, tap, from] = self.strides;
        let weights = Weights { data: &self.weights, to, tap, from };
        let (width, groups, add) = (self.x.width, self.groups, self.add);
        let mut y = self.start.clone();
        let (from, to, after) = (self.x.support.rows(), self.onto.rows(), None);
        MaskedConv { from, to, reads: &self.reads, groups, weights, width, add, after }.run_by(
            isa,
            &self.x.values,
            &mut y,
        );
        y
    }

    pub(crate) fn masked_depthwise(&self, isa: Isa) -> Vec<T> {
        let (width, add) = (self.x.width, self.add);
        let mut y = self.start.clone();
        let (from, to) = (self.x.support.rows(), self.onto.rows());
        let taps = self.reads.taps();
        let weights: Vec<T> = (0..taps).flat_map(|tap| self.weights[tap..].iter().step_by(taps).copied()).collect();
        MaskedDepthwise { from, to, reads: &self.reads, weights: &weights, width, add }.run_by(
            isa,
            &self.x.values,
            &mut y,
        );
        y
    }

    /// The same geometry with one whole tensor on both sides, one group's weights as `[c][t][d]`.
    pub(crate) fn whole(noise: &Noise, depth: bool) -> Self {
        Self::new(noise, depth).filled(noise)
    }

    pub(crate) fn filled(mut self, noise: &Noise) -> Self {
        let (from, to) = (Support::full(self.x.support.shape()), Support::full(self.onto.shape()));
        self.x = Batch { values: noise.numbers(from.count()), support: from, width: 1 };
        self.start = noise.numbers(to.count());
        self.onto = to;
        self.strides = [self.reads.taps() * self.ins, self.ins, 1];
        if noise.below(3) == 0 {
            (self.add, self.bias) = (false, noise.numbers(self.groups * self.outs));
        }
        self
    }

    /// The same geometry with few channels in the result.
    pub(crate) fn thin(&mut self, noise: &Noise) {
        self.outs = 1 + noise.below(THIN);
        self.onto = Support::full(&[self.x.support.shape()[0], self.groups * self.outs, self.reads.places_to()]);
        self.weights = noise.numbers(self.groups * self.outs * self.reads.taps() * self.ins);
    }

    /// All of x in the frame of its planes, NaN behind it.
    fn framed(&self, isa: Isa, frame: &Padded) -> Vec<T> {
        let mut x = vec![T::nan(); self.x.values.len() / frame.places_from() * frame.size() + SLACK];
        let planes = x.len() - SLACK;
        frame.run_by(isa, &self.x.values, &mut x[..planes]);
        x
    }

    pub(crate) fn winograd(&self, isa: Isa, axes: &[WindowAxis; 2], transpose: bool) -> Vec<T> {
        let (input, output) = (axes.map(|axis| axis.input), axes.map(|axis| axis.output));
        let (from, to) = if transpose { (output, input) } else { (input, output) };
        let frame = winograd::frame(from, to, axes.map(|axis| if transpose { 2 - axis.pad } else { axis.pad }));
        let block = winograd::block::<T>(self.outs, to);
        let blocks = self.outs.div_ceil(block);
        let mut weights = vec![T::zero(); self.groups * winograd::POINTS * blocks * self.ins * block];
        for (g, group) in self.weights.chunks_exact(self.outs * 9 * self.ins).enumerate() {
            for (c, d) in (0..self.outs).flat_map(|c| (0..self.ins).map(move |d| (c, d))) {
                let tap = |tap: usize| group[(c * 9 + if transpose { 8 - tap } else { tap }) * self.ins + d];
                for (point, value) in winograd::spectrum(std::array::from_fn(tap)).into_iter().enumerate() {
                    let row = ((g * winograd::POINTS + point) * blocks + c / block) * self.ins + d;
                    weights[row * block + c % block] = value;
                }
            }
        }
        let (mut y, frame) = (self.start.clone(), &frame);
        let (groups, from, begin) = (self.groups, self.ins, self.begin());
        Winograd { frame, groups, from, to: self.outs, places: to, weights: &weights, begin }.run_by(
            isa,
            &self.framed(isa, frame),
            &mut y,
        );
        y
    }

    pub(crate) fn few_channels(&self, isa: Isa) -> Vec<T> {
        let (taps, mut y) = (self.reads.taps(), self.start.clone());
        let windows = self.weights.chunks_exact(taps * self.ins);
        let weights: Vec<T> =
            windows.flat_map(|w| (0..taps * self.ins).map(|i| w[i % taps * self.ins + i / taps])).collect();
        let (groups, from, to, strides, begin) = (self.groups, self.ins, self.outs, [self.ins, 1], self.begin());
        FewChannels { frame: &self.frame, groups, from, to, weights: &weights, strides, taps, begin }.run_by(
            isa,
            &self.x.values,
            &mut y,
        );
        y
    }

    /// Of a depthwise product whose windows lie as `axes`, or of its transpose.
    pub(crate) fn dense_depthwise(&self, isa: Isa, axes: [WindowAxis; 2], turned: bool) -> Vec<T> {
        let mut y = self.start.clone();
        DenseDepthwise { axes, weights: &self.weights, turned, begin: self.begin() }.run_by(
            isa,
            &self.x.values,
            &mut y,
        );
        y
    }

    /// `[g][c / size][t][d][c % size]`
    fn blocks(&self, size: usize) -> Vec<T> {
        let (taps, mut weights) = (self.reads.taps(), Vec::new());
        for group in self.weights.chunks_exact(self.outs * taps * self.ins) {
            for block in group.chunks(size * taps * self.ins) {
                for i in 0..taps * self.ins {
                    weights.extend((0..size).map(|c| block.get(c * taps * self.ins + i).copied().unwrap_or(T::zero())));
                }
            }
        }
        weights
    }

    pub(crate) fn channels_last(&self, isa: Isa) -> Vec<T> {
        let (taps, mut y, weights) = (self.reads.taps(), self.start.clone(), self.blocks(channels_last::lanes::<T>()));
        let x = if self.frame.is_bare() { self.x.values.clone() } else { self.framed(isa, &self.frame) };
        let (groups, from, to, begin) = (self.groups, self.ins, self.outs, self.begin());
        ChannelsLast { frame: &self.frame, groups, from, to, weights: &weights, taps, begin }.run_by(isa, &x, &mut y);
        y
    }

    pub(crate) fn im2col(&self, isa: Isa) -> Vec<T> {
        let (taps, mut y, weights) = (self.reads.taps(), self.start.clone(), self.blocks(BLOCK));
        let x = if self.frame.is_bare() { self.x.values.clone() } else { self.framed(isa, &self.frame) };
        let (groups, from, to, begin) = (self.groups, self.ins, self.outs, self.begin());
        Im2col { frame: &self.frame, groups, from, to, weights: &weights, taps, begin }.run_by(isa, &x, &mut y);
        y
    }

    /// The same sums from the definition, of the same window index: a fault of the index is found by the law of the dense twin
    /// (netfold-linear/tests/laws), not here.
    pub(crate) fn plain(&self) -> Vec<f64> {
        let (width, places_to, places_from) = (self.x.width, self.reads.places_to(), self.reads.places_from());
        let mut sums = Vec::new();
        for (row, element) in self.onto.elements().enumerate() {
            let (channel, place) = (element / places_to, element % places_to);
            let (image, c) = (channel / (self.groups * self.outs), channel % (self.groups * self.outs));
            let group = c / self.outs;
            for probe in 0..width {
                let mut sum = if self.add { self.start[row * width + probe].wide() } else { self.begin().at(c).wide() };
                self.reads.visit(self.reads.at(place), |read, tap| {
                    for d in 0..self.ins {
                        let from = ((image * self.groups + group) * self.ins + d) * places_from + read;
                        let [to_step, tap_step, from_step] = self.strides;
                        let w = self.weights[c * to_step + tap * tap_step + d * from_step];
                        sum += self.x.at(from).map_or(0.0, |x| w.wide() * x[probe].wide());
                    }
                });
                sums.push(sum);
            }
        }
        sums
    }
}
