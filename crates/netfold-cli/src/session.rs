//! From the words of the command line to a folded network: what every command that runs one begins with.

use std::cell::{Cell, RefCell};
use std::ops::{ControlFlow, Deref};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use netfold::fold::Opposite;
use netfold::input::{Given, NamedPreprocess};
use netfold::model::FileStamp;
use netfold::model::Squashing;
use netfold::output::Certificate;
use netfold::reconstruction::argmax;
use netfold::trace::Keep;
use netfold::{
    Folded, Model, Options, Precision, Progress, Reconstruction, Setup, Source, Step, Tensor, Trace, Warning, Watch,
};
use netfold_onnx::{DType, Dim};
use serde_json::{Value, json};

use crate::args::Common;
use crate::failure::{self, FAILED, Failure, WRONG_INPUT};
use crate::labels::{Labels, Side};
use crate::progress::Bar;

/// A model that was read, and how its inputs are. What the library knows of both is reached through it.
pub struct Session<'a> {
    /// The words.
    pub words: &'a Common,
    setup: Setup,
    /// Names of its classes.
    pub labels: Labels,
    /// Seconds that reading took.
    pub load: f64,
    /// Name and hash of its file.
    pub stamp: FileStamp,
    start: Instant,
    /// Which class of a network of one logit is looked at.
    side: Side,
    /// How many logits there are, once they were computed.
    logits: Cell<usize>,
    /// What was warned of so far.
    warned: RefCell<Vec<Warning>>,
    /// Which preprocessing was used so far, in words.
    preprocessed: RefCell<Vec<String>>,
}

impl Deref for Session<'_> {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.setup
    }
}

impl<'a> Session<'a> {
    /// Reads the model and the labels; nothing is computed yet.
    pub fn open(path: &Path, words: &'a Common) -> Result<Self, Failure> {
        Self::open_with(path, words, |options| options)
    }

    /// As [`open`](Self::open), with more said than the common words do.
    pub fn open_with(path: &Path, words: &'a Common, more: impl FnOnce(Options) -> Options) -> Result<Self, Failure> {
        let start = Instant::now();
        let model = Model::read_within(path, words.network.budget())?;
        let setup = more(options(words)?).of(&model).watch(bar()).setup()?;
        let labels = Labels::read(words.labels.as_deref())?;
        let stamp = model.stamp()?;
        Ok(Self {
            words,
            setup,
            labels,
            side: Side::Own,
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
        if self.model().tensors[self.head().logits.0].shape.as_deref().is_some_and(several) {
            return Ok(());
        }
        self.setup.face(Opposite::No);
        self.side = Side::Own;
        let x = self.input::<T>(input)?.x;
        let opposite = {
            let trace = self.trace(&x, Keep::ForFreezing)?;
            let logits = trace.logits()?.data();
            logits.len() == 1 && (named || logits[0] < T::zero())
        };
        if opposite {
            self.setup.face(Opposite::Yes);
            self.side = Side::Opposite;
        }
        Ok(())
    }

    /// Whether the network is known to decide between two classes, if it has one logit.
    fn decides(&self) -> bool {
        let last = self.head().squashed.and_then(|id| self.model().maker(id));
        let ends = last.is_some_and(|node| node.class().is_pointwise());
        ends || self.labels.are_two()
    }

    /// The class that wins, as people read it.
    pub fn winner(&self, class: usize, logits: &[f64]) -> String {
        match logits {
            [logit] if self.words.at.is_none() && self.decides() && *logit < 0.0 => self.other_class(),
            _ => self.class(class),
        }
    }

    /// The network folded at one input.
    pub fn fold<T: Precision>(&self, path: &Path) -> Result<Folded<T>, Failure> {
        let folded = self.setup.fold_given(self.input::<T>(path)?, Source::File(path.to_owned()))?;
        self.found(folded.logits().len(), folded.warnings())?;
        Ok(folded)
    }

    /// The network at one input.
    pub fn trace<T: Precision>(&self, x: &Tensor<T>, keep: Keep) -> Result<Trace<'_, T>, Failure> {
        let trace = self.setup.trace(x, keep)?;
        self.found(trace.logits()?.len(), &trace.warnings())?;
        Ok(trace)
    }

    /// So many logits were computed, with these warnings.
    fn found(&self, logits: usize, warnings: &[Warning]) -> Result<(), Failure> {
        self.logits.set(logits);
        if self.decides() {
            self.labels.check(logits)?;
        }
        self.warn(warnings);
        Ok(())
    }

    /// The certificate of rows that took so many seconds. Warns of the node that makes b much larger than the logits, if
    /// one does: its result says little by itself.
    pub fn certify<T: Precision>(
        &self,
        folded: &Folded<T>,
        result: &Reconstruction<T>,
        seconds: f64,
    ) -> Result<Certificate, Failure> {
        let mut told = folded.run_info()?;
        let found = folded.out_of_proportion(result)?;
        self.warn(found.as_slice());
        told.warnings.extend(found);
        told.seconds.load = self.load;
        told.seconds.reconstruct = seconds;
        told.seconds.total = self.start.elapsed().as_secs_f64();
        Ok(Certificate::new(folded.circuit(), result, told))
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
            let input = json!({ "name": self.input_name(), "type": self.input_type() });
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
        println!("input: {}, {}", self.input_name(), self.input_type().unwrap_or("of no declared type"));
        for held in self.held() {
            println!("held: {}, from {}", held.stamp.name, held.stamp.stamp.file);
        }
        println!("preprocessing: {}", self.preprocessing());
    }

    /// The element type of the explained input, where the file declares it.
    fn input_type(&self) -> Option<&'static str> {
        self.model().tensors[self.setup.input().0].dtype.map(DType::name)
    }

