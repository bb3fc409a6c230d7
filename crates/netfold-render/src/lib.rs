//! Reconstruction → [`Sheet`] → [`Picture`], [`Report`]. Runs no network.
mod colour;
mod error;
mod file;
mod number;
mod page;
mod picture;
mod plane;
mod png;
mod report;
mod scale;
mod sheet;

pub use colour::{diverging, opacity};
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
