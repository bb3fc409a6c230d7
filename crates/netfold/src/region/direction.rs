//! Directions in the input space that people ask about.

use netfold_linear::{Probes, Real, Support};

use crate::error::Error;
use crate::input::{InputLayout, PixelMap};
use crate::value::Tensor;

/// The gray that contrast turns around, in pixel values.
const MID_GRAY: f64 = 127.5;

/// A direction d over the input x. For a picture, t counts pixel values (0 to 255), and d goes through preprocessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// p + t: all pixels brighter by t.
    Brightness,
    /// m + (1 + t) (p − m): m is mid-gray (127.5), or the mean of an array.
    Contrast,
    /// The pixels of a rectangle brighter by t.
    Rectangle {
        /// First row and column.
        top_left: [usize; 2],
        /// Height and width.
        size: [usize; 2],
    },
}

/// What the elements of x are to a [`Direction`].
#[derive(Clone, Copy, Debug)]
pub enum Space<'a, T> {
    /// Pixels of a picture, by the map from pixels to x.
    Picture(&'a PixelMap<T>),
    /// Numbers with axes of height and width.
    Image(&'a InputLayout),
    /// Numbers.
    Array,
}

impl Direction {
    /// d over an x of this kind.
    ///
    /// # Errors
    /// If the picture does not have the rectangle, or the array is no picture.
    pub fn vector<T: Real>(self, x: &Tensor<T>, space: Space<'_, T>) -> Result<Tensor<T>, Error> {
        let push = |map: &PixelMap<T>, p: Vec<T>| {
            let d = map.map.apply(Probes::tensor(map.map.domain(), p), &Support::full(x.shape()));
            Tensor::new(x.shape(), d.into_values())
        };
        let ones = |map: &PixelMap<T>| push(map, vec![T::one(); map.map.domain().iter().product()]);
        match (self, space) {
            (Self::Brightness, Space::Picture(map)) => Ok(ones(map)),
            (Self::Brightness, _) => Ok(x.map(|_| T::one())),
            (Self::Contrast, Space::Picture(map)) => {
                let gray = ones(map);
                let d =
                    |(e, x): (usize, &T)| T::of(x.wide() - map.offset.at(e).wide() - MID_GRAY * gray.data()[e].wide());
                Ok(Tensor::new(x.shape(), x.data().iter().enumerate().map(d).collect()))
            }
            (Self::Contrast, _) => {
                let mean = x.data().iter().map(|x| x.wide()).sum::<f64>() / x.len().max(1) as f64;
                Ok(x.map(|x| T::of(x.wide() - mean)))
            }
            (Self::Rectangle { .. }, Space::Picture(map)) => {
                let domain = map.map.domain();
                let inside = self.inside(domain, [0, 1])?;
                Ok(push(map, (0..domain.iter().product()).map(inside).collect()))
            }
            (Self::Rectangle { .. }, Space::Image(layout)) => {
                let axes = [layout.height_axis(), layout.width_axis()];
                if axes.iter().any(|&axis| axis >= x.shape().len()) {
                    return Err(self.outside(x.shape()));
                }
                let inside = self.inside(x.shape(), axes)?;
                Ok(Tensor::new(x.shape(), (0..x.len()).map(inside).collect()))
            }
            (Self::Rectangle { .. }, Space::Array) => Err(self.outside(x.shape())),
        }
    }

    /// The error of a rectangle that a tensor of this shape does not have.
    fn outside(self, shape: &[usize]) -> Error {
        Error::Unit { unit: self.to_string(), shape: shape.to_vec() }
    }

    /// 1 inside the rectangle and 0 outside, for each element of a tensor with these axes of height and width.
    fn inside<T: Real>(self, shape: &[usize], axes: [usize; 2]) -> Result<impl Fn(usize) -> T, Error> {
        let (first, size) = match self {
            Self::Rectangle { top_left, size } => (top_left, size),
            _ => ([0; 2], axes.map(|axis| shape[axis])),
        };
        let fits = |i: usize| size[i] > 0 && first[i].checked_add(size[i]).is_some_and(|end| end <= shape[axes[i]]);
        if !(fits(0) && fits(1)) {
            return Err(self.outside(shape));
        }
        let stride = axes.map(|axis| shape[axis + 1..].iter().product::<usize>());
        let sizes = axes.map(|axis| shape[axis]);
        Ok(move |element: usize| {
            let at = |i: usize| element / stride[i] % sizes[i];
            let within = |i: usize| (first[i]..first[i] + size[i]).contains(&at(i));
            if within(0) && within(1) { T::one() } else { T::zero() }
        })
    }
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Brightness => f.write_str("brightness"),
            Self::Contrast => f.write_str("contrast"),
            Self::Rectangle { top_left: [y, x], size: [1, 1] } => write!(f, "pixel {y},{x}"),
            Self::Rectangle { top_left: [y, x], size: [h, w] } => write!(f, "rectangle {y},{x},{h},{w}"),
        }
    }
}
