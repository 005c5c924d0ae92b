//! `vmo_set_cache_policy`.

use vmo_abi::{
    ZX_CACHE_POLICY_MASK, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_RIGHT_MAP,
};

use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::state::State;

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let policy = call.int(1);
    let invalid = policy & !ZX_CACHE_POLICY_MASK != 0;
    cx.must(invalid, ZX_ERR_INVALID_ARGS, clause!("VMO-CACHEPOL-02"));
    let mut target = None;
    if let Some(entry) = cx.handle(state, call.int(0), clause!("VMO-CACHEPOL-05")) {
        cx.rights(&entry, ZX_RIGHT_MAP, clause!("VMO-CACHEPOL-06"));
        target = cx.vmo(state, &entry, clause!("TYPE-04"));
    }
    if let Some(id) = target {
        let vmo = state.vmo(id);
        let (certain, possible) = vmo.pages.committed();
        cx.must(certain > 0, ZX_ERR_BAD_STATE, clause!("VMO-CACHEPOL-08"));
        cx.may(possible > 0, ZX_ERR_BAD_STATE, clause!("VMO-CACHEPOL-08"));
        cx.lenient(vmo.read.0 < vmo.read.1, ZX_ERR_BAD_STATE, clause!("C-06"));
        cx.must(vmo.mappings > 0, ZX_ERR_BAD_STATE, clause!("VMO-CACHEPOL-09"));
        cx.must(vmo.children > 0, ZX_ERR_BAD_STATE, clause!("VMO-CACHEPOL-10"));
        if let Some((parent, _)) = vmo.parent {
            // Only the kernel says that an orphan is still a clone.
            let parent = state.vmo(parent);
            if parent.named || parent.mappings > 0 {
                cx.must(true, ZX_ERR_BAD_STATE, clause!("VMO-CACHEPOL-11"));
            } else {
                cx.by_kernel(true, ZX_ERR_BAD_STATE, clause!("VMO-CACHEPOL-12"));
            }
        }
        cx.lenient(vmo.configured, ZX_ERR_ACCESS_DENIED, clause!("C-13"));
    }
    let success = cx.settle(state, clause!("VMO-CACHEPOL-01"))?;
    if let Some(vmo) = target.filter(|_| success) {
        let vmo = state.vmo_mut(vmo);
        vmo.cache_policy = policy;
        vmo.configured = true;
        // It is known now that nothing was committed.
        vmo.pages.forget_own();
        vmo.read = (0, 0);
    }
    Ok(())
}
