//! The words of the command line.

mod common;
mod words;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use netfold::lenses::LayerAxes;

pub use common::{Common, Network};
pub use words::{BasisWord, GraphWord, MethodWord, NormWord, PrecisionWord, ScoreWord};
use words::{not_negative, numbers, positive, sizes};

/// The one-layer model y = W x + b that a trained network is at one input.
#[derive(Debug, Parser)]
#[command(name = "netfold", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compute W and b for one input, prove that they are the network, and write them out
    Reconstruct(Reconstruct),
    /// Say where b comes from: preprocessing, every node, every channel
    Bias(Bias),
    /// Say how far the one-layer model holds: along rays, in balls, up to another class
    Region(Region),
    /// Integrated gradients between two inputs, exact piece by piece
    Integrate(Integrate),
    /// Say what a network is made of, how each node is frozen, and what a reconstruction takes
    Inspect(Inspect),
    /// Check that the one-layer model equals the network, for each of several inputs
    Verify(Verify),
    /// Look at one logit through other lenses: gradients, CAM, LRP, DeepLIFT and others, each with its residual
    Lens(Lens),
    /// Put model and explanation to the tests that people should run: transposes, precision, randomisation, deletion
    Check(Check),
    /// Open a model and inputs in the browser and look at reconstructions
    Explore(Explore),
    /// List the operators that are supported
    Ops {
        /// One JSON object on standard output
        #[arg(long)]
        json: bool,
    },
}

