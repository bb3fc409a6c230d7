//! Arrays in `.npy` files.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use half::f16;
use netfold_linear::Real;

use super::element::{position, real};
use super::{Content, InputError};
use crate::npy::{self, Header, Kind, LONGEST, MAGIC, Order};
use crate::value::{Tensor, Value};

/// Elements that are read at once.
const CHUNK: usize = 1 << 14;

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
    let mut file = BufReader::new(content.reader().map_err(failed)?);
    let bytes = content.len().map_err(failed)?;
    let mut header = Vec::new();
    Read::take(&mut file, LONGEST).read_to_end(&mut header).map_err(failed)?;
    let Header { kind, order, shape, start } = npy::parse(&header).map_err(wrong)?;
    file.seek(SeekFrom::Start(start)).map_err(failed)?;

    let elements = shape.iter().map(|&size| size as u64).product::<u64>();
    if elements >= u64::from(u32::MAX) {
        return Err(wrong(format!("shape {shape:?} has {elements} elements; fewer than {} are read", u32::MAX)));
    }
    let expected = elements.saturating_mul(kind.size as u64);
    let got = bytes.saturating_sub(start);
    if got < expected {
        let dtype = kind.name();
        return Err(wrong(format!("it is cut: shape {shape:?} of {dtype} takes {expected} bytes, there are {got}")));
    }
    let stored = elements_of(&mut file, &kind, elements as usize)
        .ok_or_else(|| InputError::Dtype { path: path.to_owned(), got: kind.name() })?
        .map_err(failed)?;
    Ok(match stored {
        Elements::Real(stored) => Value::Real(laid_out(&shape, order, stored)),
        Elements::Int(stored) => Value::Int(laid_out(&shape, order, stored)),
        Elements::Bool(stored) => Value::Bool(laid_out(&shape, order, stored)),
    })
}

/// Elements in the order of a file.
enum Elements<T> {
    Real(Vec<T>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

/// So many elements in the order of the file; `None` for elements that are no real numbers.
fn elements_of<T: Real>(file: &mut impl Read, kind: &Kind, count: usize) -> Option<io::Result<Elements<T>>> {
    macro_rules! ints {
        ($type:ty) => {
            read(file, kind, count, |raw| i64::from(<$type>::from_le_bytes(raw))).map(Elements::Int)
        };
    }
    Some(match (kind.letter?, kind.size) {
        ('f', 2) => read(file, kind, count, |raw| T::of(f16::from_le_bytes(raw).to_f64())).map(Elements::Real),
        ('f', 4) => read(file, kind, count, |raw| T::of(f64::from(f32::from_le_bytes(raw)))).map(Elements::Real),
        ('f', 8) => read(file, kind, count, |raw| T::of(f64::from_le_bytes(raw))).map(Elements::Real),
        ('i', 1) => ints!(i8),
        ('i', 2) => ints!(i16),
        ('i', 4) => ints!(i32),
        ('i', 8) => ints!(i64),
        ('u', 1) => ints!(u8),
        ('u', 2) => ints!(u16),
        ('u', 4) => ints!(u32),
        ('u', 8) => read(file, kind, count, u64::from_le_bytes).map(|values| {
            let ints: Result<Vec<i64>, _> = values.iter().map(|&value| i64::try_from(value)).collect();
            // What no i64 holds is a number, if one at all.
            ints.map_or_else(|_| Elements::Real(values.iter().map(|&v| T::of(v as f64)).collect()), Elements::Int)
        }),
        ('b', 1) => read(file, kind, count, |[byte]: [u8; 1]| byte).and_then(|values| {
            if let Some(other) = values.iter().find(|&&value| value > 1) {
                return Err(io::Error::other(format!("a bool is 0 or 1, and one is {other}")));
            }
            Ok(Elements::Bool(values.into_iter().map(|value| value == 1).collect()))
        }),
        _ => return None,
    })
}

/// So many elements of N bytes, handed on with the lowest byte first.
fn read<const N: usize, E>(
    file: &mut impl Read,
    kind: &Kind,
    count: usize,
    to: impl Fn([u8; N]) -> E,
) -> io::Result<Vec<E>> {
    let mut found = Vec::with_capacity(count);
    let mut buffer = vec![0; CHUNK.min(count) * N];
    while found.len() < count {
        let bytes = &mut buffer[..CHUNK.min(count - found.len()) * N];
        file.read_exact(bytes)?;
        found.extend(bytes.as_chunks().0.iter().map(|&raw: &[u8; N]| {
            let mut raw = raw;
            if kind.is_big {
                raw.reverse();
            }
            to(raw)
        }));
    }
    Ok(found)
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
