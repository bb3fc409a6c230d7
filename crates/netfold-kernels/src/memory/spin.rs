//! Threads that spin for a short time while they wait for work, instead of going to sleep.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rayon::Yield;

/// Threads beside the caller's that are kept awake at most: short loops have no work for more.
const THREADS: usize = 3;
/// How long a thread spins without work before it goes to sleep after all.
const PATIENCE: Duration = Duration::from_micros(200);

/// Runs `work` in the pool, while others of its threads look for work without going to sleep.
///
/// A pass over a small network is many parallel loops of some microseconds each. A thread of the pool that finds nothing
/// to do between two of them falls asleep, and to wake it takes longer than a loop.
pub fn awake<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let done = &AtomicBool::new(false);
    rayon::scope(|scope| {
        let (_done, own) = (Done(done), rayon::current_thread_index());
        for _ in 1..rayon::current_num_threads().min(1 + THREADS) {
            scope.spawn(move |_| {
                // The thread that works must not wait for itself.
                if rayon::current_thread_index() != own {
                    wait(done);
                }
            });
        }
        work()
    })
}

/// Sets the flag when it is dropped, after a panic too.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Takes up work of the pool until all is done, or until there was no work for a while.
fn wait(done: &AtomicBool) {
    let mut since = Instant::now();
    while !done.load(Ordering::Acquire) {
        match rayon::yield_now() {
            Some(Yield::Executed) => since = Instant::now(),
            Some(Yield::Idle) if since.elapsed() < PATIENCE => std::hint::spin_loop(),
            _ => return,
        }
    }
}
