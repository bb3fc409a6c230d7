//! A model and what is asked of it, looked up: ready for inputs.

use std::path::Path;

use netfold_onnx::DType;

use super::options::{HeldValue, Options};
use super::source::Source;
use crate::error::Error;
use crate::input::{Given, Held, HeldInput, LayoutChoice, NamedPreprocess};
use crate::model::feed::{Feed, behind};
use crate::model::{Head, Model, TensorId};
use crate::ops::Precision;
use crate::progress::Watch;
use crate::trace::{Keep, Ties, Trace, Tracing};
use crate::value::{Tensor, Value};

/// A model and what is asked of it: the explained input, the output, the inputs that are held. [`Options::setup`] makes
/// one.
#[derive(Clone, Debug)]
pub struct Setup {
    pub(super) options: Options<Model>,
    head: Head,
    input: TensorId,
    from: TensorId,
    held: Vec<Held>,
    /// The logits, and their opposite where it was made.
    sides: (TensorId, Option<TensorId>),
}

/// Which of the two classes of a network of one logit f is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opposite {
    /// The class that f speaks for.
    No,
    /// The other one, by −f.
    Yes,
}

impl Options<Model> {
    /// The names looked up in the model, and the held inputs read: what many inputs share.
    ///
    /// # Errors
    /// If the model has no tensor of a name, the output does not depend on the explained input, an input on the way has
    /// no value, or a file cannot be read.
    pub fn setup(self) -> Result<Setup, Error> {
        Setup::new(self)
    }
}

impl Setup {
    fn new(options: Options<Model>) -> Result<Self, Error> {
        let model = &options.model;
        let head = match &options.at {
            Some(name) => Head::at(model.tensor(name)?),
            None => match &options.output {
                Some(name) => model.head_of(name, options.squashing)?,
                None => model.head(options.squashing)?,
            },
        };
        let input = options.explain.as_ref().map_or_else(|| model.input(), |name| model.input_named(name))?;
        let from = options.from.as_ref().map_or(Ok(input), |name| model.tensor(name))?;
        let begun = Feed { input: Some(input), from: Some(from), ..Feed::from(Tensor::scalar(0.0_f64)) };
        model.dependence(begun.root(model)?, &model.nodes_of(head.logits))?;
        let held = held(&options, input)?;
        model.require(head.logits, |id| id == input || held.iter().any(|held| held.input == id))?;
        let sides = (head.logits, None);
        Ok(Self { options, head, input, from, held, sides })
    }

    /// What was asked, to be asked with a difference.
    pub fn options(&self) -> Options<Model> {
        self.options.clone()
    }

    /// The same, with another one who is told of progress.
    #[must_use]
    pub fn watched(&self, watch: Watch) -> Self {
        Self { options: self.options.clone().watch(watch), ..self.clone() }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.options.model
    }

    /// The end of the network that is explained.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The explained input.
    pub fn input(&self) -> TensorId {
        self.input
    }

    /// Where the one-layer model begins: the explained input, or an inner tensor.
    pub fn from(&self) -> TensorId {
        self.from
    }

    /// Whether the one-layer model begins with an inner tensor.
    pub fn is_from_inside(&self) -> bool {
        self.options.from.is_some()
    }

    /// Whether the outputs are logits, of which the largest decides; elements of an inner tensor decide nothing.
    pub fn decides(&self) -> bool {
        self.options.at.is_none()
    }

    /// The inputs that are held.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// The names of the inputs that are held, with name and hash of what they were read from.
    pub fn held_inputs(&self) -> Vec<HeldInput> {
        self.held.iter().map(|held| held.stamp.clone()).collect()
    }

    /// The element type of what the one-layer model takes, as the file declares it; `None` for an inner tensor.
    pub fn dtype(&self) -> Option<DType> {
        if self.is_from_inside() { None } else { self.model().tensors[self.input.0].dtype }
    }

    /// What is done to pictures of the explained input.
    pub fn preprocess(&self) -> NamedPreprocess {
        let usual = || NamedPreprocess::usual(&self.model().tensors[self.input.0]);
        self.options.preprocess.clone().unwrap_or_else(usual)
    }

