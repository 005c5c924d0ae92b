//! `vmo_get_size`.

use vmo_abi::Capability::{
    CachePolicy, Clone, Handles, Info, Mapping, OtherObjects, Properties, Range, Signals,
};
use vmo_abi::{
    ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE, ZX_ERR_WRONG_TYPE, ZX_RIGHT_NONE,
    ZX_RIGHT_WRITE, ZX_VMO_OP_COMMIT,
};

use super::vmo_create::{HUGE_SIZES, SIZES};
use super::vmo_read::create_old;
use crate::program::{Address, Handle};
use crate::suite::{PAGE, READ_WRITE, Suite, plus};

pub(super) fn add(suite: &mut Suite) {
    sizes(suite);
    errors(suite);
    handles(suite);
}

fn sizes(suite: &mut Suite) {
    for &(name, asked, size) in SIZES {
        suite.test(
            format!("tells_the_size::{name}"),
            &["VMO-GETSIZE-01", "VMO-GETSIZE-07"],
            &[],
            move |cx| {
                let vmo = cx.create(asked)?;
                let told = cx.size(vmo)?;
                let is_whole = told.is_multiple_of(PAGE);
                cx.expect(is_whole, "a multiple of the page size", format!("{told:#x}"))?;
                cx.expect(told == size, format!("{size:#x}"), format!("{told:#x}"))
            },
        );
    }

    for &(name, asked, size) in HUGE_SIZES {
        suite.test(format!("tells_all_64_bits::{name}"), &["VMO-GETSIZE-01"], &[], move |cx| {
            let answer = cx.vmo_create(asked, 0)?;
            let Some(created) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
            cx.expect_size(created.handle(0), size)?;
            cx.expect_size(created.handle(0), size)
        });
    }

    suite.test("tells_the_present_size", &["VMO-GETSIZE-01"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        for pages in [5, 2, 2, 0, 1, 12] {
            cx.resize(vmo, pages * PAGE)?;
            cx.expect_size(vmo, pages * PAGE)?;
        }
        Ok(())
    });

    suite.test("does_not_depend_on_contents", &["VMO-GETSIZE-01"], &[Range], |cx| {
        let vmo = cx.create(4 * PAGE)?;
        cx.write(vmo, PAGE, b"x")?;
        cx.expect_size(vmo, 4 * PAGE)?;
        cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
        cx.expect_size(vmo, 4 * PAGE)
    });

    suite.test("a_refused_resize_does_not_show", &["VMO-SETSIZE-08"], &[], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        cx.vmo_set_size(vmo, u64::MAX)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.expect_size(vmo, 2 * PAGE)
    });

    suite.test("tells_a_clones_own_size", &["VMO-GETSIZE-01"], &[Clone], |cx| {
        let parent = cx.create(2 * PAGE)?;
        let clone = cx.clone_of(parent, PAGE, 5 * PAGE)?;
        cx.expect_size(clone, 5 * PAGE)?;
        cx.expect_size(parent, 2 * PAGE)
    });

    suite.test("does_not_depend_on_the_cache_policy", &["VMO-GETSIZE-01"], &[CachePolicy], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        cx.vmo_set_cache_policy(vmo, 1)?.ok()?;
        cx.expect_size(vmo, 3 * PAGE)
    });

    suite.test("stores_8_bytes_and_no_more", &["VMO-GETSIZE-01"], &[Mapping], |cx| {
        let target = cx.create_filled(PAGE, 0x55)?;
        let address = cx.map(target, 0, PAGE, READ_WRITE)?;
        let vmo = cx.create(3 * PAGE)?;
        cx.with("size", plus(address, 8)).vmo_get_size(vmo)?.ok()?;
        let expected = [[0x55; 8], (3 * PAGE).to_le_bytes(), [0x55; 8]].concat();
        cx.expect_load(address, &expected)?;
        cx.expect_fill(target, 24, PAGE - 24, 0x55)
    });
}

