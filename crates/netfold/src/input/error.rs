//! What can be wrong with an input.

use std::fmt;
use std::io;
use std::path::PathBuf;

use netfold_onnx::DType;

/// Why an input could not be read, or does not fit the model.
///
/// The message says what and where, [`std::error::Error::source`] leads to the cause, [`InputError::hint`] says what to
/// do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The operating system refused.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The content is of no format that is read.
    #[error("`{}` is not a picture: its content is none of PNG, JPEG, WebP, TIFF, BMP and GIF", path.display())]
    NotPicture {
        /// The file.
        path: PathBuf,
    },
    /// The file begins like a picture and cannot be decoded.
    #[error("cannot decode the picture `{}`", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: image::ImageError,
    },
    /// More pixels than are taken.
    #[error("{what} has {width} x {height} pixels; at most {most} are taken")]
    TooLarge {
        /// The picture: its file in backticks, or `the resized picture`.
        what: String,
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
        /// The most pixels that are taken.
        most: usize,
    },
    /// The picture's values are neither of 8 nor of 16 bits.
    #[error("`{}` holds pixels of type {got}; pictures of 8 and 16 bits a value are read", path.display())]
    PixelType {
        /// The file.
        path: PathBuf,
        /// Their type, as the decoder calls it.
        got: String,
    },
    /// A picture of a size that its file cannot fill.
    #[error("`{}` says that it has {width} x {height} pixels, and its file has {bytes} bytes", path.display())]
    Hollow {
        /// The file.
        path: PathBuf,
        /// The width that it claims.
        width: usize,
        /// The height that it claims.
        height: usize,
        /// The size of the file.
        bytes: u64,
    },
    /// The array file is damaged, or is none.
    #[error("cannot read the array `{}`: {reason}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The array holds elements that are no real numbers.
    #[error("cannot read the array `{}`: its elements are {got}", path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// Their type as the file names it.
        got: String,
    },
    /// The tensor does not have the shape that the model declares.
    #[error("input `{input}` takes shape {expected}, got {got:?}")]
    Shape {
        /// The model's input.
        input: String,
        /// The shape it declares, symbols by name.
        expected: String,
        /// The tensor's shape.
        got: Vec<usize>,
        /// What would make it fit.
        remedy: Remedy,
    },
    /// The model's batch axis is fixed, and so is what it takes: several inputs at once.
    #[error("input `{input}` takes shape {expected}: a batch of {batch} inputs, of which one is explained at a time")]
    Batch {
        /// The model's input.
        input: String,
        /// The shape it declares, symbols by name.
        expected: String,
        /// The size of its first axis.
        batch: usize,
    },
    /// A number that the input's element type cannot hold.
    #[error("input `{input}` takes {dtype}: element {position:?} is {value}, {why}")]
    Element {
        /// The model's input.
        input: String,
        /// Its element type.
        dtype: DType,
        /// Its first such element, one index for each axis.
        position: Vec<usize>,
        /// The number.
        value: String,
        /// `no whole number`, or which range it lies outside of.
        why: String,
    },
    /// An integer that the precision of the computation cannot hold.
    #[error("element {position:?} of input `{input}` is {value}, which is no number of this precision")]
    Inexact {
        /// The model's input.
        input: String,
        /// Its first such element, one index for each axis.
        position: Vec<usize>,
        /// The integer.
        value: i64,
    },
    /// The input takes texts.
    #[error("input `{input}` takes strings, which nothing can be computed from")]
    Strings {
        /// The model's input.
        input: String,
    },
    /// A number that nothing can be computed from.
    #[error("element {position:?} of {what} is {value}, one of {count} that are not finite")]
    NonFinite {
        /// The tensor: its file in backticks, or a name.
        what: String,
        /// Its first such element, one index for each axis.
        position: Vec<usize>,
        /// `NaN`, `inf` or `-inf`.
        value: String,
        /// How many such elements there are.
        count: usize,
    },
    /// The model's input is not one picture.
    #[error("input `{input}` takes shape {expected}, which is not a picture")]
    NotForPictures {
        /// The model's input.
        input: String,
        /// The shape it declares, symbols by name.
        expected: String,
    },
    /// No preprocessing has this name.
    #[error("there is no preprocessing called `{word}`")]
    UnknownPreprocess {
        /// What was asked for.
        word: String,
        /// Those that have a name.
        presets: &'static [&'static str],
    },
    /// A preprocessing file cannot be followed.
    #[error("cannot use the preprocessing in `{file}`: {reason}")]
    Config {
        /// The file.
        file: String,
        /// What is wrong or not supported.
        reason: String,
    },
    /// The preprocessing names another number of channels than the model takes.
    #[error("the preprocessing has {values} values for `{what}`, the model's input has {channels} channel(s)")]
    Channels {
        /// `mean` or `std`.
        what: &'static str,
        /// How many values there are.
        values: usize,
        /// How many channels the model takes.
        channels: usize,
    },
    /// A deviation of zero, or a scale that is not finite.
    #[error("the preprocessing divides by {0}")]
    Deviation(f64),
    /// The preprocessing gives another size than the model takes.
    #[error("the preprocessing makes a picture of {got}, the model takes {expected} (height x width)")]
    Size {
        /// The size that it makes.
        got: String,
        /// The size that the model takes.
        expected: String,
    },
}

