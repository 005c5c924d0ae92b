//! `ZX_INFO_PROCESS_VMOS`: an entry for every handle and every mapping.

mod committed;

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, OtherObjects, ProcessVmos, Properties};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_INFO_PROCESS_VMOS, ZX_INFO_VMO_IS_COW_CLONE,
    ZX_INFO_VMO_TYPE_PAGED, ZX_INFO_VMO_VIA_HANDLE, ZX_INFO_VMO_VIA_MAPPING, ZX_RIGHT_READ,
    ZX_RIGHT_SAME_RIGHTS, zx_info_vmo_t,
};

use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite};

const SOURCE: u32 = ZX_INFO_VMO_VIA_HANDLE | ZX_INFO_VMO_VIA_MAPPING;
/// Bytes of an entry.
const ENTRY: u64 = 104;

/// The entries about a VMO.
fn entries_of(cx: &mut Context<'_>, koid: u64) -> Checked<Vec<zx_info_vmo_t>> {
    Ok(cx.vmo_infos()?.into_iter().filter(|entry| entry.koid == koid).collect())
}

/// Expects so many entries about a VMO, by handle and by mapping.
fn expect_entries(cx: &mut Context<'_>, koid: u64, handles: usize, mappings: usize) -> Checked {
    let entries = entries_of(cx, koid)?;
    let by = |source| entries.iter().filter(|entry| entry.flags & SOURCE == source).count();
    let seen = (by(ZX_INFO_VMO_VIA_HANDLE), by(ZX_INFO_VMO_VIA_MAPPING));
    let text = |(handles, mappings)| format!("{handles} handles and {mappings} mappings");
    cx.expect(seen == (handles, mappings), text((handles, mappings)), text(seen))
}

/// How many entries there are in all.
fn available(cx: &mut Context<'_>) -> Checked<u64> {
    cx.object_get_info(Handle::Observed, ZX_INFO_PROCESS_VMOS, 0)?.ok()?.word(5)
}

pub(super) fn add(suite: &mut Suite) {
    access(suite);
    listing(suite);
    room(suite);
    facts(suite);
    relatives(suite);
    flags(suite);
    committed::add(suite);
}

fn access(suite: &mut Suite) {
    suite.test("vmos_of_the_caller_are_denied", &["OBJ-INFO-22"], &[Info, ProcessVmos], |cx| {
        let answer = cx.object_get_info(Handle::Process, ZX_INFO_PROCESS_VMOS, 4096)?;
        answer.is(ZX_ERR_ACCESS_DENIED).map(drop)
    });

    suite.test("vmos_needs_read", &["OBJ-INFO-22"], &[Info, ProcessVmos, Handles], |cx| {
        let blind = cx.duplicate_without(Handle::Observed, ZX_RIGHT_READ)?;
        let answer = cx.object_get_info(blind, ZX_INFO_PROCESS_VMOS, 4096)?;
        answer.is(ZX_ERR_ACCESS_DENIED)?;
        let reader = cx.duplicate(Handle::Observed, ZX_RIGHT_READ)?;
        cx.object_get_info(reader, ZX_INFO_PROCESS_VMOS, 4096)?.ok().map(drop)
    });
}

