//! Bad pointers of every kind, for every pointer argument of every call.

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, OtherObjects, Signals};
use vmo_abi::{
    ArgumentKind, Capability, Syscall, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_RIGHT_SAME_RIGHTS,
    ZX_VMO_ZERO_CHILDREN,
};

use super::prototypes::{PROTOTYPES, Prototype, number};
use crate::program::{Address, Value};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

/// Addresses that no call may follow.
const ALWAYS_BAD: &[(&str, Address)] = &[
    ("null", Address::Null),
    ("one", Address::Literal(1)),
    ("below_user_space", Address::Literal(0x1000)),
    ("unmapped", Address::Unmapped),
    ("kernel", Address::Kernel),
    ("not_canonical", Address::Literal(1 << 47)),
    ("top", Address::Literal(u64::MAX)),
    ("wrapping", Address::Literal(u64::MAX - 3)),
    ("straddling", Address::Straddle(1)),
    ("straddling_by_3", Address::Straddle(3)),
];

/// The clause about a bad pointer.
fn clause_of(syscall: Syscall) -> &'static [&'static str] {
    match syscall {
        Syscall::vmo_create => &["VMO-CREATE-09"],
        Syscall::vmo_read => &["VMO-READ-06"],
        Syscall::vmo_write => &["VMO-WRITE-06"],
        Syscall::vmo_get_size => &["VMO-GETSIZE-04"],
        Syscall::vmo_clone => &["VMO-CLONE-15"],
        Syscall::vmo_op_range => &["VMO-OPRANGE-09"],
        Syscall::vmar_map => &["VMAR-MAP-34"],
        Syscall::vmar_allocate => &["VMAR-ALLOC-06"],
        Syscall::handle_duplicate => &["HANDLE-DUP-11"],
        Syscall::handle_replace => &["HANDLE-REPLACE-06"],
        Syscall::object_get_property => &["OBJ-GETPROP-07"],
        Syscall::object_set_property => &["OBJ-SETPROP-05"],
        Syscall::object_get_info => &["OBJ-INFO-13"],
        Syscall::object_wait_one => &["OBJ-WAIT-10"],
        _ => &["GEN-07"],
    }
}

/// Whether a call with this pointer is refused.
fn is_refused(kind: ArgumentKind, address: Address) -> bool {
    match kind {
        ArgumentKind::BytesUnused(_) => false,
        ArgumentKind::CountOut | ArgumentKind::SignalsOut => address != Address::Null,
        ArgumentKind::BytesIn(_) | ArgumentKind::HandlesIn(_) => address != Address::ReadOnly,
        _ => true,
    }
}

fn try_pointer(
    cx: &mut Context<'_>,
    prototype: &Prototype,
    position: usize,
    address: Address,
) -> Checked {
    let object = prototype.object(cx)?;
    let mut arguments = (prototype.arguments)(cx, object, object)?;
    arguments[position] = Value::Address(address);
    let kind = prototype.syscall.arguments()[position].kind;
    let expected = if is_refused(kind, address) { ZX_ERR_INVALID_ARGS } else { ZX_OK };
    cx.call(prototype.syscall, arguments)?.is(expected).map(drop)
}

/// The pointers of a call that it follows.
fn pointers(prototype: &Prototype) -> impl Iterator<Item = (usize, &'static str, ArgumentKind)> {
    let looks_at_pointers = prototype.name != "object_get_info_valid";
    let arguments = prototype.syscall.arguments().iter().enumerate();
    arguments
        .filter(move |(_, argument)| argument.kind.is_pointer() && looks_at_pointers)
        .map(|(position, argument)| (position, argument.name, argument.kind))
}

