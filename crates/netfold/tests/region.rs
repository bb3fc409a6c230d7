//! How far the one-layer model holds: against patterns of forward passes, dense Jacobians and balls of random points.

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::random::{input, model};
use common::{array, networks, samples, zoo};
use netfold::model::TensorId;
use netfold::region::{Against, Direction, Line, Norm, Space, border, decisions, fidelity};
use netfold::trace::NonFinite;
use netfold::{Circuit, Error, Model, Region, Rules, Tensor, Unit, Validity, Watch};
use netfold_linear::{Probes, Support};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};

/// The logits of the first output.
fn logits(model: &Model) -> TensorId {
    model.head_of(model.name(model.outputs[0]), netfold::Squashing::LeftOff).unwrap().logits
}

/// What every piecewise linear node is at a point: its maps on fixed vectors, and its offset.
fn pattern(model: &Model, x: &Tensor<f64>) -> Vec<Vec<f64>> {
    let output = logits(model);
    let circuit = model.trace(x, output, NonFinite::Refuse).unwrap().freeze(&Rules::default()).unwrap();
    let frozen = circuit.stages().iter().filter(|stage| stage.affine.validity == Validity::Region);
    let made = frozen.map(|stage| {
        let mut rng = fastrand::Rng::with_seed(7);
        let full = Support::full(stage.affine.shape());
        let mut y = stage.affine.offset.as_ref().map_or(vec![0.0; full.count()], |offset| offset.to_vec());
        for term in stage.affine.terms.iter().flatten() {
            let v = (0..term.domain().iter().product()).map(|_| 1.0 + rng.f64()).collect();
            let made = term.apply(Probes::tensor(term.domain(), v), &full);
            y.iter_mut().zip(made.values()).for_each(|(y, made)| *y += made);
        }
        y
    });
    made.collect()
}

fn moved(x: &Tensor<f64>, d: &Tensor<f64>, t: f64) -> Tensor<f64> {
    x.paired(d, |x, d| x + t * d)
}

fn direction(x: &Tensor<f64>, seed: u64) -> Tensor<f64> {
    let mut rng = fastrand::Rng::with_seed(seed);
    x.map(|_| rng.f64() * 2.0 - 1.0)
}

