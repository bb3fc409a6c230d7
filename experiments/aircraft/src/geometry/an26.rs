//! Antonov An-26: length 23.80 m, span 29.20 m, propellers 3.90 m across and 7.90 m apart, tailplane span 9.97 m.

use super::{Drawing, Model, Part, Rod, stations};

const LENGTH: f64 = 23.80;
const RADIUS: f64 = 1.45;

const FORWARD: [f64; 3] = [1.0, 0.0, 0.0];
const BACK: [f64; 3] = [-1.0, 0.0, 0.0];

pub(super) fn model() -> Model {
    let mut d = Drawing::new(LENGTH);
    body(&mut d);
    wing(&mut d);
    for side in [1.0, -1.0] {
        engine(&mut d, side);
    }
    tail(&mut d);
    let body = Rod { radius: 0.95 * RADIUS, ends: [LENGTH / 2.0 - 19.0, LENGTH / 2.0 - 1.5] };
    Model { scatterers: d.scatterers, body }
}

fn body(d: &mut Drawing) {
    d.point(Part::Nose, [0.1, 0.0, -0.3], 1.2, Some(FORWARD));
    d.skin(Part::Nose, &stations([0.4, 0.5, -0.3], [3.0, 1.35, -0.05], 3), 8, 0.55);
    // The weather radar's dish behind the radome and the frames of the windscreen.
    d.pair(Part::Nose, [1.0, 0.3, -0.4], 1.1, Some(FORWARD));
    d.pair(Part::Nose, [2.4, 0.8, 0.8], 0.9, Some([1.0, 0.6, 0.3]));

    d.skin(Part::Fuselage, &stations([3.0, RADIUS, 0.0], [15.0, RADIUS, 0.0], 16), 4, 0.55);
    d.skin(Part::Fuselage, &stations([15.0, 1.40, 0.1], [23.4, 0.45, 0.8], 10), 4, 0.45);
    // The edges of the loading ramp and the fairings of the wheels.
    d.pair(Part::Fuselage, [15.6, 1.1, -0.9], 1.0, Some([-0.6, 0.8, 0.0]));
    d.pair(Part::Fuselage, [18.9, 0.8, -0.2], 0.9, Some([-0.8, 0.6, 0.0]));
}

fn wing(d: &mut Drawing) {
    let z = 1.40;
    // Centre section between the nacelles: straight; outer panels: tapered, with a slight anhedral.
    d.line_pair(Part::Wing, [[8.3, 1.5, z], [8.3, 4.2, z]], 4, 0.6, Some(FORWARD));
    d.line_pair(Part::Wing, [[11.8, 1.5, z], [11.8, 4.2, z]], 4, 0.5, Some(BACK));
    d.line_pair(Part::Wing, [[8.4, 4.2, z], [9.6, 14.4, z - 0.2]], 16, 0.55, Some([1.0, 0.1, 0.0]));
    d.line_pair(Part::Wing, [[11.7, 4.2, z], [10.7, 14.4, z - 0.2]], 16, 0.45, Some([-1.0, 0.1, 0.0]));
    d.line_pair(Part::Wing, [[9.6, 14.55, z - 0.2], [10.7, 14.55, z - 0.2]], 2, 0.7, Some([0.0, 1.0, 0.0]));
    // Flap tracks and the corner between wing and body.
    for y in [5.6, 8.2, 10.8] {
        d.pair(Part::Wing, [11.3, y, z - 0.25], 0.8, Some([-0.7, 0.3, -0.2]));
    }
    d.pair(Part::Wing, [8.5, 1.6, 1.3], 1.6, Some([0.7, 0.7, 0.0]));
    d.pair(Part::Wing, [11.6, 1.6, 1.3], 1.4, Some([-0.7, 0.7, 0.0]));
}

/// Nacelle and propeller on the side of `side`.
fn engine(d: &mut Drawing, side: f64) {
    let (y, z) = (3.95 * side, 0.75);
    // Intake lips above and below the spinner, the skin, the exhaust and the pointed end.
    d.point(Part::Engines, [6.9, y, z + 0.5], 2.6, Some(FORWARD));
    d.point(Part::Engines, [6.9, y + 0.4, z], 1.8, Some(FORWARD));
    d.point(Part::Engines, [6.9, y - 0.4, z], 1.8, Some(FORWARD));
    for step in 0..6 {
        let station = 7.5 + 0.9 * f64::from(step);
        d.point(Part::Engines, [station, y + 0.6, z - 0.2], 1.0, Some([0.0, 1.0, -0.2]));
        d.point(Part::Engines, [station, y - 0.6, z - 0.2], 1.0, Some([0.0, -1.0, -0.2]));
    }
    d.point(Part::Engines, [10.2, y + 0.75 * side, z + 0.2], 2.0, Some([-0.5, side, 0.0]));
    d.point(Part::Engines, [12.6, y, z], 1.6, Some(BACK));
    d.point(Part::Engines, [13.3, y, z + 0.1], 1.4, Some(BACK));

    // Four blades and the hub; the wheel of blades turns, so every direction in its plane may be the strong one.
    d.point(Part::Propellers, [6.5, y, z], 2.0, None);
    for blade in 0..8 {
        let angle = std::f64::consts::TAU * (f64::from(blade) + 0.25) / 8.0;
        let radius = if blade % 2 == 0 { 0.95 } else { 1.85 };
        d.point(Part::Propellers, [6.5, y + radius * angle.cos(), z + radius * angle.sin()], 0.9, None);
    }
}

fn tail(d: &mut Drawing) {
    d.line(Part::Fin, [[15.5, 0.0, 1.5], [19.0, 0.0, 2.1]], 4, 0.45, Some([0.9, 0.0, 0.4]));
    d.line(Part::Fin, [[19.0, 0.0, 2.1], [20.9, 0.0, 6.0]], 6, 0.6, Some([1.0, 0.0, 0.3]));
    d.line(Part::Fin, [[23.2, 0.0, 1.4], [22.6, 0.0, 6.0]], 6, 0.6, Some(BACK));
    for z in [2.4, 3.6, 4.8] {
        d.pair(Part::Fin, [21.6, 0.1, z], 0.8, Some([0.0, 1.0, 0.0]));
    }

    d.line_pair(Part::Tailplane, [[19.8, 0.9, 0.9], [21.2, 4.9, 1.5]], 6, 0.55, Some([1.0, 0.3, 0.0]));
    d.line_pair(Part::Tailplane, [[22.8, 0.9, 0.9], [22.6, 4.9, 1.5]], 6, 0.5, Some([-1.0, 0.1, 0.0]));
    d.pair(Part::Tailplane, [21.9, 4.97, 1.5], 0.8, Some([0.0, 1.0, 0.0]));
    // The corner between tailplane and fin root.
    d.pair(Part::Tailplane, [21.3, 0.6, 1.2], 1.5, Some([0.0, 0.8, 0.5]));
    d.point(Part::Fuselage, [23.75, 0.0, 0.9], 1.1, Some(BACK));
}
