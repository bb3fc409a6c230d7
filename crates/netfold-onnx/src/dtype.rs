//! The element types of tensors.

use std::fmt;

/// The type of a tensor's elements.
///
/// It is written the way ONNX names it: [`DType::F32`] is `float`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DType {
    /// `float`, 32 bits.
    F32,
    /// `double`, 64 bits.
    F64,
    /// `float16`, IEEE half precision.
    F16,
    /// `bfloat16`, the upper half of a `float`.
    BF16,
    /// `int8`.
    I8,
    /// `int16`.
    I16,
    /// `int32`.
    I32,
    /// `int64`.
    I64,
    /// `uint8`.
    U8,
    /// `uint16`.
    U16,
    /// `uint32`.
    U32,
    /// `uint64`.
    U64,
    /// `bool`, one byte an element.
    Bool,
    /// `string`, UTF-8 here.
    String,
}

/// Type, the number that `TensorProto.data_type` has for it, its ONNX name, bytes an element.
const TABLE: [(DType, i32, &str, Option<usize>); 14] = [
    (DType::F32, 1, "float", Some(4)),
    (DType::U8, 2, "uint8", Some(1)),
    (DType::I8, 3, "int8", Some(1)),
    (DType::U16, 4, "uint16", Some(2)),
    (DType::I16, 5, "int16", Some(2)),
    (DType::I32, 6, "int32", Some(4)),
    (DType::I64, 7, "int64", Some(8)),
    (DType::String, 8, "string", None),
    (DType::Bool, 9, "bool", Some(1)),
    (DType::F16, 10, "float16", Some(2)),
    (DType::F64, 11, "double", Some(8)),
    (DType::U32, 12, "uint32", Some(4)),
    (DType::U64, 13, "uint64", Some(8)),
    (DType::BF16, 16, "bfloat16", Some(2)),
];

/// Types that ONNX has and this crate does not read, for messages.
const UNREAD: [(i32, &str); 14] = [
    (14, "complex64"),
    (15, "complex128"),
    (17, "float8e4m3fn"),
    (18, "float8e4m3fnuz"),
    (19, "float8e5m2"),
    (20, "float8e5m2fnuz"),
    (21, "uint4"),
    (22, "int4"),
    (23, "float4e2m1"),
    (24, "float8e8m0"),
    (25, "uint2"),
    (26, "int2"),
    (27, "float6e2m3"),
    (28, "float6e3m2"),
];

impl DType {
    /// Every type, in the order of their numbers in ONNX.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The number that `TensorProto.data_type` has for this type.
    pub fn code(self) -> i32 {
        self.row().1
    }

    /// The type with this number, if it is one of ours.
    pub fn from_code(code: i32) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// Bytes an element takes in `raw_data`; `None` for strings, whose elements differ.
    pub fn size(self) -> Option<usize> {
        self.row().3
    }

    /// The name in ONNX, such as `float` or `int64`.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (Self, i32, &'static str, Option<usize>) {
        *TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The ONNX name of any type number, read by this crate or not.
pub(crate) fn code_name(code: i32) -> String {
    let unread = || UNREAD.iter().find(|row| row.0 == code).map(|row| row.1);
    match DType::from_code(code).map(DType::name).or_else(unread) {
        Some(name) => name.to_owned(),
        None if code == 0 => "undefined".to_owned(),
        None => format!("number {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_finds_its_own_row() {
        for dtype in DType::all() {
            assert_eq!(DType::from_code(dtype.code()), Some(dtype));
        }
        assert_eq!(DType::all().count(), TABLE.len());
        assert_eq!(format!("{:>8}", DType::F32), "   float");
    }

    #[test]
    fn unread_types_have_names() {
        assert_eq!(code_name(22), "int4");
        assert_eq!(code_name(0), "undefined");
        assert_eq!(code_name(-7), "number -7");
    }
}
