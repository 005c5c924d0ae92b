//! Sizes, places and flags of every kind, and pointers that are bad.

use vmo_abi::Capability::{Handles, Info, Mapping, Regions};
use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_OK,
    ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_SPECIFIC, zx_status_t,
};

use crate::level::Level;
use crate::program::{Address, Handle, Value};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::{lay, map_at, pages_show};
use crate::suite::cases::prototypes::{ANY_MAPPING, number};
use crate::suite::cases::vmar_unmap::region_at;
use crate::suite::{Answer, Checked, Context, PAGE, READ_WRITE, Side, Suite, plus};

const BASE: Address = Address::Region(0);
/// Bytes of the program's own region.
const REGION: u64 = 1 << 32;
const SPECIFIC: u32 = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
/// DUPLICATE, TRANSFER and INSPECT, which every region handle has.
const BASIC_RIGHTS: u32 = 0x8003;

/// Sizes, and whether a region of them fits into the program's own.
const SIZES: &[(&str, u64, bool)] = &[
    ("0", 0, false),
    ("1", 1, false),
    ("before_a_page", PAGE - 1, false),
    ("a_page", PAGE, true),
    ("behind_a_page", PAGE + 1, false),
    ("half_a_page_more", PAGE + PAGE / 2, false),
    ("two_pages", 2 * PAGE, true),
    ("2_to_the_31", 1 << 31, true),
    ("a_page_less_than_the_parent", REGION - PAGE, true),
    ("a_byte_less_than_the_parent", REGION - 1, false),
    ("the_parent", REGION, true),
    ("a_byte_more_than_the_parent", REGION + 1, false),
    ("a_page_more_than_the_parent", REGION + PAGE, false),
    ("2_to_the_47", 1 << 47, false),
    ("2_to_the_63", 1 << 63, false),
    ("to_the_last_page", 0_u64.wrapping_sub(PAGE), false),
    ("wraps_by_one", 0_u64.wrapping_sub(PAGE) + 1, false),
    ("to_the_last_byte", u64::MAX, false),
];

/// Places, with the pages from there to the end of the program's region.
const PLACES: &[(&str, u64)] = &[
    ("0", 0),
    ("1", 1),
    ("half_a_page", PAGE / 2),
    ("before_a_page", PAGE - 1),
    ("a_page", PAGE),
    ("2_to_the_31", 1 << 31),
    ("the_last_page_but_one", REGION - 2 * PAGE),
    ("the_last_page", REGION - PAGE),
    ("the_end", REGION),
    ("a_page_behind_the_end", REGION + PAGE),
    ("2_to_the_63", 1 << 63),
    ("a_page_before", 0_u64.wrapping_sub(PAGE)),
    ("a_byte_before", u64::MAX),
];

pub(super) fn add(suite: &mut Suite) {
    sizes(suite);
    places(suite);
    flags(suite);
    pointers(suite);
}

fn sizes(suite: &mut Suite) {
    for &(row, size, fits) in SIZES {
        for (kind, flags) in [("anywhere", ANY_MAPPING), ("specific", SPECIFIC)] {
            suite.test(
                format!("size::{row}::{kind}"),
                if fits { &["VMAR-ALLOC-01"] } else { &["VMAR-ALLOC-05"] },
                &[Regions, Mapping],
                move |cx| {
                    let answer = cx.vmar_allocate(Handle::Region, 0, size, flags)?;
                    if !fits {
                        return answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop);
                    }
                    let answer = answer.ok()?;
                    let (child, base) = (answer.handle(0), answer.address());
                    // Its last page is inside, the one behind it is not.
                    let vmo = create(cx, "a")?;
                    map_at(cx, child, size / PAGE - 1, vmo, 0, 1, READ_WRITE)?;
                    pages_show(cx, plus(base, size - PAGE), "a")?;
                    let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
                    let answer = cx.vmar_map(child, size, vmo, 0, PAGE, flags)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
                },
            );
        }
    }
}

