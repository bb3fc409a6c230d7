//! Reconstruction → [`Sheet`] → [`Picture`], [`Report`]. Runs no network.
//!
//! A row of W is as long as the input has elements. The road from there to something to look at:
//!
//! 1. [`Sheet::arrange`] puts the row, or the contributions W ∘ x, in the place where the input has each element;
//! 2. [`Sheet::plane`] makes one number a pixel of it: the sum over the channels, or one channel;
//! 3. [`Scale::over`] finds how far the colours reach, for one plane or shared by several;
//! 4. [`Picture`] draws cells, a signal or bars, with a legend, and [`Report`] puts everything on one page.
//!
//! ```
//! use netfold_render::{Caption, Layout, Order, Picture, Scale, Sheet, View};
//!
//! // A model that takes one channel of 2 x 2 pixels; channels first is how PyTorch exports it.
//! let row_of_w = [0.5, -1.0, 0.0, 2.0];
//! let layout = Layout::of_shape(&[1, 2, 2], Order::ChannelsFirst);
//! let weights = Sheet::arrange(&row_of_w, layout)?.plane(View::Sum);
//! let scale = Scale::over([&weights]);
//! assert_eq!((scale.limit, scale.place(-1.0)), (2.0, -0.5));
//!
//! let caption = Caption { title: "three (3)".into(), subtitle: "weights".into(), unit: "logit per model unit".into() };
//! let png = Picture::heat(&weights, &scale, &caption).png()?;
//! assert!(png.starts_with(b"\x89PNG"));
//! # Ok::<(), netfold_render::RenderError>(())
//! ```
//!
//! All types that go in are plain data, and the [certificate](netfold::Certificate) comes as it was made: this crate
//! never asks the model, and what it draws can be checked against the numbers alone. It computes no W, smooths nothing
//! and prints nothing. Colours have one meaning everywhere: red is for the class, blue against it, near-white is zero
//! ([`diverging`]). A file is written whole or not at all ([`netfold::output::folder::write`]).

mod canvas;
mod colour;
mod contact;
mod document;
mod error;
mod facts;
mod figure;
mod file;
pub mod number;
mod page;
mod picture;
mod plane;
mod plot;
mod png;
mod report;
mod scale;
mod sheet;
mod tile;

pub use colour::{diverging, veil};
pub use contact::Cell;
pub use document::{Grid, RowHead, bias_parts, layers, packed, units};
pub use error::RenderError;
pub use facts::line;
pub use file::file_stem;
pub use page::{SCRIPT, STYLE};
pub use picture::{Caption, Picture};
pub use plane::Plane;
pub use report::{BiasPart, ClassView, InputFacts, InputView, Layer, ModelFacts, PixelUnits, Report};
pub use scale::Scale;
pub use sheet::{Kind, Layout, Order, Sheet, View};
pub use tile::{LONGEST, heat_tile, veil_tile};
