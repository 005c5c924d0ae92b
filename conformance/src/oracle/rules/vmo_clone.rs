//! `vmo_clone`.

use vmo_abi::{
    ZX_CACHE_POLICY_CACHED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE,
    ZX_MAX_NAME_LEN, ZX_PAGE_SHIFT, ZX_RIGHT_DUPLICATE, ZX_RIGHT_EXECUTE, ZX_RIGHT_GET_PROPERTY,
    ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_WRITE, ZX_VMO_CLONE_COPY_ON_WRITE,
};

use super::results::{new_handle, spoil};
use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::handles::{Entry, Origin, Rights};
use crate::oracle::state::State;
use crate::oracle::vmo::{Name, Vmo, is_aligned, round_up};

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (options, offset, size, out) = (call.int(1), call.long(2), call.long(3), call.long(4));
    let largest = cx.environment.edition.largest_vmo_size;
    let ignores_options = cx.environment.edition.unknown_clone_options_ignored;
    let needed = ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ;

    let entry = cx.handle(state, call.int(0), clause!("VMO-CLONE-03"));
    let mut source = None;
    if let Some(entry) = &entry {
        cx.rights(entry, needed, clause!("VMO-CLONE-04"));
        source = cx.vmo(state, entry, clause!("TYPE-03"));
    }
    let no_mode = options & ZX_VMO_CLONE_COPY_ON_WRITE == 0;
    cx.must(no_mode, ZX_ERR_INVALID_ARGS, clause!("VMO-CLONE-07"));
    let more_options = options & !ZX_VMO_CLONE_COPY_ON_WRITE != 0;
    cx.lenient(more_options, ZX_ERR_INVALID_ARGS, clause!("VMO-CLONE-08"));
    cx.must(!ignores_options && more_options, ZX_ERR_INVALID_ARGS, clause!("VMO-CLONE-08"));
    let rounded = round_up(size).filter(|_| size <= largest);
    if rounded.is_none() {
        // No page says which error it is.
        cx.lenient(true, ZX_ERR_INVALID_ARGS, clause!("VMO-CLONE-13"));
    }
    cx.must(rounded.is_none(), ZX_ERR_OUT_OF_RANGE, clause!("VMO-CLONE-13"));
    cx.no_memory(state, clause!("VMO-CLONE-19"));
    if let Some(source) = source {
        let uncached = state.vmo(source).cache_policy != ZX_CACHE_POLICY_CACHED;
        cx.must(uncached, ZX_ERR_BAD_STATE, clause!("VMO-CLONE-17"));
    }
    cx.must(!is_aligned(offset), ZX_ERR_INVALID_ARGS, clause!("VMO-CLONE-09"));
    let leaves = offset.checked_add(size).is_none();
    let sum_leaves = rounded.is_some_and(|rounded| offset.checked_add(rounded).is_none());
    cx.must(leaves, ZX_ERR_OUT_OF_RANGE, clause!("VMO-CLONE-11"));
    if cx.kernel {
        cx.must(sum_leaves, ZX_ERR_OUT_OF_RANGE, clause!("VMO-CLONE-12"));
    } else {
        cx.may(sum_leaves, ZX_ERR_OUT_OF_RANGE, clause!("C-10"));
    }
    let span = cx.place(state, out, 4, clause!("VMO-CLONE-15"));

    let success = cx.settle(state, clause!("VMO-CLONE-01"))?;
    let (Some(entry), Some(source), true) = (entry, source, success) else {
        spoil(state, cx, out, &span);
        return cx.untouched(call.untouched, clause!("GEN-06"));
    };
    if entry.rights.have & needed != needed {
        let have = entry.rights.have | needed;
        state.handles_mut().set_rights(entry.value, Rights { have, ..entry.rights });
    }
    let parent = state.vmo(source);
    cx.examples(&[
        (offset.saturating_add(size) > parent.size, clause!("VMO-CLONE-10")),
        (size == 0, clause!("VMO-CLONE-14")),
        (parent.parent.is_some(), clause!("VMO-CLONE-30")),
        (more_options, clause!("VMO-CLONE-08")),
        (parent.children > 0, clause!("SIG-ZC-05")),
    ]);
    let mut clone = Vmo::new(rounded.unwrap_or(0));
    clone.size_clause = clause!("VMO-CLONE-02");
    clone.parent = Some((source, offset >> ZX_PAGE_SHIFT));
    clone.name = inherited_name(cx, &entry, &state.vmo(source).name);
    let (_, object) = state.new_vmo(clone);
    cx.reach(clause!("SIG-ZC-02"));
    let rights = clone_rights(cx, &entry);
    new_handle(
        state,
        cx,
        (out, &span),
        call.stored(4),
        (object, (rights, Origin::Clone)),
        clause!("VMO-CLONE-01"),
    )
}

/// The source's name if the handle lets it be read, else none, says the kernel
/// (VMO-CLONE-25); an in-tree test insists on the first half only.
fn inherited_name(cx: &mut Context<'_>, entry: &Entry, name: &Name) -> Name {
    cx.reach(clause!("VMO-CLONE-25"));
    let readable = entry.rights.have & ZX_RIGHT_GET_PROPERTY != 0;
    match name {
        _ if readable => name.clone(),
        _ if cx.kernel => Name::EMPTY,
        Name::Known(name) => Name::Either(*name, [0; ZX_MAX_NAME_LEN]),
        _ => Name::Unknown,
    }
}

/// The rights of the clone's handle (VMO-CLONE-21); by the page EXECUTE and MAP
/// may be among them (C-07).
fn clone_rights(cx: &mut Context<'_>, entry: &Entry) -> Rights {
    cx.reach(clause!("VMO-CLONE-21"));
    let added = ZX_RIGHT_WRITE | ZX_RIGHT_GET_PROPERTY | ZX_RIGHT_SET_PROPERTY;
    let temporary = if cx.kernel { 0 } else { ZX_RIGHT_EXECUTE | ZX_RIGHT_MAP };
    Rights { have: entry.rights.have | added, may: entry.rights.may | added | temporary }
}
