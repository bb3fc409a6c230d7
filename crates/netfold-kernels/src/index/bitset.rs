//! Bit sets: one bit for each numbered element, 64 elements in a word. Functions work on whole words.

use crate::simd::pack_word;

/// Words whose bit e is 1 where `flags[e]` is 1. Flags are 0 or 1.
pub fn pack(flags: &[u8]) -> Vec<u64> {
    let mut words = Vec::with_capacity(flags.len().div_ceil(64));
    let (whole, rest) = flags.as_chunks::<64>();
    words.extend(whole.iter().map(pack_word));
    if !rest.is_empty() {
        let mut last = [0; 64];
        last[..rest.len()].copy_from_slice(rest);
        words.push(pack_word(&last));
    }
    words
}

/// `flags[e]` is bit e, for the first `len` bits.
pub fn unpack(words: &[u64], len: usize) -> Vec<u8> {
    let mut flags = vec![0; len.next_multiple_of(8)];
    for (eight, byte) in flags.as_chunks_mut::<8>().0.iter_mut().zip(words.iter().flat_map(|word| word.to_le_bytes())) {
        *eight = SPREAD[byte as usize].to_le_bytes();
    }
    flags.truncate(len);
    flags
}

/// For each byte its eight bits, one in each byte of a word.
const SPREAD: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte] |= (byte as u64 >> bit & 1) << (8 * bit);
            bit += 1;
        }
        byte += 1;
    }
    table
};

/// For each byte the numbers of its bits that are 1, ascending, and zeros.
pub const ONES: [[u32; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut count) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[byte][count] = bit;
                count += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
};

/// The 64 bits from bit `first` on; bits behind the last word are 0.
#[inline]
pub fn word_at(words: &[u64], first: usize) -> u64 {
    let (index, shift) = (first / 64, first % 64);
    let low = words.get(index).map_or(0, |word| word >> shift);
    let high = if shift == 0 { 0 } else { words.get(index + 1).map_or(0, |word| word << (64 - shift)) };
    low | high
}

/// `len` bits from bit `first` on, 128 at most.
#[inline]
pub fn line_at(words: &[u64], first: usize, len: usize) -> u128 {
    let line = u128::from(word_at(words, first)) | u128::from(word_at(words, first + 64)) << 64;
    line & u128::MAX.checked_shr(128 - len as u32).unwrap_or(0)
}

/// Every other bit, from bit 0 on.
#[inline]
pub fn evens(line: u128) -> u128 {
    let half = |word: u64| {
        let (mut word, mut mask) = (word & EVERY[0], 1);
        for every in &EVERY[1..] {
            word = (word | word >> mask) & every;
            mask *= 2;
        }
        word
    };
    u128::from(half(line as u64) | half((line >> 64) as u64) << 32)
}

/// A zero behind each bit.
#[inline]
pub fn apart(word: u64) -> u128 {
    let half = |word: u64| {
        let (mut word, mut mask) = (word, 32);
        for every in EVERY[..5].iter().rev() {
            mask /= 2;
            word = (word | word << mask) & every;
        }
        word
    };
    u128::from(half(word & u64::from(u32::MAX))) | u128::from(half(word >> 32)) << 64
}

/// The lower half of every 2, 4, 8, 16, 32 and 64 bits.
const EVERY: [u64; 6] = [
    0x5555_5555_5555_5555,
    0x3333_3333_3333_3333,
    0x0f0f_0f0f_0f0f_0f0f,
    0x00ff_00ff_00ff_00ff,
    0x0000_ffff_0000_ffff,
    0x0000_0000_ffff_ffff,
];

/// The first `len` bits.
pub fn first(len: usize) -> Vec<u64> {
    let mut words = vec![u64::MAX; len.div_ceil(64)];
    if let (Some(last), rest @ 1..) = (words.last_mut(), len % 64) {
        *last = u64::MAX >> (64 - rest);
    }
    words
}

/// How many bits are 1.
pub fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

/// `to` or the bits of `from` from bit `first` on.
#[inline]
pub fn join(to: &mut [u64], from: &[u64], first: usize) {
    to.iter_mut().enumerate().for_each(|(index, to)| *to |= word_at(from, first + index * 64));
}

/// The bits of `to` from bit `first` on, or `from`; what is beyond the last word is dropped.
#[inline]
pub fn put(to: &mut [u64], from: &[u64], first: usize) {
    let (start, shift) = (first / 64, first % 64);
    for (index, &word) in from.iter().enumerate() {
        let Some(low) = to.get_mut(start + index) else { return };
        *low |= word << shift;
        if let (1.., Some(high)) = (shift, to.get_mut(start + index + 1)) {
            *high |= word >> (64 - shift);
        }
    }
}

/// The bits of `to` from bit `at` on, or `len` bits of `from` from bit `first` on.
pub fn copy(to: &mut [u64], at: usize, from: &[u64], first: usize, len: usize) {
    for done in (0..len).step_by(64) {
        let word = word_at(from, first + done) & u64::MAX >> (64 - (len - done).min(64));
        put(to, &[word], at + done);
    }
}

/// Bit j of word i becomes bit i of word j.
pub fn transpose(block: &mut [u64; 64]) {
    let (mut half, mut mask) = (32, u64::from(u32::MAX));
    while half > 0 {
        let mut i = 0;
        while i < 64 {
            for j in i..i + half {
                let swap = (block[j] >> half ^ block[j + half]) & mask;
                block[j] ^= swap << half;
                block[j + half] ^= swap;
            }
            i += 2 * half;
        }
        half /= 2;
        mask ^= mask << half;
    }
}

/// The numbers of the bits that are 1, ascending.
pub fn ones(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(index, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                index * 64 + bit
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize) -> Vec<u64> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn packing_and_unpacking_are_inverse() {
        for len in [0, 1, 63, 64, 65, 200] {
            let flags: Vec<u8> = noise(len).iter().map(|word| (word & 1) as u8).collect();
            assert_eq!(unpack(&pack(&flags), len), flags);
            let set: Vec<usize> = (0..len).filter(|&e| flags[e] == 1).collect();
            assert_eq!(ones(&pack(&flags)).collect::<Vec<_>>(), set);
        }
    }

    #[test]
    fn every_other_bit() {
        for words in noise(40).chunks_exact(2) {
            let line = u128::from(words[0]) | u128::from(words[1]) << 64;
            let (evens, apart) = (evens(line), apart(words[0]));
            for bit in 0..64 {
                assert_eq!(evens >> bit & 1, line >> (2 * bit) & 1);
                assert_eq!([apart >> (2 * bit) & 1, apart >> (2 * bit + 1) & 1], [line >> bit & 1, 0]);
            }
            assert_eq!(evens >> 64, 0);
        }
    }

    #[test]
    fn a_block_is_transposed() {
        let before: [u64; 64] = noise(64).try_into().unwrap();
        let mut after = before;
        transpose(&mut after);
        for (i, row) in before.iter().enumerate() {
            for (j, column) in after.iter().enumerate() {
                assert_eq!(row >> j & 1, column >> i & 1);
            }
        }
    }

    #[test]
    fn words_start_at_any_bit() {
        let words = noise(3);
        for first in 0..192 {
            let bit = |e: usize| if e < 192 { words[e / 64] >> (e % 64) & 1 } else { 0 };
            let expected = (0..64).fold(0, |word, i| word | bit(first + i) << i);
            assert_eq!(word_at(&words, first), expected);
        }
    }
}
