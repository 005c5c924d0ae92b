//! User memory: what an access to it does, by user code or by a call that was
//! handed a pointer (GEN-07 to GEN-10).

use vmo_abi::{
    Environment, ZX_PAGE_SHIFT, ZX_PAGE_SIZE, ZX_RIGHT_READ, ZX_RIGHT_WRITE, zx_vaddr_t,
};

use super::page::{PAGE, Page, Piece};
use super::space::Mapping;
use super::state::State;
use super::vmo::{VmoId, pages_of};
use super::writing::How;

/// User space of the recorded kernel, x86-64 (GEN-07).
const USER_BASE: zx_vaddr_t = 0x100_0000;
const USER_END: zx_vaddr_t = USER_BASE + 0x7fff_feff_f000;

/// What lies at an address.
#[derive(Clone, Copy)]
enum Ground {
    /// The tester's scratch memory.
    Arena,
    /// A page of zeros that cannot be written.
    ReadOnly,
    /// A mapping, and this position of its VMO.
    Mapped(Mapping),
    /// Nothing, or a mapping beyond the end of its VMO.
    Nothing,
    /// Nobody knows.
    Unknown,
}

/// Whether an access is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Good,
    Bad,
    /// It reaches ground of which nobody knows.
    Unknown,
}

/// How far an access gets.
#[derive(Clone, Copy)]
pub(super) struct Span {
    /// Bytes from the start that can be accessed for certain.
    pub(super) good: u64,
    pub(super) access: Access,
    /// Whether a mapping is reached.
    pub(super) mapped: bool,
}

/// A part of user memory that is a part of a VMO.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) vmo: VmoId,
    pub(super) offset: u64,
    pub(super) len: u64,
    /// Bytes of the access before it.
    pub(super) before: u64,
}

/// Whether an address may be one of user space.
pub(super) fn is_user(kernel: bool, environment: &Environment, address: zx_vaddr_t) -> bool {
    if kernel {
        (USER_BASE..USER_END).contains(&address)
    } else {
        environment.bad.kernel != Some(address) && address < 1 << 63
    }
}

impl State {
    /// What lies at an address, and the address where something else may lie.
    fn ground(
        &self,
        kernel: bool,
        environment: &Environment,
        address: zx_vaddr_t,
    ) -> (Ground, zx_vaddr_t) {
        let arena = &environment.arena;
        if (arena.base..arena.end()).contains(&address) {
            return (Ground::Arena, arena.end());
        }
        if let Some(mapping) = self.space.mapping_at(address) {
            let size = self.vmo(mapping.vmo).size;
            let inside = size.saturating_sub(mapping.offset);
            let end = mapping.end.min(mapping.base.saturating_add(inside));
            if address >= end {
                return (Ground::Nothing, mapping.end);
            }
            return (Ground::Mapped(*mapping), end);
        }
        let page = address & !(ZX_PAGE_SIZE - 1);
        let page_end = page.saturating_add(ZX_PAGE_SIZE);
        let is_page = |known: Option<zx_vaddr_t>| {
            known.is_some_and(|known| known & !(ZX_PAGE_SIZE - 1) == page)
        };
        if is_page(environment.bad.read_only) {
            return (Ground::ReadOnly, page_end);
        }
        let is_nothing = page == arena.end()
            || page_end == arena.base
            || page == 0
            || !is_user(kernel, environment, address)
            || is_page(environment.bad.kernel)
            || is_page(environment.bad.unmapped)
            || self.space.is_known(address);
        (if is_nothing { Ground::Nothing } else { Ground::Unknown }, page_end)
    }

    /// How far an access to `len` bytes gets.
    pub(super) fn span(
        &self,
        kernel: bool,
        environment: &Environment,
        address: zx_vaddr_t,
        len: u64,
        right: u32,
    ) -> Span {
        let mut span = Span { good: 0, access: Access::Good, mapped: false };
        if environment.arena.contains(address, len) {
            span.good = len;
            return span;
        }
        while span.good < len {
            let Some(at) = address.checked_add(span.good) else {
                span.access = Access::Bad;
                break;
            };
            let (ground, end) = self.ground(kernel, environment, at);
            span.access = match ground {
                Ground::Arena => Access::Good,
                Ground::ReadOnly if right == ZX_RIGHT_READ => Access::Good,
                Ground::Mapped(mapping) => {
                    span.mapped = true;
                    if mapping.permissions & right != 0 { Access::Good } else { Access::Bad }
                }
                Ground::Unknown => Access::Unknown,
                _ => Access::Bad,
            };
            if span.access != Access::Good {
                break;
            }
            span.good = span.good.saturating_add(end - at).min(len);
        }
        span
    }

