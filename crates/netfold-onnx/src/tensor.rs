//! Tensors: a shape, and elements in row-major order.

use crate::{DType, TensorProblem};
use half::{bf16, f16};
use std::sync::Arc;

/// A constant tensor: an initializer, or the value of an attribute.
///
/// ```
/// use netfold_onnx::{DType, TensorDef};
///
/// let kernel = TensorDef::new([2, 3], vec![1.0_f32; 6])?;
/// assert_eq!(kernel.data.dtype(), DType::F32);
/// assert!(TensorDef::new([2, 3], vec![1.0_f32; 5]).is_err());
/// # Ok::<(), netfold_onnx::TensorProblem>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TensorDef {
    /// Sizes of the axes; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements; those that [`crate::decode`] returns are as many as the shape says.
    pub data: Data,
}

impl TensorDef {
    /// A tensor, if there are as many elements as the shape says.
    ///
    /// # Errors
    /// [`TensorProblem::Length`] if not, [`TensorProblem::TooManyElements`] if no computer could hold the shape.
    pub fn new(shape: impl Into<Vec<usize>>, data: impl Into<Data>) -> Result<Self, TensorProblem> {
        let (shape, data) = (shape.into(), data.into());
        let expected = element_count(&shape)?;
        if data.len() == expected {
            Ok(Self { shape, data })
        } else {
            let unit = "elements";
            Err(TensorProblem::Length { dtype: data.dtype(), shape, unit, expected, got: data.len() })
        }
    }

    /// A tensor with one axis, as long as the data.
    pub fn vector(data: impl Into<Data>) -> Self {
        let data = data.into();
        Self { shape: vec![data.len()], data }
    }
}

/// How many elements a tensor of this shape has.
///
/// Axes of size zero count as one in the check, so that nobody who multiplies some of the sizes (for strides, say)
/// overflows later; eight bytes an element must fit an allocation.
pub(crate) fn element_count(shape: &[usize]) -> Result<usize, TensorProblem> {
    const LIMIT: usize = isize::MAX as usize / 8;
    let bound = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d.max(1)));
    match bound {
        Some(n) if n <= LIMIT => Ok(if shape.contains(&0) { 0 } else { n }),
        _ => Err(TensorProblem::TooManyElements { shape: shape.to_vec() }),
    }
}

macro_rules! define_data {
    ($($variant:ident($t:ty)),*) => {
        /// The elements of a tensor in row-major order, as the type that the file stores. Cloning shares them.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Data {
            $(#[doc = concat!("Elements of [`DType::", stringify!($variant), "`].")] $variant(Arc<Vec<$t>>),)*
        }

        impl Data {
            /// The type of the elements.
            pub fn dtype(&self) -> DType {
                match self { $(Self::$variant(_) => DType::$variant,)* }
            }

            /// How many elements there are.
            pub fn len(&self) -> usize {
                match self { $(Self::$variant(v) => v.len(),)* }
            }

            /// Whether there is no element.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// A tensor of zeros (of empty strings, of `false`) with these elements at these places; places and
            /// elements must be equally many and the places below `count`.
            pub(crate) fn scatter(self, places: &[usize], count: usize) -> Self {
                match self { $(Self::$variant(v) => {
                    let mut dense = vec![<$t>::default(); count];
                    for (&place, element) in places.iter().zip(v.iter()) {
                        dense[place].clone_from(element);
                    }
                    dense.into()
                })* }
            }
        }

        $(impl From<Vec<$t>> for Data {
            fn from(elements: Vec<$t>) -> Self { Self::$variant(Arc::new(elements)) }
        })*
    };
}

define_data!(
    F32(f32),
    F64(f64),
    F16(f16),
    BF16(bf16),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    Bool(bool),
    String(String)
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        assert_eq!(element_count(&[]).unwrap(), 1);
        assert_eq!(element_count(&[2, 0, 3]).unwrap(), 0);
        assert!(element_count(&[1 << 40, 1 << 40]).is_err());
        assert!(element_count(&[0, 1 << 40, 1 << 40]).is_err(), "zero must not hide sizes that overflow");
    }

    #[test]
    fn scatter_fills_the_rest_with_zero() {
        assert_eq!(Data::from(vec![7_i8, 9]).scatter(&[3, 0], 5), Data::from(vec![9_i8, 0, 0, 7, 0]));
    }
}
