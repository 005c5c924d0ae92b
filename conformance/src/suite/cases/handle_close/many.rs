//! `handle_close_many`: which handles it closes, and what it answers.

use vmo_abi::Capability::{Clone, Handles, Info, OtherObjects, Signals};
use vmo_abi::{ZX_ERR_BAD_HANDLE, ZX_OK, ZX_RIGHT_READ, ZX_VMO_ZERO_CHILDREN, zx_status_t};

use crate::level::Level;
use crate::program::Handle;
use crate::suite::cases::object_get_info::expect_count;
use crate::suite::{Checked, Context, PAGE, Suite};

/// Entries of the arrays in which something is amiss at each position.
const ENTRIES: usize = 5;

/// Closes duplicates of a VMO, of which `change` has spoiled some, and expects
/// all of them to be closed afterwards.
fn close_spoiled(
    cx: &mut Context<'_>,
    count: usize,
    expected: zx_status_t,
    change: impl FnOnce(&mut Context<'_>, &mut [Handle]) -> Checked,
) -> Checked {
    let vmo = cx.create(PAGE)?;
    let mut handles = Vec::new();
    for _ in 0..count {
        handles.push(cx.duplicate_same(vmo)?);
    }
    let all = handles.clone();
    change(cx, &mut handles)?;
    let left = all.iter().filter(|handle| !handles.contains(handle)).count();
    cx.handle_close_many(&handles)?.is(expected)?;
    for handle in all {
        cx.expect_valid(handle, !handles.contains(&handle))?;
    }
    expect_count(cx, vmo, 1 + left as u32)
}

pub(super) fn add(suite: &mut Suite) {
    counts(suite);
    spoiled(suite);
    objects(suite);
}

fn counts(suite: &mut Suite) {
    for count in [1_usize, 2, 3, 7, 63, 64, 65, 127, 128, 129, 130, 200] {
        suite.test(
            format!("many_closes_every_handle::{count}"),
            &["HANDLE-CLOSE-09"],
            &[Handles, Info],
            move |cx| close_spoiled(cx, count, ZX_OK, |_, _| Ok(())),
        );
    }

    suite.test("many_leaves_what_is_not_listed", &["HANDLE-CLOSE-09"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let mut handles = Vec::new();
        for _ in 0..6 {
            handles.push(cx.duplicate_same(vmo)?);
        }
        cx.handle_close_many(&[handles[4], handles[1]])?.ok()?;
        for (index, handle) in handles.into_iter().enumerate() {
            cx.expect_valid(handle, index != 4 && index != 1)?;
        }
        expect_count(cx, vmo, 5)
    });

    for closed in 0..5 {
        suite.test(
            format!("many_closes_only_so_many::{closed}"),
            &["HANDLE-CLOSE-09"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let mut handles = Vec::new();
                for _ in 0..5 {
                    handles.push(cx.duplicate_same(vmo)?);
                }
                let arguments = vec![
                    crate::program::Value::Handles(handles.clone()),
                    crate::program::Value::Number(closed),
                ];
                cx.call(vmo_abi::Syscall::handle_close_many, arguments)?.ok()?;
                for (index, handle) in handles.into_iter().enumerate() {
                    cx.expect_valid(handle, index as u64 >= closed)?;
                }
                Ok(())
            },
        );
    }
}

fn spoiled(suite: &mut Suite) {
    for place in 0..ENTRIES {
        suite.test(
            format!("many_with_a_bad_entry_closes_the_others::entry_{place}"),
            &["HANDLE-CLOSE-09", "HANDLE-CLOSE-10"],
            &[Handles, Info],
            move |cx| {
                close_spoiled(cx, ENTRIES, ZX_ERR_BAD_HANDLE, |cx, handles| {
                    handles[place] = cx.closed_handle()?;
                    Ok(())
                })
            },
        );
        suite.test(
            format!("many_with_a_value_that_never_was::entry_{place}"),
            &["HANDLE-CLOSE-09", "HANDLE-CLOSE-10"],
            &[Handles, Info],
            move |cx| {
                close_spoiled(cx, ENTRIES, ZX_ERR_BAD_HANDLE, |_, handles| {
                    handles[place] = Handle::Never;
                    Ok(())
                })
            },
        );
        suite.test(
            format!("many_skips_0::entry_{place}"),
            &["HANDLE-CLOSE-09", "HANDLE-CLOSE-11"],
            &[Handles, Info],
            move |cx| {
                close_spoiled(cx, ENTRIES, ZX_OK, |_, handles| {
                    handles[place] = Handle::Invalid;
                    Ok(())
                })
            },
        );
        for other in place + 1..ENTRIES {
            suite.test(
                format!("many_with_a_value_twice::entries_{place}_and_{other}"),
                &["HANDLE-CLOSE-09", "HANDLE-CLOSE-10"],
                &[Handles, Info],
                move |cx| {
                    close_spoiled(cx, ENTRIES, ZX_ERR_BAD_HANDLE, |_, handles| {
                        handles[other] = handles[place];
                        Ok(())
                    })
                },
            );
        }
    }

    // Long arrays are read piece by piece, and each piece counts.
    for place in [0_usize, 1, 62, 63, 64, 65, 127, 128, 129] {
        suite.test(
            format!("a_long_array_with_a_bad_entry::entry_{place}"),
            &["HANDLE-CLOSE-09", "HANDLE-CLOSE-10"],
            &[Handles, Info],
            move |cx| {
                close_spoiled(cx, 130, ZX_ERR_BAD_HANDLE, |cx, handles| {
                    handles[place] = cx.closed_handle()?;
                    Ok(())
                })
            },
        );
        suite.test(
            format!("a_long_array_with_0::entry_{place}"),
            &["HANDLE-CLOSE-09", "HANDLE-CLOSE-11"],
            &[Handles, Info],
            move |cx| {
                close_spoiled(cx, 130, ZX_OK, |_, handles| {
                    handles[place] = Handle::Invalid;
                    Ok(())
                })
            },
        );
    }

    for (row, first, second) in [("far_apart", 0, 129), ("next_pieces", 63, 64), ("late", 128, 129)]
    {
        suite.test(
            format!("a_long_array_with_a_value_twice::{row}"),
            &["HANDLE-CLOSE-09", "HANDLE-CLOSE-10"],
            &[Handles, Info],
            move |cx| {
                close_spoiled(cx, 130, ZX_ERR_BAD_HANDLE, |_, handles| {
                    handles[second] = handles[first];
                    Ok(())
                })
            },
        );
    }

    for count in [1_usize, 2, 64, 65] {
        suite.test(
            format!("many_zeros_are_fine::{count}"),
            &["HANDLE-CLOSE-11"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.handle_close_many(&vec![Handle::Invalid; count])?.ok()?;
                cx.expect_valid(vmo, true)
            },
        );
        suite.test(
            format!("many_bad_entries_are_one_error::{count}"),
            &["HANDLE-CLOSE-10"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.handle_close_many(&vec![Handle::Never; count])?.is(ZX_ERR_BAD_HANDLE)?;
                cx.expect_valid(vmo, true)
            },
        );
    }

    suite.test("a_bad_entry_and_0_is_an_error", &["HANDLE-CLOSE-10"], &[Handles], |cx| {
        let closed = cx.closed_handle()?;
        cx.handle_close_many(&[Handle::Invalid, closed])?.is(ZX_ERR_BAD_HANDLE)?;
        cx.handle_close_many(&[closed, Handle::Invalid])?.is(ZX_ERR_BAD_HANDLE).map(drop)
    });

    suite.test("the_same_array_twice", &["HANDLE-CLOSE-10"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let handles = [cx.duplicate_same(vmo)?, cx.duplicate_same(vmo)?];
        cx.handle_close_many(&handles)?.ok()?;
        cx.handle_close_many(&handles)?.is(ZX_ERR_BAD_HANDLE)?;
        expect_count(cx, vmo, 1)
    });

    suite
        .test("bit_0_makes_no_difference", &["HANDLE-CLOSE-10", "HV-06"], &[Handles, Info], |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            let even = Handle::Literal(cx.handle_value(second) & !1);
            cx.handle_close_many(&[second, even])?.is(ZX_ERR_BAD_HANDLE)?;
            expect_count(cx, vmo, 1)
        })
        .at(Level::Kernel);
}

