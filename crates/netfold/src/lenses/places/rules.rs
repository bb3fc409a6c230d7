//! What operators do to the places of what they read.

use std::collections::BTreeSet;

use super::{Places, spread};
use crate::error::OpError;
use crate::ops::{self, Class, Inputs, Precision};
use crate::value::{Tensor, Value};

/// What an operator does to places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Each element stays where it is; what is smaller is broadcast.
    Keeps,
    /// Elements are moved, repeated or left out.
    Moves,
    /// A window slides over the axes behind the channels.
    Slides,
    /// Axes are summed over.
    Sums,
    /// Nobody wrote down what becomes of places.
    Unknown,
}

impl Way {
    /// Of operators of a class.
    pub fn of(class: Class) -> Self {
        match class {
            Class::Reduce | Class::Extreme | Class::Dense | Class::Contraction => Self::Sums,
            Class::Convolution | Class::TransposedConvolution | Class::MaxPool | Class::Pool | Class::Resample => {
                Self::Slides
            }
            Class::Reshape
            | Class::Squeeze
            | Class::Transpose
            | Class::Blocks
            | Class::Slice
            | Class::Split
            | Class::Gather
            | Class::Index
            | Class::Concat
            | Class::Repeat
            | Class::Pad
            | Class::Scatter => Self::Moves,
            Class::BatchNorm
            | Class::Norm
            | Class::LocalNorm
            | Class::Softmax
            | Class::Relu
            | Class::Clip
            | Class::Power
            | Class::Pointwise
            | Class::Steps
            | Class::Quantize
            | Class::Dequantize
            | Class::Sum
            | Class::Difference
            | Class::Product
            | Class::Quotient
            | Class::Select
            | Class::Copy
            | Class::Cast
            | Class::Mask
            | Class::Compare => Self::Keeps,
            Class::Accumulate | Class::Rank | Class::Constant | Class::Shape | Class::Size | Class::Unknown => {
                Self::Unknown
            }
        }
    }
}

/// The inputs that operators of a class move elements of, among so many.
pub fn moved(class: Class, inputs: usize) -> Vec<usize> {
    match class {
        Class::Concat => (0..inputs).collect(),
        Class::Scatter => vec![0, 2],
        _ => vec![0],
    }
}

/// The places of two tensors of one shape that are joined element by element. Where both name a place and they differ,
/// there is none; of two grids the finer counts.
pub fn joined(a: &Places, b: &Places) -> Places {
    let (one, two) = (a.labels.shape(), b.labels.shape());
    if a.grid != b.grid || one.len() != two.len() {
        return if b.len() > a.len() { b.clone() } else { a.clone() };
    }
    let shape: Vec<usize> = one.iter().zip(two).map(|(&a, &b)| a.max(b)).collect();
    let pairs = spread(a.labels.data(), one, &shape).into_iter().zip(spread(b.labels.data(), two, &shape));
    let label = |(a, b): (i64, i64)| match (a, b) {
        (0, label) | (label, 0) => label,
        (a, b) if a == b => a,
        _ => 0,
    };
    let labels = Tensor::new(&shape, pairs.map(label).collect());
    Places::of_labels(labels, &a.grid).unwrap_or_else(|| a.clone())
}

/// The labels of an output that picks every second, third, … place along an axis of the grid, on the coarser grid of
/// what is picked.
pub fn renumbered(places: Places) -> Places {
    let mut kept: Vec<Vec<usize>> = places.grid.iter().map(|&size| (0..size).collect()).collect();
    for (axis, kept) in kept.iter_mut().enumerate() {
        let labels = places.labels.data().iter().filter(|&&label| label > 0);
        let found: BTreeSet<usize> = labels.map(|&label| places.coordinates(label)[axis]).collect();
        let found: Vec<usize> = found.into_iter().collect();
        let steps: BTreeSet<usize> = found.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // Steps of one are a part that was cut out, at its place.
        if steps.len() == 1 && !steps.contains(&1) {
            *kept = found;
        }
    }
    let grid: Vec<usize> = kept.iter().map(Vec::len).collect();
    if grid == places.grid {
        return places;
    }
    let label = |&label: &i64| {
        let at = places.coordinates(label);
        let inside = at.iter().zip(&kept).map(|(at, kept)| kept.binary_search(at).ok());
        let place = inside.zip(&grid).try_fold(0, |place, (at, size)| Some(place * size + at?));
        if label == 0 { 0 } else { place.map_or(0, |place| place as i64 + 1) }
    };
    let labels = places.labels.map(label);
    Places { grid, labels }
}

