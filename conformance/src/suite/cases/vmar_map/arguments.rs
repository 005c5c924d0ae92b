//! Positions and lengths of every size against each other, and every flag.

use vmo_abi::Capability::Mapping;
use vmo_abi::{Syscall, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_VM_FLAG_SPECIFIC as SPECIFIC};
use vmo_abi::{ZX_VM_FLAG_SPECIFIC_OVERWRITE as OVERWRITE, zx_status_t};

use crate::level::Level;
use crate::program::{Address, Handle, Value};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::{pages_allow, pages_show};
use crate::suite::cases::prototypes::number;
use crate::suite::{Answer, Checked, Context, PAGE, READ_ONLY, Suite, plus};

/// Bytes of the program's own region.
const REGION: u64 = 1 << 32;

/// Positions in the VMO.
const POSITIONS: &[(&str, u64)] = &[
    ("0", 0),
    ("1", 1),
    ("8", 8),
    ("half_a_page", PAGE / 2),
    ("before_a_page", PAGE - 1),
    ("a_page", PAGE),
    ("behind_a_page", PAGE + 1),
    ("two_pages", 2 * PAGE),
    ("the_end", 3 * PAGE),
    ("behind_the_end", 4 * PAGE),
    ("2_to_the_31", 1 << 31),
    ("2_to_the_32", 1 << 32),
    ("a_page_behind_2_to_the_32", (1 << 32) + PAGE),
    ("2_to_the_40", 1 << 40),
    ("2_to_the_63", 1 << 63),
    ("the_last_page_but_one", 0_u64.wrapping_sub(2 * PAGE)),
    ("the_last_page", 0_u64.wrapping_sub(PAGE)),
    ("the_last_byte", u64::MAX),
];

/// Lengths.
const LENGTHS: &[(&str, u64)] = &[
    ("0", 0),
    ("1", 1),
    ("before_a_page", PAGE - 1),
    ("a_page", PAGE),
    ("behind_a_page", PAGE + 1),
    ("two_pages", 2 * PAGE),
    ("three_pages", 3 * PAGE),
    ("2_to_the_31", 1 << 31),
    ("a_page_less_than_the_region", REGION - PAGE),
    ("a_byte_less_than_the_region", REGION - 1),
    ("the_region", REGION),
    ("behind_the_region", REGION + 1),
    ("a_page_more_than_the_region", REGION + PAGE),
    ("2_to_the_47", 1 << 47),
    ("2_to_the_63", 1 << 63),
    ("to_the_last_page", 0_u64.wrapping_sub(PAGE)),
    ("wraps_by_one", 0_u64.wrapping_sub(PAGE) + 1),
    ("to_the_last_byte", u64::MAX),
];

/// What comes of a position and a length, and the clause that says so.
fn judge(position: u64, len: u64) -> (zx_status_t, &'static [&'static str]) {
    let aligned = position.is_multiple_of(PAGE);
    let Some(size) = len.checked_next_multiple_of(PAGE) else {
        return (ZX_ERR_INVALID_ARGS, &["VMAR-MAP-16"]);
    };
    let refused: &'static [&'static str] = if len == 0 {
        &["VMAR-MAP-14"]
    } else if !aligned {
        &["VMAR-MAP-17"]
    } else if position.checked_add(size).is_none() {
        &["VMAR-MAP-18"]
    } else if size > REGION {
        &["VMAR-MAP-24"]
    } else if position + size <= 3 * PAGE {
        return (ZX_OK, &["VMAR-MAP-01", "VMAR-MAP-15"]);
    } else {
        return (ZX_OK, &["VMAR-MAP-15", "VMAR-MAP-19"]);
    };
    (ZX_ERR_INVALID_ARGS, refused)
}

pub(super) fn add(suite: &mut Suite) {
    for &(position_name, position) in POSITIONS {
        for &(len_name, len) in LENGTHS {
            let (status, clauses) = judge(position, len);
            suite.test(
                format!("position_and_length::{position_name}::{len_name}"),
                clauses,
                &[Mapping],
                move |cx| try_to_map(cx, position, len, status),
            );
        }
    }
    places(suite);
    flags(suite);
}

/// What a page of a VMO of the pages `abc` shows.
fn letter(page: u64) -> &'static str {
    ["a", "b", "c"].get(page as usize).copied().unwrap_or("-")
}

fn try_to_map(cx: &mut Context<'_>, position: u64, len: u64, status: zx_status_t) -> Checked {
    let vmo = create(cx, "abc")?;
    let answer = cx.vmar_map(Handle::Region, 0, vmo, position, len, READ_ONLY)?;
    if status != ZX_OK {
        return answer.is(status)?.untouched().map(drop);
    }
    let address = if len >= 1 << 31 {
        let Some(answer) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
        answer.address()
    } else {
        answer.ok()?.address()
    };
    let (first, pages) = (position / PAGE, len.div_ceil(PAGE));
    for page in [0, 1, pages - 1] {
        if page < pages {
            pages_show(cx, plus(address, page * PAGE), letter(first + page))?;
        }
    }
    Ok(())
}

/// Places in the program's own region.
const PLACES: &[(&str, u64)] = &[
    ("0", 0),
    ("1", 1),
    ("before_a_page", PAGE - 1),
    ("a_page", PAGE),
    ("2_to_the_31", 1 << 31),
    ("the_last_page_but_one", REGION - 2 * PAGE),
    ("the_last_page", REGION - PAGE),
    ("behind_the_last_page", REGION - PAGE + 1),
    ("the_end", REGION),
    ("a_page_behind_the_end", REGION + PAGE),
    ("2_to_the_63", 1 << 63),
    ("2_to_the_63_and_a_page", (1 << 63) + PAGE),
    ("a_page_before", 0_u64.wrapping_sub(PAGE)),
    ("a_byte_before", u64::MAX),
];

