//! What the server takes and what it refuses, request by request.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use netfold::Rule;
use netfold::input::{LayoutChoice, Preprocess};
use netfold_explore::bench::{Bench, Settings};
use netfold_explore::guard::Names;
use netfold_explore::routes::{App, router};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, encode};
use tower::ServiceExt;

fn server() -> Router {
    let settings = Settings {
        preprocess: Preprocess::preset("unit").unwrap(),
        preprocess_name: "unit".into(),
        layout: LayoutChoice::Auto,
        labels: vec!["ant".into(), "bee".into()],
        output: None,
        rule: Rule::Gate,
        keep_softmax: false,
        tolerance: 1e-4,
    };
    router(Arc::new(App::<f32>::new(Bench::new(settings)).unwrap()), Names { local: true })
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header("host", "127.0.0.1:7377").body(Body::empty()).unwrap()
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("host", "localhost:7377").body(body.into()).unwrap()
}

async fn answer(server: &Router, request: Request<Body>) -> (StatusCode, Vec<u8>) {
    let response = server.clone().oneshot(request).await.unwrap();
    assert!(response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let status = response.status();
    (status, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

async fn refused(server: &Router, request: Request<Body>, status: StatusCode, word: &str) {
    let (got, body) = answer(server, request).await;
    let text = String::from_utf8(body).unwrap();
    assert!(got == status && text.contains(word), "{got}: {text}");
    assert!(!text.contains("/netfold-"), "a path of this machine: {text}");
}

/// y = W flatten(x), 2 logits of 1 x 2 x 2 pixels.
fn model() -> Vec<u8> {
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

fn picture() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_raw(2, 2, vec![0, 51, 102, 255])
        .unwrap()
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn hash(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    netfold::certificate::FileStamp::of(&path).unwrap().sha256
}

/// JSON and numbers, as the page reads them.
fn unpacked(bytes: &[u8]) -> (serde_json::Value, Vec<f32>) {
    let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    let numbers = bytes[4 + length..].chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
    (serde_json::from_slice(&bytes[4..4 + length]).unwrap(), numbers.collect())
}

#[tokio::test]
async fn a_model_and_a_picture_give_a_document_and_rows() {
    let server = server();
    let (status, _) = answer(&server, post("/api/model?name=tiny.onnx", model())).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, input) = answer(&server, post("/api/input?name=dot.png", picture())).await;
    assert_eq!((status, input), (StatusCode::OK, hash(&picture()).into_bytes()));
    let base = format!("/api/models/{}/inputs/{}", hash(&model()), hash(&picture()));

    let (document, x) = unpacked(&answer(&server, get(&base)).await.1);
    assert_eq!((document["equivalent"].as_bool(), document["labels"][1].as_str()), (Some(true), Some("bee")));
    for (x, pixel) in x.iter().zip([0.0, 51.0, 102.0, 255.0]) {
        assert!((x - pixel / 255.0).abs() < 1e-6);
    }
    let (head, weights) = unpacked(&answer(&server, get(&format!("{base}/rows/1"))).await.1);
    assert_eq!((weights, head["bias"].as_f64()), (vec![0.0, 0.25, -0.5, 1.0], Some(-0.25)));

    refused(&server, get(&format!("{base}/rows/2")), StatusCode::NOT_FOUND, "no class 2").await;
    refused(&server, get(&format!("{base}/files/passwd?classes=0")), StatusCode::NOT_FOUND, "no such file").await;
    let other = format!("/api/models/{}/inputs/{}", hash(b"other"), hash(&picture()));
    refused(&server, get(&other), StatusCode::CONFLICT, "another model").await;

    let (_, npz) = answer(&server, get(&format!("{base}/files/reconstruction.npz?classes=0,1"))).await;
    assert!(npz.starts_with(b"PK"));
}

#[tokio::test]
async fn broken_files_are_refused_and_the_model_before_stays() {
    let server = server();
    answer(&server, post("/api/model?name=tiny.onnx", model())).await;
    let cut = model()[..40].to_vec();
    refused(&server, post("/api/model?name=../../cut.onnx", cut), StatusCode::UNPROCESSABLE_ENTITY, "cut.onnx").await;

    let words = post("/api/input?name=words.png", "these are words");
    refused(&server, words, StatusCode::UNPROCESSABLE_ENTITY, "`words.png` is not a picture").await;

    answer(&server, post("/api/input?name=dot.png", picture())).await;
    let (status, _) =
        answer(&server, get(&format!("/api/models/{}/inputs/{}", hash(&model()), hash(&picture())))).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn too_much_is_refused_before_it_is_read() {
    let server = server();
    let told = Request::post("/api/input?name=big.png").header("host", "localhost").header("content-length", 200 << 20);
    refused(&server, told.body(Body::empty()).unwrap(), StatusCode::PAYLOAD_TOO_LARGE, "200 MiB").await;

    // A body that does not tell its size is cut off at the limit.
    let chunk = || Ok::<_, std::io::Error>(vec![0_u8; 1 << 20]);
    let endless = Body::from_stream(futures_util::stream::repeat_with(chunk));
    refused(&server, post("/api/input?name=endless.png", endless), StatusCode::PAYLOAD_TOO_LARGE, "at most 64 MiB")
        .await;

    let mut huge = std::io::Cursor::new(Vec::new());
    image::GrayImage::new(10_000, 10_000).write_to(&mut huge, image::ImageFormat::Png).unwrap();
    let asked = post("/api/input?name=huge.png", huge.into_inner());
    refused(&server, asked, StatusCode::PAYLOAD_TOO_LARGE, "10000 x 10000 pixels").await;
}

#[tokio::test]
async fn other_names_and_other_sites_are_refused() {
    let server = server();
    let named = |host: &str| Request::get("/").header("host", host).body(Body::empty()).unwrap();
    for host in ["127.0.0.1:7377", "localhost:7377", "[::1]:7377"] {
        assert_eq!(answer(&server, named(host)).await.0, StatusCode::OK, "{host}");
    }
    for host in ["evil.example:7377", "127.0.0.1.evil.example", "192.168.0.7:7377", "localhost.evil.example", ""] {
        assert_eq!(answer(&server, named(host)).await.0, StatusCode::FORBIDDEN, "{host}");
    }
    let from = |origin: &str, site: &str| {
        let request = Request::post("/api/input?name=a.png").header("host", "127.0.0.1:7377").header("origin", origin);
        request.header("sec-fetch-site", site).body(Body::from(picture())).unwrap()
    };
    assert_eq!(answer(&server, from("http://127.0.0.1:7377", "same-origin")).await.0, StatusCode::OK);
    for (origin, site) in [
        ("http://evil.example", "cross-site"),
        ("null", "cross-site"),
        ("http://127.0.0.1:8000", "same-site"),
        ("http://127.0.0.1:7377", "cross-site"),
    ] {
        assert_eq!(answer(&server, from(origin, site)).await.0, StatusCode::FORBIDDEN, "{origin}");
    }
}
