//! `soft-gate`: gates that open by degrees, on the way back only.

use netfold_linear::{Broadcast, Diagonal, Sparse};

use super::subject::{Attribution, Subject, row};
use crate::affine::Affine;
use crate::circuit::Stage;
use crate::error::Error;
use crate::ops::{Class, Precision};

/// The Jacobian with other slopes: σ(z / τ) for `Relu`; for a max pool those of Σ p x, p = softmax(x / τ) over the window,
/// p (1 + (x − Σ p x) / τ). The author's name for it is excitation pullback.
pub(super) fn look<T: Precision>(lens: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let (circuit, temperature) = (subject.jacobian()?, subject.settings.temperature);
    if !circuit.stages().iter().any(|stage| stage.class() == Class::Relu) {
        return Err(Error::Lens { lens, why: "no node is a Relu".into() });
    }
    let softened = circuit.map_stages(|stage| {
        let &[source] = stage.sources.as_slice() else { return Ok(stage.clone()) };
        let z = || subject.read(subject.trace, &circuit, source);
        if stage.class() == Class::Relu {
            let z = z()?;
            let gate = |z: &T| T::of(1.0 / (1.0 + (-z.wide() / temperature).exp()));
            let field = Broadcast::full(z.shape(), z.data().iter().map(gate).collect());
            return Ok(Stage { affine: Affine::linear(Diagonal::new(field)), ..stage.clone() });
        }
        let windows = match &subject.node(stage)?.operator {
            Ok(operator) => operator.windows(z()?.shape()),
            Err(_) => None,
        };
        let Some(windows) = windows else { return Ok(stage.clone()) };
        let x = z()?;
        let row = |i: usize| {
            let value = |e: usize| x.data()[e].wide();
            let largest = windows.of(i).map(value).fold(f64::MIN, f64::max);
            let weight = |e: usize| ((value(e) - largest) / temperature).exp();
            let total: f64 = windows.of(i).map(weight).sum();
            let mean = windows.of(i).map(|e| weight(e) * value(e)).sum::<f64>() / total;
            let slope = |e: usize| weight(e) / total * (1.0 + (value(e) - mean) / temperature);
            windows.of(i).map(|e| (e, T::of(slope(e)))).collect::<Vec<_>>()
        };
        let affine = Affine::linear(Sparse::new(x.shape(), stage.affine.shape(), row));
        Ok::<_, Error>(Stage { affine, ..stage.clone() })
    })?;
    Ok(Attribution::weights(row(&softened, subject.class), subject.x()?))
}
