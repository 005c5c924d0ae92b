//! Pages that were another's, or this VMO's own before, come back as zeros.

use vmo_abi::Capability::{self, Clone, Mapping, Range, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_WRITE,
    ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
};

use crate::level::Level;
use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

/// What other VMOs were full of.
const SECRET: u8 = 0xa5;
/// Pages of the VMOs.
const PAGES: u64 = 4;

/// How a page comes to be free again.
type Free = fn(&mut Context<'_>) -> Checked;

/// Ways in which pages full of secrets become free, and what these need.
const FREED: &[(&str, &[Capability], Free)] = &[
    ("closing", &[], |cx| {
        let old = cx.create_filled(PAGES * PAGE, SECRET)?;
        cx.close(old)
    }),
    ("shrinking", &[], |cx| {
        let old = cx.create_filled(PAGES * PAGE, SECRET)?;
        cx.resize(old, 0)
    }),
    ("decommitting", &[Range], |cx| {
        let old = cx.create_filled(PAGES * PAGE, SECRET)?;
        cx.operate(old, ZX_VMO_OP_DECOMMIT, 0, PAGES * PAGE)
    }),
    ("closing_a_clone", &[Clone], |cx| {
        let parent = cx.create(PAGES * PAGE)?;
        let old = cx.clone_of(parent, 0, PAGES * PAGE)?;
        cx.write(old, 0, &vec![SECRET; (PAGES * PAGE) as usize])?;
        cx.close(old)
    }),
    ("unmapping", &[Mapping], |cx| {
        let old = cx.create_filled(PAGES * PAGE, SECRET)?;
        let address = cx.map(old, 0, PAGES * PAGE, READ_WRITE)?;
        cx.close(old)?;
        cx.vmar_unmap(Handle::Region, address, PAGES * PAGE)?.ok().map(drop)
    }),
];

/// What is looked at then: pages that nobody has written.
type Look = fn(&mut Context<'_>) -> Checked;

/// What may show pages that were free, and what this needs.
const SHOWN: &[(&str, &[Capability], &[&str], Look)] = &[
    ("a_fresh_vmo", &[], &["VMO-CREATE-37"], |cx| {
        let fresh = cx.create(PAGES * PAGE)?;
        cx.expect_fill(fresh, 0, PAGES * PAGE, 0)
    }),
    ("the_rest_of_written_pages", &[], &["VMO-WRITE-21"], |cx| {
        let fresh = cx.create(PAGES * PAGE)?;
        let mut expected = vec![0; (PAGES * PAGE) as usize];
        for (page, at) in [0, 1, PAGE / 2, PAGE - 1].into_iter().enumerate() {
            let at = page as u64 * PAGE + at;
            cx.write(fresh, at, b"x")?;
            expected[at as usize] = b'x';
        }
        cx.expect_bytes(fresh, 0, &expected)
    }),
    ("committed_pages", &[Range], &["VMO-OPRANGE-19"], |cx| {
        let fresh = cx.create(PAGES * PAGE)?;
        cx.operate(fresh, ZX_VMO_OP_COMMIT, 0, PAGES * PAGE)?;
        cx.expect_fill(fresh, 0, PAGES * PAGE, 0)
    }),
    ("grown_pages", &[], &["VMO-SETSIZE-09"], |cx| {
        let fresh = cx.create_filled(PAGE, 1)?;
        cx.resize(fresh, PAGES * PAGE)?;
        cx.expect_fill(fresh, PAGE, (PAGES - 1) * PAGE, 0)?;
        cx.write(fresh, 2 * PAGE + 9, b"x")?;
        cx.expect_fill(fresh, 2 * PAGE, 9, 0)?;
        cx.expect_fill(fresh, 2 * PAGE + 10, (PAGES - 2) * PAGE - 10, 0)
    }),
    ("stored_pages", &[Mapping], &["VMAR-MAP-40"], |cx| {
        let fresh = cx.create(PAGES * PAGE)?;
        let address = cx.map(fresh, 0, PAGES * PAGE, READ_WRITE)?;
        for page in 0..PAGES {
            cx.store_bytes(plus(address, page * PAGE + 7), b"x")?;
        }
        for page in 0..PAGES {
            cx.expect_load(plus(address, page * PAGE), b"\0\0\0\0\0\0\0x\0\0\0")?;
            cx.expect_fill(fresh, page * PAGE + 8, PAGE - 8, 0)?;
        }
        Ok(())
    }),
    ("loaded_pages", &[Mapping], &["VMAR-MAP-41"], |cx| {
        let fresh = cx.create(PAGES * PAGE)?;
        let address = cx.map(fresh, 0, PAGES * PAGE, READ_ONLY)?;
        cx.expect_load(address, &vec![0; (PAGES * PAGE) as usize])
    }),
    ("a_clone_beyond_its_parent", &[Clone], &["COW-09", "COW-10"], |cx| {
        let parent = cx.create_filled(PAGE, 1)?;
        let clone = cx.clone_of(parent, 0, PAGES * PAGE)?;
        cx.expect_fill(clone, PAGE, (PAGES - 1) * PAGE, 0)?;
        cx.write(clone, 2 * PAGE, b"x")?;
        cx.expect_fill(clone, 2 * PAGE + 1, (PAGES - 2) * PAGE - 1, 0)
    }),
    ("a_clone_of_nothing", &[Clone, Range], &["COW-17"], |cx| {
        let parent = cx.create(PAGES * PAGE)?;
        let clone = cx.clone_of(parent, 0, PAGES * PAGE)?;
        cx.operate(clone, ZX_VMO_OP_COMMIT, 0, PAGES * PAGE)?;
        cx.expect_fill(clone, 0, PAGES * PAGE, 0)
    }),
];

pub(super) fn add(suite: &mut Suite) {
    for &(shown, looking, clauses, look) in SHOWN {
        for &(freed, freeing, free) in FREED {
            suite.test(
                format!("{shown}::after_{freed}"),
                clauses,
                &[looking, freeing].concat(),
                move |cx| {
                    for _ in 0..3 {
                        free(cx)?;
                        look(cx)?;
                    }
                    Ok(())
                },
            );
        }
    }
    add_same_vmo(suite);
    add_same_address(suite);
    add_refused(suite);
}

/// The VMO's own old bytes do not come back either.
fn add_same_vmo(suite: &mut Suite) {
    for (name, kept) in [("nothing", 0), ("a_page", 1), ("all_but_a_page", PAGES - 1)] {
        suite.test(
            format!("what_was_cut_stays_away::keeping_{name}"),
            &["VMO-SETSIZE-10", "VMO-SETSIZE-14"],
            &[],
            move |cx| {
                let vmo = cx.create_filled(PAGES * PAGE, SECRET)?;
                cx.resize(vmo, kept * PAGE)?;
                cx.resize(vmo, (PAGES + 2) * PAGE)?;
                cx.expect_fill(vmo, 0, kept * PAGE, SECRET)?;
                cx.expect_fill(vmo, kept * PAGE, (PAGES + 2 - kept) * PAGE, 0)?;
                cx.write(vmo, kept * PAGE + 1, b"x")?;
                cx.expect_fill(vmo, kept * PAGE, 1, 0)?;
                cx.expect_fill(vmo, kept * PAGE + 2, PAGE - 2, 0)
            },
        );
    }

    for (name, page) in [("first", 0), ("middle", 1), ("last", PAGES - 1)] {
        suite.test(
            format!("what_was_decommitted_stays_away::{name}"),
            &["VMO-OPRANGE-27", "VMO-OPRANGE-29"],
            &[Range],
            move |cx| {
                let vmo = cx.create_filled(PAGES * PAGE, SECRET)?;
                cx.operate(vmo, ZX_VMO_OP_DECOMMIT, page * PAGE, PAGE)?;
                let mut expected = vec![SECRET; (PAGES * PAGE) as usize];
                expected[(page * PAGE) as usize..][..PAGE as usize].fill(0);
                cx.expect_bytes(vmo, 0, &expected)?;
                cx.operate(vmo, ZX_VMO_OP_COMMIT, page * PAGE, PAGE)?;
                cx.expect_bytes(vmo, 0, &expected)?;
                cx.write(vmo, page * PAGE + 5, b"x")?;
                expected[(page * PAGE + 5) as usize] = b'x';
                cx.expect_bytes(vmo, 0, &expected)
            },
        );
    }
}

/// A mapping shows nothing of what was mapped at its address before.
fn add_same_address(suite: &mut Suite) {
    let specific = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
    suite.test(
        "a_new_mapping_shows_nothing_of_the_old_one::unmapped",
        &["VMAR-UNMAP-16", "VMAR-MAP-01"],
        &[Mapping],
        move |cx| {
            let old = cx.create_filled(2 * PAGE, SECRET)?;
            let address =
                cx.vmar_map(Handle::Region, PAGE, old, 0, 2 * PAGE, specific)?.ok()?.address();
            cx.expect_load(address, &[SECRET; 8])?;
            cx.vmar_unmap(Handle::Region, address, 2 * PAGE)?.ok()?;
            let new = cx.create(2 * PAGE)?;
            cx.vmar_map(Handle::Region, PAGE, new, 0, 2 * PAGE, specific)?.ok()?;
            cx.expect_load(address, &[0; 2 * PAGE as usize])?;
            cx.store_bytes(address, b"new")?;
            cx.expect_fill(old, 0, 2 * PAGE, SECRET)
        },
    );

    suite.test(
        "a_new_mapping_shows_nothing_of_the_old_one::overwritten",
        &["VMAR-MAP-27"],
        &[Mapping],
        move |cx| {
            let old = cx.create_filled(2 * PAGE, SECRET)?;
            let address =
                cx.vmar_map(Handle::Region, PAGE, old, 0, 2 * PAGE, specific)?.ok()?.address();
            cx.expect_load(address, &[SECRET; 8])?;
            let new = cx.create(2 * PAGE)?;
            let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
            cx.vmar_map(Handle::Region, PAGE, new, 0, 2 * PAGE, flags)?.ok()?;
            cx.expect_load(address, &[0; 2 * PAGE as usize])?;
            cx.store_bytes(plus(address, PAGE), b"new")?;
            cx.expect_fill(old, 0, 2 * PAGE, SECRET)
        },
    );

    suite.test(
        "a_new_mapping_shows_nothing_of_the_old_one::destroyed",
        &["VMAR-DESTROY-01", "VMAR-DESTROY-06"],
        &[Mapping, Regions],
        |cx| {
            let flags = ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE | ZX_VM_FLAG_SPECIFIC;
            let old = cx.create_filled(PAGE, SECRET)?;
            let new = cx.create(PAGE)?;
            for (vmo, byte) in [(old, SECRET), (new, 0)] {
                let region = cx.vmar_allocate(Handle::Region, PAGE, PAGE, flags)?.ok()?.handle(0);
                let answer = cx.vmar_map(region, 0, vmo, 0, PAGE, READ_WRITE)?.ok()?;
                cx.expect_load(answer.address(), &[byte; 16])?;
                cx.vmar_destroy(region)?.ok()?;
                cx.expect_load_fault(answer.address())?;
            }
            cx.expect_fill(old, 0, PAGE, SECRET)
        },
    );
}

/// A read that is refused shows nothing of what it was not allowed to see.
fn add_refused(suite: &mut Suite) {
    use vmo_abi::Capability::{Handles, Info};
    suite
        .test(
            "a_refused_read_shows_nothing::without_the_right",
            &["VMO-READ-04"],
            &[Handles, Info],
            |cx| {
                let vmo = cx.create_filled(PAGE, SECRET)?;
                let blind = cx.duplicate_without(vmo, vmo_abi::ZX_RIGHT_READ)?;
                let answer = cx.vmo_read(blind, 0, PAGE)?.is(ZX_ERR_ACCESS_DENIED)?;
                let shows = answer.bytes().contains(&SECRET);
                cx.expect(!shows, "nothing of the contents", "the contents")
            },
        )
        .at(Level::Kernel);

    suite
        .test("a_refused_read_shows_nothing::closed", &["VMO-READ-02"], &[Handles], |cx| {
            let vmo = cx.create_filled(PAGE, SECRET)?;
            let second = cx.duplicate_same(vmo)?;
            cx.close(second)?;
            let answer = cx.vmo_read(second, 0, PAGE)?.is(ZX_ERR_BAD_HANDLE)?;
            let shows = answer.bytes().contains(&SECRET);
            cx.expect(!shows, "nothing of the contents", "the contents")
        })
        .at(Level::Kernel);
}
