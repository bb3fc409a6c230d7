//! Files: the arrays and the one-layer model, written as the rows come.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use netfold_linear::{Probes, Support};
use netfold_onnx::{Attribute, DType, GraphDef, ModelDef, NodeDef, OnnxError, StreamedModel, ValueInfo};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::error::Error;
use crate::input::PixelMap;
use crate::npy;
use crate::ops::Precision;
use crate::output::folder::{self, Folder, StagedFile};
use crate::reconstruction::{Reconstruction, RowRef};
use crate::value::{Tensor, without_batch};

/// What the one-layer model takes.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// Its name: that of the network's input.
    pub name: &'a str,
    /// Its element type, as the network declares it; `None`: the precision of the computation.
    pub dtype: Option<DType>,
    /// Its shape, as it was traced.
    pub shape: &'a [usize],
}

/// `reconstruction.npz` and `reconstructed.onnx` while rows are still coming.
///
/// Rows are not held: memory does not grow with their number.
#[derive(Debug)]
pub struct Store<'a, T> {
    folder: &'a mut Folder,
    /// Dropped before `npz`: an archive that is given up is not completed.
    given_up: GivenUp,
    npz: ZipWriter<Archive>,
    onnx: StreamedModel<StagedFile>,
    pixels: Option<Pixels<T>>,
    /// Each row's shares of b, one after the other.
    shares: Vec<T>,
    bytes: Vec<u8>,
}

/// The same rows over the pixels of the picture.
#[derive(Debug)]
struct Pixels<T> {
    map: PixelMap<T>,
    rows: BufWriter<File>,
    bias: Vec<T>,
}

/// Whether an archive was given up; set when it is dropped.
#[derive(Debug, Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The archive's file. Once it is given up, what is still written goes nowhere: a full disk, say, is reported once, by
/// the call that met it.
#[derive(Debug)]
struct Archive {
    file: StagedFile,
    given_up: Arc<AtomicBool>,
    position: u64,
    end: u64,
}

impl Write for Archive {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = if self.given_up.load(Ordering::Relaxed) { bytes.len() } else { self.file.write(bytes)? };
        self.position += written as u64;
        self.end = self.end.max(self.position);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.given_up.load(Ordering::Relaxed) { Ok(()) } else { self.file.flush() }
    }
}

impl Seek for Archive {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if !self.given_up.load(Ordering::Relaxed) {
            self.position = self.file.seek(to)?;
            return Ok(self.position);
        }
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Names of the two files.
const NPZ: &str = "reconstruction.npz";
const ONNX: &str = "reconstructed.onnx";

impl<'a, T: Precision> Store<'a, T> {
    /// Opens both files in `folder`.
    ///
    /// So many `classes` will get a row.
    ///
    /// # Errors
    /// If a file cannot be written, or the one-layer model would be larger than ONNX files can be.
    pub fn begin(folder: &'a mut Folder, input: Taken<'_>, classes: usize) -> Result<Self, Error> {
        let one_layer = one_layer(input, dtype::<T>(), classes);
        let len = input.shape.iter().product();
        let tensors: [(&str, &[usize]); 2] = [("W", &[classes, len]), ("b", &[classes])];
        let onnx = StreamedModel::begin(&one_layer, dtype::<T>(), &tensors, folder.file(ONNX)?);
        let onnx = onnx.map_err(|error| onnx_error(folder, error))?;
        let given_up = GivenUp::default();
        let archive = Archive { file: folder.file(NPZ)?, given_up: Arc::clone(&given_up.0), position: 0, end: 0 };
        let mut npz = ZipWriter::new(archive);
        let shape: Vec<usize> = std::iter::once(classes).chain(without_batch(input.shape)).collect();
        begin_array(&mut npz, "weights", code::<T>(), &shape).map_err(|source| folder.failed(NPZ, source))?;
        Ok(Self { folder, given_up, npz, onnx, pixels: None, shares: Vec::new(), bytes: Vec::new() })
    }

    /// With the rows over the pixels of the picture that x was made of by this map, too.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn with_pixels(mut self, map: PixelMap<T>) -> Result<Self, Error> {
        let rows = BufWriter::new(self.folder.scratch()?);
        self.pixels = Some(Pixels { map, rows, bias: Vec::new() });
        Ok(self)
    }

