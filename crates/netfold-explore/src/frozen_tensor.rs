//! The network frozen up to one tensor: rows, bias maps and channels of it.

use netfold::input::LayoutChoice;
use netfold::reconstruction::Unit;
use netfold::value::without_batch;
use netfold::{Folded, Precision, ReceptiveField, Reconstruction, Request, RowRef};
use netfold_render::{Grid, Layout, Order, RowHead, Scale, Sheet, View, bias_parts, line, packed};
use serde::Serialize;

use crate::api_error::ApiError;
use crate::queue::CancelToken;

/// Bytes of channels that one answer holds at most.
const CHANNEL_BYTES: usize = 4 << 20;
/// Channels that one answer holds at most.
const CHANNELS: usize = 24;

/// The network up to one tensor: the logits, or an inner one.
pub struct FrozenTensor<T: Precision> {
    /// The network, folded.
    pub folded: Folded<T>,
    /// The bias maps of the element that was asked for last.
    maps: Option<(usize, Vec<PlaceMap>)>,
}

/// One stage's share of b, place by place.
struct PlaceMap {
    stage: usize,
    height: usize,
    width: usize,
    places: Vec<f64>,
}

#[derive(Serialize)]
struct MapHead<'a> {
    layer: &'a str,
    height: usize,
    width: usize,
    share: f64,
}

#[derive(Serialize)]
struct ChannelsHead<'a> {
    tensor: &'a str,
    shape: &'a [usize],
    /// The axes that a unit has an index for.
    axes: Vec<usize>,
    channels: usize,
    height: usize,
    width: usize,
    /// The first channel of this answer, and how many an answer holds.
    first: usize,
    page: usize,
    /// Over all channels.
    scale: Scale,
}

#[derive(Serialize)]
struct UnitHead<'a> {
    #[serde(flatten)]
    row: RowHead,
    tensor: &'a str,
    unit: Vec<usize>,
    /// The box of the input that the weights are over, and where it begins.
    grid: Grid,
    left: usize,
    top: usize,
    /// How many elements of the input the unit depends on.
    sees: usize,
    equivalent: bool,
    line: String,
}

impl<T: Precision> FrozenTensor<T> {
    /// Of a folded network.
    pub fn new(folded: Folded<T>) -> Self {
        Self { folded, maps: None }
    }

    /// One row, as the page's script reads it.
    ///
    /// # Errors
    /// If there is no such element, or the job was stopped.
    pub fn row(
        &self,
        element: usize,
        layout: LayoutChoice,
        ticket: &CancelToken,
    ) -> Result<(RowHead, Sheet, Reconstruction<T>), ApiError> {
        let (folded, mut made) = (self.folded.watched(ticket.watch()), None);
        let request = Request { classes: vec![element], ..Request::default() };
        let result = folded.reconstruct::<ApiError>(&request, |row| {
            made = Some((head(&self.folded, row), sheet(&wide(row.weights), self.folded.x().shape(), layout)?));
            Ok(())
        })?;
        let (head, weights) = made.ok_or_else(ApiError::stopped)?;
        Ok((head, weights, result))
    }

    /// A unit's row over the part of the input that it depends on, with a certificate of the tensor.
    ///
    /// # Errors
    /// If there is no such unit, or the job was stopped.
    pub fn unit(
        &mut self,
        (tensor, unit): (&str, &Unit),
        layout: LayoutChoice,
        ticket: &CancelToken,
    ) -> Result<Vec<u8>, ApiError> {
        let element = unit.element(self.folded.logits())?;
        let (row, weights, result) = self.row(element, layout, ticket)?;
        let field = self.folded.circuit().receptive_field(element);
        let x = self.folded.x();
        let seen = sheet(&inside(&field, x.shape()), x.shape(), layout)?.nonzero();
        let (rows, columns) = seen.unwrap_or((0..weights.height(), 0..weights.width()));
        let (left, top) = (columns.start, rows.start);
        let weights = weights.part(rows, columns);
        let certificate = self.folded.certify(&result)?;
        let head = UnitHead {
            row,
            tensor,
            unit: Unit::of(element, self.folded.logits().shape()).0,
            grid: Grid::of(&weights),
            left,
            top,
            sees: field.elements,
            equivalent: certificate.equivalent,
            line: line(&certificate),
        };
        Ok(packed(&head, weights.values()))
    }

