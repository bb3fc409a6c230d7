//! Connections over the network: requests that are never finished, and more of them than there are places.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use netfold_explore::connections::{Caller, MOST, serve};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// `/` is anybody's, `/own` lets its caller be known.
async fn start() -> std::net::SocketAddr {
    let own = |request: Request| async move {
        request.extensions().get::<Arc<Caller>>().unwrap().know();
        "own"
    };
    let router = Router::new().route("/", get(|| async { "page" })).route("/own", get(own));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, router));
    address
}

async fn send(address: std::net::SocketAddr, words: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(words.as_bytes()).await.unwrap();
    stream
}

/// Everything up to the end of the connection.
async fn all(mut stream: TcpStream) -> String {
    let mut told = Vec::new();
    // A connection that is reset has ended, too.
    let _ = stream.read_to_end(&mut told).await;
    String::from_utf8(told).unwrap()
}

// The clock is not the world's: it jumps to the next thing that waits for it, so an end that never comes hangs the test.
#[tokio::test(start_paused = true)]
async fn requests_that_are_never_finished_end() {
    let address = start().await;
    for words in [
        "",
        "G",
        "GET / HTTP/1.1\r\nHost: localho",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n",
        "\r\n\r\n",
        "\0",
    ] {
        let told = all(send(address, words).await).await;
        assert!(!told.contains("own"), "{words:?}: {told}");
    }
    // One that was answered, and says no more.
    assert!(all(send(address, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n").await).await.ends_with("own"));
}

#[tokio::test(start_paused = true)]
async fn a_stranger_who_keeps_asking_ends() {
    let address = start().await;
    let mut stream = send(address, "").await;
    let mut asked = 0;
    while stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.is_ok() {
        asked += 1;
        let mut some = [0; 1024];
        if !matches!(stream.read(&mut some).await, Ok(1..)) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(asked < 100, "it is still answered");
    }
}

#[tokio::test]
async fn the_owner_finds_a_place_among_many_who_hold_theirs() {
    let address = start().await;
    let mut owner = send(address, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut some = [0; 1024];
    assert!(owner.read(&mut some).await.unwrap() > 0);
    let mut held = Vec::new();
    for _ in 0..2 * MOST {
        held.push(send(address, "GET / HTTP/1.1\r\nHost: localho").await);
    }
    let late = send(address, "GET /own HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert!(all(late).await.ends_with("own"));
    owner.write_all(b"GET /own HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(all(owner).await.ends_with("own"), "who was known before stays");
    // The first ones had to go.
    assert_eq!(all(held.remove(0)).await, "");
}
