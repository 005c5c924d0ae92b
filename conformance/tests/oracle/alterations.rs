//! Outcomes that were right, each made wrong in one place.

use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NO_MEMORY, ZX_ERR_NOT_FOUND, ZX_ERR_OUT_OF_RANGE, ZX_ERR_WRONG_TYPE,
    ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_OK,
};

use super::captured::{Captured, CapturedCall};

/// A pseudo-random number generator that is the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound.max(1)
    }
}

/// The alterations of one event that make sense, each with its kind.
pub fn alterations(event: &Captured, random: &mut Random) -> Vec<(&'static str, Captured)> {
    match event {
        Captured::Call(call) => alter_call(call, random),
        Captured::Load { address, len, bytes } => alter_load(*address, *len, bytes, random),
        Captured::Store { address, bytes, faulted } => vec![(
            "a store that faults, or does not",
            Captured::Store { address: *address, bytes: bytes.clone(), faulted: !faulted },
        )],
        _ => Vec::new(),
    }
}

fn alter_load(
    address: u64,
    len: u64,
    bytes: &Option<Vec<u8>>,
    random: &mut Random,
) -> Vec<(&'static str, Captured)> {
    let flipped = if bytes.is_some() { None } else { Some(vec![0; len as usize]) };
    let mut altered =
        vec![("a load that faults, or does not", Captured::Load { address, len, bytes: flipped })];
    if let Some(bytes) = bytes
        && !bytes.is_empty()
    {
        let bytes = Some(with_byte_changed(bytes, bytes.len(), random));
        altered.push(("a byte loaded", Captured::Load { address, len, bytes }));
    }
    altered
}

fn with_byte_changed(bytes: &[u8], len: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = random.below(len as u64) as usize;
    bytes[at] ^= 1 << random.below(8);
    bytes
}

fn alter_call(call: &CapturedCall, random: &mut Random) -> Vec<(&'static str, Captured)> {
    let mut altered = Vec::new();
    let mut add = |kind, change: &mut dyn FnMut(&mut CapturedCall)| {
        let mut call = call.clone();
        change(&mut call);
        altered.push((kind, Captured::Call(Box::new(call))));
    };
    let succeeded = call.status == ZX_OK;
    let errors = [
        ZX_ERR_INVALID_ARGS,
        ZX_ERR_BAD_HANDLE,
        ZX_ERR_ACCESS_DENIED,
        ZX_ERR_OUT_OF_RANGE,
        ZX_ERR_BAD_STATE,
        ZX_ERR_WRONG_TYPE,
        ZX_ERR_NOT_FOUND,
    ];
    let kind = if succeeded { "an error instead of success" } else { "another error" };
    let other = errors[random.below(errors.len() as u64) as usize];
    if other != call.status {
        add(kind, &mut |call| call.status = other);
    }
    if call.status != ZX_ERR_NO_MEMORY {
        let kind = if succeeded { "NO_MEMORY instead of success" } else { "NO_MEMORY" };
        add(kind, &mut |call| call.status = ZX_ERR_NO_MEMORY);
    }
    if succeeded {
        add("a positive status", &mut |call| call.status = 1);
    } else {
        add("success instead of an error", &mut |call| call.status = ZX_OK);
        if call.untouched && keeps_places(call) {
            add("something stored by a failed call", &mut |call| call.untouched = false);
        }
    }
    if succeeded {
        alter_results(call, random, &mut add);
    }
    if call.syscall == Syscall::object_wait_one && call.words[3].is_some() {
        let bit = [3, 24, 27, 31, 0, 23][random.below(6) as usize];
        add("a signal", &mut |call| {
            call.words[3] = call.words[3].map(|word| word ^ (1 << bit));
        });
    }
    altered
}

/// Whether a call that failed has good places that it leaves alone.
fn keeps_places(call: &CapturedCall) -> bool {
    match call.syscall {
        Syscall::vmo_create
        | Syscall::vmo_clone
        | Syscall::vmo_get_size
        | Syscall::vmar_map
        | Syscall::handle_duplicate
        | Syscall::handle_replace
        | Syscall::object_get_property => true,
        Syscall::object_get_info | Syscall::vmar_allocate => call.status != ZX_ERR_INVALID_ARGS,
        _ => false,
    }
}

