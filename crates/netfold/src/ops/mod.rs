//! The operators. Each knows two things: what it computes, and which affine operator it *is* at a point.
//!
//! Adding an operator takes one file, its `mod` line and one line of the table below: the loader, `netfold ops`, the message for what
//! is not supported and the conformance tests all read [`TABLE`]. What ONNX says of an operator and what kind of operator it
//! is stand in its file too, as [`Facts`]: gates, head, lenses, checks and places ask these, and know no operator by name.

mod arithmetic;
mod attributes;
mod batch_norm;
mod class;
mod col2im;
mod compare;
mod concat;
mod constant;
mod conv;
mod conv_transpose;
mod copy;
mod cumulative;
mod einsum;
mod expand;
mod extent;
mod facts;
mod gather;
mod gemm;
mod inputs;
mod lp_pool;
mod lrn;
mod matmul;
mod min_max;
mod movement;
mod normalize;
mod pad;
mod piecewise;
mod pointwise;
mod pool;
mod power;
mod prepared;
mod quantize;
mod ratio;
mod rectifier;
mod reduce;
mod reshape;
mod resize;
mod rounding;
mod scatter;
mod shape;
mod slice;
mod sliding;
mod softmax;
mod top_k;
mod transpose;
mod trilu;
mod where_;

pub mod broadcast;
pub mod size;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::LazyLock;

use netfold_linear::Real;

pub use attributes::{Attributes, Known};
pub use class::{AfterLogits, Class, Role};
pub use extent::{Extent, Holds, Outline, Outlines, Told};
pub use facts::{Facts, NEWEST};
pub(crate) use inputs::place;
pub use inputs::{At, Inputs};
pub use sliding::Windows;

use crate::affine::{Affine, Constraints, Rule};
use crate::error::OpError;
use crate::value::{Tensor, Value};

/// One operator that can be loaded.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its name in ONNX's default domain.
    pub name: &'static str,
    /// The file that it is in.
    pub file: &'static str,
    /// What is known of it.
    pub facts: fn() -> Facts,
    /// Reads a node's attributes.
    build: fn(&Attributes<'_>) -> Result<Box<dyn Operator>, OpError>,
}

impl Entry {
    /// The operator of a node, if the specification allows the node.
    ///
    /// # Errors
    /// If it does not, or an attribute asks for what is not supported.
    pub fn operator(&self, node: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
        (self.facts)().check(node)?;
        (self.build)(node)
    }
}

macro_rules! operators {
    ($($module:ident: $($name:literal)+;)+) => {
        /// Every operator that can be loaded, by file.
        pub const TABLE: &[Entry] =
            &[$($(Entry {
                name: $name,
                file: stringify!($module),
                facts: || $module::facts($name),
                build: |attributes| $module::build($name, attributes),
            }),+),+];
    };
}

// file: the operators in it.
operators! {
    arithmetic: "Add" "Sub" "Mul" "Div" "Sum";
    batch_norm: "BatchNormalization";
    col2im: "Col2Im";
    compare: "Equal" "Greater" "GreaterOrEqual" "Less" "LessOrEqual" "And" "Or" "Xor" "Not"
        "IsNaN" "IsInf";
    concat: "Concat";
    constant: "Constant" "ConstantOfShape" "Range" "EyeLike";
    conv: "Conv";
    conv_transpose: "ConvTranspose";
    copy: "Identity" "Dropout" "Cast" "CastLike";
    cumulative: "CumSum";
    einsum: "Einsum";
    expand: "Expand" "Tile";
    gather: "Gather" "GatherElements" "GatherND";
    gemm: "Gemm";
    lp_pool: "LpPool" "GlobalLpPool";
    lrn: "LRN";
    matmul: "MatMul";
    min_max: "Max" "Min";
    normalize: "LayerNormalization" "InstanceNormalization" "GroupNormalization" "RMSNormalization" "LpNormalization"
        "MeanVarianceNormalization";
    pad: "Pad";
    piecewise: "Clip" "Abs" "Neg" "HardSigmoid" "ThresholdedRelu" "Shrink";
    pointwise: "Sigmoid" "Tanh" "Softplus" "Softsign" "Elu" "Selu" "Celu" "Mish" "Swish" "HardSwish" "Gelu" "Erf"
        "Exp" "Log" "Sqrt" "Reciprocal" "Sin" "Cos";
    pool: "MaxPool" "AveragePool";
    power: "Pow";
    quantize: "QuantizeLinear" "DequantizeLinear";
    rectifier: "Relu" "LeakyRelu" "PRelu";
    reduce: "ReduceSum" "ReduceMean" "ReduceMax" "ReduceMin" "ReduceProd" "ReduceL1" "ReduceL2" "ReduceSumSquare"
        "ReduceLogSum" "ReduceLogSumExp" "GlobalAveragePool" "GlobalMaxPool";
    reshape: "Reshape" "Flatten" "Squeeze" "Unsqueeze";
    resize: "Resize" "Upsample";
    rounding: "Floor" "Ceil" "Round" "Sign" "Mod";
    scatter: "ScatterElements" "ScatterND" "Scatter";
    shape: "Shape" "Size";
    slice: "Slice" "Split";
    softmax: "Softmax" "LogSoftmax";
    top_k: "TopK" "ArgMax" "ArgMin" "Hardmax";
    transpose: "Transpose" "DepthToSpace" "SpaceToDepth";
    trilu: "Trilu";
    where_: "Where";
}

