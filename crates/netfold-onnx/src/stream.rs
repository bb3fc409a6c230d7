//! Writing a model with a tensor that is never in memory as a whole.

use crate::{
    DType, ModelDef, OnnxError, TensorProblem,
    encode::proto,
    generated::{GraphProto, ModelProto, TensorProto},
    tensor::element_count,
};
use prost::{Message, length_delimiter_len};
use std::io::Write;

/// Protobuf messages are at most this long, and with them ONNX files.
pub(crate) const MAX_BYTES: u64 = (1 << 31) - 1;

// How the three fields begin that end where the file ends: field number, then wire type 2 (length-delimited).
const GRAPH: u8 = 7 << 3 | 2;
const INITIALIZER: u8 = 5 << 3 | 2;
const RAW_DATA: u8 = 9 << 3 | 2;

/// A model on its way into a file, one of whose initializers is given block by block.
///
/// The fields of a protobuf message may come in any order. Here the graph is the last one of the model, the streamed
/// tensor the last of the graph and its elements the last of the tensor: the file ends with them, and everything
/// before is known at the beginning.
///
/// ```
/// use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, StreamedModel, ValueInfo, decode};
///
/// let graph = GraphDef::new("one layer")
///     .with_input(ValueInfo::new("x", DType::F32, [1, 2]))
///     .with_node(NodeDef::new("MatMul", ["x", "w"], ["y"]))
///     .with_output(ValueInfo::new("y", DType::F32, [1, 3]));
/// let mut out = StreamedModel::begin(&ModelDef::new(graph), "w", DType::F32, &[2, 3], Vec::new())?;
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
    tensor: String,
    expected: u64,
    got: u64,
}

impl<W: Write> StreamedModel<W> {
    /// Writes everything but the elements of one more initializer, called `tensor`.
    ///
    /// # Errors
    /// [`OnnxError::TooLarge`] before a byte is written, [`OnnxError::Tensor`] if the tensor has no fixed size,
    /// [`OnnxError::DuplicateName`] if the model has this initializer already, [`OnnxError::Io`].
    pub fn begin(model: &ModelDef, tensor: &str, dtype: DType, shape: &[usize], mut out: W) -> Result<Self, OnnxError> {
        if model.graph.initializers.iter().any(|(name, _)| name == tensor) {
            let (first, second) = ("an initializer".to_owned(), "the streamed tensor".to_owned());
            return Err(OnnxError::DuplicateName { name: tensor.to_owned(), first, second });
        }
        let problem = |problem| OnnxError::Tensor { tensor: format!("`{tensor}`"), problem };
        let size = dtype.size().ok_or_else(|| problem(TensorProblem::Type { dtype: dtype.to_string() }))?;
        let expected = (element_count(shape).map_err(problem)? * size) as u64;

        let mut model = proto(model);
        let graph = model.graph.take().unwrap_or_default();
        let header = TensorProto {
            dims: shape.iter().map(|&d| d as i64).collect(),
            data_type: dtype.code(),
            name: tensor.to_owned(),
            ..TensorProto::default()
        };
        let head = head(&model, &graph, &header, expected)?;
        out.write_all(&head)?;
        Ok(Self { out, tensor: tensor.to_owned(), expected, got: 0 })
    }

    /// Appends elements: their little-endian bytes, in row-major order, cut into blocks anywhere.
    ///
    /// # Errors
    /// [`OnnxError::StreamLength`] if these are more than the shape has, [`OnnxError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), OnnxError> {
        let got = self.got + bytes.len() as u64;
        if got > self.expected {
            return Err(self.wrong_length(got));
        }
        self.out.write_all(bytes)?;
        self.got = got;
        Ok(())
    }

    /// Flushes, and gives back what was written to.
    ///
    /// # Errors
    /// [`OnnxError::StreamLength`] if elements are missing, [`OnnxError::Io`].
    pub fn finish(mut self) -> Result<W, OnnxError> {
        if self.got != self.expected {
            return Err(self.wrong_length(self.got));
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn wrong_length(&self, got: u64) -> OnnxError {
        OnnxError::StreamLength { tensor: self.tensor.clone(), expected: self.expected, got }
    }
}

/// All bytes of the file before the elements, of which there are `data` bytes.
fn head(model: &ModelProto, graph: &GraphProto, tensor: &TensorProto, data: u64) -> Result<Vec<u8>, OnnxError> {
    let tensor_len = tensor.encoded_len() as u64 + prefix_len(data) + data;
    let graph_len = graph.encoded_len() as u64 + prefix_len(tensor_len) + tensor_len;
    let bytes = model.encoded_len() as u64 + prefix_len(graph_len) + graph_len;
    if bytes > MAX_BYTES {
        return Err(OnnxError::TooLarge { bytes });
    }
    let mut head = Vec::with_capacity((bytes - data) as usize);
    head.extend(model.encode_to_vec());
    put_prefix(GRAPH, graph_len, &mut head);
    head.extend(graph.encode_to_vec());
    put_prefix(INITIALIZER, tensor_len, &mut head);
    head.extend(tensor.encode_to_vec());
    put_prefix(RAW_DATA, data, &mut head);
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