pub(super) fn add(suite: &mut Suite) {
    for prototype in PROTOTYPES {
        for (position, argument, kind) in pointers(prototype) {
            let read_only = [("readonly", Address::ReadOnly)];
            for &(name, address) in ALWAYS_BAD.iter().chain(&read_only) {
                suite.test(
                    format!("{}::{argument}::{name}", prototype.name),
                    clause_of(prototype.syscall),
                    prototype.needs,
                    move |cx| try_pointer(cx, prototype, position, address),
                );
            }
            for (name, flags, len) in [
                ("in_read_only_mapping", READ_ONLY, PAGE),
                ("in_closed_mapping", 0, PAGE),
                ("beyond_the_vmo", READ_WRITE, 0),
            ] {
                suite.test(
                    format!("{}::{argument}::{name}", prototype.name),
                    &["GEN-10"],
                    &prototype.needs_and(&[Mapping]),
                    move |cx| {
                        let other = cx.create(len)?;
                        let address = cx.map(other, 0, PAGE, flags)?;
                        let is_input =
                            matches!(kind, ArgumentKind::BytesIn(_) | ArgumentKind::BytesUnused(_));
                        let address = plus(address, 16);
                        if is_input && flags == READ_ONLY {
                            let object = prototype.object(cx)?;
                            let mut arguments = (prototype.arguments)(cx, object, object)?;
                            arguments[position] = Value::Address(address);
                            return cx.call(prototype.syscall, arguments)?.ok().map(drop);
                        }
                        try_pointer(cx, prototype, position, address)
                    },
                );
            }
        }
    }
    add_calls_without_handles(suite);
    add_leaks(suite);
}

/// Calls that only have an out pointer.
fn add_calls_without_handles(suite: &mut Suite) {
    type Call = (Syscall, &'static [Capability], fn() -> Vec<Value>, usize);
    let calls: [Call; 4] = [
        (Syscall::vmo_create, &[], || vec![number(PAGE), number(0_u32), Value::Scratch], 2),
        (Syscall::event_create, &[OtherObjects], || vec![number(0_u32), Value::Scratch], 1),
        (Syscall::port_create, &[OtherObjects], || vec![number(0_u32), Value::Scratch], 1),
        (
            Syscall::channel_create,
            &[OtherObjects],
            || vec![number(0_u32), Value::Scratch, Value::Scratch],
            1,
        ),
    ];
    for (syscall, needs, arguments, position) in calls {
        for &(name, address) in ALWAYS_BAD.iter().chain(&[("readonly", Address::ReadOnly)]) {
            suite.test(
                format!("{}::out::{name}", syscall.name()),
                clause_of(syscall),
                needs,
                move |cx| {
                    let mut arguments = arguments();
                    arguments[position] = Value::Address(address);
                    cx.call(syscall, arguments)?.is(ZX_ERR_INVALID_ARGS).map(drop)
                },
            );
        }
    }
}

/// A bad out pointer leaves no handle and no object behind.
fn add_leaks(suite: &mut Suite) {
    for (name, address) in [("null", Address::Null), ("readonly", Address::ReadOnly)] {
        suite.test(
            format!("handle_duplicate::no_handle_is_left::{name}"),
            &["HANDLE-DUP-12", "GEN-05"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.with("out", address).handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                let count = cx.handle_count(vmo)?;
                cx.expect(count == 1, "1 handle", count)
            },
        );
        suite.test(
            format!("handle_replace::the_handle_is_gone::{name}"),
            &["HANDLE-REPLACE-06"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                let answer =
                    cx.with("out", address).handle_replace(second, ZX_RIGHT_SAME_RIGHTS)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_valid(second, false)?;
                let count = cx.handle_count(vmo)?;
                cx.expect(count == 1, "1 handle", count)
            },
        );
        suite.test(
            format!("vmo_clone::no_clone_is_left::{name}"),
            &["VMO-CLONE-16", "SIG-ZC-17", "GEN-05"],
            &[Clone, Signals],
            move |cx| {
                let parent = cx.create(PAGE)?;
                let answer = cx.with("out", address).vmo_clone(parent, 1, 0, PAGE)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_signals(parent, ZX_VMO_ZERO_CHILDREN)
            },
        );
        suite.test(
            format!("vmar_map::no_mapping_is_left::{name}"),
            &["VMAR-MAP-35"],
            &[Mapping, vmo_abi::Capability::CachePolicy],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.with("mapped_addr", address).vmar_map(
                    crate::program::Handle::Region,
                    0,
                    vmo,
                    0,
                    PAGE,
                    READ_WRITE,
                )?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                // A mapped VMO would refuse this (VMO-CACHEPOL-09).
                cx.expect_nothing_committed(vmo)
            },
        );
    }
}
