//! Columns of W, by probes that are pushed from the input.
//!
//! ```
//! # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};
//! # let graph = GraphDef::new("edges")
//! #     .with_input(ValueInfo::new("x", DType::F64, [1, 1, 2, 3]))
//! #     .with_initializer("w", TensorDef::new([1, 1, 1, 2], vec![-1.0_f64, 1.0])?)
//! #     .with_node(NodeDef::new("Conv", ["x", "w"], ["z"]))
//! #     .with_node(NodeDef::new("Relu", ["z"], ["h"]))
//! #     .with_node(NodeDef::new("GlobalAveragePool", ["h"], ["g"]))
//! #     .with_node(NodeDef::new("Flatten", ["g"], ["y"]))
//! #     .with_output(ValueInfo::new("y", DType::F64, [1, 1]));
//! # let model = Model::new(netfold_onnx::decode(netfold_onnx::encode(&ModelDef::new(graph)), None)?)?;
//! use netfold::{Error, Model, Rules, Tensor, Together, Watch, trace::NonFinite};
//!
//! // z = x[i + 1] − x[i] along rows: a unit sees two columns of one row.
//! let x = Tensor::new(&[1, 1, 2, 3], vec![0.0_f64, 3.0, 4.0, 1.0, 0.0, 9.0]);
//! let trace = model.trace(&x, model.tensor("z")?, NonFinite::Refuse)?;
//! let circuit = trace.freeze(&Rules::default())?;
//! let plan = circuit.plan_columns(&[0, 1, 2, 3], Together::AsFits);
//! assert_eq!(plan.probes(), 2, "even and odd columns, all rows at once");
//! let mut w = vec![0.0; 4 * 6];
//! circuit.columns::<Error>(&plan, &Watch::default(), |gathered| {
//!     w.chunks_mut(6).enumerate().for_each(|(unit, row)| gathered.add_to(unit, row));
//!     Ok(())
//! })?;
//! assert_eq!(w[..6], [-1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
//! assert_eq!(w[18..], [0.0, 0.0, 0.0, 0.0, -1.0, 1.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use netfold_linear::{Probes, Support};
use rayon::prelude::*;

use crate::circuit::{Circuit, Push, Shares};
use crate::error::Error;
use crate::ops::Precision;
use crate::progress::{Step, Watch};
use crate::reconstruction::blocks::padded;
use crate::reconstruction::coloring::Coloring;
use crate::reconstruction::{Basis, Together};

/// How many numbers a block of probes may hold over the largest tensor.
const NUMBERS: usize = 1 << 24;
/// Probes of one block at most.
const BLOCK: usize = 64;
/// Bytes that the rows gathered from probes may take.
const BYTES: usize = 1 << 30;

/// Which probes give the columns of W that the wanted rows depend on.
#[derive(Clone, Debug)]
pub struct ColumnPlan {
    rows: Vec<usize>,
    supports: Vec<Support>,
    coloring: Coloring,
    /// Probes that travel together.
    block: usize,
    /// Rows that are gathered at the same time.
    rows_a_pass: usize,
}

/// Some wanted rows of W, each as long as the number of groups.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Gathered<'a, T> {
    plan: &'a ColumnPlan,
    /// Which of the wanted rows the first one is.
    pub first: usize,
    values: &'a [T],
}

impl ColumnPlan {
    /// How many probes carry all columns.
    pub fn probes(&self) -> usize {
        self.coloring.groups()
    }

    /// How many probes are pushed: all of them as often as the rows need passes to fit the memory.
    pub fn pushes(&self) -> usize {
        self.probes() * self.rows.len().div_ceil(self.rows_a_pass)
    }

    /// Probes that travel together.
    pub(crate) fn block(&self) -> usize {
        self.block
    }

    /// Numbers of the rows that are gathered at the same time.
    pub(crate) fn gathered(&self) -> usize {
        self.probes().saturating_mul(self.rows_a_pass.min(self.rows.len()))
    }

    /// For each slot of the circuit the elements that are stored.
    pub fn supports(&self) -> &[Support] {
        &self.supports
    }
}

impl<T: Precision> Gathered<'_, T> {
    /// How many rows these are.
    pub fn count(&self) -> usize {
        self.values.len() / self.plan.probes().max(1)
    }

    /// Adds the entries of the `index`-th of these rows to `weights`, which are over the input.
    pub fn add_to(&self, index: usize, weights: &mut [T]) {
        let values = &self.values[index * self.plan.probes()..][..self.plan.probes()];
        let mut pairs = Vec::new();
        self.plan.coloring.pairs(self.first + index, &mut pairs);
        pairs.into_iter().for_each(|(group, element)| weights[element] += values[group]);
    }
}

