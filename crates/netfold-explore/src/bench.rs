//! One model, frozen at one input, and what pages ask of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use axum::http::StatusCode;
use netfold::certificate::{Certificate, Circumstances, FileStamp, Seconds};
use netfold::input::{Given, LayoutChoice, Preprocess};
use netfold::reconstruct::{Request, Row, top};
use netfold::trace::NonFinite;
use netfold::{Circuit, Head, Model, Precision, Rule, Rules, Store, Tensor};
use netfold_render::{
    BiasPart, ClassView, InputFacts, InputView, Layout, ModelFacts, Order, Report, Sheet, layers, units,
};

use crate::problem::Problem;
use crate::queue::Ticket;

/// Classes whose rows are computed with a new input.
const FIRST: usize = 5;
/// Bytes of rows that are kept for pages that ask again.
const KEPT: usize = 256 << 20;

/// How models are opened and frozen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How pixels become numbers.
    pub preprocess: Preprocess,
    /// How the report names that.
    pub preprocess_name: String,
    /// Order of the axes of the model's input.
    pub layout: LayoutChoice,
    /// Names of the classes; used where there are as many as logits.
    pub labels: Vec<String>,
    /// Which output is reconstructed.
    pub output: Option<String>,
    /// How nodes that are not piecewise linear are frozen.
    pub rule: Rule,
    /// Whether a final softmax is kept.
    pub keep_softmax: bool,
    /// The largest difference that counts as equal.
    pub tolerance: f64,
}

/// A file that was given on the command line or uploaded.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it lies; never told by a page.
    pub path: PathBuf,
    /// Name and hash.
    pub stamp: FileStamp,
}

struct Opened {
    model: Model,
    head: Head,
    stamp: FileStamp,
    load: f64,
}

struct Frozen<T> {
    input: String,
    given: Given<T>,
    logits: Tensor<T>,
    circuit: Circuit<T>,
    document: Vec<u8>,
    rows: HashMap<usize, Vec<u8>>,
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
        let model = Model::read(&source.path)?;
        model.input()?;
        let head = model.head(self.settings.output.as_deref(), self.settings.keep_softmax)?;
        let unsupported = model.unsupported(head.logits);
        if !unsupported.is_empty() {
            return Err(netfold::Error::Unsupported(unsupported).into());
        }
        self.frozen = None;
        self.opened = Some(Opened { model, head, stamp: source.stamp.clone(), load: start.elapsed().as_secs_f64() });
        Ok(())
    }

    /// The reconstruction at an input, without its rows, as the page's script reads it.
    ///
    /// # Errors
    /// If another model was opened meanwhile, the input does not fit the model, or the job was stopped.
    pub fn document(&mut self, model: &str, input: &Source, ticket: &Ticket) -> Result<Vec<u8>, Problem> {
        Ok(self.frozen(model, input, ticket)?.document.clone())
    }

    /// One row of W, as the page's script reads it.
    ///
    /// # Errors
    /// As [`Self::document`], and if there is no such class.
    pub fn row(&mut self, model: &str, input: &Source, class: usize, ticket: &Ticket) -> Result<Vec<u8>, Problem> {
        let layout = self.settings.layout;
        let frozen = self.frozen(model, input, ticket)?;
        frozen.check(class)?;
        if let Some(row) = frozen.rows.get(&class) {
            return Ok(row.clone());
        }
        let request = Request { classes: vec![class], ..Request::default() };
        let mut made = None;
        let Frozen { circuit, given, logits, .. } = &*frozen;
        circuit.reconstruct(&given.x, logits, &request, &mut |_, _| {}, &mut |row| {
            ticket.check()?;
            made = Some(class_view(row, &given.x, circuit, logits, layout)?.to_bytes());
            Ok::<(), Problem>(())
        })?;
        let bytes = made.ok_or_else(Problem::stopped)?;
        frozen.keep(class, bytes.clone());
        Ok(bytes)
    }

    /// Writes `reconstruction.npz` and `reconstructed.onnx` of some classes into a folder.
    ///
    /// # Errors
    /// As [`Self::row`], and if a file cannot be written.
    pub fn export(
        &mut self,
        model: &str,
        input: &Source,
        classes: &[usize],
        folder: &Path,
        ticket: &Ticket,
    ) -> Result<(), Problem> {
        let frozen = self.frozen(model, input, ticket)?;
        classes.iter().try_for_each(|&class| frozen.check(class))?;
        let bias = frozen.circuit.bias();
        let bias: Vec<T> = classes.iter().map(|&class| bias[class]).collect();
        let pixels = frozen.given.picture.as_ref().map(|picture| picture.map.clone());
        let Some(opened) = &self.opened else { return Err(other_model()) };
        let name = opened.model.name(opened.model.input()?);
        let Some(frozen) = &self.frozen else { return Err(other_model()) };
        let mut store = Store::begin(folder, (name, &frozen.given.x), &bias, pixels)?;
        let request = Request { classes: classes.to_vec(), ..Request::default() };
        let all = classes.len();
        let result = frozen.circuit.reconstruct(
            &frozen.given.x,
            &frozen.logits,
            &request,
            &mut |done, _| ticket.progress(done, all),
            &mut |row| {
                ticket.check()?;
                store.row(row).map_err(Problem::from)
            },
        )?;
        Ok(store.finish(&result, &frozen.given.x)?)
    }

    /// The model frozen at the input: the one at hand, or made anew.
    fn frozen(&mut self, model: &str, input: &Source, ticket: &Ticket) -> Result<&mut Frozen<T>, Problem> {
        let opened = self.opened.as_ref().filter(|opened| opened.stamp.sha256 == model).ok_or_else(other_model)?;
        if self.frozen.as_ref().is_none_or(|frozen| frozen.input != input.stamp.sha256) {
            self.frozen = None;
            let made = freeze(opened, &self.settings, input, ticket)?;
            self.frozen = Some(made);
        }
        self.frozen.as_mut().ok_or_else(other_model)
    }
}

