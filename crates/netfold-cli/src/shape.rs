//! How the terminal says shapes.

use netfold::inspect::{Dim, TensorFacts};

/// `1×64×112×112`, with `?` for a size that has neither number nor name; `?` for a shape that is not known.
pub fn shape_text(tensor: &TensorFacts) -> String {
    let size = |dim: &Dim| match dim {
        Dim::Known(size) => size.to_string(),
        Dim::Symbol(name) => name.clone(),
        Dim::Unknown => "?".to_owned(),
    };
    match tensor.shape.as_deref() {
        None => "?".to_owned(),
        Some([]) => "scalar".to_owned(),
        Some(shape) => shape.iter().map(size).collect::<Vec<_>>().join("×"),
    }
}
