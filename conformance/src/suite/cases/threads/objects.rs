//! Sizes, names, signals, koids and handle values under concurrent calls.

use std::collections::BTreeSet;

use vmo_abi::Capability::{Clone, Handles, Info, Properties, Signals, Threads};
use vmo_abi::{ZX_OK, ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS, ZX_USER_SIGNAL_0, ZX_VMO_ZERO_CHILDREN};

use super::{expect, in_threads, ok, watched};
use crate::suite::cases::object_get_info::expect_count;
use crate::suite::{PAGE, Suite};

pub(super) fn add(suite: &mut Suite) {
    sizes(suite);
    names(suite);
    identities(suite);
    signals(suite);
}

fn sizes(suite: &mut Suite) {
    // The halves of these sizes differ, and shrinking from one to the other
    // goes over few pages.
    for (row, small, large) in [
        ("small", 0, PAGE),
        ("around_2_to_32", (1 << 32) - PAGE, (1 << 32) + PAGE),
        ("around_2_to_33", (1 << 33) - PAGE, (1 << 33) + 2 * PAGE),
    ] {
        suite.test(
            format!("a_size_is_the_old_or_the_new::{row}"),
            &["THREAD-05"],
            &[Threads],
            move |cx| {
                let vmo = cx.create(small)?;
                let vmo = cx.handle_value(vmo);
                watched(
                    cx,
                    |round, hand| {
                        let size = if round % 2 == 0 { large } else { small };
                        ok(hand.backend.vmo_set_size(vmo, size))
                    },
                    |hand| {
                        let size = hand.size(vmo)?;
                        let text = format!("{size:#x}");
                        expect(size == small || size == large, "one of the two sizes", text)
                    },
                )
            },
        );
    }
}

fn names(suite: &mut Suite) {
    const SHORT: &[u8] = b"aa";
    const LONG: &[u8] = &[b'b'; 31];
    const EMPTY: &[u8] = b"";
    /// A name as it is read.
    fn padded(name: &[u8]) -> [u8; 32] {
        let mut padded = [0; 32];
        padded[..name.len()].copy_from_slice(name);
        padded
    }

    for (row, first, second) in [
        ("of_one_length", &[b'c'; 31][..], LONG),
        ("short_and_long", SHORT, LONG),
        ("long_and_empty", LONG, EMPTY),
    ] {
        suite.test(
            format!("a_name_is_the_old_or_the_new::{row}"),
            &["THREAD-06"],
            &[Threads, Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, second)?;
                let vmo = cx.handle_value(vmo);
                watched(
                    cx,
                    |round, hand| hand.set_name(vmo, if round % 2 == 0 { first } else { second }),
                    |hand| {
                        let name = hand.name(vmo)?;
                        let is_one = name == padded(first) || name == padded(second);
                        expect(is_one, "one of the two names", format!("{name:x?}"))
                    },
                )
            },
        );
    }

    suite.test("names_set_by_several_do_not_mix", &["THREAD-06"], &[Threads, Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        let value = cx.handle_value(vmo);
        let name_of = |nth: usize| vec![b'k' + nth as u8; 8 * nth + 5];
        let names: Vec<_> =
            (0..4).map(|nth| padded(&name_of(nth)[..name_of(nth).len().min(31)])).collect();
        in_threads(cx, 4, |nth, hand| {
            for _ in 0..200 {
                hand.set_name(value, &name_of(nth))?;
                let name = hand.name(value)?;
                expect(names.contains(&name), "one of the names", format!("{name:x?}"))?;
            }
            Ok(())
        })?;
        let name = cx.name(vmo)?;
        cx.expect(names.contains(&name), "one of the names", format!("{name:x?}"))
    });
}

