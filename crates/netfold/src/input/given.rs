//! An input out of a file: an array, or a picture and what became of it.

use std::path::Path;

use netfold_linear::Real;
use netfold_onnx::Dim;

use super::{
    ChannelOrder, InputError, InputLayout, LayoutChoice, Picture, PixelMap, PixelScale, Pixels, Preprocess, fit,
    is_npy, read_npy,
};
use crate::value::Tensor;

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
    /// Reads a picture or a `.npy` array, known by its content, for a model's input of this name and declared shape.
    ///
    /// # Errors
    /// If the file cannot be read, or does not fit the input.
    pub fn read(
        path: &Path,
        name: &str,
        declared: Option<&[Dim]>,
        choice: LayoutChoice,
        preprocess: &Preprocess,
    ) -> Result<Self, InputError> {
        if is_npy(path)? {
            let tensor = read_npy::<T>(path)?;
            let x = declared.map_or(Ok(tensor.clone()), |declared| fit(&tensor, name, declared))?;
            return Ok(Self { x, picture: None });
        }
        let layout = InputLayout::find(name, declared.unwrap_or_default(), choice)?;
        let picture = Picture::read(path)?;
        let map = preprocess.pixel_map::<T>(&picture, &layout)?;
        let x = map.apply(&picture);
        let seen = preprocess.seen(&picture, &layout)?;
        let (factor, offset) = preprocess.per_channel(seen.channels, picture.pixels.largest())?;
        let largest = picture.pixels.largest();
        Ok(Self { x, picture: Some(Pictured { map, seen, largest, factor, offset, order: preprocess.order }) })
    }
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
