//! `deconvnet`, `guided`: the adjoint itself is rectified.

use netfold_linear::Identity;

use super::subject::{Attribution, Subject, pulled};
use crate::affine::Affine;
use crate::circuit::Stage;
use crate::error::Error;
use crate::ops::{Class, Precision};

/// Whether a stage is a rectifier: `Relu`, or a `Clip` whose lower bound is 0.
fn rectifies<T: Precision>(subject: &Subject<'_, T>, stage: &Stage<T>) -> Result<bool, Error> {
    Ok(match stage.class() {
        Class::Relu => true,
        // No value lies below the bound, and where one lies on it, it is 0.
        Class::Clip => subject.value(subject.trace, stage)?.data().iter().all(|&y| y >= T::zero()),
        _ => false,
    })
}

/// a ← max(a, 0) of the adjoint a of each rectifier's output; guided backpropagation then applies the rectifier's mask,
/// DeconvNet does not. Not linear in the seed: each row travels as a probe of its own.
pub(super) fn look<T: Precision>(lens: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let circuit = subject.jacobian()?;
    let rectifiers =
        circuit.stages().iter().map(|stage| rectifies(subject, stage)).collect::<Result<Vec<bool>, Error>>()?;
    if !rectifiers.contains(&true) {
        return Err(Error::Lens { lens, why: "no node is a Relu or a Clip from 0".into() });
    }
    let mut index = 0;
    let circuit = circuit.map_stages(|stage| {
        index += 1;
        if lens == "guided" || !rectifiers[index - 1] {
            return Ok::<_, Error>(stage.clone());
        }
        Ok(Stage { affine: Affine::linear(Identity::new(stage.affine.shape())), ..stage.clone() })
    })?;
    let w = pulled(&circuit, subject.class, &mut |stage, adjoint| {
        if rectifiers[stage] {
            adjoint.values_mut().iter_mut().for_each(|a| *a = a.max(T::zero()));
        }
    });
    Ok(Attribution::weights(w, subject.x()?))
}
