//! Many rounds of making and taking away leave nothing.

use vmo_abi::Capability::{
    CachePolicy, Clone, Handles, Info, Mapping, MemoryControl, OtherObjects, ProcessVmos, Range,
    Regions, Signals,
};
use vmo_abi::{
    ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_RIGHT_SAME_RIGHTS, ZX_VM_FLAG_CAN_MAP_READ,
    ZX_VM_FLAG_SPECIFIC, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_ZERO_CHILDREN,
};

use crate::program::{Address, Handle};
use crate::suite::cases::prototypes::{ANY_MAPPING, REGION_PAGES};
use crate::suite::{PAGE, READ_WRITE, Suite};

/// Rounds after which a leak of a handle or a page would show.
const ROUNDS: usize = 300;
/// Pages that there are when memory is short.
const FEW: u64 = 8;

pub(super) fn add(suite: &mut Suite) {
    handles(suite);
    objects(suite);
    regions(suite);
    pages(suite);
}

fn handles(suite: &mut Suite) {
    suite.test(
        "handles_come_and_go",
        &["HANDLE-CLOSE-01", "OBJ-INFO-18"],
        &[Handles, Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            for _ in 0..ROUNDS {
                let second = cx.duplicate_same(vmo)?;
                let third = cx.handle_replace(second, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
                cx.close(third)?;
            }
            let count = cx.handle_count(vmo)?;
            cx.expect(count == 1, 1, count)
        },
    );

    suite.test("refused_duplicates_leave_nothing", &["HANDLE-DUP-12"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        for _ in 0..ROUNDS {
            let answer = cx.with("out", Address::Null).handle_duplicate(vmo, 0)?;
            answer.is(ZX_ERR_INVALID_ARGS)?;
            cx.handle_duplicate(vmo, 1 << 16)?.is(ZX_ERR_INVALID_ARGS)?;
        }
        let count = cx.handle_count(vmo)?;
        cx.expect(count == 1, 1, count)
    });

    suite.test("refused_replaces_leave_nothing", &["HANDLE-REPLACE-04"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        for _ in 0..ROUNDS {
            let second = cx.duplicate_same(vmo)?;
            let answer = cx.with("out", Address::Null).handle_replace(second, 0)?;
            answer.is(ZX_ERR_INVALID_ARGS)?;
            let third = cx.duplicate_same(vmo)?;
            cx.handle_replace(third, 1 << 16)?.is(ZX_ERR_INVALID_ARGS)?;
        }
        let count = cx.handle_count(vmo)?;
        cx.expect(count == 1, 1, count)
    });
}

fn objects(suite: &mut Suite) {
    suite.test("clones_come_and_go", &["SIG-ZC-04"], &[Clone, Signals], |cx| {
        let parent = cx.create_filled(PAGE, 7)?;
        for _ in 0..ROUNDS {
            let clone = cx.clone_of(parent, 0, PAGE)?;
            cx.write(clone, 0, b"x")?;
            cx.close(clone)?;
        }
        cx.expect_signals(parent, ZX_VMO_ZERO_CHILDREN)?;
        cx.expect_fill(parent, 0, PAGE, 7)
    });

    suite.test("refused_clones_leave_nothing", &["VMO-CLONE-16"], &[Clone, Signals], |cx| {
        let parent = cx.create_filled(PAGE, 7)?;
        for _ in 0..ROUNDS {
            let answer = cx.with("out", Address::Null).vmo_clone(parent, 1, 0, PAGE)?;
            answer.is(ZX_ERR_INVALID_ARGS)?;
            cx.vmo_clone(parent, 1, 1, PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
        }
        cx.expect_signals(parent, ZX_VMO_ZERO_CHILDREN)
    });

    suite.test(
        "a_closed_vmo_is_listed_no_more",
        &["HANDLE-CLOSE-06"],
        &[Info, ProcessVmos],
        |cx| {
            let before = cx.vmo_infos()?.len();
            let vmo = cx.create_filled(PAGE, 1)?;
            let koid = cx.koid(vmo)?;
            cx.vmo_info(vmo)?;
            cx.close(vmo)?;
            let after = cx.vmo_infos()?;
            let is_gone = after.iter().all(|entry| entry.koid != koid);
            cx.expect(is_gone && after.len() == before, "no entry", "an entry")
        },
    );

    suite.test(
        "an_unmapped_closed_vmo_is_listed_no_more",
        &["HANDLE-CLOSE-06", "VMAR-UNMAP-01"],
        &[Info, ProcessVmos, Mapping],
        |cx| {
            let before = cx.vmo_infos()?.len();
            let vmo = cx.create_filled(2 * PAGE, 1)?;
            let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
            cx.close(vmo)?;
            let mapped = cx.vmo_infos()?.len();
            cx.expect(mapped == before + 1, "the mapping's entry", mapped)?;
            cx.vmar_unmap(Handle::Region, address, 2 * PAGE)?.ok()?;
            let after = cx.vmo_infos()?.len();
            cx.expect(after == before, before, after)
        },
    );

    suite.test("other_objects_come_and_go", &["HANDLE-CLOSE-01"], &[OtherObjects], |cx| {
        for _ in 0..ROUNDS {
            let (event, port, channel) = (cx.event()?, cx.port()?, cx.channel()?);
            for handle in [event, port, channel.0, channel.1] {
                cx.close(handle)?;
            }
        }
        Ok(())
    });
}

fn regions(suite: &mut Suite) {
    suite.test("mappings_come_and_go", &["VMAR-UNMAP-01"], &[Mapping, CachePolicy], |cx| {
        let vmo = cx.create(PAGE)?;
        let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
        for round in 0..ROUNDS {
            let answer = cx.vmar_map(Handle::Region, PAGE, vmo, 0, PAGE, flags)?.ok()?;
            cx.store_bytes(answer.address(), &[round as u8])?;
            cx.vmar_unmap(Handle::Region, answer.address(), PAGE)?.ok()?;
        }
        cx.expect_bytes(vmo, 0, &[(ROUNDS - 1) as u8])?;
        cx.resize(vmo, 0)?;
        cx.expect_nothing_committed(vmo)
    });

    suite.test("refused_mappings_leave_room", &["VMAR-MAP-35"], &[Mapping, Regions], |cx| {
        let (region, _) = cx.allocate(REGION_PAGES * PAGE, ANY_MAPPING)?;
        let vmo = cx.create(REGION_PAGES * PAGE)?;
        for _ in 0..ROUNDS {
            cx.with("mapped_addr", Address::Null);
            let answer = cx.vmar_map(region, 0, vmo, 0, REGION_PAGES * PAGE, READ_WRITE)?;
            answer.is(ZX_ERR_INVALID_ARGS)?;
        }
        cx.vmar_map(region, 0, vmo, 0, REGION_PAGES * PAGE, READ_WRITE)?.ok()?;
        cx.vmar_map(region, 0, vmo, 0, PAGE, READ_WRITE)?.is(ZX_ERR_NO_MEMORY).map(drop)
    });

    suite.test("destroyed_regions_leave_room", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let (region, _) = cx.allocate(REGION_PAGES * PAGE, ANY_MAPPING)?;
        let vmo = cx.create(PAGE)?;
        for _ in 0..ROUNDS {
            let flags = ZX_VM_FLAG_CAN_MAP_READ;
            let inner = cx.vmar_allocate(region, 0, REGION_PAGES * PAGE, flags)?.ok()?.handle(0);
            cx.vmar_map(inner, 0, vmo, 0, PAGE, 1)?.ok()?;
            cx.vmar_destroy(inner)?.ok()?;
            cx.close(inner)?;
        }
        Ok(())
    });
}

fn pages(suite: &mut Suite) {
    suite.test("pages_come_and_go", &["HANDLE-CLOSE-06"], &[MemoryControl], |cx| {
        cx.limit_memory(Some(FEW))?;
        for round in 0..ROUNDS {
            let vmo = cx.create_filled(FEW * PAGE, round as u8)?;
            cx.close(vmo)?;
        }
        Ok(())
    });

    suite.test("cut_pages_can_be_used_again", &["VMO-SETSIZE-10"], &[MemoryControl], |cx| {
        cx.limit_memory(Some(FEW))?;
        let (one, other) = (cx.create(FEW * PAGE)?, cx.create(FEW * PAGE)?);
        for round in 0..ROUNDS {
            let (full, empty) = if round % 2 == 0 { (one, other) } else { (other, one) };
            cx.resize(empty, 0)?;
            cx.resize(empty, FEW * PAGE)?;
            cx.write(full, 0, &vec![round as u8; (FEW * PAGE) as usize])?;
        }
        Ok(())
    });

    suite.test(
        "decommitted_pages_can_be_used_again",
        &["VMO-OPRANGE-26"],
        &[MemoryControl, Range],
        |cx| {
            cx.limit_memory(Some(FEW))?;
            let (one, other) = (cx.create(FEW * PAGE)?, cx.create(FEW * PAGE)?);
            for _ in 0..ROUNDS {
                cx.operate(one, ZX_VMO_OP_COMMIT, 0, FEW * PAGE)?;
                cx.operate(one, ZX_VMO_OP_DECOMMIT, 0, FEW * PAGE)?;
                cx.operate(other, ZX_VMO_OP_COMMIT, 0, FEW * PAGE)?;
                cx.operate(other, ZX_VMO_OP_DECOMMIT, 0, FEW * PAGE)?;
            }
            Ok(())
        },
    );

    suite.test(
        "pages_of_refused_clones_can_be_used",
        &["VMO-CLONE-16"],
        &[Clone, MemoryControl],
        |cx| {
            cx.limit_memory(Some(FEW))?;
            let parent = cx.create_filled(PAGE, 1)?;
            for _ in 0..ROUNDS {
                let answer = cx.with("out", Address::Null).vmo_clone(parent, 1, 0, FEW * PAGE)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
            }
            let clone = cx.clone_of(parent, 0, FEW * PAGE)?;
            cx.write(clone, 0, &vec![2; ((FEW - 1) * PAGE) as usize])
        },
    );
}
