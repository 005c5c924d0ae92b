//! Facts about objects: `object_get_info`.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    Record, ZX_ERR_ACCESS_DENIED, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NOT_SUPPORTED, ZX_ERR_WRONG_TYPE, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT,
    ZX_INFO_HANDLE_VALID, ZX_INFO_PROCESS_VMOS, ZX_INFO_VMO_IS_COW_CLONE, ZX_INFO_VMO_VIA_HANDLE,
    ZX_INFO_VMO_VIA_MAPPING, ZX_OBJ_TYPE_VMO, ZX_OK, zx_info_handle_basic_t, zx_info_vmo_t,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, calls, fault};
use super::super::machine::Machine;
use super::is;

const CLASS: Class = Class::Properties;

/// Bytes of an entry of `ZX_INFO_PROCESS_VMOS`.
const ENTRY: u64 = 104;

/// `ZX_INFO_HANDLE_BASIC` of a VMO told otherwise.
fn basic(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    change: fn(&Machine, u64, &mut zx_info_handle_basic_t),
) -> i32 {
    let [handle, topic, buffer, ..] = *registers;
    let status = machine.right(call, registers);
    if status == ZX_OK
        && is(topic, ZX_INFO_HANDLE_BASIC)
        && let Some(mut record) = machine.basic(handle)
        && record.type_ == ZX_OBJ_TYPE_VMO
    {
        change(machine, handle, &mut record);
        // What lies behind the fields is not touched.
        machine.put(buffer, &record.to_bytes()[..28]);
    }
    status
}

/// The number of handles told otherwise.
fn count(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    change: fn(&Machine, u64, u32) -> u32,
) -> i32 {
    let [handle, topic, buffer, ..] = *registers;
    let status = machine.right(call, registers);
    if status == ZX_OK
        && is(topic, ZX_INFO_HANDLE_COUNT)
        && let Some(count) = machine.word(buffer)
    {
        machine.put(buffer, &change(machine, handle, count).to_le_bytes());
    }
    status
}

/// The entries of `ZX_INFO_PROCESS_VMOS` told otherwise.
fn vmos(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    change: fn(&Machine, &mut Vec<zx_info_vmo_t>),
) -> i32 {
    let [_, topic, buffer, size, actual, ..] = *registers;
    let status = machine.right(call, registers);
    if status != ZX_OK || !is(topic, ZX_INFO_PROCESS_VMOS) {
        return status;
    }
    let stored = machine.long(actual).unwrap_or_default().min(size / ENTRY);
    let bytes = machine.bytes_at(buffer, (stored * ENTRY) as usize).unwrap_or_default();
    let mut entries: Vec<_> =
        bytes.as_chunks().0.iter().map(zx_info_vmo_t::from_bytes).collect();
    change(machine, &mut entries);
    for (nth, entry) in entries.iter().enumerate() {
        machine.put(buffer + ENTRY * nth as u64, &entry.to_bytes());
    }
    if (entries.len() as u64) < stored {
        machine.put(actual, &(entries.len() as u64).to_le_bytes());
    }
    status
}

macro_rules! basic {
    ($change:expr) => {
        calls(&[Call::object_get_info], |machine, call, registers| {
            basic(machine, call, registers, $change)
        })
    };
}

macro_rules! count {
    ($change:expr) => {
        calls(&[Call::object_get_info], |machine, call, registers| {
            count(machine, call, registers, $change)
        })
    };
}

/// Each entry told otherwise.
macro_rules! each_vmo {
    ($change:expr) => {
        calls(&[Call::object_get_info], |machine, call, registers| {
            vmos(machine, call, registers, |machine, entries| {
                let change: fn(&Machine, &mut zx_info_vmo_t) = $change;
                entries.iter_mut().for_each(|entry| change(machine, entry));
            })
        })
    };
}

