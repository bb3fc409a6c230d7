//! Depthwise convolutions of one whole tensor: y[c, p] = Σ over t of w[c, t] · x[c, p · stride + t · dilation − pad], each
//! channel alone. Lanes are places of a line; what a tap reads beyond a line's ends is masked, and nothing is copied before.

use std::ops::Range;

use rayon::prelude::*;

use super::parts::Begin;
use super::vector::Vector;
use super::{Isa, Kernel, Loop, Shared};
use crate::{Real, WindowAxis};

/// Lines that are summed together.
const LINES: usize = 4;
/// Taps along a line at most.
pub(crate) const TAPS: usize = 16;
/// Places between neighbouring places of the result at most.
pub(crate) const STRIDE: usize = 2;
/// Products of one task at least.
const PRODUCTS: usize = 1 << 16;

/// A depthwise product of a whole tensor.
#[derive(Debug)]
pub(crate) struct Lone<'a, T> {
    pub axes: [WindowAxis; 2],
    /// `[channel][tap]`
    pub weights: &'a [T],
    /// Whether the windows are gone through from their last tap.
    pub turned: bool,
    pub begin: Begin<'a, T>,
}

impl<T: Real> Lone<'_, T> {
    /// Computes all of y from x.
    pub fn run(&self, x: &[T], y: &mut [T]) {
        T::run(Loop(Kernel::Lone(self)), x, y);
    }

    pub(super) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
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
        let part = Part { job: self, x, y: Shared(y.as_mut_ptr()) };
        let task = PRODUCTS.div_ceil(to * taps);
        (0..planes.div_ceil(task)).into_par_iter().for_each(|index| {
            let planes = index * task..((index + 1) * task).min(planes);
            // SAFETY: `isa` is one that this processor has; a task writes the places of its own planes.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(&part, planes),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(&part, planes),
                    Isa::Portable => by_stride::<T::Plain>(&part, planes),
                }
            }
        });
    }
}

