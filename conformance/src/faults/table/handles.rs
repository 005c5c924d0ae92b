//! Handle values, koids, closing, duplicating and replacing.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_INFO_HANDLE_BASIC, ZX_OK, ZX_OBJ_TYPE_VMO,
    ZX_RIGHT_SAME_RIGHTS, zx_koid_t,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, argument, calls, fault, nothing};
use super::super::machine::Machine;
use super::is;

const CLASS: Class = Class::Handles;

/// The bit that no handle value has.
const BIT_31: u64 = 1 << 31;
/// Where the value that was closed last is kept.
const CLOSED: u64 = u64::MAX;

/// `ZX_INFO_HANDLE_BASIC` with another koid: what the function makes of the
/// handle and the true one. Only VMOs are told wrongly about.
fn koid(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    wrong: fn(&Machine, u64, zx_koid_t) -> zx_koid_t,
) -> i32 {
    let [handle, topic, buffer, ..] = *registers;
    let status = machine.right(call, registers);
    if status == ZX_OK
        && is(topic, ZX_INFO_HANDLE_BASIC)
        && let Some(basic) = machine.basic(handle)
        && basic.type_ == ZX_OBJ_TYPE_VMO
    {
        machine.put(buffer, &wrong(machine, handle, basic.koid).to_le_bytes());
    }
    status
}

