//! The memory of the machine: physical frames in one sparse memfd, and a
//! stretch of reserved addresses for the user address space.
//!
//! This is one of the three modules that touch memory through pointers.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr::NonNull;

use memmap2::{MmapOptions, MmapRaw};
use vmo_abi::{Arena, ZX_PAGE_SIZE, zx_vaddr_t};

use crate::configuration::Configuration;
use crate::process;

/// Bytes in a page, as an index.
pub(crate) const PAGE: usize = ZX_PAGE_SIZE as usize;

/// Unmapped bytes before and between the fixed parts of the address space.
const GUARD: u64 = 16 * ZX_PAGE_SIZE;

/// A frame of physical memory. Frame 0 is none of these: it is the page of zeros
/// that uncommitted pages show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Frame(pub(crate) std::num::NonZeroU32);

/// A stretch of memory that is mapped in this process: as long as the machine
/// lives, or for the call that it was found in. Made only by [`Memory`], and used
/// only while its lock is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: NonNull<u8>,
    len: usize,
}

impl Span {
    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// The first `len` bytes of the span, or all of it.
    pub(crate) fn up_to(self, len: usize) -> Self {
        Self { len: self.len.min(len), ..self }
    }

    /// The span without its first `count` bytes.
    fn skip(self, count: usize) -> Self {
        assert!(count <= self.len);
        // SAFETY: `count` stays inside the mapped stretch, checked above.
        Self { start: unsafe { self.start.add(count) }, len: self.len - count }
    }

    /// Copies the bytes out.
    pub(crate) fn read(self, bytes: &mut [u8]) {
        let len = bytes.len();
        assert!(len <= self.len);
        // SAFETY: the span is mapped and long enough, and so is `bytes`; in the
        // process's own memory the two may overlap.
        unsafe { self.start.copy_to(NonNull::from(bytes).cast(), len) }
    }

    /// Copies bytes in.
    pub(crate) fn write(self, bytes: &[u8]) {
        assert!(bytes.len() <= self.len);
        // SAFETY: as in `read`.
        unsafe { self.start.copy_from(NonNull::from(bytes).cast(), bytes.len()) }
    }

    /// Copies `from` to here, upward byte by byte where the two overlap, as the
    /// kernel's copy does. Copies as many bytes as the shorter one has.
    pub(crate) fn copy_from(self, from: Self) -> usize {
        let len = self.len.min(from.len);
        let (to_address, from_address) = (self.start.addr().get(), from.start.addr().get());
        let overlaps = to_address > from_address && to_address - from_address < len;
        if overlaps {
            for index in 0..len {
                // SAFETY: `index` is inside both spans.
                unsafe { self.start.add(index).write(from.start.add(index).read()) }
            }
        } else {
            // SAFETY: both spans are mapped and have `len` bytes; `copy_from`
            // allows the remaining overlap, where the copy goes downward.
            unsafe { self.start.copy_from(from.start, len) }
        }
        len
    }

    fn fill_zero(self) {
        // SAFETY: the span is mapped and writable.
        unsafe { self.start.write_bytes(0, self.len) }
    }
}

/// What an access wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Physical memory and the reserved user address space.
pub(crate) struct Memory {
    file: File,
    frames: MmapRaw,
    reserved: NonNull<u8>,
    reserved_len: usize,
    /// A page of zeros that user code can read but not write.
    pub(crate) read_only: zx_vaddr_t,
    /// The tester's scratch memory.
    pub(crate) arena: Arena,
    /// The first address of the root region.
    pub(crate) root_base: zx_vaddr_t,
}

// SAFETY: the pointers name memory that belongs to the machine alone; every use
// goes through the machine's lock.
unsafe impl Send for Memory {}

impl Memory {
    /// Reserves everything that the configuration asks for.
    pub(crate) fn new(configuration: &Configuration) -> io::Result<Self> {
        let file = memfd()?;
        let bytes = (configuration.physical_pages + 1) * ZX_PAGE_SIZE;
        file.set_len(bytes)?;
        let frames = MmapOptions::new()
            .len(usize::try_from(bytes).map_err(io::Error::other)?)
            .no_reserve_swap()
            .map_raw(&file)?;

        let before_arena = GUARD + ZX_PAGE_SIZE + GUARD;
        let before_root = before_arena + configuration.arena_bytes + GUARD;
        let reserved_len = usize::try_from(before_root + configuration.root_region_bytes)
            .map_err(io::Error::other)?;
        let reserved = reserve(reserved_len)?;
        let base = reserved.addr().get() as u64;
        let memory = Self {
            file,
            frames,
            reserved,
            reserved_len,
            read_only: base + GUARD,
            arena: Arena { base: base + before_arena, len: configuration.arena_bytes },
            root_base: base + before_root,
        };
        memory.make_accessible(memory.read_only, ZX_PAGE_SIZE, libc::PROT_READ)?;
        memory.make_accessible(
            memory.arena.base,
            memory.arena.len,
            libc::PROT_READ | libc::PROT_WRITE,
        )?;
        Ok(memory)
    }

    /// An address in the reserved ground where nothing is ever mapped.
    pub(crate) fn unmapped(&self) -> zx_vaddr_t {
        self.read_only - ZX_PAGE_SIZE
    }

