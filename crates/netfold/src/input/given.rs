//! An input out of a file: an array, or a picture and what became of it.

use std::path::Path;

use netfold_linear::Real;

use super::element::{exact, range, real, settle};
use super::layout::fitting;
use super::npy::{begins_like_npy, values_in};
use super::{
    ChannelOrder, Content, InputError, InputLayout, LayoutChoice, Picture, PixelMap, PixelScale, Pixels, Preprocess,
};
use crate::model::TensorInfo;
use crate::model::feed::behind;
use crate::value::{Tensor, Value};

/// The tensor that the model takes, and where it comes from.
#[derive(Clone, Debug)]
pub struct Given<T> {
    /// The tensor.
    pub x: Tensor<T>,
    /// The picture that it was made of; `None` for an array.
    pub picture: Option<Pictured<T>>,
}

/// A picture on its way to the model's input.
#[derive(Clone, Debug)]
pub struct Pictured<T> {
    /// From its pixels to the model's input.
    pub map: PixelMap<T>,
    /// The picture resized and cropped as the model sees it, in its own colours, 8 bits a value.
    pub seen: Picture,
    /// The largest value that a pixel of the file could have: 255 or 65535.
    pub largest: f64,
    /// x = factor · p + offset out of the picture's pixels, resized and cropped, for each channel in the model's order.
    pub factor: Vec<f64>,
    /// See `factor`.
    pub offset: Vec<f64>,
    /// Whether the model's channels are blue, green, red.
    pub order: ChannelOrder,
}

impl<T: Real> Given<T> {
    /// Reads a picture or a `.npy` array, known by its content, for an input of the model.
    ///
    /// x are numbers that the input's element type can hold: arrays for an input of integers are whole numbers in its
    /// range, and so are pictures, rounded where they were resampled. Those for `float16` and `bfloat16` are rounded to
    /// that type. What rounding does to a picture is part of its map's offset: x = A p + c holds all the same.
    ///
    /// # Errors
    /// If the file cannot be read, or does not fit the input.
    pub fn read(
        path: &Path,
        input: &TensorInfo,
        choice: LayoutChoice,
        preprocess: &Preprocess,
    ) -> Result<Self, InputError> {
        Self::decode(Content::File(path), input, choice, preprocess)
    }

    /// As [`read`](Self::read), from a file or from bytes.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn decode(
        content: Content<'_>,
        input: &TensorInfo,
        choice: LayoutChoice,
        preprocess: &Preprocess,
    ) -> Result<Self, InputError> {
        let (value, picture) = settled(content, input, choice, preprocess)?;
        Ok(Self { x: exact(&value, &input.name)?, picture })
    }

    /// Of a decoded picture.
    ///
    /// # Errors
    /// If the picture does not fit the input.
    pub fn of_picture(
        picture: &Picture,
        input: &TensorInfo,
        choice: LayoutChoice,
        preprocess: &Preprocess,
    ) -> Result<Self, InputError> {
        let (value, pictured) = prepared(picture, input, choice, preprocess)?;
        Ok(Self { x: exact(&value, &input.name)?, picture: Some(pictured) })
    }
}

/// Reads a picture or a `.npy` array for an input that is held: integers and truth values where it takes such.
///
/// # Errors
/// As [`Given::read`].
pub fn read_held<T: Real>(
    path: &Path,
    input: &TensorInfo,
    choice: LayoutChoice,
    preprocess: &Preprocess,
) -> Result<Value<T>, InputError> {
    let (value, _) = settled(Content::File(path), input, choice, preprocess)?;
    Ok(behind(value, input.dtype))
}

/// The values in a file, as the input's element type holds them.
fn settled<T: Real>(
    content: Content<'_>,
    input: &TensorInfo,
    choice: LayoutChoice,
    preprocess: &Preprocess,
) -> Result<(Value<T>, Option<Pictured<T>>), InputError> {
    let (name, declared) = (input.name.as_str(), input.shape.as_deref());
    if begins_like_npy(content)? {
        let value = values_in::<T>(content)?;
        let shape = declared.map(|declared| fitting(value.shape(), name, declared)).transpose()?;
        let value = shape.map_or_else(|| value.clone(), |shape| value.reshaped(&shape));
        return Ok((settle(value, name, input.dtype)?, None));
    }
    // A layout that cannot be told is the first thing to say.
    InputLayout::find(name, declared.unwrap_or_default(), choice)?;
    let (value, pictured) = prepared(&Picture::decode(content)?, input, choice, preprocess)?;
    Ok((value, Some(pictured)))
}

/// What the input's element type holds of a picture.
fn prepared<T: Real>(
    picture: &Picture,
    input: &TensorInfo,
    choice: LayoutChoice,
    preprocess: &Preprocess,
) -> Result<(Value<T>, Pictured<T>), InputError> {
    let (name, declared) = (input.name.as_str(), input.shape.as_deref());
    let layout = InputLayout::find(name, declared.unwrap_or_default(), choice)?;
    let mut map = preprocess.pixel_map::<T>(picture, &layout)?;
    let made = map.apply(picture);
    let seen = preprocess.seen(picture, &layout)?;
    let largest = picture.pixels.largest();
    let (factor, offset) = preprocess.per_channel(seen.channels, largest)?;
    let whole = factor.iter().chain(&offset).all(|number: &f64| number.fract() == 0.0);
    let x = match input.dtype.and_then(range) {
        // Resampled pixels are between two whole numbers, or just outside of what a pixel can be.
        Some(_) if whole => {
            let ends = || factor.iter().zip(&offset).flat_map(|(f, o)| [*o, f * largest + o]);
            let (low, high) = (ends().fold(f64::INFINITY, f64::min), ends().fold(f64::NEG_INFINITY, f64::max));
            made.map(|x| T::of(x.wide().round().clamp(low, high)))
        }
        _ => made.clone(),
    };
    let value = settle(Value::Real(x), name, input.dtype)?;
    map.absorb(&made, &real(&value, None));
    Ok((value, Pictured { map, seen, largest, factor, offset, order: preprocess.order }))
}

impl Preprocess {
    /// The picture resized and cropped as the model sees it, its colours in the picture's own order, 8 bits a value.
    fn seen(&self, picture: &Picture, layout: &InputLayout) -> Result<Picture, InputError> {
        let plain = Self {
            rescale: 1.0,
            scale: PixelScale::Full,
            mean: vec![0.0],
            std: vec![1.0],
            order: ChannelOrder::Rgb,
            ..self.clone()
        };
        let tensor = plain.pixel_map::<f32>(picture, layout)?.apply(picture);
        let shape = tensor.shape();
        let (height, width) = (shape[layout.height_axis()], shape[layout.width_axis()]);
        let channels = layout.channel_axis().map_or(1, |axis| shape[axis]);
        let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
        let mut pixels = Vec::with_capacity(tensor.len());
        for y in 0..height {
            for x in 0..width {
                for c in 0..channels {
                    let at = y * stride(layout.height_axis())
                        + x * stride(layout.width_axis())
                        + layout.channel_axis().map_or(0, |axis| c * stride(axis));
                    pixels.push(tensor.data()[at].round().clamp(0.0, 255.0) as u8);
                }
            }
        }
        Ok(Picture { width, height, channels, pixels: Pixels::Bytes(pixels) })
    }
}
