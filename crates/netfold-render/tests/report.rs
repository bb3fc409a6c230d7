//! The page: what it says, what it escapes, what it never asks for.

use image::RgbImage;
use netfold::model::FileStamp;
use netfold::output::{Argmax, FrozenNodes, MaskDensity, Seconds};
use netfold::{Certificate, Validity};
use netfold_render::{BiasPart, ClassView, InputFacts, InputView, Layout, ModelFacts, Order, Report, Sheet};

fn certificate() -> Certificate {
    let rule =
        |op: &str, rule: &str, validity, nodes| FrozenNodes { op: op.into(), rule: rule.into(), validity, nodes };
    Certificate {
        equivalent: true,
        worst_relative_difference: 3.1e-7,
        tolerance: 1e-5,
        logits: 1000,
        argmax: Some(Argmax { original: 3, reconstructed: 3, kept: true }),
        classes: 2,
        precision: "f32",
        method: "adjoint".into(),
        passes: 2,
        bias_difference: Some(4.2e-8),
        rules: vec![rule("Relu", "active branch", Validity::Region, 3), rule("Sigmoid", "gate", Validity::Input, 1)],
        gates: Vec::new(),
        gated_only: Vec::new(),
        exact_at_this_input: vec!["/gate".into()],
        bias_nodes: vec!["/conv1".into(), "/fc".into()],
        warnings: vec![],
        left_off: vec!["/softmax".into()],
        ties: None,
        masks: vec![MaskDensity { node: "/relu1".into(), op: "Relu".into(), elements: 4096, active: 0.25 }],
        seconds: Seconds { load: 0.002, trace: 0.0123, freeze: 0.001, reconstruct: 0.3, total: 0.32 },
        peak_memory_bytes: Some(3 << 20),
        netfold: "0.1.0",
        model: FileStamp { file: "tiny.onnx".into(), sha256: "aa11".into() },
        input: FileStamp { file: "dot.png".into(), sha256: "bb22".into() },
        held_inputs: Vec::new(),
    }
}

fn tiny() -> Report {
    let layout = Layout::Picture { height: 2, width: 2, channels: 1, order: Order::ChannelsFirst };
    let class = |index: usize, label: Option<&str>, row: [f64; 4], bias: f64| {
        let input = [1.0, 0.5, -1.0, 2.0];
        let products: Vec<f64> = row.iter().zip(input).map(|(w, x)| w * x).collect();
        let pixels: f64 = products.iter().sum();
        ClassView {
            index,
            label: label.map(Into::into),
            logit: pixels + bias + 1e-7,
            reconstructed: pixels + bias,
            pixels,
            bias,
            weights: Sheet::arrange(&row, layout).unwrap(),
            contributions: Sheet::arrange(&products, layout).unwrap(),
            bias_by_layer: vec![
                BiasPart { layer: "/conv1".into(), stage: Some(0), value: bias - 0.25 },
                BiasPart { layer: "/fc".into(), stage: Some(1), value: 0.25 },
            ],
        }
    };
    Report {
        title: "tiny.onnx at dot.png".into(),
        model: ModelFacts {
            input_name: "x".into(),
            input_shape: vec![1, 1, 2, 2],
            input_type: "float".into(),
            output_name: "y".into(),
            nodes: 7,
            ..ModelFacts::default()
        },
        input: InputFacts {
            preprocessing: "unit".into(),
            view: InputView::Picture(RgbImage::new(2, 2)),
            tensor: Sheet::arrange(&[1.0, 0.5, -1.0, 2.0], layout).unwrap(),
            units: None,
        },
        classes: vec![
            class(3, Some("three"), [0.5, -1.0, 0.25, 1.5], -0.75),
            class(8, None, [0.1, 0.2, 0.3, 0.4], 1.0),
        ],
        weight_unit: "logit per model unit".into(),
        certificate: certificate(),
    }
}

#[test]
fn the_page_of_a_tiny_report() {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"data:image/png;base64,[A-Za-z0-9+/=]+", "[png]");
    settings.add_filter(r"<style>[\s\S]*?</style>", "<style>[style]</style>");
    settings.add_filter(r"<script>[\s\S]*?</script>", "<script>[script]</script>");
    settings.add_filter(r"sha256-[A-Za-z0-9+/=]+", "sha256-[hash]");
    settings.bind(|| insta::assert_snapshot!(tiny().to_html().unwrap()));
}

#[test]
fn hostile_names_are_text_and_never_markup() {
    let hostile = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'&amp;{{7*7}}</style>";
    let mut report = tiny();
    report.title = hostile.into();
    report.model.input_name = hostile.into();
    report.model.output_name = hostile.into();
    report.input.preprocessing = hostile.into();
    report.weight_unit = hostile.into();
    for class in &mut report.classes {
        class.label = Some(hostile.into());
        class.bias_by_layer[0].layer = hostile.into();
    }
    let certificate = &mut report.certificate;
    certificate.precision = hostile;
    certificate.netfold = hostile;
    certificate.method = hostile.into();
    certificate.rules[0].op = hostile.into();
    certificate.rules[0].rule = hostile.into();
    certificate.masks[0].node = hostile.into();
    certificate.masks[0].op = hostile.into();
    certificate.exact_at_this_input = vec![hostile.into()];
    certificate.left_off = vec![hostile.into()];
    for stamp in [&mut certificate.model, &mut certificate.input] {
        *stamp = FileStamp { file: hostile.into(), sha256: hostile.into() };
    }
    let html = report.to_html().unwrap();
    assert!(!html.contains("<script>alert") && !html.contains("<img src=x"));
    assert_eq!(html.matches("<script>").count(), 1);
    assert_eq!(html.matches("</style>").count(), 1);
    assert!(html.matches("&#60;script&#62;alert(1)").count() > 20);
}

