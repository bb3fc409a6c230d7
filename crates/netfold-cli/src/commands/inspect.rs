//! `netfold inspect`: what a network is made of, before any work.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;

use console::{Style, Term};
use netfold::inspect::{Beyond, Dim, Estimate, InputRole, NodeFacts, Start, TensorFacts};
use netfold::model::Squashing;
use netfold::reconstruction::Cost;
use netfold::{Error, Head, Inspection, Kind, Model};
use netfold_onnx::DType;
use netfold_render::number::{bytes, count, counted, significant};
use serde_json::{Map, Value, json};

use crate::args::{Inspect, PrecisionWord};
use crate::failure::{self, Failure};
use crate::flowchart;
use crate::out::painted;
use crate::shape::shape_text;

/// Tells all nodes; a model with nodes that are not supported is told too, and is a failure all the same.
pub fn inspect(words: &Inspect) -> Result<ExitCode, Failure> {
    let network = &words.network;
    let model = Model::read_within(&words.model, network.budget())?;
    let first = model.outputs.first().map(|&id| model.name(id));
    let squashing = if network.keep_softmax { Squashing::Kept } else { Squashing::LeftOff };
    let head = match network.output.as_deref().or(first) {
        Some(output) => model.head_of(output, squashing)?,
        None => model.head(squashing)?,
    };
    let (start, rules) = (start(words, &model)?, network.rules());
    let found = match words.precision {
        PrecisionWord::F32 => model.inspect::<f32>(&head, &start, &rules)?,
        PrecisionWord::F64 => model.inspect::<f64>(&head, &start, &rules)?,
    };
    found.warnings.iter().for_each(|warning| failure::warn(&warning.to_string(), warning.hint().as_deref()));
    match words.graph {
        _ if words.json => println!("{}", object(words, &model, &head, &found)),
        Some(format) => flowchart::text(&found, format).lines().for_each(|line| println!("{line}")),
        None => print(words, &model, &head, &found),
    }
    if found.unsupported.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Error::Unsupported { nodes: found.unsupported, before: found.before }.into())
}

/// Which input is explained, and the shapes that were given.
fn start(words: &Inspect, model: &Model) -> Result<Start, Error> {
    let named = |name: &Option<String>| name.as_ref().map(|name| model.input_named(name)).transpose();
    let input = named(&words.network.explain)?;
    let from = words.from.as_ref().map(|name| model.tensor(name)).transpose()?;
    let mut shapes = HashMap::new();
    for (name, sizes) in &words.shape {
        let of = named(name)?.or(input).map_or_else(|| model.input(), Ok)?;
        shapes.insert(of, sizes.clone());
    }
    Ok(Start { input, from, shapes })
}

/// A tensor's name, shape and element type.
fn typed_text(tensor: &TensorFacts) -> String {
    let dtype = tensor.dtype.map_or("?", DType::name);
    format!("{}  {}  {dtype}", tensor.name, shape_text(tensor))
}

/// How many nodes there are of each kind that occurs.
fn kinds(nodes: &[NodeFacts]) -> impl Iterator<Item = (Kind, usize)> {
    let number = |kind| nodes.iter().filter(|node| node.kind == kind).count();
    Kind::ALL.into_iter().map(move |kind| (kind, number(kind))).filter(|&(_, nodes)| nodes > 0)
}

