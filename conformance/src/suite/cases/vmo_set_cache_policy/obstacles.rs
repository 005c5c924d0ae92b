//! What stands in the way of setting a cache policy.

use vmo_abi::Capability::{CachePolicy, Clone, Handles, Mapping, Range, Regions};
use vmo_abi::{
    Capability, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_VM_FLAG_CAN_MAP_READ, ZX_VMO_OP_COMMIT,
    ZX_VMO_OP_DECOMMIT,
};

use super::POLICIES;
use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

/// Something in the way of setting a cache policy.
struct Obstacle {
    name: &'static str,
    clauses: &'static [&'static str],
    needs: &'static [Capability],
    /// Answers with a VMO of four pages and something that takes the obstacle
    /// away.
    make: fn(&mut Context<'_>) -> Checked<(Handle, Removal)>,
}

/// Takes an obstacle away from a VMO.
type Removal = Box<dyn FnOnce(&mut Context<'_>) -> Checked>;

/// Commits a page of a VMO of four pages by writing a byte.
fn written(cx: &mut Context<'_>, offset: u64) -> Checked<(Handle, Removal)> {
    let vmo = cx.create(4 * PAGE)?;
    cx.write(vmo, offset, b"x")?;
    Ok((vmo, Box::new(move |cx| cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE))))
}

/// Maps a part of a VMO of four pages.
fn mapped(cx: &mut Context<'_>, offset: u64, len: u64, flags: u32) -> Checked<(Handle, Removal)> {
    let vmo = cx.create(4 * PAGE)?;
    let address = cx.map(vmo, offset, len, flags)?;
    Ok((vmo, Box::new(move |cx| cx.vmar_unmap(Handle::Region, address, len)?.ok().map(drop))))
}

/// Clones a part of a VMO of four pages.
fn cloned(cx: &mut Context<'_>, offset: u64, size: u64) -> Checked<(Handle, Removal)> {
    let vmo = cx.create(4 * PAGE)?;
    let clone = cx.clone_of(vmo, offset, size)?;
    Ok((vmo, Box::new(move |cx| cx.close(clone))))
}

