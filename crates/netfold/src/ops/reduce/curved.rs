//! Reductions that are not linear: norms, sums of squares, logarithms of sums, products.

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Diagonal, Real, Select, Transposed};

use super::{Groups, Kind, Reduce};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;
use crate::ops::place;
use crate::value::Tensor;

impl Reduce {
    /// Σ|x|, √Σx², Σx², ln Σx, ln Σ exp(x).
    pub(super) fn curved<T: Real>(&self, x: &Tensor<T>, groups: &Groups) -> Result<Tensor<T>, OpError> {
        let zero = T::zero();
        let squares = || Self::fold(x, groups, zero, |sum, x| Some(sum + x * x));
        Ok(match self.kind {
            Kind::L1 => Self::fold(x, groups, zero, |sum, x| Some(sum + x.abs()))?,
            Kind::L2 => squares()?.map(|sum| sum.sqrt()),
            Kind::Squares => squares()?,
            Kind::LogSum => Self::fold(x, groups, zero, |sum, x| Some(sum + x))?.map(|sum| sum.ln()),
            _ => {
                let largest = Self::fold(x, groups, T::neg_infinity(), |a, b| Some(a.max(b)))?;
                // A sum whose largest is infinite is that infinity.
                let shift = largest.map(|&m| if m.is_finite() { m } else { zero });
                let mut sums = vec![zero; groups.count()];
                for (&x, &i) in x.data().iter().zip(groups.target()) {
                    sums[i as usize] += (x - shift.data()[i as usize]).exp();
                }
                let sums = sums.into_iter().zip(shift.data());
                Tensor::new(&groups.shape, sums.map(|(sum, &shift)| sum.ln() + shift).collect())
            }
        })
    }

    /// What is not linear: a slope for each element of x, and the offset.
    pub(super) fn slopes<T: Real>(&self, x: &Tensor<T>, groups: &Groups, rule: Rule) -> Result<Affine<T>, OpError> {
        let (zero, one, two) = (T::zero(), T::one(), T::of(2.0));
        let tangent = rule == Rule::Tangent;
        let y = match self.kind {
            Kind::Prod => Self::fold(x, groups, one, |a, b| Some(a * b))?,
            _ => self.curved(x, groups)?,
        };
        let each = |slope: &dyn Fn(T, T) -> T| -> Vec<T> {
            x.data().iter().zip(groups.target()).map(|(&x, &i)| slope(x, y.data()[i as usize])).collect()
        };
        let slopes = match self.kind {
            Kind::L1 => each(&|x, _| if x.is_zero() { zero } else { x.signum() }),
            Kind::L2 => each(&|x, y| if y.is_zero() { zero } else { x / y }),
            Kind::Squares => each(&|x, _| if tangent { two * x } else { x }),
            Kind::LogSum => each(&|_, y| (-y).exp()),
            Kind::LogSumExp => each(&|x, y| (x - y).exp()),
            _ => {
                let share = if tangent { one } else { T::of(1.0 / groups.size.max(1) as f64) };
                others(x.data(), groups).into_iter().map(|p| p * share).collect()
            }
        };
        if let Some(element) = slopes.iter().position(|slope| !slope.is_finite()) {
            let slope = slopes[element];
            return Err(OpError::new(format!("a slope of {slope} at element {}", place(element, x.shape()))));
        }
        let validity = if self.kind == Kind::L1 { Validity::Region } else { Validity::Input };
        let offset = match self.kind {
            Kind::L1 | Kind::L2 => None,
            Kind::Squares => tangent.then(|| y.map(|&y| -y)),
            Kind::Prod => tangent.then(|| y.map(|&y| -y * T::of(groups.size as f64 - 1.0))),
            _ => {
                let mut left = y.data().to_vec();
                // A mask's −∞ has no share.
                let shares =
                    x.data().iter().zip(&slopes).zip(groups.target()).filter(|((_, slope), _)| !slope.is_zero());
                for ((&x, &slope), &i) in shares {
                    left[i as usize] -= slope * x;
                }
                Some(Tensor::new(&groups.shape, left))
            }
        };
        let shape = groups.shape.clone();
        let sum = Transposed(Select::new(&shape, x.shape(), groups.target().to_vec()));
        let scale = Diagonal::new(Broadcast::full(x.shape(), slopes));
        let affine = Affine::linear(Chain::new(Arc::new(scale), Arc::new(sum))).valid(validity);
        Ok(match offset {
            Some(offset) => affine.plus(Broadcast::full(&shape, offset.data().to_vec())),
            None => affine,
        })
    }
}

/// For each element the product of all others of its group, without dividing.
fn others<T: Real>(x: &[T], groups: &Groups) -> Vec<T> {
    let mut products = vec![T::one(); x.len()];
    let mut run = |order: &mut dyn Iterator<Item = usize>| {
        let mut so_far = vec![T::one(); groups.count()];
        for j in order {
            let i = groups.target()[j] as usize;
            products[j] *= so_far[i];
            so_far[i] *= x[j];
        }
    };
    run(&mut (0..x.len()));
    run(&mut (0..x.len()).rev());
    products
}
