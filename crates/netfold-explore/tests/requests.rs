//! What the server takes and what it refuses, request by request.

mod common;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, encode};

use common::{answer, get, hash, model, picture, post, refused, server, serving, unpacked};

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

/// y = W flatten(x + other).
fn sum() -> Vec<u8> {
    let mut model = netfold_onnx::decode(model(), None).unwrap();
    model.graph.inputs.push(ValueInfo::new("other", DType::F32, [1, 1, 2, 2]));
    model.graph.nodes[0].inputs[0] = "sum".into();
    model.graph.nodes.insert(0, NodeDef::new("Add", ["x", "other"], ["sum"]));
    encode(&model)
}

/// The second input is held at what the command line gave; a model that has a value for each input alone is opened.
#[tokio::test]
async fn other_inputs_are_those_of_the_command_line() {
    let open = || post("/api/model?name=sum.onnx", sum());
    refused(&server(), open(), StatusCode::UNPROCESSABLE_ENTITY, "`other` has no value").await;
    refused(&server(), open(), StatusCode::UNPROCESSABLE_ENTITY, "the page cannot set it").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.png");
    std::fs::write(&path, picture()).unwrap();
    let held = |name: &str| vec![format!("{name}={}", path.display())];
    let of_x = serving(None, held("x"));
    refused(&of_x, open(), StatusCode::UNPROCESSABLE_ENTITY, "`x` has a value already").await;
    let unknown = serving(None, held("another"));
    refused(&unknown, open(), StatusCode::UNPROCESSABLE_ENTITY, "no input `another`").await;

    for (explain, name) in [(None, "other"), (Some("other".to_owned()), "x")] {
        let server = serving(explain, held(name));
        assert_eq!(answer(&server, open()).await.0, StatusCode::NO_CONTENT);
        assert_eq!(answer(&server, post("/api/input?name=dot.png", picture())).await.0, StatusCode::OK);
        let base = format!("/api/models/{}/inputs/{}", hash(&sum()), hash(&picture()));
        let (document, _) = unpacked(&answer(&server, get(&base)).await.1);
        assert_eq!(document["equivalent"].as_bool(), Some(true));
        let facts = document["facts"].as_array().unwrap();
        assert!(facts.iter().any(|fact| fact["name"] == "Held input" && fact["value"] == name), "{facts:?}");
        // b holds W of the other picture: 0.125 + (−1 · 51 + 0.5 · 102 + 2 · 255) / 255.
        let (head, weights) = unpacked(&answer(&server, get(&format!("{base}/rows/0"))).await.1);
        assert!((head["bias"].as_f64().unwrap() - 2.125).abs() < 1e-5, "{head}");
        assert_eq!(weights, [1.0, -1.0, 0.5, 2.0]);
    }
}

/// y = flatten(max(conv(x) + c, 0)) summed by channel: two channels of 3 x 3 over 1 x 4 x 4 pixels, with an offset at
/// every place.
fn convolution() -> Vec<u8> {
    let kernel = TensorDef::new([2, 1, 2, 2], vec![1.0_f32, 2.0, -1.0, 0.5, -1.0, 1.0, 0.0, -2.0]).unwrap();
    let graph = GraphDef::new("convolution")
        .with_input(ValueInfo::new("x", DType::F32, [1, 1, 4, 4]))
        .with_initializer("k", kernel)
        .with_initializer("c", TensorDef::vector(vec![0.25_f32, 0.5]))
        .with_node(NodeDef::new("Conv", ["x", "k", "c"], ["stage/one"]))
        .with_node(NodeDef::new("Relu", ["stage/one"], ["on"]))
        .with_node(NodeDef::new("GlobalAveragePool", ["on"], ["mean"]))
        .with_node(NodeDef::new("Flatten", ["mean"], ["y"]))
        .with_output(ValueInfo::new("y", DType::F32, [1, 2]));
    encode(&ModelDef::new(graph))
}

