//! `object_signal`: the user signals of a VMO.

use vmo_abi::Capability::{Handles, Info, OtherObjects, Signals, Threads};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_OK, ZX_RIGHT_SIGNAL,
    ZX_RIGHT_WRITE, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_ALL, ZX_VMO_ZERO_CHILDREN,
};

use super::object_wait::LONG;
use crate::level::Level;
use crate::suite::{PAGE, Suite};

pub(super) fn add(suite: &mut Suite) {
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
                cx.object_signal(vmo, bit, 0)?.ok()?;
                cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
            },
        );
    }

    suite.test("all_of_them_together", &["OBJ-SIGNAL-02"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_ALL)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_ALL)?;
        cx.object_signal(vmo, 0x5500_0000, 0)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | 0xaa00_0000)?;
        cx.object_signal(vmo, 0xaa00_0000, 0x5500_0000)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | 0x5500_0000)
    });

    suite.test("clears_then_sets", &["OBJ-SIGNAL-01"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        for _ in 0..2 {
            cx.object_signal(vmo, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_0)?.ok()?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
        }
        Ok(())
    });

    suite.test("nothing_asked_changes_nothing", &["OBJ-SIGNAL-10"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
        cx.object_signal(vmo, 0, 0)?.ok()?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
    });

    for bit in [0, 1, 3, 12, 22, 23] {
        for (row, in_set) in [("set", true), ("clear", false)] {
            suite.test(
                format!("any_other_bit_is_refused::bit_{bit}_{row}"),
                &["OBJ-SIGNAL-03", "OBJ-SIGNAL-05"],
                &[Signals],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let (clear, set) = if in_set { (0, 1 << bit) } else { (1 << bit, 0) };
                    cx.object_signal(vmo, clear, set)?.is(ZX_ERR_INVALID_ARGS)?;
                    cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, true)
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

    suite.test(
        "the_right_comes_before_the_masks",
        &["OBJ-SIGNAL-09"],
        &[Signals, Handles, Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let weak = cx.duplicate_without(vmo, ZX_RIGHT_SIGNAL)?;
            cx.object_signal(weak, 0, ZX_VMO_ZERO_CHILDREN)?.is(ZX_ERR_ACCESS_DENIED).map(drop)
        },
    );

    suite.test("signals_belong_to_the_object", &["OBJ-SIGNAL-11"], &[Signals, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate_same(vmo)?;
        let other = cx.create(PAGE)?;
        cx.object_signal(second, 0, ZX_USER_SIGNAL_0)?.ok()?;
        cx.close(second)?;
        cx.write(vmo, 0, b"x")?;
        cx.resize(vmo, 3 * PAGE)?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
        cx.expect_signals(other, ZX_VMO_ZERO_CHILDREN)
    });

    suite.test("setting_ends_a_wait", &["OBJ-SIGNAL-12"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0 << 2, LONG, |cx| {
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0 << 1)?.ok()?;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0 << 2)?.ok().map(drop)
        })?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0 << 1 | ZX_USER_SIGNAL_0 << 2)
    });

    suite.test("a_bit_in_both_masks_does_not_dip", &["OBJ-SIGNAL-13"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
        for _ in 0..50 {
            cx.object_signal(vmo, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_0)?.ok()?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
        }
        Ok(())
    });

    suite
        .test("a_vmo_has_no_peer", &["OBJ-SIGNAL-14"], &[Signals, OtherObjects], |cx| {
            let vmo = cx.create(PAGE)?;
            let answer = cx.object_signal_peer(vmo, 0, ZX_USER_SIGNAL_0)?;
            cx.either("C-23", answer, ZX_ERR_NOT_SUPPORTED, ZX_ERR_ACCESS_DENIED)?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
        })
        .at(Level::Page);
}
