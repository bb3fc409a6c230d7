//! The layout of a batch: in which row of memory the K numbers of a stored element lie.

use crate::index::bitset;
use std::borrow::Cow;
use std::ops::Range;

/// A tensor's axes as rows are stored: `batch` pictures of `channels` at `places`.
///
/// Tensors with fewer than three axes have one place for each index of the first of two axes, and their last axis is
/// the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axes {
    /// Pictures.
    pub batch: usize,
    /// Channels of a picture.
    pub channels: usize,
    /// Places of a channel.
    pub places: usize,
}

impl Axes {
    /// The axes of a tensor of this shape.
    pub fn of(shape: &[usize]) -> Self {
        match *shape {
            [] => Self { batch: 1, channels: 1, places: 1 },
            [channels] => Self { batch: 1, channels, places: 1 },
            [batch, channels, ref places @ ..] => Self { batch, channels, places: places.iter().product() },
        }
    }

    /// Places of all pictures.
    pub fn positions(&self) -> usize {
        self.batch * self.places
    }

    /// The flat index in standard order of a channel at a position.
    #[inline]
    pub fn element(&self, position: usize, channel: usize) -> usize {
        // Of the first picture without a division.
        if position < self.places {
            return channel * self.places + position;
        }
        (position / self.places * self.channels + channel) * self.places + position % self.places
    }
}

/// The layout of a partial support. Rows lie position by position, the stored channels of a position in ascending
/// order. The row of an element is found by counting the bits before it.
#[derive(Debug)]
pub struct Layout {
    axes: Axes,
    /// Words a position.
    width: usize,
    /// One bit a channel, position by position.
    words: Vec<u64>,
    /// Rows before each word; one entry more at the end.
    ranks: Vec<u32>,
    /// The channel of each row.
    channels: Vec<u32>,
}

impl Layout {
    /// The layout of the elements whose bit is 1, bits in standard order.
    pub fn new(axes: Axes, bits: &[u64], count: usize) -> Self {
        let width = axes.channels.div_ceil(64);
        let mut words = vec![0; axes.positions() * width];
        for image in 0..axes.batch {
            for word in 0..width {
                let channels = 64.min(axes.channels - word * 64);
                for first in (0..axes.places).step_by(64) {
                    let mut block = [0; 64];
                    for (c, line) in block[..channels].iter_mut().enumerate() {
                        let channel = image * axes.channels + word * 64 + c;
                        *line = bitset::word_at(bits, channel * axes.places + first);
                    }
                    bitset::transpose(&mut block);
                    for (p, &line) in block.iter().enumerate().take(axes.places - first) {
                        words[(image * axes.places + first + p) * width + word] = line;
                    }
                }
            }
        }
        // Eight channels are written at a time, whether all of them are stored or not.
        let (mut ranks, mut channels) = (Vec::with_capacity(words.len() + 1), vec![0; count + 8]);
        let mut rows = 0;
        for (index, &word) in words.iter().enumerate() {
            ranks.push(rows as u32);
            let (mut at, mut rest) = ((index % width * 64) as u32, word);
            while rest != 0 {
                let Some(eight) = channels[rows..].first_chunk_mut() else { break };
                // One by one: as a loop compilers do not put these into registers.
                let [a, b, c, d, e, f, g, h] = bitset::ONES[rest as u8 as usize];
                *eight = [at + a, at + b, at + c, at + d, at + e, at + f, at + g, at + h];
                rows += (rest as u8).count_ones() as usize;
                (at, rest) = (at + 8, rest >> 8);
            }
        }
        ranks.push(rows as u32);
        channels.truncate(rows);
        Self { axes, width, words, ranks, channels }
    }

    /// The first row of a position; of the position behind the last one: how many rows there are.
    #[inline]
    pub fn start(&self, position: usize) -> usize {
        self.ranks[position * self.width] as usize
    }

    /// The channel of each row.
    pub fn channels(&self) -> &[u32] {
        &self.channels
    }

    /// The rows of all channels at a position and its next neighbours.
    #[inline(always)]
    pub fn stretch(&self, position: usize, positions: usize) -> Run {
        let (row, last) = (self.start(position), self.start(position + positions));
        Run { first: row, step: 1, listed: row, count: last - row }
    }

    /// Rows of the position whose channel is below `channel`, counted from the very first row.
    #[inline]
    pub fn below(&self, position: usize, channel: usize) -> usize {
        if channel == 0 || channel == self.axes.channels {
            return self.start(position + usize::from(channel > 0));
        }
        let word = position * self.width + channel / 64;
        self.ranks[word] as usize + (self.words[word] & ((1 << (channel % 64)) - 1)).count_ones() as usize
    }

    /// The row of a channel at a position, if it is stored.
    #[inline]
    pub fn row(&self, position: usize, channel: usize) -> Option<usize> {
        let word = position * self.width + channel / 64;
        let (bits, bit) = (self.words[word], channel % 64);
        (bits >> bit & 1 == 1).then(|| self.ranks[word] as usize + (bits & ((1 << bit) - 1)).count_ones() as usize)
    }
}

/// Where the rows of a batch lie: in standard (row-major) order for a full support, else as a [`Layout`] says.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The tensor's axes.
    pub axes: Axes,
    /// `None`: all elements, in standard order.
    pub layout: Option<&'a Layout>,
}

/// Which of 64 channels are stored at a position: the first of them in row `first`, the next ones `step` rows further.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// Bit c is 1 if channel c of the 64 is stored.
    pub bits: u64,
    /// The row of the first stored channel.
    pub first: usize,
    /// From row to row.
    pub step: usize,
}

/// Rows of stored channels at one position, at equal distances.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Row of the first channel; the next one lies `step` rows further.
    pub first: usize,
    /// From row to row.
    pub step: usize,
    /// Index of the first channel in the list of channels.
    pub listed: usize,
    /// How many channels there are.
    pub count: usize,
}

impl<'a> Rows<'a> {
    /// The rows of channels `64 · word..` at a position, 64 at most.
    #[inline(always)]
    pub fn word(&self, position: usize, word: usize) -> Word {
        match self.layout {
            Some(layout) => {
                let index = position * layout.width + word;
                Word { bits: layout.words[index], first: layout.ranks[index] as usize, step: 1 }
            }
            None => {
                let bits = u64::MAX >> (64 - (self.axes.channels - word * 64).min(64));
                Word { bits, first: self.axes.element(position, word * 64), step: self.axes.places }
            }
        }
    }

    /// The rows of these channels at a position.
    #[inline(always)]
    pub fn run(&self, position: usize, channels: Range<usize>) -> Run {
        match self.layout {
            Some(layout) => {
                let (row, last) = (layout.below(position, channels.start), layout.below(position, channels.end));
                Run { first: row, step: 1, listed: row, count: last - row }
            }
            None => {
                let row = self.axes.element(position, channels.start);
                Run { first: row, step: self.axes.places, listed: channels.start, count: channels.len() }
            }
        }
    }

    /// The channels that [`Run::listed`] points into.
    pub fn list(&self) -> Cow<'a, [u32]> {
        match self.layout {
            Some(layout) => layout.channels().into(),
            None => (0..self.axes.channels as u32).collect(),
        }
    }

    /// The row of a channel at a position, if it is stored.
    #[inline]
    pub fn row(&self, position: usize, channel: usize) -> Option<usize> {
        match self.layout {
            Some(layout) => layout.row(position, channel),
            None => Some(self.axes.element(position, channel)),
        }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        match self.layout {
            Some(layout) => layout.channels().len(),
            None => self.axes.positions() * self.axes.channels,
        }
    }
}
