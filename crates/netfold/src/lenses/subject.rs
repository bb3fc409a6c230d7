//! What is looked at, and what a lens gives.

use netfold_linear::Probes;

use super::grid::Grid;
use super::layer_axes::LayerAxes;
use crate::affine::Rule;
use crate::circuit::{Circuit, Rules, Stage};
use crate::error::Error;
use crate::input::LayoutChoice;
use crate::model::{Node, TensorId};
use crate::ops::Precision;
use crate::trace::Trace;
use crate::value::Tensor;

/// What lenses may be told; the defaults are those of the papers or of the tools that people compare with.
#[derive(Clone, Debug)]
pub struct Settings<T> {
    /// How the one-layer model of `contributions` is frozen, and what relevance travels on.
    pub rules: Rules,
    /// x₀ of integrated gradients, DeepLIFT and occlusion; zero if absent.
    pub reference: Option<Tensor<T>>,
    /// The feature map of the class activation maps; if absent the last convolution's, after what follows it element by
    /// element.
    pub layer: Option<TensorId>,
    /// Which axes of that feature map are places; if absent as the operators tell that made it.
    pub layer_axes: Option<LayerAxes>,
    /// Where the input's channels stand; if left open as the first operator reads them.
    pub layout: LayoutChoice,
    /// Noisy inputs of SmoothGrad.
    pub samples: usize,
    /// σ of SmoothGrad, as a share of max x − min x.
    pub noise: f64,
    /// Seed of SmoothGrad's noise.
    pub seed: u64,
    /// Midpoints of integrated gradients.
    pub steps: usize,
    /// Side of occlusion's windows, half of which they are apart; an eighth of the longer side if absent.
    pub window: Option<usize>,
    /// Lowest and highest number of an input, for the z-box; those of x if absent.
    pub bounds: Option<[f64; 2]>,
    /// ε of LRP.
    pub epsilon: f64,
    /// γ of LRP.
    pub gamma: f64,
    /// τ of soft gates, in units of the unit's own value.
    pub temperature: f64,
}

impl<T> Default for Settings<T> {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            reference: None,
            layer: None,
            layer_axes: None,
            layout: LayoutChoice::Auto,
            samples: 25,
            noise: 0.15,
            seed: 0,
            steps: 50,
            window: None,
            bounds: None,
            epsilon: 1e-6,
            gamma: 0.25,
            temperature: 1.0,
        }
    }
}

/// One logit of a traced network, to be looked at through lenses.
///
/// ```
/// # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};
/// use netfold::lenses::{Lens, Settings, Subject};
/// use netfold::{Error, Model, Tensor, trace::NonFinite};
/// # let graph = GraphDef::new("one unit")
/// #     .with_input(ValueInfo::new("x", DType::F32, [1, 2]))
/// #     .with_initializer("w", TensorDef::new([2, 1], vec![1.0_f32, -1.0]).unwrap())
/// #     .with_initializer("one", TensorDef::vector(vec![1.0_f32]))
/// #     .with_node(NodeDef::new("Gemm", ["x", "w", "one"], ["z"]))
/// #     .with_node(NodeDef::new("Relu", ["z"], ["y"]))
/// #     .with_output(ValueInfo::new("y", DType::F32, [1, 1]));
/// # let model = Model::new(netfold_onnx::decode(netfold_onnx::encode(&ModelDef::new(graph)), None)?)?;
///
/// // y = relu(x₀ − x₁ + 1), at x = (5, 2)
/// let x = Tensor::new(&[1, 2], vec![5.0_f64, 2.0]);
/// let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse)?;
/// let subject = Subject { trace: &trace, class: 0, settings: &Settings::default() };
///
/// let seen = Lens::find("gradient-x-input")?.look(&subject)?;
/// assert_eq!((seen.values.as_slice(), seen.residual(subject.logit()?)), ([5.0, -2.0].as_slice(), 1.0));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a, T: Precision> {
    /// The network at one input.
    pub trace: &'a Trace<'a, T>,
    /// The logit, by flat index.
    pub class: usize,
    /// What lenses may be told.
    pub settings: &'a Settings<T>,
}

/// What the numbers of an attribution are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Logit per unit of the input; times x they are contributions.
    Weights,
    /// Parts of the logit.
    Contributions,
}

/// A map over the input, and how much of the logit it accounts for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Attribution {
    /// One number for each element of the input in standard layout, or one for each of its places.
    pub values: Vec<f64>,
    /// What they are.
    pub shows: Shows,
    /// The sum of the contributions: Σ values, or ⟨values, x⟩ of weights.
    pub sum: f64,
    /// What the lens itself counts beside the map: b, or the logit at the reference.
    pub rest: f64,
}

