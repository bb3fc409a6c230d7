//! Arguments that several commands share.

use std::path::PathBuf;

use clap::Args;
use netfold::trace::NonFinite;
use netfold::{Budget, Rules};

use super::words::{LayoutWord, PrecisionWord, RuleWord, memory, named, node_rule, not_negative};

/// Arguments of every command that runs a network.
#[derive(Debug, Args)]
pub struct Common {
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
    /// The value of another input of the model, held constant; may be given several times
    #[arg(long = "input", value_name = "NAME=FILE", value_parser = named)]
    pub held: Vec<String>,
    /// How pixels become numbers: a preset, or a preprocessor_config.json [default: unit, or raw for an input of
    /// integers]
    #[arg(long, value_name = "unit|raw|imagenet|tf|caffe|FILE.json")]
    pub preprocess: Option<String>,
    /// Order of the axes of the model's input
    #[arg(long, value_enum, default_value_t)]
    pub layout: LayoutWord,
    /// Names of the classes, one a line
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// What is reconstructed.
    #[command(flatten)]
    pub network: Network,
    /// Reconstruct this inner tensor instead of an output
    #[arg(long, value_name = "TENSOR", conflicts_with_all = ["output", "keep_softmax"])]
    pub at: Option<String>,
    /// Reconstruct from this inner tensor on: x is its value at the input, what goes around it belongs to b
    #[arg(long, value_name = "TENSOR")]
    pub from: Option<String>,
    /// Precision of the whole computation
    #[arg(long, value_enum, default_value_t)]
    pub precision: PrecisionWord,
    /// Largest difference, relative to the largest logit, that counts as equal [default: 1e-4 in f32, 1e-10 in f64]
    #[arg(long, value_name = "T", value_parser = not_negative)]
    pub tolerance: Option<f64>,
    /// Compute with NaN and infinities instead of refusing them
    #[arg(long)]
    pub allow_non_finite: bool,
    /// Threads to use; the result is the same for any number [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

impl Common {
    /// What is done with numbers that are not finite.
    pub fn non_finite(&self) -> NonFinite {
        if self.allow_non_finite { NonFinite::Allow } else { NonFinite::Refuse }
    }
}

/// Which end of a network is looked at, and how the way there is frozen.
#[derive(Debug, Args)]
pub struct Network {
    /// The input that is explained [default: the model's first]; INPUT is its value
    #[arg(long, value_name = "NAME")]
    pub explain: Option<String>,
    /// Which output of the model to reconstruct
    #[arg(long, value_name = "NAME")]
    pub output: Option<String>,
    /// Reconstruct a final softmax or sigmoid too, which is left off otherwise
    #[arg(long)]
    pub keep_softmax: bool,
    /// How nodes that are not piecewise linear are frozen
    #[arg(long, value_enum, default_value_t)]
    pub freeze: RuleWord,
    /// How one node is frozen; may be given several times
    #[arg(long, value_name = "NODE=gate|tangent|half", value_parser = node_rule)]
    pub freeze_node: Vec<(String, RuleWord)>,
    /// How much memory tensors and tables may take together: 500M, 2G, in powers of 1024 [default: three quarters of
    /// what is free, within the limits of process and container]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<u64>,
}

impl Network {
    /// How much memory a run may take.
    pub fn budget(&self) -> Budget {
        self.memory.map_or_else(Budget::default, Budget::new)
    }

    /// Which rule freezes which node.
    pub fn rules(&self) -> Rules {
        let by_node = self.freeze_node.iter().map(|(node, rule)| (node.clone(), (*rule).into())).collect();
        Rules { default: self.freeze.into(), by_node }
    }
}
