//! From the words of the command line to a frozen network: what every command that runs one begins with.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Instant;

use netfold::certificate::{FileStamp, Seconds};
use netfold::graph::TensorId;
use netfold::input::{Given, LayoutChoice, Pictured, Preprocess};
use netfold::reconstruct::{Request, Row, argmax};
use netfold::trace::{Keep, Tracing};
use netfold::{Circuit, Head, Model, Places, Precision, Reconstruction, Tensor, Trace, Warning};
use netfold_onnx::Dim;
use serde_json::{Value, json};

use crate::args::Common;
use crate::failure::{self, FAILED, Failure, WRONG_INPUT};
use crate::labels::{Labels, Side};

/// A model that was read, and how its inputs are.
pub struct Session<'a> {
    /// The words.
    pub words: &'a Common,
    /// The network.
    pub model: Model,
    /// Its end.
    pub head: Head,
    /// Where the one-layer model begins: the model's input, or an inner tensor.
    pub from: TensorId,
    /// Names of its classes.
    pub labels: Labels,
    /// Seconds that reading took.
    pub load: f64,
    /// Name and hash of its file.
    pub stamp: FileStamp,
    start: Instant,
    /// Which class of a network of one logit is looked at.
    side: Side,
    /// The logits, and the opposite of a lone one where it was asked for.
    sides: (TensorId, Option<TensorId>),
    /// How many logits there are, once they were computed.
    logits: Cell<usize>,
    /// What was warned of so far.
    warned: RefCell<Vec<Warning>>,
    /// Which preprocessing was used so far, in words.
    preprocessed: RefCell<Vec<String>>,
}

/// One input on its way through the network.
pub struct Frozen<T> {
    /// What the one-layer model takes: the model's input, or the inner tensor that it begins with.
    pub x: Tensor<T>,
    /// f(x).
    pub logits: Tensor<T>,
    /// The frozen network.
    pub circuit: Circuit<T>,
    /// The picture that x was made of, and how; `None` for an array.
    pub picture: Option<Pictured<T>>,
    /// Where the elements of the inner tensor are that the one-layer model begins with, where that is known.
    pub places: Option<Places>,
    /// What a reader of the result has to know.
    pub warnings: Vec<Warning>,
    /// Seconds so far.
    pub seconds: Seconds,
    /// Name and hash of the input's file.
    pub stamp: FileStamp,
}

impl<'a> Session<'a> {
    /// Reads the model and the labels; nothing is computed yet.
    pub fn open(path: &Path, words: &'a Common) -> Result<Self, Failure> {
        let start = Instant::now();
        let model = Model::read(path)?;
        let head = match &words.at {
            Some(name) => Head::at(model.tensor(name)?),
            None => model.head(words.network.output.as_deref(), words.network.keep_softmax)?,
        };
        let from = match &words.from {
            Some(name) => model.tensor(name)?,
            None => model.input()?,
        };
        model.dependence(from, &model.nodes_of(head.logits))?;
        let labels = Labels::read(words.labels.as_deref())?;
        let (stamp, sides) = (stamp(path)?, (head.logits, None));
        Ok(Self {
            words,
            model,
            head,
            from,
            labels,
            side: Side::Own,
            sides,
            logits: Cell::default(),
            load: start.elapsed().as_secs_f64(),
            stamp,
            start,
            warned: RefCell::default(),
            preprocessed: RefCell::default(),
        })
    }

    /// Turns to the class that these words name, before anything else is computed: of a network of one logit f the
    /// opposite class is told by −f. Without words the class that wins, where the network is known to decide between two:
    /// by a final sigmoid, or by two labels.
    pub fn face<T: Precision>(&mut self, words: &[&str], input: &Path) -> Result<(), Failure> {
        let named = words.iter().any(|word| self.labels.is_opposite(word));
        let open = words.is_empty() && self.decides();
        if self.words.at.is_some() || !(named || open) {
            return Ok(());
        }
        let several = |shape: &[Dim]| shape.iter().any(|dim| matches!(dim, Dim::Known(2..)));
        if self.model.tensors[self.head.logits.0].shape.as_deref().is_some_and(several) {
            return Ok(());
        }
        (self.head.logits, self.side) = (self.sides.0, Side::Own);
        let x = self.input::<T>(input)?.x;
        let opposite = {
            let trace = self.trace(&x, Keep::Priors)?;
            let logits = trace.logits()?.data();
            logits.len() == 1 && (named || logits[0] < T::zero())
        };
        if opposite {
            let opposite = self.sides.1.unwrap_or_else(|| self.model.opposite(self.sides.0));
            (self.head.logits, self.side, self.sides.1) = (opposite, Side::Opposite, Some(opposite));
        }
        Ok(())
    }

