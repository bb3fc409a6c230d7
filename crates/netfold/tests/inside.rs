//! Inner tensors, units and the bias: against other roads through the same networks.

mod common;

use common::random::{input, model};
use common::{array, networks, samples, zoo};
use netfold::reconstruction::Request;
use netfold::trace::NonFinite;
use netfold::{Circuit, Error, Method, Model, Rules, Tensor, Unit};
use netfold_linear::Probes;

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(1e-300, |largest: f64, v| largest.max(v.abs()))
}

/// W as a dense matrix, row-major, by pushing unit vectors.
fn dense(circuit: &Circuit<f64>) -> Vec<f64> {
    let columns: Vec<usize> = (0..circuit.input_shape().iter().product()).collect();
    circuit.push(Probes::one_hot(circuit.input_shape(), &columns), netfold::Push::Linear).into_values()
}

/// On random networks, for each inner tensor h: W h + b = f(x), and where nothing goes around h, the one-layer models
/// of both halves make the whole one.
#[test]
fn halves_make_the_whole() {
    let mut joined = 0;
    for seed in 0..40 {
        let (model, x) = (model(seed), input::<f64>(seed));
        let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
        let whole = trace.freeze(&Rules::default()).unwrap();
        let w = dense(&whole);
        let logits = trace.logits().unwrap();
        for stage in whole.stages() {
            let h = model.tensor(&stage.tensor).unwrap();
            let second = trace.freeze_between(h, model.outputs[0], &Rules::default()).unwrap();
            let first = trace.freeze_between(model.input().unwrap(), h, &Rules::default()).unwrap();
            let value = trace.real(h).unwrap();
            let made = second.push(value.probe(), netfold::Push::Affine).into_values();
            for (made, logit) in made.iter().zip(logits.data()) {
                assert!((made - logit).abs() < 1e-12 * largest(logits.data()), "seed {seed}, from {}", stage.tensor);
            }
            let product = second.push(
                first.push(Probes::one_hot(x.shape(), &(0..98).collect::<Vec<_>>()), netfold::Push::Linear),
                netfold::Push::Linear,
            );
            let difference = product.values().iter().zip(&w).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            joined += usize::from(difference < 1e-12 * largest(&w));
        }
    }
    assert!(joined > 200, "{joined} tensors that all goes through");
}

/// A unit's row on its receptive field is the row of the dense W, in blocks and alone, and zero outside its box.
#[test]
fn units_see_their_field() {
    for seed in 0..40 {
        let (model, x) = (model(seed), input::<f64>(seed));
        let id = model.tensor("Conv3").unwrap();
        let trace = model.trace(&x, id, NonFinite::Refuse).unwrap();
        let circuit = trace.freeze(&Rules::default()).unwrap();
        let (map, w) = (trace.logits().unwrap(), dense(&circuit));
        for unit in ["1,0,0", "0,3,2", "1"] {
            let element = unit.parse::<Unit>().unwrap().element(map).unwrap();
            let request = Request { classes: vec![element], method: Method::Adjoint, ..Request::default() };
            let field = circuit.receptive_field(element);
            circuit
                .reconstruct::<Error>(&x, map, &request, &netfold::Watch::default(), &mut |row| {
                    for (e, (got, expected)) in row.weights.iter().zip(&w[element * 98..]).enumerate() {
                        assert!((got - expected).abs() < 1e-13, "seed {seed}, unit {unit}, element {e}");
                        let at = [e / 49, e / 7 % 7, e % 7];
                        let inside = field.bounds[1..].iter().zip(at).all(|([a, b], i)| (*a..=*b).contains(&i));
                        assert!(inside || *got == 0.0);
                    }
                    Ok(())
                })
                .unwrap();
            assert!(field.elements <= 18, "3 x 3 of two channels at most");
        }
    }
}

#[test]
fn a_tensor_that_leads_nowhere_is_named() {
    let (model, x) = (model(1), input::<f64>(1));
    let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
    let constant = model.tensor("w1").unwrap();
    let error = trace.freeze_between(constant, model.outputs[0], &Rules::default()).unwrap_err();
    assert_eq!(error.to_string(), "`w1` does not depend on `x`");
    let map = Tensor::new(&[1, 2, 3, 3], vec![0.0; 18]);
    let error = "2,0,0".parse::<Unit>().unwrap().element(&map).unwrap_err();
    assert_eq!(error.to_string(), "there is no unit `2,0,0` in a tensor of shape [1, 2, 3, 3]");
    assert!(matches!("a".parse::<Unit>(), Err(Error::Unknown { .. })));
}