fn pixels(x: usize, y: usize) -> u8 {
    (16 * x + 40 * y) as u8
}

#[tokio::test]
async fn what_is_inside_a_network_is_told() {
    let server = server();
    answer(&server, post("/api/model?name=convolution.onnx", convolution())).await;
    let mut png = std::io::Cursor::new(Vec::new());
    let picture = image::GrayImage::from_fn(4, 4, |x, y| image::Luma([pixels(x as usize, y as usize)]));
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let png = png.into_inner();
    answer(&server, post("/api/input?name=ramp.png", png.clone())).await;
    let base = format!("/api/models/{}/inputs/{}", hash(&convolution()), hash(&png));

    // Channel 0 at (row, column) by hand, in the order of the kernel.
    let x = |row: usize, column: usize| f64::from(pixels(column, row)) / 255.0;
    let z = |r: usize, c: usize| x(r, c) + 2.0 * x(r, c + 1) - x(r + 1, c) + 0.5 * x(r + 1, c + 1) + 0.25;
    let (head, values) = unpacked(&answer(&server, get(&format!("{base}/tensors/stage%2Fone/channels/0"))).await.1);
    assert_eq!((head["channels"].as_u64(), head["first"].as_u64(), values.len()), (Some(2), Some(0), 18));
    assert!((0..9).all(|i| (f64::from(values[i]) - z(i / 3, i % 3)).abs() < 1e-6), "{values:?}");
    let (head, second) = unpacked(&answer(&server, get(&format!("{base}/tensors/stage%2Fone/channels/1"))).await.1);
    assert_eq!((head["first"].as_u64(), &second[..]), (Some(1), &values[9..]));

    let (head, weights) = unpacked(&answer(&server, get(&format!("{base}/tensors/stage%2Fone/units/0,1,2"))).await.1);
    assert_eq!(weights, [1.0, 2.0, -1.0, 0.5], "over what the unit sees alone");
    assert_eq!((head["left"].as_u64(), head["top"].as_u64(), head["sees"].as_u64()), (Some(2), Some(1), Some(4)));
    assert_eq!((head["bias"].as_f64(), head["equivalent"].as_bool()), (Some(0.25), Some(true)));
    assert!((head["logit"].as_f64().unwrap() - z(1, 2)).abs() < 1e-6);

    // Every place of channel 0 gives 0.25 / 9 to the mean where its unit is on.
    let (head, map) = unpacked(&answer(&server, get(&format!("{base}/rows/0/bias/0"))).await.1);
    assert_eq!((head["height"].as_u64(), head["width"].as_u64(), map.len()), (Some(3), Some(3), 9));
    for (i, share) in map.iter().enumerate() {
        let wanted = if z(i / 3, i % 3) > 0.0 { 0.25 / 9.0 } else { 0.0 };
        assert!((f64::from(*share) - wanted).abs() < 1e-7, "{i}: {share}");
    }
    assert!(map.iter().any(|&share| share > 0.0));

    for (path, status, word) in [
        ("tensors/stage%2Fone/channels/2", StatusCode::NOT_FOUND, "no channel 2"),
        ("tensors/stage%2Ftwo/channels/0", StatusCode::UNPROCESSABLE_ENTITY, "stage/one"),
        ("tensors/k/channels/0", StatusCode::UNPROCESSABLE_ENTITY, "`k`"),
        ("tensors/on/units/0,1,3", StatusCode::UNPROCESSABLE_ENTITY, "0,1,3"),
        ("tensors/on/units/one", StatusCode::UNPROCESSABLE_ENTITY, "one"),
        ("rows/0/bias/1", StatusCode::NOT_FOUND, "no layer 1"),
        ("rows/2/bias/0", StatusCode::NOT_FOUND, "no class 2"),
    ] {
        refused(&server, get(&format!("{base}/{path}")), status, word).await;
    }
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
