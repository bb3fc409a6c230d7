//! Arrays in `.npy` files.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use half::f16;
use netfold_linear::Real;
use npyz::{DType, Deserialize, NpyFile, Order, TypeChar};

use super::content::Reader as Source;
use super::element::{position, real};
use super::{Content, InputError};
use crate::value::{Tensor, Value};

/// What every `.npy` file begins with.
const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read (`numpy.load` keeps to the same), and what stands before it.
const HEADER: u64 = 10_000 + 12;
/// More brackets than the header of a plain array has.
const BRACKETS: usize = 32;
/// Brackets inside each other: those of a record's field with a shape. The time that the parser takes doubles with each.
const DEPTH: usize = 4;

type Reader<'a> = NpyFile<BufReader<Box<dyn Source + 'a>>>;

/// Whether the file begins like a `.npy` file.
///
/// # Errors
/// If the file cannot be read.
pub fn is_npy(path: &Path) -> Result<bool, InputError> {
    begins_like_npy(Content::File(path))
}

/// As [`is_npy`], of a file or of bytes.
pub(super) fn begins_like_npy(content: Content<'_>) -> Result<bool, InputError> {
    let mut start = Vec::new();
    let read = content.reader().and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut start));
    read.map_err(|source| InputError::Read { path: content.name().to_owned(), source })?;
    Ok(start == MAGIC)
}

/// The array in a `.npy` file as numbers, in standard layout. Floats of any width, integers and truth values (1 and 0)
/// become `T`; either byte order and either order of axes is read.
///
/// # Errors
/// If the file cannot be read, is damaged or cut, or holds elements of another type.
pub fn read_npy<T: Real>(path: &Path) -> Result<Tensor<T>, InputError> {
    Ok(real(&read_values(path)?, None))
}

/// As [`read_npy`], integers and truth values as what they are.
///
/// # Errors
/// As [`read_npy`].
pub fn read_values<T: Real>(path: &Path) -> Result<Value<T>, InputError> {
    values_in(Content::File(path))
}

/// As [`read_values`], of a file or of bytes.
pub(super) fn values_in<T: Real>(content: Content<'_>) -> Result<Value<T>, InputError> {
    let path = content.name();
    let wrong = |reason: String| InputError::Npy { path: path.to_owned(), reason };
    let failed = |source: io::Error| match source.raw_os_error() {
        Some(_) => InputError::Read { path: path.to_owned(), source },
        None => wrong(source.to_string()),
    };
    let mut file = content.reader().map_err(failed)?;
    let bytes = content.len().map_err(failed)?;
    let mut header = Vec::new();
    Read::take(&mut file, HEADER).read_to_end(&mut header).map_err(failed)?;
    check_header(&header).map_err(|reason| wrong(reason.to_owned()))?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;

    let mut reader = BufReader::new(file);
    let header = npyz::NpyHeader::from_reader(&mut reader).map_err(failed)?;
    let start = reader.stream_position().map_err(failed)?;
    let shape: Vec<usize> = header.shape().iter().map(|&size| size as usize).collect();
    let dtype = header.dtype();
    let elements = header.len();
    if elements >= u64::from(u32::MAX) {
        return Err(wrong(format!("shape {shape:?} has {elements} elements; fewer than {} are read", u32::MAX)));
    }
    let (expected, got) = (elements * dtype.num_bytes().unwrap_or(0) as u64, bytes.saturating_sub(start));
    if got < expected {
        let dtype = name(&dtype);
        return Err(wrong(format!("it is cut: shape {shape:?} of {dtype} takes {expected} bytes, there are {got}")));
    }
    let order = header.order();
    let stored = elements_of(NpyFile::with_header(header, reader), &dtype)
        .ok_or_else(|| InputError::Dtype { path: path.to_owned(), got: name(&dtype) })?
        .map_err(failed)?;
    Ok(match stored {
        Elements::Real(stored) => Value::Real(laid_out(&shape, order, stored)),
        Elements::Int(stored) => Value::Int(laid_out(&shape, order, stored)),
        Elements::Bool(stored) => Value::Bool(laid_out(&shape, order, stored)),
    })
}

/// Refuses headers that the parser would overflow on: nested deeply, or with sizes that no memory holds.
fn check_header(bytes: &[u8]) -> Result<(), &'static str> {
    if bytes.len() < 12 || !bytes.starts_with(MAGIC) {
        return Err("it does not begin like a .npy file");
    }
    let long = bytes[6] > 1;
    let start = if long { 12 } else { 10 };
    let high = if long { usize::from(bytes[10]) << 16 | usize::from(bytes[11]) << 24 } else { 0 };
    let length = usize::from(bytes[8]) | usize::from(bytes[9]) << 8 | high;
    let Some(text) = bytes.get(start..start + length) else {
        return Err("its header is cut, or longer than 10,000 bytes");
    };
    let depths = text.iter().scan(0_usize, |depth, byte| {
        match byte {
            b'(' | b'[' | b'{' => *depth += 1,
            b')' | b']' | b'}' => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some(*depth)
    });
    let brackets = text.iter().filter(|byte| b"([{".contains(byte)).count();
    if brackets > BRACKETS || depths.max().is_some_and(|deepest| deepest > DEPTH) {
        return Err("its header is not that of a plain array");
    }
    if text.windows(2).any(|pair| pair[0].is_ascii_digit() && (pair[1].is_ascii_alphabetic() || pair[1] == b'_')) {
        return Err("its header holds numbers that are not written plainly");
    }
    let mut numbers = text.split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let product = numbers.try_fold(1_u64, |product, digits| {
        let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        product.checked_mul(number.max(1))
    });
    product.map(|_| ()).ok_or("its shape has too many elements")
}

