//! The sentences and the certificate of the page.

use crate::number::{bytes, count, duration, percent, significant};
use crate::report::{Certificate, Exactness, Report};

/// A named value, with a quiet remark where one is needed.
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
/// A certificate that failed says so in capitals, with the tolerance, and warns of the pictures: they still look
/// convincing then.
pub(crate) fn verdict(report: &Report) -> String {
    let certificate = &report.certificate;
    let worst = significant(certificate.worst_relative_difference, 2);
    let over = match report.model.logits {
        1 => "the one logit".into(),
        n => format!("all {} logits", count(n)),
    };
    if certificate.equivalent {
        return format!(
            "The one-layer model equals the network at this input: worst difference {worst} of the largest logit, over {over}."
        );
    }
    format!(
        "The one-layer model does NOT equal the network at this input: worst difference {worst} of the largest logit, \
         over {over}, where {} is allowed. Do not read these pictures as the model.",
        significant(certificate.tolerance, 1)
    )
}

/// Whether both models name the same class, as a sentence.
pub(crate) fn argmax(certificate: &Certificate) -> &'static str {
    if certificate.argmax_kept {
        "Both models put the same class first."
    } else {
        "The two models put different classes first."
    }
}

/// The facts of the certificate, most important first: how equal, how exact, computed how, from what.
///
/// One node that is only exact at this input makes the whole reconstruction so; the remark says how many there are.
pub(crate) fn certificate(report: &Report) -> Vec<Fact> {
    let (certificate, model) = (&report.certificate, &report.model);
    let nodes = |exactness| -> usize {
        certificate.rules.iter().filter(|rule| rule.exactness == exactness).map(|rule| rule.nodes).sum()
    };
    let shape: Vec<String> = model.input_shape.iter().map(usize::to_string).collect();
    let mut facts = vec![
        noted(
            "Worst difference",
            significant(certificate.worst_relative_difference, 2),
            format!("of the largest logit; {} allowed", significant(certificate.tolerance, 1)),
        ),
        noted(
            "First class",
            if certificate.argmax_kept { "kept" } else { "not kept" },
            format!("of {} logits", count(model.logits)),
        ),
        noted("Precision", certificate.precision.clone(), certificate.method.clone()),
    ];
    if !certificate.rules.is_empty() {
        let (region, input) = (nodes(Exactness::Region), nodes(Exactness::Input));
        let (value, note) = match (region, input) {
            (0, 0) => ("everywhere".into(), "the network is affine".into()),
            (_, 0) => ("in a region".into(), "all inputs with the same masks and winners".into()),
            _ => ("at this input".into(), format!("{} nodes by a rule, {} in a region", count(input), count(region))),
        };
        facts.push(Fact { name: "Exact".into(), value, note });
    }
    facts.push(noted("Model", model.file.clone(), format!("{} nodes", count(model.nodes))));
    facts.push(noted("Input tensor", model.input_name.clone(), shape.join(" × ")));
    facts.push(noted("Output tensor", model.output_name.clone(), format!("{} logits", count(model.logits))));
    if let Some(peak) = certificate.peak_memory {
        facts.push(fact("Peak memory", bytes(peak)));
    }
    for version in &certificate.versions {
        facts.push(fact(&version.name, version.version.clone()));
    }
    facts
}

/// The wall clock of each step, in the order in which they ran.
pub(crate) fn times(certificate: &Certificate) -> Vec<Fact> {
    certificate.times.iter().map(|time| fact(&time.step, duration(time.seconds))).collect()
}

/// What identifies the files; a hash that is not known is left out.
pub(crate) fn hashes(report: &Report) -> Vec<Fact> {
    [("SHA-256 of the model", &report.model.sha256), ("SHA-256 of the input", &report.input.sha256)]
        .into_iter()
        .filter(|(_, hash)| !hash.is_empty())
        .map(|(name, hash)| fact(name, hash.clone()))
        .collect()
}

/// Σ elements · density / Σ elements
pub(crate) fn mask_summary(certificate: &Certificate) -> String {
    let elements: usize = certificate.masks.iter().map(|mask| mask.elements).sum();
    let on: f64 = certificate.masks.iter().map(|mask| mask.elements as f64 * mask.density).sum();
    format!("{} on in {} masks", percent(on / elements.max(1) as f64), count(certificate.masks.len()))
}
