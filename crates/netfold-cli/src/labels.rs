//! Names of classes.

use std::path::Path;

use crate::failure::{FAILED, Failure, WRONG_INPUT};

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

    /// Refuses labels that are fewer than the logits: they belong to another model.
    pub fn check(&self, logits: usize) -> Result<(), Failure> {
        if self.0.is_empty() || self.0.len() == logits {
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
