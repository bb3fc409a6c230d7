//! The one colour map of the project.

use image::{Rgb, Rgba};

/// colour(t) = RdBu(½ − ½ t), t in −1 ..= 1
///
/// `ColorBrewer`'s red–blue, turned so that positive is warm: red speaks for the class, blue against it, near-white is
/// zero. It stays readable with every common colour blindness (no red–green pair), and its lightness falls steadily and
/// equally to both sides, so that amounts can be read in grey, too. What is not a number is neutral.
pub fn diverging(t: f64) -> Rgb<u8> {
    let t = if t.is_nan() { 0.0 } else { t.clamp(-1.0, 1.0) };
    let colour = colorous::RED_BLUE.eval_continuous(0.5 - 0.5 * t);
    Rgb([colour.r, colour.g, colour.b])
}

/// veil(t) = colour(±(0.55 + 0.35 |t|)) with opacity √|t|
///
/// How a contribution covers the picture in an overlay. The neutral near-white would be a fog over the picture, so the
/// amount is told by opacity instead: zero is fully transparent, and the root keeps weak contributions visible.
pub fn veil(t: f64) -> Rgba<u8> {
    let amount = if t.is_nan() { 0.0 } else { t.abs().min(1.0) };
    let Rgb([r, g, b]) = diverging((0.55 + 0.35 * amount).copysign(t));
    Rgba([r, g, b, (amount.sqrt() * 255.0).round() as u8])
}

/// The grey under a veil: luma squeezed into 64 ..= 217, so that the veil is seen on black and on white.
pub(crate) fn dimmed(luma: u8) -> u8 {
    (64.0 + f64::from(luma) * 0.6).round() as u8
}

/// a · top + (1 − a) · under
pub(crate) fn blend(under: Rgb<u8>, top: Rgb<u8>, a: f64) -> Rgb<u8> {
    let mix = |i: usize| (f64::from(top.0[i]) * a + f64::from(under.0[i]) * (1.0 - a)).round() as u8;
    Rgb([mix(0), mix(1), mix(2)])
}

/// A veil over a grey.
pub(crate) fn veiled(grey: u8, t: f64) -> Rgb<u8> {
    let Rgba([r, g, b, a]) = veil(t);
    blend(Rgb([grey; 3]), Rgb([r, g, b]), f64::from(a) / 255.0)
}
