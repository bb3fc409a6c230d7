//! `netfold region`: how far the one-layer model holds.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Instant;

use netfold::error::Unsupported;
use netfold::input::{Given, InputLayout, Pictured};
use netfold::reconstruction::top;
use netfold::region::{
    Against, Bracket, Decision, Direction, Event, Exit, Fidelity, Line, Norm, Space, border, decisions, fidelity,
};
use netfold::trace::Keep;
use netfold::{Circuit, Error, Precision, Region as Polytope, Tensor, Watch};
use netfold_onnx::Dim;
use netfold_render::number::{VALUE, plain};
use serde_json::{Value, json};

use crate::args::{PrecisionWord, Region};
use crate::failure::{Failure, WRONG_INPUT};
use crate::session::Session;

/// Runs the command in the precision that is asked for.
pub fn region(words: &Region) -> Result<ExitCode, Failure> {
    let mut session = Session::open(&words.model, &words.common)?;
    if words.common.from.is_some() {
        return Err(Failure::new(WRONG_INPUT, "a region is one of the model's inputs").hint("leave `--from` out"));
    }
    match words.common.precision {
        PrecisionWord::F32 => run::<f32>(words, &mut session),
        PrecisionWord::F64 => run::<f64>(words, &mut session),
    }
}

/// A ray and what was found along it.
struct Ray {
    name: String,
    exit: Option<Exit>,
    events: Vec<Event>,
    curve: Vec<Fidelity>,
}

/// All that the command tells.
struct Found<'a> {
    session: &'a Session<'a>,
    input: String,
    class: usize,
    /// How many logits there are.
    logits: usize,
    logit: f64,
    /// How many switches the region has, or the nodes that leave it a point.
    region: Result<usize, Vec<Unsupported>>,
    brackets: Vec<Bracket>,
    decisions: Vec<Decision>,
    rays: Vec<Ray>,
}

fn run<T: Precision>(words: &Region, session: &mut Session<'_>) -> Result<ExitCode, Failure> {
    session.face::<T>(words.class.as_deref().as_slice(), &words.input)?;
    let session = &*session;
    let Given { x, picture } = session.input::<T>(&words.input)?;
    let rules = session.words.network.rules();
    let trace = session.trace(&x, Keep::Values)?;
    let (circuit, logits) = (trace.freeze(&rules)?, trace.logits()?.clone());
    let class = session.chosen(words.class.as_deref(), &logits)?;
    let region = match trace.region(&circuit) {
        Err(Error::Point(nodes)) => Err(nodes),
        region => Ok(region?),
    };
    drop(trace);
    let directions = directions(words, session, &x, picture.as_ref(), &circuit, &logits)?;
    let mut norms: Vec<Norm> = words.norm.iter().map(|&norm| norm.into()).collect();
    if norms.is_empty() && directions.is_empty() {
        norms = Norm::ALL.to_vec();
    }
    let (mut rays, output) = (Vec::new(), session.head().logits);
    for (name, d) in directions {
        let (model, rules, non_finite) = (session.model(), &rules, session.words.non_finite());
        let reach = words.reach.unwrap_or_else(|| if name.starts_with("towards") { 1.0 } else { quarter(&x, &d) });
        let feed = session.feed(&x);
        let line = Line { model, output, rules, non_finite, feed, d };
        let exit = region.as_ref().ok().and_then(|region| region.exit(&line.d));
        let events = if region.is_ok() { line.events(words.events, reach)? } else { Vec::new() };
        let from = exit.as_ref().map_or(0.0, |exit| exit.t);
        let curve = fidelity(&line, &circuit, &logits, &grid(from, reach, words.points))?;
        rays.push(Ray { name, exit, events, curve });
    }
    let ball = |region: &Polytope<T>| {
        let began = Instant::now();
        let seconds = words.seconds;
        let in_time = move || began.elapsed().as_secs_f64() < seconds;
        let watch = Watch::new(move |_| if in_time() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) });
        region.radius(&norms, &watch)
    };
    let brackets = if norms.is_empty() { Vec::new() } else { region.as_ref().map(ball).unwrap_or_default() };
    let mut found = Vec::new();
    if !norms.is_empty() {
        if logits.len() == 1 {
            found.push(border(&circuit, &logits));
        }
        let others: Vec<usize> = top(logits.data(), logits.len()).into_iter().filter(|&k| k != class).collect();
        let count = if words.all { others.len() } else { words.top.min(others.len()) };
        found.extend(decisions(&circuit, &logits, class, &others[..count]));
        found.sort_by(|a, b| a.distance(norms[0]).abs().total_cmp(&b.distance(norms[0]).abs()));
        found.truncate(words.top);
    }
    let found = Found {
        session,
        input: words.input.display().to_string(),
        class,
        logits: logits.len(),
        logit: logits.data()[class].wide(),
        region: region.map(|region| region.switches()),
        brackets,
        decisions: found,
        rays,
    };
    if words.common.json {
        session.print_json(found.json(&norms));
    } else {
        found.print(&norms);
    }
    Ok(ExitCode::SUCCESS)
}

