//! Where an implementation may differ from the kernel, the oracle at page level
//! allows either side, follows the side that was taken, and allows nothing
//! else. At kernel level it allows the kernel's side only.

use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY,
    ZX_ERR_NOT_FOUND, ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_VM_FLAG_MAP_RANGE,
    ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE, ZX_VMO_OP_CACHE_CLEAN, ZX_VMO_OP_CACHE_INVALIDATE,
    ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
};
use vmo_conformance::Level;

use super::by_hand::{Hand, PAGE, REGION};

const READABLE: u32 = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_SPECIFIC;
const WRITABLE: u32 = READABLE | ZX_VM_FLAG_PERM_WRITE;

fn page() -> Hand {
    Hand::new(Level::Page)
}

fn kernel() -> Hand {
    Hand::new(Level::Kernel)
}

/// A status that only the pages allow for a call.
fn only_by_pages(syscall: Syscall, arguments: impl Fn(&mut Hand) -> Vec<u64>, status: i32) {
    for (mut hand, allowed) in [(page(), true), (kernel(), false)] {
        let arguments = arguments(&mut hand);
        let judged = hand.status(syscall, &arguments, status);
        assert_eq!(judged.is_ok(), allowed, "{} {status}: {judged:?}", syscall.name());
    }
}

#[test]
fn statuses_of_the_conflicts() {
    use Syscall::*;
    let vmo = |hand: &mut Hand| u64::from(hand.create(PAGE));
    // C-01
    for status in [ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY] {
        only_by_pages(vmo_create, |hand| vec![u64::MAX, 0, hand.place()], status);
    }
    // C-04
    only_by_pages(vmo_read, |hand| vec![vmo(hand), 0, 0, 0], ZX_ERR_INVALID_ARGS);
    only_by_pages(vmo_write, |hand| vec![vmo(hand), 0, 0, 0], ZX_ERR_INVALID_ARGS);
    // C-12
    for op in [ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT] {
        let arguments = |hand: &mut Hand| vec![vmo(hand), u64::from(op), 0, 2 * PAGE];
        only_by_pages(vmo_op_range, arguments, ZX_ERR_OUT_OF_RANGE);
    }
    // C-16
    only_by_pages(vmo_set_size, |hand| vec![vmo(hand), 0], ZX_ERR_NO_MEMORY);
    // C-22
    for property in [99, 0] {
        let arguments = |hand: &mut Hand| vec![vmo(hand), property, hand.place() + PAGE, 32];
        only_by_pages(object_get_property, arguments, ZX_ERR_NOT_SUPPORTED);
        only_by_pages(object_set_property, arguments, ZX_ERR_NOT_SUPPORTED);
    }
    // C-23
    only_by_pages(object_signal_peer, |hand| vec![vmo(hand), 0, 0], ZX_ERR_NOT_SUPPORTED);
    // VMO-CLONE-08
    let odd_clone = |hand: &mut Hand| vec![vmo(hand), 3, 0, 0, hand.place()];
    only_by_pages(vmo_clone, odd_clone, ZX_ERR_INVALID_ARGS);
    // ND-03
    only_by_pages(vmo_create, |hand| vec![0, 0, hand.place()], ZX_ERR_NO_MEMORY);
    // ND-07: of two errors that apply the kernel finds the other one first.
    only_by_pages(vmo_create, |_| vec![u64::MAX, 1, 0], ZX_ERR_OUT_OF_RANGE);
    only_by_pages(vmo_read, |hand| vec![vmo(hand), 0, 9 * PAGE, 1], ZX_ERR_OUT_OF_RANGE);
}

#[test]
fn statuses_of_the_conflicts_about_mappings() {
    for (mut hand, allowed) in [(page(), true), (kernel(), false)] {
        // C-17
        let judged = hand.in_region(Syscall::vmar_unmap, &[REGION, PAGE], ZX_ERR_NOT_FOUND);
        assert_eq!(judged.is_ok(), allowed);
    }
    for (mut hand, allowed) in [(page(), true), (kernel(), false)] {
        // C-20
        let vmo = hand.create(PAGE);
        let address = hand.map(vmo, 0, 0, PAGE, READABLE);
        let arguments = [address, PAGE, 0];
        let judged = hand.in_region(Syscall::vmar_protect, &arguments, ZX_ERR_INVALID_ARGS);
        assert_eq!(judged.is_ok(), allowed);
    }
    for (mut hand, allowed) in [(page(), true), (kernel(), false)] {
        // C-18
        let vmo = hand.create(PAGE);
        let flags = READABLE | ZX_VM_FLAG_MAP_RANGE;
        let place = hand.place();
        let judged = hand.map_as(vmo, 0, PAGE, PAGE, flags, place, ZX_OK);
        assert_eq!(judged.is_ok(), allowed);
    }
    for (mut hand, allowed) in [(page(), true), (kernel(), false)] {
        // C-13
        let vmo = hand.create(PAGE);
        hand.set_policy(vmo, 1, ZX_OK).expect("the first policy can be set");
        assert_eq!(hand.set_policy(vmo, 0, ZX_ERR_ACCESS_DENIED).is_ok(), allowed);
    }
}

