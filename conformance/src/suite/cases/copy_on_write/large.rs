//! Clone families whose sizes and offsets need more than 32 bits.

use vmo_abi::Capability::{Clone, Mapping, Range};
use vmo_abi::{ZX_VMO_CLONE_COPY_ON_WRITE as COPY, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use super::pages::{clone, create, put, shows};
use crate::program::Handle;
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, READ_WRITE, Suite};

/// Positions that a number of too few bits mistakes for the start: in bytes,
/// and in pages.
const FAR: &[(&str, u64)] = &[
    ("2_to_31", 1 << 31),
    ("2_to_32", 1 << 32),
    ("2_to_43", 1 << 43),
    ("2_to_44", 1 << 44),
    ("2_to_48", 1 << 48),
    ("2_to_62", 1 << 62),
    ("2_to_63", 1 << 63),
];

/// A VMO with a page at the start and one at a far position. There is none if
/// memory does not suffice for one so large.
fn create_far(cx: &mut Context<'_>, far: u64) -> Checked<Option<Handle>> {
    let answer = cx.vmo_create(far + 2 * PAGE, 0)?;
    let Some(answer) = cx.ok_or_no_memory(answer)? else { return Ok(None) };
    let vmo = answer.handle(0);
    put(cx, vmo, 0, 'a')?;
    put(cx, vmo, far / PAGE, 'f')?;
    Ok(Some(vmo))
}

pub(super) fn add(suite: &mut Suite) {
    for &(name, far) in FAR {
        suite.test(
            format!("a_clone_from_far_on::{name}"),
            &["COW-01", "COW-02", "VMO-CLONE-01"],
            &[Clone],
            move |cx| {
                let Some(parent) = create_far(cx, far)? else { return Ok(()) };
                let copy = cx.clone_of(parent, far, 2 * PAGE)?;
                shows(cx, copy, "f.")?;
                put(cx, parent, far / PAGE + 1, 'g')?;
                put(cx, parent, 1, 'b')?;
                shows(cx, copy, "fg")
            },
        );
        suite.test(
            format!("a_far_page_is_copied::{name}"),
            &["COW-03", "COW-04", "COW-05"],
            &[Clone],
            move |cx| {
                let Some(parent) = create_far(cx, far)? else { return Ok(()) };
                let answer = cx.vmo_clone(parent, COPY, 0, far + 2 * PAGE)?;
                let Some(answer) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
                let copy = answer.handle(0);
                cx.write(copy, far + 5, b"x")?;
                cx.expect_bytes(parent, far, b"ffffff")?;
                put(cx, parent, far / PAGE, 'z')?;
                put(cx, parent, 0, 'y')?;
                cx.expect_bytes(copy, far, b"fffffxf")?;
                cx.expect_bytes(copy, 0, b"y")?;
                cx.expect_fill(copy, far + PAGE, PAGE, 0)
            },
        );
        suite.test(
            format!("far_pages_of_a_clone_are_told_apart::{name}"),
            &["COW-05", "COW-07", "COW-10"],
            &[Clone],
            move |cx| {
                let parent = create(cx, "a")?;
                let answer = cx.vmo_clone(parent, COPY, 0, far + PAGE)?;
                let Some(answer) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
                let copy = answer.handle(0);
                cx.expect_fill(copy, far, PAGE, 0)?;
                put(cx, copy, far / PAGE, 'x')?;
                shows(cx, copy, "a.")?;
                put(cx, copy, 0, 'y')?;
                cx.expect_fill(copy, far, PAGE, b'x')?;
                shows(cx, parent, "a")
            },
        );
        suite.test(format!("offsets_that_add_up_far::{name}"), &["COW-24"], &[Clone], move |cx| {
            let Some(root) = create_far(cx, far)? else { return Ok(()) };
            let middle = cx.clone_of(root, far / 2, far / 2 + 2 * PAGE)?;
            let below = cx.clone_of(middle, far / 2, 2 * PAGE)?;
            shows(cx, below, "f.")?;
            put(cx, middle, far / 2 / PAGE + 1, 'M')?;
            shows(cx, below, "fM")?;
            put(cx, root, far / PAGE, 'z')?;
            shows(cx, below, "zM")
        });
    }

    suite.test(
        "commit_and_decommit_far_away",
        &["COW-17", "COW-18", "COW-19"],
        &[Clone, Range],
        |cx| {
            let far = 1 << 44;
            let Some(parent) = create_far(cx, far)? else { return Ok(()) };
            let copy = cx.clone_of(parent, 0, far + 2 * PAGE)?;
            cx.operate(copy, ZX_VMO_OP_COMMIT, far, PAGE)?;
            put(cx, parent, far / PAGE, 'z')?;
            put(cx, parent, 0, 'y')?;
            cx.expect_fill(copy, far, PAGE, b'f')?;
            cx.expect_fill(copy, 0, PAGE, b'y')?;
            cx.operate(copy, ZX_VMO_OP_DECOMMIT, far, PAGE)?;
            cx.expect_fill(copy, far, PAGE, b'z')
        },
    );

    suite.test("a_mapping_of_a_far_part", &["COW-31", "COW-33"], &[Clone, Mapping], |cx| {
        let far = 1 << 44;
        let Some(parent) = create_far(cx, far)? else { return Ok(()) };
        let copy = cx.clone_of(parent, 0, far + 2 * PAGE)?;
        let at = cx.map(copy, far, 2 * PAGE, READ_WRITE)?;
        cx.expect_load(at, b"fff")?;
        cx.store_bytes(at, b"x")?;
        cx.expect_bytes(copy, far, b"xff")?;
        cx.expect_bytes(parent, far, b"fff")?;
        shows(cx, copy, "a")
    });

    suite.test("a_far_clone_grows", &["COW-30"], &[Clone], |cx| {
        let far = 1 << 44;
        let Some(parent) = create_far(cx, far)? else { return Ok(()) };
        let copy = clone(cx, parent, far / PAGE - 1, 1)?;
        shows(cx, copy, ".")?;
        cx.resize(copy, 3 * PAGE)?;
        shows(cx, copy, ".f.")
    });
}
