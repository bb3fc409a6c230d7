//! The largest number of each window of a plane.

use num_traits::{Float, One};

use super::Isa;
use super::scratch::Scratch;
use super::vector::{MOST, Vector};
use crate::{Real, Window, WindowAxis};

/// A window as it lies over the lines of a plane: neighbouring places along the last axis are compared side by side.
#[derive(Clone, Debug)]
pub struct Contest {
    /// For each line of y the lines of x that it reads, in the order of the taps.
    lines: Vec<Vec<usize>>,
    axis: WindowAxis,
    /// For each place of a line of y, where in a line of x its window begins.
    first: Vec<u32>,
    /// Each tap along the last axis.
    taps: Vec<Tap>,
    /// A line of x lies as one row for each residue of its places by the stride, so that neighbours of y read neighbours;
    /// before the row's numbers are so many −∞, and behind them as many as make so many numbers.
    front: usize,
    pitch: usize,
}

/// What the first place of a line of y reads through a tap.
#[derive(Clone, Copy, Debug)]
struct Tap {
    /// Its place in a line of x, which wraps around before it.
    place: u32,
    /// Where it lies in the rows of a line.
    at: usize,
}

impl Contest {
    /// The contest of a window that has a place of the input at every place of the output.
    ///
    /// # Panics
    /// If a window lies in the padding.
    pub fn new(window: &Window) -> Self {
        let (&axis, outer) = window.axes.split_last().unwrap_or((&WindowAxis::UNIT, &[]));
        let outer = Window { axes: outer.to_vec() };
        let read = |line| {
            let mut read = Vec::new();
            outer.visit(line, |_, line| read.push(line));
            assert!(!read.is_empty(), "a window lies in the padding");
            read
        };
        let lines = (0..outer.output().iter().product()).map(read).collect();
        let first =
            |o| (0..axis.kernel).find_map(|tap| axis.read(o, tap)).expect("a window lies in the padding") as u32;
        let stride = axis.stride as isize;
        let places = (0..axis.kernel).map(|tap| (tap * axis.dilation) as isize - axis.pad);
        let before = places.clone().map(|place| place.div_euclid(stride)).min().unwrap_or(0);
        let behind = places.clone().map(|place| place.div_euclid(stride)).max().unwrap_or(0).max(0) as usize;
        let front = before.min(0).unsigned_abs();
        let pitch = front + (behind + axis.output.next_multiple_of(MOST)).max(axis.input.div_ceil(axis.stride));
        let tap = |place: isize| Tap {
            place: place as u32,
            at: place.rem_euclid(stride) as usize * pitch + (place.div_euclid(stride) + front as isize) as usize,
        };
        Self {
            lines,
            axis,
            first: (0..axis.output).map(first).collect(),
            taps: places.map(tap).collect(),
            front,
            pitch,
        }
    }

    /// For each output place of a plane, the first place of its window that holds the largest value there, or the first
    /// NaN if one does; and that value. Places are counted from `origin` on.
    ///
    /// # Panics
    /// If x is not such a plane, or `winners` and `largest` have not one number for each output place.
    pub fn winners<T: Real>(&self, origin: u32, x: &[T], winners: &mut [u32], largest: &mut [T]) {
        self.winners_by(Isa::best(), origin, x, winners, largest);
    }

    pub(super) fn winners_by<T: Real>(&self, isa: Isa, origin: u32, x: &[T], winners: &mut [u32], largest: &mut [T]) {
        let outputs = self.lines.len() * self.axis.output;
        assert_eq!((winners.len(), largest.len()), (outputs, outputs), "a number for each output place");
        let lines = x.len() / self.axis.input;
        assert!(lines * self.axis.input == x.len() && self.lines.iter().flatten().all(|&l| l < lines), "a plane of x");
        T::with_scratch(|scratch| match isa {
            // SAFETY: `isa` is one that this processor has; lengths as asserted.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512(self, origin, x, winners, largest, scratch) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2(self, origin, x, winners, largest, scratch) },
            // SAFETY: as above.
            Isa::Portable => unsafe { body::<T::Plain>(self, origin, x, winners, largest, scratch) },
        });
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(
    contest: &Contest,
    origin: u32,
    x: &[T],
    winners: &mut [u32],
    largest: &mut [T],
    scratch: &mut Scratch<T>,
) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide>(contest, origin, x, winners, largest, scratch) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(
    contest: &Contest,
    origin: u32,
    x: &[T],
    winners: &mut [u32],
    largest: &mut [T],
    scratch: &mut Scratch<T>,
) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half>(contest, origin, x, winners, largest, scratch) }
}

