//! A model frozen at one input, and the document that tells of it.

use std::collections::HashMap;
use std::time::Instant;

use netfold::input::LayoutChoice;
use netfold::output::Certificate;
use netfold::trace::NonFinite;
use netfold::{Precision, Request};
use netfold_render::{InputFacts, InputView, ModelFacts, Report, layers, packed, units};

use crate::api_error::ApiError;
use crate::frozen_tensor::{FrozenTensor, head, sheet, wide};
use crate::queue::CancelToken;
use crate::settings::{Opened, Settings, Source};

/// Classes whose rows are computed with a new input.
const FIRST: usize = 5;
/// Bytes of rows that are kept for pages that ask again.
const KEPT: usize = 256 << 20;

/// What is known of one input.
pub struct Frozen<T: Precision> {
    /// The hash of the input's file.
    pub input: String,
    /// How the axes of the model's input are read.
    pub layout: LayoutChoice,
    /// The network up to the logits.
    pub logits: FrozenTensor<T>,
    /// The network up to the inner tensor that was asked for last.
    pub inner: Option<(String, FrozenTensor<T>)>,
    /// The reconstruction without its rows, as the page's script reads it.
    pub document: Vec<u8>,
    rows: HashMap<usize, Vec<u8>>,
}

impl<T: Precision> Frozen<T> {
    /// Reads the input, folds the model there, and computes the first rows, which prove the reconstruction.
    ///
    /// # Errors
    /// If the input does not fit the model, a node cannot be frozen there, or the job was stopped.
    pub fn new(opened: &Opened, settings: &Settings, input: &Source, ticket: &CancelToken) -> Result<Self, ApiError> {
        let start = Instant::now();
        let setup = opened.setup.watched(ticket.watch());
        let model = setup.model();
        let info = &model.tensors[setup.input().0];
        let preprocess = setup.preprocess();
        let source = netfold::Source::File(input.path.clone());
        let given = setup.read::<T>(&source)?;
        let layout = setup.declared_layout();
        let began = Instant::now();
        let logits = FrozenTensor::new(setup.fold_given(given, source)?);
        let folded = &logits.folded;
        let (x, values) = (folded.x(), folded.logits());
        let classes = folded.top(FIRST);
        let mut rows = HashMap::new();
        let request = Request { classes: classes.clone(), ..Request::default() };
        let result = folded.reconstruct::<ApiError>(&request, |row| {
            let weights = sheet(&wide(row.weights), x.shape(), layout)?;
            rows.insert(row.class, packed(&head(folded, row), weights.values()));
            Ok(())
        })?;
        let mut told = folded.run_info()?;
        told.seconds.load = opened.load;
        told.seconds.reconstruct = began.elapsed().as_secs_f64() - told.seconds.trace - told.seconds.freeze;
        told.seconds.total = opened.load + start.elapsed().as_secs_f64();
        let certificate = Certificate::new(folded.circuit(), &result, told);
        let tensor = sheet(&wide(x.data()), x.shape(), layout)?;
        let labels = match (settings.labels.as_slice(), values.len()) {
            // One logit decides between two classes and speaks for the second.
            ([_, own], 1) => vec![own.clone()],
            (labels, logits) if labels.len() == logits => labels.to_vec(),
            _ => Vec::new(),
        };
        let report = Report {
            title: format!("{} at {}", certificate.model.file, certificate.input.file),
            model: ModelFacts {
                input_name: info.name.clone(),
                input_shape: x.shape().to_vec(),
                input_type: info.dtype.map_or_else(String::new, |dtype| dtype.to_string()),
                output_name: model.name(setup.head().logits).to_owned(),
                nodes: model.nodes.len(),
                logits: wide(&result.logits),
                reconstructed: wide(&result.one_layer()),
                labels,
                layers: layers(folded.circuit()),
            },
            input: InputFacts {
                preprocessing: folded.picture().map_or(String::new(), |_| preprocess.name.clone()),
                view: InputView::Tensor(tensor.clone()),
                tensor,
                units: folded.picture().map(units),
            },
            classes: Vec::new(),
            weight_unit: "logit per model unit".into(),
            certificate,
        };
        let document = report.to_bytes(classes);
        Ok(Self { input: input.stamp.sha256.clone(), layout, logits, inner: None, document, rows })
    }

    /// The inner tensor of this name: the one at hand, or traced and frozen anew.
    ///
    /// # Errors
    /// If the model has no such tensor, it does not depend on the input, or the job was stopped.
    pub fn inner(&mut self, name: &str, ticket: &CancelToken) -> Result<&mut FrozenTensor<T>, ApiError> {
        let held = self.inner.take().filter(|(held, _)| held == name).map(|(_, part)| part);
        let part = match held {
            Some(part) => part,
            None => {
                let options = self.logits.folded.setup().options();
                let setup = options.at(name).non_finite(NonFinite::Allow).watch(ticket.watch()).setup()?;
                FrozenTensor::new(
                    setup.fold_given(self.logits.folded.given().clone(), self.logits.folded.source().clone())?,
                )
            }
        };
        let (_, part) = self.inner.insert((name.to_owned(), part));
        Ok(part)
    }

    /// # Errors
    /// If the model has no such class.
    pub fn check(&self, class: usize) -> Result<(), ApiError> {
        let logits = self.logits.folded.logits().len();
        if class < logits {
            return Ok(());
        }
        Err(ApiError::missing(format!("there is no class {class}: the model has {logits} logits")))
    }

    /// One row of W: the one at hand, or computed.
    ///
    /// # Errors
    /// If there is no such class, or the job was stopped.
    pub fn row(&mut self, class: usize, ticket: &CancelToken) -> Result<Vec<u8>, ApiError> {
        self.check(class)?;
        if let Some(row) = self.rows.get(&class) {
            return Ok(row.clone());
        }
        let (head, weights, _) = self.logits.row(class, self.layout, ticket)?;
        let row = packed(&head, weights.values());
        if row.len() * (self.rows.len() + 1) > KEPT {
            self.rows.clear();
        }
        self.rows.insert(class, row.clone());
        Ok(row)
    }
}
