//! Calls from several threads at once.

mod contents;
mod objects;
mod races;
mod space;

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vmo_abi::{
    Backend, ZX_ERR_TIMED_OUT, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_OK, ZX_PROP_NAME,
    zx_handle_t, zx_koid_t, zx_rights_t, zx_signals_t, zx_status_t, zx_vaddr_t,
};

use crate::runner::Status;
use crate::suite::{Checked, Context, Failure, PAGE, Suite};

/// Rounds that one thread changes something while another looks.
const ROUNDS: usize = 1_000;
/// The first page of the arena that belongs to a thread.
const FIRST_PAGE: u64 = 8;
/// Bytes of such memory that each thread has.
const ROOM: u64 = 2 * PAGE;

/// A thread's own view of the backend, with memory of its own. Its calls are
/// not recorded.
#[derive(Clone, Copy)]
struct Hand<'b> {
    backend: &'b dyn Backend,
    place: zx_vaddr_t,
}

impl<'b> Hand<'b> {
    /// The hand of the `nth` thread, of which there are at most four.
    fn new(cx: &Context<'b>, nth: usize) -> Self {
        let backend = cx.backend();
        let base = backend.environment().arena.base;
        Self { backend, place: base + FIRST_PAGE * PAGE + ROOM * nth as u64 }
    }

    fn load(&self, len: usize) -> Checked<Vec<u8>> {
        let mut bytes = vec![0; len];
        let loaded = self.backend.load(self.place, &mut bytes);
        loaded.map_err(|fault| Failure::CannotRun(fault.into()))?;
        Ok(bytes)
    }

    fn store(&self, bytes: &[u8]) -> Checked {
        let stored = self.backend.store(self.place, bytes);
        stored.map_err(|fault| Failure::CannotRun(fault.into()))
    }

    fn word<const SIZE: usize>(&self) -> Checked<[u8; SIZE]> {
        let mut bytes = [0; SIZE];
        bytes.copy_from_slice(&self.load(SIZE)?);
        Ok(bytes)
    }

    fn write(&self, vmo: zx_handle_t, offset: u64, bytes: &[u8]) -> Checked<zx_status_t> {
        self.store(bytes)?;
        Ok(self.backend.vmo_write(vmo, self.place, offset, bytes.len() as u64))
    }

    /// The status of a read, and the bytes if there are any.
    fn read(
        &self,
        vmo: zx_handle_t,
        offset: u64,
        len: u64,
    ) -> Checked<Result<Vec<u8>, zx_status_t>> {
        let status = self.backend.vmo_read(vmo, self.place, offset, len);
        if status == ZX_OK { Ok(Ok(self.load(len as usize)?)) } else { Ok(Err(status)) }
    }

    fn size(&self, vmo: zx_handle_t) -> Checked<u64> {
        ok(self.backend.vmo_get_size(vmo, self.place))?;
        Ok(u64::from_le_bytes(self.word()?))
    }

    fn handle(&self, status: zx_status_t) -> Checked<zx_handle_t> {
        ok(status)?;
        Ok(zx_handle_t::from_le_bytes(self.word()?))
    }

    fn create(&self, size: u64) -> Checked<zx_handle_t> {
        self.handle(self.backend.vmo_create(size, 0, self.place))
    }

    fn clone_of(&self, vmo: zx_handle_t, size: u64) -> Checked<zx_handle_t> {
        self.handle(self.backend.vmo_clone(vmo, 1, 0, size, self.place))
    }

    fn duplicate(&self, handle: zx_handle_t, rights: zx_rights_t) -> Checked<zx_handle_t> {
        self.handle(self.backend.handle_duplicate(handle, rights, self.place))
    }

    fn close(&self, handle: zx_handle_t) -> Checked {
        ok(self.backend.handle_close(handle))
    }

    fn set_name(&self, handle: zx_handle_t, name: &[u8]) -> Checked {
        self.store(name)?;
        let len = name.len() as u64;
        ok(self.backend.object_set_property(handle, ZX_PROP_NAME, self.place, len))
    }

