//! Laws 1 to 3 for one node at given inputs: transpose, anchor, tangency.

use std::fmt;

use netfold::affine::{Affine, Rule, Validity};
use netfold::model::Node;
use netfold::ops::{At, Dependence, Inputs, Record};
use netfold::{Precision, Tensor, Value};
use netfold_linear::{Probes, Support, dot_test};

/// How many checks were made.
#[derive(Default)]
pub struct Counts {
    anchors: usize,
    transposes: usize,
    tangents: usize,
    no_generic_point: usize,
    records: usize,
    overwritten: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} anchors, {} transposes, ", self.anchors, self.transposes)?;
        write!(f, "{} tangents ({} at no generic point), ", self.tangents, self.no_generic_point)?;
        write!(f, "{} records ({} in place)", self.records, self.overwritten)
    }
}

const RULES: [Rule; 3] = [Rule::Gate, Rule::Tangent, Rule::Half];

/// Numbers in −1..1 that are the same in every run.
fn noise(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 11) as f64 / f64::from(2_u32).powi(52) - 1.0
}

/// Checks a node under every choice of varying inputs that it allows: each floating input alone, and all together.
pub fn check_laws(node: &Node, inputs: &[Option<Value<f64>>], counts: &mut Counts) -> Result<(), String> {
    let operator = node.operator.as_ref().map_err(Clone::clone)?;
    let floating: Vec<usize> = (0..inputs.len()).filter(|&i| matches!(inputs[i], Some(Value::Real(_)))).collect();
    let mut choices: Vec<Vec<bool>> = floating.iter().map(|&i| (0..inputs.len()).map(|j| i == j).collect()).collect();
    if floating.len() > 1 {
        choices.push((0..inputs.len()).map(|j| floating.contains(&j)).collect());
    }
    for varies in choices.iter().filter(|varies| operator.dependence(varies) == Dependence::Varies) {
        check_choice(node, inputs, varies, counts).map_err(|why| format!("inputs {varies:?} vary: {why}"))?;
    }
    Ok(())
}

fn narrow(value: &Value<f64>) -> Value<f32> {
    match value {
        Value::Real(tensor) => Value::Real(tensor.map(|&x| x as f32)),
        Value::Int(tensor) => Value::Int(tensor.clone()),
        Value::Bool(tensor) => Value::Bool(tensor.clone()),
    }
}

fn check_choice(
    node: &Node,
    inputs: &[Option<Value<f64>>],
    varies: &[bool],
    counts: &mut Counts,
) -> Result<(), String> {
    let narrowed: Vec<Option<Value<f32>>> = inputs.iter().map(|x| x.as_ref().map(narrow)).collect();
    let finite = |x: &Option<Value<f64>>| !matches!(x, Some(Value::Real(x)) if x.non_finite().is_some());
    if !inputs.iter().all(finite) || inputs.iter().flatten().any(|x| x.shape().contains(&0)) {
        return Ok(());
    }
    let outputs = node.outputs.iter().filter(|id| id.is_some()).count();
    if let Some(record) = recorded(node, inputs, varies)? {
        counts.records += 1;
        if let Some(record) = overwritten(node, inputs)? {
            counts.overwritten += 1;
            same_record(node, inputs, varies, (0, Rule::Gate), &record).map_err(|why| format!("overwritten: {why}"))?;
        }
        for output in 0..outputs {
            let same = |rule| same_record(node, inputs, varies, (output, rule), &record);
            RULES.into_iter().try_for_each(same).map_err(|why| format!("record of output {output}: {why}"))?;
        }
    }
    for output in 0..outputs {
        for rule in RULES {
            let affine = frozen(node, inputs, varies, output, rule)?;
            anchored(node, inputs, output, &affine, 1e-12).map_err(|why| format!("anchor, {rule}, f64: {why}"))?;
            let single = frozen(node, &narrowed, varies, output, rule)?;
            anchored(node, &narrowed, output, &single, 1e-5).map_err(|why| format!("anchor, {rule}, f32: {why}"))?;
            counts.anchors += 2;
            counts.transposes += transposed(&affine).map_err(|why| format!("transpose, {rule}: {why}"))?;
            if rule == Rule::Tangent || affine.validity != Validity::Input {
                if tangent(node, inputs, varies, output, rule).map_err(|why| format!("tangent, {rule}: {why}"))? {
                    counts.tangents += 1;
                } else {
                    counts.no_generic_point += 1;
                }
            }
        }
    }
    Ok(())
}

