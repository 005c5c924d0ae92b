//! `ZX_INFO_PROCESS_VMOS`: an entry for every handle and every mapping.

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, ProcessVmos, Properties};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_INFO_PROCESS_VMOS, ZX_INFO_VMO_IS_COW_CLONE, ZX_INFO_VMO_TYPE_PAGED,
    ZX_INFO_VMO_VIA_HANDLE, ZX_INFO_VMO_VIA_MAPPING,
};

use crate::program::Handle;
use crate::suite::{PAGE, READ_WRITE, Suite};

const SOURCE: u32 = ZX_INFO_VMO_VIA_HANDLE | ZX_INFO_VMO_VIA_MAPPING;

pub(super) fn add(suite: &mut Suite) {
    suite.test("vmos_of_the_caller_are_denied", &["OBJ-INFO-22"], &[Info, ProcessVmos], |cx| {
        let answer = cx.object_get_info(Handle::Process, ZX_INFO_PROCESS_VMOS, 4096)?;
        answer.is(ZX_ERR_ACCESS_DENIED).map(drop)
    });

    suite.test(
        "vmos_lists_handles_and_mappings",
        &["OBJ-INFO-24"],
        &[Info, ProcessVmos, Mapping, Handles],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            cx.duplicate_same(vmo)?;
            cx.map(vmo, 0, PAGE, READ_WRITE)?;
            cx.map(vmo, PAGE, PAGE, READ_WRITE)?;
            let koid = cx.koid(vmo)?;
            let entries = cx.vmo_infos()?;
            let ours = entries.iter().filter(|entry| entry.koid == koid).count();
            cx.expect(ours == 4, "4 entries", ours)
        },
    );

    suite.test("vmos_says_how_many_there_are", &["OBJ-INFO-24"], &[Info, ProcessVmos], |cx| {
        for _ in 0..4 {
            cx.create(PAGE)?;
        }
        let answer = cx.object_get_info(Handle::Observed, ZX_INFO_PROCESS_VMOS, 104)?.ok()?;
        let avail = answer.word(5)?;
        answer.word_is(4, 1)?;
        cx.expect(avail >= 4, "4 or more", avail)
    });

    suite.test(
        "vmos_gives_koid_name_and_size",
        &["OBJ-INFO-25"],
        &[Info, ProcessVmos, Properties],
        |cx| {
            let vmo = cx.create(3 * PAGE)?;
            cx.set_name(vmo, b"listed")?;
            let entry = cx.vmo_info(vmo)?;
            cx.expect(entry.name.starts_with(b"listed\0"), "the name", "another")?;
            cx.expect(entry.size_bytes == 3 * PAGE, 3 * PAGE, entry.size_bytes)?;
            cx.expect(entry.parent_koid == 0, 0, entry.parent_koid)?;
            cx.resize(vmo, PAGE)?;
            let entry = cx.vmo_info(vmo)?;
            cx.expect(entry.size_bytes == PAGE, PAGE, entry.size_bytes)
        },
    );

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
            let koid = cx.koid(vmo)?;
            let clone = cx.clone_of(vmo, 0, PAGE)?;
            cx.close(vmo)?;
            let entry = cx.vmo_info(clone)?;
            cx.expect(entry.parent_koid == koid, koid, entry.parent_koid)
        },
    );

    suite.test(
        "vmos_counts_children_and_mappings",
        &["OBJ-INFO-27"],
        &[Info, ProcessVmos, Clone, Mapping],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let clone = cx.clone_of(vmo, 0, PAGE)?;
            cx.clone_of(vmo, 0, PAGE)?;
            cx.clone_of(clone, 0, PAGE)?;
            cx.map(vmo, 0, PAGE, READ_WRITE)?;
            let entry = cx.vmo_info(vmo)?;
            cx.expect(entry.num_children == 2, 2, entry.num_children)?;
            cx.expect(entry.num_mappings == 1, 1, entry.num_mappings)?;
            cx.expect(entry.share_count == 1, 1, entry.share_count)
        },
    );

    suite.test("vmos_gives_flags", &["OBJ-INFO-28"], &[Info, ProcessVmos, Clone, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        let entry = cx.vmo_info(vmo)?;
        let expected = ZX_INFO_VMO_TYPE_PAGED | ZX_INFO_VMO_VIA_HANDLE;
        cx.expect(entry.flags == expected, expected, entry.flags)?;
        let entry = cx.vmo_info(clone)?;
        let expected = expected | ZX_INFO_VMO_IS_COW_CLONE;
        cx.expect(entry.flags == expected, expected, entry.flags)
    });

    suite.test(
        "vmos_gives_the_rights_of_handles",
        &["OBJ-INFO-28"],
        &[Info, ProcessVmos, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let few = cx.duplicate(vmo, 6)?;
            let (koid, rights) = (cx.koid(few)?, cx.rights(vmo)?);
            let mut found: Vec<_> =
                cx.vmo_infos()?.into_iter().filter(|entry| entry.koid == koid).collect();
            found.sort_by_key(|entry| entry.handle_rights);
            let listed: Vec<_> = found.iter().map(|entry| entry.handle_rights).collect();
            cx.expect(listed == [6, rights], format!("{:x?}", [6, rights]), format!("{listed:x?}"))
        },
    );

    suite.test(
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

    suite.test("vmos_gives_committed_bytes", &["OBJ-INFO-30"], &[Info, ProcessVmos, Clone], |cx| {
        let vmo = cx.create(4 * PAGE)?;
        let clone = cx.clone_of(vmo, 0, 4 * PAGE)?;
        let empty = cx.vmo_info(vmo)?.committed_bytes;
        cx.write(vmo, 0, b"a")?;
        cx.write(vmo, 2 * PAGE, b"b")?;
        cx.write(clone, PAGE, b"c")?;
        let (of_vmo, of_clone) = (cx.vmo_info(vmo)?, cx.vmo_info(clone)?);
        cx.expect(empty == 0, 0, empty)?;
        cx.expect(of_vmo.committed_bytes == 2 * PAGE, 2 * PAGE, of_vmo.committed_bytes)?;
        cx.expect(of_clone.committed_bytes == PAGE, PAGE, of_clone.committed_bytes)
    });
}
