//! For each call the ladder of its checks, in the order of the recorded kernel:
//! the table from which single and double errors are made.

use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_BUFFER_TOO_SMALL,
    ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_ERR_WRONG_TYPE,
    ZX_RIGHT_DUPLICATE, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_SET_PROPERTY,
    ZX_RIGHT_SIGNAL, ZX_RIGHT_WAIT, ZX_RIGHT_WRITE, ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_PERM_READ,
    ZX_VM_FLAG_PERM_WRITE, zx_rights_t, zx_status_t,
};

use super::prototypes::{Object, PROTOTYPES, Prototype, number};
use crate::program::{Address, Handle, Value};
use crate::suite::{Checked, Context, PAGE, plus};

/// Something wrong with a call.
#[derive(Clone, Copy)]
pub(super) enum Flaw {
    BadHandle,
    WrongType,
    Denied(zx_rights_t),
    /// The VMO's cache policy is not CACHED.
    Uncached,
    /// A page of the VMO is committed.
    Committed,
    /// The region was destroyed.
    Destroyed,
    Argument(fn(&mut Vec<Value>)),
}

impl Flaw {
    fn is_of_handle(self) -> bool {
        matches!(self, Self::BadHandle | Self::WrongType | Self::Denied(_))
    }

    /// Whether both flaws can be had at once.
    pub(super) fn goes_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::Denied(_), Self::WrongType) | (Self::WrongType, Self::Denied(_)) => true,
            _ => !(self.is_of_handle() && other.is_of_handle()),
        }
    }
}

/// One check of a call.
pub(super) struct Rung {
    pub(super) name: &'static str,
    pub(super) status: zx_status_t,
    pub(super) flaw: Flaw,
    /// The clauses that say so.
    pub(super) clauses: &'static [&'static str],
}

/// The checks of a call in the order of the recorded kernel.
pub(super) struct Ladder {
    /// The name of the prototype.
    pub(super) prototype: &'static str,
    pub(super) rungs: &'static [Rung],
}

impl Ladder {
    pub(super) fn prototype(&self) -> &'static Prototype {
        let mut prototypes = PROTOTYPES.iter();
        prototypes.find(|known| known.name == self.prototype).expect("a ladder is of a prototype")
    }
}

/// A call with flaws, ready to be made.
pub(super) struct Flawed {
    pub(super) syscall: Syscall,
    pub(super) arguments: Vec<Value>,
    /// The good handle to the object.
    pub(super) object: Handle,
}

/// Prepares a prototype's call with flaws.
pub(super) fn flawed(
    cx: &mut Context<'_>,
    prototype: &Prototype,
    flaws: &[Flaw],
) -> Checked<Flawed> {
    let object = prototype.object(cx)?;
    let mut used = object;
    let is_wrong = flaws.iter().any(|flaw| matches!(flaw, Flaw::WrongType));
    if is_wrong {
        used = match prototype.object {
            Object::Vmo => Handle::Process,
            Object::Region => cx.create(PAGE)?,
        };
    }
    for flaw in flaws {
        match flaw {
            Flaw::Denied(_) if is_wrong => used = cx.duplicate(used, 0)?,
            Flaw::Denied(rights) => used = cx.duplicate_without(used, *rights)?,
            Flaw::Committed => cx.write(object, 0, b"committed")?,
            Flaw::Uncached => cx.vmo_set_cache_policy(object, 1)?.ok().map(drop)?,
            _ => {}
        }
    }
    let mut arguments = (prototype.arguments)(cx, object, used)?;
    for flaw in flaws {
        match flaw {
            Flaw::BadHandle => arguments[prototype.position] = Value::Handle(Handle::Never),
            Flaw::Argument(spoil) => spoil(&mut arguments),
            Flaw::Destroyed => cx.vmar_destroy(object)?.ok().map(drop)?,
            _ => {}
        }
    }
    Ok(Flawed { syscall: prototype.syscall, arguments, object })
}

fn add(value: &mut Value, bits: u64) {
    if let Value::Number(number) = value {
        *number |= bits;
    }
}

fn remove(value: &mut Value, bits: u64) {
    if let Value::Number(number) = value {
        *number &= !bits;
    }
}

fn shift(value: &mut Value, bytes: u64) {
    if let Value::Address(address) = value {
        *address = plus(*address, bytes);
    }
}

const fn rung(
    name: &'static str,
    status: zx_status_t,
    flaw: Flaw,
    clauses: &'static [&'static str],
) -> Rung {
    Rung { name, status, flaw, clauses }
}

const TOP_PAGE: u64 = 0xffff_ffff_ffff_f000;
const FAR: u64 = 1 << 40;

