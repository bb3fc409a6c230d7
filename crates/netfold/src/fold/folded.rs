//! A model folded at one input: the one-layer model, and what can be asked of it.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::options::Options;
use super::rows::{Row, Rows};
use super::setup::Setup;
use super::source::Source;
use crate::checks::{self, Outcome};
use crate::circuit::Circuit;
use crate::error::{Error, nearest};
use crate::input::{Given, Pictured};
use crate::lenses::{Attribution, Lens, Places, Settings, Subject};
use crate::model::Model;
use crate::ops::Precision;
use crate::output::Seconds;
use crate::progress::{Step, Watch};
use crate::reconstruction::{BiasMap, Compared, ReceptiveField, Reconstruction, Request, RowRef, Unit, argmax, top};
use crate::region::Region;
use crate::trace::{Keep, Warning};
use crate::value::Tensor;

/// The one-layer model y = W x + b that a network is at one input: traced and frozen. [`Model::fold`](crate::Model::fold)
/// makes one.
///
/// It owns all that it needs, can be sent to another thread, and computes rows of W when they are asked for. Rows, bias maps
/// and certificates take the same numbers as the program's, bit for bit, whatever the number of threads.
///
/// ```
/// # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};
/// # let graph = GraphDef::new("two units")
/// #     .with_input(ValueInfo::new("x", DType::F64, [1, 2]))
/// #     .with_initializer("w", TensorDef::new([2, 2], vec![1.0_f64, 0.5, -1.0, 2.0]).unwrap())
/// #     .with_initializer("c", TensorDef::vector(vec![1.0_f64, -3.0]))
/// #     .with_node(NodeDef::new("Gemm", ["x", "w", "c"], ["z"]))
/// #     .with_node(NodeDef::new("Relu", ["z"], ["y"]))
/// #     .with_output(ValueInfo::new("y", DType::F64, [1, 2]));
/// # let model = netfold::Model::new(ModelDef::new(graph))?;
/// use netfold::{Error, Tensor};
///
/// // y = relu(x₀ − x₁ + 1, ½ x₀ + 2 x₁ − 3), at x = (5, 2)
/// let x = Tensor::new(&[1, 2], vec![5.0, 2.0]);
/// let folded = model.fold(&x)?;
/// assert_eq!(folded.logits().data(), [4.0, 3.5]);
/// assert!(folded.certificate()?.equivalent);
///
/// let row = folded.row(0)?;
/// assert_eq!((row.weights.data(), row.bias), ([1.0, -1.0].as_slice(), 1.0));
/// for row in folded.rows([0, 1])? {
///     let row = row?;
///     assert_eq!(row.reconstructed, folded.logits().data()[row.class]);
/// }
/// assert_eq!(folded.contributions(0)?.data(), [5.0, -2.0]);
/// assert_eq!(folded.region()?.switches(), 2);
/// assert_eq!(folded.lens("gradient", 1)?.values, [0.5, 2.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Folded<T: Precision> {
    setup: Arc<Setup>,
    source: Source<T>,
    given: Given<T>,
    x: Tensor<T>,
    logits: Tensor<T>,
    circuit: Circuit<T>,
    places: Option<Places>,
    warnings: Vec<Warning>,
    seconds: Seconds,
    compared: OnceLock<Compared<T>>,
}

impl Model {
    /// The one-layer model that the network is at this input: traced and frozen, with the first of the model's inputs
    /// explained and up to its only output, before a final softmax or sigmoid. [`options`](Model::options) says
    /// otherwise.
    ///
    /// The tensor's type is the precision of the computation; a path needs it named: `model.fold::<f32>(path)`.
    ///
    /// # Errors
    /// If a node is not supported, the input does not fit, or a number is not finite: all that tracing and freezing
    /// return.
    pub fn fold<T: Precision>(&self, input: impl Into<Source<T>>) -> Result<Folded<T>, Error> {
        self.options().fold(input)
    }
}