fn refs<T>(inputs: &[Option<Value<T>>]) -> Inputs<'_, T> {
    Inputs(inputs.iter().map(Option::as_ref).collect())
}

fn forward<T: Precision>(node: &Node, inputs: &[Option<Value<T>>], output: usize) -> Result<Tensor<T>, String> {
    let operator = node.operator.as_ref().map_err(Clone::clone)?;
    let mut made = T::op(operator.as_ref()).forward(&refs(inputs)).map_err(|error| error.to_string())?;
    Ok(match made.swap_remove(output) {
        Value::Real(tensor) => tensor,
        Value::Int(tensor) => tensor.map(|&value| T::of(value as f64)),
        Value::Bool(tensor) => tensor.map(|&value| T::of(f64::from(u8::from(value)))),
    })
}

fn frozen<T: Precision>(
    node: &Node,
    inputs: &[Option<Value<T>>],
    varies: &[bool],
    output: usize,
    rule: Rule,
) -> Result<Affine<T>, String> {
    let operator = node.operator.as_ref().map_err(Clone::clone)?;
    let outputs = T::op(operator.as_ref()).forward(&refs(inputs)).map_err(|error| error.to_string())?;
    let at = At { inputs: &refs(inputs), outputs: &outputs, varies, output, rule, still: None };
    let affine = T::op(operator.as_ref()).freeze(&at).map_err(|error| error.to_string())?;
    let constant = affine.terms.iter().zip(varies).find(|(term, varies)| term.is_some() && !**varies);
    if constant.is_some() { Err("a term for an input that is held constant".into()) } else { Ok(affine) }
}

fn recorded(node: &Node, inputs: &[Option<Value<f64>>], varies: &[bool]) -> Result<Option<Record<f64>>, String> {
    let operator = node.operator.as_ref().map_err(Clone::clone)?;
    f64::op(operator.as_ref()).record(&refs(inputs), varies).map_err(|error| error.to_string())
}

/// What becomes of input 0 in its own place, and of numbers that somebody else holds nothing.
fn overwritten(node: &Node, inputs: &[Option<Value<f64>>]) -> Result<Option<Record<f64>>, String> {
    let operator = node.operator.as_ref().map_err(Clone::clone)?;
    let Some(Some(Value::Real(x))) = inputs.first() else { return Ok(None) };
    let over = |z: &mut Tensor<f64>| {
        let others = inputs.iter().enumerate().map(|(i, x)| x.as_ref().filter(|_| i > 0));
        f64::op(operator.as_ref()).overwrite(z, &Inputs(others.collect())).map_err(|error| error.to_string())
    };
    let mut shared = x.clone();
    if over(&mut shared)?.is_some() || shared.data() != x.data() {
        return Err("numbers that others hold were overwritten".into());
    }
    let mut z = x.map(|&x| x);
    let affine = over(&mut z)?;
    Ok(affine.map(|affine| Record { values: vec![Value::Real(z)], affines: vec![affine] }))
}

/// What one pass over the numbers gives is what `forward` and, under every rule, `freeze` give.
fn same_record(
    node: &Node,
    inputs: &[Option<Value<f64>>],
    varies: &[bool],
    (output, rule): (usize, Rule),
    record: &Record<f64>,
) -> Result<(), String> {
    let value = match &record.values[output] {
        Value::Real(value) => value.clone(),
        Value::Int(value) => value.map(|&value| value as f64),
        Value::Bool(value) => value.map(|&value| f64::from(u8::from(value))),
    };
    crate::cases::equal(&Value::Real(value), &Value::Real(forward(node, inputs, output)?), 1e-14)?;
    let (own, frozen) = (&record.affines[output], frozen(node, inputs, varies, output, rule)?);
    if own.validity != frozen.validity {
        return Err(format!("{} instead of {} under {rule}", own.validity, frozen.validity));
    }
    let mut seed = 5;
    for by in [0.0, 1.0] {
        let moved: Vec<Tensor<f64>> = (inputs.iter())
            .map(|x| x.as_ref().map_or(&[0][..], Value::shape))
            .map(|shape| Tensor::new(shape, (0..shape.iter().product()).map(|_| by * noise(&mut seed)).collect()))
            .collect();
        let moved: Vec<Option<&Tensor<f64>>> = moved.iter().map(Some).collect();
        let (own, frozen) = (own.apply(&moved), frozen.apply(&moved));
        crate::cases::equal(&Value::Real(own), &Value::Real(frozen), 1e-12).map_err(|why| format!("{rule}: {why}"))?;
    }
    Ok(())
}

