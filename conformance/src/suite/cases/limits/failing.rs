//! Whole sequences of calls in which one allocation after the other fails.

use vmo_abi::Capability::{Clone, Handles, Mapping, MemoryControl, Properties, Range, Signals};
use vmo_abi::{
    ZX_ERR_NO_MEMORY, ZX_OK, ZX_RIGHT_SAME_RIGHTS, ZX_VMO_CLONE_COPY_ON_WRITE as COPY,
    ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_ZERO_CHILDREN,
};

use crate::program::{Address, Handle, StepResult};
use crate::suite::cases::copy_on_write::pages::{create, shows, shows_at};
use crate::suite::steps::PAGE;
use crate::suite::{Answer, Checked, Context, READ_WRITE, Suite, plus};

/// Allocations that a sequence makes at most.
const MOST: u64 = 100;

/// The handles and the mapping that a sequence has made so far.
#[derive(Clone, Default)]
struct World {
    vmos: Vec<Handle>,
    at: Option<Address>,
}

impl World {
    /// What the VMOs hold and how large they are.
    fn look(&self, cx: &mut Context<'_>) -> Checked<Vec<Vec<u8>>> {
        let look = |vmo: &Handle| {
            let size = cx.size(*vmo)?;
            cx.read(*vmo, 0, size)
        };
        self.vmos.iter().map(look).collect()
    }
}

