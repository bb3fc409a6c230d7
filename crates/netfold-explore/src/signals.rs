//! The ends that a process is asked for: Ctrl-C, TERM, a terminal that hangs up.

#[cfg(unix)]
pub use unix::Signals;

#[cfg(unix)]
mod unix {
    use std::io;

    use futures_util::future::select_all;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// From its making on these signals do not end the process any more; they are waited for.
    pub struct Signals(Vec<Signal>);

    impl Signals {
        /// Listens to those signals that the process does not ignore: `nohup` and shells that start a program in the
        /// background want some of them ignored.
        ///
        /// # Errors
        /// If the system refuses.
        pub fn listen() -> io::Result<Self> {
            let ignored = ignored();
            let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
            let heard = kinds.into_iter().filter(|kind| ignored & (1 << (kind.as_raw_value() - 1)) == 0);
            Ok(Self(heard.map(signal).collect::<io::Result<_>>()?))
        }

        /// Waits until one of them comes.
        pub async fn told(&mut self) {
            if self.0.is_empty() {
                return std::future::pending().await;
            }
            select_all(self.0.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
        }
    }

    /// The signals that the process ignores, bit n - 1 for signal n; none where the system does not tell.
    fn ignored() -> u64 {
        let told = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = told.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    }
}

/// Ctrl-C alone.
#[cfg(not(unix))]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Listens.
    ///
    /// # Errors
    /// None here.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Waits until it comes.
    pub async fn told(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
