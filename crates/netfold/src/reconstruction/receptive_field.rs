//! Units: elements of a tensor as people name them, and what they see.

use std::fmt;
use std::str::FromStr;

use netfold_linear::Support;
use serde::Serialize;

use crate::circuit::{Circuit, Shares};
use crate::error::Error;
use crate::ops::Precision;
use crate::value::without_batch;
use crate::value::{Tensor, indices};

/// A unit of a tensor: one index for each axis but the batch axis (`c,y,x` of a feature map, `c` of a vector), or the
/// channel `c` alone, which means the place where that channel is largest (Zeiler & Fergus, arXiv 1311.2901).
///
/// Indices follow the tensor's own axes: what an ONNX convolution makes is channels first, whatever the model's input
/// is.
///
/// ```
/// use netfold::{Tensor, Unit};
/// let map = Tensor::new(&[1, 2, 1, 3], vec![0.0, 1.0, 2.0, 5.0, 9.0, 7.0]);
/// assert_eq!("1,0,2".parse::<Unit>()?.element(&map)?, 5);
/// assert_eq!("1".parse::<Unit>()?.element(&map)?, 4);
/// # Ok::<(), netfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit(pub Vec<usize>);

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Unit {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let indices: Result<Vec<usize>, _> = word.split(',').map(|index| index.trim().parse()).collect();
        let unknown = |_| Error::Unknown { kind: "unit", name: word.to_owned(), nearest: Vec::new() };
        indices.map(Self).map_err(unknown)
    }
}

impl Unit {
    /// The unit of a flat element.
    pub fn of(element: usize, shape: &[usize]) -> Self {
        let axes: Vec<usize> = without_batch(shape).collect();
        Self(indices(element, &axes))
    }

    /// The flat element of the tensor that this unit is.
    ///
    /// # Errors
    /// If the tensor has no such unit.
    pub fn element<T: Precision>(&self, tensor: &Tensor<T>) -> Result<usize, Error> {
        let axes: Vec<usize> = without_batch(tensor.shape()).collect();
        let inside = self.0.iter().zip(&axes).all(|(index, size)| index < size);
        let places: usize = axes.iter().skip(1).product();
        match self.0.as_slice() {
            indices if inside && indices.len() == axes.len() => {
                Ok(indices.iter().zip(&axes).fold(0, |element, (index, size)| element * size + index))
            }
            &[channel] if inside && places > 0 => {
                let values = &tensor.data()[channel * places..][..places];
                Ok(channel * places + crate::reconstruction::argmax(values))
            }
            _ => Err(Error::Unit { unit: self.to_string(), shape: tensor.shape().to_vec() }),
        }
    }
}

/// The smallest box of input elements that a unit depends on, through the masks and winners of the traced input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReceptiveField {
    /// The first and the last index along each axis, the batch axis included; empty where the unit depends on nothing.
    pub bounds: Vec<[usize; 2]>,
    /// How many elements it depends on.
    pub elements: usize,
}

impl ReceptiveField {
    /// The box around the elements of a support.
    pub fn of(support: &Support) -> Self {
        let mut bounds: Vec<[usize; 2]> = Vec::new();
        for element in support.elements() {
            let at = indices(element, support.shape());
            if bounds.is_empty() {
                bounds = at.iter().map(|&index| [index; 2]).collect();
            }
            for ([first, last], index) in bounds.iter_mut().zip(at) {
                (*first, *last) = ((*first).min(index), (*last).max(index));
            }
        }
        Self { bounds, elements: support.count() }
    }
}

impl<T: Precision> Circuit<T> {
    /// What an element of the output depends on at this input.
    ///
    /// ```
    /// # use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};
    /// # let graph = GraphDef::new("edges")
    /// #     .with_input(ValueInfo::new("x", DType::F64, [1, 1, 2, 3]))
    /// #     .with_initializer("w", TensorDef::new([1, 1, 1, 2], vec![-1.0_f64, 1.0])?)
    /// #     .with_node(NodeDef::new("Conv", ["x", "w"], ["z"]))
    /// #     .with_output(ValueInfo::new("z", DType::F64, [1, 1, 2, 2]));
    /// # let model = Model::new(netfold_onnx::decode(netfold_onnx::encode(&ModelDef::new(graph)), None)?)?;
    /// use netfold::{Model, Rules, Tensor, trace::NonFinite};
    ///
    /// // z = x[i + 1] − x[i] along rows.
    /// let x = Tensor::new(&[1, 1, 2, 3], vec![0.0_f64, 3.0, 4.0, 1.0, 0.0, 9.0]);
    /// let circuit = model.trace(&x, model.outputs[0], NonFinite::Refuse)?.freeze(&Rules::default())?;
    /// let field = circuit.receptive_field(3);
    /// assert_eq!((field.elements, &field.bounds[2..]), (2, &[[1, 1], [1, 2]][..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the output has no such element.
    pub fn receptive_field(&self, element: usize) -> ReceptiveField {
        ReceptiveField::of(&self.pull_plan(&Support::of(self.output_shape(), [element]), Shares::Computed)[0])
    }
}
