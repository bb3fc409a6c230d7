//! A network as a graph, for programs that draw graphs.

use std::collections::HashMap;
use std::fmt::Write;

use netfold::inspect::NodeFacts;
use netfold::{Inspection, Kind};

use crate::args::GraphWord;
use crate::out::escaped;
use crate::shape::shape_text;

/// The nodes that depend on the input, and which tensors they hand to each other.
pub fn text(found: &Inspection, format: GraphWord) -> String {
    let nodes: Vec<&NodeFacts> = found.nodes.iter().filter(|node| node.kind != Kind::Constant).collect();
    // The input is n0, the node at index i n(i + 1).
    let mut makers: HashMap<&str, usize> = HashMap::from([(found.input.name.as_str(), 0)]);
    for (index, node) in nodes.iter().enumerate() {
        makers.extend(node.outputs.iter().map(|output| (output.name.as_str(), index + 1)));
    }
    let arrows = nodes.iter().enumerate().flat_map(|(index, node)| {
        let makers = node.inputs.iter().filter_map(|input| makers.get(input.as_str()));
        makers.map(move |&maker| (maker, index + 1)).collect::<Vec<_>>()
    });
    match format {
        GraphWord::Dot => dot(found, &nodes, arrows),
        GraphWord::Mermaid => mermaid(found, &nodes, arrows),
    }
}

/// The colour of a kind; `None` where it needs none.
fn colour(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Linear | Kind::Varies | Kind::Constant => None,
        Kind::Region => Some("#cfe8f3"),
        Kind::Input => Some("#fde3b0"),
        Kind::Held => Some("#fff4d6"),
        Kind::LeftOff => Some("#e6e6e6"),
        Kind::Unsupported => Some("#f6b8b0"),
    }
}

/// A line break of a name is not one of the text.
fn one(line: &str) -> String {
    escaped(line).into_owned()
}

/// Operator, name, shapes, and kind where it is not linear.
fn lines(node: &NodeFacts) -> Vec<String> {
    let shapes: Vec<String> = node.outputs.iter().map(shape_text).collect();
    let kind = (node.kind != Kind::Linear).then(|| match node.rule {
        Some(rule) => format!("{}: {rule}", node.kind),
        None => node.kind.to_string(),
    });
    [node.op.clone(), node.name.clone(), shapes.join(" ")].into_iter().chain(kind).map(|line| one(&line)).collect()
}

fn dot(found: &Inspection, nodes: &[&NodeFacts], arrows: impl Iterator<Item = (usize, usize)>) -> String {
    let quoted = |lines: &[String]| {
        let escaped: Vec<String> = lines.iter().map(|line| line.replace('\\', "\\\\").replace('"', "\\\"")).collect();
        format!("\"{}\"", escaped.join("\\n"))
    };
    let mut text =
        String::from("digraph network {\n  node [shape=box, style=filled, fillcolor=white, fontname=Helvetica];\n");
    // Writing to a string cannot fail.
    let input = [found.input.name.clone(), shape_text(&found.input)].map(|line| one(&line));
    let _ = writeln!(text, "  n0 [label={}, shape=ellipse];", quoted(&input));
    for (index, node) in nodes.iter().enumerate() {
        let fill = colour(node.kind).map(|colour| format!(", fillcolor=\"{colour}\"")).unwrap_or_default();
        let _ = writeln!(text, "  n{} [label={}{fill}];", index + 1, quoted(&lines(node)));
    }
    for (from, to) in arrows {
        let _ = writeln!(text, "  n{from} -> n{to};");
    }
    text + "}\n"
}

fn mermaid(found: &Inspection, nodes: &[&NodeFacts], arrows: impl Iterator<Item = (usize, usize)>) -> String {
    let quoted = |lines: &[String]| {
        let escape =
            |line: &String| line.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
        format!("\"{}\"", lines.iter().map(escape).collect::<Vec<_>>().join("<br/>"))
    };
    let mut text = String::from("flowchart TD\n");
    // Writing to a string cannot fail.
    let input = [found.input.name.clone(), shape_text(&found.input)].map(|line| one(&line));
    let _ = writeln!(text, "  n0([{}])", quoted(&input));
    for (index, node) in nodes.iter().enumerate() {
        let _ = writeln!(text, "  n{}[{}]", index + 1, quoted(&lines(node)));
        if let Some(colour) = colour(node.kind) {
            let _ = writeln!(text, "  style n{} fill:{colour}", index + 1);
        }
    }
    for (from, to) in arrows {
        let _ = writeln!(text, "  n{from} --> n{to}");
    }
    text
}
