//! What the axes of a model's input mean.

use netfold_onnx::Dim;

use super::{InputError, Remedy};
use crate::value::Tensor;

/// How the axes are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LayoutChoice {
    /// As the declared shape suggests.
    #[default]
    Auto,
    /// Channels before height and width.
    Nchw,
    /// Channels after height and width.
    Nhwc,
}

/// Which axes of a model's input are height, width and channel, and how long they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputLayout {
    /// The declared sizes; the batch axis is 1, `None` takes the picture's size.
    sizes: Vec<Option<usize>>,
    height: usize,
    width: usize,
    channel: Option<usize>,
}

impl InputLayout {
    /// The layout of an input called `input` with these declared axes.
    ///
    /// | declared | read as |
    /// | --- | --- |
    /// | `[1, c, h, w]`, c in {1, 3} | batch, channel, height, width; wins where the next line fits too |
    /// | `[1, h, w, c]`, c in {1, 3} | batch, height, width, channel |
    /// | `[1, ?, h, w]` | batch, channel, height, width, with as many channels as the picture |
    /// | `[3, h, w]` | channel, height, width |
    /// | `[h, w, c]`, c in {1, 3}, h > 1 known | height, width, channel |
    /// | `[1, h, w]`, neither h nor w in {1, 3} | batch, height, width: gray |
    ///
    /// A batch axis may be symbolic. With a choice other than [`LayoutChoice::Auto`], three and four axes are read as it
    /// says.
    ///
    /// # Errors
    /// If the input does not take one picture of one or three channels.
    pub fn find(input: &str, declared: &[Dim], choice: LayoutChoice) -> Result<Self, InputError> {
        let refused = || InputError::NotForPictures { input: input.to_owned(), expected: words(declared) };
        let sizes: Vec<Option<usize>> = declared.iter().map(known).collect();
        let colour = |size: Option<usize>| matches!(size, Some(1 | 3));
        let batch = |size: Option<usize>| matches!(size, Some(1) | None);
        let picture = |sizes: &[Option<usize>]| match *sizes {
            [c, _, _] if colour(c) => true,
            [_, _, c] => colour(c),
            _ => false,
        };
        if let [Some(n @ 2..), one @ ..] = sizes.as_slice()
            && picture(one)
        {
            return Err(InputError::Batch { input: input.to_owned(), expected: words(declared), batch: *n });
        }
        // Axes of height, width and channel; where a batch axis stands it is the first.
        let (height, width, channel) = match (sizes.as_slice(), choice) {
            (&[n, c, _, _], LayoutChoice::Nchw) if batch(n) && (c.is_none() || colour(c)) => (2, 3, Some(1)),
            (&[n, _, _, c], LayoutChoice::Nhwc) if batch(n) && (c.is_none() || colour(c)) => (1, 2, Some(3)),
            (&[n, c, _, _], LayoutChoice::Auto) if batch(n) && colour(c) => (2, 3, Some(1)),
            (&[n, _, _, c], LayoutChoice::Auto) if batch(n) && colour(c) => (1, 2, Some(3)),
            (&[n, None, _, _], LayoutChoice::Auto) if batch(n) => (2, 3, Some(1)),
            (&[c, _, _], LayoutChoice::Nchw) if c.is_none() || colour(c) => (1, 2, Some(0)),
            (&[_, _, c], LayoutChoice::Nhwc) if c.is_none() || colour(c) => (0, 1, Some(2)),
            (&[Some(3), _, _], LayoutChoice::Auto) => (1, 2, Some(0)),
            (&[Some(2..), _, c], LayoutChoice::Auto) if colour(c) => (0, 1, Some(2)),
            (&[n, h, w], LayoutChoice::Auto) if batch(n) && !colour(h) && !colour(w) => (1, 2, None),
            _ => return Err(refused()),
        };
        let mut sizes = sizes;
        if height > 0 && channel != Some(0) {
            sizes[0] = Some(1);
        }
        if sizes.contains(&Some(0)) {
            return Err(refused());
        }
        Ok(Self { sizes, height, width, channel })
    }

    /// Height that the model takes; `None`: any.
    pub fn height(&self) -> Option<usize> {
        self.sizes[self.height]
    }

    /// Width that the model takes; `None`: any.
    pub fn width(&self) -> Option<usize> {
        self.sizes[self.width]
    }

    /// Channels that the model takes; `None`: any.
    pub fn channels(&self) -> Option<usize> {
        self.channel.map_or(Some(1), |axis| self.sizes[axis])
    }

    /// Axis of the height.
    pub fn height_axis(&self) -> usize {
        self.height
    }

    /// Axis of the width.
    pub fn width_axis(&self) -> usize {
        self.width
    }

