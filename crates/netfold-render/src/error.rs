//! What can go wrong between an array and a page.

/// Why a sheet could not be arranged, or a file could not be written.
///
/// The message says what was being done and to which file; the cause follows as [`std::error::Error::source`].
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The number of values is not the number of places in the layout.
    #[error("cannot arrange {got} values as {layout}: {expected} expected")]
    Length {
        /// The layout in words, such as `a picture of 28 x 28 with 1 channel`.
        layout: String,
        /// How many values the layout has room for.
        expected: String,
        /// How many values came.
        got: usize,
    },
    /// The layout has an extent of zero: there is nothing to show.
    #[error("cannot arrange values as {layout}: an extent is zero")]
    Empty {
        /// The layout in words.
        layout: String,
    },
    /// A file could not be written; nothing is left under its name that was not there before.
    #[error(transparent)]
    Write(#[from] netfold::Error),
    /// The picture could not be turned into PNG bytes.
    #[error("cannot encode a picture of {width} x {height} as PNG")]
    Encode {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// What the encoder says.
        source: image::ImageError,
    },
    /// The page template could not be filled.
    #[error("cannot fill the report page")]
    Page(#[source] askama::Error),
}
