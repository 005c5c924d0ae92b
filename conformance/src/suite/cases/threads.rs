//! Calls from several threads at once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vmo_abi::Capability::{Info, Properties, Threads};
use vmo_abi::{Backend, ZX_INFO_HANDLE_BASIC, ZX_OK, ZX_PROP_NAME, zx_handle_t, zx_vaddr_t};

use crate::suite::{Checked, Context, Failure, PAGE, Suite};

/// Rounds that one thread changes something while another looks.
const ROUNDS: usize = 2_000;

/// Two pages of the arena that belong to the watching thread.
fn watcher_page(cx: &Context<'_>) -> zx_vaddr_t {
    cx.backend().environment().arena.base + 8 * PAGE
}

/// Changes something in this thread while another one watches it.
fn watched(
    backend: &dyn Backend,
    mut change: impl FnMut(&dyn Backend, usize) -> Checked,
    watch: impl Fn(&dyn Backend) -> Checked + Sync,
) -> Checked {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                watch(backend)?;
            }
            Ok(())
        });
        let changed = (0..ROUNDS).try_for_each(|round| change(backend, round));
        over.store(true, Ordering::Relaxed);
        let seen = watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        changed.and(seen)
    })
}

fn ok(status: vmo_abi::zx_status_t) -> Checked {
    if status == ZX_OK {
        return Ok(());
    }
    Err(Failure::new("ZX_OK", crate::runner::Status(status)))
}

fn loaded(backend: &dyn Backend, address: zx_vaddr_t, bytes: &mut [u8]) -> Checked {
    backend.load(address, bytes).map_err(|fault| Failure::CannotRun(fault.into()))
}

pub(super) fn add(suite: &mut Suite) {
    suite.test("a_read_sees_no_half_of_a_write", &["THREAD-03"], &[Threads], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let value = cx.handle_value(vmo);
        let (backend, page) = (cx.backend(), watcher_page(cx));
        let base = backend.environment().arena.base;
        watched(
            backend,
            |backend, round| {
                let bytes = [round as u8; 64];
                backend.store(base, &bytes).map_err(|fault| Failure::CannotRun(fault.into()))?;
                ok(backend.vmo_write(value, base, PAGE - 32, 64))
            },
            |backend| {
                ok(backend.vmo_read(value, page, PAGE - 32, 64))?;
                let mut bytes = [0; 64];
                loaded(backend, page, &mut bytes)?;
                if bytes.iter().all(|byte| *byte == bytes[0]) {
                    return Ok(());
                }
                Err(Failure::new("all bytes of one write", format!("{bytes:x?}")))
            },
        )
    });

    suite.test("a_size_is_the_old_or_the_new", &["THREAD-05"], &[Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let value = cx.handle_value(vmo);
        let (backend, page) = (cx.backend(), watcher_page(cx));
        let large = (1 << 33) + PAGE;
        watched(
            backend,
            |backend, round| {
                ok(backend.vmo_set_size(value, if round % 2 == 0 { large } else { PAGE }))
            },
            |backend| {
                ok(backend.vmo_get_size(value, page))?;
                let mut bytes = [0; 8];
                loaded(backend, page, &mut bytes)?;
                let size = u64::from_le_bytes(bytes);
                if size == PAGE || size == large {
                    return Ok(());
                }
                Err(Failure::new("one of the two sizes", format!("{size:#x}")))
            },
        )
    });

    suite.test("a_name_is_the_old_or_the_new", &["THREAD-06"], &[Threads, Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, &[b'a'; 31])?;
        let value = cx.handle_value(vmo);
        let (backend, page) = (cx.backend(), watcher_page(cx));
        let base = backend.environment().arena.base;
        watched(
            backend,
            |backend, round| {
                let name = [b'a' + (round % 26) as u8; 31];
                backend.store(base, &name).map_err(|fault| Failure::CannotRun(fault.into()))?;
                ok(backend.object_set_property(value, ZX_PROP_NAME, base, 31))
            },
            |backend| {
                ok(backend.object_get_property(value, ZX_PROP_NAME, page, 32))?;
                let mut bytes = [0; 31];
                loaded(backend, page, &mut bytes)?;
                if bytes.iter().all(|byte| *byte == bytes[0]) {
                    return Ok(());
                }
                Err(Failure::new("one of the names", format!("{bytes:x?}")))
            },
        )
    });

    suite.test("koids_stay_unique", &["THREAD-10"], &[Threads, Info], |cx| {
        let backend = cx.backend();
        let base = backend.environment().arena.base;
        let create = |at: zx_vaddr_t| -> Checked<Vec<u64>> {
            let mut koids = Vec::new();
            for _ in 0..200 {
                ok(backend.vmo_create(0, 0, at))?;
                let mut value = [0; 4];
                loaded(backend, at, &mut value)?;
                let handle = zx_handle_t::from_le_bytes(value);
                let topic = ZX_INFO_HANDLE_BASIC;
                ok(backend.object_get_info(handle, topic, at, 32, 0, 0))?;
                let mut koid = [0; 8];
                loaded(backend, at, &mut koid)?;
                koids.push(u64::from_le_bytes(koid));
                ok(backend.handle_close(handle))?;
            }
            Ok(koids)
        };
        let all = thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|nth| scope.spawn(move || create(base + nth * PAGE))).collect();
            let mut all = Vec::new();
            for thread in threads {
                all.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok::<_, Failure>(all)
        })?;
        let different = all.iter().collect::<BTreeSet<_>>().len();
        cx.expect(different == 800, "800 koids", different)
    });
}
