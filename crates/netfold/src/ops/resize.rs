//! `Resize`, `Upsample`: more or fewer places along some axes.

mod weights;

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Identity, Real, Resample, Select, SharedMap, Taps};

use super::facts::{ALL, BFLOAT16, BOOL, FLOAT, FLOATS, Facts, INDICES, INT64};
use super::movement::Pick;
use super::ratio::Ratio;
use super::{At, Attributes, Class, Dependence, Extent, Inputs, Op, Operator, Outlines, Record, only, size};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::Value;
use weights::Row;

pub(super) fn facts(name: &str) -> Facts {
    match name {
        "Resize" => Facts::since(10, Class::Resample)
            .string("mode", ..)
            .string("coordinate_transformation_mode", 11..)
            .string("nearest_mode", 11..)
            .float("cubic_coeff_a", 11..)
            .int("exclude_outside", 11..)
            .float("extrapolation_value", 11..)
            .int("antialias", 18..)
            .ints("axes", 18..)
            .string("keep_aspect_ratio_policy", 18..)
            .input("X", ALL.with(BFLOAT16, 13), ..)
            .input("roi", FLOATS, 11..)
            .optional("roi", 13..)
            .input("scales", FLOAT, ..)
            .optional("scales", 13..)
            .input("sizes", INT64, 11..)
            .optional("sizes", ..),
        _ => Facts::within(1..10, Class::Resample)
            .string("mode", ..)
            .float("height_scale", ..7)
            .required("height_scale", ..)
            .float("width_scale", ..7)
            .required("width_scale", ..)
            .floats("scales", 7..9)
            .required("scales", ..)
            .input("X", (FLOATS | INDICES | BOOL).with(ALL, 7), ..)
            .input("scales", FLOAT, 9..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let word =
        |name: &str, default: &'static str| attributes.string(name).map(|word| word.unwrap_or(default).to_owned());
    let simple = name == "Upsample" || attributes.opset < 11;
    let mode = word("mode", "nearest")?;
    let filter = match mode.as_str() {
        "nearest" if simple => Filter::Nearest("simple".into()),
        "nearest" => Filter::Nearest(word("nearest_mode", "round_prefer_floor")?),
        "linear" | "bilinear" => Filter::Linear,
        "cubic" => Filter::Cubic(attributes.float_or("cubic_coeff_a", -0.75)?),
        other => return Err(OpError::new(format!("mode `{other}` is not known"))),
    };
    if let Filter::Nearest(round) = &filter
        && !matches!(round.as_str(), "simple" | "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil")
    {
        return Err(OpError::new(format!("nearest_mode `{round}` is not known")));
    }
    let coordinates = if simple { "asymmetric".into() } else { word("coordinate_transformation_mode", "half_pixel")? };
    let known = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"];
    if !known.contains(&coordinates.as_str()) && !matches!(coordinates.as_str(), "tf_half_pixel_for_nn" | CROP) {
        return Err(OpError::new(format!("coordinate_transformation_mode `{coordinates}` is not known")));
    }
    let scales = match (attributes.float("height_scale")?, attributes.float("width_scale")?) {
        // So the first operator set has it, for pictures.
        (Some(height), Some(width)) => Some(vec![1.0, 1.0, height, width]),
        _ => attributes.floats("scales")?.map(<[f32]>::to_vec),
    };
    Ok(Box::new(Resize {
        filter,
        coordinates,
        scales,
        first: if simple { 1 } else { 2 },
        axes: attributes.ints("axes")?.map(<[i64]>::to_vec),
        policy: word("keep_aspect_ratio_policy", "stretch")?,
        antialias: attributes.int_or("antialias", 0)? != 0,
        exclude_outside: attributes.int_or("exclude_outside", 0)? != 0,
        beyond: attributes.float_or("extrapolation_value", 0.0)?,
    }))
}

/// The mode whose places can lie outside the input.
const CROP: &str = "tf_crop_and_resize";

#[derive(Clone, Debug, PartialEq)]
enum Filter {
    Nearest(String),
    Linear,
    Cubic(f64),
}

/// y = (R₀ ⊗ R₁ ⊗ …) x: one matrix an axis, whose row i holds the weights of a filter around the place in x that
/// output place i comes from.
///
/// The place is (i + 1/2) / s − 1/2 with the axis' scale s (`half_pixel`), i / s (`asymmetric`),
/// i (n − 1) / (m − 1) from n to m places (`align_corners`), or as the operator's other coordinate modes say. It is a
/// fraction of integers: s is m / n where sizes are given or where that is the scale in single precision, so that a tie
/// between two places is one, whatever rounding makes of it. An axis of as many places and scale 1 stays as it is in
/// every mode, as in onnxruntime: `tf_half_pixel_for_nn` would move it by half a place. Weights
/// beyond the edge go to the edge, or, with `exclude_outside`, to the others. With `antialias` a shrinking filter is as
/// wide as what it covers. Places outside the region of `tf_crop_and_resize` are a constant: the offset.
///
/// Source: ONNX `Resize`, `Upsample` (an attribute holds the scales before opset 9).
#[derive(Clone, Debug)]
struct Resize {
    filter: Filter,
    coordinates: String,
    scales: Option<Vec<f32>>,
    /// The input that holds the scales; sizes follow.
    first: usize,
    axes: Option<Vec<i64>>,
    policy: String,
    antialias: bool,
    exclude_outside: bool,
    beyond: f64,
}

impl Operator for Resize {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let axes = self.axes(x)?;
        let to: Vec<usize> = axes.iter().map(|axis| axis.to).collect();
        let made = size::amount(&to);
        // A row of weights for each place of an axis, as a list of its own and within the axis' matrix.
        let weights = |axis: &Axis| axis.to as f64 * (self.reach(axis) * 2.0 + 4.0) * size_of::<(usize, f64)>() as f64;
        let lines: f64 = axes.iter().map(weights).sum();
        let beyond = if self.coordinates == CROP { made + x.reals(made) } else { 0.0 };
        let indices = made * size_of::<u32>() as f64;
        let extent = Extent::new(x.input(0)?.holds, to).kept(lines + beyond).scratch(lines);
        Ok(match self.filter {
            Filter::Nearest(_) => extent.kept(indices).scratch(indices),
            // Each pair of axes makes a tensor of its own.
            _ => {
                let taps = axes.iter().map(|axis| 2.0 * self.reach(axis)).sum::<f64>();
                extent.scratch(x.reals(Self::between(&axes))).mul_adds(made * taps)
            }
        })
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "region", "scales", "sizes"])
    }
}

