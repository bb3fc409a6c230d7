//! The facts that the report page shows: plain data, filled by whoever made the reconstruction.

use std::path::Path;

use image::RgbImage;
use serde::Serialize;

use crate::RenderError;
use crate::file::write_whole;
use crate::page;
use crate::sheet::Sheet;

/// All that one report shows.
///
/// The weights of all classes share one scale, and so do the contributions: equal colours mean equal numbers.
#[derive(Clone, Debug)]
pub struct Report {
    /// The title of the page, such as `resnet50.onnx at tabby.png`.
    pub title: String,
    /// The network.
    pub model: ModelFacts,
    /// The input.
    pub input: InputFacts,
    /// The classes that are shown, in the order of the page.
    pub classes: Vec<ClassView>,
    /// What a weight is measured in: `logit per model unit` or `logit per pixel unit`. The biases must be those of the
    /// same units.
    pub weight_unit: String,
    /// Why the pictures may be read as the network.
    pub certificate: Certificate,
}

/// What the page says about the network.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ModelFacts {
    /// File name.
    pub file: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Name of the input tensor.
    pub input_name: String,
    /// Shape of the input tensor, batch axis included.
    pub input_shape: Vec<usize>,
    /// Name of the output tensor that holds the logits.
    pub output_name: String,
    /// Number of logits.
    pub logits: usize,
    /// Number of nodes of the graph.
    pub nodes: usize,
}

/// What the page says about the input.
#[derive(Clone, Debug)]
pub struct InputFacts {
    /// File name.
    pub file: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// How the picture became the tensor, such as `imagenet: resize 256, crop 224, mean and deviation`.
    pub preprocessing: String,
    /// What is shown.
    pub view: InputView,
}

/// The input as people see it.
#[derive(Clone, Debug)]
pub enum InputView {
    /// The picture that was given, in the same crop as the sheets (its size may differ).
    Picture(RgbImage),
    /// The tensor that the model takes; as a picture, its smallest value is black and its largest white.
    Tensor(Sheet),
}

/// One class: one row of W, and what it does to the input.
#[derive(Clone, Debug)]
pub struct ClassView {
    /// The index of the logit.
    pub index: usize,
    /// The name of the class, where labels are known.
    pub label: Option<String>,
    /// What the network says.
    pub logit: f64,
    /// Σ (W ∘ x) + b: what the one-layer model says.
    pub reconstructed: f64,
    /// Σ (W ∘ x), summed by the library over all elements.
    pub pixels: f64,
    /// b
    pub bias: f64,
    /// The row of W.
    pub weights: Sheet,
    /// The row of W ∘ x.
    pub contributions: Sheet,
    /// The share of each node in b, in graph order; empty where it was not computed.
    pub bias_by_layer: Vec<BiasPart>,
}

/// The share of one node in the bias of a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BiasPart {
    /// Name of the node or tensor.
    pub layer: String,
    /// adjoint of the logit at the node · the node's offset
    pub value: f64,
}

/// Whether a frozen node equals the network's only at this input or in its whole linear region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exactness {
    /// The node is affine whatever the input is.
    Everywhere,
    /// Exact for all inputs with the same masks and winners.
    Region,
    /// Exact at this input: a rule rebuilds the value here.
    Input,
}

impl Exactness {
    /// The words of the page.
    pub fn words(self) -> &'static str {
        match self {
            Self::Everywhere => "exact everywhere",
            Self::Region => "exact in a region",
            Self::Input => "exact at this input",
        }
    }
}

/// How many nodes of one operator were frozen by which rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleFacts {
    /// Operator, such as `Relu`.
    pub op: String,
    /// What was done, such as `mask`, `winner`, `gate`.
    pub rule: String,
    /// How far it holds.
    pub exactness: Exactness,
    /// How many nodes.
    pub nodes: usize,
}

/// The share of a mask that is on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaskDensity {
    /// Name of the node.
    pub node: String,
    /// Elements of the mask.
    pub elements: usize,
    /// Share of them that let their value pass, 0 ..= 1.
    pub density: f64,
}

/// A named number of seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// What took the time, such as `trace`.
    pub step: String,
    /// Seconds of wall clock.
    pub seconds: f64,
}

/// A program or library and its version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Version {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

/// max over all logits of |f(x) − (W x + b)| / max |f(x)|, and how it came about.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Certificate {
    /// Whether the worst difference is within the tolerance.
    pub equivalent: bool,
    /// The worst difference over all logits divided by the largest |logit|.
    pub worst_relative_difference: f64,
    /// The largest difference that is called equal.
    pub tolerance: f64,
    /// Whether both models put the same class first.
    pub argmax_kept: bool,
    /// `f32` or `f64`.
    pub precision: String,
    /// `adjoint` or `probe`, with the basis.
    pub method: String,
    /// What was frozen how.
    pub rules: Vec<RuleFacts>,
    /// How dense the masks are.
    pub masks: Vec<MaskDensity>,
    /// Where the time went.
    pub times: Vec<Timing>,
    /// The largest resident memory in bytes.
    pub peak_memory: Option<u64>,
    /// What computed this.
    pub versions: Vec<Version>,
}

impl Report {
    /// The page as one self-contained HTML text: no script, style, font or picture comes from elsewhere.
    ///
    /// # Errors
    /// [`RenderError::Encode`] or [`RenderError::Page`]; neither depends on the input's content.
    pub fn to_html(&self) -> Result<String, RenderError> {
        page::html(self)
    }

    /// Writes the page, whole or not at all.
    ///
    /// # Errors
    /// As [`Self::to_html`], and [`RenderError::Write`] with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), RenderError> {
        write_whole(path.as_ref(), self.to_html()?.as_bytes())
    }
}
