//! Packs flags, one a byte, into the bits of a word: `bit i = flag i`.

/// One word from 64 flags, which are 0 or 1.
#[cfg(target_arch = "x86_64")]
pub fn pack_word(flags: &[u8; 64]) -> u64 {
    use std::arch::x86_64::{_mm_loadu_si128, _mm_movemask_epi8, _mm_slli_epi16};
    flags.as_chunks::<16>().0.iter().enumerate().fold(0, |word, (i, sixteen)| {
        // The lowest bit of a byte becomes its highest one, which the instruction collects.
        // SAFETY: every processor of this kind has SSE2; 16 bytes are read.
        let bits = unsafe { _mm_movemask_epi8(_mm_slli_epi16(_mm_loadu_si128(sixteen.as_ptr().cast()), 7)) };
        word | (bits as u64) << (16 * i)
    })
}

/// One word from 64 flags, which are 0 or 1.
#[cfg(not(target_arch = "x86_64"))]
pub fn pack_word(flags: &[u8; 64]) -> u64 {
    // The product moves the lowest bit of byte i to bit 56 + i.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let byte = |flags: &[u8; 8]| u64::from_le_bytes(*flags).wrapping_mul(GATHER) >> 56;
    flags.as_chunks::<8>().0.iter().enumerate().fold(0, |word, (i, flags)| word | byte(flags) << (8 * i))
}
