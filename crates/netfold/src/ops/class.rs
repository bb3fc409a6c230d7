//! What kind of operator it is, and what follows from that for those who look at a network.

use std::fmt;

/// What kind of operator it is: what gates, head, lenses, checks and places ask for in the place of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A window of weights slides over its input.
    Convolution,
    /// The transpose of a convolution.
    TransposedConvolution,
    /// A product with a matrix.
    Dense,
    /// Products summed over axes that an equation names.
    Contraction,
    /// A scale and an offset for each channel, both constant.
    BatchNorm,
    /// A mean subtracted and a deviation divided by, both of its input, or one of the two.
    Norm,
    /// Each element is divided by what its neighbours among the channels are.
    LocalNorm,
    /// Exponentials that are divided by their sum, or the logarithm of that.
    Softmax,
    /// max(z, 0).
    Relu,
    /// A number cut to two bounds.
    Clip,
    /// A number to the power of another.
    Power,
    /// Any other function of one number, element by element, that is not constant in pieces.
    Pointwise,
    /// A function of one number, element by element, that is constant in pieces or has jumps.
    Steps,
    /// Reals scaled and rounded to integers.
    Quantize,
    /// Integers scaled to reals.
    Dequantize,
    /// A sum of its inputs, element by element.
    Sum,
    /// A difference of its inputs, element by element.
    Difference,
    /// A product of its inputs, element by element.
    Product,
    /// Input 0 divided by input 1, element by element.
    Quotient,
    /// One of its inputs is picked for each element.
    Select,
    /// The largest element of each window.
    MaxPool,
    /// A mean or a norm of each window.
    Pool,
    /// The largest or the smallest element along axes.
    Extreme,
    /// A sum, a mean, a product or a norm along axes.
    Reduce,
    /// Its input as it is.
    Copy,
    /// Its input in another element type.
    Cast,
    /// Its input in another shape: axes are merged and divided.
    Reshape,
    /// Axes of one index come or go.
    Squeeze,
    /// Axes change places.
    Transpose,
    /// Blocks of places become channels, or channels blocks of places.
    Blocks,
    /// A part of its input, or every second, third, … index of an axis.
    Slice,
    /// Several parts of its input.
    Split,
    /// Indices of one axis are picked.
    Gather,
    /// Elements are picked by indices of their own.
    Index,
    /// All its inputs, one behind the other.
    Concat,
    /// Its input several times.
    Repeat,
    /// Its input with a margin.
    Pad,
    /// Elements are written into a tensor, or added to it.
    Scatter,
    /// Elements stay or become 0, by where they stand.
    Mask,
    /// Sums of fixed elements: of all before, or of those that are put at one place.
    Accumulate,
    /// Its input on another grid, each element a weighted mean.
    Resample,
    /// Elements by their order: sorted, the place of the largest.
    Rank,
    /// A truth about numbers, or made of truths.
    Compare,
    /// What no number of its inputs changes: constants, and tensors that a shape says.
    Constant,
    /// The extents of its input.
    Shape,
    /// The number of its input's elements.
    Size,
    /// Not in the table of operators: nothing is known of it.
    Unknown,
}

impl Class {
    /// Whether elements are moved, repeated, left out or summed at fixed places: the values play no part in it.
    pub fn moves(self) -> bool {
        matches!(
            self,
            Self::Copy
                | Self::Cast
                | Self::Reshape
                | Self::Squeeze
                | Self::Transpose
                | Self::Blocks
                | Self::Slice
                | Self::Split
                | Self::Gather
                | Self::Index
                | Self::Concat
                | Self::Repeat
                | Self::Pad
                | Self::Scatter
                | Self::Mask
                | Self::Accumulate
                | Self::Resample
        )
    }

    /// Whether each element is scaled by a constant, up to an offset and to rounding.
    pub fn scales(self) -> bool {
        matches!(self, Self::BatchNorm | Self::Quantize | Self::Dequantize)
    }

    /// Whether it is a function of one number, element by element.
    pub fn is_pointwise(self) -> bool {
        matches!(self, Self::Relu | Self::Clip | Self::Power | Self::Pointwise | Self::Steps)
    }

