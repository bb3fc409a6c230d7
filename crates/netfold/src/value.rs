//! What flows through a graph: tensors of reals, integers and truth values.

use std::any::Any;
use std::sync::Arc;

use netfold_linear::{Probes, Real, Support};
use netfold_onnx::{Data, TensorDef};
use rayon::prelude::*;

/// How many numbers one task of a parallel loop handles.
const TASK: usize = 1 << 14;

/// A tensor in standard (row-major) layout. Cloning shares the numbers.
#[derive(Clone, Debug)]
pub struct Tensor<E> {
    shape: Vec<usize>,
    /// How many elements there are: the first ones of a buffer.
    len: usize,
    buffer: Arc<Vec<E>>,
}

impl<E: PartialEq> PartialEq for Tensor<E> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.buffer[..self.len] == other.buffer[..other.len]
    }
}

impl<E: Clone> Tensor<E> {
    /// A tensor of this shape.
    ///
    /// # Panics
    /// If `data` does not hold as many elements as the shape says.
    pub fn new(shape: &[usize], data: Vec<E>) -> Self {
        assert_eq!(data.len(), shape.iter().product::<usize>(), "elements of a tensor of shape {shape:?}");
        Self::shared(shape, Arc::new(data))
    }

    /// A tensor of the first elements of a buffer, which others may hold too.
    ///
    /// # Panics
    /// If the buffer does not hold as many elements as the shape says.
    pub fn shared(shape: &[usize], buffer: Arc<Vec<E>>) -> Self {
        let len = shape.iter().product();
        assert!(buffer.len() >= len, "{} elements of a tensor of shape {shape:?}", buffer.len());
        Self { shape: shape.to_vec(), len, buffer }
    }

    /// A tensor without axes.
    pub fn scalar(value: E) -> Self {
        Self::new(&[], vec![value])
    }

    /// The shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in standard order.
    pub fn data(&self) -> &[E] {
        &self.buffer[..self.len]
    }

    /// The elements, to be changed, if nobody else holds them.
    pub fn data_mut(&mut self) -> Option<&mut [E]> {
        Arc::get_mut(&mut self.buffer).map(|buffer| &mut buffer[..self.len])
    }

    /// The elements, to be held by others too.
    pub fn share(&self) -> Arc<Vec<E>> {
        if self.buffer.len() == self.len { Arc::clone(&self.buffer) } else { Arc::new(self.data().to_vec()) }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Each element through `f`.
    pub fn map<U: Clone>(&self, f: impl FnMut(&E) -> U) -> Tensor<U> {
        Tensor::new(&self.shape, self.data().iter().map(f).collect())
    }

    /// The same elements under another shape with as many of them.
    ///
    /// # Panics
    /// If the shape has another number of elements.
    #[must_use]
    pub fn reshaped(&self, shape: &[usize]) -> Self {
        assert_eq!(self.len, shape.iter().product::<usize>(), "elements of a tensor of shape {shape:?}");
        Self::shared(shape, Arc::clone(&self.buffer))
    }

    /// `y[i] = x[source[i]]`, or `fill` where the source is [`Select::NONE`](netfold_linear::Select::NONE).
    #[must_use]
    pub fn selected(&self, shape: &[usize], source: &[u32], fill: &E) -> Self {
        let pick =
            |&j: &u32| if j == netfold_linear::Select::NONE { fill.clone() } else { self.data()[j as usize].clone() };
        Self::new(shape, source.iter().map(pick).collect())
    }

    /// The elements that `source` picks, `fill` where it picks none.
    #[must_use]
    pub fn picked(&self, source: &netfold_linear::Select, fill: E) -> Self
    where
        E: Copy + Send + Sync,
    {
        Self::new(netfold_linear::LinearMap::<f64>::codomain(source), source.pick(self.data(), fill))
    }
}

impl<T: Real> Tensor<T> {
    /// As [`picked`](Self::picked), in a buffer that was given back.
    #[must_use]
    pub fn moved(&self, source: &netfold_linear::Select, fill: T) -> Self {
        let shape = netfold_linear::LinearMap::<T>::codomain(source);
        let (len, mut made) = (shape.iter().product(), T::pool().at_least(shape.iter().product()));
        source.pick_into(self.data(), fill, &mut made[..len]);
        Self::shared(shape, Arc::new(made))
    }

    /// The tensor as a batch of one probe.
    pub fn probe(&self) -> Probes<T> {
        Probes::shared(Support::full(&self.shape), 1, Arc::clone(&self.buffer))
    }

    /// f of each pair of numbers of two tensors of one shape, in parallel.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    pub fn paired(&self, other: &Self, f: impl Fn(T, T) -> T + Sync) -> Self {
        assert_eq!(self.shape, other.shape, "shapes of a pair");
        let mut made = T::pool().at_least(self.len);
        made[..self.len]
            .par_chunks_mut(TASK)
            .zip(self.data().par_chunks(TASK))
            .zip(other.data().par_chunks(TASK))
            .for_each(|((to, a), b)| to.iter_mut().zip(a).zip(b).for_each(|((to, &a), &b)| *to = f(a, b)));
        Self::shared(&self.shape, Arc::new(made))
    }

    /// Gives the numbers' buffer back, if nobody else holds them.
    pub fn recycle(self) {
        if let Ok(buffer) = Arc::try_unwrap(self.buffer) {
            T::pool().give(buffer);
        }
    }

    /// The flat index of the first element that is NaN or infinite.
    pub fn non_finite(&self) -> Option<usize> {
        self.data().iter().position(|value| !value.is_finite())
    }
}