macro_rules! koid {
    ($wrong:expr) => {
        calls(&[Call::object_get_info], |machine, call, registers| {
            koid(machine, call, registers, $wrong)
        })
    };
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "handle_values_are_even",
        "Handle values have bit 0 clear.",
        &["HV-02"],
        calls(Call::ALL, |machine, call, registers| {
            machine.translated(call, registers, |handle| handle, |handle| handle & !1)
        }),
    ),
    fault(
        CLASS,
        "handle_values_have_bit_31",
        "Handle values have bit 31 set.",
        &["HV-02", "HV-07"],
        calls(Call::ALL, |machine, call, registers| {
            machine.translated(
                call,
                registers,
                |handle| handle & !BIT_31,
                |handle| handle | BIT_31,
            )
        }),
    ),
    fault(
        CLASS,
        "bit_31_of_a_handle_value_is_ignored",
        "A handle is found under its value with bit 31 set.",
        &["HV-07", "GEN-03"],
        calls(Call::ALL, |machine, call, registers| {
            machine.translated(call, registers, |handle| handle & !BIT_31, |handle| handle)
        }),
    ),
    fault(
        CLASS,
        "bit_0_of_a_handle_value_matters",
        "A handle is not found under its value with bit 0 clear.",
        &["HV-06"],
        calls(Call::ALL, |machine, call, registers| {
            machine.translated(
                call,
                registers,
                |handle| if handle & 1 == 0 && handle != 0 { BIT_31 } else { handle },
                |handle| handle,
            )
        }),
    ),
    fault(
        CLASS,
        "a_handle_value_is_0",
        "The first VMO gets the handle value 0.",
        &["HV-01", "HV-08", "HV-02"],
        calls(Call::ALL, |machine, call, registers| {
            let is_first =
                call == Call::vmo_create && !machine.notes().numbers.contains_key(&0);
            machine.translated(
                call,
                registers,
                |handle| {
                    let first = machine.notes().numbers.get(&handle).copied();
                    first.unwrap_or(handle)
                },
                |handle| {
                    if is_first {
                        machine.notes().numbers.insert(0, handle);
                    }
                    if is_first { 0 } else { handle }
                },
            )
        }),
    ),
    fault(
        CLASS,
        "closed_values_are_used_again_at_once",
        "The value of a handle that was closed goes to the next new handle.",
        &["HV-05"],
        calls(Call::ALL, |machine, call, registers| {
            let status = machine.translated(
                call,
                registers,
                |handle| {
                    let known = machine.notes().numbers.get(&handle).copied();
                    known.unwrap_or(handle)
                },
                |handle| {
                    let mut notes = machine.notes();
                    match notes.numbers.remove(&CLOSED) {
                        Some(closed) => {
                            notes.numbers.insert(closed, handle);
                            closed
                        }
                        None => handle,
                    }
                },
            );
            if call == Call::handle_close && status == ZX_OK && registers[0] != 0 {
                let mut notes = machine.notes();
                notes.numbers.remove(&registers[0]);
                notes.numbers.insert(CLOSED, registers[0]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "duplicate_gives_the_same_value",
        "handle_duplicate gives the value of the source handle again.",
        &["HANDLE-DUP-01", "HV-10", "OBJ-INFO-18"],
        calls(&[Call::handle_duplicate], |machine, call, registers| {
            let [source, asked, out, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
                && asked as u32 == ZX_RIGHT_SAME_RIGHTS
                && let Some(handle) = machine.word(out)
            {
                machine.close(handle.into());
                machine.put(out, &(source as u32).to_le_bytes());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "duplicate_makes_an_object",
        "handle_duplicate of a VMO makes another VMO of the same size.",
        &["HANDLE-DUP-01", "HANDLE-DUP-13", "KOID-02", "VMO-GETSIZE-09"],
        calls(&[Call::handle_duplicate], |machine, call, registers| {
            let [source, _, out, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
                && machine.is_vmo(source)
                && let Some(handle) = machine.word(out).map(u64::from)
                && let Some(copy) = machine.create(machine.size(source).unwrap_or_default())
            {
                let rights = machine.rights(handle);
                machine.close(handle);
                machine.put(out, &(copy as u32).to_le_bytes());
                machine.restrict(out, rights);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "duplicate_takes_the_source",
        "handle_duplicate closes the source handle.",
        &["HANDLE-DUP-01"],
        calls(&[Call::handle_duplicate], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK {
                machine.close(registers[0]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "koids_change_with_the_handle",
        "Each handle of a VMO reports a koid of its own.",
        &["KOID-02"],
        koid!(|_, handle, koid| koid + (handle << 20)),
    ),
    fault(
        CLASS,
        "koids_are_0",
        "The koid of a VMO is 0.",
        &["KOID-03", "KOID-01"],
        koid!(|_, _, _| 0),
    ),
    fault(
        CLASS,
        "koids_come_back",
        "Koids are taken from a small number of them.",
        &["KOID-01"],
        koid!(|_, _, koid| 1024 + koid % 8),
    ),
    fault(
        CLASS,
        "koids_fall",
        "Each koid is smaller than the ones before.",
        &["KOID-04"],
        koid!(|_, _, koid| (1 << 40) - koid),
    ),
    fault(
        CLASS,
        "koids_begin_at_1",
        "The first object has koid 1.",
        &["KOID-04"],
        koid!(|_, _, koid| koid.saturating_sub(1023)),
    ),
    fault(
        CLASS,
        "clones_have_their_parents_koid",
        "A clone reports the koid of its parent.",
        &["KOID-05", "KOID-01"],
        koid!(|machine, handle, koid| machine.origin(handle).map_or(koid, |origin| origin.parent)),
    ),
    fault(
        CLASS,
        "create_gives_the_last_vmo_again",
        "vmo_create finds a VMO of the same size that is there already.",
        &["VMO-CREATE-42", "KOID-01", "VMO-CREATE-01"],
        calls(&[Call::vmo_create], |machine, call, registers| {
            let [size, _, out, ..] = *registers;
            let status = machine.right(call, registers);
            let Some(new) = machine.word(out).map(u64::from) else { return status };
            if status != ZX_OK {
                return status;
            }
            let last = machine.notes().numbers.insert(size, new);
            if let Some(last) = last
                && let Some(again) = machine.duplicate_same(last)
            {
                machine.close(new);
                machine.put(out, &(again as u32).to_le_bytes());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "close_does_nothing",
        "handle_close succeeds and leaves the handle.",
        &["HANDLE-CLOSE-01", "HANDLE-CLOSE-06"],
        nothing(&[Call::handle_close]),
    ),
    fault(
        CLASS,
        "close_twice_succeeds",
        "handle_close of a value that is no handle succeeds.",
        &["HANDLE-CLOSE-03", "GEN-03"],
        calls(&[Call::handle_close], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_BAD_HANDLE => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "close_of_0_is_refused",
        "handle_close of 0 is refused.",
        &["HANDLE-CLOSE-02", "HV-08"],
        calls(&[Call::handle_close], |machine, call, registers| {
            if registers[0] as u32 == 0 {
                ZX_ERR_BAD_HANDLE
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "close_closes_every_handle",
        "handle_close closes the other handles to the object, too.",
        &["HANDLE-CLOSE-05", "HANDLE-CLOSE-01"],
        calls(&[Call::handle_close], |machine, call, registers| {
            let koid = machine.koid(registers[0]);
            let is_vmo = machine.is_vmo(registers[0]);
            let status = machine.right(call, registers);
            if let Some(koid) = koid
                && is_vmo
            {
                while let Some(other) = machine.handle_to(koid, 0) {
                    machine.close(other);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "close_many_does_nothing",
        "handle_close_many succeeds and leaves the handles.",
        &["HANDLE-CLOSE-09", "HANDLE-CLOSE-01"],
        nothing(&[Call::handle_close_many]),
    ),
    fault(
        CLASS,
        "close_many_closes_one",
        "handle_close_many closes the first handle only.",
        &["HANDLE-CLOSE-09"],
        argument(Call::handle_close_many, 1, |count| count.min(1)),
    ),
    fault(
        CLASS,
        "close_many_leaves_the_last",
        "handle_close_many closes all but the last handle.",
        &["HANDLE-CLOSE-09"],
        argument(Call::handle_close_many, 1, |count| count.saturating_sub(1)),
    ),
    fault(
        CLASS,
        "close_many_accepts_bad_entries",
        "handle_close_many succeeds although an entry is no handle.",
        &["HANDLE-CLOSE-10", "HANDLE-CLOSE-09"],
        calls(&[Call::handle_close_many], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_BAD_HANDLE => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "close_many_refuses_0",
        "handle_close_many takes an entry of 0 for a value that is no handle.",
        &["HANDLE-CLOSE-11"],
        calls(&[Call::handle_close_many], |machine, call, registers| {
            let [handles, count, ..] = *registers;
            let mut entries = (0..count.min(4096)).map(|nth| handles.saturating_add(4 * nth));
            let has_0 = entries.any(|at| machine.word(at) == Some(0));
            match machine.right(call, registers) {
                ZX_OK if has_0 => ZX_ERR_BAD_HANDLE,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "close_many_of_none_looks_at_the_array",
        "handle_close_many of no handles refuses a bad pointer.",
        &["HANDLE-CLOSE-12"],
        calls(&[Call::handle_close_many], |machine, call, registers| {
            let [handles, count, ..] = *registers;
            if count == 0 && machine.bytes_at(handles, 1).is_none() {
                return ZX_ERR_INVALID_ARGS;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "close_many_refuses_a_bad_array",
        "handle_close_many refuses an array that cannot be read.",
        &["HANDLE-CLOSE-13"],
        calls(&[Call::handle_close_many], |machine, call, registers| {
            let [handles, count, ..] = *registers;
            if count != 0 && machine.word(handles).is_none() {
                return ZX_ERR_INVALID_ARGS;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "replace_keeps_the_old_handle",
        "handle_replace leaves the old handle valid.",
        &["HANDLE-REPLACE-01", "HANDLE-REPLACE-04"],
        calls(&[Call::handle_replace], |machine, call, registers| {
            // Without DUPLICATE there is no second handle to be had.
            match machine.right(Call::handle_duplicate, registers) {
                ZX_OK => ZX_OK,
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "replace_gives_the_same_value",
        "handle_replace with SAME_RIGHTS gives the old value again.",
        &["HANDLE-REPLACE-10", "HANDLE-REPLACE-01"],
        calls(&[Call::handle_replace], |machine, call, registers| {
            let [handle, asked, out, ..] = *registers;
            let is_same = asked as u32 == ZX_RIGHT_SAME_RIGHTS && machine.is_live(handle);
            if is_same && machine.is_writable(out, 4) {
                machine.put(out, &(handle as u32 | 1).to_le_bytes());
                return ZX_OK;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "replace_resets_the_object",
        "handle_replace of the last handle clears name and signals, as the object ends for a \
         moment.",
        &["HANDLE-REPLACE-09"],
        calls(&[Call::handle_replace], |machine, call, registers| {
            let koid = machine.koid(registers[0]).unwrap_or_default();
            let is_last = machine.is_vmo(registers[0]) && machine.live_handles(koid) == 1;
            if is_last {
                machine.set_name(registers[0], b"");
                let clear = [registers[0], 0xff00_0000, 0, 0, 0, 0, 0, 0];
                machine.right(Call::object_signal, &clear);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "channels_keep_the_senders_handle",
        "channel_write leaves the handles that it moves in the sender.",
        &["VMO-CREATE-31", "HV-03"],
        calls(&[Call::channel_write], |machine, call, registers| {
            let [_, _, _, _, handles, count, ..] = *registers;
            for at in (0..count.min(64)).map(|nth| handles.saturating_add(4 * nth)) {
                let copy = machine
                    .word(at)
                    .filter(|handle| machine.is_vmo((*handle).into()))
                    .filter(|handle| machine.rights((*handle).into()) & 2 != 0)
                    .and_then(|handle| machine.duplicate_same(handle.into()));
                if let Some(copy) = copy {
                    machine.put(at, &(copy as u32).to_le_bytes());
                }
            }
            machine.right(call, registers)
        }),
    ),
];