impl<T: Precision> Circuit<T> {
    /// The probes that give the columns of W for these rows: several columns travel in one probe where no row depends
    /// on two of them, as of a map with small receptive fields. `block` probes travel together, or as many as suit the
    /// machine.
    ///
    /// Cost of planning: for each index along each axis of the input, the elements that it reaches.
    pub fn plan_columns(&self, rows: &[usize], together: Together) -> ColumnPlan {
        let block = together.number();
        let supports = self.pull_plan(&Support::of(self.output_shape(), rows.iter().copied()), Shares::LeftOut);
        let coloring = rayon::scope(|_| self.coloring(rows, &supports));
        // Half of what is left stays for the probes.
        let bytes = BYTES.min(usize::try_from(self.budget().left() / 2).unwrap_or(BYTES));
        let rows_a_pass = (bytes / size_of::<T>() / coloring.groups().max(1)).max(1);
        ColumnPlan {
            rows: rows.to_vec(),
            block: block.unwrap_or_else(|| fitting(&supports)),
            supports,
            coloring,
            rows_a_pass,
        }
    }

    /// Pushes the planned probes and hands the wanted rows of W to `each`, many at a time.
    ///
    /// # Errors
    /// What `each` returns, and [`Error::Stopped`] where `watch` says so.
    pub fn columns<E: From<Error>>(
        &self,
        plan: &ColumnPlan,
        watch: &Watch,
        mut each: impl FnMut(Gathered<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (groups, shape) = (plan.probes(), self.input_shape());
        let mut members = vec![Vec::new(); groups];
        plan.supports[0].elements().for_each(|element| members[plan.coloring.group_of(element)].push(element));
        let mut values = vec![T::zero(); groups * plan.rows_a_pass.min(plan.rows.len())];
        for (pass, rows) in plan.rows.chunks(plan.rows_a_pass).enumerate() {
            let values = &mut values[..groups * rows.len()];
            for (block, members) in members.chunks(plan.block).enumerate() {
                let (first, width) = (block * plan.block, if plan.block == 1 { 1 } else { padded::<T>(members.len()) });
                let made = self.push_with(sums(shape, members, width), Push::Linear, &plan.supports, &mut |_, _| {});
                values.par_chunks_mut(groups).zip(rows).for_each(|(values, &row)| {
                    let values = &mut values[first..][..members.len()];
                    match made.at(row) {
                        Some(made) => values.copy_from_slice(&made[..members.len()]),
                        None => values.fill(T::zero()),
                    }
                });
                watch.tell(Step::Rows, pass * groups + first + members.len(), plan.pushes())?;
            }
            each(Gathered { plan, first: pass * plan.rows_a_pass, values })?;
        }
        Ok(())
    }

    /// The wanted rows of W = Σⱼ (W qⱼ) qⱼᵀ / ‖qⱼ‖², row-major, from pushing every vector of the basis.
    pub(crate) fn columns_by(
        &self,
        basis: Basis,
        rows: &[usize],
        together: Together,
        watch: &Watch,
    ) -> Result<Vec<T>, Error> {
        let len: usize = self.input_shape().iter().product();
        let width = together.number().unwrap_or_else(|| fitting(&self.full_plan()));
        let mut w = vec![T::zero(); rows.len() * len];
        for first in (0..len).step_by(width) {
            let n = width.min(len - first);
            let probes: Probes<T> = basis.probes(self.input_shape(), first, n);
            let y = self.push(probes.clone(), Push::Linear);
            w.par_chunks_mut(len).zip(rows).for_each(|(weights, &row)| {
                let Some(made) = y.at(row) else { return };
                let scaled: Vec<T> =
                    (0..n).map(|j| T::of(made[j].wide() / basis.norm_squared(len, first + j))).collect();
                for (q, element) in probes.values().chunks_exact(n).zip(probes.support().elements()) {
                    weights[element] += q.iter().zip(&scaled).map(|(&q, &m)| q * m).sum::<T>();
                }
            });
            watch.tell(Step::Rows, first + n, len)?;
        }
        Ok(w)
    }
}

/// Probe k is the sum of the unit vectors of the k-th group; `width` probes in all.
fn sums<T: Precision>(shape: &[usize], groups: &[Vec<usize>], width: usize) -> Probes<T> {
    let support = Support::of(shape, groups.iter().flatten().copied());
    let mut values = vec![T::zero(); support.count() * width];
    for (probe, group) in groups.iter().enumerate() {
        for row in group.iter().filter_map(|&element| support.row_of(element)) {
            values[row * width + probe] = T::one();
        }
    }
    Probes::new(support, width, values)
}

/// How many probes travel together so that the largest tensor stays in bounds.
pub(crate) fn fitting(supports: &[Support]) -> usize {
    let largest = supports.iter().map(Support::count).max().unwrap_or(0).max(1);
    (NUMBERS / largest).clamp(1, BLOCK)
}