fn is_single(topic: u64) -> bool {
    is(topic, ZX_INFO_HANDLE_BASIC) || is(topic, ZX_INFO_HANDLE_COUNT)
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "info_valid_is_always_true",
        "ZX_INFO_HANDLE_VALID succeeds for values that are no handles.",
        &["OBJ-INFO-01"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            match machine.right(call, registers) {
                vmo_abi::ZX_ERR_BAD_HANDLE
                    if is(registers[1], ZX_INFO_HANDLE_VALID) =>
                {
                    ZX_OK
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "info_valid_stores_counts",
        "ZX_INFO_HANDLE_VALID stores 0 records.",
        &["OBJ-INFO-02"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            let [_, topic, _, _, actual, avail, ..] = *registers;
            let status = machine.right(call, registers);
            if is(topic, ZX_INFO_HANDLE_VALID) && status == ZX_OK {
                let stored = [actual, avail].map(|pointer| {
                    pointer == 0 || machine.put(pointer, &0_u64.to_le_bytes())
                });
                if stored.contains(&false) {
                    return ZX_ERR_INVALID_ARGS;
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "info_basic_tells_the_vmos_rights",
        "ZX_INFO_HANDLE_BASIC tells the default rights of a VMO.",
        &["OBJ-INFO-05"],
        basic!(|_, _, record| record.rights = vmo_abi::ZX_DEFAULT_VMO_RIGHTS),
    ),
    fault(
        CLASS,
        "info_basic_hides_the_upper_rights",
        "ZX_INFO_HANDLE_BASIC tells the lower 12 bits of the rights.",
        &["OBJ-INFO-05", "VMO-CREATE-24"],
        basic!(|_, _, record| record.rights &= 0xfff),
    ),
    fault(
        CLASS,
        "info_basic_has_the_wrong_type",
        "ZX_INFO_HANDLE_BASIC gives VMOs the type of events.",
        &["OBJ-INFO-06", "VMO-CREATE-41"],
        basic!(|_, _, record| record.type_ = vmo_abi::ZX_OBJ_TYPE_EVENT),
    ),
    fault(
        CLASS,
        "info_basic_relates_clones",
        "ZX_INFO_HANDLE_BASIC gives the parent as the related object of a clone.",
        &["OBJ-INFO-07", "VMO-CLONE-32"],
        basic!(|machine, handle, record| {
            record.related_koid = machine.origin(handle).map_or(0, |origin| origin.parent);
        }),
    ),
    fault(
        CLASS,
        "info_basic_relates_vmos_to_themselves",
        "ZX_INFO_HANDLE_BASIC gives a VMO as its own related object.",
        &["OBJ-INFO-07", "VMO-CREATE-41"],
        basic!(|_, _, record| record.related_koid = record.koid),
    ),
    fault(
        CLASS,
        "info_basic_says_not_waitable",
        "ZX_INFO_HANDLE_BASIC says that VMOs cannot be waited on.",
        &["OBJ-INFO-08", "VMO-CREATE-41"],
        basic!(|_, _, record| record.props = 0),
    ),
    fault(
        CLASS,
        "info_needs_actual",
        "object_get_info refuses NULL for actual.",
        &["OBJ-INFO-09"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_OK if is_single(registers[1]) && registers[4] == 0 => ZX_ERR_INVALID_ARGS,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "info_counts_no_record",
        "object_get_info stores 0 in actual when it stored a record.",
        &["OBJ-INFO-09"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK && is_single(registers[1]) {
                machine.put(registers[4], &0_u64.to_le_bytes());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "info_counts_bytes",
        "object_get_info stores the bytes of the record in avail.",
        &["OBJ-INFO-09", "OBJ-INFO-11"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            let status = machine.right(call, registers);
            if is_single(registers[1]) && matches!(status, ZX_OK | ZX_ERR_BUFFER_TOO_SMALL) {
                machine.put(registers[5], &32_u64.to_le_bytes());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "info_too_small_succeeds",
        "object_get_info succeeds although the record does not fit.",
        &["OBJ-INFO-10"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_BUFFER_TOO_SMALL => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "info_wants_the_exact_size",
        "object_get_info refuses a buffer that is larger than the record.",
        &["OBJ-INFO-12"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            let [_, topic, _, size, ..] = *registers;
            let exact = if is(topic, ZX_INFO_HANDLE_BASIC) { 32 } else { 4 };
            match machine.right(call, registers) {
                ZX_OK if is_single(topic) && size != exact => ZX_ERR_BUFFER_TOO_SMALL,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "info_clears_the_rest_of_the_buffer",
        "object_get_info clears what lies behind the record.",
        &["OBJ-INFO-12"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            let [_, topic, buffer, size, ..] = *registers;
            let status = machine.right(call, registers);
            let len = if is(topic, ZX_INFO_HANDLE_BASIC) { 32 } else { 4 };
            if status == ZX_OK && is_single(topic) && (len..=4096).contains(&size) {
                machine.put(buffer + len, &vec![0; (size - len) as usize]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "info_knows_topic_0",
        "object_get_info succeeds for topic 0.",
        &["OBJ-INFO-16", "OBJ-INFO-17"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_NOT_SUPPORTED if registers[1] as u32 == 0 => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "info_of_other_objects_is_not_supported",
        "object_get_info answers NOT_SUPPORTED for topics of other objects.",
        &["OBJ-INFO-21"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_WRONG_TYPE => ZX_ERR_NOT_SUPPORTED,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "info_count_counts_from_0",
        "ZX_INFO_HANDLE_COUNT leaves out the first handle.",
        &["OBJ-INFO-18", "VMO-CREATE-41"],
        count!(|_, _, count| count - 1),
    ),
    fault(
        CLASS,
        "info_count_is_1",
        "ZX_INFO_HANDLE_COUNT does not count duplicates.",
        &["OBJ-INFO-18"],
        count!(|_, _, _| 1),
    ),
    fault(
        CLASS,
        "info_count_counts_mappings",
        "ZX_INFO_HANDLE_COUNT counts mappings.",
        &["OBJ-INFO-20", "VMAR-MAP-50"],
        count!(|machine, handle, count| {
            count + machine.vmo_info(handle).map_or(0, |info| info.num_mappings as u32)
        }),
    ),
    fault(
        CLASS,
        "info_count_counts_clones",
        "ZX_INFO_HANDLE_COUNT counts clones.",
        &["OBJ-INFO-20"],
        count!(|machine, handle, count| {
            count + machine.vmo_info(handle).map_or(0, |info| info.num_children as u32)
        }),
    ),
    fault(
        CLASS,
        "info_count_leaves_out_messages",
        "ZX_INFO_HANDLE_COUNT does not count handles in transit.",
        &["OBJ-INFO-20"],
        count!(|machine, handle, count| {
            let koid = machine.koid(handle).unwrap_or_default();
            count.min(machine.live_handles(koid) as u32)
        }),
    ),
    fault(
        CLASS,
        "vmos_of_the_caller_are_listed",
        "ZX_INFO_PROCESS_VMOS answers a process about itself.",
        &["OBJ-INFO-22"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            let observed = machine.environment().observed_process.into();
            match machine.right(call, registers) {
                ZX_ERR_ACCESS_DENIED
                    if is(registers[0], machine.environment().process)
                        && is(registers[1], ZX_INFO_PROCESS_VMOS) =>
                {
                    machine.with(call, registers, 0, observed)
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "vmos_leaves_out_mappings",
        "ZX_INFO_PROCESS_VMOS lists handles only.",
        &["OBJ-INFO-24", "OBJ-INFO-29"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            vmos(machine, call, registers, |_, entries| {
                entries.retain(|entry| entry.flags & ZX_INFO_VMO_VIA_HANDLE != 0);
            })
        }),
    ),
    fault(
        CLASS,
        "vmos_lists_each_vmo_once",
        "ZX_INFO_PROCESS_VMOS lists a VMO with several handles once.",
        &["OBJ-INFO-24"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            vmos(machine, call, registers, |_, entries| {
                let mut known = Vec::new();
                entries.retain(|entry| {
                    let is_new = !known.contains(&entry.koid);
                    known.push(entry.koid);
                    is_new
                });
            })
        }),
    ),
    fault(
        CLASS,
        "vmos_lists_mappings_first",
        "ZX_INFO_PROCESS_VMOS lists mappings before handles.",
        &["OBJ-INFO-29"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            vmos(machine, call, registers, |_, entries| {
                entries.sort_by_key(|entry| entry.flags & ZX_INFO_VMO_VIA_HANDLE);
            })
        }),
    ),
    fault(
        CLASS,
        "vmos_are_mapped_and_named_at_once",
        "ZX_INFO_PROCESS_VMOS marks a mapped VMO's handle as a mapping, too.",
        &["OBJ-INFO-29", "OBJ-INFO-28"],
        each_vmo!(|_, entry| {
            if entry.num_mappings != 0 {
                entry.flags |= ZX_INFO_VMO_VIA_HANDLE | ZX_INFO_VMO_VIA_MAPPING;
            }
        }),
    ),
    fault(
        CLASS,
        "vmos_forgets_names",
        "ZX_INFO_PROCESS_VMOS gives empty names.",
        &["OBJ-INFO-25"],
        each_vmo!(|_, entry| entry.name = [0; 32]),
    ),
    fault(
        CLASS,
        "vmos_gives_no_parents",
        "ZX_INFO_PROCESS_VMOS gives parent koid 0 for clones.",
        &["OBJ-INFO-25", "OBJ-INFO-26"],
        each_vmo!(|_, entry| entry.parent_koid = 0),
    ),
    fault(
        CLASS,
        "vmos_forgets_closed_parents",
        "ZX_INFO_PROCESS_VMOS gives parent koid 0 once the parent has no handle.",
        &["OBJ-INFO-26"],
        each_vmo!(|machine, entry| {
            if machine.handle_to(entry.parent_koid, 0).is_none() {
                entry.parent_koid = 0;
            }
        }),
    ),
    fault(
        CLASS,
        "vmos_counts_descendants",
        "ZX_INFO_PROCESS_VMOS counts clones of clones among the children.",
        &["OBJ-INFO-27"],
        each_vmo!(|machine, entry| {
            let clones = machine.notes().clones.clone();
            let of = |koid: u64| {
                clones.iter().filter(move |(_, origin)| origin.parent == koid).map(|(clone, _)| *clone)
            };
            let below: usize = of(entry.koid).map(|clone| of(clone).count()).sum();
            entry.num_children += below as u64;
        }),
    ),
    fault(
        CLASS,
        "vmos_counts_mappings_once",
        "ZX_INFO_PROCESS_VMOS says that no VMO is mapped.",
        &["OBJ-INFO-27"],
        each_vmo!(|_, entry| entry.num_mappings = 0),
    ),
    fault(
        CLASS,
        "vmos_shares_count_from_0",
        "ZX_INFO_PROCESS_VMOS says that a VMO without mappings is shared by none.",
        &["OBJ-INFO-27"],
        each_vmo!(|_, entry| entry.share_count = entry.num_mappings),
    ),
    fault(
        CLASS,
        "vmos_does_not_mark_clones",
        "ZX_INFO_PROCESS_VMOS leaves the mark of clones out.",
        &["OBJ-INFO-28"],
        each_vmo!(|_, entry| entry.flags &= !ZX_INFO_VMO_IS_COW_CLONE),
    ),
    fault(
        CLASS,
        "vmos_gives_no_rights",
        "ZX_INFO_PROCESS_VMOS gives no rights for handles.",
        &["OBJ-INFO-28"],
        each_vmo!(|_, entry| entry.handle_rights = 0),
    ),
    fault(
        CLASS,
        "vmos_commits_the_size",
        "ZX_INFO_PROCESS_VMOS gives the size as what is committed.",
        &["OBJ-INFO-30", "COW-36"],
        each_vmo!(|_, entry| entry.committed_bytes = entry.size_bytes),
    ),
    fault(
        CLASS,
        "vmos_commits_what_clones_show",
        "ZX_INFO_PROCESS_VMOS counts the parent's pages as committed in a clone.",
        &["COW-36", "OBJ-INFO-30"],
        each_vmo!(|machine, entry| {
            let infos = machine.vmo_infos();
            let parent = infos.iter().find(|info| info.koid == entry.parent_koid);
            entry.committed_bytes += parent.map_or(0, |parent| parent.committed_bytes);
        }),
    ),
    fault(
        CLASS,
        "vmos_counts_what_was_stored_as_all",
        "ZX_INFO_PROCESS_VMOS stores the number of entries that fit in avail.",
        &["OBJ-INFO-24"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            let [_, topic, _, _, actual, avail, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
                && is(topic, ZX_INFO_PROCESS_VMOS)
                && let Some(stored) = machine.long(actual)
            {
                machine.put(avail, &stored.to_le_bytes());
            }
            status
        }),
    ),
];
