//! One model, frozen at one input, and what pages ask of it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use axum::http::StatusCode;
use netfold::certificate::FileStamp;
use netfold::folder::Folder;
use netfold::graph::TensorId;
use netfold::input::{Held, LayoutChoice, NamedPreprocess};
use netfold::store::Taken;
use netfold::trace::NonFinite;
use netfold::unit::Unit;
use netfold::{Budget, Feed, Head, Model, Precision, Rules, Store, Tensor};

use crate::frozen::Frozen;
use crate::problem::Problem;
use crate::queue::Ticket;

/// How models are opened and frozen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How pixels become numbers; `None`: as is usual for the input's type.
    pub preprocess: Option<NamedPreprocess>,
    /// The input that is explained; `None`: the model's first.
    pub explain: Option<String>,
    /// The values of other inputs, which are held: `NAME=FILE`.
    pub held: Vec<String>,
    /// Order of the axes of the model's input.
    pub layout: LayoutChoice,
    /// Names of the classes; used where there are as many as logits.
    pub labels: Vec<String>,
    /// Which output is reconstructed.
    pub output: Option<String>,
    /// How nodes that are not piecewise linear are frozen.
    pub rules: Rules,
    /// What is done with numbers that are not finite.
    pub non_finite: NonFinite,
    /// Whether a final softmax is kept.
    pub keep_softmax: bool,
    /// The largest difference that counts as equal.
    pub tolerance: f64,
    /// How much memory models and what is computed with them may take together.
    pub budget: Budget,
}

/// A file that was given on the command line or uploaded.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it lies; never told by a page.
    pub path: PathBuf,
    /// Name and hash.
    pub stamp: FileStamp,
}

/// A model that was read.
pub struct Opened {
    /// The network.
    pub model: Model,
    /// The input that is explained.
    pub input: TensorId,
    /// The inputs that are held.
    pub held: Vec<Held>,
    /// Its end.
    pub head: Head,
    /// Name and hash of its file.
    pub stamp: FileStamp,
    /// Seconds that reading took.
    pub load: f64,
}

impl Opened {
    /// x with the values of the inputs that are held.
    pub fn feed<T: Precision>(&self, x: &Tensor<T>) -> Feed<T> {
        Held::feed(&self.held, self.input, x)
    }
}

/// What a page looks at.
#[derive(Clone, Debug)]
pub struct At {
    /// The hash of the model's file.
    pub model: String,
    /// The input.
    pub input: Source,
}

/// What the worker holds.
pub struct Bench<T> {
    settings: Settings,
    opened: Option<Opened>,
    frozen: Option<Frozen<T>>,
}

impl<T: Precision> Bench<T> {
    /// Without a model.
    pub fn new(settings: Settings) -> Self {
        Self { settings, opened: None, frozen: None }
    }

