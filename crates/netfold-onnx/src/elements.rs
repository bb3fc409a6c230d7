//! Elements from little-endian bytes and back.

use crate::{DType, Data};
use half::{bf16, f16};
use std::io::{self, Read};

/// A type that `raw_data` stores with a fixed number of bytes.
trait Element: Copy {
    const SIZE: usize;
    /// From exactly `SIZE` bytes.
    fn from_le(bytes: &[u8]) -> Self;
    fn put_le(self, out: &mut Vec<u8>);
}

macro_rules! element {
    ($($t:ty: $size:literal),*) => {$(
        impl Element for $t {
            const SIZE: usize = $size;
            fn from_le(bytes: &[u8]) -> Self {
                let mut array = [0; $size];
                array.copy_from_slice(bytes);
                Self::from_le_bytes(array)
            }
            fn put_le(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

element!(f32: 4, f64: 8, f16: 2, bf16: 2, i8: 1, i16: 2, i32: 4, i64: 8, u8: 1, u16: 2, u32: 4, u64: 8);

impl Element for bool {
    const SIZE: usize = 1;
    fn from_le(bytes: &[u8]) -> Self {
        bytes != [0]
    }
    fn put_le(self, out: &mut Vec<u8>) {
        out.push(self.into());
    }
}

/// Reads `count` elements.
///
/// They are allocated at once, so `count` must have been checked against what there is to read. Texts have no such
/// form: for them there is nothing to read and the answer is empty.
pub(crate) fn read_elements(dtype: DType, count: usize, from: impl Read) -> io::Result<Data> {
    Ok(match dtype {
        DType::F32 => read_all::<f32>(count, from)?.into(),
        DType::F64 => read_all::<f64>(count, from)?.into(),
        DType::F16 => read_all::<f16>(count, from)?.into(),
        DType::BF16 => read_all::<bf16>(count, from)?.into(),
        DType::I8 => read_all::<i8>(count, from)?.into(),
        DType::I16 => read_all::<i16>(count, from)?.into(),
        DType::I32 => read_all::<i32>(count, from)?.into(),
        DType::I64 => read_all::<i64>(count, from)?.into(),
        DType::U8 => read_all::<u8>(count, from)?.into(),
        DType::U16 => read_all::<u16>(count, from)?.into(),
        DType::U32 => read_all::<u32>(count, from)?.into(),
        DType::U64 => read_all::<u64>(count, from)?.into(),
        DType::Bool => read_all::<bool>(count, from)?.into(),
        DType::String => Vec::<String>::new().into(),
    })
}

/// Reads by blocks, so that the bytes are never all in memory beside the elements.
fn read_all<T: Element>(count: usize, mut from: impl Read) -> io::Result<Vec<T>> {
    const BLOCK: usize = 1 << 16;
    let mut elements = Vec::with_capacity(count);
    let mut block = vec![0; BLOCK.min(count.saturating_mul(T::SIZE))];
    while elements.len() < count {
        let bytes = (count - elements.len()).saturating_mul(T::SIZE).min(BLOCK);
        from.read_exact(&mut block[..bytes])?;
        elements.extend(block[..bytes].chunks_exact(T::SIZE).map(T::from_le));
    }
    Ok(elements)
}

/// The elements as `raw_data` stores them; `None` for texts.
pub(crate) fn to_le_bytes(data: &Data) -> Option<Vec<u8>> {
    Some(match data {
        Data::F32(v) => put_all(v),
        Data::F64(v) => put_all(v),
        Data::F16(v) => put_all(v),
        Data::BF16(v) => put_all(v),
        Data::I8(v) => put_all(v),
        Data::I16(v) => put_all(v),
        Data::I32(v) => put_all(v),
        Data::I64(v) => put_all(v),
        Data::U8(v) => put_all(v),
        Data::U16(v) => put_all(v),
        Data::U32(v) => put_all(v),
        Data::U64(v) => put_all(v),
        Data::Bool(v) => put_all(v),
        Data::String(_) => return None,
    })
}

fn put_all<T: Element>(elements: &[T]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(elements.len() * T::SIZE);
    for &element in elements {
        element.put_le(&mut bytes);
    }
    bytes
}
