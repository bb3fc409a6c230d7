//! The trace: what one forward pass records.

pub(crate) mod finite;
mod memory;
mod probabilities;
mod retain;
mod ties;
mod warning;
mod whole;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use netfold_linear::{Real, Reuse, awake};

use crate::affine::Affine;
use crate::budget::Share;
use crate::error::{Error, OpError};
use crate::model::{Feed, Graph, Node, TensorId};
use crate::ops::{Inputs, Precision, Record};
use crate::progress::{Step, Watch};
use crate::value::{Tensor, Value};
use finite::check_finite;
use whole::Whole;

pub use retain::Keep;
pub use ties::{Decisions, Ties};
pub use warning::Warning;

/// The values of a network at one input (the "prior information" of the founding paper).
///
/// Everything is computed concretely at this input, so that shapes are numbers and shape arithmetic is evaluated.
/// The masks and winners that freezing uses are those of this very pass: taken from another one, even a correct one,
/// they can belong to another linear region.
#[derive(Debug)]
pub struct Trace<'m, T: Real> {
    /// The traced network.
    pub model: &'m Graph,
    /// The values of the network's inputs.
    pub feed: Feed<T>,
    /// Where the one-layer model begins: the explained input, or the inner tensor that the feed names.
    pub input: TensorId,
    /// What is reconstructed: the logits.
    pub output: TensorId,
    /// Nodes that `output` is computed from, in order.
    pub nodes: Vec<usize>,
    values: Vec<Option<Value<T>>>,
    /// What the pass over a node's numbers showed it to be, by node: one operator for each output.
    records: HashMap<usize, Vec<Affine<T>>>,
    /// What nodes decide, where that is counted.
    pub(crate) decisions: HashMap<usize, Decisions>,
    varies: Vec<bool>,
    /// Which tensors depend on the explained input, wherever the one-layer model begins.
    reached: Vec<bool>,
    /// The tensors that do not depend on the input and hold NaN or an infinity: masks, mostly.
    pub(crate) non_finite: HashSet<TensorId>,
    pub(crate) tracing: Tracing<T>,
    /// What the first batch normalisation near the input shows of the input's scale.
    scale: Option<Warning>,
    /// What the values take of the budget.
    held: Share,
    /// What the tables of `records` take.
    tables: Arc<Share>,
}

/// Values that stand in for tensors that do not depend on the input: other weights, or biases of zero.
pub type Replaced<T> = HashMap<TensorId, Value<T>>;

/// What a trace does with numbers that are not finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NonFinite {
    /// Refuses them by name.
    #[default]
    Refuse,
    /// Computes with them.
    Allow,
}

/// How a network is traced.
#[derive(Clone, Debug)]
pub struct Tracing<T> {
    /// What becomes of numbers that are not finite.
    pub non_finite: NonFinite,
    /// What the trace holds on to.
    pub keep: Keep,
    /// Whether decisions that rounding could turn are counted.
    pub ties: Ties,
    /// Other values for some constant tensors.
    pub replaced: Arc<Replaced<T>>,
    /// Who is told how far the pass is, and may stop it.
    pub watch: Watch,
}

impl<T> Default for Tracing<T> {
    fn default() -> Self {
        Self {
            non_finite: NonFinite::default(),
            keep: Keep::default(),
            ties: Ties::default(),
            replaced: Arc::default(),
            watch: Watch::default(),
        }
    }
}

