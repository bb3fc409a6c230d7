//! `netfold verify`: is the one-layer model the network, at each of these inputs?

use std::path::Path;
use std::process::ExitCode;

use netfold::output::Certificate;
use netfold::{Method, Precision, Request};
use netfold_render::number::{DIFFERENCE, plain};
use serde_json::json;

use crate::args::{PrecisionWord, Verify};
use crate::failure::{Failure, NOT_EQUIVALENT};
use crate::session::Session;

/// Checks every input; one that cannot be read stops the run.
pub fn verify(words: &Verify) -> Result<ExitCode, Failure> {
    let session = Session::open(&words.model, &words.common)?;
    let mut lines = Vec::new();
    for input in &words.inputs {
        lines.push(match words.common.precision {
            PrecisionWord::F32 => one::<f32>(&session, input)?,
            PrecisionWord::F64 => one::<f64>(&session, input)?,
        });
    }
    let failed = lines.iter().filter(|line| !line.certificate.equivalent).count();
    if words.common.json {
        let inputs = lines
            .iter()
            .map(|line| json!({ "path": line.path, "certificate": line.certificate, "logits": line.logits }));
        session.print_json(json!({ "equivalent": failed == 0, "inputs": inputs.collect::<Vec<_>>() }));
    } else {
        session.print_inputs();
        for Line { certificate, path, logits } in &lines {
            let verdict = if certificate.equivalent { "equivalent    " } else { "NOT equivalent" };
            let class = certificate.argmax.map_or_else(String::new, |argmax| session.winner(argmax.original, logits));
            println!("{verdict}  {:>9}  {class:<24}  {path}", plain(certificate.worst_relative_difference, DIFFERENCE));
        }
        println!("{} of {} equivalent within {:e}", lines.len() - failed, lines.len(), lines[0].certificate.tolerance);
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(NOT_EQUIVALENT) })
}

/// What is found at one input.
struct Line {
    path: String,
    certificate: Certificate,
    /// f(x), for all classes.
    logits: Vec<f64>,
}

/// W x + b of all classes is pushed; the row of the winning class is pulled as well, so that both roads are checked.
fn one<T: Precision>(session: &Session<'_>, path: &Path) -> Result<Line, Failure> {
    let folded = session.fold::<T>(path)?;
    let request = Request { classes: vec![folded.winner()], method: Method::Adjoint, ..Request::default() };
    let result = folded.reconstruct::<Failure>(&request, |_| Ok(()))?;
    Ok(Line {
        path: path.display().to_string(),
        certificate: session.certify(&folded, &result, 0.0)?,
        logits: result.logits.iter().map(|logit| logit.wide()).collect(),
    })
}
