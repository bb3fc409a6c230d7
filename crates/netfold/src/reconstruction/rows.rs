//! Rows of W, block by block.

use std::collections::VecDeque;
use std::ops::Range;

use netfold_linear::{Probes, Reuse, Support};
use rayon::prelude::*;

use crate::circuit::{Circuit, FusedStages, Fusion, Pass, Pullback, Shares};
use crate::ops::Precision;
use crate::reconstruction::Together;
use crate::reconstruction::blocks::{REGISTER, at_foot, blocks, padded};
use crate::reconstruction::bottleneck::Bottleneck;

/// Up to this many rows are pulled one at a time, as whole tensors.
const SINGLE: usize = 2;
/// Bytes of a block's largest adjoint up to which threads pull blocks of their own.
const SMALL: usize = 1 << 21;
/// Bytes that may be taken by the rows of a bottleneck's elements and by two of a block's largest adjoints.
const BYTES: usize = 1 << 28;

/// Which elements rows of W are pulled through, and how many rows travel together.
#[derive(Clone, Debug)]
pub struct RowPlan {
    classes: Vec<usize>,
    supports: Vec<Support>,
    /// The stages that are multiplied out for all rows, if that takes fewer products.
    bottleneck: Option<Range<usize>>,
    /// Rows of a block at most.
    rows: usize,
    /// What the rows of a block are a multiple of, but for the last one.
    unit: usize,
    /// Whether a block is one row that travels as whole tensors.
    single: bool,
    /// Blocks that are pulled at once, each by a thread of its own.
    at_once: usize,
    /// Whether the stages' shares of b are computed.
    shares: Shares,
    /// The stages that rows are pulled through together; none where shares of b are computed.
    fused: Vec<FusedStages>,
}

/// Some rows of W.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Block<'a, T> {
    /// Which of the planned classes the first row belongs to.
    pub first: usize,
    /// The rows, one after the other, in the input's standard layout.
    pub weights: &'a [T],
    /// `bias[stage][row]`: each stage's share of b; empty if it was not asked for.
    pub bias: &'a [Vec<T>],
}

/// Planned rows, pulled when they are asked for: which ones, and what pulling gave.
#[derive(Debug)]
pub(crate) struct Pulled<'c, T: Precision> {
    circuit: &'c Circuit<T>,
    plan: RowPlan,
    bottleneck: Option<Bottleneck<T>>,
    /// The stages above the bottleneck that are pulled through together.
    fusion: Fusion<T>,
    /// Blocks that are still to be pulled.
    blocks: VecDeque<Range<usize>>,
    ready: VecDeque<(Range<usize>, Pullback<T>)>,
    _reuse: Reuse<T>,
}

impl<T: Precision> Pulled<'_, T> {
    fn pull(&self, rows: &Range<usize>) -> Pullback<T> {
        let Self { circuit, plan, bottleneck, fusion, .. } = self;
        let seeds = plan.seeds(circuit.output_shape(), &plan.classes[rows.clone()]);
        let pass = plan.pass(fusion);
        let pulled = circuit.pull_to(bottleneck.as_ref().map_or(0, Bottleneck::slot), seeds, &plan.supports, pass);
        match bottleneck {
            Some(bottleneck) => bottleneck.pull(circuit, pulled, &plan.supports),
            None => pulled,
        }
    }
}

impl<T: Precision> Iterator for Pulled<'_, T> {
    type Item = (Range<usize>, Pullback<T>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            let blocks: Vec<_> = self.blocks.drain(..self.plan.at_once.min(self.blocks.len())).collect();
            let pulled: Vec<Pullback<T>> = match blocks.as_slice() {
                [rows] => vec![self.pull(rows)],
                several => several.par_iter().map(|rows| self.pull(rows)).collect(),
            };
            self.ready.extend(blocks.into_iter().zip(pulled));
        }
        self.ready.pop_front()
    }
}

impl RowPlan {
    /// For each slot of the circuit the elements that are stored.
    pub fn supports(&self) -> &[Support] {
        &self.supports
    }

    /// The stages that are multiplied out once for all rows, if that takes fewer products than to pull each through them:
    /// from the slot of the foot to that of the bottleneck.
    pub fn bottleneck(&self) -> Option<Range<usize>> {
        self.bottleneck.clone()
    }

    /// The stages that rows are pulled through together: none where shares of b are computed, which need the adjoint of each
    /// stage.
    pub fn fused(&self) -> &[FusedStages] {
        &self.fused
    }

    fn pass<'a, T>(&self, fusion: &'a Fusion<T>) -> Pass<'a, T> {
        if self.shares == Shares::Computed { Pass::WithShares } else { Pass::Fused(fusion) }
    }

    /// Probes that so many rows of a block travel as: whole registers, or one.
    pub(crate) fn width<T>(&self, rows: usize) -> usize {
        if self.single { 1 } else { padded::<T>(rows) }
    }

    /// Unit vectors of the output, as many probes as whole registers hold.
    fn seeds<T: Precision>(&self, shape: &[usize], classes: &[usize]) -> Probes<T> {
        Probes::one_hot_within(shape, classes, self.width::<T>(classes.len()))
    }

    /// The unit vector of the first planned class, as probe 0.
    pub(crate) fn seed<T: Precision>(&self, shape: &[usize]) -> Probes<T> {
        self.seeds(shape, &self.classes[..1])
    }

    /// The outputs whose rows are planned.
    pub fn classes(&self) -> &[usize] {
        &self.classes
    }

    /// Rows that travel together, at most.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

