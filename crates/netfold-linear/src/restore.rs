//! The same numbers on another support.

use rayon::prelude::*;

use crate::Real;
use crate::layout::Rows;

/// How many numbers one task of a parallel loop handles: fixed, so that results do not depend on the thread count.
const TASK: usize = 1 << 15;

/// `y[e] = x[e]` (or `+=`) for every e that y stores; zero where x does not store it. Both are of one shape.
#[derive(Debug)]
pub(crate) struct Restore<'a> {
    pub from: Rows<'a>,
    pub to: Rows<'a>,
    pub width: usize,
    pub add: bool,
}

impl Restore<'_> {
    /// Writes all rows of y.
    pub fn run<T: Real>(&self, x: &[T], y: &mut [T]) {
        let (width, axes) = (self.width, self.to.axes);
        if width == 0 || y.is_empty() {
            return;
        }
        let rows_a_task = (TASK / width).max(1);
        y.par_chunks_mut(rows_a_task * width).enumerate().for_each(|(task, y)| {
            let mut row = task * rows_a_task;
            let mut rows = y.chunks_exact_mut(width);
            match self.to.layout {
                Some(layout) => {
                    let mut position = layout.position(row);
                    for y in rows {
                        while layout.start(position + 1) <= row {
                            position += 1;
                        }
                        self.write(position, layout.channels()[row] as usize, x, y);
                        row += 1;
                    }
                }
                None => {
                    // Rows in standard order: a run of places of one channel at a time.
                    while let Some(y) = rows.next() {
                        let (channel, place) = (row / axes.places, row % axes.places);
                        let (image, channel) = (channel / axes.channels, channel % axes.channels);
                        self.write(image * axes.places + place, channel, x, y);
                        for place in place + 1..axes.places {
                            let Some(y) = rows.next() else { return };
                            self.write(image * axes.places + place, channel, x, y);
                            row += 1;
                        }
                        row += 1;
                    }
                }
            }
        });
    }

    #[inline]
    fn write<T: Real>(&self, position: usize, channel: usize, x: &[T], y: &mut [T]) {
        let row = self.from.row(position, channel);
        match (row.map(|row| &x[row * self.width..][..self.width]), self.add) {
            (Some(x), false) => y.copy_from_slice(x),
            (Some(x), true) => y.iter_mut().zip(x).for_each(|(sum, &value)| *sum += value),
            (None, false) => y.fill(T::zero()),
            (None, true) => {}
        }
    }
}
