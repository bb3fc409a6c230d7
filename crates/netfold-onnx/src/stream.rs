//! Writing a model with tensors that are never in memory as a whole.

use crate::{
    DType, ModelDef, OnnxError, TensorProblem,
    encode::proto,
    error::MAX_BYTES,
    generated::{GraphProto, ModelProto, TensorProto},
    tensor::element_count,
};
use prost::{Message, length_delimiter_len};
use std::io::Write;

// How the fields begin that end with the elements: field number, then wire type 2 (length-delimited).
const GRAPH: u8 = 7 << 3 | 2;
const INITIALIZER: u8 = 5 << 3 | 2;
const RAW_DATA: u8 = 9 << 3 | 2;

/// A model on its way into a file, some of whose initializers are given block by block, one after the other.
///
/// The fields of a protobuf message may come in any order. Here the graph is the last one of the model, the streamed
/// tensors the last of the graph and the elements the last of their tensor: all lengths are known at the beginning.
///
/// ```
/// use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, StreamedModel, ValueInfo, decode};
///
/// let graph = GraphDef::new("one layer")
///     .with_input(ValueInfo::new("x", DType::F32, [1, 2]))
///     .with_node(NodeDef::new("MatMul", ["x", "w"], ["y"]))
///     .with_output(ValueInfo::new("y", DType::F32, [1, 3]));
/// let mut out = StreamedModel::begin(&ModelDef::new(graph), DType::F32, &[("w", &[2, 3])], Vec::new())?;
/// for row in [[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]] {
///     out.write(&row.map(f32::to_le_bytes).concat())?;
/// }
/// let model = decode(out.finish()?, None)?;
/// assert_eq!(model.graph.initializers[0].1.shape, [2, 3]);
/// # Ok::<(), netfold_onnx::OnnxError>(())
/// ```
#[derive(Debug)]
pub struct StreamedModel<W> {
    out: W,
    /// The tensors that are still to come, the next one last.
    coming: Vec<Streamed>,
    tensor: Streamed,
    got: u64,
}

/// One tensor on its way.
#[derive(Debug, Default)]
struct Streamed {
    name: String,
    /// Bytes of its elements.
    expected: u64,
    /// What precedes them in the file.
    head: Vec<u8>,
}

impl<W: Write> StreamedModel<W> {
    /// Writes everything but the elements of more initializers, which follow in the order of `tensors`.
    ///
    /// # Errors
    /// [`OnnxError::TooLarge`] before a byte is written, [`OnnxError::Tensor`] if a tensor has no fixed size,
    /// [`OnnxError::DuplicateName`] if there is an initializer of its name already, [`OnnxError::Io`].
    pub fn begin(model: &ModelDef, dtype: DType, tensors: &[(&str, &[usize])], mut out: W) -> Result<Self, OnnxError> {
        let mut names: Vec<&str> = model.graph.initializers.iter().map(|(name, _)| name.as_str()).collect();
        let mut streamed = Vec::new();
        for &(name, shape) in tensors {
            if names.contains(&name) {
                let (first, second) = ("an initializer".to_owned(), "the streamed tensor".to_owned());
                return Err(OnnxError::DuplicateName { name: name.to_owned(), first, second });
            }
            names.push(name);
            streamed.push(Streamed::new(name, dtype, shape)?);
        }
        let mut model = proto(model);
        let graph = model.graph.take().unwrap_or_default();
        let head = head(&model, &graph, &streamed)?;
        out.write_all(&head)?;
        streamed.reverse();
        let mut this = Self { out, coming: streamed, tensor: Streamed::default(), got: 0 };
        this.next()?;
        Ok(this)
    }

    /// Goes on to the next tensor, if this one has all its elements and there is one.
    fn next(&mut self) -> Result<(), OnnxError> {
        while self.got == self.tensor.expected {
            let Some(next) = self.coming.pop() else { break };
            self.out.write_all(&next.head)?;
            (self.tensor, self.got) = (next, 0);
        }
        Ok(())
    }

    /// Appends elements: their little-endian bytes, in row-major order, cut into blocks anywhere.
    ///
    /// # Errors
    /// [`OnnxError::StreamLength`] if these are more than the shapes have, [`OnnxError::Io`].
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), OnnxError> {
        let left = self.tensor.expected - self.got + self.coming.iter().map(|tensor| tensor.expected).sum::<u64>();
        if bytes.len() as u64 > left {
            return Err(self.wrong_length(self.got + bytes.len() as u64));
        }
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min((self.tensor.expected - self.got) as usize));
            self.out.write_all(now)?;
            self.got += now.len() as u64;
            self.next()?;
            bytes = later;
        }
        Ok(())
    }

    /// Flushes, and gives back what was written to.
    ///
    /// # Errors
    /// [`OnnxError::StreamLength`] if elements are missing, [`OnnxError::Io`].
    pub fn finish(mut self) -> Result<W, OnnxError> {
        if self.got != self.tensor.expected {
            return Err(self.wrong_length(self.got));
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn wrong_length(&self, got: u64) -> OnnxError {
        OnnxError::StreamLength { tensor: self.tensor.name.clone(), expected: self.tensor.expected, got }
    }
}

impl Streamed {
    fn new(name: &str, dtype: DType, shape: &[usize]) -> Result<Self, OnnxError> {
        let problem = |problem| OnnxError::Tensor { tensor: format!("`{name}`"), problem };
        let size = dtype.size().ok_or_else(|| problem(TensorProblem::Type { dtype: dtype.to_string() }))?;
        let expected = (element_count(shape).map_err(problem)? * size) as u64;
        let tensor = TensorProto {
            dims: shape.iter().map(|&d| d as i64).collect(),
            data_type: dtype.code(),
            name: name.to_owned(),
            ..TensorProto::default()
        };
        let mut head = Vec::new();
        put_prefix(INITIALIZER, tensor.encoded_len() as u64 + prefix_len(expected) + expected, &mut head);
        head.extend(tensor.encode_to_vec());
        put_prefix(RAW_DATA, expected, &mut head);
        Ok(Self { name: name.to_owned(), expected, head })
    }
}

/// All bytes of the file before the first streamed tensor.
fn head(model: &ModelProto, graph: &GraphProto, streamed: &[Streamed]) -> Result<Vec<u8>, OnnxError> {
    let tensors: u64 = streamed.iter().map(|tensor| tensor.head.len() as u64 + tensor.expected).sum();
    let graph_len = graph.encoded_len() as u64 + tensors;
    let bytes = model.encoded_len() as u64 + prefix_len(graph_len) + graph_len;
    if bytes > MAX_BYTES {
        return Err(OnnxError::TooLarge { bytes });
    }
    let mut head = Vec::with_capacity((bytes - tensors) as usize);
    head.extend(model.encode_to_vec());
    put_prefix(GRAPH, graph_len, &mut head);
    head.extend(graph.encode_to_vec());
    Ok(head)
}

/// Puts what precedes a field of this many bytes: how it begins, and its length seven bits a byte.
fn put_prefix(key: u8, mut length: u64, out: &mut Vec<u8>) {
    out.push(key);
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn prefix_len(length: u64) -> u64 {
    1 + length_delimiter_len(length as usize) as u64
}
