//! Loads and stores of user code (VMAR-MAP-38 to -44).

use vmo_abi::zx_vaddr_t;

use super::vmo_read;
use crate::oracle::clause::{Clause, clause};
use crate::oracle::context::{Context, Judged};
use crate::oracle::memory::{Access, READ, Span, WRITE};
use crate::oracle::page::is_zero;
use crate::oracle::state::State;
use crate::oracle::vmo::pages_of;

/// The clause that says that an access has to fault, or that it must not.
fn clause_of(span: &Span, right: u32) -> Clause {
    match (span.access, span.mapped) {
        (Access::Good, _) if right == WRITE => clause!("VMAR-MAP-40"),
        (Access::Good, _) => clause!("VMAR-MAP-39"),
        (_, true) => clause!("VMAR-MAP-44"),
        (_, false) => clause!("VMAR-UNMAP-16"),
    }
}

/// Judges whether an access may have faulted.
fn judge_fault(
    cx: &mut Context<'_>,
    span: &Span,
    faulted: bool,
    right: u32,
    may_fault: bool,
) -> Judged {
    let clause = clause_of(span, right);
    cx.reach(clause);
    match span.access {
        Access::Good if faulted && !may_fault => {
            Err(cx.violation(clause, "an access that goes through", "a page fault"))
        }
        Access::Bad if !faulted => {
            Err(cx.violation(clause, "a page fault", "an access that goes through"))
        }
        _ => Ok(()),
    }
}

/// Judges a load.
pub(in crate::oracle) fn judge_load(
    state: &mut State,
    cx: &mut Context<'_>,
    address: zx_vaddr_t,
    len: u64,
    bytes: Option<&[u8]>,
) -> Judged {
    let span = cx.span(state, address, len, READ);
    judge_fault(cx, &span, bytes.is_none(), READ, false)?;
    let Some(bytes) = bytes else { return Ok(()) };
    let reach = (bytes.len() as u64).min(span.good);
    for part in state.parts(cx.kernel, cx.environment, address, reach) {
        let first = part.before as usize;
        let seen = &bytes[first..first + part.len as usize];
        vmo_read::compare(state, cx, part.vmo, part.offset, seen)?;
        if !cx.kernel {
            state.note_read(part.vmo, part.offset, part.len);
        }
    }
    if let Some(page) = cx.environment.bad.read_only
        && address >= page
        && address - page < vmo_abi::ZX_PAGE_SIZE
        && reach <= vmo_abi::ZX_PAGE_SIZE - (address - page)
        && !span.mapped
        && !is_zero(&bytes[..reach as usize])
    {
        return Err(cx.violation(clause!("VMAR-MAP-44"), "the page of zeros", "other bytes"));
    }
    Ok(())
}

/// Judges a store.
pub(in crate::oracle) fn judge_store(
    state: &mut State,
    cx: &mut Context<'_>,
    address: zx_vaddr_t,
    bytes: &[u8],
    faulted: bool,
) -> Judged {
    let len = bytes.len() as u64;
    let span = cx.span(state, address, len, WRITE);
    // Memory that runs out shows as a fault, too (ND-03). By the pages that may
    // happen at any time, but a store that always faults would then be right.
    let short = state.memory_is_short() && span.mapped;
    judge_fault(cx, &span, faulted, WRITE, short)?;
    if !span.mapped {
        return Ok(());
    }
    if !faulted {
        let reach = span.good.min(len);
        let known = &bytes[..reach as usize];
        state.deliver(cx.how(), cx.environment, address, reach, known);
        return Ok(());
    }
    if span.access == Access::Good && short && !state.limited {
        state.failing = false;
    }
    // One access stores all or nothing, says the kernel, but may have fetched a
    // page before it faulted at the next; a copy has come as far as it could.
    let is_one = matches!(len, 1 | 2 | 4 | 8);
    let perhaps = cx.how().perhaps();
    if is_one {
        for part in state.parts(cx.kernel, cx.environment, address, span.good) {
            let (first, end) = pages_of(part.offset, part.len);
            state.commit(perhaps, part.vmo, first, end);
        }
    }
    let how = match span.access {
        Access::Bad if cx.kernel && is_one => return Ok(()),
        Access::Bad if !is_one && !state.memory_is_short() => cx.how(),
        _ => perhaps,
    };
    let known = &bytes[..span.good as usize];
    state.deliver(how, cx.environment, address, span.good, known);
    Ok(())
}
