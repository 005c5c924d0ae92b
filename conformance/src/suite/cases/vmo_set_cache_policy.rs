//! `vmo_set_cache_policy`.

mod obstacles;
mod uncached;

use vmo_abi::Capability::{CachePolicy, Handles, OtherObjects};
use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_OK,
    ZX_RIGHT_MAP, ZX_RIGHT_NONE, ZX_RIGHT_READ,
};

use super::vmo_create::LISTED_RIGHTS;
use crate::level::Level;
use crate::program::{Handle, Value};
use crate::suite::{Answer, Checked, Context, PAGE, Side, Suite};

/// Every policy.
const POLICIES: [u32; 4] = [0, 1, 2, 3];

/// Expects a VMO of at least one page to be cached or not, which is seen in
/// whether it can be read.
fn expect_cached(cx: &mut Context<'_>, vmo: Handle, is_cached: bool) -> Checked {
    let expected = if is_cached { ZX_OK } else { ZX_ERR_BAD_STATE };
    cx.vmo_read(vmo, 0, 1)?.is(expected).map(drop)
}

/// Sets the policy with a whole register.
fn set_with_register(cx: &mut Context<'_>, vmo: Handle, policy: u64) -> Checked<Answer> {
    cx.call(Syscall::vmo_set_cache_policy, vec![vmo.into(), Value::Number(policy)])
}

pub(super) fn add(suite: &mut Suite) {
    values(suite);
    changes(suite);
    handles(suite);
    obstacles::add(suite);
    uncached::add(suite);
}

fn values(suite: &mut Suite) {
    for policy in POLICIES {
        suite.test(
            format!("accepts_policy::{policy}"),
            &["VMO-CACHEPOL-01", "VMO-CACHEPOL-15"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(3 * PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                cx.takes("C-14", Side::Kernel);
                expect_cached(cx, vmo, policy == 0)
            },
        );

        for (name, size) in [("0", 0), ("1", 1), ("12_pages", 12 * PAGE)] {
            suite.test(
                format!("accepts_policy_for_size::{name}::{policy}"),
                &["VMO-CACHEPOL-01"],
                &[CachePolicy],
                move |cx| {
                    let vmo = cx.create(size)?;
                    cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                    cx.resize(vmo, PAGE)?;
                    expect_cached(cx, vmo, policy == 0)
                },
            );
        }

        suite.test(
            format!("accepts_policy_for_huge_size::{policy}"),
            &["VMO-CACHEPOL-01"],
            &[CachePolicy],
            move |cx| {
                let answer = cx.vmo_create(1 << 40, 0)?;
                let Some(created) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
                cx.vmo_set_cache_policy(created.handle(0), policy)?.ok()?;
                expect_cached(cx, created.handle(0), policy == 0)
            },
        );
    }

    // The page speaks of mixtures that are not valid; the two bits have none.
    suite.test(
        "every_mixture_of_bits_is_valid",
        &["VMO-CACHEPOL-01", "VMO-CACHEPOL-04"],
        &[CachePolicy],
        |cx| {
            let vmo = cx.create(PAGE)?;
            cx.vmo_set_cache_policy(vmo, 1 | 2)?.ok()?;
            cx.takes("C-15", Side::Kernel);
            Ok(())
        },
    );

    for bit in 2..32 {
        suite.test(
            format!("refuses_policy_bit::{bit}"),
            &["VMO-CACHEPOL-02"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for low in POLICIES {
                    let answer = cx.vmo_set_cache_policy(vmo, 1 << bit | low)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                expect_cached(cx, vmo, true)
            },
        );
    }

    for policy in [0xc, 0xfc, 0xff, 0xffff, 0x7fff_fffc, u32::MAX - 3, u32::MAX] {
        suite.test(
            format!("refuses_policy_bits::{policy:#x}"),
            &["VMO-CACHEPOL-02"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.is(ZX_ERR_INVALID_ARGS)?;
                expect_cached(cx, vmo, true)
            },
        );
    }

    // A policy of 32 bits is the lower half of a register; the kernel never
    // looks at the other.
    for upper in [1 << 32, 1 << 63, u64::MAX << 32] {
        suite
            .test(
                format!("ignores_the_upper_half_of_the_policy::{upper:#x}"),
                &["VMO-CACHEPOL-01", "VMO-CACHEPOL-02"],
                &[CachePolicy],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    set_with_register(cx, vmo, upper | 1)?.ok()?;
                    expect_cached(cx, vmo, false)?;
                    set_with_register(cx, vmo, upper | 4)?.is(ZX_ERR_INVALID_ARGS)?;
                    set_with_register(cx, vmo, upper)?.ok()?;
                    expect_cached(cx, vmo, true)
                },
            )
            .at(Level::Kernel);
    }
}

fn changes(suite: &mut Suite) {
    for first in POLICIES {
        for second in POLICIES {
            suite.test(
                format!("policy_can_change::{first}_to_{second}"),
                &["VMO-CACHEPOL-14"],
                &[CachePolicy],
                move |cx| {
                    let vmo = cx.create(2 * PAGE)?;
                    cx.vmo_set_cache_policy(vmo, first)?.ok()?;
                    cx.vmo_set_cache_policy(vmo, second)?.ok()?;
                    expect_cached(cx, vmo, second == 0)
                },
            );
        }
    }

    suite.test("policy_can_change_again_and_again", &["VMO-CACHEPOL-14"], &[CachePolicy], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        for policy in [3, 1, 1, 2, 0, 2, 3, 0] {
            cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
        }
        cx.write(vmo, 0, b"cached")?;
        cx.expect_bytes(vmo, 0, b"cached")
    });

    suite.test("a_configured_policy_may_be_final", &["VMO-CACHEPOL-23"], &[CachePolicy], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.vmo_set_cache_policy(vmo, 1)?.ok()?;
        let answer = cx.vmo_set_cache_policy(vmo, 2)?;
        cx.either("C-13", answer, ZX_ERR_ACCESS_DENIED, ZX_OK)?;
        expect_cached(cx, vmo, false)
    });

    suite.test("a_vmo_set_back_is_like_new", &["VMO-CACHEPOL-14"], &[CachePolicy], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        cx.vmo_set_cache_policy(vmo, 3)?.ok()?;
        cx.vmo_set_cache_policy(vmo, 0)?.ok()?;
        cx.expect_size(vmo, 2 * PAGE)?;
        cx.expect_fill(vmo, 0, 2 * PAGE, 0)?;
        cx.write(vmo, PAGE - 1, b"xy")?;
        cx.expect_bytes(vmo, PAGE - 2, b"\0xy\0")
    });

    suite.test("the_policy_is_of_one_vmo_only", &["VMO-CACHEPOL-22"], &[CachePolicy], |cx| {
        let (first, second) = (cx.create(PAGE)?, cx.create(PAGE)?);
        cx.vmo_set_cache_policy(first, 1)?.ok()?;
        expect_cached(cx, second, true)?;
        expect_cached(cx, first, false)
    });

    suite.test(
        "the_policy_is_the_same_through_every_handle",
        &["VMO-CACHEPOL-22"],
        &[CachePolicy, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let mapper = cx.duplicate(vmo, ZX_RIGHT_MAP)?;
            let reader = cx.duplicate(vmo, ZX_RIGHT_READ)?;
            cx.vmo_set_cache_policy(mapper, 2)?.ok()?;
            expect_cached(cx, vmo, false)?;
            expect_cached(cx, reader, false)?;
            let later = cx.duplicate_same(vmo)?;
            expect_cached(cx, later, false)?;
            cx.close(mapper)?;
            cx.vmo_set_cache_policy(later, 0)?.ok()?;
            expect_cached(cx, reader, true)
        },
    );
}

