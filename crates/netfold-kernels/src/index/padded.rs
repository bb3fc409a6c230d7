//! The padded layout of planes that dense convolutions read. A plane gets its padding and is split by the phase of the
//! stride (polyphase decomposition), so that each tap reads at a constant offset. Variables call a plane in this layout
//! its *frame*.

use crate::index::WindowAxis;
use std::sync::OnceLock;

/// Places of a result along one axis that read by the same taps: place `first + step · i`, for i below `count`, reads
/// place `offset + advance · i` of the other side through each tap.
///
/// Forward there is one phase, which advances by the stride. Transposed there is one for each place of a stride, which
/// steps by it: a strided convolution's transpose is so many convolutions without stride.
#[derive(Clone, Debug)]
pub struct Phase {
    /// The first place of the result.
    pub first: usize,
    /// From place to place of the result.
    pub step: usize,
    /// How many places there are.
    pub count: usize,
    /// From place to place of what is read.
    pub advance: usize,
    /// (tap, offset)
    pub taps: Vec<(usize, isize)>,
}

impl Phase {
    fn all(axis: &WindowAxis, transpose: bool) -> Vec<Self> {
        let (stride, taps) = (axis.stride, 0..axis.kernel);
        let offset = |tap: usize| (tap * axis.dilation) as isize - axis.pad;
        if !transpose {
            let taps = taps.map(|tap| (tap, offset(tap))).collect();
            return vec![Self { first: 0, step: 1, count: axis.output, advance: stride, taps }];
        }
        let phase = |first: usize| {
            let read = |tap: usize| first as isize - offset(tap);
            let meets = |&tap: &usize| read(tap).rem_euclid(stride as isize) == 0;
            let taps = taps.clone().filter(meets).map(|tap| (tap, read(tap).div_euclid(stride as isize))).collect();
            Self { first, step: stride, count: (axis.input - first).div_ceil(stride), advance: 1, taps }
        };
        (0..stride.min(axis.input)).map(phase).collect()
    }
}

/// One axis of the padded layout.
#[derive(Clone, Debug)]
struct Side {
    phases: Vec<Phase>,
    /// Places of the tensor that is read, and of the result.
    from: usize,
    to: usize,
    kernel: usize,
    /// Zeros before the first place.
    low: usize,
    /// Places `residue + advance · i` lie side by side: how many residues there are, and places of each.
    residues: usize,
    length: usize,
}

impl Side {
    fn new(axis: &WindowAxis, transpose: bool) -> Self {
        let (from, to) = if transpose { (axis.output, axis.input) } else { (axis.input, axis.output) };
        let phases = Phase::all(axis, transpose);
        let taps = || phases.iter().flat_map(|p| p.taps.iter().map(move |&(_, offset)| (p, offset)));
        let low = taps().map(|(_, offset)| -offset).max().unwrap_or(0).max(0) as usize;
        let end = |(p, offset): (&Phase, isize)| offset + (p.advance * p.count.saturating_sub(1)) as isize + 1;
        let places = (taps().map(end).max().unwrap_or(0).max(0) as usize).saturating_add(low);
        let residues = phases.first().map_or(1, |p| p.advance);
        Self { phases, from, to, kernel: axis.kernel, low, residues, length: places.max(1).div_ceil(residues) }
    }

    /// Whether the layout adds and moves nothing along this axis.
    fn is_bare(&self) -> bool {
        (self.low, self.residues, self.length) == (0, 1, self.from)
    }

    /// Residue and index of what a tap reads for i = 0.
    fn start(&self, offset: isize) -> (usize, usize) {
        let place = (offset + self.low as isize) as usize;
        (place % self.residues, place / self.residues)
    }

    /// The place of the tensor that lies at an index of a residue, if there is one.
    fn place(&self, residue: usize, index: usize) -> Option<usize> {
        (index * self.residues + residue).checked_sub(self.low).filter(|&place| place < self.from)
    }
}

/// The padded layout of a plane. All places of a phase read at one distance: the result at (i, j) of a [`Grid`] reads
/// number `start + i · pitch + j` of the padded plane through a tap.
#[derive(Clone, Debug)]
pub struct Padded {
    axes: [Side; 2],
    lines: OnceLock<Vec<Line>>,
}

/// The places of a result that read by the same taps: one phase of the lines, and one of the places of a line.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Lines, places of a line.
    pub count: [usize; 2],
    /// First place of the result and distance of lines and of places, in its plane.
    pub first: usize,
    /// From line to line and from place to place of the result, in its plane.
    pub step: [usize; 2],
    /// (tap, where it reads for the grid's first place)
    pub taps: Vec<(usize, usize)>,
}

