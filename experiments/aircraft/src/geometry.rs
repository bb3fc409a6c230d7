//! The two aircraft as point scatterers, each with the name of the part it belongs to.
//!
//! Body axes, in metres: `x` towards the nose, `y` to the left wing tip, `z` up. The origin is the middle of the
//! fuselage axis. The files `geometry/an26.rs` and `geometry/yak42.rs` hold the public dimensions.

mod an26;
mod yak42;

use std::fmt;

use serde::{Deserialize, Serialize};

/// A point or a direction in body axes.
pub type Vec3 = [f64; 3];

/// `a · b`
pub fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// `v / |v|`
pub fn unit(v: Vec3) -> Vec3 {
    let length = dot(v, v).sqrt();
    v.map(|component| component / length)
}

/// The aircraft of the founding paper; the number is the class that the network answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Aircraft {
    /// Antonov An-26: two turboprops on a high straight wing, low tailplane.
    #[serde(rename = "An-26")]
    An26 = 0,
    /// Yakovlev Yak-42: three turbofans at the tail, low swept wing, T-tail.
    #[serde(rename = "Yak-42")]
    Yak42 = 1,
}

impl Aircraft {
    /// Both, in the order of the network's outputs.
    pub const ALL: [Self; 2] = [Self::An26, Self::Yak42];

    /// The name as printed in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::An26 => "An-26",
            Self::Yak42 => "Yak-42",
        }
    }

    /// The name as used in file names.
    pub fn slug(self) -> &'static str {
        match self {
            Self::An26 => "an-26",
            Self::Yak42 => "yak-42",
        }
    }

    /// The index of the network output that stands for this aircraft.
    pub fn label(self) -> usize {
        self as usize
    }

    /// The aircraft that a label names.
    pub fn from_label(label: usize) -> Option<Self> {
        Self::ALL.get(label).copied()
    }

    /// The scatterers and the body that shadows them.
    pub fn model(self) -> Model {
        match self {
            Self::An26 => an26::model(),
            Self::Yak42 => yak42::model(),
        }
    }
}

impl fmt::Display for Aircraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A named part of an aircraft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Radome and cockpit.
    Nose,
    /// The body behind the cockpit, up to the tail cone.
    Fuselage,
    /// Both wings with flaps, ailerons and the junction with the body.
    Wing,
    /// Nacelles, intakes and exhausts.
    Engines,
    /// Hubs and blades.
    Propellers,
    /// The vertical tail.
    Fin,
    /// The horizontal tail.
    Tailplane,
}

impl Part {
    /// Every part, in the order of the declaration.
    pub const ALL: [Self; 7] =
        [Self::Nose, Self::Fuselage, Self::Wing, Self::Engines, Self::Propellers, Self::Fin, Self::Tailplane];

    /// The name as printed in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nose => "nose",
            Self::Fuselage => "fuselage",
            Self::Wing => "wing",
            Self::Engines => "engines",
            Self::Propellers => "propellers",
            Self::Fin => "fin",
            Self::Tailplane => "tailplane",
        }
    }
}

/// The share of its amplitude that a scatterer keeps when it looks away from the radar.
const AWAY: f64 = 0.15;

/// A point that sends the radar's wave back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scatterer {
    /// The part it belongs to.
    pub part: Part,
    /// Where it is.
    pub position: Vec3,
    /// Square root of its mean radar cross-section, relative.
    pub amplitude: f64,
    /// The unit direction in which it is strongest; `None` for one that is equally strong all round.
    pub facing: Option<Vec3>,
}

impl Scatterer {
    /// `a (0.15 + 0.85 max(0, n · u))`: the mean amplitude towards a radar in direction `u`.
    pub fn amplitude_towards(&self, radar: Vec3) -> f64 {
        match self.facing {
            None => self.amplitude,
            Some(normal) => self.amplitude * (AWAY + (1.0 - AWAY) * dot(normal, radar).max(0.0)),
        }
    }
}

/// The fuselage as the body that throws the shadow: a round rod along the `x` axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rod {
    /// Metres; a little less than the skin's, so that the skin does not shadow itself.
    pub radius: f64,
    /// Rear and front end on the `x` axis.
    pub ends: [f64; 2],
}

impl Rod {
    /// Whether the straight way from `point` towards the radar enters the rod.
    ///
    /// The way is `p + t u`, `t > 0`; it is inside the endless rod where
    /// `(p_y + t u_y)² + (p_z + t u_z)² < r²`, an interval of `t` that must meet the rod's length.
    pub fn shadows(&self, point: Vec3, radar: Vec3) -> bool {
        let a = radar[1] * radar[1] + radar[2] * radar[2];
        let b = point[1] * radar[1] + point[2] * radar[2];
        let c = point[1] * point[1] + point[2] * point[2] - self.radius * self.radius;
        let (enter, leave) = if a < 1e-12 {
            if c >= 0.0 {
                return false;
            }
            (f64::NEG_INFINITY, f64::INFINITY)
        } else {
            let discriminant = b * b - a * c;
            if discriminant <= 0.0 {
                return false;
            }
            ((-b - discriminant.sqrt()) / a, (-b + discriminant.sqrt()) / a)
        };
        let (first, last) = if radar[0].abs() < 1e-12 {
            if point[0] <= self.ends[0] || point[0] >= self.ends[1] {
                return false;
            }
            (f64::NEG_INFINITY, f64::INFINITY)
        } else {
            let t = self.ends.map(|end| (end - point[0]) / radar[0]);
            (t[0].min(t[1]), t[0].max(t[1]))
        };
        enter.max(first).max(0.0) < leave.min(last)
    }
}

