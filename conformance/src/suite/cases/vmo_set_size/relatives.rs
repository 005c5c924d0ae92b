//! Mappings and clones of a VMO that is resized.

use vmo_abi::Capability::{Clone, Mapping};

use crate::suite::cases::vmo_read::{create_old, old_bytes};
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Suite, plus};

pub(super) fn add(suite: &mut Suite) {
    mapped(suite);
    beyond_the_end(suite);
    clones(suite);
}

fn mapped(suite: &mut Suite) {
    for (name, size) in [("grow", 6 * PAGE), ("shrink", PAGE), ("same", 3 * PAGE), ("to_0", 0)] {
        suite.test(
            format!("a_mapped_vmo_can_be_resized::{name}"),
            &["VMO-SETSIZE-15"],
            &[Mapping],
            move |cx| {
                let vmo = create_old(cx, 3)?;
                let address = cx.map(vmo, 0, 3 * PAGE, READ_WRITE)?;
                cx.expect_load(address, &old_bytes(3 * PAGE))?;
                cx.resize(vmo, size)?;
                cx.expect_size(vmo, size)?;
                // What is mapped and still there goes on being shown.
                let kept = size.min(3 * PAGE);
                cx.expect_load(address, &old_bytes(kept))
            },
        );
    }

    suite.test("a_mapping_outlives_shrinking_and_growing", &["VMO-SETSIZE-15"], &[Mapping], |cx| {
        let vmo = create_old(cx, 2)?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        cx.resize(vmo, PAGE)?;
        cx.resize(vmo, 2 * PAGE)?;
        cx.store_bytes(plus(address, 5), b"still mapped")?;
        cx.expect_bytes(vmo, 5, b"still mapped")?;
        cx.write(vmo, 20, b"both ways")?;
        cx.expect_load(plus(address, 20), b"both ways")
    });
}

