//! Standard output.

use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use crate::failure::FAILED;

/// As the standard one, but the reader may leave (`netfold ops | head`): that ends the program and is no failure.
macro_rules! println {
    () => {
        $crate::out::say(format_args!("\n"))
    };
    ($($words:tt)*) => {
        $crate::out::say(format_args!("{}\n", format_args!($($words)*)))
    };
}

/// Writes to standard output, or ends the program where that cannot be.
pub fn say(text: Arguments<'_>) {
    match std::io::stdout().write_fmt(text) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("error: cannot write to standard output\n  cause: {error}");
            std::process::exit(FAILED.into())
        }
    }
}

/// A name for a column of a table: the middle of one that is longer than 60 characters is left out.
pub fn shortened(name: &str) -> Cow<'_, str> {
    const PART: usize = 29;
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= 2 * PART + 2 {
        return Cow::Borrowed(name);
    }
    let (begin, end) = (&letters[..PART], &letters[letters.len() - PART..]);
    Cow::Owned(begin.iter().chain(&['…']).chain(end).collect())
}