/// An aircraft as the radar sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// All scatterers, part by part.
    pub scatterers: Vec<Scatterer>,
    /// The body that throws the shadow.
    pub body: Rod,
}

/// Collects scatterers whose places are given as the builders' drawings give them: `[station, y, z]` with the
/// station counted from the nose backwards.
struct Drawing {
    length: f64,
    scatterers: Vec<Scatterer>,
}

impl Drawing {
    fn new(length: f64) -> Self {
        Self { length, scatterers: Vec::new() }
    }

    fn point(&mut self, part: Part, at: Vec3, amplitude: f64, facing: Option<Vec3>) {
        let position = [self.length / 2.0 - at[0], at[1], at[2]];
        self.scatterers.push(Scatterer { part, position, amplitude, facing: facing.map(unit) });
    }

    /// The same on the left and on the right.
    fn pair(&mut self, part: Part, at: Vec3, amplitude: f64, facing: Option<Vec3>) {
        self.point(part, at, amplitude, facing);
        self.point(part, mirror(at), amplitude, facing.map(mirror));
    }

    /// `count` scatterers in the middles of equal pieces of the way from `from` to `to`.
    fn line(&mut self, part: Part, [from, to]: [Vec3; 2], count: usize, amplitude: f64, facing: Option<Vec3>) {
        for step in 0..count {
            let t = (step as f64 + 0.5) / count as f64;
            let at = std::array::from_fn(|axis| from[axis] + t * (to[axis] - from[axis]));
            self.point(part, at, amplitude, facing);
        }
    }

    /// The same on the left and on the right.
    fn line_pair(&mut self, part: Part, [from, to]: [Vec3; 2], count: usize, amplitude: f64, facing: Option<Vec3>) {
        self.line(part, [from, to], count, amplitude, facing);
        self.line(part, [mirror(from), mirror(to)], count, amplitude, facing.map(mirror));
    }

    /// Rings of skin scatterers round the body at each station, one for each of `sides` directions.
    fn skin(&mut self, part: Part, stations: &[[f64; 3]], sides: usize, amplitude: f64) {
        for &[station, radius, height] in stations {
            for side in 0..sides {
                let angle = std::f64::consts::TAU * side as f64 / sides as f64;
                let normal = [0.0, angle.cos(), angle.sin()];
                let at = [station, radius * normal[1], height + radius * normal[2]];
                self.point(part, at, amplitude, Some(normal));
            }
        }
    }
}

fn mirror(v: Vec3) -> Vec3 {
    [v[0], -v[1], v[2]]
}

/// `[station, radius, height of the axis]` at `count` stations on a straight piece of the body.
fn stations(from: [f64; 3], to: [f64; 3], count: usize) -> Vec<[f64; 3]> {
    (0..count)
        .map(|step| {
            let t = (step as f64 + 0.5) / count as f64;
            std::array::from_fn(|i| from[i] + t * (to[i] - from[i]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(model: &Model, axis: usize) -> f64 {
        let values = || model.scatterers.iter().map(|s| s.position[axis]);
        values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
    }

    #[test]
    fn the_models_have_the_published_length_and_span() {
        for (aircraft, length, span) in [(Aircraft::An26, 23.80, 29.20), (Aircraft::Yak42, 36.38, 34.88)] {
            let model = aircraft.model();
            assert!((extent(&model, 0) - length).abs() < 0.5, "{aircraft}: length {}", extent(&model, 0));
            assert!((extent(&model, 1) - span).abs() < 0.5, "{aircraft}: span {}", extent(&model, 1));
            assert!((200..600).contains(&model.scatterers.len()), "{aircraft}: {}", model.scatterers.len());
        }
    }

    #[test]
    fn only_the_turboprop_has_propellers() {
        let has = |aircraft: Aircraft, part| aircraft.model().scatterers.iter().any(|s| s.part == part);
        for part in Part::ALL {
            assert!(has(Aircraft::An26, part), "{}", part.name());
            assert_eq!(has(Aircraft::Yak42, part), part != Part::Propellers, "{}", part.name());
        }
    }

    #[test]
    fn the_rod_shadows_what_lies_behind_it() {
        let rod = Rod { radius: 1.0, ends: [-5.0, 5.0] };
        let left = [0.0, 1.0, 0.0];
        assert!(rod.shadows([0.0, -4.0, 0.0], left), "behind the rod");
        assert!(!rod.shadows([0.0, 4.0, 0.0], left), "in front of the rod");
        assert!(!rod.shadows([0.0, -4.0, 1.5], left), "the way passes above");
        assert!(!rod.shadows([7.0, -4.0, 0.0], left), "the way passes before the nose");
        assert!(rod.shadows([-7.0, 0.0, 0.5], [1.0, 0.0, 0.0]), "behind the tail, radar ahead");
        assert!(!rod.shadows([7.0, 0.0, 0.5], [1.0, 0.0, 0.0]), "ahead of the nose, radar ahead");
    }
}
