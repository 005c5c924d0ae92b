//! Calls store what they are to store, and nothing beside it: every output of
//! every call, with bytes before and behind that have to stay.

use vmo_abi::Capability::{Channels, Mapping};
use vmo_abi::{Syscall, ZX_PROP_NAME};

use crate::program::Value;
use crate::suite::cases::prototypes::{Clauses, Prototype, makers, prototypes};
use crate::suite::{Checked, Context, PAGE, READ_WRITE, Suite, plus};

/// What the memory around an output is full of.
const AROUND: u8 = 0xc3;
/// Where the output lies in its page.
const AT: usize = 40;
/// Bytes that are looked at behind an output.
const BEHIND: usize = 64;

/// The clause about what is stored.
fn clauses_of(prototype: &Prototype) -> Clauses {
    match prototype.syscall {
        Syscall::vmo_create => &["VMO-CREATE-01"],
        Syscall::vmo_read => &["VMO-READ-01"],
        Syscall::vmo_get_size => &["VMO-GETSIZE-01"],
        Syscall::vmo_clone => &["VMO-CLONE-01"],
        Syscall::vmar_map => &["VMAR-MAP-01"],
        Syscall::vmar_allocate => &["VMAR-ALLOC-01"],
        Syscall::handle_duplicate => &["HANDLE-DUP-01"],
        Syscall::handle_replace => &["HANDLE-REPLACE-01"],
        Syscall::object_get_property => &["OBJ-GETPROP-01"],
        Syscall::object_get_info => &["OBJ-INFO-09"],
        Syscall::object_wait_one => &["OBJ-WAIT-05"],
        _ => &["HV-01"],
    }
}

/// Bytes of an output that the prototype's call stores.
fn size_of(prototype: &Prototype, position: usize) -> Option<usize> {
    let argument = &prototype.syscall.arguments()[position];
    let fixed = argument.kind.pointee_size().map(|size| size as usize);
    fixed.or(match (prototype.name, argument.kind.is_output()) {
        ("vmo_read", true) => Some(16),
        ("object_get_property" | "object_get_info_basic", true) => Some(32),
        ("object_get_info_count", true) => Some(4),
        _ => None,
    })
}

pub(super) fn add(suite: &mut Suite) {
    // Of a topic without results, and one with any number, nothing is known.
    let skipped = ["object_get_info_valid", "object_get_info_process_vmos"];
    let calls = prototypes().filter(|prototype| !prototype.needs.contains(&Channels));
    let calls = calls.filter(|prototype| !skipped.contains(&prototype.name));
    for prototype in calls.chain(makers()) {
        for (position, argument) in prototype.syscall.arguments().iter().enumerate() {
            let Some(size) = size_of(prototype, position) else { continue };
            suite.test(
                format!("nothing_beside_an_output::{}::{}", prototype.name, argument.name),
                clauses_of(prototype),
                &prototype.needs_and(&[Mapping]),
                move |cx| store_and_look(cx, prototype, position, size),
            );
        }
    }

    use vmo_abi::Capability::Properties;
    for size in [33, 64, PAGE] {
        suite.test(
            format!("nothing_behind_a_name::{size}"),
            &["OBJ-GETPROP-04"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(0)?;
                let answer = cx.object_get_property(vmo, ZX_PROP_NAME, size)?.ok()?;
                let (name, rest) = answer.bytes().split_at(32);
                let first = rest[0];
                let is_kept = rest.iter().all(|byte| *byte == first) && first != 0;
                cx.expect(name == [0; 32] && is_kept, "32 bytes stored", "other bytes stored")
            },
        );
    }
}

fn store_and_look(
    cx: &mut Context<'_>,
    prototype: &Prototype,
    position: usize,
    size: usize,
) -> Checked {
    let target = cx.create_filled(PAGE, AROUND)?;
    let address = cx.map(target, 0, PAGE, READ_WRITE)?;
    let object = prototype.object.make(cx)?;
    let mut arguments = (prototype.arguments)(cx, object, object)?;
    arguments[position] = Value::Address(plus(address, AT as u64));
    cx.call(prototype.syscall, arguments)?.ok()?;
    let bytes = cx.read(target, 0, (AT + size + BEHIND) as u64)?;
    let (before, rest) = bytes.split_at(AT);
    let (stored, behind) = rest.split_at(size);
    let is_kept = before.iter().chain(behind).all(|byte| *byte == AROUND);
    cx.expect(is_kept, "the bytes around the output kept", "one changed")?;
    // No result is made of these bytes alone.
    cx.expect(stored != vec![AROUND; size], "a result stored", "nothing stored")
}
