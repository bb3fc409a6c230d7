//! `netfold check`: the tests that people should put a model and an explanation to.

use std::path::Path;
use std::process::ExitCode;

use netfold::checks::{
    Curves, Outcome, Randomised, Score, curves, precisions, randomisation, slopes, transposes, without_biases,
};
use netfold::lenses::{Lens, Settings, Subject};
use netfold::trace::Keep;
use netfold::{Precision, Tensor};
use netfold_render::number::{DIFFERENCE, plain};
use serde_json::{Value, json};

use crate::args::{Check, PrecisionWord, ScoreWord};
use crate::failure::{Failure, NOT_EQUIVALENT, WRONG_INPUT};
use crate::out::shortened;
use crate::session::Session;

/// Checks every input; one that cannot be read stops the run.
pub fn check(words: &Check) -> Result<ExitCode, Failure> {
    let mut session = Session::open(&words.model, &words.common)?;
    if words.common.from.is_some() {
        return Err(Failure::new(WRONG_INPUT, "checks begin at the model's input; `--from` does not apply"));
    }
    let lens = Lens::find(&words.lens)?;
    let mut all = Vec::new();
    for input in &words.inputs {
        all.push(match words.common.precision {
            PrecisionWord::F32 => one::<f32>(words, &mut session, lens, input)?,
            PrecisionWord::F64 => one::<f64>(words, &mut session, lens, input)?,
        });
    }
    let holds = all.iter().all(|checked| checked.outcomes.iter().all(Outcome::holds));
    if words.common.json {
        let inputs: Vec<Value> = all.iter().map(Checked::json).collect();
        session.print_json(json!({ "holds": holds, "lens": lens.name, "inputs": inputs }));
    } else {
        session.print_inputs();
        all.iter().for_each(|checked| checked.print(&session.stamp.file, lens));
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(NOT_EQUIVALENT) })
}

/// What came out at one input.
struct Checked {
    path: String,
    class: usize,
    /// The class as people read it, and its label.
    name: String,
    label: Option<String>,
    outcomes: Vec<Outcome>,
    randomised: Vec<Randomised>,
    curves: Curves,
}

fn one<T: Precision>(words: &Check, session: &mut Session<'_>, lens: &Lens, path: &Path) -> Result<Checked, Failure> {
    session.face::<T>(words.class.as_deref().as_slice(), path)?;
    let session = &*session;
    let x = session.input::<T>(path)?.x;
    let trace = session.trace(&x, Keep::Values)?;
    let class = session.chosen(words.class.as_deref(), trace.logits()?)?;
    let wide: Tensor<f64> = x.map(|x| x.wide());
    let narrow: Tensor<f32> = wide.map(|&x| x as f32);
    let double = session.trace(&wide, Keep::Values)?;
    let circuit = trace.freeze(&session.words.network.rules())?;
    let outcomes = vec![
        transposes(&circuit, words.seed),
        without_biases(&trace, class)?,
        slopes(&double, class, words.seed)?,
        precisions(&session.trace(&narrow, Keep::Values)?, &double)?,
    ];
    let settings =
        Settings { rules: session.words.network.rules(), layout: words.common.layout.into(), ..Settings::default() };
    let subject = Subject { trace: &trace, class, settings: &settings };
    let randomised = randomisation(lens, &subject, words.seed, session.watch())?;
    let score = match words.score {
        None => Score::of(session.head(), &trace, class)?,
        Some(ScoreWord::Softmax) => Score::Softmax((0..trace.logits()?.len()).collect()),
        Some(ScoreWord::Sigmoid) => Score::Sigmoid,
        Some(ScoreWord::Logit) => Score::Logit,
    };
    let curves = curves(lens, &subject, &circuit, score, words.steps as usize)?;
    let (name, label) = (session.class(class), session.label(class).map(str::to_owned));
    Ok(Checked { path: path.display().to_string(), class, name, label, outcomes, randomised, curves })
}

impl Checked {
    fn areas(&self) -> [f64; 4] {
        let Curves { deletion, deletion_predicted, insertion, insertion_predicted, .. } = &self.curves;
        [deletion, deletion_predicted, insertion, insertion_predicted].map(|curve| Curves::area(curve))
    }

    fn json(&self) -> Value {
        let [deletion, deletion_predicted, insertion, insertion_predicted] = self.areas();
        json!({
            "path": self.path,
            "class": self.class,
            "label": self.label,
            "checks": self.outcomes,
            "randomisation": self.randomised,
            "curves": self.curves,
            "areas": {
                "deletion": deletion,
                "deletion_predicted": deletion_predicted,
                "insertion": insertion,
                "insertion_predicted": insertion_predicted,
            },
        })
    }

    fn print(&self, model: &str, lens: &Lens) {
        println!("{model} at {}: {}\n", self.path, self.name);
        println!("{:<24} {:>10} {:>9}  where", "check", "worst", "limit");
        for outcome in &self.outcomes {
            let Outcome { check, worst, limit, place, .. } = outcome;
            let verdict = if outcome.holds() { "" } else { "FAILED: " };
            match worst {
                Some(worst) => {
                    println!("{check:<24} {:>10} {:>9}  {verdict}{place}", plain(*worst, DIFFERENCE), plain(*limit, 1));
                }
                None => println!("{check:<24} {:>10} {:>9}  not judged: {place}", "-", plain(*limit, 1)),
            }
        }
        if self.randomised.is_empty() {
            println!("\nno node has weights to shuffle");
        } else {
            self.print_randomised(lens);
        }
        let [deletion, deletion_predicted, insertion, insertion_predicted] = self.areas();
        let area = |area: f64| plain(area, 4);
        let score = match &self.curves.score {
            Score::Logit => "the logit".to_owned(),
            score => format!("probability ({})", score.name()),
        };
        println!("\n{score:<41}  {:>9} {:>9}", "network", "W x + b");
        println!("most important places first");
        println!("area below deletion (small is good)        {:>9} {:>9}", area(deletion), area(deletion_predicted));
        println!(
            "area below insertion (large is good)       {:>9} {:>9}\n",
            area(insertion),
            area(insertion_predicted)
        );
    }

    fn print_randomised(&self, lens: &Lens) {
        println!("\nmap of `{}` against itself, weights shuffled from the output down to a node", lens.name);
        let width = self.randomised.iter().map(|step| shortened(&step.node).chars().count()).max().unwrap_or(0).max(4);
        println!("{:<width$} {:>9} {:>9} {:>9}", "node", "Spearman", "absolute", "SSIM");
        for Randomised { node, spearman, spearman_absolute, ssim, .. } in &self.randomised {
            let ssim = ssim.map_or("-".to_owned(), |ssim| format!("{ssim:.3}"));
            println!("{:<width$} {spearman:>9.3} {spearman_absolute:>9.3} {ssim:>9}", shortened(node));
        }
    }
}