    /// Appends one row of W.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn row(&mut self, row: &RowRef<'_, T>) -> Result<(), Error> {
        self.shares.extend_from_slice(row.bias_by_stage);
        self.bytes.clear();
        row.weights.iter().for_each(|&value| value.put_le(&mut self.bytes));
        self.npz.write_all(&self.bytes).map_err(|source| self.folder.failed(NPZ, source))?;
        self.onnx.write(&self.bytes).map_err(|error| onnx_error(self.folder, error))?;
        if let Some(pixels) = &mut self.pixels {
            let probe = Probes::new(Support::full(pixels.map.map.codomain()), 1, row.weights.to_vec());
            pixels.bias.extend(pixels.map.bias_of(&probe, &[row.bias]));
            self.bytes.clear();
            pixels.map.pull(probe).values().iter().for_each(|&value| value.put_le(&mut self.bytes));
            pixels.rows.write_all(&self.bytes).map_err(|source| self.folder.failed(NPZ, source))?;
        }
        Ok(())
    }

    /// Writes what is left of both files.
    ///
    /// # Errors
    /// If a file cannot be written, or fewer rows came than the reconstruction has.
    pub fn finish(mut self, result: &Reconstruction<T>, x: &Tensor<T>) -> Result<(), Error> {
        self.rest(result, x).map_err(|source| self.folder.failed(NPZ, source))?;
        self.bytes.clear();
        result.bias.iter().for_each(|&value| value.put_le(&mut self.bytes));
        self.onnx.write(&self.bytes).map_err(|error| onnx_error(self.folder, error))?;
        let Self { folder, npz, onnx, given_up, .. } = self;
        let written = npz.finish().map_err(io::Error::from).and_then(|mut npz| npz.file.flush());
        drop(given_up);
        written.map_err(|source| folder.failed(NPZ, source))?;
        onnx.finish().map(drop).map_err(|error| onnx_error(folder, error))
    }

    fn rest(&mut self, result: &Reconstruction<T>, x: &Tensor<T>) -> io::Result<()> {
        let classes = result.classes.len();
        let npz = &mut self.npz;
        let mut reals = |npz: &mut ZipWriter<_>, name: &str, shape: &[usize], values: &[T]| {
            begin_array(npz, name, code::<T>(), shape)?;
            self.bytes.clear();
            values.iter().for_each(|&value| value.put_le(&mut self.bytes));
            npz.write_all(&self.bytes)
        };
        let logits: Vec<T> = result.classes.iter().map(|&class| result.logits[class]).collect();
        reals(npz, "bias", &[classes], &result.bias)?;
        reals(npz, "logits", &[classes], &logits)?;
        reals(npz, "reconstructed", &[classes], &result.reconstructed)?;
        reals(npz, "input", x.shape(), x.data())?;
        if !self.shares.is_empty() {
            reals(npz, "bias_by_node", &[classes, self.shares.len() / classes.max(1)], &self.shares)?;
        }
        if let Some(pixels) = self.pixels.take() {
            reals(npz, "pixel_bias", &[classes], &pixels.bias)?;
            let shape: Vec<usize> = std::iter::once(classes).chain(pixels.map.map.domain().iter().copied()).collect();
            begin_array(npz, "pixel_weights", code::<T>(), &shape)?;
            let mut rows = pixels.rows.into_inner().map_err(io::IntoInnerError::into_error)?;
            rows.rewind()?;
            io::copy(&mut rows, npz)?;
        }
        begin_array(npz, "classes", "<i8", &[classes])?;
        result.classes.iter().try_for_each(|&class| npz.write_all(&(class as i64).to_le_bytes()))
    }
}

/// Writes an array of double precision as `.npy`.
///
/// # Errors
/// If it cannot be written.
pub fn write_array(path: &Path, shape: &[usize], values: &[f64]) -> Result<(), Error> {
    folder::write(path, &npy::doubles(shape, values.iter().copied()))
}

/// A fresh array in the archive; its numbers follow.
fn begin_array<W: Write + Seek>(npz: &mut ZipWriter<W>, name: &str, code: &str, shape: &[usize]) -> io::Result<()> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    npz.start_file(format!("{name}.npy"), options)?;
    npz.write_all(&npy::header(code, shape))
}

/// numpy's name for little-endian numbers of this precision.
fn code<T: Precision>() -> &'static str {
    if T::NAME == "f32" { "<f4" } else { "<f8" }
}

/// The element type of a precision.
pub(crate) fn dtype<T: Precision>() -> DType {
    if T::NAME == "f32" { DType::F32 } else { DType::F64 }
}

fn onnx_error(folder: &Folder, error: OnnxError) -> Error {
    match error {
        OnnxError::Io(source) => folder.failed(ONNX, source),
        error => error.into(),
    }
}

/// `logits = Gemm(Flatten(Cast(input)), W, b)`, without W and b. There is no Cast where the input has their type.
pub(crate) fn one_layer(input: Taken<'_>, dtype: DType, classes: usize) -> ModelDef {
    let Taken { name, shape, .. } = input;
    let taken = input.dtype.unwrap_or(dtype);
    // The input's name is the model's own, and may be any.
    let (flat, cast) = (format!("{name} flattened"), format!("{name} as numbers"));
    let mut graph = GraphDef::new("one-layer model")
        .with_input(ValueInfo::new(name, taken, shape.iter().copied()))
        .with_output(ValueInfo::new("logits", dtype, [1, classes]));
    let mut numbers = name;
    if taken != dtype {
        let to = Attribute::Int(i64::from(dtype.code()));
        graph = graph.with_node(NodeDef::new("Cast", [name], [cast.as_str()]).with("to", to).named("cast"));
        numbers = &cast;
    }
    let graph = graph
        .with_node(NodeDef::new("Flatten", [numbers], [flat.as_str()]).with("axis", Attribute::Int(0)).named("flatten"))
        .with_node(
            NodeDef::new("Gemm", [flat.as_str(), "W", "b"], ["logits"])
                .with("transB", Attribute::Int(1))
                .named("W x + b"),
        );
    ModelDef::new(graph)
}
