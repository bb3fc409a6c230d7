//! Huge pages for large buffers (Linux).

/// Bytes of a huge page.
#[cfg(target_os = "linux")]
const PAGE: usize = 1 << 21;

/// Asks the system for huge pages in a buffer that was not written yet. A pass over rows meets a new page at each
/// place, and looking up small pages takes as long as the products. This is advice only: no number changes, and other
/// systems than Linux ignore it.
pub fn advise_huge_pages<T>(buffer: &mut [T]) {
    #[cfg(target_os = "linux")]
    {
        let range = buffer.as_mut_ptr_range();
        let (first, end) = ((range.start as usize).next_multiple_of(PAGE), range.end as usize / PAGE * PAGE);
        if first + PAGE <= end {
            // SAFETY: the range lies inside the buffer, and the advice changes no number.
            unsafe { libc::madvise(first as *mut libc::c_void, end - first, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = buffer;
}
