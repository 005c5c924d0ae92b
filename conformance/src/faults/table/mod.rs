//! The faults, by class.

use vmo_abi::ZX_PAGE_SIZE;

use super::hook::{Fault, Registers};

/// Bytes in a page.
const PAGE: u64 = ZX_PAGE_SIZE;
/// The size of the largest VMO.
const LARGEST: u64 = u64::MAX - (PAGE - 1);

macro_rules! tables {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        const TABLES: &[&[Fault]] = &[$($module::FAULTS),*];
    };
}

tables! {
    rounding, overflow, rights, more_rights, options, error_code, precedence,
    state_after_failure, copy_on_write, zero_fill, signals, handles, mapping, regions, resize,
    commit, cache_policy, leaks, properties, infos, waits,
}

const COUNT: usize = {
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        count += TABLES[table].len();
        table += 1;
    }
    count
};

static ALL: [Fault; COUNT] = {
    let mut all = [TABLES[0][0]; COUNT];
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            all[count] = TABLES[table][row];
            count += 1;
            row += 1;
        }
        table += 1;
    }
    all
};

/// Every fault, by class.
pub static FAULTS: &[Fault] = &ALL;

/// The fault called `name`.
#[must_use]
pub fn fault_named(name: &str) -> Option<&'static Fault> {
    FAULTS.iter().find(|fault| fault.name == name)
}

/// Cuts off what is no whole page.
const fn round_down(bytes: u64) -> u64 {
    bytes / PAGE * PAGE
}

/// What is left of a register in a variable of 32 bits.
const fn lower_half(register: u64) -> u64 {
    register & 0xffff_ffff
}

/// The same arguments, one of them replaced.
const fn replaced(registers: &Registers, position: usize, value: u64) -> Registers {
    let mut registers = *registers;
    registers[position] = value;
    registers
}

/// Whether an argument of 32 bits has a value.
const fn is(register: u64, value: u32) -> bool {
    register as u32 == value
}
