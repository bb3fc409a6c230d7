//! Lenses: other attribution methods on the same trace.
//!
//! A lens is a rule. It makes another [`Circuit`](crate::Circuit) out of the traced one (other maps in some stages) and
//! pulls as before, or it combines pulls at several inputs. It gives up W x + b = f(x), and says by how much: every
//! [`Attribution`] has a residual against the logit.
//!
//! Adding a lens takes one file, its `mod` line, one line of the table below and a golden: `netfold lens`, its pictures and the page of lenses all
//! read [`TABLE`].

mod cam;
mod cams;
mod deep_lift;
mod full_grad;
mod gradient;
mod grid;
mod integrated;
mod layer_axes;
mod lrp;
mod occlusion;
mod places;
mod rectified;
mod smooth_grad;
mod soft_gate;
mod stack;
mod subject;
mod transport;

use crate::error::{Error, nearest};
use crate::ops::Precision;

pub use cam::Cam;
pub use grid::Grid;
pub use layer_axes::LayerAxes;
pub use places::{ByChannel, Channels, Places};
pub use stack::stack;
pub use subject::{Attribution, Settings, Shows, Subject};

/// One lens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lens {
    /// Its name.
    pub name: &'static str,
    /// The file that it is in.
    pub file: &'static str,
    /// What it computes.
    pub formula: &'static str,
    /// Where it was published.
    pub source: &'static str,
    /// Which networks it has a meaning for.
    pub applies: &'static str,
    /// What it costs.
    pub cost: &'static str,
}

macro_rules! lenses {
    ($($module:ident: $($name:literal: $formula:literal, $source:literal, $applies:literal, $cost:literal;)+)+) => {
        /// Every lens, by file.
        pub const TABLE: &[Lens] = &[$($(Lens {
            name: $name,
            file: stringify!($module),
            formula: $formula,
            source: $source,
            applies: $applies,
            cost: $cost,
        }),+),+];

        impl Lens {
            /// What the lens shows of a subject.
            ///
            /// # Errors
            /// [`Error::Lens`], naming the node in the way, if it has no meaning for this network; what tracing and
            /// freezing return.
            pub fn look<T: Precision>(&self, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
                match self.name {
                    $($($name => $module::look($name, subject),)+)+
                    name => Err(Error::Unknown { kind: "lens", name: name.to_owned(), nearest: Vec::new() }),
                }
            }
        }
    };
}

