//! Names in messages: quoted, and proposed where one is unknown.

/// Up to three of `names` to propose for `name`: first those that contain it, the shortest first, then those that are
/// spelled most like it. Letter case, blanks and punctuation do not matter to what contains what.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    /// Names that are proposed.
    const PROPOSED: usize = 3;
    let plain = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let word = plain(name);
    let (mut containing, mut others): (Vec<&str>, Vec<&str>) =
        names.partition(|other| !word.is_empty() && plain(other).contains(&word));
    containing.sort_by_key(|other| (other.chars().count(), *other));
    others.retain(|other| alike(name, other) > 0.6);
    others.sort_by(|a, b| alike(name, b).total_cmp(&alike(name, a)).then(a.cmp(b)));
    containing.into_iter().chain(others).take(PROPOSED).map(str::to_owned).collect()
}

/// How alike two names are spelled: from 0 to 1.
fn alike(name: &str, other: &str) -> f64 {
    strsim::jaro_winkler(name, other)
}

/// `a`, `b` and `c`, each in backquotes.
pub fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn names_that_contain_the_word_come_first() {
        let names = ["features.0.conv", "layer4.1.conv2", "layer4", "lawyer4", "head"];
        assert_eq!(nearest("Layer4", names.into_iter()), ["layer4", "layer4.1.conv2", "lawyer4"]);
        assert_eq!(nearest("gradcam", ["cam", "grad-cam++", "grad-cam"].into_iter()), ["grad-cam", "grad-cam++"]);
        assert_eq!(nearest("tabby", ["tiger cat", "tabby, tabby cat", "table"].into_iter())[0], "tabby, tabby cat");
        assert!(nearest("zzz", names.into_iter()).is_empty() && nearest("", names.into_iter()).is_empty());
        assert!(nearest("--", names.into_iter()).is_empty());
    }
}
