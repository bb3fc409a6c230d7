//! What pages may ask.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Router, middleware};
use futures_util::{Stream, StreamExt};
use netfold::Precision;
use netfold::model::FileStamp;
use netfold::reconstruction::Unit;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use crate::api_error::ApiError;
use crate::guard::{Access, guard};
use crate::queue::{CancelToken, Queue};
use crate::scratch::Scratch;
use crate::settings::{At, Source};
use crate::upload;
use crate::worker::Worker;

/// Uploaded inputs that are kept; the oldest goes first.
const INPUTS: usize = 16;

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>netfold</title>
<link rel="stylesheet" href="/page.css">
<link rel="icon" href="data:,">
</head>
<body><noscript>This page needs JavaScript; netfold reconstruct writes a report that does not.</noscript><script src="/page.js"></script></body>
</html>
"#;

/// A file that is open, and the folder of an upload, which goes with it.
#[derive(Clone)]
struct File {
    source: Source,
    folder: Option<Arc<TempDir>>,
}

/// What all pages see: files by name and hash.
#[derive(Clone, Debug, Default, Serialize)]
struct Files {
    model: Option<FileStamp>,
    inputs: Vec<FileStamp>,
}

/// What the handlers share.
pub struct App<T: Precision> {
    queue: Queue<Worker<T>>,
    scratch: Arc<Scratch>,
    model: Mutex<Option<File>>,
    inputs: Mutex<Vec<File>>,
    files: watch::Sender<Files>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Classes {
    classes: String,
}

impl<T: Precision> App<T> {
    /// With a worker, a place for files that are sent, and no model.
    ///
    /// # Errors
    /// If the worker cannot be started.
    pub fn new(bench: Worker<T>, scratch: Arc<Scratch>) -> std::io::Result<Self> {
        let queue = Queue::start(bench)?;
        Ok(Self { queue, scratch, model: Mutex::default(), inputs: Mutex::default(), files: watch::Sender::default() })
    }

    /// Opens a model in the place of the one before.
    ///
    /// # Errors
    /// If it cannot be used; the one before stays then.
    pub async fn open(&self, source: Source, folder: Option<TempDir>) -> Result<(), ApiError> {
        let file = source.clone();
        let opened = self.queue.run(format!("reading {}", source.stamp.file), move |bench, _| bench.open(&file)).await;
        opened.map_err(|problem| without(problem, folder.as_ref()))?;
        let stamp = source.stamp.clone();
        *self.model.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(File { source, folder: folder.map(Arc::new) });
        self.files.send_modify(|files| files.model = Some(stamp));
        Ok(())
    }

    /// Puts an input on the list.
    pub fn add(&self, source: Source, folder: Option<TempDir>) {
        let mut inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        inputs.retain(|file| file.source.stamp.sha256 != source.stamp.sha256);
        if inputs.len() >= INPUTS
            && let Some(oldest) = inputs.iter().position(|file| file.folder.is_some())
        {
            inputs.remove(oldest);
        }
        inputs.push(File { source, folder: folder.map(Arc::new) });
        let stamps = inputs.iter().map(|file| file.source.stamp.clone()).collect();
        self.files.send_modify(|files| files.inputs = stamps);
    }

    fn input(&self, hash: &str) -> Result<File, ApiError> {
        let inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        let found = inputs.iter().find(|file| file.source.stamp.sha256 == hash);
        found.cloned().ok_or_else(|| ApiError::missing("this input is not open any more").hint("open it again"))
    }
}

fn without(problem: ApiError, folder: Option<&TempDir>) -> ApiError {
    match folder {
        Some(folder) => problem.without(folder.path()),
        None => problem,
    }
}

/// All routes, behind the guard.
pub fn router<T: Precision>(app: Arc<App<T>>, access: Access) -> Router {
    let text =
        |kind: &'static str, text: &'static str| get(move || async move { ([(header::CONTENT_TYPE, kind)], text) });
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/page.js", text("text/javascript; charset=utf-8", netfold_render::SCRIPT))
        .route("/page.css", text("text/css; charset=utf-8", netfold_render::STYLE))
        .route("/api/events", get(events::<T>))
        .route("/api/model", post(open_model::<T>))
        .route("/api/input", post(add_input::<T>))
        .nest("/api/models/{model}/inputs/{input}", reconstruction::<T>())
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(Arc::new(access), guard))
        .with_state(app)
}

/// What is asked of one model at one input.
fn reconstruction<T: Precision>() -> Router<Arc<App<T>>> {
    Router::new()
        .route("/", get(document::<T>))
        .route("/rows/{class}", get(row::<T>))
        .route("/rows/{class}/bias/{stage}", get(bias_map::<T>))
        .route("/tensors/{tensor}/channels/{first}", get(channels::<T>))
        .route("/tensors/{tensor}/units/{unit}", get(unit::<T>))
        .route("/files/{file}", get(export::<T>))
}

/// Files and jobs, whenever one of them changes.
async fn events<T: Precision>(State(app): State<Arc<App<T>>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let files = WatchStream::new(app.files.subscribe()).map(|files| ("files", serde_json::to_string(&files)));
    let jobs = WatchStream::new(app.queue.watch()).map(|jobs| ("jobs", serde_json::to_string(&jobs)));
    let event =
        |(name, json): (&str, Result<String, _>)| Ok(Event::default().event(name).data(json.unwrap_or_default()));
    Sse::new(futures_util::stream::select(files, jobs).map(event)).keep_alive(KeepAlive::default())
}