fn other_model() -> Problem {
    Problem::new(StatusCode::CONFLICT, "another model was opened meanwhile").hint("reload the page")
}

impl<T: Precision> Frozen<T> {
    fn check(&self, class: usize) -> Result<(), Problem> {
        let logits = self.logits.len();
        if class < logits {
            return Ok(());
        }
        Err(Problem::new(StatusCode::NOT_FOUND, format!("there is no class {class}: the model has {logits} logits")))
    }

    fn keep(&mut self, class: usize, row: Vec<u8>) {
        if row.len() * (self.rows.len() + 1) > KEPT {
            self.rows.clear();
        }
        self.rows.insert(class, row);
    }
}

/// Traces, freezes, and computes the first rows, which prove the reconstruction.
fn freeze<T: Precision>(
    opened: &Opened,
    settings: &Settings,
    input: &Source,
    ticket: &Ticket,
) -> Result<Frozen<T>, Problem> {
    const STEPS: usize = 3;
    let (start, model) = (Instant::now(), &opened.model);
    let info = &model.tensors[model.input()?.0];
    let given =
        Given::<T>::read(&input.path, &info.name, info.shape.as_deref(), settings.layout, &settings.preprocess)?;
    ticket.check()?;
    let began = Instant::now();
    let trace = model.trace(&given.x, opened.head.logits, NonFinite::Refuse)?;
    let traced = began.elapsed();
    ticket.progress(1, STEPS);
    ticket.check()?;
    let circuit = trace.freeze(&Rules { default: settings.rule, ..Rules::default() })?;
    let frozen = began.elapsed().saturating_sub(traced);
    let logits = trace.logits()?.clone();
    drop(trace);
    ticket.progress(2, STEPS);
    ticket.check()?;
    let request = Request { classes: top(logits.data(), FIRST), ..Request::default() };
    let mut classes = Vec::new();
    let result = circuit.reconstruct(&given.x, &logits, &request, &mut |_, _| {}, &mut |row| {
        ticket.check()?;
        classes.push(class_view(row, &given.x, &circuit, &logits, settings.layout)?);
        Ok::<(), Problem>(())
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
        method: result.method.to_string(),
        left_off: opened.head.left_off.clone(),
        seconds,
        model: opened.stamp.clone(),
        input: input.stamp.clone(),
    };
    let certificate = Certificate::new(&circuit, &result, told);
    let tensor = sheet(&wide(given.x.data()), given.x.shape(), settings.layout)?;
    let labels = if settings.labels.len() == logits.len() { settings.labels.clone() } else { Vec::new() };
    let report = Report {
        title: format!("{} at {}", certificate.model.file, certificate.input.file),
        model: ModelFacts {
            input_name: info.name.clone(),
            input_shape: given.x.shape().to_vec(),
            output_name: model.name(opened.head.logits).to_owned(),
            nodes: model.nodes.len(),
            logits: wide(&result.logits),
            pushed: wide(&result.pushed),
            labels,
            layers: layers(&circuit),
        },
        input: InputFacts {
            preprocessing: given.picture.as_ref().map_or(String::new(), |_| settings.preprocess_name.clone()),
            view: InputView::Tensor(tensor.clone()),
            tensor,
            units: given.picture.as_ref().map(units),
        },
        classes: Vec::new(),
        weight_unit: "logit per model unit".into(),
        certificate,
    };
    let document = report.to_bytes(request.classes);
    let rows = classes.iter().map(|class| (class.index, class.to_bytes())).collect();
    Ok(Frozen { input: input.stamp.sha256.clone(), given, logits, circuit, document, rows })
}

fn class_view<T: Precision>(
    row: &Row<'_, T>,
    x: &Tensor<T>,
    circuit: &Circuit<T>,
    logits: &Tensor<T>,
    layout: LayoutChoice,
) -> Result<ClassView, Problem> {
    let weights = wide(row.weights);
    let contributions: Vec<f64> = weights.iter().zip(x.data()).map(|(w, x)| w * x.wide()).collect();
    let shares = circuit.stages().iter().zip(row.bias_by_stage).filter(|(_, share)| share.wide() != 0.0);
    let part =
        |(stage, share): (&netfold::circuit::Stage<T>, &T)| BiasPart { layer: stage.node.clone(), value: share.wide() };
    Ok(ClassView {
        index: row.class,
        label: None,
        logit: logits.data()[row.class].wide(),
        reconstructed: row.reconstructed.wide(),
        pixels: contributions.iter().sum(),
        bias: row.bias.wide(),
        bias_by_layer: shares.map(part).collect(),
        contributions: sheet(&contributions, x.shape(), layout)?,
        weights: sheet(&weights, x.shape(), layout)?,
    })
}

fn sheet(values: &[f64], shape: &[usize], layout: LayoutChoice) -> Result<Sheet, Problem> {
    let without: Vec<usize> = netfold::store::without_batch(shape).collect();
    Ok(Sheet::arrange(values, Layout::of_shape(&without, Order::of_input(shape, layout)))?)
}

fn wide<T: Precision>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.wide()).collect()
}
