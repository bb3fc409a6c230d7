//! An inspection against the frozen network at a real input, and its counts against those made by hand.

mod common;

use std::collections::{HashMap, HashSet};

use common::{array, networks, samples, zoo};
use netfold::inspect::Start;
use netfold::trace::NonFinite;
use netfold::{Kind, Model, Rule, Rules};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo};

#[test]
fn real_networks_are_what_they_are_at_a_real_input() {
    let Some(zoo) = zoo() else { return };
    for network in networks(&zoo) {
        let name = network.file_name().unwrap().to_string_lossy().into_owned();
        let model = Model::read(network.join("model.onnx")).unwrap();
        let head = model.head_of(model.name(model.outputs[0]), netfold::Squashing::LeftOff).unwrap();
        let x = array::<f32>(&samples(&network)[0].input);
        let trace = model.trace(&x, head.logits, NonFinite::Refuse).unwrap();
        for rule in [Rule::Gate, Rule::Tangent] {
            let rules = Rules { default: rule, ..Rules::default() };
            let shapes = HashMap::from([(trace.input, x.shape().to_vec())]);
            let found = model.inspect::<f32>(&head, &Start { shapes, ..Start::default() }, &rules).unwrap();
            let circuit = trace.freeze(&rules).unwrap();
            let stages: HashMap<&str, _> = circuit.stages().iter().map(|s| (s.node.as_str(), s)).collect();
            let held: HashSet<&str> = circuit.gated_only().iter().map(String::as_str).collect();
            let told: Vec<&str> = found.nodes.iter().map(|node| node.name.as_str()).collect();
            let way: Vec<&str> =
                model.nodes_of(head.output).into_iter().map(|index| model.nodes[index].name.as_str()).collect();
            assert_eq!(told, way, "{name}: one row a node");
            for node in &found.nodes {
                match stages.get(node.name.as_str()) {
                    Some(stage) => assert_eq!(node.kind, stage.affine.validity.into(), "{name}: {}", node.name),
                    None => assert!(
                        matches!(node.kind, Kind::Constant | Kind::LeftOff | Kind::Held),
                        "{name}: {} is {}",
                        node.name,
                        node.kind
                    ),
                }
                assert_eq!(node.kind == Kind::Held, held.contains(node.name.as_str()), "{name}: {}", node.name);
            }
            let estimate = found.estimate.expect("the network was traced");
            assert_eq!(estimate.trace, trace.bytes(), "{name}: shapes do not depend on the input's numbers");
            // The tangent of a quantisation is 0: nothing is left to multiply.
            assert!(estimate.pass > 0.0 || name.ends_with("qdq") && rule == Rule::Tangent, "{name}: {estimate:?}");
            assert!(estimate.row.products <= estimate.pass, "{name}: {estimate:?}");
            assert!(estimate.rows.products <= estimate.pass * estimate.rows.rows as f64, "{name}: {estimate:?}");
        }
        println!("{name}");
    }
}

#[test]
fn counts_by_hand() {
    let graph = GraphDef::new("counted")
        .with_input(ValueInfo::new("x", DType::F32, [1, 1, 4, 4]))
        .with_initializer("w1", TensorDef::new([2, 1, 3, 3], vec![1.0_f32; 18]).unwrap())
        .with_initializer("w2", TensorDef::new([8, 3], vec![1.0_f32; 24]).unwrap())
        .with_initializer("unused", TensorDef::vector(vec![1.0_f32; 100]))
        .with_node(NodeDef::new("Conv", ["x", "w1"], ["z"]))
        .with_node(NodeDef::new("Relu", ["z"], ["h"]))
        .with_node(NodeDef::new("Flatten", ["h"], ["flat"]))
        .with_node(NodeDef::new("Gemm", ["flat", "w2"], ["y"]))
        .with_output(ValueInfo::new("y", DType::F32, [1, 3]));
    let model = Model::new(ModelDef::new(graph)).unwrap();
    let head = model.head(netfold::Squashing::LeftOff).unwrap();
    let found = model.inspect::<f32>(&head, &Start::default(), &Rules::default()).unwrap();
    let estimate = found.estimate.unwrap();
    assert_eq!(found.parameters, 18 + 24);
    // 2 × 2 × 2 outputs of 9 products, 8 of a mask, 8 moved, 8 × 3.
    assert!((estimate.pass - f64::from(72 + 8 + 8 + 24)).abs() < 0.5, "{estimate:?}");
    assert_eq!(estimate.row.rows, 1);
    // All units are on. The tensors z, h, flat and y that depend on x, of which flat shares the numbers of h.
    assert_eq!(estimate.trace, 4 * (16 + 8 + 8 + 3));
    assert_eq!(estimate.rows.rows, 3);
    assert_eq!(
        found.nodes.iter().map(|node| node.kind).collect::<Vec<_>>(),
        [Kind::Linear, Kind::Region, Kind::Linear, Kind::Linear]
    );
}
