//! The words that options take.

use clap::ValueEnum;
use netfold::input::LayoutChoice;

/// `--graph`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphWord {
    /// For Graphviz
    Dot,
    /// For Mermaid
    Mermaid,
}

/// `--method`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MethodWord {
    /// The cheaper of the two
    #[default]
    Auto,
    /// Rows of W: unit vectors pulled back from the output
    Adjoint,
    /// Columns of W: orthogonal vectors pushed from the input
    Probe,
}

/// `--basis`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BasisWord {
    /// Unit vectors
    #[default]
    Standard,
    /// Walsh-Hadamard vectors
    Hadamard,
    /// Vectors of the discrete cosine transform
    Dct,
}

/// `--layout`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LayoutWord {
    /// As the first operator reads the input, else as its shape suggests
    #[default]
    Auto,
    /// Channels first
    Nchw,
    /// Channels last
    Nhwc,
}

impl From<LayoutWord> for LayoutChoice {
    fn from(word: LayoutWord) -> Self {
        match word {
            LayoutWord::Auto => Self::Auto,
            LayoutWord::Nchw => Self::Nchw,
            LayoutWord::Nhwc => Self::Nhwc,
        }
    }
}

/// `--score`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScoreWord {
    /// The softmax over all logits
    Softmax,
    /// The sigmoid of the class's logit
    Sigmoid,
    /// The class's logit
    Logit,
}

/// `--norm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NormWord {
    /// The sum of all changes
    L1,
    /// The Euclidean length
    L2,
    /// The largest change
    Linf,
}

impl From<NormWord> for netfold::region::Norm {
    fn from(word: NormWord) -> Self {
        match word {
            NormWord::L1 => Self::L1,
            NormWord::L2 => Self::L2,
            NormWord::Linf => Self::Linf,
        }
    }
}

/// `--freeze`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RuleWord {
    /// Secant through the function's value at 0; gates are held
    #[default]
    Gate,
    /// The derivative: W is the Jacobian
    Tangent,
    /// As gate; products are split evenly
    Half,
}

impl From<RuleWord> for netfold::Rule {
    fn from(word: RuleWord) -> Self {
        match word {
            RuleWord::Gate => Self::Gate,
            RuleWord::Tangent => Self::Tangent,
            RuleWord::Half => Self::Half,
        }
    }
}

/// `--precision`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PrecisionWord {
    /// Single precision
    #[default]
    F32,
    /// Double precision
    F64,
}

/// A number of zero or more.
pub fn not_negative(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(value) if value >= 0.0 => Ok(value),
        _ => Err("a number that is not negative is expected".into()),
    }
}

pub fn positive(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a positive number is expected".into()),
    }
}

pub fn numbers<const N: usize>(word: &str) -> Result<[usize; N], String> {
    let numbers: Option<Vec<usize>> = word.split(',').map(|number| number.trim().parse().ok()).collect();
    let fitting = numbers.and_then(|numbers| <[usize; N]>::try_from(numbers).ok());
    fitting.ok_or_else(|| format!("{N} whole numbers are expected, with commas"))
}

pub fn node_rule(word: &str) -> Result<(String, RuleWord), String> {
    let (node, rule) = word.rsplit_once('=').ok_or("NODE=RULE is expected")?;
    Ok((node.to_owned(), RuleWord::from_str(rule, false)?))
}

/// A word with a name before its `=`; which `=` it is, the model's own names tell.
pub fn named(word: &str) -> Result<String, String> {
    if word.contains('=') { Ok(word.to_owned()) } else { Err("NAME=FILE is expected".into()) }
}

/// Sizes with commas, behind the name of an input and a `=` or alone.
pub fn sizes(word: &str) -> Result<(Option<String>, Vec<usize>), String> {
    let (name, sizes) = word.rsplit_once('=').map_or((None, word), |(name, sizes)| (Some(name.to_owned()), sizes));
    let sizes: Option<Vec<usize>> = sizes.split(',').map(|size| size.trim().parse().ok()).collect();
    Ok((name, sizes.ok_or("whole numbers with commas are expected")?))
}

/// Bytes: a number, and K, M, G or T for powers of 1024.
pub fn memory(word: &str) -> Result<u64, String> {
    let refuse = || "bytes are expected: a number, then K, M, G or T for powers of 1024".to_owned();
    let plain = word.trim().trim_end_matches(['b', 'B']).trim_end_matches(['i', 'I']);
    let digits = plain.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match plain[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err(refuse()),
    };
    let bytes = digits.trim_end().parse::<f64>().map_err(|_| refuse())? * 1024_f64.powi(power);
    if bytes >= 1.0 && bytes.is_finite() { Ok(bytes as u64) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::memory;

    #[test]
    fn memory_is_counted_in_powers_of_1024() {
        assert_eq!(memory("2G"), Ok(2 << 30));
        assert_eq!(memory("1.5k"), Ok(1536));
        assert_eq!(memory("512 MiB"), Ok(512 << 20));
        assert_eq!(memory("100"), Ok(100));
        assert_eq!(memory("100B"), Ok(100));
        for wrong in ["", "G", "-1G", "0", "2X", "nanG", "infG", "1e999", "2GG", "10 potatoes"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }
}