fn beyond_the_end(suite: &mut Suite) {
    for (name, asked, pages) in [
        ("to_0", 0, 0),
        ("to_1", 1, 1),
        ("to_a_page", PAGE, 1),
        ("to_2_pages_less_1", 2 * PAGE - 1, 2),
    ] {
        suite.test(
            format!("touching_beyond_the_new_end_faults::{name}"),
            &["VMO-SETSIZE-16"],
            &[Mapping],
            move |cx| {
                let vmo = create_old(cx, 3)?;
                let address = cx.map(vmo, 0, 3 * PAGE, READ_WRITE)?;
                // Every page has been touched before.
                cx.expect_load(address, &old_bytes(3 * PAGE))?;
                cx.store_bytes(plus(address, 2 * PAGE), b"x")?;
                cx.resize(vmo, asked)?;
                for page in pages..3 {
                    cx.expect_load_fault(plus(address, page * PAGE))?;
                    cx.expect_store_fault(plus(address, (page + 1) * PAGE - 1))?;
                }
                for page in 0..pages {
                    cx.load(plus(address, (page + 1) * PAGE - 1), 1)?.ok()?;
                    cx.store_bytes(plus(address, page * PAGE), b"y")?;
                }
                Ok(())
            },
        );
    }

    suite.test("a_faulting_store_commits_nothing", &["VMO-SETSIZE-16"], &[Mapping], |cx| {
        let vmo = create_old(cx, 2)?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        cx.resize(vmo, PAGE)?;
        cx.expect_store_fault(plus(address, PAGE))?;
        cx.resize(vmo, 2 * PAGE)?;
        cx.expect_fill(vmo, PAGE, PAGE, 0)
    });

    suite.test(
        "a_mapping_at_an_offset_faults_by_the_new_end",
        &["VMO-SETSIZE-16"],
        &[Mapping],
        |cx| {
            let vmo = create_old(cx, 4)?;
            let address = cx.map(vmo, 2 * PAGE, 2 * PAGE, READ_ONLY)?;
            cx.expect_load(address, &old_bytes(4 * PAGE)[2 * PAGE as usize..])?;
            cx.resize(vmo, 3 * PAGE)?;
            cx.load(address, 1)?.ok()?;
            cx.expect_load_fault(plus(address, PAGE))?;
            cx.resize(vmo, 2 * PAGE)?;
            cx.expect_load_fault(address)
        },
    );

    suite.test("every_mapping_faults", &["VMO-SETSIZE-16"], &[Mapping], |cx| {
        let vmo = create_old(cx, 2)?;
        let first = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        let second = cx.map(vmo, PAGE, PAGE, READ_ONLY)?;
        cx.expect_load(second, &old_bytes(2 * PAGE)[PAGE as usize..])?;
        cx.resize(vmo, PAGE)?;
        cx.expect_load_fault(plus(first, PAGE))?;
        cx.expect_load_fault(second)
    });

    suite.test(
        "after_growing_again_the_mapping_shows_zeros",
        &["VMO-SETSIZE-17"],
        &[Mapping],
        |cx| {
            let vmo = create_old(cx, 3)?;
            let address = cx.map(vmo, 0, 3 * PAGE, READ_WRITE)?;
            cx.expect_load(address, &old_bytes(3 * PAGE))?;
            cx.resize(vmo, PAGE)?;
            cx.resize(vmo, 3 * PAGE)?;
            cx.expect_load(address, &old_bytes(PAGE))?;
            cx.expect_load(plus(address, PAGE), &[0; 2 * PAGE as usize])?;
            cx.store_bytes(plus(address, 2 * PAGE), b"stored")?;
            cx.expect_bytes(vmo, 2 * PAGE, b"stored\0")
        },
    );

    suite.test(
        "after_a_fault_and_growing_the_mapping_is_usable",
        &["VMO-SETSIZE-17"],
        &[Mapping],
        |cx| {
            let vmo = create_old(cx, 2)?;
            let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
            cx.resize(vmo, PAGE)?;
            cx.expect_load_fault(plus(address, PAGE))?;
            cx.resize(vmo, 2 * PAGE)?;
            cx.expect_load(plus(address, PAGE), &[0; PAGE as usize])?;
            cx.write(vmo, PAGE, b"written")?;
            cx.expect_load(plus(address, PAGE), b"written\0")
        },
    );

    suite.test(
        "growing_reaches_a_mapping_beyond_the_old_end",
        &["VMO-SETSIZE-17"],
        &[Mapping],
        |cx| {
            let vmo = create_old(cx, 1)?;
            let address = cx.map(vmo, 0, 3 * PAGE, READ_WRITE)?;
            cx.expect_load_fault(plus(address, PAGE))?;
            cx.resize(vmo, 2 * PAGE)?;
            cx.expect_load(plus(address, PAGE), &[0; 16])?;
            cx.expect_load_fault(plus(address, 2 * PAGE))?;
            cx.resize(vmo, 3 * PAGE)?;
            cx.store_bytes(plus(address, 2 * PAGE), b"reached")?;
            cx.expect_bytes(vmo, 2 * PAGE, b"reached")
        },
    );
}

fn clones(suite: &mut Suite) {
    for pages in [0, 1, 5] {
        suite.test(
            format!("a_clone_keeps_its_size::{pages}_pages"),
            &["VMO-SETSIZE-18"],
            &[Clone],
            move |cx| {
                let parent = create_old(cx, 3)?;
                let clone = cx.clone_of(parent, 0, 2 * PAGE)?;
                let grandchild = cx.clone_of(clone, PAGE, 4 * PAGE)?;
                cx.resize(parent, pages * PAGE)?;
                cx.expect_size(parent, pages * PAGE)?;
                cx.expect_size(clone, 2 * PAGE)?;
                cx.expect_size(grandchild, 4 * PAGE)
            },
        );

        suite.test(
            format!("a_parent_keeps_its_size::{pages}_pages"),
            &["VMO-SETSIZE-18"],
            &[Clone],
            move |cx| {
                let parent = create_old(cx, 3)?;
                let clone = cx.clone_of(parent, 0, 2 * PAGE)?;
                let sibling = cx.clone_of(parent, 0, 2 * PAGE)?;
                cx.resize(clone, pages * PAGE)?;
                cx.expect_size(clone, pages * PAGE)?;
                cx.expect_size(parent, 3 * PAGE)?;
                cx.expect_size(sibling, 2 * PAGE)?;
                cx.expect_bytes(parent, 0, &old_bytes(3 * PAGE))
            },
        );
    }
}
