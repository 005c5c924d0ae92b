//! Handles to objects of another type, for every call and every handle
//! argument, with the right that the call needs and without.

mod any;

use vmo_abi::Capability::{self, Handles, OtherObjects, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_WRONG_TYPE, ZX_RIGHT_DUPLICATE, zx_rights_t, zx_status_t,
};

use super::prototypes::{
    ANY_MAPPING, Clauses, Object, Prototype, REGION_RIGHTS, prototypes, variants,
};
use crate::level::Level;
use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, Suite};

/// An object, what making it needs, the rights of a fresh handle to it, and
/// whether prototypes can be of it.
struct Kind {
    name: &'static str,
    needs: &'static [Capability],
    rights: zx_rights_t,
    object: Option<Object>,
    make: fn(&mut Context<'_>) -> Checked<Handle>,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "event",
        needs: &[OtherObjects],
        rights: vmo_abi::ZX_DEFAULT_EVENT_RIGHTS,
        object: None,
        make: |cx| cx.event(),
    },
    Kind {
        name: "port",
        needs: &[OtherObjects],
        rights: vmo_abi::ZX_DEFAULT_PORT_RIGHTS,
        object: None,
        make: |cx| cx.port(),
    },
    Kind {
        name: "channel",
        needs: &[OtherObjects],
        rights: vmo_abi::ZX_DEFAULT_CHANNEL_RIGHTS,
        object: None,
        make: |cx| Ok(cx.channel()?.0),
    },
    Kind {
        name: "process",
        needs: &[Regions],
        rights: vmo_abi::ZX_DEFAULT_PROCESS_RIGHTS,
        object: Some(Object::Process),
        make: |_| Ok(Handle::Process),
    },
    Kind {
        name: "root_vmar",
        needs: &[Regions],
        rights: REGION_RIGHTS,
        object: Some(Object::Region),
        make: |_| Ok(Handle::Root),
    },
    Kind {
        name: "vmar",
        needs: &[Regions],
        rights: REGION_RIGHTS,
        object: Some(Object::Region),
        make: |cx| Ok(cx.allocate(PAGE, ANY_MAPPING)?.0),
    },
    Kind {
        name: "vmo",
        needs: &[],
        rights: vmo_abi::ZX_DEFAULT_VMO_RIGHTS,
        object: Some(Object::Vmo),
        make: |cx| cx.create(PAGE),
    },
];

/// Tries the call on an object of another type. Below the level of the kernel
/// a missing right may be noticed before the type, and after it (ND-07).
fn try_other(
    cx: &mut Context<'_>,
    prototype: &Prototype,
    other: Handle,
    status: zx_status_t,
    is_denied_too: bool,
) -> Checked {
    let object = prototype.object.make(cx)?;
    let good = (prototype.arguments)(cx, object, object)?;
    let mut arguments = good.clone();
    prototype.put(&mut arguments, other);
    let answer = cx.call(prototype.syscall, arguments)?;
    let answer = if is_denied_too && cx.level() != Level::Kernel {
        answer.one_of(&[ZX_ERR_WRONG_TYPE, ZX_ERR_ACCESS_DENIED])?
    } else {
        answer.is(status)?
    };
    answer.untouched()?;
    cx.call(prototype.syscall, good)?.ok().map(drop)
}

pub(super) fn add(suite: &mut Suite) {
    for prototype in prototypes().filter(|prototype| !prototype.wrong_type.is_empty()) {
        for kind in KINDS.iter().filter(|kind| kind.object != Some(prototype.object)) {
            add_kind(suite, prototype, kind);
            add_reduced(suite, prototype, kind);
        }
    }
    add_variants(suite);
    any::add(suite);
}

