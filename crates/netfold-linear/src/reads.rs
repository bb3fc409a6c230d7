//! Which places a place reads, and by which tap.

use std::ops::Range;

use crate::WindowAxis;

/// For each place of one side of a window the (place of the other side, tap) pairs that meet there, axis by axis.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
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
    /// By how many taps a place's pairs differ from one to the next, if their places are always neighbours.
    slope: Option<isize>,
    /// Of each tap the places that read by it and the first place they read, if neighbours read neighbours.
    shifts: Option<Vec<(Range<usize>, usize)>>,
}

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
        Self { starts, pairs: lists.concat(), from, to, kernel: axis.kernel, slope, shifts }
    }

    fn of(&self, place: usize) -> &[(u32, u32)] {
        &self.pairs[self.starts[place] as usize..self.starts[place + 1] as usize]
    }
}

/// The places that read by a tap and the first place they read, if neighbours read neighbours.
fn shift(axis: &WindowAxis, transpose: bool, tap: usize) -> Option<(Range<usize>, usize)> {
    let outputs = axis.inside(tap);
    let Some(first) = axis.read(outputs.start, tap).filter(|_| !outputs.is_empty()) else { return Some((0..0, 0)) };
    let inputs = first..first + outputs.len();
    let (to, from) = if transpose { (inputs, outputs.start) } else { (outputs, first) };
    (axis.stride == 1 || to.len() == 1).then_some((to, from))
}

/// By how many taps the second pair differs from the first.
fn slope(pairs: &[(u32, u32)]) -> isize {
    pairs[1].1 as isize - pairs[0].1 as isize
}

impl Reads {
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

    /// Places of one line of the side that reads, and of the lines that it reads from.
    pub fn lines(&self) -> (usize, usize) {
        (self.axes[1].to, self.axes[0].kernel * self.axes[1].from)
    }

    /// Whether each place reads itself, and nothing else.
    pub fn is_identity(&self) -> bool {
        let own = |axis: &Axis| axis.from == axis.to && (0..axis.to).all(|place| axis.of(place) == [(place as u32, 0)]);
        self.axes.iter().all(own)
    }

    /// Lines from the first to the last one that a place reads, at most.
    pub fn span(&self) -> usize {
        let rows = &self.axes[0];
        let span = |reads: &[(u32, u32)]| reads.last().map_or(0, |last| (last.0 - reads[0].0) as usize + 1);
        (0..rows.to).map(|y| span(rows.of(y))).max().unwrap_or(0)
    }

    /// Calls `visit(place, tap)` for all that `place` reads, always in the same order.
    #[inline(always)]
    pub fn visit(&self, place: usize, mut visit: impl FnMut(usize, usize)) {
        let [rows, columns] = &self.axes;
        for &(y, ty) in rows.of(place / columns.to) {
            for &(x, tx) in columns.of(place % columns.to) {
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

    /// Calls `visit(first, count, tap)` for all lines that `place` reads: of each line `count` neighbours from `first` on,
    /// that one by `tap`, the next one by `tap` + [`slope`](Self::slope), which there must be.
    #[inline(always)]
    pub fn visit_lines(&self, place: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let [rows, columns] = &self.axes;
        let Some(&(x, tx)) = columns.of(place % columns.to).first() else { return };
        for &(y, ty) in rows.of(place / columns.to) {
            let first = y as usize * columns.from + x as usize;
            visit(first, columns.of(place % columns.to).len(), ty as usize * columns.kernel + tx as usize);
        }
    }

    /// Whether each place reads at least one other, row-major.
    pub fn reach(&self) -> impl Iterator<Item = bool> + '_ {
        let [rows, columns] = &self.axes;
        (0..rows.to)
            .flat_map(move |y| (0..columns.to).map(move |x| !rows.of(y).is_empty() && !columns.of(x).is_empty()))
    }

    /// `to[place]` becomes 1 where `from` is 1 at a place that it reads, else 0; one axis after the other.
    pub fn spread(&self, from: &[u8], to: &mut [u8]) {
        let [rows, columns] = &self.axes;
        let mut lines = vec![0; rows.to * columns.from];
        let join = |to: &mut [u8], from: &[u8]| to.iter_mut().zip(from).for_each(|(to, flag)| *to |= flag);
        if let Some(shifts) = &rows.shifts {
            // Neighbouring lines are one run.
            for (range, first) in shifts {
                let to = &mut lines[range.start * columns.from..range.end * columns.from];
                join(to, &from[first * columns.from..]);
            }
        } else {
            for (y, line) in lines.chunks_exact_mut(columns.from.max(1)).enumerate() {
                rows.of(y).iter().for_each(|&(read, _)| join(line, &from[read as usize * columns.from..]));
            }
        }
        for (line, to) in lines.chunks_exact(columns.from.max(1)).zip(to.chunks_exact_mut(columns.to)) {
            if let Some(shifts) = &columns.shifts {
                to.fill(0);
                shifts.iter().for_each(|(range, first)| join(&mut to[range.clone()], &line[*first..]));
                continue;
            }
            for (x, to) in to.iter_mut().enumerate() {
                *to = columns.of(x).iter().fold(0, |flag, &(read, _)| flag | line[read as usize]);
            }
        }
    }
}