impl<T: Precision> Circuit<T> {
    /// How the rows of these classes are pulled, so many at a time, with the stages' shares of b or without.
    ///
    /// A few rows are pulled one by one as whole tensors, unless they see but a small part of the input. Others share
    /// the supports that the masks leave, a register's width at a time.
    pub fn plan_rows(&self, classes: &[usize], together: Together, shares: Shares) -> RowPlan {
        let rows = together.number();
        let (lanes, count) = (REGISTER / size_of::<T>(), classes.len());
        let few = rows.unwrap_or(count) <= SINGLE;
        let wanted = rows.filter(|_| !few);
        let plan = |supports: Vec<Support>, bottleneck: Option<Range<usize>>, rows: Option<usize>| {
            let most = supports.iter().map(Support::count).max().unwrap_or(0) * rows.map_or(1, padded::<T>);
            // Where the loops of a block are too short to be shared by threads, each thread pulls blocks of its own.
            let at_once = if most * size_of::<T>() <= SMALL { rayon::current_num_threads() } else { 1 };
            let own = rows.map_or(1, |rows| rows.min(count.div_ceil(at_once).next_multiple_of(lanes))).max(1);
            let unit = if wanted.is_some() { own } else { own.min(Probes::<T>::register()) };
            let width = rows.map_or(1, padded::<T>);
            let fused = if shares == Shares::LeftOut { self.fused(&supports, width) } else { Vec::new() };
            RowPlan {
                classes: classes.to_vec(),
                supports,
                bottleneck,
                rows: own,
                unit,
                single: rows.is_none(),
                at_once,
                shares,
                fused,
            }
        };
        let singly = || plan(self.full_plan(), None, None);
        // Units of a vector see the whole input; units of a map may see little of it.
        if few && self.output_shape().iter().filter(|&&size| size > 1).count() < 2 {
            return singly();
        }
        let supports = self.pull_plan(&Support::of(self.output_shape(), classes.iter().copied()), shares);
        let stored: usize = supports.iter().map(Support::count).sum();
        let whole: usize = supports.iter().map(Support::tensor_len).sum();
        if few && stored * lanes >= whole {
            return singly();
        }
        let bottleneck = self.bottleneck(&supports, count);
        let rows_of_bottleneck =
            |bottleneck: &Range<usize>| supports[bottleneck.end].count() * at_foot(&supports, bottleneck.start);
        let kept = bottleneck.as_ref().map_or(0, rows_of_bottleneck) * size_of::<T>();
        let largest = supports.iter().map(Support::count).max().unwrap_or(0).max(1);
        let fitting = BYTES.saturating_sub(kept) / (2 * largest * size_of::<T>()) / lanes * lanes;
        let most = Probes::<T>::fastest_width().min(fitting).max(lanes);
        plan(supports, bottleneck, Some(wanted.unwrap_or(count.min(most))))
    }

    /// Computes the planned rows and hands them to `each` block by block; memory does not grow with their number.
    ///
    /// # Errors
    /// What `each` returns.
    pub fn rows<E>(&self, plan: &RowPlan, mut each: impl FnMut(Block<'_, T>) -> Result<(), E>) -> Result<(), E> {
        let pulled = self.pulled(plan.clone());
        let len: usize = self.input_shape().iter().product();
        let mut weights = T::pool().at_least(len * plan.rows.min(plan.classes.len()));
        for (rows, pulled) in pulled {
            let weights = &mut weights[..len * rows.len()];
            pulled.weights.vectors_into(weights);
            each(Block { first: rows.start, weights, bias: &pulled.bias })?;
        }
        T::pool().give(weights);
        Ok(())
    }

    /// The planned rows as they are pulled, block by block.
    pub(crate) fn pulled(&self, plan: RowPlan) -> Pulled<'_, T> {
        let reuse = Reuse::start();
        let bottleneck = plan
            .bottleneck()
            .map(|stages| self.pull_bottleneck(stages, &plan.supports, plan.rows, plan.shares, &plan.fused));
        let above = [bottleneck.as_ref().map_or(0, Bottleneck::slot), self.stages().len()];
        let fusion = Fusion::of(self, &plan.fused, above, &plan.supports, plan.width::<T>(plan.rows));
        let blocks = blocks(plan.classes.len(), plan.rows, plan.unit).collect();
        Pulled { circuit: self, plan, bottleneck, fusion, blocks, ready: VecDeque::new(), _reuse: reuse }
    }

    /// One row of W, in the input's standard layout.
    ///
    /// # Panics
    /// If the output has no such element.
    pub fn row(&self, class: usize) -> Vec<T> {
        self.one_row(class, Shares::LeftOut).0
    }

    /// One row of W and b of its class, the sum of the stages' shares.
    ///
    /// # Panics
    /// If the output has no such element.
    pub fn row_and_bias(&self, class: usize) -> (Vec<T>, f64) {
        self.one_row(class, Shares::Computed)
    }

    fn one_row(&self, class: usize, shares: Shares) -> (Vec<T>, f64) {
        let plan = self.plan_rows(&[class], Together::AsFits, shares);
        let all = [0, self.stages().len()];
        let fusion = Fusion::of(self, &plan.fused, all, &plan.supports, plan.width::<T>(1));
        let pulled = self.pull_within(plan.seed(self.output_shape()), plan.supports(), plan.pass(&fusion));
        (pulled.weights.vector(0), pulled.bias.iter().map(|stage| stage[0].wide()).sum())
    }
}