    /// Whether the network is known to decide between two classes, if it has one logit.
    fn decides(&self) -> bool {
        let ends = self.head.squashed.and_then(|id| self.model.maker(id)).is_some_and(|node| node.op == "Sigmoid");
        ends || self.labels.are_two()
    }

    /// The class that wins, as people read it.
    pub fn winner(&self, class: usize, logits: &[f64]) -> String {
        match logits {
            [logit] if self.words.at.is_none() && self.decides() && *logit < 0.0 => self.other_class(),
            _ => self.class(class),
        }
    }

    /// The layout of what the one-layer model takes, of this shape: as it is said, or as the first operator tells.
    pub fn layout(&self, shape: &[usize]) -> LayoutChoice {
        let choice = self.words.layout.into();
        if self.words.from.is_some() { choice } else { self.model.layout(self.from, shape, choice) }
    }

    /// Reads one input and freezes the network there.
    pub fn freeze<T: Precision>(&self, path: &Path) -> Result<Frozen<T>, Failure> {
        let given = self.input::<T>(path)?;
        let began = Instant::now();
        // An inner tensor is read, and what goes around it is held at its values.
        let keep = if self.words.from.is_some() { Keep::Values } else { Keep::Priors };
        let trace = self.trace(&given.x, keep)?;
        let traced = began.elapsed();
        let circuit = trace.freeze_between(self.from, self.head.logits, &self.words.network.rules())?;
        let frozen = began.elapsed().saturating_sub(traced);
        let (logits, warnings) = (trace.logits()?.clone(), trace.warnings());
        let layout = self.words.layout.into();
        let places = self.words.from.as_ref().and_then(|_| trace.places(self.from, layout).ok());
        let Given { x, picture } = given;
        let (x, picture) =
            if self.words.from.is_some() { (trace.real(self.from)?.clone(), None) } else { (x, picture) };
        let seconds = Seconds {
            load: self.load,
            trace: traced.as_secs_f64(),
            freeze: frozen.as_secs_f64(),
            ..Seconds::default()
        };
        Ok(Frozen { x, logits, circuit, picture, places, warnings, seconds, stamp: stamp(path)? })
    }

