//! Standard output and standard error: all text of this program passes here on its way to a terminal.
//!
//! Names, labels and paths come from files of strangers, and a terminal obeys what they hold. So each line is printed
//! with its control and bidirectional characters written out, as JSON writes them (which leaves JSON the same value).

use std::borrow::Cow;
use std::fmt::{Arguments, Write as _};
use std::io::{ErrorKind, Write as _};

use console::Style;

use crate::failure::FAILED;

/// As the standard one, for one line. Line breaks at both ends of the text are printed; one inside a value is a part of
/// a name and is written out. The reader may leave (`netfold ops | head`): that ends the program and is no failure.
macro_rules! println {
    () => {
        $crate::out::say("", format_args!(""))
    };
    ($text:literal $($values:tt)*) => {{
        const { assert!($crate::out::is_one_line($text), "a line break inside the text: print two lines") };
        $crate::out::say($text, format_args!($text $($values)*))
    }};
}

/// As `println`, to standard error. Where that cannot be written there is nobody to be told.
macro_rules! eprintln {
    ($text:literal $($values:tt)*) => {{
        const { assert!($crate::out::is_one_line($text), "a line break inside the text: print two lines") };
        $crate::out::say_beside($text, format_args!($text $($values)*))
    }};
}

/// There is no text but whole lines.
#[allow(unused_macros)]
macro_rules! print {
    ($($words:tt)*) => {
        compile_error!("print a line: `println!`")
    };
}

/// There is no text but whole lines.
#[allow(unused_macros)]
macro_rules! eprint {
    ($($words:tt)*) => {
        compile_error!("print a line: `eprintln!`")
    };
}

/// Whether a text has line breaks at its ends only.
pub const fn is_one_line(text: &str) -> bool {
    let text = text.as_bytes();
    let (mut begin, mut end) = (0, text.len());
    while begin < end && text[begin] == b'\n' {
        begin += 1;
    }
    while begin < end && text[end - 1] == b'\n' {
        end -= 1;
    }
    while begin < end {
        if text[begin] == b'\n' {
            return false;
        }
        begin += 1;
    }
    true
}

/// Prints a line to standard output, or ends the program where that cannot be. `text` is what the values are put into.
pub fn say(text: &str, filled: Arguments<'_>) {
    print(&line(text, filled));
}

/// Prints a line to standard error, if that can be.
pub fn say_beside(text: &str, filled: Arguments<'_>) {
    let _ = std::io::stderr().write_all(line(text, filled).as_bytes());
}

/// Prints a line of parts that have colours.
pub fn painted(parts: &[(&Style, &str)]) {
    let mut line: String = parts.iter().map(|(style, text)| style.apply_to(escaped(text)).to_string()).collect();
    line.push('\n');
    print(&line);
}

fn print(line: &str) {
    match std::io::stdout().write_all(line.as_bytes()) {
        Ok(()) => {}
        Err(error) => std::process::exit(unwritten(&error).into()),
    }
}

/// The exit code where standard output cannot be written, which is told; a reader that left is no failure.
pub fn unwritten(error: &std::io::Error) -> u8 {
    if error.kind() == ErrorKind::BrokenPipe {
        return 0;
    }
    eprintln!("error: cannot write to standard output");
    eprintln!("  cause: {error}");
    FAILED
}

/// The filled text with its last line break; between the breaks that `text` has at its ends it is one line.
fn line(text: &str, filled: Arguments<'_>) -> String {
    let before = text.len() - text.trim_start_matches('\n').len();
    let after = if before == text.len() { 0 } else { text.len() - text.trim_end_matches('\n').len() };
    let filled = filled.to_string();
    let inner = &filled[before..filled.len() - after];
    let breaks = |number: usize| "\n".repeat(number);
    breaks(before) + &escaped(inner) + &breaks(after + 1)
}

/// The text with characters that a terminal obeys, or that change the order of others, written as `\n` or `\u001b`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        // Writing to a string cannot fail.
        let _ = match letter {
            '\n' => written.write_str("\\n"),
            '\r' => written.write_str("\\r"),
            '\t' => written.write_str("\\t"),
            letter if obeyed(letter) => write!(written, "\\u{:04x}", letter as u32),
            letter => written.write_char(letter),
        };
    }
    Cow::Owned(written)
}

/// Control characters, ends of lines and paragraphs, and the format characters that set directions.
fn obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
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

#[cfg(test)]
mod tests {
    use super::{escaped, is_one_line, line};

    #[test]
    fn only_what_a_terminal_obeys_is_written_out() {
        for same in ["conv1/weights × 3", "Ж é 猫 👩‍🚀 می‌خواهم", "back\\slash \"quote\""] {
            assert_eq!(escaped(same), same);
        }
        assert_eq!(escaped("a\x1b[2J\r\nb\tc\u{7f}\u{9b}"), "a\\u001b[2J\\r\\nb\\tc\\u007f\\u009b");
        assert_eq!(escaped("\u{202e}gpj\u{2066}\u{200f}\u{61c}\u{2028}"), "\\u202egpj\\u2066\\u200f\\u061c\\u2028");
    }

    /// Written out inside the strings of a JSON object, they are the same strings to whoever reads it.
    #[test]
    fn an_object_has_the_same_value() {
        let object = serde_json::json!({ "na\u{202e}me": ["a\x1b\n\t\u{85}\u{7f}\\u202e\u{2028}"] });
        let text = object.to_string();
        let written = escaped(&text);
        assert!(!written.contains(super::obeyed));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), object);
    }

    #[test]
    fn breaks_of_the_text_are_printed_and_those_of_values_are_not() {
        let name = "\nFORGED\n";
        assert_eq!(line("\n{}: {}\n", format_args!("\n{name}: {}\n", 1)), "\n\\nFORGED\\n: 1\n\n");
        assert_eq!(line("{}", format_args!("{name}")), "\\nFORGED\\n\n");
        assert_eq!((line("", format_args!("")), line("\n", format_args!("\n"))), ("\n".into(), "\n\n".into()));
        assert!(is_one_line("\n\na b\n") && is_one_line("") && is_one_line("\n") && !is_one_line("a\nb"));
    }
}
