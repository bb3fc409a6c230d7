//! One worker, one job at a time; a job whose request went away is stopped.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use axum::http::StatusCode;
use netfold::Watch;
use serde::Serialize;
use tokio::sync::{oneshot, watch};

use crate::api_error::ApiError;

/// Jobs that may wait.
const WAITING: usize = 64;

/// One job, as the page shows it.
#[derive(Clone, Debug, Serialize)]
pub struct JobStatus {
    id: u64,
    /// What it does.
    what: String,
    /// How many steps are done.
    done: usize,
    /// Of how many; 0 where that is not known.
    all: usize,
}

/// What a running job tells and is told.
pub struct CancelToken {
    id: u64,
    stop: Arc<AtomicBool>,
    jobs: watch::Sender<Vec<JobStatus>>,
}

impl CancelToken {
    /// Refuses to go on where the request went away.
    ///
    /// # Errors
    /// [`ApiError::stopped`].
    pub fn check(&self) -> Result<(), ApiError> {
        if self.stop.load(Ordering::Relaxed) { Err(ApiError::stopped()) } else { Ok(()) }
    }

    /// Who is told how far the job is, and stops it where the request went away.
    pub fn watch(&self) -> Watch {
        let (id, stop, jobs) = (self.id, Arc::clone(&self.stop), self.jobs.clone());
        Watch::new(move |progress| {
            if stop.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            jobs.send_modify(|jobs| {
                if let Some(job) = jobs.iter_mut().find(|job| job.id == id) {
                    (job.done, job.all) = (progress.done, progress.all);
                }
            });
            ControlFlow::Continue(())
        })
    }
}

type Job<B> = Box<dyn FnOnce(&mut B) + Send>;

/// The queue of the worker thread, which owns the state B that all jobs work on.
pub struct Queue<B> {
    sender: SyncSender<Job<B>>,
    jobs: watch::Sender<Vec<JobStatus>>,
    next: AtomicU64,
}

/// Stops the job and takes it off the list, whether it ended or its request was dropped.
struct Guard(CancelToken);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
        self.0.jobs.send_modify(|jobs| jobs.retain(|job| job.id != self.0.id));
    }
}

impl<B: Send + 'static> Queue<B> {
    /// Starts the worker.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub fn start(mut bench: B) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel::<Job<B>>(WAITING);
        std::thread::Builder::new()
            .name("bench".into())
            .spawn(move || receiver.iter().for_each(|job| job(&mut bench)))?;
        Ok(Self { sender, jobs: watch::Sender::new(Vec::new()), next: AtomicU64::new(0) })
    }

    /// The jobs that run or wait, as they change.
    pub fn watch(&self) -> watch::Receiver<Vec<JobStatus>> {
        self.jobs.subscribe()
    }

    /// Runs a job when its turn comes. Dropping the future stops it.
    ///
    /// # Errors
    /// What the job returns; that too many jobs wait; that the job broke, which is a fault.
    pub async fn run<R: Send + 'static>(
        &self,
        what: String,
        work: impl FnOnce(&mut B, &CancelToken) -> Result<R, ApiError> + Send + 'static,
    ) -> Result<R, ApiError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let ticket = || CancelToken { id, stop: Arc::default(), jobs: self.jobs.clone() };
        let mine = ticket();
        let guard = Guard(CancelToken { stop: Arc::clone(&mine.stop), ..ticket() });
        self.jobs.send_modify(|jobs| jobs.push(JobStatus { id, what, done: 0, all: 0 }));
        let (answer, answered) = oneshot::channel();
        let job = move |bench: &mut B| {
            let result = catch_unwind(AssertUnwindSafe(|| mine.check().and_then(|()| work(bench, &mine))));
            let broke = |_| {
                ApiError::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the computation broke off: this is a fault of netfold",
                )
            };
            // Nobody may be waiting any more.
            let _ = answer.send(result.unwrap_or_else(|cause| Err(broke(cause))));
        };
        let busy = |_| {
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too many jobs are waiting").hint("try again in a moment")
        };
        self.sender.try_send(Box::new(job)).map_err(busy)?;
        let result = answered.await.unwrap_or_else(|_| Err(ApiError::stopped()));
        drop(guard);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_request_stops_its_job_and_the_next_one_runs() {
        let queue = Queue::start(0_u32).unwrap();
        let endless = queue.run("endless".into(), |bench, ticket| {
            *bench += 1;
            while ticket.check().is_ok() {
                std::thread::yield_now();
            }
            Ok(())
        });
        // Polled once, so that it is on its way; then its request goes away.
        assert!(futures_util::FutureExt::now_or_never(endless).is_none());
        let seen = queue.run("next".into(), |bench, _| Ok(*bench)).await.unwrap();
        assert!(seen <= 1, "stopped before or after it began");
        assert!(queue.watch().borrow().is_empty());
    }

    #[tokio::test]
    async fn a_job_that_breaks_is_told_and_the_worker_goes_on() {
        let queue = Queue::start(()).unwrap();
        let broken = queue.run::<()>("broken".into(), |(), _| panic!("a fault")).await.unwrap_err();
        assert!(broken.lines[0].contains("a fault of netfold"));
        assert_eq!(queue.run("next".into(), |(), _| Ok(7)).await.unwrap(), 7);
    }
}
