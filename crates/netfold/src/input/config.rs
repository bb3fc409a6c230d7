//! `preprocessor_config.json`, as Hugging Face's image processors write it.

use std::path::Path;

use netfold_linear::Filter;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ChannelOrder, InputError, PixelScale, Preprocess, Resize};

/// Switches that change no number of the tensor of a picture.
const HARMLESS: [&str; 3] = ["do_convert_rgb", "do_convert_annotations", "do_reduce_labels"];
/// Keys without `do_` that change the tensor and are not followed, unless they are false, null or absent.
const CHANGING: [&str; 5] =
    ["rescale_offset", "include_top", "keep_aspect_ratio", "ensure_multiple_of", "size_divisor"];

#[derive(Deserialize)]
struct Config {
    do_resize: Option<bool>,
    size: Option<Size>,
    resample: Option<i64>,
    crop_pct: Option<f64>,
    do_center_crop: Option<bool>,
    crop_size: Option<Size>,
    do_rescale: Option<bool>,
    rescale_factor: Option<f64>,
    do_normalize: Option<bool>,
    image_mean: Option<Numbers>,
    image_std: Option<Numbers>,
    do_flip_channel_order: Option<bool>,
    #[serde(alias = "feature_extractor_type")]
    image_processor_type: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "a size is a number, {\"height\", \"width\"} or {\"shortest_edge\"}")]
enum Size {
    Number(usize),
    Sides(Sides),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sides {
    height: Option<usize>,
    width: Option<usize>,
    shortest_edge: Option<usize>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "mean and std are a number or a list of numbers")]
enum Numbers {
    One(f64),
    Each(Vec<f64>),
}

impl Preprocess {
    /// The preprocessing that a file `preprocessor_config.json` describes, as Hugging Face's image processors write it.
    ///
    /// # Errors
    /// If the file cannot be read or followed.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| InputError::Read { path: path.to_owned(), source })?;
        Self::from_json(&text, &path.display().to_string())
    }

    /// The preprocessing that the text of a `preprocessor_config.json` describes; `file` is its name for messages.
    ///
    /// Followed are `do_resize`, `size` (a number, height and width, or the shortest edge), `resample` (nearest, bilinear,
    /// bicubic), `do_center_crop`, `crop_size`, `do_rescale`, `rescale_factor`, `do_normalize`, `image_mean`,
    /// `image_std`, `do_flip_channel_order` (after normalisation; `image_mean` stays in the order red, green, blue) and
    /// `crop_pct` (of `ConvNext`). A size that is one number is the shortest edge where a crop follows (not for `DeiT`),
    /// else both sides. Where neither `do_resize` nor `size` is given, the picture is stretched to the model's size.
    ///
    /// # Errors
    /// If the text is not such a file, or asks for something that is not supported.
    pub fn from_json(text: &str, file: &str) -> Result<Self, InputError> {
        parse(text).map_err(|reason| InputError::Config { file: file.to_owned(), reason })
    }
}

/// The preprocessing, or why it cannot be followed.
fn parse(text: &str) -> Result<Preprocess, String> {
    let config: Config = serde_json::from_str(text).map_err(|error| error.to_string())?;
    config.refuse_unsupported()?;
    let crops = config.do_center_crop.unwrap_or(config.crop_size.is_some() && config.crop_pct.is_none());
    let (resize, crop) = config.geometry(crops)?;
    let order = match config.do_flip_channel_order {
        Some(true) => ChannelOrder::Bgr,
        _ => ChannelOrder::Rgb,
    };
    let (mut mean, mut std) = (vec![0.0], vec![1.0]);
    if config.do_normalize.unwrap_or(config.image_mean.is_some() || config.image_std.is_some()) {
        (mean, std) = match (config.image_mean, config.image_std) {
            (Some(mean), Some(std)) => (numbers(mean), numbers(std)),
            (None, _) => return Err("`do_normalize` needs `image_mean`".to_owned()),
            (_, None) => return Err("`do_normalize` needs `image_std`".to_owned()),
        };
    }
    if order == ChannelOrder::Bgr {
        mean.reverse();
        std.reverse();
    }
    let (rescale, scale) = if config.do_rescale.unwrap_or(true) {
        (config.rescale_factor.unwrap_or(1.0 / 255.0), PixelScale::Full)
    } else {
        (1.0, PixelScale::Stored)
    };
    let filter = match config.resample.unwrap_or(2) {
        0 => Filter::Nearest,
        2 => Filter::Bilinear,
        3 => Filter::Bicubic,
        _ if resize == Resize::Keep => Filter::Bilinear,
        other => {
            let name = match other {
                1 => "1 (Lanczos)".to_owned(),
                4 => "4 (box)".to_owned(),
                5 => "5 (Hamming)".to_owned(),
                other => other.to_string(),
            };
            return Err(format!("`resample` is {name}; supported are 0 (nearest), 2 (bilinear) and 3 (bicubic)"));
        }
    };
    Ok(Preprocess { resize, filter, crop, rescale, scale, mean, std, order })
}

