//! Where in the picture the elements of a tensor are, by the operators that made the tensor.
//!
//! A convolution's first axis behind the batch is its channels, and those behind are places. What only moves elements
//! (`Transpose`, `Reshape`, `Concat`, `Slice`, …) moves their places along: so windows, tokens and channels that stand
//! last are known for what they are.

mod input;
mod rules;
mod walk;

use crate::value::Tensor;

pub use input::Channels;

/// Which place of a grid each element of a tensor belongs to.
///
/// ```
/// use netfold::lenses::Places;
///
/// // One class token and four patches, two by two, of three channels each.
/// let places = Places::along(&[1, 5, 3], &[None, Some(vec![0, 1, 2, 3, 4]), None], &[2, 2]);
/// let seen = places.by_channel(&[1, 5, 3]).unwrap();
/// assert_eq!((seen.channels, seen.places.as_slice()), (3, [0, 1, 2, 3].as_slice()));
/// assert_eq!((seen.elements[..4].to_vec(), seen.others), (vec![3, 6, 9, 12], vec![0, 1, 2]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Places {
    /// Extents of the grid, in the order of the input's places: rows and columns of a picture, or samples.
    pub grid: Vec<usize>,
    /// 1 + the place's number in the grid, in row-major order, and 0 where an element has none. Of extent 1 along axes on
    /// which nothing depends.
    labels: Tensor<i64>,
}

/// The elements of a tensor, sorted by channel and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByChannel {
    /// How many numbers a place has.
    pub channels: usize,
    /// The places of the grid that have elements.
    pub places: Vec<usize>,
    /// The element of channel c at the k-th of these places: `elements[c · places.len() + k]`.
    pub elements: Vec<usize>,
    /// Elements without a place: a class token.
    pub others: Vec<usize>,
}

impl Places {
    /// Places of which each is the sum of what the axes of a tensor of this shape give: for each axis a number for each
    /// index along it, 0 for none and 1 + a place's number where it is the only axis; or nothing.
    ///
    /// # Panics
    /// If a list is not as long as its axis.
    pub fn along(shape: &[usize], axes: &[Option<Vec<i64>>], grid: &[usize]) -> Self {
        let long: Vec<usize> = axes.iter().map(|axis| axis.as_ref().map_or(1, Vec::len)).collect();
        assert!(long.iter().zip(shape).all(|(&long, &size)| long == 1 || long == size), "a number for each index");
        let mut labels = vec![0];
        for axis in axes {
            let own = axis.as_deref().unwrap_or(&[0]);
            labels = labels.iter().flat_map(|label| own.iter().map(move |more| label + more)).collect();
        }
        Self { grid: grid.to_vec(), labels: Tensor::new(&long, labels) }
    }

    /// The grid whose axis g lies along axis `axes[g]` of a tensor of this shape; a grid's axis that lies along none has
    /// one place.
    pub fn product(shape: &[usize], axes: &[Option<usize>]) -> Self {
        let grid: Vec<usize> = axes.iter().map(|axis| axis.map_or(1, |axis| shape[axis])).collect();
        let mut lists: Vec<Option<Vec<i64>>> = vec![None; shape.len()];
        let mut step = 1;
        for (&axis, &size) in axes.iter().zip(&grid).rev() {
            if let Some(axis) = axis {
                lists[axis] = Some((0..size as i64).map(|i| i * step).collect());
            }
            step *= size as i64;
        }
        let mut places = Self::along(shape, &lists, &grid);
        places.labels = places.labels.map(|label| label + 1);
        places
    }

    /// How many places the grid has.
    pub fn len(&self) -> usize {
        self.grid.iter().product()
    }

    /// Whether the grid has no place.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements of the tensor, whose shape this is, by channel and place: the k-th element of a place, in standard
    /// order, is its channel k. `None` where places have different numbers of elements.
    pub fn by_channel(&self, shape: &[usize]) -> Option<ByChannel> {
        let labels = self.expanded(shape)?;
        let (mut by_place, mut others) = (vec![Vec::new(); self.len()], Vec::new());
        for (element, &label) in labels.data().iter().enumerate() {
            match usize::try_from(label - 1).ok().and_then(|place| by_place.get_mut(place)) {
                Some(elements) => elements.push(element),
                None => others.push(element),
            }
        }
        let places: Vec<usize> = (0..by_place.len()).filter(|&place| !by_place[place].is_empty()).collect();
        let channels = by_place[*places.first()?].len();
        if places.iter().any(|&place| by_place[place].len() != channels) {
            return None;
        }
        let elements = (0..channels).flat_map(|c| places.iter().map(move |&place| (c, place)));
        let elements = elements.map(|(c, place)| by_place[place][c]).collect();
        Some(ByChannel { channels, places, elements, others })
    }

