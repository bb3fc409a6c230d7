//! How far the one-layer model holds: the linear region around the traced input.
//!
//! The region is the set of inputs that take the same branch at every node: every rectifier on the same side, every
//! clip on the same segment, every pool with the same winner. It is a polytope, h(x') ≥ 0 for each switch, and in it
//! every h is affine: h(x') = z + ⟨g, x' − x⟩ with the traced z ≥ 0 and a row g. Three questions are put to it:
//!
//! - [`Region::exit`]: where a ray leaves it, by one tangent pass;
//! - [`Region::radius`]: the largest ball around x inside it;
//! - [`decisions`], [`border`]: how far the border between two classes is, and whether it lies inside.
//!
//! [`Line`] walks through region after region, [`fidelity`] says what the one-layer model is worth beyond the first.
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
//! use netfold::region::{Line, Norm, decisions, fidelity};
//! use netfold::{Model, Rules, Tensor, Watch, trace::NonFinite};
//!
//! // y = relu(x₀ − x₁ + 1, ½ x₀ + 2 x₁ − 3), at x = (5, 2): both units are on, by 4 and by 3.5
//! let x = Tensor::new(&[1, 2], vec![5.0_f64, 2.0]);
//! let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse)?;
//! let rules = Rules::default();
//! let region = trace.region(&trace.freeze(&rules)?)?;
//! assert_eq!(region.switches(), 2);
//!
//! // Along −x₀ the first unit turns off at t = 4, the second one would at t = 7.
//! let d = Tensor::new(&[1, 2], vec![-1.0, 0.0]);
//! assert_eq!(region.exit(&d).map(|exit| exit.t), Some(4.0));
//! let (output, non_finite) = (model.outputs[0], NonFinite::Refuse);
//! let line = Line { model: &model, output, rules: &rules, non_finite, feed: x.into(), d };
//! assert_eq!(line.events(5, 10.0)?.iter().map(|event| event.t).collect::<Vec<_>>(), [4.0, 7.0]);
//! let curve = fidelity(&line, &region.circuit, trace.logits()?, &[3.0, 6.0])?;
//! assert_eq!(curve.iter().map(|at| at.difference).collect::<Vec<_>>(), [0.0, 2.0]);
//!
//! // The nearest border is the second unit's: 3.5 / ‖(½, 2)‖₂.
//! let ball = &region.radius(&[Norm::L2], &Watch::default())[0];
//! assert!(ball.is_exact() && (ball.upper - 3.5 / 4.25_f64.sqrt()).abs() < 1e-12);
//! // The classes are equal nearer than that: the network has no nearer adversarial input.
//! let other = &decisions(&region.circuit, trace.logits()?, 0, &[1])[0];
//! assert!((other.l2 - 0.5 / 9.25_f64.sqrt()).abs() < 1e-12 && other.is_inside(ball));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bounds;
mod decision;
mod direction;
mod fidelity;
mod integrate;
mod line;
mod norms;
mod radius;
mod ray;

use std::fmt;

use netfold_linear::Real;
use serde::Serialize;

use crate::affine::{Constraints, Validity};
use crate::circuit::{Circuit, Stage};
use crate::error::{Error, Unsupported, quoted};
use crate::ops::{At, Precision};
use crate::reconstruction::Unit;
use crate::trace::{Trace, node_error};
use crate::value::Value;

pub use decision::{Against, Decision, border, decisions};
pub use direction::{Direction, Space};
pub use fidelity::{Fidelity, fidelity};
pub use integrate::{Integral, Path};
pub use line::{Event, Line, Piece};
pub use norms::Norm;
pub use radius::{Bracket, Search};
pub use ray::Exit;

/// The linear region around a traced input: a circuit, and where its nodes switch.
#[derive(Clone, Debug)]
pub struct Region<T: Precision> {
    /// The frozen network that is the network in here.
    pub circuit: Circuit<T>,
    sets: Vec<Set<T>>,
}

/// One switch, and how far the numbers are from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Switch {
    /// The node that switches.
    pub node: String,
    /// Its operator.
    pub op: String,
    /// The tensor that it reads.
    pub tensor: String,
    /// The element that reaches a border, or the one that is ahead.
    pub unit: String,
    /// What overtakes it, as tensor and element: where winners are chosen.
    pub rival: Option<(String, String)>,
    /// How far the element is from its border, or ahead of its rival.
    pub room: f64,
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, op, tensor, unit, rival, room } = self;
        write!(f, "`{node}` ({op}): `{tensor}` [{unit}] ")?;
        match rival {
            Some((other, rival)) if other == tensor => write!(f, "is {room:.3e} ahead of [{rival}]"),
            Some((other, rival)) => write!(f, "is {room:.3e} ahead of `{other}` [{rival}]"),
            None => write!(f, "is {room:.3e} from its border"),
        }
    }
}

/// One end of a switch: a tensor that the node reads, and where its tangents are.
#[derive(Clone, Debug)]
struct End {
    tensor: String,
    shape: Vec<usize>,
    /// Which of the stage's sources it is; `None` for a constant.
    source: Option<usize>,
    slot: usize,
}

/// Switches of one node that are alike.
#[derive(Clone, Debug)]
struct Set<T> {
    stage: usize,
    ends: [End; 2],
    kind: Kind<T>,
}

