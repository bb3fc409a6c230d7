//! What a node is at one input: an affine operator.

mod constraints;

use std::fmt;
use std::sync::Arc;

use netfold_linear::{Broadcast, Identity, LinearMap, Probes, Real, SharedMap, Support};
use serde::Serialize;

use crate::value::Tensor;

pub use constraints::{Border, Constraints, Winner};

/// How far beyond the traced input a frozen node equals the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// Everywhere: the operator is affine itself.
    Everywhere,
    /// In the region of inputs with the same masks and winners.
    Region,
    /// At the traced input alone.
    Input,
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Everywhere => "exact everywhere",
            Self::Region => "exact in a region",
            Self::Input => "exact at this input",
        })
    }
}

/// How a node that is not piecewise linear is frozen. Every rule rebuilds the node's value at the traced input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Secant through f(0): slope (f(z) − f(0)) / z, or f'(0) at z = 0; offset f(0). In a product the gate is held.
    #[default]
    Gate,
    /// Slope f'(z), offset f(z) − f'(z) z: W is the Jacobian.
    Tangent,
    /// As `Gate`; a product is split evenly between its factors.
    Half,
}

impl Rule {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Tangent => "tangent",
            Self::Half => "half",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// y = Σᵢ Aᵢ xᵢ + c.
///
/// `terms[i]` is the map from the node's input i; `None` where that input is held constant, so that its share is in
/// the offset or in the other maps.
#[derive(Clone, Debug)]
pub struct Affine<T> {
    /// Aᵢ, one entry for each input of the node.
    pub terms: Vec<Option<SharedMap<T>>>,
    /// c; `None` is zero.
    pub offset: Option<Broadcast<T>>,
    /// How far this equals the node.
    pub validity: Validity,
    shape: Vec<usize>,
}

impl<T: Real> Affine<T> {
    /// y = A x from the node's first input, with no offset, for an operator that is linear itself.
    pub fn linear(map: impl LinearMap<T> + 'static) -> Self {
        Self::of_input(0, map)
    }

    /// y = A xᵢ from the node's input `i`.
    pub fn of_input(i: usize, map: impl LinearMap<T> + 'static) -> Self {
        let shape = map.codomain().to_vec();
        let mut terms: Vec<Option<SharedMap<T>>> = vec![None; i];
        terms.push(Some(Arc::new(map)));
        Self { terms, offset: None, validity: Validity::Everywhere, shape }
    }

    /// A sum over several inputs.
    pub fn sum(shape: &[usize], terms: Vec<Option<SharedMap<T>>>) -> Self {
        Self { terms, offset: None, validity: Validity::Everywhere, shape: shape.to_vec() }
    }

    /// A value that does not depend on any input.
    pub fn constant(value: &Tensor<T>) -> Self {
        let offset = Some(Broadcast::full(value.shape(), value.data().to_vec()));
        Self { terms: Vec::new(), offset, validity: Validity::Everywhere, shape: value.shape().to_vec() }
    }

    /// y = x from the node's input 0 under another shape.
    pub fn reshape(domain: &[usize], codomain: &[usize]) -> Self {
        Self::linear(Identity::reshape(domain, codomain))
    }

    /// With this offset.
    ///
    /// # Panics
    /// If the offset has another shape than y.
    #[must_use]
    pub fn plus(mut self, offset: Broadcast<T>) -> Self {
        assert_eq!(offset.shape(), self.shape, "the offset has the shape of y");
        self.offset = Some(offset);
        self
    }

    /// With this validity.
    #[must_use]
    pub fn valid(mut self, validity: Validity) -> Self {
        self.validity = validity;
        self
    }

    /// Σᵢ |Aᵢ| xᵢ, or what is larger entry by entry.
    #[must_use]
    pub fn abs_bound(&self) -> Self {
        let terms = self.terms.iter().map(|term| term.as_ref().map(|map| map.abs_bound())).collect();
        Self { terms, offset: None, ..self.clone() }
    }

    /// The shape of y.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// y = Σᵢ Aᵢ xᵢ + c for whole tensors; inputs that are held constant are not read.
    pub fn apply(&self, inputs: &[Option<&Tensor<T>>]) -> Tensor<T> {
        let full = Support::full(&self.shape);
        let (mut sum, mut offset): (Option<Probes<T>>, _) = (None, self.offset.as_ref());
        for (map, x) in self.terms.iter().zip(inputs) {
            if let (Some(map), Some(x)) = (map, x) {
                sum = Some(match (sum, offset.take()) {
                    (Some(sum), _) => sum.plus(&map.apply(x.probe(), &full)),
                    (None, Some(offset)) => map.apply_plus(x.probe(), offset),
                    (None, None) => map.apply(x.probe(), &full),
                });
            }
        }
        match (sum, offset) {
            (Some(sum), _) => Tensor::shared(&self.shape, sum.into_shared()),
            (None, Some(offset)) => Tensor::new(&self.shape, offset.to_vec()),
            (None, None) => Tensor::new(&self.shape, vec![T::zero(); self.shape.iter().product()]),
        }
    }
}
