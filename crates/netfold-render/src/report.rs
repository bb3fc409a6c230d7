//! The facts that the report page shows: plain data, filled by whoever made the reconstruction.

use image::RgbImage;
use netfold::{Certificate, Validity};
use serde::Serialize;

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
    /// Why the pictures may be read as the network; it names the files of the model and the input too.
    pub certificate: Certificate,
}

/// What the page says about the network beside its certificate.
#[derive(Clone, Debug, Default)]
pub struct ModelFacts {
    /// Name of the input tensor.
    pub input_name: String,
    /// Shape of the input tensor, batch axis included.
    pub input_shape: Vec<usize>,
    /// Its element type, as the file declares it; empty where it does not.
    pub input_type: String,
    /// Name of the tensor that holds the logits.
    pub output_name: String,
    /// Number of nodes of the graph.
    pub nodes: usize,
    /// What the network says, for all classes.
    pub logits: Vec<f64>,
    /// W x + b for all classes.
    pub reconstructed: Vec<f64>,
    /// Names of the classes; empty where they are not known.
    pub labels: Vec<String>,
    /// The nodes that depend on the input, in order.
    pub layers: Vec<Layer>,
}

/// What the page says about the input beside its certificate.
#[derive(Clone, Debug)]
pub struct InputFacts {
    /// How the picture became the tensor, such as `imagenet: resize 256, crop 224, mean and deviation`.
    pub preprocessing: String,
    /// What is shown.
    pub view: InputView,
    /// The tensor that the model takes.
    pub tensor: Sheet,
    /// How its numbers come from pixel values; `None` for an array.
    pub units: Option<PixelUnits>,
}

/// x = factor\[c\] · p + offset\[c\]: the model's numbers x out of pixel values p (0 to 255), channel by channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PixelUnits {
    /// One factor for each channel, in the model's order.
    pub factor: Vec<f64>,
    /// One offset for each channel.
    pub offset: Vec<f64>,
    /// Their names, such as `red`.
    pub channels: Vec<String>,
}

/// One node of the frozen network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// The node's name.
    pub node: String,
    /// The tensor that it makes.
    pub tensor: String,
    /// Its operator.
    pub op: String,
    /// The tensor's shape.
    pub shape: Vec<usize>,
    /// How far its frozen form holds.
    pub validity: Validity,
    /// What was done: empty where it is linear.
    pub rule: String,
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
    /// The stage of the circuit; `None` for what is no stage, such as a reference.
    pub stage: Option<usize>,
    /// adjoint of the logit at the node · the node's offset
    pub value: f64,
}
