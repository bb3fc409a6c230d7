//! Dense depthwise convolution: `y[c, p] = Σ over t of w[c, t] · x[c, p · stride + t · dilation − pad]`. The lanes of a
//! register are neighbouring places of a line. Taps beyond the ends of a line use masked loads, so that no padded copy
//! is made.

use std::ops::Range;

use rayon::prelude::*;

use crate::dense::microkernel::{Init, cuts};
use crate::index::WindowAxis;
use crate::memory::SendPtr;
use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};

/// Lines that are summed together, with wide registers and with others: as many as give the processor enough
/// independent sums.
const WIDE: usize = 4;
const LINES: usize = 7;
/// Taps along a line at most.
pub const TAPS: usize = 16;
/// Places between neighbouring places of the result at most.
pub const STRIDE: usize = 2;
/// Products of one task at least.
const PRODUCTS: usize = 1 << 16;

/// A depthwise convolution of one whole tensor.
#[derive(Debug)]
pub struct DenseDepthwise<'a, T> {
    /// The window along each axis.
    pub axes: [WindowAxis; 2],
    /// `[channel][tap]`
    pub weights: &'a [T],
    /// Whether the taps of a window are reversed, as the transposed convolution needs.
    pub turned: bool,
    /// What the sums of y begin with.
    pub begin: Init<'a, T>,
}

impl<T: Lanes> DenseDepthwise<'_, T> {
    pub(crate) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        let [from, to] = [self.axes.map(|axis| axis.input), self.axes.map(|axis| axis.output)];
        let [from, to] = [from, to].map(|places| places.iter().product::<usize>());
        if y.is_empty() {
            return;
        }
        let (planes, taps) = (y.len() / to, self.axes.iter().map(|axis| axis.kernel).product::<usize>());
        let channels = self.weights.len() / taps;
        assert!(planes * to == y.len() && planes * from == x.len(), "planes of x and y");
        assert!(channels * taps == self.weights.len() && planes.is_multiple_of(channels), "a window a channel");
        assert!(self.axes[1].kernel <= TAPS && (1..=STRIDE).contains(&self.axes[1].stride), "windows of this loop");
        let part = Part { job: self, x, y: SendPtr(y.as_mut_ptr()) };
        let task = PRODUCTS.div_ceil(to * taps);
        (0..planes.div_ceil(task)).into_par_iter().for_each(|index| {
            let planes = index * task..((index + 1) * task).min(planes);
            // SAFETY: `isa` is one that this processor has; a task writes the places of its own planes.
            unsafe { dispatch(isa, ByPlanes { part: &part, planes }) };
        });
    }
}

/// What all tasks share.
struct Part<'a, T> {
    job: &'a DenseDepthwise<'a, T>,
    x: &'a [T],
    y: SendPtr<T>,
}

/// The work of one task: some planes. Its `run` has the safety conditions of [`body`].
struct ByPlanes<'a, T> {
    part: &'a Part<'a, T>,
    planes: Range<usize>,
}

impl<T: Lanes> Body<T> for ByPlanes<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe {
            if V::REGISTERS < 32 {
                by_stride::<V, LINES>(simd, self.part, self.planes);
            } else {
                by_stride::<V, WIDE>(simd, self.part, self.planes);
            }
        }
    }
}

/// # Safety
/// See [`body`].
#[inline(always)]
unsafe fn by_stride<V: Vector, const L: usize>(simd: Simd<V>, part: &Part<'_, V::Lane>, planes: Range<usize>) {
    // SAFETY: the caller's.
    unsafe {
        match part.job.axes[1].stride {
            1 => body::<V, 1, L>(simd, part, planes),
            _ => body::<V, STRIDE, L>(simd, part, planes),
        }
    }
}

