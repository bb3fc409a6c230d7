//! Rows of W as an iterator.

use std::collections::VecDeque;

use crate::budget::Share;
use crate::circuit::{Circuit, Shares};
use crate::error::Error;
use crate::ops::Precision;
use crate::progress::{Step, Watch};
use crate::reconstruction::rows::Pulled;
use crate::reconstruction::{Method, Request, Strategy, Together};
use crate::value::Tensor;

/// One row of the one-layer model: logit = ⟨weights, x⟩ + bias.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row<T> {
    /// The class, or the element of the inner tensor that is explained.
    pub class: usize,
    /// w, in x's shape: logit per model unit.
    pub weights: Tensor<T>,
    /// b: the sum of `bias_by_node`, added in double precision.
    pub bias: f64,
    /// Each node's share of b, in the order of the circuit's stages.
    pub bias_by_node: Vec<T>,
    /// ⟨w, x⟩ + b, summed in double precision.
    pub reconstructed: f64,
}

/// Rows of W, in the order of their classes. [`Folded::rows`](crate::Folded::rows) makes one.
#[derive(Debug)]
pub struct Rows<'a, T: Precision> {
    x: &'a Tensor<T>,
    classes: Vec<usize>,
    pulled: Pulled<'a, T>,
    /// Rows that are computed and not yet taken.
    ready: VecDeque<Row<T>>,
    done: usize,
    watch: Watch,
    /// What the rows that travel together take of the budget.
    _held: Share,
}

impl<'a, T: Precision> Rows<'a, T> {
    pub(super) fn new(
        circuit: &'a Circuit<T>,
        x: &'a Tensor<T>,
        classes: Vec<usize>,
        watch: Watch,
    ) -> Result<Self, Error> {
        let request = Request { classes, method: Method::Adjoint, ..Request::default() };
        let plan = circuit.plan_rows(&request.classes, Together::AsFits, Shares::Computed);
        let road = Strategy::Rows(plan.clone());
        let held = circuit.ask_for(&road, &request)?;
        let pulled = circuit.pulled(plan);
        Ok(Self { x, classes: request.classes, pulled, ready: VecDeque::new(), done: 0, watch, _held: held })
    }

    /// Computes the next rows, as many as travel together.
    fn fill(&mut self) -> Result<(), Error> {
        self.watch.tell(Step::Rows, self.done, self.classes.len())?;
        let Some((rows, pulled)) = self.pulled.next() else { return Ok(()) };
        let mut weights = vec![T::zero(); self.x.len() * rows.len()];
        pulled.weights.vectors_into(&mut weights);
        for (row, weights) in weights.chunks_exact(self.x.len().max(1)).enumerate() {
            let bias_by_node: Vec<T> = pulled.bias.iter().map(|stage| stage[row]).collect();
            let bias: f64 = T::of(bias_by_node.iter().map(|share| share.wide()).sum()).wide();
            let dot: f64 = weights.iter().zip(self.x.data()).map(|(w, x)| w.wide() * x.wide()).sum();
            self.ready.push_back(Row {
                class: self.classes[rows.start + row],
                weights: Tensor::new(self.x.shape(), weights.to_vec()),
                bias,
                bias_by_node,
                reconstructed: T::of(dot + bias).wide(),
            });
        }
        self.done = rows.end;
        self.watch.tell(Step::Rows, self.done, self.classes.len())
    }
}

impl<T: Precision> Iterator for Rows<'_, T> {
    type Item = Result<Row<T>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && self.done < self.classes.len()
            && let Err(error) = self.fill()
        {
            // An iterator that failed has no more rows.
            self.done = self.classes.len();
            self.ready.clear();
            return Some(Err(error));
        }
        self.ready.pop_front().map(Ok)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.classes.len() - self.done + self.ready.len();
        (0, Some(left))
    }
}
