//! Where pages and kernel differ about copies: C-19, C-26 and C-27.

use vmo_abi::Capability::{Clone, Info, Mapping, ProcessVmos, Range};
use vmo_abi::{ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_READ, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use super::pages::{clone, create, map, put, put_at, shows, shows_at};
use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, READ_ONLY, READ_WRITE, Side, Suite, plus};

pub(super) fn add(suite: &mut Suite) {
    add_middles(suite);
    add_eager_mappings(suite);
    add_eager_mappings_of_the_kernel(suite);
    add_late_permissions(suite);
}

/// Expects the first pages of a VMO to be these by the kernel, or those by the
/// pages, and notes which.
fn shows_either(
    cx: &mut Context<'_>,
    conflict: &'static str,
    vmo: Handle,
    (kernel, page): (&str, &str),
) -> Checked<Side> {
    let side = match shows(cx, vmo, kernel) {
        Ok(()) => Side::Kernel,
        Err(failure) if cx.level() == Level::Kernel => {
            cx.takes(conflict, Side::Page);
            return Err(failure);
        }
        Err(_) => {
            shows(cx, vmo, page)?;
            Side::Page
        }
    };
    cx.takes(conflict, side);
    Ok(side)
}

/// What is done to the second page of the grandchild.
type Touch = fn(&mut Context<'_>, Handle) -> Checked;

const TOUCHES: &[(&str, &[vmo_abi::Capability], Touch, &str)] = &[
    ("write", &[Clone], |cx, below| put(cx, below, 1, 'x'), "x"),
    (
        "store",
        &[Clone, Mapping],
        |cx, below| {
            let at = map(cx, below, 2)?;
            put_at(cx, at, 1, 'x')
        },
        "x",
    ),
    ("commit", &[Clone, Range], |cx, below| cx.operate(below, ZX_VMO_OP_COMMIT, PAGE, PAGE), "b"),
];

fn add_middles(suite: &mut Suite) {
    for &(name, needs, touch, letter) in TOUCHES {
        // At the level of the pages it is open what the middle clone shows.
        suite
            .test(
                format!("the_middle_follows_the_root_or_not::{name}"),
                &["COW-27", "COW-26"],
                needs,
                move |cx| {
                    let root = create(cx, "abc")?;
                    let middle = clone(cx, root, 0, 3)?;
                    let below = clone(cx, middle, 0, 3)?;
                    touch(cx, below)?;
                    shows(cx, middle, "abc")?;
                    shows(cx, root, "abc")?;
                    for (page, letter) in (0..).zip("ryz".chars()) {
                        put(cx, root, page, letter)?;
                    }
                    shows_either(cx, "C-26", middle, ("rbz", "ryz"))?;
                    let below_shows = shows(cx, below, &format!("r{letter}z"));
                    match below_shows {
                        // What was only committed may follow by the pages.
                        Err(_) if letter == "b" && cx.level() != Level::Kernel => {
                            shows(cx, below, "ryz")
                        }
                        judged => judged,
                    }
                },
            )
            .at(Level::Page);
    }
}

/// Maps all of a VMO with `MAP_RANGE`.
fn map_eagerly(cx: &mut Context<'_>, vmo: Handle, pages: u64, flags: u32) -> Checked<Address> {
    cx.map(vmo, 0, pages * PAGE, flags | ZX_VM_FLAG_MAP_RANGE)
}

fn add_eager_mappings(suite: &mut Suite) {
    for (name, flags) in [("read_only", READ_ONLY), ("read_write", READ_WRITE)] {
        suite
            .test(
                format!("an_eager_mapping_detaches_or_not::{name}"),
                &["COW-34"],
                &[Clone, Mapping],
                move |cx| {
                    let parent = create(cx, "ab.")?;
                    let copy = clone(cx, parent, 0, 4)?;
                    let at = map_eagerly(cx, copy, 3, flags)?;
                    shows_at(cx, at, "ab.")?;
                    shows(cx, copy, "ab..")?;
                    put(cx, parent, 0, 'x')?;
                    put(cx, parent, 1, 'y')?;
                    put(cx, parent, 2, 'z')?;
                    // What no ancestor had goes on following.
                    let side = shows_either(cx, "C-19", copy, ("abz.", "xyz."))?;
                    shows_at(cx, at, if side == Side::Kernel { "abz" } else { "xyz" })
                },
            )
            .at(Level::Page);
    }

    suite.test(
        "an_eager_mapping_shows_what_a_lazy_one_does",
        &["COW-01"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab.d")?;
            let copy = clone(cx, parent, 1, 4)?;
            put(cx, copy, 2, 'X')?;
            let at = map_eagerly(cx, copy, 4, READ_WRITE)?;
            shows_at(cx, at, "b.X.")?;
            shows(cx, parent, "ab.d")
        },
    );

    suite.test("a_store_to_an_eager_mapping_stays_private", &["COW-05"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab.")?;
        let copy = clone(cx, parent, 0, 3)?;
        let at = map_eagerly(cx, copy, 3, READ_WRITE)?;
        put_at(cx, at, 0, 'x')?;
        put_at(cx, at, 2, 'z')?;
        shows(cx, copy, "xbz")?;
        shows(cx, parent, "ab.")
    });

    suite.test("an_eager_mapping_of_a_parent_is_a_mapping", &["COW-02"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab.")?;
        let copy = clone(cx, parent, 0, 3)?;
        let at = map_eagerly(cx, parent, 3, READ_WRITE)?;
        put_at(cx, at, 1, 'x')?;
        put_at(cx, at, 2, 'y')?;
        shows(cx, copy, "axy")
    });
}

/// Which pages an eager mapping detaches in the kernel.
fn add_eager_mappings_of_the_kernel(suite: &mut Suite) {
    suite.test("an_eager_mapping_detaches_its_range_only", &["COW-34"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "abcd")?;
        let copy = clone(cx, parent, 0, 4)?;
        map_eagerly(cx, copy, 2, READ_ONLY)?;
        for page in 0..4 {
            put(cx, parent, page, 'z')?;
        }
        shows(cx, copy, "abzz")
    });

    suite.test(
        "an_eager_mapping_with_an_offset_in_the_family",
        &["COW-34", "COW-24"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab.de")?;
            let copy = clone(cx, parent, 1, 3)?;
            map_eagerly(cx, copy, 3, READ_ONLY)?;
            for page in 0..5 {
                put(cx, parent, page, 'z')?;
            }
            shows(cx, copy, "bzd")
        },
    );

    suite.test(
        "an_eager_mapping_copies_on_the_way",
        &["COW-34", "COW-27"],
        &[Clone, Mapping],
        |cx| {
            let root = create(cx, "abc")?;
            let middle = clone(cx, root, 0, 3)?;
            let below = clone(cx, middle, 0, 3)?;
            put(cx, middle, 1, 'M')?;
            map_eagerly(cx, below, 2, READ_ONLY)?;
            for page in 0..3 {
                put(cx, root, page, 'z')?;
            }
            put(cx, middle, 1, 'N')?;
            shows(cx, middle, "aNz")?;
            shows(cx, below, "aMz")
        },
    );

    suite.test("an_eager_mapping_stops_at_the_end", &["COW-34"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 2)?;
        let at = map_eagerly(cx, copy, 4, READ_WRITE)?;
        put(cx, parent, 1, 'z')?;
        shows_at(cx, at, "ab")?;
        cx.expect_load_fault(plus(at, 2 * PAGE))?;
        cx.resize(copy, 3 * PAGE)?;
        put(cx, parent, 2, 'y')?;
        shows_at(cx, at, "aby")
    });

    suite.test(
        "an_eager_mapping_commits_what_ancestors_have",
        &["COW-34", "COW-36"],
        &[Clone, Mapping, Info, ProcessVmos],
        |cx| {
            let parent = create(cx, "ab..")?;
            let copy = clone(cx, parent, 0, 5)?;
            put(cx, copy, 2, 'X')?;
            map_eagerly(cx, copy, 5, READ_ONLY)?;
            cx.expect_committed(copy, 3 * PAGE)?;
            cx.expect_committed(parent, 2 * PAGE)
        },
    );

    suite.test(
        "decommit_undoes_an_eager_mapping",
        &["COW-34", "COW-19"],
        &[Clone, Mapping, Range],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            let at = map_eagerly(cx, copy, 2, READ_ONLY)?;
            put(cx, parent, 1, 'z')?;
            cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)?;
            shows_at(cx, at, "az")
        },
    );

    suite.test("a_lazy_mapping_detaches_nothing", &["COW-34", "COW-08"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        let at = cx.map(copy, 0, 2 * PAGE, ZX_VM_FLAG_PERM_READ)?;
        shows_at(cx, at, "ab")?;
        put(cx, parent, 0, 'x')?;
        shows_at(cx, at, "xb")
    });
}

