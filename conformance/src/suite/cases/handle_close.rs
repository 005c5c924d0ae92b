//! `handle_close` and `handle_close_many`.

mod arrays;
mod many;
mod waits;

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, OtherObjects, Properties, Signals};
use vmo_abi::{
    ZX_ERR_BAD_HANDLE, ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_USER_SIGNAL_0, ZX_VMO_ZERO_CHILDREN,
};

use super::handle_duplicate::VMO_RIGHTS;
use super::object_get_info::expect_count;
use crate::program::Handle;
use crate::suite::{PAGE, READ_WRITE, Suite};

pub(super) fn add(suite: &mut Suite) {
    validity(suite);
    lifetimes(suite);
    waits::add(suite);
    many::add(suite);
    arrays::add(suite);
}

fn validity(suite: &mut Suite) {
    suite.test("closing_makes_it_invalid", &["HANDLE-CLOSE-01", "HANDLE-CLOSE-03"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.handle_close(vmo)?.ok()?;
        cx.vmo_get_size(vmo)?.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
        cx.vmo_read(vmo, 0, 1)?.is(ZX_ERR_BAD_HANDLE)?;
        cx.vmo_write(vmo, 0, b"x")?.is(ZX_ERR_BAD_HANDLE)?;
        cx.vmo_set_size(vmo, 0)?.is(ZX_ERR_BAD_HANDLE)?;
        cx.handle_close(vmo)?.is(ZX_ERR_BAD_HANDLE).map(drop)
    });

    suite.test("closing_again_and_again_is_refused", &["HANDLE-CLOSE-03"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        let other = cx.create(2 * PAGE)?;
        cx.close(vmo)?;
        for _ in 0..5 {
            cx.handle_close(vmo)?.is(ZX_ERR_BAD_HANDLE)?;
        }
        cx.expect_size(other, 2 * PAGE)
    });

    suite.test("closing_twice_takes_one_handle", &["HANDLE-CLOSE-03"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate_same(vmo)?;
        cx.duplicate_same(vmo)?;
        cx.close(second)?;
        cx.handle_close(second)?.is(ZX_ERR_BAD_HANDLE)?;
        expect_count(cx, vmo, 2)
    });

    suite.test("closing_0_is_fine", &["HANDLE-CLOSE-02"], &[], |cx| {
        cx.handle_close(Handle::Invalid)?.ok()?;
        let vmo = cx.create(PAGE)?;
        cx.handle_close(Handle::Invalid)?.ok()?;
        cx.expect_size(vmo, PAGE)
    });

    for (row, value) in
        [("all_ones", u32::MAX), ("only_bit_31", 1 << 31), ("bits_31_and_0", 1 << 31 | 1)]
    {
        suite.test(
            format!("a_value_that_never_was::{row}"),
            &["HANDLE-CLOSE-03"],
            &[],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.handle_close(Handle::Literal(value))?.is(ZX_ERR_BAD_HANDLE)?;
                cx.expect_size(vmo, PAGE)
            },
        );
    }

    suite.test("only_the_one_handle_is_closed", &["HANDLE-CLOSE-01"], &[], |cx| {
        let mut vmos = Vec::new();
        for pages in 0..12 {
            vmos.push(cx.create(pages * PAGE)?);
        }
        for index in [3, 0, 11, 7] {
            cx.close(vmos[index])?;
        }
        for (pages, vmo) in vmos.into_iter().enumerate() {
            if [3, 0, 11, 7].contains(&pages) {
                cx.vmo_get_size(vmo)?.is(ZX_ERR_BAD_HANDLE)?;
            } else {
                cx.expect_size(vmo, pages as u64 * PAGE)?;
            }
        }
        Ok(())
    });

    suite.test("no_right_is_needed", &["HANDLE-CLOSE-04"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let bare = cx.duplicate(vmo, 0)?;
        cx.close(bare)?;
        cx.vmo_get_size(bare)?.is(ZX_ERR_BAD_HANDLE)?;
        cx.expect_size(vmo, PAGE)
    });

    for &(row, right) in VMO_RIGHTS {
        suite.test(
            format!("any_right_will_do::{row}"),
            &["HANDLE-CLOSE-04"],
            &[Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let one = cx.duplicate(vmo, right)?;
                cx.close(one)?;
                cx.vmo_get_size(one)?.is(ZX_ERR_BAD_HANDLE).map(drop)
            },
        );
    }

    suite.test(
        "other_objects_are_closed_alike",
        &["HANDLE-CLOSE-01", "HANDLE-CLOSE-03"],
        &[OtherObjects, Info],
        |cx| {
            let (near, far) = cx.channel()?;
            for handle in [cx.event()?, cx.port()?, near] {
                cx.close(handle)?;
                cx.expect_valid(handle, false)?;
                cx.handle_close(handle)?.is(ZX_ERR_BAD_HANDLE)?;
            }
            cx.expect_valid(far, true)
        },
    );
}

