//! Nothing leaks: no old bytes into fresh memory, no handles, no objects.

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, Properties, Range, Signals};
use vmo_abi::{
    ZX_PROP_NAME, ZX_RIGHT_SAME_RIGHTS, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_ZERO_CHILDREN,
};

use crate::program::Handle;
use crate::suite::{PAGE, READ_WRITE, Suite};

const SECRET: u8 = 0xa5;
/// Rounds after which a leak of a handle or a page would show.
const ROUNDS: usize = 300;

pub(super) fn add(suite: &mut Suite) {
    suite.test("a_fresh_vmo_shows_nothing_of_a_closed_one", &["VMO-CREATE-37"], &[], |cx| {
        for pages in 1..5 {
            let old = cx.create_filled(pages * PAGE, SECRET)?;
            cx.close(old)?;
            let fresh = cx.create(pages * PAGE)?;
            cx.expect_fill(fresh, 0, pages * PAGE, 0)?;
            cx.close(fresh)?;
        }
        Ok(())
    });

    suite.test("the_rest_of_a_written_page_is_zero", &["VMO-WRITE-21"], &[], |cx| {
        let old = cx.create_filled(3 * PAGE, SECRET)?;
        cx.close(old)?;
        let fresh = cx.create(3 * PAGE)?;
        cx.write(fresh, PAGE + 100, b"x")?;
        cx.expect_fill(fresh, 0, PAGE + 100, 0)?;
        cx.expect_fill(fresh, PAGE + 101, 2 * PAGE - 101, 0)
    });

    suite.test("committed_pages_are_zero", &["VMO-OPRANGE-19"], &[Range], |cx| {
        let old = cx.create_filled(4 * PAGE, SECRET)?;
        cx.close(old)?;
        let fresh = cx.create(4 * PAGE)?;
        cx.operate(fresh, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)?;
        cx.expect_fill(fresh, 0, 4 * PAGE, 0)
    });

    suite.test("grown_pages_are_zero", &["VMO-SETSIZE-09", "VMO-SETSIZE-10"], &[], |cx| {
        let vmo = cx.create_filled(4 * PAGE, SECRET)?;
        cx.resize(vmo, PAGE)?;
        cx.resize(vmo, 6 * PAGE)?;
        cx.expect_fill(vmo, 0, PAGE, SECRET)?;
        cx.expect_fill(vmo, PAGE, 5 * PAGE, 0)
    });

    suite.test("decommitted_pages_are_zero", &["VMO-OPRANGE-27"], &[Range], |cx| {
        let vmo = cx.create_filled(3 * PAGE, SECRET)?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
        cx.expect_fill(vmo, PAGE, PAGE, 0)?;
        cx.write(vmo, PAGE, b"x")?;
        cx.expect_fill(vmo, PAGE + 1, PAGE - 1, 0)
    });

    suite.test(
        "a_store_to_a_fresh_page_leaves_the_rest_zero",
        &["VMAR-MAP-40"],
        &[Mapping],
        |cx| {
            let old = cx.create_filled(2 * PAGE, SECRET)?;
            cx.close(old)?;
            let fresh = cx.create(2 * PAGE)?;
            let address = cx.map(fresh, 0, 2 * PAGE, READ_WRITE)?;
            cx.store_bytes(address, b"x")?;
            cx.expect_fill(fresh, 1, 2 * PAGE - 1, 0)
        },
    );

    suite.test("a_clone_beyond_its_parent_shows_zeros", &["COW-09", "COW-10"], &[Clone], |cx| {
        let old = cx.create_filled(4 * PAGE, SECRET)?;
        cx.close(old)?;
        let parent = cx.create_filled(PAGE, 1)?;
        let clone = cx.clone_of(parent, 0, 3 * PAGE)?;
        cx.expect_fill(clone, PAGE, 2 * PAGE, 0)?;
        cx.write(clone, 2 * PAGE, b"x")?;
        cx.expect_fill(clone, 2 * PAGE + 1, PAGE - 1, 0)
    });

    suite.test("names_show_nothing_behind_their_end", &["OBJ-GETPROP-02"], &[Properties], |cx| {
        let vmo = cx.create(0)?;
        cx.set_name(vmo, &[b'x'; 31])?;
        cx.set_name(vmo, b"ab")?;
        cx.expect_name(vmo, b"ab")
    });

    suite.test("nothing_is_stored_behind_a_name", &["OBJ-GETPROP-04"], &[Properties], |cx| {
        let vmo = cx.create(0)?;
        let answer = cx.object_get_property(vmo, ZX_PROP_NAME, 64)?.ok()?;
        let rest = &answer.bytes()[32..];
        let first = rest.first().copied().unwrap_or_default();
        let is_kept = rest.iter().all(|byte| *byte == first) && first != 0;
        cx.expect(is_kept, "32 bytes stored", "more bytes stored")
    });

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

    suite.test("mappings_come_and_go", &["VMAR-UNMAP-01"], &[Mapping], |cx| {
        let vmo = cx.create(PAGE)?;
        for round in 0..ROUNDS {
            let answer = cx.vmar_map(Handle::Region, PAGE, vmo, 0, PAGE, READ_WRITE | 0x10)?;
            let address = answer.ok()?.address();
            cx.store_bytes(address, &[round as u8])?;
            cx.vmar_unmap(Handle::Region, address, PAGE)?.ok()?;
        }
        cx.expect_bytes(vmo, 0, &[(ROUNDS - 1) as u8])
    });
}