/// # Safety
/// Lengths are what [`Contest::winners_by`] asserts, and the processor has the instructions of V.
#[inline(always)]
unsafe fn body<V: Vector>(
    contest: &Contest,
    origin: u32,
    x: &[V::Lane],
    winners: &mut [u32],
    largest: &mut [V::Lane],
    scratch: &mut Scratch<V::Lane>,
) {
    let Contest { lines, axis, first, taps, pitch, .. } = contest;
    let size = axis.stride * pitch;
    let [rows, _, _] = scratch.hold([x.len() / axis.input * size, 0, 0]);
    for (line, rows) in x.chunks_exact(axis.input).zip(rows.chunks_exact_mut(size)) {
        // SAFETY: the caller's.
        unsafe { split::<V>(contest, line, rows) };
    }
    // For each tap of the window of a line's first place the place that it reads.
    let mut places: Vec<u32> = Vec::new();
    let made = winners.chunks_exact_mut(axis.output.max(1)).zip(largest.chunks_exact_mut(axis.output.max(1)));
    for (lines, (winners, largest)) in lines.iter().zip(made) {
        places.clear();
        for line in lines {
            places.extend(taps.iter().map(|tap| tap.place.wrapping_add((line * axis.input) as u32)));
        }
        let mut at = 0;
        while at < axis.output {
            let count = V::LANES.min(axis.output - at);
            // SAFETY: a line's rows have a register for each of its places through each tap; names are small integers.
            let (taken, none) = unsafe {
                let [mut name, one, lowest] = [V::zero(), V::splat(V::Lane::one()), V::splat(V::Lane::neg_infinity())];
                let (mut best, mut holder) = (lowest, name);
                for line in lines {
                    // Lines are compared by their own largest: all taps one after the other would wait for each other.
                    let line = rows.as_ptr().wrapping_add(line * size + at);
                    let (mut of_line, mut its) = (lowest, name);
                    for tap in taps {
                        [of_line, its] = V::load(line.wrapping_add(tap.at)).contend(name, of_line, its);
                        name = name.add(one);
                    }
                    [best, holder] = of_line.contend(its, best, holder);
                }
                best.store_first(largest.as_mut_ptr().wrapping_add(at), count);
                (holder.whole(), best.at_most(lowest))
            };
            for (o, (winner, name)) in winners[at..][..count].iter_mut().zip(taken).enumerate() {
                *winner = origin.wrapping_add(places[name as usize]).wrapping_add(((at + o) * axis.stride) as u32);
            }
            if none != 0 {
                // A window without a number above −∞ is won by its first place.
                for o in (0..count).filter(|o| none >> o & 1 == 1) {
                    winners[at + o] = origin.wrapping_add((lines[0] * axis.input) as u32 + first[at + o]);
                }
            }
            at += count;
        }
    }
}

/// A line of x as its rows.
///
/// # Safety
/// `rows` has a row of the contest's pitch for each residue, and the processor has the instructions of V.
#[inline(always)]
unsafe fn split<V: Vector>(contest: &Contest, line: &[V::Lane], rows: &mut [V::Lane]) {
    let stride = contest.axis.stride;
    for (residue, row) in rows.chunks_exact_mut(contest.pitch).enumerate() {
        let (before, row) = row.split_at_mut(contest.front);
        before.fill(V::Lane::neg_infinity());
        let from = line.get(residue..).unwrap_or(&[]);
        let (row, behind) = row.split_at_mut(from.len().div_ceil(stride));
        behind.fill(V::Lane::neg_infinity());
        match stride {
            1 => row.copy_from_slice(from),
            2 => {
                let mut at = 0;
                while at < row.len() {
                    let (x, left) = (from.as_ptr().wrapping_add(2 * at), from.len() - 2 * at);
                    // SAFETY: as many numbers as the line and the row have left.
                    unsafe {
                        let near = V::load_first(x, left.min(V::LANES));
                        let far =
                            V::load_first(x.wrapping_add(V::LANES), left.clamp(V::LANES, 2 * V::LANES) - V::LANES);
                        near.evens(far).store_first(row.as_mut_ptr().wrapping_add(at), V::LANES.min(row.len() - at));
                    }
                    at += V::LANES;
                }
            }
            _ => row.iter_mut().enumerate().for_each(|(i, to)| *to = from[i * stride]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::Contest;
    use crate::Window;
    use crate::kernels::Isa;
    use crate::kernels::tests::Noise;

    #[test]
    fn the_first_largest_number_wins() {
        let noise = Noise(Cell::new(9));
        let mut met = 0;
        for _ in 0..300 {
            let window = Window { axes: (0..=noise.below(2)).map(|_| noise.axis()).collect() };
            let taken = |p: usize| {
                let mut taken = Vec::new();
                window.visit(p, |_, place| taken.push(place));
                taken
            };
            let (places, outputs) = (window.input().iter().product(), window.output().iter().product());
            let windows: Vec<Vec<usize>> = (0..outputs).map(taken).collect();
            if windows.iter().any(Vec::is_empty) {
                continue;
            }
            met += 1;
            // Few different numbers, so that there are ties; some are no numbers.
            let number = |_| match noise.below(9) {
                0 => f32::NAN,
                1 => f32::NEG_INFINITY,
                n => (n / 2) as f32,
            };
            let x: Vec<f32> = (0..places).map(number).collect();
            for isa in Isa::all() {
                let (mut winners, mut largest) = (vec![0; outputs], vec![0.0; outputs]);
                Contest::new(&window).winners_by(isa, 7, &x, &mut winners, &mut largest);
                for (p, window) in windows.iter().enumerate() {
                    let ahead = |&a: &usize, &b: &usize| x[b] > x[a] || x[b].is_nan() && !x[a].is_nan();
                    let first = window.iter().copied().reduce(|a, b| if ahead(&a, &b) { b } else { a });
                    assert_eq!(Some(winners[p] as usize - 7), first, "{isa:?}");
                    assert_eq!(largest[p].to_bits(), x[winners[p] as usize - 7].to_bits(), "{isa:?}");
                }
            }
        }
        assert!(met > 50, "{met} windows");
    }
}
