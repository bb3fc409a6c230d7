//! Pictures and the report: the rows that people look at.

use netfold::input::Picture as InputPicture;
use netfold::output::Certificate;
use netfold::output::folder::Folder;
use netfold::{Folded, Precision, ReceptiveField, Reconstruction, RowRef, Tensor, Unit};
use netfold_render::{
    BiasPart, Caption, ClassView, InputFacts, InputView, LONGEST, Layout, ModelFacts, Order, Picture, Plane, Report,
    Scale, Sheet, View, bias_parts, file_stem, layers, units,
};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::session::Session;

/// A row of W that is shown.
pub struct ShownRow {
    /// Its class.
    pub class: usize,
    /// w, over the model's input.
    pub weights: Vec<f64>,
    /// w ∘ x, or w ∘ (x − x₀) against a reference.
    pub contributions: Vec<f64>,
    /// ⟨w, x⟩ + b.
    pub reconstructed: f64,
    /// b, or b + ⟨w, x₀⟩ against a reference.
    pub bias: f64,
    /// What a unit depends on; absent for a class.
    pub field: Option<ReceptiveField>,
    bias_by_stage: Vec<f64>,
}

impl ShownRow {
    /// A copy of a row.
    pub fn new<T: Precision>(row: &RowRef<'_, T>, x: &Tensor<T>, reference: Option<&Tensor<T>>) -> Self {
        let (contributions, bias) = match reference {
            Some(reference) => row.contributions_against(reference, x),
            // A b of −0 is 0.
            None => (row.contributions(x), row.bias.wide() + 0.0),
        };
        Self {
            class: row.class,
            weights: row.weights.iter().map(|w| w.wide()).collect(),
            contributions,
            reconstructed: row.reconstructed.wide(),
            bias,
            field: None,
            bias_by_stage: row.bias_by_stage.iter().map(|share| share.wide()).collect(),
        }
    }

    /// The row's numbers, without its weights.
    pub fn json<T: Precision>(&self, session: &Session<'_>, result: &Reconstruction<T>, shape: &[usize]) -> Value {
        let logit = result.logits[self.class].wide();
        json!({
            "class": self.class,
            "label": session.label(self.class),
            "logit": logit,
            "reconstructed": self.reconstructed,
            "difference": (logit - self.reconstructed).abs(),
            "pixels": self.reconstructed - self.bias,
            "bias": self.bias,
            "unit": self.field.as_ref().map(|_| Unit::of(self.class, shape).0),
            "receptive_field": self.field,
        })
    }
}

/// What is needed to draw.
pub struct ReportWriter<'a, T: Precision> {
    /// The model and the words.
    pub session: &'a Session<'a>,
    /// The input.
    pub folded: &'a Folded<T>,
    /// The proof.
    pub certificate: &'a Certificate,
    /// The numbers of all classes.
    pub result: &'a Reconstruction<T>,
    /// What contributions are told against; absent for zero.
    pub reference: Option<&'a Tensor<T>>,
    /// The rows that are shown, in order.
    pub rows: &'a [ShownRow],
}

