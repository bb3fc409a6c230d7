//! What happens to a picture before the model sees it.

use std::path::Path;

use netfold_linear::Filter;

use super::element::range;
use super::picture::check_size;
use super::{InputError, InputLayout};
use crate::model::TensorInfo;

/// Size, crop, scale and channels of the tensor that is made of a picture: x = (rescale · p − mean) / std, channel by
/// channel, p being the resized and cropped picture.
///
/// Where a model's height or width is symbolic, [`Resize::Stretch`] keeps the picture's own size (its proportions, where
/// one of the two is declared).
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// The size that the picture is brought to.
    pub resize: Resize,
    /// How it is resampled: with antialiasing, as Pillow does, without rounding to 8 bits or clipping.
    pub filter: Filter,
    /// Height and width of the centre that is then cut out; what lies outside the picture is zero.
    pub crop: Option<[usize; 2]>,
    /// Factor of every pixel value p.
    pub rescale: f64,
    /// What p is for a picture of 16 bits.
    pub scale: PixelScale,
    /// What is subtracted: one number, or one for each channel in the model's order.
    pub mean: Vec<f64>,
    /// What is divided by: one number, or one for each channel in the model's order.
    pub std: Vec<f64>,
    /// Order of the channels in the model's input.
    pub order: ChannelOrder,
}

/// A preprocessing under the name that it was asked for by.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedPreprocess {
    /// A preset's name, or a file.
    pub name: String,
    /// What it does.
    pub preprocess: Preprocess,
}

impl NamedPreprocess {
    /// What this word asks for.
    ///
    /// # Errors
    /// As [`Preprocess::parse`].
    pub fn parse(word: &str) -> Result<Self, InputError> {
        Ok(Self { name: word.to_owned(), preprocess: Preprocess::parse(word)? })
    }

    /// What is done where none is asked for: `raw` for an input of integers, which takes pixel values as they are, `unit`
    /// for any other.
    pub fn usual(input: &TensorInfo) -> Self {
        let integers = input.dtype.is_some_and(|dtype| range(dtype).is_some());
        let (name, preprocess) = if integers { ("raw", Preprocess::raw()) } else { ("unit", Preprocess::unit()) };
        Self { name: name.to_owned(), preprocess }
    }
}

/// How the size is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// The picture's own size.
    Keep,
    /// This height and width.
    Exact([usize; 2]),
    /// The short side gets this length, the long side in proportion, rounded down.
    ShortSide(usize),
    /// The model's height and width, whatever the proportions.
    Stretch,
    /// As classifiers of photos are usually tested: the short side gets 256/224 of the model's (longer) side, then the
    /// model's size is cut out of the centre. A picture that has the model's size already is taken as it is.
    ImageNet,
}

/// What a pixel value of a picture with 16 bits a value is taken for. With 8 bits both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelScale {
    /// p from 0 to 255, whatever the bits: the stored value over 257.
    Full,
    /// p is the stored value.
    Stored,
}

/// Order of three channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