    /// Reads a model and puts it in the place of the one before.
    ///
    /// # Errors
    /// If it cannot be read or has nodes that are not supported; the model before stays then.
    pub fn open(&mut self, source: &Source) -> Result<(), Problem> {
        let start = Instant::now();
        let model = Model::read_within(&source.path, self.settings.budget.clone())?;
        let input = match &self.settings.explain {
            Some(name) => model.input_named(name)?,
            None => model.input()?,
        };
        let head = model.head(self.settings.output.as_deref(), self.settings.keep_softmax)?;
        model.dependence(input, &model.nodes_of(head.logits))?;
        let mut held = Vec::new();
        for word in &self.settings.held {
            let (id, path) = model.input_word(word)?;
            if id == input {
                let message = format!("the input `{}` is explained: it cannot be held by `--input`", model.name(id));
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message));
            }
            held.push(Held::read(
                &model,
                id,
                Path::new(path),
                self.settings.layout,
                self.settings.preprocess.as_ref(),
            )?);
        }
        let fed = |id| id == input || held.iter().any(|held| held.input == id);
        model.require(head.logits, fed).map_err(|error| {
            let hint = error.hint().map(|hint| format!("the page cannot set it; when the explorer starts, {hint}"));
            Problem { hint, ..error.into() }
        })?;
        self.frozen = None;
        self.opened =
            Some(Opened { model, input, held, head, stamp: source.stamp.clone(), load: start.elapsed().as_secs_f64() });
        Ok(())
    }

    /// The reconstruction at an input, without its rows, as the page's script reads it.
    ///
    /// # Errors
    /// If another model was opened meanwhile, the input does not fit the model, or the job was stopped.
    pub fn document(&mut self, at: &At, ticket: &Ticket) -> Result<Vec<u8>, Problem> {
        Ok(self.frozen(at, ticket)?.2.document.clone())
    }

    /// One row of W, as the page's script reads it.
    ///
    /// # Errors
    /// As [`Self::document`], and if there is no such class.
    pub fn row(&mut self, at: &At, class: usize, ticket: &Ticket) -> Result<Vec<u8>, Problem> {
        let (_, _, frozen) = self.frozen(at, ticket)?;
        frozen.row(class, ticket)
    }

    /// What a stage gives to the b of a class, place by place.
    ///
    /// # Errors
    /// As [`Self::row`], and if the stage gives nothing.
    pub fn bias_map(&mut self, at: &At, class: usize, stage: usize, ticket: &Ticket) -> Result<Vec<u8>, Problem> {
        let (_, _, frozen) = self.frozen(at, ticket)?;
        frozen.check(class)?;
        ticket.check()?;
        frozen.logits.bias_map(class, stage)
    }

    /// Channels of an inner tensor.
    ///
    /// # Errors
    /// As [`Self::document`], and if there is no such tensor or channel.
    pub fn channels(&mut self, at: &At, tensor: &str, first: usize, ticket: &Ticket) -> Result<Vec<u8>, Problem> {
        let (opened, settings, frozen) = self.frozen(at, ticket)?;
        frozen.inner(opened, settings, tensor, ticket)?.1.channels(tensor, first)
    }

    /// The row of an inner unit, over the part of the input that it depends on.
    ///
    /// # Errors
    /// As [`Self::document`], and if there is no such tensor or unit.
    pub fn unit(&mut self, at: &At, tensor: &str, unit: &Unit, ticket: &Ticket) -> Result<Vec<u8>, Problem> {
        let (opened, settings, frozen) = self.frozen(at, ticket)?;
        let layout = frozen.layout;
        let (given, part) = frozen.inner(opened, settings, tensor, ticket)?;
        part.unit((tensor, unit), &given.x, (layout, settings.tolerance), ticket)
    }

    /// Writes `reconstruction.npz` and `reconstructed.onnx` of some classes into a folder.
    ///
    /// # Errors
    /// As [`Self::row`], and if a file cannot be written.
    pub fn export(&mut self, at: &At, classes: &[usize], folder: &Path, ticket: &Ticket) -> Result<(), Problem> {
        let (opened, _, frozen) = self.frozen(at, ticket)?;
        classes.iter().try_for_each(|&class| frozen.check(class))?;
        let x = frozen.given.x.clone();
        let pixels = frozen.given.picture.as_ref().map(|picture| picture.map.clone());
        let info = &opened.model.tensors[opened.input.0];
        let taken = Taken { name: &info.name, dtype: info.dtype, shape: x.shape() };
        let mut files = Folder::begin(folder)?;
        let mut store = Store::begin(&mut files, taken, classes.len(), pixels)?;
        let result =
            frozen.logits.rows(&x, classes.to_vec(), ticket, &mut |_, row| store.row(row).map_err(Problem::from))?;
        store.finish(&result, &x)?;
        Ok(files.commit()?)
    }

    /// The model frozen at the input: the one at hand, or made anew.
    fn frozen(&mut self, at: &At, ticket: &Ticket) -> Result<(&Opened, &Settings, &mut Frozen<T>), Problem> {
        let opened = self.opened.as_ref().filter(|opened| opened.stamp.sha256 == at.model).ok_or_else(other_model)?;
        let frozen = match self.frozen.take().filter(|frozen| frozen.input == at.input.stamp.sha256) {
            Some(frozen) => frozen,
            None => Frozen::new(opened, &self.settings, &at.input, ticket)?,
        };
        Ok((opened, &self.settings, self.frozen.insert(frozen)))
    }
}

fn other_model() -> Problem {
    Problem::new(StatusCode::CONFLICT, "another model was opened meanwhile").hint("reload the page")
}
