//! Waits that end at once: with a signal that is active, or as a poll.

use vmo_abi::Capability::{Clone, Handles, Signals};
use vmo_abi::{
    Syscall, ZX_ERR_TIMED_OUT, ZX_OK, ZX_SIGNAL_HANDLE_CLOSED, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_1,
    ZX_USER_SIGNAL_ALL, ZX_VMO_ZERO_CHILDREN, zx_signals_t,
};

use super::{NOW, clear, set};
use crate::level::Level;
use crate::program::Value;
use crate::suite::{Deadline, PAGE, Suite};

/// Deadlines that have passed and such that have not.
const DEADLINES: &[(&str, Deadline, bool)] = &[
    ("zero", NOW, true),
    ("one", Deadline::At(1), true),
    ("this_moment", Deadline::FromNow(0), true),
    ("in_an_hour", Deadline::FromNow(3_600_000_000_000), false),
    ("2_to_63_less_1", Deadline::At((1 << 63) - 1), false),
    ("2_to_63", Deadline::At(1 << 63), false),
    ("all_ones_less_1", Deadline::At(u64::MAX - 1), false),
    ("infinite", Deadline::At(u64::MAX), false),
];

pub(super) fn add(suite: &mut Suite) {
    for &(row, deadline, has_passed) in DEADLINES {
        let clauses: &[&str] =
            if has_passed { &["OBJ-WAIT-02"] } else { &["OBJ-WAIT-01", "OBJ-WAIT-17"] };
        suite.test(
            format!("an_active_signal_ends_it_at_once::{row}"),
            clauses,
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for asked in [ZX_VMO_ZERO_CHILDREN, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0] {
                    let answer = cx.object_wait_one(vmo, asked, deadline)?.ok()?;
                    answer.word_is(3, ZX_VMO_ZERO_CHILDREN.into())?;
                }
                set(cx, vmo, 1 << 31)?;
                cx.object_wait_one(vmo, 1 << 31, deadline)?.ok().map(drop)
            },
        );
        if has_passed {
            suite.test(
                format!("an_expired_deadline_polls::{row}"),
                &["OBJ-WAIT-06", "OBJ-WAIT-07"],
                &[Signals],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    for signals in [0, ZX_USER_SIGNAL_1, ZX_USER_SIGNAL_ALL & !ZX_USER_SIGNAL_0] {
                        set(cx, vmo, signals)?;
                        let answer = cx.object_wait_one(vmo, ZX_USER_SIGNAL_0, deadline)?;
                        let expected = ZX_VMO_ZERO_CHILDREN | signals;
                        answer.is(ZX_ERR_TIMED_OUT)?.word_is(3, expected.into())?;
                    }
                    Ok(())
                },
            );
        }
    }

    for signal in 0..8 {
        suite.test(
            format!("each_user_signal_can_be_waited_for::{signal}"),
            &["OBJ-WAIT-01"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let bit = ZX_USER_SIGNAL_0 << signal;
                cx.object_wait_one(vmo, bit, NOW)?.is(ZX_ERR_TIMED_OUT)?;
                set(cx, vmo, bit)?;
                cx.object_wait_one(vmo, bit, NOW)?.ok()?;
                let others = !bit & ZX_USER_SIGNAL_ALL;
                cx.object_wait_one(vmo, others, NOW)?.is(ZX_ERR_TIMED_OUT)?;
                clear(cx, vmo, bit)?;
                set(cx, vmo, others)?;
                cx.object_wait_one(vmo, bit, NOW)?.is(ZX_ERR_TIMED_OUT)?;
                cx.object_wait_one(vmo, bit | bit.rotate_left(1), NOW)?.is(if signal == 7 {
                    ZX_ERR_TIMED_OUT
                } else {
                    ZX_OK
                })?;
                cx.object_wait_one(vmo, ZX_USER_SIGNAL_ALL, NOW)?.ok().map(drop)
            },
        );
    }

    // Bits that no VMO ever shows.
    for bit in (0..24).filter(|bit| *bit != 3) {
        suite.test(
            format!("other_bits_are_never_active::bit_{bit}"),
            &["OBJ-WAIT-03"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                set(cx, vmo, ZX_USER_SIGNAL_ALL)?;
                let answer = cx.object_wait_one(vmo, 1 << bit, NOW)?.is(ZX_ERR_TIMED_OUT)?;
                let expected = ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_ALL;
                answer.word_is(3, expected.into()).map(drop)
            },
        );
    }

    suite.test("one_of_several_is_enough", &["OBJ-WAIT-01"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        for asked in [ZX_USER_SIGNAL_0 | ZX_VMO_ZERO_CHILDREN, zx_signals_t::MAX] {
            cx.object_wait_one(vmo, asked, NOW)?.ok()?;
        }
        Ok(())
    });

    suite.test("observed_tells_what_was_not_asked", &["OBJ-WAIT-05"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        set(cx, vmo, ZX_USER_SIGNAL_1 | 1 << 31)?;
        for asked in [ZX_USER_SIGNAL_1, ZX_VMO_ZERO_CHILDREN, 1 << 31, zx_signals_t::MAX] {
            let answer = cx.object_wait_one(vmo, asked, NOW)?.ok()?;
            let expected = ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_1 | 1 << 31;
            answer.word_is(3, expected.into())?;
        }
        Ok(())
    });

    suite.test("a_poll_shows_the_clones", &["OBJ-WAIT-07"], &[Signals, Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        let answer = cx.object_wait_one(vmo, ZX_USER_SIGNAL_0, NOW)?.is(ZX_ERR_TIMED_OUT)?;
        answer.word_is(3, 0)?;
        let answer = cx.object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, NOW)?.is(ZX_ERR_TIMED_OUT)?;
        answer.word_is(3, 0)?;
        cx.close(clone)?;
        let answer = cx.object_wait_one(vmo, ZX_USER_SIGNAL_0, NOW)?.is(ZX_ERR_TIMED_OUT)?;
        answer.word_is(3, ZX_VMO_ZERO_CHILDREN.into()).map(drop)
    });

    suite.test("waiting_changes_nothing", &["OBJ-WAIT-07"], &[Signals, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate_same(vmo)?;
        set(cx, vmo, ZX_USER_SIGNAL_0)?;
        for handle in [vmo, second, vmo] {
            // A signal is not used up by who waits for it.
            cx.object_wait_one(handle, ZX_USER_SIGNAL_0, NOW)?.ok()?;
            cx.expect_signals(handle, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
        }
        Ok(())
    });

    suite.test("the_closed_bit_does_not_appear", &["OBJ-WAIT-15"], &[Signals, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate_same(vmo)?;
        cx.close(second)?;
        for asked in [ZX_SIGNAL_HANDLE_CLOSED, ZX_USER_SIGNAL_0, 0] {
            let answer = cx.object_wait_one(vmo, asked, NOW)?.is(ZX_ERR_TIMED_OUT)?;
            let observed = answer.word(3)?;
            let holds = observed & u64::from(ZX_SIGNAL_HANDLE_CLOSED) == 0;
            cx.expect(holds, "bit 23 clear", format!("{observed:#x}"))?;
        }
        let answer = cx.object_wait_one(vmo, zx_signals_t::MAX, NOW)?.ok()?;
        let observed = answer.word(3)?;
        let holds = observed & u64::from(ZX_SIGNAL_HANDLE_CLOSED) == 0;
        cx.expect(holds, "bit 23 clear", format!("{observed:#x}"))
    });

    suite.test("no_signals_are_never_active", &["OBJ-WAIT-16"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        set(cx, vmo, ZX_USER_SIGNAL_ALL)?;
        let answer = cx.object_wait_one(vmo, 0, NOW)?.is(ZX_ERR_TIMED_OUT)?;
        answer.word_is(3, (ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_ALL).into())?;
        cx.expect_timeout(vmo, 0, super::SHORT)
    });

    // An argument of 32 bits is the lower half of a register; the kernel never
    // looks at the other.
    suite
        .test("the_upper_half_of_signals_is_ignored", &["OBJ-WAIT-01"], &[Signals], |cx| {
            let vmo = cx.create(PAGE)?;
            for (signals, status) in [
                (u64::MAX << 32, ZX_ERR_TIMED_OUT),
                (1 << 35, ZX_ERR_TIMED_OUT),
                (1 << 32 | u64::from(ZX_VMO_ZERO_CHILDREN), ZX_OK),
            ] {
                let arguments =
                    vec![vmo.into(), Value::Number(signals), Value::Number(0), Value::Scratch];
                cx.call(Syscall::object_wait_one, arguments)?.is(status)?;
            }
            Ok(())
        })
        .at(Level::Kernel);
}
