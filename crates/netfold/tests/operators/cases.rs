//! Law 8: every case of the ONNX package gives what it should, and is an anchor, transpose and tangency case too.

use std::collections::{BTreeMap, BTreeSet};

use netfold::ops::TABLE;
use netfold::{Precision, Value};

use crate::laws::{Counts, check_laws};
use crate::python::{Case, cases, evaluate, manifest};

#[test]
fn the_cases_of_the_onnx_package() {
    let names: Vec<&str> = TABLE.iter().map(|entry| entry.name).collect();
    let Some(cases) = cases("backend_cases.py", &names) else { return };
    let left_out = manifest(include_str!("../backend_left_out.txt"));
    let operators = check(&cases, &left_out);
    let without: Vec<&&str> =
        names.iter().filter(|&&name| !operators.contains_key(name) && !left_out.contains_key(name)).collect();
    assert!(without.is_empty(), "no case for {without:?}, and the manifest does not say why");
    let known: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).chain(names).collect();
    let stale: Vec<&String> = left_out.keys().filter(|name| !known.contains(name.as_str())).collect();
    assert!(stale.is_empty(), "the manifest names {stale:?}, which there is not");
}

#[test]
fn what_onnxruntime_gives_for_old_sets_and_windows_of_all_kinds() {
    let Some(cases) = cases("runtime_cases.py", &[]) else { return };
    check(&cases, &BTreeMap::new());
}

/// Checks all cases but those left out; gives how many cases ran for each operator.
fn check(cases: &[Case], left_out: &BTreeMap<String, String>) -> BTreeMap<String, usize> {
    let (mut failed, mut counts, mut operators) = (Vec::new(), Counts::default(), BTreeMap::new());
    let mut ran = 0;
    for case in cases {
        let result = one(case, &mut counts);
        match (result, left_out.get(&case.name)) {
            (Ok(ops), None) => {
                ran += 1;
                for op in ops {
                    *operators.entry(op).or_insert(0) += 1;
                }
            }
            (Ok(_), Some(_)) => failed.push(format!("{}: passes; the manifest should not leave it out", case.name)),
            (Err(why), None) => failed.push(format!("{}: {why}", case.name)),
            (Err(_), Some(_)) => {}
        }
    }
    println!("{ran} cases of {} operators, {} left out; {counts}", operators.len(), left_out.len());
    assert!(failed.is_empty(), "{} of {} cases fail:\n{}", failed.len(), cases.len(), failed.join("\n"));
    operators
}

/// The operators of the case, if it passes.
fn one(case: &Case, counts: &mut Counts) -> Result<Vec<String>, String> {
    let model = case.model.as_ref().map_err(Clone::clone)?;
    compare::<f32>(case, case.tolerance)?;
    compare::<f64>(case, case.tolerance)?;
    if let [node] = model.nodes.as_slice() {
        let values = evaluate(model, case.inputs::<f64>(model))?;
        let inputs: Vec<Option<Value<f64>>> = node.inputs.iter().map(|id| id.map(|id| values[&id].clone())).collect();
        check_laws(node, &inputs, counts)?;
    }
    Ok(model.nodes.iter().map(|node| node.op.clone()).collect())
}

fn compare<T: Precision>(case: &Case, tolerance: f64) -> Result<(), String> {
    let model = case.model.as_ref().map_err(Clone::clone)?;
    let values = evaluate(model, case.inputs::<T>(model))?;
    for (id, expected) in model.outputs.iter().zip(case.outputs::<T>()) {
        let got = values.get(id).ok_or_else(|| format!("`{}` is not made", model.name(*id)))?;
        equal(got, &expected, tolerance).map_err(|why| format!("{}, `{}`: {why}", T::NAME, model.name(*id)))?;
    }
    Ok(())
}

/// Whether two values agree, numbers up to a tolerance relative to the largest expected one.
pub fn equal<T: Precision>(got: &Value<T>, expected: &Value<T>, tolerance: f64) -> Result<(), String> {
    if got.shape() != expected.shape() {
        return Err(format!("shape {:?}, expected {:?}", got.shape(), expected.shape()));
    }
    match (got, expected) {
        // What is quantised can depend on the input: it is held as numbers.
        (Value::Real(_), Value::Int(expected)) => {
            equal(got, &Value::Real(expected.map(|&value| T::of(value as f64))), 0.0)
        }
        (Value::Real(got), Value::Real(expected)) => {
            let finite = expected.data().iter().map(|value| value.wide().abs()).filter(|value| value.is_finite());
            let limit = tolerance * finite.fold(1e-6, f64::max);
            for (i, (got, expected)) in got.data().iter().zip(expected.data()).enumerate() {
                let (got, expected) = (got.wide(), expected.wide());
                let same = got.total_cmp(&expected).is_eq()
                    || got.is_nan() && expected.is_nan()
                    || (got - expected).abs() <= limit;
                if !same {
                    return Err(format!("element {i} is {got}, expected {expected}"));
                }
            }
            Ok(())
        }
        (Value::Int(_), Value::Int(_)) | (Value::Bool(_), Value::Bool(_)) if got == expected => Ok(()),
        (got, expected) if got.kind() == expected.kind() => Err(format!("{got:?}, expected {expected:?}")),
        (got, expected) => Err(format!("{} values, expected {}", got.kind(), expected.kind())),
    }
}