    /// The network at one input.
    pub fn trace<T: Precision>(&self, x: &Tensor<T>, keep: Keep) -> Result<Trace<'_, T>, Failure> {
        let trace = self.model.trace_with(
            x,
            self.head.logits,
            Tracing { non_finite: self.words.non_finite(), keep, ..Tracing::default() },
        )?;
        self.logits.set(trace.logits()?.len());
        if self.words.at.is_none() {
            self.labels.check(trace.logits()?.len())?;
        }
        self.warn(&trace.warnings());
        Ok(trace)
    }

    /// Prints each of these warnings to standard error, once for each session.
    pub fn warn(&self, warnings: &[Warning]) {
        let mut warned = self.warned.borrow_mut();
        for warning in warnings {
            if !warned.contains(warning) {
                failure::warn(&warning.to_string(), warning.hint().as_deref());
                warned.push(warning.clone());
            }
        }
    }

    /// Prints one JSON object to standard output: `told`, which preprocessing was used, and all warnings.
    pub fn print_json(&self, mut told: Value) {
        if let Some(fields) = told.as_object_mut() {
            fields.insert("preprocessing".to_owned(), json!(self.preprocessing()));
            fields.insert("warnings".to_owned(), json!(*self.warned.borrow()));
        }
        println!("{told}");
    }

    /// Prints which preprocessing was used, as a row under a command's first line.
    pub fn print_preprocessing(&self) {
        println!("preprocessing: {}", self.preprocessing());
    }

    /// Which preprocessing the inputs went through so far: each once, in the order of the inputs.
    fn preprocessing(&self) -> String {
        self.preprocessed.borrow().join("; ")
    }

    fn preprocessed_by(&self, words: String) {
        let mut all = self.preprocessed.borrow_mut();
        if !all.contains(&words) {
            all.push(words);
        }
    }

    /// The class that was named, or the one with the largest logit.
    pub fn chosen<T: Precision>(&self, word: Option<&str>, logits: &Tensor<T>) -> Result<usize, Failure> {
        word.map_or_else(|| Ok(argmax(logits.data())), |word| self.find(word, logits.len()))
    }

    /// The class that a word names.
    pub fn find(&self, word: &str, logits: usize) -> Result<usize, Failure> {
        if logits == 1 { self.labels.find_side(word, self.side) } else { self.labels.find(word, logits) }
    }

    /// Seconds since the session began.
    pub fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The largest difference that counts as equal.
    pub fn tolerance<T: Precision>(&self) -> f64 {
        self.words.tolerance.unwrap_or(if T::NAME == "f32" { 1e-4 } else { 1e-10 })
    }

    /// A class as people read it: its index and, where known, its name.
    pub fn class(&self, class: usize) -> String {
        let word = if self.side == Side::Opposite { self.side.word().to_owned() } else { class.to_string() };
        self.label(class).map_or_else(|| word.clone(), |name| format!("{word} {name}"))
    }

    /// The names of all classes, where they are known.
    pub fn names(&self) -> Vec<String> {
        match self.logits.get() {
            1 => self.label(0).map(str::to_owned).into_iter().collect(),
            _ => self.labels.all().to_vec(),
        }
    }

    /// The other class of a network of one logit.
    pub fn other_side(&self) -> Side {
        self.side.other()
    }

    /// Its name, where it is known.
    pub fn other_label(&self) -> Option<&str> {
        self.labels.of_side(self.other_side())
    }

    /// The other class of a network of one logit, as people read it.
    pub fn other_class(&self) -> String {
        let word = self.other_side().word();
        self.other_label().map_or_else(|| word.to_owned(), |name| format!("{word} {name}"))
    }

    /// The name of a class, where it is known.
    pub fn label(&self, class: usize) -> Option<&str> {
        match (self.words.at.is_some(), self.logits.get()) {
            (true, _) => None,
            (false, 1) => self.labels.of_side(self.side),
            _ => self.labels.get(class),
        }
    }

    /// The input x₀ that x is told against, if one is named.
    pub fn reference<T: Precision>(&self, path: Option<&Path>, x: &Tensor<T>) -> Result<Option<Tensor<T>>, Failure> {
        let x0 = path.map(|path| self.input::<T>(path)).transpose()?.map(|given| given.x);
        if let Some(x0) = x0.as_ref().filter(|x0| x0.shape() != x.shape()) {
            let message = format!("the reference has shape {:?}, the input {:?}", x0.shape(), x.shape());
            return Err(Failure::new(WRONG_INPUT, message));
        }
        Ok(x0)
    }

    /// An input, and the picture that it was made of.
    pub fn input<T: Precision>(&self, path: &Path) -> Result<Given<T>, Failure> {
        let info = &self.model.tensors[self.model.input()?.0];
        let preprocess = Preprocess::parse(&self.words.preprocess)?;
        let layout = self.model.declared_layout(self.model.input()?, self.words.layout.into());
        let given = Given::read(path, &info.name, info.shape.as_deref(), layout, &preprocess)?;
        self.preprocessed_by(match &given.picture {
            Some(pictured) => format!("{}, x = {}", self.words.preprocess, preprocess.formula(pictured.largest)),
            None => "none, the array is taken as it is".to_owned(),
        });
        Ok(given)
    }
}

impl<T: Precision> Frozen<T> {
    /// Computes rows and times it.
    pub fn reconstruct(
        &mut self,
        request: &Request,
        progress: &mut dyn FnMut(usize, usize),
        each: &mut dyn FnMut(&Row<'_, T>) -> Result<(), Failure>,
    ) -> Result<Reconstruction<T>, Failure> {
        let began = Instant::now();
        let result = self.circuit.reconstruct(&self.x, &self.logits, request, progress, each)?;
        self.seconds.reconstruct = began.elapsed().as_secs_f64();
        Ok(result)
    }
}

fn stamp(path: &Path) -> Result<FileStamp, Failure> {
    FileStamp::of(path).map_err(|error| Failure::new(FAILED, format!("cannot read `{}`: {error}", path.display())))
}