/// Some planes, of lines with places S apart, L of them at a time.
///
/// # Safety
/// What [`DenseDepthwise::run_by`] asserts holds, no other thread reads or writes these planes of y.
#[inline(always)]
unsafe fn body<V: Vector, const S: usize, const L: usize>(
    simd: Simd<V>,
    part: &Part<'_, V::Lane>,
    planes: Range<usize>,
) {
    let DenseDepthwise { axes: [down, along], weights, turned, begin } = part.job;
    let (from, to, taps) = (down.input * along.input, down.output * along.output, down.kernel * along.kernel);
    // SAFETY: the caller's.
    let stretches = unsafe { stretches::<V, S>(simd, along) };
    // What stands for a line that is not there.
    let zeros = vec![V::Lane::default(); along.input];
    let mut read = vec![[zeros.as_ptr(); L]; down.kernel];
    let blocks: Vec<Block<L>> =
        cuts(down.output, down.output.div_ceil(L)).map(|lines| Block::new(lines, down, along.input)).collect();
    let end = planes.end;
    for index in planes {
        let channel = index % (weights.len() / taps);
        let window = &weights[channel * taps..][..taps];
        let x = part.x[index * from..][..from].as_ptr();
        for Block { lines, offsets } in &blocks {
            for (read, offsets) in read.iter_mut().zip(offsets) {
                for l in 0..L {
                    read[l] = offsets[l].map_or(zeros.as_ptr(), |offset| x.wrapping_add(offset));
                }
            }
            let plane = Lines {
                read: &read,
                y: part.y.get().wrapping_add(index * to + lines.start * along.output),
                apart: along.output,
                weights: window.as_ptr().wrapping_add(if *turned { taps - 1 } else { 0 }),
                step: if *turned { -1 } else { 1 },
                begin: (!begin.adds()).then(|| begin.at(channel)),
                free: !begin.adds() && (end - index) * to - lines.end * along.output >= V::LANES,
            };
            // Along the lines, which a processor sees coming; from their ends on, as `free` demands.
            for stretch in stretches.iter().rev() {
                macro_rules! sums {
                    ($($l:literal)+) => {
                        match lines.len() {
                            // SAFETY: lines and places are there; the caller's.
                            $(
                                $l if $l <= L && stretch.whole => unsafe { plane.sums::<S, $l, true, V>(simd, stretch) },
                                $l if $l <= L => unsafe { plane.sums::<S, $l, false, V>(simd, stretch) },
                            )+
                            _ => unreachable!("L lines at most"),
                        }
                    };
                }
                sums!(1 2 3 4 5 6 7 8);
            }
        }
    }
}

/// Lines of a plane that are summed together, L at most.
struct Block<const L: usize> {
    lines: Range<usize>,
    /// For each tap where in a plane of x each of them reads, if there is a line.
    offsets: Vec<[Option<usize>; L]>,
}

impl<const L: usize> Block<L> {
    /// These lines, of numbers that lie `len` apart from line to line of x.
    fn new(lines: Range<usize>, axis: &WindowAxis, len: usize) -> Self {
        let offset = |line: Option<usize>, tap| Some(axis.read(line?, tap)? * len);
        let of_tap = |tap| std::array::from_fn(|l| offset(lines.clone().nth(l), tap));
        Self { offsets: (0..axis.kernel).map(of_tap).collect(), lines }
    }
}

/// Where the lanes of a register read through a tap along a line.
#[derive(Clone, Copy)]
struct Reach<M> {
    /// From the beginning of a line, before which it can lie.
    from: isize,
    /// What lies inside the line, of the lanes there and of the register behind them.
    near: M,
    far: M,
}

/// A register of places on a line.
struct Stretch<V: Vector> {
    /// The first of them.
    at: usize,
    /// For each tap along the line.
    reaches: Vec<Reach<V::Mask>>,
    /// Whether the register that each tap reads from its first place on is inside the line as a whole.
    whole: bool,
    written: V::Mask,
}

