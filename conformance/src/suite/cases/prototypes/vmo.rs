//! Prototypes of the calls on VMOs.

use vmo_abi::Capability::{CachePolicy, Clone, Range};
use vmo_abi::{
    Syscall, ZX_CACHE_POLICY_UNCACHED, ZX_RIGHT_DUPLICATE, ZX_RIGHT_MAP, ZX_RIGHT_READ,
    ZX_RIGHT_WRITE, ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_OP_CACHE_CLEAN,
    ZX_VMO_OP_CACHE_CLEAN_INVALIDATE, ZX_VMO_OP_CACHE_INVALIDATE, ZX_VMO_OP_CACHE_SYNC,
    ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
};

use super::{PLAIN, Prototype, bad_handle, bytes, effects, number};
use crate::program::{Address, Handle, Value};
use crate::suite::{Checked, Context, PAGE};

fn op_range(op: u32, used: Handle) -> Vec<Value> {
    vec![
        used.into(),
        number(op),
        number(0_u64),
        number(PAGE),
        Value::Address(Address::Null),
        number(0_u64),
    ]
}

/// Fills both pages of the VMO, so that it shows when a byte is lost.
fn fill(cx: &mut Context<'_>, vmo: Handle) -> Checked {
    cx.write(vmo, 0, &[0x51; PAGE as usize])?;
    cx.write(vmo, PAGE, &[0x52; PAGE as usize])
}

/// What the operations on ranges have in common.
const RANGE: Prototype = Prototype {
    syscall: Syscall::vmo_op_range,
    needs: &[Range],
    bad_handle: bad_handle!("VMO-OPRANGE-05"),
    wrong_type: &["VMO-OPRANGE-06", "TYPE-01"],
    ..PLAIN
};

