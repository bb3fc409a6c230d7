//! Pictures with a legend: what `weights-<class>.png` and its siblings hold.

use std::path::Path;

use image::RgbImage;

use crate::RenderError;
use crate::file::write_whole;
use crate::plane::Plane;
use crate::png;
use crate::report::InputView;
use crate::scale::Scale;

/// The words around a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caption {
    /// The first line: the class, such as `tabby cat (281)`.
    pub title: String,
    /// The second line: what is shown, such as `weights, summed over 3 channels`.
    pub subtitle: String,
    /// What the numbers of the legend are measured in, such as `logit per model unit`.
    pub unit: String,
}

/// A finished picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    image: RgbImage,
}

impl Picture {
    /// Weights or contributions: every value by its colour; a signal as a line over its colours, a list as bars.
    pub fn heat(plane: &Plane, scale: &Scale, caption: &Caption) -> Self {
        let _ = (plane, scale, caption);
        Self { image: RgbImage::new(1, 1) }
    }

    /// The input in grey under the contributions, which are the more opaque the larger they are.
    pub fn overlay(input: &InputView, plane: &Plane, scale: &Scale, caption: &Caption) -> Self {
        let _ = (input, plane, scale, caption);
        Self { image: RgbImage::new(1, 1) }
    }

    /// The pixels.
    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The picture as the bytes of a PNG file.
    ///
    /// # Errors
    /// [`RenderError::Encode`]
    pub fn png(&self) -> Result<Vec<u8>, RenderError> {
        png::rgb(&self.image)
    }

    /// Writes the PNG file, whole or not at all.
    ///
    /// # Errors
    /// [`RenderError::Write`] with the path, [`RenderError::Encode`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), RenderError> {
        write_whole(path.as_ref(), &self.png()?)
    }
}