/// What makes an array fit that has another shape than the model declares.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Its axes are in another order; what numpy calls to put them right.
    Reorder(&'static str),
    /// It holds this many inputs.
    OneOf(usize),
    /// It has as many elements as the shape.
    Reshape,
    /// Nothing simple.
    Other,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reorder(call) => write!(f, "the array's axes stand in another order: `{call}` puts them right"),
            Self::OneOf(n) => {
                write!(
                    f,
                    "the array holds {n} inputs, and one is explained at a time: give each alone, such as array[0]"
                )
            }
            Self::Reshape => f.write_str("the batch axis may be left out; reshape the array to this shape"),
            Self::Other => f.write_str("give an array of this shape; its batch axis may be left out"),
        }
    }
}

impl InputError {
    /// What helps, where there is something that does.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotPicture { .. } => {
                "give a picture, or a .npy file that holds the tensor that the model takes".into()
            }
            Self::Decode { source: image::ImageError::Unsupported(_), .. } | Self::PixelType { .. } => {
                "save it with 8 or 16 bits a value, or give its numbers as a .npy file".into()
            }
            Self::Decode { .. } => "the file may be cut or damaged: open it elsewhere and save it again".into(),
            Self::Hollow { .. } => "a picture of one colour, or a damaged one: make it smaller first".into(),
            Self::TooLarge { .. } => "make the picture smaller first".into(),
            Self::Npy { .. } => "write it with numpy.save, one array without pickled objects".into(),
            Self::Dtype { .. } => {
                "float16, float32, float64, bool and all integers are read: convert with array.astype('float32')".into()
            }
            Self::Shape { remedy, .. } => remedy.to_string(),
            Self::Batch { .. } => "export the model with a batch of 1, or with a symbolic one".into(),
            Self::Element { dtype: DType::Bool, .. } => "give an array of truth values".into(),
            Self::Element { .. } => {
                "give whole numbers, as the network takes them: of a picture `--preprocess raw` makes its pixel values"
                    .into()
            }
            Self::Inexact { .. } => "`--precision f64` holds integers up to 9,007,199,254,740,992".into(),
            Self::NonFinite { .. } => "correct the array, or go on with --allow-non-finite".into(),
            Self::NotForPictures { expected, .. } => {
                format!("give a .npy file that holds a tensor of shape {expected}")
            }
            Self::UnknownPreprocess { presets, .. } => {
                format!("there are {}, and files that end in .json", presets.join(", "))
            }
            Self::Channels { .. } => "give one value, or one for each channel".into(),
            Self::Size { .. } => {
                "the presets make the size that the model takes; or change `size` and `crop_size`".into()
            }
            Self::Strings { .. } | Self::Read { .. } | Self::Config { .. } | Self::Deviation(_) => return None,
        })
    }
}
