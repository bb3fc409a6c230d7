//! Index of a window, forward or transposed: for each place of y the places of x that it reads, and the tap of each.
//! (Sparse convolution libraries call such an index a rulebook.)

use crate::index::WindowAxis;
use crate::index::bitset;

/// For each place of y the pairs (place of x, tap) that it reads. The pairs are stored for each axis alone; those of a
/// plane are all combinations. For the transposed map, y is the input of the window and x its output.
#[derive(Clone, Debug)]
pub struct WindowIndex {
    axes: [Axis; 2],
    places_to: usize,
    places_from: usize,
}

#[derive(Clone, Debug)]
struct Axis {
    /// Pairs before each place; one entry more at the end.
    starts: Vec<u32>,
    /// (place of the other side, tap)
    pairs: Vec<(u32, u32)>,
    from: usize,
    to: usize,
    kernel: usize,
    /// By how many taps the pairs of a place differ from one pair to the next, if their places are always neighbours.
    slope: Option<isize>,
    /// For each tap the places that read by it.
    shifts: Vec<Shift>,
    /// From one place that reads by a tap to the next one, and from what it reads to what the next one does.
    steps: [usize; 2],
}

/// The places that read by a tap: the first of them, what it reads, and how many there are.
#[derive(Clone, Copy, Debug)]
struct Shift {
    to: usize,
    from: usize,
    count: usize,
}

/// Buffers for the lines of a plane of x and of y, one bit for each place.
#[derive(Debug, Default)]
pub struct Lines([Vec<u128>; 2]);

impl Axis {
    fn new(axis: &WindowAxis, transpose: bool) -> Self {
        let (from, to) = if transpose { (axis.output, axis.input) } else { (axis.input, axis.output) };
        let mut lists = vec![Vec::new(); to];
        for tap in 0..axis.kernel {
            for output in axis.inside(tap) {
                let Some(input) = axis.read(output, tap) else { continue };
                let (to, from) = if transpose { (input, output) } else { (output, input) };
                lists[to].push((from as u32, tap as u32));
            }
        }
        let mut starts = vec![0];
        for list in &mut lists {
            list.sort_unstable();
            starts.push(starts[starts.len() - 1] + list.len() as u32);
        }
        let steps = || lists.iter().flat_map(|list| list.windows(2)).map(|pair| (pair[1].0 - pair[0].0, slope(pair)));
        let first = steps().next().unwrap_or((1, 0));
        let slope = (first.0 == 1 && steps().all(|step| step == first)).then_some(first.1);
        let shifts = (0..axis.kernel).map(|tap| shift(axis, transpose, tap)).collect();
        let steps = if transpose { [axis.stride, 1] } else { [1, axis.stride] };
        Self { starts, pairs: lists.concat(), from, to, kernel: axis.kernel, slope, shifts, steps }
    }

    fn of(&self, place: usize) -> &[(u32, u32)] {
        &self.pairs[self.starts[place] as usize..self.starts[place + 1] as usize]
    }
}

/// The places that read by a tap.
fn shift(axis: &WindowAxis, transpose: bool, tap: usize) -> Shift {
    let outputs = axis.inside(tap);
    let Some(input) = axis.read(outputs.start, tap).filter(|_| !outputs.is_empty()) else {
        return Shift { to: 0, from: 0, count: 0 };
    };
    let (to, from) = if transpose { (input, outputs.start) } else { (outputs.start, input) };
    Shift { to, from, count: outputs.len() }
}

/// By how many taps the second pair differs from the first.
fn slope(pairs: &[(u32, u32)]) -> isize {
    pairs[1].1 as isize - pairs[0].1 as isize
}

impl WindowIndex {
    /// What each output place reads (or, transposed, each input place) through a window with these axes.
    pub fn new(axes: &[WindowAxis; 2], transpose: bool) -> Self {
        let axes = [Axis::new(&axes[0], transpose), Axis::new(&axes[1], transpose)];
        let (places_to, places_from) = (axes[0].to * axes[1].to, axes[0].from * axes[1].from);
        Self { axes, places_to, places_from }
    }