#[test]
fn a_size_that_was_refused_stays_refused() {
    for mut hand in [page(), kernel()] {
        let place = hand.place();
        let judged = hand.status(Syscall::vmo_create, &[u64::MAX, 0, place], ZX_OK);
        assert_eq!(judged.expect_err("C-01").clause, "VMO-CREATE-06");
    }
}

/// C-06: a read may have committed what it read, and what that decides shows in
/// the cache policy alone.
#[test]
fn reading_may_commit() {
    for (mut hand, allowed) in [(page(), true), (kernel(), false)] {
        let vmo = hand.create(2 * PAGE);
        hand.read(vmo, 0, &[0; 4]).expect("it is zero");
        assert_eq!(hand.clone().set_policy(vmo, 1, ZX_ERR_BAD_STATE).is_ok(), allowed);
        hand.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, PAGE, ZX_OK).expect("it can be released");
        assert!(hand.clone().set_policy(vmo, 1, ZX_ERR_BAD_STATE).is_err());
        assert!(hand.set_policy(vmo, 1, ZX_OK).is_ok());
    }
}

/// C-26: what a middle clone shows after its clone was written.
#[test]
fn a_middle_clone_may_take_a_copy() {
    for (level, may_follow) in [(Level::Page, true), (Level::Kernel, false)] {
        let mut hand = Hand::new(level);
        let root = hand.create(PAGE);
        hand.write(root, 0, b"root");
        let middle = hand.clone_of(root, 0, PAGE);
        let leaf = hand.clone_of(middle, 0, PAGE);
        hand.write(leaf, 0, b"L");
        hand.write(root, 0, b"next");
        assert!(hand.may_read(middle, 0, b"root"));
        assert_eq!(hand.may_read(middle, 0, b"next"), may_follow);
        assert!(!hand.may_read(middle, 0, b"Loot"));
        assert!(hand.may_read(leaf, 0, b"Loot") && !hand.may_read(leaf, 0, b"Lext"));
        if !may_follow {
            continue;
        }
        // Once it was seen, it is decided.
        let mut follows = hand.clone();
        follows.read(middle, 0, b"next").expect("it may follow");
        follows.write(root, 0, b"last");
        assert!(follows.may_read(middle, 0, b"last") && !follows.may_read(middle, 0, b"root"));
        let mut copied = hand.clone();
        copied.read(middle, 0, b"root").expect("it may have a copy");
        copied.write(root, 0, b"last");
        assert!(copied.may_read(middle, 0, b"root") && !copied.may_read(middle, 0, b"last"));
        // A part that both show decides nothing.
        hand.write(root, 0, b"rest");
        hand.read(middle, 0, b"r").expect("both begin with it");
        assert!(hand.may_read(middle, 0, b"root") && hand.may_read(middle, 0, b"rest"));
        // Releasing the page makes it follow again.
        hand.operate(middle, ZX_VMO_OP_DECOMMIT, 0, PAGE, ZX_OK).expect("it can be released");
        assert!(hand.may_read(middle, 0, b"rest") && !hand.may_read(middle, 0, b"root"));
    }
}

/// C-19: what a clone shows after MAP_RANGE.
#[test]
fn map_range_may_copy() {
    for (level, may_follow) in [(Level::Page, true), (Level::Kernel, false)] {
        let mut hand = Hand::new(level);
        let root = hand.create(2 * PAGE);
        hand.write(root, 0, b"root");
        let clone = hand.clone_of(root, 0, 2 * PAGE);
        let address = hand.map(clone, 0, 0, 2 * PAGE, READABLE | ZX_VM_FLAG_MAP_RANGE);
        hand.write(root, 0, b"next");
        hand.write(root, PAGE, b"next");
        assert!(hand.may_load(address, Some(b"root")));
        assert_eq!(hand.may_load(address, Some(b"next")), may_follow);
        // Nobody had the second page.
        assert!(hand.may_load(address + PAGE, Some(b"next")));
        assert!(!hand.may_load(address + PAGE, Some(&[0; 4])));
    }
}

