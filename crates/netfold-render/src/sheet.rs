//! A row of W, or the contributions W ∘ x, arranged as the input is.

use std::fmt;
use std::ops::Range;

use netfold::input::LayoutChoice;

use crate::RenderError;

/// Where the channel axis of an array stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Channel, row, column: as `PyTorch` has it.
    ChannelsFirst,
    /// Row, column, channel: as Keras has it.
    ChannelsLast,
}

impl Order {
    /// The order of the axes of a model's input of this shape: channels last where only the last axis can be them.
    pub fn of_input(shape: &[usize], choice: LayoutChoice) -> Self {
        let few = |axis: usize| shape.len() == 4 && matches!(shape[axis], 1 | 3);
        let last = match choice {
            LayoutChoice::Nchw => false,
            LayoutChoice::Nhwc => true,
            LayoutChoice::Auto => few(3) && !few(1),
        };
        if last { Self::ChannelsLast } else { Self::ChannelsFirst }
    }
}

/// What the input is, without its batch axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A picture.
    Picture {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Values a pixel.
        channels: usize,
        /// Where the channel axis stands.
        order: Order,
    },
    /// A waveform or another evenly sampled signal.
    Series {
        /// Samples.
        length: usize,
        /// Values a sample.
        channels: usize,
        /// Where the channel axis stands.
        order: Order,
    },
    /// A list of unrelated numbers, such as the columns of a table.
    Vector {
        /// Numbers.
        length: usize,
    },
}

impl Layout {
    /// From this many values on, a shape with one axis is taken for a signal and not for a list.
    pub const SERIES_FROM: usize = 128;

    /// The layout that a shape without batch axis most likely means.
    ///
    /// Leading axes of extent 1 beyond the third are dropped. Three axes are a picture (a signal if one of its sides
    /// is 1), two axes are a picture with one channel (a signal if one of them is 1), one axis is a signal from
    /// [`Self::SERIES_FROM`] values on and a list below. Any other shape is a list.
    pub fn of_shape(shape: &[usize], order: Order) -> Self {
        let mut shape = shape;
        while let [1, rest @ ..] = shape
            && rest.len() >= 3
        {
            shape = rest;
        }
        let picture = |height, width, channels| match (height, width) {
            (1, 1) => Self::Vector { length: channels },
            (1, length) | (length, 1) => Self::Series { length, channels, order },
            _ => Self::Picture { height, width, channels, order },
        };
        match (shape, order) {
            (&[channels, height, width], Order::ChannelsFirst) | (&[height, width, channels], Order::ChannelsLast) => {
                picture(height, width, channels)
            }
            (&[height, width], _) => picture(height, width, 1),
            (&[length], _) if length >= Self::SERIES_FROM => Self::Series { length, channels: 1, order },
            _ => Self::Vector { length: shape.iter().fold(1, |n, &d| n.saturating_mul(d)) },
        }
    }

    /// (kind, height, width, channels, order): every layout is a grid of one kind.
    fn grid(self) -> (Kind, usize, usize, usize, Order) {
        match self {
            Self::Picture { height, width, channels, order } => (Kind::Picture, height, width, channels, order),
            Self::Series { length, channels, order } => (Kind::Series, 1, length, channels, order),
            Self::Vector { length } => (Kind::Vector, 1, length, 1, Order::ChannelsFirst),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        match self {
            Self::Picture { height, width, channels, .. } => {
                write!(f, "a picture of {height} x {width} with {channels} channel{}", plural(*channels))
            }
            Self::Series { length, channels, .. } => {
                write!(f, "a signal of {length} samples with {channels} channel{}", plural(*channels))
            }
            Self::Vector { length } => write!(f, "a list of {length} number{}", plural(*length)),
        }
    }
}

/// What a sheet is drawn as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Coloured cells.
    Picture,
    /// A line over a coloured strip.
    Series,
    /// Coloured bars.
    Vector,
}

impl Kind {
    /// What one place of it is called.
    pub fn place(self) -> &'static str {
        match self {
            Self::Picture => "pixel",
            Self::Series => "sample",
            Self::Vector => "value",
        }
    }
}

/// What is shown where a sheet has several values a pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Σ over the channels: what the pixel gives as a whole.
    #[default]
    Sum,
    /// One channel alone.
    Channel(usize),
}

/// values\[(row · width + column) · channels + channel\]
///
/// One number for every element of the input, in the place where the input has it: the paper's step 4.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    kind: Kind,
    height: usize,
    width: usize,
    channels: usize,
    values: Vec<f64>,
}

impl Sheet {
    /// With channels first, element (row, column, channel) is values\[(channel · height + row) · width + column\];
    /// with channels last, it is values\[(row · width + column) · channels + channel\].
    ///
    /// # Errors
    /// [`RenderError::Length`] where the values do not fill the layout exactly, [`RenderError::Empty`] where the layout
    /// has no room for any.
    pub fn arrange(values: &[f64], layout: Layout) -> Result<Self, RenderError> {
        let (kind, height, width, channels, order) = layout.grid();
        let pixels = height.checked_mul(width);
        let expected = pixels.and_then(|n| n.checked_mul(channels));
        if expected == Some(0) {
            return Err(RenderError::Empty { layout: layout.to_string() });
        }
        let (Some(pixels), true) = (pixels, expected == Some(values.len())) else {
            return Err(RenderError::Length {
                layout: layout.to_string(),
                expected: expected.map_or("more than memory can hold".into(), |n| n.to_string()),
                got: values.len(),
            });
        };
        let values = match order {
            Order::ChannelsLast => values.to_vec(),
            Order::ChannelsFirst => {
                (0..pixels).flat_map(|pixel| values.iter().skip(pixel).step_by(pixels).copied()).collect()
            }
        };
        Ok(Self { kind, height, width, channels, values })
    }

    /// What the sheet is drawn as.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Rows; 1 for a signal or a list.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns, samples or numbers.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Values a pixel.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// All values, channels last.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The smallest box that holds all values that are not zero, as rows and columns; `None` where all are zero.
    pub fn nonzero(&self) -> Option<(Range<usize>, Range<usize>)> {
        let mut found: Option<(Range<usize>, Range<usize>)> = None;
        for (pixel, values) in self.values.chunks_exact(self.channels).enumerate() {
            if values.iter().any(|&value| value != 0.0) {
                let (row, column) = (pixel / self.width, pixel % self.width);
                let (rows, columns) = found.unwrap_or((row..row, column..column));
                found = Some((
                    rows.start.min(row)..rows.end.max(row + 1),
                    columns.start.min(column)..columns.end.max(column + 1),
                ));
            }
        }
        found
    }

    /// The part of the sheet in these rows and columns, as far as it has them.
    #[must_use]
    pub fn part(&self, rows: Range<usize>, columns: Range<usize>) -> Self {
        let (rows, columns) = (clamped(rows, self.height), clamped(columns, self.width));
        let (height, width) = (rows.len(), columns.len());
        let line =
            |row: usize| &self.values[(row * self.width + columns.start) * self.channels..][..width * self.channels];
        let values = rows.flat_map(|row| line(row).to_vec()).collect();
        Self { kind: self.kind, height, width, channels: self.channels, values }
    }
}

fn clamped(range: Range<usize>, end: usize) -> Range<usize> {
    let last = range.end.min(end);
    range.start.min(last)..last
}
