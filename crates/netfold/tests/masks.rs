//! Masks: an infinite constant is treated alike wherever it stands in the file, and what it puts out of reach has no part
//! in W or b.

use netfold::reconstruction::Request;
use netfold::trace::NonFinite;
use netfold::{Error, Model, Precision, Rule, Rules, Tensor};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, decode, encode};

const TOKENS: usize = 4;
const WIDTH: usize = 3;
const RULES: [Rule; 3] = [Rule::Gate, Rule::Tangent, Rule::Half];

/// Where the mask of an attention comes from.
#[derive(Clone, Copy, Debug)]
enum From {
    Initializer,
    ConstantNode,
    /// Chosen by a constant condition from two constants.
    Computed,
    /// The scores themselves are replaced where a constant condition says so.
    Where,
    /// Half of it is added, and then the other half.
    Twice,
}

const ALL: [From; 5] = [From::Initializer, From::ConstantNode, From::Computed, From::Where, From::Twice];

/// Causal attention of four tokens by two linear maps, to three logits; `away` stands where a token is not seen.
fn attention(from: From, away: f64, seen: impl Fn(usize, usize) -> bool) -> Model {
    let numbers = |len: usize, step: usize| (0..len).map(|i| ((i * step) % 11) as f64 / 7.0 - 0.6).collect::<Vec<_>>();
    let tensor = |shape: [usize; 2], step: usize| TensorDef::new(shape, numbers(shape[0] * shape[1], step)).unwrap();
    let places = || (0..TOKENS * TOKENS).map(|i| (i / TOKENS, i % TOKENS));
    let hidden: Vec<bool> = places().map(|(row, column)| !seen(row, column)).collect();
    let mask = |away: f64| {
        let values: Vec<f64> = hidden.iter().map(|&hidden| if hidden { away } else { 0.0 }).collect();
        TensorDef::new([TOKENS, TOKENS], values).unwrap()
    };
    let node =
        |op: &str, inputs: &[&str], output: &str| NodeDef::new(op, inputs.iter().copied(), [output]).named(output);
    let mut graph = GraphDef::new("attention")
        .with_input(ValueInfo::new("x", DType::F64, [1, TOKENS, WIDTH]))
        .with_output(ValueInfo::new("y", DType::F64, [1, 3]))
        .with_initializer("wq", tensor([WIDTH, WIDTH], 3))
        .with_initializer("wk", tensor([WIDTH, WIDTH], 5))
        .with_initializer("wv", tensor([WIDTH, WIDTH], 7))
        .with_initializer("bias", TensorDef::vector(vec![0.3_f64, -0.2, 0.1]))
        .with_initializer("head", tensor([TOKENS * WIDTH, 3], 4))
        .with_initializer("end", TensorDef::vector(vec![0.5_f64, 0.25, -1.0]))
        .with_node(node("MatMul", &["x", "wq"], "q"))
        .with_node(node("MatMul", &["x", "wk"], "k"))
        .with_node(node("MatMul", &["x", "wv"], "raw"))
        .with_node(node("Add", &["raw", "bias"], "v"))
        .with_node(node("Transpose", &["k"], "turned").with("perm", [0, 2, 1]))
        .with_node(node("MatMul", &["q", "turned"], "scores"));
    let condition = TensorDef::new([TOKENS, TOKENS], hidden.clone()).unwrap();
    let (zero, far) = (TensorDef::new([], vec![0.0_f64]).unwrap(), TensorDef::new([], vec![away]).unwrap());
    graph =
        match from {
            From::Initializer => {
                graph.with_initializer("mask", mask(away)).with_node(node("Add", &["scores", "mask"], "masked"))
            }
            From::ConstantNode => graph
                .with_node(node("Constant", &[], "mask").with("value", mask(away)))
                .with_node(node("Add", &["mask", "scores"], "masked")),
            From::Computed => graph
                .with_initializer("hidden", condition)
                .with_initializer("far", far)
                .with_initializer("zero", zero)
                .with_node(node("Where", &["hidden", "far", "zero"], "mask"))
                .with_node(node("Add", &["scores", "mask"], "masked")),
            From::Where => graph.with_initializer("hidden", condition).with_initializer("far", far).with_node(node(
                "Where",
                &["hidden", "far", "scores"],
                "masked",
            )),
            From::Twice => graph
                .with_initializer("mask", mask(away))
                .with_node(node("Add", &["scores", "mask"], "once"))
                .with_node(node("Add", &["once", "mask"], "masked")),
        };
    let graph = graph
        .with_node(node("Softmax", &["masked"], "shares").with("axis", -1_i64))
        .with_node(node("MatMul", &["shares", "v"], "mixed"))
        .with_node(node("Flatten", &["mixed"], "flat"))
        .with_node(node("Gemm", &["flat", "head", "end"], "y"));
    Model::new(decode(encode(&ModelDef::new(graph)), None).unwrap()).unwrap()
}

