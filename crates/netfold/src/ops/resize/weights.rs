//! What each place of the output takes from an axis: where it lies in the input, and the weights of the filter there.

use netfold_linear::Real;

use super::{Axis, Filter, Resize};
use crate::ops::ratio::Ratio;

/// Where a place of the output lies in the input.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Between sizes that are known as integers.
    Exact(Ratio),
    /// In a region that is given by numbers.
    At(f64),
}

impl Place {
    /// The integer that is not above it, and what is left.
    fn parts(self) -> (i128, f64) {
        match self {
            Self::Exact(place) => {
                let floor = place.floor();
                (floor, Ratio::new(place.over() - floor * place.under(), place.under()).wide())
            }
            Self::At(place) => (place.floor() as i128, place - place.floor()),
        }
    }

    /// The integer that a mode of rounding makes of it.
    fn rounded(self, mode: &str) -> i128 {
        match (self, mode) {
            (Self::Exact(place), "round_prefer_floor") => place.plus_halves(-1).ceil(),
            (Self::Exact(place), "round_prefer_ceil") => place.plus_halves(1).floor(),
            (Self::Exact(place), "ceil") => place.ceil(),
            (Self::Exact(place), _) => place.floor(),
            (Self::At(place), "round_prefer_floor") => (place - 0.5).ceil() as i128,
            (Self::At(place), "round_prefer_ceil") => (place + 0.5).floor() as i128,
            (Self::At(place), "ceil") => place.ceil() as i128,
            (Self::At(place), _) => place.floor() as i128,
        }
    }
}

/// What one place of the output takes from an axis; `None` outside the region.
pub(super) type Row = Option<Vec<(usize, f64)>>;

impl Resize {
    /// How many places of the input lie at each side of a place that is interpolated.
    pub(super) fn reach(&self, axis: &Axis) -> f64 {
        let reach = match self.filter {
            Filter::Nearest(_) => return 0.5,
            Filter::Linear => 1.0,
            Filter::Cubic(_) => 2.0,
        };
        if self.antialias { (reach / axis.scale.wide().min(1.0)).ceil() } else { reach }
    }

    /// Where output place `i` lies in the input.
    fn place(&self, axis: &Axis, i: usize) -> Place {
        if let Some(region) = axis.region {
            // A nearest place is found in the precision that regions are written in, as runtimes do.
            let nearest = matches!(self.filter, Filter::Nearest(_));
            return Place::At(if nearest {
                in_region::<f32>(axis, region, i)
            } else {
                in_region::<f64>(axis, region, i)
            });
        }
        let [i, from, to] = [i, axis.from, axis.to].map(|n| n as i128);
        let (over, under) = (axis.scale.over(), axis.scale.under());
        // (i + 1/2) / s, in parts of 1 / 2s.
        let middle = (2 * i + 1) * under;
        Place::Exact(match self.coordinates.as_str() {
            "asymmetric" => Ratio::new(i * under, over),
            "align_corners" if to > 1 => Ratio::new(i * (from - 1), to - 1),
            "align_corners" => Ratio::new(0, 1),
            "pytorch_half_pixel" if to == 1 => Ratio::new(0, 1),
            "half_pixel_symmetric" => Ratio::new(middle - over + from * over - to * under, 2 * over),
            "tf_half_pixel_for_nn" => Ratio::new(middle, 2 * over),
            _ => Ratio::new(middle - over, 2 * over),
        })
    }

    pub(super) fn row(&self, axis: &Axis, i: usize) -> Row {
        if !axis.changes() {
            return Some(vec![(i, 1.0)]);
        }
        let place = self.place(axis, i);
        let last = axis.from as i128 - 1;
        if let Place::At(place) = place
            && !(0.0..=last as f64).contains(&place)
        {
            return None;
        }
        let (reach, cubic) = match &self.filter {
            Filter::Nearest(round) => {
                let round = match round.as_str() {
                    "simple" if axis.scale.over() < axis.scale.under() => "ceil",
                    other => other,
                };
                return Some(vec![(place.rounded(round).clamp(0, last) as usize, 1.0)]);
            }
            Filter::Linear => (1.0, None),
            Filter::Cubic(a) => (2.0, Some(*a)),
        };
        let narrow = if self.antialias { axis.scale.wide().min(1.0) } else { 1.0 };
        let (floor, beyond) = place.parts();
        let before = (reach / narrow).ceil() as i64;
        let weight = |t: f64| match (cubic, t.abs()) {
            (None, t) => (1.0 - t).max(0.0),
            (Some(a), t) if t <= 1.0 => ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0,
            (Some(a), t) if t < 2.0 => (((t - 5.0) * t + 8.0) * t - 4.0) * a,
            _ => 0.0,
        };
        let taps: Vec<(i128, f64)> = (1 - before..=before)
            .map(|step| (floor + i128::from(step), weight((step as f64 - beyond) * narrow)))
            .filter(|&(j, _)| !self.exclude_outside || (0..=last).contains(&j))
            .collect();
        let sum: f64 = taps.iter().map(|tap| tap.1).sum();
        Some(taps.into_iter().map(|(j, weight)| (j.clamp(0, last) as usize, weight / sum)).collect())
    }

    /// The matrix of each axis.
    pub(super) fn rows(&self, axes: &[Axis]) -> Vec<Vec<Row>> {
        axes.iter().map(|axis| (0..axis.to).map(|i| self.row(axis, i)).collect()).collect()
    }
}

/// Where output place `i` lies in the region of an axis.
fn in_region<R: Real>(axis: &Axis, region: [f64; 2], i: usize) -> f64 {
    let [i, from, to, half, one] = [i as f64, axis.from as f64, axis.to as f64, 0.5, 1.0].map(R::of);
    let [start, end] = region.map(R::of);
    let share = if axis.to > 1 { start + i * (end - start) / (to - one) } else { half * (start + end) };
    (share * (from - one)).wide()
}
