//! Telling what a file that is not ONNX is instead.

/// How a kind of file begins: offset, bytes there, what to call it.
const MAGIC: [(usize, &[u8], &str); 19] = [
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (8, b"WEBP", "a WebP picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF", KERAS),
    (4, b"TFL3", TFLITE),
    (4, b"ORTM", ORT),
    (0, b"PK\x03\x04", ZIP),
    (0, b"\x80\x02", PICKLE),
    (0, b"\x80\x04", PICKLE),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (8, b"{\"", SAFETENSORS),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (257, b"ustar", "a tar archive"),
];

const EMPTY: &str = "an empty file";
const LFS: &str = "a Git LFS pointer, which stands for the model";
const HTML: &str = "a web page (HTML)";
const TEXT: &str = "text";
const ZEROS: &str = "nothing but zeros";
const ZIP: &str = "a ZIP archive (PyTorch saves models so)";
const PICKLE: &str = "a Python pickle (old PyTorch saves models so)";
const KERAS: &str = "an HDF5 file (Keras saves models so)";
const TFLITE: &str = "a TensorFlow Lite model";
const ORT: &str = "a model in onnxruntime's own ORT format";
const SAFETENSORS: &str = "a safetensors file (weights without a graph)";

/// What these bytes are, if they are something that is taken for a model now and then.
///
/// Only for bytes that failed to be ONNX: no magic number here is impossible as the beginning of a protobuf.
pub(crate) fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    let head = &bytes[..bytes.len().min(1024)];
    if head.is_empty() {
        return Some(EMPTY);
    }
    if head.iter().all(|&b| b == 0) {
        return Some(ZEROS);
    }
    let magic = MAGIC.iter().find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    magic.map(|row| row.2).or_else(|| text(head))
}

fn text(head: &[u8]) -> Option<&'static str> {
    let readable = match std::str::from_utf8(head) {
        Ok(all) => all,
        // A character that the end of the head cuts in two.
        Err(e) if e.error_len().is_none() => std::str::from_utf8(&head[..e.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let readable = readable.trim_start_matches('\u{feff}').trim_start();
    if readable.is_empty() || readable.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let lower = readable.to_lowercase();
    Some(if lower.starts_with("version https://git-lfs") {
        LFS
    } else if ["<!doctype", "<html", "<head"].iter().any(|tag| lower.starts_with(tag)) {
        HTML
    } else {
        TEXT
    })
}

/// What helps whoever has this instead of a model.
pub(crate) fn hint(looks_like: &str) -> Option<&'static str> {
    Some(match looks_like {
        LFS => "run `git lfs pull` in the repository that it comes from",
        HTML => "the download saved a page about the file; use the link named raw or download",
        EMPTY | ZEROS => "download or copy the file again",
        ZIP | PICKLE => "export the network with `torch.onnx.export(model, example_input, 'model.onnx')`",
        KERAS | TFLITE => "convert it with `python -m tf2onnx.convert`",
        ORT => "use the .onnx file that it was made from",
        SAFETENSORS => "weights alone are not a network: export the whole model to ONNX",
        _ => return None,
    })
}

/// How long the file should be at least, if its outermost fields are those of a model and run past the end.
///
/// One field at least must be whole: any few bytes could be the beginning of a field.
pub(crate) fn cut(bytes: &[u8]) -> Option<u64> {
    let mut at = 0;
    loop {
        let end = field_end(bytes, at)?;
        if end > bytes.len() as u64 {
            return (at > 0).then_some(end);
        }
        at = end as usize;
    }
}

/// Where the field that begins here ends, which may be past the end; `None` at the end, and for fields that a model
/// does not have.
fn field_end(bytes: &[u8], mut at: usize) -> Option<u64> {
    let one_more = Some(bytes.len() as u64 + 1);
    if at == bytes.len() {
        return None;
    }
    let Some(tag) = varint(bytes, &mut at) else { return one_more };
    match (tag >> 3, tag & 7) {
        (1 | 5, 0) => varint(bytes, &mut at).map_or(one_more, |_| Some(at as u64)),
        (2..=4 | 6..=8 | 14 | 20 | 25 | 26, 2) => match varint(bytes, &mut at) {
            Some(length) => (at as u64).checked_add(length),
            None => one_more,
        },
        _ => None,
    }
}

/// The number at this place, moving past it; `None` if the bytes end within it.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Some(value)
}
