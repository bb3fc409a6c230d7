//! Inputs with one axis: a line over coloured columns, or coloured bars.

use image::{Rgb, RgbImage};

use crate::canvas::Canvas;
use crate::colour::{blend, diverging};
use crate::plane::Plane;
use crate::report::InputView;
use crate::scale::Scale;
use crate::sheet::{Kind, View};

const PAPER: Rgb<u8> = Rgb([255; 3]);
const LINE: Rgb<u8> = Rgb([24, 28, 36]);
const ZERO: Rgb<u8> = Rgb([150, 156, 166]);

/// The heights of a line, and the colours under it.
///
/// Drawn on white whatever the page: the middle of the colour map is near-white, too.
pub(crate) struct Plot<'a> {
    pub(crate) kind: Kind,
    /// What is drawn; weights draw themselves, an overlay draws the input.
    pub(crate) heights: &'a [f64],
    /// What colours it; as many values as heights, or the mean of those that share a column.
    pub(crate) colours: Option<(&'a Plane, &'a Scale)>,
}

impl Plot<'_> {
    pub(crate) fn draw(&self, width: u32, height: u32) -> RgbImage {
        let mut canvas = Canvas::new(width, height, PAPER);
        if self.heights.is_empty() {
            return canvas.image;
        }
        match self.kind {
            Kind::Vector => self.bars(&mut canvas),
            Kind::Picture | Kind::Series => self.line(&mut canvas),
        }
        canvas.image
    }

    /// Rows of the canvas for a value: the largest |height| reaches almost to the edge, zero lies where it must.
    fn row(&self, height: u32) -> impl Fn(f64) -> f64 {
        let finite = || self.heights.iter().copied().filter(|v| v.is_finite());
        let (low, high) = (finite().fold(0.0, f64::min), finite().fold(0.0, f64::max));
        let (low, span) = if high > low { (low, high - low) } else { (-1.0, 2.0) };
        let height = f64::from(height);
        move |v| {
            let share = (v - low) / span;
            height * (0.94 - 0.88 * if share.is_finite() { share } else { 0.0 })
        }
    }

    /// The colour of column `column` of `of`; `None` where nothing colours the plot.
    fn colour(&self, column: usize, of: usize) -> Option<Rgb<u8>> {
        self.colours.map(|(plane, scale)| {
            let shown = &plane.values[span(column, of, plane.values.len())];
            diverging(scale.place(shown.iter().sum::<f64>() / shown.len() as f64))
        })
    }

    /// In each column the line covers what lies between its lowest and its highest point within half a line's width,
    /// with soft ends.
    fn line(&self, canvas: &mut Canvas) {
        let (width, height) = canvas.image.dimensions();
        let row = self.row(height);
        let half = (f64::from(height) / 280.0).max(0.75);
        let at = |position: f64| {
            let position = position.clamp(0.0, (self.heights.len() - 1) as f64);
            let (i, part) = (position.floor() as usize, position.fract());
            let next = self.heights[(i + 1).min(self.heights.len() - 1)];
            self.heights[i] * (1.0 - part) + next * part
        };
        let step = (self.heights.len() - 1) as f64 / f64::from(width.max(2) - 1);
        for x in 0..width {
            if let Some(colour) = self.colour(x as usize, width as usize) {
                canvas.rect(x, 0, 1, height, colour);
            }
        }
        canvas.rect(0, row(0.0) as u32, width, (half as u32).max(1), ZERO);
        for x in 0..width {
            let (from, to) = ((f64::from(x) - half) * step, (f64::from(x) + half) * step);
            let inner = (from.max(0.0).ceil() as usize)..=(to.max(0.0).floor() as usize).min(self.heights.len() - 1);
            let rows = [at(from), at(to)].into_iter().chain(inner.map(|i| self.heights[i])).map(&row);
            let (top, bottom) = rows.fold((f64::INFINITY, 0.0_f64), |(t, b), r| (t.min(r), b.max(r)));
            let (top, bottom) = (top - half, bottom + half);
            for y in top.max(0.0) as u32..(bottom.max(0.0).ceil() as u32).min(height) {
                let covered = (f64::from(y) + 1.0).min(bottom) - f64::from(y).max(top);
                let pixel = canvas.image.get_pixel_mut(x, y);
                *pixel = blend(*pixel, LINE, covered.clamp(0.0, 1.0));
            }
        }
    }

    /// One bar a number, from zero to its height; more numbers than columns share a column by their mean.
    fn bars(&self, canvas: &mut Canvas) {
        let (width, height) = canvas.image.dimensions();
        let row = self.row(height);
        let zero = row(0.0);
        let bars = self.heights.len().min(width as usize).max(1);
        for bar in 0..bars {
            let shown = &self.heights[span(bar, bars, self.heights.len())];
            let end = row(shown.iter().sum::<f64>() / shown.len() as f64);
            let left = (bar as u64 * u64::from(width) / bars as u64) as u32;
            let right = ((bar as u64 + 1) * u64::from(width) / bars as u64) as u32;
            let gap = (right - left) / 6;
            let (top, bottom) = (zero.min(end).round() as u32, zero.max(end).round() as u32);
            let (left, across, down) = (left + gap / 2, right - left - gap, bottom - top);
            canvas.rect(left, top, across, down, LINE);
            let edge = (height / 180).max(1);
            if across > 2 * edge && down > 2 * edge {
                let colour = self.colour(bar, bars).unwrap_or(ZERO);
                canvas.rect(left + edge, top + edge, across - 2 * edge, down - 2 * edge, colour);
            } else if let Some(colour) = self.colour(bar, bars) {
                canvas.rect(left, top, across, down, colour);
            }
        }
        canvas.rect(0, zero as u32, width, 1, ZERO);
    }
}

/// The elements that stand behind place `i` of `places`; never empty.
fn span(i: usize, places: usize, elements: usize) -> std::ops::Range<usize> {
    let from = (i * elements / places.max(1)).min(elements - 1);
    from..((i + 1) * elements / places.max(1)).clamp(from + 1, elements)
}

impl InputView {
    /// The heights of the input's line: the mean over the channels of a tensor, the luma of a picture.
    pub(crate) fn heights(&self) -> Vec<f64> {
        match self {
            Self::Picture(picture) => picture.pixels().map(|p| p.0.iter().map(|&c| f64::from(c)).sum()).collect(),
            Self::Tensor(sheet) => {
                let channels = sheet.channels() as f64;
                sheet.plane(View::Sum).values.iter().map(|sum| sum / channels).collect()
            }
        }
    }
}
