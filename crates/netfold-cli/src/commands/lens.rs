//! `netfold lens`: one logit through many lenses, each with what it leaves unexplained.

use std::error::Error as _;
use std::process::ExitCode;
use std::time::Instant;

use netfold::lenses::{Attribution, Grid, Lens as Entry, Settings, Shows, Subject, TABLE, stack};
use netfold::output::folder::Folder;
use netfold::trace::Keep;
use netfold::{Error, Precision, Tensor, Trace};
use netfold_render::number::{VALUE, plain, significant};
use netfold_render::{Caption, Cell, LONGEST, Layout, Order, Picture, Plane, Scale, Sheet, View};
use serde_json::{Value, json};

use crate::args::{Lens, PrecisionWord};
use crate::failure::{Failure, WRONG_INPUT};
use crate::progress::Bar;
use crate::session::{Session, stamp};

/// Runs the command in the precision that is asked for.
pub fn lens(words: &Lens) -> Result<ExitCode, Failure> {
    let mut session = Session::open(&words.model, &words.common)?;
    if words.common.from.is_some() {
        return Err(Failure::new(WRONG_INPUT, "lenses look from the model's input; `--from` does not apply"));
    }
    match words.common.precision {
        PrecisionWord::F32 => run::<f32>(words, &mut session),
        PrecisionWord::F64 => run::<f64>(words, &mut session),
    }
}

/// What one lens gave, and the seconds that it took; or why it does not apply.
struct Seen {
    lens: &'static Entry,
    map: Result<Attribution, String>,
    seconds: f64,
}