/// For each axis of input `input` the axis of the output that it becomes, `None` where it is summed over: seen at a
/// tensor of two indices an axis.
///
/// # Errors
/// What the operator returns.
pub fn axes<T: Precision>(
    operator: &dyn ops::Operator,
    inputs: &Inputs<'_, T>,
    input: usize,
) -> Result<Vec<Option<usize>>, OpError> {
    let small = |value: &Value<T>| match value {
        Value::Real(tensor) => {
            Value::Real(Tensor::new(&vec![2; tensor.shape().len()], vec![T::one(); 1 << tensor.shape().len().min(16)]))
        }
        other => other.clone(),
    };
    let mut given: Vec<Option<Value<T>>> = inputs.0.iter().map(|value| value.map(small)).collect();
    let rank = inputs.shape(input)?.len();
    if inputs.0.iter().flatten().any(|value| value.shape().len() > 16) {
        return Err(OpError::new("more than 16 axes"));
    }
    let mut found = Vec::new();
    for axis in 0..rank {
        let index = |e: usize| T::of(1.0 + f64::from(u8::from(e >> (rank - 1 - axis) & 1 == 1)));
        given[input] = Some(Value::Real(Tensor::new(&vec![2; rank], (0..1 << rank).map(index).collect())));
        let outputs = T::op(operator).forward(&Inputs(given.iter().map(Option::as_ref).collect()))?;
        let Some(Value::Real(y)) = outputs.first() else { return Err(OpError::new("the output holds no numbers")) };
        found.push((0..y.shape().len()).find(|&to| {
            let inner: usize = y.shape()[to + 1..].iter().product();
            y.shape()[to] == 2 && y.data().chunks(2 * inner).any(|block| block[..inner] != block[inner..])
        }));
    }
    Ok(found)
}

/// The places of what is summed over some axes, for each axis of the labels the axis of an output of this rank that it
/// becomes. Where a block of places is summed, as a patch is, the output's place is the block, on a coarser grid. `None`
/// where all places are summed, or not the same block everywhere.
pub fn summed(places: &Places, to: &[Option<usize>], rank: usize) -> Option<Places> {
    let from = places.labels.shape();
    let mut shape = vec![1; rank];
    for (&size, to) in from.iter().zip(to) {
        if let Some(to) = to {
            shape[*to] = size;
        }
    }
    // For each element of the output the labels that it is summed of.
    let mut blocks: Vec<Vec<i64>> = vec![Vec::new(); shape.iter().product()];
    let mut index = vec![0; from.len()];
    for &label in places.labels.data() {
        let place = (0..rank).fold(0, |place, axis| {
            let at = to.iter().position(|&to| to == Some(axis)).map_or(0, |from| index[from]);
            place * shape[axis] + at
        });
        blocks[place].push(label);
        for (at, &size) in index.iter_mut().zip(from).rev() {
            *at += 1;
            if *at < size {
                break;
            }
            *at = 0;
        }
    }
    // Constants beside numbers of one place, as channels that were padded, do not move it.
    let one = |block: &Vec<i64>| {
        let mut known = block.iter().copied().filter(|&label| label > 0);
        let first = known.next();
        known.all(|label| Some(label) == first).then(|| first.unwrap_or(0))
    };
    if let Some(labels) = blocks.iter().map(one).collect::<Option<Vec<i64>>>() {
        return Places::of_labels(Tensor::new(&shape, labels), &places.grid);
    }
    coarser(places, &blocks, &shape)
}