/// Numbers behind the last plane that loops may read and do not use: a register's lanes.
pub const SLACK: usize = 16;

impl Padded {
    /// What a convolution with these axes reads.
    pub fn new(axes: &[WindowAxis; 2], transpose: bool) -> Self {
        let axes = [Side::new(&axes[0], transpose), Side::new(&axes[1], transpose)];
        Self { axes, lines: OnceLock::new() }
    }

    /// Whether the padded plane is the plane itself.
    pub fn is_bare(&self) -> bool {
        self.axes.iter().all(Side::is_bare)
    }

    /// Whether the places of the result are one grid, side by side.
    pub fn is_one_grid(&self) -> bool {
        matches!(self.grids().as_slice(), [grid] if grid.is_whole())
    }

    /// Whether the padded plane is not much larger than the plane.
    pub fn is_small(&self) -> bool {
        /// Numbers of a plane that need no thought.
        const SMALL: usize = 1 << 12;
        let [y, x] = &self.axes;
        let size = (y.residues * x.residues).checked_mul(y.length).and_then(|size| size.checked_mul(x.length));
        size.is_some_and(|size| size <= SMALL.max(4 * self.places_from()))
    }

    /// Numbers of a padded plane.
    pub fn size(&self) -> usize {
        self.axes.iter().map(|side| side.residues * side.length).product()
    }

    /// Places of a plane that is read.
    pub fn places_from(&self) -> usize {
        self.axes[0].from * self.axes[1].from
    }

    /// Places of a plane of the result.
    pub fn places_to(&self) -> usize {
        self.axes[0].to * self.axes[1].to
    }

    /// How far apart lines of a grid read.
    pub fn pitch(&self) -> usize {
        self.axes[1].length
    }

    /// Numbers from the first place that a grid reads through a tap to behind the last one.
    pub fn reach(&self, grid: &Grid) -> usize {
        (grid.count[0] - 1) * self.pitch() + grid.count[1]
    }

    /// The grids that make up the result.
    pub fn grids(&self) -> Vec<Grid> {
        let [rows, columns] = &self.axes;
        let grid = |y: &Phase, x: &Phase| {
            let tap = |&(ty, oy): &(usize, isize), &(tx, ox): &(usize, isize)| {
                let ((ry, iy), (rx, ix)) = (rows.start(oy), columns.start(ox));
                let start = ((ry * columns.residues + rx) * rows.length + iy) * columns.length + ix;
                (ty * columns.kernel + tx, start)
            };
            Grid {
                count: [y.count, x.count],
                first: y.first * columns.to + x.first,
                step: [y.step * columns.to, x.step],
                taps: y.taps.iter().flat_map(|y| x.taps.iter().map(move |x| tap(y, x))).collect(),
            }
        };
        rows.phases.iter().flat_map(|y| columns.phases.iter().map(move |x| grid(y, x))).collect()
    }

    /// What each line of a padded plane holds, in order.
    pub fn lines(&self) -> &[Line] {
        self.lines.get_or_init(|| Line::all(&self.axes))
    }

    /// How far apart numbers of a line lie in the plane.
    pub fn stride(&self) -> usize {
        self.axes[1].residues
    }
}

/// One line of a padded plane.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Zeros before the numbers of the plane.
    pub low: usize,
    /// How many numbers of the plane there are, and where in it the first one lies.
    pub count: usize,
    /// Where its first place lies in the plane.
    pub from: usize,
}

impl Line {
    fn all([rows, columns]: &[Side; 2]) -> Vec<Self> {
        let line = |residues: usize, index: usize| {
            let none = Self { low: columns.length, count: 0, from: 0 };
            let (y, residue) = (rows.place(residues / columns.residues, index), residues % columns.residues);
            // Indices of the line whose places lie inside.
            let inside = |limit: usize| (limit + columns.low).saturating_sub(residue).div_ceil(columns.residues);
            let (low, end) = (inside(0).min(columns.length), inside(columns.from).min(columns.length));
            match (y, columns.place(residue, low)) {
                (Some(y), Some(x)) if low < end => Self { low, count: end - low, from: y * columns.from + x },
                _ => none,
            }
        };
        let residues = rows.residues * columns.residues;
        (0..residues).flat_map(|residue| (0..rows.length).map(move |index| line(residue, index))).collect()
    }
}

impl Grid {
    /// How many places there are.
    pub fn places(&self) -> usize {
        self.count[0] * self.count[1]
    }

    /// Whether its places lie side by side in the result.
    pub fn is_whole(&self) -> bool {
        self.step[1] == 1 && (self.count[0] == 1 || self.step[0] == self.count[1])
    }
}
