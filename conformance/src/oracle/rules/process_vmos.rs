//! The list of `ZX_INFO_PROCESS_VMOS` (OBJ-INFO-24 to -30).
//!
//! The process may have VMOs that the tester does not know of, and it is open
//! in what order entries come. So the entries of each VMO whose koid is known
//! are compared with what is known of that VMO.

use vmo_abi::{
    Record, ZX_INFO_VMO_IS_COW_CLONE, ZX_INFO_VMO_TYPE_PAGED, ZX_INFO_VMO_VIA_HANDLE,
    ZX_INFO_VMO_VIA_MAPPING, ZX_KOID_INVALID, ZX_PAGE_SIZE, zx_info_vmo_t,
};

use crate::oracle::clause::{Clause, clause};
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::{CallEvent, Stored};
use crate::oracle::handles::Rights;
use crate::oracle::state::{Kind, State};
use crate::oracle::vmo::VmoId;

pub(super) fn check(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let Some(bytes) = call.bytes else { return Ok(()) };
    let (Stored::Word(actual), Stored::Word(avail)) = (call.stored(4), call.stored(5)) else {
        return Ok(());
    };
    let room = call.long(3) / zx_info_vmo_t::SIZE as u64;
    if actual > avail || actual > room {
        return Err(cx.violation(
            clause!("OBJ-INFO-24"),
            format!("at most {} of {avail} entries", avail.min(room)),
            actual.to_string(),
        ));
    }
    let (entries, _) = bytes.as_chunks::<{ zx_info_vmo_t::SIZE }>();
    let actual = usize::try_from(actual).unwrap_or(usize::MAX);
    let Some(entries) = entries.get(..actual) else { return Ok(()) };
    let entries: Vec<_> = entries.iter().map(zx_info_vmo_t::from_bytes).collect();
    check_order(cx, &entries)?;
    for object in 0..state.objects().len() as u32 {
        let known = *state.object(object);
        let Kind::Vmo(vmo) = known.kind else { continue };
        if known.koid == ZX_KOID_INVALID {
            continue;
        }
        let own: Vec<_> = entries.iter().filter(|entry| entry.koid == known.koid).collect();
        for entry in &own {
            check_entry(state, cx, vmo, entry)?;
        }
        if actual as u64 == avail {
            check_presence(state, cx, vmo, &own)?;
        }
    }
    Ok(())
}

/// The kernel lists handles first (OBJ-INFO-29).
fn check_order(cx: &mut Context<'_>, entries: &[zx_info_vmo_t]) -> Judged {
    cx.reach(clause!("OBJ-INFO-29"));
    let via =
        |entry: &zx_info_vmo_t| entry.flags & (ZX_INFO_VMO_VIA_HANDLE | ZX_INFO_VMO_VIA_MAPPING);
    let is_sorted = entries.is_sorted_by_key(|entry| via(entry) != ZX_INFO_VMO_VIA_HANDLE);
    let is_clear = entries
        .iter()
        .all(|entry| matches!(via(entry), ZX_INFO_VMO_VIA_HANDLE | ZX_INFO_VMO_VIA_MAPPING));
    if cx.kernel && !(is_sorted && is_clear) {
        return Err(cx.violation(
            clause!("OBJ-INFO-29"),
            "entries for handles, then entries for mappings",
            "another order",
        ));
    }
    Ok(())
}

