//! The instruction sets, and the choice among them.

use std::env;
use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::sync::OnceLock;

/// The environment variable that chooses the instruction set.
const VARIABLE: &str = "NETFOLD_ISA";

/// The instruction sets that loops are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// 32 registers of 64 bytes, and all of AVX2's.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 16 registers of 32 bytes, fused multiply-add, counts of bits.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the build's target has.
    Portable,
}

/// The name of the instruction set that all loops of this process use: `portable`, `avx2` or `avx512`.
///
/// The environment variable `NETFOLD_ISA` names it. Where the variable is empty or not set, it is the best one of the
/// processor. The variable is read once. Between instruction sets the last bits of results may differ: a fused
/// multiply-add rounds once, and sums are cut into as many parts as a register has lanes.
///
/// # Errors
/// If the variable names no instruction set, or one that this processor does not have. A program asks for this name
/// before it computes; loops that run nevertheless use the best instruction set.
pub fn instruction_set() -> Result<&'static str, UnknownInstructionSet> {
    chosen().as_ref().map(|isa| isa.name()).map_err(Clone::clone)
}

/// `NETFOLD_ISA` names an instruction set that is unknown, or that this processor does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownInstructionSet {
    /// What the variable holds.
    pub word: String,
    /// The names of those that this processor has, the best one last.
    pub available: Vec<&'static str>,
}

impl fmt::Display for UnknownInstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let available = self.available.join(", ");
        write!(f, "{VARIABLE} is `{}`; the instruction sets of this processor are {available}", self.word)
    }
}

impl Error for UnknownInstructionSet {}

fn chosen() -> &'static Result<Isa, UnknownInstructionSet> {
    static CHOSEN: OnceLock<Result<Isa, UnknownInstructionSet>> = OnceLock::new();
    CHOSEN.get_or_init(|| Isa::named(env::var_os(VARIABLE).as_deref()))
}

impl Isa {
    /// The one that the environment chooses, or else the best one that this processor has.
    pub fn best() -> Self {
        chosen().as_ref().map_or_else(|_| Self::detected(), |&isa| isa)
    }

    /// The best one that this processor has.
    fn detected() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let half = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("popcnt");
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            if half {
                return if wide { Self::Avx512 } else { Self::Avx2 };
            }
        }
        Self::Portable
    }

    /// All that this processor has, the best one last.
    pub fn all() -> Vec<Self> {
        match Self::detected() {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => vec![Self::Portable, Self::Avx2, Self::Avx512],
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => vec![Self::Portable, Self::Avx2],
            Self::Portable => vec![Self::Portable],
        }
    }

    fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }

    /// The one of this name; without a name, the best one.
    fn named(word: Option<&OsStr>) -> Result<Self, UnknownInstructionSet> {
        let Some(word) = word.filter(|word| !word.is_empty()) else { return Ok(Self::detected()) };
        let all = Self::all();
        all.iter().copied().find(|isa| word == isa.name()).ok_or_else(|| UnknownInstructionSet {
            word: word.to_string_lossy().into_owned(),
            available: all.iter().map(|isa| isa.name()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_nothing_else_is() {
        for isa in Isa::all() {
            assert_eq!(Isa::named(Some(OsStr::new(isa.name()))), Ok(isa));
        }
        assert_eq!(Isa::named(None), Ok(Isa::detected()));
        assert_eq!(Isa::named(Some(OsStr::new(""))), Ok(Isa::detected()));
        for word in ["AVX2", "avx-512", "best", "portable "] {
            let error = Isa::named(Some(OsStr::new(word))).unwrap_err();
            assert!(error.to_string().contains(word) && error.to_string().contains("portable"), "{error}");
        }
    }
}
