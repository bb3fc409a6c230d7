//! Large pages for large buffers.

/// Bytes of a large page, which is what buffers have from a few of on.
#[cfg(target_os = "linux")]
const PAGE: usize = 1 << 21;

/// Asks for large pages in a buffer that nobody has touched yet: a pass over rows meets a new page at each place, and
/// looking them up takes as long as the products. The numbers stay as they are, and so they do where nobody listens.
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