impl Config {
    fn refuse_unsupported(&self) -> Result<(), String> {
        let on = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
        let changing = |key: &str| {
            let switch = key.starts_with("do_") && !HARMLESS.contains(&key);
            switch || CHANGING.contains(&key)
        };
        match self.rest.iter().find(|(key, value)| changing(key) && on(value)) {
            Some((key, value)) => Err(format!("`{key}` is {value}, which is not supported")),
            None => Ok(()),
        }
    }

    fn is(&self, name: &str) -> bool {
        self.image_processor_type.as_ref().is_some_and(|kind| kind.to_lowercase().starts_with(name))
    }

    fn geometry(&self, crops: bool) -> Result<(Resize, Option<[usize; 2]>), String> {
        let crop = match (crops, self.crop_size) {
            (false, _) => None,
            (true, None) => return Err("`do_center_crop` needs `crop_size`".to_owned()),
            (true, Some(Size::Number(side))) => Some([side, side]),
            (true, Some(Size::Sides(Sides { height: Some(h), width: Some(w), shortest_edge: None }))) => Some([h, w]),
            (true, Some(Size::Sides(_))) => return Err("`crop_size` must have `height` and `width`".to_owned()),
        };
        let resizes = self.do_resize.unwrap_or(self.size.is_some());
        let resize = match (resizes, self.size) {
            (false, _) if self.do_resize.is_none() && crop.is_none() => Resize::Stretch,
            (false, _) => Resize::Keep,
            (true, None) => return Err("`do_resize` needs `size`".to_owned()),
            (true, Some(Size::Number(side))) if (crops && !self.is("deit")) || self.is("convnext") => {
                Resize::ShortSide(side)
            }
            (true, Some(Size::Number(side))) => Resize::Exact([side, side]),
            (true, Some(Size::Sides(sides))) => match sides {
                Sides { height: Some(h), width: Some(w), shortest_edge: None } => Resize::Exact([h, w]),
                Sides { height: None, width: None, shortest_edge: Some(side) } => Resize::ShortSide(side),
                _ => return Err("`size` must have `height` and `width`, or `shortest_edge`".to_owned()),
            },
        };
        let (resize, crop) = match (self.crop_pct, resize) {
            (None, _) => (resize, crop),
            // ConvNeXT: small sizes are cut out of a larger picture, from 384 on the picture is stretched.
            (Some(share), Resize::ShortSide(side)) if self.is("convnext") && share > 0.0 => match side {
                ..384 => (Resize::ShortSide((side as f64 / share) as usize), Some([side, side])),
                384.. => (Resize::Exact([side, side]), None),
            },
            (Some(share), _) => {
                return Err(format!(
                    "`crop_pct` is {share}, which is supported for ConvNeXT with a shortest edge only"
                ));
            }
        };
        let sides: &[usize] = match &resize {
            Resize::Exact(size) => size,
            Resize::ShortSide(side) => &[*side],
            _ => &[],
        };
        if sides.iter().chain(crop.iter().flatten()).any(|&side| side == 0) {
            return Err("a size is zero".to_owned());
        }
        Ok((resize, crop))
    }
}

fn numbers(numbers: Numbers) -> Vec<f64> {
    match numbers {
        Numbers::One(number) => vec![number],
        Numbers::Each(numbers) => numbers,
    }
}
