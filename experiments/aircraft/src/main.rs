//! Words to calls.

use std::path::PathBuf;
use std::process::ExitCode;

use aircraft::dataset::{self, Order, Picture};
use aircraft::error::{Error, Result};
use aircraft::evolve::Frame;
use aircraft::files::{self, NewFolder};
use aircraft::one_layer::Original;
use aircraft::shares::Report;
use aircraft::table::{self, Table};
use aircraft::train::{self, Plan};
use aircraft::view::Size;
use aircraft::{evolve, figure, palette};
use clap::{Args, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

/// The founding experiment: two aircraft told apart by their radar images.
#[derive(Parser)]
#[command(name = "aircraft", version)]
struct Words {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make ISAR images of both aircraft, with a table of labels.
    Simulate(Simulate),
    /// Train the network on simulated images and write it as an ONNX file.
    Train(Train),
    /// Print both outputs of the network and of the one-layer model for five images of each aircraft.
    Table(TableWords),
    /// Draw images, weights and contributions, and say where each logit comes from.
    Figure(FigureWords),
    /// Draw how the weights come to be during training, as an animation.
    Evolve(EvolveWords),
}

#[derive(Args)]
struct Simulate {
    /// Folder to make; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Images of each aircraft.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Seed: the same seed makes the same bytes, whatever the number of threads.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Signal-to-noise ratios to draw from, in decibels.
    #[arg(long, value_name = "MIN..MAX", default_value = "10..25", value_parser = snr_range)]
    snr: (f64, f64),
    /// Pixels along a side: 64 (of 0.75 m, four looks) or 128 (of 0.375 m).
    #[arg(long, default_value = "64", value_parser = size)]
    size: Size,
    /// Threads; all cores if not given.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
}

#[derive(Args)]
struct Train {
    /// Folder with the images to learn from, made by `simulate`.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder with images of another seed, on which the finished network is measured.
    #[arg(long, value_name = "DIR")]
    held_out: Option<PathBuf>,
    /// Folder to make; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Epochs at most.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=999))]
    epochs: u16,
    /// Stop after this many epochs without a lower validation loss.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    patience: u16,
    /// Images in one step.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(2..))]
    batch: u16,
    /// Step size at the start, above 0 and at most 1.
    #[arg(long, default_value_t = 0.002)]
    learning_rate: f64,
    /// Seed of weights, order and dropout.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep so many networks from the untrained one to the last epoch's: epoch-000.onnx and on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    checkpoints: usize,
}

/// The network and the images that it is looked at with.
#[derive(Args)]
struct Subject {
    /// The network, made by `train`.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Folder with images, made by `simulate`; the first five of each aircraft are taken.
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
}

#[derive(Args)]
struct TableWords {
    #[command(flatten)]
    subject: Subject,
    /// How the numbers are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Precision of W, b and everything that is computed with them.
    #[arg(long, value_enum, default_value_t = PrecisionWord::Both)]
    precision: PrecisionWord,
}

#[derive(Args)]
struct FigureWords {
    #[command(flatten)]
    subject: Subject,
    /// Folder to make; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How the numbers are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Args)]
struct EvolveWords {
    /// Folder with `epoch-000.onnx` and on, made by `train --checkpoints N`.
    #[arg(long, value_name = "DIR")]
    checkpoints: PathBuf,
    /// Folder with the images to look at, made by `simulate`.
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// File name of an image in that folder; may be repeated. The first of each aircraft if not given.
    #[arg(long, value_name = "NAME")]
    image: Vec<String>,
    /// Folder with images of another seed, on which every network is measured.
    #[arg(long, value_name = "DIR")]
    held_out: PathBuf,
    /// Animated PNG to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PrecisionWord {
    F32,
    F64,
    Both,
}

fn size(word: &str) -> std::result::Result<Size, String> {
    word.parse().ok().and_then(Size::from_side).ok_or_else(|| "64 or 128".to_owned())
}

fn snr_range(word: &str) -> std::result::Result<(f64, f64), String> {
    let range = word.split_once("..").and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    range
        .filter(|&(low, high): &(f64, f64)| low.is_finite() && high.is_finite() && low <= high)
        .ok_or_else(|| "two numbers like 10..25, the smaller first".to_owned())
}

fn main() -> ExitCode {
    let words = match Words::try_parse() {
        Ok(words) => words,
        Err(error) if error.exit_code() == 0 => error.exit(),
        Err(error) => {
            // The first paragraph says what is wrong; usage and tips are for --help.
            let text = error.to_string();
            let paragraph: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
            eprintln!("{}", paragraph.join(" "));
            return ExitCode::from(2);
        }
    };
    let result = match words.command {
        Command::Simulate(words) => simulate(&words),
        Command::Train(words) => train(&words),
        Command::Table(words) => table(&words),
        Command::Figure(words) => figure(&words),
        Command::Evolve(words) => evolve(&words),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn simulate(words: &Simulate) -> Result<()> {
    let order =
        Order { count: words.count as usize, seed: words.seed, snr: words.snr.0..=words.snr.1, size: words.size };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(words.threads).build();
    let pool = pool.map_err(|cause| Error::Failed(format!("cannot start {} threads: {cause}", words.threads)))?;
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("simulating {wide_bar} {pos}/{len} {eta}").expect("the template is well formed"),
    );
    let folder = NewFolder::begin(&words.out)?;
    pool.install(|| {
        let pictures = dataset::simulate(&order, &bar);
        bar.finish_and_clear();
        dataset::write(&pictures, folder)
    })?;
    eprintln!("{}: {} images of each aircraft", words.out.display(), order.count);
    Ok(())
}

fn train(words: &Train) -> Result<()> {
    let pictures = dataset::read(&words.data)?;
    let held_out = words.held_out.as_deref().map(dataset::read).transpose()?;
    if let (Some(folder), Some(other)) = (&words.held_out, &held_out)
        && other[0].label.size != pictures[0].label.size
    {
        let sizes = (other[0].label.size, pictures[0].label.size);
        return Err(Error::input(
            folder,
            format!("images of {} pixels, those to learn from have {}", sizes.0, sizes.1),
        ));
    }
    let folder = NewFolder::begin(&words.out)?;
    let plan = Plan {
        epochs: words.epochs.into(),
        patience: words.patience.into(),
        batch: words.batch.into(),
        learning_rate: words.learning_rate,
        seed: words.seed,
    };
    let training = train::train(&pictures, &plan)?;
    train::write(&training, words.checkpoints, folder.path())?;
    eprintln!("{:.0} s; the weights are those after epoch {}", training.seconds, training.best);
    if let Some(held_out) = held_out {
        let accuracy = train::accuracy(&training.network, &held_out);
        println!("held-out accuracy: {:.2} % of {} images", 100.0 * accuracy, held_out.len());
    }
    folder.finish()?;
    eprintln!("{}", words.out.join("aircraft.onnx").display());
    Ok(())
}

impl Subject {
    fn read(&self) -> Result<(Vec<Picture>, Original)> {
        let pictures = table::chosen(&dataset::read(&self.images)?);
        let original = Original::read(&self.model)?;
        original.check(&pictures, &self.images)?;
        Ok((pictures, original))
    }
}

fn table(words: &TableWords) -> Result<()> {
    let (pictures, original) = words.subject.read()?;
    let mut tables = Vec::new();
    if words.precision != PrecisionWord::F64 {
        tables.push(Table::new::<f32>(&original, &pictures)?);
    }
    if words.precision != PrecisionWord::F32 {
        tables.push(Table::new::<f64>(&original, &pictures)?);
    }
    let joined = |text: fn(&Table) -> String| tables.iter().map(text).collect::<Vec<_>>().join("\n");
    match words.format {
        Format::Text => print!("{}", joined(Table::text)),
        Format::Markdown => print!("{}", joined(Table::markdown)),
        Format::Json => println!("{:#}", tables.iter().map(Table::json).collect::<serde_json::Value>()),
    }
    match tables.iter().find(|table| !table.equal()) {
        None => Ok(()),
        Some(table) => Err(Error::NotEqual(table.verdict())),
    }
}

fn figure(words: &FigureWords) -> Result<()> {
    let (pictures, original) = words.subject.read()?;
    let folder = NewFolder::begin(&words.out)?;
    let tables = [Table::new::<f32>(&original, &pictures)?, Table::new::<f64>(&original, &pictures)?];
    let drawing = figure::draw(&pictures, &tables)?;
    let report = Report::new(&pictures, &tables[1].models)?;
    files::write(&folder.path().join("aircraft.png"), &drawing.png()?)?;
    files::write(&folder.path().join("aircraft.svg"), drawing.svg()?.as_bytes())?;
    files::write(&folder.path().join("shares.md"), report.markdown().as_bytes())?;
    files::write(&folder.path().join("shares.json"), format!("{:#}\n", report.json()).as_bytes())?;
    folder.finish()?;
    match words.format {
        Format::Text => print!("{}", report.text()),
        Format::Markdown => print!("{}", report.markdown()),
        Format::Json => println!("{:#}", report.json()),
    }
    eprintln!("{}", words.out.join("aircraft.png").display());
    Ok(())
}

fn evolve(words: &EvolveWords) -> Result<()> {
    let pictures = evolve::chosen(&dataset::read(&words.images)?, &words.image, &words.images)?;
    let held_out = dataset::read(&words.held_out)?;
    let checkpoints = evolve::checkpoints(&words.checkpoints)?;
    let bar = ProgressBar::new(checkpoints.len() as u64).with_style(
        ProgressStyle::with_template("networks {wide_bar} {pos}/{len} {eta}").expect("the template is well formed"),
    );
    let mut frames = Vec::new();
    for checkpoint in &checkpoints {
        let original = Original::read(&checkpoint.path)?;
        original.check(&pictures, &words.images)?;
        original.check(&held_out, &words.held_out)?;
        let frame = Frame::new(checkpoint.epoch, &original, &pictures, &held_out)?;
        bar.suspend(|| println!("epoch {:>3}: {:.2} % of {}", frame.epoch, 100.0 * frame.accuracy, held_out.len()));
        bar.inc(1);
        frames.push(frame);
    }
    bar.finish_and_clear();
    files::write(&words.out, &palette::animation(&evolve::draw(&pictures, &frames, held_out.len()))?)?;
    eprintln!("{}", words.out.display());
    Ok(())
}
