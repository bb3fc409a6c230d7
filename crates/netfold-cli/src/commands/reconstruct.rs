//! `netfold reconstruct`: the whole road for one input.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Instant;

use netfold::output::folder::Folder;
use netfold::output::{Certificate, TieCount};
use netfold::reconstruction::Request;
use netfold::reconstruction::top;
use netfold::trace::Ties;
use netfold::{Basis, Cam, Method, Options, Precision, Reconstruction, Tensor, Together, Unit};
use netfold_render::number::{DIFFERENCE, VALUE, plain};
use serde_json::json;

use crate::args::{BasisWord, MethodWord, PrecisionWord, Reconstruct};
use crate::failure::{Failure, NOT_EQUIVALENT};
use crate::report_writer::{ReportWriter, ShownRow};
use crate::session::Session;

/// Runs the command in the precision that is asked for.
pub fn reconstruct(words: &Reconstruct) -> Result<ExitCode, Failure> {
    let counting = |options: Options| options.ties(Ties::Count);
    let mut session = Session::open_with(&words.model, &words.common, counting)?;
    match words.common.precision {
        PrecisionWord::F32 => run::<f32>(words, &mut session),
        PrecisionWord::F64 => run::<f64>(words, &mut session),
    }
}

fn run<T: Precision>(words: &Reconstruct, session: &mut Session<'_>) -> Result<ExitCode, Failure> {
    if !words.class.is_empty() {
        let classes: Vec<&str> = words.class.iter().map(String::as_str).collect();
        session.face::<T>(&classes, &words.input)?;
    }
    let session = &*session;
    let folded = session.fold::<T>(&words.input)?;
    let chosen = chosen(words, session, folded.logits())?;
    let request = Request {
        classes: if words.all { (0..folded.logits().len()).collect() } else { chosen.clone() },
        method: match words.method {
            MethodWord::Auto => Method::Auto,
            MethodWord::Adjoint => Method::Adjoint,
            MethodWord::Probe => Method::Probe,
        },
        basis: match words.basis {
            BasisWord::Standard => Basis::Standard,
            BasisWord::Hadamard => Basis::Hadamard,
            BasisWord::Dct => Basis::Dct,
        },
        together: Together::AsFits,
    };
    let mut folder = words.out.as_deref().map(Folder::begin).transpose()?;
    let rows = request.classes.len();
    let mut store = folder.as_mut().map(|folder| folded.store(folder, rows)).transpose()?;
    let shown: HashSet<usize> = chosen.iter().copied().collect();
    let mut kept: Vec<ShownRow> = Vec::new();
    let reference = session.reference(words.reference.as_deref(), folded.x())?;
    let began = Instant::now();
    let result = folded.reconstruct::<Failure>(&request, |row| {
        if let Some(store) = &mut store {
            store.row(row)?;
        }
        if shown.contains(&row.class) {
            kept.push(ShownRow::new(row, folded.x(), reference.as_ref()));
        }
        Ok(())
    })?;
    let seconds = began.elapsed().as_secs_f64();
    if words.common.at.is_some() {
        kept.iter_mut().for_each(|row| row.field = Some(folded.circuit().receptive_field(row.class)));
    }
    let certificate = session.certify(&folded, &result, seconds)?;
    let cam = words.common.from.as_ref();
    let cam = cam.and(folded.places());
    let cam = cam.and_then(|places| Cam::of(folded.circuit(), places, kept.iter().map(|row| row.weights.as_slice())));
    kept.sort_by_key(|row| chosen.iter().position(|&class| class == row.class));
    if let Some(store) = store {
        store.finish(&result, folded.x())?;
    }
    if let Some(mut folder) = folder {
        let gallery = ReportWriter {
            session,
            folded: &folded,
            certificate: &certificate,
            result: &result,
            reference: reference.as_ref(),
            rows: &kept,
        };
        gallery.write(&mut folder)?;
        folder.seal("certificate.json", &certificate)?;
        folder.commit()?;
    }
    if words.common.json {
        let classes: Vec<_> = kept.iter().map(|row| row.json(session, &result, folded.logits().shape())).collect();
        let out = words.out.as_ref().map(|folder| folder.display().to_string());
        session.print_json(json!({ "certificate": certificate, "classes": classes, "cam": cam, "out": out }));
    } else {
        print(words, session, &certificate, (&kept, cam), &result, folded.logits().shape());
    }
    Ok(if certificate.equivalent { ExitCode::SUCCESS } else { ExitCode::from(NOT_EQUIVALENT) })
}

