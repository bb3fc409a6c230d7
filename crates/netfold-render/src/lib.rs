//! Reconstruction → [`Sheet`] → [`Picture`], [`Report`]. Runs no network.
mod canvas;
mod colour;
mod error;
mod facts;
mod figure;
mod file;
mod number;
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
pub use error::RenderError;
pub use file::{file_stem, write_whole};
pub use picture::{Caption, Picture};
pub use plane::Plane;
pub use report::{
    BiasPart, Certificate, ClassView, Exactness, InputFacts, InputView, MaskDensity, ModelFacts, Report, RuleFacts,
    Timing, Version,
};
pub use scale::Scale;
pub use sheet::{Kind, Layout, Order, Sheet, View};
pub use tile::{LONGEST, heat_tile, veil_tile};
