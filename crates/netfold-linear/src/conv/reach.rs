//! Which elements a convolution links.

use rayon::prelude::*;

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
        let anywhere: Vec<u8> = reads.reach().map(u8::from).collect();
        if of.count() == 0 || to.contains(&0) {
            return Support::empty(to);
        }
        if of.is_full() && !anywhere.contains(&0) {
            return Support::full(to);
        }
        let flags = of.flags();
        let mut reached = vec![0; to.iter().product()];
        let groups = flags.par_chunks_exact(from_channels * from_places);
        reached.par_chunks_exact_mut(to_channels * to_places).zip(groups).for_each(|(reached, group)| {
            let (places, others) = reached.split_at_mut(to_places);
            let mut touched = group[..from_places].to_vec();
            for channel in group.chunks_exact(from_places).skip(1) {
                touched.iter_mut().zip(channel).for_each(|(touched, flag)| *touched |= flag);
            }
            if touched.iter().all(|&flag| flag == 1) {
                places.copy_from_slice(&anywhere);
            } else if touched.contains(&1) {
                reads.spread(&touched, places);
            }
            others.chunks_exact_mut(to_places).for_each(|other| other.copy_from_slice(places));
        });
        Support::from_flags(to, &reached)
    }
}
