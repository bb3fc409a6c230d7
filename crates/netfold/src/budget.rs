//! How much memory a run may take: one budget for its tensors and tables, asked before anything is allocated.

mod free;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that tensors and tables may take together, and how many of them are taken. Clones share both.
///
/// What asks is the model's constants in the precision that is computed in, every node before it computes and before it is
/// frozen, and rows and columns of W. What they take is an estimate from shapes, made before the allocation; small things
/// (names, lists of nodes) do not ask.
///
/// The default is three quarters of the memory that is free when the budget is made: the least of
/// - what the system has available (`MemAvailable`),
/// - what the process's own limits leave (address space and data, as `ulimit` sets them),
/// - what the container's limits leave (control groups of version 1 and 2).
///
/// That is Linux. Elsewhere it is 4 GiB.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Ledger>);

#[derive(Debug)]
struct Ledger {
    limit: u64,
    taken: AtomicU64,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(free::memory().map_or(ELSEWHERE, |free| free / 4 * 3))
    }
}

/// The budget in bytes where the system does not say how much memory is free.
const ELSEWHERE: u64 = 4 << 30;

impl Budget {
    /// So many bytes.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(Ledger { limit: bytes, taken: AtomicU64::new(0) }))
    }

    /// All of it, in bytes.
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// What is taken, in bytes.
    pub fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// What is left, in bytes.
    pub fn left(&self) -> u64 {
        self.limit().saturating_sub(self.taken())
    }

    /// Takes so many bytes until the share is dropped.
    ///
    /// # Errors
    /// If fewer are left.
    pub fn take(&self, bytes: f64) -> Result<Share, Shortage> {
        let mut share = self.none();
        share.grow(bytes).map(|()| share)
    }

    /// A share of nothing, which can grow.
    pub fn none(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }

    /// Whether so many bytes could be taken now.
    ///
    /// # Errors
    /// If fewer are left.
    pub fn ask(&self, bytes: f64) -> Result<(), Shortage> {
        self.take(bytes).map(drop)
    }
}

/// A part of a budget, given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    bytes: u64,
}

impl Share {
    /// Bytes that it holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes more.
    ///
    /// # Errors
    /// If less is left.
    pub fn grow(&mut self, by: f64) -> Result<(), Shortage> {
        // Beyond the integers it is the largest of them.
        let by = by.max(0.0).ceil() as u64;
        let Ledger { limit, taken } = &*self.budget.0;
        let more = |taken: u64| taken.checked_add(by).filter(|sum| sum <= limit);
        match taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => self.bytes += by,
            Err(taken) => return Err(Shortage { bytes: by, taken, limit: *limit }),
        }
        Ok(())
    }

    /// Holds what the other one held, of the same budget.
    pub fn join(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Hands so many bytes over to another share; what this one does not hold is taken.
    ///
    /// # Errors
    /// If too little is left for that.
    pub fn hand(&mut self, to: &mut Self, bytes: u64) -> Result<(), Shortage> {
        let own = bytes.min(self.bytes);
        self.bytes -= own;
        to.bytes += own;
        to.grow((bytes - own) as f64)
    }

    /// Gives back what it holds beyond so many bytes.
    pub fn shrink_to(&mut self, bytes: u64) {
        let by = self.bytes.saturating_sub(bytes);
        self.bytes -= by;
        self.budget.0.taken.fetch_sub(by, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

/// How much was asked for, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Bytes that were asked for.
    pub bytes: u64,
    /// Bytes of the budget that were taken already.
    pub taken: u64,
    /// All bytes of the budget.
    pub limit: u64,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, taken, limit } = *self;
        write!(f, "{} of a budget of {}", Size(bytes), Size(limit))?;
        if taken > 0 { write!(f, ", {} of which are taken", Size(taken)) } else { Ok(()) }
    }
}

/// Bytes as people read them: 1.5 GiB.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PREFIXES: [&str; 6] = ["K", "M", "G", "T", "P", "E"];
        let mut size = self.0 as f64;
        let mut prefix = None;
        for next in PREFIXES {
            if size < 1000.0 {
                break;
            }
            (size, prefix) = (size / 1024.0, Some(next));
        }
        match prefix {
            None => write!(f, "{} bytes", self.0),
            Some(prefix) if size < 9.95 => write!(f, "{size:.1} {prefix}iB"),
            Some(prefix) => write!(f, "{size:.0} {prefix}iB"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_given_back_and_a_refused_one_takes_nothing() {
        let budget = Budget::new(1000);
        let mut first = budget.take(600.0).unwrap();
        assert_eq!(budget.take(401.0).unwrap_err(), Shortage { bytes: 401, taken: 600, limit: 1000 });
        first.grow(400.0).unwrap();
        assert_eq!((budget.left(), first.bytes()), (0, 1000));
        first.shrink_to(100);
        assert_eq!((budget.left(), budget.clone().taken()), (900, 100));
        let mut other = budget.none();
        first.hand(&mut other, 150).unwrap();
        assert_eq!((first.bytes(), other.bytes(), budget.taken()), (0, 150, 150));
        drop((first, other));
        assert_eq!(budget.left(), 1000);
        assert!(budget.ask(f64::INFINITY).is_err() && budget.ask(1000.0).is_ok());
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn a_shortage_is_read_in_binary_units() {
        let text = |bytes, taken| Shortage { bytes, taken, limit: 2 << 30 }.to_string();
        assert_eq!(text(6_000_000_000, 0), "5.6 GiB of a budget of 2.0 GiB");
        assert_eq!(text(999, 123 << 20), "999 bytes of a budget of 2.0 GiB, 123 MiB of which are taken");
        assert_eq!(text(u64::MAX, 1 << 10), "16 EiB of a budget of 2.0 GiB, 1.0 KiB of which are taken");
    }
}
