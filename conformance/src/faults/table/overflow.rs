//! Ends of ranges: off by one, wrapped, cut to 32 bits, compared as signed.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, argument, calls, fault};
use super::super::machine::Machine;
use super::super::notes::round_up;
use super::{LARGEST, PAGE, is, lower_half, replaced};

const CLASS: Class = Class::Overflow;

/// `vmo_read` or `vmo_write` of what lies inside the VMO of a range that runs
/// beyond its end.
fn cut_at_the_end(machine: &Machine, call: Call, registers: &Registers) -> i32 {
    let [vmo, _, offset, len, ..] = *registers;
    match (machine.right(call, registers), machine.size(vmo)) {
        (ZX_ERR_OUT_OF_RANGE, Some(size)) if offset < size => {
            machine.with(call, registers, 3, len.min(size - offset))
        }
        (status, _) => status,
    }
}

/// `vmo_read` or `vmo_write` refused although nothing but `refused` speaks
/// against it.
fn refused_if(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    refused: fn(u64, u64, u64) -> bool,
) -> i32 {
    let [vmo, buffer, offset, len, ..] = *registers;
    // A length of 0 shows whether anything but the buffer is wrong, and changes
    // nothing.
    let is_good = len == 0 || machine.bytes_at(buffer, 1).is_some();
    match (machine.with(call, registers, 3, 0), machine.size(vmo)) {
        (ZX_OK, Some(size)) if is_good && refused(offset, len, size) => ZX_ERR_OUT_OF_RANGE,
        _ => machine.right(call, registers),
    }
}