fn errors(suite: &mut Suite) {
    suite.test("refuses_a_closed_handle", &["VMO-GETSIZE-02"], &[], |cx| {
        let closed = cx.closed_handle()?;
        cx.vmo_get_size(closed)?.is(ZX_ERR_BAD_HANDLE)?;
        cx.vmo_get_size(Handle::Invalid)?.is(ZX_ERR_BAD_HANDLE)?;
        cx.vmo_get_size(Handle::Never)?.is(ZX_ERR_BAD_HANDLE).map(drop)
    });

    suite.test("refuses_an_event", &["VMO-GETSIZE-03"], &[OtherObjects], |cx| {
        let event = cx.event()?;
        cx.vmo_get_size(event)?.is(ZX_ERR_WRONG_TYPE).map(drop)
    });

    for (name, address) in [
        ("null", Address::Null),
        ("one", Address::Literal(1)),
        ("unmapped", Address::Unmapped),
        ("readonly", Address::ReadOnly),
        ("kernel", Address::Kernel),
        ("7_bytes", Address::Straddle(7)),
    ] {
        suite.test(format!("refuses_pointer::{name}"), &["VMO-GETSIZE-04"], &[], move |cx| {
            let vmo = cx.create(PAGE)?;
            cx.with("size", address).vmo_get_size(vmo)?.is(ZX_ERR_INVALID_ARGS)?;
            cx.expect_size(vmo, PAGE)
        });

        suite.test(
            format!("judges_handle_before_pointer::{name}"),
            &["VMO-GETSIZE-06"],
            &[OtherObjects],
            move |cx| {
                let event = cx.event()?;
                cx.with("size", address).vmo_get_size(event)?.is(ZX_ERR_WRONG_TYPE)?;
                let closed = cx.closed_handle()?;
                cx.with("size", address).vmo_get_size(closed)?.is(ZX_ERR_BAD_HANDLE)?;
                let answer = cx.with("size", address).vmo_get_size(Handle::Invalid)?;
                answer.is(ZX_ERR_BAD_HANDLE).map(drop)
            },
        );
    }

    suite.test("takes_the_last_8_bytes_of_memory", &["VMO-GETSIZE-01"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.with("size", Address::Straddle(8)).vmo_get_size(vmo)?.ok().map(drop)
    });

    suite.test("stores_nothing_on_failure", &["VMO-GETSIZE-08"], &[OtherObjects], |cx| {
        let event = cx.event()?;
        cx.vmo_get_size(event)?.is(ZX_ERR_WRONG_TYPE)?.untouched()?;
        let closed = cx.closed_handle()?;
        cx.vmo_get_size(closed)?.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
        cx.vmo_get_size(Handle::Invalid)?.is(ZX_ERR_BAD_HANDLE)?.untouched().map(drop)
    });
}

fn handles(suite: &mut Suite) {
    suite.test("needs_no_right", &["VMO-GETSIZE-05"], &[Handles], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        let powerless = cx.duplicate(vmo, ZX_RIGHT_NONE)?;
        cx.expect_size(powerless, 3 * PAGE)?;
        let answer = cx.with("size", Address::Null).vmo_get_size(powerless)?;
        answer.is(ZX_ERR_INVALID_ARGS).map(drop)
    });

    suite.test("is_the_same_through_every_handle", &["VMO-GETSIZE-09"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let writer = cx.duplicate(vmo, ZX_RIGHT_WRITE)?;
        let second = cx.duplicate_same(vmo)?;
        for pages in [3, 1, 0, 2] {
            cx.resize(writer, pages * PAGE)?;
            for handle in [vmo, writer, second] {
                cx.expect_size(handle, pages * PAGE)?;
            }
        }
        cx.close(vmo)?;
        cx.expect_size(second, 2 * PAGE)
    });

    suite.test("leaves_the_vmo_alone", &["VMO-GETSIZE-01"], &[Info, Properties, Signals], |cx| {
        let vmo = create_old(cx, 2)?;
        let before = cx.snapshot(vmo)?;
        cx.expect_size(vmo, 2 * PAGE)?;
        cx.expect_unchanged(vmo, &before)
    });
}