fn handles(suite: &mut Suite) {
    for policy in POLICIES {
        suite.test(
            format!("refuses_a_closed_handle::{policy}"),
            &["VMO-CACHEPOL-05"],
            &[CachePolicy],
            move |cx| {
                let closed = cx.closed_handle()?;
                cx.vmo_set_cache_policy(closed, policy)?.is(ZX_ERR_BAD_HANDLE)?;
                let answer = cx.vmo_set_cache_policy(Handle::Invalid, policy)?;
                answer.is(ZX_ERR_BAD_HANDLE).map(drop)
            },
        );

        suite.test(
            format!("refuses_a_handle_without_map::{policy}"),
            &["VMO-CACHEPOL-06"],
            &[CachePolicy, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for rights in [ZX_RIGHT_NONE, LISTED_RIGHTS & !ZX_RIGHT_MAP] {
                    let handle = cx.duplicate(vmo, rights)?;
                    cx.vmo_set_cache_policy(handle, policy)?.is(ZX_ERR_ACCESS_DENIED)?;
                }
                expect_cached(cx, vmo, true)
            },
        );

        suite.test(
            format!("needs_no_right_but_map::{policy}"),
            &["VMO-CACHEPOL-07"],
            &[CachePolicy, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let mapper = cx.duplicate(vmo, ZX_RIGHT_MAP)?;
                cx.vmo_set_cache_policy(mapper, policy)?.ok()?;
                expect_cached(cx, vmo, policy == 0)
            },
        );
    }

    for policy in [4, 7, 0x100, u32::MAX] {
        suite.test(
            format!("judges_policy_before_handle::{policy:#x}"),
            &["VMO-CACHEPOL-03"],
            &[CachePolicy, Handles, OtherObjects],
            move |cx| {
                let closed = cx.closed_handle()?;
                let vmo = cx.create(PAGE)?;
                let powerless = cx.duplicate(vmo, ZX_RIGHT_NONE)?;
                let event = cx.event()?;
                for handle in [Handle::Invalid, Handle::Never, closed, powerless, event] {
                    cx.vmo_set_cache_policy(handle, policy)?.is(ZX_ERR_INVALID_ARGS)?;
                }
                Ok(())
            },
        );
    }
}