impl Graph {
    /// The network at one input, up to `output`. A tensor is the value of the model's first input; a [`Feed`] names
    /// another, or has values of several.
    ///
    /// # Errors
    /// If nodes on the way are not supported (all are listed), an input on the way has no value or one that does not
    /// fit, an input or the output holds NaN or an infinity, a constant that is read beside the input holds NaN, a node
    /// refuses its inputs, the output has no number, the
    /// [budget](Graph::budget) has too little memory left for what a node would make, or `NETFOLD_ISA` names instructions that this processor lacks. An
    /// infinite constant, a mask's, is none of these, wherever it stands in the file.
    pub fn trace<T: Precision>(
        &self,
        feed: impl Into<Feed<T>>,
        output: TensorId,
        non_finite: NonFinite,
    ) -> Result<Trace<'_, T>, Error> {
        self.trace_with(feed, output, Tracing { non_finite, ..Tracing::default() })
    }

    /// As [`trace`](Self::trace), and told what to keep, and other values for some constant tensors.
    ///
    /// # Errors
    /// As [`trace`](Self::trace).
    pub fn trace_with<T: Precision>(
        &self,
        feed: impl Into<Feed<T>>,
        output: TensorId,
        tracing: Tracing<T>,
    ) -> Result<Trace<'_, T>, Error> {
        self.traced(feed.into(), output, tracing)
    }

    fn traced<T: Precision>(
        &self,
        feed: Feed<T>,
        output: TensorId,
        tracing: Tracing<T>,
    ) -> Result<Trace<'_, T>, Error> {
        netfold_linear::instruction_set()?;
        let (input, root) = (feed.input(self)?, feed.root(self)?);
        let non_finite = tracing.non_finite;
        let fed = feed.values(self)?;
        self.require(output, |id| id == input || feed.held.contains_key(&id))?;
        let nodes = self.nodes_of(output);
        let varies = self.dependence(root, &nodes)?;
        let reached = if root == input { varies.clone() } else { self.dependence_and_refused(input, &nodes).0 };
        let mut values: Vec<Option<Value<T>>> = vec![None; self.tensors.len()];
        let constants = self.values::<T>()?;
        for (constant, value) in &constants.values {
            values[constant.0] = Some(value.clone());
        }
        if non_finite == NonFinite::Refuse {
            for (id, value) in &fed {
                let what = || if *id == input { "the input".into() } else { format!("the input `{}`", self.name(*id)) };
                if let Value::Real(tensor) = value {
                    check_finite(what, tensor)?;
                }
            }
        }
        fed.into_iter().for_each(|(id, value)| values[id.0] = Some(value));
        let mut infinite: HashSet<TensorId> = constants.non_finite.iter().copied().collect();
        for (&constant, value) in tracing.replaced.iter() {
            infinite.remove(&constant);
            infinite.extend(value.non_finite().map(|_| constant));
            values[constant.0] = Some(value.clone());
        }
        let records = HashMap::new();
        let mut trace = Trace {
            model: self,
            feed,
            input: root,
            output,
            nodes,
            values,
            records,
            decisions: HashMap::new(),
            varies,
            reached,
            non_finite: infinite,
            tracing,
            scale: None,
            held: self.budget().none(),
            tables: Arc::new(self.budget().none()),
        };
        // What one node gives back serves the next ones.
        let _reuse = Reuse::<T>::start();
        // Nodes are many short parallel loops: a thread of the pool starts them at no cost.
        awake(|| trace.run())?;
        let logits = trace.real(output)?;
        if logits.is_empty() {
            return Err(Error::Empty { name: self.name(output).to_owned(), shape: logits.shape().to_vec() });
        }
        if non_finite == NonFinite::Refuse
            && let Err(error) = check_finite(|| format!("the output `{}`", self.name(output)), logits)
        {
            return Err(trace.led_to_the_first(error));
        }
        Ok(trace)
    }
}

/// The numbers' buffers serve the next trace.
impl<T: Real> Drop for Trace<'_, T> {
    fn drop(&mut self) {
        self.values.drain(..).flatten().for_each(Value::recycle);
    }
}