    /// A stage's share of the b of one element, place by place, summed over the channels.
    ///
    /// # Errors
    /// If the stage gives nothing to it.
    pub fn bias_map(&mut self, element: usize, stage: usize) -> Result<Vec<u8>, ApiError> {
        if self.maps.as_ref().is_none_or(|(of, _)| *of != element) {
            let map = |map: netfold::BiasMap| {
                let places = map.shape.get(2..).unwrap_or_default();
                let width = places.last().copied().unwrap_or(1);
                let height = places.iter().rev().skip(1).product();
                PlaceMap { stage: map.stage, height, width, places: map.by_place() }
            };
            self.maps = Some((element, self.folded.bias_maps(element)?.into_iter().map(map).collect()));
        }
        let maps = self.maps.iter().flat_map(|(_, maps)| maps);
        let Some(map) = maps.into_iter().find(|map| map.stage == stage) else {
            return Err(ApiError::missing(format!("there is no layer {stage} that gives something to b")));
        };
        let layer = &self.folded.circuit().stages()[stage].node;
        let share = map.places.iter().sum();
        Ok(packed(&MapHead { layer, height: map.height, width: map.width, share }, &map.places))
    }

    /// The tensor's values from channel `first` on, as many as one answer holds: the last two axes are a channel's map.
    ///
    /// # Errors
    /// If there is no such channel.
    pub fn channels(&self, tensor: &str, first: usize) -> Result<Vec<u8>, ApiError> {
        let shape = self.folded.logits().shape();
        let axes: Vec<usize> = without_batch(shape).collect();
        let (channels, height, width) = match axes.as_slice() {
            [] => (1, 1, 1),
            &[width] => (1, 1, width),
            // A signal as a picture of one column: its elements lie in the same order as in one row.
            &[ref channels @ .., length, 1] => (channels.iter().product(), 1, length),
            &[ref channels @ .., height, width] => (channels.iter().product(), height, width),
        };
        let places = height * width;
        if first >= channels || places == 0 {
            return Err(ApiError::missing(format!("`{tensor}` has no channel {first}: its shape is {shape:?}")));
        }
        let values = wide(self.folded.logits().data());
        let all = Layout::Picture { height: channels * height, width, channels: 1, order: Order::ChannelsLast };
        let scale = Scale::over([&Sheet::arrange(&values, all)?.plane(View::Sum)]);
        let page = (CHANNEL_BYTES / (places * size_of::<f32>())).clamp(1, CHANNELS);
        let head = ChannelsHead { tensor, shape, axes: axes.clone(), channels, height, width, first, page, scale };
        Ok(packed(&head, &values[first * places..(first + page).min(channels) * places]))
    }
}

/// The numbers of a row beside its weights.
pub fn head<T: Precision>(folded: &Folded<T>, row: &RowRef<'_, T>) -> RowHead {
    RowHead {
        index: row.class,
        logit: folded.logits().data()[row.class].wide(),
        reconstructed: row.reconstructed.wide(),
        bias: row.bias.wide(),
        bias_by_layer: bias_parts(folded.circuit(), row.bias_by_stage.iter().map(|share| share.wide())),
    }
}

/// 1 for the elements inside the field's box, 0 outside.
fn inside(field: &ReceptiveField, shape: &[usize]) -> Vec<f64> {
    let mut values = vec![if field.bounds.is_empty() { 0.0 } else { 1.0 }];
    for (axis, [first, last]) in field.bounds.iter().enumerate() {
        let along = (0..shape[axis]).map(|i| if (first..=last).contains(&&i) { 1.0 } else { 0.0 });
        let along: Vec<f64> = along.collect();
        values = values.iter().flat_map(|outer| along.iter().map(move |inner| outer * inner)).collect();
    }
    if field.bounds.is_empty() { vec![0.0; shape.iter().product()] } else { values }
}

/// Numbers of the input's shape, arranged as the input is.
///
/// # Errors
/// If there is room for none.
pub fn sheet(values: &[f64], shape: &[usize], layout: LayoutChoice) -> Result<Sheet, ApiError> {
    let without: Vec<usize> = without_batch(shape).collect();
    Ok(Sheet::arrange(values, Layout::of_shape(&without, Order::of_input(shape, layout)))?)
}

/// In double precision.
pub fn wide<T: Precision>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.wide()).collect()
}