    /// Axis of the channels; `None`: there is none, the picture is gray.
    pub fn channel_axis(&self) -> Option<usize> {
        self.channel
    }

    /// The input's shape for a picture of this size.
    pub fn shape(&self, height: usize, width: usize, channels: usize) -> Vec<usize> {
        let mut shape: Vec<usize> = self.sizes.iter().map(|size| size.unwrap_or(1)).collect();
        (shape[self.height], shape[self.width]) = (height, width);
        if let Some(axis) = self.channel {
            shape[axis] = channels;
        }
        shape
    }
}

/// The tensor in the shape that an input called `input` declares: the batch axis of one is added or taken away where
/// that is all that differs; symbolic axes take the tensor's size, the same symbol the same size.
///
/// # Errors
/// If the shape is another one, or the tensor is a batch of several inputs.
pub fn fit<E: Clone>(tensor: &Tensor<E>, input: &str, declared: &[Dim]) -> Result<Tensor<E>, InputError> {
    fitting(tensor.shape(), input, declared).map(|shape| tensor.reshaped(&shape))
}

/// The shape that [`fit`] gives a tensor.
pub(super) fn fitting(got: &[usize], input: &str, declared: &[Dim]) -> Result<Vec<usize>, InputError> {
    if let Some(shape) = with_batch(got, declared) {
        return Ok(shape);
    }
    let expected = words(declared);
    if let (Some(&Dim::Known(batch @ 2..)), true) = (declared.first(), declared.len() > 1) {
        let one: Vec<Dim> = std::iter::once(Dim::Known(1)).chain(declared[1..].iter().cloned()).collect();
        if with_batch(got, &one).is_some() {
            return Err(InputError::Batch { input: input.to_owned(), expected, batch });
        }
    }
    Err(InputError::Shape { input: input.to_owned(), expected, got: got.to_vec(), remedy: remedy(got, declared) })
}

/// The shape, an axis of one in front of it or without one, whichever fits.
fn with_batch(got: &[usize], declared: &[Dim]) -> Option<Vec<usize>> {
    let one = [1].iter().chain(got).copied().collect::<Vec<usize>>();
    let candidates = [got, one.as_slice(), got.strip_prefix(&[1]).unwrap_or(got)];
    candidates.into_iter().find(|shape| fits(shape, declared)).map(<[usize]>::to_vec)
}

/// What would make an array of this shape fit.
fn remedy(got: &[usize], declared: &[Dim]) -> Remedy {
    if let [n, rest @ ..] = got
        && *n > 1
        && with_batch(rest, declared).is_some()
    {
        return Remedy::OneOf(*n);
    }
    let moved = |from: usize, to: usize| {
        let mut shape = got.to_vec();
        let size = shape.remove(from);
        shape.insert(to, size);
        with_batch(&shape, declared).is_some()
    };
    let rank = got.len();
    if rank >= 3 && moved(rank - 1, rank - 3) {
        return Remedy::Reorder("np.moveaxis(array, -1, -3)");
    }
    if rank >= 3 && moved(rank - 3, rank - 1) {
        return Remedy::Reorder("np.moveaxis(array, -3, -1)");
    }
    if rank >= 2 && moved(rank - 1, rank - 2) {
        return Remedy::Reorder("np.swapaxes(array, -1, -2)");
    }
    let sizes: Option<Vec<usize>> = declared.iter().map(known).collect();
    match sizes {
        Some(sizes) if sizes.iter().product::<usize>() == got.iter().product::<usize>() => Remedy::Reshape,
        _ => Remedy::Other,
    }
}

fn fits(shape: &[usize], declared: &[Dim]) -> bool {
    let same_symbol = |axis: usize, name: &str| {
        declared
            .iter()
            .zip(shape)
            .all(|(dim, &size)| !matches!(dim, Dim::Symbol(other) if other == name) || size == shape[axis])
    };
    // A symbolic first axis in front of others is the batch.
    let single = |axis: usize| axis > 0 || shape.len() == 1 || shape[0] == 1;
    shape.len() == declared.len()
        && declared.iter().enumerate().all(|(axis, dim)| match dim {
            Dim::Known(size) => shape[axis] == *size,
            Dim::Symbol(name) => single(axis) && same_symbol(axis, name),
            Dim::Unknown => single(axis),
        })
}

fn known(dim: &Dim) -> Option<usize> {
    if let Dim::Known(size) = dim { Some(*size) } else { None }
}

/// A declared shape in words: `[batch, 3, 224, ?]`.
fn words(declared: &[Dim]) -> String {
    let word = |dim: &Dim| match dim {
        Dim::Known(size) => size.to_string(),
        Dim::Symbol(name) => name.clone(),
        Dim::Unknown => "?".to_owned(),
    };
    format!("[{}]", declared.iter().map(word).collect::<Vec<_>>().join(", "))
}