fn places(suite: &mut Suite) {
    for &(place_name, place) in PLACES {
        for (len_name, len) in
            [("1", 1), ("a_page", PAGE), ("behind_a_page", PAGE + 1), ("two_pages", 2 * PAGE)]
        {
            let fits = place < REGION && len.next_multiple_of(PAGE) <= REGION - place;
            let clauses: &'static [&'static str] = match fits {
                false => &["VMAR-MAP-24"],
                true if !place.is_multiple_of(PAGE) => &["VMAR-MAP-23"],
                true => &["VMAR-MAP-21", "VMAR-MAP-15"],
            };
            let is_ok = fits && place.is_multiple_of(PAGE);
            for (kind, flag) in [("specific", SPECIFIC), ("overwriting", OVERWRITE)] {
                suite.test(
                    format!("{kind}_place_and_length::{place_name}::{len_name}"),
                    clauses,
                    &[Mapping],
                    move |cx| {
                        let vmo = create(cx, "abc")?;
                        let flags = READ_ONLY | flag;
                        let answer = cx.vmar_map(Handle::Region, place, vmo, PAGE, len, flags)?;
                        if !is_ok {
                            return answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop);
                        }
                        let at = cx.address_of(Address::Region(place))?;
                        answer.ok()?.word_is(6, at)?;
                        let shown = if len > PAGE { "bc" } else { "b-" };
                        let rest = (REGION - place) / PAGE;
                        pages_show(cx, Address::Region(place), &shown[..rest.min(2) as usize])
                    },
                );
            }
        }

        if place != 0 {
            suite.test(
                format!("a_place_is_only_for_specific::{place_name}"),
                &["VMAR-MAP-20"],
                &[Mapping],
                move |cx| {
                    let vmo = create(cx, "a")?;
                    let answer = cx.vmar_map(Handle::Region, place, vmo, 0, PAGE, READ_ONLY)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
                },
            );
        }
    }
}

/// The clause about a flag, and whether vmar_map takes it together with
/// PERM_READ and by itself.
fn about_flag(bit: u32) -> (&'static [&'static str], bool, bool) {
    match bit {
        0 => (&["VMAR-MAP-07"], true, true),
        1 => (&["VMAR-MAP-08"], true, false),
        2 => (&["VMAR-MAP-09"], true, false),
        4 => (&["VMAR-MAP-21"], true, true),
        5 => (&["VMAR-MAP-27"], true, true),
        10 => (&["VMAR-MAP-31"], true, true),
        3 | 6..=9 => (&["VMAR-MAP-13"], false, false),
        _ => (&["VMAR-MAP-12"], false, false),
    }
}

/// `vmar_map` with a whole register as its flags.
fn map_with_register(cx: &mut Context<'_>, vmo: Handle, flags: u64) -> Checked<Answer> {
    let arguments = vec![
        Handle::Region.into(),
        number(0_u64),
        vmo.into(),
        number(0_u64),
        number(PAGE),
        number(flags),
        Value::Scratch,
    ];
    cx.call(Syscall::vmar_map, arguments)
}

fn flags(suite: &mut Suite) {
    for bit in 0..32 {
        let (clauses, with_read, alone) = about_flag(bit);
        suite.test(format!("flag_with_read::bit_{bit}"), clauses, &[Mapping], move |cx| {
            let vmo = create(cx, "a")?;
            let flags = READ_ONLY | 1 << bit;
            let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, flags)?;
            if !with_read {
                return answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop);
            }
            let address = answer.ok()?.address();
            pages_show(cx, address, "a")?;
            pages_allow(cx, address, if bit == 1 { "w" } else { "r" })
        });

        let clauses: &'static [&'static str] = match bit {
            0 => clauses,
            1 | 2 => &["VMAR-MAP-10"],
            _ if alone => &["VMAR-MAP-11"],
            _ => clauses,
        };
        suite.test(format!("flag_alone::bit_{bit}"), clauses, &[Mapping], move |cx| {
            let vmo = create(cx, "a")?;
            let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, 1 << bit)?;
            if !alone {
                return answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop);
            }
            let address = answer.ok()?.address();
            pages_allow(cx, address, if bit == 0 { "r" } else { "-" })
        });
    }

    for (name, flags, clauses) in [
        ("all", u32::MAX, &["VMAR-MAP-12"]),
        ("all_undefined", 0xffff_f801, &["VMAR-MAP-12"]),
        ("all_can_map", 0x3c1, &["VMAR-MAP-13"]),
        ("all_but_the_highest", 0x7fff_ffff, &["VMAR-MAP-12"]),
        ("upper_16", 0xffff_0001, &["VMAR-MAP-12"]),
    ] {
        suite.test(format!("flags_together::{name}"), clauses, &[Mapping], move |cx| {
            let vmo = create(cx, "a")?;
            let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, flags)?;
            answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
        });
    }

    // Flags of 32 bits are the lower half of a register; the kernel never looks
    // at the other.
    for (name, upper) in [("lowest", 1 << 32), ("highest", 1 << 63), ("all", u64::MAX << 32)] {
        suite
            .test(
                format!("ignores_the_upper_half_of_the_flags::{name}"),
                &["VMAR-MAP-12"],
                &[Mapping],
                move |cx| {
                    let vmo = create(cx, "a")?;
                    let address = map_with_register(cx, vmo, upper | 1)?.ok()?.address();
                    pages_allow(cx, address, "r")?;
                    let answer = map_with_register(cx, vmo, upper | 1 | 1 << 11)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
                },
            )
            .at(Level::Kernel);
    }
}