/// Blocks of one size that lie side by side on the grid are the places of a coarser one.
fn coarser(places: &Places, blocks: &[Vec<i64>], shape: &[usize]) -> Option<Places> {
    let corners = |block: &Vec<i64>| -> Option<[Vec<usize>; 2]> {
        let mut low = vec![usize::MAX; places.grid.len()];
        let mut high = vec![0; places.grid.len()];
        for &label in block.iter().filter(|&&label| label > 0) {
            for (axis, at) in places.coordinates(label).into_iter().enumerate() {
                (low[axis], high[axis]) = (low[axis].min(at), high[axis].max(at));
            }
        }
        block.iter().any(|&label| label > 0).then_some([low, high])
    };
    let corners: Vec<Option<[Vec<usize>; 2]>> = blocks.iter().map(corners).collect();
    let [low, high] = corners.iter().flatten().next()?;
    let size: Vec<usize> = low.iter().zip(high).map(|(low, high)| high - low + 1).collect();
    let grid: Vec<usize> = places.grid.iter().zip(&size).map(|(grid, size)| grid.div_ceil(*size)).collect();
    if grid.iter().all(|&size| size == 1) {
        return None;
    }
    let label = |block: &Option<[Vec<usize>; 2]>| {
        let Some([low, high]) = block else { return Some(0) };
        let whole = (0..size.len()).all(|g| high[g] - low[g] + 1 == size[g] && low[g].is_multiple_of(size[g]));
        let place = (0..size.len()).fold(0, |place, g| place * grid[g] + low[g] / size[g]);
        whole.then_some(place as i64 + 1)
    };
    let labels = corners.iter().map(label).collect::<Option<Vec<i64>>>()?;
    // A block holds all its places, each as often as the others.
    let each = size.iter().product::<usize>();
    let full = |block: &Vec<i64>| {
        let found: BTreeSet<i64> = block.iter().copied().filter(|&label| label > 0).collect();
        found.is_empty() || found.len() == each
    };
    if !blocks.iter().all(full) {
        return None;
    }
    Places::of_labels(Tensor::new(shape, labels), &grid)
}

/// The places of what a window slides over: a new grid, of the output's extents along the axes that the old grid lies
/// along. `None` where the window does not slide along the axes of the grid.
pub fn slid(places: &Places, from: &[usize], to: &[usize], axes: &[usize]) -> Option<Places> {
    // Channels are summed over.
    let mixed = (axes.first() == Some(&2) && places.labels.shape().get(1) != Some(&1)).then(|| {
        let rank = places.labels.shape().len();
        summed(places, &(0..rank).map(|axis| (axis != 1).then_some(axis)).collect::<Vec<_>>(), rank)
    });
    let mixed = match mixed {
        Some(mixed) => Some(mixed?),
        None => None,
    };
    let places = mixed.as_ref().unwrap_or(places);
    let labels = places.labels.shape();
    // Axes that do not change keep their places, but for the channels, which are new.
    let same = from.len() == to.len() && axes.iter().all(|&axis| from[axis] == to[axis]) && labels.get(1) == Some(&1);
    if same && places.labels.len() == places.len() && places.labels.data().iter().all(|&label| label > 0) {
        return Some(places.clone());
    }
    anew(places, from, to, axes).or_else(|| same.then(|| places.clone()))
}

/// As [`slid`], where the extents change.
fn anew(places: &Places, from: &[usize], to: &[usize], axes: &[usize]) -> Option<Places> {
    let labels = places.labels.shape();
    let stays = |axis: usize| axes.contains(&axis) || labels[axis] == 1;
    if from.len() != to.len() || !(0..labels.len()).all(stays) {
        return None;
    }
    let mut along = vec![None; places.grid.len()];
    for (g, along) in along.iter_mut().enumerate() {
        let alone: Vec<usize> = axes.iter().copied().filter(|&axis| coordinates(places, axis, g)).collect();
        match alone.as_slice() {
            [axis] => *along = Some(*axis),
            [] if !varies(places, g) => {}
            _ => return None,
        }
    }
    Some(Places::product(to, &along))
}

/// Whether any two places differ in coordinate g.
fn varies(places: &Places, g: usize) -> bool {
    let mut found = places.labels.data().iter().filter(|&&label| label > 0).map(|&label| places.coordinates(label)[g]);
    let first = found.next();
    found.any(|at| Some(at) != first)
}

/// Whether coordinate g of a place says the index along an axis of the tensor, and the index says it.
fn coordinates(places: &Places, axis: usize, g: usize) -> bool {
    let shape = places.labels.shape();
    let inner: usize = shape[axis + 1..].iter().product();
    let mut found = vec![None; shape[axis]];
    for (element, &label) in places.labels.data().iter().enumerate().filter(|&(_, &label)| label > 0) {
        let at = places.coordinates(label)[g];
        let index = element / inner % shape[axis];
        if *found[index].get_or_insert(at) != at {
            return false;
        }
    }
    let all: Vec<usize> = found.into_iter().flatten().collect();
    all.windows(2).any(|pair| pair[0] != pair[1])
}