fn object(words: &Inspect, model: &Model, head: &Head, found: &Inspection) -> Value {
    let tensor = |tensor: &TensorFacts| {
        let size = |dim: &Dim| match dim {
            Dim::Known(size) => json!(size),
            Dim::Symbol(name) => json!(name),
            Dim::Unknown => Value::Null,
        };
        let shape: Option<Vec<Value>> = tensor.shape.as_ref().map(|shape| shape.iter().map(size).collect());
        json!({ "name": tensor.name, "shape": shape })
    };
    let typed = |facts: &TensorFacts| {
        let mut object = tensor(facts);
        object["type"] = json!(facts.dtype.map(DType::name));
        object
    };
    let input = |(facts, role): &(TensorFacts, InputRole)| {
        let mut object = typed(facts);
        object["role"] = json!(role);
        object
    };
    let node = |node: &NodeFacts| {
        json!({
            "name": node.name,
            "op": node.op,
            "inputs": node.inputs,
            "outputs": node.outputs.iter().map(tensor).collect::<Vec<_>>(),
            "kind": node.kind,
            "rule": node.rule,
        })
    };
    let kinds: Map<String, Value> = kinds(&found.nodes)
        .filter_map(|(kind, nodes)| Some((json!(kind).as_str()?.to_owned(), json!(nodes))))
        .collect();
    let refused = found.unsupported.iter().map(|node| json!({ "name": node.node, "op": node.op, "why": node.why }));
    json!({
        "model": file(&words.model),
        "producer": model.producer,
        "opset": model.opset,
        "input": typed(&found.input),
        "inputs": found.inputs.iter().map(input).collect::<Vec<_>>(),
        "outputs": found.outputs.iter().map(typed).collect::<Vec<_>>(),
        "output": model.name(head.output),
        "logits": tensor(&found.logits),
        "left_off": head.left_off,
        "parameters": found.parameters,
        "traced": found.traced,
        "beyond": found.beyond,
        "kinds": kinds,
        "nodes": found.nodes.iter().map(node).collect::<Vec<_>>(),
        "unsupported": refused.collect::<Vec<_>>(),
        "estimate": found.estimate,
        "warnings": found.warnings,
    })
}

