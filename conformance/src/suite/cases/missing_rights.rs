//! The rights that each call needs, no more and no less.

use vmo_abi::Capability::{Handles, Info};
use vmo_abi::{
    RIGHTS, ZX_DEFAULT_VMO_RIGHTS, ZX_ERR_ACCESS_DENIED, ZX_INFO_HANDLE_COUNT,
    ZX_RIGHT_SAME_RIGHTS, zx_rights_t,
};

use super::prototypes::{Object, PROTOTYPES, Prototype};
use crate::level::Level;
use crate::suite::{Checked, Context, Suite};

/// Rights of a fresh handle of the prototype's object.
fn all_rights(prototype: &Prototype) -> zx_rights_t {
    match prototype.object {
        Object::Vmo => ZX_DEFAULT_VMO_RIGHTS,
        Object::Region => 0x801f,
    }
}

/// The single rights of a mask, with their names in lower case.
fn single_rights(mask: zx_rights_t) -> impl Iterator<Item = (String, zx_rights_t)> {
    let rights = RIGHTS.iter().map(|(name, bit)| (name.to_lowercase(), *bit as zx_rights_t));
    rights.filter(move |(_, bit)| *bit != ZX_RIGHT_SAME_RIGHTS && mask & bit != 0)
}

fn succeed_with(cx: &mut Context<'_>, prototype: &Prototype, rights: zx_rights_t) -> Checked {
    let object = prototype.object(cx)?;
    let used = cx.duplicate(object, rights)?;
    let arguments = (prototype.arguments)(cx, object, used)?;
    cx.call(prototype.syscall, arguments)?.ok().map(drop)
}

fn is_refused_with(cx: &mut Context<'_>, prototype: &Prototype, rights: zx_rights_t) -> Checked {
    let object = prototype.object(cx)?;
    let used = cx.duplicate(object, rights)?;
    let arguments = (prototype.arguments)(cx, object, used)?;
    cx.call(prototype.syscall, arguments)?.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
    cx.expect_valid(used, true)
}

pub(super) fn add(suite: &mut Suite) {
    for prototype in PROTOTYPES {
        let all = all_rights(prototype);
        for (right, bit) in single_rights(prototype.rights) {
            suite.test(
                format!("{}::refuses_without_{right}", prototype.name),
                prototype.access_denied,
                &prototype.needs_and(&[Handles, Info]),
                move |cx| is_refused_with(cx, prototype, all & !bit),
            );
            suite.test(
                format!("{}::refuses_needed_less_{right}", prototype.name),
                prototype.access_denied,
                &prototype.needs_and(&[Handles, Info]),
                move |cx| is_refused_with(cx, prototype, prototype.rights & !bit),
            );
        }
        // That nothing else is asked for is the kernel's word alone.
        let needed = prototype.rights;
        suite
            .test(
                format!("{}::needs_just_its_rights", prototype.name),
                exactness(prototype),
                &prototype.needs_and(&[Handles]),
                move |cx| succeed_with(cx, prototype, needed),
            )
            .at(Level::Kernel);
        for (right, bit) in single_rights(all & !prototype.rights) {
            suite
                .test(
                    format!("{}::works_without_{right}", prototype.name),
                    exactness(prototype),
                    &prototype.needs_and(&[Handles]),
                    move |cx| succeed_with(cx, prototype, all & !bit),
                )
                .at(Level::Kernel);
        }
    }

    suite
        .test("c_28_handle_count_without_read", &["OBJ-INFO-19"], &[Handles, Info], |cx| {
            let vmo = cx.create(0)?;
            let blind = cx.duplicate_without(vmo, vmo_abi::ZX_RIGHT_READ)?;
            let answer = cx.object_get_info(blind, ZX_INFO_HANDLE_COUNT, 4)?;
            cx.either("C-28", answer, vmo_abi::ZX_OK, ZX_ERR_ACCESS_DENIED).map(drop)
        })
        .at(Level::Page);
}

/// The clause that says which rights suffice.
fn exactness(prototype: &Prototype) -> &'static [&'static str] {
    match prototype.name {
        "vmo_read" => &["VMO-READ-05"],
        "vmo_write" => &["VMO-WRITE-05"],
        "vmo_get_size" => &["VMO-GETSIZE-05"],
        "vmo_set_size" => &["VMO-SETSIZE-05"],
        "vmo_clone" => &["VMO-CLONE-05"],
        "vmo_op_range_commit" => &["VMO-OPRANGE-12"],
        "vmo_set_cache_policy" => &["VMO-CACHEPOL-07"],
        "vmar_map_vmar" => &["VMAR-MAP-47"],
        "vmar_unmap" => &["VMAR-UNMAP-14"],
        "vmar_destroy" => &["VMAR-DESTROY-05"],
        "handle_close" => &["HANDLE-CLOSE-04"],
        "handle_replace" => &["HANDLE-REPLACE-05"],
        "object_get_info_basic" => &["OBJ-INFO-04"],
        "object_get_info_count" => &["OBJ-INFO-19"],
        "object_signal" => &["OBJ-SIGNAL-07"],
        _ => prototype_denied(prototype),
    }
}

fn prototype_denied(prototype: &Prototype) -> &'static [&'static str] {
    if prototype.access_denied.is_empty() { prototype.bad_handle } else { prototype.access_denied }
}
