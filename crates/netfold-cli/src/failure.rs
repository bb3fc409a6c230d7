//! Why the program stops, as people read it, and its exit code.

use std::error::Error as StdError;
use std::process::ExitCode;

use netfold::error::OnnxError;
use netfold::input::InputError;
use netfold_render::RenderError;

/// Files, memory, input and output.
pub const FAILED: u8 = 1;
/// Wrong usage, or an input that cannot be used.
pub const WRONG_INPUT: u8 = 2;
/// The one-layer model differs by more than the tolerance.
pub const NOT_EQUIVALENT: u8 = 3;
/// The model has nodes that are not supported, or inputs without a value.
pub const NOT_SUPPORTED: u8 = 4;

/// An error on its way to standard error.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    message: String,
    /// What the message is about, one a line.
    list: Vec<String>,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// A failure with these words.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self::lines(code, vec![message.into()])
    }

    /// A failure with the words of the first line; the others are what caused it.
    pub fn lines(code: u8, mut lines: Vec<String>) -> Self {
        let message = if lines.is_empty() { String::new() } else { lines.remove(0) };
        Self { code, message, list: Vec::new(), causes: lines, hint: None }
    }

    /// With what helps.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what the message is about, one a line.
    #[must_use]
    pub fn about(mut self, list: Vec<String>) -> Self {
        self.list = list;
        self
    }

    /// A failure made of an error and what caused it.
    pub fn of(code: u8, error: &dyn StdError) -> Self {
        let causes = std::iter::successors(error.source(), |&cause| cause.source());
        let mut lines = vec![error.to_string()];
        for cause in causes.map(ToString::to_string) {
            // A message that already ends in its cause is not repeated.
            if !lines.iter().any(|line| line.ends_with(&cause)) {
                lines.push(cause);
            }
        }
        Self::lines(code, lines)
    }

    /// Prints the failure to standard error and gives the exit code.
    pub fn report(&self) -> ExitCode {
        eprintln!("error: {}", self.message);
        self.list.iter().for_each(|one| eprintln!("    {one}"));
        self.causes.iter().for_each(|cause| eprintln!("  cause: {cause}"));
        if let Some(hint) = &self.hint {
            eprintln!("hint: {hint}");
        }
        ExitCode::from(self.code)
    }
}

/// Prints what a reader of the result has to know to standard error.
pub fn warn(message: &str, hint: Option<&str>) {
    eprintln!("warning: {message}");
    if let Some(hint) = hint {
        eprintln!("hint: {hint}");
    }
}

impl From<netfold::Error> for Failure {
    fn from(error: netfold::Error) -> Self {
        let error = match error {
            netfold::Error::Input(error) => return (*error).into(),
            error => error,
        };
        let code = match &error {
            netfold::Error::Unsupported { .. } | netfold::Error::MissingInputs { .. } => NOT_SUPPORTED,
            netfold::Error::Write { .. } | netfold::Error::Memory { .. } => FAILED,
            netfold::Error::Onnx(OnnxError::File { source, .. }) if matches!(**source, OnnxError::Io(_)) => FAILED,
            _ => WRONG_INPUT,
        };
        let mut failure = Self::of(code, &error);
        failure.hint = error.hint();
        let mut lines = error.lines();
        if lines.len() > 1 {
            failure.message = lines.remove(0);
            failure.list = lines;
        }
        failure
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        let code = if is_io(&error) { FAILED } else { WRONG_INPUT };
        let mut failure = Self::of(code, &error);
        failure.hint = error.hint();
        failure
    }
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        Self::of(FAILED, &error)
    }
}

/// Whether the system refused to read something, rather than its content being wrong.
fn is_io(error: &(dyn StdError + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .any(|error| error.downcast_ref::<std::io::Error>().is_some_and(|error| error.raw_os_error().is_some()))
}
