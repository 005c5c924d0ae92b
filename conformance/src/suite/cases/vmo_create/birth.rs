//! What a fresh VMO is like.

use vmo_abi::Capability::{
    CachePolicy, Clone, Info, MemoryControl, ProcessVmos, Properties, Signals,
};
use vmo_abi::{
    ZX_CACHE_POLICY_CACHED, ZX_INFO_HANDLE_BASIC, ZX_INFO_VMO_IS_COW_CLONE, ZX_INFO_VMO_TYPE_PAGED,
    ZX_OBJ_PROP_WAITABLE, ZX_OBJ_TYPE_VMO, ZX_USER_SIGNAL_ALL, ZX_VMO_ZERO_CHILDREN,
};

use super::{HUGE_SIZES, LARGEST, SIZES};
use crate::level::Level;
use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, Suite};

/// Creates a VMO that may also be too large for the implementation.
fn create_huge(cx: &mut Context<'_>, size: u64) -> Checked<Option<Handle>> {
    let answer = cx.vmo_create(size, 0)?;
    Ok(cx.ok_or_no_memory(answer)?.map(|created| created.handle(0)))
}

pub(super) fn add(suite: &mut Suite) {
    contents(suite);
    memory(suite);
    signals_and_names(suite);
    identity(suite);
}

fn contents(suite: &mut Suite) {
    for pages in [1, 2, 3, 12] {
        suite.test(format!("reads_as_zeros::{pages}_pages"), &["VMO-CREATE-37"], &[], move |cx| {
            let vmo = cx.create(pages * PAGE)?;
            cx.expect_fill(vmo, 0, pages * PAGE, 0)
        });
    }

    for &(name, asked, size) in HUGE_SIZES {
        suite.test(
            format!("reads_as_zeros_all_over::{name}"),
            &["VMO-CREATE-37"],
            &[],
            move |cx| {
                let Some(vmo) = create_huge(cx, asked)? else { return Ok(()) };
                for offset in [0, PAGE - 8, size / 2 - 8, size - PAGE - 8, size - 16] {
                    cx.expect_fill(vmo, offset, 16, 0)?;
                }
                Ok(())
            },
        );
    }

    // Above these sizes a kernel of the edition does not survive a page at the
    // very end.
    for &(name, asked, size) in HUGE_SIZES.iter().filter(|(_, _, size)| *size <= LARGEST / 2 + PAGE)
    {
        suite.test(
            format!("is_usable_to_its_last_byte::{name}"),
            &["VMO-CREATE-02", "VMO-WRITE-24"],
            &[],
            move |cx| {
                let Some(vmo) = create_huge(cx, asked)? else { return Ok(()) };
                cx.write(vmo, size - 3, b"end")?;
                cx.write(vmo, 0, b"start")?;
                cx.expect_bytes(vmo, size - 5, b"\0\0end")?;
                cx.expect_bytes(vmo, 0, b"start\0")
            },
        );
    }
}

fn memory(suite: &mut Suite) {
    for &(name, size, _) in SIZES.iter().chain(HUGE_SIZES) {
        suite.test(
            format!("commits_nothing::{name}"),
            &["VMO-CREATE-38"],
            &[ProcessVmos, Info],
            move |cx| {
                let vmo = cx.create(size)?;
                cx.expect_committed(vmo, 0)
            },
        );
        suite.test(
            format!("takes_no_memory::{name}"),
            &["VMO-CREATE-38"],
            &[MemoryControl],
            move |cx| {
                cx.limit_memory(Some(0))?;
                let vmo = cx.create(size)?;
                cx.expect_fill(vmo, 0, 16, 0)
            },
        );
    }

    for &(name, size, _) in SIZES {
        suite.test(
            format!("cache_policy_can_be_set_at_once::{name}"),
            &["VMO-CREATE-38"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(size)?;
                cx.expect_nothing_committed(vmo)
            },
        );
    }

    suite.test("is_cached", &["VMO-CREATE-40"], &[Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.write(vmo, 0, b"cached")?;
        cx.expect_bytes(vmo, 0, b"cached")?;
        cx.clone_of(vmo, 0, PAGE).map(drop)
    });

    suite.test("is_cached_whatever_another_is", &["VMO-CREATE-40"], &[CachePolicy], |cx| {
        let other = cx.create(PAGE)?;
        cx.vmo_set_cache_policy(other, 2)?.ok()?;
        let vmo = cx.create(PAGE)?;
        cx.expect_fill(vmo, 0, PAGE, 0)?;
        cx.close(other)?;
        // It may well get the closed one's place.
        let vmo = cx.create(PAGE)?;
        cx.vmo_read(vmo, 0, PAGE)?.ok()?;
        cx.vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_CACHED)?.ok().map(drop)
    });
}

