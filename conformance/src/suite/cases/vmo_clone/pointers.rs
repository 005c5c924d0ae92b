//! Where `vmo_clone` stores the handle, and where it cannot.

use vmo_abi::Capability::{CachePolicy, Clone, Info, Mapping, ProcessVmos, Signals};
use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_ZERO_CHILDREN};

use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{create, map, shows};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, READ_ONLY, Suite, plus};

/// Places that no handle can be stored at.
const BAD: &[(&str, Address)] = &[
    ("null", Address::Null),
    ("address_1", Address::Literal(1)),
    ("below_user_space", Address::Literal(0x1000)),
    ("unmapped", Address::Unmapped),
    ("read_only", Address::ReadOnly),
    ("1_byte_of_room", Address::Straddle(1)),
    ("2_bytes_of_room", Address::Straddle(2)),
    ("3_bytes_of_room", Address::Straddle(3)),
    ("no_room", Address::Straddle(0)),
    ("kernel", Address::Kernel),
    ("not_canonical", Address::Literal(1 << 47)),
    ("last_word", Address::Literal(u64::MAX - 3)),
    ("last_byte", Address::Literal(u64::MAX)),
];

fn refuse(cx: &mut Context<'_>, vmo: Handle, out: Address) -> Checked {
    let answer = cx.with("out", out).vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)?;
    answer.is(ZX_ERR_INVALID_ARGS).map(drop)
}

pub(super) fn add(suite: &mut Suite) {
    for &(name, address) in BAD {
        suite.test(
            format!("refuses_an_out_pointer::{name}"),
            &["VMO-CLONE-15"],
            &[Clone],
            move |cx| {
                let vmo = create(cx, "a")?;
                refuse(cx, vmo, address)?;
                shows(cx, vmo, "a")
            },
        );
        suite.test(
            format!("a_bad_out_pointer_leaves_no_clone::{name}"),
            &["VMO-CLONE-16", "GEN-05"],
            &[Clone, Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                refuse(cx, vmo, address)?;
                cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
            },
        );
    }

    // A VMO with a clone could not have its policy set (VMO-CACHEPOL-10).
    suite.test(
        "a_clone_that_could_not_be_handed_out_is_no_obstacle",
        &["VMO-CLONE-16", "GEN-05"],
        &[Clone, CachePolicy],
        |cx| {
            let vmo = cx.create(PAGE)?;
            refuse(cx, vmo, Address::Null)?;
            cx.expect_nothing_committed(vmo)
        },
    );

    suite.test(
        "a_bad_out_pointer_leaves_no_vmo_behind",
        &["VMO-CLONE-16", "GEN-05"],
        &[Clone, Info, ProcessVmos],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let before = cx.vmo_infos()?.len();
            for _ in 0..5 {
                refuse(cx, vmo, Address::Null)?;
            }
            let after = cx.vmo_infos()?.len();
            cx.expect(after == before, before, after)
        },
    );

    suite.test(
        "a_bad_out_pointer_spoils_nothing_for_the_next_call",
        &["VMO-CLONE-15", "VMO-CLONE-01"],
        &[Clone],
        |cx| {
            let vmo = create(cx, "a")?;
            refuse(cx, vmo, Address::Unmapped)?;
            let copy = cx.clone_of(vmo, 0, PAGE)?;
            shows(cx, copy, "a")
        },
    );

    for room in [4, 5, 6, 7] {
        suite.test(
            format!("the_out_pointer_needs_no_alignment::{room}"),
            &["GEN-08", "VMO-CLONE-01"],
            &[Clone],
            move |cx| {
                let vmo = create(cx, "a")?;
                let answer = cx
                    .with("out", Address::Straddle(room))
                    .vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)?
                    .ok()?;
                shows(cx, answer.handle(0), "a")
            },
        );
    }

    suite.test(
        "the_handle_can_be_stored_in_a_mapping",
        &["VMO-CLONE-01", "VMAR-MAP-40", "GEN-08"],
        &[Clone, Mapping],
        |cx| {
            let (vmo, other) = (create(cx, "a")?, cx.create(2 * PAGE)?);
            let at = map(cx, other, 2)?;
            // Across the border of its two pages.
            let out = plus(at, PAGE - 2);
            let call = cx.with("out", out).vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)?;
            let (stored, copy) = (call.word(4)?, call.handle(0));
            call.ok()?;
            cx.expect_bytes(other, PAGE - 2, &(stored as u32).to_le_bytes())?;
            shows(cx, copy, "a")
        },
    );

    suite.test(
        "refuses_an_out_pointer_into_a_read_only_mapping",
        &["VMO-CLONE-15", "GEN-10"],
        &[Clone, Mapping],
        |cx| {
            let (vmo, other) = (create(cx, "a")?, create(cx, "b")?);
            let at = cx.map(other, 0, PAGE, READ_ONLY)?;
            refuse(cx, vmo, at)?;
            shows(cx, other, "b")
        },
    );

    suite.test(
        "refuses_an_out_pointer_beyond_the_end_of_the_mapped_vmo",
        &["VMO-CLONE-15", "VMO-CLONE-16", "GEN-10"],
        &[Clone, Mapping, Signals],
        |cx| {
            let (vmo, other) = (cx.create(PAGE)?, cx.create(PAGE)?);
            let at = map(cx, other, 2)?;
            refuse(cx, vmo, plus(at, PAGE))?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
        },
    );
}
