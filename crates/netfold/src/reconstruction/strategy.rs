//! How W is computed: by rows, by columns, or by the vectors of another basis.

use std::fmt;

use crate::circuit::{Circuit, Shares};
use crate::ops::Precision;
use crate::reconstruction::{Basis, ColumnPlan, Method, Request, RowPlan};

/// How the wanted rows of W are computed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Strategy {
    /// By pulling unit vectors from the output.
    Rows(RowPlan),
    /// By pushing unit vectors from the input, several in one probe.
    Columns(ColumnPlan),
    /// By pushing every vector of another basis.
    Basis(Basis),
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(_) => f.write_str("adjoint"),
            Self::Columns(plan) => write!(f, "probe, {} basis, {} probes", Basis::Standard, plan.pushes()),
            Self::Basis(basis) => write!(f, "probe, {basis} basis"),
        }
    }
}

impl<T: Precision> Circuit<T> {
    /// The strategy that is asked for, or the one that takes fewer products. Rows take Σ over the terms of all stages
    /// for each row (or by way of a bottleneck), columns for each group of structurally orthogonal columns.
    ///
    /// Columns are planned only if they can win: each element that a row depends on needs a group of its own. A unit of
    /// a vector is taken to depend on all of the input.
    pub fn strategy(&self, request: &Request) -> Strategy {
        let rows = request.classes.as_slice();
        let by_rows = || self.plan_rows(rows, request.together, Shares::Computed);
        match (request.method, request.basis) {
            (Method::Adjoint, _) => Strategy::Rows(by_rows()),
            (Method::Probe, Basis::Standard) => Strategy::Columns(self.plan_columns(rows, request.together)),
            (Method::Probe, basis) => Strategy::Basis(basis),
            (Method::Auto, _) => {
                let vector = self.output_shape().iter().filter(|&&size| size > 1).count() < 2;
                let least = if vector { self.input_shape().iter().product() } else { self.field(rows) };
                if rows.len() <= least {
                    return Strategy::Rows(by_rows());
                }
                let (rows, columns) = (by_rows(), self.plan_columns(rows, request.together));
                if self.cost(&rows).products <= self.cost_of_columns(&columns) {
                    Strategy::Rows(rows)
                } else {
                    Strategy::Columns(columns)
                }
            }
        }
    }
}
