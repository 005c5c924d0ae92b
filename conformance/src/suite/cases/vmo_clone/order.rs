//! Which of several faults `vmo_clone` reports.

use vmo_abi::Capability::{CachePolicy, Clone, Handles, MemoryControl, OtherObjects, Signals};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_ERR_WRONG_TYPE, ZX_RIGHT_NONE,
    ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_ZERO_CHILDREN, zx_status_t,
};

use crate::program::{Address, Handle};
use crate::suite::steps::PAGE;
use crate::suite::{Answer, Checked, Context, Suite};

/// Something that is wrong with a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Options,
    Size,
    Policy,
    Alignment,
    Sum,
    Pointer,
}

/// Every fault in the order in which it is found, with what it gives.
const FAULTS: [(Fault, &str, zx_status_t); 6] = [
    (Fault::Options, "options", ZX_ERR_INVALID_ARGS),
    (Fault::Size, "size", ZX_ERR_OUT_OF_RANGE),
    (Fault::Policy, "policy", ZX_ERR_BAD_STATE),
    (Fault::Alignment, "alignment", ZX_ERR_INVALID_ARGS),
    (Fault::Sum, "sum", ZX_ERR_OUT_OF_RANGE),
    (Fault::Pointer, "pointer", ZX_ERR_INVALID_ARGS),
];

/// A call on a handle with these faults.
fn call(cx: &mut Context<'_>, handle: Handle, faults: &[Fault]) -> Checked<Answer> {
    let has = |fault| faults.contains(&fault);
    let options = if has(Fault::Options) { 2 } else { ZX_VMO_CLONE_COPY_ON_WRITE };
    let offset = if has(Fault::Sum) { 0_u64.wrapping_sub(2 * PAGE) } else { 0 };
    let offset = if has(Fault::Alignment) { offset + 1 } else { offset };
    let size = if has(Fault::Size) { u64::MAX } else { 3 * PAGE };
    if has(Fault::Pointer) {
        cx.with("out", Address::Null);
    }
    cx.vmo_clone(handle, options, offset, size)
}

/// The faults whose bits are set in a number.
fn subset(bits: usize) -> impl Iterator<Item = (Fault, &'static str, zx_status_t)> {
    let is_set = move |index: usize| bits & (1 << index) != 0;
    FAULTS.into_iter().enumerate().filter(move |(index, _)| is_set(*index)).map(|(_, it)| it)
}

pub(super) fn add(suite: &mut Suite) {
    add_subsets(suite);
    add_handles(suite);
    add_memory(suite);
}

fn add_subsets(suite: &mut Suite) {
    for bits in 1..1_usize << FAULTS.len() {
        let faults: Vec<_> = subset(bits).map(|(fault, ..)| fault).collect();
        let names: Vec<_> = subset(bits).map(|(_, name, _)| name).collect();
        let Some((_, _, status)) = subset(bits).next() else { continue };
        let is_uncached = faults.contains(&Fault::Policy);
        let mut needs = vec![Clone, Signals];
        needs.extend(is_uncached.then_some(CachePolicy));
        suite.test(
            format!("judges_first::{}", names.join("_")),
            &["VMO-CLONE-18", "SIG-ZC-17"],
            &needs,
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                if is_uncached {
                    cx.vmo_set_cache_policy(vmo, 2)?.ok()?;
                }
                call(cx, vmo, &faults)?.is(status)?.untouched()?;
                cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
            },
        );
    }
}

fn add_handles(suite: &mut Suite) {
    for (other, name, _) in FAULTS {
        if other == Fault::Policy {
            continue;
        }
        suite.test(
            format!("judges_the_handle_before::{name}"),
            &["GEN-01", "VMO-CLONE-03"],
            &[Clone],
            move |cx| {
                let closed = cx.closed_handle()?;
                for handle in [Handle::Invalid, Handle::Never, closed] {
                    call(cx, handle, &[other])?.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
                }
                Ok(())
            },
        );
        suite.test(
            format!("judges_the_rights_before::{name}"),
            &["GEN-01", "VMO-CLONE-05"],
            &[Clone, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let bare = cx.duplicate(vmo, ZX_RIGHT_NONE)?;
                call(cx, bare, &[other])?.is(ZX_ERR_ACCESS_DENIED)?.untouched().map(drop)
            },
        );
        suite.test(
            format!("judges_the_type_before::{name}"),
            &["GEN-01", "TYPE-03"],
            &[Clone, OtherObjects],
            move |cx| {
                let event = cx.event()?;
                call(cx, event, &[other])?.is(ZX_ERR_WRONG_TYPE)?.untouched().map(drop)
            },
        );
    }
}

/// What is found wrong before anything is allocated is reported even when
/// nothing can be; what comes after is not.
fn add_memory(suite: &mut Suite) {
    for (fault, name, status) in FAULTS {
        let status = match fault {
            Fault::Options | Fault::Size => status,
            _ => ZX_ERR_NO_MEMORY,
        };
        let mut needs = vec![Clone, MemoryControl];
        needs.extend((fault == Fault::Policy).then_some(CachePolicy));
        suite.test(
            format!("memory_is_short_and_so_is::{name}"),
            &["VMO-CLONE-18", "VMO-CLONE-19"],
            &needs,
            move |cx| {
                let vmo = cx.create(PAGE)?;
                if fault == Fault::Policy {
                    cx.vmo_set_cache_policy(vmo, 3)?.ok()?;
                }
                cx.fail_allocation(Some(1))?;
                call(cx, vmo, &[fault])?.is(status)?.untouched().map(drop)
            },
        );
    }
}
