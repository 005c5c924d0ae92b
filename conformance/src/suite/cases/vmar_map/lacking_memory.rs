//! What is left when memory is lacking for a mapping.

use vmo_abi::Capability::{CachePolicy, Mapping, MemoryControl, Regions};
use vmo_abi::{ZX_ERR_NO_MEMORY, ZX_OK, ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE};

use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::{lay, pages_show, stores_arrive};
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::{Answer, Checked, Context, PAGE, READ_WRITE, Suite};

/// Allocations that a call makes at most.
const MOST: u64 = 100;

/// Does a call with one allocation after the other failing, until it succeeds
/// with none failing; `look` judges what a failure has left.
fn until_it_succeeds(
    cx: &mut Context<'_>,
    call: impl Fn(&mut Context<'_>) -> Checked<Answer>,
    look: impl Fn(&mut Context<'_>) -> Checked,
) -> Checked {
    for nth in 1..=MOST {
        cx.fail_allocation(Some(nth))?;
        let answer = call(cx)?;
        cx.fail_allocation(None)?;
        if answer.status() == Some(ZX_OK) {
            answer.ok()?;
            return cx.expect(nth > 1, "an allocation that can fail", "none failed");
        }
        answer.is(ZX_ERR_NO_MEMORY)?.untouched()?;
        look(cx)?;
    }
    cx.expect(false, format!("at most {MOST} allocations"), "more")
}

pub(super) fn add(suite: &mut Suite) {
    suite.test(
        "lack_of_memory_leaves_no_mapping",
        &["VMAR-MAP-52"],
        &[Mapping, MemoryControl, CachePolicy],
        |cx| {
            let vmo = cx.create(PAGE)?;
            // The program's region is made when it is first used.
            cx.expect_load_fault(Address::Region(0))?;
            until_it_succeeds(
                cx,
                |cx| cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, READ_WRITE),
                // A VMO that is mapped would refuse this (VMO-CACHEPOL-09).
                |cx| cx.expect_nothing_committed(vmo),
            )
        },
    );

    suite.test("lack_of_memory_takes_no_room", &["VMAR-MAP-52"], &[Mapping, MemoryControl], |cx| {
        lay(cx, Handle::Region, "[a]-[c]")?;
        let other = create(cx, "x")?;
        let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
        until_it_succeeds(
            cx,
            |cx| cx.vmar_map(Handle::Region, PAGE, other, 0, PAGE, flags),
            |cx| pages_show(cx, Address::Region(0), "a-c"),
        )?;
        pages_show(cx, Address::Region(0), "axc")
    });

    for (row, first, pages, shown) in
        [("first_page", 0, 1, "Kbcd-"), ("middle", 1, 2, "aKLd-"), ("all_and_more", 0, 5, "KLMNO")]
    {
        suite.test(
            format!("lack_of_memory_overwrites_nothing::{row}"),
            &["VMAR-MAP-52", "VMAR-MAP-27"],
            &[Mapping, MemoryControl],
            move |cx| {
                let pieces = lay(cx, Handle::Region, "[abcd]")?;
                let other = create(cx, "KLMNO")?;
                let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
                let (place, len) = (first * PAGE, pages * PAGE);
                until_it_succeeds(
                    cx,
                    |cx| cx.vmar_map(Handle::Region, place, other, 0, len, flags),
                    |cx| pages_show(cx, Address::Region(0), "abcd-"),
                )?;
                pages_show(cx, Address::Region(0), shown)?;
                let range = first..first + pages;
                stores_arrive(cx, Address::Region(0), &pieces, |page| !range.contains(&page))
            },
        );
    }

    suite.test(
        "lack_of_memory_in_a_region",
        &["VMAR-MAP-52"],
        &[Mapping, MemoryControl, Regions],
        |cx| {
            let (region, base) = cx.allocate(PAGE, ANY_MAPPING)?;
            let vmo = create(cx, "a")?;
            until_it_succeeds(
                cx,
                |cx| cx.vmar_map(region, 0, vmo, 0, PAGE, READ_WRITE),
                |cx| pages_show(cx, base, "-"),
            )?;
            pages_show(cx, base, "a")
        },
    );

    suite.test("mapping_takes_no_pages", &["VMAR-MAP-41"], &[Mapping, MemoryControl], |cx| {
        let vmo = create(cx, "a.")?;
        cx.limit_memory(Some(0))?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        pages_show(cx, address, "a.")
    });
}
