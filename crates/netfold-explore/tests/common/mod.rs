//! A server, a small model, and how both are asked.
#![allow(dead_code, missing_docs)]

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use netfold::Options;
use netfold_explore::guard::{Access, Names};
use netfold_explore::routes::{App, router};
use netfold_explore::scratch::Scratch;
use netfold_explore::settings::Settings;
use netfold_explore::token::Token;
use netfold_explore::worker::Worker;
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, encode};
use tower::ServiceExt;

/// A server, with what its owner has and where it keeps files.
pub struct Server {
    pub router: Router,
    pub token: Token,
    pub folder: tempfile::TempDir,
}

pub fn server() -> Server {
    serving(None, Vec::new())
}

/// With the input that is explained, and those that are held.
pub fn serving(explain: Option<String>, held: Vec<String>) -> Server {
    let mut options = Options::default();
    if let Some(input) = explain {
        options = options.explain(input);
    }
    for word in held {
        options = options.input_word(word);
    }
    let labels = vec!["ant".into(), "bee".into()];
    let settings = Settings { options, labels, budget: netfold::Budget::default() };
    let (token, folder) = (Token::random().unwrap(), tempfile::tempdir().unwrap());
    let scratch = Arc::new(Scratch::within(folder.path().to_owned()));
    let app = Arc::new(App::<f32>::new(Worker::new(settings), scratch).unwrap());
    let access = Access { names: Names { local: true }, token: token.clone() };
    Server { router: router(app, access), token, folder }
}

impl Server {
    /// With the owner's token.
    pub fn owned(&self, mut request: Request<Body>) -> Request<Body> {
        request.headers_mut().insert("authorization", format!("Bearer {}", self.token.reveal()).parse().unwrap());
        request
    }
}

pub fn get(path: &str) -> Request<Body> {
    Request::get(path).header("host", "127.0.0.1:7377").body(Body::empty()).unwrap()
}

pub fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("host", "localhost:7377").body(body.into()).unwrap()
}

/// What the owner is answered.
pub async fn answer(server: &Server, request: Request<Body>) -> (StatusCode, Vec<u8>) {
    let request = server.owned(request);
    as_it_is(server, request).await
}

/// What a request is answered that brings a token or none.
pub async fn as_it_is(server: &Server, request: Request<Body>) -> (StatusCode, Vec<u8>) {
    let response = server.router.clone().oneshot(request).await.unwrap();
    assert!(response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let status = response.status();
    (status, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

pub async fn refused(server: &Server, request: Request<Body>, status: StatusCode, word: &str) {
    let (got, body) = answer(server, request).await;
    let text = String::from_utf8(body).unwrap();
    assert!(got == status && text.contains(word), "{got}: {text}");
    assert!(!text.contains("/netfold-"), "a path of this machine: {text}");
}

/// y = W flatten(x), 2 logits of 1 x 2 x 2 pixels.
pub fn model() -> Vec<u8> {
    let weights = TensorDef::new([2, 4], vec![1.0_f32, -1.0, 0.5, 2.0, 0.0, 0.25, -0.5, 1.0]).unwrap();
    let graph = GraphDef::new("tiny")
        .with_input(ValueInfo::new("x", DType::F32, [1, 1, 2, 2]))
        .with_initializer("w", weights)
        .with_initializer("b", TensorDef::vector(vec![0.125_f32, -0.25]))
        .with_node(NodeDef::new("Flatten", ["x"], ["f"]))
        .with_node(NodeDef::new("Gemm", ["f", "w", "b"], ["y"]).with("transB", netfold_onnx::Attribute::Int(1)))
        .with_output(ValueInfo::new("y", DType::F32, [1, 2]));
    encode(&ModelDef::new(graph))
}

pub fn picture() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_raw(2, 2, vec![0, 51, 102, 255])
        .unwrap()
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

pub fn hash(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    netfold::model::FileStamp::of(&path).unwrap().sha256
}

/// JSON and numbers, as the page reads them.
pub fn unpacked(bytes: &[u8]) -> (serde_json::Value, Vec<f32>) {
    let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    let numbers = bytes[4 + length..].chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
    (serde_json::from_slice(&bytes[4..4 + length]).unwrap(), numbers.collect())
}
