//! Convolution and its transpose.

mod dense;
mod fused;
mod packed_weights;
mod reach;

use std::sync::{Arc, OnceLock};

pub use fused::{FusedConv, Fusible};
pub use packed_weights::PackedWeights;

use netfold_kernels::dense::Init;
use netfold_kernels::dense::winograd;
use netfold_kernels::index::{Padded, Window, WindowAxis, WindowIndex};
use netfold_kernels::masked::{MaskedConv, MaskedDepthwise, Weights};

use crate::{Broadcast, Entrywise, LinearMap, Probes, Real, SharedMap, Support};

/// `y[o, p] = Σ over c, t of weights[o, c, t] · x[c, p · stride + t · dilation − pad]`, group by group.
///
/// Shapes: x `[batch, channels, places…]`, weights `[out, channels / groups, taps…]`, y `[batch, out, places…]`, with
/// one or two spatial axes. The offset is not part of the map.
///
/// Source: ONNX `Conv`.
#[derive(Clone, Debug)]
pub struct Conv<T> {
    domain: Vec<usize>,
    codomain: Vec<usize>,
    /// Two axes always; the first is [`WindowAxis::UNIT`] for one-dimensional signals.
    axes: [WindowAxis; 2],
    groups: usize,
    packed: Arc<PackedWeights<T>>,
    tables: Arc<Tables>,
}

/// Where the window reads, forward and transposed, found when first asked for: for all clones of a map.
#[derive(Debug, Default)]
struct Tables {
    reads: [OnceLock<WindowIndex>; 2],
    frames: [OnceLock<Padded>; 2],
    tiles: [OnceLock<Padded>; 2],
}

impl<T: Real> Conv<T> {
    /// The convolution of `batch` images of `channels` channels into `out` channels.
    ///
    /// # Panics
    /// If the window has more than two axes, or the weights do not have `out · channels / groups · taps` numbers.
    pub fn new(
        batch: usize,
        channels: usize,
        out: usize,
        groups: usize,
        window: &Window,
        weights: Arc<Vec<T>>,
    ) -> Self {
        Self::with_weights(batch, channels, out, groups, window, Arc::new(PackedWeights::new(weights)))
    }

    /// As [`new`](Self::new), with weights that other maps use too, always with the same `out`, `groups` and taps.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn with_weights(
        batch: usize,
        channels: usize,
        out: usize,
        groups: usize,
        window: &Window,
        packed: Arc<PackedWeights<T>>,
    ) -> Self {
        let axes = match *window.axes.as_slice() {
            [x] => [WindowAxis::UNIT, x],
            [y, x] => [y, x],
            _ => panic!("one or two spatial axes"),
        };
        assert!(channels.is_multiple_of(groups) && out.is_multiple_of(groups), "groups divide the channels");
        assert_eq!(packed.natural().len(), out * (channels / groups) * window.taps(), "weights of a convolution");
        let shape = |channels: usize, places: Vec<usize>| [vec![batch, channels], places].concat();
        Self {
            domain: shape(channels, window.input()),
            codomain: shape(out, window.output()),
            axes,
            groups,
            packed,
            tables: Arc::default(),
        }
    }

    /// This convolution of an input of shape `domain` with zeros around it, `begin` of them before it along each axis.
    pub(crate) fn padded(&self, domain: &[usize], begin: &[usize]) -> Option<Self> {
        let spatial = domain.len().checked_sub(2).filter(|&n| n == self.domain.len() - 2)?;
        if domain[..2] != self.domain[..2] {
            return None;
        }
        let mut axes = self.axes;
        for (axis, (&input, &begin)) in axes[2 - spatial..].iter_mut().zip(domain[2..].iter().zip(&begin[2..])) {
            *axis = WindowAxis { input, pad: axis.pad + begin as isize, ..*axis };
        }
        let window = Window { axes: axes[2 - spatial..].to_vec() };
        let packed = Arc::clone(&self.packed);
        Some(Self::with_weights(domain[0], domain[1], self.codomain[1], self.groups, &window, packed))
    }

    fn sizes(&self) -> Sizes {
        let [y, x] = self.axes;
        Sizes { ins: self.domain[1] / self.groups, outs: self.codomain[1] / self.groups, taps: y.kernel * x.kernel }
    }

    fn reads(&self, transpose: bool) -> &WindowIndex {
        self.tables.reads[usize::from(transpose)].get_or_init(|| WindowIndex::new(&self.axes, transpose))
    }

    fn frame(&self, transpose: bool) -> &Padded {
        self.tables.frames[usize::from(transpose)].get_or_init(|| Padded::new(&self.axes, transpose))
    }

    /// The padded layout for minimal filtering of a 3×3 window without stride. The transpose is such a convolution too,
    /// with the taps reversed.
    fn tiles(&self, transpose: bool) -> &Padded {
        self.tables.tiles[usize::from(transpose)].get_or_init(|| {
            let [input, output] = [self.axes.map(|axis| axis.input), self.axes.map(|axis| axis.output)];
            let pad = self.axes.map(|axis| axis.pad);
            if transpose {
                winograd::frame(output, input, pad.map(|pad| 2 - pad))
            } else {
                winograd::frame(input, output, pad)
            }
        })
    }

    /// Which loop computes a product: the one place where this is decided.
    fn algorithm(&self, width: usize, transpose: bool) -> Algorithm {
        let s = self.sizes();
        match () {
            () if width == 1 && !self.is_thin(transpose) && self.fits_winograd() => Algorithm::Winograd,
            () if width == 1 && self.frame(transpose).is_small() => Algorithm::Dense,
            () if s.ins == 1 && s.outs == 1 => Algorithm::MaskedDepthwise,
            () => Algorithm::MaskedConv,
        }
    }

    /// All of A x or Aᵀ x into y, with what y begins with, by a loop over whole tensors.
    fn whole(&self, x: Probes<T>, transpose: bool, begin: Init<'_, T>, mut y: Probes<T>) -> Probes<T> {
        let x = x.onto(&Support::full(if transpose { &self.codomain } else { &self.domain }));
        let product = if self.algorithm(1, transpose) == Algorithm::Winograd { Self::winograd } else { Self::dense };
        product(self, x.values(), y.values_mut(), transpose, begin);
        y
    }

    /// A x or Aᵀ x on the rows of `onto`; added to `sum`, which is stored there, if there is one.
    fn run(&self, x: Probes<T>, onto: &Support, transpose: bool, sum: Option<Probes<T>>) -> Probes<T> {
        let width = x.width();
        if x.values().is_empty() || onto.count() == 0 {
            return sum.unwrap_or_else(|| Probes::zeros(onto, width));
        }
        let (algorithm, add) = (self.algorithm(width, transpose), sum.is_some());
        if algorithm.is_whole() {
            return match sum {
                Some(sum) if onto.is_full() => self.whole(x, transpose, Init::Accumulate, sum),
                sum => {
                    let full = Support::full(if transpose { &self.domain } else { &self.codomain });
                    let y = self.whole(x, transpose, Init::Zero, Probes::scratch(&full, 1)).onto(onto);
                    sum.map_or_else(|| y.clone(), |sum| sum.plus(&y))
                }
            };
        }
        let reads = self.reads(transpose);
        let mut y = sum.unwrap_or_else(|| Probes::scratch(onto, width));
        let support = x.support().clone();
        let (from, to) = (support.rows(), onto.rows());
        if algorithm == Algorithm::MaskedDepthwise {
            let weights = self.packed.depth(&self.sizes());
            MaskedDepthwise { from, to, reads, weights, width, add }.run(x.values(), y.values_mut());
        } else {
            let (groups, weights) = (self.groups, self.weights(transpose));
            let after = None;
            MaskedConv { from, to, reads, groups, weights, width, add, after }.run(x.values(), y.values_mut());
        }
        y
    }

    fn weights(&self, transpose: bool) -> Weights<'_, T> {
        let s = self.sizes();
        let (data, inner) =
            if transpose { (self.packed.backward(&s), s.outs) } else { (self.packed.forward(&s), s.ins) };
        Weights { data, to: s.taps * inner, tap: inner, from: 1 }
    }
}

