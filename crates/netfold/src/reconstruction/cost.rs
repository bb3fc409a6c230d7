//! What computing rows of W takes.

use std::ops::Range;

use netfold_linear::Support;
use serde::Serialize;

use crate::budget::Share;
use crate::circuit::Circuit;
use crate::error::Error;
use crate::ops::{Precision, size};
use crate::reconstruction::blocks::at_foot;
use crate::reconstruction::columns::{ColumnPlan, fitting};
use crate::reconstruction::{Request, RowPlan, Strategy};

/// What the rows of a plan take, counted on the masks of the traced input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cost {
    /// How many rows.
    pub rows: usize,
    /// Products of two numbers.
    pub products: f64,
    /// Bytes of the adjoints that are held at the same time, and of a block of rows.
    pub bytes: usize,
}

impl<T: Precision> Circuit<T> {
    /// What computing the wanted rows by this strategy takes of the budget.
    ///
    /// # Errors
    /// If too little is left.
    pub(crate) fn ask_for(&self, road: &Strategy, request: &Request) -> Result<Share, Error> {
        let (rows, live) = (request.classes.len(), |plan: &[Support]| self.live(0..self.stages().len(), plan) as f64);
        let (what, numbers) = match road {
            Strategy::Rows(plan) => {
                let bytes = self.cost(plan).bytes as f64 / size_of::<T>() as f64;
                (format!("to compute {} rows of W at a time", plan.rows().min(rows)), bytes)
            }
            Strategy::Columns(plan) => {
                let probes = plan.block() as f64 * live(plan.supports());
                (format!("to compute {rows} rows of W by columns"), plan.gathered() as f64 + probes)
            }
            Strategy::Basis(_) => {
                let (len, plan) = (self.input_shape().iter().product::<usize>() as f64, self.full_plan());
                let probes = request.together.number().unwrap_or_else(|| fitting(&plan)) as f64 * live(&plan);
                (format!("to compute {rows} rows of W by all of their columns"), rows as f64 * len + probes)
            }
        };
        self.budget().take(numbers * size_of::<T>() as f64).map_err(Error::memory(what))
    }

    /// Products that the planned probes take.
    pub fn cost_of_columns(&self, plan: &ColumnPlan) -> f64 {
        plan.pushes() as f64 * self.mul_adds(0..self.stages().len(), plan.supports())
    }

    /// Σ over the terms of these stages of the products that one vector takes, each slot stored on its support in `plan`.
    pub fn mul_adds(&self, stages: Range<usize>, plan: &[Support]) -> f64 {
        let terms = stages.flat_map(|index| {
            let stage = &self.stages()[index];
            stage.affine.terms.iter().zip(&stage.sources).map(move |(map, &source)| (map, source, index + 1))
        });
        let products = terms.filter_map(|(map, from, to)| Some(map.as_ref()?.mul_adds(&plan[from], &plan[to])));
        products.fold(0.0, |sum, products| sum + products)
    }

    /// What the planned rows take.
    pub fn cost(&self, plan: &RowPlan) -> Cost {
        let (supports, rows, stages) = (plan.supports(), plan.classes().len(), self.stages().len());
        let (count, len) = (rows as f64, supports[0].tensor_len());
        let width = plan.width::<T>(rows.min(plan.rows()));
        let mut cost = Cost { rows, products: 0.0, bytes: 0 };
        let mut numbers = len * plan.rows().min(rows);
        match plan.bottleneck() {
            None => {
                cost.products = count * self.mul_adds(0..stages, supports);
                numbers += self.live(0..stages, supports) * width;
            }
            Some(Range { start: foot, end: bottleneck }) => {
                let units = supports[bottleneck].count();
                let feet = at_foot(supports, foot);
                let between = self.mul_adds(foot..bottleneck, supports);
                let others = self.mul_adds(0..foot, supports) + self.mul_adds(bottleneck..stages, supports);
                cost.products = units as f64 * (between + count * feet as f64) + count * others;
                numbers += units * feet;
                let parts = [0..foot, foot..bottleneck, bottleneck..stages].map(|part| self.live(part, supports));
                numbers += parts.into_iter().max().unwrap_or(0) * width;
            }
        }
        cost.bytes = numbers * size_of::<T>();
        cost
    }

    /// Asks the budget for what one vector takes on its way through the frozen network, and for both sides of every
    /// output, b, and the outputs in their order.
    ///
    /// # Errors
    /// If too little is left.
    pub(crate) fn ask_for_a_pass(&self) -> Result<(), Error> {
        let numbers = self.live(0..self.stages().len(), &self.full_plan()) as f64;
        let (outputs, width) = (size::amount(self.output_shape()), size_of::<T>() as f64);
        let bytes = numbers * width + outputs * (3.0 * width + size_of::<usize>() as f64);
        let what = format!("to take a vector through the frozen network to its {outputs} outputs");
        self.budget().ask(bytes).map_err(Error::memory(what))
    }

    /// The most elements that adjoints hold at the same time while one vector is pulled through these stages.
    fn live(&self, stages: Range<usize>, plan: &[Support]) -> usize {
        let mut stored = vec![false; plan.len()];
        stored[stages.end] = true;
        let mut live = plan[stages.end].count();
        let mut most = live;
        for index in stages.rev() {
            for &source in &self.stages()[index].sources {
                if !std::mem::replace(&mut stored[source], true) {
                    live += plan[source].count();
                }
            }
            most = most.max(live);
            if std::mem::replace(&mut stored[index + 1], false) {
                live -= plan[index + 1].count();
            }
        }
        most
    }
}
