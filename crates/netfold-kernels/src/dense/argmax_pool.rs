//! Max pooling with argmax: the largest number of each window of a plane, and its place (the winner).

use crate::Number;
use crate::ablation::is_on;
use crate::index::{Window, WindowAxis};
use crate::memory::Scratch;
use crate::simd::{Body, Isa, Lanes, MAX_LANES, Simd, Vector, dispatch};
use num_traits::Float;

/// Whole numbers below this one are exact in single precision.
const COUNTED: usize = 1 << 24;

/// Max pooling with argmax, prepared for one window. Neighbouring windows along the last axis are compared side by
/// side, without branches.
#[derive(Clone, Debug)]
pub struct ArgmaxPool<T> {
    axis: WindowAxis,
    lines: Vec<Line<T>>,
    /// For each place of a line of y, where in a line of x its window begins.
    first: Vec<u32>,
    /// Whether the places of a window are exact numbers of T, so that winners can be held in registers.
    counted: bool,
    /// A line of x lies as one row for each residue of its places by the stride, so that neighbours of y read neighbours;
    /// before the row's numbers are so many −∞, and behind them as many as make so many numbers.
    front: usize,
    pitch: usize,
}

/// A line of y.
#[derive(Clone, Debug)]
struct Line<T> {
    /// The lines of x that it reads, in the order of the taps.
    from: Vec<usize>,
    /// For each tap of its first place, where that reads in the rows of a plane, and which place that is, counted from the
    /// beginning of the first of the lines.
    reads: Vec<usize>,
    places: Vec<T>,
}

impl<T: Number> ArgmaxPool<T> {
    /// Prepares a pool. Each window has to contain a place of the input.
    ///
    /// # Panics
    /// If a window lies in the padding.
    pub fn new(window: &Window) -> Self {
        let (&axis, outer) = window.axes.split_last().unwrap_or((&WindowAxis::UNIT, &[]));
        let outer = Window { axes: outer.to_vec() };
        let first =
            |o| (0..axis.kernel).find_map(|tap| axis.read(o, tap)).expect("a window lies in the padding") as u32;
        let stride = axis.stride as isize;
        let places = || (0..axis.kernel).map(|tap| (tap * axis.dilation) as isize - axis.pad);
        let before = places().map(|place| place.div_euclid(stride)).min().unwrap_or(0);
        let behind = places().map(|place| place.div_euclid(stride)).max().unwrap_or(0).max(0) as usize;
        let front = before.min(0).unsigned_abs();
        let pitch = front + (behind + axis.output.next_multiple_of(MAX_LANES)).max(axis.input.div_ceil(axis.stride));
        let at = |place: isize| {
            place.rem_euclid(stride) as usize * pitch + (place.div_euclid(stride) + front as isize) as usize
        };
        let mut lines = Vec::new();
        let mut counted = is_on("argmax_pool");
        for line in 0..outer.output().iter().product() {
            let mut from = Vec::new();
            outer.visit(line, |_, line| from.push(line));
            assert!(!from.is_empty(), "a window lies in the padding");
            let taps = || from.iter().flat_map(|&line| places().map(move |place| (line, place)));
            let place = |(line, place): (usize, isize)| ((line - from[0]) * axis.input) as isize + place;
            counted &= taps().map(place).all(|place| place.unsigned_abs() < COUNTED);
            let reads = taps().map(|(line, place)| line * axis.stride * pitch + at(place)).collect();
            let places = taps().map(|tap| T::of(place(tap) as f64)).collect();
            lines.push(Line { from, reads, places });
        }
        Self { axis, lines, first: (0..axis.output).map(first).collect(), counted, front, pitch }
    }

    /// For each output place of a plane, the first place of its window that holds the largest value there, or the first
    /// NaN if one does; and that value. Places are counted from `origin` on.
    ///
    /// # Panics
    /// If x is not such a plane, or `winners` and `largest` have not one number for each output place.
    pub fn winners(&self, origin: u32, x: &[T], winners: &mut [u32], largest: &mut [T]) {
        self.winners_by(Isa::best(), origin, x, winners, largest);
    }

    pub(crate) fn winners_by(&self, isa: Isa, origin: u32, x: &[T], winners: &mut [u32], largest: &mut [T]) {
        let outputs = self.lines.len() * self.axis.output;
        assert_eq!((winners.len(), largest.len()), (outputs, outputs), "a number for each output place");
        let lines = x.len() / self.axis.input;
        assert!(
            lines * self.axis.input == x.len() && self.lines.iter().flat_map(|line| &line.from).all(|&l| l < lines),
            "a plane of x"
        );
        // SAFETY: `isa` is one that this processor has; lengths as asserted.
        T::with_scratch(|scratch| unsafe {
            dispatch(isa, ByPlane { pool: self, origin, x, winners, largest, scratch });
        });
    }
}