/// One value of a graph. Every integer type of ONNX is held as `i64`, every float type as `T`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<T> {
    /// Numbers that can depend on the input linearly.
    Real(Tensor<T>),
    /// Shapes, indices, axes.
    Int(Tensor<i64>),
    /// Conditions.
    Bool(Tensor<bool>),
}

impl<T: Real> Value<T> {
    /// The shape.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Real(tensor) => tensor.shape(),
            Self::Int(tensor) => tensor.shape(),
            Self::Bool(tensor) => tensor.shape(),
        }
    }

    /// What kind of element it holds, as a word for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Real(_) => "floating point",
            Self::Int(_) => "integer",
            Self::Bool(_) => "bool",
        }
    }

    /// The flat index of the first element that is NaN or infinite.
    pub fn non_finite(&self) -> Option<usize> {
        if let Self::Real(tensor) = self { tensor.non_finite() } else { None }
    }

    /// Gives the buffer of numbers back, if nobody else holds them.
    pub fn recycle(self) {
        if let Self::Real(tensor) = self {
            tensor.recycle();
        }
    }

    /// `y[i] = x[source[i]]` for any kind; `NONE` gives zero (false).
    #[must_use]
    pub fn selected(&self, shape: &[usize], source: &[u32]) -> Self {
        match self {
            Self::Real(tensor) => Self::Real(tensor.selected(shape, source, &T::zero())),
            Self::Int(tensor) => Self::Int(tensor.selected(shape, source, &0)),
            Self::Bool(tensor) => Self::Bool(tensor.selected(shape, source, &false)),
        }
    }

    /// The same elements under another shape with as many of them.
    #[must_use]
    pub fn reshaped(&self, shape: &[usize]) -> Self {
        match self {
            Self::Real(tensor) => Self::Real(tensor.reshaped(shape)),
            Self::Int(tensor) => Self::Int(tensor.reshaped(shape)),
            Self::Bool(tensor) => Self::Bool(tensor.reshaped(shape)),
        }
    }

    /// Bytes of the elements, where nobody else holds them.
    pub(crate) fn own_bytes(&self) -> u64 {
        fn own<E>(tensor: &Tensor<E>) -> u64 {
            if Arc::strong_count(&tensor.buffer) == 1 { (tensor.len * size_of::<E>()) as u64 } else { 0 }
        }
        match self {
            Self::Real(tensor) => own(tensor),
            Self::Int(tensor) => own(tensor),
            Self::Bool(tensor) => own(tensor),
        }
    }

    /// Bytes that [`from_onnx`](Self::from_onnx) takes: none where the elements are used as they are.
    pub(crate) fn bytes_from_onnx(tensor: &TensorDef) -> f64 {
        let bytes = match (&tensor.data, T::NAME) {
            (Data::F32(_), "f32") | (Data::F64(_), "f64") | (Data::Bool(_) | Data::String(_), _) => 0,
            (Data::F32(_) | Data::F64(_) | Data::F16(_) | Data::BF16(_), _) => size_of::<T>(),
            _ => size_of::<i64>(),
        };
        (tensor.data.len() * bytes) as f64
    }

    /// The value that a constant of an ONNX file holds; `None` for strings.
    pub fn from_onnx(tensor: &TensorDef) -> Option<Self> {
        fn ints<T, I: Copy + Into<i64>>(shape: &[usize], data: &[I]) -> Value<T> {
            Value::Int(Tensor::new(shape, data.iter().map(|&value| value.into()).collect()))
        }
        fn reals<T: Real, F: Copy>(shape: &[usize], data: &[F], wide: impl Fn(F) -> f64) -> Value<T> {
            Value::Real(Tensor::new(shape, data.iter().map(|&value| T::of(wide(value))).collect()))
        }
        /// The numbers themselves, where they are of this precision already.
        fn own<T: Real, F: Copy + 'static>(shape: &[usize], data: &Arc<Vec<F>>, wide: impl Fn(F) -> f64) -> Value<T> {
            let any: &dyn Any = data;
            match any.downcast_ref::<Arc<Vec<T>>>() {
                Some(data) => Value::Real(Tensor::shared(shape, Arc::clone(data))),
                None => reals(shape, data, wide),
            }
        }
        let shape = &tensor.shape;
        Some(match &tensor.data {
            Data::F32(data) => own(shape, data, f64::from),
            Data::F64(data) => own(shape, data, |value| value),
            Data::F16(data) => reals(shape, data, f64::from),
            Data::BF16(data) => reals(shape, data, f64::from),
            Data::I8(data) => ints(shape, data),
            Data::I16(data) => ints(shape, data),
            Data::I32(data) => ints(shape, data),
            Data::I64(data) => ints(shape, data),
            Data::U8(data) => ints(shape, data),
            Data::U16(data) => ints(shape, data),
            Data::U32(data) => ints(shape, data),
            // Values over i64::MAX wrap: no index, shape or quantised weight is that large.
            Data::U64(data) => Self::Int(Tensor::new(shape, data.iter().map(|&value| value as i64).collect())),
            Data::Bool(data) => Self::Bool(Tensor::shared(shape, Arc::clone(data))),
            Data::String(_) => return None,
        })
    }
}

/// The index along each axis of a flat element.
pub(crate) fn indices(mut element: usize, shape: &[usize]) -> Vec<usize> {
    let mut indices = vec![0; shape.len()];
    for (index, size) in indices.iter_mut().zip(shape).rev() {
        (*index, element) = (element % size, element / size);
    }
    indices
}

/// The input's shape without its batch axis of one.
pub fn without_batch(shape: &[usize]) -> impl Iterator<Item = usize> + '_ {
    shape.iter().copied().skip(usize::from(shape.len() > 1 && shape[0] == 1))
}
