//! Connections: how many at once, and for how long one may keep the server waiting.
//!
//! Whoever has shown the token is *known*. A stranger needs no more than the page's files, so strangers are sent away
//! after a while, and the one who came first when there is no room: however many connections somebody holds open, the
//! owner finds a place.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tower::ServiceExt;

/// Connections at once.
pub const MOST: usize = 128;
/// How long the head of a request may take, and the pause between two requests.
const HEAD: Duration = Duration::from_secs(20);
/// How long a stranger may stay in all.
const STRANGER: Duration = Duration::from_secs(30);
/// How long somebody may leave an answer unread.
const UNREAD: Duration = Duration::from_secs(30);
/// The longest head of a request, in bytes: a list of some ten thousand classes fits.
const HEAD_BYTES: usize = 128 << 10;

/// One end of a connection.
#[derive(Debug, Default)]
pub struct Caller {
    known: AtomicBool,
    leave: Notify,
}

impl Caller {
    /// It has shown the token.
    pub fn know(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// Waits until it has to go: it was asked to, or it is a stranger who has stayed too long.
    async fn has_to_go(&self) {
        if timeout(STRANGER, self.leave.notified()).await.is_err() && self.is_known() {
            self.leave.notified().await;
        }
    }
}

/// All that are connected, in the order in which they came.
#[derive(Clone, Default)]
struct Callers(Arc<Mutex<Vec<Arc<Caller>>>>);

/// One's place among the callers, given back when it is dropped.
struct Place {
    caller: Arc<Caller>,
    callers: Callers,
}

impl Callers {
    /// A place for one more; none where all are taken by callers who are known.
    fn enter(&self) -> Option<Place> {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MOST {
            let first = callers.iter().position(|caller| !caller.is_known())?;
            callers.remove(first).leave.notify_one();
        }
        let caller = Arc::new(Caller::default());
        callers.push(Arc::clone(&caller));
        Some(Place { caller, callers: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut callers = self.callers.0.lock().unwrap_or_else(PoisonError::into_inner);
        callers.retain(|caller| !Arc::ptr_eq(caller, &self.caller));
    }
}

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, router: Router) {
    let callers = Callers::default();
    loop {
        match listener.accept().await {
            // Without a place the connection is closed at once.
            Ok((stream, _)) => {
                if let Some(place) = callers.enter() {
                    tokio::spawn(converse(stream, router.clone(), place));
                }
            }
            // One that went away before it was accepted.
            Err(error) if is_gone(&error) => {}
            // No more file descriptors: some are given back soon.
            Err(_) => sleep(Duration::from_secs(1)).await,
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn converse(stream: TcpStream, router: Router, place: Place) {
    let answer = |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Arc::clone(&place.caller));
        router.clone().oneshot(request.map(Body::new))
    };
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    let talk = builder.serve_connection(TokioIo::new(Impatient::new(stream)), service_fn(answer));
    tokio::select! {
        // Both ways it is over; what a caller did wrong is the caller's concern.
        _ = talk => {}
        () = place.caller.has_to_go() => {}
    }
}

/// A stream whose writes fail where the other side takes nothing for [`UNREAD`].
struct Impatient<S> {
    stream: S,
    limit: Pin<Box<Sleep>>,
    waiting: bool,
}

impl<S> Impatient<S> {
    fn new(stream: S) -> Self {
        Self { stream, limit: Box::pin(sleep(UNREAD)), waiting: false }
    }

    fn limited<R>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        if !self.waiting {
            self.waiting = true;
            self.limit.as_mut().reset(Instant::now() + UNREAD);
        }
        ready!(self.limit.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.limited(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.limited(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn strangers_make_room_for_others_and_known_callers_stay() {
        let callers = Callers::default();
        let places: Vec<_> = (0..MOST).map(|_| callers.enter().unwrap()).collect();
        places[0].caller.know();
        let late = callers.enter().unwrap();
        assert_eq!(callers.0.lock().unwrap().len(), MOST);
        // The first stranger was asked to go; neither the known one before nor the stranger behind.
        timeout(Duration::ZERO, places[1].caller.has_to_go()).await.unwrap();
        timeout(Duration::ZERO, places[2].caller.has_to_go()).await.unwrap_err();
        timeout(4 * STRANGER, places[0].caller.has_to_go()).await.unwrap_err();
        timeout(4 * STRANGER, late.caller.has_to_go()).await.unwrap();

        places.iter().chain([&late]).for_each(|place| place.caller.know());
        assert!(callers.enter().is_none(), "all places are the owner's");
        drop(places);
        assert!(callers.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_ends() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (near, mut far) = tokio::io::duplex(8);
        let mut stream = Impatient::new(near);
        stream.write_all(b"12345678").await.unwrap();
        let (written, read) = tokio::join!(stream.write_all(b"9"), async {
            // In time.
            sleep(UNREAD / 2).await;
            far.read(&mut [0; 4]).await
        });
        assert_eq!((written.is_ok(), read.unwrap()), (true, 4));
        stream.write_all(b"abc").await.unwrap();
        assert_eq!(stream.write_all(b"d").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