/// The loops of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    /// One whole tensor, by minimal filtering.
    Winograd,
    /// One whole tensor.
    Dense,
    /// Stored rows alone.
    MaskedConv,
    /// Stored rows alone, channels apart from each other.
    MaskedDepthwise,
}

impl Algorithm {
    /// Whether the loop goes over one whole tensor.
    fn is_whole(self) -> bool {
        matches!(self, Self::Winograd | Self::Dense)
    }
}

/// Counts for one group of one image.
struct Sizes {
    ins: usize,
    outs: usize,
    taps: usize,
}

impl<T: Real> LinearMap<T> for Conv<T> {
    fn domain(&self) -> &[usize] {
        &self.domain
    }

    fn codomain(&self) -> &[usize] {
        &self.codomain
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        self.run(x, onto, false, None)
    }

    fn apply_plus(&self, x: Probes<T>, c: &Broadcast<T>) -> Probes<T> {
        let full = Support::full(&self.codomain);
        match c.by_channel() {
            Some(bias) if self.algorithm(x.width(), false).is_whole() && !x.values().is_empty() && full.count() > 0 => {
                self.whole(x, false, Init::Bias(bias), Probes::scratch(&full, 1))
            }
            _ => self.run(x, &full, false, None).plus_broadcast(c),
        }
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        self.run(y, onto, true, None)
    }

    fn add_transpose(&self, y: Probes<T>, sum: Probes<T>) -> Probes<T> {
        let onto = sum.support().clone();
        self.run(y, &onto, true, Some(sum))
    }

    fn mul_adds(&self, x: &Support, y: &Support) -> f64 {
        let s = self.sizes();
        x.density() * (y.count() * s.ins * s.taps) as f64
    }

    fn output_support(&self, of: &Support) -> Support {
        self.reach(of, false)
    }

    fn input_support(&self, of: &Support) -> Support {
        self.reach(of, true)
    }

    fn clear_caches(&self) {
        self.packed.clear_caches();
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        let weights = self.packed.natural().iter().map(|&weight| how.of(weight)).collect();
        Arc::new(Self { packed: Arc::new(PackedWeights::new(Arc::new(weights))), ..self.clone() })
    }
}
