//! Shapes as a file declares them.

use netfold_onnx::Dim;

/// Whether a shape is one that is declared: as many axes, and every size that the file gives as a number.
pub(crate) fn agree(declared: &[Dim], shape: &[usize]) -> bool {
    let fits = |(dim, &size): (&Dim, &usize)| !matches!(dim, Dim::Known(known) if *known != size);
    declared.len() == shape.len() && declared.iter().zip(shape).all(fits)
}

/// `[batch, 3, 224, 224]`, with `?` for a size that has neither number nor name.
pub fn shape_text(shape: &[Dim]) -> String {
    let size = |dim: &Dim| match dim {
        Dim::Known(size) => size.to_string(),
        Dim::Symbol(name) => name.clone(),
        Dim::Unknown => "?".to_owned(),
    };
    format!("[{}]", shape.iter().map(size).collect::<Vec<_>>().join(", "))
}
