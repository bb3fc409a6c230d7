//! The sentences and the certificate of the page.

use netfold::{Certificate, Validity, Warning};

use crate::number::{bytes, count, counted, duration, percent, significant};
use crate::report::Report;

/// A named value, with a quiet remark where one is needed.
#[derive(serde::Serialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) note: String,
}

fn fact(name: &str, value: impl Into<String>) -> Fact {
    noted(name, value, "")
}

fn noted(name: &str, value: impl Into<String>, note: impl Into<String>) -> Fact {
    Fact { name: name.into(), value: value.into(), note: note.into() }
}

/// The first sentence of the page.
///
/// A certificate that failed says so in capitals, with what failed, and warns of the pictures: they still look
/// convincing then.
pub(crate) fn verdict(certificate: &Certificate) -> String {
    let worst = significant(certificate.worst_relative_difference, 2);
    let over = match certificate.logits {
        1 => "the one logit".into(),
        n => format!("all {} logits", count(n)),
    };
    let numbers = format!("worst difference {worst} of the largest logit, over {over}");
    if certificate.equivalent {
        return format!("The one-layer model equals the network at this input: {numbers}.");
    }
    let failed = if certificate.worst_relative_difference <= certificate.tolerance {
        format!("it puts another class first ({numbers})")
    } else {
        format!("{numbers}, where {} is allowed", significant(certificate.tolerance, 1))
    };
    format!(
        "The one-layer model does NOT equal the network at this input: {failed}. Do not read these pictures as the model."
    )
}