/// Arguments of `reconstruct`.
#[derive(Debug, Args)]
pub struct Reconstruct {
    /// The trained network, an ONNX file
    pub model: PathBuf,
    /// A picture (PNG, JPEG, WebP, TIFF, BMP, GIF), or a .npy array holding the tensor that the model takes
    pub input: PathBuf,
    /// Compute W for this class; may be given several times
    #[arg(long, value_name = "NAME|INDEX")]
    pub class: Vec<String>,
    /// With --at: compute W for this unit: one index for each axis of the tensor, or a channel c, which means its
    /// strongest place; may be given several times
    #[arg(long, value_name = "c[,y,x]", requires = "at", conflicts_with = "class")]
    pub unit: Vec<String>,
    /// Compute W for the N classes with the largest logits [default: 5, or 0 where --class or --unit is given]
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// Compute W for every class; pictures are made for those that --class and --top choose
    #[arg(long)]
    pub all: bool,
    /// Write arrays, one-layer model, certificate, pictures and report into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How W is computed: rows by the adjoint, columns by probes, or the cheaper of the two
    #[arg(long, value_enum, default_value_t)]
    pub method: MethodWord,
    /// The group of orthogonal vectors for --method probe
    #[arg(long, value_enum, default_value_t)]
    pub basis: BasisWord,
    /// Contributions against this input: W (x - x0), and b + W x0 is the rest
    #[arg(long, value_name = "INPUT", conflicts_with = "from")]
    pub reference: Option<PathBuf>,
    /// What both commands share.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `bias`.
#[derive(Debug, Args)]
pub struct Bias {
    /// The trained network, an ONNX file
    pub model: PathBuf,
    /// A picture or a .npy array
    pub input: PathBuf,
    /// The class; the one with the largest logit by default. `not-0` is the opposite of a lone logit
    #[arg(long, value_name = "NAME|INDEX")]
    pub class: Option<String>,
    /// What all commands share.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `region`.
#[derive(Debug, Args)]
pub struct Region {
    /// The trained network, an ONNX file
    pub model: PathBuf,
    /// A picture or a .npy array
    pub input: PathBuf,
    /// The ray towards this input, which t = 1 reaches; may be given several times
    #[arg(long, value_name = "INPUT")]
    pub towards: Vec<PathBuf>,
    /// The ray along which all pixels become brighter by t
    #[arg(long)]
    pub brightness: bool,
    /// The ray along which the distance from mid-gray grows by the factor 1 + t
    #[arg(long)]
    pub contrast: bool,
    /// The ray along which one pixel becomes brighter by t; may be given several times
    #[arg(long, value_name = "y,x", value_parser = numbers::<2>)]
    pub pixel: Vec<[usize; 2]>,
    /// The ray along which a rectangle becomes brighter by t; may be given several times
    #[arg(long, value_name = "y,x,height,width", value_parser = numbers::<4>)]
    pub rectangle: Vec<[usize; 4]>,
    /// The ray along the weights of this class, of length 1; may be given several times
    #[arg(long, value_name = "NAME|INDEX")]
    pub along_class: Vec<String>,
    /// With rays: how many borders are listed along each
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub events: usize,
    /// With rays: at how many places the network is compared with the one-layer model
    #[arg(long, value_name = "N", default_value_t = 9)]
    pub points: usize,
    /// With rays: how far, in t [default: 1 towards an input, else a quarter of the input's range]
    #[arg(long, value_name = "T", value_parser = positive)]
    pub reach: Option<f64>,
    /// The norm of balls and distances; may be given several times [default: all, or none where there are rays]
    #[arg(long, value_enum)]
    pub norm: Vec<NormWord>,
    /// Seconds to spend on the radius; what is known by then is told
    #[arg(long, value_name = "S", default_value_t = 60.0, value_parser = not_negative)]
    pub seconds: f64,
    /// The class whose borders are measured [default: the one with the largest logit]
    #[arg(long, value_name = "NAME|INDEX")]
    pub class: Option<String>,
    /// Borders to the N other classes with the largest logits
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub top: usize,
    /// Borders to all other classes; the nearest N of --top are shown
    #[arg(long)]
    pub all: bool,
    /// What all commands share.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `integrate`.
#[derive(Debug, Args)]
pub struct Integrate {
    /// The trained network, an ONNX file
    pub model: PathBuf,
    /// A picture or a .npy array
    pub input: PathBuf,
    /// Where the path begins, preprocessed alike
    #[arg(long, value_name = "INPUT")]
    pub reference: PathBuf,
    /// The class [default: the one with the largest logit at INPUT]
    #[arg(long, value_name = "NAME|INDEX")]
    pub class: Option<String>,
    /// Look for this many linear pieces at most; what remains is told as unresolved
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub pieces: u32,
    /// Write the attributions into this .npy file, in the input's shape
    #[arg(long, value_name = "FILE.npy")]
    pub out: Option<PathBuf>,
    /// What all commands share.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The trained network, an ONNX file
    pub model: PathBuf,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
    /// The network as a graph instead of a table; constants are left out
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub graph: Option<GraphWord>,
    /// Shape of an input (the explained one where no name is given), where the file does not give its sizes; may be
    /// given several times
    #[arg(long, value_name = "[NAME=]N,C,H,W", value_parser = sizes)]
    pub shape: Vec<(Option<String>, Vec<usize>)>,
    /// Inspect from this inner tensor on, which stands for x
    #[arg(long, value_name = "TENSOR")]
    pub from: Option<String>,
    /// Precision that memory is counted in
    #[arg(long, value_enum, default_value_t)]
    pub precision: PrecisionWord,
    /// What is looked at.
    #[command(flatten)]
    pub network: Network,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The trained network, an ONNX file
    pub model: PathBuf,
    /// Pictures or .npy arrays
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
    /// What both commands share.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `lens`.
#[derive(Debug, Args)]
pub struct Lens {
    /// The trained network, an ONNX file
    pub model: PathBuf,
    /// A picture or a .npy array
    pub input: PathBuf,
    /// A lens by name, or `all`; may be given several times [default: all; those that do not apply are listed]
    #[arg(long = "lens", value_name = "NAME")]
    pub names: Vec<String>,
    /// The class; the one with the largest logit by default. `not-0` is the opposite of a lone logit
    #[arg(long, value_name = "NAME|INDEX")]
    pub class: Option<String>,
    /// Write a picture for each lens and a contact sheet of all into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write the maps into this array: lenses, channels, rows, columns
    #[arg(long, value_name = "FILE")]
    pub npy: Option<PathBuf>,
    /// The input that integrated gradients, DeepLIFT and occlusion start from [default: zeros]
    #[arg(long, value_name = "INPUT")]
    pub reference: Option<PathBuf>,
    /// The feature map of the class activation maps [default: the last convolution's]
    #[arg(long, value_name = "TENSOR")]
    pub layer: Option<String>,
    /// What the axes of that feature map are: N batch, C channels, H and W rows and columns, L a signal, T=14x14 tokens row
    /// by row, T=1+14x14 behind a class token [default: as the operators tell that made it]
    #[arg(long, value_name = "N,C,H,W")]
    pub layer_axes: Option<LayerAxes>,
    /// Noisy inputs of SmoothGrad
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    pub samples: u32,
    /// Deviation of SmoothGrad's noise, as a share of the input's range
    #[arg(long, value_name = "SHARE", default_value_t = 0.15, value_parser = not_negative)]
    pub noise: f64,
    /// Seed of SmoothGrad's noise
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Steps of integrated gradients
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,
    /// Side of occlusion's windows [default: an eighth of the longer side]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub window: Option<u32>,
    /// Lowest and highest number that an input can hold, for the z-box [default: those of this input]
    #[arg(long = "box", num_args = 2, value_names = ["LOW", "HIGH"], allow_negative_numbers = true)]
    pub bounds: Vec<f64>,
    /// What all commands share.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The trained network, an ONNX file
    pub model: PathBuf,
    /// Pictures or .npy arrays
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
    /// The class; the one with the largest logit by default. `not-0` is the opposite of a lone logit
    #[arg(long, value_name = "NAME|INDEX")]
    pub class: Option<String>,
    /// The lens whose map the randomisation and the curves are put to
    #[arg(long, value_name = "NAME", default_value = "contributions")]
    pub lens: String,
    /// What the deletion and insertion curves are of [default: as the network ends]
    #[arg(long, value_enum)]
    pub score: Option<ScoreWord>,
    /// Steps of the deletion and insertion curves
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,
    /// Seed of random vectors and shuffled weights
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// What all commands share.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `explore`.
#[derive(Debug, Args)]
pub struct Explore {
    /// The trained network, an ONNX file; another one can be opened in the page
    pub model: Option<PathBuf>,
    /// Pictures or .npy arrays; others can be opened in the page
    pub inputs: Vec<PathBuf>,
    /// The port to listen at; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 7377)]
    pub port: u16,
    /// The address to listen at; any other than this machine's own lets others in
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub address: IpAddr,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
    /// How a network is run.
    #[command(flatten)]
    pub common: Common,
}