fn objects(suite: &mut Suite) {
    suite.test("many_needs_no_rights", &["HANDLE-CLOSE-04", "TYPE-07"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let bare = cx.duplicate(vmo, 0)?;
        let reader = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        cx.handle_close_many(&[bare, reader])?.ok()?;
        cx.expect_valid(bare, false)?;
        cx.expect_valid(reader, false)?;
        expect_count(cx, vmo, 1)
    });

    suite.test(
        "many_closes_objects_of_any_type",
        &["HANDLE-CLOSE-09"],
        &[Handles, Info, OtherObjects],
        |cx| {
            let (near, far) = cx.channel()?;
            let handles = [cx.event()?, cx.create(PAGE)?, far, cx.port()?, near];
            cx.handle_close_many(&handles)?.ok()?;
            for handle in handles {
                cx.expect_valid(handle, false)?;
            }
            Ok(())
        },
    );

    suite.test(
        "the_objects_are_gone_at_once",
        &["HANDLE-CLOSE-06", "HANDLE-CLOSE-09"],
        &[Handles, Clone, Signals],
        |cx| {
            let first = cx.create(PAGE)?;
            let second = cx.create(PAGE)?;
            let bad = cx.closed_handle()?;
            let handles = [cx.clone_of(first, 0, PAGE)?, bad, cx.clone_of(second, 0, PAGE)?];
            cx.handle_close_many(&handles)?.is(ZX_ERR_BAD_HANDLE)?;
            cx.expect_signal(first, ZX_VMO_ZERO_CHILDREN, true)?;
            cx.expect_signal(second, ZX_VMO_ZERO_CHILDREN, true)
        },
    );

    suite.test(
        "a_clone_and_its_parent_in_any_order",
        &["HANDLE-CLOSE-09"],
        &[Handles, Clone],
        |cx| {
            for parent_first in [true, false] {
                let root = cx.create_filled(PAGE, 0x41)?;
                let middle = cx.clone_of(root, 0, PAGE)?;
                let leaf = cx.clone_of(middle, 0, PAGE)?;
                let handles = if parent_first { [root, middle] } else { [middle, root] };
                cx.handle_close_many(&handles)?.ok()?;
                cx.expect_fill(leaf, 0, PAGE, 0x41)?;
            }
            Ok(())
        },
    );
}