/// All places of a line.
///
#[inline(always)]
unsafe fn stretches<V: Vector, const S: usize>(simd: Simd<V>, axis: &WindowAxis) -> Vec<Stretch<V>> {
    let mut stretches = Vec::with_capacity(axis.output.div_ceil(V::LANES));
    let mut at = 0;
    while at < axis.output {
        let count = V::LANES.min(axis.output - at);
        let (mut reaches, mut whole) = (Vec::with_capacity(axis.kernel), true);
        for tap in 0..axis.kernel {
            let inside = axis.inside(tap);
            let (first, end) = (inside.start.clamp(at, at + count) - at, inside.end.clamp(at, at + count) - at);
            // Counted in places of x from the first lane's on; the last one reads no further than itself.
            let (first, end) = if first < end { (first * S, (end - 1) * S + 1) } else { (0, 0) };
            // SAFETY: the caller's; no mask is of more lanes than there are.
            let [near, far] = unsafe {
                [
                    simd.mask(first.min(V::LANES), end.min(V::LANES)),
                    simd.mask(first.max(V::LANES) - V::LANES, end.max(V::LANES) - V::LANES),
                ]
            };
            reaches.push(Reach { from: (at * S + tap * axis.dilation) as isize - axis.pad, near, far });
            whole &= first == 0 && end >= V::LANES;
        }
        // SAFETY: as above.
        stretches.push(Stretch { at, reaches, whole, written: unsafe { simd.mask(0, count) } });
        at += count;
    }
    stretches
}

/// Some lines of a plane, L at most.
struct Lines<'a, T, const L: usize> {
    /// For each tap where each of them reads from.
    read: &'a [[*const T; L]],
    /// The first of them; the next one lies `apart` numbers further.
    y: *mut T,
    apart: usize,
    /// The weight of the first tap; the next one lies `step` behind.
    weights: *const T,
    step: isize,
    /// What sums begin with; what y holds without it.
    begin: Option<T>,
    /// Whether a register of places behind these lines is written later: whole registers are stored then, over the ends of
    /// lines, too, and what is written there is written again.
    free: bool,
}

impl<T: Lanes, const L: usize> Lines<'_, T, L> {
    /// The sums of some places on the first N lines. WHOLE: each tap reads whole registers.
    ///
    /// # Safety
    /// See [`body`]; there are N lines.
    #[inline(always)]
    unsafe fn sums<const S: usize, const N: usize, const WHOLE: bool, V: Vector<Lane = T>>(
        &self,

        simd: Simd<V>,
        stretch: &Stretch<V>,
    ) {
        let mut weight = self.weights;
        // SAFETY: the caller's; a weight for each tap. Of x the masks read no numbers but those of a line, and zeros. Whole
        // registers are stored only where `free` says that what lies behind the lines is this task's, too.
        unsafe {
            let mut sums = [simd.zero(); N];
            for read in self.read {
                for reach in &stretch.reaches {
                    let w = simd.splat(*weight);
                    weight = weight.wrapping_offset(self.step);
                    for n in 0..N {
                        let x = read[n].wrapping_offset(reach.from);
                        let near = if WHOLE { simd.load(x) } else { simd.load_masked(x, reach.near) };
                        let read = match S {
                            1 => near,
                            _ => near.deinterleave_even(simd.load_masked(x.wrapping_add(V::LANES), reach.far)),
                        };
                        sums[n] = w.multiply_add(read, sums[n]);
                    }
                }
            }
            // Numbers of their own: what is stored one after the other is in memory, where sums must not be.
            let mut made = [simd.zero(); N];
            let y = self.y.wrapping_add(stretch.at);
            for n in 0..N {
                let begin = match self.begin {
                    Some(begin) => simd.splat(begin),
                    None => simd.load_masked(y.wrapping_add(n * self.apart), stretch.written),
                };
                made[n] = begin.add(sums[n]);
            }
            if self.free {
                for n in 0..N {
                    made[n].store(y.wrapping_add(n * self.apart));
                }
                return;
            }
            for (n, made) in made.into_iter().enumerate() {
                made.store_masked(y.wrapping_add(n * self.apart), stretch.written);
            }
        }
    }
}