/// A clone whose range leaves 64 bits: made without bytes, then resized.
fn clone_beyond(machine: &Machine, call: Call, registers: &Registers) -> i32 {
    let [_, _, offset, size, out, ..] = *registers;
    if round_up(size) > LARGEST || size > LARGEST || !offset.is_multiple_of(PAGE) {
        return machine.right(call, registers);
    }
    match machine.right(call, registers) {
        ZX_ERR_OUT_OF_RANGE => {
            let status = machine.with(call, registers, 3, 0);
            if let (ZX_OK, Some(clone)) = (status, machine.word(out)) {
                machine.resize(clone.into(), size);
            }
            status
        }
        status => status,
    }
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "create_cuts_size_to_32_bits",
        "vmo_create keeps the size in 32 bits.",
        &["VMO-CREATE-02", "VMO-CREATE-03", "VMO-CREATE-05"],
        argument(Call::vmo_create, 0, lower_half),
    ),
    fault(
        CLASS,
        "create_wraps_when_rounding",
        "vmo_create rounds the sizes above the largest to 0.",
        &["VMO-CREATE-06"],
        argument(Call::vmo_create, 0, |size| if size > LARGEST { 0 } else { size }),
    ),
    fault(
        CLASS,
        "create_gives_the_largest_size",
        "vmo_create takes sizes above the largest for the largest.",
        &["VMO-CREATE-06"],
        argument(Call::vmo_create, 0, |size| size.min(LARGEST)),
    ),
    fault(
        CLASS,
        "create_refuses_the_largest_size",
        "vmo_create compares with the largest size by >= instead of >.",
        &["VMO-CREATE-05"],
        argument(Call::vmo_create, 0, |size| if size > LARGEST - PAGE { u64::MAX } else { size }),
    ),
    fault(
        CLASS,
        "create_takes_size_as_signed",
        "vmo_create takes sizes of 2^63 and more for negative ones and refuses them.",
        &["VMO-CREATE-05", "VMO-CREATE-02"],
        argument(Call::vmo_create, 0, |size| if size >> 63 == 0 { size } else { u64::MAX }),
    ),
    fault(
        CLASS,
        "read_cuts_offset_to_32_bits",
        "vmo_read keeps the offset in 32 bits.",
        &["VMO-READ-19", "VMO-READ-01", "VMO-READ-08", "VMO-READ-11"],
        argument(Call::vmo_read, 2, lower_half),
    ),
    fault(
        CLASS,
        "read_cuts_len_to_32_bits",
        "vmo_read keeps the length in 32 bits.",
        &["VMO-READ-08", "VMO-READ-09", "VMO-READ-12", "VMO-READ-13"],
        argument(Call::vmo_read, 3, lower_half),
    ),
    fault(
        CLASS,
        "read_stores_a_byte_too_few",
        "vmo_read leaves out the last byte.",
        &["VMO-READ-01"],
        argument(Call::vmo_read, 3, |len| len.saturating_sub(1)),
    ),
    fault(
        CLASS,
        "read_stores_a_byte_too_many",
        "vmo_read stores a byte behind the buffer.",
        &["VMO-READ-01"],
        calls(&[Call::vmo_read], |machine, call, registers| {
            let [_, buffer, _, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK && len != 0 {
                machine.put(buffer.saturating_add(len), &[0]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "read_is_cut_at_the_end",
        "vmo_read of a range that runs beyond the end reads what there is, and succeeds.",
        &["VMO-READ-08", "VMO-READ-09"],
        calls(&[Call::vmo_read], cut_at_the_end),
    ),
    fault(
        CLASS,
        "read_of_wrapping_range_succeeds",
        "vmo_read does not notice that offset and length add up to more than 64 bits.",
        &["VMO-READ-12", "VMO-READ-09"],
        calls(&[Call::vmo_read], |machine, call, registers| {
            let [_, _, offset, len, ..] = *registers;
            match machine.right(call, registers) {
                ZX_ERR_OUT_OF_RANGE if offset.checked_add(len).is_none() => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "read_up_to_the_end_is_refused",
        "vmo_read compares the end of the range by >= and refuses the last byte.",
        &["VMO-READ-09", "VMO-READ-19", "VMO-READ-20", "VMO-READ-01"],
        calls(&[Call::vmo_read], |machine, call, registers| {
            refused_if(machine, call, registers, |offset, len, size| {
                len != 0 && offset.saturating_add(len) == size
            })
        }),
    ),
    fault(
        CLASS,
        "read_of_nothing_at_the_end_is_refused",
        "vmo_read of no bytes at the end of the VMO is out of range.",
        &["VMO-READ-10"],
        calls(&[Call::vmo_read], |machine, call, registers| {
            refused_if(machine, call, registers, |offset, len, size| len == 0 && offset == size)
        }),
    ),
    fault(
        CLASS,
        "read_of_nothing_succeeds_anywhere",
        "vmo_read of no bytes succeeds beyond the end, too.",
        &["VMO-READ-11"],
        calls(&[Call::vmo_read], |machine, call, registers| match machine.right(call, registers) {
            ZX_ERR_OUT_OF_RANGE if registers[3] == 0 => ZX_OK,
            status => status,
        }),
    ),
    fault(
        CLASS,
        "read_compares_as_signed",
        "vmo_read compares the range with the size as signed numbers.",
        &["VMO-READ-19", "VMO-READ-09"],
        calls(&[Call::vmo_read], |machine, call, registers| {
            refused_if(machine, call, registers, |offset, len, size| {
                offset.wrapping_add(len).cast_signed() > size.cast_signed()
            })
        }),
    ),
    fault(
        CLASS,
        "write_cuts_offset_to_32_bits",
        "vmo_write keeps the offset in 32 bits.",
        &["VMO-WRITE-24", "VMO-WRITE-01", "VMO-WRITE-08", "VMO-WRITE-11"],
        argument(Call::vmo_write, 2, lower_half),
    ),
    fault(
        CLASS,
        "write_cuts_len_to_32_bits",
        "vmo_write keeps the length in 32 bits.",
        &["VMO-WRITE-08", "VMO-WRITE-09", "VMO-WRITE-12", "VMO-WRITE-13"],
        argument(Call::vmo_write, 3, lower_half),
    ),
    fault(
        CLASS,
        "write_takes_a_byte_too_few",
        "vmo_write leaves out the last byte.",
        &["VMO-WRITE-01"],
        argument(Call::vmo_write, 3, |len| len.saturating_sub(1)),
    ),
    fault(
        CLASS,
        "write_changes_the_byte_behind",
        "vmo_write changes the byte behind the range.",
        &["VMO-WRITE-01"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, _, offset, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK && len != 0 {
                machine.write(vmo, offset + len, &[0x5a]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "write_is_cut_at_the_end",
        "vmo_write of a range that runs beyond the end writes what fits, and succeeds.",
        &["VMO-WRITE-08", "VMO-WRITE-09"],
        calls(&[Call::vmo_write], cut_at_the_end),
    ),
    fault(
        CLASS,
        "write_of_wrapping_range_succeeds",
        "vmo_write does not notice that offset and length add up to more than 64 bits.",
        &["VMO-WRITE-12", "VMO-WRITE-09"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [_, _, offset, len, ..] = *registers;
            match machine.right(call, registers) {
                ZX_ERR_OUT_OF_RANGE if offset.checked_add(len).is_none() => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "write_up_to_the_end_is_refused",
        "vmo_write compares the end of the range by >= and refuses the last byte.",
        &["VMO-WRITE-09", "VMO-WRITE-24", "VMO-WRITE-01", "VMO-READ-20"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            refused_if(machine, call, registers, |offset, len, size| {
                len != 0 && offset.saturating_add(len) == size
            })
        }),
    ),
    fault(
        CLASS,
        "write_of_nothing_at_the_end_is_refused",
        "vmo_write of no bytes at the end of the VMO is out of range.",
        &["VMO-WRITE-10"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            refused_if(machine, call, registers, |offset, len, size| len == 0 && offset == size)
        }),
    ),
    fault(
        CLASS,
        "write_of_nothing_succeeds_anywhere",
        "vmo_write of no bytes succeeds beyond the end, too.",
        &["VMO-WRITE-11"],
        calls(&[Call::vmo_write], |machine, call, registers| match machine.right(call, registers) {
            ZX_ERR_OUT_OF_RANGE if registers[3] == 0 => ZX_OK,
            status => status,
        }),
    ),
    fault(
        CLASS,
        "get_size_stores_32_bits",
        "vmo_get_size tells the lower half of the size.",
        &["VMO-GETSIZE-01", "VMO-CREATE-03"],
        calls(&[Call::vmo_get_size], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK {
                machine.put(registers[1] + 4, &[0; 4]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "set_size_cuts_size_to_32_bits",
        "vmo_set_size keeps the size in 32 bits.",
        &["VMO-SETSIZE-01", "VMO-SETSIZE-06", "VMO-SETSIZE-07"],
        argument(Call::vmo_set_size, 1, lower_half),
    ),
    fault(
        CLASS,
        "set_size_wraps_when_rounding",
        "vmo_set_size rounds the sizes above the largest to 0.",
        &["VMO-SETSIZE-06", "VMO-SETSIZE-07"],
        argument(Call::vmo_set_size, 1, |size| if size > LARGEST { 0 } else { size }),
    ),
    fault(
        CLASS,
        "set_size_refuses_the_largest_size",
        "vmo_set_size compares with the largest size by >= instead of >.",
        &["VMO-SETSIZE-07"],
        argument(Call::vmo_set_size, 1, |size| if size > LARGEST - PAGE { u64::MAX } else { size }),
    ),
    fault(
        CLASS,
        "clone_cuts_size_to_32_bits",
        "vmo_clone keeps the size in 32 bits.",
        &["VMO-CLONE-02", "VMO-CLONE-13"],
        argument(Call::vmo_clone, 3, lower_half),
    ),
    fault(
        CLASS,
        "clone_cuts_offset_to_32_bits",
        "vmo_clone keeps the offset in 32 bits.",
        &["VMO-CLONE-01", "VMO-CLONE-10", "VMO-CLONE-11", "VMO-CLONE-12", "COW-01"],
        argument(Call::vmo_clone, 2, lower_half),
    ),
    fault(
        CLASS,
        "clone_refuses_the_largest_size",
        "vmo_clone compares with the largest size by >= instead of >.",
        &["VMO-CLONE-13", "VMO-CLONE-02"],
        argument(Call::vmo_clone, 3, |size| if size > LARGEST - PAGE { u64::MAX } else { size }),
    ),
    fault(
        CLASS,
        "clone_of_wrapping_range_succeeds",
        "vmo_clone does not notice that offset and size add up to more than 64 bits.",
        &["VMO-CLONE-11", "VMO-CLONE-12"],
        calls(&[Call::vmo_clone], clone_beyond),
    ),
    fault(
        CLASS,
        "clone_may_end_at_2_to_64",
        "vmo_clone takes a range that ends at exactly 2^64.",
        &["VMO-CLONE-12"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let [_, _, offset, size, ..] = *registers;
            if offset != 0 && size != 0 && offset.wrapping_add(round_up(size)) == 0 {
                clone_beyond(machine, call, registers)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "clone_adds_the_size_as_asked",
        "vmo_clone adds offset and size before the size is rounded.",
        &["VMO-CLONE-12"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let [_, _, offset, size, ..] = *registers;
            if offset.checked_add(size).is_some() {
                clone_beyond(machine, call, registers)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "clone_has_to_lie_in_its_source",
        "vmo_clone refuses a range that runs beyond the end of the source.",
        &["VMO-CLONE-10", "VMO-CLONE-02"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let [source, options, offset, size, ..] = *registers;
            let is_good = options & u64::from(ZX_VMO_CLONE_COPY_ON_WRITE) != 0
                && offset.is_multiple_of(PAGE);
            match machine.size(source) {
                Some(bytes) if is_good && offset.saturating_add(size) > bytes => {
                    // What is wrong besides comes first.
                    match machine.with(call, &replaced(registers, 4, 0), 3, size) {
                        vmo_abi::ZX_ERR_INVALID_ARGS => ZX_ERR_OUT_OF_RANGE,
                        status => status,
                    }
                }
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "op_range_cuts_offset_to_32_bits",
        "vmo_op_range keeps the offset in 32 bits.",
        &["VMO-OPRANGE-16", "VMO-OPRANGE-30", "VMO-OPRANGE-42", "VMO-OPRANGE-17"],
        argument(Call::vmo_op_range, 2, lower_half),
    ),
    fault(
        CLASS,
        "commit_of_wrapping_range_succeeds",
        "COMMIT cuts a range that leaves 64 bits at the end of the VMO instead of refusing it.",
        &["VMO-OPRANGE-17"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [_, op, offset, size, ..] = *registers;
            let room = u64::MAX - offset;
            let size = if is(op, ZX_VMO_OP_COMMIT) { size.min(room) } else { size };
            machine.with(call, registers, 3, size)
        }),
    ),
    fault(
        CLASS,
        "decommit_of_wrapping_range_succeeds",
        "DECOMMIT cuts a range that leaves 64 bits at the end of the VMO instead of refusing it.",
        &["VMO-OPRANGE-30"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [_, op, offset, size, ..] = *registers;
            let room = u64::MAX - offset;
            let size = if is(op, ZX_VMO_OP_DECOMMIT) { size.min(room) } else { size };
            machine.with(call, registers, 3, size)
        }),
    ),
    fault(
        CLASS,
        "commit_beyond_the_end_succeeds",
        "COMMIT and DECOMMIT of a range beyond the end do nothing and succeed.",
        &["VMO-OPRANGE-16", "VMO-OPRANGE-30"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [_, op, offset, size, ..] = *registers;
            match machine.right(call, registers) {
                ZX_ERR_OUT_OF_RANGE if op <= 2 && offset.checked_add(size).is_some() => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "commit_at_the_end_is_refused",
        "COMMIT and DECOMMIT of a range that starts at the end of the VMO are out of range.",
        &["VMO-OPRANGE-15", "VMO-OPRANGE-18", "VMO-OPRANGE-30"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, ..] = *registers;
            match machine.right(call, registers) {
                ZX_OK if op <= 2 && machine.size(vmo) == Some(offset) => ZX_ERR_OUT_OF_RANGE,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "cache_op_is_cut_at_the_end",
        "The cache operations cut a range at the end of the VMO.",
        &["VMO-OPRANGE-42"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, ..] = *registers;
            match (machine.right(call, registers), machine.size(vmo)) {
                (ZX_ERR_OUT_OF_RANGE, Some(size)) if op > 5 && offset < size => ZX_OK,
                (status, _) => status,
            }
        }),
    ),
    fault(
        CLASS,
        "map_to_the_end_of_64_bits_succeeds",
        "vmar_map takes a position in the VMO that leaves 64 bits with the length.",
        &["VMAR-MAP-18"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [_, _, _, offset, len, ..] = *registers;
            if offset.is_multiple_of(PAGE) && offset.checked_add(round_up(len)).is_none() {
                machine.with(call, registers, 3, 1 << 62)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "set_property_cuts_size_to_32_bits",
        "object_set_property keeps the size of the value in 32 bits.",
        &["OBJ-SETPROP-07"],
        argument(Call::object_set_property, 3, lower_half),
    ),
    fault(
        CLASS,
        "get_property_cuts_size_to_32_bits",
        "object_get_property keeps the size of the value in 32 bits.",
        &["OBJ-GETPROP-04"],
        argument(Call::object_get_property, 3, lower_half),
    ),
    fault(
        CLASS,
        "get_info_cuts_size_to_32_bits",
        "object_get_info keeps the size of the buffer in 32 bits.",
        &["OBJ-INFO-12"],
        argument(Call::object_get_info, 3, lower_half),
    ),
];