/// The operator of this name.
pub fn entry(name: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.name == name)
}

/// What is known of the operator of this name; of class [`Class::Unknown`] where there is none.
pub fn facts(name: &str) -> &'static Facts {
    static FACTS: LazyLock<HashMap<&str, Facts>> =
        LazyLock::new(|| TABLE.iter().map(|entry| (entry.name, (entry.facts)())).collect());
    static UNKNOWN: LazyLock<Facts> = LazyLock::new(Facts::unknown);
    FACTS.get(name).unwrap_or_else(|| &UNKNOWN)
}

/// The class of the operator of this name.
pub fn class(name: &str) -> Class {
    facts(name).class()
}

/// An operator in one precision.
pub trait Op<T: Real>: Debug + Send + Sync {
    /// What it computes: one value for each output.
    ///
    /// The default is for operators that are affine in input 0: the very map that [`freeze`](Op::freeze) returns is
    /// applied, so that the two cannot drift apart.
    ///
    /// # Errors
    /// If the inputs do not fit the operator.
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let varies: Vec<bool> = (0..x.len()).map(|i| i == 0).collect();
        let at = At { inputs: x, outputs: &[], varies: &varies, output: 0, rule: Rule::Gate, still: None };
        let affine = self.freeze(&at)?;
        Ok(vec![Value::Real(affine.apply(&[Some(x.real(0)?)]))])
    }

    /// Which affine operator its output `at.output` is at the traced inputs: Σᵢ Aᵢ xᵢ + c equals the traced value.
    ///
    /// # Errors
    /// If the inputs do not fit the operator, or it cannot be frozen there.
    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError>;

    /// What it computes and which affine operators its outputs are, where one pass over the numbers gives both and no rule
    /// has a say: the trace then need not keep its inputs. `varies` tells which of these have a term; one has.
    ///
    /// Nothing by default: freezing asks for the values later.
    ///
    /// # Errors
    /// As [`forward`](Op::forward).
    fn record(&self, _x: &Inputs<'_, T>, _varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Ok(None)
    }

    /// As [`record`](Op::record), y in the place of input 0, which nobody else reads: `z` becomes the output. `x` are the
    /// inputs without it.
    ///
    /// Nothing by default, and where others hold the numbers: z is as it was.
    ///
    /// # Errors
    /// As [`forward`](Op::forward).
    fn overwrite(&self, _z: &mut Tensor<T>, _x: &Inputs<'_, T>) -> Result<Option<Affine<T>>, OpError> {
        Ok(None)
    }

    /// How far its input is from what the network was trained on, where the operator's parameters tell that: the ratio of
    /// the input's spread to the one that the parameters remember, about 1 for an input like those of the training.
    ///
    /// Nothing by default.
    fn deviation(&self, _x: &Inputs<'_, T>) -> Option<f64> {
        None
    }

    /// What keeps the operator on the piece that it is frozen on: asked where [`freeze`](Op::freeze) is exact in a region.
    ///
    /// # Errors
    /// If the inputs do not fit the operator, or nobody wrote down where it switches.
    fn constraints(&self, _: &At<'_, T>) -> Result<Vec<Constraints<T>>, OpError> {
        Err(OpError::new("where it switches is not known"))
    }
}