/// One call of a sequence.
enum Line {
    /// Makes a VMO or a handle.
    Makes(fn(&mut Context<'_>, &World) -> Checked<Answer>),
    /// Makes the mapping.
    Maps(fn(&mut Context<'_>, &World) -> Checked<Answer>),
    /// Does something else.
    Does(fn(&mut Context<'_>, &World) -> Checked<Answer>),
}

use Line::{Does, Makes, Maps};

fn put(cx: &mut Context<'_>, vmo: Handle, page: u64, letter: char) -> Checked<Answer> {
    cx.vmo_write(vmo, page * PAGE, &[letter as u8; PAGE as usize])
}

fn store(cx: &mut Context<'_>, world: &World, page: u64, letter: char) -> Checked<Answer> {
    let at = world.at.unwrap_or(Address::Null);
    cx.store(plus(at, page * PAGE), &[letter as u8; PAGE as usize])
}

/// A sequence, and what its VMOs show in the end.
struct Sequence {
    name: &'static str,
    needs: &'static [vmo_abi::Capability],
    lines: &'static [Line],
    shown: &'static [&'static str],
}

const SEQUENCES: &[Sequence] = &[
    Sequence {
        name: "clone_and_write",
        needs: &[Clone, MemoryControl],
        lines: &[
            Makes(|cx, _| cx.vmo_create(3 * PAGE, 0)),
            Does(|cx, it| put(cx, it.vmos[0], 0, 'a')),
            Does(|cx, it| put(cx, it.vmos[0], 1, 'b')),
            Makes(|cx, it| cx.vmo_clone(it.vmos[0], COPY, 0, 3 * PAGE)),
            Does(|cx, it| put(cx, it.vmos[1], 1, 'x')),
            Does(|cx, it| put(cx, it.vmos[0], 1, 'c')),
            Makes(|cx, it| cx.vmo_clone(it.vmos[0], COPY, PAGE, 2 * PAGE)),
            Does(|cx, it| put(cx, it.vmos[2], 1, 'y')),
            Does(|cx, it| put(cx, it.vmos[1], 2, 'z')),
            Does(|cx, it| put(cx, it.vmos[0], 2, 'd')),
            Does(|cx, it| cx.vmo_set_size(it.vmos[1], 4 * PAGE)),
            Does(|cx, it| put(cx, it.vmos[1], 3, 'w')),
        ],
        shown: &["acd", "axzw", "cy"],
    },
    Sequence {
        name: "commit_and_decommit",
        needs: &[Clone, MemoryControl, Range],
        lines: &[
            Makes(|cx, _| cx.vmo_create(2 * PAGE, 0)),
            Does(|cx, it| put(cx, it.vmos[0], 0, 'a')),
            Makes(|cx, it| cx.vmo_clone(it.vmos[0], COPY, 0, 3 * PAGE)),
            Does(|cx, it| cx.vmo_op_range(it.vmos[1], ZX_VMO_OP_COMMIT, 0, 3 * PAGE)),
            Does(|cx, it| put(cx, it.vmos[0], 0, 'b')),
            Does(|cx, it| put(cx, it.vmos[0], 1, 'c')),
            Does(|cx, it| cx.vmo_op_range(it.vmos[1], ZX_VMO_OP_DECOMMIT, PAGE, 2 * PAGE)),
            Does(|cx, it| put(cx, it.vmos[1], 2, 'z')),
            Does(|cx, it| cx.vmo_op_range(it.vmos[0], ZX_VMO_OP_COMMIT, 0, 2 * PAGE)),
        ],
        shown: &["bc", "acz"],
    },
    Sequence {
        name: "map_and_store",
        needs: &[Clone, MemoryControl, Mapping],
        lines: &[
            Makes(|cx, _| cx.vmo_create(2 * PAGE, 0)),
            Does(|cx, it| put(cx, it.vmos[0], 0, 'a')),
            Makes(|cx, it| cx.vmo_clone(it.vmos[0], COPY, 0, 2 * PAGE)),
            Maps(|cx, it| cx.vmar_map(Handle::Region, 0, it.vmos[1], 0, 2 * PAGE, READ_WRITE)),
            Does(|cx, it| store(cx, it, 0, 'x')),
            Does(|cx, it| put(cx, it.vmos[0], 0, 'b')),
            Does(|cx, it| put(cx, it.vmos[0], 1, 'c')),
            Does(|cx, it| store(cx, it, 1, 'y')),
        ],
        shown: &["bc", "xy"],
    },
    Sequence {
        name: "duplicate_and_clone",
        needs: &[Clone, MemoryControl, Handles],
        lines: &[
            Makes(|cx, _| cx.vmo_create(PAGE, 0)),
            Makes(|cx, it| cx.handle_duplicate(it.vmos[0], ZX_RIGHT_SAME_RIGHTS)),
            Does(|cx, it| put(cx, it.vmos[1], 0, 'a')),
            Makes(|cx, it| cx.vmo_clone(it.vmos[1], COPY, 0, PAGE)),
            Makes(|cx, it| cx.handle_duplicate(it.vmos[2], ZX_RIGHT_SAME_RIGHTS)),
            Does(|cx, it| put(cx, it.vmos[3], 0, 'x')),
            Makes(|cx, it| cx.vmo_clone(it.vmos[0], COPY, 0, 0)),
        ],
        shown: &["a", "a", "x", "x", ""],
    },
];

/// Does a sequence with the `nth` allocation failing, and answers whether any
/// call lacked memory. Such a call must leave everything as it was, and succeed
/// when it is made again.
fn run(cx: &mut Context<'_>, lines: &[Line], nth: u64) -> Checked<(World, bool)> {
    let mut world = World::default();
    let mut any_failed = false;
    cx.fail_allocation(Some(nth))?;
    for line in lines {
        let (Makes(call) | Maps(call) | Does(call)) = line;
        let before = world.look(cx)?;
        let mut answer = call(cx, &world)?;
        let has_failed = match answer.result() {
            StepResult::Fault => true,
            StepResult::Status(status) => status == ZX_ERR_NO_MEMORY,
        };
        if has_failed {
            cx.expect(!any_failed, "one call that lacks memory", "a second one")?;
            any_failed = true;
            let after = world.look(cx)?;
            cx.expect(after == before, "contents as before", "they changed")?;
            answer = call(cx, &world)?;
        }
        let answer = answer.ok()?;
        match line {
            Makes(_) => world.vmos.push(answer.handle(0)),
            Maps(_) => world.at = Some(answer.address()),
            Does(_) => {}
        }
    }
    cx.fail_allocation(None)?;
    Ok((world, any_failed))
}

/// Does a sequence again and again, with another allocation failing each time,
/// until none does; `last` looks at what comes of it.
fn each_allocation(
    cx: &mut Context<'_>,
    lines: &[Line],
    last: impl Fn(&mut Context<'_>, &World) -> Checked,
) -> Checked {
    for nth in 1..=MOST {
        let (world, any_failed) = run(cx, lines, nth)?;
        last(cx, &world)?;
        if !any_failed {
            return cx.expect(nth > 1, "an allocation that can fail", "none failed");
        }
        if let Some(at) = world.at {
            cx.vmar_unmap(Handle::Region, at, 2 * PAGE)?.ok()?;
        }
        for vmo in world.vmos {
            cx.close(vmo)?;
        }
    }
    cx.expect(false, format!("at most {MOST} allocations"), "more")
}

pub(super) fn add(suite: &mut Suite) {
    for sequence in SEQUENCES {
        suite.test(
            format!("each_allocation_fails_once::{}", sequence.name),
            &["VMO-CLONE-19", "VMO-WRITE-17", "VMO-OPRANGE-21", "VMAR-MAP-52", "HANDLE-DUP-14"],
            sequence.needs,
            |cx| {
                each_allocation(cx, sequence.lines, |cx, world| {
                    for (vmo, shown) in world.vmos.iter().zip(sequence.shown) {
                        cx.expect_size(*vmo, shown.len() as u64 * PAGE)?;
                        shows(cx, *vmo, shown)?;
                    }
                    match world.at {
                        Some(at) => shows_at(cx, at, sequence.shown[1]),
                        None => Ok(()),
                    }
                })
            },
        );
    }

    // A clone of a clone: away from the kernel of that day (W-30).
    suite
        .test(
            "each_allocation_fails_once::chain",
            &["VMO-CLONE-19", "VMO-WRITE-17", "COW-26"],
            &[Clone, MemoryControl],
            |cx| {
                const LINES: &[Line] = &[
                    Makes(|cx, _| cx.vmo_create(2 * PAGE, 0)),
                    Does(|cx, it| put(cx, it.vmos[0], 0, 'a')),
                    Makes(|cx, it| cx.vmo_clone(it.vmos[0], COPY, 0, 2 * PAGE)),
                    Makes(|cx, it| cx.vmo_clone(it.vmos[1], COPY, 0, 2 * PAGE)),
                    Does(|cx, it| put(cx, it.vmos[2], 0, 'x')),
                    Does(|cx, it| put(cx, it.vmos[2], 1, 'y')),
                    Does(|cx, it| put(cx, it.vmos[1], 1, 'm')),
                    Does(|cx, it| put(cx, it.vmos[0], 1, 'b')),
                ];
                each_allocation(cx, LINES, |cx, world| {
                    for (vmo, shown) in world.vmos.iter().zip(["ab", "am", "xy"]) {
                        shows(cx, *vmo, shown)?;
                    }
                    Ok(())
                })
            },
        )
        .hazard();

    suite.test(
        "a_failing_clone_call_in_a_family",
        &["VMO-CLONE-19", "SIG-ZC-17"],
        &[Clone, MemoryControl, Signals, Properties],
        |cx| {
            let vmo = create(cx, "ab")?;
            cx.set_name(vmo, b"family")?;
            for nth in 1..=MOST {
                cx.fail_allocation(Some(nth))?;
                let first = cx.vmo_clone(vmo, COPY, 0, PAGE)?;
                let second = cx.vmo_clone(vmo, COPY, PAGE, PAGE)?;
                cx.fail_allocation(None)?;
                let mut made = Vec::new();
                for answer in [first, second] {
                    if answer.status() == Some(ZX_OK) {
                        made.push(answer.ok()?.handle(0));
                    } else {
                        answer.is(ZX_ERR_NO_MEMORY)?.untouched()?;
                    }
                }
                let is_last = made.len() == 2;
                cx.expect_signals(vmo, 0)?;
                for copy in made {
                    cx.expect_name(copy, b"family")?;
                    cx.close(copy)?;
                }
                cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)?;
                shows(cx, vmo, "ab")?;
                if is_last {
                    return cx.expect(nth > 1, "an allocation that can fail", "none failed");
                }
            }
            cx.expect(false, format!("at most {MOST} allocations"), "more")
        },
    );

    suite.test(
        "a_failing_replace_of_a_clones_only_handle",
        &["HANDLE-REPLACE-04", "HANDLE-REPLACE-07", "SIG-ZC-20"],
        &[Clone, MemoryControl, Handles, Signals],
        |cx| {
            let vmo = create(cx, "a")?;
            let copy = cx.clone_of(vmo, 0, PAGE)?;
            cx.fail_allocation(Some(1))?;
            cx.handle_replace(copy, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_NO_MEMORY)?.untouched()?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)?;
            cx.vmo_get_size(copy)?.is(vmo_abi::ZX_ERR_BAD_HANDLE).map(drop)
        },
    );
}
