//! How relevance passes one layer: linear maps at this input.

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Diagonal, Identity, SharedMap, Support};

use super::in_the_way;
use super::subject::Subject;
use crate::affine::Affine;
use crate::circuit::{Circuit, Push, Stage};
use crate::error::Error;
use crate::ops::{At, Inputs, Precision};
use crate::trace::node_error;
use crate::value::{Tensor, Value};

/// What keeps a denominator away from zero, in rules that have no ε of their own.
pub(super) const STABILISER: f64 = 1e-6;

/// A rule of relevance propagation for one layer y = Σᵢ Aᵢ xᵢ + c.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Transport {
    /// Rₓ = Aᵀ R: what moves or picks elements.
    Adjoint,
    /// Rₓ = R: functions of one number.
    Pass,
    /// Rₓ = x ∘ Aᵀ (R / (y + ε sign y)); with ε = 0, nothing where y = 0.
    Epsilon(f64),
    /// γ: weights W + γ W⁺ for what makes y positive, W + γ W⁻ for what makes it negative.
    Gamma(f64),
    /// α, β = α − 1: positive and negative parts apart.
    AlphaBeta(f64),
    /// Lowest and highest x.
    Box([f64; 2]),
}

/// One part of a layer's relevance map: Rₓ += u ∘ Mᵀ (v ∘ R).
struct Part<T> {
    u: Vec<T>,
    map: SharedMap<T>,
    v: Vec<T>,
}

impl<T: Precision> Part<T> {
    fn map(self) -> SharedMap<T> {
        let (domain, codomain) = (self.map.domain().to_vec(), self.map.codomain().to_vec());
        let diagonal = |shape: &[usize], values| Arc::new(Diagonal::new(Broadcast::full(shape, values)));
        let inner = Chain::new(self.map, diagonal(&codomain, self.v));
        Arc::new(Chain::new(diagonal(&domain, self.u), Arc::new(inner)))
    }
}

/// 1 / (z + ε sign z), + ε at zero; 1 / z or 0 without ε.
fn inverse<T: Precision>(z: T, epsilon: f64) -> T {
    if epsilon == 0.0 && z.is_zero() {
        return T::zero();
    }
    let epsilon = T::of(epsilon);
    T::one() / if z < T::zero() { z - epsilon } else { z + epsilon }
}

fn inverses<T: Precision>(z: &[T], epsilon: f64) -> Vec<T> {
    z.iter().map(|&z| inverse(z, epsilon)).collect()
}

/// A layer's weights and bias through a function each, as the map and the offset that they make.
struct Layer<T> {
    map: SharedMap<T>,
    offset: Option<Broadcast<T>>,
}

impl<T: Precision> Layer<T> {
    /// Adds M x to a sum.
    fn add(&self, x: &[T], sum: &mut [T]) {
        let y = self.map.apply(Tensor::new(self.map.domain(), x.to_vec()).probe(), &Support::full(self.map.codomain()));
        sum.iter_mut().zip(y.values()).for_each(|(sum, &y)| *sum += y);
    }

    /// c as a tensor.
    fn offset(&self) -> Vec<T> {
        let len = self.map.codomain().iter().product();
        self.offset.as_ref().map_or_else(|| vec![T::zero(); len], Broadcast::to_vec)
    }
}

