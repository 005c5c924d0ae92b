//! For each call a prototype that succeeds, and what its handle has to be: the
//! table that the families of common errors are made from.

use vmo_abi::Capability::{
    self, CachePolicy, Clone, Handles, Info, Mapping, Properties, Range, Regions, Signals, Vmo,
};
use vmo_abi::{
    Syscall, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_INFO_HANDLE_VALID, ZX_PROP_NAME,
    ZX_RIGHT_DUPLICATE, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS,
    ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_SIGNAL, ZX_RIGHT_WAIT, ZX_RIGHT_WRITE, ZX_USER_SIGNAL_0,
    ZX_VM_FLAG_CAN_MAP_EXECUTE, ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC,
    ZX_VM_FLAG_CAN_MAP_WRITE, ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_OP_CACHE_CLEAN,
    ZX_VMO_OP_CACHE_CLEAN_INVALIDATE, ZX_VMO_OP_CACHE_INVALIDATE, ZX_VMO_OP_CACHE_SYNC,
    ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_ZERO_CHILDREN, zx_rights_t,
};

use crate::program::{Address, Data, Handle, Part, Value};
use crate::suite::{Checked, Context, PAGE, READ_ONLY};

/// What kind of object the handle of a prototype names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Vmo,
    Region,
}

/// A call that succeeds, seen from one of its handles.
#[derive(Clone, Copy)]
pub(super) struct Prototype {
    /// The name of the case: the call, with what is particular about it.
    pub(super) name: &'static str,
    pub(super) syscall: Syscall,
    /// The position of the handle.
    pub(super) position: usize,
    /// What it has to name.
    pub(super) object: Object,
    /// Capabilities beyond plain VMOs.
    pub(super) needs: &'static [Capability],
    /// Rights that the handle has to have.
    pub(super) rights: zx_rights_t,
    /// Whether the rights are judged before the type (GEN-01).
    pub(super) rights_first: bool,
    /// The clause for a value that is no handle.
    pub(super) bad_handle: &'static [&'static str],
    /// The clause for a handle to another object.
    pub(super) wrong_type: &'static [&'static str],
    /// The clause for a missing right.
    pub(super) access_denied: &'static [&'static str],
    /// Arguments for an object, used through a handle to it.
    pub(super) arguments: fn(&mut Context<'_>, Handle, Handle) -> Checked<Vec<Value>>,
}

/// Flags of a region that may hold any mapping at any place.
pub(super) const ANY_MAPPING: u32 = ZX_VM_FLAG_CAN_MAP_READ
    | ZX_VM_FLAG_CAN_MAP_WRITE
    | ZX_VM_FLAG_CAN_MAP_EXECUTE
    | ZX_VM_FLAG_CAN_MAP_SPECIFIC;

pub(super) fn number(number: impl Into<u64>) -> Value {
    Value::Number(number.into())
}

pub(super) fn bytes(byte: u8, len: u64) -> Value {
    Value::Data(Data(vec![Part::Fill(byte, len)]))
}

impl Prototype {
    /// Makes an object for the prototype: a VMO of two pages, or a region.
    pub(super) fn object(&self, cx: &mut Context<'_>) -> Checked<Handle> {
        match self.object {
            Object::Vmo => cx.create(2 * PAGE),
            Object::Region => Ok(cx.allocate(16 * PAGE, ANY_MAPPING)?.0),
        }
    }

    /// Capabilities of the prototype and of more that a case does.
    pub(super) fn needs_and(&self, more: &[Capability]) -> Vec<Capability> {
        self.needs.iter().chain(more).copied().collect()
    }
}

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

macro_rules! range_operation {
    ($name:literal, $op:ident, $right:ident, $denied:literal) => {
        Prototype {
            name: $name,
            syscall: Syscall::vmo_op_range,
            position: 0,
            object: Object::Vmo,
            needs: &[Range],
            rights: $right,
            rights_first: false,
            bad_handle: &["VMO-OPRANGE-05"],
            wrong_type: &["VMO-OPRANGE-06", "TYPE-01"],
            access_denied: &[$denied],
            arguments: |_, _, used| Ok(op_range($op, used)),
        }
    };
}

