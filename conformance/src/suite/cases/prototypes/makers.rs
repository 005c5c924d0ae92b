//! Prototypes of the calls that make an object and take no handle.

use vmo_abi::Capability::OtherObjects;
use vmo_abi::Syscall;

use super::{Object, PLAIN, Prototype, number};
use crate::program::Value;
use crate::suite::PAGE;

const MAKER: Prototype = Prototype { object: Object::None, needs: &[OtherObjects], ..PLAIN };

pub(super) static PROTOTYPES: &[Prototype] = &[
    Prototype {
        name: "vmo_create",
        syscall: Syscall::vmo_create,
        needs: &[],
        arguments: |_, _, _| Ok(vec![number(PAGE), number(0_u32), Value::Scratch]),
        ..MAKER
    },
    Prototype {
        name: "event_create",
        syscall: Syscall::event_create,
        arguments: |_, _, _| Ok(vec![number(0_u32), Value::Scratch]),
        ..MAKER
    },
    Prototype {
        name: "port_create",
        syscall: Syscall::port_create,
        arguments: |_, _, _| Ok(vec![number(0_u32), Value::Scratch]),
        ..MAKER
    },
    Prototype {
        name: "channel_create",
        syscall: Syscall::channel_create,
        arguments: |_, _, _| Ok(vec![number(0_u32), Value::Scratch, Value::Scratch]),
        ..MAKER
    },
];
