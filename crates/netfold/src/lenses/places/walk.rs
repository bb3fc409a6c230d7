//! From the network's input forward to a tensor: the places of every tensor on the way.

use std::collections::HashMap;
use std::sync::Arc;

use super::Places;
use super::rules::{Way, axes, joined, moved, renumbered, slid, summed};
use crate::error::Error;
use crate::input::LayoutChoice;
use crate::model::{Node, TensorId};
use crate::ops::{Class, Inputs, Operator, Precision};
use crate::trace::Trace;
use crate::value::{Tensor, Value};

/// The places of the tensors that have some, and the nodes behind which there are none.
struct Walk<'a, 'm, T: Precision> {
    trace: &'a Trace<'m, T>,
    places: HashMap<TensorId, Arc<Places>>,
    lost: HashMap<TensorId, usize>,
}

impl<T: Precision> Trace<'_, T> {
    /// The places of a tensor's elements, by the operators that lead to it from the input, which is read as `layout` says.
    ///
    /// Needs the values on the way: a trace that keeps them.
    ///
    /// # Errors
    /// [`Error::Unplaced`], naming the node behind which places are not known any more.
    pub fn places(&self, id: TensorId, layout: LayoutChoice) -> Result<Places, Error> {
        let shape = self.real(self.input)?.shape();
        let input = self.model.channels(self.input, shape, layout).places(shape);
        let mut walk =
            Walk { trace: self, places: HashMap::from([(self.input, Arc::new(input))]), lost: HashMap::new() };
        let on_way = self.model.nodes_of(id);
        for index in on_way.into_iter().filter(|index| self.nodes.binary_search(index).is_ok()) {
            walk.pass(index);
        }
        let tensor = self.model.name(id).to_owned();
        let cause = walk.lost.get(&id).map(|&node| &self.model.nodes[node]);
        let cause = cause.map(|node| (node.name.clone(), node.op.clone()));
        match walk.places.remove(&id) {
            Some(places) => Ok(Arc::unwrap_or_clone(places)),
            None => Err(Error::Unplaced { tensor, shape: self.real(id)?.shape().to_vec(), cause }),
        }
    }
}

impl<T: Precision> Walk<'_, '_, T> {
    /// The places of what a node makes.
    fn pass(&mut self, index: usize) {
        let node = &self.trace.model.nodes[index];
        let Ok(operator) = &node.operator else { return };
        let known: Vec<Option<Arc<Places>>> =
            node.inputs.iter().map(|id| id.and_then(|id| self.places.get(&id).cloned())).collect();
        let varying = node.outputs.iter().copied().flatten().filter(|&id| self.trace.varies(id));
        let outputs: Vec<TensorId> = varying.collect();
        if outputs.is_empty() {
            return;
        }
        let made = match Way::of(node.class()) {
            Way::Keeps => vec![self.kept(node, &known)],
            Way::Moves if known.iter().any(Option::is_some) => self.moved(node, operator.as_ref(), &known),
            Way::Slides => vec![self.slid(node, known.first().cloned().flatten().as_deref())],
            Way::Sums => vec![self.summed(node, operator.as_ref(), &known)],
            _ => Vec::new(),
        };
        for (output, places) in node.outputs.iter().zip(made) {
            if let (Some(id), Some(places)) = (output, places) {
                self.places.insert(*id, places);
            }
        }
        let before = node.inputs.iter().flatten().find_map(|id| self.lost.get(id)).copied();
        for id in outputs {
            if !self.places.contains_key(&id) {
                let first = if known.iter().any(Option::is_some) { index } else { before.unwrap_or(index) };
                self.lost.insert(id, first);
            }
        }
    }

    fn shape(&self, id: Option<&Option<TensorId>>) -> Option<&[usize]> {
        Some(self.trace.value((*id?)?)?.shape())
    }

    /// Of an operator that works element by element.
    fn kept(&self, node: &Node, known: &[Option<Arc<Places>>]) -> Option<Arc<Places>> {
        let to = self.shape(node.outputs.first())?;
        let mut found: Option<Arc<Places>> = None;
        for (places, id) in known.iter().zip(&node.inputs) {
            let (Some(places), Some(from)) = (places, self.shape(Some(id))) else { continue };
            let own = places.labels.shape();
            if from.len() > to.len() || own.len() != from.len() {
                continue;
            }
            // Broadcast: missing axes stand in front.
            let lead = to.len() - from.len();
            let padded = (lead > 0).then(|| {
                let shape = [vec![1; lead], own.to_vec()].concat();
                Arc::new(Places { grid: places.grid.clone(), labels: places.labels.reshaped(&shape) })
            });
            let places = padded.unwrap_or_else(|| Arc::clone(places));
            found = Some(match found {
                Some(found) if found == places => found,
                Some(found) => Arc::new(joined(&found, &places)),
                None => places,
            });
        }
        found.filter(|places| places.expanded(to).is_some())
    }

