//! A node's attributes, read with their types.

use std::collections::BTreeMap;

use netfold_onnx::{Attribute, DType, Dim, NodeDef, TensorDef};

use crate::error::OpError;

impl Known<'_> {
    /// Its shape, where all sizes are numbers.
    pub fn sizes(&self) -> Option<Vec<usize>> {
        let size = |dim: &Dim| if let Dim::Known(size) = dim { Some(*size) } else { None };
        self.shape?.iter().map(size).collect()
    }
}

/// The attributes of one node, and the version of the operator set that gives them their meaning.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    map: &'a BTreeMap<String, Attribute>,
    /// Version of the operator set that the model was written for.
    pub opset: i64,
    /// How many inputs the node names.
    pub inputs: usize,
    /// How many outputs the node names.
    pub outputs: usize,
    /// What the file says of the node's inputs.
    known: &'a [Known<'a>],
}

/// What the file says of a tensor, before anything is computed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The type of its elements.
    pub dtype: Option<DType>,
    /// What it is, where that is nothing that can be read.
    pub unread: Option<&'a str>,
    /// Its shape.
    pub shape: Option<&'a [Dim]>,
    /// Its value, where the file holds it.
    pub constant: Option<&'a TensorDef>,
}

impl<'a> Attributes<'a> {
    /// The attributes of `node`.
    pub fn new(node: &'a NodeDef, opset: i64) -> Self {
        Self { map: &node.attributes, opset, inputs: node.inputs.len(), outputs: node.outputs.len(), known: &[] }
    }

    /// With what the file says of the node's inputs.
    #[must_use]
    pub fn with_inputs(self, known: &'a [Known<'a>]) -> Self {
        Self { known, ..self }
    }

    /// What the file says of input `i`.
    pub fn known(&self, i: usize) -> Known<'a> {
        self.known.get(i).copied().unwrap_or_default()
    }

    /// All of them: names and values.
    pub fn all(&self) -> impl Iterator<Item = (&'a str, &'a Attribute)> {
        self.map.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether the node has this attribute.
    pub fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// An integer, if there is one.
    ///
    /// # Errors
    /// If the attribute is of another type.
    pub fn int(&self, name: &str) -> Result<Option<i64>, OpError> {
        self.get(name, "int", |attribute| match attribute {
            Attribute::Int(value) => Some(*value),
            _ => None,
        })
    }

    /// An integer, or what the specification says where it is absent.
    ///
    /// # Errors
    /// If the attribute is of another type.
    pub fn int_or(&self, name: &str, default: i64) -> Result<i64, OpError> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    /// The axis of `a` that the first axis of `b` is broadcast along, as operator sets before 7 say it.
    ///
    /// # Errors
    /// If the attribute is of another type.
    pub fn old_axis(&self) -> Result<Option<i64>, OpError> {
        if self.opset < 7 { self.int("axis") } else { Ok(None) }
    }

    /// A number, or what the specification says where it is absent.
    ///
    /// # Errors
    /// As [`float`](Self::float).
    pub fn float_or(&self, name: &str, default: f32) -> Result<f64, OpError> {
        Ok(f64::from(self.float(name)?.unwrap_or(default)))
    }

    /// A number, if there is one.
    ///
    /// # Errors
    /// If the attribute is of another type, or NaN, which no operator has a meaning for.
    pub fn float(&self, name: &str) -> Result<Option<f32>, OpError> {
        match self.value(name)? {
            Some(value) if value.is_nan() => Err(OpError::new(format!("attribute `{name}` is NaN"))),
            value => Ok(value),
        }
    }

    /// A number that is no parameter but a value, which may be NaN, if there is one.
    ///
    /// # Errors
    /// If the attribute is of another type.
    pub fn value(&self, name: &str) -> Result<Option<f32>, OpError> {
        self.get(name, "float", |attribute| match attribute {
            Attribute::Float(value) => Some(*value),
            _ => None,
        })
    }

    /// A list of integers, if there is one.
    ///
    /// # Errors
    /// If the attribute is of another type.
    pub fn ints(&self, name: &str) -> Result<Option<&'a [i64]>, OpError> {
        self.get(name, "ints", |attribute| match attribute {
            Attribute::Ints(values) => Some(values.as_slice()),
            _ => None,
        })
    }

    /// A list of numbers, if there is one.
    ///
    /// # Errors
    /// If the attribute is of another type.
    pub fn floats(&self, name: &str) -> Result<Option<&'a [f32]>, OpError> {
        self.get(name, "floats", |attribute| match attribute {
            Attribute::Floats(values) => Some(values.as_slice()),
            _ => None,
        })
    }

    /// A word, if there is one.
    ///
    /// # Errors
    /// If the attribute is of another type.
    pub fn string(&self, name: &str) -> Result<Option<&'a str>, OpError> {
        self.get(name, "string", |attribute| match attribute {
            Attribute::String(value) => Some(value.as_str()),
            _ => None,
        })
    }

    /// A tensor, if there is one.
    ///
    /// # Errors
    /// If the attribute is of another type.
    pub fn tensor(&self, name: &str) -> Result<Option<&'a TensorDef>, OpError> {
        self.get(name, "tensor", |attribute| match attribute {
            Attribute::Tensor(value) => Some(value),
            _ => None,
        })
    }

    fn get<V>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'a Attribute) -> Option<V>,
    ) -> Result<Option<V>, OpError> {
        let Some(attribute) = self.map.get(name) else { return Ok(None) };
        read(attribute).map(Some).ok_or_else(|| wrong_kind(name, expected, attribute))
    }
}

/// The error of an attribute that holds something of another kind.
pub(super) fn wrong_kind(name: &str, expected: &str, found: &Attribute) -> OpError {
    let expected = match expected {
        "int" => "an integer",
        "ints" => "a list of integers",
        "float" => "a float",
        "floats" => "a list of floats",
        "string" => "a string",
        "strings" => "a list of strings",
        "tensor" => "a tensor",
        other => other,
    };
    OpError::new(format!("attribute `{name}` should be {expected}, it is {}", found.kind()))
}
