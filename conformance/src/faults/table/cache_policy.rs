//! The cache policy, and what is in its way.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_CACHE_POLICY_CACHED, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_OUT_OF_RANGE, ZX_OK,
    zx_info_vmo_t,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, argument, calls, fault, nothing};
use super::super::machine::Machine;
use super::lower_half;

const CLASS: Class = Class::Commit;

const CACHED: u64 = ZX_CACHE_POLICY_CACHED as u64;
/// The bit of a clone in the flags of `ZX_INFO_PROCESS_VMOS`.
const IS_CLONE: u32 = vmo_abi::ZX_INFO_VMO_IS_COW_CLONE;

/// A policy that is taken although something is in its way: if that is all
/// there is. It then shows in reads and writes.
fn taken_despite(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    other: fn(&zx_info_vmo_t) -> bool,
) -> i32 {
    let [vmo, policy, ..] = *registers;
    let status = machine.right(call, registers);
    let Some(koid) = machine.koid(vmo) else { return status };
    if call != Call::vmo_set_cache_policy {
        let policy = machine.notes().numbers.get(&koid).copied();
        return match (policy, status) {
            (Some(1..), ZX_OK | ZX_ERR_OUT_OF_RANGE) => ZX_ERR_BAD_STATE,
            _ => status,
        };
    }
    match (status, machine.vmo_info(vmo)) {
        (ZX_OK, _) => {
            machine.notes().numbers.remove(&koid);
            ZX_OK
        }
        (ZX_ERR_BAD_STATE, Some(info)) if !other(&info) => {
            machine.notes().numbers.insert(koid, lower_half(policy));
            ZX_OK
        }
        _ => status,
    }
}

macro_rules! taken_despite {
    ($other:expr) => {
        calls(
            &[Call::vmo_set_cache_policy, Call::vmo_read, Call::vmo_write],
            |machine, call, registers| taken_despite(machine, call, registers, $other),
        )
    };
}

