//! Tensors, from whichever field holds their elements.

use super::Context;
use crate::{
    DType, Data, TensorDef, TensorProblem, dtype::code_name, elements::read_elements, generated::TensorProto,
    tensor::element_count,
};
use half::{bf16, f16};

/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i32 = 1;

pub(super) fn tensor(proto: TensorProto, context: &mut Context) -> Result<TensorDef, TensorProblem> {
    let shape = shape(&proto.dims)?;
    let dtype =
        DType::from_code(proto.data_type).ok_or_else(|| TensorProblem::Type { dtype: code_name(proto.data_type) })?;
    let count = element_count(&shape)?;
    let data = if proto.data_location == EXTERNAL {
        context.external.elements(&proto.external_data, dtype, &shape)?
    } else if let Some(raw) = proto.raw_data.as_ref().filter(|raw| !raw.is_empty()) {
        let expected = count * dtype.size().ok_or(TensorProblem::RawText)?;
        if raw.len() != expected {
            return Err(TensorProblem::Length { dtype, shape, unit: "bytes", expected, got: raw.len() });
        }
        // Reading a slice of the right length cannot fail.
        read_elements(dtype, count, raw.as_ref()).map_err(|_| TensorProblem::RawText)?
    } else {
        typed(dtype, proto)?
    };
    TensorDef::new(shape, data)
}

/// Sizes of the axes, none of them negative.
pub(super) fn shape(dims: &[i64]) -> Result<Vec<usize>, TensorProblem> {
    let sizes = dims.iter().map(|&d| usize::try_from(d));
    sizes.collect::<Result<_, _>>().map_err(|_| TensorProblem::NegativeSize { shape: dims.to_vec() })
}

/// The elements in the field that belongs to the type; types without one of their own borrow a wider one.
fn typed(dtype: DType, proto: TensorProto) -> Result<Data, TensorProblem> {
    let ints = proto.int32_data;
    Ok(match dtype {
        DType::F32 => proto.float_data.into(),
        DType::F64 => proto.double_data.into(),
        DType::I32 => ints.into(),
        DType::I64 => proto.int64_data.into(),
        DType::U64 => proto.uint64_data.into(),
        DType::U32 => narrow(dtype, &proto.uint64_data, |v| u32::try_from(v).ok())?.into(),
        DType::I8 => narrow(dtype, &ints, |v| i8::try_from(v).ok())?.into(),
        DType::I16 => narrow(dtype, &ints, |v| i16::try_from(v).ok())?.into(),
        DType::U8 => narrow(dtype, &ints, |v| u8::try_from(v).ok())?.into(),
        DType::U16 => narrow(dtype, &ints, |v| u16::try_from(v).ok())?.into(),
        DType::Bool => narrow(dtype, &ints, |v| Some(v != 0))?.into(),
        DType::F16 => narrow(dtype, &ints, |v| bits16(v).map(f16::from_bits))?.into(),
        DType::BF16 => narrow(dtype, &ints, |v| bits16(v).map(bf16::from_bits))?.into(),
        DType::String => texts(&proto.string_data)?.into(),
    })
}

/// Sixteen bits of a half, which some writers sign-extend.
fn bits16(value: i32) -> Option<u16> {
    u16::try_from(value).ok().or_else(|| i16::try_from(value).ok().map(|v| v as u16))
}

fn narrow<W: Copy + Into<i128>, N>(
    dtype: DType,
    wide: &[W],
    convert: impl Fn(W) -> Option<N>,
) -> Result<Vec<N>, TensorProblem> {
    let one = |(index, &value): (usize, &W)| {
        convert(value).ok_or_else(|| TensorProblem::OutOfRange { index, value: value.into(), dtype })
    };
    wide.iter().enumerate().map(one).collect()
}

fn texts(stored: &[bytes::Bytes]) -> Result<Vec<String>, TensorProblem> {
    let one = |(index, bytes): (usize, &bytes::Bytes)| {
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| TensorProblem::NotUtf8 { index })
    };
    stored.iter().enumerate().map(one).collect()
}