/// The certificate in one line: how equal, in which precision, how many nodes are frozen how.
pub fn line(certificate: &Certificate) -> String {
    let (one, many) = if certificate.argmax.is_some() { ("logit", "logits") } else { ("element", "elements") };
    let over = counted(certificate.logits, one, many);
    let mut words = vec![
        format!(
            "worst difference {} of the largest {one} over {over}",
            significant(certificate.worst_relative_difference, 2)
        ),
        certificate.precision.to_owned(),
    ];
    let alike = |validity| certificate.rules.iter().filter(move |rule| rule.validity == validity);
    for (validity, what) in [(Validity::Everywhere, "linear"), (Validity::Region, "exact in a region")] {
        let nodes: usize = alike(validity).map(|rule| rule.nodes).sum();
        words.push(format!("{} {what}", counted(nodes, "node", "nodes")));
    }
    let mut rules: Vec<&str> = alike(Validity::Input).map(|rule| rule.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    for name in rules {
        let nodes = alike(Validity::Input).filter(|rule| rule.rule == name).map(|rule| rule.nodes).sum();
        words.push(format!("{} by rule {name}, exact at this input", counted(nodes, "node", "nodes")));
    }
    words.join(" · ")
}

/// Whether both models put the same class first, as a sentence; empty where no class is meant.
pub(crate) fn argmax(report: &Report) -> String {
    let Some(argmax) = report.certificate.argmax else { return String::new() };
    let name = |class| {
        let label = report.classes.iter().find(|shown| shown.index == class).and_then(|shown| shown.label.clone());
        label.unwrap_or_else(|| format!("class {class}"))
    };
    if argmax.kept {
        format!("Both models put {} first.", name(argmax.original))
    } else {
        format!("The network puts {} first, the one-layer model {}.", name(argmax.original), name(argmax.reconstructed))
    }
}

/// The facts of the certificate, most important first: how equal, how exact, computed how, from what.
pub(crate) fn certificate(report: &Report) -> Vec<Fact> {
    let (certificate, model) = (&report.certificate, &report.model);
    let shape: Vec<String> = model.input_shape.iter().map(usize::to_string).collect();
    let logits = counted(certificate.logits, "logit", "logits");
    let mut facts: Vec<Fact> = certificate.warnings.iter().map(warned).collect();
    facts.push(noted(
        "Worst difference",
        significant(certificate.worst_relative_difference, 2),
        format!("of the largest logit; {} allowed", significant(certificate.tolerance, 1)),
    ));
    if let Some(argmax) = certificate.argmax {
        facts.push(noted("First class", if argmax.kept { "kept" } else { "not kept" }, format!("of {logits}")));
    }
    if let Some(difference) = certificate.bias_difference {
        facts.push(noted(
            "Layers' biases",
            significant(difference, 2),
            "of the largest logit between their sum and what zero is pushed to",
        ));
    }
    facts.extend(exactness(certificate));
    facts.push(noted(
        "Computed by",
        certificate.method.clone(),
        format!(
            "{} for {} of W",
            counted(certificate.passes, "pass", "passes"),
            counted(certificate.classes, "row", "rows")
        ),
    ));
    facts.push(fact("Precision", certificate.precision));
    facts.push(noted("Model", certificate.model.file.clone(), counted(model.nodes, "node", "nodes")));
    let note = [shape.join(" × "), model.input_type.clone()];
    let note: Vec<&str> = note.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    facts.push(noted("Input tensor", model.input_name.clone(), note.join(", ")));
    for held in &certificate.held_inputs {
        facts.push(noted("Held input", held.name.clone(), format!("{}; its part belongs to b", held.stamp.file)));
    }
    facts.push(noted("Logits", model.output_name.clone(), logits));
    if !certificate.left_off.is_empty() {
        facts.push(noted("Left off", certificate.left_off.join(", "), "comes after the logits"));
    }
    if let Some(peak) = certificate.peak_memory_bytes {
        facts.push(fact("Peak memory", bytes(peak)));
    }
    facts.push(fact("netfold", certificate.netfold));
    facts
}

fn warned(warning: &Warning) -> Fact {
    match warning.hint() {
        Some(hint) => noted("Warning", warning.to_string(), hint),
        None => fact("Warning", warning.to_string()),
    }
}

/// How far the whole reconstruction holds: one node that is exact at this input only makes all of it so.
fn exactness(certificate: &Certificate) -> Option<Fact> {
    let worst = certificate.rules.iter().map(|rule| rule.validity).max()?;
    let nodes = |validity| {
        let alike = certificate.rules.iter().filter(|rule| rule.validity == validity);
        counted(alike.map(|rule| rule.nodes).sum(), "node", "nodes")
    };
    let (value, note) = match worst {
        Validity::Everywhere => ("everywhere", "the network is affine".into()),
        Validity::Region => ("in a region", "all inputs with the same masks and winners".into()),
        Validity::Input => {
            ("at this input", format!("{} by a rule; {} in a region", nodes(Validity::Input), nodes(Validity::Region)))
        }
    };
    Some(noted("Exact", value, note))
}

/// The wall clock of each step, in the order in which they ran.
pub(crate) fn times(certificate: &Certificate) -> Vec<Fact> {
    let seconds = &certificate.seconds;
    [
        ("Load the model", seconds.load),
        ("Trace the input", seconds.trace),
        ("Freeze the nodes", seconds.freeze),
        ("Compute W and b", seconds.reconstruct),
        ("In all", seconds.total),
    ]
    .map(|(step, seconds)| fact(step, duration(seconds)))
    .into()
}

/// What identifies the files; a hash that is not known is left out.
pub(crate) fn hashes(certificate: &Certificate) -> Vec<Fact> {
    let held = certificate.held_inputs.iter();
    let held = held.map(|held| (format!("SHA-256 of {}", held.name), &held.stamp.sha256));
    [("SHA-256 of the model", &certificate.model.sha256), ("SHA-256 of the input", &certificate.input.sha256)]
        .into_iter()
        .map(|(name, hash)| (name.to_owned(), hash))
        .chain(held)
        .filter(|(_, hash)| !hash.is_empty())
        .map(|(name, hash)| fact(&name, hash.clone()))
        .collect()
}

/// Σ elements · active / Σ elements
pub(crate) fn mask_summary(certificate: &Certificate) -> String {
    let elements: usize = certificate.masks.iter().map(|mask| mask.elements).sum();
    let active: f64 = certificate.masks.iter().map(|mask| mask.elements as f64 * mask.active).sum();
    format!("{} of {}", percent(active / elements.max(1) as f64), counted(elements, "element", "elements"))
}