/// ND-11: bytes stored since the last clean may be lost.
#[test]
fn invalidating_may_lose_what_was_not_cleaned() {
    for (level, may_lose) in [(Level::Page, true), (Level::Kernel, false)] {
        let mut hand = Hand::new(level);
        let vmo = hand.create(2 * PAGE);
        hand.write(vmo, 0, b"kept");
        hand.operate(vmo, ZX_VMO_OP_CACHE_CLEAN, 0, PAGE, ZX_OK).expect("it can be cleaned");
        hand.write(vmo, PAGE, b"lost");
        hand.operate(vmo, ZX_VMO_OP_CACHE_INVALIDATE, 0, 2 * PAGE, ZX_OK)
            .expect("it can be invalidated");
        assert!(hand.may_read(vmo, 0, b"kept") && !hand.may_read(vmo, 0, b"????"));
        assert!(hand.may_read(vmo, PAGE, b"lost"));
        assert_eq!(hand.may_read(vmo, PAGE, b"????"), may_lose);
        if may_lose {
            hand.read(vmo, PAGE, b"????").expect("it may be lost");
            assert!(!hand.may_read(vmo, PAGE, b"lost"));
        }
    }
}

/// ND-03: a write that ran out of memory has stored a part, by the kernel's
/// rules only whole pages.
#[test]
fn a_write_without_memory_may_have_begun() {
    let mut hand = page();
    let vmo = hand.create(2 * PAGE);
    let bytes = vec![7; 2 * PAGE as usize];
    hand.write_as(vmo, 0, &bytes, ZX_ERR_NO_MEMORY).expect("memory may run out");
    assert!(hand.may_read(vmo, 0, &bytes) && hand.may_read(vmo, 0, &[0; 2 * PAGE as usize]));
    assert!(!hand.may_read(vmo, 0, &[7, 7, 0, 0]));
    assert!(hand.clone().set_policy(vmo, 0, ZX_OK).is_ok());
    hand.read(vmo, 0, &[7]).expect("it may have begun");
    assert!(hand.set_policy(vmo, 0, ZX_OK).is_err());
}

/// COW-29, COW-30 are the kernel's alone: elsewhere a clone may show zeros
/// where it grew, yet nothing else.
#[test]
fn a_clone_may_show_zeros_where_it_grew() {
    for (level, may_sever) in [(Level::Page, true), (Level::Kernel, false)] {
        let mut hand = Hand::new(level);
        let root = hand.create(2 * PAGE);
        hand.write(root, PAGE, b"root");
        let clone = hand.clone_of(root, 0, PAGE);
        hand.resize(clone, 2 * PAGE);
        assert!(hand.may_read(clone, PAGE, b"root") && !hand.may_read(clone, PAGE, b"????"));
        assert_eq!(hand.may_read(clone, PAGE, &[0; 4]), may_sever);
        if may_sever {
            hand.read(clone, PAGE, &[0; 4]).expect("zeros may show");
            assert!(!hand.may_read(clone, PAGE, b"root"));
        }
    }
}

/// VMO-OPRANGE-28 is the kernel's alone: elsewhere pages that were released in
/// part may be kept.
#[test]
fn releasing_a_part_of_a_page_may_release_all_or_nothing() {
    for (level, is_open) in [(Level::Page, true), (Level::Kernel, false)] {
        let mut hand = Hand::new(level);
        let vmo = hand.create(PAGE);
        hand.write(vmo, 0, b"abcd");
        hand.operate(vmo, ZX_VMO_OP_DECOMMIT, 1, 2, ZX_OK).expect("it can be released");
        assert!(hand.may_read(vmo, 0, &[0; 4]));
        assert_eq!(hand.may_read(vmo, 0, b"abcd"), is_open);
        assert_eq!(hand.may_read(vmo, 0, b"a\0\0d"), is_open);
        assert!(!hand.may_read(vmo, 0, b"a\0cd"));
    }
}

