//! Pictures inside the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::RenderError;
use crate::plane::Plane;
use crate::plot::Plot;
use crate::png;
use crate::report::InputView;
use crate::scale::Scale;
use crate::sheet::Kind;
use crate::tile::{heat_tile, veil_tile};

/// Up to this many pixels along the longer side, an input is shown as crisp cells.
const CELLS_UP_TO: u32 = 160;
/// Size of a plotted signal: twice what a page shows, for dense screens.
const STRIP: (u32, u32) = (2000, 360);

/// One `<img>`.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) uri: String,
    pub(crate) alt: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) ratio: String,
    /// CSS class: `cells` where pixels stay squares.
    pub(crate) rendering: &'static str,
}

impl Figure {
    fn new(png: &[u8], (width, height): (u32, u32), cells: bool, alt: String) -> Self {
        let ratio = format!("{:.4}", f64::from(width) / f64::from(height.max(1)));
        let uri = format!("data:image/png;base64,{}", STANDARD.encode(png));
        Self { uri, alt, width, height, ratio, rendering: if cells { "cells" } else { "smooth" } }
    }

    /// The input as it is.
    pub(crate) fn input(input: &InputView, kind: Kind, alt: String) -> Result<Self, RenderError> {
        if kind == Kind::Picture {
            let picture = input.picture();
            let size = picture.dimensions();
            return Ok(Self::new(&png::rgb(&picture)?, size, size.0.max(size.1) <= CELLS_UP_TO, alt));
        }
        Self::plot(kind, &input.heights(), None, alt)
    }

    /// The input under the overlay: pictures in dimmed grey.
    pub(crate) fn ground(input: &InputView, kind: Kind) -> Result<Self, RenderError> {
        if kind != Kind::Picture {
            return Self::input(input, kind, String::new());
        }
        let grey = input.ground();
        let size = grey.dimensions();
        Ok(Self::new(&png::grey(&grey)?, size, size.0.max(size.1) <= CELLS_UP_TO, String::new()))
    }

    /// Weights or contributions.
    pub(crate) fn heat(plane: &Plane, scale: &Scale, alt: String) -> Result<Self, RenderError> {
        if plane.kind() != Kind::Picture {
            return Self::plot(plane.kind(), plane.values(), Some((plane, scale)), alt);
        }
        let tile = heat_tile(plane, scale);
        Ok(Self::new(&png::rgb(&tile)?, tile.dimensions(), true, alt))
    }

    /// What lies over the ground.
    pub(crate) fn veil(input: &InputView, plane: &Plane, scale: &Scale, alt: String) -> Result<Self, RenderError> {
        if plane.kind() != Kind::Picture {
            return Self::plot(plane.kind(), &input.heights(), Some((plane, scale)), alt);
        }
        let tile = veil_tile(plane, scale);
        Ok(Self::new(&png::rgba(&tile)?, tile.dimensions(), true, alt))
    }

    fn plot(kind: Kind, heights: &[f64], colours: Option<(&Plane, &Scale)>, alt: String) -> Result<Self, RenderError> {
        let drawn = Plot { kind, heights, colours }.draw(STRIP.0, STRIP.1);
        Ok(Self::new(&png::rgb(&drawn)?, STRIP, false, alt))
    }
}