impl Options<Model> {
    /// The one-layer model that the network is at this input.
    ///
    /// # Errors
    /// As [`setup`](Self::setup) and [`Setup::fold`].
    pub fn fold<T: Precision>(self, input: impl Into<Source<T>>) -> Result<Folded<T>, Error> {
        self.setup()?.fold(input)
    }
}

impl Setup {
    /// The one-layer model that the network is at this input.
    ///
    /// # Errors
    /// If the input does not fit, a number is not finite, or a node cannot be computed or frozen there.
    pub fn fold<T: Precision>(&self, input: impl Into<Source<T>>) -> Result<Folded<T>, Error> {
        let input = input.into();
        let given = self.read(&input)?;
        self.fold_given(given, input)
    }

    /// As [`fold`](Self::fold), where the input was [read](Self::read) before.
    ///
    /// # Errors
    /// As [`fold`](Self::fold).
    pub fn fold_given<T: Precision>(&self, given: Given<T>, input: Source<T>) -> Result<Folded<T>, Error> {
        let began = Instant::now();
        // An inner tensor is read, and what goes around it is held at its values.
        let keep = if self.is_from_inside() { Keep::Values } else { Keep::ForFreezing };
        let trace = self.traced(&given.x, keep, self.options.ties)?;
        let traced = began.elapsed();
        let watch = &self.options.watch;
        watch.tell(Step::Freeze, 0, 1)?;
        let circuit = trace.freeze_between(self.from(), self.head().logits, &self.options.rules)?;
        let frozen = began.elapsed().saturating_sub(traced);
        watch.tell(Step::Freeze, 1, 1)?;
        let logits = trace.logits()?.clone();
        let warnings = trace.warnings();
        let inside = self.is_from_inside().then_some(self.from());
        let places = inside.and_then(|from| trace.places(from, self.options.layout).ok());
        let x = inside.map_or_else(|| Ok(given.x.clone()), |from| trace.real(from).cloned())?;
        drop(trace);
        let seconds = Seconds { trace: traced.as_secs_f64(), freeze: frozen.as_secs_f64(), ..Seconds::default() };
        Ok(Folded {
            setup: Arc::new(self.clone()),
            source: input,
            given,
            x,
            logits,
            circuit,
            places,
            warnings,
            seconds,
            compared: OnceLock::new(),
        })
    }
}

impl<T: Precision> Folded<T> {
    /// The same, with another one who is told of progress.
    #[must_use]
    pub fn watched(&self, watch: Watch) -> Self {
        Self { setup: Arc::new(self.setup.watched(watch)), ..self.clone() }
    }

    /// The model and what was asked of it.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Where the input came from.
    pub fn source(&self) -> &Source<T> {
        &self.source
    }

    /// x: what the one-layer model takes, the explained input or the inner tensor that it begins with.
    pub fn x(&self) -> &Tensor<T> {
        &self.x
    }

    /// What the model was given.
    pub fn given(&self) -> &Given<T> {
        &self.given
    }

    /// The picture that x was made of; `None` for an array or an inner tensor.
    pub fn picture(&self) -> Option<&Pictured<T>> {
        self.given.picture.as_ref().filter(|_| !self.setup.is_from_inside())
    }

    /// f(x): the network's logits, or the elements of the inner tensor that was asked for.
    pub fn logits(&self) -> &Tensor<T> {
        &self.logits
    }

    /// The class with the largest logit, the first of equals.
    pub fn winner(&self) -> usize {
        argmax(self.logits.data())
    }

    /// The `n` classes with the largest logits, largest first.
    pub fn top(&self, n: usize) -> Vec<usize> {
        top(self.logits.data(), n)
    }

    /// The frozen network: what rows, bias maps and regions are computed from.
    pub fn circuit(&self) -> &Circuit<T> {
        &self.circuit
    }

    /// Where the elements of the inner tensor are that the one-layer model begins with, where that is known.
    pub fn places(&self) -> Option<&Places> {
        self.places.as_ref()
    }

    /// What a reader of a result has to know.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Wall times of tracing and freezing.
    pub fn seconds(&self) -> Seconds {
        self.seconds
    }