fn places(suite: &mut Suite) {
    for &(row, place) in PLACES {
        for (len_row, size) in [("a_page", PAGE), ("two_pages", 2 * PAGE)] {
            let fits = place < REGION && size <= REGION - place && place.is_multiple_of(PAGE);
            suite.test(
                format!("specific_place::{row}::{len_row}"),
                if fits { &["VMAR-ALLOC-01"] } else { &["VMAR-ALLOC-05"] },
                &[Regions, Mapping],
                move |cx| {
                    let answer = cx.vmar_allocate(Handle::Region, place, size, SPECIFIC)?;
                    if !fits {
                        return answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop);
                    }
                    let answer = answer.ok()?;
                    let child = answer.handle(0);
                    let at = cx.address_of(Address::Region(place))?;
                    answer.word_is(5, at)?;
                    lay(cx, child, "[a]")?;
                    pages_show(cx, Address::Region(place), "a")
                },
            );
        }
        if place != 0 {
            suite.test(
                format!("a_place_is_only_for_specific::{row}"),
                &["VMAR-ALLOC-05"],
                &[Regions],
                move |cx| {
                    let answer = cx.vmar_allocate(Handle::Region, place, PAGE, ANY_MAPPING)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
                },
            );
        }
    }

    // A mapping on page 2 and a region on page 4.
    for (row, place, pages) in [
        ("a_mapping", 2, 1),
        ("the_end_of_a_mapping", 2, 2),
        ("around_a_mapping", 1, 3),
        ("a_region", 4, 1),
        ("before_a_region", 3, 2),
        ("both", 0, 6),
    ] {
        let test = move |cx: &mut Context<'_>| {
            lay(cx, Handle::Region, "--[c]")?;
            let child = region_at(cx, Handle::Region, 4, 1)?;
            lay(cx, child, "[e]")?;
            let answer = cx.vmar_allocate(Handle::Region, place * PAGE, pages * PAGE, SPECIFIC)?;
            let answer = answer.one_of(&[ZX_ERR_NO_MEMORY, ZX_ERR_INVALID_ARGS])?.untouched()?;
            pages_show(cx, BASE, "--c-e-")?;
            region_at(cx, Handle::Region, 3, 1)?;
            let is_kernels = answer.status() == Some(ZX_ERR_NO_MEMORY);
            cx.expect(is_kernels || cx.level() != Level::Kernel, "ERR_NO_MEMORY", "another")
        };
        suite
            .test(
                format!("a_place_that_is_taken::{row}"),
                &["VMAR-ALLOC-05"],
                &[Regions, Mapping],
                test,
            )
            .at(Level::Page);
    }
}

/// What comes of a flag by itself.
fn status_of_flag(bit: u32) -> zx_status_t {
    match bit {
        1 | 3 | 4 | 6..=9 => ZX_OK,
        _ => ZX_ERR_INVALID_ARGS,
    }
}

/// `vmar_allocate` of a page with a whole register as its flags.
fn allocate_with_register(cx: &mut Context<'_>, flags: u64) -> Checked<Answer> {
    let arguments = vec![
        Handle::Region.into(),
        number(0_u64),
        number(PAGE),
        number(flags),
        Value::Scratch,
        Value::Scratch,
    ];
    cx.call(Syscall::vmar_allocate, arguments)
}

fn flags(suite: &mut Suite) {
    for bit in 0..32 {
        // That others are refused, and what rights there are, is the kernel's
        // word alone.
        let is_known = matches!(bit, 3 | 4 | 6..=9);
        let clauses: &'static [&'static str] =
            if is_known { &["VMAR-ALLOC-01"] } else { &["VMAR-ALLOC-09"] };
        for (kind, with) in [("alone", 0), ("with_can_map_read", ZX_VM_FLAG_CAN_MAP_READ)] {
            let name = format!("flag::bit_{bit}::{kind}");
            suite.test(name, clauses, &[Regions], move |cx| {
                let answer = cx.vmar_allocate(Handle::Region, 0, PAGE, with | 1 << bit)?;
                let answer = answer.is(status_of_flag(bit))?;
                match answer.status() {
                    Some(ZX_OK) => Ok(()),
                    _ => answer.untouched().map(drop),
                }
            });
            if status_of_flag(bit) != ZX_OK {
                continue;
            }
            let name = format!("rights_with_flag::bit_{bit}::{kind}");
            suite.test(name, &["VMAR-ALLOC-04"], &[Regions, Info], move |cx| {
                let (child, _) = cx.allocate(PAGE, with | 1 << bit)?;
                let rights = ((with | 1 << bit) & 0x380) >> 5;
                cx.expect_rights(child, BASIC_RIGHTS | rights)
            });
        }
    }

    suite.test(
        "write_among_the_flags_allows_nothing",
        &["VMAR-ALLOC-09"],
        &[Regions, Mapping],
        |cx| {
            let (child, _) = cx.allocate(2 * PAGE, ZX_VM_FLAG_CAN_MAP_READ | 2)?;
            let vmo = create(cx, "a")?;
            cx.vmar_map(child, 0, vmo, 0, PAGE, READ_WRITE)?.is(ZX_ERR_ACCESS_DENIED)?;
            cx.vmar_map(child, 0, vmo, 0, PAGE, 1)?.ok().map(drop)
        },
    );

    suite.test("specific_needs_a_parent_that_allows_it", &["VMAR-ALLOC-03"], &[Regions], |cx| {
        let flags = ANY_MAPPING & !ZX_VM_FLAG_CAN_MAP_SPECIFIC;
        let (parent, _) = cx.allocate(4 * PAGE, flags)?;
        for place in [0, PAGE] {
            let answer = cx.vmar_allocate(parent, place, PAGE, flags | ZX_VM_FLAG_SPECIFIC)?;
            answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
        }
        cx.vmar_allocate(parent, 0, PAGE, flags)?.ok().map(drop)
    });

    // The page says that this is no error, other than for the other flags.
    suite.test(
        "a_child_may_have_places_where_its_parent_has_none",
        &["VMAR-ALLOC-01"],
        &[Regions, Mapping],
        |cx| {
            let flags = ANY_MAPPING & !ZX_VM_FLAG_CAN_MAP_SPECIFIC;
            let (parent, _) = cx.allocate(4 * PAGE, flags)?;
            let answer = cx.vmar_allocate(parent, 0, 2 * PAGE, ANY_MAPPING)?.ok()?;
            let vmo = create(cx, "a")?;
            map_at(cx, answer.handle(0), 1, vmo, 0, 1, READ_WRITE)?;
            pages_show(cx, answer.address(), "-a")
        },
    );

    for (name, upper) in [("lowest", 1 << 32), ("highest", 1 << 63), ("all", u64::MAX << 32)] {
        suite
            .test(
                format!("ignores_the_upper_half_of_the_flags::{name}"),
                &["VMAR-ALLOC-09"],
                &[Regions],
                move |cx| {
                    allocate_with_register(cx, upper | 0x80)?.ok()?;
                    let answer = allocate_with_register(cx, upper | 0x81)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
                },
            )
            .at(Level::Kernel);
    }
}