    /// The labels of a tensor, one for each element; `None` where nothing has a place.
    fn of_labels(labels: Tensor<i64>, grid: &[usize]) -> Option<Self> {
        if labels.data().iter().all(|&label| label == 0) {
            return None;
        }
        let mut labels = labels;
        for axis in 0..labels.shape().len() {
            labels = shortened(labels, axis);
        }
        Some(Self { grid: grid.to_vec(), labels })
    }

    /// One label for each element of a tensor of this shape; `None` where the shapes do not fit.
    fn expanded(&self, shape: &[usize]) -> Option<Tensor<i64>> {
        let own = self.labels.shape();
        let fits = own.len() == shape.len() && own.iter().zip(shape).all(|(&own, &size)| own == 1 || own == size);
        fits.then(|| Tensor::new(shape, spread(self.labels.data(), own, shape)))
    }

    /// The coordinates of a place along the axes of the grid.
    fn coordinates(&self, label: i64) -> Vec<usize> {
        let mut rest = (label - 1).max(0) as usize;
        let mut found = vec![0; self.grid.len()];
        for (at, &size) in found.iter_mut().zip(&self.grid).rev() {
            *at = rest % size.max(1);
            rest /= size.max(1);
        }
        found
    }
}

/// Elements of a tensor of shape `own`, whose axes of extent 1 are repeated, as a tensor of this shape.
fn spread(data: &[i64], own: &[usize], shape: &[usize]) -> Vec<i64> {
    let mut made = data.to_vec();
    let mut inner = 1;
    for (&own, &size) in own.iter().zip(shape).rev() {
        if own != size {
            made = made.chunks(inner).flat_map(|chunk| std::iter::repeat_n(chunk, size).flatten().copied()).collect();
        }
        inner *= size;
    }
    made
}

/// The tensor of extent 1 along an axis, if nothing depends on it.
fn shortened(labels: Tensor<i64>, axis: usize) -> Tensor<i64> {
    let size = labels.shape()[axis];
    let inner: usize = labels.shape()[axis + 1..].iter().product();
    if size < 2 || inner == 0 {
        return labels;
    }
    let blocks = labels.data().chunks(size * inner);
    if blocks.clone().any(|block| block.chunks(inner).any(|line| line != &block[..inner])) {
        return labels;
    }
    let mut shape = labels.shape().to_vec();
    shape[axis] = 1;
    Tensor::new(&shape, blocks.flat_map(|block| block[..inner].to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_as_short_as_they_can_be() {
        let full = Places::product(&[1, 3, 2, 4], &[Some(2), Some(3)]).expanded(&[1, 3, 2, 4]).unwrap();
        let places = Places::of_labels(full, &[2, 4]).unwrap();
        assert_eq!(places.labels.shape(), [1, 1, 2, 4]);
        assert_eq!(places.labels.data(), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(places.coordinates(6), [1, 1]);
        assert_eq!(Places::of_labels(Tensor::new(&[2], vec![0, 0]), &[2]), None);
    }

    #[test]
    fn channels_first_are_in_standard_order() {
        let shape = [1, 3, 2, 2];
        let seen = Places::product(&shape, &[Some(2), Some(3)]).by_channel(&shape).unwrap();
        assert_eq!((seen.channels, seen.elements), (3, (0..12).collect()));
        let last = Places::product(&[1, 2, 2, 3], &[Some(1), Some(2)]).by_channel(&[1, 2, 2, 3]).unwrap();
        assert_eq!((last.channels, &last.elements[..4]), (3, [0, 3, 6, 9].as_slice()));
        let turned = Places::product(&[1, 3, 2], &[Some(2), Some(1)]).by_channel(&[1, 3, 2]).unwrap();
        assert_eq!((turned.channels, turned.elements), (1, vec![0, 2, 4, 1, 3, 5]));
    }
}
