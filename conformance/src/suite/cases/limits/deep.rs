//! Long chains of clones.

use vmo_abi::Capability::{Clone, Mapping, Range, Signals};
use vmo_abi::{ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_ZERO_CHILDREN};

use crate::program::Handle;
use crate::suite::cases::copy_on_write::pages::{clone, create, map, put, put_at, shows, shows_at};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, Suite};

/// How many clones follow one another, and whether a real kernel survives it:
/// that of June 2018 recursed along them, and ran out of stack in a write through
/// 48 and in other calls a little later.
const DEPTHS: &[(u64, bool)] =
    &[(3, true), (8, true), (16, true), (32, true), (48, false), (64, false), (2000, false)];

/// Clones a clone so often, each time all of it, and closes those in between.
fn newest_of(cx: &mut Context<'_>, root: Handle, depth: u64, pages: u64) -> Checked<Handle> {
    let mut newest = clone(cx, root, 0, pages)?;
    for _ in 1..depth {
        let next = clone(cx, newest, 0, pages)?;
        cx.close(newest)?;
        newest = next;
    }
    Ok(newest)
}

/// A test at each depth, with the depth as its last argument.
fn at_each_depth(
    suite: &mut Suite,
    name: &str,
    clauses: &'static [&'static str],
    needs: &[vmo_abi::Capability],
    body: fn(&mut Context<'_>, u64) -> Checked,
) {
    for &(depth, is_survived) in DEPTHS {
        let test =
            suite.test(format!("{name}::{depth}"), clauses, needs, move |cx| body(cx, depth));
        if !is_survived {
            test.hazard();
        }
    }
}

pub(super) fn add(suite: &mut Suite) {
    at_each_depth(suite, "a_deep_clone_reads", &["COW-23", "COW-15"], &[Clone], |cx, depth| {
        let root = create(cx, "ab.")?;
        let newest = newest_of(cx, root, depth, 4)?;
        shows(cx, newest, "ab..")?;
        put(cx, root, 1, 'x')?;
        put(cx, root, 2, 'y')?;
        shows(cx, newest, "axy.")?;
        cx.close(root)?;
        shows(cx, newest, "axy.")
    });

    at_each_depth(
        suite,
        "a_deep_clone_is_written",
        &["COW-26", "COW-23"],
        &[Clone],
        |cx, depth| {
            let root = create(cx, "ab.")?;
            let newest = newest_of(cx, root, depth, 3)?;
            cx.write(newest, PAGE + 1, b"x")?;
            put(cx, newest, 2, 'y')?;
            cx.expect_bytes(newest, PAGE - 1, b"abxb")?;
            shows(cx, root, "ab.")?;
            put(cx, root, 1, 'z')?;
            put(cx, root, 0, 'z')?;
            cx.expect_bytes(newest, PAGE - 1, b"zbxb")?;
            cx.expect_fill(newest, 2 * PAGE, PAGE, b'y')
        },
    );

    at_each_depth(suite, "deep_offsets_add_up", &["COW-24"], &[Clone], |cx, depth| {
        let root = cx.create((depth + 2) * PAGE)?;
        put(cx, root, depth, 'd')?;
        put(cx, root, depth - 1, 'c')?;
        put(cx, root, depth + 1, 'e')?;
        let mut newest = root;
        for generation in 1..=depth {
            newest = clone(cx, newest, 1, depth + 2 - generation)?;
        }
        shows(cx, newest, "de")?;
        put(cx, root, depth, 'x')?;
        shows(cx, newest, "xe")
    });

    at_each_depth(suite, "the_middle_of_a_deep_chain_hides", &["COW-23"], &[Clone], |cx, depth| {
        let root = create(cx, "abc")?;
        let middle = newest_of(cx, root, depth / 2, 3)?;
        let newest = newest_of(cx, middle, depth - depth / 2, 3)?;
        put(cx, middle, 1, 'M')?;
        put(cx, root, 1, 'x')?;
        put(cx, root, 2, 'y')?;
        shows(cx, newest, "aMy")?;
        cx.resize(middle, 2 * PAGE)?;
        shows(cx, newest, "aM.")?;
        shows(cx, root, "axy")
    });

    at_each_depth(suite, "the_root_of_a_deep_chain_shrinks", &["COW-12"], &[Clone], |cx, depth| {
        let root = create(cx, "ab")?;
        let newest = newest_of(cx, root, depth, 2)?;
        cx.resize(root, PAGE)?;
        shows(cx, newest, "a.")?;
        cx.resize(root, 0)?;
        shows(cx, newest, "..")
    });

    at_each_depth(
        suite,
        "a_deep_chain_goes_with_its_newest",
        &["SIG-ZC-12", "HANDLE-CLOSE-06"],
        &[Clone, Signals],
        |cx, depth| {
            let root = create(cx, "ab")?;
            let newest = newest_of(cx, root, depth, 2)?;
            cx.expect_signals(root, 0)?;
            cx.close(newest)?;
            cx.expect_signals(root, ZX_VMO_ZERO_CHILDREN)?;
            shows(cx, root, "ab")
        },
    );

    at_each_depth(
        suite,
        "a_deep_clone_commits",
        &["COW-17", "COW-18", "COW-19"],
        &[Clone, Range],
        |cx, depth| {
            let root = create(cx, "ab.")?;
            let newest = newest_of(cx, root, depth, 3)?;
            cx.operate(newest, ZX_VMO_OP_COMMIT, PAGE, 2 * PAGE)?;
            for page in 0..3 {
                put(cx, root, page, 'z')?;
            }
            shows(cx, newest, "zb.")?;
            cx.operate(newest, ZX_VMO_OP_DECOMMIT, 2 * PAGE, PAGE)?;
            shows(cx, newest, "zbz")
        },
    );

    at_each_depth(
        suite,
        "a_mapping_of_a_deep_clone_is_refreshed",
        &["COW-32", "COW-33"],
        &[Clone, Mapping],
        |cx, depth| {
            let root = create(cx, "ab.")?;
            let newest = newest_of(cx, root, depth, 3)?;
            let at = map(cx, newest, 3)?;
            shows_at(cx, at, "ab.")?;
            put(cx, root, 0, 'x')?;
            put(cx, root, 2, 'y')?;
            shows_at(cx, at, "xby")?;
            put_at(cx, at, 1, 'z')?;
            shows(cx, root, "xby")?;
            shows(cx, newest, "xzy")
        },
    );
}
