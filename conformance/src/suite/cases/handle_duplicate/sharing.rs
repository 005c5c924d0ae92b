//! What is done through one handle is seen through every other.

use vmo_abi::Capability::{self, CachePolicy, Clone, Handles, Mapping, Properties, Range, Signals};
use vmo_abi::{
    ZX_CACHE_POLICY_CACHED, ZX_CACHE_POLICY_UNCACHED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE,
    ZX_USER_SIGNAL_3, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_ZERO_CHILDREN,
};

use crate::program::Handle;
use crate::suite::{Checked, Context, Failure, PAGE, READ_WRITE, Suite};

/// Does or sees something through a handle.
type Through = fn(&mut Context<'_>, Handle) -> Checked;

/// What is done, what it needs, and how it is seen.
struct Deed {
    name: &'static str,
    needs: &'static [Capability],
    act: Through,
    see: Through,
}

const DEEDS: &[Deed] = &[
    Deed {
        name: "write",
        needs: &[],
        act: |cx, vmo| cx.write(vmo, PAGE - 2, b"wxyz"),
        see: |cx, vmo| cx.expect_bytes(vmo, PAGE - 3, b"\0wxyz\0"),
    },
    Deed {
        name: "grow",
        needs: &[],
        act: |cx, vmo| cx.resize(vmo, 5 * PAGE),
        see: |cx, vmo| {
            cx.expect_size(vmo, 5 * PAGE)?;
            cx.write(vmo, 5 * PAGE - 1, b"x")
        },
    },
    Deed {
        name: "shrink",
        needs: &[],
        act: |cx, vmo| cx.resize(vmo, 0),
        see: |cx, vmo| {
            cx.expect_size(vmo, 0)?;
            cx.vmo_read(vmo, 0, 1)?.is(vmo_abi::ZX_ERR_OUT_OF_RANGE).map(drop)
        },
    },
    Deed {
        name: "name",
        needs: &[Properties],
        act: |cx, vmo| cx.set_name(vmo, b"shared"),
        see: |cx, vmo| cx.expect_name(vmo, b"shared"),
    },
    Deed {
        name: "signal",
        needs: &[Signals],
        act: |cx, vmo| cx.object_signal(vmo, 0, ZX_USER_SIGNAL_3)?.ok().map(drop),
        see: |cx, vmo| cx.expect_signal(vmo, ZX_USER_SIGNAL_3, true),
    },
    Deed {
        name: "store",
        needs: &[Mapping],
        act: |cx, vmo| {
            let address = cx.map(vmo, PAGE, PAGE, READ_WRITE)?;
            cx.store_bytes(address, b"stored")
        },
        see: |cx, vmo| cx.expect_bytes(vmo, PAGE, b"stored\0"),
    },
    Deed {
        name: "cache_policy",
        needs: &[CachePolicy],
        act: |cx, vmo| cx.vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_UNCACHED)?.ok().map(drop),
        see: |cx, vmo| cx.vmo_read(vmo, 0, 1)?.is(ZX_ERR_BAD_STATE).map(drop),
    },
    Deed {
        name: "commit",
        needs: &[Range, CachePolicy],
        act: |cx, vmo| cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, PAGE),
        see: |cx, vmo| {
            let answer = cx.vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_CACHED)?;
            answer.is(ZX_ERR_BAD_STATE).map(drop)
        },
    },
    Deed {
        name: "decommit",
        needs: &[Range],
        act: |cx, vmo| {
            cx.write(vmo, 0, &[0x41; 2 * PAGE as usize])?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, PAGE)
        },
        see: |cx, vmo| {
            cx.expect_fill(vmo, 0, PAGE, 0)?;
            cx.expect_fill(vmo, PAGE, PAGE, 0x41)
        },
    },
    Deed {
        name: "clone",
        needs: &[Clone, Signals],
        act: |cx, vmo| cx.clone_of(vmo, 0, PAGE).map(drop),
        see: |cx, vmo| cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, false),
    },
];

pub(super) fn add(suite: &mut Suite) {
    for deed in DEEDS {
        let needs: Vec<_> = deed.needs.iter().copied().chain([Handles]).collect();
        suite.test(
            format!("done_through_the_first::{}", deed.name),
            &["HANDLE-DUP-13"],
            &needs,
            |cx| {
                let vmo = cx.create(2 * PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                let third = cx.duplicate_same(second)?;
                (deed.act)(cx, vmo)?;
                (deed.see)(cx, second)?;
                (deed.see)(cx, third)
            },
        );
        suite.test(
            format!("done_through_a_duplicate::{}", deed.name),
            &["HANDLE-DUP-13"],
            &needs,
            |cx| {
                let vmo = cx.create(2 * PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                let third = cx.duplicate_same(vmo)?;
                (deed.act)(cx, third)?;
                (deed.see)(cx, vmo)?;
                (deed.see)(cx, second)
            },
        );
        suite.test(
            format!("done_before_it_was_duplicated::{}", deed.name),
            &["HANDLE-DUP-01", "HANDLE-DUP-13"],
            &needs,
            |cx| {
                let vmo = cx.create(2 * PAGE)?;
                (deed.act)(cx, vmo)?;
                let second = cx.duplicate_same(vmo)?;
                (deed.see)(cx, second)?;
                cx.close(vmo)?;
                (deed.see)(cx, second)
            },
        );
        suite.test(
            format!("done_through_a_handle_closed_since::{}", deed.name),
            &["HANDLE-DUP-13", "HANDLE-CLOSE-05"],
            &needs,
            |cx| {
                let vmo = cx.create(2 * PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                (deed.act)(cx, second)?;
                cx.close(second)?;
                (deed.see)(cx, vmo)
            },
        );
        suite.test(
            format!("another_vmo_shows_nothing_of_it::{}", deed.name),
            &["HANDLE-DUP-13"],
            &needs,
            |cx| {
                let vmo = cx.create(2 * PAGE)?;
                let other = cx.create(2 * PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                (deed.act)(cx, second)?;
                match (deed.see)(cx, other) {
                    Ok(()) => Err(Failure::new("another VMO as it was", "the same change")),
                    Err(Failure::Expectation { .. }) => Ok(()),
                    Err(failure) => Err(failure),
                }
            },
        );
    }
    orders(suite);
}

fn orders(suite: &mut Suite) {
    for (row, order) in [
        ("first_second_third", [0, 1, 2]),
        ("first_third_second", [0, 2, 1]),
        ("second_first_third", [1, 0, 2]),
        ("second_third_first", [1, 2, 0]),
        ("third_first_second", [2, 0, 1]),
        ("third_second_first", [2, 1, 0]),
    ] {
        suite.test(
            format!("closed_in_any_order::{row}"),
            &["HANDLE-DUP-01", "HANDLE-CLOSE-05"],
            &[Handles],
            move |cx| {
                let vmo = cx.create_filled(2 * PAGE, 0x41)?;
                let second = cx.duplicate_same(vmo)?;
                let handles = [vmo, second, cx.duplicate_same(second)?];
                for (closed, index) in order.iter().enumerate() {
                    cx.close(handles[*index])?;
                    for (nth, other) in order.iter().enumerate() {
                        if nth <= closed {
                            cx.vmo_get_size(handles[*other])?.is(ZX_ERR_BAD_HANDLE)?;
                        } else {
                            cx.expect_fill(handles[*other], 0, 2 * PAGE, 0x41)?;
                        }
                    }
                }
                Ok(())
            },
        );
    }
}