    /// Of an operator that moves elements: it moves their labels.
    fn moved(&self, node: &Node, operator: &dyn Operator, known: &[Option<Arc<Places>>]) -> Vec<Option<Arc<Places>>> {
        let class = node.class();
        let data = moved(class, node.inputs.len());
        let own: Vec<&Arc<Places>> = data.iter().filter_map(|&i| known.get(i)?.as_ref()).collect();
        let Some(first) = own.first() else { return Vec::new() };
        if own.iter().any(|places| places.grid != first.grid) {
            return Vec::new();
        }
        let to: Vec<Option<&[usize]>> = node.outputs.iter().map(|id| self.shape(Some(id))).collect();
        // Joined along an axis that has no places.
        if class == Class::Concat && own.len() == node.inputs.len() && own.iter().all(|places| places == first) {
            let joined = |to: &&[usize]| first.expanded(to).is_some();
            if to[0].as_ref().is_some_and(joined) {
                return vec![Some(Arc::clone(first))];
            }
        }
        let short = !matches!(class, Class::Reshape | Class::Blocks | Class::Index) && data.len() == 1;
        let ways = if short { [Some(true), Some(false)] } else { [None, Some(false)] };
        for short in ways.into_iter().flatten() {
            let Some(labels) = self.labels_moved(node, operator, known, &data, short) else { continue };
            let fits = |labels: &Tensor<i64>, to: Option<&[usize]>| {
                to.is_none_or(|to| {
                    let own = labels.shape();
                    own.len() == to.len() && own.iter().zip(to).all(|(&own, &size)| own == size || (short && own == 1))
                })
            };
            if labels.iter().zip(&to).all(|(labels, to)| fits(labels, *to)) {
                let places = |labels: Tensor<i64>| Places::of_labels(labels, &first.grid);
                let coarse = |places: Places| if class == Class::Slice { renumbered(places) } else { places };
                return labels.into_iter().map(|labels| places(labels).map(coarse).map(Arc::new)).collect();
            }
        }
        Vec::new()
    }

    /// What an operator makes of labels in the place of numbers: as short as they are held, or one for each element.
    fn labels_moved(
        &self,
        node: &Node,
        operator: &dyn Operator,
        known: &[Option<Arc<Places>>],
        data: &[usize],
        short: bool,
    ) -> Option<Vec<Tensor<i64>>> {
        let labels = |i: usize| -> Option<Tensor<i64>> {
            let shape = self.shape(node.inputs.get(i))?;
            match known.get(i)?.as_ref() {
                Some(places) if short => Some(places.labels.clone()),
                Some(places) => places.expanded(shape),
                None => Some(Tensor::new(shape, vec![0; shape.iter().product()])),
            }
        };
        let run = |more: i64| -> Option<Vec<Tensor<i64>>> {
            let mut given: Vec<Option<Value<T>>> =
                node.inputs.iter().map(|id| id.and_then(|id| self.trace.value(id)).cloned()).collect();
            for &i in data {
                given[i] = Some(Value::Int(labels(i)?.map(|label| label + more)));
            }
            let inputs = Inputs(given.iter().map(Option::as_ref).collect());
            let made = T::op(operator).forward(&inputs).ok()?;
            let ints = |value| if let Value::Int(labels) = value { Some(labels) } else { None };
            made.into_iter().map(ints).collect()
        };
        let made = run(0)?;
        if node.class() != Class::Pad {
            return Some(made);
        }
        // What a pad is filled with comes from nowhere: it does not change with the labels.
        let pairs = made.into_iter().zip(run(1)?);
        let known = |(a, b): (&i64, &i64)| if a == b { 0 } else { *a };
        Some(pairs.map(|(a, b)| Tensor::new(a.shape(), a.data().iter().zip(b.data()).map(known).collect())).collect())
    }

    /// Of an operator whose window slides over places.
    fn slid(&self, node: &Node, known: Option<&Places>) -> Option<Arc<Places>> {
        let (from, to) = (self.shape(node.inputs.first())?, self.shape(node.outputs.first())?);
        let first = if node.class() == Class::Resample { 0 } else { 2 };
        match known {
            Some(places) => {
                let slid = slid(places, from, to, &(first..to.len()).collect::<Vec<_>>());
                slid.map_or_else(|| begun(to, first), |places| Some(Arc::new(places)))
            }
            // Behind an operator that nobody knows places begin anew; those that were summed over do not come back.
            None if self.unknown_before(node) => begun(to, first),
            None => None,
        }
    }

    /// Whether an operator of which nobody wrote down what becomes of places is why there are none.
    fn unknown_before(&self, node: &Node) -> bool {
        let cause = node.inputs.first().copied().flatten().and_then(|id| self.lost.get(&id));
        cause.is_some_and(|&cause| Way::of(self.trace.model.nodes[cause].class()) == Way::Unknown)
    }

    /// Of an operator that sums over axes: the places of the first of its inputs that has any left.
    fn summed(&self, node: &Node, operator: &dyn Operator, known: &[Option<Arc<Places>>]) -> Option<Arc<Places>> {
        let rank = self.shape(node.outputs.first())?.len();
        let inputs = self.trace.inputs(node);
        known.iter().enumerate().find_map(|(i, places)| {
            let places = places.as_ref()?;
            let to = axes(operator, &inputs, i).ok()?;
            (to.len() == places.labels.shape().len()).then(|| summed(places, &to, rank)).flatten().map(Arc::new)
        })
    }
}

/// The places of what a window makes whose own places are not known: channels stand behind the batch.
fn begun(shape: &[usize], first: usize) -> Option<Arc<Places>> {
    let along: Vec<Option<usize>> = (2..shape.len()).map(Some).collect();
    (first == 2 && shape.len() > 2).then(|| Arc::new(Places::product(shape, &along)))
}