fn pointers(suite: &mut Suite) {
    // What is left behind may vary (ND-21) below the level of the kernel.
    suite.test(
        "a_bad_address_pointer_leaves_a_dead_region",
        &["VMAR-ALLOC-07"],
        &[Regions, Mapping],
        |cx| {
            let vmo = create(cx, "a")?;
            cx.with("child_addr", Address::Null);
            let answer = cx.vmar_allocate(Handle::Region, 0, PAGE, SPECIFIC)?;
            let answer = answer.is(ZX_ERR_INVALID_ARGS)?;
            let left = Handle::Literal(answer.word(4)? as u32);
            let answer = cx.vmar_map(left, 0, vmo, 0, PAGE, 1)?;
            answer.is(ZX_ERR_BAD_STATE)?.untouched()?;
            cx.vmar_destroy(left)?.is(ZX_ERR_BAD_STATE)?;
            cx.close(left)?;
            // The room is free.
            map_at(cx, Handle::Region, 0, vmo, 0, 1, READ_WRITE)?;
            pages_show(cx, BASE, "a-")
        },
    );

    suite
        .test(
            "a_bad_handle_pointer_leaves_a_region_or_not",
            &["VMAR-ALLOC-07"],
            &[Regions, Mapping],
            |cx| {
                let vmo = create(cx, "a")?;
                cx.with("child_vmar", Address::Null);
                cx.vmar_allocate(Handle::Region, 0, PAGE, SPECIFIC)?.is(ZX_ERR_INVALID_ARGS)?;
                let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
                let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, flags)?;
                let taken = [ZX_ERR_NO_MEMORY, ZX_ERR_INVALID_ARGS];
                let is_free = answer.status() == Some(ZX_OK);
                cx.takes("C-30", if is_free { Side::Page } else { Side::Kernel });
                if cx.level() == Level::Kernel {
                    answer.is(ZX_ERR_NO_MEMORY)?;
                } else if !is_free {
                    answer.one_of(&taken)?;
                }
                pages_show(cx, BASE, if is_free { "a" } else { "-" })
            },
        )
        .at(Level::Page);

    suite.test("two_bad_pointers_leave_nothing", &["VMAR-ALLOC-07"], &[Regions, Mapping], |cx| {
        cx.with("child_vmar", Address::Null).with("child_addr", Address::Null);
        cx.vmar_allocate(Handle::Region, 0, PAGE, SPECIFIC)?.is(ZX_ERR_INVALID_ARGS)?;
        lay(cx, Handle::Region, "[a]")?;
        pages_show(cx, BASE, "a-")
    });

    suite.test("the_handle_lands_in_a_mapping", &["VMAR-ALLOC-01"], &[Regions, Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[a]")?;
        cx.with("child_vmar", Address::Region(4)).with("child_addr", Address::Region(16));
        let answer = cx.vmar_allocate(Handle::Region, 2 * PAGE, PAGE, SPECIFIC)?.ok()?;
        let at = cx.address_of(Address::Region(2 * PAGE))?;
        cx.expect_bytes(pieces[0].vmo, PAGE + 16, &at.to_le_bytes())?;
        let value = (answer.word(4)? as u32).to_le_bytes();
        cx.expect_bytes(pieces[0].vmo, PAGE + 4, &value)?;
        cx.expect_bytes(pieces[0].vmo, PAGE, b"aaaa")?;
        cx.expect_bytes(pieces[0].vmo, PAGE + 8, b"aaaaaaaa")?;
        cx.expect_bytes(pieces[0].vmo, PAGE + 24, b"aaaa")
    });

    suite.test("each_handle_is_another", &["VMAR-ALLOC-01"], &[Regions, Info, Handles], |cx| {
        let (first, _) = cx.allocate(PAGE, ANY_MAPPING)?;
        let (second, _) = cx.allocate(PAGE, ANY_MAPPING)?;
        let third = cx.duplicate_same(second)?;
        let koids = [cx.koid(first)?, cx.koid(second)?, cx.koid(third)?];
        cx.expect(koids[0] != koids[1] && koids[1] == koids[2], "two objects", "others")
    });
}