/// The work of one task: all windows of a plane. Its `run` has the safety conditions of [`body`].
struct ByPlane<'a, T> {
    pool: &'a ArgmaxPool<T>,
    origin: u32,
    x: &'a [T],
    winners: &'a mut [u32],
    largest: &'a mut [T],
    scratch: &'a mut Scratch<T>,
}

impl<T: Lanes> Body<T> for ByPlane<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { body(simd, self.pool, self.origin, self.x, self.winners, self.largest, self.scratch) }
    }
}

/// # Safety
/// Lengths are what [`ArgmaxPool::winners_by`] asserts.
#[inline(always)]
unsafe fn body<V: Vector>(
    simd: Simd<V>,
    contest: &ArgmaxPool<V::Lane>,
    origin: u32,
    x: &[V::Lane],
    winners: &mut [u32],
    largest: &mut [V::Lane],
    scratch: &mut Scratch<V::Lane>,
) {
    let ArgmaxPool { lines, axis, .. } = contest;
    let size = axis.stride * contest.pitch;
    let [rows, _, _] = scratch.hold([x.len() / axis.input * size + MAX_LANES, 0, 0]);
    let mut numbers = Vec::with_capacity(x.len() / axis.input);
    for (index, line) in x.chunks_exact(axis.input).enumerate() {
        // SAFETY: the caller's; there is room for a register behind the last line's rows.
        unsafe {
            split::<V>(simd, contest, line, &mut rows[index * size..][..size + MAX_LANES]);
            numbers.push(are_numbers::<V>(simd, line));
        }
    }
    let steps: [u32; MAX_LANES] = std::array::from_fn(|o| (o * axis.stride) as u32);
    let made = winners.chunks_exact_mut(axis.output.max(1)).zip(largest.chunks_exact_mut(axis.output.max(1)));
    for (line, (winners, largest)) in lines.iter().zip(made) {
        let Line { from, reads, places } = line;
        let origin = origin.wrapping_add((from[0] * axis.input) as u32);
        if !contest.counted || !from.iter().all(|&line| numbers[line]) {
            (0..axis.output).for_each(|o| (winners[o], largest[o]) = contest.winner(origin, line, x, o));
            continue;
        }
        let mut at = 0;
        while at < axis.output {
            let count = V::LANES.min(axis.output - at);
            let row = rows.as_ptr().wrapping_add(at);
            // SAFETY: a line's rows have a register for each of its places through each tap; places are small.
            let (taken, none) = unsafe {
                macro_rules! held {
                    ($($n:literal)+) => {
                        match reads.len() {
                            $($n => held::<V>(simd, row, &reads[..$n], &places[..$n]),)+
                            _ => held::<V>(simd, row, reads, places),
                        }
                    };
                }
                // Windows as most networks have them, whole and at an edge: loops whose length a compiler knows.
                let [best, holder] = held!(4 6 9);
                best.store_first(largest.as_mut_ptr().wrapping_add(at), count);
                (holder.to_i32(), best.le_bits(simd.splat(V::Lane::neg_infinity())))
            };
            let behind = origin.wrapping_add((at * axis.stride) as u32);
            let mut won = [0; MAX_LANES];
            for o in 0..V::LANES {
                won[o] = behind.wrapping_add(steps[o]).wrapping_add(taken[o] as u32);
            }
            match winners[at..].first_chunk_mut::<MAX_LANES>() {
                // What is written behind these places is written again.
                Some(winners) => *winners = won,
                None => winners[at..][..count].copy_from_slice(&won[..count]),
            }
            if none != 0 {
                // What is −∞ may be no place of x.
                for o in (0..count).filter(|o| none >> o & 1 == 1) {
                    (winners[at + o], _) = contest.winner(origin, line, x, at + o);
                }
            }
            at += count;
        }
    }
}

/// Lane by lane: the largest number of the registers at `reads`, and the place of the first one that holds it.
///
/// # Safety
/// There is a register at each, none of its lanes is NaN.
#[inline(always)]
unsafe fn held<V: Vector>(simd: Simd<V>, row: *const V::Lane, reads: &[usize], places: &[V::Lane]) -> [V; 2] {
    // SAFETY: the caller's.
    unsafe {
        let (mut best, mut holder) = (simd.splat(V::Lane::neg_infinity()), simd.zero());
        // By their indices: two lists side by side would be a call.
        for i in 0..reads.len() {
            best = best.max(simd.load(row.wrapping_add(reads[i])));
        }
        for i in (0..reads.len()).rev() {
            holder = simd.load(row.wrapping_add(reads[i])).select_equal(best, simd.splat(places[i]), holder);
        }
        [best, holder]
    }
}

