//! `object_signal`: the user signals of a VMO.

mod lasting;

use vmo_abi::Capability::{Clone, Handles, Info, OtherObjects, Signals, Threads};
use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED,
    ZX_OK, ZX_RIGHT_SIGNAL, ZX_RIGHT_WRITE, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_ALL,
    ZX_VMO_ZERO_CHILDREN, zx_signals_t,
};

use super::handle_duplicate::VMO_RIGHTS;
use super::object_wait::LONG;
use crate::level::Level;
use crate::program::{Handle, Value};
use crate::suite::{PAGE, Suite};

pub(super) fn add(suite: &mut Suite) {
    user_signals(suite);
    masks(suite);
    rights(suite);
    waits(suite);
    peers(suite);
    lasting::add(suite);
}

fn user_signals(suite: &mut Suite) {
    for signal in 0..8 {
        suite.test(
            format!("each_user_signal_works::{signal}"),
            &["OBJ-SIGNAL-02"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let bit = ZX_USER_SIGNAL_0 << signal;
                cx.object_signal(vmo, 0, bit)?.ok()?;
                cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | bit)?;
                // Setting it again, or clearing others, changes nothing.
                cx.object_signal(vmo, 0, bit)?.ok()?;
                cx.object_signal(vmo, ZX_USER_SIGNAL_ALL & !bit, 0)?.ok()?;
                cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | bit)?;
                cx.object_signal(vmo, bit, 0)?.ok()?;
                cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)?;
                cx.object_signal(vmo, bit, 0)?.ok()?;
                cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
            },
        );
        suite.test(format!("all_but_one::{signal}"), &["OBJ-SIGNAL-02"], &[Signals], move |cx| {
            let vmo = cx.create(PAGE)?;
            let bit = ZX_USER_SIGNAL_0 << signal;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_ALL)?.ok()?;
            cx.object_signal(vmo, bit, 0)?.ok()?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_ALL & !bit)?;
            cx.object_signal(vmo, ZX_USER_SIGNAL_ALL & !bit, bit)?.ok()?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | bit)
        });
    }

    suite.test("all_of_them_together", &["OBJ-SIGNAL-02"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_ALL)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_ALL)?;
        cx.object_signal(vmo, 0x5500_0000, 0)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | 0xaa00_0000)?;
        cx.object_signal(vmo, 0xaa00_0000, 0x5500_0000)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | 0x5500_0000)?;
        cx.object_signal(vmo, ZX_USER_SIGNAL_ALL, 0)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
    });

    suite.test("every_set_of_them", &["OBJ-SIGNAL-01", "OBJ-SIGNAL-02"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        for set in 0..=0xff {
            let signals: zx_signals_t = (set ^ 0x2b) << 24;
            cx.object_signal(vmo, ZX_USER_SIGNAL_ALL, signals)?.ok()?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | signals)?;
        }
        Ok(())
    });

    suite.test(
        "setting_one_keeps_the_others",
        &["OBJ-SIGNAL-02", "OBJ-SIGNAL-11"],
        &[Signals],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let mut set = ZX_VMO_ZERO_CHILDREN;
            for bit in [3, 0, 7, 5, 1, 6, 2, 4].map(|number| ZX_USER_SIGNAL_0 << number) {
                cx.object_signal(vmo, 0, bit)?.ok()?;
                set |= bit;
                cx.expect_signals(vmo, set)?;
            }
            Ok(())
        },
    );

    suite.test("clears_then_sets", &["OBJ-SIGNAL-01"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        for bit in (24..32).map(|bit| 1 << bit) {
            for _ in 0..2 {
                cx.object_signal(vmo, bit, bit)?.ok()?;
                cx.expect_signal(vmo, bit, true)?;
            }
        }
        cx.object_signal(vmo, ZX_USER_SIGNAL_ALL, ZX_USER_SIGNAL_ALL)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_ALL)
    });

    suite.test("nothing_asked_changes_nothing", &["OBJ-SIGNAL-10"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, 0)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)?;
        cx.object_signal(vmo, 0, 0xa100_0000)?.ok()?;
        cx.object_signal(vmo, 0, 0)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | 0xa100_0000)
    });

    suite.test("a_bit_in_both_masks_is_active_afterwards", &["OBJ-SIGNAL-01"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
        for _ in 0..50 {
            cx.object_signal(vmo, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_0)?.ok()?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
        }
        Ok(())
    });
}

