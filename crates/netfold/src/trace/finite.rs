//! Numbers that are not finite: where they are refused, and where they are masks.
//!
//! A constant of −∞ is what exporters write for a mask, and it may stand in the file, in a node or be computed from other
//! constants. The softmax behind it gives 0 there, with slope 0, and 0 times an infinite constant is 0 in a frozen
//! network: such an offset is left out, since whatever gives a finite number behind it has a coefficient of exactly 0.

use std::cell::Cell;
use std::sync::Arc;

use netfold_linear::{Broadcast, Probes, Support};

use crate::affine::Affine;
use crate::error::{Error, quoted};
use crate::model::{Node, TensorId};
use crate::ops::{Precision, place};
use crate::trace::{Keep, NonFinite, Trace, Tracing};
use crate::value::{Tensor, Value};

/// # Errors
/// If a number is NaN or infinite; names the first one.
pub(crate) fn check_finite<T: Precision>(what: impl Fn() -> String, tensor: &Tensor<T>) -> Result<(), Error> {
    match tensor.non_finite() {
        None => Ok(()),
        Some(index) => {
            Err(Error::NonFinite { what: what(), value: tensor.data()[index].to_string(), index, origin: None })
        }
    }
}

/// Whether all numbers of an operator's maps are finite.
pub(crate) fn is_finite<T: Precision>(affine: &Affine<T>) -> bool {
    affine.terms.iter().flatten().all(|map| {
        let ones = Probes::new(Support::full(map.domain()), 1, vec![T::one(); map.domain().iter().product()]);
        map.abs_bound().apply(ones, &Support::full(map.codomain())).values().iter().all(|value| value.is_finite())
    })
}

/// An offset with 0 for what is infinite or no number: what is finite behind it has a coefficient of 0 there.
pub(crate) fn finite<T: Precision>(offset: Broadcast<T>) -> Broadcast<T> {
    let all = Cell::new(true);
    let kept = offset.map(|c| {
        all.set(all.get() && c.is_finite());
        if c.is_finite() { c } else { T::zero() }
    });
    // What others hold too stays shared.
    if all.get() { offset } else { kept }
}

impl<T: Precision> Trace<'_, T> {
    /// # Errors
    /// If a constant that the node reads holds NaN.
    pub(crate) fn check_constants(&self, node: &Node) -> Result<(), Error> {
        for &id in node.inputs.iter().flatten().filter(|id| self.non_finite.contains(id)) {
            if let Some(Value::Real(tensor)) = self.value(id)
                && let Some(index) = tensor.data().iter().position(|value| value.is_nan())
            {
                let what = format!("the constant `{}`", self.model.name(id));
                return Err(Error::NonFinite { what, value: "NaN".into(), index, origin: None });
            }
        }
        Ok(())
    }

    /// The error of an output that is not finite, with the node that made the first number that is not.
    pub(crate) fn led_to_the_first(&self, error: Error) -> Error {
        let Error::NonFinite { what, value, index, .. } = error else { return error };
        let replaced = Arc::clone(&self.tracing.replaced);
        let tracing = Tracing { non_finite: NonFinite::Allow, keep: Keep::Values, replaced, ..Tracing::default() };
        let traced = self.model.trace_with(self.feed.clone(), self.output, tracing);
        let origin = traced.ok().and_then(|trace| trace.first_non_finite(value == "NaN"));
        Error::NonFinite { what, value, index, origin }
    }

    /// The first node on the way that makes NaN (or an infinity) where it reads none, unless that is a constant; where
    /// it reads +∞, the node that made those.
    fn first_non_finite(&self, nan: bool) -> Option<String> {
        let bad = |value: &T| if nan { value.is_nan() } else { !value.is_finite() };
        let makes = |node: &Node, bad: &dyn Fn(&T) -> bool| {
            let made = node.outputs.iter().flatten().filter(|&&id| self.varies(id));
            made.copied().find(|&id| self.real(id).is_ok_and(|y| y.data().iter().any(bad)))
        };
        let nodes = self.nodes.iter().map(|&index| &self.model.nodes[index]);
        let first = nodes.map(|node| (node, makes(node, &bad))).find_map(|(node, id)| Some((node, id?)));
        // Masks are −∞: a row of masks alone is the fault of the node that meets it.
        let infinite = |value: &T| *value == T::infinity();
        let before = |&(node, _): &(&Node, TensorId)| {
            let read = node.inputs.iter().flatten().filter(|&&id| self.varies(id));
            read.filter_map(|&id| self.model.maker(id)).find_map(|maker| Some((maker, makes(maker, &infinite)?)))
        };
        let (node, id) = std::iter::successors(first, before).last()?;
        let made = self.real(id).ok()?;
        let element = made.non_finite()?;
        let of = match self.inputs(node).0.first() {
            Some(Some(Value::Real(x))) if x.shape() == made.shape() => format!(" of {}", x.data()[element]),
            _ => String::new(),
        };
        let infinities = |id: TensorId| self.real(id).is_ok_and(|constant| constant.non_finite().is_some());
        let constants = node.inputs.iter().flatten().filter(|&&id| !self.varies(id) && infinities(id));
        let constants: Vec<String> = constants.map(|&id| self.model.name(id).to_owned()).collect();
        let with = match constants.as_slice() {
            [] => String::new(),
            names => format!(", with infinities in the constant {}", quoted(names)),
        };
        Some(format!(
            "`{}` ({}) makes {}{of} at {}{with}",
            node.name,
            node.op,
            made.data()[element],
            place(element, made.shape())
        ))
    }

    /// Whether a tensor is a constant of this trace that is not finite.
    pub(crate) fn is_infinite(&self, id: TensorId) -> bool {
        self.tracing.non_finite == NonFinite::Refuse && self.non_finite.contains(&id)
    }
}
