//! From the words of the command line to a frozen network: what every command that runs one begins with.

use std::path::Path;
use std::time::Instant;

use netfold::certificate::{FileStamp, Seconds};
use netfold::graph::TensorId;
use netfold::input::{InputLayout, LayoutChoice, Picture, PixelMap, Preprocess, fit, is_npy, read_npy};
use netfold::reconstruct::{Request, Row};
use netfold::trace::NonFinite;
use netfold::{Circuit, Head, Model, Precision, Reconstruction, Rules, Tensor};
use netfold_linear::Real;

use crate::args::{Common, LayoutWord};
use crate::failure::{FAILED, Failure};
use crate::labels::Labels;

/// A model that was read, and how its inputs are.
pub struct Session<'a> {
    /// The words.
    pub words: &'a Common,
    /// The network.
    pub model: Model,
    /// Its end.
    pub head: Head,
    /// Where the one-layer model begins: the model's input, or an inner tensor.
    pub from: TensorId,
    /// Names of its classes.
    pub labels: Labels,
    /// Seconds that reading took.
    pub load: f64,
    /// Name and hash of its file.
    pub stamp: FileStamp,
    start: Instant,
}

/// One input on its way through the network.
pub struct Frozen<T> {
    /// What the one-layer model takes: the model's input, or the inner tensor that it begins with.
    pub x: Tensor<T>,
    /// f(x).
    pub logits: Tensor<T>,
    /// The frozen network.
    pub circuit: Circuit<T>,
    /// The picture that x was made of, and how; `None` for an array.
    pub picture: Option<Pictured<T>>,
    /// Seconds so far.
    pub seconds: Seconds,
    /// Name and hash of the input's file.
    pub stamp: FileStamp,
}

/// A picture and the maps from its pixels.
pub struct Pictured<T> {
    /// To the model's input.
    pub map: PixelMap<T>,
    /// The picture in the model's size: what the model sees, before scaling.
    pub seen: Picture,
}

impl<'a> Session<'a> {
    /// Reads the model and the labels; nothing is computed yet.
    pub fn open(path: &Path, words: &'a Common) -> Result<Self, Failure> {
        let start = Instant::now();
        let model = Model::read(path)?;
        let head = match &words.at {
            Some(name) => Head::at(model.tensor(name)?),
            None => model.head(words.output.as_deref(), words.keep_softmax)?,
        };
        let from = match &words.from {
            Some(name) => model.tensor(name)?,
            None => model.input()?,
        };
        let unsupported = model.unsupported(head.logits);
        if !unsupported.is_empty() {
            return Err(netfold::Error::Unsupported(unsupported).into());
        }
        let labels = Labels::read(words.labels.as_deref())?;
        let stamp = stamp(path)?;
        Ok(Self { words, model, head, from, labels, load: start.elapsed().as_secs_f64(), stamp, start })
    }

    /// Reads one input and freezes the network there.
    pub fn freeze<T: Precision>(&self, path: &Path) -> Result<Frozen<T>, Failure> {
        let (x, picture) = self.input::<T>(path)?;
        let non_finite = if self.words.allow_non_finite { NonFinite::Allow } else { NonFinite::Refuse };
        let began = Instant::now();
        let trace = self.model.trace(&x, self.head.logits, non_finite)?;
        let traced = began.elapsed();
        let by_node = self.words.freeze_node.iter().map(|(node, rule)| (node.clone(), (*rule).into())).collect();
        let rules = Rules { default: self.words.freeze.into(), by_node };
        let circuit = trace.freeze_between(self.from, self.head.logits, &rules)?;
        let frozen = began.elapsed().saturating_sub(traced);
        let logits = trace.logits()?.clone();
        if self.words.at.is_none() {
            self.labels.check(logits.len())?;
        }
        let (x, picture) =
            if self.words.from.is_some() { (trace.real(self.from)?.clone(), None) } else { (x, picture) };
        let seconds = Seconds {
            load: self.load,
            trace: traced.as_secs_f64(),
            freeze: frozen.as_secs_f64(),
            ..Seconds::default()
        };
        Ok(Frozen { x, logits, circuit, picture, seconds, stamp: stamp(path)? })
    }