/// A call done while the policy is CACHED, which it is not for the while.
fn ignoring_the_policy(machine: &Machine, call: Call, registers: &Registers) -> i32 {
    let status = machine.right(call, registers);
    if status != ZX_ERR_BAD_STATE {
        return status;
    }
    let vmo = machine.sibling(registers[0], vmo_abi::ZX_RIGHT_MAP).unwrap_or(registers[0]);
    let set = |policy: u64| {
        machine.right(Call::vmo_set_cache_policy, &[vmo, policy, 0, 0, 0, 0, 0, 0])
    };
    if set(CACHED) != ZX_OK {
        return status;
    }
    let status = machine.right(call, registers);
    // Which one it was does not show but in this.
    set(1);
    status
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "set_cache_policy_does_nothing",
        "vmo_set_cache_policy succeeds whatever it is asked for.",
        &["VMO-CACHEPOL-02", "VMO-CACHEPOL-18", "VMO-CACHEPOL-08"],
        nothing(&[Call::vmo_set_cache_policy]),
    ),
    fault(
        CLASS,
        "set_cache_policy_is_forgotten",
        "vmo_set_cache_policy judges everything and leaves the policy.",
        &["VMO-CACHEPOL-18", "VMO-READ-16", "VMO-WRITE-18"],
        argument(Call::vmo_set_cache_policy, 1, |policy| if policy < 4 { 0 } else { policy }),
    ),
    fault(
        CLASS,
        "set_cache_policy_ignores_committed_pages",
        "vmo_set_cache_policy accepts a policy although pages are committed.",
        &["VMO-CACHEPOL-08", "VMO-OPRANGE-24"],
        taken_despite!(|info| {
            info.num_mappings != 0 || info.num_children != 0 || info.flags & IS_CLONE != 0
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_ignores_mappings",
        "vmo_set_cache_policy accepts a policy although the VMO is mapped.",
        &["VMO-CACHEPOL-09"],
        taken_despite!(|info| {
            info.committed_bytes != 0 || info.num_children != 0 || info.flags & IS_CLONE != 0
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_ignores_clones",
        "vmo_set_cache_policy accepts a policy although the VMO has clones.",
        &["VMO-CACHEPOL-10"],
        taken_despite!(|info| {
            info.committed_bytes != 0 || info.num_mappings != 0 || info.flags & IS_CLONE != 0
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_takes_clones",
        "vmo_set_cache_policy accepts a policy for a clone.",
        &["VMO-CACHEPOL-11", "VMO-CACHEPOL-12"],
        taken_despite!(|info| {
            info.committed_bytes != 0 || info.num_mappings != 0 || info.num_children != 0
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_takes_orphaned_clones",
        "vmo_set_cache_policy accepts a policy for a clone whose parent has no handle.",
        &["VMO-CACHEPOL-12"],
        calls(&[Call::vmo_set_cache_policy], |machine, call, registers| {
            let orphaned = machine
                .origin(registers[0])
                .is_some_and(|origin| machine.handle_to(origin.parent, 0).is_none());
            match machine.right(call, registers) {
                ZX_ERR_BAD_STATE if orphaned => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_to_the_same_succeeds",
        "vmo_set_cache_policy accepts CACHED although something is in the way of others.",
        &["VMO-CACHEPOL-13"],
        calls(&[Call::vmo_set_cache_policy], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_BAD_STATE if registers[1] as u32 == ZX_CACHE_POLICY_CACHED => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_works_once",
        "vmo_set_cache_policy refuses a VMO whose policy was set before.",
        &["VMO-CACHEPOL-14"],
        calls(&[Call::vmo_set_cache_policy], |machine, call, registers| {
            let koid = machine.koid(registers[0]).unwrap_or_default();
            match machine.right(call, registers) {
                ZX_OK if machine.notes().numbers.contains_key(&koid) => ZX_ERR_ACCESS_DENIED,
                ZX_OK => {
                    machine.notes().numbers.insert(koid, 1);
                    ZX_OK
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_remembers_obstacles",
        "vmo_set_cache_policy goes on refusing what it refused once.",
        &["VMO-CACHEPOL-16", "VMO-OPRANGE-33"],
        calls(&[Call::vmo_set_cache_policy], |machine, call, registers| {
            let koid = machine.koid(registers[0]).unwrap_or_default();
            match machine.right(call, registers) {
                ZX_OK if machine.notes().numbers.contains_key(&koid) => ZX_ERR_BAD_STATE,
                ZX_ERR_BAD_STATE => {
                    machine.notes().numbers.insert(koid, 1);
                    ZX_ERR_BAD_STATE
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_is_sticky_after_pages",
        "vmo_set_cache_policy refuses a VMO that ever had a page, committed or not.",
        &["VMO-CACHEPOL-16", "VMO-OPRANGE-33"],
        calls(&[Call::vmo_set_cache_policy, Call::vmo_write], |machine, call, registers| {
            let koid = machine.koid(registers[0]).unwrap_or_default();
            let status = machine.right(call, registers);
            if status == ZX_OK && call == Call::vmo_write && registers[3] != 0 {
                machine.notes().numbers.insert(koid, 1);
            }
            let had_pages = machine.notes().numbers.contains_key(&koid);
            match status {
                ZX_OK if call == Call::vmo_set_cache_policy && had_pages => ZX_ERR_BAD_STATE,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "read_ignores_the_cache_policy",
        "vmo_read works under any cache policy.",
        &["VMO-READ-16", "VMO-CACHEPOL-18"],
        calls(&[Call::vmo_read], ignoring_the_policy),
    ),
    fault(
        CLASS,
        "read_of_nothing_ignores_the_cache_policy",
        "vmo_read of no bytes works under any cache policy.",
        &["VMO-READ-17"],
        calls(&[Call::vmo_read], |machine, call, registers| {
            if registers[3] == 0 {
                ignoring_the_policy(machine, call, registers)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "write_ignores_the_cache_policy",
        "vmo_write works under any cache policy.",
        &["VMO-WRITE-18", "VMO-CACHEPOL-18"],
        calls(&[Call::vmo_write], ignoring_the_policy),
    ),
    fault(
        CLASS,
        "write_of_nothing_ignores_the_cache_policy",
        "vmo_write of no bytes works under any cache policy.",
        &["VMO-WRITE-19"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            if registers[3] == 0 {
                ignoring_the_policy(machine, call, registers)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "clone_ignores_the_cache_policy",
        "vmo_clone works under any cache policy.",
        &["VMO-CLONE-17", "VMO-CACHEPOL-19"],
        calls(&[Call::vmo_clone], ignoring_the_policy),
    ),
    fault(
        CLASS,
        "cache_policy_belongs_to_the_handle",
        "vmo_read looks at the policy that was set through the very handle.",
        &["VMO-CACHEPOL-22"],
        calls(&[Call::vmo_set_cache_policy, Call::vmo_read], |machine, call, registers| {
            let status = machine.right(call, registers);
            if call == Call::vmo_set_cache_policy {
                if status == ZX_OK {
                    machine.notes().numbers.insert(registers[0] | 1, registers[1]);
                }
                return status;
            }
            let set_here = machine.notes().numbers.contains_key(&(registers[0] | 1));
            if status == ZX_ERR_BAD_STATE && !set_here {
                return ignoring_the_policy(machine, call, registers);
            }
            status
        }),
    ),
];
