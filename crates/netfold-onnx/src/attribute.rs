//! Attributes of nodes.

use crate::TensorDef;

/// The value of a node's attribute.
///
/// ```
/// use netfold_onnx::Attribute;
///
/// assert_eq!(Attribute::from([2, 2]), Attribute::Ints(vec![2, 2]));
/// assert_eq!(Attribute::from("SAME_UPPER").kind(), "string");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// One integer.
    Int(i64),
    /// One number.
    Float(f32),
    /// UTF-8 text.
    String(String),
    /// A constant tensor.
    Tensor(TensorDef),
    /// A list of integers.
    Ints(Vec<i64>),
    /// A list of numbers.
    Floats(Vec<f32>),
    /// A list of texts.
    Strings(Vec<String>),
    /// A graph within the node (`If`, `Loop`, `Scan`); it is not decoded further.
    Graph,
    /// A value that is not decoded; the word says what it is.
    Other(&'static str),
}

/// What the numbers of `AttributeProto.type` mean.
const KINDS: [(i32, &str); 14] = [
    (1, "float"),
    (2, "int"),
    (3, "string"),
    (4, "tensor"),
    (5, "graph"),
    (6, "floats"),
    (7, "ints"),
    (8, "strings"),
    (9, "tensors"),
    (10, "graphs"),
    (11, "sparse_tensor"),
    (12, "sparse_tensors"),
    (13, "type_proto"),
    (14, "type_protos"),
];

impl Attribute {
    /// The kind in one word, for messages: `int`, `floats`, `graph`, …
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::String(_) => "string",
            Self::Tensor(_) => "tensor",
            Self::Ints(_) => "ints",
            Self::Floats(_) => "floats",
            Self::Strings(_) => "strings",
            Self::Graph => "graph",
            Self::Other(word) => word,
        }
    }

    /// The number of this kind in `AttributeProto.type`, 0 for kinds that ONNX has no number for.
    pub(crate) fn code(&self) -> i32 {
        KINDS.iter().find(|row| row.1 == self.kind()).map_or(0, |row| row.0)
    }

    /// The kind with this number.
    pub(crate) fn kind_of(code: i32) -> Option<&'static str> {
        KINDS.iter().find(|row| row.0 == code).map(|row| row.1)
    }
}

macro_rules! from {
    ($($t:ty => $variant:ident),*) => {$(
        impl From<$t> for Attribute {
            fn from(value: $t) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from!(i64 => Int, f32 => Float, &str => String, String => String, TensorDef => Tensor, Vec<i64> => Ints,
      &[i64] => Ints, Vec<f32> => Floats, &[f32] => Floats, Vec<String> => Strings);

impl<const N: usize> From<[i64; N]> for Attribute {
    fn from(value: [i64; N]) -> Self {
        Self::Ints(value.into())
    }
}

impl<const N: usize> From<[f32; N]> for Attribute {
    fn from(value: [f32; N]) -> Self {
        Self::Floats(value.into())
    }
}