/// Elements in the order of a file.
enum Elements<T> {
    Real(Vec<T>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

/// All elements in the order of the file; `None` for elements that are no real numbers.
fn elements_of<T: Real>(npy: Reader<'_>, dtype: &DType) -> Option<io::Result<Elements<T>>> {
    fn read<E: Deserialize, T>(npy: Reader<'_>, to: impl Fn(E) -> T) -> io::Result<Vec<T>> {
        npy.data::<E>().map_err(io::Error::other)?.map(|element| element.map(&to)).collect()
    }
    fn ints<E: Deserialize + Into<i64>, T>(npy: Reader<'_>) -> io::Result<Elements<T>> {
        Ok(Elements::Int(read(npy, E::into)?))
    }
    let DType::Plain(plain) = dtype else { return None };
    Some(match (plain.type_char(), plain.size_field()) {
        (TypeChar::Float, 2) => read(npy, |value: f16| T::of(value.to_f64())).map(Elements::Real),
        (TypeChar::Float, 4) => read(npy, |value: f32| T::of(f64::from(value))).map(Elements::Real),
        (TypeChar::Float, 8) => read(npy, T::of).map(Elements::Real),
        (TypeChar::Int, 1) => ints::<i8, T>(npy),
        (TypeChar::Int, 2) => ints::<i16, T>(npy),
        (TypeChar::Int, 4) => ints::<i32, T>(npy),
        (TypeChar::Int, 8) => ints::<i64, T>(npy),
        (TypeChar::Uint, 1) => ints::<u8, T>(npy),
        (TypeChar::Uint, 2) => ints::<u16, T>(npy),
        (TypeChar::Uint, 4) => ints::<u32, T>(npy),
        (TypeChar::Uint, 8) => read(npy, |value: u64| value).map(|values| {
            let ints: Result<Vec<i64>, _> = values.iter().map(|&value| i64::try_from(value)).collect();
            // What no i64 holds is a number, if one at all.
            ints.map_or_else(|_| Elements::Real(values.iter().map(|&v| T::of(v as f64)).collect()), Elements::Int)
        }),
        (TypeChar::Bool, 1) => read(npy, |value: bool| value).map(Elements::Bool),
        _ => return None,
    })
}

/// The type in words.
fn name(dtype: &DType) -> String {
    let DType::Plain(plain) = dtype else { return format!("records `{}`", dtype.descr()) };
    let bits = plain.size_field().saturating_mul(8);
    match plain.type_char() {
        TypeChar::Float => format!("float{bits}"),
        TypeChar::Complex => format!("complex{bits}"),
        TypeChar::Int => format!("int{bits}"),
        TypeChar::Uint => format!("uint{bits}"),
        TypeChar::Bool => "bool".to_owned(),
        TypeChar::Object => "Python objects".to_owned(),
        TypeChar::UnicodeStr | TypeChar::ByteStr => format!("strings `{plain}`"),
        _ => format!("`{plain}`"),
    }
}

fn laid_out<E: Copy>(shape: &[usize], order: Order, stored: Vec<E>) -> Tensor<E> {
    if order == Order::Fortran { from_fortran(shape, &stored) } else { Tensor::new(shape, stored) }
}

/// The tensor whose first index varies fastest in `stored`.
fn from_fortran<E: Copy>(shape: &[usize], stored: &[E]) -> Tensor<E> {
    let place = |element: usize| {
        let (mut rest, mut block, mut at) = (element, stored.len(), 0);
        let mut stride = 1;
        for &size in shape {
            block /= size;
            at += rest / block * stride;
            rest %= block;
            stride *= size;
        }
        at
    };
    Tensor::new(shape, (0..stored.len()).map(|element| stored[place(element)]).collect())
}

/// Refuses a tensor that holds NaN or an infinity; `what` names the tensor in the message.
///
/// # Errors
/// With the first such element's position.
pub fn check_finite<T: Real>(tensor: &Tensor<T>, what: &str) -> Result<(), InputError> {
    let Some(first) = tensor.non_finite() else { return Ok(()) };
    let position = position(tensor.shape(), first);
    let count = tensor.data().iter().filter(|value| !value.is_finite()).count();
    let value = tensor.data()[first].to_string();
    Err(InputError::NonFinite { what: what.to_owned(), position, value, count })
}