fn causal(row: usize, column: usize) -> bool {
    column <= row
}

fn x<T: Precision>(by: f64) -> Tensor<T> {
    let value = |i: usize| T::of(((i * 5) % 13) as f64 / 6.0 - 0.9 + by * (i as f64 * 1.7).sin());
    Tensor::new(&[1, TOKENS, WIDTH], (0..TOKENS * WIDTH).map(value).collect())
}

/// W, b, and how well both are the network.
fn parts<T: Precision>(model: &Model, rule: Rule) -> (Vec<f64>, Vec<f64>, f64) {
    let x = x::<T>(0.0);
    let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
    let circuit = trace.freeze(&Rules { default: rule, ..Rules::default() }).unwrap();
    let (mut w, mut b) = (Vec::new(), Vec::new());
    let request = Request { classes: vec![0, 1, 2], ..Request::default() };
    let result = circuit
        .reconstruct::<Error>(&x, trace.logits().unwrap(), &request, &netfold::Watch::default(), &mut |row| {
            w.extend(row.weights.iter().map(|w| w.wide()));
            b.push(row.bias.wide());
            Ok(())
        })
        .unwrap();
    (w, b, result.difference().max(result.bias_difference.unwrap_or(0.0)))
}

fn close(what: &str, a: &[f64], b: &[f64], tolerance: f64) {
    let worst = a
        .iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |worst: f64, d| if d.is_nan() { d } else { worst.max(d) });
    assert!(a.len() == b.len() && worst < tolerance, "{what} differs by {worst:e}");
}

#[test]
fn an_infinite_mask_is_what_a_large_one_is_wherever_it_stands() {
    for rule in RULES {
        let (w, b, _) = parts::<f64>(&attention(From::Initializer, -1e4, causal), rule);
        assert!(w.iter().any(|w| w.abs() > 0.01) && b.iter().all(|b| b.abs() > 1e-3), "{rule}: W and b are something");
        for from in ALL {
            for away in [f64::NEG_INFINITY, -1e38, f64::MIN] {
                let what = format!("{from:?} with {away:e}, {rule}");
                let (own, bias, difference) = parts::<f64>(&attention(from, away, causal), rule);
                assert!(difference < 1e-13, "{what}: the one-layer model differs by {difference:e}");
                close(&format!("{what}: W"), &own, &w, 1e-12);
                close(&format!("{what}: b"), &bias, &b, 1e-12);
            }
        }
    }
}

#[test]
fn masks_that_overflow_in_single_precision() {
    let (w, b, _) = parts::<f64>(&attention(From::Initializer, -1e4, causal), Rule::Tangent);
    for rule in RULES {
        for away in [f64::from(f32::MIN), f64::NEG_INFINITY, -1e30] {
            let (own, bias, difference) = parts::<f32>(&attention(From::Twice, away, causal), rule);
            assert!(difference < 1e-5, "{away:e}, {rule}: {difference:e}");
            if rule == Rule::Tangent {
                close(&format!("{away:e}: W"), &own, &w, 1e-5);
                close(&format!("{away:e}: b"), &bias, &b, 1e-5);
            }
        }
    }
}

