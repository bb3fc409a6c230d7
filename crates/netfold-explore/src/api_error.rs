//! What went wrong, as the page shows it.

use std::error::Error as StdError;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use netfold::input::InputError;
use netfold_render::RenderError;
use serde_json::json;

/// A message, its causes, and what helps.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// How the answer is marked.
    pub status: StatusCode,
    /// What happened and why, one line each.
    pub lines: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl ApiError {
    /// A problem in one line.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, lines: vec![message.into()], hint: None }
    }

    /// What was asked for is not there.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// With what helps.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The answer to a request whose job was stopped; nobody waits for it any more.
    pub fn stopped() -> Self {
        Self::new(StatusCode::CONFLICT, "stopped")
    }

    /// The same without the folder that an upload lies in: people know their file by its name alone.
    #[must_use]
    pub fn without(mut self, folder: &std::path::Path) -> Self {
        let prefix = format!("{}{}", folder.display(), std::path::MAIN_SEPARATOR);
        self.lines.iter_mut().for_each(|line| *line = line.replace(&prefix, ""));
        self
    }

    fn of(error: &dyn StdError, hint: Option<String>) -> Self {
        let mut lines = vec![error.to_string()];
        for cause in std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string) {
            // A message that already ends in its cause is not repeated.
            if !lines.iter().any(|line| line.ends_with(&cause)) {
                lines.push(cause);
            }
        }
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, lines, hint }
    }
}

impl From<netfold::Error> for ApiError {
    fn from(error: netfold::Error) -> Self {
        if matches!(error, netfold::Error::Stopped) {
            return Self::stopped();
        }
        Self::of(&error, error.hint())
    }
}

impl From<InputError> for ApiError {
    fn from(error: InputError) -> Self {
        Self::of(&error, error.hint())
    }
}

impl From<RenderError> for ApiError {
    fn from(error: RenderError) -> Self {
        Self::of(&error, None)
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, ..Self::of(&error, None) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "lines": self.lines, "hint": self.hint }))).into_response()
    }
}
