//! How rows of W are laid out: in blocks, in whole registers, and at the foot of a bottleneck.

use std::ops::Range;

use netfold_linear::Support;

/// Bytes of the largest vector register: rows travel in whole ones.
pub(crate) const REGISTER: usize = 64;

/// Probes that so many rows travel as: whole registers, the last one perhaps half of one.
pub(crate) fn padded<T>(rows: usize) -> usize {
    rows.next_multiple_of(REGISTER / 2 / size_of::<T>())
}

/// So many rows in blocks of `most` at most, which differ by one unit at most.
pub(crate) fn blocks(rows: usize, most: usize, unit: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let (units, count) = (rows.div_ceil(unit), rows.div_ceil(most));
    let end = move |block: usize| (units * block / count * unit).min(rows);
    (0..count).map(move |block| end(block)..end(block + 1))
}

/// Numbers of a row of R whose foot is this slot: of the input all are wanted, of other tensors those that are stored.
pub(crate) fn at_foot(plan: &[Support], slot: usize) -> usize {
    if slot == 0 { plan[0].tensor_len() } else { plan[slot].count() }
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn blocks_are_as_even_as_units_allow() {
        let sizes = |rows, most, unit| blocks(rows, most, unit).map(|block| block.len()).collect::<Vec<_>>();
        assert_eq!(sizes(100, 24, 8), [16, 24, 16, 24, 20]);
        assert_eq!(sizes(32, 24, 8), [16, 16]);
        assert_eq!(sizes(10, 24, 8), [10]);
        assert_eq!(sizes(7, 3, 3), [3, 3, 1]);
        assert_eq!(sizes(0, 1, 1), [0; 0]);
        for (rows, most, unit) in (0..130).flat_map(|rows| [(rows, 24, 8), (rows, 64, 16), (rows, 5, 5), (rows, 12, 4)])
        {
            let all: Vec<usize> = blocks(rows, most, unit).flatten().collect();
            assert!(all.into_iter().eq(0..rows), "each row once, in order");
            assert!(blocks(rows, most, unit).all(|block| (1..=most).contains(&block.len())), "{rows} {most} {unit}");
        }
    }
}
