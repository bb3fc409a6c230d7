//! The program `netfold`: words of the command line to calls of the library, results to words.

#[macro_use]
mod out;

mod args;
mod commands;
mod failure;
mod flowchart;
mod labels;
mod progress;
mod report_writer;
mod session;
mod shape;
#[cfg(unix)]
mod signals;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use failure::{FAILED, Failure, WRONG_INPUT};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // The explorer ends in its own way.
    #[cfg(unix)]
    if !matches!(cli.command, Command::Explore(_)) {
        signals::watch();
    }
    match usable().and_then(|()| run(&cli.command)) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// The environment asks for nothing that this processor does not have.
fn usable() -> Result<(), Failure> {
    netfold_linear::instruction_set().map_err(netfold::Error::from)?;
    Ok(())
}

/// Help where it was asked for, or what is wrong with the words.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return error.print().map_or_else(|error| out::unwritten(&error).into(), |()| ExitCode::SUCCESS);
    }
    // The message repeats words: with them written out it is the same, but for characters that a terminal obeys.
    let words = std::env::args_os().map(|word| out::escaped(&word.to_string_lossy()).into_owned());
    match Cli::try_parse_from(words) {
        Err(error) if error.use_stderr() => {
            // Where standard error cannot be written there is nobody to be told.
            let _ = error.print();
        }
        _ => eprintln!("error: {}", error.kind()),
    }
    ExitCode::from(WRONG_INPUT)
}

fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Reconstruct(words) => on_threads(words.common.threads, || commands::reconstruct(words)),
        Command::Bias(words) => on_threads(words.common.threads, || commands::bias(words)),
        Command::Region(words) => on_threads(words.common.threads, || commands::region(words)),
        Command::Integrate(words) => on_threads(words.common.threads, || commands::integrate(words)),
        Command::Inspect(words) => commands::inspect(words),
        Command::Verify(words) => on_threads(words.common.threads, || commands::verify(words)),
        Command::Lens(words) => on_threads(words.common.threads, || commands::lens(words)),
        Command::Check(words) => on_threads(words.common.threads, || commands::check(words)),
        Command::Explore(words) => on_threads(words.common.threads, || commands::explore(words)),
        Command::Ops { json } => commands::ops(*json),
    }
}

/// Runs with this many threads, or as many as there are cores.
fn on_threads<R: Send>(threads: Option<u16>, work: impl FnOnce() -> Result<R, Failure> + Send) -> Result<R, Failure> {
    let Some(threads) = threads else { return work() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build();
    pool.map_err(|error| Failure::new(FAILED, format!("cannot start {threads} threads: {error}")))?.install(work)
}
