//! How far the border between two classes is.

use std::convert::Infallible;

use serde::Serialize;

use super::norms::{Lengths, Norm};
use super::radius::Bracket;
use crate::circuit::{Circuit, Shares};
use crate::ops::Precision;
use crate::reconstruction::Together;
use crate::value::Tensor;

/// What lies behind a border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Against {
    /// Another class, where the two logits are equal.
    Class(usize),
    /// The opposite of a lone logit, where it is 0.
    Opposite,
}

/// The distance of the one-layer model's border between two classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Decision {
    /// The class c that the distance is from.
    pub class: usize,
    /// What is behind the border.
    pub against: Against,
    /// `f[c] − f[k]`, or |f| of a lone logit.
    pub margin: f64,
    /// The margin divided by `‖w[c] − w[k]‖` in the dual norm (of a lone logit by `‖w‖`): the smallest change, in l1, that
    /// makes them equal.
    pub l1: f64,
    /// The same in l2.
    pub l2: f64,
    /// The same in linf.
    pub linf: f64,
}

impl Decision {
    fn of(class: usize, against: Against, margin: f64, row: &Lengths) -> Self {
        let distance = |norm: Norm| if margin == 0.0 { 0.0 } else { margin / norm.dual(row) };
        let [l1, l2, linf] = Norm::ALL.map(distance);
        Self { class, against, margin, l1, l2, linf }
    }

    /// The distance in a norm.
    pub fn distance(&self, norm: Norm) -> f64 {
        match norm {
            Norm::L1 => self.l1,
            Norm::L2 => self.l2,
            Norm::Linf => self.linf,
        }
    }

    /// Whether the border lies inside the ball that is proven to be inside the region: then the distance is the
    /// network's own, and no smaller change makes the two classes equal.
    pub fn is_inside(&self, bracket: &Bracket) -> bool {
        self.distance(bracket.norm).abs() <= bracket.lower
    }
}

/// The distances (f_c − f_k) / ‖w_c − w_k‖ from class c to each of `others`, the row's norm being the dual one. Each is
/// the exact minimal distance to that border where it lies inside the region; elsewhere it is the one-layer model's.
///
/// Source: Croce & Hein, arXiv 1810.07481. Cost: one row of W for each class.
///
/// # Panics
/// If there is no such class.
pub fn decisions<T: Precision>(
    circuit: &Circuit<T>,
    logits: &Tensor<T>,
    class: usize,
    others: &[usize],
) -> Vec<Decision> {
    let own = circuit.row(class);
    let mut made = Vec::new();
    let plan = circuit.plan_rows(others, Together::AsFits, Shares::LeftOut);
    let Ok(()) = circuit.rows(&plan, |block| -> Result<(), Infallible> {
        for (row, &against) in block.weights.chunks_exact(own.len().max(1)).zip(&others[block.first..]) {
            let row = Lengths::of(own.iter().zip(row).map(|(c, k)| c.wide() - k.wide()));
            let margin = logits.data()[class].wide() - logits.data()[against].wide();
            made.push(Decision::of(class, Against::Class(against), margin, &row));
        }
        Ok(())
    });
    made
}

/// The distance |f| / ‖w‖ to where a lone logit is 0: there its sigmoid is one half, and its two classes change places.
///
/// Cost: one row of W.
///
/// # Panics
/// If the circuit has no output.
pub fn border<T: Precision>(circuit: &Circuit<T>, logits: &Tensor<T>) -> Decision {
    let row = Lengths::of(circuit.row(0).iter().map(|w| w.wide()));
    Decision::of(0, Against::Opposite, logits.data()[0].wide().abs(), &row)
}
