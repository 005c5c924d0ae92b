//! A root, two clones of it and a clone of the first: who sees what.

use vmo_abi::Capability::{Clone, Mapping, Range};
use vmo_abi::{ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use super::pages::{clone, create, put, shows};
use crate::level::Level;
use crate::program::Handle;
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, READ_WRITE, Side, Suite};

const ROOT: usize = 0;
const CHILD: usize = 1;
const SIBLING: usize = 2;
const GRANDCHILD: usize = 3;
const NAMES: [&str; 4] = ["root", "child", "sibling", "grandchild"];
/// Where the page that is `c` in the root lies in each member.
const PLACE: [u64; 4] = [2, 1, 2, 0];
const LETTERS: [&str; 4] = ["abcd", "bcd", "abcd", "cd"];

/// A root with the pages `abcd`. The child shows them from `b` on, its sibling
/// all of them, and the grandchild those from `c` on, so that one page of the
/// root is at another place in each of them.
fn family(cx: &mut Context<'_>) -> Checked<[Handle; 4]> {
    let root = create(cx, "abcd")?;
    let child = clone(cx, root, 1, 3)?;
    let sibling = clone(cx, root, 0, 4)?;
    let grandchild = clone(cx, child, 1, 2)?;
    Ok([root, child, sibling, grandchild])
}

/// How bytes get into a VMO.
#[derive(Clone, Copy)]
enum Door {
    Call,
    Store,
}

impl Door {
    fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Store => "store",
        }
    }

    fn put(self, cx: &mut Context<'_>, vmo: Handle, offset: u64, bytes: &[u8]) -> Checked {
        match self {
            Self::Call => cx.write(vmo, offset, bytes),
            Self::Store => {
                let at = cx.map(vmo, offset - offset % PAGE, PAGE, READ_WRITE)?;
                cx.store_bytes(crate::suite::plus(at, offset % PAGE), bytes)?;
                cx.vmar_unmap(Handle::Region, at, PAGE)?.ok().map(drop)
            }
        }
    }
}

/// Where in the page the two bytes are put.
const FIRST_AT: u64 = 100;
const SECOND_AT: u64 = 3000;

/// Who sees the first byte and who the second, root, child, sibling and
/// grandchild in turn, when one member puts the first byte and then one the
/// second one.
const TWO_WRITES: [(usize, usize, [&str; 4]); 16] = [
    (ROOT, ROOT, ["12", "12", "12", "12"]),
    (ROOT, CHILD, ["1", "12", "1", "12"]),
    (ROOT, SIBLING, ["1", "1", "12", "1"]),
    (ROOT, GRANDCHILD, ["1", "1", "1", "12"]),
    (CHILD, ROOT, ["2", "1", "2", "1"]),
    (CHILD, CHILD, ["", "12", "", "12"]),
    (CHILD, SIBLING, ["", "1", "2", "1"]),
    (CHILD, GRANDCHILD, ["", "1", "", "12"]),
    (SIBLING, ROOT, ["2", "2", "1", "2"]),
    (SIBLING, CHILD, ["", "2", "1", "2"]),
    (SIBLING, SIBLING, ["", "", "12", ""]),
    (SIBLING, GRANDCHILD, ["", "", "1", "2"]),
    // By the pages the child goes on following the root (C-26).
    (GRANDCHILD, ROOT, ["2", "", "2", "1"]),
    (GRANDCHILD, CHILD, ["", "2", "", "1"]),
    (GRANDCHILD, SIBLING, ["", "", "2", "1"]),
    (GRANDCHILD, GRANDCHILD, ["", "", "", "12"]),
];

/// The contents of a member that sees these of the two bytes.
fn contents(member: usize, seen: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        LETTERS[member].bytes().flat_map(|letter| [letter; PAGE as usize]).collect();
    for (mark, at) in [('1', FIRST_AT), ('2', SECOND_AT)] {
        if seen.contains(mark) {
            bytes[(PLACE[member] * PAGE + at) as usize] = mark as u8;
        }
    }
    bytes
}

pub(super) fn add(suite: &mut Suite) {
    add_two_writes(suite);
    add_stories(suite);
}

