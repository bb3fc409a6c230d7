//! Which axis of a network's input is its channels: the first operator that tells them from places says it.

use std::cell::Cell;
use std::collections::HashMap;

use netfold_onnx::Dim;

use super::Places;
use super::rules::{Way, moved};
use crate::input::LayoutChoice;
use crate::model::{Graph, Node, TensorId};
use crate::ops::{Class, Inputs, Op, Operator};
use crate::value::without_batch;
use crate::value::{Tensor, Value};

/// Where the channels of an input stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Along this axis; the others but the batch are places.
    Axis(usize),
    /// Nowhere: every number is a place of its own.
    Nowhere,
}

impl Channels {
    /// As the shape alone suggests: the first axis behind the batch, or the last of four where only that one is 1 or 3. A
    /// single axis is places.
    pub fn of_shape(shape: &[usize], choice: LayoutChoice) -> Self {
        let axes = without_batch(shape).count();
        let few = |axis: usize| shape.len() == 4 && matches!(shape[axis], 1 | 3);
        match choice {
            _ if axes < 2 => Self::Nowhere,
            LayoutChoice::Nhwc => Self::Axis(shape.len() - 1),
            LayoutChoice::Auto if few(3) && !few(1) => Self::Axis(3),
            LayoutChoice::Auto | LayoutChoice::Nchw => Self::Axis(shape.len() - axes),
        }
    }

    /// The places of an input of this shape.
    pub fn places(self, shape: &[usize]) -> Places {
        let first = shape.len() - without_batch(shape).count();
        let axes = (first..shape.len()).filter(|&axis| self != Self::Axis(axis)).map(Some);
        Places::product(shape, &axes.collect::<Vec<_>>())
    }
}

impl Graph {
    /// Where the channels of an input of this shape stand: as `choice` says, else as the first operator reads it whose
    /// windows slide over places, else as the shape suggests.
    pub fn channels(&self, input: TensorId, shape: &[usize], choice: LayoutChoice) -> Channels {
        let told = if choice == LayoutChoice::Auto { Walk::new(self).first(input, shape) } else { None };
        told.unwrap_or_else(|| Channels::of_shape(shape, choice))
    }

    /// The layout of an input of this shape, where a choice is open and the first operator tells it.
    pub fn layout(&self, input: TensorId, shape: &[usize], choice: LayoutChoice) -> LayoutChoice {
        let told =
            if choice == LayoutChoice::Auto && shape.len() == 4 { Walk::new(self).first(input, shape) } else { None };
        match told {
            Some(Channels::Axis(1)) => LayoutChoice::Nchw,
            Some(Channels::Axis(3)) => LayoutChoice::Nhwc,
            _ => choice,
        }
    }
}

/// A size that is left open, but for the batch: any will do, as the axes alone matter.
const OPEN: usize = 32;

impl Graph {
    /// As [`layout`](Self::layout), before there is an input: of the shape that the file declares.
    pub fn declared_layout(&self, input: TensorId, choice: LayoutChoice) -> LayoutChoice {
        let Some(declared) = &self.tensors[input.0].shape else { return choice };
        let size = |(axis, dim): (usize, &Dim)| match dim {
            Dim::Known(size) => *size,
            _ if axis == 0 => 1,
            _ => OPEN,
        };
        self.layout(input, &declared.iter().enumerate().map(size).collect::<Vec<_>>(), choice)
    }
}

/// Numbers that are moved on the way to the first operator, at most, for each of the input.
const MOVED: usize = 64;
/// Tensors of the input's size that are held at a time on the way, as a rule.
const COPIES: usize = 4;
/// Elements of a constant that says how something is moved, at most.
const SHORT: usize = 4096;
/// Nodes that lead to such a constant one behind the other, at most.
const DEEP: usize = 32;
/// Nodes that are computed for such constants, at most.
const NODES: usize = 1 << 12;

/// The input's elements on their way to the first operator.
struct Walk<'a> {
    model: &'a Graph,
    /// 1 + the element of the input that stands there, 0 for none.
    elements: HashMap<TensorId, Tensor<i64>>,
    /// Numbers that may still be moved.
    left: usize,
    /// Nodes of constants that may still be computed.
    nodes: Cell<usize>,
}

impl<'a> Walk<'a> {
    fn new(model: &'a Graph) -> Self {
        Self { model, elements: HashMap::new(), left: 0, nodes: Cell::new(NODES) }
    }

