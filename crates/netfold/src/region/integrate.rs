//! Integrated gradients, exact: the sum over the linear pieces of a straight path.
//!
//! ```
//! # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};
//! # let graph = GraphDef::new("two units")
//! #     .with_input(ValueInfo::new("x", DType::F64, [1, 2]))
//! #     .with_initializer("w", TensorDef::new([2, 2], vec![1.0_f64, 0.5, -1.0, 2.0])?)
//! #     .with_initializer("c", TensorDef::vector(vec![1.0_f64, -3.0]))
//! #     .with_node(NodeDef::new("Gemm", ["x", "w", "c"], ["z"]))
//! #     .with_node(NodeDef::new("Relu", ["z"], ["y"]))
//! #     .with_output(ValueInfo::new("y", DType::F64, [1, 2]));
//! # let model = Model::new(netfold_onnx::decode(netfold_onnx::encode(&ModelDef::new(graph)), None)?)?;
//! use netfold::{Model, Path, Tensor, Watch, trace::NonFinite};
//!
//! // y = relu(x₀ − x₁ + 1, ½ x₀ + 2 x₁ − 3), from (0, 0) to (5, 2): the second unit turns on at 6 / 13 of the way.
//! let (output, non_finite) = (model.outputs[0], NonFinite::Refuse);
//! let (reference, x) = (Tensor::new(&[1, 2], vec![0.0, 0.0]), Tensor::new(&[1, 2], vec![5.0_f64, 2.0]));
//! let path = Path { model: &model, output, non_finite, reference, feed: x.into() };
//! let made = path.integrate(1, 100, &Watch::default())?;
//! assert!(made.is_exact() && made.pieces == 2 && made.difference < 1e-12);
//! assert!((made.attributions[0] - 7.0 / 13.0 * 2.5).abs() < 1e-12);
//! assert!((made.attributions[1] - 7.0 / 13.0 * 4.0).abs() < 1e-12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::circuit::Rules;
use crate::error::Error;
use crate::model::{Feed, Graph, TensorId};
use crate::ops::Precision;
use crate::progress::{Step, Watch};
use crate::region::Line;
use crate::trace::NonFinite;
use crate::value::Tensor;

/// What is integrated.
#[derive(Clone, Debug)]
pub struct Path<'m, T> {
    /// The network.
    pub model: &'m Graph,
    /// Its end.
    pub output: TensorId,
    /// What to do with numbers that are not finite.
    pub non_finite: NonFinite,
    /// x₀, where the path begins.
    pub reference: Tensor<T>,
    /// x, where it ends, and the inputs that are held along it.
    pub feed: Feed<T>,
}

/// Integrated gradients of one logit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Integral {
    /// The attributions in the input's standard layout, in units of the logit.
    pub attributions: Vec<f64>,
    /// The logit at x₀ and at x.
    pub ends: [f64; 2],
    /// |Σ attributions − (f(x) − f(x₀))| / max|f(x)|: at the level of rounding where nothing is unresolved.
    pub difference: f64,
    /// How many linear pieces were found.
    pub pieces: usize,
    /// The share of the path, 0 to 1, whose pieces were not looked for: the gradient of a neighbour stands for theirs.
    pub unresolved: f64,
}

impl Integral {
    /// Whether every piece of the path was found.
    pub fn is_exact(&self) -> bool {
        self.unresolved == 0.0
    }
}

