//! The mistakes.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    Backend, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_BUFFER_TOO_SMALL,
    ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_NOT_FOUND, ZX_ERR_NOT_SUPPORTED,
    ZX_ERR_OUT_OF_RANGE, ZX_ERR_TIMED_OUT, ZX_ERR_WRONG_TYPE, ZX_OK, ZX_PAGE_SIZE,
    ZX_RIGHT_SAME_RIGHTS, ZX_USER_SIGNAL_ALL, ZX_VMO_OP_COMMIT,
};

use super::Change::{Argument, Nothing, Otherwise, Status};
use super::{Change, Mistake};

const fn in_call(call: Call, name: &'static str, change: Change) -> Mistake {
    Mistake { name, call, change }
}

fn round_down(bytes: u64) -> u64 {
    bytes / ZX_PAGE_SIZE * ZX_PAGE_SIZE
}

fn lower_half(value: u64) -> u64 {
    value & u64::from(u32::MAX)
}

fn one_less(value: u64) -> u64 {
    value.saturating_sub(1)
}

fn nothing(_: u64) -> u64 {
    0
}

fn same_rights(_: u64) -> u64 {
    ZX_RIGHT_SAME_RIGHTS.into()
}

/// Every mistake, by call.
pub static MISTAKES: &[Mistake] = &[
    in_call(Call::vmo_create, "rounds_down", Argument(0, round_down)),
    in_call(Call::vmo_create, "cuts_the_size_to_32_bits", Argument(0, lower_half)),
    in_call(Call::vmo_create, "a_page_too_many", Argument(0, |size| size.saturating_add(1))),
    in_call(
        Call::vmo_create,
        "wraps_when_rounding",
        Argument(0, |size| size.wrapping_add(ZX_PAGE_SIZE - 1) / ZX_PAGE_SIZE * ZX_PAGE_SIZE),
    ),
    in_call(Call::vmo_create, "an_empty_vmo_has_a_page", Argument(0, |size| size.max(1))),
    in_call(Call::vmo_create, "ignores_options", Argument(1, nothing)),
    in_call(
        Call::vmo_create,
        "looks_at_16_bits_of_options",
        Argument(1, |options| options & 0xffff),
    ),
    in_call(
        Call::vmo_create,
        "a_huge_size_is_invalid",
        Status(ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    in_call(
        Call::vmo_create,
        "bad_options_are_not_supported",
        Status(ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED),
    ),
    in_call(
        Call::vmo_create,
        "leaks_when_the_pointer_is_bad",
        Otherwise(|right, registers| {
            let [size, options, out, ..] = *registers;
            let status = right.vmo_create(size, options as u32, out);
            if status == ZX_ERR_INVALID_ARGS && options == 0 {
                right.vmo_create(size, 0, right.environment().arena.base);
            }
            status
        }),
    ),
    in_call(Call::vmo_read, "cuts_the_offset_to_32_bits", Argument(2, lower_half)),
    in_call(Call::vmo_read, "cuts_the_length_to_32_bits", Argument(3, lower_half)),
    in_call(Call::vmo_read, "a_byte_short", Argument(3, one_less)),
    in_call(Call::vmo_read, "from_the_start_of_the_page", Argument(2, round_down)),
    in_call(
        Call::vmo_read,
        "out_of_range_is_invalid",
        Status(ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    in_call(Call::vmo_read, "out_of_range_is_fine", Status(ZX_ERR_OUT_OF_RANGE, ZX_OK)),
    in_call(Call::vmo_read, "a_bad_buffer_is_fine", Status(ZX_ERR_INVALID_ARGS, ZX_OK)),
    in_call(
        Call::vmo_read,
        "a_missing_right_is_a_bad_handle",
        Status(ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE),
    ),
    in_call(
        Call::vmo_read,
        "a_wrong_type_is_a_bad_handle",
        Status(ZX_ERR_WRONG_TYPE, ZX_ERR_BAD_HANDLE),
    ),
    in_call(Call::vmo_write, "nothing", Nothing),
    in_call(Call::vmo_write, "cuts_the_offset_to_32_bits", Argument(2, lower_half)),
    in_call(Call::vmo_write, "a_byte_short", Argument(3, one_less)),
    in_call(Call::vmo_write, "to_the_start_of_the_page", Argument(2, round_down)),
    in_call(
        Call::vmo_write,
        "out_of_range_is_invalid",
        Status(ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    in_call(
        Call::vmo_write,
        "writes_what_fits_before_refusing",
        Otherwise(|right, registers| {
            let [handle, buffer, offset, len, ..] = *registers;
            right.vmo_write(handle as u32, buffer, offset, len.min(1));
            right.vmo_write(handle as u32, buffer, offset, len)
        }),
    ),
    in_call(
        Call::vmo_write,
        "grows_the_vmo",
        Otherwise(|right, registers| {
            let [handle, buffer, offset, len, ..] = *registers;
            let status = right.vmo_write(handle as u32, buffer, offset, len);
            if status != ZX_ERR_OUT_OF_RANGE {
                return status;
            }
            right.vmo_set_size(handle as u32, offset.saturating_add(len));
            right.vmo_write(handle as u32, buffer, offset, len)
        }),
    ),
    in_call(Call::vmo_get_size, "nothing", Nothing),
    in_call(
        Call::vmo_get_size,
        "a_bad_handle_is_a_wrong_type",
        Status(ZX_ERR_BAD_HANDLE, ZX_ERR_WRONG_TYPE),
    ),
    in_call(Call::vmo_get_size, "a_bad_pointer_is_fine", Status(ZX_ERR_INVALID_ARGS, ZX_OK)),
    in_call(Call::vmo_set_size, "nothing", Nothing),
    in_call(Call::vmo_set_size, "rounds_down", Argument(1, round_down)),
    in_call(Call::vmo_set_size, "cuts_the_size_to_32_bits", Argument(1, lower_half)),
    in_call(Call::vmo_set_size, "keeps_a_page", Argument(1, |size| size.max(1))),
    in_call(
        Call::vmo_set_size,
        "a_huge_size_is_invalid",
        Status(ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    in_call(
        Call::vmo_set_size,
        "loses_the_contents",
        Otherwise(|right, registers| {
            let [handle, size, ..] = *registers;
            match right.vmo_set_size(handle as u32, 0) {
                ZX_OK => right.vmo_set_size(handle as u32, size),
                status => status,
            }
        }),
    ),
    in_call(Call::vmo_clone, "ignores_options", Argument(1, |_| 1)),
    in_call(Call::vmo_clone, "aligns_the_offset", Argument(2, round_down)),
    in_call(Call::vmo_clone, "ignores_the_offset", Argument(2, nothing)),
    in_call(Call::vmo_clone, "rounds_the_size_down", Argument(3, round_down)),
    in_call(Call::vmo_clone, "cuts_the_size_to_32_bits", Argument(3, lower_half)),
    in_call(
        Call::vmo_clone,
        "invalid_is_out_of_range",
        Status(ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE),
    ),
    in_call(
        Call::vmo_clone,
        "an_uncached_source_is_invalid",
        Status(ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS),
    ),
    in_call(
        Call::vmo_clone,
        "an_empty_vmo_instead",
        Otherwise(|right, registers| {
            let [_, _, _, size, out, ..] = *registers;
            right.vmo_create(size, 0, out)
        }),
    ),
    in_call(
        Call::vmo_clone,
        "the_same_object_instead",
        Otherwise(|right, registers| {
            let [handle, _, _, _, out, ..] = *registers;
            right.handle_duplicate(handle as u32, ZX_RIGHT_SAME_RIGHTS, out)
        }),
    ),
    in_call(Call::vmo_op_range, "nothing", Nothing),
    in_call(Call::vmo_op_range, "cuts_the_offset_to_32_bits", Argument(2, lower_half)),
    in_call(Call::vmo_op_range, "rounds_the_size_down", Argument(3, round_down)),
    in_call(
        Call::vmo_op_range,
        "commits_whatever_is_asked",
        Argument(1, |_| ZX_VMO_OP_COMMIT.into()),
    ),
    in_call(
        Call::vmo_op_range,
        "locking_is_invalid",
        Status(ZX_ERR_NOT_SUPPORTED, ZX_ERR_INVALID_ARGS),
    ),
    in_call(
        Call::vmo_op_range,
        "out_of_range_is_invalid",
        Status(ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    in_call(Call::vmo_op_range, "rights_do_not_matter", Status(ZX_ERR_ACCESS_DENIED, ZX_OK)),
    in_call(Call::vmo_set_cache_policy, "nothing", Nothing),
    in_call(Call::vmo_set_cache_policy, "looks_at_two_bits", Argument(1, |policy| policy & 3)),
    in_call(Call::vmo_set_cache_policy, "never_in_the_way", Status(ZX_ERR_BAD_STATE, ZX_OK)),
    in_call(
        Call::vmo_set_cache_policy,
        "invalid_is_not_supported",
        Status(ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED),
    ),
    in_call(Call::vmar_map, "aligns_the_position", Argument(3, round_down)),
    in_call(Call::vmar_map, "ignores_the_position", Argument(3, nothing)),
    in_call(Call::vmar_map, "rounds_the_length_down", Argument(4, round_down)),
    in_call(Call::vmar_map, "never_writable", Argument(5, |flags| flags & !2)),
    in_call(Call::vmar_map, "always_readable", Argument(5, |flags| flags | 1)),
    in_call(Call::vmar_map, "ignores_undefined_flags", Argument(5, |flags| flags & 0x7ff)),
    in_call(
        Call::vmar_map,
        "overwrites_when_specific",
        Argument(5, |flags| if flags & 0x10 == 0 { flags } else { flags & !0x10 | 0x20 }),
    ),
    in_call(
        Call::vmar_map,
        "a_missing_right_is_invalid",
        Status(ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS),
    ),
    in_call(
        Call::vmar_map,
        "overlapping_is_invalid",
        Status(ZX_ERR_NO_MEMORY, ZX_ERR_INVALID_ARGS),
    ),
    in_call(Call::vmar_unmap, "nothing", Nothing),
    in_call(Call::vmar_unmap, "just_one_page", Argument(2, |len| len.min(ZX_PAGE_SIZE))),
    in_call(
        Call::vmar_unmap,
        "a_page_too_many",
        Argument(2, |len| len.saturating_add(ZX_PAGE_SIZE)),
    ),
    in_call(
        Call::vmar_unmap,
        "out_of_the_region_is_not_found",
        Status(ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_FOUND),
    ),
    in_call(Call::vmar_protect, "nothing", Nothing),
    in_call(Call::vmar_protect, "just_one_page", Argument(2, |len| len.min(ZX_PAGE_SIZE))),
    in_call(Call::vmar_protect, "always_readable", Argument(3, |flags| flags | 1)),
    in_call(Call::vmar_protect, "a_gap_is_fine", Status(ZX_ERR_NOT_FOUND, ZX_OK)),
    in_call(Call::vmar_allocate, "always_for_reading", Argument(3, |flags| flags | 1 << 7)),
    in_call(
        Call::vmar_allocate,
        "a_missing_right_is_invalid",
        Status(ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS),
    ),
    in_call(Call::vmar_destroy, "nothing", Nothing),
    in_call(Call::vmar_destroy, "twice_is_fine", Status(ZX_ERR_BAD_STATE, ZX_OK)),
    in_call(Call::handle_close, "nothing", Nothing),
    in_call(Call::handle_close, "twice_is_fine", Status(ZX_ERR_BAD_HANDLE, ZX_OK)),
    in_call(Call::handle_close_many, "nothing", Nothing),
    in_call(Call::handle_close_many, "just_one", Argument(1, |count| count.min(1))),
    in_call(Call::handle_close_many, "a_bad_entry_is_fine", Status(ZX_ERR_BAD_HANDLE, ZX_OK)),
    in_call(Call::handle_duplicate, "always_the_same_rights", Argument(1, same_rights)),
    in_call(
        Call::handle_duplicate,
        "more_rights_are_denied",
        Status(ZX_ERR_INVALID_ARGS, ZX_ERR_ACCESS_DENIED),
    ),
    in_call(
        Call::handle_duplicate,
        "a_missing_right_is_invalid",
        Status(ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS),
    ),
    in_call(Call::handle_replace, "always_the_same_rights", Argument(1, same_rights)),
    in_call(
        Call::handle_replace,
        "more_rights_are_denied",
        Status(ZX_ERR_INVALID_ARGS, ZX_ERR_ACCESS_DENIED),
    ),
    in_call(
        Call::handle_replace,
        "keeps_the_old_handle",
        Otherwise(|right, registers| {
            let [handle, rights, out, ..] = *registers;
            right.handle_duplicate(handle as u32, rights as u32, out)
        }),
    ),
    in_call(
        Call::object_get_property,
        "too_small_is_invalid",
        Status(ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS),
    ),
    in_call(
        Call::object_get_property,
        "a_wrong_type_is_not_supported",
        Status(ZX_ERR_WRONG_TYPE, ZX_ERR_NOT_SUPPORTED),
    ),
    in_call(Call::object_set_property, "nothing", Nothing),
    in_call(
        Call::object_set_property,
        "cuts_the_name_a_byte_early",
        Argument(3, |size| size.min(30)),
    ),
    in_call(
        Call::object_get_info,
        "an_undefined_topic_is_invalid",
        Status(ZX_ERR_NOT_SUPPORTED, ZX_ERR_INVALID_ARGS),
    ),
    in_call(Call::object_get_info, "too_small_is_fine", Status(ZX_ERR_BUFFER_TOO_SMALL, ZX_OK)),
    in_call(
        Call::object_wait_one,
        "no_signals_mean_any",
        Argument(1, |signals| if signals == 0 { u64::from(u32::MAX) } else { signals }),
    ),
    in_call(Call::object_wait_one, "a_timeout_is_fine", Status(ZX_ERR_TIMED_OUT, ZX_OK)),
    in_call(
        Call::object_wait_one,
        "overlooks_the_last_user_signal",
        Argument(1, |signals| signals & !(1 << 31)),
    ),
    in_call(
        Call::object_wait_many,
        "too_many_are_invalid",
        Status(ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    in_call(Call::object_signal, "nothing", Nothing),
    in_call(Call::object_signal, "clears_nothing", Argument(1, nothing)),
    in_call(
        Call::object_signal,
        "overlooks_other_bits",
        Argument(2, |set| set & u64::from(ZX_USER_SIGNAL_ALL)),
    ),
];
