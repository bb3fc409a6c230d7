//! What the page's script is told: the same facts that the page shows without it, and the numbers.

use netfold::circuit::Stage;
use netfold::input::{ChannelOrder, Pictured};
use netfold::model::FileStamp;
use netfold::{Circuit, Precision};
use serde::Serialize;

use crate::facts::{self, Fact};
use crate::report::{BiasPart, ClassView, Layer, PixelUnits, Report};
use crate::sheet::{Kind, Sheet};

/// What the page says about units, of a picture.
pub fn units<T>(picture: &Pictured<T>) -> PixelUnits {
    let names: &[&str] = match (picture.factor.len(), picture.order) {
        (1, _) => &["gray"],
        (_, ChannelOrder::Rgb) => &["red", "green", "blue"],
        (_, ChannelOrder::Bgr) => &["blue", "green", "red"],
    };
    PixelUnits {
        factor: picture.factor.clone(),
        offset: picture.offset.clone(),
        channels: names.iter().map(|&name| name.to_owned()).collect(),
    }
}

/// The nodes of a circuit, in order.
pub fn layers<T: Precision>(circuit: &Circuit<T>) -> Vec<Layer> {
    let layer = |stage: &Stage<T>| Layer {
        node: stage.node.clone(),
        tensor: stage.tensor.clone(),
        op: stage.op.clone(),
        shape: stage.affine.shape().to_vec(),
        validity: stage.affine.validity,
        rule: stage.frozen_by().unwrap_or_default().into(),
    };
    circuit.stages().iter().map(layer).collect()
}

/// The shares of the stages in b that are not zero, from one share a stage.
pub fn bias_parts<T: Precision>(circuit: &Circuit<T>, shares: impl IntoIterator<Item = f64>) -> Vec<BiasPart> {
    let stages = circuit.stages().iter().enumerate().zip(shares).filter(|(_, share)| *share != 0.0);
    stages.map(|((i, stage), value)| BiasPart { layer: stage.node.clone(), stage: Some(i), value }).collect()
}

#[derive(Serialize)]
struct Head<'a> {
    title: &'a str,
    grid: Grid,
    units: Option<&'a PixelUnits>,
    model: &'a FileStamp,
    input: Input<'a>,
    logits: &'a [f64],
    reconstructed: &'a [f64],
    labels: &'a [String],
    layers: &'a [Layer],
    held: &'a [String],
    equivalent: bool,
    verdict: String,
    line: String,
    facts: Vec<Fact>,
    times: Vec<Fact>,
    hashes: Vec<Fact>,
    rows: Vec<usize>,
}

/// How a sheet is laid out, as the page's script reads it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Grid {
    /// `picture`, `series` or `vector`.
    pub kind: &'static str,
    /// Rows; 1 for a signal or a list.
    pub height: usize,
    /// Columns, samples or numbers.
    pub width: usize,
    /// Values a pixel.
    pub channels: usize,
}

impl Grid {
    /// The grid of a sheet.
    pub fn of(sheet: &Sheet) -> Self {
        let kind = match sheet.kind() {
            Kind::Picture => "picture",
            Kind::Series => "series",
            Kind::Vector => "vector",
        };
        Self { kind, height: sheet.height(), width: sheet.width(), channels: sheet.channels() }
    }
}

#[derive(Serialize)]
struct Input<'a> {
    #[serde(flatten)]
    stamp: &'a FileStamp,
    preprocessing: &'a str,
}

/// A row without its weights, as the page's script reads it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowHead {
    /// The index of the logit.
    pub index: usize,
    /// f(x)
    pub logit: f64,
    /// Σ (W ∘ x) + b
    pub reconstructed: f64,
    /// b
    pub bias: f64,
    /// The shares of the layers in b.
    pub bias_by_layer: Vec<BiasPart>,
}

impl Report {
    /// The report without its rows, as the page's script reads it: JSON and the input.
    ///
    /// `rows` are the classes that the page shows first; it asks for their rows by [`ClassView::to_bytes`].
    pub fn to_bytes(&self, rows: Vec<usize>) -> Vec<u8> {
        let certificate = &self.certificate;
        let x = &self.input.tensor;
        let head = Head {
            title: &self.title,
            grid: Grid::of(x),
            units: self.input.units.as_ref(),
            model: &certificate.model,
            input: Input { stamp: &certificate.input, preprocessing: &self.input.preprocessing },
            logits: &self.model.logits,
            reconstructed: &self.model.reconstructed,
            labels: &self.model.labels,
            layers: &self.model.layers,
            held: &certificate.gated_only,
            equivalent: certificate.equivalent,
            verdict: facts::verdict(certificate),
            line: facts::line(certificate),
            facts: facts::certificate(self),
            times: facts::times(certificate),
            hashes: facts::hashes(certificate),
            rows,
        };
        packed(&head, x.values())
    }
}

impl ClassView {
    /// The row as the page's script reads it: JSON and the weights.
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = RowHead {
            index: self.index,
            logit: self.logit,
            reconstructed: self.reconstructed,
            bias: self.bias,
            bias_by_layer: self.bias_by_layer.clone(),
        };
        packed(&head, self.weights.values())
    }
}

/// What the page's script reads: the length of the JSON as u32, the JSON padded with spaces to four bytes, then float32;
/// all little-endian.
pub fn packed(head: &impl Serialize, values: &[f64]) -> Vec<u8> {
    // Structs of numbers and strings always serialise; what is not finite becomes null.
    let mut json = serde_json::to_vec(head).unwrap_or_default();
    json.resize(json.len().next_multiple_of(4), b' ');
    let mut bytes = Vec::with_capacity(4 + json.len() + 4 * values.len());
    bytes.extend((json.len() as u32).to_le_bytes());
    bytes.extend(json);
    values.iter().for_each(|&value| bytes.extend((value as f32).to_le_bytes()));
    bytes
}
