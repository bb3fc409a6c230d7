//! Where the elements of an input are: its channels and places.

use crate::lenses::Channels;
use crate::value::without_batch;

/// The channels and places of a tensor with a batch axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Values at each place.
    pub channels: usize,
    /// Extents of the other axes: height and width, or samples.
    pub places: Vec<usize>,
    /// Elements of one channel that lie side by side.
    inner: usize,
}

impl Grid {
    /// The grid of a tensor of this shape, whose channels stand there.
    pub fn of(shape: &[usize], channels: Channels) -> Self {
        let first = shape.len() - without_batch(shape).count();
        match channels {
            Channels::Axis(axis) if axis >= first && axis < shape.len() => Self {
                channels: shape[axis],
                places: [&shape[first..axis], &shape[axis + 1..]].concat(),
                inner: shape[axis + 1..].iter().product(),
            },
            _ => Self { channels: 1, places: shape[first..].to_vec(), inner: shape[first..].iter().product() },
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
        let inner = self.inner.max(1);
        element / (self.channels.max(1) * inner) * inner + element % inner
    }

    /// The sum over the channels at each place.
    pub fn by_place(&self, values: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.len()];
        values.iter().enumerate().for_each(|(element, value)| sums[self.place(element)] += value);
        sums
    }

    /// Values of elements with the channels first, whatever the order is here.
    pub fn channels_first(&self, values: &[f64]) -> Vec<f64> {
        let inner = self.inner.max(1);
        let channel = |c: usize| values.chunks(inner).skip(c).step_by(self.channels.max(1)).flatten().copied();
        (0..self.channels).flat_map(channel).collect()
    }

    /// Values of another grid's places over these: each is spread evenly over the places that lie nearest to it, so that
    /// the sum stays. `None` where the grids have another number of axes, those of extent 1 aside.
    pub fn spread(&self, values: &[f64], from: &[usize]) -> Option<Vec<f64>> {
        let long = |places: &[usize]| places.iter().copied().filter(|&size| size > 1).collect::<Vec<_>>();
        let (own, from) = if self.places.len() == from.len() {
            (self.places.clone(), from.to_vec())
        } else {
            (long(&self.places), long(from))
        };
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

    const FIRST: Channels = Channels::Axis(1);

    #[test]
    fn spreading_keeps_the_sum_and_the_place() {
        let grid = Grid::of(&[1, 3, 4, 6], FIRST);
        let spread = grid.spread(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]).unwrap();
        assert_eq!((spread.len(), spread.iter().sum::<f64>()), (24, 21.0));
        assert_eq!((spread[0], spread[5], spread[23]), (0.25, 0.75, 1.5));
        let finer = Grid::of(&[1, 1, 2, 1], FIRST).spread(&[1.0, 2.0, 3.0, 4.0], &[4]).unwrap();
        assert_eq!(finer, [3.0, 7.0]);
        assert_eq!(grid.spread(&[1.0; 4], &[4]), None);
        // Columns alone: every row of the picture has its share.
        assert_eq!(Grid::of(&[1, 1, 2, 2], FIRST).spread(&[2.0, 6.0], &[1, 2]).unwrap(), [1.0, 3.0, 1.0, 3.0]);
    }

    #[test]
    fn channels_stand_anywhere() {
        let values: Vec<f64> = (0..12).map(f64::from).collect();
        assert_eq!(Grid::of(&[1, 3, 2, 2], FIRST).by_place(&values), [12.0, 15.0, 18.0, 21.0]);
        let last = Grid::of(&[1, 2, 2, 3], Channels::Axis(3));
        assert_eq!(last.by_place(&values), [3.0, 12.0, 21.0, 30.0]);
        assert_eq!(last.channels_first(&values), [0.0, 3.0, 6.0, 9.0, 1.0, 4.0, 7.0, 10.0, 2.0, 5.0, 8.0, 11.0]);
        let middle = Grid::of(&[1, 2, 3, 2], Channels::Axis(2));
        assert_eq!(
            (middle.places.as_slice(), middle.by_place(&values)),
            ([2, 2].as_slice(), vec![6.0, 9.0, 24.0, 27.0])
        );
        assert_eq!(middle.channels_first(&values)[..4], [0.0, 1.0, 6.0, 7.0]);
        assert_eq!(Grid::of(&[1, 12], Channels::Nowhere).by_place(&values), values);
    }
}