fn file(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn print(words: &Inspect, model: &Model, head: &Head, found: &Inspection) {
    let producer = Some(model.producer.as_str()).filter(|producer| !producer.is_empty());
    let opset = format!("opset {}", model.opset);
    let made: Vec<&str> = producer.into_iter().chain([opset.as_str()]).collect();
    let (plain, bold) = (Style::new(), Style::new().bold());
    painted(&[(&bold, &file(&words.model)), (&plain, "  "), (&plain, &made.join(", "))]);
    let several = found.inputs.len() > 1 || words.from.is_some();
    for (input, role) in &found.inputs {
        let remark = match role {
            _ if !several => "",
            InputRole::Explained if words.from.is_some() => "  (x is computed from it)",
            InputRole::Explained => "  (explained; --explain names another)",
            InputRole::Held => "  (held; --input gives its value)",
            InputRole::Unused => "  (not used)",
        };
        println!("input       {}{remark}", typed_text(input));
    }
    if words.from.is_some() {
        println!("x           {}  {}", found.input.name, shape_text(&found.input));
    }
    let several = found.outputs.len() > 1;
    for output in &found.outputs {
        let shown = several && output.name == model.name(head.output);
        let remark = if shown { "  (the nodes below lead here; --output names another)" } else { "" };
        println!("output      {}  {}{remark}", output.name, shape_text(output));
    }
    if !head.left_off.is_empty() {
        println!("logits      {}  {}", found.logits.name, shape_text(&found.logits));
    }
    println!("parameters  {}\n", count(found.parameters));
    table(&found.nodes);
    let kinds: Vec<String> = kinds(&found.nodes).map(|(kind, nodes)| format!("{} {kind}", count(nodes))).collect();
    println!("\n{}: {}", counted(found.nodes.len(), "node", "nodes"), kinds.join(", "));
    if let Some(estimate) = &found.estimate {
        print_estimate(words, estimate);
    } else if let Some(Beyond { bytes: memory, products, .. }) = found.beyond {
        let memory = memory.map_or("more than can be counted".to_owned(), |memory| bytes(memory as u64));
        let products = products.map_or_else(String::new, |products| format!(" and {} products", amount(products)));
        println!("shapes alone: a trace, which tells kinds and costs, would take {memory}{products}");
    } else if found.unsupported.is_empty() && found.traced.is_none() {
        let shape = if found.inputs.len() > 1 { "[NAME=]N,C,H,W" } else { "N,C,H,W" };
        println!("the input's sizes are not known: `--shape {shape}` gives shapes, kinds and costs");
    }
}

/// One row a node. The name comes last, so that columns stay columns; on a terminal its beginning is cut to fit.
fn table(nodes: &[NodeFacts]) {
    let shapes: Vec<String> =
        nodes.iter().map(|node| node.outputs.iter().map(shape_text).collect::<Vec<_>>().join(" ")).collect();
    let width = |title: &str, cells: &mut dyn Iterator<Item = usize>| cells.max().unwrap_or(0).max(title.len());
    let op = width("operator", &mut nodes.iter().map(|node| node.op.chars().count()));
    let shape = width("shape", &mut shapes.iter().map(|shape| shape.chars().count().min(SHAPE)));
    let kind = width("kind", &mut nodes.iter().map(|node| node.kind.name().len()));
    let rule = width("rule", &mut nodes.iter().filter_map(|node| Some(node.rule?.len())));
    let columns = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let left = columns.map(|columns| columns.saturating_sub(op + shape + kind + rule + 8).max(SHORTEST));
    let head = format!("{:op$}  {:shape$}  {:kind$}  {:rule$}  node", "operator", "shape", "kind", "rule");
    painted(&[(&Style::new().bold(), &head)]);
    for (node, shapes) in nodes.iter().zip(&shapes) {
        let name = left.map_or_else(|| node.name.clone(), |left| ending(&node.name, left));
        let (op_cell, rule_cell) = (format!("{:op$}", node.op), format!("{:rule$}", node.rule.unwrap_or_default()));
        let around = if node.kind == Kind::Constant { Style::new().dim() } else { Style::new() };
        let (before, after) = (format!("{op_cell}  {shapes:shape$}  "), format!("  {rule_cell}  {name}"));
        painted(&[(&around, &before), (&colour(node.kind), &format!("{:kind$}", node.kind)), (&around, &after)]);
    }
}

/// A column of shapes is not made wider than this by a node with many outputs.
const SHAPE: usize = 24;
/// A name is not cut to fewer characters.
const SHORTEST: usize = 20;

/// The last characters of a name, by which nodes differ.
fn ending(name: &str, most: usize) -> String {
    let len = name.chars().count();
    if len <= most { name.to_owned() } else { format!("…{}", name.chars().skip(len + 1 - most).collect::<String>()) }
}

fn colour(kind: Kind) -> Style {
    let plain = Style::new();
    match kind {
        Kind::Linear | Kind::Varies => plain,
        Kind::Region => plain.cyan(),
        Kind::Input | Kind::Held => plain.yellow(),
        Kind::Constant | Kind::LeftOff => plain.dim(),
        Kind::Unsupported => plain.red().bold(),
    }
}

fn print_estimate(words: &Inspect, estimate: &Estimate) {
    let precision = if words.precision == PrecisionWord::F32 { "f32" } else { "f64" };
    let rows = |cost: &Cost| (counted(cost.rows, "row of W", "rows of W"), Some(cost.products), Some(cost.bytes));
    let mut lines = vec![
        ("constants".to_owned(), None, Some(estimate.constants)),
        ("trace".to_owned(), None, Some(estimate.trace)),
        ("W x and b of all logits".to_owned(), Some(2.0 * estimate.pass), None),
        rows(&estimate.row),
    ];
    if estimate.rows.rows > 1 {
        lines.push(rows(&estimate.rows));
    }
    let title = format!("a reconstruction in {precision} takes");
    let width = lines.iter().map(|line| line.0.chars().count()).max().unwrap_or(0).max(title.chars().count());
    println!();
    let head = format!("{title:<width$}  {:>10}  {:>16}", "products", "memory, at least");
    painted(&[(&Style::new().bold(), &head)]);
    for (what, products, memory) in lines {
        let products = products.map(amount).unwrap_or_default();
        let memory = memory.map(|memory| bytes(memory as u64)).unwrap_or_default();
        println!("{}", format!("{what:<width$}  {products:>10}  {memory:>16}").trim_end());
    }
}

/// `1.82 G`: three digits and a prefix.
fn amount(number: f64) -> String {
    let prefixes = ["k", "M", "G", "T", "P", "E"];
    let power = (number.max(1.0).log10() / 3.0) as usize;
    match power.min(prefixes.len()) {
        0 => format!("{number:.0}"),
        power => format!("{} {}", significant(number / 1000_f64.powi(power as i32), 3), prefixes[power - 1]),
    }
}
