//! The one colour map of the project.

use image::Rgb;

/// colour(t) = RdBu(½ − ½ t), t in −1 ..= 1
///
/// `ColorBrewer`'s red–blue, turned so that positive is warm: red speaks for the class, blue against it, near-white is
/// zero. It stays readable with every common colour blindness (no red–green pair), and its lightness falls evenly and
/// equally to both sides, so it is readable in grey as an amount, too. What is not a number is neutral.
pub fn diverging(t: f64) -> Rgb<u8> {
    let t = if t.is_nan() { 0.0 } else { t.clamp(-1.0, 1.0) };
    let colour = colorous::RED_BLUE.eval_continuous(0.5 - 0.5 * t);
    Rgb([colour.r, colour.g, colour.b])
}

/// How strongly a contribution covers the picture in an overlay: √|t|
///
/// The root keeps weak contributions visible; zero stays fully transparent.
pub fn opacity(t: f64) -> f64 {
    diverging_amount(t).sqrt()
}

fn diverging_amount(t: f64) -> f64 {
    if t.is_nan() { 0.0 } else { t.abs().min(1.0) }
}
