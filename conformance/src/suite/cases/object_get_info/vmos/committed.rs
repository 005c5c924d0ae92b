//! `committed_bytes`: the pages of a VMO itself.

use vmo_abi::Capability::{self, Clone, Info, Mapping, ProcessVmos, Range};
use vmo_abi::{ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use crate::level::Level;
use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, READ_WRITE, Suite};

/// What is done to a VMO of eight pages, what it needs, and how many pages are
/// committed then.
type Row = (&'static str, &'static [Capability], fn(&mut Context<'_>, Handle) -> Checked, u64);

const ROWS: &[Row] = &[
    ("nothing", &[], |_, _| Ok(()), 0),
    ("a_byte", &[], |cx, vmo| cx.write(vmo, 5 * PAGE + 7, b"x"), 1),
    ("the_last_byte", &[], |cx, vmo| cx.write(vmo, 8 * PAGE - 1, b"x"), 1),
    ("across_a_border", &[], |cx, vmo| cx.write(vmo, PAGE - 1, b"xy"), 2),
    (
        "the_same_page_twice",
        &[],
        |cx, vmo| {
            cx.write(vmo, 0, b"x")?;
            cx.write(vmo, PAGE - 1, b"y")
        },
        1,
    ),
    (
        "two_pages_apart",
        &[],
        |cx, vmo| {
            cx.write(vmo, 0, b"x")?;
            cx.write(vmo, 7 * PAGE, b"y")
        },
        2,
    ),
    ("zeros", &[], |cx, vmo| cx.write(vmo, 0, &[0; 2 * PAGE as usize]), 2),
    ("no_bytes", &[], |cx, vmo| cx.write(vmo, PAGE, b""), 0),
    (
        "a_refused_write",
        &[],
        |cx, vmo| {
            cx.vmo_write(vmo, 8 * PAGE - 1, b"xy")?.is(vmo_abi::ZX_ERR_OUT_OF_RANGE).map(drop)
        },
        0,
    ),
    ("all", &[], |cx, vmo| cx.write(vmo, 0, &[1; 8 * PAGE as usize]), 8),
    (
        "shrunk",
        &[],
        |cx, vmo| {
            cx.write(vmo, 0, &[1; 8 * PAGE as usize])?;
            cx.resize(vmo, 3 * PAGE - 1)
        },
        3,
    ),
    (
        "shrunk_and_grown",
        &[],
        |cx, vmo| {
            cx.write(vmo, 0, &[1; 8 * PAGE as usize])?;
            cx.resize(vmo, PAGE)?;
            cx.resize(vmo, 8 * PAGE)
        },
        1,
    ),
    (
        "shrunk_to_nothing",
        &[],
        |cx, vmo| {
            cx.write(vmo, 0, &[1; 8 * PAGE as usize])?;
            cx.resize(vmo, 0)
        },
        0,
    ),
    ("grown", &[], |cx, vmo| cx.resize(vmo, 100 * PAGE), 0),
    ("commit", &[Range], |cx, vmo| cx.operate(vmo, ZX_VMO_OP_COMMIT, PAGE, 3 * PAGE), 3),
    ("commit_of_a_byte", &[Range], |cx, vmo| cx.operate(vmo, ZX_VMO_OP_COMMIT, PAGE - 1, 1), 1),
    (
        "commit_over_written",
        &[Range],
        |cx, vmo| {
            cx.write(vmo, PAGE, b"x")?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 8 * PAGE)
        },
        8,
    ),
    (
        "decommit",
        &[Range],
        |cx, vmo| {
            cx.write(vmo, 0, &[1; 8 * PAGE as usize])?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 2 * PAGE, 5 * PAGE)
        },
        3,
    ),
    (
        "decommit_of_all",
        &[Range],
        |cx, vmo| {
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 8 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 8 * PAGE)
        },
        0,
    ),
    ("mapping", &[Mapping], |cx, vmo| cx.map(vmo, 0, 8 * PAGE, READ_WRITE).map(drop), 0),
    (
        "store",
        &[Mapping],
        |cx, vmo| {
            let address = cx.map(vmo, 2 * PAGE, 4 * PAGE, READ_WRITE)?;
            cx.store_bytes(address, b"x")
        },
        1,
    ),
    (
        "a_refused_clone",
        &[Clone],
        |cx, vmo| cx.vmo_clone(vmo, 1, 1, PAGE)?.is(vmo_abi::ZX_ERR_INVALID_ARGS).map(drop),
        0,
    ),
    (
        "a_clone_of_it_written",
        &[Clone],
        |cx, vmo| {
            let clone = cx.clone_of(vmo, 0, 8 * PAGE)?;
            cx.write(clone, 0, &[1; 8 * PAGE as usize])
        },
        0,
    ),
];

pub(super) fn add(suite: &mut Suite) {
    suite.test("vmos_tells_that_a_write_commits", &["OBJ-INFO-30"], &[Info, ProcessVmos], |cx| {
        let vmo = cx.create(8 * PAGE)?;
        cx.write(vmo, 3 * PAGE - 1, b"xy")?;
        let committed = cx.committed(vmo)?;
        let whole = committed % PAGE == 0;
        cx.expect(committed >= 2 * PAGE && whole, "two pages or more", committed)
    });

    // Much of what is committed is nobody's promise (ND-08): the rest is held
    // against the kernel alone.
    for &(row, needs, act, pages) in ROWS {
        let needs: Vec<_> = [Info, ProcessVmos].into_iter().chain(needs.iter().copied()).collect();
        suite
            .test(
                format!("vmos_gives_committed_bytes::{row}"),
                &["OBJ-INFO-30"],
                &needs,
                move |cx| {
                    let vmo = cx.create(8 * PAGE)?;
                    let other = cx.create(8 * PAGE)?;
                    act(cx, vmo)?;
                    cx.expect_committed(vmo, pages * PAGE)?;
                    cx.expect_committed(other, 0)
                },
            )
            .at(Level::Kernel);
    }

    suite
        .test(
            "vmos_gives_what_a_clone_has_itself",
            &["OBJ-INFO-30"],
            &[Info, ProcessVmos, Clone, Range],
            |cx| {
                let vmo = cx.create_filled(4 * PAGE, 0x41)?;
                let clone = cx.clone_of(vmo, 0, 4 * PAGE)?;
                cx.expect_committed(clone, 0)?;
                cx.read(clone, 0, 4 * PAGE)?;
                cx.expect_committed(clone, 0)?;
                cx.write(clone, PAGE, b"c")?;
                cx.expect_committed(clone, PAGE)?;
                cx.operate(clone, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
                cx.expect_committed(clone, 3 * PAGE)?;
                cx.expect_committed(vmo, 4 * PAGE)?;
                cx.operate(clone, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE)?;
                cx.expect_committed(clone, 0)?;
                cx.expect_committed(vmo, 4 * PAGE)
            },
        )
        .at(Level::Kernel);
}
