//! Maps as one array.

use super::grid::Grid;
use super::subject::Attribution;
use crate::npy;

/// The maps as the bytes of a `.npy` file of doubles, shape (maps, channels, places…), channels first: what Quantus and
/// other tools that judge attributions read. If one of the maps has one number a place, all are summed over channels.
pub fn stack<'a>(maps: impl IntoIterator<Item = &'a Attribution> + Clone, grid: &Grid) -> Vec<u8> {
    let elements = grid.channels * grid.len();
    let whole = maps.clone().into_iter().all(|map| map.values.len() == elements);
    let (mut values, mut count) = (Vec::new(), 0);
    for map in maps {
        count += 1;
        if map.values.len() != elements {
            values.extend_from_slice(&map.values);
        } else if whole {
            values.extend(grid.channels_first(&map.values));
        } else {
            values.extend(grid.by_place(&map.values));
        }
    }
    let shape: Vec<usize> =
        [count, if whole { grid.channels } else { 1 }].into_iter().chain(grid.places.iter().copied()).collect();
    npy::doubles(&shape, values)
}