    /// Seconds since the session began.
    pub fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The largest difference that counts as equal.
    pub fn tolerance<T: Precision>(&self) -> f64 {
        self.words.tolerance.unwrap_or(if T::NAME == "f32" { 1e-4 } else { 1e-10 })
    }

    /// A class as people read it: its index and, where known, its name.
    pub fn class(&self, class: usize) -> String {
        self.label(class).map_or_else(|| class.to_string(), |name| format!("{class} {name}"))
    }

    /// The name of a class, where it is known.
    pub fn label(&self, class: usize) -> Option<&str> {
        if self.words.at.is_some() { None } else { self.labels.get(class) }
    }

    /// Another input as the tensor that the model takes.
    pub fn tensor<T: Precision>(&self, path: &Path) -> Result<Tensor<T>, Failure> {
        Ok(self.input::<T>(path)?.0)
    }

    fn input<T: Precision>(&self, path: &Path) -> Result<(Tensor<T>, Option<Pictured<T>>), Failure> {
        let id = self.model.input()?;
        let info = &self.model.tensors[id.0];
        let declared = info.shape.clone().unwrap_or_default();
        if is_npy(path)? {
            let tensor = read_npy::<T>(path)?;
            let fitted = if info.shape.is_some() { fit(&tensor, &info.name, &declared)? } else { tensor };
            return Ok((fitted, None));
        }
        let choice = match self.words.layout {
            LayoutWord::Auto => LayoutChoice::Auto,
            LayoutWord::Nchw => LayoutChoice::Nchw,
            LayoutWord::Nhwc => LayoutChoice::Nhwc,
        };
        let layout = InputLayout::find(&info.name, &declared, choice)?;
        let preprocess = Preprocess::parse(&self.words.preprocess)?;
        let picture = Picture::read(path)?;
        let map = preprocess.pixel_map::<T>(&picture, &layout)?;
        let x = map.apply(&picture);
        let seen = seen(&preprocess, &picture, &layout)?;
        Ok((x, Some(Pictured { map, seen })))
    }

    /// The order of the input's axes, for arranging rows of W as pictures.
    pub fn channels_last(&self, shape: &[usize]) -> bool {
        match self.words.layout {
            LayoutWord::Nchw => false,
            LayoutWord::Nhwc => true,
            LayoutWord::Auto => {
                let few = |axis: usize| shape.len() == 4 && matches!(shape[axis], 1 | 3);
                few(3) && !few(1)
            }
        }
    }
}

impl<T: Precision> Frozen<T> {
    /// Computes rows and times it.
    pub fn reconstruct(
        &mut self,
        request: &Request,
        progress: &mut dyn FnMut(usize, usize),
        each: &mut dyn FnMut(&Row<'_, T>) -> Result<(), Failure>,
    ) -> Result<Reconstruction<T>, Failure> {
        let began = Instant::now();
        let result = self.circuit.reconstruct(&self.x, &self.logits, request, progress, each)?;
        self.seconds.reconstruct = began.elapsed().as_secs_f64();
        Ok(result)
    }
}

/// The picture resized and cropped as the model sees it, its colours in the picture's own order and scale.
fn seen(preprocess: &Preprocess, picture: &Picture, layout: &InputLayout) -> Result<Picture, Failure> {
    let plain = Preprocess {
        rescale: 1.0,
        mean: vec![0.0],
        std: vec![1.0],
        order: netfold::input::ChannelOrder::Rgb,
        ..preprocess.clone()
    };
    let map = plain.pixel_map::<f32>(picture, layout)?;
    let tensor = map.apply(picture);
    let shape = tensor.shape();
    let (height, width) = (shape[layout.height_axis()], shape[layout.width_axis()]);
    let channels = layout.channel_axis().map_or(1, |axis| shape[axis]);
    let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    let mut pixels = Vec::with_capacity(tensor.len());
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                let at = y * stride(layout.height_axis())
                    + x * stride(layout.width_axis())
                    + layout.channel_axis().map_or(0, |axis| c * stride(axis));
                pixels.push(tensor.data()[at].wide().round().clamp(0.0, 255.0) as u8);
            }
        }
    }
    Ok(Picture { width, height, channels, pixels })
}

fn stamp(path: &Path) -> Result<FileStamp, Failure> {
    FileStamp::of(path).map_err(|error| Failure::new(FAILED, format!("cannot read `{}`: {error}", path.display())))
}