const OBSTACLES: &[Obstacle] = &[
    Obstacle {
        name: "first_page_written",
        clauses: &["VMO-CACHEPOL-08"],
        needs: &[CachePolicy, Range],
        make: |cx| written(cx, 0),
    },
    Obstacle {
        name: "middle_page_written",
        clauses: &["VMO-CACHEPOL-08"],
        needs: &[CachePolicy, Range],
        make: |cx| written(cx, 2 * PAGE + 7),
    },
    Obstacle {
        name: "last_page_written",
        clauses: &["VMO-CACHEPOL-08"],
        needs: &[CachePolicy, Range],
        make: |cx| written(cx, 4 * PAGE - 1),
    },
    Obstacle {
        name: "a_page_committed",
        clauses: &["VMO-CACHEPOL-08"],
        needs: &[CachePolicy, Range],
        make: |cx| {
            let vmo = cx.create(4 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 3 * PAGE, PAGE)?;
            Ok((vmo, Box::new(move |cx| cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE))))
        },
    },
    Obstacle {
        name: "a_page_stored_to",
        clauses: &["VMO-CACHEPOL-08"],
        needs: &[CachePolicy, Range, Mapping],
        make: |cx| {
            let vmo = cx.create(4 * PAGE)?;
            let address = cx.map(vmo, 0, 4 * PAGE, READ_WRITE)?;
            cx.store_bytes(plus(address, PAGE), b"x")?;
            cx.vmar_unmap(Handle::Region, address, 4 * PAGE)?.ok()?;
            Ok((vmo, Box::new(move |cx| cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE))))
        },
    },
    Obstacle {
        name: "mapped_readable",
        clauses: &["VMO-CACHEPOL-09"],
        needs: &[CachePolicy, Mapping],
        make: |cx| mapped(cx, 0, 4 * PAGE, READ_ONLY),
    },
    Obstacle {
        name: "mapped_writable",
        clauses: &["VMO-CACHEPOL-09"],
        needs: &[CachePolicy, Mapping],
        make: |cx| mapped(cx, 0, 4 * PAGE, READ_WRITE),
    },
    Obstacle {
        name: "mapped_without_permissions",
        clauses: &["VMO-CACHEPOL-09"],
        needs: &[CachePolicy, Mapping],
        make: |cx| mapped(cx, 0, PAGE, 0),
    },
    Obstacle {
        name: "last_page_mapped",
        clauses: &["VMO-CACHEPOL-09"],
        needs: &[CachePolicy, Mapping],
        make: |cx| mapped(cx, 3 * PAGE, PAGE, READ_ONLY),
    },
    Obstacle {
        name: "mapped_beyond_its_end",
        clauses: &["VMO-CACHEPOL-09"],
        needs: &[CachePolicy, Mapping],
        make: |cx| mapped(cx, 8 * PAGE, PAGE, READ_ONLY),
    },
    Obstacle {
        name: "mapped_through_another_handle",
        clauses: &["VMO-CACHEPOL-09"],
        needs: &[CachePolicy, Mapping, Handles],
        make: |cx| {
            let vmo = cx.create(4 * PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            let address = cx.map(second, 0, PAGE, READ_ONLY)?;
            cx.close(second)?;
            Ok((
                vmo,
                Box::new(move |cx| cx.vmar_unmap(Handle::Region, address, PAGE)?.ok().map(drop)),
            ))
        },
    },
    Obstacle {
        name: "partly_unmapped",
        clauses: &["VMO-CACHEPOL-09"],
        needs: &[CachePolicy, Mapping],
        make: |cx| {
            let vmo = cx.create(4 * PAGE)?;
            let address = cx.map(vmo, 0, 4 * PAGE, READ_ONLY)?;
            cx.vmar_unmap(Handle::Region, plus(address, PAGE), 2 * PAGE)?.ok()?;
            Ok((
                vmo,
                Box::new(move |cx| {
                    cx.vmar_unmap(Handle::Region, address, 4 * PAGE)?.ok().map(drop)
                }),
            ))
        },
    },
    Obstacle {
        name: "mapped_in_a_region",
        clauses: &["VMO-CACHEPOL-09"],
        needs: &[CachePolicy, Mapping, Regions],
        make: |cx| {
            let vmo = cx.create(4 * PAGE)?;
            let (region, _) = cx.allocate(16 * PAGE, ZX_VM_FLAG_CAN_MAP_READ)?;
            cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY)?.ok()?;
            Ok((vmo, Box::new(move |cx| cx.vmar_destroy(region)?.ok().map(drop))))
        },
    },
    Obstacle {
        name: "has_a_clone",
        clauses: &["VMO-CACHEPOL-10"],
        needs: &[CachePolicy, Clone],
        make: |cx| cloned(cx, 0, 4 * PAGE),
    },
    Obstacle {
        name: "has_a_clone_of_size_0",
        clauses: &["VMO-CACHEPOL-10"],
        needs: &[CachePolicy, Clone],
        make: |cx| cloned(cx, 0, 0),
    },
    Obstacle {
        name: "has_a_clone_beyond_its_end",
        clauses: &["VMO-CACHEPOL-10"],
        needs: &[CachePolicy, Clone],
        make: |cx| cloned(cx, 8 * PAGE, PAGE),
    },
    Obstacle {
        name: "has_a_grandchild_only",
        clauses: &["VMO-CACHEPOL-10"],
        needs: &[CachePolicy, Clone],
        make: |cx| {
            let vmo = cx.create(4 * PAGE)?;
            let clone = cx.clone_of(vmo, 0, PAGE)?;
            let grandchild = cx.clone_of(clone, 0, PAGE)?;
            cx.close(clone)?;
            Ok((vmo, Box::new(move |cx| cx.close(grandchild))))
        },
    },
];

