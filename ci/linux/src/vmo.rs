//! A VMO is a memfd.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::ptr;
use std::sync::{Arc, Mutex};

use vmo_abi::{
    ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_MAX_NAME_LEN, ZX_PAGE_SIZE,
    zx_status_t,
};

/// Bytes that one call commits at most; the host would rather kill a process
/// than say that it has no more.
const LARGEST_COMMIT: u64 = 1 << 30;
/// Bytes that a clone copies at a time.
const CHUNK: usize = 1 << 20;

pub(crate) struct Vmo {
    pub(crate) file: File,
    pub(crate) name: Mutex<[u8; ZX_MAX_NAME_LEN]>,
}

/// What the host's error means to a caller.
pub(crate) fn status(error: &io::Error) -> zx_status_t {
    match error.raw_os_error() {
        Some(libc::EFAULT) => ZX_ERR_INVALID_ARGS,
        _ => ZX_ERR_NO_MEMORY,
    }
}

impl Vmo {
    pub(crate) fn new(size: u64) -> Result<Arc<Self>, zx_status_t> {
        // SAFETY: the name is a C string.
        let descriptor = unsafe { libc::memfd_create(c"vmo".as_ptr(), libc::MFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(ZX_ERR_NO_MEMORY);
        }
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        let file = unsafe { File::from_raw_fd(descriptor) };
        let vmo = Self { file, name: Mutex::default() };
        vmo.set_size(size)?;
        Ok(Arc::new(vmo))
    }

    pub(crate) fn size(&self) -> Result<u64, zx_status_t> {
        self.file.metadata().map(|data| data.len()).map_err(|error| status(&error))
    }

    /// Files of the host have at most 2^63 - 1 bytes.
    pub(crate) fn set_size(&self, size: u64) -> Result<(), zx_status_t> {
        let size = size.checked_next_multiple_of(ZX_PAGE_SIZE).ok_or(ZX_ERR_OUT_OF_RANGE)?;
        self.file.set_len(size).map_err(|error| status(&error))
    }

    fn check_range(&self, offset: u64, len: u64) -> Result<(), zx_status_t> {
        let end = offset.checked_add(len).ok_or(ZX_ERR_OUT_OF_RANGE)?;
        if end > self.size()? { Err(ZX_ERR_OUT_OF_RANGE) } else { Ok(()) }
    }

    /// Copies between a range and user memory at `buffer`, which the host's
    /// kernel checks.
    pub(crate) fn copy(
        &self,
        mut buffer: u64,
        mut offset: u64,
        mut len: u64,
        to_user: bool,
    ) -> Result<(), zx_status_t> {
        self.check_range(offset, len)?;
        while len > 0 {
            let (file, at) = (self.file.as_raw_fd(), offset as libc::off_t);
            let user = ptr::with_exposed_provenance_mut(buffer as usize);
            // SAFETY: the host's kernel refuses what the process cannot access;
            // what it can is memory that the tester offers.
            let done = unsafe {
                if to_user {
                    libc::pread(file, user, len as usize, at)
                } else {
                    libc::pwrite(file, user, len as usize, at)
                }
            };
            match u64::try_from(done) {
                Ok(0) => return Err(ZX_ERR_OUT_OF_RANGE),
                Ok(done) => (buffer, offset, len) = (buffer + done, offset + done, len - done),
                Err(_) => return Err(status(&io::Error::last_os_error())),
            }
        }
        Ok(())
    }

    /// Makes the memory of a range there, or gives it back; the range is cut at
    /// the end.
    pub(crate) fn commit(&self, offset: u64, len: u64, commit: bool) -> Result<(), zx_status_t> {
        let size = self.size()?;
        let end = offset.checked_add(len).ok_or(ZX_ERR_OUT_OF_RANGE)?.min(size);
        if offset > size {
            return Err(ZX_ERR_OUT_OF_RANGE);
        }
        if offset == end {
            return Ok(());
        }
        let start = offset - offset % ZX_PAGE_SIZE;
        let len = end.next_multiple_of(ZX_PAGE_SIZE) - start;
        if commit && len > LARGEST_COMMIT {
            return Err(ZX_ERR_NO_MEMORY);
        }
        let hole = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        let mode = if commit { 0 } else { hole };
        // SAFETY: takes a descriptor and numbers.
        let result =
            unsafe { libc::fallocate(self.file.as_raw_fd(), mode, start as i64, len as i64) };
        if result == 0 { Ok(()) } else { Err(status(&io::Error::last_os_error())) }
    }

    /// Copies what another VMO has from `offset` on, as far as this one goes.
    pub(crate) fn copy_from(&self, other: &Self, offset: u64) -> io::Result<()> {
        let end =
            other.file.metadata()?.len().min(offset.saturating_add(self.file.metadata()?.len()));
        let mut chunk = vec![0; CHUNK];
        let mut at = offset;
        while at < end {
            // SAFETY: takes a descriptor and numbers.
            let data =
                unsafe { libc::lseek(other.file.as_raw_fd(), at as libc::off_t, libc::SEEK_DATA) };
            // There is an error where no data follows.
            let Some(data) = u64::try_from(data).ok().filter(|data| *data < end) else { break };
            let len = (CHUNK as u64).min(end - data) as usize;
            other.file.read_exact_at(&mut chunk[..len], data)?;
            self.file.write_all_at(&chunk[..len], data - offset)?;
            at = data + len as u64;
        }
        Ok(())
    }
}
