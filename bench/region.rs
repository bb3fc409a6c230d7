//! Times how far a one-layer model holds: `region MODEL INPUT.npy f32|f64 SECONDS`.
//!
//! Prints, in seconds: a forward pass (median of eleven), the region of one input, exits along seven rays in units of a
//! forward pass, and the brackets of the radius after the seconds given.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use netfold::reconstruction::argmax;
use netfold::region::{Direction, Norm, Space};
use netfold::{Model, Precision, Rules, Tensor, trace::NonFinite};
use netfold_linear::Reuse;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, input, precision, seconds] = arguments.as_slice() else {
        return Err("usage: region MODEL INPUT.npy f32|f64 SECONDS".into());
    };
    let model = Model::read(Path::new(model))?;
    match precision.as_str() {
        "f64" => measure::<f64>(&model, Path::new(input), seconds.parse()?),
        _ => measure::<f32>(&model, Path::new(input), seconds.parse()?),
    }
}

/// Seconds that `work` takes: the median of eleven.
fn median(mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..11 {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn measure<T: Precision>(model: &Model, input: &Path, seconds: f64) -> Result<(), Box<dyn Error>> {
    let x: Tensor<T> = netfold::input::read_npy(input)?;
    let _reuse = Reuse::<T>::start();
    let output = model.head(netfold::Squashing::LeftOff)?.logits;
    let forward = median(|| {
        model.trace(&x, output, NonFinite::Refuse)?;
        Ok(())
    })?;
    println!("forward pass            {forward:.4} s");
    let trace = model.trace(&x, output, NonFinite::Refuse)?;
    let start = Instant::now();
    let circuit = trace.freeze(&Rules::default())?;
    let region = trace.region(&circuit)?;
    println!("region of one input     {:.4} s, {} switches", start.elapsed().as_secs_f64(), region.switches());
    let top = argmax(trace.logits()?.data());
    drop(trace);
    let square = |size: usize| Direction::Rectangle { top_left: [100, 100], size: [size, size] };
    let layout = netfold::input::InputLayout::find(
        "input",
        &x.shape().iter().map(|&size| netfold_onnx::Dim::Known(size)).collect::<Vec<_>>(),
        netfold::input::LayoutChoice::Auto,
    )?;
    let vector = |direction: Direction| direction.vector(&x, Space::Image(&layout));
    let rays = [
        ("towards another input", x.map(|&v| -v)),
        ("brightness", vector(Direction::Brightness)?),
        ("contrast", vector(Direction::Contrast)?),
        ("one pixel", vector(square(1))?),
        ("a rectangle", vector(square(50))?),
        ("weights of the top class", Tensor::new(x.shape(), circuit.row(top))),
        ("weights of class 0", Tensor::new(x.shape(), circuit.row(0))),
    ];
    for (name, d) in &rays {
        let mut exit = None;
        let took = median(|| {
            exit = region.exit(d);
            Ok(())
        })?;
        let t = exit.map_or("never".to_owned(), |exit| format!("{:.3e}", exit.t));
        println!("{name:<26}{took:.4} s, {:.2} forward passes, t* = {t}", took / forward);
    }
    let start = Instant::now();
    let mut likely = None;
    let mut search = region.search(&Norm::ALL);
    loop {
        let now = start.elapsed().as_secs_f64();
        if search.brackets().iter().all(|b| b.likely_lower >= b.upper) && likely.is_none() {
            likely = Some((now, search.measured()));
        }
        if now >= seconds || !search.step() {
            break;
        }
    }
    println!("radius, after {:.1} s", start.elapsed().as_secs_f64());
    if let Some((now, rows)) = likely {
        println!("by probes closed        after {now:.1} s and {rows} rows");
    }
    for b in search.brackets() {
        println!("{:<5} proven {:.3e}, by probes {:.3e}, not above {:.3e}", b.norm, b.lower, b.likely_lower, b.upper);
    }
    Ok(())
}
