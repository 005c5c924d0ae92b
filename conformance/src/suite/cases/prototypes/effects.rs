//! What can be seen of what a call does, with as few other calls as possible:
//! for telling whether a refused call did it all the same.

use vmo_abi::Capability::{self, CachePolicy, Info, Mapping, Properties, Signals};
use vmo_abi::{ZX_CACHE_POLICY_CACHED, ZX_INFO_HANDLE_COUNT, ZX_OK, ZX_PROP_NAME};

use crate::program::{Handle, StepResult, Value};
use crate::suite::{Answer, Checked, Context, Deadline, PAGE, READ_ONLY};

/// What can be seen of what a call does.
pub(in super::super) struct Effect {
    /// Whether the call changes what is seen.
    pub(in super::super) shows: bool,
    /// What looking needs.
    pub(in super::super) needs: &'static [Capability],
    /// What is seen of an object and the arguments of the call.
    pub(super) look: fn(&mut Context<'_>, Handle, &[Value]) -> Checked<Vec<u8>>,
}

/// Everything that an answer says, as bytes to compare.
fn seen(answer: &Answer) -> Vec<u8> {
    let mut seen = match answer.result() {
        StepResult::Status(status) => status.to_le_bytes().to_vec(),
        StepResult::Fault => b"fault".to_vec(),
    };
    if answer.status() == Some(ZX_OK) {
        seen.extend_from_slice(answer.bytes());
    }
    for word in answer.words.iter().flatten() {
        seen.extend_from_slice(&word.to_le_bytes());
    }
    seen
}

fn handle_of(value: &Value) -> Handle {
    match value {
        Value::Handle(handle) => *handle,
        _ => Handle::Invalid,
    }
}

/// Nothing is to be seen: the call only stores results.
pub(super) const NONE: Effect = Effect { shows: false, needs: &[], look: |_, _, _| Ok(Vec::new()) };

/// The first bytes of the VMO.
pub(super) const CONTENTS: Effect = Effect {
    shows: true,
    needs: &[],
    look: |cx, object, _| Ok(seen(&cx.vmo_read(object, 0, 32)?)),
};

/// The first bytes of the VMO, which the call does not change.
pub(super) const SAME_CONTENTS: Effect = Effect { shows: false, ..CONTENTS };

/// Whether the VMO can be read, which its cache policy decides.
pub(super) const READABLE: Effect =
    Effect { shows: true, needs: &[], look: |cx, object, _| Ok(seen(&cx.vmo_read(object, 0, 0)?)) };

/// The size of the VMO; an error if the handle was closed.
pub(super) const SIZE: Effect =
    Effect { shows: true, needs: &[], look: |cx, object, _| Ok(seen(&cx.vmo_get_size(object)?)) };

/// Whether the VMO has pages or mappings, which are in the way of a cache
/// policy.
pub(super) const IN_USE: Effect = Effect {
    shows: true,
    needs: &[CachePolicy],
    look: |cx, object, _| Ok(seen(&cx.vmo_set_cache_policy(object, ZX_CACHE_POLICY_CACHED)?)),
};

/// The same of the VMO that is to be mapped in the region.
pub(super) const MAPPED_IN_USE: Effect = Effect {
    shows: true,
    needs: &[CachePolicy],
    look: |cx, _, arguments| {
        let vmo = handle_of(&arguments[2]);
        Ok(seen(&cx.vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_CACHED)?))
    },
};

/// The signals of the object.
pub(super) const SIGNALS: Effect = Effect {
    shows: true,
    needs: &[Signals],
    look: |cx, object, _| Ok(seen(&cx.object_wait_one(object, 0, Deadline::At(0))?)),
};

/// How many handles the object has.
pub(super) const COUNT: Effect = Effect {
    shows: true,
    needs: &[Info],
    look: |cx, object, _| Ok(seen(&cx.object_get_info(object, ZX_INFO_HANDLE_COUNT, 4)?)),
};

/// The name of the object.
pub(super) const NAME: Effect = Effect {
    shows: true,
    needs: &[Properties],
    look: |cx, object, _| Ok(seen(&cx.object_get_property(object, ZX_PROP_NAME, 32)?)),
};

/// Whether the mapping at the address can be loaded from.
pub(super) const LOADABLE: Effect = Effect {
    shows: true,
    needs: &[Mapping],
    look: |cx, _, arguments| match &arguments[1] {
        Value::Address(address) => Ok(seen(&cx.load(*address, 1)?)),
        _ => Ok(Vec::new()),
    },
};

/// Whether the mapping at the address can be stored to.
pub(super) const STORABLE: Effect = Effect {
    shows: true,
    needs: &[Mapping],
    look: |cx, _, arguments| match &arguments[1] {
        Value::Address(address) => Ok(seen(&cx.store(*address, b"s")?)),
        _ => Ok(Vec::new()),
    },
};

/// Whether there is room for a mapping in the region.
pub(super) const ROOM: Effect = Effect {
    shows: true,
    needs: &[Mapping],
    look: |cx, region, _| {
        let vmo = cx.create(PAGE)?;
        let answer = cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY)?;
        let status = answer.status();
        if status == Some(ZX_OK) {
            cx.vmar_unmap(region, answer.address(), PAGE)?.ok()?;
        }
        cx.close(vmo)?;
        Ok(format!("{status:?}").into_bytes())
    },
};
