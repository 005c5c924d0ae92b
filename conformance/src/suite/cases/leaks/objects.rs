//! A new object has nothing of one that is gone: it begins as the pages say,
//! also where another one was before.

use vmo_abi::Capability::{self, CachePolicy, Clone, Handles, Info, Properties, Signals};
use vmo_abi::{
    ZX_CACHE_POLICY_UNCACHED, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_RIGHT_READ,
    ZX_RIGHT_SAME_RIGHTS, ZX_USER_SIGNAL_ALL, ZX_VMO_ZERO_CHILDREN,
};

use crate::level::Level;
use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, Suite};

/// Something that is done to an old object, and what a new one is expected to
/// show of it: nothing.
struct Row {
    name: &'static str,
    clauses: &'static [&'static str],
    needs: &'static [Capability],
    mark: fn(&mut Context<'_>, Handle) -> Checked,
    expect_unmarked: fn(&mut Context<'_>, Handle) -> Checked,
}

const ROWS: &[Row] = &[
    Row {
        name: "name",
        clauses: &["VMO-CREATE-39"],
        needs: &[Properties],
        mark: |cx, old| cx.set_name(old, &[b'n'; 31]),
        expect_unmarked: |cx, new| cx.expect_name(new, b""),
    },
    Row {
        name: "user_signals",
        clauses: &["VMO-CREATE-36"],
        needs: &[Signals],
        mark: |cx, old| cx.object_signal(old, 0, ZX_USER_SIGNAL_ALL)?.ok().map(drop),
        expect_unmarked: |cx, new| {
            let signals = cx.signals(new)?;
            let holds = signals & ZX_USER_SIGNAL_ALL == 0;
            cx.expect(holds, "no user signal", format!("{signals:#x}"))
        },
    },
    Row {
        name: "clones",
        clauses: &["VMO-CREATE-34"],
        needs: &[Clone, Signals],
        mark: |cx, old| cx.clone_of(old, 0, PAGE).map(drop),
        expect_unmarked: |cx, new| cx.expect_signal(new, ZX_VMO_ZERO_CHILDREN, true),
    },
    Row {
        name: "cache_policy",
        clauses: &["VMO-CREATE-40"],
        needs: &[CachePolicy],
        mark: |cx, old| cx.vmo_set_cache_policy(old, ZX_CACHE_POLICY_UNCACHED)?.ok().map(drop),
        expect_unmarked: |cx, new| {
            cx.write(new, 0, b"cached")?;
            cx.expect_bytes(new, 0, b"cached")
        },
    },
    Row {
        name: "size",
        clauses: &["VMO-CREATE-02"],
        needs: &[],
        mark: |cx, old| cx.resize(old, 7 * PAGE),
        expect_unmarked: |cx, new| cx.expect_size(new, 2 * PAGE),
    },
    Row {
        name: "pages",
        clauses: &["VMO-CREATE-38"],
        needs: &[CachePolicy],
        mark: |cx, old| cx.write(old, 0, &[7; 2 * PAGE as usize]),
        expect_unmarked: |cx, new| cx.expect_nothing_committed(new),
    },
    Row {
        name: "handles",
        clauses: &["OBJ-INFO-18"],
        needs: &[Handles, Info],
        mark: |cx, old| {
            let second = cx.duplicate_same(old)?;
            cx.close(second)
        },
        expect_unmarked: |cx, new| {
            let count = cx.handle_count(new)?;
            cx.expect(count == 1, "1 handle", count)
        },
    },
];

/// Rounds in which an old object's place might be used again.
const ROUNDS: usize = 20;

pub(super) fn add(suite: &mut Suite) {
    for row in ROWS {
        suite.test(
            format!("a_new_vmo_has_nothing_of_an_old_one::{}", row.name),
            row.clauses,
            row.needs,
            |cx| {
                for _ in 0..ROUNDS {
                    let old = cx.create(2 * PAGE)?;
                    (row.mark)(cx, old)?;
                    cx.close(old)?;
                    let new = cx.create(2 * PAGE)?;
                    (row.expect_unmarked)(cx, new)?;
                    cx.close(new)?;
                }
                Ok(())
            },
        );
        suite.test(
            format!("a_new_vmo_has_nothing_of_a_living_one::{}", row.name),
            row.clauses,
            row.needs,
            |cx| {
                for _ in 0..3 {
                    let old = cx.create(2 * PAGE)?;
                    (row.mark)(cx, old)?;
                    let new = cx.create(2 * PAGE)?;
                    (row.expect_unmarked)(cx, new)?;
                }
                Ok(())
            },
        );
    }
    add_rights(suite);
    add_values(suite);
    add_names(suite);
}

/// A handle has nothing of the rights of one that is gone.
fn add_rights(suite: &mut Suite) {
    suite.test("a_new_handle_has_not_the_rights_of_an_old_one", &["HV-09"], &[Handles], |cx| {
        let vmo = cx.create_filled(PAGE, 1)?;
        for _ in 0..ROUNDS {
            let full = cx.duplicate_same(vmo)?;
            cx.close(full)?;
            let reader = cx.duplicate(vmo, ZX_RIGHT_READ)?;
            cx.expect_fill(reader, 0, PAGE, 1)?;
            cx.vmo_write(reader, 0, b"x")?.is(ZX_ERR_ACCESS_DENIED)?;
            cx.close(reader)?;
        }
        Ok(())
    });

    suite.test("a_new_handle_lacks_nothing_of_its_own", &["VMO-CREATE-27"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        for _ in 0..ROUNDS {
            let nothing = cx.duplicate(vmo, 0)?;
            cx.close(nothing)?;
            let new = cx.create(PAGE)?;
            cx.write(new, 0, b"mine")?;
            cx.expect_bytes(new, 0, b"mine")?;
            cx.close(new)?;
        }
        Ok(())
    });

    suite.test("a_refused_write_through_one_handle_stays_refused", &["HV-09"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let reader = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        for _ in 0..3 {
            cx.vmo_write(reader, 0, b"x")?.is(ZX_ERR_ACCESS_DENIED)?;
            cx.write(vmo, 0, b"y")?;
            cx.expect_bytes(reader, 0, b"y")?;
        }
        cx.handle_duplicate(reader, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_ACCESS_DENIED).map(drop)
    });
}

/// Values that named something do not name what comes next.
fn add_values(suite: &mut Suite) {
    // The pages let a number come back (HV-04).
    suite
        .test("old_values_stay_dead_while_new_objects_come", &["HV-05"], &[], |cx| {
            let mut dead = Vec::new();
            for round in 0..ROUNDS {
                let old = cx.create(PAGE)?;
                cx.close(old)?;
                dead.push(old);
                let new = cx.create((round as u64 + 2) * PAGE)?;
                for old in &dead {
                    cx.vmo_get_size(*old)?.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
                }
                cx.close(new)?;
            }
            Ok(())
        })
        .at(Level::Kernel);

    suite.test("closing_one_handle_leaves_all_others", &["HANDLE-CLOSE-01"], &[], |cx| {
        let mut kept = Vec::new();
        for number in 0..ROUNDS as u64 {
            let vmo = cx.create((number + 1) * PAGE)?;
            let gone = cx.create(PAGE)?;
            cx.close(gone)?;
            kept.push((vmo, (number + 1) * PAGE));
        }
        for (vmo, size) in kept {
            cx.expect_size(vmo, size)?;
        }
        Ok(())
    });
}

/// A name shows nothing of one that was there before.
fn add_names(suite: &mut Suite) {
    for (name, before, after) in [
        ("shorter", &[b'x'; 31][..], &b"ab"[..]),
        ("one_shorter", &b"abcdef"[..], &b"abcde"[..]),
        ("empty", &b"something"[..], &b""[..]),
        ("cut_at_a_nul", &[b'y'; 31][..], &b"ab\0cdefgh"[..]),
        ("only_a_nul", &b"something"[..], &b"\0"[..]),
    ] {
        suite.test(
            format!("names_show_nothing_of_longer_ones::{name}"),
            &["OBJ-GETPROP-02", "OBJ-SETPROP-08"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(0)?;
                cx.set_name(vmo, before)?;
                cx.set_name(vmo, after)?;
                let end = after.iter().position(|byte| *byte == 0).unwrap_or(after.len());
                cx.expect_name(vmo, &after[..end])
            },
        );
    }

    suite.test(
        "a_clone_without_the_name_shows_nothing_of_it",
        &["VMO-CLONE-25"],
        &[Clone, Handles, Info, Properties],
        |cx| {
            let vmo = cx.create(PAGE)?;
            cx.set_name(vmo, &[b'z'; 31])?;
            let blind = cx.duplicate_without(vmo, vmo_abi::ZX_RIGHT_GET_PROPERTY)?;
            let clone = cx.clone_of(blind, 0, PAGE)?;
            cx.expect_name(clone, b"")
        },
    );
}