pub(super) fn add(suite: &mut Suite) {
    for obstacle in OBSTACLES {
        for policy in POLICIES {
            // The policy that it already has is refused like any other.
            suite.test(
                format!("refused_while::{}::{policy}", obstacle.name),
                if policy == 0 { &["VMO-CACHEPOL-13"] } else { obstacle.clauses },
                obstacle.needs,
                move |cx| {
                    let (vmo, _) = (obstacle.make)(cx)?;
                    cx.vmo_set_cache_policy(vmo, policy)?.is(ZX_ERR_BAD_STATE).map(drop)
                },
            );
        }

        suite.test(
            format!("refusal_leaves_the_policy::{}", obstacle.name),
            &["VMO-CACHEPOL-21"],
            obstacle.needs,
            |cx| {
                let (vmo, _) = (obstacle.make)(cx)?;
                cx.vmo_set_cache_policy(vmo, 1)?.is(ZX_ERR_BAD_STATE)?;
                cx.vmo_read(vmo, 0, PAGE)?.ok()?;
                cx.write(vmo, 0, b"cached")?;
                cx.expect_bytes(vmo, 0, b"cached")
            },
        );

        suite.test(
            format!("accepted_again_after::{}", obstacle.name),
            &["VMO-CACHEPOL-16"],
            obstacle.needs,
            |cx| {
                let (vmo, remove) = (obstacle.make)(cx)?;
                cx.vmo_set_cache_policy(vmo, 1)?.is(ZX_ERR_BAD_STATE)?;
                remove(cx)?;
                cx.vmo_set_cache_policy(vmo, 1)?.ok()?;
                super::expect_cached(cx, vmo, false)
            },
        );
    }

    clones(suite);
    reads(suite);
    leftovers(suite);
}