/// The classes that `--class` or `--unit` names, then those of `--top`, each once.
fn chosen<T: Precision>(words: &Reconstruct, session: &Session<'_>, logits: &Tensor<T>) -> Result<Vec<usize>, Failure> {
    let mut chosen = Vec::new();
    for word in &words.class {
        chosen.push(session.find(word, logits.len())?);
    }
    for word in &words.unit {
        chosen.push(word.parse::<Unit>()?.element(logits)?);
    }
    let n = words.top.unwrap_or(if chosen.is_empty() { 5 } else { 0 });
    chosen.extend(top(logits.data(), n));
    let mut seen = HashSet::new();
    chosen.retain(|&class| seen.insert(class));
    Ok(chosen)
}

fn print<T: Precision>(
    words: &Reconstruct,
    session: &Session<'_>,
    certificate: &Certificate,
    (rows, cam): (&[ShownRow], Option<Cam>),
    result: &Reconstruction<T>,
    shape: &[usize],
) {
    let name = |row: &ShownRow| match row.field {
        Some(_) => format!("unit {}", Unit::of(row.class, shape)),
        None => session.class(row.class),
    };
    println!(
        "{} at {}: W is {} x {}, {}, {}",
        certificate.model.file,
        certificate.input.file,
        certificate.classes,
        rows.first().map_or(0, |row| row.weights.len()),
        certificate.precision,
        certificate.method
    );
    session.print_inputs();
    if !certificate.left_off.is_empty() {
        println!("left off: {}; the logits before are reconstructed", certificate.left_off.join(", "));
    }
    let width = rows.iter().map(|row| name(row).chars().count()).max().unwrap_or(0).max(5);
    println!(
        "\n{:<width$}  {:>12}  {:>12}  {:>10}  {:>12}  {:>12}",
        if words.common.at.is_some() { "unit" } else { "class" },
        "f(x)",
        "W x + b",
        "difference",
        if words.reference.is_some() { "W (x - x0)" } else { "W x" },
        if words.reference.is_some() { "b + W x0" } else { "b" }
    );
    for row in rows {
        let logit = result.logits[row.class].wide();
        println!(
            "{:<width$}  {:>12}  {:>12}  {:>10}  {:>12}  {:>12}",
            name(row),
            plain(logit, VALUE),
            plain(row.reconstructed, VALUE),
            plain((logit - row.reconstructed).abs(), DIFFERENCE),
            plain(row.reconstructed - row.bias, VALUE),
            plain(row.bias, VALUE)
        );
    }
    for row in rows {
        if let Some(field) = &row.field {
            println!("{} sees {} of {} elements, {:?}", name(row), field.elements, row.weights.len(), field.bounds);
        }
    }
    println!();
    if let Some(cam) = cam {
        println!("{cam}");
    }
    println!("{}", verdict(certificate));
    let frozen = |validity| certificate.rules.iter().filter(|r| r.validity == validity).map(|r| r.nodes).sum::<usize>();
    println!(
        "nodes: {} linear, {} exact in a region, {} exact at this input",
        frozen(netfold::Validity::Everywhere),
        frozen(netfold::Validity::Region),
        frozen(netfold::Validity::Input)
    );
    if let Some(ties) = certificate.ties.filter(|ties| ties.within_rounding > 0) {
        let TieCount { decisions, within_rounding } = ties;
        let hint = if T::NAME == "f32" { "; `--precision f64` decides them more finely" } else { "" };
        println!(
            "ties: {within_rounding} of {decisions} decisions of rectifiers, clips and pools are within rounding of a tie, where \
             W can be that of a neighbouring region{hint}"
        );
    }
    if let Some(folder) = &words.out {
        println!(
            "written to {}: report.html, reconstruction.npz, reconstructed.onnx, certificate.json, pictures",
            folder.display()
        );
    }
}

/// One sentence: is it the network?
fn verdict(certificate: &Certificate) -> String {
    let difference = plain(certificate.worst_relative_difference, DIFFERENCE);
    let (all, tolerance) = (certificate.logits, certificate.tolerance);
    let verdict = if certificate.equivalent { "equivalent" } else { "NOT equivalent" };
    let (one, kept) = match certificate.argmax {
        Some(argmax) if argmax.kept => ("logit", "; winner kept"),
        Some(_) => ("logit", "; the winner is another one"),
        None => ("element", ""),
    };
    format!(
        "{verdict}: worst difference {difference} of the largest {one} over all {all} {one}s (tolerance {tolerance:e}){kept}"
    )
}