#[test]
fn the_page_asks_for_nothing() {
    // Names of XML namespaces are no addresses.
    let html = tiny().to_html().unwrap().replace("http://www.w3.org/", "");
    assert!(
        !html.contains("http://") && !html.contains("https://") && !html.contains("//cdn") && !html.contains("@import")
    );
    assert!(html.contains("default-src 'none'"));
    for part in html.split("src=\"").skip(1) {
        assert!(part.starts_with("data:image/png;base64,"));
    }
    assert_eq!(html.matches("<img").count(), html.matches(" alt=\"").count());
}

#[test]
fn what_is_not_equal_is_said_first_and_clearly() {
    let mut report = tiny();
    report.certificate.equivalent = false;
    report.certificate.worst_relative_difference = 0.0312;
    report.certificate.argmax = Some(Argmax { original: 3, reconstructed: 8, kept: false });
    let html = report.to_html().unwrap();
    assert!(html.contains("does NOT equal the network at this input: worst difference 0.031 of the largest logit"));
    assert!(html.contains("over all 1,000 logits, where 1e-5 is allowed. Do not read these pictures as the model."));
    assert!(html.contains("The network puts three first, the one-layer model class 8."));
    assert!(!html.contains("The one-layer model equals"));

    report.certificate.worst_relative_difference = 2e-6;
    let html = report.to_html().unwrap();
    assert!(html.contains("does NOT equal the network at this input: it puts another class first (worst difference"));
}

#[test]
fn numbers_are_there_in_full_for_programs() {
    let html = tiny().to_html().unwrap();
    assert!(html.contains("<data value=\"2.75\">2.75000</data>"), "Σ (W ∘ x)");
    assert!(html.contains("<data value=\"-0.75\">−0.75000</data>"), "b");
    assert!(html.contains("<data value=\"2\">2.00000</data>"), "Σ (W ∘ x) + b");
}

#[test]
fn nothing_known_and_nothing_finite_is_still_a_page() {
    let mut report = tiny();
    report.classes.clear();
    report.certificate = Certificate {
        equivalent: false,
        worst_relative_difference: f64::NAN,
        bias_difference: None,
        rules: vec![],
        exact_at_this_input: vec![],
        warnings: vec![],
        left_off: vec![],
        masks: vec![],
        seconds: Seconds::default(),
        peak_memory_bytes: None,
        ..certificate()
    };
    assert!(report.to_html().unwrap().contains("worst difference not a number"));
    let mut report = tiny();
    report.classes[0].bias = f64::NAN;
    report.classes[0].bias_by_layer[0].value = f64::INFINITY;
    report.certificate.masks[0].active = f64::NAN;
    report.certificate.seconds.trace = -1.0;
    assert!(report.to_html().is_ok());
}

#[test]
fn lists_and_signals_have_a_page() {
    for layout in [Layout::Vector { length: 4 }, Layout::Series { length: 4, channels: 1, order: Order::ChannelsLast }]
    {
        let mut report = tiny();
        for class in &mut report.classes {
            class.weights = Sheet::arrange(class.weights.values(), layout).unwrap();
            class.contributions = Sheet::arrange(class.contributions.values(), layout).unwrap();
        }
        report.input.view = InputView::Tensor(report.classes[0].weights.clone());
        assert!(report.to_html().unwrap().contains("class=\"views wide\""));
    }
}

#[test]
fn the_page_is_saved_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    tiny().save(&path).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().trim_end().ends_with("</html>"));
    let error = tiny().save(folder.path().join("none/report.html")).unwrap_err();
    assert!(error.to_string().contains("none/report.html"));
}

/// (lighter + 0.05) / (darker + 0.05)
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |hex: &str| -> f64 {
        let channel = |i: usize| {
            let c = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_has_enough_contrast_in_light_and_in_dark() {
    let style = include_str!("../../../web/src/style.css");
    let dark = style.find("prefers-color-scheme: dark").unwrap();
    for (name, style) in [("light", &style[..dark]), ("dark", &style[dark..])] {
        let colour = |variable: &str| {
            let at = style.find(&format!("{variable}: #")).unwrap() + variable.len() + 2;
            &style[at..at + 7]
        };
        for (text, paper) in [
            ("--text", "--paper"),
            ("--quiet", "--paper"),
            ("--link", "--paper"),
            ("--warm", "--paper"),
            ("--cold", "--paper"),
            ("--good", "--good-paper"),
            ("--bad", "--bad-paper"),
        ] {
            let ratio = contrast(colour(text), colour(paper));
            assert!(ratio >= 4.5, "{text} on {paper} in {name}: {ratio:.2}");
        }
    }
}