fn check_entry(
    state: &mut State,
    cx: &mut Context<'_>,
    id: VmoId,
    entry: &zx_info_vmo_t,
) -> Judged {
    let vmo = state.vmo(id);
    let (size, children, mappings) = (vmo.size, vmo.children, vmo.mappings);
    let (certain, mut possible) = vmo.pages.committed();
    let parent = vmo.parent.map(|(parent, _)| state.vmo(parent).object);
    if !cx.kernel {
        // What was read may have been committed (C-06).
        possible = vmo.page_count();
    }
    let same = |cx: &mut Context<'_>, what, expected, actual, clause: Clause| {
        cx.same(what, expected, Stored::Word(actual), clause)
    };
    same(cx, "size", size, entry.size_bytes, clause!("OBJ-INFO-25"))?;
    if !state.vmo_mut(id).name.observe(&entry.name) {
        return Err(cx.violation(clause!("OBJ-INFO-25"), "the VMO's name", "another name"));
    }
    match parent {
        None => same(cx, "parent koid", 0, entry.parent_koid, clause!("OBJ-INFO-25"))?,
        Some(parent) => {
            let is_orphan = state.object(parent).handles == 0;
            if cx.kernel || !is_orphan {
                let learnt = state.learn_koid(cx.kernel, parent, entry.parent_koid);
                if learnt.is_err() {
                    return Err(cx.violation(
                        clause!("OBJ-INFO-25"),
                        "the koid of the parent",
                        entry.parent_koid.to_string(),
                    ));
                }
            }
        }
    }
    let flags = ZX_INFO_VMO_TYPE_PAGED | ZX_INFO_VMO_IS_COW_CLONE;
    let clone = if parent.is_some() { ZX_INFO_VMO_IS_COW_CLONE } else { 0 };
    let expected = u64::from(ZX_INFO_VMO_TYPE_PAGED | clone);
    same(cx, "flags", expected, u64::from(entry.flags & flags), clause!("OBJ-INFO-28"))?;
    same(cx, "children", u64::from(children), entry.num_children, clause!("OBJ-INFO-27"))?;
    if cx.kernel {
        let mapped = u64::from(mappings);
        same(cx, "mappings", mapped, entry.num_mappings, clause!("OBJ-INFO-27"))?;
    }
    let committed = entry.committed_bytes / ZX_PAGE_SIZE;
    cx.reach(clause!("OBJ-INFO-30"));
    if !entry.committed_bytes.is_multiple_of(ZX_PAGE_SIZE)
        || !(certain..=possible).contains(&committed)
    {
        return Err(cx.violation(
            clause!("OBJ-INFO-30"),
            format!("{certain:#x} to {possible:#x} pages committed"),
            format!("{:#x} bytes", entry.committed_bytes),
        ));
    }
    Ok(())
}

/// There is an entry for each handle, with its rights, and for each mapping.
fn check_presence(
    state: &State,
    cx: &mut Context<'_>,
    id: VmoId,
    entries: &[&zx_info_vmo_t],
) -> Judged {
    cx.reach(clause!("OBJ-INFO-24"));
    let object = state.vmo(id).object;
    let mut rights: Vec<Rights> = state
        .handles
        .iter()
        .filter(|entry| entry.object == object)
        .map(|entry| entry.rights)
        .collect();
    // Handles about which most is known choose first.
    rights.sort_unstable_by_key(|rights| (rights.may & !rights.have).count_ones());
    let via = |flag: u32| entries.iter().filter(move |entry| entry.flags & flag != 0);
    let mut shown: Vec<_> = via(ZX_INFO_VMO_VIA_HANDLE).map(|entry| entry.handle_rights).collect();
    // Handles in messages are not of the process.
    if shown.len() < rights.len() || (cx.kernel && shown.len() != rights.len()) {
        return Err(cx.violation(
            clause!("OBJ-INFO-24"),
            format!("{} entries for handles", rights.len()),
            shown.len().to_string(),
        ));
    }
    for rights in rights {
        match shown.iter().position(|shown| rights.allow(*shown)) {
            Some(position) => drop(shown.swap_remove(position)),
            None => {
                return Err(cx.violation(
                    clause!("OBJ-INFO-28"),
                    format!("an entry with rights {:#x}", rights.have),
                    "none",
                ));
            }
        }
    }
    let mappings = state.vmo(id).mappings as usize;
    let mapped = via(ZX_INFO_VMO_VIA_MAPPING).count();
    if (cx.kernel && mapped != mappings) || (mapped == 0 && mappings > 0) {
        return Err(cx.violation(
            clause!("OBJ-INFO-24"),
            format!("{mappings} entries for mappings"),
            mapped.to_string(),
        ));
    }
    Ok(())
}