pub(super) static PROTOTYPES: &[Prototype] = &[
    Prototype {
        name: "vmo_read",
        syscall: Syscall::vmo_read,
        rights: ZX_RIGHT_READ,
        rights_first: true,
        bad_handle: bad_handle!("VMO-READ-02"),
        wrong_type: &["VMO-READ-03", "TYPE-01"],
        denied: &[(ZX_RIGHT_READ, &["VMO-READ-04"])],
        enough: &["VMO-READ-05"],
        arguments: |cx, full, used| {
            fill(cx, full)?;
            Ok(vec![used.into(), Value::Scratch, number(8_u64), number(16_u64)])
        },
        ..PLAIN
    },
    Prototype {
        name: "vmo_write",
        syscall: Syscall::vmo_write,
        rights: ZX_RIGHT_WRITE,
        rights_first: true,
        bad_handle: bad_handle!("VMO-WRITE-02"),
        wrong_type: &["VMO-WRITE-03", "TYPE-01"],
        denied: &[(ZX_RIGHT_WRITE, &["VMO-WRITE-04"])],
        enough: &["VMO-WRITE-05"],
        effect: &effects::CONTENTS,
        arguments: |cx, full, used| {
            fill(cx, full)?;
            Ok(vec![used.into(), bytes(0x77, 16), number(8_u64), number(16_u64)])
        },
        ..PLAIN
    },
    Prototype {
        name: "vmo_get_size",
        syscall: Syscall::vmo_get_size,
        bad_handle: bad_handle!("VMO-GETSIZE-02"),
        wrong_type: &["VMO-GETSIZE-03", "TYPE-01"],
        enough: &["VMO-GETSIZE-05"],
        arguments: |_, _, used| Ok(vec![used.into(), Value::Scratch]),
        ..PLAIN
    },
    Prototype {
        name: "vmo_set_size",
        syscall: Syscall::vmo_set_size,
        rights: ZX_RIGHT_WRITE,
        rights_first: true,
        bad_handle: bad_handle!("VMO-SETSIZE-02"),
        wrong_type: &["VMO-SETSIZE-03", "TYPE-01"],
        denied: &[(ZX_RIGHT_WRITE, &["VMO-SETSIZE-04"])],
        enough: &["VMO-SETSIZE-05"],
        effect: &effects::SIZE,
        arguments: |cx, full, used| {
            fill(cx, full)?;
            Ok(vec![used.into(), number(PAGE)])
        },
        ..PLAIN
    },
    Prototype {
        name: "vmo_clone",
        syscall: Syscall::vmo_clone,
        needs: &[Clone],
        rights: ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ,
        rights_first: true,
        bad_handle: bad_handle!("VMO-CLONE-03"),
        wrong_type: &["TYPE-03"],
        denied: &[(ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ, &["VMO-CLONE-04", "VMO-CLONE-05"])],
        enough: &["VMO-CLONE-05"],
        effect: &effects::SIGNALS,
        arguments: |cx, full, used| {
            fill(cx, full)?;
            let options = number(ZX_VMO_CLONE_COPY_ON_WRITE);
            Ok(vec![used.into(), options, number(0_u64), number(PAGE), Value::Scratch])
        },
        ..PLAIN
    },
    Prototype {
        name: "vmo_op_range_commit",
        rights: ZX_RIGHT_WRITE,
        denied: &[(ZX_RIGHT_WRITE, &["VMO-OPRANGE-11"])],
        enough: &["VMO-OPRANGE-12"],
        effect: &effects::IN_USE,
        arguments: |_, _, used| Ok(op_range(ZX_VMO_OP_COMMIT, used)),
        ..RANGE
    },
    Prototype {
        name: "vmo_op_range_decommit",
        rights: ZX_RIGHT_WRITE,
        denied: &[(ZX_RIGHT_WRITE, &["VMO-OPRANGE-25"])],
        enough: &["VMO-OPRANGE-25"],
        effect: &effects::CONTENTS,
        arguments: |cx, full, used| {
            fill(cx, full)?;
            Ok(op_range(ZX_VMO_OP_DECOMMIT, used))
        },
        ..RANGE
    },
    Prototype {
        name: "vmo_op_range_sync",
        rights: ZX_RIGHT_READ,
        denied: &[(ZX_RIGHT_READ, &["VMO-OPRANGE-36"])],
        enough: &["VMO-OPRANGE-36"],
        effect: &effects::SAME_CONTENTS,
        arguments: |cx, full, used| {
            fill(cx, full)?;
            Ok(op_range(ZX_VMO_OP_CACHE_SYNC, used))
        },
        ..RANGE
    },
    Prototype {
        name: "vmo_op_range_clean",
        rights: ZX_RIGHT_READ,
        denied: &[(ZX_RIGHT_READ, &["VMO-OPRANGE-37"])],
        enough: &["VMO-OPRANGE-37"],
        effect: &effects::SAME_CONTENTS,
        arguments: |cx, full, used| {
            fill(cx, full)?;
            Ok(op_range(ZX_VMO_OP_CACHE_CLEAN, used))
        },
        ..RANGE
    },
    Prototype {
        name: "vmo_op_range_clean_invalidate",
        rights: ZX_RIGHT_READ,
        denied: &[(ZX_RIGHT_READ, &["VMO-OPRANGE-38"])],
        enough: &["VMO-OPRANGE-38"],
        effect: &effects::SAME_CONTENTS,
        arguments: |cx, full, used| {
            fill(cx, full)?;
            Ok(op_range(ZX_VMO_OP_CACHE_CLEAN_INVALIDATE, used))
        },
        ..RANGE
    },
    Prototype {
        name: "vmo_op_range_invalidate",
        rights: ZX_RIGHT_WRITE,
        denied: &[(ZX_RIGHT_WRITE, &["VMO-OPRANGE-39"])],
        enough: &["VMO-OPRANGE-39"],
        // What a success leaves of the bytes is open (VMO-OPRANGE-46).
        effect: &effects::SAME_CONTENTS,
        arguments: |_, _, used| Ok(op_range(ZX_VMO_OP_CACHE_INVALIDATE, used)),
        ..RANGE
    },
    Prototype {
        name: "vmo_set_cache_policy",
        syscall: Syscall::vmo_set_cache_policy,
        needs: &[CachePolicy],
        rights: ZX_RIGHT_MAP,
        rights_first: true,
        bad_handle: bad_handle!("VMO-CACHEPOL-05"),
        wrong_type: &["TYPE-04"],
        denied: &[(ZX_RIGHT_MAP, &["VMO-CACHEPOL-06"])],
        enough: &["VMO-CACHEPOL-07"],
        effect: &effects::READABLE,
        arguments: |_, _, used| Ok(vec![used.into(), number(ZX_CACHE_POLICY_UNCACHED)]),
        ..PLAIN
    },
];
