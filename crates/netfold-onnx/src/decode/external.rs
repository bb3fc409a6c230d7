//! Tensors whose elements are in a file beside the model.

use crate::{
    DType, Data, TensorProblem, elements::read_elements, generated::StringStringEntryProto, tensor::element_count,
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Component, Path, PathBuf},
};

/// How often the bytes of a file may be read over: tied weights share them a few times, not more.
const TIMES: u64 = 8;

/// The files beside a model, each opened once.
pub(super) struct Files<'a> {
    folder: Option<&'a Path>,
    open: BTreeMap<PathBuf, Open>,
}

struct Open {
    file: File,
    length: u64,
    /// Bytes that tensors took so far.
    taken: u64,
}

impl<'a> Files<'a> {
    pub(super) fn new(folder: Option<&'a Path>) -> Self {
        Self { folder, open: BTreeMap::new() }
    }

    /// The elements that these entries (`location`, `offset`, `length`) stand for.
    pub(super) fn elements(
        &mut self,
        entries: &[StringStringEntryProto],
        dtype: DType,
        shape: &[usize],
    ) -> Result<Data, TensorProblem> {
        let size = dtype.size().ok_or(TensorProblem::RawText)?;
        let count = element_count(shape)?;
        let needed = (count * size) as u64;
        let offset = number(entries, "offset")?.unwrap_or(0);
        let length = number(entries, "length")?.unwrap_or(needed);
        if length != needed {
            let (shape, got) = (shape.to_vec(), length as usize);
            return Err(TensorProblem::Length { dtype, shape, unit: "bytes", expected: needed as usize, got });
        }
        let path = self.path(entries)?;
        let failed = |source| TensorProblem::External { path: path.clone(), source };
        let open = match self.open.entry(path.clone()) {
            Entry::Occupied(place) => place.into_mut(),
            Entry::Vacant(place) => place.insert(Open::new(&path).map_err(failed)?),
        };
        let end = offset.saturating_add(needed);
        if end > open.length {
            return Err(TensorProblem::ExternalCut { path, offset, end, got: open.length });
        }
        open.taken = open.taken.saturating_add(needed);
        if open.taken > open.length.saturating_mul(TIMES) {
            return Err(TensorProblem::ExternalShared { path, times: TIMES });
        }
        open.file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        read_elements(dtype, count, (&mut open.file).take(needed)).map_err(failed)
    }

    /// Where the file is: below the model's folder, whatever the model says.
    ///
    /// Links are followed: model caches are folders of links to files elsewhere, and a model cannot make a link.
    fn path(&self, entries: &[StringStringEntryProto]) -> Result<PathBuf, TensorProblem> {
        let location = value(entries, "location").filter(|v| !v.is_empty());
        let location = location.ok_or(TensorProblem::ExternalField { key: "location", value: None })?;
        let mut parts = Path::new(location).components();
        if !parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(TensorProblem::Outside { location: location.to_owned() });
        }
        Ok(self.folder.ok_or(TensorProblem::NoFolder)?.join(location))
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        // Looked at before it is opened: opening a pipe waits for somebody to write.
        if !path.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length, taken: 0 })
    }
}

fn value<'e>(entries: &'e [StringStringEntryProto], key: &str) -> Option<&'e str> {
    entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
}

fn number(entries: &[StringStringEntryProto], key: &'static str) -> Result<Option<u64>, TensorProblem> {
    let Some(text) = value(entries, key) else { return Ok(None) };
    let wrong = |_| TensorProblem::ExternalField { key, value: Some(text.to_owned()) };
    text.parse().map(Some).map_err(wrong)
}