fn run<T: Precision>(words: &Lens, session: &mut Session<'_>) -> Result<ExitCode, Failure> {
    session.face::<T>(words.class.as_deref().as_slice(), &words.input)?;
    let session = &*session;
    let x = session.input::<T>(&words.input)?.x;
    let trace = session.trace(&x, Keep::Values)?;
    let class = session.chosen(words.class.as_deref(), trace.logits()?)?;
    let settings = settings(words, session, &x)?;
    let subject = Subject { trace: &trace, class, settings: &settings };
    let all = words.names.is_empty() || words.names.iter().any(|name| name == "all");
    let lenses: Vec<&Entry> = if all {
        TABLE.iter().collect()
    } else {
        words.names.iter().map(|name| Entry::find(name)).collect::<Result<_, _>>()?
    };
    let folder = words.out.as_deref().map(Folder::begin).transpose()?;
    let (mut seen, mut progress) = (Vec::new(), Bar::new("lenses"));
    for (done, &lens) in lenses.iter().enumerate() {
        let began = Instant::now();
        let map = match lens.look(&subject) {
            Err(Error::Lens { why, .. }) => Err(why),
            // Its own way of freezing may fail where another lens's does not.
            Err(error @ (Error::Op { .. } | Error::Detached { .. })) => Err(in_one_line(&error)),
            map => Ok(map?),
        };
        seen.push(Seen { lens, map, seconds: began.elapsed().as_secs_f64() });
        progress.show(done + 1, lenses.len());
    }
    drop(progress);
    if seen.iter().all(|seen| seen.map.is_err()) {
        return Err(nothing_applies(&seen));
    }
    let (logit, grid) = (subject.logit()?, subject.grid()?);
    let lenses: Vec<Value> = seen.iter().map(|seen| seen.json(logit)).collect();
    let mut object = json!({ "class": class, "label": session.label(class), "logit": logit, "lenses": lenses });
    let mut written = Vec::new();
    if let Some(file) = &words.npy {
        let maps = stack(seen.iter().filter_map(|seen| seen.map.as_ref().ok()), &grid);
        written.push(Folder::of_file(file, &maps)?);
    }
    if let Some(mut folder) = folder {
        pictures(&mut folder, session, &seen, (class, logit), &Frame::new(session, &trace, grid)?)?;
        let (mut sealed, input) = (object.clone(), stamp(&words.input)?);
        sealed["model"] = json!(session.stamp);
        sealed["input"] = json!(input);
        folder.seal("lenses.json", &sealed)?;
        written.push(folder);
    }
    written.into_iter().try_for_each(Folder::commit)?;
    if words.common.json {
        object["out"] = json!(words.out.as_ref().map(|folder| folder.display().to_string()));
        session.print_json(object);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} at {}: {}, logit {}",
        session.stamp.file,
        words.input.display(),
        session.class(class),
        plain(logit, VALUE)
    );
    session.print_inputs();
    let column = |value: f64| plain(value, VALUE);
    println!("\n{:<22} {:>13} {:>13} {:>13} {:>9}", "lens", "contributions", "beside them", "residual", "seconds");
    for Seen { lens, map, seconds } in &seen {
        match map {
            Ok(map) => println!(
                "{:<22} {:>13} {:>13} {:>13} {seconds:>9.3}",
                lens.name,
                column(map.sum),
                column(map.rest),
                column(map.residual(logit))
            ),
            Err(why) => println!("{:<22} does not apply: {why}", lens.name),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An error and what caused it, as the table tells it.
fn in_one_line(error: &Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// None of the lenses that were named has a meaning for the network.
fn nothing_applies(seen: &[Seen]) -> Failure {
    let why = |seen: &Seen| Some(format!("`{}` does not apply: {}", seen.lens.name, seen.map.as_ref().err()?));
    let lines: Vec<String> = seen.iter().filter_map(why).collect();
    let failure = match lines.as_slice() {
        [one] => Failure::new(WRONG_INPUT, format!("the lens {one}")),
        _ => Failure::new(WRONG_INPUT, "none of the lenses applies").about(lines),
    };
    failure.hint("`--lens all` shows those that do")
}

fn settings<T: Precision>(words: &Lens, session: &Session<'_>, x: &Tensor<T>) -> Result<Settings<T>, Failure> {
    let bounds = <[f64; 2]>::try_from(words.bounds.as_slice()).ok();
    if let Some([low, high]) = bounds.filter(|[low, high]| low >= high) {
        return Err(Failure::new(WRONG_INPUT, format!("--box goes from low to high, not from {low} to {high}")));
    }
    Ok(Settings {
        rules: session.words.network.rules(),
        reference: session.reference(words.reference.as_deref(), x)?,
        layer: words.layer.as_deref().map(|name| session.model().tensor(name)).transpose()?,
        layer_axes: words.layer_axes.clone(),
        layout: session.words.layout.into(),
        samples: words.samples as usize,
        noise: words.noise,
        seed: words.seed,
        steps: words.steps as usize,
        window: words.window.map(|side| side as usize),
        bounds,
        ..Settings::default()
    })
}

fn order<T: Precision>(session: &Session<'_>, x: &Tensor<T>) -> Order {
    Order::of_input(x.shape(), session.layout(x.shape()))
}

impl Seen {
    fn json(&self, logit: f64) -> Value {
        let Entry { name, formula, source, .. } = self.lens;
        match &self.map {
            Ok(map) => json!({
                "lens": name,
                "formula": formula,
                "source": source,
                "shows": match map.shows { Shows::Weights => "weights", Shows::Contributions => "contributions" },
                "contributions": map.sum,
                "rest": map.rest,
                "residual": map.residual(logit),
                "seconds": self.seconds,
            }),
            Err(why) => json!({ "lens": name, "formula": formula, "source": source, "does_not_apply": why }),
        }
    }
}

/// Where a map's numbers go in a picture.
struct Frame {
    grid: Grid,
    elements: Layout,
    places: Layout,
}

impl Frame {
    fn new<T: Precision>(session: &Session<'_>, trace: &Trace<'_, T>, grid: Grid) -> Result<Self, Failure> {
        let x = trace.real(trace.input)?;
        let shape: Vec<usize> = netfold::value::without_batch(x.shape()).collect();
        let elements = Layout::of_shape(&shape, order(session, x));
        let places = Layout::of_shape(&[vec![1], grid.places.clone()].concat(), Order::ChannelsFirst);
        Ok(Self { grid, elements, places })
    }

    fn plane(&self, values: &[f64]) -> Result<Plane, Failure> {
        let layout =
            if values.len() == self.grid.len() && self.grid.channels > 1 { self.places } else { self.elements };
        Ok(Sheet::arrange(values, layout)?.plane(View::Sum))
    }
}

/// `lens-<name>.png` for each lens, and `lenses.png`.
fn pictures(
    folder: &mut Folder,
    session: &Session<'_>,
    seen: &[Seen],
    (class, logit): (usize, f64),
    frame: &Frame,
) -> Result<(), Failure> {
    let mut cells = Vec::new();
    for Seen { lens, map, .. } in seen {
        let Ok(map) = map else { continue };
        let plane = frame.plane(&map.values)?;
        let shown = plane.clone().shrunk(LONGEST);
        let stamp = format!("residual {} of {}", significant(map.residual(logit), 4), significant(logit, 4));
        let caption = Caption {
            title: format!("{}: {}", lens.name, session.class(class)),
            subtitle: format!(
                "{}; contributions {}, beside them {}, {stamp}",
                lens.formula,
                significant(map.sum, 4),
                significant(map.rest, 4)
            ),
            unit: if map.shows == Shows::Weights { "logit per model unit" } else { "logit" }.to_owned(),
        };
        let name = lens.name.replace('+', "p");
        let picture = Picture::heat(&shown, &Scale::over([&shown]), &caption);
        folder.write(&format!("lens-{name}.png"), &picture.png()?)?;
        cells.push(Cell { plane, name: lens.name.to_owned(), note: stamp });
    }
    let caption = Caption {
        title: format!("{}, logit {}", session.class(class), significant(logit, 4)),
        subtitle: "red is for the class, blue against it; each picture has its own scale".to_owned(),
        unit: String::new(),
    };
    Ok(folder.write("lenses.png", &Picture::contact(&cells, &caption).png()?)?)
}
