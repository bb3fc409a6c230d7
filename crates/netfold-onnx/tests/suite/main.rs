//! Everything that can be tested through the public names.

mod damage;
mod external;
mod messages;
mod python;
mod round_trip;
mod stream;
mod zoo;

use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, OnnxError, TensorDef, ValueInfo};
use std::error::Error;

/// A convolution and what follows it, with one of most things that a file can hold.
fn small_model() -> ModelDef {
    let weights = (0_u8..108).map(|i| f32::from(i) / 50.0 - 1.0).collect::<Vec<_>>();
    let graph = GraphDef::new("small")
        .with_input(ValueInfo::new("x", DType::F32, [1, 3, 8, 8]))
        .with_initializer("w", TensorDef::new([4, 3, 3, 3], weights).unwrap())
        .with_initializer("shape", TensorDef::vector(vec![1_i64, -1]))
        .with_node(NodeDef::new("Conv", ["x", "w"], ["c"]).named("first").with("strides", [2, 2]))
        .with_node(NodeDef::new("LeakyRelu", ["c"], ["r"]).with("alpha", 0.1))
        .with_node(NodeDef::new("Reshape", ["r", "shape"], ["y"]))
        .with_output(ValueInfo::new("y", DType::F32, [1, 36]));
    ModelDef::new(graph)
}

/// The message of an error, then its causes, then the hint, one a line.
fn told(error: &OnnxError) -> String {
    let mut lines = vec![format!("error: {error}")];
    let mut source = error.source();
    while let Some(cause) = source {
        lines.push(format!("cause: {cause}"));
        source = cause.source();
    }
    lines.extend(error.hint().map(|hint| format!("hint: {hint}")));
    lines.join("\n")
}
