//! Times rows of W for `bench/compare.py`.
//!
//! `rows MODEL INPUT.npy CLASSES f32|f64 [ROWS]` loads once (ROWS: how many rows travel together), then answers each line
//! of standard input with one line:
//! `run N`: N lines, each seconds from the input to all rows, split into trace, freeze, plan and rows, and the seconds
//! that all threads computed; `trace N`: N lines, each seconds that the trace takes by itself; `memory`: peak megabytes;
//! `probe N`: seconds that N columns by forward probes take, and how many there are; `density`: for each convolution the
//! share of stored elements of its input and output; `save PATH`: writes the rows as bytes; `bits`: a hash of the rows.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use netfold::ops::Precision;
use netfold::trace::{Keep, Tracing};
use netfold::{Basis, Circuit, Model, Rules, Tensor, Trace};

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, input, classes, precision, rows @ ..] = arguments.as_slice() else {
        return Err("usage: rows MODEL INPUT.npy CLASSES f32|f64 [ROWS]".into());
    };
    let together = match rows.first() {
        Some(rows) => netfold::Together::Number(rows.parse()?),
        None => netfold::Together::AsFits,
    };
    let wanted = Wanted { classes: (0..classes.parse()?).collect(), together };
    netfold_linear::instruction_set()?;
    let model = Model::read(Path::new(model))?;
    // One thread of the pool starts all loops: handing a loop over from outside takes longer than a small network's loop.
    rayon::scope(|_| match precision.as_str() {
        "f64" => serve::<f64>(&model, Path::new(input), &wanted),
        _ => serve::<f32>(&model, Path::new(input), &wanted),
    })
}

/// An error that threads may hand on.
type Failure = Box<dyn Error + Send + Sync>;

/// Which rows, and how many of them travel together where that is not left to the plan.
struct Wanted {
    classes: Vec<usize>,
    together: netfold::Together,
}

fn serve<T: Precision>(model: &Model, input: &Path, wanted: &Wanted) -> Result<(), Failure> {
    let x: Tensor<T> = netfold::input::read_npy(input)?;
    // A program that reconstructs again and again keeps its buffers.
    let _reuse = netfold_linear::Reuse::<T>::start();
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("run", count) => {
                for _ in 0..count.parse()? {
                    println!("{}", run(model, &x, wanted)?);
                }
            }
            ("trace", count) => {
                for _ in 0..count.parse()? {
                    let start = Instant::now();
                    frozen(model, &x)?;
                    println!("{:.6}", start.elapsed().as_secs_f64());
                }
            }
            ("probe", count) => println!("{}", probe(model, &x, count.parse()?)?),
            ("memory", _) => println!("{}", memory()),
            ("density", _) => println!("{}", density(model, &x, wanted)?),
            ("bits", _) => {
                let mut hash = 0xcbf2_9ce4_8422_2325_u64;
                each(model, &x, wanted, |rows| {
                    for value in rows {
                        hash = (hash ^ value.wide().to_bits()).wrapping_mul(0x100_0000_01b3);
                    }
                })?;
                println!("{hash:x}");
            }
            ("save", path) => {
                let mut bytes = Vec::new();
                each(model, &x, wanted, |rows| rows.iter().for_each(|value| value.put_le(&mut bytes)))?;
                std::fs::write(path, bytes)?;
                println!("saved");
            }
            _ => println!("unknown"),
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn frozen<'m, T: Precision>(model: &'m Model, x: &Tensor<T>) -> Result<Trace<'m, T>, Failure> {
    let head = model.head(netfold::Squashing::LeftOff)?;
    Ok(model.trace_with(x, head.logits, Tracing { keep: Keep::ForFreezing, ..Tracing::default() })?)
}

fn each<T: Precision>(
    model: &Model,
    x: &Tensor<T>,
    wanted: &Wanted,
    mut each: impl FnMut(&[T]),
) -> Result<(), Failure> {
    let circuit = frozen(model, x)?.freeze(&Rules::default())?;
    circuit.rows(&circuit.plan_rows(&wanted.classes, wanted.together, netfold::Shares::LeftOut), |block| {
        each(block.weights);
        Ok(())
    })
}

fn run<T: Precision>(model: &Model, x: &Tensor<T>, wanted: &Wanted) -> Result<String, Failure> {
    let (start, computed) = (Instant::now(), computed_seconds());
    let trace = frozen(model, x)?;
    let traced = start.elapsed().as_secs_f64();
    let circuit: Circuit<T> = trace.freeze(&Rules::default())?;
    drop(trace);
    let frozen = start.elapsed().as_secs_f64();
    // As the other side does it: W alone.
    let plan = circuit.plan_rows(&wanted.classes, wanted.together, netfold::Shares::LeftOut);
    let planned = start.elapsed().as_secs_f64();
    // Every row is looked at, so that none can be left out.
    let mut sum = 0.0;
    circuit.rows(&plan, |block| {
        sum += block.weights.first().map_or(0.0, |w| w.wide());
        Ok::<(), Failure>(())
    })?;
    let done = start.elapsed().as_secs_f64();
    let computed = computed_seconds() - computed;
    let parts = [done, traced, frozen - traced, planned - frozen, done - planned, computed];
    Ok(parts.iter().map(|s| format!("{s:.6}")).chain([format!("{sum:e}")]).collect::<Vec<_>>().join(" "))
}

/// The first columns of W, by unit vectors in blocks of 64 that are pushed through the frozen network.
fn probe<T: Precision>(model: &Model, x: &Tensor<T>, count: usize) -> Result<String, Failure> {
    let circuit = frozen(model, x)?.freeze(&Rules::default())?;
    let (columns, start) = (count.min(x.len()), Instant::now());
    for first in (0..columns).step_by(64) {
        let probes = Basis::Standard.probes(x.shape(), first, 64.min(columns - first));
        std::hint::black_box(circuit.push(probes, netfold::Push::Linear));
    }
    Ok(format!("{:.6} {columns} {}", start.elapsed().as_secs_f64(), x.len()))
}

fn density<T: Precision>(model: &Model, x: &Tensor<T>, wanted: &Wanted) -> Result<String, Failure> {
    let circuit = frozen(model, x)?.freeze(&Rules::default())?;
    let plan = circuit.pull_plan(
        &netfold_linear::Support::of(circuit.output_shape(), wanted.classes.iter().copied()),
        netfold::Shares::LeftOut,
    );
    let convolutions = circuit.stages().iter().enumerate().filter(|(_, stage)| stage.op == "Conv");
    let lines: Vec<String> = convolutions
        .map(|(index, stage)| {
            let (from, to) = (&plan[stage.sources[0]], &plan[index + 1]);
            format!("{}:{:?}:{:.3}:{:?}:{:.3}", stage.node, from.shape(), from.density(), to.shape(), to.density())
        })
        .collect();
    Ok(lines.join("|").replace(' ', ""))
}

/// Seconds that all threads of this process have computed so far.
fn computed_seconds() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 * 1e-9
}

/// Megabytes that the process held at most.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