/// The rays that are asked for, by name.
fn directions<T: Precision>(
    words: &Region,
    session: &Session<'_>,
    x: &Tensor<T>,
    picture: Option<&Pictured<T>>,
    circuit: &Circuit<T>,
    logits: &Tensor<T>,
) -> Result<Vec<(String, Tensor<T>)>, Failure> {
    let mut rays = Vec::new();
    for path in &words.towards {
        let other = session.input::<T>(path)?.x;
        if other.shape() != x.shape() {
            let shapes = format!("`{}` has shape {:?}, INPUT {:?}", path.display(), other.shape(), x.shape());
            return Err(Failure::new(WRONG_INPUT, shapes).hint("both ends of a ray have one shape"));
        }
        rays.push((format!("towards {}", path.display()), other.paired(x, |y, x| y - x)));
    }
    let pixel = |&[y, x]: &[usize; 2]| Direction::Rectangle { top_left: [y, x], size: [1, 1] };
    let rectangle = |&[y, x, h, w]: &[usize; 4]| Direction::Rectangle { top_left: [y, x], size: [h, w] };
    let asked = (words.brightness.then_some(Direction::Brightness).into_iter())
        .chain(words.contrast.then_some(Direction::Contrast))
        .chain(words.pixel.iter().map(pixel))
        .chain(words.rectangle.iter().map(rectangle));
    let name = session.input_name();
    let declared: Vec<Dim> = x.shape().iter().map(|&size| Dim::Known(size)).collect();
    let layout = InputLayout::find(name, &declared, session.layout(x.shape())).ok();
    let space = match (picture, &layout) {
        (Some(picture), _) => Space::Picture(&picture.map),
        (None, Some(layout)) => Space::Image(layout),
        (None, None) => Space::Array,
    };
    for direction in asked {
        let d = direction.vector(x, space)?;
        rays.push((direction.to_string(), d));
    }
    for word in &words.along_class {
        let class = session.find(word, logits.len())?;
        let row = circuit.row(class);
        let length = row.iter().map(|w| w.wide().powi(2)).sum::<f64>().sqrt();
        let unit = |w: &T| if length > 0.0 { T::of(w.wide() / length) } else { *w };
        let d = Tensor::new(x.shape(), row.iter().map(unit).collect());
        rays.push((format!("along the weights of {}", session.class(class)), d));
    }
    Ok(rays)
}

/// The t for which the largest change of an element is a quarter of the range of x.
fn quarter<T: Precision>(x: &Tensor<T>, d: &Tensor<T>) -> f64 {
    let fold =
        |tensor: &Tensor<T>, f: fn(f64, f64) -> f64, start| tensor.data().iter().fold(start, |m, v| f(m, v.wide()));
    let range = fold(x, f64::max, f64::NEG_INFINITY) - fold(x, f64::min, f64::INFINITY);
    let steepest = fold(d, |m, v| m.max(v.abs()), 0.0);
    if range > 0.0 && steepest > 0.0 { 0.25 * range / steepest } else { 1.0 }
}

/// Places from the exit to the reach, each as many times farther as the one before.
fn grid(exit: f64, reach: f64, points: usize) -> Vec<f64> {
    /// Where a curve begins that has no exit to begin at, as a share of the reach.
    const NEAR: f64 = 1e-6;
    let first = if exit > NEAR * reach && exit < reach { exit } else { NEAR * reach };
    let step = |k: usize| (k + 1) as f64 / points as f64;
    (0..points).map(|k| if k + 1 == points { reach } else { first * (reach / first).powf(step(k)) }).collect()
}

/// Digits of a distance.
const DISTANCE: usize = 5;