    /// The name of the explained input.
    pub fn input_name(&self) -> &str {
        self.model().name(self.setup.input())
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
        let given = self.setup.read(&Source::File(path.to_owned()))?;
        let used = self.preprocess();
        self.preprocessed_by(match &given.picture {
            Some(pictured) => format!("{}, x = {}", used.name, used.preprocess.formula(pictured.largest)),
            None => "none, the array is taken as it is".to_owned(),
        });
        Ok(given)
    }
}

/// What the common words ask of a model.
pub fn options(words: &Common) -> Result<Options, Failure> {
    let network = &words.network;
    let mut options = Options::default()
        .squashing(if network.keep_softmax { Squashing::Kept } else { Squashing::LeftOff })
        .rules(network.rules())
        .non_finite(words.non_finite())
        .layout(words.layout.into());
    for held in &words.held {
        options = options.input_word(held);
    }
    let said = [&network.output, &words.at, &network.explain, &words.from];
    let say = [Options::output, Options::at, Options::explain, Options::from];
    for (word, say) in said.into_iter().zip(say) {
        if let Some(word) = word {
            options = say(options, word.as_str());
        }
    }
    if let Some(word) = &words.preprocess {
        options = options.preprocess(NamedPreprocess::parse(word)?);
    }
    Ok(match words.tolerance {
        Some(tolerance) => options.tolerance(tolerance),
        None => options,
    })
}

/// Who is told of progress: a bar on the terminal.
fn bar() -> Watch {
    let bar = Mutex::new(None);
    Watch::new(move |progress| {
        show(&bar, progress);
        ControlFlow::Continue(())
    })
}

/// Shows the steps that take long on a bar, which goes away at the end of the step.
fn show(bar: &Mutex<Option<Bar>>, Progress { step, done, all }: Progress) {
    let name = match step {
        Step::Rows => "rows of W",
        Step::Randomise => "layers randomised",
        Step::Pieces => "pieces",
        _ => return,
    };
    // A bar is nothing that a panic elsewhere could leave half made.
    let mut bar = bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    bar.get_or_insert_with(|| Bar::new(name)).show(done, all);
    if done == all {
        *bar = None;
    }
}

/// Name and hash of a file.
pub fn stamp(path: &Path) -> Result<FileStamp, Failure> {
    FileStamp::of(path).map_err(|error| Failure::new(FAILED, format!("cannot read `{}`: {error}", path.display())))
}