fn identities(suite: &mut Suite) {
    suite.test("koids_stay_unique", &["THREAD-10"], &[Threads, Info, Clone], |cx| {
        let parent = cx.create(PAGE)?;
        let parent = cx.handle_value(parent);
        let koids = in_threads(cx, 4, |nth, hand| {
            let mut koids = Vec::new();
            for round in 0..200 {
                let made = if (nth + round) % 2 == 0 {
                    hand.create(0)?
                } else {
                    hand.clone_of(parent, PAGE)?
                };
                koids.push(hand.koid(made)?);
                hand.close(made)?;
            }
            Ok(koids)
        })?;
        let different: BTreeSet<_> = koids.iter().flatten().collect();
        cx.expect(different.len() == 800, "800 koids", different.len())
    });

    suite.test("koids_of_one_thread_grow", &["KOID-04"], &[Threads, Info], |cx| {
        in_threads(cx, 4, |_, hand| {
            let mut last = 0;
            for _ in 0..200 {
                let made = hand.create(0)?;
                let koid = hand.koid(made)?;
                expect(koid > last, format!("more than {last}"), koid)?;
                last = koid;
                hand.close(made)?;
            }
            Ok(())
        })
        .map(drop)
    });

    suite.test("values_stay_unique", &["HV-10"], &[Threads, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let vmo = cx.handle_value(vmo);
        let values = in_threads(cx, 4, |nth, hand| {
            let mut values = Vec::new();
            for round in 0..150 {
                values.push(if (nth + round) % 2 == 0 {
                    hand.create(0)?
                } else {
                    hand.duplicate(vmo, ZX_RIGHT_READ)?
                });
                // Some go again while others come.
                if round % 3 == 0 {
                    hand.close(values.swap_remove(values.len() / 2))?;
                }
            }
            Ok(values)
        })?;
        let all: Vec<_> = values.into_iter().flatten().collect();
        let different: BTreeSet<_> = all.iter().collect();
        let unique = different.len() == all.len();
        cx.expect(unique, format!("{} values", all.len()), different.len())?;
        all.iter().try_for_each(|value| ok(cx.backend().handle_close(*value)))
    });

    suite.test("each_thread_reaches_its_own_objects", &["HV-10"], &[Threads], |cx| {
        in_threads(cx, 4, |nth, hand| {
            for round in 0..200 {
                let pages = 1 + (4 * round + nth as u64) % 64;
                let made = hand.create(pages * PAGE)?;
                let size = hand.size(made)?;
                expect(size == pages * PAGE, pages * PAGE, size)?;
                hand.close(made)?;
            }
            Ok(())
        })
        .map(drop)
    });

    suite.test("handles_are_counted_right", &["OBJ-INFO-18"], &[Threads, Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let value = cx.handle_value(vmo);
        in_threads(cx, 4, |_, hand| {
            for _ in 0..150 {
                let second = hand.duplicate(value, ZX_RIGHT_SAME_RIGHTS)?;
                let count = hand.count(second)?;
                expect((2..=5).contains(&count), "2 to 5 handles", count)?;
                hand.close(second)?;
            }
            Ok(())
        })?;
        expect_count(cx, vmo, 1)
    });
}

fn signals(suite: &mut Suite) {
    suite.test("signals_of_several_do_not_get_lost", &["OBJ-SIGNAL-11"], &[Threads, Signals], {
        |cx| {
            let vmo = cx.create(PAGE)?;
            let value = cx.handle_value(vmo);
            in_threads(cx, 4, |nth, hand| {
                let bit = ZX_USER_SIGNAL_0 << (2 * nth);
                for _ in 0..300 {
                    ok(hand.backend.object_signal(value, 0, bit))?;
                    let seen = hand.signals(value)?;
                    expect(seen & bit != 0, format!("{bit:#x} active"), format!("{seen:#x}"))?;
                    ok(hand.backend.object_signal(value, bit, 0))?;
                    let seen = hand.signals(value)?;
                    expect(seen & bit == 0, format!("{bit:#x} clear"), format!("{seen:#x}"))?;
                }
                Ok(())
            })?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
        }
    });

    suite.test("a_bit_in_both_masks_does_not_dip", &["OBJ-SIGNAL-13"], &[Threads, Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        let bit = ZX_USER_SIGNAL_0;
        cx.object_signal(vmo, 0, bit)?.ok()?;
        let vmo = cx.handle_value(vmo);
        watched(
            cx,
            |round, hand| {
                // Others come and go meanwhile.
                let other = bit << (1 + round % 7);
                ok(hand.backend.object_signal(vmo, bit | other, bit | other << 1))
            },
            |hand| {
                let status = hand.backend.object_wait_one(vmo, bit, 0, 0);
                expect(status == ZX_OK, "the signal active", crate::runner::Status(status))
            },
        )
    });

    suite.test(
        "zero_children_stays_low_while_one_is_left",
        &["SIG-ZC-05"],
        &[Threads, Signals, Clone],
        |cx| {
            let parent = cx.create(PAGE)?;
            let last = cx.clone_of(parent, 0, PAGE)?;
            let value = cx.handle_value(parent);
            watched(
                cx,
                |_, hand| {
                    let clone = hand.clone_of(value, PAGE)?;
                    hand.close(clone)
                },
                |hand| {
                    let seen = hand.signals(value)?;
                    let low = seen & ZX_VMO_ZERO_CHILDREN == 0;
                    expect(low, "ZERO_CHILDREN inactive", format!("{seen:#x}"))
                },
            )?;
            cx.close(last)?;
            cx.expect_signals(parent, ZX_VMO_ZERO_CHILDREN)
        },
    );

    suite.test(
        "zero_children_is_active_after_all_clones",
        &["SIG-ZC-06"],
        &[Threads, Signals, Clone],
        |cx| {
            let parent = cx.create(PAGE)?;
            let value = cx.handle_value(parent);
            for _ in 0..5 {
                in_threads(cx, 4, |_, hand| {
                    for _ in 0..20 {
                        let clone = hand.clone_of(value, PAGE)?;
                        let second = hand.clone_of(clone, PAGE)?;
                        hand.close(clone)?;
                        let seen = hand.signals(value)?;
                        let low = seen & ZX_VMO_ZERO_CHILDREN == 0;
                        expect(low, "ZERO_CHILDREN inactive", format!("{seen:#x}"))?;
                        hand.close(second)?;
                    }
                    Ok(())
                })?;
                cx.expect_signals(parent, ZX_VMO_ZERO_CHILDREN)?;
            }
            Ok(())
        },
    );
}
