//! The largest number of each window of a plane.

use super::Isa;
use crate::{Real, Window, WindowAxis};

/// A window as it lies over the lines of a plane: neighbouring places along the last axis are compared side by side.
#[derive(Clone, Debug)]
pub struct Contest {
    /// For each line of y, where the lines of x begin that it reads, in the order of the taps.
    starts: Vec<Vec<usize>>,
    axis: WindowAxis,
    /// For each place of a line of y, where in a line of x its window begins.
    first: Vec<u32>,
}

impl Contest {
    /// The contest of a window that has a place of the input at every place of the output.
    ///
    /// # Panics
    /// If a window lies in the padding.
    pub fn new(window: &Window) -> Self {
        let (&axis, outer) = window.axes.split_last().unwrap_or((&WindowAxis::UNIT, &[]));
        let outer = Window { axes: outer.to_vec() };
        let starts = |line| {
            let mut starts = Vec::new();
            outer.visit(line, |_, place| starts.push(place * axis.input));
            assert!(!starts.is_empty(), "a window lies in the padding");
            starts
        };
        let lines = outer.output().iter().product();
        let first =
            |o| (0..axis.kernel).find_map(|tap| axis.read(o, tap)).expect("a window lies in the padding") as u32;
        Self { starts: (0..lines).map(starts).collect(), axis, first: (0..axis.output).map(first).collect() }
    }

    /// For each output place of a plane, the first place of its window that holds the largest value there, or the first
    /// NaN if one does; and that value.
    pub fn winners<T: Real>(&self, x: &[T], winners: &mut [u32], largest: &mut [T]) {
        self.winners_by(Isa::best(), x, winners, largest);
    }

    pub(super) fn winners_by<T: Real>(&self, isa: Isa, x: &[T], winners: &mut [u32], largest: &mut [T]) {
        match isa {
            // SAFETY: `isa` is one that this processor has.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512(self, x, winners, largest) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2(self, x, winners, largest) },
            Isa::Portable => body(self, x, winners, largest),
        }
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW).
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(contest: &Contest, x: &[T], winners: &mut [u32], largest: &mut [T]) {
    body(contest, x, winners, largest);
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(contest: &Contest, x: &[T], winners: &mut [u32], largest: &mut [T]) {
    body(contest, x, winners, largest);
}

#[inline(always)]
fn body<T: Real>(contest: &Contest, x: &[T], winners: &mut [u32], largest: &mut [T]) {
    let Contest { starts, axis, first } = contest;
    largest.fill(T::neg_infinity());
    let lines = winners.chunks_exact_mut(axis.output).zip(largest.chunks_exact_mut(axis.output));
    let mut values = vec![T::zero(); axis.output];
    for (starts, (winners, largest)) in starts.iter().zip(lines) {
        // A window without a number above −∞ is won by its first place.
        winners.iter_mut().zip(first).for_each(|(winner, &first)| *winner = starts[0] as u32 + first);
        for start in starts {
            for tap in 0..axis.kernel {
                let inside = axis.inside(tap);
                let Some(read) = axis.read(inside.start, tap).filter(|_| !inside.is_empty()) else { continue };
                let (from, values) = (start + read, &mut values[..inside.len()]);
                gather(&x[from..], axis.stride, values);
                let (winners, largest) = (&mut winners[inside.clone()], &mut largest[inside]);
                for (i, ((winner, largest), &value)) in winners.iter_mut().zip(largest).zip(&*values).enumerate() {
                    // Larger, or the first NaN; without a branch, as neither can be foretold.
                    let better = (value > *largest) | (value.is_nan() & !largest.is_nan());
                    let place = (from as u32).wrapping_add((i as u32).wrapping_mul(axis.stride as u32));
                    *winner ^= (*winner ^ place) & 0_u32.wrapping_sub(u32::from(better));
                    *largest = if better { value } else { *largest };
                }
            }
        }
    }
}

/// `values[i] = line[i · stride]`
#[inline(always)]
fn gather<T: Real>(line: &[T], stride: usize, values: &mut [T]) {
    match (stride, values) {
        (1, values) => values.copy_from_slice(&line[..values.len()]),
        (2, [values @ .., last]) => {
            *last = line[values.len() * 2];
            values.iter_mut().zip(line.chunks_exact(2)).for_each(|(value, pair)| *value = pair[0]);
        }
        (_, values) => values.iter_mut().zip(line.iter().step_by(stride)).for_each(|(value, &place)| *value = place),
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
                Contest::new(&window).winners_by(isa, &x, &mut winners, &mut largest);
                for (p, window) in windows.iter().enumerate() {
                    let ahead = |&a: &usize, &b: &usize| x[b] > x[a] || x[b].is_nan() && !x[a].is_nan();
                    let first = window.iter().copied().reduce(|a, b| if ahead(&a, &b) { b } else { a });
                    assert_eq!(Some(winners[p] as usize), first, "{isa:?}");
                    assert_eq!(largest[p].to_bits(), x[winners[p] as usize].to_bits(), "{isa:?}");
                }
            }
        }
        assert!(met > 50, "{met} windows");
    }
}