/// The circuit and the region at x; `None` for a network that is not piecewise linear.
fn region(model: &Model, x: &Tensor<f64>) -> Option<Region<f64>> {
    let output = logits(model);
    let trace = model.trace(x, output, NonFinite::Refuse).unwrap();
    let circuit = trace.freeze(&Rules::default()).unwrap();
    match trace.region(&circuit) {
        Ok(region) => Some(region),
        Err(Error::Point(nodes)) => {
            let smooth = circuit.stages().iter().filter(|stage| stage.affine.validity == Validity::Input);
            assert!(smooth.count() <= nodes.len() && !nodes.is_empty(), "every such node is named");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The pattern is the same up to the exit and another one behind it.
fn check_exit(model: &Model, x: &Tensor<f64>, region: &Region<f64>, d: &Tensor<f64>, name: &str) {
    let Some(exit) = region.exit(d) else { return };
    let here = pattern(model, x);
    for share in [0.3, 0.9, 1.0 - 1e-6] {
        assert!(pattern(model, &moved(x, d, share * exit.t)) == here, "{name}: another region before {exit:?}");
    }
    assert!(pattern(model, &moved(x, d, exit.t * (1.0 + 1e-6) + 1e-13)) != here, "{name}: no switch at {exit:?}");
}

/// A vector of length 1 on which a row of this norm's dual is largest.
fn steepest(norm: Norm, g: &[f64]) -> Vec<f64> {
    let largest = (0..g.len()).fold(0, |best, i| if g[i].abs() > g[best].abs() { i } else { best });
    let l2 = g.iter().map(|g| g * g).sum::<f64>().sqrt();
    let one = |i: usize| match norm {
        Norm::L1 => f64::from(u8::from(i == largest)) * g[i].signum(),
        Norm::L2 => g[i] / l2,
        Norm::Linf => g[i].signum() * f64::from(u8::from(g[i] != 0.0)),
    };
    (0..g.len()).map(one).collect()
}

/// Random points on the sphere of this radius.
fn on_sphere(norm: Norm, len: usize, radius: f64, seed: u64) -> Vec<f64> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let v: Vec<f64> = (0..len).map(|_| rng.f64() * 2.0 - 1.0).collect();
    let length = match norm {
        Norm::L1 => v.iter().map(|v| v.abs()).sum(),
        Norm::L2 => v.iter().map(|v| v * v).sum::<f64>().sqrt(),
        Norm::Linf => v.iter().fold(0.0, |m: f64, v| m.max(v.abs())),
    };
    v.iter().map(|v| v / length * radius).collect()
}

/// min over switches of h / ‖g‖ for each norm, from columns of W pushed to every rectifier and every pool window of
/// three with stride two and a border of one.
fn brute(model: &Model, x: &Tensor<f64>, circuit: &Circuit<f64>) -> [f64; 3] {
    let trace = model.trace(x, model.outputs[0], NonFinite::Refuse).unwrap();
    let mut best = [f64::INFINITY; 3];
    let mut look = |h: f64, g: &[f64]| {
        let lengths = [
            g.iter().fold(0.0, |m: f64, g| m.max(g.abs())),
            g.iter().map(|g| g * g).sum::<f64>().sqrt(),
            g.iter().map(|g| g.abs()).sum(),
        ];
        for (best, length) in best.iter_mut().zip(lengths).filter(|(_, length)| *length > 0.0) {
            *best = best.min(h / length);
        }
    };
    let columns = Probes::one_hot(x.shape(), &(0..x.len()).collect::<Vec<_>>());
    circuit.push_with(columns, netfold::Push::Linear, &circuit.full_plan(), &mut |index, sources| {
        let stage = &circuit.stages()[index];
        let node = model.maker(model.tensor(&stage.tensor).unwrap()).unwrap();
        let Some(z) = node.inputs[0].and_then(|id| trace.real(id).ok()) else { return };
        let row = |e: usize| &sources[0].values()[e * x.len()..][..x.len()];
        match stage.op.as_str() {
            "Relu" | "LeakyRelu" | "PRelu" => (0..z.len()).for_each(|e| look(z.data()[e].abs(), row(e))),
            "MaxPool" => {
                let (channels, size) = (z.shape()[1], z.shape()[2]);
                for (c, oy, ox) in (0..channels)
                    .flat_map(|c| (0..size.div_ceil(2)).map(move |y| (c, y)))
                    .flat_map(|(c, y)| (0..size.div_ceil(2)).map(move |x| (c, y, x)))
                {
                    let reach = |o: usize| (2 * o).saturating_sub(1)..(2 * o + 2).min(size);
                    let inside: Vec<usize> =
                        reach(oy).flat_map(|y| reach(ox).map(move |x| (c * size + y) * size + x)).collect();
                    let winner = inside.iter().fold(inside[0], |w, &e| if z.data()[e] > z.data()[w] { e } else { w });
                    for &other in inside.iter().filter(|&&e| e != winner) {
                        let g: Vec<f64> = row(winner).iter().zip(row(other)).map(|(a, b)| a - b).collect();
                        look(z.data()[winner] - z.data()[other], &g);
                    }
                }
            }
            _ => {}
        }
    });
    best
}

#[test]
fn random_networks_against_dense_jacobians() {
    let mut judged = 0;
    for seed in 0..150 {
        let (model, x) = (model(seed), input::<f64>(seed));
        let Some(region) = region(&model, &x) else { continue };
        for turn in 0..3 {
            check_exit(&model, &x, &region, &direction(&x, seed * 31 + turn), &format!("seed {seed}"));
        }
        let brackets = region.radius(&Norm::ALL, &Watch::default());
        for (bracket, brute) in brackets.iter().zip(brute(&model, &x, &region.circuit)) {
            assert!(
                bracket.is_exact() && bracket.likely_lower.total_cmp(&bracket.upper).is_eq(),
                "seed {seed}: {bracket:?}"
            );
            if brute.is_finite() {
                assert!((bracket.upper - brute).abs() <= 1e-9 * brute, "seed {seed}: {bracket:?}, {brute}");
                judged += 1;
            }
        }
        let here = pattern(&model, &x);
        for bracket in brackets.iter().filter(|bracket| bracket.upper.is_finite()) {
            for turn in 0..5 {
                let v = on_sphere(bracket.norm, x.len(), 0.999 * bracket.upper, turn);
                assert!(pattern(&model, &moved(&x, &Tensor::new(x.shape(), v), 1.0)) == here, "seed {seed}");
            }
        }
    }
    assert!(judged > 100, "{judged} radii");
}

#[test]
fn a_stopped_search_brackets_the_radius() {
    let (model, x) =
        (0..150).map(|seed| (model(seed), input::<f64>(seed))).find(|(m, x)| region(m, x).is_some()).unwrap();
    let region = region(&model, &x).unwrap();
    let closed = region.radius(&Norm::ALL, &Watch::default());
    let looks = Arc::new(AtomicUsize::new(0));
    let looked = Arc::clone(&looks);
    let watch = Watch::new(move |progress| {
        looked.fetch_add(1, Ordering::Relaxed);
        assert!(progress.done > 0 && progress.done <= progress.all);
        ControlFlow::Break(())
    });
    let stopped = region.radius(&Norm::ALL, &watch);
    assert_eq!(looks.load(Ordering::Relaxed), 1);
    for (stopped, closed) in stopped.iter().zip(&closed) {
        assert!(stopped.lower > 0.0 && stopped.lower <= closed.upper && stopped.upper >= closed.upper);
        assert!(stopped.lower <= stopped.likely_lower && stopped.likely_lower <= stopped.upper);
    }
}

/// At the first sample of every network of the zoo that has a region: exits towards the next sample, brightness and noise;
/// points of the balls are in the region.
#[test]
fn real_networks() {
    let Some(zoo) = zoo() else { return };
    let mut judged = 0;
    for network in networks(&zoo) {
        let name = network.file_name().unwrap().to_string_lossy().into_owned();
        let model = Model::read(network.join("model.onnx")).unwrap();
        let samples = samples(&network);
        let x = array::<f64>(&samples[0].input);
        let Some(region) = region(&model, &x) else { continue };
        judged += 1;
        let towards = array::<f64>(&samples[1 % samples.len()].input).paired(&x, |y, x| y - x);
        let brighter = Direction::Brightness.vector(&x, Space::Array).unwrap();
        check_exit(&model, &x, &region, &towards, &name);
        // Of these a ball alone takes minutes without optimisation.
        if x.len() > 4000 || name == "cifar_resnet20_unfused_bn" {
            continue;
        }
        for d in [brighter, direction(&x, 5)] {
            check_exit(&model, &x, &region, &d, &name);
        }
        let mut search = region.search(&Norm::ALL);
        (0..7).for_each(|_| _ = search.step());
        let brackets = search.brackets();
        let here = pattern(&model, &x);
        for bracket in brackets {
            assert!(bracket.lower <= bracket.likely_lower && bracket.likely_lower <= bracket.upper, "{name}");
            let v = on_sphere(bracket.norm, x.len(), 0.999 * bracket.likely_lower, 3);
            assert!(pattern(&model, &moved(&x, &Tensor::new(x.shape(), v), 1.0)) == here, "{name}");
        }
    }
    assert!(judged >= 12, "{judged} networks");
}

/// The row of a unit over the input.
fn unit_row(model: &Model, x: &Tensor<f64>, tensor: &str, unit: &str) -> Vec<f64> {
    let id = model.tensor(tensor).unwrap();
    let trace = model.trace(x, id, NonFinite::Refuse).unwrap();
    let element = unit.parse::<Unit>().unwrap().element(trace.logits().unwrap()).unwrap();
    trace.freeze(&Rules::default()).unwrap().row(element)
}

/// In the steepest direction of the switch that limits the ball the region ends at the radius.
#[test]
fn the_limiting_switch_is_at_the_radius() {
    let mut judged = 0;
    for seed in 0..60 {
        let (model, x) = (model(seed), input::<f64>(seed));
        let Some(region) = region(&model, &x) else { continue };
        for bracket in region.radius(&Norm::ALL, &Watch::default()) {
            let Some(switch) = &bracket.switch else { continue };
            let mut g = unit_row(&model, &x, &switch.tensor, &switch.unit);
            if let Some((tensor, rival)) = &switch.rival {
                let other = unit_row(&model, &x, tensor, rival);
                g.iter_mut().zip(other).for_each(|(g, other)| *g -= other);
            }
            let exit = |sign: f64| {
                let d = steepest(bracket.norm, &g).iter().map(|v| sign * v).collect();
                region.exit(&Tensor::new(x.shape(), d)).map_or(f64::INFINITY, |exit| exit.t)
            };
            let nearest = exit(1.0).min(exit(-1.0));
            assert!((nearest - bracket.upper).abs() < 1e-9 * nearest, "seed {seed}: {nearest}, {bracket:?}");
            judged += 1;
        }
    }
    assert!(judged > 30, "{judged} balls");
}

/// Borders along a line are where a scan of many points finds another pattern, one for each.
#[test]
fn events_are_all_borders() {
    for seed in 0..30 {
        let (model, x) = (model(seed), input::<f64>(seed));
        if region(&model, &x).is_none() {
            continue;
        }
        let d = direction(&x, seed);
        let (output, rules) = (model.outputs[0], Rules::default());
        let line = Line { model: &model, output, rules: &rules, non_finite: NonFinite::Refuse, feed: x.into(), d };
        let events = line.events(1000, 0.5).unwrap();
        let mut cuts: Vec<f64> = [0.0].into_iter().chain(events.iter().map(|event| event.t)).collect();
        cuts.push(cuts.last().unwrap() + 1e-9);
        let between = |pair: &[f64]| pattern(&model, &line.point(0.5 * (pair[0] + pair[1])).x);
        for triple in cuts.windows(3) {
            assert!(triple[0] < triple[1], "seed {seed}: in order");
            let (before, behind) = (between(&triple[..2]), between(&triple[1..]));
            assert!(before != behind, "seed {seed}: no border at {}", triple[1]);
            let quarter = pattern(&model, &line.point(0.999 * triple[0] + 0.001 * triple[1]).x);
            assert!(quarter == before, "seed {seed}: a border is missing between {} and {}", triple[0], triple[1]);
        }
    }
}

#[test]
fn the_curve_is_flat_inside_and_says_what_is_lost_behind() {
    let (model, x) =
        (0..150).map(|seed| (model(seed), input::<f64>(seed))).find(|(m, x)| region(m, x).is_some()).unwrap();
    let region = region(&model, &x).unwrap();
    let (d, rules) = (direction(&x, 1), Rules::default());
    let logits = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap().logits().unwrap().clone();
    let t = region.exit(&d).unwrap().t;
    let (output, feed) = (model.outputs[0], x.into());
    let line = Line { model: &model, output, rules: &rules, non_finite: NonFinite::Refuse, feed, d };
    let curve = fidelity(&line, &region.circuit, &logits, &[0.5 * t, 0.99 * t, 100.0 * t]).unwrap();
    assert!(curve[0].relative < 1e-13 && curve[1].relative < 1e-13 && curve[2].relative > 1e-9, "{curve:?}");
    let there = line.point(100.0 * t);
    let f = model.trace(&there, model.outputs[0], NonFinite::Refuse).unwrap().logits().unwrap().clone();
    let affine = region.circuit.push(there.x.probe(), netfold::Push::Affine).into_values();
    let worst = f.data().iter().zip(&affine).map(|(f, y)| (f - y).abs()).fold(0.0, f64::max);
    assert!((worst - curve[2].difference).abs() < 1e-12 * worst, "{worst}, {curve:?}");
}

/// At the distance to another class the one-layer model's logits are equal, in no less, and the network's too where that
/// lies inside the region.
#[test]
fn decisions_are_where_classes_are_equal() {
    let mut inside = 0;
    for seed in 0..60 {
        let (model, x) = (model(seed), input::<f64>(seed));
        let Some(region) = region(&model, &x) else { continue };
        let logits = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap().logits().unwrap().clone();
        let brackets = region.radius(&Norm::ALL, &Watch::default());
        for decision in decisions(&region.circuit, &logits, 0, &[1, 2, 3]) {
            let Against::Class(against) = decision.against else { panic!("{decision:?}") };
            let (a, b) = (region.circuit.row(0), region.circuit.row(against));
            let g: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
            for bracket in &brackets {
                let t = decision.distance(bracket.norm);
                let step = steepest(bracket.norm, &g).iter().map(|v| -t * v).collect();
                let there = moved(&x, &Tensor::new(x.shape(), step), 1.0);
                let y = region.circuit.push(there.probe(), netfold::Push::Affine).into_values();
                assert!((y[0] - y[against]).abs() < 1e-10, "seed {seed}: {decision:?}");
                if decision.is_inside(bracket) && t >= 0.0 {
                    let f = model.trace(&there, model.outputs[0], NonFinite::Refuse).unwrap().logits().unwrap().clone();
                    assert!((f.data()[0] - f.data()[against]).abs() < 1e-10);
                    inside += 1;
                }
            }
        }
    }
    println!("{inside} borders inside");
}

/// Pieces of clips, absolute values, maxima of two and reductions end where they should, ties included.
#[test]
fn every_kind_of_switch() {
    let exit = |op: &str, inputs: &[&str], x: [f64; 2], d: [f64; 2]| {
        let graph = GraphDef::new("one")
            .with_input(ValueInfo::new("x", DType::F64, [1, 2]))
            .with_initializer("low", TensorDef::new([], vec![-1.0]).unwrap())
            .with_initializer("high", TensorDef::new([], vec![2.0]).unwrap())
            .with_initializer("swap", TensorDef::new([2, 2], vec![0.0, 1.0, 1.0, 0.0]).unwrap())
            .with_node(NodeDef::new("MatMul", ["x", "swap"], ["turned"]))
            .with_node(NodeDef::new(op, inputs.iter().copied(), ["y"]))
            .with_output(ValueInfo::new("y", DType::F64, [1, 2]));
        let model = Model::new(decode(encode(&ModelDef::new(graph)), None).unwrap()).unwrap();
        let region = region(&model, &Tensor::new(&[1, 2], x.to_vec())).unwrap();
        region.exit(&Tensor::new(&[1, 2], d.to_vec())).map(|exit| exit.t)
    };
    assert_eq!(exit("Relu", &["x"], [1.0, -3.0], [-2.0, 1.0]), Some(0.5));
    assert_eq!(exit("Relu", &["x"], [1.0, -3.0], [2.0, -1.0]), None);
    assert_eq!(exit("Relu", &["x"], [0.0, 1.0], [1.0, 0.0]), Some(0.0), "off at 0, on at once");
    assert_eq!(exit("Relu", &["x"], [0.0, 1.0], [-1.0, 0.0]), None, "off at 0, and stays off");
    assert_eq!(exit("Clip", &["x", "low", "high"], [0.5, 9.0], [-1.0, 0.0]), Some(1.5));
    assert_eq!(exit("Clip", &["x", "low", "high"], [0.5, 9.0], [1.0, -7.0]), Some(1.0));
    assert_eq!(exit("Clip", &["x", "low", "high"], [-5.0, 9.0], [2.0, 1.0]), Some(2.0));
    assert_eq!(exit("Abs", &["x"], [0.0, 1.0], [-1.0, 0.0]), Some(0.0), "a point of its own");
    assert_eq!(exit("HardSigmoid", &["x"], [0.0, 0.0], [1.0, 0.0]), Some(0.5 / f64::from(0.2_f32)));
    assert_eq!(exit("ThresholdedRelu", &["x"], [3.0, 0.0], [-1.0, 0.0]), Some(2.0));
    assert_eq!(exit("Max", &["x", "high"], [3.0, 0.0], [-1.0, 1.0]), Some(1.0));
    assert_eq!(exit("Min", &["x", "turned"], [3.0, 1.0], [-1.0, 0.0]), Some(2.0));
    assert_eq!(exit("ReduceMax", &["x"], [3.0, 1.0], [0.0, 1.0]), Some(2.0));
    assert_eq!(exit("ReduceMin", &["x"], [3.0, 1.0], [0.0, 4.0]), Some(0.5));
    assert_eq!(exit("ReduceL1", &["x"], [3.0, -1.0], [0.0, 4.0]), Some(0.25));
}

/// f = 3 x₀ − 4 x₁ + 1 at (1, 0): |f| over the dual norm of (3, −4) is 4 / 4 in l1, 4 / 5 in l2, 4 / 7 in linf; on either
/// side of the border.
#[test]
fn a_lone_logit_has_a_border_at_zero() {
    for sign in [1.0, -1.0] {
        let graph = GraphDef::new("one logit")
            .with_input(ValueInfo::new("x", DType::F64, [1, 2]))
            .with_initializer("w", TensorDef::new([2, 1], vec![3.0 * sign, -4.0 * sign]).unwrap())
            .with_initializer("b", TensorDef::vector(vec![sign]))
            .with_node(NodeDef::new("Gemm", ["x", "w", "b"], ["y"]))
            .with_output(ValueInfo::new("y", DType::F64, [1, 1]));
        let def = decode(encode(&ModelDef::new(graph)), None).unwrap();
        let (model, x) = (Model::new(def).unwrap(), Tensor::new(&[1, 2], vec![1.0_f64, 0.0]));
        let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
        let found = border(&trace.freeze(&Rules::default()).unwrap(), trace.logits().unwrap());
        assert_eq!((found.against, found.margin, found.l1, found.l2), (Against::Opposite, 4.0, 1.0, 0.8));
        assert!((found.linf - 4.0 / 7.0).abs() < 1e-15);
    }
}
