//! `netfold verify`: is the one-layer model the network, at each of these inputs?

use std::path::Path;
use std::process::ExitCode;

use netfold::certificate::{Certificate, Circumstances};
use netfold::reconstruct::{Request, top};
use netfold::{Method, Precision};
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
    let failed = lines.iter().filter(|(certificate, _)| !certificate.equivalent).count();
    if words.common.json {
        let inputs: Vec<_> =
            lines.iter().map(|(certificate, path)| json!({ "path": path, "certificate": certificate })).collect();
        println!("{}", json!({ "equivalent": failed == 0, "inputs": inputs }));
    } else {
        for (certificate, path) in &lines {
            let verdict = if certificate.equivalent { "equivalent    " } else { "NOT equivalent" };
            let class = session.class(certificate.argmax.original);
            println!("{verdict}  {:9.2e}  {class:<24}  {path}", certificate.worst_relative_difference);
        }
        println!("{} of {} equivalent within {:e}", lines.len() - failed, lines.len(), lines[0].0.tolerance);
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(NOT_EQUIVALENT) })
}

/// W x + b of all classes is pushed; the row of the winning class is pulled as well, so that both roads are checked.
fn one<T: Precision>(session: &Session<'_>, path: &Path) -> Result<(Certificate, String), Failure> {
    let mut frozen = session.freeze::<T>(path)?;
    let request = Request { classes: top(frozen.logits.data(), 1), method: Method::Adjoint, ..Request::default() };
    let result = frozen.reconstruct(&request, &mut |_, _| {}, &mut |_| Ok(()))?;
    let told = Circumstances {
        tolerance: session.tolerance::<T>(),
        method: result.method.clone(),
        left_off: session.head.left_off.clone(),
        seconds: frozen.seconds,
        model: session.stamp.clone(),
        input: frozen.stamp.clone(),
    };
    Ok((Certificate::new(&frozen.circuit, &result, told), path.display().to_string()))
}
