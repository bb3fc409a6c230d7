//! Where b comes from: by stage, channel and place.

use crate::circuit::{Circuit, Shares};
use crate::ops::Precision;
use crate::reconstruction::Together;

/// One stage's share of an output's b, element by element: aᵢ · cᵢ, the output's adjoint at the stage's tensor times
/// the stage's offset. Signed, never rescaled; all elements of all stages add up to b.
///
/// The offset of a convolution is its bias, that of a batch normalisation β − μ γ / √(σ² + ε), that of a clip the bound
/// where it is reached, that of a frozen gate what the rule leaves over.
///
/// Source: Srinivas & Fleuret, *Full-gradient representation for neural network visualization*, arXiv 1905.00780.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BiasMap {
    /// The stage, by number.
    pub stage: usize,
    /// The shape of its tensor.
    pub shape: Vec<usize>,
    /// The shares in standard layout, in units of the output.
    pub values: Vec<f64>,
}

impl BiasMap {
    /// The stage's share: the sum over its elements.
    pub fn total(&self) -> f64 {
        self.values.iter().sum()
    }

    /// The shares summed over all axes but axis 1, the channels of what ONNX convolutions make; a tensor with fewer
    /// axes is its own list.
    pub fn by_channel(&self) -> Vec<f64> {
        let Some(&channels) = self.shape.get(1) else { return self.values.clone() };
        let places = self.shape[2..].iter().product::<usize>().max(1);
        let mut sums = vec![0.0; channels];
        for (index, run) in self.values.chunks(places).enumerate() {
            sums[index % channels] += run.iter().sum::<f64>();
        }
        sums
    }

    /// The shares summed over the channels: one number for each place, row-major.
    pub fn by_place(&self) -> Vec<f64> {
        let places = self.shape.get(2..).map_or(1, |places| places.iter().product());
        let mut sums = vec![0.0; places];
        self.values.iter().enumerate().for_each(|(element, value)| sums[element % places] += value);
        sums
    }
}

impl<T: Precision> Circuit<T> {
    /// Where the b of one element of the output comes from: a map for each stage that gives something to it, in the
    /// order of the stages. One adjoint pass gives all of them.
    ///
    /// ```
    /// # use netfold::{Error, Model, Rules, Tensor, trace::NonFinite};
    /// # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};
    /// # let graph = GraphDef::new("one unit")
    /// #     .with_input(ValueInfo::new("x", DType::F32, [1, 2]))
    /// #     .with_initializer("w", TensorDef::new([2, 1], vec![1.0_f32, -1.0]).unwrap())
    /// #     .with_initializer("one", TensorDef::vector(vec![1.0_f32]))
    /// #     .with_initializer("three", TensorDef::vector(vec![3.0_f32]))
    /// #     .with_node(NodeDef::new("Gemm", ["x", "w", "one"], ["z"]))
    /// #     .with_node(NodeDef::new("Relu", ["z"], ["a"]))
    /// #     .with_node(NodeDef::new("Sub", ["a", "three"], ["y"]))
    /// #     .with_output(ValueInfo::new("y", DType::F32, [1, 1]));
    /// # let model = Model::new(netfold_onnx::decode(netfold_onnx::encode(&ModelDef::new(graph)), None)?)?;
    /// // y = relu(x₀ − x₁ + 1) − 3, at x = (5, 2): b = 1 − 3
    /// let x = Tensor::new(&[1, 2], vec![5.0_f64, 2.0]);
    /// let circuit = model.trace(&x, model.outputs[0], NonFinite::Refuse)?.freeze(&Rules::default())?;
    /// let shares: Vec<f64> = circuit.bias_maps(0).iter().map(|map| map.total()).collect();
    /// assert_eq!(shares, [1.0, -3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// If the output has no such element.
    pub fn bias_maps(&self, output: usize) -> Vec<BiasMap> {
        let plan = self.plan_rows(&[output], Together::AsFits, Shares::Computed);
        let mut maps = Vec::new();
        self.pull_with(plan.seed(self.output_shape()), plan.supports(), &mut |stage, adjoint| {
            let affine = &self.stages()[stage].affine;
            let Some(offset) = &affine.offset else { return };
            let mut values = vec![0.0; affine.shape().iter().product()];
            for element in adjoint.support().elements() {
                let adjoint = adjoint.at(element).map_or(0.0, |probes| probes[0].wide());
                values[element] = adjoint * offset.at(element).wide();
            }
            maps.push(BiasMap { stage, shape: affine.shape().to_vec(), values });
        });
        maps.reverse();
        maps
    }
}
