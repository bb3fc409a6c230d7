//! `netfold bias`: where the b of one class comes from.

use std::process::ExitCode;

use netfold::{BiasMap, Folded, Precision};
use netfold_render::number::{DIFFERENCE, VALUE, plain};
use serde_json::json;

use crate::args::{Bias, PrecisionWord};
use crate::failure::Failure;
use crate::out::shortened;
use crate::session::Session;

/// Runs the command in the precision that is asked for.
pub fn bias(words: &Bias) -> Result<ExitCode, Failure> {
    let mut session = Session::open(&words.model, &words.common)?;
    match words.common.precision {
        PrecisionWord::F32 => run::<f32>(words, &mut session),
        PrecisionWord::F64 => run::<f64>(words, &mut session),
    }
}

/// Channels of a node that are shown as text.
const SHOWN: usize = 3;

fn run<T: Precision>(words: &Bias, session: &mut Session<'_>) -> Result<ExitCode, Failure> {
    if let Some(class) = words.class.as_deref() {
        session.face::<T>(&[class], &words.input)?;
    }
    let session = &*session;
    let folded = session.fold::<T>(&words.input)?;
    let class = session.chosen(words.class.as_deref(), folded.logits())?;
    let maps = folded.bias_maps(class)?;
    let b: f64 = maps.iter().map(BiasMap::total).sum();
    let pushed = folded.circuit().bias()[class].wide();
    let pixels = preprocessing(&folded, class);
    let node = |map: &BiasMap| &folded.circuit().stages()[map.stage];
    if words.common.json {
        let part = |map: &BiasMap| {
            let stage = node(map);
            json!({
                "node": stage.node,
                "op": stage.op,
                "tensor": stage.tensor,
                "shape": map.shape,
                "share": map.total(),
                "channels": map.by_channel(),
            })
        };
        session.print_json(json!({
            "class": class,
            "label": session.label(class),
            "logit": folded.logits().data()[class].wide(),
            "bias": b,
            "pushed_zero": pushed,
            "preprocessing": pixels,
            "pixel_bias": pixels.map(|share| b + share),
            "nodes": maps.iter().map(part).collect::<Vec<_>>(),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} at {}: where b of {} comes from", session.stamp.file, folded.stamp()?.file, session.class(class));
    session.print_inputs();
    let width = maps.iter().map(|map| shortened(&node(map).node).chars().count()).max().unwrap_or(0).max(13);
    println!("\n{:<width$}  {:>12}  largest channels", "node", "share");
    for map in &maps {
        let mut channels: Vec<(usize, f64)> = map.by_channel().into_iter().enumerate().collect();
        channels.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        let largest: Vec<String> =
            channels.iter().take(SHOWN).map(|(c, share)| format!("{c}: {}", plain(*share, 4))).collect();
        println!("{:<width$}  {:>12}  {}", shortened(&node(map).node), plain(map.total(), VALUE), largest.join("  "));
    }
    let (sum, within) = (plain(b, VALUE), plain((pushed - b).abs(), DIFFERENCE));
    println!("{:<width$}  {sum:>12}  the sum; pushing zero gives it within {within}", "b");
    if let Some(share) = pixels {
        println!("{:<width$}  {:>12}  the offset of the input, seen through W", "preprocessing", plain(share, VALUE));
        println!("{:<width$}  {:>12}  over the picture's pixels", "pixel b", plain(b + share, VALUE));
    }
    Ok(ExitCode::SUCCESS)
}

/// ⟨w, c⟩: what the offset c of preprocessing gives to the logit; `None` for an array.
fn preprocessing<T: Precision>(folded: &Folded<T>, class: usize) -> Option<f64> {
    let picture = folded.picture()?;
    let mut share = None;
    let plan = folded.circuit().plan_rows(&[class], netfold::Together::AsFits, netfold::Shares::LeftOut);
    let pulled: Result<(), ()> = folded.circuit().rows(&plan, |block| {
        let offset = &picture.map.offset;
        share = Some(block.weights.iter().enumerate().map(|(e, w)| w.wide() * offset.at(e).wide()).sum());
        Ok(())
    });
    pulled.ok().and(share)
}