/// The table of the contract: every type with its default rights.
fn add_kind(suite: &mut Suite, prototype: &'static Prototype, kind: &'static Kind) {
    let has_rights = kind.rights & prototype.rights == prototype.rights;
    let is_denied = !has_rights && prototype.rights_first;
    let (status, clauses): (_, Clauses) = match (is_denied, prototype.name) {
        (false, _) => (ZX_ERR_WRONG_TYPE, prototype.wrong_type),
        (true, "vmo_clone") => (ZX_ERR_ACCESS_DENIED, &["TYPE-03", "GEN-01"]),
        (true, "vmo_set_cache_policy") => (ZX_ERR_ACCESS_DENIED, &["TYPE-04", "GEN-01"]),
        (true, _) => (ZX_ERR_ACCESS_DENIED, &["GEN-01"]),
    };
    suite
        .test(
            format!("{}::{}", prototype.name, kind.name),
            clauses,
            &prototype.needs_and(kind.needs),
            move |cx| {
                let other = (kind.make)(cx)?;
                // No page says what rights a fresh handle of it has (W-04).
                try_other(cx, prototype, other, status, prototype.rights != 0)
            },
        )
        .at(Level::Page);
}

/// The same handles with no right at all, and with all but those needed.
fn add_reduced(suite: &mut Suite, prototype: &'static Prototype, kind: &'static Kind) {
    // A channel handle cannot be duplicated, and has nothing to lose.
    let kept = kind.rights & !prototype.rights;
    if kind.rights & ZX_RIGHT_DUPLICATE == 0 || prototype.rights == 0 {
        return;
    }
    let (status, clauses): (_, Clauses) = match (prototype.rights_first, prototype.name) {
        (false, _) => (ZX_ERR_WRONG_TYPE, &["GEN-02"]),
        (true, "vmo_clone") => (ZX_ERR_ACCESS_DENIED, &["GEN-01", "TYPE-03"]),
        (true, "vmo_set_cache_policy") => (ZX_ERR_ACCESS_DENIED, &["GEN-01", "TYPE-04"]),
        (true, "vmar_protect" | "vmar_allocate") => (ZX_ERR_ACCESS_DENIED, &["GEN-01", "TYPE-06"]),
        (true, _) => (ZX_ERR_ACCESS_DENIED, &["GEN-01", "TYPE-02"]),
    };
    let needs: Vec<_> = kind.needs.iter().copied().chain([Handles]).collect();
    let mut rows = vec![("without_rights", 0)];
    // A right that is not looked for makes no difference.
    if prototype.rights_first && kept != kind.rights {
        rows.push(("without_the_right", kept));
    }
    for (name, rights) in rows {
        suite
            .test(
                format!("{}::{}_{name}", prototype.name, kind.name),
                clauses,
                &prototype.needs_and(&needs),
                move |cx| {
                    let other = (kind.make)(cx)?;
                    let rights = if cx.level() == Level::Kernel { rights } else { 0 };
                    let reduced = cx.duplicate(other, rights)?;
                    try_other(cx, prototype, reduced, status, true)
                },
            )
            .at(Level::Page);
    }
}

/// Flags decide which rights `vmar_protect` and `vmar_allocate` look for before
/// they look at the type.
fn add_variants(suite: &mut Suite) {
    let on_regions = variants().filter(|prototype| prototype.rights_first);
    for prototype in on_regions.filter(|prototype| prototype.rights != 0) {
        for (name, rights, status, is_denied_too) in [
            ("vmo_with_just_the_rights", prototype.rights, ZX_ERR_WRONG_TYPE, false),
            ("vmo_without_the_rights", !prototype.rights, ZX_ERR_ACCESS_DENIED, true),
        ] {
            // The rights that the seed's page names.
            let rights = rights & 0xff;
            suite.test(
                format!("{}::{name}", prototype.name),
                &["TYPE-06"],
                &prototype.needs_and(&[Handles]),
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let other = cx.duplicate(vmo, rights)?;
                    try_other(cx, prototype, other, status, is_denied_too)
                },
            );
        }
    }
}