    /// How the first operator reads the input; `None` where there is none, or something unknown stands before it.
    fn first(&mut self, input: TensorId, shape: &[usize]) -> Option<Channels> {
        let len = shape.iter().try_fold(1_usize, |len, &size| len.checked_mul(size))?;
        self.left = len.checked_mul(MOVED)?;
        // A declared size may be beyond any memory; then nothing is told, and the input itself will not fit.
        self.model.budget().ask((COPIES * len * size_of::<i64>()) as f64).ok()?;
        self.elements.insert(input, Tensor::new(shape, (1..=len as i64).collect()));
        for node in &self.model.nodes {
            let known = |id: &Option<TensorId>| id.is_some_and(|id| self.elements.contains_key(&id));
            if !node.inputs.iter().any(known) {
                continue;
            }
            let class = node.class();
            match Way::of(class) {
                Way::Slides if class != Class::Resample => {
                    let read = node.inputs.first().copied().flatten().and_then(|id| self.elements.get(&id));
                    if let Some(read) = read {
                        return reading(read, shape);
                    }
                }
                Way::Moves => {
                    let made = self.moved(node).unwrap_or_default();
                    for (id, elements) in node.outputs.iter().zip(made) {
                        self.left = self.left.checked_sub(elements.len())?;
                        id.and_then(|id| self.elements.insert(id, elements));
                    }
                }
                Way::Keeps => {
                    let read = node.inputs.iter().flatten().find_map(|id| self.elements.get(id)).cloned();
                    if let (Some(&Some(id)), Some(read)) = (node.outputs.first(), read) {
                        self.elements.insert(id, read);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// What a node moves; `None` where it may make much of little, or what says how is no short constant.
    fn moved(&self, node: &Node) -> Option<Vec<Tensor<i64>>> {
        let data = moved(node.class(), node.inputs.len());
        let mut given: Vec<Option<Value<f32>>> = Vec::new();
        for (i, id) in node.inputs.iter().enumerate() {
            given.push(match id {
                Some(id) if data.contains(&i) => Some(Value::Int(self.elements.get(id)?.clone())),
                Some(id) => Some(self.constant(*id, DEEP)?),
                None => None,
            });
        }
        let Some(Some(Value::Int(read))) = given.first() else { return None };
        match (node.class(), given.get(1)) {
            (Class::Gather, Some(Some(indices))) if indices.shape().iter().product::<usize>() > 4 => return None,
            (Class::Pad, Some(Some(Value::Int(pads)))) => {
                let most = pads.data().iter().copied().max().unwrap_or(0);
                let longer = |&size: &usize| size.saturating_add(usize::try_from(most).unwrap_or(0).saturating_mul(2));
                let len = read.shape().iter().map(longer).fold(1_usize, usize::saturating_mul);
                if len > self.left {
                    return None;
                }
            }
            (Class::Repeat | Class::Scatter | Class::Index | Class::Pad, _) => return None,
            _ => {}
        }
        let operator = node.operator.as_ref().ok()?;
        let made = forward(operator.as_ref(), &given)?;
        made.into_iter().map(|value| if let Value::Int(elements) = value { Some(elements) } else { None }).collect()
    }

    /// A short constant, or what a few nodes make of some.
    fn constant(&self, id: TensorId, depth: usize) -> Option<Value<f32>> {
        if let Some(tensor) = self.model.constants.get(&id) {
            let len = tensor.shape.iter().product::<usize>();
            return if len <= SHORT { Value::from_onnx(tensor) } else { None };
        }
        let node = self.model.maker(id)?;
        self.nodes.set(self.nodes.get().checked_sub(1)?);
        if node.class() == Class::Shape
            && let Some(Some(read)) = node.inputs.first()
            && let Some(elements) = self.elements.get(read)
        {
            return forward(node.operator.as_ref().ok()?.as_ref(), &[Some(Value::Int(elements.clone()))])?.pop();
        }
        let depth = depth.checked_sub(1)?;
        if !node.facts().computes_shapes() {
            return None;
        }
        let mut given = Vec::new();
        for id in &node.inputs {
            given.push(match id {
                Some(id) => Some(self.constant(*id, depth)?),
                None => None,
            });
        }
        if let (Class::Constant, Some(Some(Value::Int(shape)))) = (node.class(), given.first()) {
            let len =
                shape.data().iter().try_fold(1_usize, |len, &size| len.checked_mul(usize::try_from(size).ok()?))?;
            if len > SHORT {
                return None;
            }
        }
        let output = node.outputs.iter().position(|output| *output == Some(id))?;
        let made = forward(node.operator.as_ref().ok()?.as_ref(), &given)?.into_iter().nth(output)?;
        (made.shape().iter().product::<usize>() <= SHORT).then_some(made)
    }
}

fn forward(operator: &dyn Operator, given: &[Option<Value<f32>>]) -> Option<Vec<Value<f32>>> {
    let operator: &dyn Op<f32> = operator;
    operator.forward(&Inputs(given.iter().map(Option::as_ref).collect())).ok()
}

/// Which axis of the input, whose shape this is, an operator takes for channels: behind the batch it reads channels, then
/// places.
fn reading(read: &Tensor<i64>, shape: &[usize]) -> Option<Channels> {
    let rank = read.shape().len();
    if rank < 3 {
        return None;
    }
    let mut places = Vec::new();
    for axis in 2..rank {
        places.extend(moves(read, axis, shape)?);
    }
    let first = shape.len() - without_batch(shape).count();
    if places.is_empty() {
        return None;
    }
    if let &[channel] = moves(read, 1, shape)?.as_slice() {
        return (channel >= first && !places.contains(&channel)).then_some(Channels::Axis(channel));
    }
    // One channel does not move: what is left of the axes has one index each.
    let left: Vec<usize> = (first..shape.len()).filter(|axis| !places.contains(axis)).collect();
    match left.as_slice() {
        [] => Some(Channels::Nowhere),
        [channel, ..] if left.iter().all(|&axis| shape[axis] == 1) => Some(Channels::Axis(*channel)),
        _ => None,
    }
}

/// The axis of the input along which its elements move where a reader's axis does: none where they stay, or `None` where
/// they move along several.
fn moves(read: &Tensor<i64>, axis: usize, shape: &[usize]) -> Option<Vec<usize>> {
    let inner: usize = read.shape()[axis + 1..].iter().product();
    let size = read.shape()[axis];
    let pairs = (0..read.len()).filter(|element| size > 1 && element / inner.max(1) % size + 1 < size);
    let pair = pairs.map(|element| [read.data()[element], read.data()[element + inner]]).find(|&[a, b]| a > 0 && b > 0);
    let Some([a, b]) = pair else { return Some(Vec::new()) };
    let (mut a, mut b, mut found) = (a as usize - 1, b as usize - 1, Vec::new());
    for axis in (0..shape.len()).rev() {
        if a % shape[axis] != b % shape[axis] {
            found.push(axis);
        }
        (a, b) = (a / shape[axis], b / shape[axis]);
    }
    (found.len() < 2).then_some(found)
}