fn add_two_writes(suite: &mut Suite) {
    for (first, second, seen) in TWO_WRITES {
        for (door, next_door) in [
            (Door::Call, Door::Call),
            (Door::Call, Door::Store),
            (Door::Store, Door::Call),
            (Door::Store, Door::Store),
        ] {
            let (name, then) = (NAMES[first], NAMES[second]);
            let name = format!("{name}_then_{then}_by_{}_and_{}", door.name(), next_door.name());
            let is_open = (first, second) == (GRANDCHILD, ROOT);
            let mut needs = vec![Clone];
            let is_mapped = matches!((door, next_door), (Door::Store, _) | (_, Door::Store));
            needs.extend(is_mapped.then_some(Mapping));
            suite.test(
                format!("two_writes::{name}"),
                &["COW-02", "COW-03", "COW-04", "COW-05", "COW-26"],
                &needs,
                move |cx| {
                    let members = family(cx)?;
                    let place = |member: usize| PLACE[member] * PAGE;
                    door.put(cx, members[first], place(first) + FIRST_AT, b"1")?;
                    next_door.put(cx, members[second], place(second) + SECOND_AT, b"2")?;
                    for (member, vmo) in members.into_iter().enumerate() {
                        if is_open && member == CHILD {
                            expect_either(cx, vmo, &contents(CHILD, seen[CHILD]))?;
                        } else {
                            cx.expect_bytes(vmo, 0, &contents(member, seen[member]))?;
                        }
                    }
                    Ok(())
                },
            );
        }
    }
}

/// Expects the child to show its own copy, or the root's page (C-26).
fn expect_either(cx: &mut Context<'_>, child: Handle, copied: &[u8]) -> Checked {
    let shown = cx.read(child, 0, copied.len() as u64)?;
    let side = if shown == copied { Side::Kernel } else { Side::Page };
    cx.takes("C-26", side);
    match side {
        Side::Page if cx.level() != Level::Kernel => {
            cx.expect_bytes(child, 0, &contents(CHILD, "2"))
        }
        _ => cx.expect_bytes(child, 0, copied),
    }
}

/// What is done to the page that is `c` in the root.
#[derive(Clone, Copy)]
enum Act {
    Put(char),
    Commit,
    Decommit,
}

use Act::{Commit, Decommit, Put};

fn act(cx: &mut Context<'_>, members: [Handle; 4], member: usize, act: Act) -> Checked {
    let (vmo, page) = (members[member], PLACE[member]);
    match act {
        Put(letter) => put(cx, vmo, page, letter),
        Commit => cx.operate(vmo, ZX_VMO_OP_COMMIT, page * PAGE, PAGE),
        Decommit => cx.operate(vmo, ZX_VMO_OP_DECOMMIT, page * PAGE, PAGE),
    }
}

/// What happens to the page, and which letter it is in the end for root, child,
/// sibling and grandchild.
type Story = (&'static str, &'static [(usize, Act)], [char; 4]);

