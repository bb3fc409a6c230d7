//! Groups of orthogonal vectors, the probes of the founding paper.

use std::fmt;

use netfold_linear::{Probes, Real, Support};

/// An orthogonal basis q₀ … q_{D−1} of the input space.
///
/// W is recovered from what the frozen network makes of its vectors: W = Σⱼ (W qⱼ) qⱼᵀ / ‖qⱼ‖².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// Unit vectors: each probe gives one column of W as it stands.
    #[default]
    Standard,
    /// Walsh-Hadamard vectors of ±1. D is split into powers of two (its binary digits), one Hadamard matrix of
    /// Sylvester's kind for each.
    Hadamard,
    /// `qⱼ[i] = cos(π (i + ½) j / D)`, the vectors of the discrete cosine transform (DCT-II).
    Dct,
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "standard",
            Self::Hadamard => "hadamard",
            Self::Dct => "dct",
        })
    }
}

impl Basis {
    /// The vectors first .. first + width as probes over a tensor of this shape.
    pub fn probes<T: Real>(self, shape: &[usize], first: usize, width: usize) -> Probes<T> {
        let len: usize = shape.iter().product();
        if self == Self::Standard {
            let elements: Vec<usize> = (first..first + width).collect();
            return Probes::one_hot(shape, &elements);
        }
        let mut values = vec![T::zero(); len * width];
        for (element, row) in values.chunks_exact_mut(width.max(1)).enumerate() {
            row.iter_mut().enumerate().for_each(|(j, value)| *value = T::of(self.entry(len, first + j, element)));
        }
        Probes::new(Support::full(shape), width, values)
    }

    /// `qⱼ[i]` in a space of `len` dimensions.
    pub fn entry(self, len: usize, j: usize, i: usize) -> f64 {
        match self {
            Self::Standard => f64::from(u8::from(i == j)),
            Self::Hadamard => {
                let (start, size) = block(len, j);
                match i.checked_sub(start).filter(|&i| i < size) {
                    Some(i) if (i & (j - start)).count_ones().is_multiple_of(2) => 1.0,
                    Some(_) => -1.0,
                    None => 0.0,
                }
            }
            Self::Dct => (std::f64::consts::PI * (i as f64 + 0.5) * j as f64 / len as f64).cos(),
        }
    }

    /// ‖qⱼ‖².
    pub fn norm_squared(self, len: usize, j: usize) -> f64 {
        match self {
            Self::Standard => 1.0,
            Self::Hadamard => block(len, j).1 as f64,
            Self::Dct if j == 0 => len as f64,
            Self::Dct => len as f64 / 2.0,
        }
    }
}

/// The block (start, size) that holds index j when `len` is split into its binary digits, the largest first.
fn block(len: usize, j: usize) -> (usize, usize) {
    let mut start = 0;
    for digit in (0..usize::BITS).rev() {
        let size = len & (1 << digit);
        if size != 0 {
            if j < start + size {
                return (start, size);
            }
            start += size;
        }
    }
    (start, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_orthogonal() {
        for basis in [Basis::Standard, Basis::Hadamard, Basis::Dct] {
            for len in [1, 2, 3, 7, 12, 20] {
                for j in 0..len {
                    for k in 0..len {
                        let dot: f64 = (0..len).map(|i| basis.entry(len, j, i) * basis.entry(len, k, i)).sum();
                        let expected = if j == k { basis.norm_squared(len, j) } else { 0.0 };
                        assert!((dot - expected).abs() < 1e-9, "{basis} of {len}: ⟨q{j}, q{k}⟩ = {dot}");
                    }
                }
            }
        }
    }
}
