//! `netfold explore`: reconstructions in the browser.

use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};

use netfold_explore::page::Page;
use netfold_explore::settings::Settings;
use netfold_explore::{ExploreError, Options, serve};

use crate::args::{Explore, PrecisionWord};
use crate::failure::{self, FAILED, Failure, WRONG_INPUT};
use crate::labels::Labels;
use crate::session::options;

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
            options: options(common)?,
            labels: Labels::read(common.labels.as_deref())?.all().to_vec(),
            budget: common.network.budget(),
        },
    };
    let ready = |page: &Page| {
        println!("{page}");
        eprintln!("open this address in a browser, all of it: whoever has its token gets in; Ctrl-C ends");
        warn(page.address());
        if words.open {
            browse(page);
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

/// Says who gets in where others than this machine's users do.
fn warn(address: SocketAddr) {
    let (ip, port) = (address.ip().to_canonical(), address.port());
    if ip.is_loopback() {
        return;
    }
    let (place, instead) = if ip.is_unspecified() {
        let instead = "from another machine, put this machine's IP address in the place of the loopback's; ";
        ("under any of its addresses".to_owned(), instead)
    } else {
        (format!("as {ip}"), "")
    };
    let who = format!("everyone who has this address with its token and reaches this machine {place} gets in");
    let open = "nothing is encrypted on the way, neither the token nor what is uploaded";
    let hint = format!(
        "{instead}without --address, `ssh -L {port}:127.0.0.1:{port} MACHINE` lets one in from elsewhere, encrypted"
    );
    failure::warn(&format!("{who}, and {open}"), Some(&hint));
}

/// The system's own way to open a file; the page can be opened by hand where there is none.
fn browse(page: &Page) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let started = page.door().and_then(|door| {
        Command::new(opener).arg(door).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    });
    if let Err(error) = started {
        eprintln!("`{opener}` cannot be started ({error}): open the address by hand");
    }
}