    /// Whether it is a convolution or the transpose of one.
    pub fn is_convolution(self) -> bool {
        matches!(self, Self::Convolution | Self::TransposedConvolution)
    }

    /// The role that operators of this class give, where their files do not say another.
    pub(super) fn role(self) -> Option<Role> {
        let carries = self.moves()
            || self.scales()
            || matches!(
                self,
                Self::Sum
                    | Self::Difference
                    | Self::Product
                    | Self::Quotient
                    | Self::Power
                    | Self::Clip
                    | Self::Select
                    | Self::Pool
                    | Self::Reduce
            );
        match self {
            _ if carries => None,
            Self::Softmax => Some(Role::Gate),
            _ => Some(Role::Signal),
        }
    }

    /// What operators of this class are behind the logits, where their files do not say something else.
    pub(super) fn after_logits(self) -> AfterLogits {
        match self {
            Self::Softmax => AfterLogits::Squashes,
            Self::Copy | Self::Cast | Self::Reshape | Self::Squeeze => AfterLogits::Transparent,
            Self::Transpose
            | Self::Slice
            | Self::Split
            | Self::Gather
            | Self::Index
            | Self::Concat
            | Self::Pad
            | Self::Repeat
            | Self::Sum
            | Self::Difference
            | Self::Product
            | Self::Quotient
            | Self::Power
            | Self::Clip
            | Self::Relu
            | Self::Select => AfterLogits::Bends,
            _ => AfterLogits::Computes,
        }
    }

    /// Its name, as `docs/operators.md` and `netfold ops` say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Convolution => "convolution",
            Self::TransposedConvolution => "transposed convolution",
            Self::Dense => "dense",
            Self::Contraction => "contraction",
            Self::BatchNorm => "batch norm",
            Self::Norm => "norm",
            Self::LocalNorm => "local norm",
            Self::Softmax => "softmax",
            Self::Relu => "relu",
            Self::Clip => "clip",
            Self::Power => "power",
            Self::Pointwise => "pointwise",
            Self::Steps => "steps",
            Self::Quantize => "quantize",
            Self::Dequantize => "dequantize",
            Self::Sum => "sum",
            Self::Difference => "difference",
            Self::Product => "product",
            Self::Quotient => "quotient",
            Self::Select => "select",
            Self::MaxPool => "max pool",
            Self::Pool => "pool",
            Self::Extreme => "extreme",
            Self::Reduce => "reduce",
            Self::Copy => "copy",
            Self::Cast => "cast",
            Self::Reshape => "reshape",
            Self::Squeeze => "squeeze",
            Self::Transpose => "transpose",
            Self::Blocks => "blocks",
            Self::Slice => "slice",
            Self::Split => "split",
            Self::Gather => "gather",
            Self::Index => "index",
            Self::Concat => "concat",
            Self::Repeat => "repeat",
            Self::Pad => "pad",
            Self::Scatter => "scatter",
            Self::Mask => "mask",
            Self::Accumulate => "accumulate",
            Self::Resample => "resample",
            Self::Rank => "rank",
            Self::Compare => "compare",
            Self::Constant => "constant",
            Self::Shape => "shape",
            Self::Size => "size",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a tensor is to a product that it enters.
///
/// Of the factors that vary, those above the lowest are held; if that leaves more than one, the product is split evenly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It carries the signal.
    #[default]
    Signal,
    /// It comes through a function that opens and closes: a sigmoid, a softmax, a hyperbolic tangent.
    Gate,
    /// It is a statistic of a normalisation: a deviation, a norm, whatever is divided by.
    Statistic,
}

/// What an operator is behind the logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterLogits {
    /// It squashes logits into probabilities, or their logarithms, and keeps the order of the classes.
    Squashes,
    /// It changes neither numbers nor their order: it may stand between a squashing operator and the output.
    Transparent,
    /// It chooses, scales, shifts or bends each number by itself: what it makes of probabilities is a function of them.
    Bends,
    /// It computes something else.
    Computes,
}
