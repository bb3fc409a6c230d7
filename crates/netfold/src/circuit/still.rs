//! Which elements of a tensor stay as they are when the network's input moves a little.

use std::collections::HashMap;

use netfold_linear::{Real, Support};

use crate::affine::{Affine, Rule, Validity};
use crate::model::{Node, TensorId};
use crate::ops::{At, Inputs, Precision};
use crate::trace::Trace;
use crate::value::{Tensor, Value};

impl<T: Precision> Trace<'_, T> {
    /// The elements of `tensor` that are the same at every input near the traced one: those that no element of the input
    /// reaches, the units that are off and the elements that lose in a pool passing nothing on.
    ///
    /// Through a function that is not piecewise linear an element is taken to move if it depends on one that does, even
    /// where the slope at this point is 0.
    pub(crate) fn still(&self, tensor: TensorId) -> Support {
        let mut moving: HashMap<TensorId, Support> = HashMap::new();
        if let Some(input) = self.value(self.input) {
            moving.insert(self.input, Support::full(input.shape()));
        }
        for index in self.model.nodes_of(tensor) {
            let node = &self.model.nodes[index];
            for (output, &id) in node.outputs.iter().enumerate() {
                if let Some(id) = id.filter(|&id| self.varies(id) && id != self.input) {
                    let made = self.moved(index, node, output, &moving);
                    moving.extend(made.map(|made| (id, made)));
                }
            }
        }
        let shape = self.value(tensor).map_or(&[][..], Value::shape);
        match moving.get(&tensor) {
            Some(moving) => Support::from_fn(shape, |element| !moving.contains(element)),
            // Nobody knows: all of it may move.
            None => Support::empty(shape),
        }
    }

    /// The elements of a node's output that move where those of its inputs in `moving` do; nothing where that is not
    /// known.
    fn moved(&self, index: usize, node: &Node, output: usize, moving: &HashMap<TensorId, Support>) -> Option<Support> {
        let depends = self.depends(node);
        let (inputs, operator) = (self.inputs(node), T::op(node.operator.as_ref().ok()?.as_ref()));
        let sources: Vec<Option<&Support>> =
            node.inputs.iter().zip(&depends).map(|(id, &depends)| moving.get(&id.filter(|_| depends)?)).collect();
        if depends.iter().zip(&sources).any(|(&depends, source)| depends && source.is_none()) {
            return None;
        }
        let in_a_piece = |affine: &Affine<T>| affine.validity != Validity::Input;
        let frozen = match self.record(index) {
            Some(affines) => affines.get(output).cloned(),
            None => {
                let at =
                    At { inputs: &inputs, outputs: &[], varies: &depends, output, rule: Rule::Tangent, still: None };
                operator.freeze(&at).ok()
            }
        };
        if let Some(affine) = frozen.filter(in_a_piece) {
            let images =
                affine.terms.iter().zip(&sources).filter_map(|(map, of)| Some(map.as_ref()?.output_support((*of)?)));
            return Some(images.fold(Support::empty(affine.shape()), |all, image| all.union(&image)));
        }
        let made = |by: f64| -> Option<Tensor<T>> {
            let bumped: Vec<Option<Value<T>>> =
                inputs.0.iter().zip(&sources).map(|(&value, source)| bumped(value, *source, by)).collect();
            let inputs = Inputs(bumped.iter().map(Option::as_ref).collect());
            match operator.forward(&inputs).ok()?.into_iter().nth(output)? {
                Value::Real(y) => Some(y),
                _ => None,
            }
        };
        let (y, near, far) = (made(0.0)?, made(0.5)?, made(1.25)?);
        let same = |element: usize| {
            let bits = |y: &Tensor<T>| y.data()[element].wide().to_bits();
            bits(&y) == bits(&near) && bits(&y) == bits(&far)
        };
        Some(Support::from_fn(y.shape(), |element| !same(element)))
    }
}

/// A value whose elements in `moving` are moved, each by another amount of the size of the largest of them.
fn bumped<T: Real>(value: Option<&Value<T>>, moving: Option<&Support>, by: f64) -> Option<Value<T>> {
    let (Some(Value::Real(x)), Some(moving)) = (value, moving) else { return value.cloned() };
    let largest = x.data().iter().map(|x| x.wide().abs()).filter(|x| x.is_finite()).fold(1.0, f64::max);
    let step = |element: usize| by * largest * (1.0 + (element as f64 * 0.618_033_988_749_895).fract());
    let moved = |(element, &x): (usize, &T)| if moving.contains(element) { x + T::of(step(element)) } else { x };
    Some(Value::Real(Tensor::new(x.shape(), x.data().iter().enumerate().map(moved).collect())))
}
