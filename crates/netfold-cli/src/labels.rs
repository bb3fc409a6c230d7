//! Names of classes.

use std::path::Path;

use crate::failure::{FAILED, Failure, WRONG_INPUT};

/// Which of its two classes a network of one logit f is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// Where f is above 0: the second of two labels.
    #[default]
    Own,
    /// Where it is below, told by the logit −f: the first of two labels.
    Opposite,
}

impl Side {
    /// The word for the class.
    pub fn word(self) -> &'static str {
        match self {
            Self::Own => "0",
            Self::Opposite => "not-0",
        }
    }

    /// The other class.
    pub fn other(self) -> Self {
        match self {
            Self::Own => Self::Opposite,
            Self::Opposite => Self::Own,
        }
    }
}

/// The names of a model's classes, if they are known.
#[derive(Clone, Debug, Default)]
pub struct Labels(Vec<String>);

impl Labels {
    /// The lines of a file; its last line may be empty.
    pub fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::new(FAILED, format!("cannot read the labels `{}`: {error}", path.display())))?;
        Ok(Self(text.lines().map(|line| line.trim().to_owned()).collect()))
    }

    /// All names, in the model's order; empty where none are known.
    pub fn all(&self) -> &[String] {
        &self.0
    }

    /// The name of a class.
    pub fn get(&self, class: usize) -> Option<&str> {
        self.0.get(class).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The name of a class of a network of one logit, where there are two labels, or one for the logit itself.
    pub fn of_side(&self, side: Side) -> Option<&str> {
        match (self.0.len(), side) {
            (2, Side::Own) => self.get(1),
            (2, Side::Opposite) | (_, Side::Own) => self.get(0),
            (_, Side::Opposite) => None,
        }
    }

    /// Whether there are two labels: a network of one logit decides between them.
    pub fn are_two(&self) -> bool {
        self.0.len() == 2
    }

    /// Whether a word means the opposite class of a network of one logit.
    pub fn is_opposite(&self, word: &str) -> bool {
        let named = self.of_side(Side::Opposite).is_some_and(|name| name.eq_ignore_ascii_case(word));
        named || word == Side::Opposite.word()
    }

    /// The class that a word names in a network of one logit: it is the only one, on the side that is looked at.
    pub fn find_side(&self, word: &str, side: Side) -> Result<usize, Failure> {
        let own = self.of_side(Side::Own).is_some_and(|name| name.eq_ignore_ascii_case(word));
        let meant = match word {
            _ if self.is_opposite(word) => Some(Side::Opposite),
            "0" => Some(Side::Own),
            _ if own => Some(Side::Own),
            _ => None,
        };
        match meant {
            Some(meant) if meant == side => Ok(0),
            Some(_) => Err(Failure::new(WRONG_INPUT, "both classes of one logit are named")
                .hint("W of `not-0` is that of `0` with the other sign: name one of them")),
            None => {
                let names = self.0.iter().map(|name| format!("`{name}`"));
                let words: Vec<String> = ["`0`".to_owned(), "`not-0`".to_owned()].into_iter().chain(names).collect();
                let message = format!("there is no class `{word}`: the model has one logit");
                Err(Failure::new(WRONG_INPUT, message)
                    .hint(format!("`0` is the logit, `not-0` its opposite; there is {}", words.join(", "))))
            }
        }
    }

    /// Refuses labels that are not as many as the logits: they belong to another model. One logit has two classes.
    pub fn check(&self, logits: usize) -> Result<(), Failure> {
        if self.0.is_empty() || self.0.len() == logits || logits == 1 && self.are_two() {
            return Ok(());
        }
        let message = format!("{} labels for a model with {logits} logits", self.0.len());
        Err(Failure::new(WRONG_INPUT, message).hint("--labels takes a file with one name a line, in the model's order"))
    }

    /// The class that a word names: an index, or a label (letter case does not matter).
    pub fn find(&self, word: &str, logits: usize) -> Result<usize, Failure> {
        if let Ok(index) = word.parse::<usize>() {
            if index < logits {
                return Ok(index);
            }
            let message = format!("there is no class {index}: the model has {logits} logits");
            return Err(Failure::new(WRONG_INPUT, message).hint(format!("classes are 0 to {}", logits.max(1) - 1)));
        }
        let named: Vec<usize> = (0..self.0.len()).filter(|&i| self.0[i].eq_ignore_ascii_case(word)).collect();
        match named.as_slice() {
            [class] => Ok(*class),
            [] if self.0.is_empty() => {
                let message = format!("there is no class `{word}`: the model's classes have no names");
                Err(Failure::new(WRONG_INPUT, message)
                    .hint("`--labels FILE` names them; `--class` also takes an index"))
            }
            [] => {
                let nearest = netfold::error::nearest(word, self.0.iter().map(String::as_str));
                let failure = Failure::new(WRONG_INPUT, format!("there is no class `{word}`"));
                Err(if nearest.is_empty() {
                    failure
                } else {
                    failure.hint(format!("there is {}", netfold::error::quoted(&nearest)))
                })
            }
            several => {
                let list = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let message = format!("`{word}` names {} classes: {list}", several.len());
                Err(Failure::new(WRONG_INPUT, message).hint("`--class` also takes an index"))
            }
        }
    }
}