/// A stage that carries relevance instead of values, without the offset: a bias takes no relevance on.
pub(super) fn carried<T: Precision>(
    lens: &'static str,
    subject: &Subject<'_, T>,
    circuit: &Circuit<T>,
    stage: &Stage<T>,
    rule: Transport,
) -> Result<Stage<T>, Error> {
    let y = subject.value(subject.trace, stage)?;
    let read = |source: usize| subject.read(subject.trace, circuit, source);
    let only = || match stage.sources.as_slice() {
        &[source] => Ok(source),
        _ => Err(in_the_way(lens, &stage.node, &stage.op, "joins several inputs that vary")),
    };
    let map_stages = |terms, sources| Ok(Stage { affine: Affine::sum(y.shape(), terms), sources, ..stage.clone() });
    let (source, parts) = match rule {
        Transport::Adjoint => return map_stages(stage.affine.terms.clone(), stage.sources.clone()),
        Transport::Pass => {
            let source = only()?;
            let pass: SharedMap<T> = Arc::new(Identity::reshape(read(source)?.shape(), y.shape()));
            return map_stages(vec![Some(pass)], vec![source]);
        }
        Transport::Epsilon(epsilon) => {
            let part = |map: &SharedMap<T>, source: usize| {
                let part =
                    Part { u: read(source)?.data().to_vec(), map: Arc::clone(map), v: inverses(y.data(), epsilon) };
                Ok(Some(part.map()))
            };
            let terms = stage.affine.terms.iter().zip(&stage.sources);
            let terms = terms.map(|(map, &source)| map.as_ref().map_or(Ok(None), |map| part(map, source)));
            return map_stages(terms.collect::<Result<_, Error>>()?, stage.sources.clone());
        }
        Transport::Gamma(gamma) => (only()?, gamma_parts(lens, subject, stage, read(only()?)?, y, gamma)?),
        Transport::AlphaBeta(alpha) => (only()?, alpha_beta_parts(lens, subject, stage, read(only()?)?, alpha)?),
        Transport::Box(bounds) => {
            let (source, input) = (only()?, subject.x()?);
            let [low, high] = bounds.map(|bound| input.map(|_| T::of(bound)));
            let corners = reached(circuit, source, [&low, &high]);
            (source, box_parts(lens, subject, stage, read(source)?, y, &corners)?)
        }
    };
    // A part that nothing enters: most often the negative inputs behind a rectifier.
    let parts = parts.into_iter().filter(|part| part.u.iter().any(|u| !u.is_zero()));
    let terms: Vec<_> = parts.map(|part| Some(part.map())).collect();
    let sources = vec![source; terms.len()];
    map_stages(terms, sources)
}

/// The stage's own node frozen with other weights and biases; without `bias`, with none.
fn layer<T: Precision>(
    lens: &'static str,
    subject: &Subject<'_, T>,
    stage: &Stage<T>,
    weight: impl Fn(T) -> T,
    bias: Option<&dyn Fn(T) -> T>,
) -> Result<Layer<T>, Error> {
    let node = subject.node(stage)?;
    let varies: Vec<bool> = node.inputs.iter().map(|id| id.is_some_and(|id| subject.trace.varies(id))).collect();
    let changed: Vec<Option<Value<T>>> = subject
        .trace
        .inputs(node)
        .0
        .iter()
        .enumerate()
        .map(|(i, value)| match value {
            Some(Value::Real(tensor)) if !varies[i] && i < 2 => Some(Value::Real(tensor.map(|&w| weight(w)))),
            Some(Value::Real(tensor)) if !varies[i] => bias.map(|bias| Value::Real(tensor.map(|&b| bias(b)))),
            value => value.cloned(),
        })
        .collect();
    let inputs = Inputs(changed.iter().map(Option::as_ref).collect());
    let at = At { inputs: &inputs, outputs: &[], varies: &varies, output: 0, rule: stage.rule, still: None };
    let Ok(operator) = &node.operator else { return Err(in_the_way(lens, &node.name, &node.op, "is not supported")) };
    let affine = T::op(operator.as_ref()).freeze(&at).map_err(|source| node_error("freeze", node, &inputs, source))?;
    let map = affine.terms.into_iter().flatten().next();
    let map = map.ok_or_else(|| in_the_way(lens, &node.name, &node.op, "has no input that varies"))?;
    Ok(Layer { map, offset: affine.offset })
}

fn positive<T: Precision>(v: T) -> T {
    v.max(T::zero())
}

fn negative<T: Precision>(v: T) -> T {
    v.min(T::zero())
}

/// x⁺, x⁻
fn halves<T: Precision>(x: &Tensor<T>) -> [Vec<T>; 2] {
    [x.data().iter().map(|&x| positive(x)).collect(), x.data().iter().map(|&x| negative(x)).collect()]
}

/// α (x⁺ ∘ W⁺ᵀ + x⁻ ∘ W⁻ᵀ) R / p − β (x⁺ ∘ W⁻ᵀ + x⁻ ∘ W⁺ᵀ) R / n, p = W⁺ x⁺ + W⁻ x⁻ + c⁺, n = W⁻ x⁺ + W⁺ x⁻ + c⁻.
fn alpha_beta_parts<T: Precision>(
    lens: &'static str,
    subject: &Subject<'_, T>,
    stage: &Stage<T>,
    x: &Tensor<T>,
    alpha: f64,
) -> Result<Vec<Part<T>>, Error> {
    let up = layer(lens, subject, stage, positive, Some(&positive))?;
    let down = layer(lens, subject, stage, negative, Some(&negative))?;
    let [high, low] = halves(x);
    let (mut p, mut n) = (up.offset(), down.offset());
    up.add(&high, &mut p);
    down.add(&low, &mut p);
    let scaled = |sums: &[T], by: f64| sums.iter().map(|&z| T::of(by) * inverse(z, STABILISER)).collect::<Vec<T>>();
    let part = |u: &[T], layer: &Layer<T>, v: &[T]| Part { u: u.to_vec(), map: Arc::clone(&layer.map), v: v.to_vec() };
    let v = scaled(&p, alpha);
    let mut parts = vec![part(&high, &up, &v), part(&low, &down, &v)];
    if alpha > 1.0 {
        down.add(&high, &mut n);
        up.add(&low, &mut n);
        let v = scaled(&n, 1.0 - alpha);
        parts.extend([part(&high, &down, &v), part(&low, &up, &v)]);
    }
    Ok(parts)
}