macro_rules! ladder {
    ($prototype:literal: $($name:ident $status:ident $flaw:expr, [$($clause:literal),+];)*) => {
        Ladder {
            prototype: $prototype,
            rungs: &[$(rung(stringify!($name), $status, $flaw, &[$($clause),+])),*],
        }
    };
}

use Flaw::{Argument, BadHandle, Committed, Denied, Destroyed, Uncached, WrongType};

/// The ladders.
pub(super) const LADDERS: &[Ladder] = &[
    ladder! { "vmo_read":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMO-READ-02"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_READ), ["VMO-READ-04"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMO-READ-03"];
        buffer ZX_ERR_INVALID_ARGS Argument(|values| values[1] = Value::Address(Address::Null)),
            ["VMO-READ-06"];
        uncached ZX_ERR_BAD_STATE Uncached, ["VMO-READ-16"];
        range ZX_ERR_OUT_OF_RANGE Argument(|values| values[2] = number(FAR)), ["VMO-READ-08"];
    },
    ladder! { "vmo_write":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMO-WRITE-02"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_WRITE), ["VMO-WRITE-04"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMO-WRITE-03"];
        buffer ZX_ERR_INVALID_ARGS Argument(|values| values[1] = Value::Address(Address::Null)),
            ["VMO-WRITE-06"];
        uncached ZX_ERR_BAD_STATE Uncached, ["VMO-WRITE-18"];
        range ZX_ERR_OUT_OF_RANGE Argument(|values| values[2] = number(FAR)), ["VMO-WRITE-08"];
    },
    ladder! { "vmo_get_size":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMO-GETSIZE-02"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMO-GETSIZE-03"];
        pointer ZX_ERR_INVALID_ARGS Argument(|values| values[1] = Value::Address(Address::Null)),
            ["VMO-GETSIZE-04"];
    },
    ladder! { "vmo_set_size":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMO-SETSIZE-02"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_WRITE), ["VMO-SETSIZE-04"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMO-SETSIZE-03"];
        size ZX_ERR_OUT_OF_RANGE Argument(|values| values[1] = number(u64::MAX)),
            ["VMO-SETSIZE-06"];
    },
    ladder! { "vmo_clone":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMO-CLONE-03"];
        denied_read ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_READ), ["VMO-CLONE-05"];
        denied_duplicate ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_DUPLICATE), ["VMO-CLONE-05"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["TYPE-03"];
        options ZX_ERR_INVALID_ARGS Argument(|values| values[1] = number(2_u32)),
            ["VMO-CLONE-07"];
        size ZX_ERR_OUT_OF_RANGE Argument(|values| values[3] = number(u64::MAX)),
            ["VMO-CLONE-13"];
        uncached ZX_ERR_BAD_STATE Uncached, ["VMO-CLONE-17"];
        alignment ZX_ERR_INVALID_ARGS Argument(|values| add(&mut values[2], 1)),
            ["VMO-CLONE-09"];
        sum ZX_ERR_OUT_OF_RANGE Argument(|values| add(&mut values[2], TOP_PAGE)),
            ["VMO-CLONE-12"];
        out ZX_ERR_INVALID_ARGS Argument(|values| values[4] = Value::Address(Address::Null)),
            ["VMO-CLONE-15"];
    },
    ladder! { "vmo_op_range_commit":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMO-OPRANGE-05"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMO-OPRANGE-06"];
        operation ZX_ERR_INVALID_ARGS Argument(|values| values[1] = number(99_u32)),
            ["VMO-OPRANGE-01"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_WRITE), ["VMO-OPRANGE-11"];
        range ZX_ERR_OUT_OF_RANGE Argument(|values| values[2] = number(FAR)),
            ["VMO-OPRANGE-16"];
    },
    ladder! { "vmo_op_range_decommit":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMO-OPRANGE-05"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMO-OPRANGE-06"];
        lock ZX_ERR_NOT_SUPPORTED Argument(|values| values[1] = number(3_u32)),
            ["VMO-OPRANGE-03"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_WRITE), ["VMO-OPRANGE-25"];
        range ZX_ERR_OUT_OF_RANGE Argument(|values| values[2] = number(FAR)),
            ["VMO-OPRANGE-30"];
    },
    ladder! { "vmo_op_range_sync":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMO-OPRANGE-05"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMO-OPRANGE-06"];
        operation ZX_ERR_INVALID_ARGS Argument(|values| values[1] = number(0_u32)),
            ["VMO-OPRANGE-01"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_READ), ["VMO-OPRANGE-36"];
        size_0 ZX_ERR_INVALID_ARGS Argument(|values| values[3] = number(0_u64)),
            ["VMO-OPRANGE-40"];
        range ZX_ERR_OUT_OF_RANGE Argument(|values| values[2] = number(FAR)),
            ["VMO-OPRANGE-42"];
    },
    ladder! { "vmo_op_range_invalidate":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMO-OPRANGE-05"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_WRITE), ["VMO-OPRANGE-39"];
        size_0 ZX_ERR_INVALID_ARGS Argument(|values| values[3] = number(0_u64)),
            ["VMO-OPRANGE-40"];
        range ZX_ERR_OUT_OF_RANGE Argument(|values| values[2] = number(TOP_PAGE)),
            ["VMO-OPRANGE-42"];
    },
    ladder! { "vmo_set_cache_policy":
        policy ZX_ERR_INVALID_ARGS Argument(|values| values[1] = number(4_u32)),
            ["VMO-CACHEPOL-02"];
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMO-CACHEPOL-05"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_MAP), ["VMO-CACHEPOL-06"];
        committed ZX_ERR_BAD_STATE Committed, ["VMO-CACHEPOL-08"];
    },
    ladder! { "vmar_map_vmo":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMAR-MAP-02"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMAR-MAP-03"];
        no_map_right ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_MAP), ["VMAR-MAP-05"];
        write_only ZX_ERR_INVALID_ARGS Argument(|values| {
            add(&mut values[5], ZX_VM_FLAG_PERM_WRITE.into());
            remove(&mut values[5], ZX_VM_FLAG_PERM_READ.into());
        }), ["VMAR-MAP-10"];
        can_map_flag ZX_ERR_INVALID_ARGS Argument(|values| {
            add(&mut values[5], ZX_VM_FLAG_CAN_MAP_READ.into());
        }), ["VMAR-MAP-13"];
        no_read_right ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_READ | ZX_RIGHT_WRITE),
            ["VMAR-MAP-07"];
        undefined_flag ZX_ERR_INVALID_ARGS Argument(|values| add(&mut values[5], 1 << 20)),
            ["VMAR-MAP-12"];
        vmo_offset ZX_ERR_INVALID_ARGS Argument(|values| add(&mut values[3], 1)),
            ["VMAR-MAP-17"];
        len_0 ZX_ERR_INVALID_ARGS Argument(|values| values[4] = number(0_u64)),
            ["VMAR-MAP-14"];
        vmar_offset ZX_ERR_INVALID_ARGS Argument(|values| values[1] = number(PAGE)),
            ["VMAR-MAP-20"];
        out ZX_ERR_INVALID_ARGS Argument(|values| values[6] = Value::Address(Address::Null)),
            ["VMAR-MAP-34"];
    },
    ladder! { "vmar_map_vmar":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMAR-MAP-02"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMAR-MAP-03"];
        write_only ZX_ERR_INVALID_ARGS Argument(|values| {
            add(&mut values[5], ZX_VM_FLAG_PERM_WRITE.into());
            remove(&mut values[5], ZX_VM_FLAG_PERM_READ.into());
        }), ["VMAR-MAP-10"];
        no_read_right ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_READ | ZX_RIGHT_WRITE),
            ["VMAR-MAP-07"];
        undefined_flag ZX_ERR_INVALID_ARGS Argument(|values| add(&mut values[5], 1 << 20)),
            ["VMAR-MAP-12"];
        vmo_offset ZX_ERR_INVALID_ARGS Argument(|values| add(&mut values[3], 1)),
            ["VMAR-MAP-17"];
        destroyed ZX_ERR_BAD_STATE Destroyed, ["VMAR-MAP-37"];
        len_0 ZX_ERR_INVALID_ARGS Argument(|values| values[4] = number(0_u64)),
            ["VMAR-MAP-14"];
        out ZX_ERR_INVALID_ARGS Argument(|values| values[6] = Value::Address(Address::Null)),
            ["VMAR-MAP-34"];
    },
    ladder! { "vmar_unmap":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMAR-UNMAP-11"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMAR-UNMAP-11"];
        alignment ZX_ERR_INVALID_ARGS Argument(|values| shift(&mut values[1], 1)),
            ["VMAR-UNMAP-06"];
        len_0 ZX_ERR_INVALID_ARGS Argument(|values| values[2] = number(0_u64)),
            ["VMAR-UNMAP-07"];
        destroyed ZX_ERR_BAD_STATE Destroyed, ["VMAR-UNMAP-12"];
        outside ZX_ERR_INVALID_ARGS Argument(|values| shift(&mut values[1], FAR)),
            ["VMAR-UNMAP-09"];
    },
    ladder! { "vmar_protect":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMAR-PROTECT-13"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_READ | ZX_RIGHT_WRITE),
            ["VMAR-PROTECT-02"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMAR-PROTECT-13"];
        write_only ZX_ERR_INVALID_ARGS Argument(|values| {
            add(&mut values[3], ZX_VM_FLAG_PERM_WRITE.into());
            remove(&mut values[3], ZX_VM_FLAG_PERM_READ.into());
        }), ["VMAR-PROTECT-06"];
        alignment ZX_ERR_INVALID_ARGS Argument(|values| shift(&mut values[1], 1)),
            ["VMAR-PROTECT-09"];
        other_flag ZX_ERR_INVALID_ARGS Argument(|values| add(&mut values[3], 0x10)),
            ["VMAR-PROTECT-08"];
        len_0 ZX_ERR_INVALID_ARGS Argument(|values| values[2] = number(0_u64)),
            ["VMAR-PROTECT-09"];
        destroyed ZX_ERR_BAD_STATE Destroyed, ["VMAR-PROTECT-14"];
    },
    ladder! { "vmar_allocate":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["GEN-03"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_READ), ["VMAR-ALLOC-03"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["TYPE-06"];
        flags ZX_ERR_INVALID_ARGS Argument(|values| add(&mut values[3], 1)),
            ["VMAR-ALLOC-09"];
        size ZX_ERR_INVALID_ARGS Argument(|values| add(&mut values[2], 1)), ["VMAR-ALLOC-05"];
        destroyed ZX_ERR_BAD_STATE Destroyed, ["VMAR-DESTROY-02"];
        offset ZX_ERR_INVALID_ARGS Argument(|values| values[1] = number(PAGE)),
            ["VMAR-ALLOC-05"];
    },
    ladder! { "vmar_destroy":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["VMAR-DESTROY-04"];
        wrong_type ZX_ERR_WRONG_TYPE WrongType, ["VMAR-DESTROY-04"];
        destroyed ZX_ERR_BAD_STATE Destroyed, ["VMAR-DESTROY-03"];
    },
    ladder! { "handle_duplicate":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["HANDLE-DUP-10"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_DUPLICATE), ["HANDLE-DUP-08"];
        rights ZX_ERR_INVALID_ARGS Argument(|values| values[1] = number(0x200_u32)),
            ["HANDLE-DUP-05"];
        out ZX_ERR_INVALID_ARGS Argument(|values| values[2] = Value::Address(Address::Null)),
            ["HANDLE-DUP-11"];
    },
    ladder! { "object_get_property":
        value_null ZX_ERR_INVALID_ARGS
            Argument(|values| values[2] = Value::Address(Address::Null)), ["OBJ-GETPROP-07"];
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["OBJ-GETPROP-06"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_GET_PROPERTY), ["OBJ-GETPROP-05"];
        too_small ZX_ERR_BUFFER_TOO_SMALL Argument(|values| values[3] = number(31_u64)),
            ["OBJ-GETPROP-03"];
        value ZX_ERR_INVALID_ARGS Argument(|values| {
            if values[2] != Value::Address(Address::Null) {
                values[2] = Value::Address(Address::Unmapped);
            }
        }), ["OBJ-GETPROP-07"];
    },
    ladder! { "object_set_property":
        value_null ZX_ERR_INVALID_ARGS
            Argument(|values| values[2] = Value::Address(Address::Null)), ["OBJ-SETPROP-04"];
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["OBJ-SETPROP-03"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_SET_PROPERTY), ["OBJ-SETPROP-02"];
        value ZX_ERR_INVALID_ARGS Argument(|values| {
            if values[2] != Value::Address(Address::Null) {
                values[2] = Value::Address(Address::Unmapped);
            }
        }), ["OBJ-SETPROP-05"];
    },
    ladder! { "object_get_info_count":
        topic ZX_ERR_NOT_SUPPORTED Argument(|values| values[1] = number(0x63_u32)),
            ["OBJ-INFO-16"];
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["OBJ-INFO-15"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_READ), ["OBJ-INFO-19"];
        too_small ZX_ERR_BUFFER_TOO_SMALL Argument(|values| values[3] = number(3_u64)),
            ["OBJ-INFO-10"];
    },
    ladder! { "object_get_info_basic":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["OBJ-INFO-15"];
        buffer ZX_ERR_INVALID_ARGS Argument(|values| values[2] = Value::Address(Address::Null)),
            ["OBJ-INFO-13"];
    },
    ladder! { "object_wait_one":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["OBJ-WAIT-12"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_WAIT), ["OBJ-WAIT-12"];
        observed ZX_ERR_INVALID_ARGS
            Argument(|values| values[3] = Value::Address(Address::Unmapped)), ["OBJ-WAIT-10"];
    },
    ladder! { "object_signal":
        bad_handle ZX_ERR_BAD_HANDLE BadHandle, ["OBJ-SIGNAL-08"];
        denied ZX_ERR_ACCESS_DENIED Denied(ZX_RIGHT_SIGNAL), ["OBJ-SIGNAL-06"];
        masks ZX_ERR_INVALID_ARGS Argument(|values| values[2] = number(8_u32)),
            ["OBJ-SIGNAL-03"];
    },
];
