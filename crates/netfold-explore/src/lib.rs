//! The local web explorer: one opens a model and pictures and looks at reconstructions.
//!
//! The page is the report's own ([`netfold_render::SCRIPT`]); here it asks a server for what it shows: a document for
//! each input, and a row of W for each class, as JSON and little-endian float32 in one piece. One worker computes, one
//! job at a time, over one model in memory. A job whose request goes away is stopped before its next step.
//!
//! Pages never name a path: they upload, or choose by hash among what the command line gave. Requests are refused that
//! do not bring the token of the printed address, come under another name than this machine's, or from another site's
//! page ([`guard`]). Uploads lie in a folder of the owner's that goes when the explorer ends ([`scratch`]).

pub mod api_error;
pub mod connections;
pub mod frozen;
pub mod frozen_tensor;
pub mod guard;
pub mod page;
pub mod queue;
pub mod routes;
pub mod scratch;
pub mod settings;
pub mod signals;
pub mod token;
pub mod upload;
pub mod worker;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use netfold::Precision;
use netfold::model::FileStamp;

use api_error::ApiError;
use guard::{Access, Names};
use page::Page;
use routes::App;
use scratch::Scratch;
use settings::{Settings, Source};
use signals::Signals;
use token::Token;
use worker::Worker;

/// How long work on files may go on after the explorer is told to end.
const LAST: Duration = Duration::from_secs(2);

/// What the explorer begins with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen at.
    pub address: IpAddr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// The model.
    pub model: Option<PathBuf>,
    /// Pictures and arrays.
    pub inputs: Vec<PathBuf>,
    /// How models are opened and frozen.
    pub settings: Settings,
}

/// Why the explorer did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// A file of the command line cannot be used.
    #[error("{}", .0.lines.join("\n  cause: "))]
    File(ApiError),
    /// A file of the command line cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The address cannot be used.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address and port.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The server broke.
    #[error("the server stopped: {0}")]
    Serve(#[from] io::Error),
    /// Uploads are still on disk.
    #[error("cannot remove the uploads: {0}")]
    Left(io::Error),
}

/// Serves until Ctrl-C, TERM or a terminal that hangs up ends it, and removes what was uploaded; `ready` is told where the
/// page is once it can be loaded.
///
/// # Errors
/// If a file of the options cannot be used, the address cannot be listened at, or uploads cannot be removed.
pub fn serve<T: Precision>(options: &Options, ready: impl FnOnce(&Page)) -> Result<(), ExploreError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let scratch = Arc::new(Scratch::new());
    let served = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        tokio::select! {
            served = run::<T>(options, &scratch, ready) => served,
            () = signals.told() => Ok(()),
        }
    });
    // What still writes is stopped before its folder goes.
    runtime.shutdown_timeout(LAST);
    served.and(scratch.close().map_err(ExploreError::Left))
}

async fn run<T: Precision>(
    options: &Options,
    scratch: &Arc<Scratch>,
    ready: impl FnOnce(&Page),
) -> Result<(), ExploreError> {
    let app = Arc::new(App::new(Worker::<T>::new(options.settings.clone()), Arc::clone(scratch))?);
    if let Some(model) = &options.model {
        app.open(source(model)?, None).await.map_err(ExploreError::File)?;
    }
    for input in &options.inputs {
        let input = source(input)?;
        upload::check(&input).map_err(ExploreError::File)?;
        app.add(input, None);
    }
    let address = SocketAddr::new(options.address, options.port);
    let failed = |source| ExploreError::Listen { address, source };
    let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
    let token = Token::random()?;
    ready(&Page::new(listener.local_addr()?, token.clone(), Arc::clone(scratch)));
    let names = Names { local: options.address.to_canonical().is_loopback() };
    connections::serve(listener, routes::router(app, Access { names, token })).await;
    Ok(())
}

fn source(path: &Path) -> Result<Source, ExploreError> {
    let failed = |source| ExploreError::Read { path: path.to_owned(), source };
    Ok(Source { path: path.to_owned(), stamp: FileStamp::of(path).map_err(failed)? })
}