/// What one pass over an operator's inputs gives.
#[derive(Clone, Debug)]
pub struct Record<T> {
    /// One value for each output.
    pub values: Vec<Value<T>>,
    /// What each output is.
    pub affines: Vec<Affine<T>>,
}

impl<T: Real> Record<T> {
    /// One output.
    pub(crate) fn new(value: Tensor<T>, affine: Affine<T>) -> Self {
        Self { values: vec![Value::Real(value)], affines: vec![affine] }
    }

    /// Of an operator that is affine itself: the map that it is frozen to, applied.
    fn applied<O: Op<T>>(op: &O, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Self>, OpError> {
        let affine = op.freeze(&At { inputs: x, outputs: &[], varies, output: 0, rule: Rule::Gate, still: None })?;
        let moves = |i: usize| if varies[i] { x.real(i).map(Some) } else { Ok(None) };
        let value = affine.apply(&(0..x.len()).map(moves).collect::<Result<Vec<_>, _>>()?);
        Ok(Some(Self::new(value, affine)))
    }

    /// Of an operator that every rule freezes alike: both, one after the other. Nothing where it cannot be frozen, which
    /// is nobody's concern before it is asked for.
    fn both<O: Op<T>>(op: &O, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Self>, OpError> {
        let values = op.forward(x)?;
        let frozen =
            |output| op.freeze(&At { inputs: x, outputs: &values, varies, output, rule: Rule::Gate, still: None });
        let affines = (0..values.len()).map(frozen).collect::<Result<_, _>>().ok();
        Ok(affines.map(|affines| Self { values, affines }))
    }
}

/// Whether what an operator gives depends on the network's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependence {
    /// It does not: the value is a constant of the trace.
    Constant,
    /// It does, and can be frozen.
    Varies,
    /// It does, and there is no way to freeze it.
    Unsupported(String),
}

/// An operator in both precisions, as the loader makes it from a node.
pub trait Operator: Op<f32> + Op<f64> {
    /// What it will make of these inputs and take for it, told without computing: from their shapes, and from the elements
    /// of those that shapes depend on. Asked before each computing and freezing, which may take for granted that there is
    /// memory.
    ///
    /// # Errors
    /// If the inputs do not fit the operator, or elements are missing that a shape depends on.
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError>;

    /// Whether the outputs depend on the network's input, from which inputs do. By default: if any input does.
    fn dependence(&self, varies: &[bool]) -> Dependence {
        if varies.iter().any(|&v| v) { Dependence::Varies } else { Dependence::Constant }
    }

    /// The inputs that are multiplied with each other, or divided by each other. Where more than one of them varies,
    /// one may be held constant as a gate: to [`Op::freeze`] it is then an input that does not vary.
    fn factors(&self) -> &[usize] {
        &[]
    }

    /// What a pool that picks one element of each window picks from, for an input of this shape; nothing by default.
    fn windows(&self, _: &[usize]) -> Option<Windows> {
        None
    }
}

/// A helper for [`Operator::dependence`]: only the inputs in `may` are allowed to depend on the network's input.
pub fn only(may: &[usize], varies: &[bool], names: &[&str]) -> Dependence {
    let mut result = Dependence::Constant;
    for (i, _) in varies.iter().enumerate().filter(|&(_, &v)| v) {
        if !may.contains(&i) {
            let name = names.get(i).map_or_else(|| format!("input {i}"), |name| format!("`{name}`"));
            return Dependence::Unsupported(format!("its {name} depends on the network's input"));
        }
        result = Dependence::Varies;
    }
    result
}

/// A precision in which a whole network can be computed.
pub trait Precision: Real {
    /// The operator in this precision.
    fn op(operator: &dyn Operator) -> &dyn Op<Self>;
}

impl Precision for f32 {
    fn op(operator: &dyn Operator) -> &dyn Op<Self> {
        operator
    }
}

impl Precision for f64 {
    fn op(operator: &dyn Operator) -> &dyn Op<Self> {
        operator
    }
}
