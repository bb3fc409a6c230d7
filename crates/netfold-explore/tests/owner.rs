//! What is the owner's alone: every answer but the page's files, and what lies on disk.

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;

use common::{Server, answer, as_it_is, get, hash, model, picture, post, refused, server};

fn requests() -> Vec<(&'static str, String)> {
    let base = format!("/api/models/{}/inputs/{}", hash(&model()), hash(&picture()));
    let mut all = vec![
        ("GET", "/api/events".to_owned()),
        ("POST", "/api/model?name=tiny.onnx".into()),
        ("POST", "/api/input?name=dot.png".into()),
        ("GET", base.clone()),
    ];
    for part in
        ["rows/0", "rows/0/bias/0", "tensors/f/channels/0", "tensors/f/units/0", "files/reconstruction.npz?classes=0"]
    {
        all.push(("GET", format!("{base}/{part}")));
    }
    for path in
        ["/api", "/api/", "/none", "/page.js/", "//", "/page.css/../api/events", "/%2e/api/events", "/API/EVENTS"]
    {
        all.extend(["GET", "POST", "HEAD", "OPTIONS", "PUT", "TRACE"].map(|method| (method, path.to_owned())));
    }
    all
}

fn request(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).header("host", "127.0.0.1:7377").body(Body::from("words")).unwrap()
}

#[tokio::test]
async fn without_the_token_nothing_is_answered_but_the_pages_files() {
    let server = server();
    answer(&server, post("/api/model?name=tiny.onnx", model())).await;
    answer(&server, post("/api/input?name=dot.png", picture())).await;
    let before = files(server.folder.path()).len();
    for (method, path) in requests() {
        let (status, body) = as_it_is(&server, request(method, &path)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert!(method == "HEAD" || String::from_utf8(body).unwrap().contains("netfold explore"), "{method} {path}");
    }
    assert_eq!(files(server.folder.path()).len(), before, "something was written for a stranger");
    for path in ["/", "/page.js", "/page.css", "/?token=0123456789abcdef"] {
        let (status, body) = as_it_is(&server, get(path)).await;
        let told = String::from_utf8(body).unwrap();
        assert!(status == StatusCode::OK && !told.contains(server.token.reveal()), "{path}");
    }
}

#[tokio::test]
async fn the_token_comes_in_one_way_and_is_the_right_one() {
    let server = server();
    let token = server.token.reveal().to_owned();
    let with = |name: &str, value: &str| {
        let asked = Request::get("/api/models/none/inputs/none").header("host", "127.0.0.1:7377").header(name, value);
        asked.body(Body::empty()).unwrap()
    };
    // It is past the guard: there is no such input.
    for value in [format!("Bearer {token}"), format!("bearer {token}")] {
        assert_eq!(as_it_is(&server, with("authorization", &value)).await.0, StatusCode::NOT_FOUND, "{value}");
    }
    let other = common::server().token.reveal().to_owned();
    for (name, value) in [
        ("authorization", format!("Bearer {other}")),
        ("authorization", format!("Bearer {}", &token[..47])),
        ("authorization", format!("Bearer {token}0")),
        ("authorization", format!("Bearer {token}, Bearer {other}")),
        ("authorization", "Bearer ".to_owned()),
        ("authorization", "Bearer".to_owned()),
        ("authorization", token.clone()),
        ("authorization", format!("Basic {token}")),
        ("cookie", format!("netfold-token={token}")),
        ("x-token", token.clone()),
    ] {
        assert_eq!(as_it_is(&server, with(name, &value)).await.0, StatusCode::UNAUTHORIZED, "{name}: {value}");
    }
    let in_the_address = get(&format!("/api/models/none/inputs/none?token={token}"));
    assert_eq!(as_it_is(&server, in_the_address).await.0, StatusCode::UNAUTHORIZED);
    // The token does not open the door to other sites' pages, or under another name.
    for (name, value) in [("host", "evil.example"), ("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")]
    {
        let mut asked = server.owned(get("/api/models/none/inputs/none"));
        asked.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(as_it_is(&server, asked).await.0, StatusCode::FORBIDDEN, "{name}: {value}");
    }
}

/// All files and folders below, with the permissions of Unix.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            let told = fs::symlink_metadata(&path).unwrap();
            let below = if told.is_dir() { files(&path) } else { Vec::new() };
            std::iter::once((path, told.permissions().mode() & 0o777)).chain(below)
        })
        .collect()
}

#[tokio::test]
async fn what_is_sent_is_readable_by_the_owner_alone() {
    let server = server();
    answer(&server, post("/api/model?name=tiny.onnx", model())).await;
    answer(&server, post("/api/input?name=dot.png", picture())).await;
    let found = files(server.folder.path());
    assert_eq!(found.iter().filter(|(path, _)| path.is_file()).count(), 2, "{found:?}");
    for (path, mode) in found {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

async fn export(server: &Server, classes: &str) -> Vec<u8> {
    let base = format!("/api/models/{}/inputs/{}", hash(&model()), hash(&picture()));
    let (status, npz) = answer(server, get(&format!("{base}/files/reconstruction.npz?classes={classes}"))).await;
    assert_eq!(status, StatusCode::OK);
    npz
}

#[tokio::test]
async fn a_class_that_is_asked_for_many_times_is_written_once() {
    let server = server();
    answer(&server, post("/api/model?name=tiny.onnx", model())).await;
    answer(&server, post("/api/input?name=dot.png", picture())).await;
    assert_eq!(export(&server, &vec!["1"; 2000].join(",")).await, export(&server, "1").await);
    assert_eq!(export(&server, "1,0,1,0,0").await, export(&server, "1,0").await);
    assert_ne!(export(&server, "1,0").await, export(&server, "0,1").await, "in the order that is asked for");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stalls_or_drips_is_ended_and_nothing_of_it_stays() {
    let server = server();
    let bytes = |pause: u64| {
        let one = move |i: u64| async move {
            tokio::time::sleep(Duration::from_secs(if i == 0 { 0 } else { pause })).await;
            Ok::<_, std::io::Error>(vec![0_u8])
        };
        Body::from_stream(futures_util::stream::iter(0..).then(one))
    };
    for pause in [3600, 21, 15, 1] {
        let slow = post("/api/input?name=slow.npy", bytes(pause));
        refused(&server, slow, StatusCode::REQUEST_TIMEOUT, "`slow.npy` came too slowly").await;
    }
    let left = files(server.folder.path());
    assert!(left.iter().all(|(path, _)| path.is_dir()), "{left:?}");
}
