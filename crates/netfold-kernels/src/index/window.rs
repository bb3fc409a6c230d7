//! The window of a convolution or a pool: kernel size, stride, dilation and padding along each axis.

/// A window that slides over one or more spatial axes: what convolutions and pools share.
///
/// Along each axis, tap k of output place o reads input place o · stride + k · dilation − pad; places outside
/// 0..input are padding.
///
/// Source: ONNX `Conv`, `MaxPool`, `AveragePool`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// One entry for each spatial axis, outermost first.
    pub axes: Vec<WindowAxis>,
}

/// A window along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowAxis {
    /// Places of the input.
    pub input: usize,
    /// Taps of the window.
    pub kernel: usize,
    /// Input places between neighbouring outputs.
    pub stride: usize,
    /// Input places between neighbouring taps.
    pub dilation: usize,
    /// Padding before the first place; negative crops.
    pub pad: isize,
    /// Places of the output.
    pub output: usize,
}

impl WindowAxis {
    /// The trivial window: one tap on an axis of length one.
    pub const UNIT: Self = Self { input: 1, kernel: 1, stride: 1, dilation: 1, pad: 0, output: 1 };

    /// The input place that tap `tap` of output `output` reads; `None` in the padding.
    #[inline]
    pub fn read(&self, output: usize, tap: usize) -> Option<usize> {
        let place = (output * self.stride + tap * self.dilation) as isize - self.pad;
        (place >= 0 && place < self.input as isize).then_some(place as usize)
    }

    /// The outputs whose tap `tap` lies inside the input: a contiguous range.
    #[inline]
    pub fn inside(&self, tap: usize) -> std::ops::Range<usize> {
        let offset = (tap * self.dilation) as isize - self.pad;
        let stride = self.stride as isize;
        // First o with o·stride + offset ≥ 0, first o with o·stride + offset ≥ input.
        let first = ceil_div((-offset).max(0), stride) as usize;
        let end = ceil_div((self.input as isize - offset).max(0), stride) as usize;
        first.min(self.output)..end.clamp(first.min(self.output), self.output)
    }

    /// The window by which the transpose of one without stride reads, its taps the other way.
    pub fn turned(&self) -> Option<Self> {
        let pad = (self.kernel.checked_sub(1)? * self.dilation) as isize - self.pad;
        (self.stride == 1).then_some(Self { input: self.output, output: self.input, pad, ..*self })
    }
}

/// ⌈a / b⌉ for a positive b.
fn ceil_div(a: isize, b: isize) -> isize {
    (a + b - 1).div_euclid(b)
}

impl Window {
    /// Spatial shape of the input.
    pub fn input(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.input).collect()
    }

    /// Spatial shape of the output.
    pub fn output(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.output).collect()
    }

    /// Taps of the window.
    pub fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.kernel).product()
    }

    /// Calls `visit(tap, input place)` for each tap of the output place that lies inside the input, in order; places
    /// and taps are flat row-major indices.
    pub fn visit(&self, output: usize, mut visit: impl FnMut(usize, usize)) {
        self.visit_axis(0, output, self.output().iter().product(), 0, 0, &mut visit);
    }

    fn visit_axis(
        &self,
        depth: usize,
        output: usize,
        block: usize,
        tap: usize,
        place: usize,
        visit: &mut impl FnMut(usize, usize),
    ) {
        let Some(axis) = self.axes.get(depth) else { return visit(tap, place) };
        let block = block / axis.output.max(1);
        let (here, rest) = (output / block.max(1), output % block.max(1));
        for k in 0..axis.kernel {
            if let Some(read) = axis.read(here, k) {
                self.visit_axis(depth + 1, rest, block, tap * axis.kernel + k, place * axis.input + read, visit);
            }
        }
    }
}