impl Attribution {
    /// w, with ⟨w, x⟩ as the sum of contributions.
    pub(super) fn weights<T: Precision>(values: Vec<f64>, x: &Tensor<T>) -> Self {
        let sum = values.iter().zip(x.data()).map(|(w, x)| w * x.wide()).sum();
        Self { values, shows: Shows::Weights, sum, rest: 0.0 }
    }

    /// Parts of the logit, and what is not in the map.
    pub(super) fn contributions(values: Vec<f64>, rest: f64) -> Self {
        let sum = values.iter().sum();
        Self { values, shows: Shows::Contributions, sum, rest }
    }

    /// logit − rest − sum: what the lens leaves unexplained.
    pub fn residual(&self, logit: f64) -> f64 {
        logit - self.rest - self.sum
    }
}

impl<'a, T: Precision> Subject<'a, T> {
    /// The input.
    ///
    /// # Errors
    /// If it holds something else than numbers.
    pub fn x(&self) -> Result<&'a Tensor<T>, Error> {
        self.trace.real(self.trace.input)
    }

    /// What the network gives.
    ///
    /// # Errors
    /// If the output holds something else than numbers.
    pub fn logit(&self) -> Result<f64, Error> {
        Ok(self.trace.logits()?.data()[self.class].wide())
    }

    /// The input's channels and places.
    ///
    /// # Errors
    /// As [`x`](Self::x).
    pub fn grid(&self) -> Result<Grid, Error> {
        let shape = self.x()?.shape();
        Ok(Grid::of(shape, self.trace.model.channels(self.trace.input, shape, self.settings.layout)))
    }

    /// x₀.
    pub(super) fn reference(&self) -> Result<Tensor<T>, Error> {
        let x = self.x()?;
        match &self.settings.reference {
            Some(x0) if x0.shape() == x.shape() => Ok(x0.clone()),
            Some(x0) => {
                Err(Error::Graph(format!("the reference has shape {:?}, the input {:?}", x0.shape(), x.shape())))
            }
            None => Ok(x.map(|_| T::zero())),
        }
    }

    /// The Jacobian at the input, as a line of stages.
    pub(super) fn jacobian(&self) -> Result<Circuit<T>, Error> {
        self.trace.freeze(&tangent())
    }

    /// The node that makes a stage's tensor.
    pub(super) fn node(&self, stage: &Stage<T>) -> Result<&'a Node, Error> {
        let id = self.trace.model.tensor(&stage.tensor)?;
        self.trace.model.maker(id).ok_or_else(|| Error::Graph(format!("nothing makes `{}`", stage.tensor)))
    }

    /// The traced value of a stage's tensor, in this trace or in one of the same network at another input.
    pub(super) fn value<'t>(&self, trace: &'t Trace<'_, T>, stage: &Stage<T>) -> Result<&'t Tensor<T>, Error> {
        trace.real(self.trace.model.tensor(&stage.tensor)?)
    }

    /// The traced value of what a stage's term reads.
    pub(super) fn read<'t>(
        &self,
        trace: &'t Trace<'_, T>,
        circuit: &Circuit<T>,
        slot: usize,
    ) -> Result<&'t Tensor<T>, Error> {
        match slot.checked_sub(1) {
            None => trace.real(trace.input),
            Some(stage) => self.value(trace, &circuit.stages()[stage]),
        }
    }
}

/// The rules of the Jacobian.
pub(super) fn tangent() -> Rules {
    Rules { default: Rule::Tangent, ..Rules::default() }
}

/// The row of W of one output.
pub(super) fn row<T: Precision>(circuit: &Circuit<T>, output: usize) -> Vec<f64> {
    pulled(circuit, output, &mut |_, _| {})
}

/// The row of W of one output, and its b.
pub(super) fn row_and_bias<T: Precision>(circuit: &Circuit<T>, output: usize) -> (Vec<f64>, f64) {
    let (row, bias) = circuit.row_and_bias(output);
    (row.iter().map(|w| w.wide()).collect(), bias)
}

/// The row of one output, each adjoint changed by `change` on its way.
pub(super) fn pulled<T: Precision>(
    circuit: &Circuit<T>,
    output: usize,
    change: &mut dyn FnMut(usize, &mut Probes<T>),
) -> Vec<f64> {
    let seed = Probes::one_hot(circuit.output_shape(), &[output]);
    let row = circuit.pull_with(seed, &circuit.full_plan(), change);
    row.vector(0).iter().map(|w| w.wide()).collect()
}