/// The numbers of the inputs, as far as they are numbers.
fn tensors<T: Precision>(inputs: &[Option<Value<T>>]) -> Vec<Option<&Tensor<T>>> {
    inputs.iter().map(|x| if let Some(Value::Real(x)) = x { Some(x) } else { None }).collect()
}

fn anchored<T: Precision>(
    node: &Node,
    inputs: &[Option<Value<T>>],
    output: usize,
    affine: &Affine<T>,
    tolerance: f64,
) -> Result<(), String> {
    let expected = Value::Real(forward(node, inputs, output)?);
    crate::cases::equal(&Value::Real(affine.apply(&tensors(inputs))), &expected, tolerance)
}

fn random(shape: &[usize], width: usize, seed: &mut u64) -> Probes<f64> {
    let len = shape.iter().product::<usize>() * width;
    Probes::new(Support::full(shape), width, (0..len).map(|_| noise(seed)).collect())
}

/// ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for each term.
fn transposed(affine: &Affine<f64>) -> Result<usize, String> {
    let mut seed = 7;
    let terms: Vec<_> = affine.terms.iter().flatten().collect();
    for map in &terms {
        let (x, y) = (random(map.domain(), 3, &mut seed), random(map.codomain(), 3, &mut seed));
        for (a, b) in dot_test(map.as_ref(), &x, &y) {
            if (a - b).abs() > 1e-10 * (1.0 + a.abs() + (x.values().len() as f64)) {
                return Err(format!("{a} at one side, {b} at the other"));
            }
        }
    }
    Ok(terms.len())
}

/// (f(x + h v) − f(x − h v)) / 2h = A v at a point near the given one; false if every point tried is at a tie, or
/// outside the function's domain.
fn tangent(
    node: &Node,
    inputs: &[Option<Value<f64>>],
    varies: &[bool],
    output: usize,
    rule: Rule,
) -> Result<bool, String> {
    let mut seed = 3;
    let mut last = Ok(false);
    for _ in 0..4 {
        let h = 1e-6;
        let moved = |from: &[Option<Value<f64>>], v: &[Vec<f64>], by: f64| -> Vec<Option<Value<f64>>> {
            let step = |(x, v): (&Option<Value<f64>>, &Vec<f64>)| match x {
                Some(Value::Real(x)) => {
                    let data = x.data().iter().zip(v).map(|(x, v)| x + by * v).collect();
                    Some(Value::Real(Tensor::new(x.shape(), data)))
                }
                other => other.clone(),
            };
            from.iter().zip(v).map(step).collect()
        };
        let mut directions = || -> Vec<Vec<f64>> {
            let len = |x: &Option<Value<f64>>| x.as_ref().map_or(0, |x| x.shape().iter().product::<usize>());
            let zeroed = |(x, &varies): (&Option<Value<f64>>, &bool)| {
                (0..len(x)).map(|_| if varies { noise(&mut seed) } else { 0.0 }).collect()
            };
            inputs.iter().zip(varies).map(zeroed).collect()
        };
        let (away, v) = (directions(), directions());
        let x = moved(inputs, &away, 1e-2);
        let (up, down) = (moved(&x, &v, h), moved(&x, &v, -h));
        let (high, low) = (forward(node, &up, output)?, forward(node, &down, output)?);
        let middle = forward(node, &x, output)?;
        if high.non_finite().or(low.non_finite()).or(middle.non_finite()).is_some() {
            continue;
        }
        let mut affine = frozen(node, &x, varies, output, rule)?;
        affine.offset = None;
        let v: Vec<Tensor<f64>> =
            x.iter().zip(v).map(|(x, v)| Tensor::new(x.as_ref().map_or(&[0][..], Value::shape), v)).collect();
        let slope = affine.apply(&v.iter().map(Some).collect::<Vec<_>>());
        let difference =
            Tensor::new(high.shape(), high.data().iter().zip(low.data()).map(|(a, b)| (a - b) / (2.0 * h)).collect());
        let scale = middle.data().iter().chain(slope.data()).fold(1.0, |a: f64, b| a.max(b.abs()));
        let worst = slope.data().iter().zip(difference.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if worst <= 1e-7 * scale {
            return Ok(true);
        }
        // A tie between x − hv and x + hv is rare enough not to happen four times.
        last = Err(format!("differs by {worst:e} of {scale:e} from the central difference"));
    }
    last
}