    fn name(&self, handle: zx_handle_t) -> Checked<[u8; 32]> {
        ok(self.backend.object_get_property(handle, ZX_PROP_NAME, self.place, 32))?;
        self.word()
    }

    fn koid(&self, handle: zx_handle_t) -> Checked<zx_koid_t> {
        let topic = ZX_INFO_HANDLE_BASIC;
        ok(self.backend.object_get_info(handle, topic, self.place, 32, 0, 0))?;
        Ok(zx_koid_t::from_le_bytes(self.word()?))
    }

    fn count(&self, handle: zx_handle_t) -> Checked<u32> {
        let topic = ZX_INFO_HANDLE_COUNT;
        ok(self.backend.object_get_info(handle, topic, self.place, 4, 0, 0))?;
        Ok(u32::from_le_bytes(self.word()?))
    }

    /// The signals of this moment.
    fn signals(&self, handle: zx_handle_t) -> Checked<zx_signals_t> {
        let status = self.backend.object_wait_one(handle, 0, 0, self.place);
        expect(status == ZX_ERR_TIMED_OUT, "ZX_ERR_TIMED_OUT", Status(status))?;
        Ok(zx_signals_t::from_le_bytes(self.word()?))
    }
}

fn expect(
    holds: bool,
    expected: impl std::fmt::Display,
    actual: impl std::fmt::Display,
) -> Checked {
    if holds { Ok(()) } else { Err(Failure::new(expected, actual)) }
}

fn ok(status: zx_status_t) -> Checked {
    expect(status == ZX_OK, "ZX_OK", Status(status))
}

/// Expects one of these statuses.
fn one_of(status: zx_status_t, statuses: &[zx_status_t]) -> Checked {
    let names: Vec<_> = statuses.iter().map(|status| Status(*status).to_string()).collect();
    expect(statuses.contains(&status), names.join(" or "), Status(status))
}

/// Expects all bytes to be the same.
fn expect_alike(bytes: &[u8]) -> Checked {
    match bytes.iter().position(|byte| *byte != bytes[0]) {
        None => Ok(()),
        Some(place) => {
            let text = format!("{:#x}, and {:#x} at {place:#x}", bytes[0], bytes[place]);
            Err(Failure::new("all bytes alike", text))
        }
    }
}

/// Does the same work in several threads, each with a number and a hand of its
/// own, that begin together.
fn in_threads<T: Send>(
    cx: &Context<'_>,
    count: usize,
    work: impl Fn(usize, Hand<'_>) -> Checked<T> + Sync,
) -> Checked<Vec<T>> {
    let start = &Barrier::new(count);
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|nth| {
                let hand = Hand::new(cx, nth);
                scope.spawn(move || {
                    start.wait();
                    work(nth, hand)
                })
            })
            .collect();
        let ends: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        ends.into_iter().collect()
    })
}

/// Changes something round by round in one thread while another watches it.
fn watched(
    cx: &Context<'_>,
    change: impl Fn(usize, Hand<'_>) -> Checked + Sync,
    watch: impl Fn(Hand<'_>) -> Checked + Sync,
) -> Checked {
    let over = AtomicBool::new(false);
    in_threads(cx, 2, |nth, hand| {
        if nth == 0 {
            let changed = (0..ROUNDS).try_for_each(|round| {
                if over.load(Ordering::Relaxed) { Ok(()) } else { change(round, hand) }
            });
            over.store(true, Ordering::Relaxed);
            return changed;
        }
        let mut seen = Ok(());
        while seen.is_ok() && !over.load(Ordering::Relaxed) {
            seen = watch(hand);
        }
        over.store(true, Ordering::Relaxed);
        seen
    })
    .map(drop)
}

pub(super) fn add(suite: &mut Suite) {
    contents::add(suite);
    objects::add(suite);
    races::add(suite);
    space::add(suite);
}