impl<T: Lanes> ArgmaxPool<T> {
    /// The winner of one place of a line of y, and its number, one place of x after the other.
    fn winner(&self, origin: u32, line: &Line<T>, x: &[T], o: usize) -> (u32, T) {
        // A window without a number above −∞ is won by its first place.
        let (mut winner, mut best) = (self.first[o] as usize, T::neg_infinity());
        for &from in &line.from {
            for place in (0..self.axis.kernel).filter_map(|tap| self.axis.read(o, tap)) {
                let number = x[from * self.axis.input + place];
                if number > best || number.is_nan() && !best.is_nan() {
                    (winner, best) = ((from - line.from[0]) * self.axis.input + place, number);
                }
            }
        }
        (origin.wrapping_add(winner as u32), best)
    }
}

/// Whether none is NaN.
///
#[inline(always)]
unsafe fn are_numbers<V: Vector>(simd: Simd<V>, line: &[V::Lane]) -> bool {
    let mut flags = u64::MAX;
    let mut at = 0;
    while at < line.len() {
        // SAFETY: numbers of the line.
        unsafe {
            let x = simd.load_first(line.as_ptr().wrapping_add(at), V::LANES.min(line.len() - at));
            flags &= x.le_bits(x);
        }
        at += V::LANES;
    }
    flags.trailing_ones() as usize >= V::LANES
}

/// Splits a line of x into its rows, one for each residue of the places by the stride.
///
/// # Safety
/// `rows` has a row of the pool's pitch for each residue and a register behind them, where anything is written.
#[inline(always)]
unsafe fn split<V: Vector>(simd: Simd<V>, contest: &ArgmaxPool<V::Lane>, line: &[V::Lane], rows: &mut [V::Lane]) {
    let ArgmaxPool { axis, front, pitch, .. } = contest;
    let stride = axis.stride;
    for residue in 0..stride {
        let from = line.get(residue..).unwrap_or(&[]);
        let (before, row) = rows[residue * pitch..][..pitch + MAX_LANES].split_at_mut(*front);
        let count = from.len().div_ceil(stride);
        before.iter_mut().for_each(|number| *number = V::Lane::neg_infinity());
        for at in (count / V::LANES * V::LANES..pitch - front).step_by(V::LANES) {
            // SAFETY: the row, and a register behind it, which is written later.
            unsafe { simd.splat(V::Lane::neg_infinity()).store(row.as_mut_ptr().wrapping_add(at)) };
        }
        let row = &mut row[..count];
        if stride == 1 {
            row.copy_from_slice(from);
            continue;
        }
        if stride != 2 {
            row.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, &number)| *to = number);
            continue;
        }
        let whole = from.len() / (2 * V::LANES) * V::LANES;
        // SAFETY: as many numbers as the line and the row have left.
        unsafe {
            for at in (0..whole).step_by(V::LANES) {
                let x = from.as_ptr().wrapping_add(2 * at);
                simd.load(x)
                    .deinterleave_even(simd.load(x.wrapping_add(V::LANES)))
                    .store(row.as_mut_ptr().wrapping_add(at));
            }
            if whole < row.len() {
                let (x, left) = (from.as_ptr().wrapping_add(2 * whole), from.len() - 2 * whole);
                let near = simd.load_first(x, left.min(V::LANES));
                let far = simd.load_first(x.wrapping_add(V::LANES), left.max(V::LANES) - V::LANES);
                near.deinterleave_even(far).store_first(row.as_mut_ptr().wrapping_add(whole), row.len() - whole);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::ArgmaxPool;
    use crate::index::Window;
    use crate::simd::Isa;
    use crate::tests::Noise;

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
            let contest = ArgmaxPool::new(&window);
            // As windows of too many places are gone through, and these must agree.
            let uncounted = ArgmaxPool { counted: false, ..contest.clone() };
            for (isa, contest) in Isa::all().into_iter().flat_map(|isa| [(isa, &contest), (isa, &uncounted)]) {
                let (mut winners, mut largest) = (vec![0; outputs], vec![0.0; outputs]);
                contest.winners_by(isa, 7, &x, &mut winners, &mut largest);
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
