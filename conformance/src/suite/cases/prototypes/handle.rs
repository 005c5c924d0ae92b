//! Prototypes of the calls on handles and on channels.

use vmo_abi::Capability::{Channels, Handles, OtherObjects};
use vmo_abi::{Syscall, ZX_RIGHT_DUPLICATE, ZX_RIGHT_SAME_RIGHTS, ZX_USER_SIGNAL_0};

use super::{Object, PLAIN, Prototype, bad_handle, effects, number};
use crate::program::{Address, Handle, Value};
use crate::suite::{Checked, Context};

/// Arguments of `handle_close_many` with the handle among three.
fn three(cx: &mut Context<'_>, used: Handle, entry: usize) -> Checked<Vec<Value>> {
    let mut handles = vec![cx.create(0)?, cx.create(0)?];
    handles.insert(entry, used);
    Ok(vec![Value::Handles(handles), number(3_u64)])
}

const CLOSE_MANY: Prototype = Prototype {
    syscall: Syscall::handle_close_many,
    needs: &[Handles],
    bad_handle: bad_handle!("HANDLE-CLOSE-10"),
    enough: &["HANDLE-CLOSE-04"],
    effect: &effects::SIZE,
    ..PLAIN
};

pub(super) static PROTOTYPES: &[Prototype] = &[
    Prototype {
        name: "handle_close",
        syscall: Syscall::handle_close,
        bad_handle: bad_handle!("HANDLE-CLOSE-03"),
        enough: &["HANDLE-CLOSE-04"],
        effect: &effects::SIZE,
        ..PLAIN
    },
    Prototype {
        name: "handle_close_many_first",
        entry: 0,
        arguments: |cx, _, used| three(cx, used, 0),
        ..CLOSE_MANY
    },
    Prototype {
        name: "handle_close_many_middle",
        entry: 1,
        arguments: |cx, _, used| three(cx, used, 1),
        ..CLOSE_MANY
    },
    Prototype {
        name: "handle_close_many_last",
        entry: 2,
        arguments: |cx, _, used| three(cx, used, 2),
        ..CLOSE_MANY
    },
    Prototype {
        name: "handle_duplicate",
        syscall: Syscall::handle_duplicate,
        needs: &[Handles],
        rights: ZX_RIGHT_DUPLICATE,
        rights_first: true,
        bad_handle: bad_handle!("HANDLE-DUP-10"),
        denied: &[(ZX_RIGHT_DUPLICATE, &["HANDLE-DUP-08"])],
        enough: &["VMO-CREATE-30"],
        effect: &effects::COUNT,
        arguments: |_, _, used| Ok(vec![used.into(), number(ZX_RIGHT_SAME_RIGHTS), Value::Scratch]),
        ..PLAIN
    },
    Prototype {
        name: "handle_replace",
        syscall: Syscall::handle_replace,
        needs: &[Handles],
        bad_handle: bad_handle!("HANDLE-REPLACE-08"),
        enough: &["HANDLE-REPLACE-05"],
        effect: &effects::SIZE,
        arguments: |_, _, used| Ok(vec![used.into(), number(ZX_RIGHT_SAME_RIGHTS), Value::Scratch]),
        ..PLAIN
    },
    Prototype {
        name: "object_signal_peer",
        syscall: Syscall::object_signal_peer,
        object: Object::Channel,
        needs: &[OtherObjects],
        bad_handle: bad_handle!("OBJ-SIGNAL-08"),
        arguments: |_, _, used| Ok(vec![used.into(), number(0_u32), number(ZX_USER_SIGNAL_0)]),
        ..PLAIN
    },
    Prototype {
        name: "channel_write",
        syscall: Syscall::channel_write,
        object: Object::Channel,
        needs: &[Channels],
        arguments: |_, _, used| {
            Ok(vec![
                used.into(),
                number(0_u32),
                Value::Address(Address::Null),
                number(0_u32),
                Value::Handles(Vec::new()),
                number(0_u32),
            ])
        },
        ..PLAIN
    },
    Prototype {
        name: "channel_read",
        syscall: Syscall::channel_read,
        object: Object::Message,
        needs: &[Channels],
        arguments: |_, _, used| {
            Ok(vec![
                used.into(),
                number(0_u32),
                Value::Address(Address::Null),
                Value::Scratch,
                number(0_u32),
                number(1_u32),
                Value::Scratch,
                Value::Scratch,
            ])
        },
        ..PLAIN
    },
];