impl<'m, T: Precision> Trace<'m, T> {
    /// The same network at another x, whatever numbers that makes; the other inputs are held at their values.
    ///
    /// # Errors
    /// As [`Graph::trace`].
    pub fn at(&self, x: &Tensor<T>) -> Result<Trace<'m, T>, Error> {
        let feed = self.feed.at(x);
        let tracing = Tracing { non_finite: NonFinite::Allow, ties: Ties::Ignore, ..self.tracing.clone() };
        self.model.trace_with(feed, self.output, tracing)
    }

    /// The traced value of a tensor, if it was computed.
    pub fn value(&self, id: TensorId) -> Option<&Value<T>> {
        self.values[id.0].as_ref()
    }

    /// Whether a tensor depends on what the one-layer model begins with.
    pub fn varies(&self, id: TensorId) -> bool {
        self.varies[id.0]
    }

    /// Whether a tensor depends on the explained input, which may lie before where the one-layer model begins.
    pub(crate) fn reached(&self, id: TensorId) -> bool {
        self.reached[id.0]
    }

    /// The traced value of a tensor of numbers.
    ///
    /// # Errors
    /// If the tensor was not computed, or holds something else.
    pub fn real(&self, id: TensorId) -> Result<&Tensor<T>, Error> {
        match self.value(id) {
            Some(Value::Real(tensor)) => Ok(tensor),
            Some(other) => Err(Error::Graph(format!(
                "`{}` holds {} values, not floating point",
                self.model.name(id),
                other.kind()
            ))),
            None if self.nodes.iter().any(|&node| self.model.nodes[node].outputs.contains(&Some(id))) => {
                Err(self.not_kept(id))
            }
            None => Err(Error::Graph(format!("`{}` is not on the way to the output", self.model.name(id)))),
        }
    }

    /// The error of a value that this trace gave back.
    pub(crate) fn not_kept(&self, id: TensorId) -> Error {
        Error::Graph(format!("the values of `{}` were not kept: trace with `Keep::Values`", self.model.name(id)))
    }

    /// What the pass over a node's numbers showed it to be, one operator for each output, if it did: its inputs that
    /// depend on the network's input have a term.
    pub(crate) fn record(&self, node: usize) -> Option<&[Affine<T>]> {
        self.records.get(&node).map(Vec::as_slice)
    }

    /// What the network gives at the input: f(x).
    ///
    /// # Errors
    /// If the output holds something else than numbers.
    pub fn logits(&self) -> Result<&Tensor<T>, Error> {
        self.real(self.output)
    }

    /// Bytes of the numbers that depend on the input; what several values share counts once.
    pub fn bytes(&self) -> usize {
        let reals = self.values.iter().zip(&self.varies).filter(|&(_, &varies)| varies);
        let mut seen = HashSet::new();
        let own = reals.filter_map(|(value, _)| match value {
            Some(Value::Real(tensor)) => seen.insert(tensor.data().as_ptr()).then_some(tensor.len()),
            _ => None,
        });
        own.sum::<usize>() * size_of::<T>()
    }

    /// The values that a node reads.
    pub fn inputs(&self, node: &Node) -> Inputs<'_, T> {
        Inputs(node.inputs.iter().map(|id| id.and_then(|id| self.value(id))).collect())
    }

    /// Which inputs of a node depend on the network's input.
    pub(crate) fn depends(&self, node: &Node) -> Vec<bool> {
        node.inputs.iter().map(|id| id.is_some_and(|id| self.varies(id))).collect()
    }

    /// Computes all nodes, each after those that it reads.
    fn run(&mut self) -> Result<(), Error> {
        let mut held = self.held();
        let judge = self.scale_judge();
        let mut whole = Whole::begin(self.model, self.input, self.value(self.input));
        let mut rounding = self.rounding();
        let mut tables = self.model.budget().none();
        let nodes = self.nodes.clone();
        for (done, &index) in nodes.iter().enumerate() {
            self.tracing.watch.tell(Step::Trace, done, nodes.len())?;
            let node = &self.model.nodes[index];
            if judge == Some(index) {
                self.scale = self.scale_at(node);
            }
            let extent = self.extent(node)?;
            let mut asked = self.ask("compute", node, &extent, extent.bytes(size_of::<T>()))?;
            let constant = !node.outputs.iter().flatten().any(|&output| self.varies(output));
            if !constant && self.tracing.non_finite == NonFinite::Refuse {
                self.check_constants(node)?;
            }
            let overwritten = if rounding.is_none() { self.overwritten(node, &held)? } else { None };
            // What is overwritten has its share already.
            let shared = overwritten.is_some();
            let record = overwritten.map_or_else(|| self.compute(node), Ok)?;
            let made = if shared { 0 } else { record.values.iter().map(Value::own_bytes).sum() };
            let short = |error| memory::short("compute", node, &extent, error);
            asked.hand(&mut self.held, made).map_err(short)?;
            asked.hand(&mut tables, extent.kept as u64).map_err(short)?;
            let decided = rounding.as_mut().and_then(|rounding| rounding.pass(self, node, &record));
            decided.and_then(|decided| self.decisions.insert(index, decided));
            let Record { values, affines } = record;
            whole.as_mut().map_or(Ok(()), |whole| whole.follow(node, &values))?;
            for (output, value) in node.outputs.iter().zip(values) {
                if let Some(output) = output.filter(|output| !self.tracing.replaced.contains_key(output)) {
                    if constant && value.non_finite().is_some() {
                        self.non_finite.insert(output);
                    }
                    self.values[output.0] = Some(value);
                }
            }
            if constant || !affines.is_empty() {
                self.release(node.inputs.iter().flatten(), &mut held);
            } else {
                // What freezing will ask for.
                node.outputs.iter().flatten().for_each(|output| held[output.0] += 1);
            }
            self.release(node.outputs.iter().flatten(), &mut held);
            if !affines.is_empty() {
                self.records.insert(index, affines);
            }
        }
        self.tables = Arc::new(tables);
        self.tracing.watch.tell(Step::Trace, nodes.len(), nodes.len())
    }

    /// The values of a node's outputs, and what each is, where computing shows that.
    fn compute(&self, node: &Node) -> Result<Record<T>, Error> {
        let (inputs, depends) = (self.inputs(node), self.depends(node));
        let operator = match &node.operator {
            Ok(operator) => T::op(operator.as_ref()),
            Err(why) => return Err(self.model.unsupported(self.input, &self.varies, vec![node.refused(why)])),
        };
        let failed = |source| self.failed("compute", node, &inputs, source);
        if depends.contains(&true)
            && let Some(record) = operator.record(&inputs, &depends).map_err(failed)?
        {
            return Ok(record);
        }
        Ok(Record { values: operator.forward(&inputs).map_err(failed)?, affines: Vec::new() })
    }

    /// As [`node_error`], with what could be explained where the node is not supported.
    pub(crate) fn failed(&self, verb: &'static str, node: &Node, inputs: &Inputs<'_, T>, source: OpError) -> Error {
        match node_error(verb, node, inputs, source) {
            Error::Unsupported { nodes, .. } => self.model.unsupported(self.input, &self.varies, nodes),
            other => other,
        }
    }
}

/// An operator's error, with the node that it came from.
pub(crate) fn node_error<T: Precision>(
    verb: &'static str,
    node: &Node,
    inputs: &Inputs<'_, T>,
    source: OpError,
) -> Error {
    let shape = |value: Option<&Value<T>>| value.map_or("-".to_owned(), |value| format!("{:?}", value.shape()));
    let shapes = inputs.0.iter().map(|&value| shape(value)).collect::<Vec<_>>().join(" ");
    refusal(verb, node, shapes, source)
}

/// As [`node_error`], of inputs that have these shapes.
pub(crate) fn refusal(verb: &'static str, node: &Node, shapes: String, source: OpError) -> Error {
    if let OpError::Unsupported(why) = &source {
        return Error::Unsupported { nodes: vec![node.refused(why)], before: Vec::new() };
    }
    Error::Op { verb, node: node.name.as_str().into(), op: node.op.as_str().into(), shapes: shapes.into(), source }
}