/// The elements of all stages add up to b; b is what the circuit makes of zero.
#[test]
fn the_bias_is_the_sum_of_its_elements() {
    for seed in 0..40 {
        let (model, x) = (model(seed), input::<f64>(seed));
        let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
        check_bias(&trace.freeze(&Rules::default()).unwrap(), trace.logits().unwrap(), 0..4);
    }
}

fn check_bias(circuit: &Circuit<f64>, logits: &Tensor<f64>, outputs: impl Iterator<Item = usize>) {
    let b = circuit.bias();
    for output in outputs {
        let maps = circuit.bias_maps(output);
        let sum: f64 = maps.iter().flat_map(|map| &map.values).sum();
        assert!((sum - b[output]).abs() <= 1e-12 * largest(logits.data()), "{sum} and {}", b[output]);
        for map in maps {
            for parts in [map.by_channel(), map.by_place()] {
                assert!((parts.iter().sum::<f64>() - map.total()).abs() <= 1e-12 * largest(&map.values) * 1e3);
            }
        }
    }
}

/// Rows of a map by several columns in one probe are those pulled back; fewer probes than the input has elements.
fn check_columns(circuit: &Circuit<f64>, name: &str) {
    let (units, len) = (circuit.output_shape().iter().product::<usize>(), circuit.input_shape().iter().product());
    let rows: Vec<usize> = (0..units).step_by(units.div_ceil(100)).collect();
    let mut pulled = vec![0.0; rows.len() * len];
    let taken = circuit.rows(&circuit.plan_rows(&rows, netfold::Together::AsFits, netfold::Shares::LeftOut), |block| {
        pulled[block.first * len..][..block.weights.len()].copy_from_slice(block.weights);
        Ok::<(), Error>(())
    });
    taken.unwrap();
    let plan = circuit.plan_columns(&rows, netfold::Together::AsFits);
    assert!(plan.probes() < len, "{name}: {} probes", plan.probes());
    let scale = largest(&pulled);
    let pushed = circuit.columns::<Error>(&plan, &netfold::Watch::default(), |gathered| {
        for index in 0..gathered.count() {
            let row = &mut pulled[(gathered.first + index) * len..][..len];
            row.iter_mut().for_each(|weight| *weight = -*weight);
            gathered.add_to(index, row);
        }
        Ok(())
    });
    pushed.unwrap();
    assert!(largest(&pulled) <= 1e-12 * scale, "{name}: {:e} of {scale:e}", largest(&pulled));
}

/// On every network of the zoo that is covered: biases element by element, the halves at a middle tensor, and an early
/// map by probes.
#[test]
fn real_networks() {
    let Some(zoo) = zoo() else { return };
    let (mut seen, mut coloured) = (0, 0);
    for network in networks(&zoo) {
        let model = Model::read(network.join("model.onnx")).unwrap();
        let head = model.head_of(model.name(model.outputs[0]), netfold::Squashing::LeftOff).unwrap();
        let sample = samples(&network).remove(0);
        let x = array::<f64>(&sample.input);
        let trace = match model.trace(&x, head.logits, NonFinite::Refuse) {
            Err(Error::Unsupported { .. }) => continue,
            trace => trace.unwrap(),
        };
        let whole = trace.freeze(&Rules::default()).unwrap();
        let logits = trace.logits().unwrap();
        check_bias(&whole, logits, std::iter::once(netfold::reconstruction::argmax(logits.data())));
        let maps =
            whole.stages().iter().enumerate().filter(|(_, stage)| stage.op == "Conv").map(|(index, _)| index + 1);
        if let Some(slot) = maps.clone().nth(1).filter(|_| maps.count() > 2) {
            check_columns(&whole.truncated(slot), &network.display().to_string());
            coloured += 1;
        }
        let stage = &whole.stages()[whole.stages().len() / 2];
        let h = model.tensor(&stage.tensor).unwrap();
        let second = trace.freeze_between(h, head.logits, &Rules::default()).unwrap();
        let made = second.push(trace.real(h).unwrap().probe(), netfold::Push::Affine).into_values();
        let worst = made.iter().zip(logits.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= 1e-11 * largest(logits.data()), "{}: {worst:e}", network.display());
        seen += 1;
    }
    assert!(seen > 10 && coloured > 10, "{seen} networks, {coloured} with a map of small fields");
}
