//! One number a pixel.

use crate::sheet::{Kind, Sheet, View};

/// values\[row · width + column\]
///
/// A view of a [`Sheet`](crate::Sheet): what the colour map colours.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    pub(crate) kind: Kind,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) values: Vec<f64>,
    pub(crate) block: usize,
}

impl Sheet {
    /// One number a pixel. A channel that does not exist gives zeros.
    pub fn plane(&self, view: View) -> Plane {
        let pixel = |values: &[f64]| match view {
            View::Sum => values.iter().sum(),
            View::Channel(channel) => values.get(channel).copied().unwrap_or(0.0),
        };
        let values = self.values().chunks_exact(self.channels()).map(pixel).collect();
        Plane { kind: self.kind(), height: self.height(), width: self.width(), values, block: 1 }
    }
}

impl Plane {
    /// What the plane is drawn as.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All values, row by row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many pixels of the sheet stand behind one value along either axis; 1 where nothing was shrunk.
    pub fn block(&self) -> usize {
        self.block
    }

    /// mean over blocks of k x k pixels, k = ⌈longer side / `longest`⌉
    ///
    /// A picture of many megapixels is shown, not stored, in a picture. Blocks at the right and lower edge are smaller
    /// where k does not divide the side. A plane that is small enough comes back as it is.
    #[must_use]
    pub fn shrunk(self, longest: usize) -> Self {
        let k = self.height.max(self.width).div_ceil(longest.max(1));
        if k <= 1 {
            return self;
        }
        let (height, width) = (self.height.div_ceil(k), self.width.div_ceil(k));
        let mut sums = vec![0.0; height * width];
        let mut counts = vec![0_usize; height * width];
        for (row, line) in self.values.chunks_exact(self.width).enumerate() {
            for (column, value) in line.iter().enumerate() {
                let at = (row / k) * width + column / k;
                sums[at] += value;
                counts[at] += 1;
            }
        }
        let values = sums.iter().zip(&counts).map(|(sum, &n)| sum / n as f64).collect();
        Self { kind: self.kind, height, width, values, block: self.block * k }
    }
}