// file: name: formula, source, where it applies, cost; w is a row of the Jacobian, R relevance, x₀ the reference.
lenses! {
    gradient:
        "gradient": "w = ∂f/∂x", "Simonyan, Vedaldi & Zisserman, arXiv 1312.6034", "every network", "1 pull";
        "gradient-x-input": "w ∘ x", "Shrikumar, Greenside & Kundaje, arXiv 1704.02685", "every network", "1 pull";
        "contributions": "W ∘ x of the one-layer model, b beside it", "this project", "every network", "1 pull, 1 push";
    rectified:
        "deconvnet": "at each rectifier a ← max(a, 0), its own mask left out", "Zeiler & Fergus, arXiv 1311.2901",
            "networks with Relu, or Clip from 0", "1 pull";
        "guided": "at each rectifier a ← max(a, 0), then its own mask", "Springenberg et al., arXiv 1412.6806",
            "networks with Relu, or Clip from 0", "1 pull";
    cams:
        "cam": "Σ_c w[c] h[c, p]", "Zhou et al., arXiv 1512.04150",
            "networks that are affine behind the last feature map h, with one weight a channel", "1 pull from h";
        "grad-cam": "max(Σ_c mean_p(∂f/∂h[c, p]) h[c, p], 0)", "Selvaraju et al., arXiv 1610.02391",
            "networks with a convolution", "1 pull from h";
        "grad-cam++": "max(Σ_c Σ_p α[c, p] max(g, 0) h[c, p], 0), α = g² / (2 g² + g³ Σ_p h), g = ∂f/∂h",
            "Chattopadhyay et al., arXiv 1710.11063", "networks with a convolution", "1 pull from h";
        "hirescam": "Σ_c ∂f/∂h[c, p] h[c, p]", "Draelos & Carin, arXiv 2011.08891", "networks with a convolution",
            "1 pull from h";
    smooth_grad:
        "smoothgrad": "mean over samples of ∂f/∂x at x + N(0, σ²)", "Smilkov et al., arXiv 1706.03825",
            "every network", "a trace and a pull a sample";
    integrated:
        "integrated-gradients": "(x − x₀) ∘ mean over midpoints of ∂f/∂x from x₀ to x",
            "Sundararajan, Taly & Yan, arXiv 1703.01365", "every network", "a trace and a pull a step";
    occlusion:
        "occlusion": "mean of f(x) − f(x with a window of x₀) over the windows of a place",
            "Zeiler & Fergus, arXiv 1311.2901", "every network", "a forward pass a window";
    full_grad:
        "fullgrad": "Σ_c w ∘ x + Σ over layers of the bias map aₛ ∘ cₛ, signed",
            "Srinivas & Fleuret, arXiv 1905.00780", "every network", "1 pull";
    lrp:
        "lrp-0": "R_i = Σ_j x_i w_ij / z_j R_j", "Bach et al., doi 10.1371/journal.pone.0130140", "every network",
            "1 pull";
        "lrp-epsilon": "R_i = Σ_j x_i w_ij / (z_j + ε sign z_j) R_j", "Bach et al., doi 10.1371/journal.pone.0130140",
            "every network", "1 pull";
        "lrp-gamma": "as ε, with w + γ w⁺ for what is positive", "Montavon et al., doi 10.1007/978-3-030-28954-6_10",
            "every network", "1 pull, up to 4 maps a layer";
        "lrp-alpha-beta": "R_i = Σ_j (α (x_i w_ij)⁺ / z_j⁺ − β (x_i w_ij)⁻ / z_j⁻) R_j, α = 2, β = 1",
            "Bach et al., doi 10.1371/journal.pone.0130140", "every network", "1 pull, up to 4 maps a layer";
        "lrp-z-box": "first layer R_i = Σ_j (x_i w_ij − l w_ij⁺ − h w_ij⁻) / … R_j, ε behind",
            "Montavon et al., arXiv 1512.02479", "networks with a convolution or a dense layer", "1 pull";
        "epsilon-plus": "α = 1, β = 0 at convolutions, ε at dense layers", "Anders et al., arXiv 2106.13200",
            "every network", "1 pull";
        "epsilon-gamma-box": "z-box at the first convolution, γ at the others, ε at dense layers",
            "Anders et al., arXiv 2106.13200", "networks with a convolution", "1 pull, up to 4 maps a layer";
        "epsilon-alpha2-beta1": "α = 2, β = 1 at convolutions, ε at dense layers", "Anders et al., arXiv 2106.13200",
            "every network", "1 pull, up to 4 maps a layer";
    deep_lift:
        "deeplift": "Rescale: slope Δy / Δz at each nonlinearity, times x − x₀",
            "Shrikumar, Greenside & Kundaje, arXiv 1704.02685",
            "networks of affine layers, functions of one number and max pools", "2 traces, 1 pull";
    soft_gate:
        "soft-gate": "slope σ(z / τ) for Relu, that of Σ x softmax(x / τ) for max pools, backwards only",
            "Satkiewicz, arXiv 2507.22832", "networks with Relu", "1 pull";
}

impl Lens {
    /// The lens of this name.
    ///
    /// # Errors
    /// If there is none; names the nearest.
    pub fn find(name: &str) -> Result<&'static Self, Error> {
        let unknown = || Error::Unknown {
            kind: "lens",
            name: name.to_owned(),
            nearest: nearest(name, TABLE.iter().map(|lens| lens.name)),
        };
        TABLE.iter().find(|lens| lens.name == name).ok_or_else(unknown)
    }
}

/// What a lens's error says of a node in its way.
fn in_the_way(lens: &'static str, node: &str, op: &str, why: &str) -> Error {
    Error::Lens { lens, why: format!("`{node}` ({op}) {why}") }
}