fn masks(suite: &mut Suite) {
    for bit in 0..24 {
        for (row, in_set) in [("set", true), ("clear", false)] {
            suite.test(
                format!("any_other_bit_is_refused::bit_{bit}_{row}"),
                &["OBJ-SIGNAL-03", "OBJ-SIGNAL-05"],
                &[Signals],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let (clear, set) = if in_set { (0, 1 << bit) } else { (1 << bit, 0) };
                    cx.object_signal(vmo, clear, set)?.is(ZX_ERR_INVALID_ARGS)?;
                    cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, true)?;
                    cx.object_signal(vmo, 1 << bit, 1 << bit)?.is(ZX_ERR_INVALID_ARGS).map(drop)
                },
            );
            suite.test(
                format!("a_refusal_leaves_the_legal_bits::bit_{bit}_{row}"),
                &["OBJ-SIGNAL-04"],
                &[Signals],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
                    let (clear, set) = if in_set { (0, 1 << bit) } else { (1 << bit, 0) };
                    let answer = cx.object_signal(
                        vmo,
                        clear | ZX_USER_SIGNAL_0,
                        set | ZX_USER_SIGNAL_0 << 1,
                    )?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                    cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
                },
            );
        }
    }

    for (row, clear, set) in [
        ("all_bits_set", 0, u32::MAX),
        ("all_bits_cleared", u32::MAX, 0),
        ("all_other_bits_set", 0, 0x00ff_ffff),
        ("all_other_bits_cleared", 0x00ff_ffff, 0),
        ("one_in_each", 1, 2),
        ("the_same_in_both", 8, 8),
    ] {
        suite.test(
            format!("other_bits_are_refused::{row}"),
            &["OBJ-SIGNAL-03", "OBJ-SIGNAL-05"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.object_signal(vmo, clear, set)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, true)
            },
        );
    }

    suite.test(
        "zero_children_cannot_be_set_while_it_is_low",
        &["OBJ-SIGNAL-05"],
        &[Signals, Clone],
        |cx| {
            let vmo = cx.create(PAGE)?;
            cx.clone_of(vmo, 0, PAGE)?;
            let answer = cx.object_signal(vmo, 0, ZX_VMO_ZERO_CHILDREN)?;
            answer.is(ZX_ERR_INVALID_ARGS)?;
            cx.expect_signals(vmo, 0)?;
            // Nor do user signals raise it.
            cx.object_signal(vmo, ZX_USER_SIGNAL_ALL, ZX_USER_SIGNAL_ALL)?.ok()?;
            cx.expect_signals(vmo, ZX_USER_SIGNAL_ALL)
        },
    );

    // An argument of 32 bits is the lower half of a register; the kernel never
    // looks at the other.
    suite
        .test("the_upper_half_of_masks_is_ignored", &["OBJ-SIGNAL-01"], &[Signals], |cx| {
            let vmo = cx.create(PAGE)?;
            let mut signal = |clear, set| {
                let masks = [Value::Number(clear), Value::Number(set)];
                let [clear, set] = masks;
                cx.call(Syscall::object_signal, vec![vmo.into(), clear, set])?.ok().map(drop)
            };
            signal(0, u64::MAX << 24)?;
            signal(u64::MAX << 32, 0)?;
            signal(1 << 32 | 1 << 24, 1 << 63)?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | 0xfe00_0000)
        })
        .at(Level::Kernel);
}

