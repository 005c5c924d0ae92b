//! The rights that each call needs, no more and no less.

use std::collections::BTreeSet;

use vmo_abi::Capability::{Handles, Info};
use vmo_abi::{
    RIGHTS, ZX_ERR_ACCESS_DENIED, ZX_INFO_HANDLE_COUNT, ZX_OK, ZX_RIGHT_SAME_RIGHTS, zx_rights_t,
};

use super::prototypes::{Object, Prototype, prototypes, variants};
use crate::level::Level;
use crate::program::Handle;
use crate::suite::{Checked, Context, Suite};

/// The rights that the seed's page names.
const SEED_RIGHTS: zx_rights_t = 0xff;

/// The single rights of a mask, with their names in lower case.
fn single_rights(mask: zx_rights_t) -> impl Iterator<Item = (String, zx_rights_t)> {
    let rights = RIGHTS.iter().map(|(name, bit)| (name.to_lowercase(), *bit as zx_rights_t));
    rights.filter(move |(_, bit)| *bit != ZX_RIGHT_SAME_RIGHTS && mask & bit != 0)
}

/// Of some rights those that every fresh handle has: below the level of the
/// kernel the eight of the seed's page and those that the call needs.
fn offered(cx: &Context<'_>, prototype: &Prototype, rights: zx_rights_t) -> zx_rights_t {
    if cx.level() == Level::Kernel { rights } else { rights & (SEED_RIGHTS | prototype.rights) }
}

/// Calls through a handle with these rights beside a full one, and looks at the
/// effect.
fn succeed_with(cx: &mut Context<'_>, prototype: &Prototype, rights: zx_rights_t) -> Checked {
    let object = prototype.object.make(cx)?;
    let rights = offered(cx, prototype, rights);
    let used = cx.duplicate(object, rights)?;
    let arguments = (prototype.arguments)(cx, object, used)?;
    // Closing and replacing concern the used handle alone.
    let seen_through =
        if prototype.rights == 0 && prototype.object == Object::Vmo { used } else { object };
    let before = prototype.look(cx, seen_through, &arguments)?;
    cx.call(prototype.syscall, arguments.clone())?.ok()?;
    let after = prototype.look(cx, seen_through, &arguments)?;
    let holds = (before != after) == prototype.effect.shows;
    cx.expect(holds, "the effect of the call", "another")
}

/// Expects a refusal of a handle, without effect, and that the call works
/// through the full handle.
fn refused(cx: &mut Context<'_>, prototype: &Prototype, full: Handle, used: Handle) -> Checked {
    let mut arguments = (prototype.arguments)(cx, full, used)?;
    let before = prototype.look(cx, full, &arguments)?;
    let answer = cx.call(prototype.syscall, arguments.clone())?.is(ZX_ERR_ACCESS_DENIED)?;
    answer.untouched()?;
    let after = prototype.look(cx, full, &arguments)?;
    cx.expect(before == after, "everything as before", "something changed")?;
    prototype.put(&mut arguments, full);
    cx.call(prototype.syscall, arguments)?.ok().map(drop)
}

fn refuse_with(cx: &mut Context<'_>, prototype: &Prototype, rights: zx_rights_t) -> Checked {
    let object = prototype.object.make(cx)?;
    let rights = offered(cx, prototype, rights);
    let used = cx.duplicate(object, rights)?;
    refused(cx, prototype, object, used)
}

pub(super) fn add(suite: &mut Suite) {
    for prototype in prototypes().chain(variants()) {
        if prototype.rights != 0 {
            add_refusals(suite, prototype);
        }
        if !prototype.enough.is_empty() {
            add_successes(suite, prototype);
        }
    }

    suite
        .test("c_28_handle_count_without_read", &["OBJ-INFO-19"], &[Handles, Info], |cx| {
            let vmo = cx.create(0)?;
            let blind = cx.duplicate_without(vmo, vmo_abi::ZX_RIGHT_READ)?;
            let answer = cx.object_get_info(blind, ZX_INFO_HANDLE_COUNT, 4)?;
            cx.either("C-28", answer, ZX_OK, ZX_ERR_ACCESS_DENIED).map(drop)
        })
        .at(Level::Page);
}

fn add_refusals(suite: &mut Suite, prototype: &'static Prototype) {
    let all = prototype.object.rights();
    let needed = prototype.rights;
    let mut masks =
        vec![("with_no_right".to_owned(), 0), ("with_the_others".to_owned(), all & !needed)];
    for (right, bit) in single_rights(needed) {
        masks.push((format!("without_{right}"), all & !bit));
        masks.push((format!("with_the_needed_but_{right}"), needed & !bit));
    }
    let only = single_rights(all).filter(|(_, bit)| *bit != needed);
    masks.extend(only.map(|(right, bit)| (format!("with_only_{right}"), bit)));
    // Masks that come up twice are one case.
    let mut tried = BTreeSet::new();
    masks.retain(|(_, rights)| tried.insert(*rights));
    for (name, rights) in masks {
        suite.test(
            format!("{}::refused_{name}", prototype.name),
            prototype.denied_without(needed & !rights),
            &prototype.needs_and_effect(&[Handles]),
            move |cx| refuse_with(cx, prototype, rights),
        );
    }

    for (right, bit) in single_rights(needed) {
        // Here the object has no handle with the right at all.
        suite.test(
            format!("{}::refused_after_giving_up_{right}", prototype.name),
            prototype.denied_without(bit),
            &prototype.needs_and(&[Handles]),
            move |cx| {
                let object = prototype.object.make(cx)?;
                let full = cx.duplicate(object, ZX_RIGHT_SAME_RIGHTS)?;
                let arguments = (prototype.arguments)(cx, full, full)?;
                let fewer = offered(cx, prototype, all & !bit);
                let used = cx.handle_replace(full, fewer)?.ok()?.handle(0);
                if object != Handle::Observed {
                    cx.close(object)?;
                }
                let mut refused = arguments;
                prototype.put(&mut refused, used);
                let answer = cx.call(prototype.syscall, refused)?.is(ZX_ERR_ACCESS_DENIED)?;
                answer.untouched().map(drop)
            },
        );
    }
}

fn add_successes(suite: &mut Suite, prototype: &'static Prototype) {
    let all = prototype.object.rights();
    let needed = prototype.rights;
    let needs = prototype.needs_and_effect(&[Handles]);
    let enough = suite.test(
        format!("{}::needs_just_its_rights", prototype.name),
        prototype.enough,
        &needs,
        move |cx| succeed_with(cx, prototype, needed),
    );
    // Where a page only says what is needed, that nothing else is asked for is
    // the kernel's word alone.
    let mut denied = prototype.denied.iter().flat_map(|(_, clauses)| *clauses);
    let is_said = !denied.any(|clause| prototype.enough.contains(clause));
    let level = if is_said { enough.level.max(Level::Page) } else { Level::Kernel };
    enough.at(level);
    for (right, bit) in single_rights(all & !needed) {
        suite
            .test(
                format!("{}::works_without_{right}", prototype.name),
                prototype.enough,
                &needs,
                move |cx| succeed_with(cx, prototype, all & !bit),
            )
            .at(Level::Kernel);
    }
}
