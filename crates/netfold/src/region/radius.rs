//! The largest ball inside the region, by branch and bound.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::Serialize;

use super::bounds::Bounds;
use super::norms::{Lengths, Norm};
use super::{Region, Switch};
use crate::ops::Precision;
use crate::progress::{Step, Watch};

/// Rows measured before any bound is looked at: those that probes say are nearest.
const FIRST: usize = 32;
/// Rows measured between two looks at the bounds by probes, and at the proven ones.
const STEPS: [usize; 2] = [32, 256];

/// What is known of the radius r of the largest ball around x inside the region.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Bracket {
    /// The ball's norm.
    pub norm: Norm,
    /// Proven: r is not smaller.
    pub lower: f64,
    /// r is not smaller either, by bounds from random probes: the chance that any of them is wrong is at most 1e-9.
    pub likely_lower: f64,
    /// r is not larger: the distance of the nearest switch that was measured.
    pub upper: f64,
    /// That switch: if the bracket is closed, the one that limits the region.
    pub switch: Option<Switch>,
}

impl Bracket {
    /// Whether r is known: no switch that was not measured can be nearer.
    pub fn is_exact(&self) -> bool {
        self.lower >= self.upper
    }
}

/// A switch that may be nearer than what is known, and how near it could be.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    distance: f32,
    set: u32,
    index: u32,
}

impl Candidate {
    fn at(&self) -> (usize, usize) {
        (self.set as usize, self.index as usize)
    }
}

/// The search for the largest ball inside a region, step by step. [`Region::search`] begins one, [`Region::radius`] takes all
/// steps.
#[derive(Debug)]
pub struct Search<'r, T: Precision> {
    region: &'r Region<T>,
    bounds: Bounds,
    measured: HashMap<(usize, usize), Lengths>,
    brackets: Vec<Bracket>,
    /// Candidates by distance: by probes for each norm, and by what is proven for all of them.
    likely: Vec<Vec<Candidate>>,
    proven: Vec<Candidate>,
    /// The list of candidates that is looked at: that of a norm, or at last the proven ones.
    list: usize,
}

impl<T: Precision> Region<T> {
    /// r = min over switches of h / ‖g‖ in the dual norm: the radius of the largest ball around x inside the region, for
    /// each of these norms of the ball. h is how far a switch is, g its row over the input.
    ///
    /// Cheap upper bounds of all ‖g‖ come first; exact rows are pulled in the order of the nearest that a switch could
    /// be, until none that is left can be nearer than the nearest measured. Bounds by random probes lead there fast;
    /// what is proven follows, and closes the bracket where the network is small enough. Before every block of rows
    /// `watch` is told; what it breaks off is a bracket that holds. A switch at its border with g = 0 never flips.
    ///
    /// Source: Croce & Hein, arXiv 1810.07481; Lee, Alvarez-Melis & Jaakkola, arXiv 1907.03207.
    ///
    /// ```
    /// # use netfold::{Error, Model, Rules, Tensor, Watch, region::Norm, trace::NonFinite};
    /// # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};
    /// # let graph = GraphDef::new("one unit")
    /// #     .with_input(ValueInfo::new("x", DType::F32, [1, 2]))
    /// #     .with_initializer("w", TensorDef::new([2, 1], vec![1.0_f32, -1.0]).unwrap())
    /// #     .with_initializer("one", TensorDef::vector(vec![1.0_f32]))
    /// #     .with_node(NodeDef::new("Gemm", ["x", "w", "one"], ["z"]))
    /// #     .with_node(NodeDef::new("Relu", ["z"], ["y"]))
    /// #     .with_output(ValueInfo::new("y", DType::F32, [1, 1]));
    /// # let model = Model::new(netfold_onnx::decode(netfold_onnx::encode(&ModelDef::new(graph)), None)?)?;
    /// // y = relu(x₀ − x₁ + 1) at x = (5, 2): z = 4, g = (1, −1)
    /// let x = Tensor::new(&[1, 2], vec![5.0_f64, 2.0]);
    /// let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse)?;
    /// let region = trace.region(&trace.freeze(&Rules::default())?)?;
    /// let radii: Vec<f64> = region.radius(&Norm::ALL, &Watch::default()).iter().map(|bracket| bracket.upper).collect();
    /// assert_eq!(radii, [4.0, 4.0 / f64::sqrt(2.0), 2.0]);
    /// let exit = region.exit(&Tensor::new(&[1, 2], vec![-1.0, 1.0])).unwrap();
    /// assert_eq!((exit.t, exit.switch.unit.as_str()), (2.0, "0"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn radius(&self, norms: &[Norm], watch: &Watch) -> Vec<Bracket> {
        let mut search = self.search(norms);
        while watch.tell(Step::Radius, search.measured(), self.switches()).is_ok() && search.step() {}
        search.brackets
    }

    /// The search for the [`radius`](Self::radius), with the switches measured that are nearest by the bounds from probes.
    pub fn search(&self, norms: &[Norm]) -> Search<'_, T> {
        let open = |&norm: &Norm| {
            let (lower, upper) = (0.0, f64::INFINITY);
            Bracket { norm, lower, likely_lower: lower, upper, switch: None }
        };
        let mut search = Search {
            region: self,
            bounds: self.bounds(),
            measured: HashMap::new(),
            brackets: norms.iter().map(open).collect(),
            likely: Vec::new(),
            proven: Vec::new(),
            list: 0,
        };
        let first = search.first();
        search.measure(&first);
        let uppers: Vec<(Norm, f64)> = search.brackets.iter().map(|b| (b.norm, b.upper)).collect();
        let widest = uppers.iter().fold(0.0, |widest: f64, (_, upper)| widest.max(*upper));
        let likely = uppers.iter().map(|&(norm, upper)| search.below(upper, |s, i| search.likely(norm, s, i)));
        search.likely = likely.collect();
        search.proven = search.below(widest, |s, i| f64::from(search.bounds.proven[s][i]));
        search.tell();
        search
    }
}