/// What all tasks share.
struct Part<'a, T> {
    job: &'a Lone<'a, T>,
    x: &'a [T],
    y: Shared<T>,
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(part: &Part<'_, T>, planes: Range<usize>) {
    // SAFETY: the caller's.
    unsafe { by_stride::<T::Wide>(part, planes) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(part: &Part<'_, T>, planes: Range<usize>) {
    // SAFETY: the caller's.
    unsafe { by_stride::<T::Half>(part, planes) }
}

/// # Safety
/// See [`body`].
#[inline(always)]
unsafe fn by_stride<V: Vector>(part: &Part<'_, V::Lane>, planes: Range<usize>) {
    // SAFETY: the caller's.
    unsafe {
        match part.job.axes[1].stride {
            1 => body::<V, 1>(part, planes),
            _ => body::<V, STRIDE>(part, planes),
        }
    }
}

/// Some planes, of lines with places S apart.
///
/// # Safety
/// What [`Lone::run_by`] asserts holds, no other thread reads or writes these planes of y, and the processor has the
/// instructions of V.
#[inline(always)]
unsafe fn body<V: Vector, const S: usize>(part: &Part<'_, V::Lane>, planes: Range<usize>) {
    let Lone { axes: axes @ [down, along], weights, turned, begin } = part.job;
    let (from, to, taps) = (down.input * along.input, down.output * along.output, down.kernel * along.kernel);
    let mut at = 0;
    while at < along.output {
        let count = V::LANES.min(along.output - at);
        // SAFETY: the caller's.
        let (reaches, written) = unsafe { (reaches::<V, S>(along, at, count), V::mask(0, count)) };
        for index in planes.clone() {
            let channel = index % (weights.len() / taps);
            let window = &weights[channel * taps..][..taps];
            let plane = Plane {
                axes,
                x: part.x[index * from..][..from].as_ptr(),
                y: part.y.get().wrapping_add(index * to + at),
                weights: window.as_ptr().wrapping_add(if *turned { taps - 1 } else { 0 }),
                step: if *turned { -1 } else { 1 },
                begin: (!begin.adds()).then(|| begin.at(channel)),
                reaches: &reaches[..along.kernel],
                written,
            };
            let mut line = 0;
            while line < down.output {
                // SAFETY: the lines are there; the caller's.
                unsafe {
                    match down.output - line {
                        1 => sums::<V, S, 1>(&plane, line),
                        2 => sums::<V, S, 2>(&plane, line),
                        3 => sums::<V, S, 3>(&plane, line),
                        _ => sums::<V, S, LINES>(&plane, line),
                    }
                }
                line += LINES;
            }
        }
        at += count;
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

/// For each tap along a line, where `count` places from `at` on read.
///
/// # Safety
/// `count` is at most a register's lanes, and the processor has the instructions of V.
#[inline(always)]
unsafe fn reaches<V: Vector, const S: usize>(axis: &WindowAxis, at: usize, count: usize) -> [Reach<V::Mask>; TAPS] {
    // SAFETY: the caller's; no mask is of more lanes than there are.
    unsafe {
        let none = V::mask(0, 0);
        let mut reaches = [Reach { from: 0, near: none, far: none }; TAPS];
        for tap in 0..axis.kernel {
            let inside = axis.inside(tap);
            let (first, end) = (inside.start.clamp(at, at + count) - at, inside.end.clamp(at, at + count) - at);
            // Counted in places of x from the first lane's on; the last one reads no further than itself.
            let (first, end) = if first < end { (first * S, (end - 1) * S + 1) } else { (0, 0) };
            let near = V::mask(first.min(V::LANES), end.min(V::LANES));
            let far = V::mask(first.max(V::LANES) - V::LANES, end.max(V::LANES) - V::LANES);
            reaches[tap] = Reach { from: (at * S + tap * axis.dilation) as isize - axis.pad, near, far };
        }
        reaches
    }
}

/// A plane, and a register of places on each of its lines.
struct Plane<'a, V: Vector> {
    axes: &'a [WindowAxis; 2],
    x: *const V::Lane,
    /// The first of the places.
    y: *mut V::Lane,
    /// That of the first tap; the next one lies `step` behind.
    weights: *const V::Lane,
    step: isize,
    /// What sums begin with; what y holds without it.
    begin: Option<V::Lane>,
    reaches: &'a [Reach<V::Mask>],
    written: V::Mask,
}

/// The sums on L lines from `line` on.
///
/// # Safety
/// See [`body`].
#[inline(always)]
unsafe fn sums<V: Vector, const S: usize, const L: usize>(plane: &Plane<'_, V>, line: usize) {
    let [down, along] = plane.axes;
    let mut weight = plane.weights;
    // SAFETY: the caller's; a weight for each tap. Of x the masks read no numbers but those of a line, which lies inside.
    unsafe {
        let mut sums = [V::zero(); L];
        for tap in 0..down.kernel {
            let first = (line * down.stride + tap * down.dilation) as isize - down.pad;
            let inside = |l: usize| (first.wrapping_add((l * down.stride) as isize) as usize) < down.input;
            let whole = inside(0) && inside(L - 1);
            let x = plane.x.wrapping_offset(first * along.input as isize);
            for reach in plane.reaches {
                let (w, x) = (V::splat(*weight), x.wrapping_offset(reach.from));
                weight = weight.wrapping_offset(plane.step);
                for l in 0..L {
                    if whole || inside(l) {
                        let x = x.wrapping_add(l * down.stride * along.input);
                        let near = V::load_masked(x, reach.near);
                        let read = match S {
                            1 => near,
                            _ => near.evens(V::load_masked(x.wrapping_add(V::LANES), reach.far)),
                        };
                        sums[l] = w.multiply_add(read, sums[l]);
                    }
                }
            }
        }
        for l in 0..L {
            let y = plane.y.wrapping_add((line + l) * along.output);
            let begin = match plane.begin {
                Some(begin) => V::splat(begin),
                None => V::load_masked(y, plane.written),
            };
            begin.add(sums[l]).store_masked(y, plane.written);
        }
    }
}