/// How one axis changes.
#[derive(Clone, Copy, Debug)]
struct Axis {
    from: usize,
    to: usize,
    scale: Ratio,
    /// The region's start and end, as shares of the axis.
    region: Option<[f64; 2]>,
}

impl Axis {
    /// Whether y has other places than x along it.
    fn changes(&self) -> bool {
        self.from != self.to || self.scale.over() != self.scale.under() || self.region.is_some()
    }
}

impl Resize {
    /// Elements of the tensors between the steps of [`map`](Self::map), at most.
    fn between(axes: &[Axis]) -> f64 {
        let mut shape: Vec<usize> = axes.iter().map(|axis| axis.from).collect();
        let mut sum = 0.0;
        for (i, axis) in axes.iter().enumerate() {
            shape[i] = axis.to;
            sum += if axis.from == axis.to { 0.0 } else { size::amount(&shape) };
        }
        sum
    }

    fn axes(&self, x: &Outlines<'_>) -> Result<Vec<Axis>, OpError> {
        let from = x.shape(0)?;
        let named = match &self.axes {
            Some(axes) => size::axes(axes, from.len())?,
            None => (0..from.len()).collect(),
        };
        let filled = |i: usize| x.get(i).is_some_and(|input| !input.shape.contains(&0));
        let scales = match &self.scales {
            Some(scales) => Some(scales.clone()),
            // In the precision that scales are written in.
            None if filled(self.first) => Some(x.numbers(self.first)?.iter().map(|&scale| scale as f32).collect()),
            None => None,
        };
        let count = |len: usize| {
            let text = || format!("{len} scales or sizes for {} axes", named.len());
            if len == named.len() { Ok(()) } else { Err(OpError::new(text())) }
        };
        let mut axes: Vec<Axis> =
            from.iter().map(|&n| Axis { from: n, to: n, scale: Ratio::ONE, region: None }).collect();
        if let Some(scales) = scales {
            count(scales.len())?;
            let refuse = |scale: f32| OpError::new(format!("a scale is {scale}; positive numbers are expected"));
            for (&axis, &scale) in named.iter().zip(&scales) {
                if !scale.is_finite() || scale <= 0.0 {
                    return Err(refuse(scale));
                }
                axes[axis].to = (scale * from[axis] as f32).floor() as usize;
            }
            count_places(&axes)?;
            for (&axis, &scale) in named.iter().zip(&scales) {
                let Axis { from, to, .. } = axes[axis];
                axes[axis].scale = match to {
                    0 => Ratio::ONE,
                    _ => Ratio::of_scale(scale, from, to).ok_or_else(|| refuse(scale))?,
                };
            }
        } else if filled(self.first + 1) {
            let sizes = size::shape(x.ints(self.first + 1)?)?;
            count(sizes.len())?;
            let ratio = |i: usize| Ratio::new(sizes[i] as i128, from[named[i]].max(1) as i128);
            let ratios = (0..sizes.len()).map(ratio);
            let common = match self.policy.as_str() {
                "stretch" => None,
                "not_larger" => ratios.min_by(Ratio::order),
                "not_smaller" => ratios.max_by(Ratio::order),
                other => return Err(OpError::new(format!("keep_aspect_ratio_policy `{other}` is not known"))),
            };
            for (i, &axis) in named.iter().enumerate() {
                let rounded = |scale: Ratio| scale.times(from[axis] as i128).plus_halves(1).floor() as usize;
                axes[axis].to = common.map_or(sizes[i], rounded);
                axes[axis].scale = common.unwrap_or(ratio(i));
            }
        } else {
            return Err(OpError::new("neither scales nor sizes are given"));
        }
        if self.coordinates == CROP {
            let region = x.numbers(1)?;
            count(region.len() / 2)?;
            for (i, &axis) in named.iter().enumerate() {
                axes[axis].region = Some([region[i], region[named.len() + i]]);
            }
        }
        if count_places(&axes)? > 0 && from.contains(&0) {
            let to: Vec<usize> = axes.iter().map(|axis| axis.to).collect();
            return Err(OpError::new(format!("{from:?} has no place to take {to:?} from")));
        }
        Ok(axes)
    }

