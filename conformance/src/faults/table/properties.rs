//! Names and other properties.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_PROP_NAME,
    ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_SET_PROPERTY,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, argument, calls, fault, nothing};
use super::super::machine::Machine;
use super::is;

const CLASS: Class = Class::Properties;

/// Bytes of a name, the terminating NUL included.
const NAME: u64 = 32;

fn is_name(registers: &Registers) -> bool {
    is(registers[1], ZX_PROP_NAME)
}

/// The bytes before the first NUL.
fn text(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A name set otherwise: what the function makes of the bytes given.
fn set(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    other: fn(&[u8]) -> Result<Vec<u8>, i32>,
) -> i32 {
    let [handle, _, value, size, ..] = *registers;
    let given = machine.bytes_at(value, size.min(NAME) as usize);
    let before = machine.sibling(handle, ZX_RIGHT_GET_PROPERTY).and_then(|own| machine.name(own));
    let status = machine.right(call, registers);
    let (ZX_OK, true, Some(given)) = (status, is_name(registers), given) else { return status };
    match other(&given) {
        Ok(name) => {
            machine.set_name(handle, &name);
            ZX_OK
        }
        Err(refused) => {
            machine.set_name(handle, text(&before.unwrap_or_default()));
            refused
        }
    }
}

macro_rules! set {
    ($other:expr) => {
        calls(&[Call::object_set_property], |machine, call, registers| {
            set(machine, call, registers, $other)
        })
    };
}

/// A call after which names of a family change.
fn rename(machine: &Machine, handle: Option<u64>, name: &[u8]) {
    if let Some(handle) = handle {
        machine.set_name(handle, name);
    }
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "set_name_does_nothing",
        "object_set_property succeeds and leaves the name.",
        &["OBJ-SETPROP-01"],
        nothing(&[Call::object_set_property]),
    ),
    fault(
        CLASS,
        "set_name_takes_30_bytes",
        "object_set_property cuts the name a byte too early.",
        &["OBJ-SETPROP-06", "OBJ-SETPROP-01"],
        argument(Call::object_set_property, 3, |size| size.min(NAME - 2)),
    ),
    fault(
        CLASS,
        "set_name_refuses_long_names",
        "object_set_property refuses a name of more than 31 bytes.",
        &["OBJ-SETPROP-06", "OBJ-SETPROP-07"],
        calls(&[Call::object_set_property], |machine, call, registers| {
            let [handle, _, value, size, ..] = *registers;
            let judged = value != 0 && machine.rights(handle) & ZX_RIGHT_SET_PROPERTY != 0;
            if judged && is_name(registers) && size >= NAME {
                return ZX_ERR_OUT_OF_RANGE;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "set_name_reads_all_bytes",
        "object_set_property reads a page of the value although 31 bytes count.",
        &["OBJ-SETPROP-07"],
        calls(&[Call::object_set_property], |machine, call, registers| {
            let [_, _, value, size, ..] = *registers;
            let readable = machine.bytes_at(value, size.min(4096) as usize).is_some();
            match machine.right(call, registers) {
                ZX_OK if !readable && size > NAME => ZX_ERR_INVALID_ARGS,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "set_name_wants_a_nul",
        "object_set_property takes the last byte for the terminating NUL.",
        &["OBJ-SETPROP-09", "OBJ-SETPROP-01"],
        set!(|given| Ok(text(&given[..given.len().saturating_sub(1)]).to_vec())),
    ),
    fault(
        CLASS,
        "set_name_refuses_the_empty_name",
        "object_set_property refuses a size of 0.",
        &["OBJ-SETPROP-10"],
        set!(|given| if given.is_empty() { Err(ZX_ERR_INVALID_ARGS) } else { Ok(given.to_vec()) }),
    ),
    fault(
        CLASS,
        "set_name_of_no_bytes_keeps_the_name",
        "object_set_property with size 0 leaves the name.",
        &["OBJ-SETPROP-10"],
        calls(&[Call::object_set_property], |machine, call, registers| {
            let [handle, _, _, size, ..] = *registers;
            let own = machine.sibling(handle, ZX_RIGHT_GET_PROPERTY);
            let before = own.and_then(|own| machine.name(own)).unwrap_or_default();
            let status = machine.right(call, registers);
            if status == ZX_OK && size == 0 && is_name(registers) {
                machine.set_name(handle, text(&before));
            }
            status
        }),
    ),
    fault(
        CLASS,
        "set_name_wants_utf_8",
        "object_set_property refuses a name that is not UTF-8.",
        &["OBJ-SETPROP-11"],
        set!(|given| match str::from_utf8(text(given)) {
            Ok(_) => Ok(given.to_vec()),
            Err(_) => Err(ZX_ERR_INVALID_ARGS),
        }),
    ),
    fault(
        CLASS,
        "set_name_replaces_unprintable_bytes",
        "object_set_property puts question marks in place of bytes that are not ASCII.",
        &["OBJ-SETPROP-11"],
        set!(|given| {
            let shown = |byte: &u8| if *byte < 0x80 { *byte } else { b'?' };
            Ok(text(given).iter().map(shown).collect())
        }),
    ),
    fault(
        CLASS,
        "set_name_discards_the_contents",
        "object_set_property sets the size to 0.",
        &["OBJ-SETPROP-16"],
        calls(&[Call::object_set_property], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK {
                machine.resize(registers[0], 0);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "set_name_of_nothing_looks_at_no_pointer",
        "object_set_property with size 0 accepts an address outside of user space.",
        &["OBJ-SETPROP-17"],
        calls(&[Call::object_set_property], |machine, call, registers| {
            let [_, _, value, size, ..] = *registers;
            if is_name(registers) && size == 0 && value != 0 {
                let good = machine.environment().arena.base;
                return machine.with(call, registers, 2, good);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "set_property_knows_no_others",
        "object_set_property takes every property but the name for unknown.",
        &["OBJ-SETPROP-14", "OBJ-SETPROP-15"],
        argument(Call::object_set_property, 1, |property| if property == 3 { 3 } else { 999 }),
    ),
    fault(
        CLASS,
        "get_name_stores_the_string_only",
        "object_get_property stores the name up to its NUL.",
        &["OBJ-GETPROP-02"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            let [_, _, value, ..] = *registers;
            let before = machine.bytes_at(value, NAME as usize);
            let status = machine.right(call, registers);
            if status == ZX_OK
                && is_name(registers)
                && let (Some(before), Some(now)) = (before, machine.bytes_at(value, NAME as usize))
            {
                let end = (text(&now).len() + 1).min(NAME as usize);
                machine.put(value + end as u64, &before[end..]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "get_name_stores_31_bytes",
        "object_get_property leaves the last of the 32 bytes alone.",
        &["OBJ-GETPROP-02", "OBJ-GETPROP-01"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            let last = registers[2].saturating_add(NAME - 1);
            let before = machine.bytes_at(last, 1);
            let status = machine.right(call, registers);
            if let (ZX_OK, Some(before)) = (status, before) {
                machine.put(last, &before);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "get_name_fills_the_buffer",
        "object_get_property clears what lies behind the 32 bytes of the name.",
        &["OBJ-GETPROP-04"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            let [_, _, value, size, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK && (NAME..4096).contains(&size) {
                machine.put(value + NAME, &vec![0; (size - NAME) as usize]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "get_name_wants_exactly_32_bytes",
        "object_get_property refuses a size other than 32.",
        &["OBJ-GETPROP-04"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_OK if registers[3] != NAME => ZX_ERR_INVALID_ARGS,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "get_name_stores_what_fits",
        "object_get_property stores the beginning of the name in a buffer that is too small.",
        &["OBJ-GETPROP-03"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            let [handle, _, value, size, ..] = *registers;
            match machine.right(call, registers) {
                ZX_ERR_BUFFER_TOO_SMALL if is_name(registers) => {
                    let name = machine.name(handle).unwrap_or_default();
                    machine.put(value, &name[..(size as usize).min(name.len())]);
                    ZX_OK
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "get_name_takes_a_small_buffer",
        "object_get_property accepts a buffer that the name fits in.",
        &["OBJ-GETPROP-03"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            let [handle, _, value, size, ..] = *registers;
            let name = machine.name(handle).unwrap_or_default();
            match machine.right(call, registers) {
                ZX_ERR_BUFFER_TOO_SMALL
                    if is_name(registers) && size > text(&name).len() as u64 =>
                {
                    machine.put(value, &name[..size as usize]);
                    ZX_OK
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "names_belong_to_handles",
        "A name is seen only through the handle that it was set through.",
        &["OBJ-SETPROP-12", "HANDLE-DUP-13"],
        calls(
            &[Call::object_set_property, Call::object_get_property],
            |machine, call, registers| {
                let [handle, _, value, ..] = *registers;
                let status = machine.right(call, registers);
                if status != ZX_OK || !is_name(registers) {
                    return status;
                }
                if call == Call::object_set_property {
                    machine.notes().numbers.insert(handle | 1, 1);
                } else if !machine.notes().numbers.contains_key(&(handle | 1)) {
                    machine.put(value, &[0; NAME as usize]);
                }
                status
            },
        ),
    ),
    fault(
        CLASS,
        "clones_inherit_no_name",
        "A clone starts without a name.",
        &["VMO-CLONE-25"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK {
                rename(machine, machine.word(registers[4]).map(u64::from), b"");
            }
            status
        }),
    ),
    fault(
        CLASS,
        "clones_inherit_names_without_the_right",
        "A clone starts with the name of its source even without GET_PROPERTY.",
        &["VMO-CLONE-25"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let source = registers[0];
            let status = machine.right(call, registers);
            if status == ZX_OK
                && machine.rights(source) & ZX_RIGHT_GET_PROPERTY == 0
                && let Some(named) = machine.sibling(source, ZX_RIGHT_GET_PROPERTY)
                && let Some(name) = machine.name(named)
            {
                rename(machine, machine.word(registers[4]).map(u64::from), text(&name));
            }
            status
        }),
    ),
    fault(
        CLASS,
        "clones_get_a_name_of_their_own",
        "A clone starts with the name of its source and a mark behind it.",
        &["VMO-CLONE-25"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let status = machine.right(call, registers);
            let clone = machine.word(registers[4]).map(u64::from);
            if status == ZX_OK
                && let Some(name) = clone.and_then(|clone| machine.name(clone))
                && !text(&name).is_empty()
            {
                rename(machine, clone, &[text(&name), b"+"].concat());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "clones_share_their_name",
        "Naming a VMO names its clones.",
        &["VMO-CLONE-26"],
        calls(&[Call::object_set_property], |machine, call, registers| {
            let status = machine.right(call, registers);
            let own = machine.sibling(registers[0], ZX_RIGHT_GET_PROPERTY);
            if let (ZX_OK, Some(name)) = (status, own.and_then(|own| machine.name(own))) {
                for (clone, _) in machine.clones_of(registers[0]) {
                    rename(machine, machine.sibling(clone, ZX_RIGHT_SET_PROPERTY), text(&name));
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "naming_a_clone_names_its_parent",
        "Naming a clone names the VMO that it was made of.",
        &["VMO-CLONE-26"],
        calls(&[Call::object_set_property], |machine, call, registers| {
            let status = machine.right(call, registers);
            let own = machine.sibling(registers[0], ZX_RIGHT_GET_PROPERTY);
            if let (ZX_OK, Some(name)) = (status, own.and_then(|own| machine.name(own)))
                && let Some(origin) = machine.origin(registers[0])
            {
                let parent = machine.handle_to(origin.parent, ZX_RIGHT_SET_PROPERTY);
                rename(machine, parent, text(&name));
            }
            status
        }),
    ),
    fault(
        CLASS,
        "fresh_vmos_have_a_name",
        "A fresh VMO is called vmo.",
        &["VMO-CREATE-39"],
        calls(&[Call::vmo_create], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK {
                rename(machine, machine.word(registers[2]).map(u64::from), b"vmo");
            }
            status
        }),
    ),
];