    /// The parts of the first `len` bytes at an address that are parts of VMOs,
    /// as far as memory can be accessed.
    pub(super) fn parts(
        &self,
        kernel: bool,
        environment: &Environment,
        address: zx_vaddr_t,
        len: u64,
    ) -> Vec<Part> {
        let mut parts = Vec::new();
        if environment.arena.contains(address, len) {
            return parts;
        }
        let mut done = 0;
        while done < len {
            let Some(at) = address.checked_add(done) else { break };
            let (ground, end) = self.ground(kernel, environment, at);
            let piece = (end - at).min(len - done);
            match ground {
                Ground::Mapped(mapping) => parts.push(Part {
                    vmo: mapping.vmo,
                    offset: mapping.position(at),
                    len: piece,
                    before: done,
                }),
                Ground::Arena | Ground::ReadOnly => {}
                Ground::Nothing | Ground::Unknown => break,
            }
            done += piece;
        }
        parts
    }

    /// Stores known bytes in user memory, and unknown ones up to `len`.
    pub(super) fn deliver(
        &mut self,
        how: How,
        environment: &Environment,
        address: zx_vaddr_t,
        len: u64,
        known: &[u8],
    ) {
        for part in self.parts(how.kernel, environment, address, len) {
            let before = usize::try_from(part.before).unwrap_or(usize::MAX);
            let known = known.get(before..).unwrap_or_default();
            self.write_all(how, part.vmo, part.offset, part.len, known);
        }
    }

    /// The bytes of user memory, `None` if they are not all known. Meant for
    /// few bytes.
    pub(super) fn peek(
        &self,
        kernel: bool,
        environment: &Environment,
        address: zx_vaddr_t,
        len: usize,
    ) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let at = address.checked_add(bytes.len() as u64)?;
            let (ground, end) = self.ground(kernel, environment, at);
            let left = len - bytes.len();
            let piece = usize::try_from(end - at).map_or(left, |room| room.min(left));
            match ground {
                Ground::ReadOnly => bytes.resize(bytes.len() + piece, 0),
                Ground::Mapped(mapping) => {
                    let offset = mapping.position(at);
                    let within = (offset % ZX_PAGE_SIZE) as usize;
                    let piece = piece.min(PAGE - within);
                    let page = self.visible(mapping.vmo, offset >> ZX_PAGE_SHIFT);
                    bytes.extend_from_slice(page.bytes(within, piece)?);
                }
                _ => return None,
            }
        }
        Some(bytes)
    }

    /// Copies bytes of a VMO to another place in a VMO.
    pub(super) fn copy(
        &mut self,
        how: How,
        (from, from_offset): (VmoId, u64),
        (to, to_offset): (VmoId, u64),
        len: u64,
    ) {
        let mut done = 0;
        while done < len {
            let (source, target) = (from_offset + done, to_offset + done);
            let (within, at) = (source % ZX_PAGE_SIZE, target % ZX_PAGE_SIZE);
            let piece = (ZX_PAGE_SIZE - within).min(ZX_PAGE_SIZE - at).min(len - done);
            if piece == ZX_PAGE_SIZE && done > MOST_COPIED {
                self.smear(how, to, target, len - done);
                return;
            }
            let index = source >> ZX_PAGE_SHIFT;
            let page = self.visible(from, index);
            // Bytes that move within one page may be copied in any order.
            let moves = within != at
                && self.shows(from, (index, index + 1), to, target >> ZX_PAGE_SHIFT, {
                    (target >> ZX_PAGE_SHIFT) + 1
                });
            let page = if moves { Page::Unknown } else { page };
            self.write(how, to, target, &Piece::Copy(&page, within as usize, piece as usize));
            done += piece;
        }
    }

    /// Whether storing in parts of user memory changes what a range of a VMO
    /// shows.
    pub(super) fn feeds_on(&self, vmo: VmoId, offset: u64, len: u64, parts: &[Part]) -> bool {
        let range = pages_of(offset, len);
        parts.iter().any(|part| {
            let (first, end) = pages_of(part.offset, part.len);
            self.shows(vmo, range, part.vmo, first, end)
        })
    }
}

/// Bytes of one copy that are kept page by page.
const MOST_COPIED: u64 = 1 << 24;

/// Whether a right is one to write.
pub(super) const WRITE: u32 = ZX_RIGHT_WRITE;
/// Whether a right is one to read.
pub(super) const READ: u32 = ZX_RIGHT_READ;