/// A page that was read through a mapping may be entered in the page table when
/// the mapping becomes writable; it must not become writable with it.
fn add_late_permissions(suite: &mut Suite) {
    for (name, letters, below) in [
        ("the_parents_page", "ab", false),
        ("the_page_of_zeros", "..", false),
        ("the_roots_page", "ab", true),
    ] {
        suite
            .test(
                format!("a_mapping_made_writable_after_a_load::{name}"),
                &["COW-35", "VMAR-PROTECT-16"],
                &[Clone, Mapping],
                move |cx| {
                    let root = create(cx, letters)?;
                    let parent = if below { clone(cx, root, 0, 2)? } else { root };
                    let copy = clone(cx, parent, 0, 2)?;
                    let other = cx.create(2 * PAGE)?;
                    let at = cx.map(copy, 0, 2 * PAGE, READ_ONLY)?;
                    shows_at(cx, at, letters)?;
                    cx.vmar_protect(Handle::Region, at, 2 * PAGE, READ_WRITE)?.ok()?;
                    cx.store_bytes(at, b"x")?;
                    cx.store_bytes(plus(at, 2 * PAGE - 1), b"y")?;
                    let is_private = shows(cx, root, letters).is_ok();
                    cx.takes("C-27", if is_private { Side::Page } else { Side::Kernel });
                    for vmo in [root, parent] {
                        shows(cx, vmo, letters)?;
                    }
                    shows(cx, other, "..")?;
                    cx.expect_bytes(copy, 0, b"x")?;
                    cx.expect_bytes(copy, 2 * PAGE - 1, b"y")?;
                    put(cx, root, 0, 'z')?;
                    cx.expect_bytes(copy, 0, b"x")
                },
            )
            .hazard();
    }
}
