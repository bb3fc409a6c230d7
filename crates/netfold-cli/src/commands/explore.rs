//! `netfold explore`: reconstructions in the browser.

use std::process::{Command, ExitCode, Stdio};

use netfold::input::NamedPreprocess;
use netfold_explore::bench::Settings;
use netfold_explore::{ExploreError, Options, serve};

use crate::args::{Explore, PrecisionWord};
use crate::failure::{FAILED, Failure, WRONG_INPUT};
use crate::labels::Labels;

/// Serves the page until the process ends.
pub fn explore(words: &Explore) -> Result<ExitCode, Failure> {
    let common = &words.common;
    if common.at.is_some() || common.from.is_some() {
        let failure = Failure::new(WRONG_INPUT, "the explorer begins at the model's input and ends at its logits");
        return Err(
            failure.hint("click a tensor in the page's list of layers; `netfold reconstruct` has --at and --from")
        );
    }
    let single = common.precision == PrecisionWord::F32;
    let options = Options {
        address: words.address,
        port: words.port,
        model: words.model.clone(),
        inputs: words.inputs.clone(),
        settings: Settings {
            preprocess: common.preprocess.as_deref().map(NamedPreprocess::parse).transpose()?,
            explain: common.network.explain.clone(),
            held: common.held.clone(),
            layout: common.layout.into(),
            labels: Labels::read(common.labels.as_deref())?.all().to_vec(),
            output: common.network.output.clone(),
            rules: common.network.rules(),
            non_finite: common.non_finite(),
            keep_softmax: common.network.keep_softmax,
            tolerance: common.tolerance.unwrap_or(if single { 1e-4 } else { 1e-10 }),
        },
    };
    let ready = |address: std::net::SocketAddr| {
        let page = format!("http://{address}/");
        println!("{page}");
        eprintln!("open the page in a browser; Ctrl-C ends");
        if words.open {
            browse(&page);
        }
    };
    let served = if single { serve::<f32>(&options, ready) } else { serve::<f64>(&options, ready) };
    served.map(|()| ExitCode::SUCCESS).map_err(|error| match error {
        ExploreError::File(problem) => {
            let failure = Failure::lines(WRONG_INPUT, problem.lines);
            problem.hint.into_iter().fold(failure, Failure::hint)
        }
        error => Failure::new(FAILED, error.to_string()),
    })
}

/// The system's own way to open an address; the page can be opened by hand where there is none.
fn browse(page: &str) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    if Command::new(opener).arg(page).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_err() {
        eprintln!("`{opener}` cannot be started: open the page by hand");
    }
}
