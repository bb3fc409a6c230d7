//! The trained network as an ONNX file: what it computes outside training, one node an operation.
//!
//! Dropout is gone, batch normalisation stands with its running statistics as a node of its own. Input `image`
//! (batch, 1, S, S), output `logits` (batch, 2), operator set 17.

use burn::tensor::Tensor;
use netfold_onnx::{DType, Dim, GraphDef, ModelDef, NodeDef, TensorDef, TensorProblem, ValueInfo, encode};

use crate::error::{Error, Result};
use crate::geometry::Aircraft;
use crate::network::{Block, Network};

/// The bytes of the file.
pub fn onnx(network: &Network) -> Result<Vec<u8>> {
    let graph = graph(network).map_err(|cause| Error::Failed(format!("cannot export the network: {cause}")))?;
    Ok(encode(&ModelDef::new(graph)))
}

fn graph(network: &Network) -> std::result::Result<GraphDef, TensorProblem> {
    let image = value("image", [1, network.size, network.size].as_slice());
    let logits = value("logits", [Aircraft::ALL.len()].as_slice());
    let mut graph = GraphDef::new("aircraft").with_input(image).with_output(logits);
    let mut last = "image".to_owned();
    for (block, number) in network.blocks.iter().zip(1..) {
        graph = add_block(graph, block, &format!("block{number}"), &mut last)?;
    }
    graph = graph.with_node(NodeDef::new("Flatten", [last.as_str()], ["features"]).with("axis", 1).named("/flatten"));

    for (name, layer, from, to) in [
        ("hidden", &network.hidden, "features", "hidden.sum"),
        ("output", &network.output, "hidden.activation", "logits"),
    ] {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let mut inputs = vec![from, &weight];
        graph = graph.with_initializer(&weight, tensor(&layer.weight.val())?);
        if let Some(values) = &layer.bias {
            graph = graph.with_initializer(&bias, tensor(&values.val())?);
            inputs.push(&bias);
        }
        graph = graph.with_node(NodeDef::new("Gemm", inputs, [to]).named(format!("/{name}/gemm")));
        if name == "hidden" {
            graph = graph.with_node(NodeDef::new("Relu", [to], ["hidden.activation"]).named("/hidden/relu"));
        }
    }
    Ok(graph)
}

fn add_block(
    mut graph: GraphDef,
    block: &Block,
    name: &str,
    last: &mut String,
) -> std::result::Result<GraphDef, TensorProblem> {
    let within = |part: &str| format!("{name}.{part}");
    let norm = &block.norm;
    let parameters = [
        ("conv.weight", tensor(&block.conv.weight.val())?),
        ("norm.scale", tensor(&norm.gamma.val())?),
        ("norm.bias", tensor(&norm.beta.val())?),
        ("norm.mean", tensor(&norm.running_mean.value())?),
        ("norm.variance", tensor(&norm.running_var.value())?),
    ];
    for (part, values) in parameters {
        graph = graph.with_initializer(within(part), values);
    }
    let names = ["conv.weight", "norm.scale", "norm.bias", "norm.mean", "norm.variance"].map(within);
    let [conv, normed, active, pooled] = ["conv", "norm", "relu", "pool"].map(within);
    let square = |side: [usize; 2]| side.map(|n| n as i64).to_vec();

    graph = graph
        .with_node(
            NodeDef::new("Conv", [last.as_str(), &names[0]], [conv.as_str()])
                .with("kernel_shape", square(block.conv.kernel_size))
                .with("pads", vec![1_i64; 4])
                .named(format!("/{name}/conv")),
        )
        .with_node(
            NodeDef::new(
                "BatchNormalization",
                [&conv, &names[1], &names[2], &names[3], &names[4]].map(String::as_str),
                [normed.as_str()],
            )
            .with("epsilon", norm.epsilon as f32)
            .named(format!("/{name}/norm")),
        )
        .with_node(NodeDef::new("Relu", [normed.as_str()], [active.as_str()]).named(format!("/{name}/relu")))
        .with_node(
            NodeDef::new("MaxPool", [active.as_str()], [pooled.as_str()])
                .with("kernel_shape", square(block.pool.kernel_size))
                .with("strides", square(block.pool.stride))
                .named(format!("/{name}/pool")),
        );
    *last = pooled;
    Ok(graph)
}

/// A value with a batch axis of any size before the given axes.
fn value(name: &str, axes: &[usize]) -> ValueInfo {
    let batch = Dim::Symbol("batch".to_owned());
    let shape = std::iter::once(batch).chain(axes.iter().copied().map(Dim::Known)).collect();
    ValueInfo { name: name.to_owned(), dtype: Some(DType::F32), shape: Some(shape), ..ValueInfo::default() }
}

fn tensor<const D: usize>(values: &Tensor<D>) -> std::result::Result<TensorDef, TensorProblem> {
    let elements: Vec<f32> = values.to_data().iter::<f32>().collect();
    TensorDef::new(values.dims().to_vec(), elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::NetworkConfig;
    use burn::tensor::Device;

    #[test]
    fn every_operation_is_a_node_and_the_file_is_small() {
        let network = NetworkConfig::new(64).init(&Device::flex());
        let bytes = onnx(&network).expect("export");
        assert!(bytes.len() < 300 * 1024, "{} bytes", bytes.len());
        let model = netfold_onnx::decode(bytes, None).expect("decode");
        let operators: Vec<&str> = model.graph.nodes.iter().map(|node| node.op_type.as_str()).collect();
        let block = ["Conv", "BatchNormalization", "Relu", "MaxPool"];
        let mut expected = block.repeat(4);
        expected.extend(["Flatten", "Gemm", "Relu", "Gemm"]);
        assert_eq!(operators, expected);
        assert_eq!(model.opsets[""], 17);
    }
}
