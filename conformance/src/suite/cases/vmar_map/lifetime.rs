//! What a mapping keeps alive, what it leaves alone, and what it follows.

use vmo_abi::Capability::{
    CachePolicy, Handles, Info, Mapping, ProcessVmos, Properties, Regions, Signals, Threads,
};
use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE};

use super::{mark, numbered};
use crate::program::{Address, Handle};
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::{Failure, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

pub(super) fn add(suite: &mut Suite) {
    suite.test("a_mapping_outlives_the_handles", &["VMAR-MAP-38"], &[Mapping], |cx| {
        let vmo = numbered(cx, 2)?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        cx.close(vmo)?;
        cx.expect_load(plus(address, PAGE), &mark(1))?;
        cx.store_bytes(plus(address, 1), b"still")?;
        cx.expect_load(address, b"\x10still")
    });

    suite.test(
        "mapping_leaves_the_vmo_alone",
        &["VMAR-MAP-50"],
        &[Mapping, Properties, Info, Signals],
        |cx| {
            let vmo = numbered(cx, 2)?;
            cx.set_name(vmo, b"mapped")?;
            let before = cx.snapshot(vmo)?;
            let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
            cx.expect_unchanged(vmo, &before)?;
            cx.vmar_unmap(Handle::Region, address, 2 * PAGE)?.ok()?;
            cx.expect_unchanged(vmo, &before)
        },
    );

    suite.test("a_load_commits_nothing", &["VMAR-MAP-41"], &[Mapping, CachePolicy], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        cx.expect_load(plus(address, PAGE - 1), &[0, 0])?;
        cx.vmar_unmap(Handle::Region, address, 2 * PAGE)?.ok()?;
        cx.expect_nothing_committed(vmo)
    });

    suite.test(
        "a_store_commits_its_page",
        &["VMAR-MAP-40"],
        &[Mapping, Handles, Info, ProcessVmos],
        |cx| {
            let vmo = cx.create(4 * PAGE)?;
            let address = cx.map(vmo, 0, 4 * PAGE, READ_WRITE)?;
            cx.store_bytes(plus(address, 2 * PAGE), b"x")?;
            cx.expect_committed(vmo, PAGE)
        },
    );

    suite.test("an_access_beyond_the_end_faults", &["VMAR-MAP-42"], &[Mapping], |cx| {
        let vmo = numbered(cx, 3)?;
        let address = cx.map(vmo, 0, 3 * PAGE, READ_WRITE)?;
        cx.expect_load(plus(address, 2 * PAGE), &mark(2))?;
        cx.resize(vmo, PAGE)?;
        cx.expect_load_fault(plus(address, PAGE))?;
        cx.expect_store_fault(plus(address, 2 * PAGE))?;
        cx.expect_load(plus(address, PAGE - 1), &mark(0))
    });

    suite.test("growing_makes_it_work_again", &["VMAR-MAP-43"], &[Mapping], |cx| {
        let vmo = numbered(cx, 1)?;
        let address = cx.map(vmo, 0, 3 * PAGE, READ_WRITE)?;
        cx.expect_load_fault(plus(address, 2 * PAGE))?;
        cx.resize(vmo, 3 * PAGE)?;
        cx.expect_load(plus(address, 2 * PAGE), &[0])?;
        cx.store_bytes(plus(address, 2 * PAGE), b"g")?;
        cx.expect_bytes(vmo, 2 * PAGE, b"g")
    });

    for (row, flags) in [("specific", ZX_VM_FLAG_SPECIFIC), ("anywhere", 0)] {
        suite.test(
            format!("a_bad_out_pointer_leaves_no_mapping::{row}"),
            &["VMAR-MAP-35"],
            &[Mapping, Regions],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let (region, base) = cx.allocate(PAGE, ANY_MAPPING)?;
                cx.with("mapped_addr", Address::Unmapped);
                let answer = cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY | flags)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_load_fault(base)?;
                cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY | flags)?.ok().map(drop)
            },
        );
    }

    suite.test("a_refusal_stores_no_address", &["VMAR-MAP-36"], &[Mapping, Regions], |cx| {
        let vmo = cx.create(PAGE)?;
        let (region, _) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
        let flags = READ_ONLY | ZX_VM_FLAG_SPECIFIC;
        cx.vmar_map(region, 0, vmo, 0, PAGE, flags)?.ok()?;
        for (offset, len) in [(0, PAGE), (0, 0), (4 * PAGE, PAGE), (1, PAGE)] {
            let answer = cx.vmar_map(region, offset, vmo, 0, len, flags)?;
            cx.expect(answer.status() != Some(vmo_abi::ZX_OK), "a refusal", "ZX_OK")?;
            cx.expect(!answer.has_word(6), "no address stored", "one stored")?;
        }
        Ok(())
    });

    suite.test(
        "an_overwrite_with_a_bad_pointer_leaves_a_hole",
        &["VMAR-MAP-53"],
        &[Mapping, Regions],
        |cx| {
            let vmo = numbered(cx, 2)?;
            let (region, base) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
            cx.vmar_map(region, 0, vmo, 0, 2 * PAGE, READ_ONLY | ZX_VM_FLAG_SPECIFIC)?.ok()?;
            cx.with("mapped_addr", Address::Null);
            let flags = READ_ONLY | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
            cx.vmar_map(region, 0, vmo, 0, PAGE, flags)?.is(ZX_ERR_INVALID_ARGS)?;
            cx.expect_load(plus(base, PAGE), &mark(1))?;
            cx.expect_load_fault(base)
        },
    );

    suite.test(
        "an_overwrite_leaves_no_gap_in_time",
        &["VMAR-MAP-28"],
        &[Mapping, Regions, Threads],
        |cx| {
            let vmo = cx.create_filled(PAGE, 0x41)?;
            let other = cx.create_filled(PAGE, 0x42)?;
            let (region, base) = cx.allocate(PAGE, ANY_MAPPING)?;
            cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY | ZX_VM_FLAG_SPECIFIC)?.ok()?;
            let address = cx.address_of(base)?;
            let region_value = cx.handle_value(region);
            let backend = cx.backend();
            let stop = std::sync::atomic::AtomicBool::new(false);
            std::thread::scope(|scope| {
                let watcher = scope.spawn(|| {
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        let status = backend.vmar_protect(region_value, address, PAGE, READ_ONLY);
                        if status != vmo_abi::ZX_OK {
                            return Some(status);
                        }
                    }
                    None
                });
                let mut result = Ok(());
                for round in 0..200 {
                    let memory = if round % 2 == 0 { other } else { vmo };
                    let flags = READ_ONLY | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
                    result = cx
                        .vmar_map(region, 0, memory, 0, PAGE, flags)
                        .and_then(|answer| answer.ok().map(drop));
                    if result.is_err() {
                        break;
                    }
                }
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
                result?;
                match watcher.join() {
                    Ok(None) => Ok(()),
                    Ok(Some(status)) => Err(Failure::new(
                        "vmar_protect always finds a mapping",
                        crate::runner::Status(status),
                    )),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            })
        },
    );
}
