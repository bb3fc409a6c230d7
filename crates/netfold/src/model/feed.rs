//! What goes into a network: the input that is explained, and the others, which are held.

use std::collections::HashMap;

use netfold_linear::Real;
use netfold_onnx::DType;

use super::shape::{agree, shape_text};
use crate::error::Error;
use crate::model::{Graph, Node, TensorId};
use crate::ops::Precision;
use crate::value::{Tensor, Value};

/// The values of a network's inputs. Exactly one input is explained; the others are held constant, and what they give
/// belongs to b.
///
/// A tensor alone is the value of the model's first input, and all that a model of one input needs:
/// `model.trace(&x, …)`. Others are added by [`holding`](Self::holding):
///
/// ```
/// # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, ValueInfo};
/// # let graph = GraphDef::new("a product")
/// #     .with_input(ValueInfo::new("x", DType::F64, [1, 2]))
/// #     .with_input(ValueInfo::new("scale", DType::F64, [1, 2]))
/// #     .with_node(NodeDef::new("Mul", ["x", "scale"], ["y"]))
/// #     .with_output(ValueInfo::new("y", DType::F64, [1, 2]));
/// # let model = Model::new(netfold_onnx::decode(netfold_onnx::encode(&ModelDef::new(graph)), None)?)?;
/// use netfold::{Feed, Model, Rules, Tensor, Value, trace::NonFinite};
///
/// // y = x ∘ scale
/// let (x, scale) = (Tensor::new(&[1, 2], vec![1.0_f64, 2.0]), Tensor::new(&[1, 2], vec![3.0, 4.0]));
/// let feed = Feed::from(&x).holding(model.tensor("scale")?, Value::Real(scale));
/// let circuit = model.trace(feed, model.outputs[0], NonFinite::Refuse)?.freeze(&Rules::default())?;
/// assert_eq!(circuit.row(1), [0.0, 4.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Feed<T> {
    /// x, the value of the explained input.
    ///
    /// Inputs of integers have whole numbers here. The trace takes them as integers where the one-layer model begins
    /// behind them (see `from`).
    pub x: Tensor<T>,
    /// The explained input; `None`: the model's first.
    pub input: Option<TensorId>,
    /// The values of the others. One that the output does not depend on needs none.
    pub held: HashMap<TensorId, Value<T>>,
    /// The inner tensor that the one-layer model begins with; `None`: the explained input itself. Nodes before it need
    /// no derivative.
    pub from: Option<TensorId>,
}

impl<T> From<Tensor<T>> for Feed<T> {
    fn from(x: Tensor<T>) -> Self {
        Self { x, input: None, held: HashMap::new(), from: None }
    }
}

impl<T: Clone> From<&Tensor<T>> for Feed<T> {
    fn from(x: &Tensor<T>) -> Self {
        x.clone().into()
    }
}

impl<T: Real> From<&Self> for Feed<T> {
    fn from(feed: &Self) -> Self {
        feed.clone()
    }
}

impl<T: Real> Feed<T> {
    /// With a value for another input.
    #[must_use]
    pub fn holding(mut self, input: TensorId, value: Value<T>) -> Self {
        self.held.insert(input, value);
        self
    }

    /// The same, explained at another x.
    #[must_use]
    pub fn at(&self, x: &Tensor<T>) -> Self {
        Self { x: x.clone(), ..self.clone() }
    }

    /// The same numbers in another precision, each rounded once.
    pub fn cast<U: Real>(&self) -> Feed<U> {
        let cast = |tensor: &Tensor<T>| tensor.map(|value| U::of(value.wide()));
        let value = |value: &Value<T>| match value {
            Value::Real(tensor) => Value::Real(cast(tensor)),
            Value::Int(tensor) => Value::Int(tensor.clone()),
            Value::Bool(tensor) => Value::Bool(tensor.clone()),
        };
        let held = self.held.iter().map(|(&id, held)| (id, value(held))).collect();
        Feed { x: cast(&self.x), input: self.input, held, from: self.from }
    }
}

impl<T: Precision> Feed<T> {
    /// Which input x is of.
    ///
    /// # Errors
    /// If the model takes none, or the one that is named is none of them.
    pub fn input(&self, model: &Graph) -> Result<TensorId, Error> {
        match self.input {
            None => model.input(),
            Some(id) if model.inputs.contains(&id) => Ok(id),
            Some(id) => Err(Error::Graph(format!("`{}` is no input of the model", model.name(id)))),
        }
    }

    /// Where the one-layer model begins: the explained input, or an inner tensor.
    ///
    /// # Errors
    /// As [`input`](Self::input), or if the inner tensor is a constant.
    pub fn root(&self, model: &Graph) -> Result<TensorId, Error> {
        let input = self.input(model)?;
        let Some(from) = self.from else { return Ok(input) };
        let reads = |&index: &usize| model.nodes[index].inputs.iter().flatten().any(|id| model.inputs.contains(id));
        if model.inputs.contains(&from) || model.nodes_of(from).iter().any(reads) {
            return Ok(from);
        }
        Err(Error::Detached { to: model.name(from).to_owned(), from: model.name(input).to_owned() })
    }

    /// The value of each input that has one, of the kind that the network's nodes read.
    ///
    /// # Errors
    /// If one has another shape or another kind of elements than the file declares.
    pub(crate) fn values(&self, model: &Graph) -> Result<Vec<(TensorId, Value<T>)>, Error> {
        let (input, root) = (self.input(model)?, self.root(model)?);
        let dtype = model.tensors[input.0].dtype;
        let x = if input != root {
            behind(Value::Real(self.x.clone()), dtype)
        } else if let Some(dtype @ (DType::Bool | DType::String)) = dtype {
            return Err(Error::NotExplained { name: model.name(input).to_owned(), dtype });
        } else {
            Value::Real(self.x.clone())
        };
        let held = self.held.iter().map(|(&id, value)| (id, value.clone())).filter(|&(id, _)| id != input);
        let values: Vec<(TensorId, Value<T>)> = std::iter::once((input, x)).chain(held).collect();
        for (id, value) in &values {
            check(model, (*id, *id == root), value)?;
        }
        Ok(values)
    }
}