async fn open_model<T: Precision>(
    State(app): State<Arc<App<T>>>,
    Query(named): Query<Named>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let (source, folder) = upload::receive(&app.scratch, body, &headers, (&named.name, upload::MODEL)).await?;
    app.open(source, Some(folder)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add_input<T: Precision>(
    State(app): State<Arc<App<T>>>,
    Query(named): Query<Named>,
    headers: HeaderMap,
    body: Body,
) -> Result<String, ApiError> {
    let (source, folder) = upload::receive(&app.scratch, body, &headers, (&named.name, upload::INPUT)).await?;
    upload::check(&source).map_err(|problem| problem.without(folder.path()))?;
    let hash = source.stamp.sha256.clone();
    app.add(source, Some(folder));
    Ok(hash)
}

type Answer = Result<([(header::HeaderName, &'static str); 1], Vec<u8>), ApiError>;

impl<T: Precision> App<T> {
    /// Runs a job about one model at one input, and sends what it made.
    async fn made(
        &self,
        (model, input): (String, String),
        what: impl FnOnce(&str) -> String,
        work: impl FnOnce(&mut Worker<T>, &At, &CancelToken) -> Result<Vec<u8>, ApiError> + Send + 'static,
    ) -> Answer {
        let file = self.input(&input)?;
        let at = At { model, input: file.source.clone() };
        let what = what(&file.source.stamp.file);
        let made = self.queue.run(what, move |bench, ticket| work(bench, &at, ticket)).await;
        let bytes = made.map_err(|problem| without(problem, file.folder.as_deref()))?;
        Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes))
    }
}

async fn document<T: Precision>(State(app): State<Arc<App<T>>>, Path(at): Path<(String, String)>) -> Answer {
    app.made(at, |input| format!("reconstructing at {input}"), Worker::document).await
}

async fn row<T: Precision>(
    State(app): State<Arc<App<T>>>,
    Path((model, input, class)): Path<(String, String, usize)>,
) -> Answer {
    let what = |_: &_| format!("weights of class {class}");
    app.made((model, input), what, move |bench, at, ticket| bench.row(at, class, ticket)).await
}

async fn bias_map<T: Precision>(
    State(app): State<Arc<App<T>>>,
    Path((model, input, class, stage)): Path<(String, String, usize, usize)>,
) -> Answer {
    let what = |_: &_| format!("bias map for class {class}");
    app.made((model, input), what, move |bench, at, ticket| bench.bias_map(at, class, stage, ticket)).await
}

async fn channels<T: Precision>(
    State(app): State<Arc<App<T>>>,
    Path((model, input, tensor, first)): Path<(String, String, String, usize)>,
) -> Answer {
    let what = format!("channels of {tensor}");
    app.made((model, input), |_| what, move |bench, at, ticket| bench.channels(at, &tensor, first, ticket)).await
}

async fn unit<T: Precision>(
    State(app): State<Arc<App<T>>>,
    Path((model, input, tensor, unit)): Path<(String, String, String, String)>,
) -> Answer {
    let what = format!("unit {unit} of {tensor}");
    let unit: Unit = unit.parse().map_err(ApiError::from)?;
    app.made((model, input), |_| what, move |bench, at, ticket| bench.unit(at, &tensor, &unit, ticket)).await
}

/// Classes as a list with commas, each once, where it comes first.
fn listed(words: &str) -> Result<Vec<usize>, std::num::ParseIntError> {
    let mut seen = HashSet::new();
    let mut classes = words.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    classes.retain(|&class| seen.insert(class));
    Ok(classes)
}

async fn export<T: Precision>(
    State(app): State<Arc<App<T>>>,
    Path((model, input, name)): Path<(String, String, String)>,
    Query(wanted): Query<Classes>,
) -> Result<impl IntoResponse, ApiError> {
    let unknown = || ApiError::missing("there is no such file");
    if !matches!(name.as_str(), "reconstruction.npz" | "reconstructed.onnx") {
        return Err(unknown());
    }
    let classes = listed(&wanted.classes).map_err(|_| unknown())?;
    let file = app.input(&input)?;
    let at = At { model, input: file.source.clone() };
    let folder = app.scratch.folder()?;
    let files = folder.path().join("files");
    let path = files.clone();
    let work = move |bench: &mut Worker<T>, ticket: &_| bench.export(&at, &classes, &path, ticket);
    app.queue.run(format!("writing {name}"), work).await.map_err(|problem| without(problem, file.folder.as_deref()))?;
    let written = tokio::fs::File::open(files.join(&name)).await?;
    // An open file stays readable when its folder goes.
    let stream = futures_util::stream::unfold(written, |mut file| async move {
        use tokio::io::AsyncReadExt;
        let mut block = vec![0; 1 << 16];
        match file.read(&mut block).await {
            Ok(0) => None,
            Ok(read) => {
                block.truncate(read);
                Some((Ok::<_, std::io::Error>(block), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    });
    let attached = format!("attachment; filename=\"{name}\"");
    Ok((
        [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_DISPOSITION, attached)],
        Body::from_stream(stream),
    ))
}
