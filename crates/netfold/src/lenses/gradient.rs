//! `gradient`, `gradient-x-input`, `contributions`.

use super::subject::{Attribution, Subject, row_and_bias};
use crate::error::Error;
use crate::ops::Precision;

/// w of the Jacobian; w ∘ x; W ∘ x of the one-layer model under the rules that were asked for, with its b as the rest.
pub(super) fn look<T: Precision>(lens: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let x = subject.x()?;
    let circuit = match lens {
        "contributions" => subject.trace.freeze(&subject.settings.rules)?,
        _ => subject.jacobian()?,
    };
    let (w, b) = row_and_bias(&circuit, subject.class);
    if lens == "gradient" {
        return Ok(Attribution::weights(w, x));
    }
    let rest = if lens == "contributions" { b } else { 0.0 };
    Ok(Attribution::contributions(w.iter().zip(x.data()).map(|(w, x)| w * x.wide()).collect(), rest))
}