    /// f(x) beside W x + b, and b, of all logits: two vectors pushed through the frozen network, once.
    ///
    /// # Errors
    /// [`Error::Memory`], or [`Error::Stopped`].
    pub fn compared(&self) -> Result<&Compared<T>, Error> {
        if let Some(compared) = self.compared.get() {
            return Ok(compared);
        }
        self.tell(Step::Compare, 0, 1)?;
        let compared = self.circuit.compare(&self.x, &self.logits);
        self.tell(Step::Compare, 1, 1)?;
        Ok(self.compared.get_or_init(|| compared))
    }

    /// One row of W, and b.
    ///
    /// # Errors
    /// If there is no such class, [`Error::Memory`], or [`Error::Stopped`].
    pub fn row(&self, class: usize) -> Result<Row<T>, Error> {
        self.rows([class])?.next().unwrap_or(Err(Error::Stopped))
    }

    /// Rows of W, each with its b, in the order of the classes. Several rows are computed at a time; where all rows lead
    /// through a bottleneck, that is computed here, before the first row. Memory does not grow with the number of classes.
    ///
    /// # Errors
    /// If there is no such class, or [`Error::Memory`].
    pub fn rows(&self, classes: impl IntoIterator<Item = usize>) -> Result<Rows<'_, T>, Error> {
        let classes: Vec<usize> = classes.into_iter().collect();
        classes.iter().try_for_each(|&class| self.check_class(class))?;
        Rows::new(&self.circuit, &self.x, classes, self.setup.options.watch.clone())
    }

    /// The wanted rows of W one after the other, by the method and in the blocks that are asked for, and how well the
    /// one-layer model equals the network.
    ///
    /// # Errors
    /// If there is no such class, what `each` returns, [`Error::Memory`], or [`Error::Stopped`].
    pub fn reconstruct<E: From<Error>>(
        &self,
        request: &Request,
        mut each: impl FnMut(&RowRef<'_, T>) -> Result<(), E>,
    ) -> Result<Reconstruction<T>, E> {
        request.classes.iter().try_for_each(|&class| self.check_class(class))?;
        let compared = self.compared()?.clone();
        self.circuit.reconstruct_compared(&self.x, compared, request, &self.setup.options.watch, &mut each)
    }

    /// W ∘ x of one class, in x's shape: contributions + b = logit.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub fn contributions(&self, class: usize) -> Result<Tensor<f64>, Error> {
        let row = self.row(class)?;
        let products = row.weights.data().iter().zip(self.x.data()).map(|(w, x)| w.wide() * x.wide());
        Ok(Tensor::new(self.x.shape(), products.collect()))
    }

    /// Where the b of a class comes from: a map for each stage of the circuit that gives something to b.
    ///
    /// # Errors
    /// If there is no such class.
    pub fn bias_maps(&self, class: usize) -> Result<Vec<BiasMap>, Error> {
        self.check_class(class)?;
        Ok(self.circuit.bias_maps(class))
    }

    /// What one node gives to the b of a class, element by element.
    ///
    /// # Errors
    /// If there is no such class, or the node gives nothing to its b; names the nearest that do.
    pub fn bias_map(&self, node: &str, class: usize) -> Result<BiasMap, Error> {
        let maps = self.bias_maps(class)?;
        let name = |map: &BiasMap| self.circuit.stages()[map.stage].node.as_str();
        let found = maps.iter().find(|map| name(map) == node).cloned();
        found.ok_or_else(|| Error::Unknown {
            kind: "node with a share of b",
            name: node.to_owned(),
            nearest: nearest(node, maps.iter().map(name)),
        })
    }

    /// The linear region around x in which the one-layer model is the network. One more forward pass.
    ///
    /// # Errors
    /// [`Error::Point`] if a node is exact at x alone; as [`fold`](crate::Model::fold).
    pub fn region(&self) -> Result<Region<T>, Error> {
        self.setup.trace(&self.given.x, Keep::Values)?.region(&self.circuit)
    }

    /// What a lens shows of a class, with the defaults of its paper. One more forward pass; [`Lens::look`] looks at a trace
    /// and takes [`Settings`].
    ///
    /// # Errors
    /// If there is no such lens or class, or the lens has no meaning for this network.
    pub fn lens(&self, name: &str, class: usize) -> Result<Attribution, Error> {
        self.check_class(class)?;
        let options = &self.setup.options;
        let settings = Settings { rules: options.rules.clone(), layout: options.layout, ..Settings::default() };
        let trace = self.setup.trace(&self.given.x, Keep::Values)?;
        Lens::find(name)?.look(&Subject { trace: &trace, class, settings: &settings })
    }

    /// The checks of the numbers that this fold is made of: the dot-product test of every map, the network without biases, W
    /// of a class against finite differences, and single against double precision. `seed` draws the random vectors. Three
    /// more forward passes and those of the finite differences; [`checks`] has the checks of an explanation.
    ///
    /// # Errors
    /// If there is no such class, or as [`fold`](crate::Model::fold).
    pub fn check(&self, class: usize, seed: u64) -> Result<Vec<Outcome>, Error> {
        self.check_class(class)?;
        let wide = self.given.x.map(|x| x.wide());
        let trace = self.setup.trace(&self.given.x, Keep::Values)?;
        let double = self.setup.trace(&wide, Keep::Values)?;
        let single = self.setup.trace(&wide.map(|&x| x as f32), Keep::Values)?;
        Ok(vec![
            checks::transposes(&self.circuit, seed),
            checks::without_biases(&trace, class)?,
            checks::slopes(&double, class, seed)?,
            checks::precisions(&single, &double)?,
        ])
    }

    /// The same network at the same input, as a one-layer model that begins with an inner tensor.
    ///
    /// # Errors
    /// As [`Options::setup`](crate::Options::setup) and [`fold`](crate::Model::fold).
    pub fn from(&self, tensor: &str) -> Result<Self, Error> {
        let setup = self.setup.options.clone().from(tensor).setup()?;
        setup.fold_given(self.given.clone(), self.source.clone())
    }

    /// The same network at the same input, up to an inner tensor.
    ///
    /// # Errors
    /// As [`Options::setup`](crate::Options::setup) and [`fold`](crate::Model::fold).
    pub fn at(&self, tensor: &str) -> Result<Self, Error> {
        let setup = self.setup.options.clone().at(tensor).setup()?;
        setup.fold_given(self.given.clone(), self.source.clone())
    }

    /// The row of a unit of the tensor that is explained, and the part of x that the unit depends on.
    ///
    /// # Errors
    /// If there is no such unit, or as [`row`](Self::row).
    pub fn unit(&self, unit: &Unit) -> Result<(Row<T>, ReceptiveField), Error> {
        let element = unit.element(&self.logits)?;
        Ok((self.row(element)?, self.circuit.receptive_field(element)))
    }

    /// The node that makes b many times larger than the logits, if one does: with one more forward pass.
    ///
    /// # Errors
    /// As [`fold`](crate::Model::fold).
    pub fn out_of_proportion(&self, result: &Reconstruction<T>) -> Result<Option<Warning>, Error> {
        if !result.is_out_of_proportion() {
            return Ok(None);
        }
        let trace = self.setup.trace(&self.given.x, Keep::Values)?;
        trace.out_of_proportion(self.setup.from(), self.setup.head().logits, &self.setup.options.rules)
    }

    /// # Errors
    /// If there is no such class.
    pub(super) fn check_class(&self, class: usize) -> Result<(), Error> {
        let (kind, last) = (if self.setup.decides() { "class" } else { "element" }, self.logits.len() - 1);
        if class <= last {
            return Ok(());
        }
        Err(Error::Unknown { kind, name: class.to_string(), nearest: vec![format!("0 to {last}")] })
    }

    fn tell(&self, step: Step, done: usize, all: usize) -> Result<(), Error> {
        self.setup.options.watch.tell(step, done, all)
    }
}
