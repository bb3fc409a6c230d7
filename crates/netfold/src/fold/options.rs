//! What is asked of a model before an input is given.

use std::ops::ControlFlow;

use super::source::Source;
use crate::affine::Rule;
use crate::circuit::Rules;
use crate::input::{LayoutChoice, NamedPreprocess, Preprocess};
use crate::model::{Model, Squashing};
use crate::progress::{Progress, Watch};
use crate::trace::{NonFinite, Ties};

/// The value of a held input, as it was said.
#[derive(Clone, Debug)]
pub(super) enum HeldValue {
    /// The name says it too: `NAME=FILE`.
    Word,
    /// A source.
    Source(Source<f64>),
}

/// How a model is folded: which input is explained, up to which output, by which rules. [`Model::options`] makes one for a
/// model; `Options::default()` is one for any model, which [`of`](Options::of) names later.
#[derive(Clone, Debug, Default)]
pub struct Options<M = ()> {
    pub(super) model: M,
    pub(super) output: Option<String>,
    pub(super) at: Option<String>,
    pub(super) squashing: Squashing,
    pub(super) explain: Option<String>,
    pub(super) from: Option<String>,
    pub(super) held: Vec<(String, HeldValue)>,
    pub(super) rules: Rules,
    pub(super) non_finite: NonFinite,
    pub(super) layout: LayoutChoice,
    pub(super) preprocess: Option<NamedPreprocess>,
    pub(super) tolerance: Option<f64>,
    pub(super) ties: Ties,
    pub(super) watch: Watch,
}

impl Model {
    /// How this model is folded, to be said in words of its own; [`fold`](Model::fold) is for those who have none.
    ///
    /// ```
    /// # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, ValueInfo};
    /// # let graph = GraphDef::new("a gate")
    /// #     .with_input(ValueInfo::new("x", DType::F64, [1, 2]))
    /// #     .with_node(NodeDef::new("Sigmoid", ["x"], ["gate"]))
    /// #     .with_node(NodeDef::new("Mul", ["x", "gate"], ["y"]))
    /// #     .with_output(ValueInfo::new("y", DType::F64, [1, 2]));
    /// # let model = Model::new(ModelDef::new(graph))?;
    /// use std::ops::ControlFlow;
    /// use netfold::{Error, Model, Rule, Tensor};
    ///
    /// // y = x sigmoid(x), at x = (0, 0)
    /// let x = Tensor::new(&[1, 2], vec![0.0, 0.0]);
    /// let folded = model.options().rule(Rule::Tangent).output("y").fold(&x)?;
    /// assert_eq!(folded.row(0)?.weights.data(), [0.5, 0.0]);
    ///
    /// // A fold tells how far it is, and can be stopped.
    /// let stopped = model.options().progress(|_| ControlFlow::Break(())).fold(&x);
    /// assert!(matches!(stopped, Err(Error::Stopped)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn options(&self) -> Options<Self> {
        Options::<()>::default().of(self)
    }
}

impl<M> Options<M> {
    /// The same, of this model.
    pub fn of(self, model: &Model) -> Options<Model> {
        Options {
            model: model.clone(),
            output: self.output,
            at: self.at,
            squashing: self.squashing,
            explain: self.explain,
            from: self.from,
            held: self.held,
            rules: self.rules,
            non_finite: self.non_finite,
            layout: self.layout,
            preprocess: self.preprocess,
            tolerance: self.tolerance,
            ties: self.ties,
            watch: self.watch,
        }
    }

    /// Up to the output of this name; needed where the model has several.
    #[must_use]
    pub fn output(self, name: impl Into<String>) -> Self {
        Self { output: Some(name.into()), ..self }
    }

    /// Up to this inner tensor, or the first that the node of this name makes: its elements take the place of logits.
    #[must_use]
    pub fn at(self, tensor: impl Into<String>) -> Self {
        Self { at: Some(tensor.into()), ..self }
    }

    /// What becomes of a softmax or sigmoid at the end.
    #[must_use]
    pub fn squashing(self, squashing: Squashing) -> Self {
        Self { squashing, ..self }
    }

    /// The input of this name is explained, not the model's first.
    #[must_use]
    pub fn explain(self, input: impl Into<String>) -> Self {
        Self { explain: Some(input.into()), ..self }
    }

    /// The one-layer model begins with this inner tensor; what goes around it is held at its values.
    #[must_use]
    pub fn from(self, tensor: impl Into<String>) -> Self {
        Self { from: Some(tensor.into()), ..self }
    }

    /// Another input of the model, which is held constant: its part belongs to b.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, value: impl Into<Source<f64>>) -> Self {
        self.held.push((name.into(), HeldValue::Source(value.into())));
        self
    }

    /// Another input of the model, which is held constant, as `NAME=FILE`.
    #[must_use]
    pub fn input_word(mut self, word: impl Into<String>) -> Self {
        self.held.push((word.into(), HeldValue::Word));
        self
    }

    /// The rule for every node that is not piecewise linear.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.default = rule;
        self
    }

    /// The rules, node by node.
    #[must_use]
    pub fn rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// What becomes of numbers that are not finite.
    #[must_use]
    pub fn non_finite(self, non_finite: NonFinite) -> Self {
        Self { non_finite, ..self }
    }

    /// The order of the axes of the explained input.
    #[must_use]
    pub fn layout(self, layout: LayoutChoice) -> Self {
        Self { layout, ..self }
    }

    /// What is done to pictures.
    #[must_use]
    pub fn preprocess(self, preprocess: impl Into<NamedPreprocess>) -> Self {
        Self { preprocess: Some(preprocess.into()), ..self }
    }

    /// The largest difference that counts as equal, as a part of the largest logit; 1e-4 in single and 1e-10 in double
    /// precision where nothing is said.
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance: Some(tolerance), ..self }
    }

    /// Whether decisions within rounding of a tie are counted.
    #[must_use]
    pub fn ties(self, ties: Ties) -> Self {
        Self { ties, ..self }
    }

    /// Who is told how far tracing, freezing, comparing and rows are: of this fold, and of what is asked of it later.
    /// `Break` ends the call with [`Error::Stopped`](crate::Error::Stopped).
    #[must_use]
    pub fn progress(self, told: impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        Self { watch: Watch::new(told), ..self }
    }

    /// As [`progress`](Self::progress), told to one who is told of other calls too.
    #[must_use]
    pub fn watch(self, watch: Watch) -> Self {
        Self { watch, ..self }
    }
}

impl From<Preprocess> for NamedPreprocess {
    fn from(preprocess: Preprocess) -> Self {
        Self { name: "its own".to_owned(), preprocess }
    }
}
