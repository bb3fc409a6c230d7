//! From the words of the command line to a frozen network: what every command that runs one begins with.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Instant;

use netfold::certificate::{FileStamp, HeldInput, Seconds};
use netfold::graph::TensorId;
use netfold::input::{Given, Held, LayoutChoice, NamedPreprocess, Pictured};
use netfold::reconstruct::{Request, Row, argmax};
use netfold::ties::Ties;
use netfold::trace::{Keep, Tracing};
use netfold::{Circuit, Feed, Head, Model, Places, Precision, Reconstruction, Tensor, Trace, Warning};
use netfold_onnx::{DType, Dim};
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
    /// The explained input.
    pub input: TensorId,
    /// Where the one-layer model begins: the explained input, or an inner tensor.
    pub from: TensorId,
    /// The inputs that are held.
    pub held: Vec<Held>,
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
    /// What the model takes.
    given: Tensor<T>,
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
        let model = Model::read_within(path, words.network.budget())?;
        let head = match &words.at {
            Some(name) => Head::at(model.tensor(name)?),
            None => model.head(words.network.output.as_deref(), words.network.keep_softmax)?,
        };
        let input = match &words.network.explain {
            Some(name) => model.input_named(name)?,
            None => model.input()?,
        };
        let from = words.from.as_ref().map_or(Ok(input), |name| model.tensor(name))?;
        let begun = Feed { input: Some(input), from: Some(from), ..Feed::from(Tensor::scalar(0.0_f64)) };
        model.dependence(begun.root(&model)?, &model.nodes_of(head.logits))?;
        let held = held(&model, input, words)?;
        model.require(head.logits, |id| id == input || held.iter().any(|held| held.input == id))?;
        let labels = Labels::read(words.labels.as_deref())?;
        let (stamp, sides) = (stamp(path)?, (head.logits, None));
        Ok(Self {
            words,
            model,
            head,
            input,
            from,
            held,
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
    pub fn freeze<T: Precision>(&self, path: &Path, ties: Ties) -> Result<Frozen<T>, Failure> {
        let given = self.input::<T>(path)?;
        let began = Instant::now();
        // An inner tensor is read, and what goes around it is held at its values.
        let keep = if self.words.from.is_some() { Keep::Values } else { Keep::Priors };
        let trace = self.traced(&given.x, keep, ties)?;
        let traced = began.elapsed();
        let circuit = trace.freeze_between(self.from, self.head.logits, &self.words.network.rules())?;
        let frozen = began.elapsed().saturating_sub(traced);
        let (logits, warnings) = (trace.logits()?.clone(), trace.warnings());
        let layout = self.words.layout.into();
        let places = self.words.from.as_ref().and_then(|_| trace.places(self.from, layout).ok());
        let Given { x: given, picture } = given;
        let (x, picture) =
            if self.words.from.is_some() { (trace.real(self.from)?.clone(), None) } else { (given.clone(), picture) };
        let seconds = Seconds {
            load: self.load,
            trace: traced.as_secs_f64(),
            freeze: frozen.as_secs_f64(),
            ..Seconds::default()
        };
        Ok(Frozen { x, given, logits, circuit, picture, places, warnings, seconds, stamp: stamp(path)? })
    }

    /// x with the values of all inputs.
    pub fn feed<T: Precision>(&self, x: &Tensor<T>) -> Feed<T> {
        let from = self.words.from.as_ref().map(|_| self.from);
        Feed { from, ..Held::feed(&self.held, self.input, x) }
    }

    /// The network at one input.
    pub fn trace<T: Precision>(&self, x: &Tensor<T>, keep: Keep) -> Result<Trace<'_, T>, Failure> {
        self.traced(x, keep, Ties::Ignore)
    }

    fn traced<T: Precision>(&self, x: &Tensor<T>, keep: Keep, ties: Ties) -> Result<Trace<'_, T>, Failure> {
        let trace = self.model.trace_with(
            self.feed(x),
            self.head.logits,
            Tracing { non_finite: self.words.non_finite(), keep, ties, ..Tracing::default() },
        )?;
        self.logits.set(trace.logits()?.len());
        if self.words.at.is_none() {
            self.labels.check(trace.logits()?.len())?;
        }
        self.warn(&trace.warnings());
        Ok(trace)
    }

    /// Warns of the node that makes b much larger than the logits, if one does: its result says little by itself.
    pub fn warn_of_proportion<T: Precision>(
        &self,
        frozen: &mut Frozen<T>,
        result: &Reconstruction<T>,
    ) -> Result<(), Failure> {
        if result.is_out_of_proportion() {
            let trace = self.trace(&frozen.given, Keep::Values)?;
            let found = trace.out_of_proportion(self.from, self.head.logits, &self.words.network.rules())?;
            self.warn(found.as_slice());
            frozen.warnings.extend(found);
        }
        Ok(())
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

    /// Prints one JSON object to standard output: `told`, the inputs, which preprocessing was used, and all warnings.
    pub fn print_json(&self, mut told: Value) {
        if let Some(fields) = told.as_object_mut() {
            let input = json!({ "name": self.model.name(self.input), "type": self.input_type() });
            fields.insert("input".to_owned(), input);
            fields.insert("held_inputs".to_owned(), json!(self.held_inputs()));
            fields.insert("preprocessing".to_owned(), json!(self.preprocessing()));
            fields.insert("warnings".to_owned(), json!(*self.warned.borrow()));
        }
        println!("{told}");
    }

    /// Prints which input is explained, which are held, and the preprocessing that was used, as rows under a command's
    /// first line.
    pub fn print_inputs(&self) {
        println!("input: {}, {}", self.model.name(self.input), self.input_type().unwrap_or("of no declared type"));
        for held in &self.held {
            println!("held: {}, from {}", held.stamp.name, held.stamp.stamp.file);
        }
        println!("preprocessing: {}", self.preprocessing());
    }

    /// The element type of the explained input, where the file declares it.
    fn input_type(&self) -> Option<&'static str> {
        self.model.tensors[self.input.0].dtype.map(DType::name)
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
        let used = self.preprocess()?;
        let layout = self.model.declared_layout(self.input, self.words.layout.into());
        let given = Given::read(path, &self.model.tensors[self.input.0], layout, &used.preprocess)?;
        self.preprocessed_by(match &given.picture {
            Some(pictured) => format!("{}, x = {}", used.name, used.preprocess.formula(pictured.largest)),
            None => "none, the array is taken as it is".to_owned(),
        });
        Ok(given)
    }

    /// The element type of x, as the file declares it; `None` for an inner tensor.
    pub fn dtype(&self) -> Option<DType> {
        if self.words.from.is_some() { None } else { self.model.tensors[self.input.0].dtype }
    }

    /// What is done to pictures of the explained input.
    pub fn preprocess(&self) -> Result<NamedPreprocess, Failure> {
        let asked = self.words.preprocess.as_deref().map(NamedPreprocess::parse).transpose()?;
        Ok(asked.unwrap_or_else(|| NamedPreprocess::usual(self.model.tensors[self.input.0].dtype)))
    }

    /// The inputs that are held, for the certificate.
    pub fn held_inputs(&self) -> Vec<HeldInput> {
        self.held.iter().map(|held| held.stamp.clone()).collect()
    }
}

/// The values that `--input` names.
fn held(model: &Model, explained: TensorId, words: &Common) -> Result<Vec<Held>, Failure> {
    let mut held: Vec<Held> = Vec::new();
    for word in &words.held {
        let (input, path) = model.input_word(word)?;
        let info = &model.tensors[input.0];
        if input == explained || held.iter().any(|held| held.input == input) {
            let message = format!("`--input {word}`: the input `{}` has a value already", info.name);
            let failure = Failure::new(WRONG_INPUT, message);
            return Err(if input == explained {
                failure.hint("INPUT is its value; `--explain` names another")
            } else {
                failure
            });
        }
        let preprocess = words.preprocess.as_deref().map(NamedPreprocess::parse).transpose()?;
        held.push(Held::read(model, input, Path::new(path), words.layout.into(), preprocess.as_ref())?);
    }
    Ok(held)
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

/// Name and hash of a file.
pub fn stamp(path: &Path) -> Result<FileStamp, Failure> {
    FileStamp::of(path).map_err(|error| Failure::new(FAILED, format!("cannot read `{}`: {error}", path.display())))
}
