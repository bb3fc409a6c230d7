//! Maps as one array.

use npyz::WriterBuilder;

use super::grid::Grid;
use super::subject::Attribution;

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
    let shape: Vec<u64> = [count, if whole { grid.channels } else { 1 }]
        .into_iter()
        .chain(grid.places.iter().copied())
        .map(|size| size as u64)
        .collect();
    let mut bytes = Vec::new();
    // Writing into memory does not fail.
    let _ =
        npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd().and_then(|mut writer| {
            writer.extend(values)?;
            writer.finish()
        });
    bytes
}
