//! Where a ray leaves the region.

use netfold_linear::{Probes, Real};
use rayon::prelude::*;
use serde::Serialize;

use super::{Kind, Region, Set, Switch};
use crate::circuit::Push;
use crate::ops::Precision;
use crate::value::Tensor;

/// Switches that one task of a parallel loop looks at.
const TASK: usize = 1 << 14;

/// Where a ray x + t d leaves the region.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Exit {
    /// t*, in lengths of d.
    pub t: f64,
    /// The first switch on the way.
    pub switch: Switch,
}

/// A switch on a line: when it is met, in which set, and which of its switches it is. Infinite: none is met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crossing {
    pub t: f64,
    pub set: usize,
    pub index: usize,
}

impl Crossing {
    const NEVER: Self = Self { t: f64::INFINITY, set: usize::MAX, index: 0 };

    /// The earlier one; of equals the first.
    fn earlier(self, other: Self) -> Self {
        let order = self.t.total_cmp(&other.t).then((self.set, self.index).cmp(&(other.set, other.index)));
        if order.is_gt() { other } else { self }
    }
}

impl<T: Precision> Region<T> {
    /// t* = min over switches with ⟨g, d⟩ < 0 of −h / ⟨g, d⟩: where x + t d, t ≥ 0, leaves the region, and by which
    /// switch; `None` if it never does. h is the traced distance of the switch, ⟨g, d⟩ its slope, taken for all switches
    /// at once from one forward pass of the tangent d.
    ///
    /// A switch that stands at its border (h = 0) and moves beyond gives t* = 0; one that does not move, as every
    /// element behind an inactive rectifier, sets no bound.
    ///
    /// # Panics
    /// If d does not have the input's shape.
    pub fn exit(&self, d: &Tensor<T>) -> Option<Exit> {
        let [ahead, _] = self.crossings(d);
        self.exit_at(ahead)
    }

    pub(super) fn exit_at(&self, crossing: Crossing) -> Option<Exit> {
        crossing.t.is_finite().then(|| Exit { t: crossing.t, switch: self.switch(crossing.set, crossing.index) })
    }

    /// The first switches ahead along d and behind along −d.
    pub(super) fn crossings(&self, d: &Tensor<T>) -> [Crossing; 2] {
        assert_eq!(d.shape(), self.circuit.input_shape(), "a direction of the input's shape");
        let mut first = [Crossing::NEVER; 2];
        self.tangents(d.probe(), |index, set, tangents| {
            for (first, forward) in first.iter_mut().zip([true, false]) {
                *first = first.earlier(set.earliest(index, tangents, forward));
            }
        });
        first
    }

    /// Pushes probes through the circuit and shows them to every set of switches.
    pub(super) fn tangents(&self, v: Probes<T>, mut each: impl FnMut(usize, &Set<T>, Ends<'_, T>)) {
        self.circuit.push_with(v, Push::Linear, &self.circuit.full_plan(), &mut |stage, sources| {
            for (index, set) in self.sets.iter().enumerate().filter(|(_, set)| set.stage == stage) {
                let [a, b] = &set.ends;
                each(index, set, [a, b].map(|end| end.source.map(|source| sources[source])));
            }
        });
    }
}

/// What has reached the two ends of a set of switches; `None` of a constant.
pub(super) type Ends<'a, T> = [Option<&'a Probes<T>>; 2];

impl<T: Real> Set<T> {
    /// The first switch of the set, which is `set`, that is met along the tangents or against them.
    fn earliest(&self, set: usize, tangents: Ends<'_, T>, forward: bool) -> Crossing {
        let sign = if forward { 1.0 } else { -1.0 };
        // Without NaN, which a network may hold where it is allowed to.
        let met =
            |room: T, slope: f64| if slope < 0.0 && room >= T::zero() { room.wide() / -slope } else { f64::INFINITY };
        let [a, b] = tangents.map(|tangent| tangent.map(Probes::values));
        let at = |tangent: Option<&[T]>, e: usize| tangent.map_or(0.0, |tangent| sign * tangent[e].wide());
        let time = |index: usize| match &self.kind {
            Kind::Slack { down, up } => {
                let slope = at(a, index);
                if slope > 0.0 { met(up[index], -slope) } else { met(down[index], slope) }
            }
            Kind::Order { pairs, gaps } => {
                let [ahead, behind] = pairs[index].map(|e| e as usize);
                met(gaps[index], at(a, ahead) - at(b, behind))
            }
        };
        let task = |task: usize| {
            let indices = task * TASK..self.len().min((task + 1) * TASK);
            indices.fold(Crossing::NEVER, |first, index| first.earlier(Crossing { t: time(index), set, index }))
        };
        let tasks = (0..self.len().div_ceil(TASK)).into_par_iter();
        tasks.map(task).reduce(|| Crossing::NEVER, Crossing::earlier)
    }
}
