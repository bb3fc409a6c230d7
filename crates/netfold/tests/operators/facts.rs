//! What the files of the operators say of the specification, against the specification.

use std::collections::BTreeSet;

use netfold::ops::{Facts, NEWEST, TABLE};
use netfold_onnx::{DType, NodeDef};

use crate::node::build;
use crate::python::judge;

/// One line for an operator in an operator set, as `schemas.py` prints it.
fn line(name: &str, set: i64, facts: &Facts) -> String {
    let mark = |name| if facts.required_of(set).any(|own| own == name) { "!" } else { "" };
    let mut attributes: Vec<String> =
        facts.attributes_of(set).map(|(name, kind)| format!("{name}:{kind}{}", mark(name))).collect();
    attributes.sort();
    let mut inputs: Vec<String> = facts
        .inputs_of(set)
        .zip(facts.types_from(set))
        .map(|((_, mut types), from)| {
            types.sort_unstable();
            format!("{from}:{}", types.join(","))
        })
        .collect();
    if facts.most_inputs(set).is_none() {
        inputs.push("any".into());
    }
    let outputs = match facts.most_outputs(set) {
        usize::MAX => "any".to_owned(),
        most => most.to_string(),
    };
    let words = [vec![name.into(), set.to_string(), "attributes".into()], attributes, vec!["inputs".into()], inputs];
    let counts = ["least".into(), facts.least_inputs(set).to_string(), "outputs".into(), outputs];
    [words.concat(), counts.to_vec()].concat().join(" ")
}

#[test]
fn every_operator_says_of_every_set_what_the_specification_says() {
    let types: Vec<&str> = DType::all().map(DType::name).collect();
    let types = types.join(",");
    let arguments: Vec<&str> = std::iter::once(types.as_str()).chain(TABLE.iter().map(|entry| entry.name)).collect();
    let Some(text) = judge("schemas.py", &arguments) else { return };
    let (newest, right) = text.split_once('\n').expect("the newest set stands in the first line");
    assert_eq!(newest, NEWEST.to_string(), "the newest operator set");
    let sets = |facts: Facts| (1..=NEWEST).filter(move |&set| facts.has(set));
    let own = TABLE.iter().flat_map(|entry| sets((entry.facts)()).map(|set| line(entry.name, set, &(entry.facts)())));
    let (own, right): (BTreeSet<String>, BTreeSet<String>) =
        (own.collect(), right.lines().map(str::to_owned).collect());
    let differ: Vec<&String> = own.symmetric_difference(&right).take(12).collect();
    assert!(differ.is_empty(), "declared or specified, not both: {differ:#?}");
    assert!(own.len() > TABLE.len() * 5, "{} lines", own.len());
}

/// Why a node of this operator set is refused.
fn refused(node: &NodeDef, set: i64) -> String {
    build(node, set).expect_err("it is refused").to_string()
}

#[test]
fn what_an_operator_set_does_not_know_is_refused_with_the_nearest_name() {
    let node = |op: &str| NodeDef::new(op, ["x"], ["y"]);
    let cases = [
        (node("LeakyRelu").with("Alpha", 0.5_f32), 16, "there is no attribute `Alpha`; there is `alpha`"),
        (
            node("MaxPool").with("kernel_shape", [2]).with("ceil_mnde", 1),
            12,
            "there is no attribute `ceil_mnde`; there is `ceil_mode`",
        ),
        (
            NodeDef::new("Add", ["x", "w"], ["y"]).with("axis", 1),
            13,
            "attribute `axis` is of operator sets 1 to 6, the file names operator set 13",
        ),
        (
            node("MaxPool").with("kernel_shape", [2]).with("dilations", [1]),
            8,
            "attribute `dilations` is of operator sets from 10 on, the file names operator set 8",
        ),
        (node("Dropout").with("seed", 0.5_f32), 13, "attribute `seed` should be an integer, it is float"),
        (node("Relu").with("qqq", 1), 13, "there is no attribute `qqq`"),
        (
            node("Mish"),
            13,
            "operator set 13, which the file names, does not have it: it is in operator sets from 18 on",
        ),
        (node("Upsample"), 13, "operator set 13, which the file names, has it no more: it is in operator sets 1 to 9"),
        (NodeDef::new("Relu", ["x", "w"], ["y"]), 13, "it has 2 inputs; up to 1 in operator set 13"),
        (NodeDef::new("Add", ["x"], ["y"]), 13, "it has 1 inputs; at least 2 in operator set 13"),
        (node("Unsqueeze"), 11, "attribute `axes` is missing"),
        (node("Unsqueeze"), 13, "it has 1 inputs; at least 2 in operator set 13"),
        (NodeDef::new("Relu", ["x"], ["y", "z"]), 13, "it has 2 outputs; 1 in operator set 13"),
        (
            NodeDef::new("MaxPool", ["x"], ["y", "places"]).with("kernel_shape", [2]),
            7,
            "it has 2 outputs; 1 in operator set 7",
        ),
    ];
    for (node, set, why) in cases {
        assert_eq!(refused(&node, set), why, "{node:?}");
    }
}

#[test]
fn what_an_operator_set_knows_is_taken() {
    let node = |op: &str| NodeDef::new(op, ["x"], ["y"]);
    let cases = [
        (node("Relu").with("consumed_inputs", [1]), 1),
        (NodeDef::new("Add", ["x", "w"], ["y"]).with("axis", 1).with("broadcast", 1), 6),
        (NodeDef::new("Sum", ["x", "a", "b", "c"], ["y"]), 13),
        (node("Dropout").with("seed", 7), 22),
        (node("Cast").with("to", 1).with("saturate", 0), 19),
        (node("Mish"), 18),
        (node("Swish").with("alpha", 0.5_f32), NEWEST),
        // A program's own mark.
        (node("Relu").with("__mark", 1), 13),
    ];
    for (node, set) in cases {
        assert!(build(&node, set).is_ok(), "{node:?}: {}", refused(&node, set));
    }
}
