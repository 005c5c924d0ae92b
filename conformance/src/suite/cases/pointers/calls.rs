//! For each pointer argument a call that uses it, and what it leaves there.

use vmo_abi::Capability::{
    self, Clone, Handles, Info, Mapping, OtherObjects, Properties, Regions, Signals,
};
use vmo_abi::{
    Record, ZX_ERR_INVALID_ARGS, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_OBJ_TYPE_VMO,
    ZX_OK, ZX_PROP_NAME, ZX_RIGHT_SAME_RIGHTS, ZX_VM_FLAG_CAN_MAP_READ, ZX_VMO_ZERO_CHILDREN,
    zx_info_handle_basic_t, zx_status_t, zx_vaddr_t, zx_wait_item_t,
};

use super::{peek, poke};
use crate::program::{Address, Handle};
use crate::suite::{Answer, Checked, Context, Deadline, Judged, PAGE, READ_ONLY};

/// A call with a pointer.
pub(super) struct Use {
    /// The call and the argument.
    pub(super) name: &'static str,
    pub(super) needs: &'static [Capability],
    /// Bytes that the call reads or writes there.
    pub(super) len: u64,
    /// Whether it reads them and writes none.
    pub(super) reads: bool,
    /// What it answers when they cannot be accessed.
    pub(super) refusal: zx_status_t,
    /// Puts there what is read, if that is possible, and does the call;
    /// answers with an object that the check needs as well.
    pub(super) call: fn(&mut Context<'_>, zx_vaddr_t) -> Checked<(Answer, Handle)>,
    /// Judges what the call did.
    pub(super) check: fn(&mut Context<'_>, &Judged, Handle, zx_vaddr_t) -> Checked,
}

impl Use {
    /// Numbers of bytes that can be there and are not enough.
    pub(super) fn partly_good(&self) -> impl Iterator<Item = u64> + use<> {
        let len = self.len;
        (1..len).filter(move |good| len <= 12 || matches!(good, 1 | 4 | 8) || *good == len - 1)
    }
}

/// Puts bytes where a call reads them, unless nothing can be put there: then
/// the call cannot read them, either.
fn offer(cx: &mut Context<'_>, place: zx_vaddr_t, bytes: &[u8]) {
    if poke(cx, place, bytes).is_err() {
        // What fits is put there one by one.
        for (offset, byte) in bytes.iter().enumerate() {
            drop(poke(cx, place + offset as u64, &[*byte]));
        }
    }
}

fn expect_at(cx: &mut Context<'_>, place: zx_vaddr_t, expected: &[u8]) -> Checked {
    let seen = peek(cx, place, expected.len())?;
    cx.expect(seen == expected, format!("{expected:x?}"), format!("{seen:x?}"))
}

/// A call that stores a handle to a VMO of three pages.
macro_rules! makes_vmo {
    ($name:literal, $needs:expr, $call:expr) => {
        Use {
            name: $name,
            needs: $needs,
            len: 4,
            reads: false,
            refusal: ZX_ERR_INVALID_ARGS,
            call: |cx, place| {
                let vmo = cx.create(3 * PAGE)?;
                cx.with("out", Address::Literal(place));
                let call: fn(&mut Context<'_>, Handle) -> Checked<Answer> = $call;
                Ok((call(cx, vmo)?, vmo))
            },
            check: |cx, answer, _, place| {
                let made = answer.handle(0);
                cx.expect_size(made, 3 * PAGE)?;
                let value = cx.handle_value(made).to_le_bytes();
                expect_at(cx, place, &value)
            },
        }
    };
}

/// A call that stores a handle to another object.
macro_rules! makes_object {
    ($name:literal, $argument:literal, $nth:literal, $call:expr) => {
        Use {
            name: $name,
            needs: &[OtherObjects],
            len: 4,
            reads: false,
            refusal: ZX_ERR_INVALID_ARGS,
            call: |cx, place| {
                cx.with($argument, Address::Literal(place));
                let call: fn(&mut Context<'_>) -> Checked<Answer> = $call;
                Ok((call(cx)?, Handle::Invalid))
            },
            check: |cx, answer, _, place| {
                let made = answer.handle($nth);
                let value = cx.handle_value(made).to_le_bytes();
                expect_at(cx, place, &value)?;
                cx.close(made)
            },
        }
    };
}

/// A count that `object_get_info` stores.
macro_rules! stores_count {
    ($name:literal, $argument:literal) => {
        Use {
            name: $name,
            needs: &[Info],
            len: 8,
            reads: false,
            refusal: ZX_ERR_INVALID_ARGS,
            call: |cx, place| {
                let vmo = cx.create(PAGE)?;
                cx.with($argument, Address::Literal(place));
                Ok((cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32)?, vmo))
            },
            check: |cx, _, _, place| expect_at(cx, place, &1_u64.to_le_bytes()),
        }
    };
}

pub(super) const CALLS: &[Use] = &[
    makes_vmo!("vmo_create_out", &[], |cx, _| cx.vmo_create(3 * PAGE, 0)),
    makes_vmo!("vmo_clone_out", &[Clone], |cx, vmo| cx.vmo_clone(vmo, 1, 0, 3 * PAGE)),
    makes_vmo!("handle_duplicate_out", &[Handles], |cx, vmo| {
        cx.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)
    }),
    makes_vmo!("handle_replace_out", &[Handles], |cx, vmo| {
        cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)
    }),
    makes_object!("event_create_out", "out", 0, |cx| cx.event_create(0)),
    makes_object!("port_create_out", "out", 0, |cx| cx.port_create(0)),
    makes_object!("channel_create_out0", "out0", 0, |cx| cx.channel_create(0)),
    makes_object!("channel_create_out1", "out1", 1, |cx| cx.channel_create(0)),
    Use {
        name: "vmo_read_buffer",
        needs: &[],
        len: 9,
        reads: false,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            let vmo = cx.create(PAGE)?;
            cx.write(vmo, 5, b"unaligned")?;
            cx.with("buffer", Address::Literal(place));
            Ok((cx.vmo_read(vmo, 5, 9)?, vmo))
        },
        check: |cx, _, _, place| expect_at(cx, place, b"unaligned"),
    },
    Use {
        name: "vmo_write_buffer",
        needs: &[],
        len: 9,
        reads: true,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            let vmo = cx.create(PAGE)?;
            cx.write(vmo, 0, b"\x01")?;
            offer(cx, place, b"unaligned");
            cx.with("buffer", Address::Literal(place));
            Ok((cx.vmo_write_from_buffer(vmo, 5, 9)?, vmo))
        },
        check: |cx, _, vmo, _| cx.expect_bytes(vmo, 0, b"\x01\0\0\0\0unaligned\0"),
    },
    Use {
        name: "vmo_get_size_size",
        needs: &[],
        len: 8,
        reads: false,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            let vmo = cx.create(0x0203_4000)?;
            // As large as can be, so that as many bytes as can be are not 0.
            let answer = cx.vmo_set_size(vmo, 0x0102_0304_0506_7000)?;
            cx.ok_or_no_memory(answer)?;
            cx.with("size", Address::Literal(place));
            Ok((cx.vmo_get_size(vmo)?, vmo))
        },
        check: |cx, _, vmo, place| {
            let size = cx.size(vmo)?;
            expect_at(cx, place, &size.to_le_bytes())
        },
    },
    Use {
        name: "handle_close_many_handles",
        needs: &[Handles],
        len: 8,
        reads: true,
        // An array that cannot be read is no error (HANDLE-CLOSE-13).
        refusal: ZX_OK,
        call: |cx, place| {
            let (first, second) = (cx.create(PAGE)?, cx.create(PAGE)?);
            let values = [first, second].map(|handle| cx.handle_value(handle).to_le_bytes());
            offer(cx, place, &values.concat());
            cx.with("handles", Address::Literal(place));
            Ok((cx.handle_close_many(&[first, second])?, second))
        },
        check: |cx, _, second, _| cx.vmo_get_size(second)?.is(vmo_abi::ZX_ERR_BAD_HANDLE).map(drop),
    },
    Use {
        name: "object_get_property_value",
        needs: &[Properties],
        len: 32,
        reads: false,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            let vmo = cx.create(PAGE)?;
            cx.set_name(vmo, b"abcdefghijklmnopqrstuvwxyz01234")?;
            cx.with("value", Address::Literal(place));
            Ok((cx.object_get_property(vmo, ZX_PROP_NAME, 32)?, vmo))
        },
        check: |cx, _, _, place| expect_at(cx, place, b"abcdefghijklmnopqrstuvwxyz01234\0"),
    },
    Use {
        name: "object_set_property_value",
        needs: &[Properties],
        len: 11,
        reads: true,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            let vmo = cx.create(PAGE)?;
            offer(cx, place, b"eleven long");
            cx.with("value", Address::Literal(place));
            Ok((cx.object_set_property(vmo, ZX_PROP_NAME, &[1; 11])?, vmo))
        },
        check: |cx, _, vmo, _| cx.expect_name(vmo, b"eleven long"),
    },
    Use {
        name: "object_get_info_buffer",
        needs: &[Info],
        len: 32,
        reads: false,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            let vmo = cx.create(PAGE)?;
            cx.with("buffer", Address::Literal(place));
            Ok((cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32)?, vmo))
        },
        check: |cx, _, vmo, place| {
            let bytes = peek(cx, place, 32)?;
            let info = bytes.first_chunk().map(zx_info_handle_basic_t::from_bytes);
            let info = info.unwrap_or_default();
            let seen = (info.koid, info.type_, info.related_koid, info.props);
            let expected = (cx.koid(vmo)?, ZX_OBJ_TYPE_VMO, 0, 1);
            cx.expect(seen == expected, format!("{expected:x?}"), format!("{seen:x?}"))
        },
    },
    Use {
        name: "object_get_info_count",
        needs: &[Info],
        len: 4,
        reads: false,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            let vmo = cx.create(PAGE)?;
            cx.with("buffer", Address::Literal(place));
            Ok((cx.object_get_info(vmo, ZX_INFO_HANDLE_COUNT, 4)?, vmo))
        },
        check: |cx, _, _, place| expect_at(cx, place, &1_u32.to_le_bytes()),
    },
    stores_count!("object_get_info_actual", "actual"),
    stores_count!("object_get_info_avail", "avail"),
    Use {
        name: "object_wait_one_observed",
        needs: &[Signals],
        len: 4,
        reads: false,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            let vmo = cx.create(PAGE)?;
            cx.object_signal(vmo, 0, 0x5a00_0000)?.ok()?;
            cx.with("observed", Address::Literal(place));
            Ok((cx.object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, Deadline::At(0))?, vmo))
        },
        check: |cx, _, _, place| expect_at(cx, place, &0x5a00_0008_u32.to_le_bytes()),
    },
    Use {
        name: "object_wait_many_items",
        needs: &[Signals],
        len: 12,
        reads: false,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            let vmo = cx.create(PAGE)?;
            let handle = cx.handle_value(vmo);
            let item = zx_wait_item_t { handle, waitfor: ZX_VMO_ZERO_CHILDREN, pending: 0 };
            offer(cx, place, &item.to_bytes());
            cx.with("items", Address::Literal(place));
            let answer = cx.object_wait_many(&[(vmo, ZX_VMO_ZERO_CHILDREN)], Deadline::At(0))?;
            Ok((answer, vmo))
        },
        check: |cx, _, vmo, place| {
            let (waitfor, pending) = (ZX_VMO_ZERO_CHILDREN, ZX_VMO_ZERO_CHILDREN);
            let item = zx_wait_item_t { handle: cx.handle_value(vmo), waitfor, pending };
            expect_at(cx, place, &item.to_bytes())
        },
    },
    Use {
        name: "vmar_map_mapped_addr",
        needs: &[Mapping],
        len: 8,
        reads: false,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            let vmo = cx.create_filled(PAGE, 0x41)?;
            cx.with("mapped_addr", Address::Literal(place));
            Ok((cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, READ_ONLY)?, vmo))
        },
        check: |cx, answer, _, place| {
            cx.expect_load(answer.address(), b"A")?;
            let address = cx.address_of(answer.address())?;
            expect_at(cx, place, &address.to_le_bytes())
        },
    },
    Use {
        name: "vmar_allocate_child_vmar",
        needs: &[Regions],
        len: 4,
        reads: false,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            cx.with("child_vmar", Address::Literal(place));
            Ok((
                cx.vmar_allocate(Handle::Region, 0, PAGE, ZX_VM_FLAG_CAN_MAP_READ)?,
                Handle::Invalid,
            ))
        },
        check: |cx, answer, _, place| {
            let region = answer.handle(0);
            let value = cx.handle_value(region).to_le_bytes();
            expect_at(cx, place, &value)?;
            cx.vmar_destroy(region)?.ok().map(drop)
        },
    },
    Use {
        name: "vmar_allocate_child_addr",
        needs: &[Regions],
        len: 8,
        reads: false,
        refusal: ZX_ERR_INVALID_ARGS,
        call: |cx, place| {
            cx.with("child_addr", Address::Literal(place));
            Ok((
                cx.vmar_allocate(Handle::Region, 0, PAGE, ZX_VM_FLAG_CAN_MAP_READ)?,
                Handle::Invalid,
            ))
        },
        check: |cx, answer, _, place| {
            let address = cx.address_of(answer.address())?;
            expect_at(cx, place, &address.to_le_bytes())
        },
    },
];