/// Stories in which every step is one of the pages.
const STORIES: &[Story] = &[
    // DECOMMIT gives the parent's page back, and of no page of its own nothing.
    ("child_puts_and_decommits", &[(CHILD, Put('x')), (CHILD, Decommit)], ['c', 'c', 'c', 'c']),
    (
        "child_puts_root_puts_child_decommits",
        &[(CHILD, Put('x')), (ROOT, Put('y')), (CHILD, Decommit)],
        ['y', 'y', 'y', 'y'],
    ),
    (
        "child_decommits_and_root_puts",
        &[(CHILD, Put('x')), (CHILD, Decommit), (ROOT, Put('y'))],
        ['y', 'y', 'y', 'y'],
    ),
    (
        "child_puts_decommits_and_puts",
        &[(CHILD, Put('x')), (CHILD, Decommit), (CHILD, Put('z')), (ROOT, Put('y'))],
        ['y', 'z', 'y', 'z'],
    ),
    ("child_decommits_nothing", &[(CHILD, Decommit)], ['c', 'c', 'c', 'c']),
    (
        "child_decommits_nothing_and_root_puts",
        &[(CHILD, Decommit), (ROOT, Put('y'))],
        ['y', 'y', 'y', 'y'],
    ),
    (
        "child_puts_and_sibling_decommits",
        &[(CHILD, Put('x')), (SIBLING, Decommit)],
        ['c', 'x', 'c', 'x'],
    ),
    (
        "child_puts_and_grandchild_decommits",
        &[(CHILD, Put('x')), (GRANDCHILD, Decommit)],
        ['c', 'x', 'c', 'x'],
    ),
    (
        "sibling_puts_and_child_decommits",
        &[(SIBLING, Put('x')), (CHILD, Decommit)],
        ['c', 'c', 'x', 'c'],
    ),
    (
        "sibling_puts_and_decommits",
        &[(SIBLING, Put('x')), (SIBLING, Decommit)],
        ['c', 'c', 'c', 'c'],
    ),
    (
        "grandchild_puts_and_decommits",
        &[(GRANDCHILD, Put('x')), (GRANDCHILD, Decommit)],
        ['c', 'c', 'c', 'c'],
    ),
    (
        "grandchild_puts_and_child_decommits",
        &[(GRANDCHILD, Put('x')), (CHILD, Decommit)],
        ['c', 'c', 'c', 'x'],
    ),
    (
        "grandchild_puts_and_sibling_decommits",
        &[(GRANDCHILD, Put('x')), (SIBLING, Decommit)],
        ['c', 'c', 'c', 'x'],
    ),
    // Whatever the kernel copied into the child is given back there (W-26).
    (
        "grandchild_puts_child_decommits_root_puts",
        &[(GRANDCHILD, Put('x')), (CHILD, Decommit), (ROOT, Put('y'))],
        ['y', 'y', 'y', 'x'],
    ),
    (
        "child_and_grandchild_put_and_grandchild_decommits",
        &[(CHILD, Put('x')), (GRANDCHILD, Put('z')), (GRANDCHILD, Decommit)],
        ['c', 'x', 'c', 'x'],
    ),
    (
        "child_and_grandchild_put_and_child_decommits",
        &[(CHILD, Put('x')), (GRANDCHILD, Put('z')), (CHILD, Decommit), (ROOT, Put('y'))],
        ['y', 'y', 'y', 'z'],
    ),
    (
        "child_and_grandchild_put_and_both_decommit",
        &[
            (CHILD, Put('x')),
            (GRANDCHILD, Put('z')),
            (CHILD, Decommit),
            (GRANDCHILD, Decommit),
            (ROOT, Put('y')),
        ],
        ['y', 'y', 'y', 'y'],
    ),
    // COMMIT changes nothing that can be seen.
    ("root_commits", &[(ROOT, Commit)], ['c', 'c', 'c', 'c']),
    ("child_commits", &[(CHILD, Commit)], ['c', 'c', 'c', 'c']),
    ("grandchild_commits", &[(GRANDCHILD, Commit)], ['c', 'c', 'c', 'c']),
    ("child_puts_and_commits", &[(CHILD, Put('x')), (CHILD, Commit)], ['c', 'x', 'c', 'x']),
    (
        "child_puts_and_grandchild_commits",
        &[(CHILD, Put('x')), (GRANDCHILD, Commit)],
        ['c', 'x', 'c', 'x'],
    ),
    (
        "child_commits_and_decommits",
        &[(CHILD, Commit), (ROOT, Put('y')), (CHILD, Decommit)],
        ['y', 'y', 'y', 'y'],
    ),
];