fn clones(suite: &mut Suite) {
    for policy in POLICIES {
        let clauses: &[&str] =
            if policy == 0 { &["VMO-CACHEPOL-13"] } else { &["VMO-CACHEPOL-11"] };
        suite.test(
            format!("refused_on_a_clone::{policy}"),
            clauses,
            &[CachePolicy, Clone],
            move |cx| {
                let parent = cx.create(2 * PAGE)?;
                for (offset, size) in [(0, 2 * PAGE), (0, 0), (8 * PAGE, PAGE)] {
                    let clone = cx.clone_of(parent, offset, size)?;
                    cx.vmo_set_cache_policy(clone, policy)?.is(ZX_ERR_BAD_STATE)?;
                    cx.close(clone)?;
                }
                Ok(())
            },
        );

        suite.test(
            format!("refused_on_a_clone_without_parent::{policy}"),
            &["VMO-CACHEPOL-12"],
            &[CachePolicy, Clone],
            move |cx| {
                let parent = cx.create(PAGE)?;
                let clone = cx.clone_of(parent, 0, PAGE)?;
                cx.close(parent)?;
                cx.vmo_set_cache_policy(clone, policy)?.is(ZX_ERR_BAD_STATE)?;
                cx.expect_fill(clone, 0, PAGE, 0)
            },
        );
    }

    suite.test("one_of_two_clones_is_enough", &["VMO-CACHEPOL-10"], &[CachePolicy, Clone], |cx| {
        let parent = cx.create(PAGE)?;
        let (first, second) = (cx.clone_of(parent, 0, PAGE)?, cx.clone_of(parent, 0, PAGE)?);
        cx.close(first)?;
        cx.vmo_set_cache_policy(parent, 1)?.is(ZX_ERR_BAD_STATE)?;
        cx.close(second)?;
        cx.vmo_set_cache_policy(parent, 1)?.ok().map(drop)
    });

    suite.test(
        "a_mapped_clone_without_handles_is_enough",
        &["VMO-CACHEPOL-10"],
        &[CachePolicy, Clone, Mapping],
        |cx| {
            let parent = cx.create(PAGE)?;
            let clone = cx.clone_of(parent, 0, PAGE)?;
            let address = cx.map(clone, 0, PAGE, READ_ONLY)?;
            cx.close(clone)?;
            cx.vmo_set_cache_policy(parent, 1)?.is(ZX_ERR_BAD_STATE)?;
            cx.vmar_unmap(Handle::Region, address, PAGE)?.ok()?;
            cx.vmo_set_cache_policy(parent, 1)?.ok().map(drop)
        },
    );

    suite.test(
        "a_refused_clone_is_no_obstacle",
        &["VMO-CACHEPOL-16"],
        &[CachePolicy, Clone],
        |cx| {
            let vmo = cx.create(PAGE)?;
            cx.vmo_clone(vmo, 1, 1, PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
            cx.vmo_clone(vmo, 0, 0, PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
            cx.vmo_set_cache_policy(vmo, 1)?.ok().map(drop)
        },
    );
}

fn reads(suite: &mut Suite) {
    for (name, offset, len) in [("a_byte", PAGE, 1), ("everything", 0, 4 * PAGE)] {
        suite.test(
            format!("reading_is_no_obstacle::{name}"),
            &["VMO-CACHEPOL-17"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                cx.expect_fill(vmo, offset, len, 0)?;
                cx.vmo_set_cache_policy(vmo, 1)?.ok().map(drop)
            },
        );

        suite.test(
            format!("reading_through_a_mapping_is_no_obstacle::{name}"),
            &["VMO-CACHEPOL-17"],
            &[CachePolicy, Mapping],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                for flags in [READ_ONLY, READ_WRITE] {
                    let address = cx.map(vmo, 0, 4 * PAGE, flags)?;
                    cx.expect_load(plus(address, offset), &vec![0; len as usize])?;
                    cx.vmar_unmap(Handle::Region, address, 4 * PAGE)?.ok()?;
                }
                cx.vmo_set_cache_policy(vmo, 1)?.ok().map(drop)
            },
        );
    }
}

fn leftovers(suite: &mut Suite) {
    suite.test(
        "one_of_two_mappings_is_enough",
        &["VMO-CACHEPOL-09"],
        &[CachePolicy, Mapping],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let first = cx.map(vmo, 0, PAGE, READ_ONLY)?;
            let second = cx.map(vmo, 0, PAGE, READ_ONLY)?;
            cx.vmar_unmap(Handle::Region, first, PAGE)?.ok()?;
            cx.vmo_set_cache_policy(vmo, 1)?.is(ZX_ERR_BAD_STATE)?;
            cx.vmar_unmap(Handle::Region, second, PAGE)?.ok()?;
            cx.vmo_set_cache_policy(vmo, 1)?.ok().map(drop)
        },
    );

    suite.test("one_of_two_pages_is_enough", &["VMO-CACHEPOL-08"], &[CachePolicy, Range], |cx| {
        let vmo = cx.create(4 * PAGE)?;
        cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)?;
        for page in [0, 3, 1] {
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, page * PAGE, PAGE)?;
            cx.vmo_set_cache_policy(vmo, 1)?.is(ZX_ERR_BAD_STATE)?;
        }
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 2 * PAGE, PAGE)?;
        cx.vmo_set_cache_policy(vmo, 1)?.ok().map(drop)
    });

    suite.test(
        "shrinking_takes_committed_pages_away",
        &["VMO-CACHEPOL-16"],
        &[CachePolicy],
        |cx| {
            let vmo = cx.create(3 * PAGE)?;
            cx.write(vmo, 2 * PAGE, b"x")?;
            cx.vmo_set_cache_policy(vmo, 1)?.is(ZX_ERR_BAD_STATE)?;
            cx.resize(vmo, 2 * PAGE)?;
            cx.vmo_set_cache_policy(vmo, 1)?.ok().map(drop)
        },
    );

    suite.test(
        "another_handle_is_no_obstacle",
        &["VMO-CACHEPOL-01"],
        &[CachePolicy, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            cx.vmo_set_cache_policy(second, 1)?.ok()?;
            super::expect_cached(cx, vmo, false)
        },
    );
}