    /// The frame's bytes from `offset` on.
    pub(crate) fn frame(&self, frame: Frame, offset: usize) -> Span {
        self.physical(frame.0.get(), 1, offset)
    }

    /// The bytes of `count` consecutive frames from `offset` in the first on.
    pub(crate) fn frames(&self, first: Frame, count: usize, offset: usize) -> Span {
        self.physical(first.0.get(), count, offset)
    }

    /// The page of zeros from `offset` on. Only ever read.
    pub(crate) fn zeros(&self, offset: usize) -> Span {
        self.physical(0, 1, offset)
    }

    fn physical(&self, number: u32, count: usize, offset: usize) -> Span {
        let start = number as usize * PAGE + offset;
        let end = (number as usize + count) * PAGE;
        assert!(offset < PAGE && start < end && end <= self.frames.len());
        // SAFETY: the frames lie inside the mapping, checked above.
        let first = unsafe { NonNull::new_unchecked(self.frames.as_mut_ptr().add(start)) };
        Span { start: first, len: end - start }
    }

    /// Fills a frame with zeros.
    pub(crate) fn clear(&self, frame: Frame) {
        self.frame(frame, 0).fill_zero();
    }

    /// The bytes from `address` to the end of the fixed part it lies in, if
    /// `access` is allowed there.
    pub(crate) fn fixed(&self, address: zx_vaddr_t, access: Access) -> Option<Span> {
        let end = if address >= self.arena.base && address < self.arena.end() {
            self.arena.end()
        } else if access == Access::Read
            && address >= self.read_only
            && address - self.read_only < ZX_PAGE_SIZE
        {
            self.read_only + ZX_PAGE_SIZE
        } else {
            return None;
        };
        let whole = Span { start: self.reserved, len: self.reserved_len };
        let offset = (address - self.reserved.addr().get() as u64) as usize;
        Some(whole.skip(offset).up_to((end - address) as usize))
    }

    /// The bytes from `address` to the end of the page, if they are the process's
    /// own and `access` is allowed there.
    pub(crate) fn of_process(&self, address: zx_vaddr_t, access: Access) -> Option<Span> {
        let reserved = self.reserved.addr().get() as u64;
        let frames = self.frames.as_mut_ptr().addr() as u64;
        // What belongs to the machine is none of user code's.
        let is_ours = (reserved..reserved + self.reserved_len as u64).contains(&address)
            || (frames..frames + self.frames.len() as u64).contains(&address);
        if is_ours || !process::can_access(address, access) {
            return None;
        }
        let start = NonNull::new(std::ptr::with_exposed_provenance_mut(address as usize))?;
        Some(Span { start, len: PAGE - address as usize % PAGE })
    }

    /// Enters a frame, or the page of zeros, at a page of the root region, so
    /// that real pointers reach it.
    pub(crate) fn enter(
        &self,
        page: zx_vaddr_t,
        frame: Option<Frame>,
        writable: bool,
    ) -> io::Result<()> {
        let protection =
            if writable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
        let number = frame.map_or(0, |frame| frame.0.get());
        let address = self.root_address(page, ZX_PAGE_SIZE);
        // SAFETY: the page lies in the root region, which is reserved for the
        // machine; nothing in Rust refers to it.
        let result = unsafe {
            libc::mmap(
                address,
                PAGE,
                protection,
                libc::MAP_SHARED | libc::MAP_FIXED | libc::MAP_POPULATE,
                self.file.as_raw_fd(),
                i64::from(number) * ZX_PAGE_SIZE as i64,
            )
        };
        if result == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Makes a range of the root region inaccessible to real pointers again.
    ///
    /// # Panics
    ///
    /// The host allows no more mappings; [`Self::try_leave`] tells instead.
    pub(crate) fn leave(&self, start: zx_vaddr_t, len: u64) {
        self.try_leave(start, len).expect("the host allows another mapping");
    }

    /// As [`Self::leave`], unless the host has no mapping left to split one.
    pub(crate) fn try_leave(&self, start: zx_vaddr_t, len: u64) -> io::Result<()> {
        let address = self.root_address(start, len);
        // SAFETY: as in `enter`.
        let result = unsafe {
            libc::mmap(
                address,
                len as usize,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if result == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn root_address(&self, start: zx_vaddr_t, len: u64) -> *mut libc::c_void {
        let end = self.reserved.addr().get() as u64 + self.reserved_len as u64;
        assert!(start >= self.root_base && start <= end && len <= end - start);
        self.reserved.as_ptr().with_addr(start as usize).cast()
    }

    fn make_accessible(&self, start: zx_vaddr_t, len: u64, protection: i32) -> io::Result<()> {
        let address = self.reserved.as_ptr().with_addr(start as usize).cast();
        // SAFETY: the range lies in the fixed part of the reserved ground,
        // which nobody uses yet.
        let result = unsafe { libc::mprotect(address, len as usize, protection) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the stretch was reserved by `reserve` and is not used again.
        unsafe { libc::munmap(self.reserved.as_ptr().cast(), self.reserved_len) };
    }
}

fn memfd() -> io::Result<File> {
    // SAFETY: the name is a C string.
    let descriptor = unsafe { libc::memfd_create(c"vmo-reference".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just opened and belongs to nobody else.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

fn reserve(len: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: asks for addresses wherever the host has them.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            len,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(|| io::Error::other("the host mapped address 0"))
}
