//! `netfold integrate`: integrated gradients, exact piece by piece.

use std::process::ExitCode;

use netfold::trace::Keep;
use netfold::{Path, Precision, output};
use netfold_render::number::{DIFFERENCE, VALUE, plain};
use serde_json::json;

use crate::args::{Integrate, PrecisionWord};
use crate::failure::{Failure, WRONG_INPUT};
use crate::session::Session;

/// Runs the command in the precision that is asked for.
pub fn integrate(words: &Integrate) -> Result<ExitCode, Failure> {
    let mut session = Session::open(&words.model, &words.common)?;
    if words.common.from.is_some() {
        return Err(Failure::new(WRONG_INPUT, "a path begins at the model's input").hint("leave `--from` out"));
    }
    match words.common.precision {
        PrecisionWord::F32 => run::<f32>(words, &mut session),
        PrecisionWord::F64 => run::<f64>(words, &mut session),
    }
}

fn run<T: Precision>(words: &Integrate, session: &mut Session<'_>) -> Result<ExitCode, Failure> {
    if let Some(class) = words.class.as_deref() {
        session.face::<T>(&[class], &words.input)?;
    }
    let session = &*session;
    let (x, reference) = (session.input::<T>(&words.input)?.x, session.input::<T>(&words.reference)?.x);
    if x.shape() != reference.shape() {
        let shapes = format!("INPUT has shape {:?}, the reference {:?}", x.shape(), reference.shape());
        return Err(Failure::new(WRONG_INPUT, shapes).hint("both ends of a path have one shape"));
    }
    let trace = session.trace(&x, Keep::ForFreezing)?;
    let logits = trace.logits()?.clone();
    drop(trace);
    let class = session.chosen(words.class.as_deref(), &logits)?;
    let (model, output, non_finite) = (session.model(), session.head().logits, session.words.non_finite());
    let path = Path { model, output, non_finite, reference, feed: session.feed(&x) };
    let limit = words.pieces as usize;
    let made = path.integrate(class, limit, session.watch())?;
    if let Some(file) = &words.out {
        output::write_array(file, x.shape(), &made.attributions)?;
    }
    let sum: f64 = made.attributions.iter().sum();
    let [from, to] = made.ends;
    if words.common.json {
        session.print_json(json!({
            "class": class,
            "label": session.label(class),
            "logits": { "reference": from, "input": to },
            "sum": sum,
            "difference": made.difference,
            "pieces": made.pieces,
            "unresolved": made.unresolved,
            "exact": made.is_exact(),
            "shape": x.shape(),
            "attributions": made.attributions,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let (input, reference) = (words.input.display(), words.reference.display());
    println!("{}: integrated gradients of {} from {reference} to {input}", session.stamp.file, session.class(class));
    session.print_inputs();
    println!("\nlogit at the reference  {}", plain(from, VALUE));
    println!("logit at the input      {}", plain(to, VALUE));
    let (sum, off) = (plain(sum, VALUE), plain(made.difference, DIFFERENCE));
    println!("sum of attributions     {sum}, off by {off} of the largest logit");
    if made.is_exact() {
        println!("pieces                  {}: exact up to rounding", made.pieces);
    } else {
        let share = 100.0 * made.unresolved;
        println!(
            "pieces                  {}: NOT exact, {} % of the path is unresolved",
            made.pieces,
            plain(share, DIFFERENCE)
        );
        println!("                        more pieces: `--pieces {}`", limit.saturating_mul(10));
    }
    Ok(ExitCode::SUCCESS)
}