/// VMAR-MAP-53: what SPECIFIC_OVERWRITE had replaced when it failed.
#[test]
fn a_failed_overwrite_leaves_a_hole_or_nothing_changed() {
    for (level, may_stay) in [(Level::Page, true), (Level::Kernel, false)] {
        let mut hand = Hand::new(level);
        let vmo = hand.create(2 * PAGE);
        let address = hand.map(vmo, 0, 0, 2 * PAGE, WRITABLE);
        hand.store(address, b"x");
        let flags = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
        hand.map_as(vmo, 0, 0, PAGE, flags, 0, ZX_ERR_INVALID_ARGS).expect("NULL is refused");
        assert!(hand.may_load(address, None));
        assert_eq!(hand.may_load(address, Some(b"x")), may_stay);
        assert!(hand.may_load(address + PAGE, Some(&[0])));
        assert!(!hand.may_load(address + PAGE, None));
        if may_stay {
            hand.load(address, None).expect("it may be a hole");
            assert!(!hand.may_load(address, Some(b"x")));
            assert_eq!(hand.oracle.possible_states(), 1);
        }
    }
}

/// C-29: what closing an array closes that cannot be read to its end.
#[test]
fn an_unreadable_array_may_have_closed_what_could_be_read() {
    for (level, is_open) in [(Level::Page, true), (Level::Kernel, false)] {
        let mut hand = Hand::new(level);
        let (vmo, mapped) = (hand.create(PAGE), hand.create(PAGE));
        let address = hand.map(mapped, 0, 0, PAGE, WRITABLE);
        hand.store(address + PAGE - 4, &vmo.to_le_bytes());
        let arguments = [address + PAGE - 4, 2];
        hand.status(Syscall::handle_close_many, &arguments, ZX_OK).expect("C-29");
        assert!(hand.may_read(vmo, 0, &[0]));
        let judged = hand.status(Syscall::handle_close, &[u64::from(vmo)], -11);
        assert_eq!(judged.is_ok(), is_open);
    }
}

/// VMO-READ-15: a buffer after a failed read, which here is a mapping.
#[test]
fn a_failed_read_may_spoil_its_buffer() {
    for (level, is_open) in [(Level::Page, true), (Level::Kernel, false)] {
        let mut hand = Hand::new(level);
        let (vmo, mapped) = (hand.create(PAGE), hand.create(PAGE));
        let address = hand.map(mapped, 0, 0, PAGE, WRITABLE);
        hand.store(address, b"abcdef");
        let arguments = [u64::from(vmo), address + 1, PAGE, 4];
        hand.status(Syscall::vmo_read, &arguments, ZX_ERR_OUT_OF_RANGE).expect("it is outside");
        // The kernel leaves zeros at both ends (VMO-READ-14).
        assert!(hand.may_load(address, Some(b"a\0cd\0f")));
        assert_eq!(hand.may_load(address, Some(b"abcdef")), is_open);
        assert_eq!(hand.may_load(address, Some(b"a????f")), is_open);
        assert!(!hand.may_load(address, Some(b"????")));
        assert!(!hand.may_load(address + 4, Some(b"??")) || is_open);
        assert!(!hand.may_load(address + 5, Some(b"?")));
    }
}

/// Chains of clones may be as long as programs.
#[test]
fn a_long_chain_of_clones_is_walked_without_recursion() {
    let mut hand = page();
    let root = hand.create(PAGE);
    hand.write(root, 0, b"root");
    let mut last = root;
    for _ in 0..20_000 {
        let next = hand.clone_of(last, 0, PAGE);
        hand.status(Syscall::handle_close, &[u64::from(last)], ZX_OK).expect("it can be closed");
        last = next;
    }
    assert!(hand.may_read(last, 0, b"root") && !hand.may_read(last, 0, b"????"));
    hand.write(last, 0, b"l");
    assert!(hand.may_read(last, 0, b"loot"));
    hand.status(Syscall::handle_close, &[u64::from(last)], ZX_OK).expect("it can be closed");
}

/// However large VMOs are, what is kept of them is what programs wrote.
#[test]
fn huge_vmos_cost_nothing() {
    let mut hand = kernel();
    let vmo = hand.create(0xffff_ffff_ffff_f000);
    let clone = hand.clone_of(vmo, 0, 1 << 60);
    hand.write(vmo, 1 << 59, b"far");
    assert!(hand.may_read(clone, 1 << 59, b"far"));
    hand.operate(clone, ZX_VMO_OP_COMMIT, 0, 1 << 60, ZX_OK).expect("nobody says it cannot");
    hand.write(vmo, 1 << 59, b"new");
    assert!(hand.may_read(clone, 1 << 59, b"far"));
    hand.operate(clone, ZX_VMO_OP_DECOMMIT, 0, 1 << 60, ZX_OK).expect("it can be released");
    assert!(hand.may_read(clone, 1 << 59, b"new"));
    hand.resize(vmo, 0);
    assert!(hand.may_read(clone, 1 << 59, &[0; 3]));
    assert!(!hand.oracle.gave_up());
}
