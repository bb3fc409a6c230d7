//! From the facts of a report to its page.

use std::path::Path;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::Rgb;
use netfold::output::folder;
use netfold::output::{FrozenNodes, MaskDensity};
use sha2::{Digest, Sha256};

use crate::RenderError;
use crate::colour::{dimmed, diverging, veiled};
use crate::facts::{self, Fact};
use crate::figure::Figure;
use crate::number::{count, decimals_for, fixed, percent, signed, significant};
use crate::plane::Plane;
use crate::report::{BiasPart, ClassView, Report};
use crate::scale::Scale;
use crate::sheet::{Kind, Sheet, View};

/// The page's style sheet, for the report and the explorer. Built from `web/` and checked in.
pub const STYLE: &str = include_str!("../assets/page.css");
/// The page's script, for the report and the explorer. Built from `web/` and checked in.
pub const SCRIPT: &str = include_str!("../assets/page.js");

/// Bytes of weights that one page carries at most; the classes after that are shown as pictures only.
const CARRIED: usize = 128 << 20;

/// Everything is escaped by the template, except the project's own style and script, the data URIs and base64.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    title: &'a str,
    style: &'static str,
    script: &'static str,
    script_hash: String,
    gradient: String,
    veil_gradient: String,
    equivalent: bool,
    verdict: String,
    argmax: String,
    wide: bool,
    input: Figure,
    ground: Figure,
    input_file: &'a str,
    input_word: &'static str,
    place: &'static str,
    place_title: &'static str,
    preprocessing: &'a str,
    logits: String,
    weights_note: String,
    block_note: String,
    weights_scale: Legend,
    contributions_scale: Legend,
    classes: Vec<Class>,
    facts: Vec<Fact>,
    rules: &'a [FrozenNodes],
    exact_here: &'a [String],
    times: Vec<Fact>,
    masks: Vec<Mask<'a>>,
    mask_summary: String,
    hashes: Vec<Fact>,
    document: String,
    rows: Vec<EmbeddedRow>,
}

/// What the script reads of one class.
struct EmbeddedRow {
    index: usize,
    base64: String,
}

/// A number as people and as programs read it.
struct Num {
    text: String,
    exact: String,
}

/// What stands under a picture, and the sentence about clipping.
struct Legend {
    limit: String,
    unit: String,
    statement: String,
}

/// One section of the page.
struct Class {
    index: usize,
    name: String,
    has_label: bool,
    pixels: Num,
    bias: Num,
    bias_sign: &'static str,
    bias_size: Num,
    reconstructed: Num,
    logit: Num,
    difference: Num,
    weights: Figure,
    contributions: Figure,
    overlay: Figure,
    layers: Vec<Layer>,
    layers_sum: Num,
}

/// One bar of "where the bias comes from"; its length is |value| / max |value|.
struct Layer {
    name: String,
    negative: bool,
    share: String,
    value: Num,
}

/// One bar of the mask densities.
struct Mask<'a> {
    name: &'a str,
    op: &'a str,
    share: String,
    active: String,
    elements: String,
}

impl Report {
    /// The page as one self-contained HTML text: no script, style, font or picture comes from elsewhere.
    ///
    /// # Errors
    /// [`RenderError::Encode`] or [`RenderError::Page`]; neither depends on the input's content.
    pub fn to_html(&self) -> Result<String, RenderError> {
        html(self)
    }

    /// Writes the page, whole or not at all.
    ///
    /// # Errors
    /// As [`Self::to_html`], and [`RenderError::Write`] with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), RenderError> {
        Ok(folder::write(path.as_ref(), self.to_html()?.as_bytes())?)
    }
}

/// Scales first, over all classes together; then every picture; then the words.
fn html(report: &Report) -> Result<String, RenderError> {
    let certificate = &report.certificate;
    let kind = report.classes.first().map_or(Kind::Picture, |class| class.weights.kind());
    let planes = |sheet: fn(&ClassView) -> &Sheet| -> Vec<Plane> {
        report.classes.iter().map(|class| shown(sheet(class))).collect()
    };
    let (weights, contributions) = (planes(|class| &class.weights), planes(|class| &class.contributions));
    let scales = (Scale::over(&weights), Scale::over(&contributions));
    let numbers = report.classes.iter().flat_map(|c| [c.logit, c.reconstructed, c.pixels, c.bias]);
    let decimals = decimals_for(numbers);
    let classes = (report.classes.iter().zip(&weights).zip(&contributions))
        .map(|((class, weights), contributions)| class_view(report, class, (weights, contributions), scales, decimals))
        .collect::<Result<Vec<_>, _>>()?;

    let (input_word, place_title) = match kind {
        Kind::Picture => ("picture", "Pixel"),
        Kind::Series => ("signal", "Sample"),
        Kind::Vector => ("input", "Value"),
    };
    let input = Figure::input(&report.input.view, kind, format!("The input {input_word}, {}", certificate.input.file))?;
    let rows = embedded(report);
    let channels = report.classes.first().map_or(1, |class| class.weights.channels());
    let page = Page {
        title: &report.title,
        style: STYLE,
        script: SCRIPT,
        script_hash: STANDARD.encode(Sha256::digest(SCRIPT)),
        gradient: gradient(diverging),
        veil_gradient: if kind == Kind::Picture { gradient(|t| veiled(dimmed(128), t)) } else { gradient(diverging) },
        equivalent: certificate.equivalent,
        verdict: facts::verdict(certificate),
        argmax: facts::argmax(report),
        wide: kind != Kind::Picture || input.width >= 3 * input.height,
        ground: Figure::ground(&report.input.view, kind)?,
        input,
        input_file: &certificate.input.file,
        input_word,
        place: kind.place(),
        place_title,
        preprocessing: &report.input.preprocessing,
        logits: count(certificate.logits),
        weights_note: if channels == 1 { "W".into() } else { format!("W, summed over {channels} channels") },
        block_note: match weights.first().map_or(1, Plane::block) {
            1 => String::new(),
            k => format!(" Each cell is the mean of {k} × {k} pixels."),
        },
        weights_scale: legend(&scales.0, report.weight_unit.clone(), kind),
        contributions_scale: legend(&scales.1, "logit".into(), kind),
        classes,
        facts: facts::certificate(report),
        rules: &certificate.rules,
        exact_here: &certificate.exact_at_this_input,
        times: facts::times(certificate),
        masks: certificate.masks.iter().map(mask).collect(),
        mask_summary: facts::mask_summary(certificate),
        hashes: facts::hashes(certificate),
        document: STANDARD.encode(report.to_bytes(rows.iter().map(|row| row.index).collect())),
        rows,
    };
    page.render().map_err(RenderError::Page)
}