fn listing(suite: &mut Suite) {
    // How often a VMO is listed may vary (ND-15): below the level of the
    // kernel it counts only whether it is.
    suite.test("vmos_lists_what_lives", &["OBJ-INFO-24"], &[Info, ProcessVmos, Mapping], |cx| {
        let (held, mapped, gone) = (cx.create(PAGE)?, cx.create(PAGE)?, cx.create(PAGE)?);
        let koids = [cx.koid(held)?, cx.koid(mapped)?, cx.koid(gone)?];
        cx.map(mapped, 0, PAGE, READ_WRITE)?;
        cx.close(mapped)?;
        cx.close(gone)?;
        let mut listed = [false; 3];
        for (listed, koid) in listed.iter_mut().zip(koids) {
            *listed = !entries_of(cx, koid)?.is_empty();
        }
        let expected = [true, true, false];
        cx.expect(listed == expected, format!("{expected:?}"), format!("{listed:?}"))
    });

    suite
        .test(
            "vmos_lists_handles_and_mappings",
            &["OBJ-INFO-24"],
            &[Info, ProcessVmos, Mapping, Handles],
            |cx| {
                let vmo = cx.create(2 * PAGE)?;
                let koid = cx.koid(vmo)?;
                expect_entries(cx, koid, 1, 0)?;
                let second = cx.duplicate_same(vmo)?;
                let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
                cx.map(vmo, PAGE, PAGE, READ_ONLY)?;
                expect_entries(cx, koid, 2, 2)?;
                cx.vmar_unmap(Handle::Region, address, PAGE)?.ok()?;
                expect_entries(cx, koid, 2, 1)?;
                cx.close(second)?;
                expect_entries(cx, koid, 1, 1)?;
                cx.close(vmo)?;
                expect_entries(cx, koid, 0, 1)
            },
        )
        .at(Level::Kernel);

    suite
        .test("vmos_lists_each_vmo", &["OBJ-INFO-24"], &[Info, ProcessVmos], |cx| {
            let before = available(cx)?;
            let mut koids = Vec::new();
            for pages in 0..10 {
                let vmo = cx.create(pages * PAGE)?;
                koids.push(cx.koid(vmo)?);
            }
            for (pages, koid) in koids.into_iter().enumerate() {
                let entries = entries_of(cx, koid)?;
                cx.expect(entries.len() == 1, "one entry", entries.len())?;
                let size = entries[0].size_bytes;
                cx.expect(size == pages as u64 * PAGE, pages as u64 * PAGE, size)?;
            }
            let after = available(cx)?;
            cx.expect(after == before + 10, before + 10, after)
        })
        .at(Level::Kernel);

    suite
        .test("vmos_forgets_what_is_closed", &["OBJ-INFO-24"], &[Info, ProcessVmos], |cx| {
            let before = available(cx)?;
            for _ in 0..20 {
                let vmo = cx.create(PAGE)?;
                let during = available(cx)?;
                cx.expect(during == before + 1, before + 1, during)?;
                cx.close(vmo)?;
            }
            let after = available(cx)?;
            cx.expect(after == before, before, after)
        })
        .at(Level::Kernel);

    suite
        .test(
            "vmos_lists_no_other_objects",
            &["OBJ-INFO-24"],
            &[Info, ProcessVmos, OtherObjects],
            |cx| {
                let before = available(cx)?;
                cx.event()?;
                cx.port()?;
                cx.channel()?;
                let after = available(cx)?;
                cx.expect(after == before, before, after)
            },
        )
        .at(Level::Kernel);

    suite.test(
        "vmos_shows_no_leaked_handle",
        &["OBJ-INFO-24", "GEN-05"],
        &[Info, ProcessVmos, Clone],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let before = available(cx)?;
            for address in [Address::Null, Address::Unmapped, Address::ReadOnly] {
                cx.with("out", address);
                cx.vmo_create(PAGE, 0)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.with("out", address);
                cx.vmo_clone(vmo, 1, 0, PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.vmo_create(PAGE, 1)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.vmo_clone(vmo, 1, 1, PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
            }
            let after = available(cx)?;
            cx.expect(after == before, before, after)
        },
    );
}

fn room(suite: &mut Suite) {
    for (size, fits) in [
        (0, 0),
        (1, 0),
        (ENTRY - 1, 0),
        (ENTRY, 1),
        (ENTRY + 1, 1),
        (2 * ENTRY - 1, 1),
        (2 * ENTRY, 2),
        (3 * ENTRY + 50, 3),
    ] {
        suite.test(
            format!("vmos_gives_what_fits::{size}"),
            &["OBJ-INFO-24"],
            &[Info, ProcessVmos],
            move |cx| {
                for _ in 0..5 {
                    cx.create(PAGE)?;
                }
                let all = cx.vmo_infos()?;
                let answer =
                    cx.object_get_info(Handle::Observed, ZX_INFO_PROCESS_VMOS, size)?.ok()?;
                let answer = answer.word_is(4, fits)?.word_is(5, all.len() as u64)?;
                let stored = (fits * ENTRY) as usize;
                let behind = answer.bytes()[stored..].iter().all(|byte| *byte == 0xaa);
                cx.expect(behind, format!("{fits} entries stored"), "more stored")?;
                let whole = answer.bytes()[..stored].iter().any(|byte| *byte != 0xaa);
                cx.expect(whole == (fits > 0), format!("{fits} entries stored"), "none stored")
            },
        );
    }

    suite
        .test("vmos_tells_what_is_asked", &["OBJ-INFO-24"], &[Info, ProcessVmos], |cx| {
            cx.create(PAGE)?;
            let expected = available(cx)?;
            cx.with("actual", Address::Null);
            let answer = cx.object_get_info(Handle::Observed, ZX_INFO_PROCESS_VMOS, 4096)?.ok()?;
            answer.word_is(5, expected)?;
            cx.with("avail", Address::Null);
            let answer = cx.object_get_info(Handle::Observed, ZX_INFO_PROCESS_VMOS, 4096)?.ok()?;
            answer.word_is(4, expected)?;
            cx.with("actual", Address::Null).with("avail", Address::Null);
            cx.object_get_info(Handle::Observed, ZX_INFO_PROCESS_VMOS, 4096)?.ok().map(drop)
        })
        .at(Level::Kernel);

    for argument in ["buffer", "actual", "avail"] {
        suite.test(
            format!("vmos_with_a_bad_pointer::{argument}"),
            &["OBJ-INFO-13"],
            &[Info, ProcessVmos],
            move |cx| {
                cx.create(PAGE)?;
                cx.with(argument, Address::Unmapped);
                let answer = cx.object_get_info(Handle::Observed, ZX_INFO_PROCESS_VMOS, 4096)?;
                answer.is(ZX_ERR_INVALID_ARGS).map(drop)
            },
        );
    }
}

fn facts(suite: &mut Suite) {
    suite.test(
        "vmos_gives_koid_name_and_size",
        &["OBJ-INFO-25"],
        &[Info, ProcessVmos, Properties],
        |cx| {
            let vmo = cx.create(3 * PAGE)?;
            for (name, pages) in
                [(&b"listed"[..], 3), (&[b'x'; 31][..], 1), (b"", 0), (b"\xff\x80", 1 << 40)]
            {
                cx.set_name(vmo, name)?;
                let answer = cx.vmo_set_size(vmo, pages * PAGE)?;
                if cx.ok_or_no_memory(answer)?.is_none() {
                    break;
                }
                let entry = cx.vmo_info(vmo)?;
                let mut padded = [0; 32];
                padded[..name.len()].copy_from_slice(name);
                cx.expect(entry.name == padded, "the name", format!("{:x?}", entry.name))?;
                cx.expect(entry.size_bytes == pages * PAGE, pages * PAGE, entry.size_bytes)?;
                cx.expect(entry.parent_koid == 0, 0, entry.parent_koid)?;
            }
            Ok(())
        },
    );

    suite
        .test(
            "vmos_gives_the_same_for_every_source",
            &["OBJ-INFO-25"],
            &[Info, ProcessVmos, Properties, Mapping, Handles],
            |cx| {
                let vmo = cx.create(2 * PAGE)?;
                cx.duplicate(vmo, 0)?;
                cx.map(vmo, 0, PAGE, READ_WRITE)?;
                cx.set_name(vmo, b"one")?;
                cx.write(vmo, 0, b"x")?;
                let koid = cx.koid(vmo)?;
                let entries = entries_of(cx, koid)?;
                cx.expect(entries.len() == 3, 3, entries.len())?;
                for entry in entries {
                    let facts = (entry.size_bytes, entry.committed_bytes, &entry.name[..4]);
                    let expected = (2 * PAGE, PAGE, &b"one\0"[..]);
                    cx.expect(facts == expected, format!("{expected:?}"), format!("{facts:?}"))?;
                }
                Ok(())
            },
        )
        .at(Level::Kernel);
}

fn relatives(suite: &mut Suite) {
    suite.test("vmos_gives_a_clones_parent", &["OBJ-INFO-25"], &[Info, ProcessVmos, Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        let second = cx.clone_of(clone, 0, PAGE)?;
        for (child, parent) in [(clone, vmo), (second, clone)] {
            let (entry, koid) = (cx.vmo_info(child)?, cx.koid(parent)?);
            cx.expect(entry.parent_koid == koid, koid, entry.parent_koid)?;
        }
        Ok(())
    });

    suite.test(
        "vmos_keeps_the_koid_of_a_closed_parent",
        &["OBJ-INFO-26"],
        &[Info, ProcessVmos, Clone],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let middle = cx.clone_of(vmo, 0, PAGE)?;
            let leaf = cx.clone_of(middle, 0, PAGE)?;
            let koids = [cx.koid(vmo)?, cx.koid(middle)?];
            cx.close(vmo)?;
            let entry = cx.vmo_info(middle)?;
            cx.expect(entry.parent_koid == koids[0], koids[0], entry.parent_koid)?;
            cx.close(middle)?;
            let entry = cx.vmo_info(leaf)?;
            cx.expect(entry.parent_koid == koids[1], koids[1], entry.parent_koid)
        },
    );

    suite.test(
        "vmos_counts_direct_children",
        &["OBJ-INFO-27"],
        &[Info, ProcessVmos, Clone, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let first = cx.clone_of(vmo, 0, PAGE)?;
            let second = cx.clone_of(vmo, 0, 0)?;
            let grandchild = cx.clone_of(first, 0, PAGE)?;
            cx.duplicate_same(first)?;
            for (handle, expected) in [(vmo, 2), (first, 1), (second, 0), (grandchild, 0)] {
                let children = cx.vmo_info(handle)?.num_children;
                cx.expect(children == expected, expected, children)?;
            }
            cx.close(second)?;
            let children = cx.vmo_info(vmo)?.num_children;
            cx.expect(children == 1, 1, children)?;
            cx.close(grandchild)?;
            let children = cx.vmo_info(first)?.num_children;
            cx.expect(children == 0, 0, children)
        },
    );

    suite.test(
        "vmos_counts_mappings",
        &["OBJ-INFO-27"],
        &[Info, ProcessVmos, Mapping, Clone],
        |cx| {
            let vmo = cx.create(3 * PAGE)?;
            let clone = cx.clone_of(vmo, 0, PAGE)?;
            let counts = |cx: &mut Context<'_>| -> Checked<_> {
                let entry = cx.vmo_info(vmo)?;
                // The share is an estimate by its own description (ND-08).
                let is_exact = cx.level() == Level::Kernel;
                Ok((entry.num_mappings, if is_exact { entry.share_count } else { 1 }))
            };
            let none = counts(cx)?;
            cx.expect(none == (0, 1), "0 mappings, share 1", format!("{none:?}"))?;
            let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
            let one = counts(cx)?;
            cx.expect(one == (1, 1), "1 mapping, share 1", format!("{one:?}"))?;
            cx.map(vmo, PAGE, 2 * PAGE, READ_ONLY)?;
            cx.map(vmo, 0, PAGE, 0)?;
            let mappings = cx.vmo_info(vmo)?.num_mappings;
            cx.expect(mappings == 3, 3, mappings)?;
            cx.vmar_unmap(Handle::Region, address, PAGE)?.ok()?;
            let mappings = cx.vmo_info(vmo)?.num_mappings;
            cx.expect(mappings == 2, 2, mappings)?;
            let mappings = cx.vmo_info(clone)?.num_mappings;
            cx.expect(mappings == 0, 0, mappings)
        },
    );
}