fn signals_and_names(suite: &mut Suite) {
    for (name, size) in [("1", 1), ("page", PAGE), ("3_pages", 3 * PAGE)] {
        suite.test(
            format!("zero_children_is_active::{name}"),
            &["VMO-CREATE-34"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(size)?;
                cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, true)
            },
        );
    }

    for number in 0..8 {
        suite.test(
            format!("user_signal_is_inactive::{number}"),
            &["VMO-CREATE-36"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.expect_signal(vmo, 1 << (24 + number), false)
            },
        );
    }

    suite.test("user_signals_are_not_those_of_another", &["VMO-CREATE-36"], &[Signals], |cx| {
        let other = cx.create(PAGE)?;
        cx.object_signal(other, 0, ZX_USER_SIGNAL_ALL)?.ok()?;
        let vmo = cx.create(PAGE)?;
        cx.expect_signal(vmo, ZX_USER_SIGNAL_ALL, false)?;
        cx.close(other)?;
        let vmo = cx.create(PAGE)?;
        cx.expect_signal(vmo, ZX_USER_SIGNAL_ALL, false)
    });

    suite.test("shows_just_zero_children_at_birth", &["VMO-CREATE-35"], &[Signals], |cx| {
        for size in [0, PAGE, 3 * PAGE] {
            let vmo = cx.create(size)?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)?;
        }
        Ok(())
    });

    suite.test("name_is_empty", &["VMO-CREATE-39"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.expect_name(vmo, b"")
    });

    suite.test("name_is_not_that_of_another", &["VMO-CREATE-39"], &[Properties], |cx| {
        let other = cx.create(PAGE)?;
        cx.set_name(other, b"0123456789012345678901234567890")?;
        let vmo = cx.create(PAGE)?;
        cx.expect_name(vmo, b"")?;
        cx.close(other)?;
        let vmo = cx.create(PAGE)?;
        cx.expect_name(vmo, b"")
    });
}

fn identity(suite: &mut Suite) {
    suite.test("basic_info_is_that_of_a_vmo", &["VMO-CREATE-41"], &[Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let info = cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32)?.ok()?.basic_info()?;
        let actual = (info.type_, info.related_koid, info.props);
        let expected = (ZX_OBJ_TYPE_VMO, 0, ZX_OBJ_PROP_WAITABLE);
        cx.expect(actual == expected, format!("{expected:?}"), format!("{actual:?}"))
    });

    suite.test("has_one_handle", &["VMO-CREATE-01", "VMO-CREATE-41"], &[Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let count = cx.handle_count(vmo)?;
        cx.expect(count == 1, 1, count)
    });

    suite.test("process_info_shows_it", &["VMO-CREATE-41"], &[ProcessVmos, Info], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let info = cx.vmo_info(vmo)?;
        let flags = info.flags & (ZX_INFO_VMO_TYPE_PAGED | ZX_INFO_VMO_IS_COW_CLONE);
        let actual = (info.size_bytes, info.parent_koid, info.num_children, flags);
        let expected = (2 * PAGE, 0, 0, ZX_INFO_VMO_TYPE_PAGED);
        cx.expect(actual == expected, format!("{expected:?}"), format!("{actual:?}"))
    });

    suite.test("two_vmos_do_not_share_contents", &["VMO-CREATE-42"], &[], |cx| {
        let (first, second) = (cx.create(2 * PAGE)?, cx.create(2 * PAGE)?);
        cx.write(first, 0, &[0x41; 2 * PAGE as usize])?;
        cx.expect_fill(second, 0, 2 * PAGE, 0)?;
        cx.write(second, PAGE - 1, &[0x42; 2])?;
        cx.expect_fill(first, 0, 2 * PAGE, 0x41)
    });

    suite.test("two_vmos_do_not_share_a_size", &["VMO-CREATE-42"], &[], |cx| {
        let (first, second) = (cx.create(PAGE)?, cx.create(2 * PAGE)?);
        cx.expect_size(first, PAGE)?;
        cx.expect_size(second, 2 * PAGE)?;
        cx.resize(first, 5 * PAGE)?;
        cx.expect_size(second, 2 * PAGE)
    });

    suite.test("closing_one_vmo_leaves_the_other", &["VMO-CREATE-42"], &[], |cx| {
        let (first, second) = (cx.create_filled(PAGE, 1)?, cx.create_filled(PAGE, 2)?);
        cx.close(first)?;
        cx.expect_fill(second, 0, PAGE, 2)
    });

    suite.test("a_hundred_vmos_keep_apart", &["VMO-CREATE-42"], &[], |cx| {
        let mut vmos = Vec::new();
        for index in 0..100 {
            let vmo = cx.create(PAGE)?;
            cx.write(vmo, 7 * u64::from(index), &[index + 1])?;
            vmos.push(vmo);
        }
        for (index, vmo) in (0..100).zip(vmos) {
            cx.expect_bytes(vmo, 7 * u64::from(index), &[index + 1, 0])?;
        }
        Ok(())
    });

    suite.test("two_handles_differ", &["VMO-CREATE-42"], &[], |cx| {
        let first = cx.vmo_create(PAGE, 0)?.ok()?.word(2)?;
        let second = cx.vmo_create(PAGE, 0)?.ok()?.word(2)?;
        cx.expect(first != second, "another value", format!("{second:#x} again"))
    });

    suite.test("two_koids_differ", &["VMO-CREATE-42"], &[Info], |cx| {
        let (first, second) = (cx.create(PAGE)?, cx.create(PAGE)?);
        let (first, second) = (cx.koid(first)?, cx.koid(second)?);
        cx.expect(first != second, "another koid", format!("{second} again"))
    });

    suite.test("two_vmos_do_not_share_a_name", &["VMO-CREATE-42"], &[Properties], |cx| {
        let (first, second) = (cx.create(PAGE)?, cx.create(PAGE)?);
        cx.set_name(first, b"first")?;
        cx.set_name(second, b"second")?;
        cx.expect_name(first, b"first")?;
        cx.expect_name(second, b"second")
    });

    // The seed page does not promise the right SIGNAL.
    suite
        .test("two_vmos_do_not_share_signals", &["VMO-CREATE-42"], &[Signals], |cx| {
            let (first, second) = (cx.create(PAGE)?, cx.create(PAGE)?);
            cx.object_signal(first, 0, ZX_USER_SIGNAL_ALL)?.ok()?;
            cx.expect_signal(second, ZX_USER_SIGNAL_ALL, false)?;
            cx.expect_signal(first, ZX_USER_SIGNAL_ALL, true)
        })
        .at(Level::Page);
}