type Add<'a> = dyn FnMut(&'static str, &mut dyn FnMut(&mut CapturedCall)) + 'a;

fn alter_results(call: &CapturedCall, random: &mut Random, add: &mut Add<'_>) {
    let word = |call: &mut CapturedCall, index: usize, change: &dyn Fn(u64) -> u64| {
        call.words[index] = call.words[index].map(change);
    };
    // Nobody knows what was in another place before.
    let is_fresh = |index: usize| call.fresh_words & (1 << index) != 0;
    match call.syscall {
        Syscall::vmo_get_size => {
            add("a size by a page", &mut |call| word(call, 1, &|size| size.wrapping_add(0x1000)));
            if is_fresh(1) {
                add("a size not stored", &mut |call| call.words[1] = None);
            }
        }
        Syscall::vmo_read => {
            if let Some(bytes) = call.bytes.as_ref().filter(|bytes| !bytes.is_empty()) {
                let changed = with_byte_changed(bytes, bytes.len(), random);
                add("a byte read", &mut |call| call.bytes = Some(changed.clone()));
            }
            if call.bytes.is_some() {
                add("bytes behind the buffer", &mut |call| call.overran = true);
            }
        }
        Syscall::object_get_property => {
            if let Some(bytes) = &call.bytes {
                let changed = with_byte_changed(bytes, bytes.len().min(32), random);
                add("a byte of a name", &mut |call| call.bytes = Some(changed.clone()));
            }
        }
        Syscall::vmar_map => {
            add("an address by a page", &mut |call| {
                word(call, 6, &|address| address.wrapping_add(0x1000));
            });
            add("an address by a byte", &mut |call| word(call, 6, &|address| address + 1));
        }
        Syscall::vmar_allocate => {
            add("an address by a page", &mut |call| {
                word(call, 5, &|address| address.wrapping_add(0x1000));
            });
        }
        Syscall::object_get_info => alter_info(call, random, add),
        _ => {}
    }
    let out = match call.syscall {
        Syscall::vmo_create | Syscall::handle_duplicate | Syscall::handle_replace => Some(2),
        Syscall::vmo_clone | Syscall::vmar_allocate => Some(4),
        Syscall::event_create | Syscall::port_create | Syscall::channel_create => Some(1),
        _ => None,
    };
    if let Some(out) = out {
        add("a handle of 0", &mut |call| call.words[out] = Some(0));
        add("an even handle", &mut |call| word(call, out, &|value| value & !1));
        if is_fresh(out) {
            add("no handle", &mut |call| call.words[out] = None);
        }
    }
    if matches!(call.syscall, Syscall::handle_duplicate | Syscall::handle_replace) {
        add("a handle that is open", &mut |call| call.words[2] = Some(call.registers[0]));
    }
}

fn alter_info(call: &CapturedCall, random: &mut Random, add: &mut Add<'_>) {
    let mut alter = |kind, at: usize, mask: u8| {
        add(kind, &mut |call| {
            if let Some(byte) = call.bytes.as_mut().and_then(|bytes| bytes.get_mut(at)) {
                *byte ^= mask;
            }
        });
    };
    if call.bytes.is_none() {
        return;
    }
    match call.registers[1] as u32 {
        ZX_INFO_HANDLE_BASIC => {
            let bit = random.below(18) as usize;
            alter("a right", 8 + bit / 8, 1 << (bit % 8));
            alter("a koid", 0, 1 << random.below(8));
            alter("a type", 12, 1 << random.below(5));
            alter("a related koid", 16, 1);
            alter("props", 24, 1);
        }
        ZX_INFO_HANDLE_COUNT => alter("a count of handles", 0, 1 << random.below(3)),
        _ => return,
    }
    let argument = 4 + random.below(2) as usize;
    if call.words[argument].is_some() && call.registers[argument] != 0 {
        add("a count of records", &mut |call| {
            call.words[argument] = call.words[argument].map(|count| count + 1);
        });
    }
}
