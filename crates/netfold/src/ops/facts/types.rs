//! Element types, as operators allow them.

use std::ops::BitOr;

use netfold_onnx::DType;

/// Element types, those that netfold knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Kinds(u16);

/// `float16`, `float` and `double`.
pub(in crate::ops) const FLOATS: Kinds = Kinds::of(&[DType::F16, DType::F32, DType::F64]);
/// `float` alone.
pub(in crate::ops) const FLOAT: Kinds = Kinds::of(&[DType::F32]);
/// `float16` alone.
pub(in crate::ops) const FLOAT16: Kinds = Kinds::of(&[DType::F16]);
/// `double` alone.
pub(in crate::ops) const DOUBLE: Kinds = Kinds::of(&[DType::F64]);
/// `bfloat16`.
pub(in crate::ops) const BFLOAT16: Kinds = Kinds::of(&[DType::BF16]);
/// `int64`, of shapes and axes.
pub(in crate::ops) const INT64: Kinds = Kinds::of(&[DType::I64]);
/// `int16`.
pub(in crate::ops) const INT16: Kinds = Kinds::of(&[DType::I16]);
/// `int32`.
pub(in crate::ops) const INT32: Kinds = Kinds::of(&[DType::I32]);
/// `int32` and `int64`, of indices.
pub(in crate::ops) const INDICES: Kinds = Kinds::of(&[DType::I32, DType::I64]);
/// Integers of 32 and 64 bits.
pub(in crate::ops) const WIDE: Kinds = Kinds::of(&[DType::I32, DType::I64, DType::U32, DType::U64]);
/// Integers of 8 bits.
pub(in crate::ops) const BYTES: Kinds = Kinds::of(&[DType::I8, DType::U8]);
/// Integers of 16 bits.
pub(in crate::ops) const SHORTS: Kinds = Kinds::of(&[DType::I16, DType::U16]);
/// Integers with a sign.
pub(in crate::ops) const SIGNED: Kinds = Kinds::of(&[DType::I8, DType::I16, DType::I32, DType::I64]);
/// `bool`.
pub(in crate::ops) const BOOL: Kinds = Kinds::of(&[DType::Bool]);
/// All floats but `bfloat16`, and all integers.
pub(in crate::ops) const NUMBERS: Kinds = FLOATS.or(WIDE).or(SHORTS).or(BYTES);
/// Everything but `bfloat16`.
pub(in crate::ops) const ALL: Kinds = NUMBERS.or(BOOL).or(Kinds::of(&[DType::String]));

impl Kinds {
    const fn of(types: &[DType]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < types.len() {
            bits |= 1 << types[i] as u16;
            i += 1;
        }
        Self(bits)
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn contains(self, dtype: DType) -> bool {
        self.0 & Self::of(&[dtype]).0 != 0
    }

    /// These, and others from an operator set on.
    pub fn with(self, more: Self, from: i64) -> Types {
        Types::from(self).with(more, from)
    }

    /// The names of the types.
    pub(super) fn names(self) -> Vec<&'static str> {
        DType::all().filter(|&dtype| self.contains(dtype)).map(DType::name).collect()
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

/// The element types that an input can have, by operator set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Types(Vec<(i64, Kinds)>);

impl From<Kinds> for Types {
    fn from(kinds: Kinds) -> Self {
        Self(vec![(1, kinds)])
    }
}

impl Types {
    /// Others too, from an operator set on.
    pub fn with(self, more: Kinds, from: i64) -> Self {
        let kinds = self.at(from) | more;
        self.then(kinds, from)
    }

    /// Others instead, from an operator set on.
    pub fn then(mut self, kinds: Kinds, from: i64) -> Self {
        self.0.push((from, kinds));
        self
    }

    pub(super) fn at(&self, set: i64) -> Kinds {
        self.0.iter().rev().find(|&&(from, _)| from <= set).map_or(Kinds(0), |&(_, kinds)| kinds)
    }
}
