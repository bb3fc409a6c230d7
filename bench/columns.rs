//! Times all columns of W up to an inner tensor, several in one probe, against its rows by pulling:
//! `columns MODEL INPUT.npy TENSOR f32|f64 [ROWS]`.
//!
//! Prints, in seconds: planning, all columns of all units, rows (of ROWS units spread over the tensor, 1024 by default,
//! scaled to all), and the products that both roads are compared by.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use netfold::{Model, Precision, Rules, Tensor, trace::NonFinite};
use netfold_linear::Reuse;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, input, tensor, precision, rows @ ..] = arguments.as_slice() else {
        return Err("usage: columns MODEL INPUT.npy TENSOR f32|f64 [ROWS]".into());
    };
    let rows = rows.first().map_or(Ok(1024), |rows| rows.parse())?;
    let (model, input) = (Model::read(Path::new(model))?, Path::new(input));
    match precision.as_str() {
        "f64" => measure::<f64>(&model, input, tensor, rows),
        _ => measure::<f32>(&model, input, tensor, rows),
    }
}

fn measure<T: Precision>(model: &Model, input: &Path, tensor: &str, sample: usize) -> Result<(), Box<dyn Error>> {
    let x: Tensor<T> = netfold::input::read_npy(input)?;
    let _reuse = Reuse::<T>::start();
    let trace = model.trace(&x, model.tensor(tensor)?, NonFinite::Refuse)?;
    let circuit = trace.freeze(&Rules::default())?;
    drop(trace);
    let units: usize = circuit.output_shape().iter().product();
    println!("W                    {units} x {}", x.len());

    let (all, start) = ((0..units).collect::<Vec<_>>(), Instant::now());
    let plan = circuit.plan_columns(&all, netfold::Together::AsFits);
    println!(
        "planning columns     {:.3} s, {} probes, {} pushed",
        start.elapsed().as_secs_f64(),
        plan.probes(),
        plan.pushes()
    );
    let start = Instant::now();
    circuit.columns::<netfold::Error>(&plan, &netfold::Watch::default(), |gathered| {
        std::hint::black_box(gathered);
        Ok(())
    })?;
    let columns = start.elapsed().as_secs_f64();
    println!("all columns          {columns:.3} s, {:.3e} products", circuit.cost_of_columns(&plan));

    let some: Vec<usize> = (0..units).step_by(units.div_ceil(sample)).collect();
    let start = Instant::now();
    circuit.rows(&circuit.plan_rows(&some, netfold::Together::AsFits, netfold::Shares::LeftOut), |block| {
        std::hint::black_box(block.weights);
        Ok::<(), Box<dyn Error>>(())
    })?;
    let rows = start.elapsed().as_secs_f64() * units as f64 / some.len() as f64;
    let products = circuit.cost(&circuit.plan_rows(&all, netfold::Together::AsFits, netfold::Shares::LeftOut)).products;
    println!("all rows             {rows:.3} s scaled from {}, {products:.3e} products", some.len());
    println!(
        "rows / columns       {:.1} in time, {:.1} in products",
        rows / columns,
        products / circuit.cost_of_columns(&plan)
    );
    Ok(())
}