    /// Where the elements of y come from, for the nearest place.
    fn pick(&self, from: &[usize], axes: &[Axis]) -> Result<Pick, OpError> {
        let index = |row: &Row| row.as_ref().map_or(Select::NONE, |row| row[0].0 as u32);
        let lists: Vec<Vec<u32>> = self.rows(axes).iter().map(|rows| rows.iter().map(index).collect()).collect();
        Pick::separable(from, &lists)
    }

    /// One `Resample` for each pair of neighbouring axes that change.
    fn map<T: Real>(&self, from: &[usize], axes: &[Axis]) -> Result<SharedMap<T>, OpError> {
        // A line is a picture of one row.
        let (lead, axes) = if axes.len() == 1 { (1, [vec![ONE], axes.to_vec()].concat()) } else { (0, axes.to_vec()) };
        let mut shape: Vec<usize> = axes.iter().map(|axis| axis.from).collect();
        let mut map: SharedMap<T> = Arc::new(Identity::reshape(from, &shape));
        let taps = |axis: &Axis| {
            let row = |i| self.row(axis, i).unwrap_or_default();
            Taps::new(axis.from, &(0..axis.to).map(row).collect::<Vec<_>>())
        };
        let mut at = 0;
        while let Some(next) = (at..axes.len()).find(|&axis| axes[axis].changes()) {
            let first = next.min(axes.len() - 2);
            // The last axis alone: the one before it has changed already, or stays.
            let before = if first < next { Axis { from: shape[first], to: shape[first], ..ONE } } else { axes[first] };
            let step = Resample::new(&shape, first, taps(&before), taps(&axes[first + 1]));
            (shape[first], shape[first + 1]) = (before.to, axes[first + 1].to);
            size::count(&shape)?;
            map = Arc::new(Chain::new(map, Arc::new(step)));
            at = first + 2;
        }
        Ok(Arc::new(Chain::new(map, Arc::new(Identity::reshape(&shape, &shape[lead..])))))
    }
}

/// An axis that stays as it is.
const ONE: Axis = Axis { from: 1, to: 1, scale: Ratio::ONE, region: None };

/// How many elements y has.
///
/// # Errors
/// If that is too many.
fn count_places(axes: &[Axis]) -> Result<usize, OpError> {
    size::count(&axes.iter().map(|axis| axis.to).collect::<Vec<_>>())
}

impl<T: Real> Op<T> for Resize {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let given = x.value(0)?;
        if let (Filter::Nearest(_), Value::Int(_) | Value::Bool(_)) = (&self.filter, given) {
            let pick = self.pick(given.shape(), &self.axes(&x.outlines())?)?;
            return Ok(vec![match pick.source {
                Some(source) => given.selected(&pick.shape, source.sources()),
                None => given.reshaped(&pick.shape),
            }]);
        }
        let at =
            At { inputs: x, outputs: &[], varies: &[true], output: 0, rule: crate::affine::Rule::Gate, still: None };
        Ok(vec![Value::Real(self.freeze(&at)?.apply(&[Some(x.real(0)?)]))])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        match x.value(0)? {
            Value::Real(_) => Record::applied(self, x, varies),
            _ => Ok(None),
        }
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (from, axes) = (at.inputs.shape(0)?, self.axes(&at.inputs.outlines())?);
        let to: Vec<usize> = axes.iter().map(|axis| axis.to).collect();
        let affine = if let Filter::Nearest(_) = self.filter {
            let pick = self.pick(from, &axes)?;
            match pick.source {
                Some(source) => Affine::linear(source),
                None => Affine::reshape(from, &pick.shape),
            }
        } else if to.contains(&0) || from.is_empty() {
            return Err(OpError::new(format!("there is nothing to interpolate from {from:?} to {to:?}")));
        } else {
            Affine::sum(&to, vec![Some(self.map(from, &axes)?)])
        };
        if self.coordinates != CROP || self.beyond == 0.0 {
            return Ok(affine);
        }
        let mut inside = vec![true];
        for rows in self.rows(&axes) {
            inside = inside.iter().flat_map(|&outer| rows.iter().map(move |row| outer && row.is_some())).collect();
        }
        let beyond = |&inside: &bool| if inside { T::zero() } else { T::of(self.beyond) };
        Ok(affine.plus(Broadcast::full(&to, inside.iter().map(beyond).collect())))
    }
}