/// Every call that takes a handle.
pub(super) const PROTOTYPES: &[Prototype] = &[
    Prototype {
        name: "vmo_read",
        syscall: Syscall::vmo_read,
        position: 0,
        object: Object::Vmo,
        needs: &[Vmo],
        rights: ZX_RIGHT_READ,
        rights_first: true,
        bad_handle: &["VMO-READ-02"],
        wrong_type: &["VMO-READ-03", "TYPE-01"],
        access_denied: &["VMO-READ-04"],
        arguments: |_, _, used| {
            Ok(vec![used.into(), Value::Scratch, number(8_u64), number(16_u64)])
        },
    },
    Prototype {
        name: "vmo_write",
        syscall: Syscall::vmo_write,
        position: 0,
        object: Object::Vmo,
        needs: &[Vmo],
        rights: ZX_RIGHT_WRITE,
        rights_first: true,
        bad_handle: &["VMO-WRITE-02"],
        wrong_type: &["VMO-WRITE-03", "TYPE-01"],
        access_denied: &["VMO-WRITE-04"],
        arguments: |_, _, used| {
            Ok(vec![used.into(), bytes(0x77, 16), number(8_u64), number(16_u64)])
        },
    },
    Prototype {
        name: "vmo_get_size",
        syscall: Syscall::vmo_get_size,
        position: 0,
        object: Object::Vmo,
        needs: &[Vmo],
        rights: 0,
        rights_first: false,
        bad_handle: &["VMO-GETSIZE-02"],
        wrong_type: &["VMO-GETSIZE-03", "TYPE-01"],
        access_denied: &[],
        arguments: |_, _, used| Ok(vec![used.into(), Value::Scratch]),
    },
    Prototype {
        name: "vmo_set_size",
        syscall: Syscall::vmo_set_size,
        position: 0,
        object: Object::Vmo,
        needs: &[Vmo],
        rights: ZX_RIGHT_WRITE,
        rights_first: true,
        bad_handle: &["VMO-SETSIZE-02"],
        wrong_type: &["VMO-SETSIZE-03", "TYPE-01"],
        access_denied: &["VMO-SETSIZE-04"],
        arguments: |_, _, used| Ok(vec![used.into(), number(PAGE)]),
    },
    Prototype {
        name: "vmo_clone",
        syscall: Syscall::vmo_clone,
        position: 0,
        object: Object::Vmo,
        needs: &[Clone],
        rights: ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ,
        rights_first: true,
        bad_handle: &["VMO-CLONE-03"],
        wrong_type: &["TYPE-03"],
        access_denied: &["VMO-CLONE-04"],
        arguments: |_, _, used| {
            let options = number(ZX_VMO_CLONE_COPY_ON_WRITE);
            Ok(vec![used.into(), options, number(0_u64), number(PAGE), Value::Scratch])
        },
    },
    range_operation!("vmo_op_range_commit", ZX_VMO_OP_COMMIT, ZX_RIGHT_WRITE, "VMO-OPRANGE-11"),
    range_operation!("vmo_op_range_decommit", ZX_VMO_OP_DECOMMIT, ZX_RIGHT_WRITE, "VMO-OPRANGE-25"),
    range_operation!("vmo_op_range_sync", ZX_VMO_OP_CACHE_SYNC, ZX_RIGHT_READ, "VMO-OPRANGE-36"),
    range_operation!("vmo_op_range_clean", ZX_VMO_OP_CACHE_CLEAN, ZX_RIGHT_READ, "VMO-OPRANGE-37"),
    range_operation!(
        "vmo_op_range_clean_invalidate",
        ZX_VMO_OP_CACHE_CLEAN_INVALIDATE,
        ZX_RIGHT_READ,
        "VMO-OPRANGE-38"
    ),
    range_operation!(
        "vmo_op_range_invalidate",
        ZX_VMO_OP_CACHE_INVALIDATE,
        ZX_RIGHT_WRITE,
        "VMO-OPRANGE-39"
    ),
    Prototype {
        name: "vmo_set_cache_policy",
        syscall: Syscall::vmo_set_cache_policy,
        position: 0,
        object: Object::Vmo,
        needs: &[CachePolicy],
        rights: ZX_RIGHT_MAP,
        rights_first: true,
        bad_handle: &["VMO-CACHEPOL-05"],
        wrong_type: &["TYPE-04"],
        access_denied: &["VMO-CACHEPOL-06"],
        arguments: |_, _, used| Ok(vec![used.into(), number(0_u32)]),
    },
    Prototype {
        name: "vmar_map_vmo",
        syscall: Syscall::vmar_map,
        position: 2,
        object: Object::Vmo,
        needs: &[Mapping],
        rights: ZX_RIGHT_MAP | ZX_RIGHT_READ,
        rights_first: false,
        bad_handle: &["VMAR-MAP-02"],
        wrong_type: &["VMAR-MAP-03", "TYPE-05"],
        access_denied: &["VMAR-MAP-05", "VMAR-MAP-07"],
        arguments: |_, _, used| {
            Ok(vec![
                Handle::Region.into(),
                number(0_u64),
                used.into(),
                number(0_u64),
                number(PAGE),
                number(READ_ONLY),
                Value::Scratch,
            ])
        },
    },
    Prototype {
        name: "vmar_map_vmar",
        syscall: Syscall::vmar_map,
        position: 0,
        object: Object::Region,
        needs: &[Mapping, Regions],
        rights: ZX_RIGHT_READ,
        rights_first: false,
        bad_handle: &["VMAR-MAP-02"],
        wrong_type: &["VMAR-MAP-03", "TYPE-05"],
        access_denied: &["VMAR-MAP-07"],
        arguments: |cx, _, used| {
            let vmo = cx.create(PAGE)?;
            Ok(vec![
                used.into(),
                number(0_u64),
                vmo.into(),
                number(0_u64),
                number(PAGE),
                number(READ_ONLY),
                Value::Scratch,
            ])
        },
    },
    Prototype {
        name: "vmar_unmap",
        syscall: Syscall::vmar_unmap,
        position: 0,
        object: Object::Region,
        needs: &[Mapping, Regions],
        rights: 0,
        rights_first: false,
        bad_handle: &["VMAR-UNMAP-11"],
        wrong_type: &["VMAR-UNMAP-11", "TYPE-05"],
        access_denied: &[],
        arguments: |cx, full, used| {
            let vmo = cx.create(PAGE)?;
            let address = cx.vmar_map(full, 0, vmo, 0, PAGE, READ_ONLY)?.ok()?.address();
            Ok(vec![used.into(), Value::Address(address), number(PAGE)])
        },
    },
    Prototype {
        name: "vmar_protect",
        syscall: Syscall::vmar_protect,
        position: 0,
        object: Object::Region,
        needs: &[Mapping, Regions],
        rights: ZX_RIGHT_READ,
        rights_first: true,
        bad_handle: &["VMAR-PROTECT-13"],
        wrong_type: &["VMAR-PROTECT-13"],
        access_denied: &["VMAR-PROTECT-02"],
        arguments: |cx, full, used| {
            let vmo = cx.create(PAGE)?;
            let address = cx.vmar_map(full, 0, vmo, 0, PAGE, READ_ONLY)?.ok()?.address();
            Ok(vec![used.into(), Value::Address(address), number(PAGE), number(READ_ONLY)])
        },
    },
    Prototype {
        name: "vmar_allocate",
        syscall: Syscall::vmar_allocate,
        position: 0,
        object: Object::Region,
        needs: &[Regions],
        rights: ZX_RIGHT_READ,
        rights_first: true,
        bad_handle: &["GEN-03"],
        wrong_type: &["TYPE-06"],
        access_denied: &["VMAR-ALLOC-03"],
        arguments: |_, _, used| {
            Ok(vec![
                used.into(),
                number(0_u64),
                number(PAGE),
                number(ZX_VM_FLAG_CAN_MAP_READ),
                Value::Scratch,
                Value::Scratch,
            ])
        },
    },
    Prototype {
        name: "vmar_destroy",
        syscall: Syscall::vmar_destroy,
        position: 0,
        object: Object::Region,
        needs: &[Regions],
        rights: 0,
        rights_first: false,
        bad_handle: &["VMAR-DESTROY-04"],
        wrong_type: &["VMAR-DESTROY-04", "TYPE-05"],
        access_denied: &[],
        arguments: |_, _, used| Ok(vec![used.into()]),
    },
    Prototype {
        name: "handle_close",
        syscall: Syscall::handle_close,
        position: 0,
        object: Object::Vmo,
        needs: &[Vmo],
        rights: 0,
        rights_first: false,
        bad_handle: &["HANDLE-CLOSE-03"],
        wrong_type: &[],
        access_denied: &[],
        arguments: |_, _, used| Ok(vec![used.into()]),
    },
    Prototype {
        name: "handle_duplicate",
        syscall: Syscall::handle_duplicate,
        position: 0,
        object: Object::Vmo,
        needs: &[Handles],
        rights: ZX_RIGHT_DUPLICATE,
        rights_first: true,
        bad_handle: &["HANDLE-DUP-10"],
        wrong_type: &[],
        access_denied: &["HANDLE-DUP-08"],
        arguments: |_, _, used| Ok(vec![used.into(), number(ZX_RIGHT_SAME_RIGHTS), Value::Scratch]),
    },
    Prototype {
        name: "handle_replace",
        syscall: Syscall::handle_replace,
        position: 0,
        object: Object::Vmo,
        needs: &[Handles],
        rights: 0,
        rights_first: false,
        bad_handle: &["HANDLE-REPLACE-08"],
        wrong_type: &[],
        access_denied: &[],
        arguments: |_, _, used| Ok(vec![used.into(), number(ZX_RIGHT_SAME_RIGHTS), Value::Scratch]),
    },
    Prototype {
        name: "object_get_property",
        syscall: Syscall::object_get_property,
        position: 0,
        object: Object::Vmo,
        needs: &[Properties],
        rights: ZX_RIGHT_GET_PROPERTY,
        rights_first: true,
        bad_handle: &["OBJ-GETPROP-06"],
        wrong_type: &[],
        access_denied: &["OBJ-GETPROP-05"],
        arguments: |_, _, used| {
            Ok(vec![used.into(), number(ZX_PROP_NAME), Value::Scratch, number(32_u64)])
        },
    },
    Prototype {
        name: "object_set_property",
        syscall: Syscall::object_set_property,
        position: 0,
        object: Object::Vmo,
        needs: &[Properties],
        rights: ZX_RIGHT_SET_PROPERTY,
        rights_first: true,
        bad_handle: &["OBJ-SETPROP-03"],
        wrong_type: &[],
        access_denied: &["OBJ-SETPROP-02"],
        arguments: |_, _, used| {
            Ok(vec![used.into(), number(ZX_PROP_NAME), bytes(0x6e, 4), number(4_u64)])
        },
    },
    Prototype {
        name: "object_get_info_valid",
        syscall: Syscall::object_get_info,
        position: 0,
        object: Object::Vmo,
        needs: &[Info],
        rights: 0,
        rights_first: false,
        bad_handle: &["OBJ-INFO-01"],
        wrong_type: &[],
        access_denied: &[],
        arguments: |_, _, used| Ok(info(used, ZX_INFO_HANDLE_VALID, 0)),
    },
    Prototype {
        name: "object_get_info_basic",
        syscall: Syscall::object_get_info,
        position: 0,
        object: Object::Vmo,
        needs: &[Info],
        rights: 0,
        rights_first: false,
        bad_handle: &["OBJ-INFO-15"],
        wrong_type: &[],
        access_denied: &[],
        arguments: |_, _, used| Ok(info(used, ZX_INFO_HANDLE_BASIC, 32)),
    },
    Prototype {
        name: "object_get_info_count",
        syscall: Syscall::object_get_info,
        position: 0,
        object: Object::Vmo,
        needs: &[Info],
        rights: ZX_RIGHT_READ,
        rights_first: true,
        bad_handle: &["OBJ-INFO-15"],
        wrong_type: &[],
        access_denied: &["OBJ-INFO-19"],
        arguments: |_, _, used| Ok(info(used, ZX_INFO_HANDLE_COUNT, 4)),
    },
    Prototype {
        name: "object_wait_one",
        syscall: Syscall::object_wait_one,
        position: 0,
        object: Object::Vmo,
        needs: &[Signals],
        rights: ZX_RIGHT_WAIT,
        rights_first: true,
        bad_handle: &["OBJ-WAIT-12"],
        wrong_type: &[],
        access_denied: &["OBJ-WAIT-12"],
        arguments: |_, _, used| {
            Ok(vec![used.into(), number(ZX_VMO_ZERO_CHILDREN), number(0_u64), Value::Scratch])
        },
    },
    Prototype {
        name: "object_signal",
        syscall: Syscall::object_signal,
        position: 0,
        object: Object::Vmo,
        needs: &[Signals],
        rights: ZX_RIGHT_SIGNAL,
        rights_first: true,
        bad_handle: &["OBJ-SIGNAL-08"],
        wrong_type: &[],
        access_denied: &["OBJ-SIGNAL-06"],
        arguments: |_, _, used| Ok(vec![used.into(), number(0_u32), number(ZX_USER_SIGNAL_0)]),
    },
];

fn info(used: Handle, topic: u32, size: u64) -> Vec<Value> {
    vec![used.into(), number(topic), Value::Scratch, number(size), Value::Scratch, Value::Scratch]
}