/// With P = W + γ W⁺, N = W + γ W⁻, p = P x⁺ + N x⁻ + c + γ c⁺, n = N x⁺ + P x⁻ + c + γ c⁻:
/// (x⁺ ∘ Pᵀ + x⁻ ∘ Nᵀ) (R / p where y > 0) + (x⁺ ∘ Nᵀ + x⁻ ∘ Pᵀ) (R / n where y < 0).
fn gamma_parts<T: Precision>(
    lens: &'static str,
    subject: &Subject<'_, T>,
    stage: &Stage<T>,
    x: &Tensor<T>,
    y: &Tensor<T>,
    gamma: f64,
) -> Result<Vec<Part<T>>, Error> {
    let gamma = T::of(gamma);
    let (raised, lowered) = (|w: T| w + gamma * positive(w), |w: T| w + gamma * negative(w));
    let up = layer(lens, subject, stage, raised, Some(&raised))?;
    let down = layer(lens, subject, stage, lowered, Some(&lowered))?;
    let [high, low] = halves(x);
    let (mut p, mut n) = (up.offset(), down.offset());
    up.add(&high, &mut p);
    down.add(&low, &mut p);
    down.add(&high, &mut n);
    up.add(&low, &mut n);
    let where_ = |sums: &[T], keep: fn(T) -> bool| -> Vec<T> {
        sums.iter().zip(y.data()).map(|(&z, &y)| if keep(y) { inverse(z, STABILISER) } else { T::zero() }).collect()
    };
    let (above, below) = (where_(&p, |y| y > T::zero()), where_(&n, |y| y < T::zero()));
    let part = |u: &[T], layer: &Layer<T>, v: &[T]| Part { u: u.to_vec(), map: Arc::clone(&layer.map), v: v.to_vec() };
    Ok(vec![part(&high, &up, &above), part(&low, &down, &above), part(&high, &down, &below), part(&low, &up, &below)])
}

/// (x ∘ Wᵀ − l ∘ W⁺ᵀ − h ∘ W⁻ᵀ) R / d, d = y − (W⁺ l + c⁺) − (W⁻ h + c⁻).
fn box_parts<T: Precision>(
    lens: &'static str,
    subject: &Subject<'_, T>,
    stage: &Stage<T>,
    x: &Tensor<T>,
    y: &Tensor<T>,
    [low, high]: &[Vec<T>; 2],
) -> Result<Vec<Part<T>>, Error> {
    let whole = layer(lens, subject, stage, |w| w, None)?;
    let up = layer(lens, subject, stage, positive, Some(&positive))?;
    let down = layer(lens, subject, stage, negative, Some(&negative))?;
    let (mut l, mut h) = (up.offset(), down.offset());
    up.add(low, &mut l);
    down.add(high, &mut h);
    let d: Vec<T> = y.data().iter().zip(l.iter().zip(&h)).map(|(&y, (&l, &h))| y - l - h).collect();
    let v = inverses(&d, STABILISER);
    let minus = |bound: &[T]| bound.iter().map(|&b| -b).collect::<Vec<T>>();
    let part = |u: Vec<T>, layer: &Layer<T>| Part { u, map: Arc::clone(&layer.map), v: v.clone() };
    Ok(vec![part(x.data().to_vec(), &whole), part(minus(low), &up), part(minus(high), &down)])
}

/// The lowest and the highest of what two inputs become at a slot: the box's corners, behind a normalisation in the graph.
fn reached<T: Precision>(circuit: &Circuit<T>, slot: usize, [low, high]: [&Tensor<T>; 2]) -> [Vec<T>; 2] {
    let at = |x: &Tensor<T>| circuit.truncated(slot).push(x.probe(), Push::Affine).into_values();
    let (a, b) = (at(low), at(high));
    let pick = |f: fn(T, T) -> T| a.iter().zip(&b).map(|(&a, &b)| f(a, b)).collect();
    [pick(T::min), pick(T::max)]
}