#[test]
fn the_tangent_behind_a_mask_is_the_derivative() {
    let model = attention(From::ConstantNode, f64::NEG_INFINITY, causal);
    let (w, ..) = parts::<f64>(&model, Rule::Tangent);
    let h = 1e-6;
    let at =
        |by: f64| model.trace(x::<f64>(by), model.outputs[0], NonFinite::Refuse).unwrap().logits().unwrap().clone();
    let (up, down) = (at(h), at(-h));
    let v: Vec<f64> = (0..TOKENS * WIDTH).map(|i| (i as f64 * 1.7).sin()).collect();
    for class in 0..3 {
        let slope: f64 = w[class * v.len()..][..v.len()].iter().zip(&v).map(|(w, v)| w * v).sum();
        let difference = (up.data()[class] - down.data()[class]) / (2.0 * h);
        assert!((slope - difference).abs() < 1e-8, "class {class}: {slope} and {difference}");
    }
}

#[test]
fn a_row_of_masks_alone_is_named() {
    for from in [From::Initializer, From::Where] {
        let model = attention(from, f64::NEG_INFINITY, |row, column| row != 2 && causal(row, column));
        let error = model.trace(x::<f64>(0.0), model.outputs[0], NonFinite::Refuse).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the output `y` holds NaN at flat index 0: `shares` (Softmax) makes NaN of -inf at [0, 2, 0] (flat index 8)"
        );
    }
}

/// y = x ∘ c and then e to the power of it: three numbers.
fn product(op: &str, constant: f64, end: &str) -> Model {
    let graph = GraphDef::new("product")
        .with_input(ValueInfo::new("x", DType::F64, [3]))
        .with_output(ValueInfo::new("y", DType::F64, [3]))
        .with_initializer("c", TensorDef::vector(vec![2.0, constant, 0.5]))
        .with_node(NodeDef::new(op, ["x", "c"], ["z"]).named("/scale"))
        .with_node(NodeDef::new(end, ["z"], ["y"]).named("/end"));
    Model::new(decode(encode(&ModelDef::new(graph)), None).unwrap()).unwrap()
}

#[test]
fn a_product_with_an_infinity_has_no_part_in_what_is_finite_behind_it() {
    let x = Tensor::new(&[3], vec![0.5_f64, -1.0, 0.25]);
    for rule in RULES {
        let model = product("Mul", f64::INFINITY, "Exp");
        let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
        let circuit = trace.freeze(&Rules { default: rule, ..Rules::default() }).unwrap();
        let compared = circuit.compare(&x, trace.logits().unwrap());
        let worst = compared.logits.iter().zip(&compared.pushed).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-14 && compared.bias[1] == 0.0, "{rule}: {compared:?}");
    }
}

#[test]
fn what_is_no_mask_is_refused_by_name() {
    let x = Tensor::new(&[3], vec![0.5, 1.0, 0.25]);
    let refused = |model: Model| {
        let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse);
        trace.and_then(|trace| trace.freeze(&Rules::default()).map(drop)).unwrap_err()
    };
    let text = refused(product("Mul", f64::NAN, "Relu")).to_string();
    assert_eq!(text, "the constant `c` holds NaN at flat index 1");
    let text = refused(product("Mul", f64::INFINITY, "Relu")).to_string();
    assert_eq!(
        text,
        "the output `y` holds inf at flat index 1: `/scale` (Mul) makes inf of 1 at [1] (flat index 1), with infinities in \
         the constant `c`"
    );
    // Off, and so finite: but no map can hold the slope below.
    let graph = GraphDef::new("slopes")
        .with_input(ValueInfo::new("x", DType::F64, [1, 3]))
        .with_output(ValueInfo::new("y", DType::F64, [1, 1]))
        .with_initializer("w", TensorDef::new([3, 1], vec![f64::NEG_INFINITY, 1.0, 2.0]).unwrap())
        .with_node(NodeDef::new("MatMul", ["x", "w"], ["z"]).named("/weights"))
        .with_node(NodeDef::new("Sigmoid", ["z"], ["y"]).named("/squash"));
    let model = Model::new(decode(encode(&ModelDef::new(graph)), None).unwrap()).unwrap();
    let x = Tensor::new(&[1, 3], vec![0.5, 1.0, 0.25]);
    let trace = model.trace(&x, model.outputs[0], NonFinite::Refuse).unwrap();
    let Err(Error::Op { node, source, .. }) = trace.freeze(&Rules::default()) else { panic!("it is refused") };
    assert_eq!(
        (&*node, source.to_string().as_str()),
        ("/weights", "it multiplies by the constant `w`, which holds an infinity")
    );
}
