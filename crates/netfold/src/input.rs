//! What a network is given: pictures and arrays, and the affine map from pixels to the tensor that the model takes.
//!
//! - [`Picture`]: the pixels of a file, 8 bits each, height × width × channel.
//! - [`read_npy`] and [`fit`]: a tensor from a `.npy` file, and the same tensor in the shape that the model declares.
//! - [`InputLayout`]: which axes of the model's input are height, width and channel.
//! - [`Held`]: the value of an input that is held, in the element type that the model declares.
//! - [`Preprocess`]: size, crop, scale, mean and order of channels; presets, or a `preprocessor_config.json`.
//! - [`Given`]: the tensor out of a file, and for a picture where it comes from.
//! - [`PixelMap`]: all of that as one affine map x = A p + c, so that weights of pixels are Aᵀ w.
//!
//! ```
//! use netfold::input::{InputLayout, LayoutChoice, Picture, Pixels, Preprocess};
//! use netfold_linear::Probes;
//! use netfold_onnx::Dim;
//!
//! let picture = Picture { width: 2, height: 1, channels: 1, pixels: Pixels::Bytes(vec![0, 255]) };
//! let layout = InputLayout::find("input", &[1, 1, 1, 2].map(Dim::Known), LayoutChoice::Auto)?;
//! let map = Preprocess::preset("tf").unwrap().pixel_map::<f64>(&picture, &layout)?;
//! assert_eq!(map.apply(&picture).data(), [-1.0, 1.0]);
//!
//! // y = w · x + b with w = (3, 5), b = 2 is y = (6/255, 10/255) · p − 6.
//! let row = Probes::tensor(&[1, 1, 1, 2], vec![3.0, 5.0]);
//! assert_eq!(map.bias_of(&row, &[2.0]), [-6.0]);
//! let pixels = map.pull(row);
//! assert!((pixels.values()[0] - 6.0 / 255.0).abs() < 1e-15 && (pixels.values()[1] - 10.0 / 255.0).abs() < 1e-15);
//! # Ok::<(), netfold::input::InputError>(())
//! ```

mod config;
mod content;
mod element;
mod error;
mod given;
mod held;
mod layout;
mod npy;
mod picture;
mod pixels;
mod preprocess;

pub use content::Content;
pub(crate) use element::range;
pub use error::{InputError, Remedy};
pub use given::{Given, Pictured, read_held};
pub use held::{Held, HeldInput};
pub use layout::{InputLayout, LayoutChoice, fit};
pub use npy::{check_finite, is_npy, read_npy, read_values};
pub use picture::{Picture, Pixels};
pub use pixels::PixelMap;
pub use preprocess::{ChannelOrder, NamedPreprocess, PixelScale, Preprocess, Resize};