/// How the network's nodes read an input that is not explained. Integers of 32 and 64 bits are indices and sizes; those
/// of fewer bits are quantities, which become numbers by a `Cast` or by scales, as those of an explained input do.
pub(crate) fn behind<T: Real>(value: Value<T>, dtype: Option<DType>) -> Value<T> {
    let kind = kind(dtype, &value);
    match value {
        Value::Real(x) if kind == INTEGER => Value::Int(x.map(|x| x.wide() as i64)),
        Value::Real(x) if kind == BOOL => Value::Bool(x.map(|&x| x != T::zero())),
        Value::Int(x) if kind == REAL => Value::Real(x.map(|&x| T::of(x as f64))),
        value => value,
    }
}

const REAL: &str = "floating point";
const INTEGER: &str = "integer";
const BOOL: &str = "bool";

/// The kind of values that nodes read from an input of this type.
fn kind<T: Real>(dtype: Option<DType>, value: &Value<T>) -> &'static str {
    match dtype {
        Some(DType::I32 | DType::I64 | DType::U32 | DType::U64) => INTEGER,
        Some(DType::Bool) => BOOL,
        Some(_) => REAL,
        None => value.kind(),
    }
}

fn check<T: Real>(model: &Graph, (id, explained): (TensorId, bool), value: &Value<T>) -> Result<(), Error> {
    let info = &model.tensors[id.0];
    let got = value.shape();
    model.check_shape(id, got)?;
    let kind = kind(info.dtype, value);
    // An explained input of integers is one of numbers here.
    if kind == value.kind() || explained && kind == INTEGER {
        return Ok(());
    }
    let dtype = info.dtype.map_or(kind, DType::name);
    Err(Error::Graph(format!("the input `{}` takes {dtype}, got {} values", info.name, value.kind())))
}

impl Graph {
    /// Whether an input can have this shape.
    ///
    /// # Errors
    /// If the file declares another one.
    pub(crate) fn check_shape(&self, id: TensorId, got: &[usize]) -> Result<(), Error> {
        let info = &self.tensors[id.0];
        match info.shape.as_ref().filter(|declared| !agree(declared, got)) {
            None => Ok(()),
            Some(declared) => {
                let (name, expected) = (info.name.clone(), shape_text(declared));
                Err(Error::InputShape { name, expected, got: format!("{got:?}") })
            }
        }
    }

    /// The input that is explained where none is named: the first that no constant fills.
    ///
    /// # Errors
    /// If the model has none.
    pub fn input(&self) -> Result<TensorId, Error> {
        self.inputs.first().copied().ok_or_else(|| Error::Graph("the model takes no input".into()))
    }

    /// The input of this name.
    ///
    /// # Errors
    /// If the model has none of this name; names the nearest.
    pub fn input_named(&self, name: &str) -> Result<TensorId, Error> {
        let found = self.inputs.iter().copied().find(|&id| self.name(id) == name);
        found.ok_or_else(|| Error::Unknown {
            kind: "input",
            name: name.to_owned(),
            nearest: self.inputs.iter().map(|&id| self.name(id).to_owned()).collect(),
        })
    }

    /// What `NAME=FILE` means: an input by its name, the longest that fits, and what stands behind the `=`.
    ///
    /// # Errors
    /// If the model has no input of this name.
    pub fn input_word<'w>(&self, word: &'w str) -> Result<(TensorId, &'w str), Error> {
        let behind = |&id: &TensorId| Some((id, word.strip_prefix(self.name(id))?.strip_prefix('=')?));
        let found = self.inputs.iter().filter_map(behind).min_by_key(|(_, path)| path.len());
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        found.map_or_else(|| self.input_named(name).map(|id| (id, "")), Ok)
    }

    /// The inputs that some node on the way to `output` reads, or that are `output` itself, in the file's order.
    pub fn inputs_of(&self, output: TensorId) -> Vec<TensorId> {
        let nodes = self.nodes_of(output);
        let read = |id: TensorId| nodes.iter().any(|&index| self.nodes[index].inputs.contains(&Some(id)));
        self.inputs.iter().copied().filter(|&id| id == output || read(id)).collect()
    }

    /// What helps where a node would need a derivative to indices: to begin behind it.
    pub(crate) fn way_out(&self, root: TensorId, node: &Node) -> String {
        let indices = matches!(self.tensors[root.0].dtype, Some(DType::I32 | DType::I64 | DType::U32 | DType::U64));
        match node.outputs.first() {
            Some(&Some(made)) if indices && self.inputs.contains(&root) => {
                format!(", which holds integers; `--from {}` begins behind it", self.name(made))
            }
            _ => String::new(),
        }
    }

    /// Refuses where an input that `output` is computed from has no value.
    ///
    /// # Errors
    /// With the names of all of them.
    pub fn require(&self, output: TensorId, has: impl Fn(TensorId) -> bool) -> Result<(), Error> {
        let lacking = self.inputs_of(output).into_iter().filter(|&id| !has(id));
        let lacking: Vec<String> = lacking.map(|id| self.name(id).to_owned()).collect();
        if lacking.is_empty() { Ok(()) } else { Err(Error::MissingInputs { inputs: self.inputs.len(), lacking }) }
    }
}