impl Preprocess {
    /// What becomes of a pixel value v, as a formula: `(v / 255 − 0.5) / 0.25`; several numbers are the channels' own.
    ///
    /// `largest` is the largest value that the picture's file could hold ([`Pixels::largest`](super::Pixels::largest)).
    pub fn formula(&self, largest: f64) -> String {
        let list = |values: &[f64]| match values {
            [value] => value.to_string(),
            several => format!("({})", several.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")),
        };
        let factor = self.factor(largest);
        let divisor = 1.0 / factor;
        let whole = (divisor * 1e6).round() / 1e6;
        let mut text = match factor {
            1.0 => "v".to_owned(),
            _ if (divisor - whole).abs() < 1e-9 * divisor.abs() => format!("v / {whole}"),
            factor => format!("v · {factor}"),
        };
        if self.mean.iter().any(|&mean| mean != 0.0) {
            text = format!("{text} − {}", list(&self.mean));
        }
        if self.std != [1.0] {
            let value = if text.contains('−') { format!("({text})") } else { text };
            text = format!("{value} / {}", list(&self.std));
        }
        if self.order == ChannelOrder::Bgr { format!("{text}, blue first") } else { text }
    }

    /// The factor of a stored value, for a picture whose values go up to `largest`.
    pub(super) fn factor(&self, largest: f64) -> f64 {
        match self.scale {
            PixelScale::Full => self.rescale * (255.0 / largest),
            PixelScale::Stored => self.rescale,
        }
    }

    /// The names that [`Self::preset`] knows.
    pub const PRESETS: [&str; 5] = ["unit", "raw", "imagenet", "tf", "caffe"];

    /// | preset | x | size |
    /// | --- | --- | --- |
    /// | `unit` | v / 255 | stretched to the model's |
    /// | `raw` | v | stretched to the model's |
    /// | `imagenet` | (v / 255 − mean) / std, mean (0.485, 0.456, 0.406), std (0.229, 0.224, 0.225) | [`Resize::ImageNet`] |
    /// | `tf` | v / 127.5 − 1 | stretched to the model's |
    /// | `caffe` | blue, green, red minus (103.939, 116.779, 123.68) | stretched to the model's |
    pub fn preset(name: &str) -> Option<Self> {
        let raw = Self::raw();
        Some(match name {
            "raw" => raw,
            "unit" => Self::unit(),
            "tf" => Self { scale: PixelScale::Full, rescale: 1.0 / 127.5, mean: vec![1.0], ..raw },
            "caffe" => {
                Self { scale: PixelScale::Full, mean: vec![103.939, 116.779, 123.68], order: ChannelOrder::Bgr, ..raw }
            }
            "imagenet" => Self {
                scale: PixelScale::Full,
                resize: Resize::ImageNet,
                rescale: 1.0 / 255.0,
                mean: vec![0.485, 0.456, 0.406],
                std: vec![0.229, 0.224, 0.225],
                ..raw
            },
            _ => return None,
        })
    }

    /// The preset `raw`.
    fn raw() -> Self {
        Self {
            resize: Resize::Stretch,
            filter: Filter::Bilinear,
            crop: None,
            rescale: 1.0,
            scale: PixelScale::Stored,
            mean: vec![0.0],
            std: vec![1.0],
            order: ChannelOrder::Rgb,
        }
    }

    /// The preset `unit`.
    fn unit() -> Self {
        Self { scale: PixelScale::Full, rescale: 1.0 / 255.0, ..Self::raw() }
    }

    /// A preset by its name, or a file that ends in `.json`.
    ///
    /// # Errors
    /// If it is neither, or the file cannot be read or followed.
    pub fn parse(word: &str) -> Result<Self, InputError> {
        let path = Path::new(word);
        match Self::preset(word) {
            Some(preset) => Ok(preset),
            None if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) => Self::read(path),
            None => Err(InputError::UnknownPreprocess { word: word.to_owned(), presets: &Self::PRESETS }),
        }
    }

    /// The size to resample a picture of `[height, width]` to, and the size to cut out of it.
    pub(super) fn sizes(
        &self,
        [height, width]: [usize; 2],
        layout: &InputLayout,
    ) -> Result<([usize; 2], [usize; 2]), InputError> {
        let own = [height, width];
        let model = match (layout.height(), layout.width()) {
            (Some(h), Some(w)) => [h, w],
            (Some(h), None) => [h, proportion(width, h, height)],
            (None, Some(w)) => [proportion(height, w, width), w],
            (None, None) => own,
        };
        let short_side = |short: usize| {
            let long = proportion(height.max(width), short, height.min(width));
            if height <= width { [short, long] } else { [long, short] }
        };
        let resized = match self.resize {
            Resize::Keep => own,
            Resize::Exact(size) => size,
            Resize::ShortSide(short) => short_side(short),
            Resize::ImageNet if model != own => {
                short_side((model[0].max(model[1]) as f64 * 256.0 / 224.0).round() as usize)
            }
            Resize::ImageNet | Resize::Stretch => model,
        };
        let cut = match self.resize {
            Resize::ImageNet => self.crop.unwrap_or(model),
            _ => self.crop.unwrap_or(resized),
        };
        check_size(resized[1], resized[0], || "the resized picture".to_owned())?;
        check_size(cut[1], cut[0], || "the cropped picture".to_owned())?;
        let taken = |declared: Option<usize>, size| declared.is_none_or(|declared| declared == size);
        if !taken(layout.height(), cut[0]) || !taken(layout.width(), cut[1]) {
            let word = |size: Option<usize>| size.map_or("any".to_owned(), |size| size.to_string());
            return Err(InputError::Size {
                got: format!("{} x {}", cut[0], cut[1]),
                expected: format!("{} x {}", word(layout.height()), word(layout.width())),
            });
        }
        Ok((resized, cut))
    }
}

/// ⌊size · to / from⌋, at least 1.
fn proportion(size: usize, to: usize, from: usize) -> usize {
    let scaled = size as u128 * to as u128 / from.max(1) as u128;
    usize::try_from(scaled).unwrap_or(usize::MAX).max(1)
}