fn flags(suite: &mut Suite) {
    suite.test("vmos_gives_flags", &["OBJ-INFO-28"], &[Info, ProcessVmos, Clone, Mapping], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        let second = cx.clone_of(clone, 0, PAGE)?;
        for (handle, more) in
            [(vmo, 0), (clone, ZX_INFO_VMO_IS_COW_CLONE), (second, ZX_INFO_VMO_IS_COW_CLONE)]
        {
            let flags = cx.vmo_info(handle)?.flags;
            let expected = ZX_INFO_VMO_TYPE_PAGED | ZX_INFO_VMO_VIA_HANDLE | more;
            cx.expect(flags == expected, format!("{expected:#x}"), format!("{flags:#x}"))?;
            let koid = cx.koid(handle)?;
            cx.map(handle, 0, PAGE, READ_ONLY)?;
            cx.close(handle)?;
            let flags = entries_of(cx, koid)?.first().map_or(0, |entry| entry.flags);
            let expected = ZX_INFO_VMO_TYPE_PAGED | ZX_INFO_VMO_VIA_MAPPING | more;
            cx.expect(flags == expected, format!("{expected:#x}"), format!("{flags:#x}"))?;
        }
        Ok(())
    });

    suite.test(
        "vmos_gives_a_handles_rights",
        &["OBJ-INFO-28"],
        &[Info, ProcessVmos, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let koid = cx.koid(vmo)?;
            cx.handle_replace(vmo, ZX_RIGHT_READ)?.ok()?;
            let entries = entries_of(cx, koid)?;
            let fits = entries.iter().all(|entry| entry.handle_rights == ZX_RIGHT_READ);
            let is_right = fits && !entries.is_empty();
            cx.expect(is_right, "entries with READ alone", format!("{entries:x?}"))
        },
    );

    suite
        .test(
            "vmos_gives_the_rights_of_handles",
            &["OBJ-INFO-28"],
            &[Info, ProcessVmos, Handles],
            |cx| {
                let vmo = cx.create(PAGE)?;
                let few = cx.duplicate(vmo, 6)?;
                cx.duplicate(vmo, 0)?;
                let (koid, rights) = (cx.koid(few)?, cx.rights(vmo)?);
                let listed = |cx: &mut Context<'_>| -> Checked<Vec<u32>> {
                    let entries = entries_of(cx, koid)?;
                    let mut rights: Vec<_> =
                        entries.iter().map(|entry| entry.handle_rights).collect();
                    rights.sort_unstable();
                    Ok(rights)
                };
                let seen = listed(cx)?;
                cx.expect(
                    seen == [0, 6, rights],
                    format!("0, 6, {rights:x}"),
                    format!("{seen:x?}"),
                )?;
                cx.handle_replace(few, 4)?.ok()?;
                cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?;
                let seen = listed(cx)?;
                cx.expect(seen == [0, 4, rights], format!("0, 4, {rights:x}"), format!("{seen:x?}"))
            },
        )
        .at(Level::Kernel);

    // The order is the kernel's habit, and may be any (ND-15).
    let order = suite.test(
        "vmos_lists_handles_before_mappings",
        &["OBJ-INFO-29"],
        &[Info, ProcessVmos, Mapping],
        |cx| {
            let vmo = cx.create(PAGE)?;
            cx.map(vmo, 0, PAGE, READ_WRITE)?;
            cx.create(PAGE)?;
            let sources: Vec<_> =
                cx.vmo_infos()?.iter().map(|entry| entry.flags & SOURCE).collect();
            let holds = sources.is_sorted_by(|before, after| {
                *before == ZX_INFO_VMO_VIA_HANDLE || *after == ZX_INFO_VMO_VIA_MAPPING
            });
            let one = sources.iter().all(|source| source.count_ones() == 1);
            cx.expect(holds && one, "handles, then mappings", format!("{sources:x?}"))
        },
    );
    order.at(Level::Kernel);
}
