//! A pool of large buffers that are used again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Scalar;
use crate::memory::advise_huge_pages;

/// Buffers with fewer numbers are left to the allocator.
const SMALL: usize = 1 << 14;
/// Numbers that are kept at least, before a fresh buffer takes the place of kept ones.
const SLACK: usize = 1 << 22;

/// Buffers of dropped batches, kept for the next one.
///
/// A large allocation is fresh memory, which costs a page fault for every page: passes over blocks of rows use the same
/// sizes again and again.
#[derive(Debug)]
pub struct Pool<T> {
    /// The one that was given back last at the end.
    buffers: Mutex<Vec<Vec<T>>>,
    users: AtomicUsize,
}

impl<T: Scalar> Pool<T> {
    /// A pool that keeps nothing until somebody uses it.
    pub const fn new() -> Self {
        Self { buffers: Mutex::new(Vec::new()), users: AtomicUsize::new(0) }
    }

    /// `len` numbers of any value.
    pub fn take(&self, len: usize) -> Vec<T> {
        let mut buffer = self.at_least(len);
        buffer.truncate(len);
        buffer
    }

    /// `len` numbers of any value or more: to cut a buffer off would mean to fill it again, when more of it is needed.
    pub fn at_least(&self, len: usize) -> Vec<T> {
        if len >= SMALL && self.users.load(Ordering::Relaxed) > 0 {
            let mut buffers = self.buffers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let fits = |buffer: &Vec<T>| buffer.capacity() >= len;
            let best = (0..buffers.len()).filter(|&i| fits(&buffers[i])).min_by_key(|&i| buffers[i].capacity());
            if let Some(best) = best {
                let mut buffer = buffers.remove(best);
                drop(buffers);
                if buffer.len() < len {
                    buffer.resize(len, T::zero());
                }
                return buffer;
            }
            // None is large enough: the fresh one takes the place of old ones, so that what is kept does not add up.
            let mut kept: usize = buffers.iter().map(Vec::capacity).sum();
            let room = kept.saturating_sub(len).max(SLACK);
            while kept > room {
                kept -= buffers.remove(0).capacity();
            }
        }
        let mut fresh = vec![T::zero(); len];
        advise_huge_pages(&mut fresh);
        fresh
    }

    /// `len` zeros. Whoever gives a buffer back has to take it here, too, or the pool grows with every pass.
    pub fn zeros(&self, len: usize) -> Vec<T> {
        if len < SMALL {
            return vec![T::zero(); len];
        }
        let mut buffer = self.take(len);
        buffer.fill(T::zero());
        buffer
    }

    /// How many numbers the kept buffers hold.
    pub fn kept(&self) -> usize {
        let buffers = self.buffers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        buffers.iter().map(Vec::capacity).sum()
    }

    /// Gives back what is kept: what comes next takes other sizes.
    pub fn clear(&self) {
        self.buffers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    }

    /// Counts one more user.
    pub(super) fn enter(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one user less; with the last one go the buffers.
    pub(super) fn leave(&self) {
        if self.users.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.clear();
        }
    }

    /// Keeps a buffer for the next one, while somebody uses the pool.
    pub fn give(&self, buffer: Vec<T>) {
        if buffer.capacity() >= SMALL && self.users.load(Ordering::Relaxed) > 0 {
            self.buffers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(buffer);
        }
    }
}

impl<T: Scalar> Default for Pool<T> {
    fn default() -> Self {
        Self::new()
    }
}
