//! What Linux does for comparison.

use std::io;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use crate::common::PAGE;

/// A memfd that is closed in the end.
pub struct Memfd(libc::c_int);

fn checked(result: i64) -> i64 {
    assert!(result >= 0, "{}", io::Error::last_os_error());
    result
}

impl Memfd {
    pub fn new(len: u64) -> Self {
        // SAFETY: the name is a C string; the descriptor is used only here.
        unsafe {
            let descriptor = libc::memfd_create(c"bench".as_ptr(), libc::MFD_CLOEXEC);
            checked(descriptor.into());
            checked(libc::ftruncate(descriptor, len as i64).into());
            Self(descriptor)
        }
    }

    pub fn write(&self, bytes: &[u8], offset: u64) {
        // SAFETY: the pointer and the length are those of the bytes.
        let count =
            unsafe { libc::pwrite(self.0, bytes.as_ptr().cast(), bytes.len(), offset as i64) };
        assert_eq!(count, bytes.len() as isize);
    }

    pub fn read(&self, bytes: &mut [u8], offset: u64) {
        // SAFETY: the pointer and the length are those of the bytes.
        let count =
            unsafe { libc::pread(self.0, bytes.as_mut_ptr().cast(), bytes.len(), offset as i64) };
        assert_eq!(count, bytes.len() as isize);
    }

    /// A private mapping of the first pages.
    pub fn map_private(&self, pages: u64) -> PrivateMapping {
        let len = (pages * PAGE) as usize;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: asks for a mapping wherever there is room.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), len, protection, libc::MAP_PRIVATE, self.0, 0) };
        assert_ne!(start, libc::MAP_FAILED, "{}", io::Error::last_os_error());
        PrivateMapping { start: NonNull::new(start.cast()).expect("not at address 0"), pages }
    }
}

impl Drop for Memfd {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours and not used again.
        unsafe { libc::close(self.0) };
    }
}

/// A private mapping of a memfd.
pub struct PrivateMapping {
    start: NonNull<u8>,
    pages: u64,
}

impl PrivateMapping {
    fn page(&self, index: u64) -> NonNull<u8> {
        assert!(index < self.pages);
        // SAFETY: the page lies in the mapping, checked above.
        unsafe { self.start.add((index * PAGE) as usize) }
    }

    /// The first byte of a page.
    pub fn load(&self, index: u64) -> u8 {
        // SAFETY: the mapping is readable; nothing in Rust refers to it.
        unsafe { self.page(index).read_volatile() }
    }

    /// Stores to every page and answers how long that took.
    pub fn store_to_each(&self, byte: u8) -> Duration {
        let start = Instant::now();
        for index in 0..self.pages {
            // SAFETY: the mapping is writable; nothing in Rust refers to it.
            unsafe { self.page(index).write_volatile(byte) };
        }
        start.elapsed()
    }
}

impl Drop for PrivateMapping {
    fn drop(&mut self) {
        let len = (self.pages * PAGE) as usize;
        // SAFETY: the mapping is ours and not used again.
        unsafe { libc::munmap(self.start.as_ptr().cast(), len) };
    }
}
