//! Where a node that is straight in pieces leaves the piece that it is on.

use netfold_linear::Real;
use rayon::prelude::*;

use crate::value::Tensor;

/// What keeps a node on its piece: inequalities between numbers that it reads.
#[derive(Clone, Debug)]
pub enum Constraints<T> {
    /// Each element z of one input stays on its piece while it falls by less than `down[e]` and rises by less than
    /// `up[e]`; infinite where the piece has no end there, 0 where z stands at the end.
    Slack {
        /// The node's input.
        input: usize,
        /// How far each element can fall.
        down: Vec<T>,
        /// How far each element can rise.
        up: Vec<T>,
    },
    /// For each pair the first element, of one input, must not fall below the second, of another or the same input.
    Order {
        /// The node's inputs.
        inputs: [usize; 2],
        /// Elements (ahead, behind).
        pairs: Vec<[u32; 2]>,
        /// The element of the output that each pair decides; those of one element follow each other.
        decides: Vec<u32>,
    },
}

/// Which piece a border belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// The outer one: what reaches a bound is cut.
    Outer,
    /// The one between the borders: at its ends nothing passes yet.
    Inner,
}

/// Which number of a group wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Winner {
    /// The largest one.
    Largest,
    /// The smallest one.
    Smallest,
}

impl<T: Real> Constraints<T> {
    /// The slack of a function with three pieces, below, between and above two borders (an infinite one has no end).
    pub fn pieces(input: usize, z: &Tensor<T>, [low, high]: [T; 2], border: Border) -> Self {
        let outer = border == Border::Outer;
        let slack = |&z: &T| {
            let never = T::infinity();
            let (down, up) = if z < low || outer && z == low {
                (never, low - z)
            } else if z > high || outer && z == high {
                (z - high, never)
            } else {
                (z - low, high - z)
            };
            (down, up)
        };
        let (down, up) = z.data().par_iter().with_min_len(1 << 14).map(slack).unzip();
        Self::Slack { input, down, up }
    }

    /// The order that keeps the winner (the element of `input` that it is, for each group) ahead of its rivals, given as
    /// (group, element).
    pub fn contest(input: usize, winners: &[u32], members: impl Iterator<Item = (usize, u32)>, wins: Winner) -> Self {
        let rivals = members.filter(|&(group, element)| element != winners[group]);
        let pair = |(group, rival): (usize, u32)| {
            (if wins == Winner::Largest { [winners[group], rival] } else { [rival, winners[group]] }, group as u32)
        };
        let (pairs, decides) = rivals.map(pair).unzip();
        Self::Order { inputs: [input; 2], pairs, decides }
    }
}
