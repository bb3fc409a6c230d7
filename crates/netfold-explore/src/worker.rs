//! One model, frozen at one input, and what pages ask of it.

use std::path::Path;
use std::time::Instant;

use axum::http::StatusCode;
use netfold::output::folder::Folder;
use netfold::reconstruction::Unit;
use netfold::{Error, Model, Precision, Request};

use crate::api_error::ApiError;
use crate::frozen::Frozen;
use crate::queue::CancelToken;
use crate::settings::{At, Opened, Settings, Source};

/// What the worker holds.
pub struct Worker<T: Precision> {
    settings: Settings,
    opened: Option<Opened>,
    frozen: Option<Frozen<T>>,
}

impl<T: Precision> Worker<T> {
    /// Without a model.
    pub fn new(settings: Settings) -> Self {
        Self { settings, opened: None, frozen: None }
    }

    /// Reads a model and puts it in the place of the one before.
    ///
    /// # Errors
    /// If it cannot be read or has nodes that are not supported; the model before stays then.
    pub fn open(&mut self, source: &Source) -> Result<(), ApiError> {
        let start = Instant::now();
        let model = Model::read_within(&source.path, self.settings.budget.clone())?;
        let setup = self.settings.options.clone().of(&model).setup().map_err(|error| {
            let asks = matches!(error, Error::MissingInputs { .. } | Error::Twice { .. });
            let cannot = |hint| format!("the page cannot set it; when the explorer starts, {hint}");
            let hint = error.hint().map(|hint| if asks { cannot(hint) } else { hint });
            ApiError { hint, ..error.into() }
        })?;
        self.frozen = None;
        let load = start.elapsed().as_secs_f64();
        self.opened = Some(Opened { setup, stamp: source.stamp.clone(), load });
        Ok(())
    }

    /// The reconstruction at an input, without its rows, as the page's script reads it.
    ///
    /// # Errors
    /// If another model was opened meanwhile, the input does not fit the model, or the job was stopped.
    pub fn document(&mut self, at: &At, ticket: &CancelToken) -> Result<Vec<u8>, ApiError> {
        Ok(self.frozen(at, ticket)?.document.clone())
    }

    /// One row of W, as the page's script reads it.
    ///
    /// # Errors
    /// As [`Self::document`], and if there is no such class.
    pub fn row(&mut self, at: &At, class: usize, ticket: &CancelToken) -> Result<Vec<u8>, ApiError> {
        self.frozen(at, ticket)?.row(class, ticket)
    }

    /// What a stage gives to the b of a class, place by place.
    ///
    /// # Errors
    /// As [`Self::row`], and if the stage gives nothing.
    pub fn bias_map(&mut self, at: &At, class: usize, stage: usize, ticket: &CancelToken) -> Result<Vec<u8>, ApiError> {
        let frozen = self.frozen(at, ticket)?;
        frozen.check(class)?;
        ticket.check()?;
        frozen.logits.bias_map(class, stage)
    }

    /// Channels of an inner tensor.
    ///
    /// # Errors
    /// As [`Self::document`], and if there is no such tensor or channel.
    pub fn channels(&mut self, at: &At, tensor: &str, first: usize, ticket: &CancelToken) -> Result<Vec<u8>, ApiError> {
        self.frozen(at, ticket)?.inner(tensor, ticket)?.channels(tensor, first)
    }

    /// The row of an inner unit, over the part of the input that it depends on.
    ///
    /// # Errors
    /// As [`Self::document`], and if there is no such tensor or unit.
    pub fn unit(&mut self, at: &At, tensor: &str, unit: &Unit, ticket: &CancelToken) -> Result<Vec<u8>, ApiError> {
        let frozen = self.frozen(at, ticket)?;
        let layout = frozen.layout;
        frozen.inner(tensor, ticket)?.unit((tensor, unit), layout, ticket)
    }

    /// Writes `reconstruction.npz` and `reconstructed.onnx` of some classes into a folder.
    ///
    /// # Errors
    /// As [`Self::row`], and if a file cannot be written.
    pub fn export(&mut self, at: &At, classes: &[usize], folder: &Path, ticket: &CancelToken) -> Result<(), ApiError> {
        let frozen = self.frozen(at, ticket)?;
        classes.iter().try_for_each(|&class| frozen.check(class))?;
        let folded = frozen.logits.folded.watched(ticket.watch());
        let mut files = Folder::begin(folder)?;
        let mut store = folded.store(&mut files, classes.len())?;
        let request = Request { classes: classes.to_vec(), ..Request::default() };
        let result = folded.reconstruct::<Error>(&request, |row| store.row(row))?;
        store.finish(&result, folded.x())?;
        Ok(files.commit()?)
    }

    /// The model frozen at the input: the one at hand, or made anew.
    fn frozen(&mut self, at: &At, ticket: &CancelToken) -> Result<&mut Frozen<T>, ApiError> {
        let opened = self.opened.as_ref().filter(|opened| opened.stamp.sha256 == at.model).ok_or_else(other_model)?;
        let frozen = match self.frozen.take().filter(|frozen| frozen.input == at.input.stamp.sha256) {
            Some(frozen) => frozen,
            None => Frozen::new(opened, &self.settings, &at.input, ticket)?,
        };
        Ok(self.frozen.insert(frozen))
    }
}

fn other_model() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "another model was opened meanwhile").hint("reload the page")
}
