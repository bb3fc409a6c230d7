//! Laws 4 and 5 on random networks: completeness, two roads; and what must not matter: threads, blocks, supports.

mod common;

use common::random::{input, model};
use netfold::reconstruction::Request;
use netfold::trace::{Keep, NonFinite, Tracing};
use netfold::{Basis, Circuit, Method, Precision, Rule, Rules, Tensor};
use netfold_linear::{Probes, Support};
use proptest::prelude::*;

/// A frozen network, its input and its logits.
type Frozen<T> = (Circuit<T>, Tensor<T>, Tensor<T>);

/// A random network frozen at a random input.
fn frozen<T: Precision>(seed: u64, rule: Rule) -> Frozen<T> {
    let (model, x) = (model(seed), input(seed));
    let output = model.outputs[0];
    let trace = model.trace::<T>(&x, output, NonFinite::Refuse).expect("a random network can be traced");
    let circuit = trace.freeze(&Rules { default: rule, ..Rules::default() }).expect("and frozen");
    let logits = trace.logits().expect("and has logits").clone();
    (circuit, x, logits)
}

/// All rows of W, by one of the two methods.
fn rows<T: Precision>((circuit, x, logits): &Frozen<T>, request: &Request) -> Vec<T> {
    let request = Request { classes: (0..logits.len()).collect(), ..request.clone() };
    let mut rows = Vec::new();
    let result = circuit.reconstruct::<netfold::Error>(x, logits, &request, &netfold::Watch::default(), &mut |row| {
        rows.extend_from_slice(row.weights);
        Ok(())
    });
    result.expect("the consumer never fails");
    rows
}

fn largest<T: Precision>(values: &[T]) -> f64 {
    values.iter().map(|v| v.wide().abs()).fold(1e-300, f64::max)
}

fn difference<T: Precision>(a: &[T], b: &[T]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a.wide() - b.wide()).abs()).fold(0.0, f64::max) / largest(a)
}

