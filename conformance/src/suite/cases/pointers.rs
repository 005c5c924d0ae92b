//! Pointers of every call: unaligned ones, ones across pages, ones into
//! mappings, and ones of which only a part is good.

mod calls;
mod mapped;

use vmo_abi::Capability::Clone;
use vmo_abi::{ZX_ERR_INVALID_ARGS, zx_vaddr_t};

use self::calls::{CALLS, Use};
use crate::program::Address;
use crate::suite::{Checked, Context, Failure, PAGE, Suite};

/// Where in the arena places of a test's own begin.
const OWN: u64 = 0x800;
/// A border between pages of the arena that no short buffer reaches.
const BORDER: u64 = 9 * PAGE;
/// What lies around a place, and stays there.
const FENCE: u8 = 0x5c;
/// Bytes of it on either side.
const FENCE_BYTES: usize = 8;

fn fault(fault: vmo_abi::Fault) -> Failure {
    Failure::CannotRun(fault.into())
}

/// Bytes of memory, past the record.
fn peek(cx: &Context<'_>, address: zx_vaddr_t, len: usize) -> Checked<Vec<u8>> {
    let mut bytes = vec![0; len];
    cx.backend().load(address, &mut bytes).map_err(fault)?;
    Ok(bytes)
}

fn poke(cx: &mut Context<'_>, address: zx_vaddr_t, bytes: &[u8]) -> Checked {
    // What is stored in the arena, or on the unmapped ground behind it, is
    // nobody's business and needs no mapping.
    let arena = cx.environment().arena;
    if (arena.base..arena.end() + PAGE).contains(&address) {
        return cx.backend().store(address, bytes).map_err(fault);
    }
    cx.store(Address::Literal(address), bytes)?.ok().map(drop)
}

/// Does a call with a pointer to a place, and expects that it works, and that
/// it leaves alone what lies around the place.
fn expect_works(cx: &mut Context<'_>, used: &Use, place: zx_vaddr_t) -> Checked {
    let len = used.len as usize;
    let start = place - FENCE_BYTES as u64;
    poke(cx, start, &vec![FENCE; len + 2 * FENCE_BYTES])?;
    let (answer, object) = (used.call)(cx, place)?;
    let answer = answer.ok()?;
    let around = peek(cx, start, len + 2 * FENCE_BYTES)?;
    let (before, rest) = around.split_at(FENCE_BYTES);
    let kept = before.iter().chain(&rest[len..]).all(|byte| *byte == FENCE);
    cx.expect(kept, format!("only {len} bytes stored"), format!("{around:x?}"))?;
    (used.check)(cx, &answer, object, place)
}

pub(super) fn add(suite: &mut Suite) {
    for used in CALLS {
        suite.test(format!("need_no_alignment::{}", used.name), &["GEN-08"], used.needs, |cx| {
            let base = cx.backend().environment().arena.base + OWN;
            for offset in [1, 2, 3, 4, 5, 6, 7, 9, 15] {
                expect_works(cx, used, base + 16 + offset)?;
            }
            Ok(())
        });
        suite.test(format!("may_cross_a_page::{}", used.name), &["GEN-08"], used.needs, |cx| {
            let border = cx.backend().environment().arena.base + BORDER;
            for before in 1..used.len {
                expect_works(cx, used, border - before)?;
            }
            expect_works(cx, used, border)?;
            expect_works(cx, used, border - used.len)
        });
        suite.test(
            format!("up_to_the_end_of_memory::{}", used.name),
            &["GEN-07"],
            used.needs,
            |cx| {
                let place = cx.backend().environment().arena.end() - used.len;
                let (answer, object) = (used.call)(cx, place)?;
                let answer = answer.ok()?;
                (used.check)(cx, &answer, object, place)
            },
        );
        for good in used.partly_good() {
            suite.test(
                format!("need_all_their_bytes::{}_{good}", used.name),
                &["GEN-07", "GEN-09"],
                used.needs,
                move |cx| {
                    let place = cx.backend().environment().arena.end() - good;
                    (used.call)(cx, place)?.0.is(used.refusal).map(drop)
                },
            );
        }
    }
    mapped::add(suite);
    handles(suite);
}

/// After a pointer that is good in part, another call works as ever.
fn handles(suite: &mut Suite) {
    for bytes in 1..4 {
        suite.test(
            format!("a_handle_needs_its_four_bytes::{bytes}"),
            &["GEN-09"],
            &[Clone],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.with("out", Address::Straddle(bytes));
                cx.vmo_create(PAGE, 0)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.with("out", Address::Straddle(bytes));
                cx.vmo_clone(vmo, 1, 0, PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.with("out", Address::Straddle(4));
                cx.vmo_create(PAGE, 0)?.ok().map(drop)
            },
        );
    }
}
