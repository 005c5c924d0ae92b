//! Bad pointers of every kind, for every pointer argument of every call.

mod effects;
mod mapped;

use vmo_abi::Capability::Channels;
use vmo_abi::{ArgumentKind, Syscall, ZX_ERR_INVALID_ARGS, ZX_OK};

use super::prototypes::{Clauses, Prototype, makers, prototypes};
use crate::program::{Address, Value};
use crate::suite::{Checked, Context, Judged, Suite};

/// Addresses that no call may follow.
const ALWAYS_BAD: &[(&str, Address)] = &[
    ("null", Address::Null),
    ("one", Address::Literal(1)),
    ("below_user_space", Address::Literal(0x1000)),
    ("unmapped", Address::Unmapped),
    ("kernel", Address::Kernel),
    ("not_canonical", Address::Literal(1 << 47)),
    ("top", Address::Literal(u64::MAX)),
    ("wrapping", Address::Literal(u64::MAX - 3)),
];

/// The clause about a bad pointer.
fn clauses_of(prototype: &Prototype) -> Clauses {
    match prototype.syscall {
        Syscall::vmo_create => &["VMO-CREATE-09"],
        Syscall::vmo_read => &["VMO-READ-06"],
        Syscall::vmo_write => &["VMO-WRITE-06"],
        Syscall::vmo_get_size => &["VMO-GETSIZE-04"],
        Syscall::vmo_clone => &["VMO-CLONE-15"],
        Syscall::vmo_op_range => &["VMO-OPRANGE-09"],
        Syscall::vmar_map => &["VMAR-MAP-34"],
        Syscall::vmar_allocate => &["VMAR-ALLOC-06"],
        Syscall::handle_close_many => &["HANDLE-CLOSE-13"],
        Syscall::handle_duplicate => &["HANDLE-DUP-11"],
        Syscall::handle_replace => &["HANDLE-REPLACE-06"],
        Syscall::object_get_property => &["OBJ-GETPROP-07"],
        Syscall::object_set_property => &["OBJ-SETPROP-05"],
        Syscall::object_get_info if prototype.name == "object_get_info_valid" => &["OBJ-INFO-02"],
        Syscall::object_get_info => &["OBJ-INFO-13"],
        Syscall::object_wait_one => &["OBJ-WAIT-10"],
        _ => &["GEN-07"],
    }
}

/// A pointer argument of a prototype.
#[derive(Clone, Copy)]
struct Pointer {
    prototype: &'static Prototype,
    position: usize,
    name: &'static str,
    kind: ArgumentKind,
}

impl Pointer {
    /// The pointers of a call.
    fn of(prototype: &'static Prototype) -> impl Iterator<Item = Self> {
        let arguments = prototype.syscall.arguments().iter().enumerate();
        arguments.filter(|(_, argument)| argument.kind.is_pointer()).map(
            move |(position, argument)| Self {
                prototype,
                position,
                name: argument.name,
                kind: argument.kind,
            },
        )
    }

    /// The name of a case.
    fn case(&self, row: &str) -> String {
        format!("{}::{}::{row}", self.prototype.name, self.name)
    }

    /// Whether the call never follows the pointer.
    fn is_ignored(&self) -> bool {
        let is_unused = matches!(self.kind, ArgumentKind::BytesUnused(_));
        is_unused || self.prototype.name == "object_get_info_valid"
    }

    /// Whether how much is stored depends on what else there is.
    fn is_of_varying_size(&self) -> bool {
        self.prototype.name == "object_get_info_process_vmos"
    }

    /// Whether NULL says that the result is not wanted.
    fn may_be_null(&self) -> bool {
        matches!(self.kind, ArgumentKind::CountOut | ArgumentKind::SignalsOut)
    }

    /// Whether the call finds what it has to do behind the pointer.
    fn is_list(&self) -> bool {
        matches!(self.kind, ArgumentKind::HandlesIn(_) | ArgumentKind::WaitItems(_))
    }

    fn is_input(&self) -> bool {
        matches!(self.kind, ArgumentKind::BytesIn(_) | ArgumentKind::HandlesIn(_))
    }

