//! Which elements a convolution links.

use std::borrow::Cow;

use super::Conv;
use crate::{Real, Support, bits};

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
        let (elements, whole) = (of.words(), bits::first(from_places));
        let groups = to[0] * self.groups;
        let touched = (0..groups).map(|group| {
            let mut touched = vec![0; whole.len()];
            let channels = group * from_channels..(group + 1) * from_channels;
            channels.for_each(|channel| bits::join(&mut touched, &elements, channel * from_places));
            touched.iter_mut().zip(&whole).for_each(|(touched, whole)| *touched &= whole);
            touched
        });
        let mut named = vec![0; to.iter().product::<usize>().div_ceil(64)];
        // Most groups are touched everywhere.
        let everywhere = reads.spread(&whole);
        for (group, touched) in touched.enumerate() {
            let own = if touched == whole { Cow::Borrowed(&everywhere) } else { Cow::Owned(reads.spread(&touched)) };
            let channels = group * to_channels..(group + 1) * to_channels;
            channels.for_each(|channel| bits::put(&mut named, &own, channel * to_places));
        }
        Support::from_words(to, named.into_iter())
    }
}
