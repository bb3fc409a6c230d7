//! The network: four blocks of convolution, batch normalisation, rectifier and max pooling, then two linear layers.
//!
//! ```text
//! image (1, S, S) → [Conv 3×3 → BatchNorm → ReLU → MaxPool 2×2] × 4 → Flatten
//!                 → Dropout → Linear → ReLU → Dropout → Linear → logits (2)
//! ```
//!
//! There is no softmax: the outputs are the logits, An-26 first.

use burn::config::Config;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::tensor::{Device, Int, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};

use crate::geometry::Aircraft;

/// Channels after each block.
const CHANNELS: [usize; 4] = [8, 16, 32, 32];
/// Width of the layer before the outputs.
const HIDDEN: usize = 64;

/// What shapes the network.
#[derive(Config, Debug)]
pub struct NetworkConfig {
    /// Pixels along a side of the image.
    pub size: usize,
    /// Share of the values that dropout drops while training.
    #[config(default = 0.4)]
    pub dropout: f64,
}

/// Convolution, batch normalisation, rectifier, max pooling.
#[derive(Module, Debug)]
pub struct Block {
    /// 3 x 3, padded so that the size stays; the bias is left to the normalisation.
    pub conv: Conv2d,
    /// Over the batch, per channel.
    pub norm: BatchNorm,
    /// Keeps what is positive.
    pub activation: Relu,
    /// 2 x 2: halves the size.
    pub pool: MaxPool2d,
}

/// The whole network.
#[derive(Module, Debug)]
pub struct Network {
    /// From the image to the features.
    pub blocks: Vec<Block>,
    /// Before each linear layer; does nothing outside training.
    pub dropout: Dropout,
    /// From all features to a few.
    pub hidden: Linear,
    /// Keeps what is positive.
    pub activation: Relu,
    /// From the few to the logits.
    pub output: Linear,
    /// Pixels along a side of the image.
    pub size: usize,
}

impl NetworkConfig {
    /// The network with fresh random weights.
    pub fn init(&self, device: &Device) -> Network {
        let mut channels = 1;
        let blocks = CHANNELS
            .into_iter()
            .map(|next| {
                let conv = Conv2dConfig::new([channels, next], [3, 3])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .with_bias(false)
                    .init(device);
                channels = next;
                let norm = BatchNormConfig::new(next).init(device);
                Block { conv, norm, activation: Relu::new(), pool: MaxPool2dConfig::new([2, 2]).init() }
            })
            .collect();
        let side = self.size >> CHANNELS.len();
        Network {
            blocks,
            dropout: DropoutConfig::new(self.dropout).init(),
            hidden: LinearConfig::new(channels * side * side, HIDDEN).init(device),
            activation: Relu::new(),
            output: LinearConfig::new(HIDDEN, Aircraft::ALL.len()).init(device),
            size: self.size,
        }
    }
}

impl Network {
    /// (images, 1, S, S) → (images, 2)
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let features = self.blocks.iter().fold(images, |x, block| {
            block.pool.forward(block.activation.forward(block.norm.forward(block.conv.forward(x))))
        });
        let hidden = self.hidden.forward(self.dropout.forward(features.flatten(1, 3)));
        self.output.forward(self.dropout.forward(self.activation.forward(hidden)))
    }

    fn classify(&self, batch: Batch) -> ClassificationOutput {
        let logits = self.forward(batch.images);
        let loss = CrossEntropyLossConfig::new().init(&logits.device()).forward(logits.clone(), batch.targets.clone());
        ClassificationOutput::new(loss, logits, batch.targets)
    }
}

/// Some labelled images as tensors.
#[derive(Debug, Clone)]
pub struct Batch {
    /// (images, 1, S, S), grey levels over 255.
    pub images: Tensor<4>,
    /// (images): the labels.
    pub targets: Tensor<1, Int>,
}

impl TrainStep for Network {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> TrainOutput<ClassificationOutput> {
        let item = self.classify(batch);
        TrainOutput::new(self, item.loss.backward(), item)
    }
}

impl InferenceStep for Network {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> ClassificationOutput {
        self.classify(batch)
    }
}