    /// The order of axes of what the one-layer model takes, of this shape: as it is said, or as the first operator tells.
    pub fn layout(&self, shape: &[usize]) -> LayoutChoice {
        let choice = self.options.layout;
        if self.is_from_inside() { choice } else { self.model().layout(self.from, shape, choice) }
    }

    /// The order of axes of the model's input, as it is said or as the file's shape tells.
    pub fn declared_layout(&self) -> LayoutChoice {
        self.model().declared_layout(self.input, self.options.layout)
    }

    /// The largest difference that counts as equal.
    pub fn tolerance<T: Precision>(&self) -> f64 {
        self.options.tolerance.unwrap_or(if T::NAME == "f32" { 1e-4 } else { 1e-10 })
    }

    /// Who is told how far long calls are.
    pub fn watch(&self) -> &Watch {
        &self.options.watch
    }

    /// Turns to the other class of a network of one logit, or back.
    pub fn face(&mut self, opposite: Opposite) {
        self.head.logits = match opposite {
            Opposite::No => self.sides.0,
            Opposite::Yes => *self.sides.1.get_or_insert_with(|| self.options.model.opposite(self.sides.0)),
        };
    }

    /// An input as the model takes it, and the picture that it was made of.
    ///
    /// # Errors
    /// If the input cannot be read, or does not fit the model.
    pub fn read<T: Precision>(&self, input: &Source<T>) -> Result<Given<T>, Error> {
        let preprocess = self.preprocess().preprocess;
        Ok(input.given(&self.model().tensors[self.input.0], self.declared_layout(), &preprocess)?)
    }

    /// x with the values of all inputs.
    pub fn feed<T: Precision>(&self, x: &Tensor<T>) -> Feed<T> {
        let from = self.is_from_inside().then_some(self.from);
        Feed { from, ..Held::feed(&self.held, self.input, x) }
    }

    /// The network at one input, for those who look inside.
    ///
    /// # Errors
    /// As [`Graph::trace`](crate::Graph::trace).
    pub fn trace<T: Precision>(&self, x: &Tensor<T>, keep: Keep) -> Result<Trace<'_, T>, Error> {
        self.traced(x, keep, Ties::Ignore)
    }

    pub(super) fn traced<T: Precision>(&self, x: &Tensor<T>, keep: Keep, ties: Ties) -> Result<Trace<'_, T>, Error> {
        let Options { non_finite, watch, .. } = &self.options;
        let tracing = Tracing { non_finite: *non_finite, keep, ties, watch: watch.clone(), ..Tracing::default() };
        self.model().trace_with(self.feed(x), self.head.logits, tracing)
    }
}

/// The values of the inputs that are held.
fn held(options: &Options<Model>, explained: TensorId) -> Result<Vec<Held>, Error> {
    let model = &options.model;
    let mut held: Vec<Held> = Vec::new();
    for (word, value) in &options.held {
        let (input, path) = match value {
            HeldValue::Word => model.input_word(word)?,
            HeldValue::Source(_) => (model.input_named(word)?, ""),
        };
        let info = &model.tensors[input.0];
        if input == explained || held.iter().any(|held| held.input == input) {
            return Err(Error::Twice { word: word.clone(), name: info.name.clone(), explained: input == explained });
        }
        let file = Source::File(Path::new(path).to_owned());
        let source = if let HeldValue::Source(source) = value { source } else { &file };
        let usual = || NamedPreprocess::usual(info);
        let preprocess = options.preprocess.clone().unwrap_or_else(usual).preprocess;
        held.push(match source {
            Source::File(path) => Held::read(model, input, path, options.layout, &preprocess)?,
            source => {
                let given = source.given(info, options.layout, &preprocess)?;
                let stamp = HeldInput { name: info.name.clone(), stamp: source.stamp()? };
                Held { input, value: behind(Value::Real(given.x), info.dtype), stamp }
            }
        });
    }
    Ok(held)
}
