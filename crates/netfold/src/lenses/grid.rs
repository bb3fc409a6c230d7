//! Where the elements of an input are: its channels and places.

use crate::store::without_batch;

/// The channels and places of a tensor with a batch axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Values at each place.
    pub channels: usize,
    /// Extents of the other axes: height and width, or samples.
    pub places: Vec<usize>,
    channels_last: bool,
}

impl Grid {
    /// The grid of a tensor of this shape. One axis beside the batch is a list of places; of more, the first or the last
    /// is the channels.
    pub fn of(shape: &[usize], channels_last: bool) -> Self {
        let axes: Vec<usize> = without_batch(shape).collect();
        match axes.as_slice() {
            [places @ .., channels] if channels_last && !places.is_empty() => {
                Self { channels: *channels, places: places.to_vec(), channels_last }
            }
            [channels, places @ ..] if !places.is_empty() => {
                Self { channels: *channels, places: places.to_vec(), channels_last: false }
            }
            _ => Self { channels: 1, places: axes, channels_last: false },
        }
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.places.iter().product()
    }

    /// Whether there is no place.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of an element.
    pub fn place(&self, element: usize) -> usize {
        if self.channels_last { element / self.channels } else { element % self.len() }
    }

    /// The sum over the channels at each place.
    pub fn by_place(&self, values: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.len()];
        values.iter().enumerate().for_each(|(element, value)| sums[self.place(element)] += value);
        sums
    }

    /// Values of elements with the channels first, whatever the order is here.
    pub fn channels_first(&self, values: &[f64]) -> Vec<f64> {
        if !self.channels_last {
            return values.to_vec();
        }
        (0..self.channels).flat_map(|c| values.iter().skip(c).step_by(self.channels).copied()).collect()
    }

    /// Values of another grid's places over these: each is spread evenly over the places that lie nearest to it, so that
    /// the sum stays. `None` where the grids have another number of axes.
    pub fn spread(&self, values: &[f64], from: &[usize]) -> Option<Vec<f64>> {
        let long = |places: &[usize]| places.iter().copied().filter(|&size| size > 1).collect::<Vec<_>>();
        let (own, from) = (long(&self.places), long(from));
        if own.len() != from.len() {
            return None;
        }
        let (mut values, mut inner) = (values.to_vec(), 1);
        for (&to, &from) in own.iter().zip(&from).rev() {
            let cells: Vec<(usize, usize)> = if to >= from {
                (0..to).map(|i| (i, i * from / to)).collect()
            } else {
                (0..from).map(|j| (j * to / from, j)).collect()
            };
            let mut taken = vec![0.0; from];
            cells.iter().for_each(|&(_, cell)| taken[cell] += 1.0);
            let mut spread = vec![0.0; values.len() / from * to];
            for (block, values) in spread.chunks_mut(to * inner).zip(values.chunks(from * inner)) {
                for &(place, cell) in &cells {
                    for i in 0..inner {
                        block[place * inner + i] += values[cell * inner + i] / taken[cell];
                    }
                }
            }
            (values, inner) = (spread, inner * to);
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreading_keeps_the_sum_and_the_place() {
        let grid = Grid::of(&[1, 3, 4, 6], false);
        let spread = grid.spread(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]).unwrap();
        assert_eq!((spread.len(), spread.iter().sum::<f64>()), (24, 21.0));
        assert_eq!((spread[0], spread[5], spread[23]), (0.25, 0.75, 1.5));
        let finer = Grid::of(&[1, 1, 2, 1], false).spread(&[1.0, 2.0, 3.0, 4.0], &[4]).unwrap();
        assert_eq!(finer, [3.0, 7.0]);
        assert_eq!(grid.spread(&[1.0; 4], &[4]), None);
    }

    #[test]
    fn channels_stand_first_or_last() {
        let values: Vec<f64> = (0..12).map(f64::from).collect();
        assert_eq!(Grid::of(&[1, 3, 2, 2], false).by_place(&values), [12.0, 15.0, 18.0, 21.0]);
        assert_eq!(Grid::of(&[1, 2, 2, 3], true).by_place(&values), [3.0, 12.0, 21.0, 30.0]);
        assert_eq!(Grid::of(&[1, 12], false).by_place(&values), values);
    }
}
