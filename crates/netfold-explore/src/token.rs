//! The secret that tells the explorer's owner from everybody else.

use std::fmt;
use std::hint::black_box;
use std::io;

/// Random bytes in a token, as in Jupyter's: 192 bits cannot be guessed.
const BYTES: usize = 24;

/// A secret of one run of the explorer: 48 hexadecimal digits.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new one, of the system's randomness.
    ///
    /// # Errors
    /// If the system has none.
    pub fn random() -> io::Result<Self> {
        use fmt::Write;
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let mut digits = String::with_capacity(2 * BYTES);
        for byte in bytes {
            let _ = write!(digits, "{byte:02x}");
        }
        Ok(Self(digits))
    }

    /// The digits; whoever knows them is let in.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `given` is this token, in a time that does not depend on how many of its characters are right.
    pub fn is(&self, given: &str) -> bool {
        let (mine, theirs) = (self.0.as_bytes(), given.as_bytes());
        let different = mine.iter().zip(theirs).fold(0, |seen, (a, b)| black_box(seen | (a ^ b)));
        mine.len() == theirs.len() && different == 0
    }
}

/// Without the digits, so that no message holds them by accident.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_alone() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert!(one.reveal().len() == 48 && one.reveal().bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert_ne!(one.reveal(), other.reveal());
        assert!(one.is(&one.0.clone()));
        let longer = format!("{}0", one.0);
        for wrong in [other.reveal(), "", &one.0[..47], &longer, &one.0.to_uppercase().replace('0', "1")] {
            assert!(!one.is(wrong), "{wrong}");
        }
        assert!(!format!("{one:?}").contains(one.reveal()));
    }
}