    /// Places that read.
    pub fn places_to(&self) -> usize {
        self.places_to
    }

    /// Places that are read: every place given by [`visit`](Self::visit) is below this.
    pub fn places_from(&self) -> usize {
        self.places_from
    }

    /// Taps of the window: every tap given by [`visit`](Self::visit) is below this.
    pub fn taps(&self) -> usize {
        self.axes[0].kernel * self.axes[1].kernel
    }

    /// Lines and columns of the side that reads.
    pub fn to(&self) -> [usize; 2] {
        self.axes.each_ref().map(|axis| axis.to)
    }

    /// Whether each place reads itself, and nothing else.
    pub fn is_identity(&self) -> bool {
        let own = |axis: &Axis| axis.from == axis.to && (0..axis.to).all(|place| axis.of(place) == [(place as u32, 0)]);
        self.axes.iter().all(own)
    }

    /// Line and column of a place that reads.
    #[inline(always)]
    pub fn at(&self, place: usize) -> [usize; 2] {
        [place / self.axes[1].to, place % self.axes[1].to]
    }

    /// Calls `visit(place, tap)` for all that the place at a line and column reads, always in the same order.
    #[inline(always)]
    pub fn visit(&self, [line, column]: [usize; 2], mut visit: impl FnMut(usize, usize)) {
        let [rows, columns] = &self.axes;
        for &(y, ty) in rows.of(line) {
            for &(x, tx) in columns.of(column) {
                visit(y as usize * columns.from + x as usize, ty as usize * columns.kernel + tx as usize);
            }
        }
    }

    /// By how many taps the places of a line that one place reads differ from one to the next, if they are neighbours
    /// wherever a place reads several.
    pub fn slope(&self) -> Option<isize> {
        self.axes[1].slope
    }

    /// Places of a line that is read.
    pub fn columns(&self) -> usize {
        self.axes[1].from
    }

    /// Calls `visit(line, first, count, tap)` for all lines that the place at a line and column reads: of each `count`
    /// neighbours from the column `first` on, that one by `tap`, the next one by `tap` + [`slope`](Self::slope), which
    /// there must be.
    #[inline(always)]
    pub fn visit_lines(&self, [line, column]: [usize; 2], mut visit: impl FnMut(usize, usize, usize, usize)) {
        let [rows, columns] = &self.axes;
        let pairs = columns.of(column);
        let Some(&(x, tx)) = pairs.first() else { return };
        for &(y, ty) in rows.of(line) {
            visit(y as usize, x as usize, pairs.len(), ty as usize * columns.kernel + tx as usize);
        }
    }

    /// The bits of all places that read one of a set of places, into `places`.
    pub fn spread(&self, set: &[u64], lines: &mut Lines, places: &mut Vec<u64>) {
        let fits = [self.axes[1].from, self.axes[1].to].iter().all(|&line| line <= u128::BITS as usize);
        if fits && self.axes[1].steps.iter().all(|&step| step <= 2) {
            return self.spread_lines(set, lines, places);
        }
        let mut flags = vec![0; self.places_to];
        self.spread_flags(&bitset::unpack(set, self.places_from), &mut flags);
        *places = bitset::pack(&flags);
    }

