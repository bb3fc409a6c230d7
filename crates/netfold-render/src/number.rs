//! Numbers as people read them.

/// `digits` significant digits; plain from 0.001 to a million, with an exponent outside: `0.0312`, `-12.5`, `3.1e-7`.
///
/// The sign is the true minus sign, which is as wide as a digit. Zeros at the end stay: they say how exact the number is.
pub fn significant(value: f64, digits: usize) -> String {
    let digits = digits.max(1);
    let text = if value == 0.0 {
        "0".to_owned()
    } else if !value.is_finite() {
        return if value.is_nan() {
            "not a number"
        } else if value > 0.0 {
            "∞"
        } else {
            "−∞"
        }
        .to_owned();
    } else {
        // The exponent after rounding: 9.99 with two digits is 10.
        let rounded = format!("{:.*e}", digits - 1, value);
        let exponent = rounded.split_once('e').and_then(|(_, e)| e.parse::<i32>().ok()).unwrap_or(0);
        if (-3..6).contains(&exponent) {
            let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
            format!("{value:.decimals$}")
        } else {
            rounded
        }
    };
    minus(&text)
}

/// As [`significant`], in the characters that other programs read a number by: `-12.5`, `NaN`, `inf`. For terminals.
///
/// Every command prints its numbers by this function: [`VALUE`] digits of a value, [`DIFFERENCE`] of a difference.
pub fn plain(value: f64, digits: usize) -> String {
    if value.is_finite() { significant(value, digits).replace('−', "-") } else { value.to_string() }
}

/// Digits of a value in a terminal, as many as single precision has for sure.
pub const VALUE: usize = 6;

/// Digits of a difference, of which the size counts.
pub const DIFFERENCE: usize = 2;

/// A fixed number of decimals, so that a column of numbers lines up.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() { minus(&format!("{value:.decimals$}")) } else { significant(value, 1) }
}

/// As [`fixed`], but a positive number shows its sign too.
pub fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    if text.starts_with('−') || !value.is_finite() { text } else { format!("+{text}") }
}

/// How many decimals give the largest of the values six significant digits.
pub fn decimals_for(values: impl IntoIterator<Item = f64>) -> usize {
    let largest = values.into_iter().filter(|v| v.is_finite()).fold(0.0, |a: f64, v| a.max(v.abs()));
    if largest == 0.0 {
        return 1;
    }
    (5.0 - largest.log10().floor()).clamp(0.0, 12.0) as usize
}

/// Thousands apart: `150,528`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 pass`, `1,000 passes`.
pub fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// `12 %`, `0.50 %`, `0.004 %`: two digits where that says more than none.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value {
        v if v >= 99.95 || v == 0.0 => format!("{v:.0} %"),
        v if v >= 10.0 => format!("{v:.1} %"),
        v if v >= 0.1 => format!("{v:.2} %"),
        v => format!("{} %", significant(v, 1)),
    }
}

/// `850 ms`, `12.3 s`, `4 min 05 s`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() || s < 0.0 => "unknown".into(),
        s if s < 1e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{} ms", significant(s * 1e3, 3)),
        s if s < 60.0 => format!("{} s", significant(s, 3)),
        s => format!("{} min {:02} s", (s / 60.0) as u64, (s % 60.0) as u64),
    }
}

/// `512 KiB`, `83.2 MiB`, `1.20 GiB`.
pub fn bytes(n: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{} {}", significant(value, 3), units[unit]) }
}

fn minus(text: &str) -> String {
    // −0.000 is zero to every digit that is shown.
    let text = match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest,
        _ => text,
    };
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_significant_and_rounding_carries() {
        for (value, digits, text) in [
            (0.0, 3, "0"),
            (0.031_249, 3, "0.0312"),
            (-12.5, 3, "−12.5"),
            (9.99, 2, "10"),
            (0.000_999_9, 2, "0.0010"),
            (3.1e-7, 2, "3.1e-7"),
            (-3.14e-7, 2, "−3.1e-7"),
            (999_999.0, 2, "1.0e6"),
            (123_456.0, 3, "123456"),
            (1e-5, 1, "1e-5"),
            (f64::NAN, 3, "not a number"),
            (f64::NEG_INFINITY, 3, "−∞"),
        ] {
            assert_eq!(significant(value, digits), text);
        }
    }

    #[test]
    fn a_terminal_gets_plain_characters() {
        for (value, digits, text) in [
            (8.019_3e-8, VALUE, "8.01930e-8"),
            (-0.1, VALUE, "-0.100000"),
            (-1_234.567_8, VALUE, "-1234.57"),
            (0.0, DIFFERENCE, "0"),
            (-0.0, VALUE, "0"),
            (-2.34e-9, DIFFERENCE, "-2.3e-9"),
            (f64::NAN, VALUE, "NaN"),
            (f64::NEG_INFINITY, VALUE, "-inf"),
        ] {
            assert_eq!(plain(value, digits), text);
        }
    }

    #[test]
    fn columns_line_up() {
        assert_eq!(
            (fixed(-0.000_01, 3), signed(1.5, 2), signed(-1.5, 2)),
            ("0.000".into(), "+1.50".into(), "−1.50".into())
        );
        assert_eq!([decimals_for([12.3, -1.0]), decimals_for([0.0]), decimals_for([1e9, f64::NAN])], [4, 1, 0]);
    }

    #[test]
    fn amounts_have_their_units() {
        assert_eq!([count(0), count(999), count(1000), count(150_528)].join(" "), "0 999 1,000 150,528");
        assert_eq!(
            [percent(0.0), percent(1.0), percent(0.572), percent(0.005), percent(4e-5)].join("; "),
            "0 %; 100 %; 57.2 %; 0.50 %; 0.004 %"
        );
        assert_eq!(
            [duration(5e-5), duration(0.0123), duration(2.5), duration(245.0), duration(f64::NAN)].join("; "),
            "50 µs; 12.3 ms; 2.50 s; 4 min 05 s; unknown"
        );
        assert_eq!([bytes(512), bytes(3 << 20)].join("; "), "512 B; 3.00 MiB");
    }
}
