//! Which places read one of a set, as shifts of its bits.

use super::Axis;
use crate::bits;

/// `of(set)`: the places that read one of a set, of planes of one size and windows without stride.
#[derive(Debug)]
pub(crate) struct Dilation {
    /// By how many bits a tap of a line moves what is read, and which places it moves.
    columns: Vec<(isize, Vec<u64>)>,
    /// By how many bits a tap moves lines: those that nobody reads leave the plane.
    lines: Vec<isize>,
    /// All places.
    plane: Vec<u64>,
}

impl Dilation {
    pub(super) fn new([lines, columns]: &[Axis; 2]) -> Self {
        let (width, places) = (columns.to, lines.to * columns.to);
        let way = |axis: &Axis| {
            let shifts = axis.shifts.iter().filter(|shift| shift.count > 0);
            shifts
                .map(|shift| (shift.to as isize - shift.from as isize, shift.from..shift.from + shift.count))
                .collect()
        };
        let (down, along): (Vec<_>, Vec<_>) = (way(lines), way(columns));
        let moved = |read: std::ops::Range<usize>| {
            let flags: Vec<u8> = (0..places).map(|place| u8::from(read.contains(&(place % width)))).collect();
            bits::pack(&flags)
        };
        Self {
            columns: along.into_iter().map(|(way, read)| (way, moved(read))).collect(),
            lines: down.into_iter().map(|(way, _)| way * width as isize).collect(),
            plane: bits::first(places),
        }
    }

    /// The bits of all places that read one of `set`.
    pub fn of(&self, set: &[u64]) -> Vec<u64> {
        let (mut along, mut all) = (vec![0; set.len()], vec![0; set.len()]);
        for (way, read) in &self.columns {
            let moved: Vec<u64> = set.iter().zip(read).map(|(set, read)| set & read).collect();
            shift(&mut along, &moved, *way);
        }
        self.lines.iter().for_each(|&way| shift(&mut all, &along, way));
        all.iter_mut().zip(&self.plane).for_each(|(all, plane)| *all &= plane);
        all
    }
}

/// `to` or `from`, whose bits move up by `way`, or down.
fn shift(to: &mut [u64], from: &[u64], way: isize) {
    match usize::try_from(way) {
        Ok(up) => bits::put(to, from, up),
        Err(_) => bits::join(to, from, way.unsigned_abs()),
    }
}