fn rules() -> impl Strategy<Value = Rule> {
    prop_oneof![Just(Rule::Gate), Just(Rule::Tangent), Just(Rule::Half)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Law 4: W x + b = f(x) for every logit and every rule, and the stages' bias shares add up to b.
    #[test]
    fn completeness(seed in any::<u64>(), rule in rules()) {
        let (circuit, x, logits) = frozen::<f64>(seed, rule);
        let request = Request { classes: (0..4).collect(), method: Method::Adjoint, ..Request::default() };
        let result = circuit.reconstruct::<netfold::Error>(&x, &logits, &request, &netfold::Watch::default(), &mut |_| Ok(())).unwrap();
        prop_assert!(result.difference() < 1e-12, "differs by {:e}", result.difference());
        let biases = result.bias_difference.expect("rows tell shares");
        prop_assert!(biases < 1e-12, "biases by {biases:e}");
    }

    /// Law 4: the frozen network is affine: W x and b, pushed each by itself, are what x is pushed to with the offsets.
    #[test]
    fn parts_add_up(seed in any::<u64>(), rule in rules()) {
        let (circuit, x, logits) = frozen::<f64>(seed, rule);
        let (made, wx) = (circuit.compare(&x, &logits), circuit.push(x.probe(), netfold::Push::Linear));
        let sum: Vec<f64> = wx.values().iter().zip(&made.bias).map(|(wx, b)| wx + b).collect();
        prop_assert!(difference(&made.pushed, &sum) < 1e-12, "differs by {:e}", difference(&made.pushed, &sum));
    }

    /// Law 5: rows by pulling are columns by pushing, whatever the group of orthogonal vectors.
    #[test]
    fn two_roads(seed in any::<u64>(), rule in rules()) {
        let parts = frozen::<f64>(seed, rule);
        let pulled = rows(&parts, &Request { method: Method::Adjoint, ..Request::default() });
        for basis in [Basis::Standard, Basis::Hadamard, Basis::Dct] {
            let pushed = rows(&parts, &Request { method: Method::Probe, basis, ..Request::default() });
            prop_assert!(difference(&pulled, &pushed) < 1e-12, "{basis}: {:e}", difference(&pulled, &pushed));
        }
    }

    /// Law 5 inside: several columns of a map in one probe are its rows, pulled one by one.
    #[test]
    fn columns_of_maps(seed in any::<u64>(), rule in rules(), block in 1_usize..20) {
        let (model, x) = (model(seed), input::<f64>(seed));
        let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
        let whole = trace.freeze(&Rules { default: rule, ..Rules::default() }).unwrap();
        for slot in 1..=whole.stages().len() {
            let circuit = whole.truncated(slot);
            let classes: Vec<usize> = (0..circuit.output_shape().iter().product()).step_by(1 + seed as usize % 3).collect();
            let pulled = circuit.pull(Probes::one_hot(circuit.output_shape(), &classes)).weights.vectors();
            let plan = circuit.plan_columns(&classes, netfold::Together::Number(block));
            let mut pushed = vec![0.0; pulled.len()];
            circuit.columns::<netfold::Error>(&plan, &netfold::Watch::default(), |gathered| {
                for index in 0..gathered.count() {
                    gathered.add_to(index, &mut pushed[(gathered.first + index) * x.len()..][..x.len()]);
                }
                Ok(())
            }).unwrap();
            prop_assert!(difference(&pulled, &pushed) < 1e-12, "{}: {:e}", whole.stages()[slot - 1].tensor, difference(&pulled, &pushed));
        }
    }

    /// A trace that gives its values back as soon as they are read freezes to the very same network.
    #[test]
    fn values_need_not_be_kept(seed in any::<u64>(), rule in rules()) {
        let (model, x) = (model(seed), input::<f64>(seed));
        let output = model.outputs[0];
        let rules = Rules { default: rule, ..Rules::default() };
        let [kept, brief] = [Keep::Values, Keep::ForFreezing].map(|keep| {
            let trace = model.trace_with(&x, output, Tracing { keep, ..Tracing::default() }).unwrap();
            (trace.freeze(&rules).unwrap(), trace.logits().unwrap().clone())
        });
        prop_assert_eq!(kept.1.data(), brief.1.data());
        prop_assert_eq!(kept.0.bias(), brief.0.bias());
        for class in 0..kept.1.len() {
            prop_assert_eq!(kept.0.row(class), brief.0.row(class));
        }
    }

    /// Rows do not depend on how many travel together.
    #[test]
    fn blocks_do_not_matter(seed in any::<u64>()) {
        let parts = frozen::<f64>(seed, Rule::Gate);
        let one = rows(&parts, &Request { method: Method::Adjoint, together: netfold::Together::Number(1), ..Request::default() });
        let all = rows(&parts, &Request { method: Method::Adjoint, together: netfold::Together::Number(4), ..Request::default() });
        prop_assert!(difference(&one, &all) < 1e-13);
    }

    /// Storing only the elements that matter gives the same rows and the same bias shares as storing all.
    #[test]
    fn supports_do_not_matter(seed in any::<u64>()) {
        let (circuit, _, logits) = frozen::<f64>(seed, Rule::Gate);
        let seeds = || Probes::<f64>::one_hot(logits.shape(), &[1, 3]);
        let (whole, plan) = (circuit.full_plan(), circuit.pull_plan(&Support::of(logits.shape(), [1, 3]), netfold::Shares::Computed));
        let (whole, cut) = (circuit.pull_on(seeds(), &whole), circuit.pull_on(seeds(), &plan));
        prop_assert!(difference(&whole.weights.vectors(), &cut.weights.vectors()) < 1e-13);
        for (a, b) in whole.bias.iter().zip(&cut.bias) {
            for (a, b) in a.iter().zip(b) {
                prop_assert!((a - b).abs() <= 1e-12 * largest(logits.data()));
            }
        }
    }

    /// The same bits for any number of threads, in both precisions and by both methods.
    #[test]
    fn threads_do_not_matter(seed in any::<u64>()) {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let single = frozen::<f32>(seed, Rule::Gate);
                let bits = |rows: Vec<f32>| rows.into_iter().map(f32::to_bits).collect::<Vec<_>>();
                let adjoint = bits(rows(&single, &Request { method: Method::Adjoint, ..Request::default() }));
                let probe = bits(rows(&single, &Request { method: Method::Probe, ..Request::default() }));
                (adjoint, probe, bits(single.2.data().to_vec()))
            })
        };
        let one = with(1);
        prop_assert_eq!(&one, &with(2));
        prop_assert_eq!(&one, &with(3));
    }
}

/// Rows by way of a narrow tensor are those pulled all the way, and so are the stages' shares of b.
#[test]
fn a_neck_does_not_matter() {
    let (mut bottlenecks, mut feet) = (0, 0);
    for seed in 0..256 {
        let (circuit, ..) = frozen::<f64>(seed, Rule::Gate);
        // More rows than any tensor has elements; which ones does not matter.
        let classes: Vec<usize> = (0..500).map(|row| row % 4).collect();
        let plan = circuit.plan_rows(&classes, netfold::Together::Number(48), netfold::Shares::Computed);
        let Some(bottleneck) = plan.bottleneck() else { continue };
        bottlenecks += 1;
        feet += usize::from(bottleneck.start > 0);
        let straight = circuit.pull(Probes::one_hot(circuit.output_shape(), &[0, 1, 2, 3]));
        let whole = straight.weights.vectors();
        let rows = circuit.rows(&plan, |block| {
            for (index, row) in block.weights.chunks_exact(98).enumerate() {
                let class = classes[block.first + index];
                assert!(difference(&whole[class * 98..][..98], row) < 1e-12, "seed {seed}, row {index}");
                for (own, stage) in block.bias.iter().zip(&straight.bias) {
                    assert!((own[index] - stage[class]).abs() < 1e-11, "seed {seed}: {} {}", own[index], stage[class]);
                }
            }
            Ok::<(), ()>(())
        });
        rows.expect("nothing fails");
    }
    assert!(
        bottlenecks > 3 && feet > 3,
        "{bottlenecks} of 256 networks have a bottleneck, {feet} of them a foot above the input"
    );
}
