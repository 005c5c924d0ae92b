//! Handles to objects of another type, for every call and every handle
//! argument, with the right that the call needs and without.

use vmo_abi::Capability::{Handles, OtherObjects, Regions};
use vmo_abi::{Capability, ZX_ERR_ACCESS_DENIED, ZX_ERR_WRONG_TYPE, zx_rights_t};

use super::prototypes::{ANY_MAPPING, Object, PROTOTYPES, Prototype};
use crate::program::{Handle, Value};
use crate::suite::{Checked, Context, PAGE, Suite};

type Make = fn(&mut Context<'_>) -> Checked<Handle>;

/// An object, what making it needs, the rights of a fresh handle to it, and
/// whether it is a VMO or a region.
struct Kind {
    name: &'static str,
    needs: &'static [Capability],
    rights: zx_rights_t,
    object: Option<Object>,
    make: Make,
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
        object: None,
        make: |_| Ok(Handle::Process),
    },
    Kind {
        name: "root_vmar",
        needs: &[Regions],
        rights: 0x801f,
        object: Some(Object::Region),
        make: |_| Ok(Handle::Root),
    },
    Kind {
        name: "vmar",
        needs: &[Regions],
        rights: 0x801f,
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

fn try_other(
    cx: &mut Context<'_>,
    prototype: &Prototype,
    other: Handle,
    status: vmo_abi::zx_status_t,
) -> Checked {
    let object = prototype.object(cx)?;
    let mut arguments = (prototype.arguments)(cx, object, object)?;
    arguments[prototype.position] = Value::Handle(other);
    cx.call(prototype.syscall, arguments)?.is(status)?.untouched().map(drop)
}

pub(super) fn add(suite: &mut Suite) {
    for prototype in PROTOTYPES.iter().filter(|prototype| !prototype.wrong_type.is_empty()) {
        for kind in KINDS.iter().filter(|kind| kind.object != Some(prototype.object)) {
            let has_rights = kind.rights & prototype.rights == prototype.rights;
            // Which of two errors is found first is the kernel's choice.
            let clauses: &'static [&'static str] = if has_rights || !prototype.rights_first {
                prototype.wrong_type
            } else {
                &["GEN-01"]
            };
            let status = if has_rights || !prototype.rights_first {
                ZX_ERR_WRONG_TYPE
            } else {
                ZX_ERR_ACCESS_DENIED
            };
            suite.test(
                format!("{}::{}", prototype.name, kind.name),
                clauses,
                &prototype.needs_and(kind.needs),
                move |cx| {
                    let other = (kind.make)(cx)?;
                    try_other(cx, prototype, other, status)
                },
            );
            // A channel handle cannot be duplicated.
            let can_duplicate = kind.rights & vmo_abi::ZX_RIGHT_DUPLICATE != 0;
            if !can_duplicate || prototype.rights == 0 || !has_rights {
                continue;
            }
            let (status, clauses): (_, &'static [&'static str]) = if prototype.rights_first {
                (ZX_ERR_ACCESS_DENIED, &["GEN-01", "TYPE-02"])
            } else {
                (ZX_ERR_WRONG_TYPE, &["GEN-02"])
            };
            let needs: Vec<_> = kind.needs.iter().copied().chain([Handles]).collect();
            suite.test(
                format!("{}::{}_without_rights", prototype.name, kind.name),
                clauses,
                &prototype.needs_and(&needs),
                move |cx| {
                    let other = (kind.make)(cx)?;
                    let powerless = cx.duplicate(other, 0)?;
                    try_other(cx, prototype, powerless, status)
                },
            );
        }
    }
}
