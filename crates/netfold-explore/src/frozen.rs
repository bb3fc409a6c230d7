//! A model frozen at one input, and the document that tells of it.

use std::collections::HashMap;
use std::time::Instant;

use netfold::certificate::{Certificate, Circumstances, Seconds};
use netfold::input::{Given, LayoutChoice, NamedPreprocess};
use netfold::reconstruct::top;
use netfold::trace::{Keep, NonFinite, Tracing};
use netfold::{Precision, Trace};
use netfold_render::{InputFacts, InputView, ModelFacts, Report, layers, packed, units};

use crate::bench::{Opened, Settings, Source};
use crate::part::{Part, head, sheet, wide};
use crate::problem::Problem;
use crate::queue::Ticket;

/// Classes whose rows are computed with a new input.
const FIRST: usize = 5;
/// Bytes of rows that are kept for pages that ask again.
const KEPT: usize = 256 << 20;
/// Steps that a page is told of: trace, freeze, compare, rows.
const STEPS: usize = 4;

/// What is known of one input.
pub struct Frozen<T> {
    /// The hash of the input's file.
    pub input: String,
    /// The tensor that the model takes, and what it was made of.
    pub given: Given<T>,
    /// How its axes are read.
    pub layout: LayoutChoice,
    /// The network up to the logits.
    pub logits: Part<T>,
    /// The network up to the inner tensor that was asked for last.
    pub inner: Option<(String, Part<T>)>,
    /// The reconstruction without its rows, as the page's script reads it.
    pub document: Vec<u8>,
    rows: HashMap<usize, Vec<u8>>,
}

impl<T: Precision> Frozen<T> {
    /// Reads the input, freezes the model there, and computes the first rows, which prove the reconstruction.
    ///
    /// # Errors
    /// If the input does not fit the model, a node cannot be frozen there, or the job was stopped.
    pub fn new(opened: &Opened, settings: &Settings, input: &Source, ticket: &Ticket) -> Result<Self, Problem> {
        let (start, model) = (Instant::now(), &opened.model);
        let info = &model.tensors[opened.input.0];
        let layout = model.declared_layout(opened.input, settings.layout);
        let preprocess = settings.preprocess.clone().unwrap_or_else(|| NamedPreprocess::usual(info.dtype));
        let given = Given::<T>::read(&input.path, info, layout, &preprocess.preprocess)?;
        ticket.check()?;
        let began = Instant::now();
        let tracing = Tracing { non_finite: settings.non_finite, keep: Keep::Priors, ..Tracing::default() };
        let trace = model.trace_with(opened.feed(&given.x), opened.head.logits, tracing)?;
        let traced = began.elapsed();
        ticket.progress(1, STEPS);
        let mut logits = part(&trace, settings, ticket)?;
        let warnings = trace.warnings();
        drop(trace);
        let frozen = began.elapsed().saturating_sub(traced);
        ticket.progress(2, STEPS);
        ticket.check()?;
        logits.compared(&given.x);
        ticket.progress(3, STEPS);
        let (classes, values) = (top(logits.values.data(), FIRST), logits.values.clone());
        let mut rows = HashMap::new();
        let result = logits.rows(&given.x, classes.clone(), ticket, &mut |circuit, row| {
            let weights = sheet(&wide(row.weights), given.x.shape(), layout)?;
            rows.insert(row.class, packed(&head(circuit, row, &values), weights.values()));
            Ok(())
        })?;
        let seconds = Seconds {
            load: opened.load,
            trace: traced.as_secs_f64(),
            freeze: frozen.as_secs_f64(),
            reconstruct: began.elapsed().saturating_sub(traced + frozen).as_secs_f64(),
            total: opened.load + start.elapsed().as_secs_f64(),
        };
        let told = Circumstances {
            tolerance: settings.tolerance,
            decides: true,
            warnings,
            left_off: opened.head.left_off.clone(),
            seconds,
            model: opened.stamp.clone(),
            input: input.stamp.clone(),
            held: opened.held.iter().map(|held| held.stamp.clone()).collect(),
        };
        let certificate = Certificate::new(&logits.circuit, &result, told);
        let tensor = sheet(&wide(given.x.data()), given.x.shape(), layout)?;
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
                input_shape: given.x.shape().to_vec(),
                input_type: info.dtype.map_or_else(String::new, |dtype| dtype.to_string()),
                output_name: model.name(opened.head.logits).to_owned(),
                nodes: model.nodes.len(),
                logits: wide(&result.logits),
                reconstructed: wide(&result.one_layer()),
                labels,
                layers: layers(&logits.circuit),
            },
            input: InputFacts {
                preprocessing: given.picture.as_ref().map_or(String::new(), |_| preprocess.name.clone()),
                view: InputView::Tensor(tensor.clone()),
                tensor,
                units: given.picture.as_ref().map(units),
            },
            classes: Vec::new(),
            weight_unit: "logit per model unit".into(),
            certificate,
        };
        let document = report.to_bytes(classes);
        Ok(Self { input: input.stamp.sha256.clone(), given, layout, logits, inner: None, document, rows })
    }

    /// The inner tensor of this name: the one at hand, or traced and frozen anew.
    ///
    /// # Errors
    /// If the model has no such tensor, it does not depend on the input, or the job was stopped.
    pub fn inner(
        &mut self,
        opened: &Opened,
        settings: &Settings,
        name: &str,
        ticket: &Ticket,
    ) -> Result<(&Given<T>, &mut Part<T>), Problem> {
        let held = self.inner.take().filter(|(held, _)| held == name).map(|(_, part)| part);
        let part = match held {
            Some(part) => part,
            None => {
                let tensor = opened.model.tensor(name)?;
                let tracing = Tracing { non_finite: NonFinite::Allow, keep: Keep::Priors, ..Tracing::default() };
                let trace = opened.model.trace_with(opened.feed(&self.given.x), tensor, tracing)?;
                ticket.check()?;
                part(&trace, settings, ticket)?
            }
        };
        let (_, part) = self.inner.insert((name.to_owned(), part));
        Ok((&self.given, part))
    }

    /// # Errors
    /// If the model has no such class.
    pub fn check(&self, class: usize) -> Result<(), Problem> {
        let logits = self.logits.values.len();
        if class < logits {
            return Ok(());
        }
        Err(Problem::missing(format!("there is no class {class}: the model has {logits} logits")))
    }

    /// One row of W: the one at hand, or computed.
    ///
    /// # Errors
    /// If there is no such class, or the job was stopped.
    pub fn row(&mut self, class: usize, ticket: &Ticket) -> Result<Vec<u8>, Problem> {
        self.check(class)?;
        if let Some(row) = self.rows.get(&class) {
            return Ok(row.clone());
        }
        let (head, weights, _) = self.logits.row(&self.given.x, class, self.layout, ticket)?;
        let row = packed(&head, weights.values());
        if row.len() * (self.rows.len() + 1) > KEPT {
            self.rows.clear();
        }
        self.rows.insert(class, row.clone());
        Ok(row)
    }
}

/// The network frozen up to the tensor that was traced.
fn part<T: Precision>(trace: &Trace<'_, T>, settings: &Settings, ticket: &Ticket) -> Result<Part<T>, Problem> {
    ticket.check()?;
    let circuit = trace.freeze(&settings.rules)?;
    Ok(Part::new(circuit, trace.logits()?.clone()))
}
