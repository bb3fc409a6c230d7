//! Norms of rows of inner units, exact to rounding.

use std::fmt;

use netfold_linear::{Probes, Reuse, Support};
use serde::Serialize;

use super::{Region, Set};
use crate::circuit::{Circuit, Fusion, Pass, Shares};
use crate::ops::Precision;
use crate::reconstruction::blocks::padded;

/// The norm that a ball or a distance is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Σ|x|
    L1,
    /// √Σx²
    L2,
    /// max|x|
    Linf,
}

impl Norm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::L1, Self::L2, Self::Linf];

    /// The dual norm of a row: |⟨g, d⟩| ≤ ‖g‖ of the dual · ‖d‖ of this one.
    pub fn dual(self, row: &Lengths) -> f64 {
        match self {
            Self::L1 => row.linf,
            Self::L2 => row.l2,
            Self::Linf => row.l1,
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::Linf => "linf",
        })
    }
}

/// A vector's lengths in the three norms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lengths {
    /// Σ|g|
    pub l1: f64,
    /// √Σg²
    pub l2: f64,
    /// max|g|
    pub linf: f64,
}

impl Lengths {
    /// Of a vector given by its numbers, summed in double precision.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let (mut l1, mut squares, mut linf) = (0.0, 0.0, 0.0_f64);
        for number in numbers {
            l1 += number.abs();
            squares += number * number;
            linf = linf.max(number.abs());
        }
        Self { l1, l2: f64::sqrt(squares), linf }
    }
}

impl<T: Precision> Region<T> {
    /// ‖g‖ for each of these switches (set, index): g is the row of a unit, or of the winner minus that of its rival.
    pub(super) fn lengths(&self, switches: &[(usize, usize)]) -> Vec<Lengths> {
        let _reuse = Reuse::<T>::start();
        let mut lengths = vec![Lengths::default(); switches.len()];
        // Units of one tensor travel together.
        let slot = |set: &Set<T>| match &set.ends {
            [a, b] if a.source.is_some() && a.slot == b.slot && b.source.is_some() => Some(a.slot),
            _ => None,
        };
        let mut order: Vec<usize> = (0..switches.len()).collect();
        order.sort_by_key(|&i| (slot(&self.sets[switches[i].0]), switches[i]));
        for group in order.chunk_by(|&i, &j| slot(&self.sets[switches[i].0]) == slot(&self.sets[switches[j].0])) {
            let Some(slot) = slot(&self.sets[switches[group[0]].0]) else {
                group.iter().for_each(|&i| lengths[i] = self.apart(switches[i]));
                continue;
            };
            let elements: Vec<_> = group.iter().map(|&i| self.sets[switches[i].0].elements(switches[i].1)).collect();
            let made = rows(&self.circuit.truncated(slot), &elements);
            group.iter().zip(made).for_each(|(&i, made)| lengths[i] = made);
        }
        lengths
    }

    /// The same for a winner and a rival of different tensors, or of which one is constant.
    fn apart(&self, (set, index): (usize, usize)) -> Lengths {
        let set = &self.sets[set];
        let (ahead, behind) = set.elements(index);
        let row = |end: usize, element: Option<usize>| {
            let end = &set.ends[end];
            let (element, _) = (element?, end.source?);
            let circuit = self.circuit.truncated(end.slot);
            let seed = Probes::one_hot(circuit.output_shape(), &[element]);
            Some(circuit.pull_within(seed, &circuit.full_plan(), Pass::Fused(&Fusion::none())).weights.vector(0))
        };
        let (a, b) = (row(0, Some(ahead)), row(1, behind));
        let len = self.circuit.input_shape().iter().product::<usize>();
        let at = |row: &Option<Vec<T>>, e: usize| row.as_ref().map_or(0.0, |row| row[e].wide());
        Lengths::of((0..len).map(|e| at(&a, e) - at(&b, e)))
    }
}

/// Lengths of the rows of elements, or of differences of two elements, of a circuit's output.
fn rows<T: Precision>(circuit: &Circuit<T>, elements: &[(usize, Option<usize>)]) -> Vec<Lengths> {
    let shape = circuit.output_shape();
    let all = |elements: &[(usize, Option<usize>)]| {
        Support::of(shape, elements.iter().flat_map(|&(a, b)| [Some(a), b]).flatten())
    };
    let plan = circuit.pull_plan(&all(elements), Shares::LeftOut);
    let block = padded::<T>(1) * 2;
    let all_stages = [0, circuit.stages().len()];
    let fusion = Fusion::of(circuit, &circuit.fused(&plan, block), all_stages, &plan, block);
    let mut lengths = Vec::with_capacity(elements.len());
    for elements in elements.chunks(block) {
        let (support, width) = (all(elements), padded::<T>(elements.len()));
        let mut values = vec![T::zero(); support.count() * width];
        for (probe, &(a, b)) in elements.iter().enumerate() {
            for (element, sign) in [(Some(a), T::one()), (b, -T::one())] {
                if let Some(row) = element.and_then(|element| support.row_of(element)) {
                    values[row * width + probe] += sign;
                }
            }
        }
        let pulled = circuit.pull_within(Probes::new(support, width, values), &plan, Pass::Fused(&fusion)).weights;
        let of = |probe: usize| Lengths::of(pulled.values().iter().skip(probe).step_by(width).map(|v| v.wide()));
        lengths.extend((0..elements.len()).map(of));
    }
    lengths
}