/// The rows that fit into one page, in its order.
fn embedded(report: &Report) -> Vec<EmbeddedRow> {
    let mut room = CARRIED;
    let fits = |class: &&ClassView| {
        let size = class.weights.values().len() * size_of::<f32>();
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    };
    let row = |class: &ClassView| EmbeddedRow { index: class.index, base64: STANDARD.encode(class.to_bytes()) };
    report.classes.iter().take_while(fits).map(row).collect()
}

/// One section: the sum as numbers, the three pictures, the parts of the bias.
///
/// All sums have the same number of decimals over the whole page, so that they can be compared by eye; `exact` holds
/// each number in full.
fn class_view(
    report: &Report,
    class: &ClassView,
    (weights, contributions): (&Plane, &Plane),
    scales: (Scale, Scale),
    decimals: usize,
) -> Result<Class, RenderError> {
    let name = class.label.clone().unwrap_or_else(|| format!("class {}", class.index));
    let alt = |what: &str, scale: &Scale| {
        format!(
            "{what} of {name}: red places speak for it, blue ones against it; the strongest colour stands for {}",
            significant(scale.limit, 3)
        )
    };
    let num = |value: f64| Num { text: fixed(value, decimals), exact: value.to_string() };
    let difference = class.reconstructed - class.logit;
    let sum = class.bias_by_layer.iter().map(|part| part.value).sum();
    Ok(Class {
        index: class.index,
        has_label: class.label.is_some(),
        pixels: num(class.pixels),
        bias: Num { text: signed(class.bias, decimals), exact: class.bias.to_string() },
        bias_sign: if class.bias < 0.0 { "−" } else { "+" },
        bias_size: num(class.bias.abs()),
        reconstructed: num(class.reconstructed),
        logit: num(class.logit),
        difference: Num { text: significant(difference, 2), exact: difference.to_string() },
        weights: Figure::heat(weights, &scales.0, alt("Weights", &scales.0))?,
        contributions: Figure::heat(contributions, &scales.1, alt("Contributions", &scales.1))?,
        overlay: Figure::veil(
            &report.input.view,
            contributions,
            &scales.1,
            format!("The input in grey under the contributions to {name}, the more opaque the larger they are"),
        )?,
        layers: layers(&class.bias_by_layer, decimals),
        layers_sum: num(sum),
        name,
    })
}

fn layers(parts: &[BiasPart], decimals: usize) -> Vec<Layer> {
    let largest = parts.iter().map(|part| part.value.abs()).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let layer = |part: &BiasPart| Layer {
        name: part.layer.clone(),
        negative: part.value < 0.0,
        share: format!("{:.4}", if largest > 0.0 { (part.value.abs() / largest).min(1.0) } else { 0.0 }),
        value: Num { text: signed(part.value, decimals), exact: part.value.to_string() },
    };
    parts.iter().map(layer).collect()
}

fn mask(mask: &MaskDensity) -> Mask<'_> {
    Mask {
        name: &mask.node,
        op: &mask.op,
        share: format!("{:.4}", mask.active.clamp(0.0, 1.0)),
        active: percent(mask.active),
        elements: count(mask.elements),
    }
}

fn legend(scale: &Scale, unit: String, kind: Kind) -> Legend {
    Legend { limit: significant(scale.limit, 3), unit, statement: scale.statement(kind) }
}

/// Longer side of the maps of a page, which shows them about this large; the files hold more.
const LONGEST: usize = 640;

fn shown(sheet: &Sheet) -> Plane {
    let plane = sheet.plane(View::Sum);
    if plane.kind() == Kind::Picture { plane.shrunk(LONGEST) } else { plane }
}

/// The colour map as the stops of a CSS gradient.
fn gradient(colour: impl Fn(f64) -> Rgb<u8>) -> String {
    const STOPS: i32 = 16;
    let stop = |i: i32| {
        let Rgb([r, g, b]) = colour(f64::from(i) / f64::from(STOPS));
        format!("#{r:02x}{g:02x}{b:02x}")
    };
    (-STOPS..=STOPS).map(stop).collect::<Vec<_>>().join(",")
}
