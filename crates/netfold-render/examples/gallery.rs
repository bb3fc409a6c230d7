//! Pictures and reports of made-up reconstructions, to look at: `cargo run -p netfold-render --example gallery -- DIR [PICTURE]`.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use netfold::model::FileStamp;
use netfold::output::{Argmax, FrozenNodes, MaskDensity, Seconds};
use netfold::{Certificate, Validity};
use netfold_render::{
    BiasPart, Caption, ClassView, InputFacts, InputView, Layout, ModelFacts, Order, Picture, RenderError, Report,
    Scale, Sheet, View, file_stem,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(|| std::env::temp_dir().join("netfold-gallery"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    for (name, layout) in [
        ("digit", picture_layout(28, 28, 1)),
        ("icon", picture_layout(32, 32, 3)),
        ("photo", picture_layout(224, 224, 3)),
        ("line", picture_layout(48, 192, 3)),
        ("large", picture_layout(1500, 2000, 1)),
        ("signal", Layout::Series { length: 1024, channels: 1, order: Order::ChannelsFirst }),
        ("list", Layout::Vector { length: 13 }),
    ] {
        let report = report(name, layout)?;
        report.save(folder.join(format!("{name}.html")))?;
        pictures(&report, &folder.join(name))?;
    }
    if let Some(path) = std::env::args().nth(2) {
        let picture = image::open(&path)?.into_rgb8();
        let mut given = report("photo", picture_layout(picture.height() as usize, picture.width() as usize, 3))?;
        given.input.view = InputView::Picture(picture);
        given.save(folder.join("given.html"))?;
        pictures(&given, &folder.join("given"))?;
    }
    let mut broken = report("photo", picture_layout(64, 64, 3))?;
    broken.certificate.equivalent = false;
    broken.certificate.worst_relative_difference = 0.0312;
    broken.certificate.argmax =
        broken.certificate.argmax.map(|argmax| Argmax { kept: false, reconstructed: 7, ..argmax });
    for class in &mut broken.classes {
        class.label = None;
        class.logit += 0.31;
    }
    broken.save(folder.join("broken.html"))?;
    println!("{}", folder.display());
    Ok(())
}

fn picture_layout(height: usize, width: usize, channels: usize) -> Layout {
    Layout::Picture { height, width, channels, order: Order::ChannelsLast }
}

fn pictures(report: &Report, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let class = &report.classes[0];
    let (weights, contributions) = (class.weights.plane(View::Sum), class.contributions.plane(View::Sum));
    let stem = file_stem(class.index, class.label.as_deref());
    let caption = |subtitle: &str, unit: &str| Caption {
        title: format!("{} ({})", class.label.as_deref().unwrap_or_default(), class.index),
        subtitle: subtitle.into(),
        unit: unit.into(),
    };
    let scale = Scale::over([&weights]);
    let caption_weights = caption("weights, summed over the channels", "logit per model unit");
    Picture::heat(&weights, &scale, &caption_weights).save(folder.join(format!("weights-{stem}.png")))?;
    let scale = Scale::over([&contributions]);
    Picture::heat(&contributions, &scale, &caption("contributions W ∘ x", "logit"))
        .save(folder.join(format!("contributions-{stem}.png")))?;
    Picture::overlay(&report.input.view, &contributions, &scale, &caption("contributions on the input", "logit"))
        .save(folder.join(format!("overlay-{stem}.png")))?;
    Ok(())
}

fn report(name: &str, layout: Layout) -> Result<Report, RenderError> {
    let (height, width, channels) = match layout {
        Layout::Picture { height, width, channels, .. } => (height, width, channels),
        Layout::Series { length, .. } | Layout::Vector { length } => (1, length, 1),
    };
    let scene = |f: &dyn Fn(f64, f64, usize) -> f64| -> Vec<f64> {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        let across = |i: usize, n: usize| (i as f64 + 0.5) / n as f64 * 2.0 - 1.0;
        pixels.flat_map(|(y, x)| (0..channels).map(move |c| f(across(y, height), across(x, width), c))).collect()
    };
    let flat = height == 1;
    let input = scene(&|y, x, c| if flat { wave(x) } else { ball(y, x, c) });
    let mut noise = Noise(7);
    let classes = ["tabby cat", "tiger cat", "Egyptian cat, a label that goes on and on to see where it is cut"];
    let classes = classes.iter().enumerate().map(|(i, label)| {
        let row: Vec<f64> = scene(&|y, x, c| {
            let (dy, dx) = (y - 0.15 * i as f64, x + 0.2 * i as f64);
            let near = (-4.0 * (dy * dy + dx * dx)).exp();
            near * (6.0 * dx + 3.0 * dy + i as f64 + c as f64).sin() * 0.02
        });
        let row: Vec<f64> = row.into_iter().map(|v| v + 0.006 * noise.next() * (1.0 + 40.0 * v.abs())).collect();
        let products: Vec<f64> = row.iter().zip(&input).map(|(w, x)| w * x).collect();
        let (pixels, bias) = (products.iter().sum::<f64>(), 3.1 - 2.2 * i as f64);
        let parts = (1..=12).map(|k| f64::from(k).sin() * 0.4).collect::<Vec<_>>();
        let rest = bias - parts.iter().sum::<f64>();
        let bias_by_layer = (parts.into_iter().chain([rest]).enumerate())
            .map(|(k, value)| BiasPart { layer: format!("/features/{k}/Conv"), stage: Some(k), value })
            .collect();
        Ok(ClassView {
            index: 281 + i,
            label: Some((*label).into()),
            logit: pixels + bias + 2e-6 * noise.next(),
            reconstructed: pixels + bias,
            pixels,
            bias,
            weights: Sheet::arrange(&row, layout)?,
            contributions: Sheet::arrange(&products, layout)?,
            bias_by_layer,
        })
    });
    let classes = classes.collect::<Result<Vec<_>, RenderError>>()?;
    let first = classes.iter().max_by(|a, b| a.logit.total_cmp(&b.logit)).map_or(0, |class| class.index);
    Ok(Report {
        title: format!("lenet.onnx at {name}.png"),
        model: ModelFacts {
            input_name: "pixel_values".into(),
            input_shape: vec![1, channels, height, width],
            input_type: "float".into(),
            output_name: "logits".into(),
            nodes: 122,
            logits: classes.iter().map(|class| class.logit).collect(),
            reconstructed: classes.iter().map(|class| class.reconstructed).collect(),
            ..ModelFacts::default()
        },
        input: InputFacts {
            preprocessing: "imagenet: shorter side 256, middle 224 × 224, mean and deviation".into(),
            view: InputView::Tensor(Sheet::arrange(&input, layout)?),
            tensor: Sheet::arrange(&input, layout)?,
            units: None,
        },
        classes,
        weight_unit: "logit per model unit".into(),
        certificate: certificate(name, first),
    })
}

fn certificate(name: &str, first: usize) -> Certificate {
    let rule =
        |op: &str, rule: &str, validity, nodes| FrozenNodes { op: op.into(), rule: rule.into(), validity, nodes };
    Certificate {
        equivalent: true,
        worst_relative_difference: 3.1e-7,
        tolerance: 1e-5,
        logits: 1000,
        argmax: Some(Argmax { original: first, reconstructed: first, kept: true }),
        classes: 3,
        precision: "f32",
        method: "adjoint".into(),
        passes: 3,
        bias_difference: Some(4.2e-8),
        rules: vec![
            rule("Conv", "none", Validity::Everywhere, 53),
            rule("Relu", "active branch", Validity::Region, 49),
            rule("MaxPool", "active branch", Validity::Region, 1),
            rule("Sigmoid", "gate", Validity::Input, 2),
        ],
        gates: Vec::new(),
        gated_only: Vec::new(),
        bias_nodes: Vec::new(),
        exact_at_this_input: ["/layer3/gate/Sigmoid", "/layer4/gate/Sigmoid"].map(Into::into).into(),
        warnings: vec![],
        left_off: vec!["/Softmax".into()],
        ties: None,
        masks: (0..8)
            .map(|k| MaskDensity {
                node: format!("/layer{}/Relu", k + 1),
                op: "Relu".into(),
                elements: 802_816 >> k,
                active: 0.62 - 0.05 * f64::from(k),
            })
            .collect(),
        seconds: Seconds { load: 0.081, trace: 0.142, freeze: 0.013, reconstruct: 0.655, total: 1.02 },
        peak_memory_bytes: Some(734_003_200),
        netfold: env!("CARGO_PKG_VERSION"),
        model: FileStamp {
            file: "lenet.onnx".into(),
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        },
        input: FileStamp {
            file: format!("{name}.png"),
            sha256: "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752".into(),
        },
        held_inputs: Vec::new(),
    }
}

/// A lit ball on a floor.
fn ball(y: f64, x: f64, c: usize) -> f64 {
    let tint = [1.0, 0.82, 0.6][c % 3];
    let r = (x * x + y * y).sqrt() / 0.62;
    if r < 1.0 {
        let light = (1.0 - r * r).sqrt() * 0.7 - 0.45 * x - 0.45 * y;
        return (0.18 + 0.75 * light.max(0.0)) * tint;
    }
    let sky = [0.55, 0.68, 0.82][c % 3];
    if y < 0.35 { sky - 0.2 * y } else { 0.45 - 0.2 * (y - 0.35) - 0.25 * (-8.0 * (y - 0.6).powi(2) - x * x).exp() }
}

/// A decaying tone with overtones.
fn wave(x: f64) -> f64 {
    (-1.2 * (x + 1.0)).exp() * ((TAU * 9.0 * x).sin() + 0.5 * (TAU * 18.0 * x + 1.0).sin())
}

/// A small generator of repeatable noise in −1 .. 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }
}
