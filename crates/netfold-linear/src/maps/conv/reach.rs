//! The supports of a convolution: which elements of y read which elements of x.

use netfold_kernels::index::bitset;
use netfold_kernels::index::window_index::Lines;

use super::Conv;
use crate::{Real, Support};

impl<T: Real> Conv<T> {
    /// All channels of a group at each place that reads one of `of` in that group.
    pub(super) fn reach(&self, of: &Support, transpose: bool) -> Support {
        let s = self.sizes();
        let reads = self.reads(transpose);
        let to = if transpose { &self.domain } else { &self.codomain };
        let (from_channels, to_channels) = if transpose { (s.outs, s.ins) } else { (s.ins, s.outs) };
        let (from_places, to_places) = (reads.places_from(), reads.places_to());
        if of.count() == 0 || to.contains(&0) {
            return Support::empty(to);
        }
        let (elements, whole) = (of.words(), bitset::first(from_places));
        let (mut named, mut lines) = (vec![0; to.iter().product::<usize>().div_ceil(64)], Lines::default());
        let (mut touched, mut everywhere, mut own) = (whole.clone(), Vec::new(), Vec::new());
        // Most groups are touched everywhere.
        reads.spread(&whole, &mut lines, &mut everywhere);
        for group in 0..to[0] * self.groups {
            touched.fill(0);
            for channel in group * from_channels..(group + 1) * from_channels {
                bitset::join(&mut touched, &elements, channel * from_places);
            }
            touched.iter_mut().zip(&whole).for_each(|(touched, whole)| *touched &= whole);
            let reached = if touched == whole {
                &everywhere
            } else {
                reads.spread(&touched, &mut lines, &mut own);
                &own
            };
            for channel in group * to_channels..(group + 1) * to_channels {
                bitset::put(&mut named, reached, channel * to_places);
            }
        }
        Support::from_words(to, named.into_iter())
    }
}