/// Stories in which a step is one of the kernel.
const KERNEL_STORIES: &[Story] = &[
    // What is committed is detached.
    ("root_commits_and_puts", &[(ROOT, Commit), (ROOT, Put('y'))], ['y', 'y', 'y', 'y']),
    ("child_commits_and_root_puts", &[(CHILD, Commit), (ROOT, Put('y'))], ['y', 'c', 'y', 'c']),
    ("child_commits_and_puts", &[(CHILD, Commit), (CHILD, Put('y'))], ['c', 'y', 'c', 'y']),
    (
        "child_commits_and_sibling_puts",
        &[(CHILD, Commit), (SIBLING, Put('y'))],
        ['c', 'c', 'y', 'c'],
    ),
    ("sibling_commits_and_root_puts", &[(SIBLING, Commit), (ROOT, Put('y'))], ['y', 'y', 'c', 'y']),
    (
        "sibling_commits_and_child_puts",
        &[(SIBLING, Commit), (CHILD, Put('y'))],
        ['c', 'y', 'c', 'y'],
    ),
    (
        "grandchild_commits_and_child_puts",
        &[(GRANDCHILD, Commit), (CHILD, Put('y'))],
        ['c', 'y', 'c', 'c'],
    ),
    (
        "grandchild_commits_and_sibling_puts",
        &[(GRANDCHILD, Commit), (SIBLING, Put('y'))],
        ['c', 'c', 'y', 'c'],
    ),
    (
        "child_puts_grandchild_commits_child_puts",
        &[(CHILD, Put('x')), (GRANDCHILD, Commit), (CHILD, Put('y'))],
        ['c', 'y', 'c', 'x'],
    ),
    // What the root gives up is zeros for whoever has no copy.
    ("root_decommits", &[(ROOT, Decommit)], ['.', '.', '.', '.']),
    ("root_decommits_and_puts", &[(ROOT, Decommit), (ROOT, Put('y'))], ['y', 'y', 'y', 'y']),
    ("child_puts_and_root_decommits", &[(CHILD, Put('x')), (ROOT, Decommit)], ['.', 'x', '.', 'x']),
    (
        "child_commits_and_root_decommits",
        &[(CHILD, Commit), (ROOT, Decommit)],
        ['.', 'c', '.', 'c'],
    ),
    (
        "sibling_puts_and_root_decommits",
        &[(SIBLING, Put('x')), (ROOT, Decommit)],
        ['.', '.', 'x', '.'],
    ),
    (
        "root_and_child_decommit",
        &[(CHILD, Put('x')), (ROOT, Decommit), (CHILD, Decommit)],
        ['.', '.', '.', '.'],
    ),
    (
        "root_decommits_and_child_puts",
        &[(ROOT, Decommit), (CHILD, Put('x')), (ROOT, Put('y'))],
        ['y', 'x', 'y', 'x'],
    ),
    (
        "root_decommits_and_child_commits",
        &[(ROOT, Decommit), (CHILD, Commit), (ROOT, Put('y'))],
        ['y', '.', 'y', '.'],
    ),
    // No ancestor has the page, so the child takes no copy.
    (
        "root_decommits_and_grandchild_puts",
        &[(ROOT, Decommit), (GRANDCHILD, Put('x')), (ROOT, Put('y'))],
        ['y', 'y', 'y', 'x'],
    ),
    (
        "root_decommits_and_grandchild_commits",
        &[(ROOT, Decommit), (GRANDCHILD, Commit), (ROOT, Put('y'))],
        ['y', 'y', 'y', '.'],
    ),
    // The child takes a copy with the grandchild.
    (
        "grandchild_puts_and_root_decommits",
        &[(GRANDCHILD, Put('x')), (ROOT, Decommit)],
        ['.', 'c', '.', 'x'],
    ),
    (
        "grandchild_commits_and_root_puts",
        &[(GRANDCHILD, Commit), (ROOT, Put('y'))],
        ['y', 'c', 'y', 'c'],
    ),
    (
        "grandchild_puts_decommits_and_root_puts",
        &[(GRANDCHILD, Put('x')), (GRANDCHILD, Decommit), (ROOT, Put('y'))],
        ['y', 'c', 'y', 'c'],
    ),
];

fn add_stories(suite: &mut Suite) {
    let page: &[&str] = &["COW-17", "COW-19", "COW-20", "COW-21", "COW-22"];
    let kernel: &[&str] = &["COW-14", "COW-18", "COW-23", "COW-27", "COW-28"];
    for (clauses, stories) in [(page, STORIES), (kernel, KERNEL_STORIES)] {
        for &(name, steps, letters) in stories {
            suite.test(format!("story::{name}"), clauses, &[Clone, Range], move |cx| {
                let members = family(cx)?;
                for &(member, what) in steps {
                    act(cx, members, member, what)?;
                }
                for (member, letter) in letters.into_iter().enumerate() {
                    let expected = LETTERS[member].replace('c', letter.encode_utf8(&mut [0; 4]));
                    shows(cx, members[member], &expected)?;
                }
                Ok(())
            });
        }
    }
}
