//! Memory and threads that outlive a loop: buffers that are used again, huge pages, scratch space of threads, and
//! threads that spin before they sleep.

mod buffer_pool;
mod buffered;
mod huge_pages;
mod scratch;
mod spin;

pub use buffer_pool::Pool;
pub use buffered::{Buffered, Reuse};
pub use huge_pages::advise_huge_pages;
pub use scratch::Scratch;
pub use spin::awake;

/// Numbers of a cache line.
pub const fn line<T>() -> usize {
    64 / size_of::<T>()
}

/// Numbers before the first one of a buffer that begins a cache line, fewer than a line's; none where that is not known.
pub fn align_offset<T>(buffer: &[T]) -> usize {
    match buffer.as_ptr().align_offset(64) {
        numbers if numbers < line::<T>() => numbers,
        _ => 0,
    }
}

/// Asks the processor to bring the cache line of a number near.
#[inline(always)]
pub(crate) fn prefetch<T>(number: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; every x86-64 processor has SSE.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(number.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = number;
}

/// A pointer that tasks share, each writing rows of its own.
#[derive(Clone, Copy)]
pub(crate) struct SendPtr<T>(pub *mut T);

// SAFETY: the loops of this crate hand the pointer only to tasks whose rows are disjoint.
unsafe impl<T: Send> Send for SendPtr<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SendPtr<T> {}

impl<T> SendPtr<T> {
    pub fn get(self) -> *mut T {
        self.0
    }
}
