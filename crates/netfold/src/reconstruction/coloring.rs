//! Structurally orthogonal columns: elements of the input that one probe can carry together.

use netfold_linear::Support;
use rayon::prelude::*;

use crate::circuit::{Circuit, Shares};
use crate::ops::Precision;

/// Where a row depends on no index of a colour.
const NONE: u32 = u32::MAX;

/// Groups of input elements such that no wanted row of W depends on two of one group: W times the sum of a group's unit
/// vectors holds all columns of the group, each in rows of its own (Curtis, Powell & Reid,
/// doi 10.1093/imamat/13.1.117).
///
/// Each axis of the input is coloured by itself: two indices have different colours if some row depends on both, through
/// whatever elements. A group is one colour of each axis. Of a map with receptive fields of n × n this makes n² groups a
/// channel, and as many as there are elements where every row depends on all of them.
#[derive(Clone, Debug)]
pub(crate) struct Coloring {
    axes: Vec<Axis>,
    rows: usize,
}

#[derive(Clone, Debug)]
struct Axis {
    /// The colour of each index.
    colour: Vec<u32>,
    /// How many colours.
    count: usize,
    /// `seen[colour · rows + row]`: the index of that colour that the row depends on, or `NONE`.
    seen: Vec<u32>,
}

impl<T: Precision> Circuit<T> {
    /// The colours of the input for these rows; `plan` is the rows' plan of supports.
    pub(crate) fn coloring(&self, rows: &[usize], plan: &[Support]) -> Coloring {
        let (shape, field) = (self.input_shape(), self.field(rows));
        let axes = shape.iter().enumerate().map(|(axis, &size)| {
            if field == plan[0].tensor_len() {
                return Axis::distinct(size, rows.len());
            }
            let slab = |index| {
                let inner: usize = shape[axis + 1..].iter().product();
                Support::from_fn(shape, |element| element / inner % size == index)
            };
            let images: Vec<Support> =
                (0..size).into_par_iter().map(|index| self.output_support(slab(index), plan)).collect();
            Axis::greedy(&images, rows)
        });
        Coloring { axes: axes.collect(), rows: rows.len() }
    }

    /// How many elements of the input the first of these rows depends on: as many groups are needed at least.
    pub(crate) fn field(&self, rows: &[usize]) -> usize {
        let first = Support::of(self.output_shape(), rows.first().copied());
        self.pull_plan(&first, Shares::LeftOut)[0].count()
    }

    /// Elements of the output that can differ from zero where the input does so only inside `of`.
    fn output_support(&self, of: Support, plan: &[Support]) -> Support {
        let mut reached = vec![of];
        for (stage, wanted) in self.stages().iter().zip(&plan[1..]) {
            let mut own = Support::empty(stage.affine.shape());
            for (term, &source) in stage.affine.terms.iter().zip(&stage.sources) {
                if let (Some(map), 1..) = (term, reached[source].count()) {
                    own = own.union(&map.output_support(&reached[source]));
                }
            }
            reached.push(own.intersection(wanted));
        }
        reached.pop().unwrap_or_else(|| Support::empty(self.output_shape()))
    }
}

impl Axis {
    /// Every index has a colour of its own.
    fn distinct(size: usize, rows: usize) -> Self {
        let colour: Vec<u32> = (0..size as u32).collect();
        let seen = colour.iter().flat_map(|&index| std::iter::repeat_n(index, rows)).collect();
        Self { colour, count: size, seen }
    }

    /// Each index in turn gets the first colour that no row sees already.
    fn greedy(images: &[Support], rows: &[usize]) -> Self {
        let mut unions: Vec<Support> = Vec::new();
        let mut axis = Self { colour: Vec::new(), count: 0, seen: Vec::new() };
        for (index, image) in images.iter().enumerate() {
            let free = unions.iter().position(|union| union.intersection(image).count() == 0);
            let colour = free.unwrap_or(unions.len());
            match unions.get_mut(colour) {
                Some(union) => *union = union.union(image),
                None => {
                    unions.push(image.clone());
                    axis.seen.extend(std::iter::repeat_n(NONE, rows.len()));
                }
            }
            let seen = &mut axis.seen[colour * rows.len()..][..rows.len()];
            for (seen, _) in seen.iter_mut().zip(rows).filter(|&(_, &row)| image.contains(row)) {
                *seen = index as u32;
            }
            axis.colour.push(colour as u32);
        }
        axis.count = unions.len();
        axis
    }
}

impl Coloring {
    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.axes.iter().map(|axis| axis.count).product()
    }

    /// The group of each element of the input.
    pub fn group_of(&self, element: usize) -> usize {
        let (mut rest, mut group, mut stride) = (element, 0, 1);
        for axis in self.axes.iter().rev() {
            group += axis.colour[rest % axis.colour.len()] as usize * stride;
            (rest, stride) = (rest / axis.colour.len(), stride * axis.count);
        }
        group
    }

    /// The (group, element) pairs of what the `row`-th wanted row can depend on, into `pairs`.
    pub fn pairs(&self, row: usize, pairs: &mut Vec<(usize, usize)>) {
        pairs.clear();
        pairs.push((0, 0));
        for axis in &self.axes {
            let before = std::mem::take(pairs);
            let seen = || (0..axis.count).map(|colour| (colour, axis.seen[colour * self.rows + row]));
            for (group, element) in before {
                let here = seen().filter(|&(_, index)| index != NONE);
                pairs.extend(here.map(|(colour, index)| {
                    (group * axis.count + colour, element * axis.colour.len() + index as usize)
                }));
            }
        }
    }
}
