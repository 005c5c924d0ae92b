//! `vmo_create`.

use vmo_abi::{
    ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_RIGHT_SIGNAL, ZX_RIGHT_WAIT,
};

use super::results::{new_handle, spoil};
use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::handles::Origin;
use crate::oracle::state::{State, rights_by_level};
use crate::oracle::vmo::{Vmo, round_up};

/// The eight rights of the seed page (VMO-CREATE-16 to -23), WAIT, without
/// which nobody could see the signal that it describes (C-02), and SIGNAL,
/// which an in-tree test uses.
const PROMISED_RIGHTS: u32 = 0xff | ZX_RIGHT_WAIT | ZX_RIGHT_SIGNAL;

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (size, options, out) = (call.long(0), call.int(1), call.long(2));
    let edition = &cx.environment.edition;
    let unknown_options = options & !edition.create_options != 0;
    let rounded = round_up(size).filter(|_| size <= edition.largest_vmo_size);
    let rights = edition.default_vmo_rights;

    cx.must(unknown_options, ZX_ERR_INVALID_ARGS, clause!("VMO-CREATE-07"));
    if rounded.is_none() {
        cx.lenient(true, ZX_ERR_INVALID_ARGS, clause!("C-01"));
        cx.lenient(true, ZX_ERR_NO_MEMORY, clause!("C-01"));
    }
    cx.must(rounded.is_none(), ZX_ERR_OUT_OF_RANGE, clause!("VMO-CREATE-06"));
    cx.no_memory(state, clause!("VMO-CREATE-10"));
    let bad_pointer = if out == 0 { clause!("VMO-CREATE-08") } else { clause!("VMO-CREATE-09") };
    let span = cx.place(state, out, 4, bad_pointer);

    if !cx.settle(state, clause!("VMO-CREATE-01"))? {
        spoil(state, cx, out, &span);
        return cx.untouched(call.untouched, clause!("VMO-CREATE-15"));
    }
    cx.examples(&[
        (size == 0, clause!("VMO-CREATE-04")),
        (size > 1 << 40, clause!("VMO-CREATE-05")),
        (rounded != Some(size), clause!("VMO-CREATE-02")),
    ]);
    let (_, object) = state.new_vmo(Vmo::new(rounded.unwrap_or(0)));
    let rights = rights_by_level(cx.kernel, rights, PROMISED_RIGHTS);
    new_handle(
        state,
        cx,
        (out, &span),
        call.stored(2),
        (object, (rights, Origin::Create)),
        clause!("VMO-CREATE-01"),
    )
}