impl<T: Precision> ReportWriter<'_, T> {
    /// Writes `weights-<class>.png`, `contributions-<class>.png` and `overlay-<class>.png` for each row, and
    /// `report.html`.
    pub fn write(&self, folder: &mut Folder) -> Result<(), Failure> {
        let view = self.input_view()?;
        let mut classes = Vec::new();
        for row in self.rows {
            let (weights, contributions) = (self.sheet(&row.weights)?, self.sheet(&row.contributions)?);
            self.pictures(folder, row, &view, (&weights, &contributions))?;
            classes.push(self.class_view(row, weights, contributions));
        }
        let words = self.session.words;
        let model = self.session.model();
        let preprocessing = match self.folded.picture() {
            Some(_) => self.session.preprocess().name,
            None if words.from.is_some() => "none (an inner tensor)".to_owned(),
            None => "none (an array in model units)".to_owned(),
        };
        let report = Report {
            title: format!("{} at {}", self.certificate.model.file, self.certificate.input.file),
            model: ModelFacts {
                input_name: model.name(self.session.from()).to_owned(),
                input_shape: self.folded.x().shape().to_vec(),
                input_type: self.session.dtype().map_or_else(String::new, |dtype| dtype.to_string()),
                output_name: model.name(self.session.head().logits).to_owned(),
                nodes: model.nodes.len(),
                logits: wide(&self.result.logits),
                reconstructed: wide(&self.result.one_layer()),
                labels: match words.at {
                    None => self.session.names(),
                    Some(_) => (0..self.result.logits.len()).map(|element| self.unit(element)).collect(),
                },
                layers: layers(self.folded.circuit()),
            },
            input: InputFacts {
                preprocessing,
                view,
                tensor: self.sheet(&self.contributing())?,
                units: self.folded.picture().filter(|_| self.reference.is_none()).map(units),
            },
            classes,
            weight_unit: if words.at.is_some() { "value per model unit" } else { "logit per model unit" }.into(),
            certificate: self.certificate.clone(),
        };
        Ok(folder.write("report.html", report.to_html()?.as_bytes())?)
    }

    fn pictures(
        &self,
        folder: &mut Folder,
        row: &ShownRow,
        view: &InputView,
        (weights, contributions): (&Sheet, &Sheet),
    ) -> Result<(), Failure> {
        let unit = row.field.as_ref().map(|_| self.unit(row.class));
        let stem = match &unit {
            Some(unit) => unit.replace([' ', ','], "-"),
            None => file_stem(row.class, self.session.label(row.class)),
        };
        let value = if unit.is_some() { "value" } else { "logit" };
        let caption = |what: &str, scale: String| Caption {
            title: unit.clone().unwrap_or_else(|| self.session.class(row.class)),
            subtitle: what.to_owned(),
            unit: scale,
        };
        let plane = |sheet: &Sheet| -> (Plane, Scale) {
            let plane = sheet.plane(View::Sum).shrunk(LONGEST);
            let scale = Scale::over([&plane]);
            (plane, scale)
        };
        let (plane_w, scale_w) = plane(weights);
        let (plane_c, scale_c) = plane(contributions);
        let mut save = |picture: Picture, name: &str| -> Result<(), Failure> {
            Ok(folder.write(&format!("{name}-{stem}.png"), &picture.png()?)?)
        };
        save(Picture::heat(&plane_w, &scale_w, &caption("weights W", format!("{value} per model unit"))), "weights")?;
        save(Picture::heat(&plane_c, &scale_c, &caption("contributions W ∘ x", value.to_owned())), "contributions")?;
        save(Picture::overlay(view, &plane_c, &scale_c, &caption("contributions W ∘ x", value.to_owned())), "overlay")
    }

    fn class_view(&self, row: &ShownRow, weights: Sheet, contributions: Sheet) -> ClassView {
        let mut parts = bias_parts(self.folded.circuit(), row.bias_by_stage.iter().copied());
        if self.reference.is_some() {
            let b: f64 = parts.iter().map(|part| part.value).sum();
            parts.push(BiasPart { layer: "reference, W x0".into(), stage: None, value: row.bias - b });
        }
        ClassView {
            index: row.class,
            label: match row.field {
                Some(_) => Some(self.unit(row.class)),
                None => self.session.label(row.class).map(str::to_owned),
            },
            logit: self.folded.logits().data()[row.class].wide(),
            reconstructed: row.reconstructed,
            pixels: row.contributions.iter().sum(),
            bias: row.bias,
            weights,
            contributions,
            bias_by_layer: parts,
        }
    }

    /// An element of an inner tensor by its indices.
    fn unit(&self, element: usize) -> String {
        format!("unit {}", Unit::of(element, self.folded.logits().shape()))
    }

    /// What the weights are multiplied with: x, or x − x₀ against a reference.
    fn contributing(&self) -> Vec<f64> {
        let x = wide(self.folded.x().data());
        match self.reference {
            Some(reference) => x.iter().zip(reference.data()).map(|(x, x0)| x - x0.wide()).collect(),
            None => x,
        }
    }

    fn sheet(&self, values: &[f64]) -> Result<Sheet, Failure> {
        let shape = self.folded.x().shape();
        let order = Order::of_input(shape, self.session.layout(shape));
        let axes: Vec<usize> = netfold::value::without_batch(shape).collect();
        Ok(Sheet::arrange(values, Layout::of_shape(&axes, order))?)
    }

    fn input_view(&self) -> Result<InputView, Failure> {
        if let Some(pictured) = self.folded.picture() {
            return Ok(InputView::Picture(rgb(&pictured.seen)));
        }
        Ok(InputView::Tensor(self.sheet(&wide(self.folded.x().data()))?))
    }
}

fn wide<T: Precision>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.wide()).collect()
}

fn rgb(picture: &InputPicture) -> image::RgbImage {
    image::RgbImage::from_fn(picture.width as u32, picture.height as u32, |x, y| {
        let at = (y as usize * picture.width + x as usize) * picture.channels;
        image::Rgb(std::array::from_fn(|c| picture.pixels.byte(at + c.min(picture.channels - 1))))
    })
}