impl<T: Precision> Path<'_, T> {
    /// (x − x₀) ∘ ∫ ∇f(x₀ + s (x − x₀)) ds over s from 0 to 1, for the logit `class`: Σ over linear pieces of the
    /// piece's row of W times its share of the path.
    ///
    /// Each piece is found by bisection: a forward pass at the middle of what is open, a tangent pass for both ends of
    /// the piece there, a pull for its row. No more than `limit` pieces are looked for, all if there are no more than half
    /// as many; what then remains is told as `unresolved`, with the row of a neighbouring piece in place of its own. `watch`
    /// is told how many pieces were found, and `Break` ends the search for more. Gaps between pieces below rounding are closed.
    ///
    /// Source: Sundararajan, Taly & Yan, *Axiomatic attribution for deep networks*, arXiv 1703.01365.
    ///
    /// # Errors
    /// [`Error::Point`] if the network is not piecewise linear; those of tracing and freezing.
    ///
    /// # Panics
    /// If the network has no such logit, or x₀ is not of x's shape.
    pub fn integrate(&self, class: usize, limit: usize, watch: &Watch) -> Result<Integral, Error> {
        let x = &self.feed.x;
        assert_eq!(x.shape(), self.reference.shape(), "a reference of the input's shape");
        let rules = Rules::default();
        let steps = x.data().iter().zip(self.reference.data()).map(|(x, x0)| T::of(x.wide() - x0.wide()));
        let d = Tensor::new(x.shape(), steps.collect());
        let (model, output, non_finite) = (self.model, self.output, self.non_finite);
        let feed = self.feed.at(&self.reference);
        let line = Line { model, output, rules: &rules, non_finite, feed, d };
        let (mut ends, mut scale) = ([0.0; 2], 0.0_f64);
        for (end, x) in ends.iter_mut().zip([&self.reference, x]) {
            let trace = model.trace(self.feed.at(x), output, non_finite)?;
            let logits = trace.logits()?.data();
            *end = logits[class].wide();
            scale = logits.iter().fold(0.0, |m, f| f.wide().abs().max(m));
        }
        let sums = vec![0.0; x.len()];
        let limit = limit.max(1);
        let mut walk = Walk { line: &line, class, limit, sums, pieces: 0, unresolved: 0.0, stopped: false, watch };
        walk.cover(0.0, 1.0, limit)?;
        // The end, of however many pieces; nothing is left to be broken off.
        let _ = watch.tell(Step::Pieces, limit, limit);
        let Walk { sums, pieces, unresolved, .. } = walk;
        let d = line.d.data().iter().map(|d| d.wide());
        let attributions: Vec<f64> = sums.iter().zip(d).map(|(sum, d)| sum * d).collect();
        let missing = attributions.iter().sum::<f64>() - (ends[1] - ends[0]);
        let difference = missing.abs() / if scale > 0.0 { scale } else { 1.0 };
        Ok(Integral { attributions, ends, difference, pieces, unresolved })
    }
}

struct Walk<'a, 'm, T> {
    line: &'a Line<'m, T>,
    class: usize,
    limit: usize,
    /// Σ rows times lengths.
    sums: Vec<f64>,
    pieces: usize,
    unresolved: f64,
    stopped: bool,
    watch: &'a Watch,
}

impl<T: Precision> Walk<'_, '_, T> {
    /// Integrates from `from` to `to` with at most `budget` pieces, at least one; gives how many it took.
    fn cover(&mut self, from: f64, to: f64, budget: usize) -> Result<usize, Error> {
        let middle = 0.5 * (from + to);
        let piece = self.line.piece(middle)?;
        self.pieces += 1;
        self.stopped |= self.watch.tell(Step::Pieces, self.pieces, self.limit).is_err();
        let own = [piece.from.clamp(from, middle), piece.to.clamp(middle, to)];
        let row = piece.region.circuit.row(self.class);
        drop(piece);
        self.add(&row, own[1] - own[0]);
        // Shorter stretches of the path weigh nothing beside the whole: this bounds how deep the search goes.
        let resolution = self.line.resolution(middle).max(8.0 * T::epsilon().wide());
        let sides = [[from, own[0]], [own[1], to]];
        let open = sides.map(|[from, to]| to - from > resolution);
        // The second side is sure of half of what its length is worth; all else is for who needs it.
        let kept = if open[1] { (0.5 * self.limit as f64 * (to - own[1])) as usize + 1 } else { 0 };
        let mut used = 1;
        for (i, [from, to]) in sides.into_iter().enumerate() {
            let left = (budget - used).saturating_sub(if i == 0 { kept } else { 0 });
            if open[i] && left > 0 && !self.stopped {
                used += self.cover(from, to, left)?;
            } else {
                // The row of this piece stands for the side.
                self.add(&row, to - from);
                self.unresolved += if open[i] { to - from } else { 0.0 };
            }
        }
        Ok(used)
    }

    fn add(&mut self, row: &[T], length: f64) {
        self.sums.iter_mut().zip(row).for_each(|(sum, w)| *sum += w.wide() * length);
    }
}