    /// Bytes that the call of the prototype reads or stores there.
    fn size(&self) -> u64 {
        match self.prototype.syscall {
            Syscall::vmo_read | Syscall::vmo_write => 16,
            Syscall::handle_close_many => 3 * 4,
            Syscall::object_wait_many => 2 * 12,
            Syscall::object_get_property => 32,
            Syscall::object_set_property => 4,
            _ => match (self.kind.pointee_size(), self.prototype.name) {
                (Some(size), _) => size,
                (None, "object_get_info_basic") => 32,
                (None, "object_get_info_process_vmos") => 104,
                (None, _) => 4,
            },
        }
    }

    /// Makes the call with an address for the pointer, and judges it.
    fn try_address(
        &self,
        cx: &mut Context<'_>,
        address: Address,
        is_good: bool,
    ) -> Checked<Judged> {
        let Prototype { syscall, object, arguments, .. } = *self.prototype;
        let object = object.make(cx)?;
        let mut arguments = arguments(cx, object, object)?;
        arguments[self.position] = Value::Address(address);
        let answer = cx.call(syscall, arguments)?;
        if is_good || self.is_ignored() || address == Address::Null && self.may_be_null() {
            return answer.ok();
        }
        if syscall == Syscall::handle_close_many {
            let (judged, _) = cx.either("C-29", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
            // Whatever it says, it could not know what to close.
            cx.vmo_get_size(object)?.ok()?;
            return Ok(judged);
        }
        answer.is(ZX_ERR_INVALID_ARGS)
    }
}

/// Every pointer of every call.
fn pointers() -> impl Iterator<Item = Pointer> {
    // The contract says nothing about the pointers of channels.
    let calls = prototypes().filter(|prototype| !prototype.needs.contains(&Channels));
    // Arrays are the same whichever entry the prototype is about.
    let calls = calls.filter(|prototype| prototype.entry == 0);
    calls.chain(makers()).flat_map(Pointer::of)
}

pub(super) fn add(suite: &mut Suite) {
    for pointer in pointers() {
        add_bad(suite, pointer);
        if !pointer.is_ignored() {
            add_straddling(suite, pointer);
        }
    }
    mapped::add(suite);
    effects::add(suite);
}

fn add_bad(suite: &mut Suite, pointer: Pointer) {
    let needs = pointer.prototype.needs_and(&[]);
    for &(name, address) in ALWAYS_BAD {
        let is_null_create =
            pointer.prototype.syscall == Syscall::vmo_create && address == Address::Null;
        let clauses =
            if is_null_create { &["VMO-CREATE-08"] } else { clauses_of(pointer.prototype) };
        suite.test(pointer.case(name), clauses, &needs, move |cx| {
            pointer.try_address(cx, address, false).map(drop)
        });
    }
    // What a list of zeros asks for is another matter.
    if !pointer.is_list() {
        let is_good = pointer.is_input();
        let clauses = clauses_of(pointer.prototype);
        suite.test(pointer.case("readonly"), clauses, &needs, move |cx| {
            pointer.try_address(cx, Address::ReadOnly, is_good).map(drop)
        });
    }
}

/// Memory that ends within what is read or stored, just behind it, and later.
fn add_straddling(suite: &mut Suite, pointer: Pointer) {
    let size = pointer.size();
    let needs = pointer.prototype.needs_and(&[]);
    let mut bytes = vec![1, 2, 3, 4, 5, 6, 7, size / 2, size - 1];
    bytes.retain(|bytes| *bytes < size);
    bytes.sort_unstable();
    bytes.dedup();
    for bytes in bytes {
        suite.test(
            pointer.case(&format!("straddling_by_{bytes}")),
            clauses_of(pointer.prototype),
            &needs,
            move |cx| pointer.try_address(cx, Address::Straddle(bytes), false).map(drop),
        );
    }
    if pointer.is_list() || pointer.is_of_varying_size() {
        return;
    }
    suite.test(pointer.case("just_fitting"), clauses_of(pointer.prototype), &needs, move |cx| {
        pointer.try_address(cx, Address::Straddle(size), true).map(drop)
    });
    for more in [1, 2, 3] {
        suite.test(pointer.case(&format!("unaligned_{more}")), &["GEN-08"], &needs, move |cx| {
            pointer.try_address(cx, Address::Straddle(size + more), true).map(drop)
        });
    }
}