fn lifetimes(suite: &mut Suite) {
    suite.test("a_mapping_keeps_the_object", &["HANDLE-CLOSE-05"], &[Mapping], |cx| {
        let vmo = cx.create_filled(2 * PAGE, 0x41)?;
        let address = cx.map(vmo, PAGE, PAGE, READ_WRITE)?;
        cx.write(vmo, PAGE, b"new")?;
        cx.close(vmo)?;
        cx.expect_load(address, b"newA")?;
        cx.store_bytes(address, b"still")?;
        cx.expect_load(address, b"stillA")
    });

    suite.test("a_clone_keeps_what_it_shows", &["HANDLE-CLOSE-05"], &[Clone], |cx| {
        let vmo = cx.create_filled(2 * PAGE, 0x41)?;
        let clone = cx.clone_of(vmo, PAGE, PAGE)?;
        cx.close(vmo)?;
        cx.expect_fill(clone, 0, PAGE, 0x41)
    });

    suite.test(
        "another_handle_keeps_everything",
        &["HANDLE-CLOSE-05"],
        &[Handles, Info, Properties, Signals],
        |cx| {
            let vmo = cx.create_filled(3 * PAGE, 0x41)?;
            cx.set_name(vmo, b"kept")?;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
            let second = cx.duplicate_same(vmo)?;
            cx.close(vmo)?;
            let before = cx.snapshot(second)?;
            for _ in 0..3 {
                let third = cx.duplicate_same(second)?;
                cx.close(third)?;
            }
            cx.expect_unchanged(second, &before)?;
            cx.expect_name(second, b"kept")?;
            cx.expect_signals(second, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
            cx.expect_fill(second, 0, 3 * PAGE, 0x41)
        },
    );

    suite.test("a_weak_handle_keeps_it_as_well", &["HANDLE-CLOSE-05"], &[Handles], |cx| {
        let vmo = cx.create_filled(2 * PAGE, 0x41)?;
        let weak = cx.duplicate(vmo, 0)?;
        let reader = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        cx.close(vmo)?;
        cx.expect_size(weak, 2 * PAGE)?;
        cx.expect_fill(reader, 0, 2 * PAGE, 0x41)?;
        cx.close(reader)?;
        cx.expect_size(weak, 2 * PAGE)
    });

    suite.test("the_rights_of_others_stay", &["HANDLE-CLOSE-05"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let reader = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        let writer = cx.duplicate(vmo, ZX_RIGHT_WRITE)?;
        cx.close(vmo)?;
        cx.expect_rights(reader, ZX_RIGHT_READ)?;
        cx.expect_rights(writer, ZX_RIGHT_WRITE)
    });

    suite.test("the_object_is_gone_at_once", &["HANDLE-CLOSE-06"], &[Clone, Signals], |cx| {
        let parent = cx.create(PAGE)?;
        for _ in 0..20 {
            let clone = cx.clone_of(parent, 0, PAGE)?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, false)?;
            cx.close(clone)?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, true)?;
        }
        Ok(())
    });

    suite.test(
        "the_object_goes_with_its_last_handle",
        &["HANDLE-CLOSE-06"],
        &[Clone, Handles, Signals],
        |cx| {
            let parent = cx.create(PAGE)?;
            let mut handles = vec![cx.clone_of(parent, 0, PAGE)?];
            for _ in 0..5 {
                handles.push(cx.duplicate(handles[0], ZX_RIGHT_READ | 1)?);
            }
            while let Some(handle) = handles.pop() {
                cx.close(handle)?;
                cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, handles.is_empty())?;
            }
            Ok(())
        },
    );
}