    /// The same, a whole line at a time.
    fn spread_lines(&self, set: &[u64], lines: &mut Lines, places: &mut Vec<u64>) {
        let ([rows, columns], [from, to]) = (&self.axes, &mut lines.0);
        from.clear();
        from.extend((0..rows.from).map(|line| bitset::line_at(set, line * columns.from, columns.from)));
        to.clear();
        to.resize(rows.to, 0);
        for shift in &rows.shifts {
            for index in 0..shift.count {
                to[shift.to + index * rows.steps[0]] |= from[shift.from + index * rows.steps[1]];
            }
        }
        places.clear();
        places.resize(self.places_to.div_ceil(64), 0);
        for (index, &line) in to.iter().enumerate().filter(|(_, line)| **line != 0) {
            let moved = columns.shifts.iter().filter(|shift| shift.count > 0).fold(0, |moved, shift| {
                // From the first place that is read to the last one, each step's.
                let span = (shift.count - 1) * columns.steps[1] + 1;
                let mut read = line >> shift.from & u128::MAX >> (128 - span);
                if columns.steps[1] == 2 {
                    read = bitset::evens(read);
                }
                if columns.steps[0] == 2 {
                    read = bitset::apart(read as u64);
                }
                moved | read << shift.to
            });
            bitset::put(places, &[moved as u64, (moved >> 64) as u64], index * columns.to);
        }
    }

    /// `to[place]` becomes 1 where `from` is 1 at a place that it reads, else 0; one axis after the other.
    fn spread_flags(&self, from: &[u8], to: &mut [u8]) {
        let [rows, columns] = &self.axes;
        let mut lines = vec![0; rows.to * columns.from];
        rows.spread(columns.from, from, &mut lines);
        to.fill(0);
        for (line, to) in lines.chunks_exact(columns.from.max(1)).zip(to.chunks_exact_mut(columns.to)) {
            columns.spread(1, line, to);
        }
    }
}

impl Axis {
    /// `to` becomes 1 where `from` is 1 at what is read, places being `size` flags each.
    #[inline]
    fn spread(&self, size: usize, from: &[u8], to: &mut [u8]) {
        let join = |to: &mut [u8], from: &[u8]| to.iter_mut().zip(from).for_each(|(to, flag)| *to |= flag);
        let [to_step, from_step] = self.steps;
        for shift in self.shifts.iter().filter(|shift| shift.count * size > 0) {
            let (to, from) = (&mut to[shift.to * size..], &from[shift.from * size..]);
            if self.steps == [1, 1] {
                // Neighbours read neighbours.
                join(&mut to[..shift.count * size], from);
            } else if size == 1 {
                let from = from.iter().step_by(from_step).take(shift.count);
                to.iter_mut().step_by(to_step).zip(from).for_each(|(to, flag)| *to |= flag);
            } else {
                let to = to.chunks_mut(size).step_by(to_step);
                to.zip(from.chunks(size).step_by(from_step).take(shift.count)).for_each(|(to, from)| join(to, from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, WindowIndex};
    use crate::index::{WindowAxis, bitset};

    #[test]
    fn lines_and_flags_spread_alike() {
        let axis = |round: usize, size: usize| {
            let (kernel, stride, dilation) = (1 + round % 4, 1 + round / 4 % 2, 1 + round / 8 % 2);
            let pad = (round / 16 % 4) as isize - 1;
            let reach = ((size - 1) * stride + (kernel - 1) * dilation) as isize + 1 - pad;
            let input = (reach + (round / 64 % 3) as isize - 1).max(1) as usize;
            WindowAxis { input, kernel, stride, dilation, pad, output: size }
        };
        let (mut state, mut lines, mut places) = (1_u32, Lines::default(), Vec::new());
        for round in 0..400 {
            let axes = [axis(round * 7, 1 + round % 5), axis(round, 1 + round * 11 % 60)];
            let reads = WindowIndex::new(&axes, round % 2 == 0);
            let from: Vec<u8> = (0..reads.places_from())
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    u8::from((state >> 20) as usize % 16 < round % 16)
                })
                .collect();
            let mut flags = vec![0; reads.places_to()];
            reads.spread_flags(&from, &mut flags);
            reads.spread_lines(&bitset::pack(&from), &mut lines, &mut places);
            assert_eq!(places, bitset::pack(&flags), "{axes:?}");
        }
    }
}
