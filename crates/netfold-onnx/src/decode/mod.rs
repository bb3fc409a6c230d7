//! From bytes to [`ModelDef`].

mod external;
mod graph;
mod sparse;
mod stream;
mod tensor;
#[cfg(test)]
mod tests;

pub use sparse::MAX_SPARSE_ELEMENTS;

use crate::{ModelDef, OnnxError, generated::ModelProto, sniff};
use bytes::Bytes;
use prost::Message;
use std::{collections::BTreeMap, fs, path::Path};

/// What decoding a model carries along: where other files are, and how much may still be spent.
struct Context<'a> {
    external: external::Files<'a>,
    sparse: sparse::Budget,
}

/// Reads a model, and the files beside it that hold its tensors.
///
/// # Errors
/// [`OnnxError::File`] with the path, around whatever is wrong.
pub fn read(path: &Path) -> Result<ModelDef, OnnxError> {
    // The parent of a bare file name is empty, and joins like the current folder.
    let folder = path.parent();
    let model = streamed(path).and_then(|proto| match proto {
        Some(proto) => decoded(proto, folder),
        None => fs::read(path).map_err(OnnxError::from).and_then(|bytes| decode(bytes, folder)),
    });
    model.map_err(|source| OnnxError::File { path: path.to_owned(), source: source.into() })
}

/// The model in a regular file; `None` where there is none, so that the bytes have to be looked at.
fn streamed(path: &Path) -> Result<Option<ModelProto>, OnnxError> {
    let Some(mut stream) = stream::Stream::open(path)? else { return Ok(None) };
    let proto = ModelProto::decode(&mut stream);
    stream.finish()?;
    Ok(proto.ok().filter(|proto| proto.graph.is_some()))
}

/// Decodes the bytes of a model.
///
/// A `Vec<u8>` is taken over without a copy. `folder` is where files with further tensors are looked for; without it
/// a model that needs them is an error.
///
/// # Errors
/// Whatever is wrong with the model; see [`OnnxError`].
pub fn decode(bytes: impl Into<Bytes>, folder: Option<&Path>) -> Result<ModelDef, OnnxError> {
    let bytes = bytes.into();
    let proto = match ModelProto::decode(bytes.clone()) {
        Ok(proto) if proto.graph.is_some() => proto,
        Ok(_) => return Err(instead(&bytes).unwrap_or(OnnxError::NoGraph)),
        Err(e) => return Err(instead(&bytes).unwrap_or(OnnxError::Malformed(e))),
    };
    drop(bytes);
    decoded(proto, folder)
}

fn decoded(proto: ModelProto, folder: Option<&Path>) -> Result<ModelDef, OnnxError> {
    model(proto, &mut Context { external: external::Files::new(folder), sparse: sparse::Budget::default() })
}

/// What is wrong with bytes that are not a model, if that can be told.
fn instead(bytes: &[u8]) -> Option<OnnxError> {
    let not_onnx = sniff::looks_like(bytes).map(|looks_like| OnnxError::NotOnnx { looks_like });
    let cut = || sniff::cut(bytes).map(|expected| OnnxError::Cut { expected, got: bytes.len() as u64 });
    not_onnx.or_else(cut)
}

fn model(proto: ModelProto, context: &mut Context) -> Result<ModelDef, OnnxError> {
    let mut opsets = BTreeMap::new();
    for set in proto.opset_import {
        let version = opsets.entry(domain(set.domain)).or_insert(set.version);
        *version = set.version.max(*version);
    }
    if opsets.is_empty() && proto.ir_version >= 3 {
        return Err(OnnxError::NoOpset { ir_version: proto.ir_version });
    }
    let graph = graph::graph(proto.graph.ok_or(OnnxError::NoGraph)?, context)?;
    Ok(ModelDef {
        ir_version: proto.ir_version,
        producer: joined(proto.producer_name, &proto.producer_version),
        opsets,
        graph,
        functions: proto.functions.into_iter().map(|f| (domain(f.domain), f.name)).collect(),
        metadata: proto.metadata_props.into_iter().map(|e| (e.key, e.value)).collect(),
    })
}

/// ONNX's own domain has two spellings.
fn domain(domain: String) -> String {
    if domain == "ai.onnx" { String::new() } else { domain }
}

fn joined(name: String, version: &str) -> String {
    if version.is_empty() { name } else { format!("{name} {version}") }
}