impl<T: Precision> Search<'_, T> {
    /// What is known, for each norm.
    pub fn brackets(&self) -> &[Bracket] {
        &self.brackets
    }

    /// How many switches were measured.
    pub fn measured(&self) -> usize {
        self.measured.len()
    }

    /// Measures the next block of switches: by probes norm by norm, then by what is proven for all norms. Returns whether
    /// there was one.
    pub fn step(&mut self) -> bool {
        let next = loop {
            let (list, limit, step) = match (self.likely.get(self.list), self.brackets.get(self.list)) {
                (Some(list), Some(bracket)) => (list, bracket.upper, STEPS[0]),
                _ => (&self.proven, self.brackets.iter().fold(0.0, |m: f64, b| m.max(b.upper)), STEPS[1]),
            };
            let nearer = list.iter().take_while(|c| f64::from(c.distance) < limit).map(Candidate::at);
            let next: Vec<_> = nearer.filter(|at| !self.measured.contains_key(at)).take(step).collect();
            if !next.is_empty() || self.list == self.likely.len() {
                break next;
            }
            self.list += 1;
        };
        if next.is_empty() {
            return false;
        }
        self.measure(&next);
        self.tell();
        true
    }

    /// An upper bound of the row of a switch in the dual of `norm`, by probes or proven, whichever is smaller.
    fn likely(&self, norm: Norm, set: usize, index: usize) -> f64 {
        let (proven, l2) = (f64::from(self.bounds.proven[set][index]), f64::from(self.bounds.likely[set][index]));
        let len = self.region.circuit.input_shape().iter().product::<usize>() as f64;
        match norm {
            // 0: squares below the smallest number, or a row of zeros, which is proven.
            _ if l2 == 0.0 => proven,
            Norm::L1 | Norm::L2 => proven.min(l2),
            Norm::Linf => proven.min(l2 * len.sqrt()),
        }
    }

    /// The switches that are nearest by the bounds from probes.
    fn first(&self) -> Vec<(usize, usize)> {
        let of_set = |set: usize| {
            let mut nearest: Vec<(f64, usize, usize)> = Vec::new();
            for index in 0..self.region.sets[set].len() {
                let distance = distance(self.region.sets[set].room(index), self.likely(Norm::L2, set, index));
                if distance.is_finite() && (nearest.len() < FIRST || distance < nearest[FIRST - 1].0) {
                    let place = nearest.partition_point(|other| other.0 <= distance);
                    nearest.insert(place, (distance, set, index));
                    nearest.truncate(FIRST);
                }
            }
            nearest
        };
        let mut all: Vec<_> = (0..self.region.sets.len()).into_par_iter().flat_map_iter(of_set).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        all.into_iter().take(FIRST).map(|(_, set, index)| (set, index)).collect()
    }

    /// The switches that a bound of their rows allows to be nearer than `limit`, the nearest first.
    fn below(&self, limit: f64, bound: impl Fn(usize, usize) -> f64 + Sync) -> Vec<Candidate> {
        let of_set = |set: usize| {
            let bound = &bound;
            (0..self.region.sets[set].len()).filter_map(move |index| {
                let distance = distance(self.region.sets[set].room(index), bound(set, index));
                let near = distance as f32;
                let near = if f64::from(near) > distance { near.next_down() } else { near };
                (distance < limit).then_some(Candidate { distance: near, set: set as u32, index: index as u32 })
            })
        };
        let mut found: Vec<Candidate> = (0..self.region.sets.len()).into_par_iter().flat_map_iter(of_set).collect();
        found.par_sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.at().cmp(&b.at())));
        found
    }

    /// Pulls rows and lowers what they are nearer than.
    fn measure(&mut self, switches: &[(usize, usize)]) {
        for (&(set, index), lengths) in switches.iter().zip(self.region.lengths(switches)) {
            self.measured.insert((set, index), lengths);
            for bracket in &mut self.brackets {
                let distance = distance(self.region.sets[set].room(index), bracket.norm.dual(&lengths));
                if distance < bracket.upper {
                    (bracket.upper, bracket.switch) = (distance, Some(self.region.switch(set, index)));
                }
            }
        }
    }

    /// Raises what is known from below to the nearest that an unmeasured switch could be.
    fn tell(&mut self) {
        let nearest = |list: &[Candidate]| {
            let open = list.iter().find(|candidate| !self.measured.contains_key(&candidate.at()));
            open.map_or(f64::INFINITY, |candidate| f64::from(candidate.distance))
        };
        let proven = nearest(&self.proven);
        let likely: Vec<f64> = self.likely.iter().map(|list| nearest(list)).collect();
        for (bracket, likely) in self.brackets.iter_mut().zip(likely) {
            bracket.lower = proven.min(bracket.upper);
            bracket.likely_lower = likely.max(proven).min(bracket.upper);
        }
    }
}

/// h / ‖g‖; a switch with g = 0 is never met, whatever h is.
fn distance(room: f64, length: f64) -> f64 {
    if length == 0.0 || room.is_infinite() { f64::INFINITY } else { room / length }
}