impl Found<'_> {
    fn inside(&self, decision: &Decision, norm: Norm) -> bool {
        self.brackets.iter().any(|bracket| bracket.norm == norm && decision.is_inside(bracket))
    }

    fn json(&self, norms: &[Norm]) -> Value {
        let bracket = |bracket: &Bracket| {
            json!({
                "norm": bracket.norm, "lower": bracket.lower, "likely_lower": bracket.likely_lower,
                "upper": bracket.upper, "exact": bracket.is_exact(), "limited_by": bracket.switch,
            })
        };
        let decision = |decision: &Decision| {
            let distances: serde_json::Map<String, Value> = (norms.iter())
                .map(|&norm| {
                    let inside = self.inside(decision, norm);
                    (norm.to_string(), json!({ "distance": decision.distance(norm), "inside_region": inside }))
                })
                .collect();
            let (against, label) = match decision.against {
                Against::Class(class) => (json!(class), self.session.label(class)),
                Against::Opposite => (json!(self.session.other_side().word()), self.session.other_label()),
            };
            json!({ "against": against, "label": label, "margin": decision.margin, "distances": distances })
        };
        let ray =
            |ray: &Ray| json!({ "direction": ray.name, "exit": ray.exit, "events": ray.events, "fidelity": ray.curve });
        let point = |node: &Unsupported| json!({ "node": node.node, "op": node.op, "why": node.why });
        json!({
            "class": self.class,
            "label": self.session.label(self.class),
            "logit": self.logit,
            "switches": self.region.as_ref().ok(),
            "point": self.region.as_ref().err().map(|nodes| nodes.iter().map(point).collect::<Vec<_>>()),
            "radius": self.brackets.iter().map(bracket).collect::<Vec<_>>(),
            "decisions": self.decisions.iter().map(decision).collect::<Vec<_>>(),
            "rays": self.rays.iter().map(ray).collect::<Vec<_>>(),
        })
    }

    fn print(&self, norms: &[Norm]) {
        println!("{} at {}: how far the one-layer model holds", self.session.stamp.file, self.input);
        self.session.print_inputs();
        println!("\n{:<10}{}, logit {}", "class", self.session.class(self.class), plain(self.logit, VALUE));
        match &self.region {
            Ok(switches) => println!("{:<10}bounded by {switches} switches", "region"),
            Err(nodes) => {
                let lines = Error::Point(nodes.clone()).lines();
                println!("{:<10}none: {}", "region", lines[0]);
                lines[1..].iter().for_each(|line| println!("    {line}"));
            }
        }
        for bracket in &self.brackets {
            let Bracket { norm, lower, likely_lower, upper, switch, .. } = bracket;
            let name = format!("{norm} ball");
            if upper.is_infinite() && bracket.is_exact() {
                println!("{name:<10}of any radius: nothing switches");
            } else if bracket.is_exact() {
                println!("{name:<10}radius {}, exact", plain(*upper, VALUE));
            } else {
                println!("{name:<10}radius from {} (proven) to {}", plain(*lower, VALUE), plain(*upper, VALUE));
                let likely = plain(*likely_lower, VALUE);
                println!("{:<10}not below {likely}, by random probes, with a chance of 1e-9 to be wrong", "");
            }
            if let Some(switch) = switch {
                println!("{:<10}{} {switch}", "", if bracket.is_exact() { "limited by" } else { "nearest so far:" });
            }
        }
        if !self.decisions.is_empty() {
            let columns: Vec<String> = norms.iter().map(|norm| format!("  {:>12}", norm.to_string())).collect();
            let columns = columns.concat();
            println!("\n{:<24}{:>10}{columns}", "distance to class", "margin");
        }
        let mut inside = false;
        for decision in &self.decisions {
            let distance = |&norm: &Norm| {
                let mark = if self.inside(decision, norm) { "*" } else { " " };
                format!("  {:>11}{mark}", plain(decision.distance(norm), DISTANCE))
            };
            inside |= norms.iter().any(|&norm| self.inside(decision, norm));
            let columns: String = norms.iter().map(distance).collect();
            let against = match decision.against {
                Against::Class(class) => self.session.class(class),
                Against::Opposite => self.session.other_class(),
            };
            let margin = plain(decision.margin, DISTANCE);
            println!("{against:<24}{margin:>10}{columns}");
        }
        if inside {
            println!("* inside the region: no smaller change makes the two classes equal");
        } else if !self.decisions.is_empty() {
            println!("none lies inside the proven ball: these are distances of the one-layer model");
        }
        self.rays.iter().for_each(|ray| self.print_ray(ray));
    }

    fn print_ray(&self, ray: &Ray) {
        println!("\n{}", ray.name);
        match &ray.exit {
            Some(exit) => println!("  leaves the region at t = {}", plain(exit.t, VALUE)),
            None if self.region.is_ok() => println!("  never leaves the region"),
            None => println!("  there is no region to leave"),
        }
        for event in &ray.events {
            println!("  {:>12}  {}", plain(event.t, VALUE), event.switch);
        }
        if !ray.curve.is_empty() {
            println!("  {:>12}  {:>12}  {:>9}  network, one layer", "t", "difference", "relative");
        }
        for at in &ray.curve {
            let name = |class| match class {
                1 if self.logits == 1 => self.session.other_class(),
                _ => self.session.class(class),
            };
            let [network, layer] = [at.class, at.predicted].map(name);
            let [t, difference] = [at.t, at.difference].map(|value| plain(value, DISTANCE));
            println!("  {t:>12}  {difference:>12}  {:>9}  {network}, {layer}", plain(at.relative, 3));
        }
    }
}
