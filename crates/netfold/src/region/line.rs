//! Straight lines through the network's regions, piece by piece.

use serde::Serialize;

use super::ray::Crossing;
use super::{Region, Switch};
use crate::circuit::Rules;
use crate::error::Error;
use crate::model::{Feed, Graph, TensorId};
use crate::ops::Precision;
use crate::trace::NonFinite;
use crate::value::Tensor;

/// The line x + t d through the input space of a network.
#[derive(Clone, Debug)]
pub struct Line<'m, T> {
    /// The network.
    pub model: &'m Graph,
    /// Its end.
    pub output: TensorId,
    /// How nodes are frozen.
    pub rules: &'m Rules,
    /// What to do with numbers that are not finite.
    pub non_finite: NonFinite,
    /// x, and the inputs that are held along the line.
    pub feed: Feed<T>,
    /// d
    pub d: Tensor<T>,
}

/// A stretch of a line in one linear region.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Piece<T: Precision> {
    /// Where the line was when the network was traced.
    pub t: f64,
    /// Where it begins and ends.
    pub from: f64,
    /// See `from`.
    pub to: f64,
    /// The region.
    pub region: Region<T>,
    ahead: Crossing,
}

/// A border that a line crosses.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Where.
    pub t: f64,
    /// What switches there.
    pub switch: Switch,
}

impl<T: Precision> Line<'_, T> {
    /// The network's inputs at x + t d, which is rounded once.
    pub fn point(&self, t: f64) -> Feed<T> {
        let along = self.feed.x.data().iter().zip(self.d.data()).map(|(x, d)| T::of(x.wide() + t * d.wide()));
        self.feed.at(&Tensor::new(self.feed.x.shape(), along.collect()))
    }

    /// The piece that holds x + t d, by a forward pass there and a tangent pass.
    ///
    /// # Errors
    /// As those of tracing and freezing; [`Error::Point`] if the network is not piecewise linear.
    pub fn piece(&self, t: f64) -> Result<Piece<T>, Error> {
        let trace = self.model.trace(self.point(t), self.output, self.non_finite)?;
        let region = trace.region(&trace.freeze(self.rules)?)?;
        let [ahead, behind] = region.crossings(&self.d);
        Ok(Piece { t, from: t - behind.t, to: t + ahead.t, region, ahead })
    }

    /// The t below which two points of the line near `t` cannot be told apart for rounding.
    pub fn resolution(&self, t: f64) -> f64 {
        let largest = |tensor: &Tensor<T>| tensor.data().iter().fold(0.0, |m: f64, v| m.max(v.wide().abs()));
        let (x, d) = (largest(&self.feed.x), largest(&self.d));
        8.0 * T::epsilon().wide() * if d > 0.0 { x / d + t.abs() } else { 1.0 }
    }

    /// The first `count` borders that the line crosses after t = 0, in order; fewer if it crosses no more below
    /// `reach`. Each is found in the region before it: a forward and a tangent pass, more where a region is missed.
    ///
    /// # Errors
    /// As [`piece`](Self::piece).
    pub fn events(&self, count: usize, reach: f64) -> Result<Vec<Event>, Error> {
        let mut events: Vec<Event> = Vec::new();
        let mut piece = self.piece(0.0)?;
        while events.len() < count && piece.to <= reach {
            let Some(exit) = piece.region.exit_at(piece.ahead) else { break };
            let (border, resolution) = (piece.to, self.resolution(piece.to));
            events.push(Event { t: border, switch: exit.switch });
            let mut step = (0.5 * (border - piece.from.max(0.0))).max(resolution);
            // A point just behind the border: halfway to any region that begins later.
            piece = loop {
                let next = self.piece(border + step)?;
                if next.from <= border + resolution || step <= resolution {
                    break next;
                }
                step = (0.5 * (next.from - border)).max(resolution);
            };
        }
        Ok(events)
    }
}