#[derive(Clone, Debug)]
enum Kind<T> {
    /// Elements of the first end.
    Slack { down: Vec<T>, up: Vec<T> },
    /// Pairs of an element of each end, and how far the first is ahead.
    Order { pairs: Vec<[u32; 2]>, gaps: Vec<T> },
}

impl<T: Real> Set<T> {
    fn len(&self) -> usize {
        match &self.kind {
            Kind::Slack { down, .. } => down.len(),
            Kind::Order { gaps, .. } => gaps.len(),
        }
    }

    /// How far switch `index` is.
    fn room(&self, index: usize) -> f64 {
        match &self.kind {
            Kind::Slack { down, up } => down[index].wide().min(up[index].wide()),
            Kind::Order { gaps, .. } => gaps[index].wide(),
        }
    }

    /// The elements whose difference is h, the second one only in an order.
    fn elements(&self, index: usize) -> (usize, Option<usize>) {
        match &self.kind {
            Kind::Slack { .. } => (index, None),
            Kind::Order { pairs, .. } => (pairs[index][0] as usize, Some(pairs[index][1] as usize)),
        }
    }
}

impl<T: Precision> Trace<'_, T> {
    /// The linear region around the traced input in which `circuit`, frozen from this trace, is the network.
    ///
    /// # Errors
    /// [`Error::Point`] if a node is exact at this input alone, with all such nodes and why.
    pub fn region(&self, circuit: &Circuit<T>) -> Result<Region<T>, Error> {
        let (mut points, mut sets) = (Vec::new(), Vec::new());
        for (index, stage) in circuit.stages().iter().enumerate() {
            let why = match stage.affine.validity {
                Validity::Everywhere => continue,
                Validity::Region if !stage.sources.is_empty() => {
                    sets.extend(self.sets(index, stage)?);
                    continue;
                }
                Validity::Region => "what it reads is no part of the one-layer model".to_owned(),
                Validity::Input if !stage.held.is_empty() => format!("{} held constant", quoted(&stage.held)),
                Validity::Input => format!("not piecewise linear, frozen by `{}`", stage.rule),
            };
            points.push(Unsupported { node: stage.node.clone(), op: stage.op.clone(), why });
        }
        if points.is_empty() { Ok(Region { circuit: circuit.clone(), sets }) } else { Err(Error::Point(points)) }
    }

    /// The switches of one stage.
    fn sets(&self, index: usize, stage: &Stage<T>) -> Result<Vec<Set<T>>, Error> {
        let made = self.model.tensor(&stage.tensor)?;
        let maker = self.model.maker(made).and_then(|node| Some((node, node.operator.as_ref().ok()?)));
        let Some((node, operator)) = maker else { return Ok(Vec::new()) };
        let inputs = self.inputs(node);
        let outputs: Vec<Value<T>> =
            node.outputs.iter().filter_map(|id| id.and_then(|id| self.value(id)).cloned()).collect();
        let varies: Vec<bool> = (0..inputs.len()).map(|i| stage.inputs.contains(&i)).collect();
        let output = node.outputs.iter().position(|&id| id == Some(made)).unwrap_or(0);
        let at = At { inputs: &inputs, outputs: &outputs, varies: &varies, output, rule: stage.rule, still: None };
        let switches = T::op(operator.as_ref()).constraints(&at);
        let failed = |source| node_error("find the region of", node, &inputs, source);
        let end = |input: usize| -> Result<End, Error> {
            let source = stage.inputs.iter().position(|&i| i == input);
            let tensor = node.inputs[input].map_or(String::new(), |id| self.model.name(id).to_owned());
            let shape = inputs.shape(input).map_err(failed)?.to_vec();
            Ok(End { tensor, shape, source, slot: source.map_or(0, |source| stage.sources[source]) })
        };
        let mut sets = Vec::new();
        for switches in switches.map_err(failed)? {
            let (ends, kind) = match switches {
                Constraints::Slack { input, down, up } => ([end(input)?, end(input)?], Kind::Slack { down, up }),
                Constraints::Order { inputs: [ahead, behind], pairs, .. } => {
                    let values = |input| inputs.real(input).map_err(failed);
                    let (a, b) = (values(ahead)?.data(), values(behind)?.data());
                    let gaps = pairs.iter().map(|&[i, j]| a[i as usize] - b[j as usize]).collect();
                    ([end(ahead)?, end(behind)?], Kind::Order { pairs, gaps })
                }
            };
            if ends.iter().any(|end| end.source.is_some()) {
                sets.push(Set { stage: index, ends, kind });
            }
        }
        Ok(sets)
    }
}

impl<T: Precision> Region<T> {
    /// How many switches there are: each is an inequality of the region.
    pub fn switches(&self) -> usize {
        self.sets.iter().map(Set::len).sum()
    }

    /// A switch as people read it.
    fn switch(&self, set: usize, index: usize) -> Switch {
        let set = &self.sets[set];
        let (stage, [first, second]) = (&self.circuit.stages()[set.stage], &set.ends);
        let (element, rival) = set.elements(index);
        let name = |end: &End, element: usize| Unit::of(element, &end.shape).to_string();
        Switch {
            node: stage.node.clone(),
            op: stage.op.clone(),
            tensor: first.tensor.clone(),
            unit: name(first, element),
            rival: rival.map(|rival| (second.tensor.clone(), name(second, rival))),
            room: set.room(index),
        }
    }
}
