//! Yakovlev Yak-42: length 36.38 m, span 34.88 m, wing swept by 23 degrees, tailplane span 10.80 m.

use super::{Drawing, Model, Part, Rod, stations};

const LENGTH: f64 = 36.38;
const RADIUS: f64 = 1.90;

const FORWARD: [f64; 3] = [1.0, 0.0, 0.0];
const BACK: [f64; 3] = [-1.0, 0.0, 0.0];

pub(super) fn model() -> Model {
    let mut d = Drawing::new(LENGTH);
    body(&mut d);
    wing(&mut d);
    engines(&mut d);
    tail(&mut d);
    let body = Rod { radius: 0.95 * RADIUS, ends: [LENGTH / 2.0 - 29.0, LENGTH / 2.0 - 2.0] };
    Model { scatterers: d.scatterers, body }
}

fn body(d: &mut Drawing) {
    d.point(Part::Nose, [0.1, 0.0, -0.5], 1.2, Some(FORWARD));
    d.skin(Part::Nose, &stations([0.5, 0.6, -0.5], [4.6, 1.8, -0.1], 4), 8, 0.55);
    // The weather radar's dish behind the radome and the frames of the windscreen.
    d.pair(Part::Nose, [1.2, 0.4, -0.5], 1.1, Some(FORWARD));
    d.pair(Part::Nose, [3.0, 1.0, 0.9], 0.9, Some([1.0, 0.6, 0.3]));

    d.skin(Part::Fuselage, &stations([4.6, RADIUS, 0.0], [24.5, RADIUS, 0.0], 25), 4, 0.55);
    d.skin(Part::Fuselage, &stations([24.5, 1.85, 0.0], [33.0, 0.8, 0.5], 9), 4, 0.45);
    // Door frames ahead of the wing and the fairing at its root.
    d.pair(Part::Fuselage, [6.2, 1.9, 0.0], 0.9, Some([0.3, 1.0, 0.0]));
    d.pair(Part::Fuselage, [19.6, 1.7, -1.2], 0.9, Some([-0.6, 0.8, 0.0]));
}

fn wing(d: &mut Drawing) {
    let z = -1.30;
    d.line_pair(Part::Wing, [[12.4, 1.9, z], [20.0, 17.2, z + 0.3]], 24, 0.6, Some([0.9, 0.45, 0.0]));
    // The rear edge: straight at the root, then swept.
    d.line_pair(Part::Wing, [[19.3, 1.9, z], [19.5, 6.0, z]], 6, 0.5, Some(BACK));
    d.line_pair(Part::Wing, [[19.5, 6.0, z], [22.0, 17.2, z + 0.3]], 17, 0.45, Some([-1.0, 0.2, 0.0]));
    d.line_pair(Part::Wing, [[20.1, 17.4, z + 0.3], [21.9, 17.4, z + 0.3]], 3, 0.7, Some([0.0, 1.0, 0.0]));
    // Flap tracks and the corner between wing and body.
    for (station, y) in [(19.8, 4.4), (20.0, 7.6), (20.7, 10.8)] {
        d.pair(Part::Wing, [station, y, z - 0.2], 0.9, Some([-0.8, 0.3, -0.2]));
    }
    d.pair(Part::Wing, [12.8, 2.0, -1.1], 1.5, Some([0.7, 0.7, 0.0]));
    d.pair(Part::Wing, [18.9, 2.0, -1.1], 1.5, Some([-0.7, 0.7, 0.0]));
}

fn engines(d: &mut Drawing) {
    let (y, z) = (3.05, 0.7);
    // The two pods: intake lips, the fan behind them, skin, nozzle, and the corner with the pylon.
    d.pair(Part::Engines, [25.0, y + 0.6, z], 2.0, Some(FORWARD));
    d.pair(Part::Engines, [25.0, y - 0.6, z], 1.8, Some(FORWARD));
    d.pair(Part::Engines, [25.0, y, z + 0.6], 1.8, Some(FORWARD));
    d.pair(Part::Engines, [25.8, y, z], 3.4, Some(FORWARD));
    for step in 0..5 {
        let station = 25.4 + 0.85 * f64::from(step);
        d.pair(Part::Engines, [station, y + 0.8, z], 1.1, Some([0.0, 1.0, 0.0]));
    }
    d.pair(Part::Engines, [29.5, y, z], 2.6, Some(BACK));
    d.pair(Part::Engines, [27.2, 2.1, z], 1.5, Some([-0.3, 0.9, 0.2]));
    // The third engine: intake in the fin root, nozzle in the tail cone.
    d.point(Part::Engines, [25.7, 0.5, 2.7], 1.9, Some(FORWARD));
    d.point(Part::Engines, [25.7, -0.5, 2.7], 1.9, Some(FORWARD));
    d.point(Part::Engines, [25.9, 0.0, 3.2], 1.9, Some(FORWARD));
    d.point(Part::Engines, [33.5, 0.0, 0.6], 2.8, Some(BACK));
}

fn tail(d: &mut Drawing) {
    d.line(Part::Fin, [[26.2, 0.0, 3.3], [31.5, 0.0, 6.6]], 9, 0.55, Some([0.8, 0.0, 0.6]));
    d.line(Part::Fin, [[33.6, 0.0, 2.0], [34.8, 0.0, 6.6]], 6, 0.55, Some(BACK));
    for (station, z) in [(29.6, 2.8), (31.2, 4.0), (32.6, 5.2)] {
        d.pair(Part::Fin, [station, 0.15, z], 0.9, Some([0.0, 1.0, 0.0]));
    }

    d.line_pair(Part::Tailplane, [[31.4, 0.3, 6.6], [34.5, 5.3, 6.5]], 8, 0.6, Some([0.85, 0.5, 0.0]));
    d.line_pair(Part::Tailplane, [[35.2, 0.3, 6.6], [36.3, 5.3, 6.5]], 7, 0.5, Some([-1.0, 0.2, 0.0]));
    d.pair(Part::Tailplane, [35.6, 5.38, 6.5], 0.9, Some([0.0, 1.0, 0.0]));
    // The corner between tailplane and fin top.
    d.pair(Part::Tailplane, [32.6, 0.3, 6.4], 1.5, Some([0.2, 0.8, -0.4]));
}