fn rights(suite: &mut Suite) {
    suite
        .test(
            "signal_is_the_right_and_not_write",
            &["OBJ-SIGNAL-06", "OBJ-SIGNAL-07"],
            &[Signals, Handles],
            |cx| {
                let vmo = cx.create(PAGE)?;
                let signaller = cx.duplicate(vmo, ZX_RIGHT_SIGNAL)?;
                let writer = cx.duplicate(vmo, 0xff)?;
                let answer = cx.object_signal(writer, 0, ZX_USER_SIGNAL_0)?;
                cx.either("C-24", answer, ZX_OK, ZX_ERR_ACCESS_DENIED)?;
                let answer = cx.object_signal(signaller, 0, ZX_USER_SIGNAL_0 << 1)?;
                cx.either("C-24", answer, ZX_ERR_ACCESS_DENIED, ZX_OK).map(drop)
            },
        )
        .at(Level::Page);

    suite.test("write_does_not_help", &["OBJ-SIGNAL-07"], &[Signals, Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let writer = cx.duplicate_without(vmo, ZX_RIGHT_SIGNAL)?;
        cx.object_signal(writer, 0, ZX_USER_SIGNAL_0)?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)?;
        let signaller = cx.duplicate_without(vmo, ZX_RIGHT_WRITE)?;
        cx.object_signal(signaller, 0, ZX_USER_SIGNAL_0)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
    });

    for &(row, right) in VMO_RIGHTS.iter().filter(|(_, right)| *right != ZX_RIGHT_SIGNAL) {
        suite
            .test(
                format!("another_right_is_not_enough::{row}"),
                &["OBJ-SIGNAL-06"],
                &[Signals, Handles],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let other = cx.duplicate(vmo, right)?;
                    for signals in [ZX_USER_SIGNAL_0, 0] {
                        let answer = cx.object_signal(other, signals, signals)?;
                        answer.is(ZX_ERR_ACCESS_DENIED)?;
                    }
                    cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
                },
            )
            .at(Level::Kernel);
    }

    for (row, clear, set) in [
        ("set", 0, ZX_VMO_ZERO_CHILDREN),
        ("clear", ZX_VMO_ZERO_CHILDREN, 0),
        ("all_ones", u32::MAX, u32::MAX),
    ] {
        suite.test(
            format!("handle_and_right_come_before_the_masks::{row}"),
            &["OBJ-SIGNAL-09"],
            &[Signals, Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let weak = cx.duplicate_without(vmo, ZX_RIGHT_SIGNAL)?;
                cx.object_signal(weak, clear, set)?.is(ZX_ERR_ACCESS_DENIED)?;
                let closed = cx.closed_handle()?;
                for bad in [Handle::Invalid, Handle::Never, closed] {
                    cx.object_signal(bad, clear, set)?.is(ZX_ERR_BAD_HANDLE)?;
                }
                Ok(())
            },
        );
    }
}

fn waits(suite: &mut Suite) {
    for bit in [24, 27, 31] {
        suite.test(
            format!("setting_ends_a_wait::bit_{bit}"),
            &["OBJ-SIGNAL-12"],
            &[Signals, Threads],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let (other, asked) = (1 << 25, 1 << bit);
                let waited = cx.wait_while(vmo, asked, LONG, |cx| {
                    cx.object_signal(vmo, 0, other)?.ok()?;
                    cx.object_signal(vmo, other, asked)?.ok().map(drop)
                })?;
                waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | other | asked)
            },
        );
    }

    suite.test("a_bit_in_both_masks_ends_a_wait", &["OBJ-SIGNAL-12"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
            cx.object_signal(vmo, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_0)?.ok().map(drop)
        })?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
    });
}

fn peers(suite: &mut Suite) {
    for (row, clear, set) in [
        ("set", 0, ZX_USER_SIGNAL_0),
        ("clear", ZX_USER_SIGNAL_0, 0),
        ("nothing", 0, 0),
        ("all", ZX_USER_SIGNAL_ALL, ZX_USER_SIGNAL_ALL),
    ] {
        suite
            .test(
                format!("a_vmo_has_no_peer::{row}"),
                &["OBJ-SIGNAL-14"],
                &[Signals, OtherObjects],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    cx.object_signal(vmo, 0, 0x0300_0000)?.ok()?;
                    let answer = cx.object_signal_peer(vmo, clear, set)?;
                    cx.either("C-23", answer, ZX_ERR_NOT_SUPPORTED, ZX_ERR_ACCESS_DENIED)?;
                    cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | 0x0300_0000)
                },
            )
            .at(Level::Page);
    }

    suite.test(
        "the_missing_right_comes_before_the_masks",
        &["OBJ-SIGNAL-14"],
        &[Signals, OtherObjects],
        |cx| {
            let vmo = cx.create(PAGE)?;
            cx.object_signal_peer(vmo, 8, 8)?.is(ZX_ERR_ACCESS_DENIED)?;
            cx.object_signal_peer(vmo, u32::MAX, 0)?.is(ZX_ERR_ACCESS_DENIED).map(drop)
        },
    );

    suite.test("no_handle_has_no_peer", &["GEN-03"], &[Signals, OtherObjects], |cx| {
        let closed = cx.closed_handle()?;
        for bad in [Handle::Invalid, Handle::Never, closed] {
            cx.object_signal_peer(bad, 0, ZX_USER_SIGNAL_0)?.is(ZX_ERR_BAD_HANDLE)?;
        }
        Ok(())
    });
}
