//! Buffers of calls that lie in mappings.

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, Properties, Regions, Signals};
use vmo_abi::{
    Syscall, ZX_ERR_INVALID_ARGS, ZX_ERR_TIMED_OUT, ZX_INFO_HANDLE_BASIC, ZX_OK, ZX_PROP_NAME,
    ZX_RIGHT_SAME_RIGHTS, zx_status_t,
};

use super::pattern;
use super::picture::{lay, map_at, pages_show};
use crate::program::{Address, Handle, Value};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::prototypes::{ANY_MAPPING, number};
use crate::suite::{Answer, Checked, Context, Deadline, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);

/// A call that stores through a pointer: its name, what it needs, how many bytes
/// it stores, the status that goes with storing them, and the call, given a VMO
/// and the address.
struct Stores {
    name: &'static str,
    needs: &'static [vmo_abi::Capability],
    len: u64,
    status: zx_status_t,
    call: fn(&mut Context<'_>, Handle, Address) -> Checked<Answer>,
}

impl Stores {
    /// What is said about a place across a border: that of a number or a handle
    /// needs no alignment, which is the kernel's word only.
    const fn clauses(&self) -> &'static [&'static str] {
        if self.len <= 8 { &["GEN-08", "GEN-10"] } else { &["GEN-10"] }
    }
}

const STORES: &[Stores] = &[
    Stores {
        name: "vmo_create",
        needs: &[Mapping],
        len: 4,
        status: ZX_OK,
        call: |cx, _, at| cx.with("out", at).vmo_create(PAGE, 0),
    },
    Stores {
        name: "vmo_read",
        needs: &[Mapping],
        len: 24,
        status: ZX_OK,
        call: |cx, vmo, at| cx.with("buffer", at).vmo_read(vmo, 0, 24),
    },
    Stores {
        name: "vmo_get_size",
        needs: &[Mapping],
        len: 8,
        status: ZX_OK,
        call: |cx, vmo, at| cx.with("size", at).vmo_get_size(vmo),
    },
    Stores {
        name: "vmo_clone",
        needs: &[Mapping, Clone],
        len: 4,
        status: ZX_OK,
        call: |cx, vmo, at| cx.with("out", at).vmo_clone(vmo, 1, 0, PAGE),
    },
    Stores {
        name: "handle_duplicate",
        needs: &[Mapping, Handles],
        len: 4,
        status: ZX_OK,
        call: |cx, vmo, at| cx.with("out", at).handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS),
    },
    Stores {
        name: "handle_replace",
        needs: &[Mapping, Handles],
        len: 4,
        status: ZX_OK,
        call: |cx, vmo, at| {
            let other = cx.duplicate_same(vmo)?;
            cx.with("out", at).handle_replace(other, ZX_RIGHT_SAME_RIGHTS)
        },
    },
    Stores {
        name: "vmar_map",
        needs: &[Mapping],
        len: 8,
        status: ZX_OK,
        call: |cx, vmo, at| {
            cx.with("mapped_addr", at).vmar_map(Handle::Region, 0, vmo, 0, PAGE, READ_ONLY)
        },
    },
    Stores {
        name: "vmar_allocate_handle",
        needs: &[Mapping, Regions],
        len: 4,
        status: ZX_OK,
        call: |cx, _, at| {
            cx.with("child_vmar", at).vmar_allocate(Handle::Region, 0, PAGE, ANY_MAPPING)
        },
    },
    Stores {
        name: "vmar_allocate_address",
        needs: &[Mapping, Regions],
        len: 8,
        status: ZX_OK,
        call: |cx, _, at| {
            cx.with("child_addr", at).vmar_allocate(Handle::Region, 0, PAGE, ANY_MAPPING)
        },
    },
    Stores {
        name: "object_get_property",
        needs: &[Mapping, Properties],
        len: 32,
        status: ZX_OK,
        call: |cx, vmo, at| cx.with("value", at).object_get_property(vmo, ZX_PROP_NAME, 32),
    },
    Stores {
        name: "object_get_info",
        needs: &[Mapping, Info],
        len: 32,
        status: ZX_OK,
        call: |cx, vmo, at| cx.with("buffer", at).object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32),
    },
    Stores {
        name: "object_wait_one",
        needs: &[Mapping, Signals],
        len: 4,
        status: ZX_ERR_TIMED_OUT,
        call: |cx, vmo, at| cx.with("observed", at).object_wait_one(vmo, 0, Deadline::At(0)),
    },
];

/// A place for a buffer: what is done to a mapping of the pages `ab` at the
/// start of the program's region, and whether the second page can be stored to.
type Place = (&'static str, fn(&mut Context<'_>, Handle) -> Checked, bool);

const PLACES: &[Place] = &[
    ("in_one_mapping", |_, _| Ok(()), true),
    (
        "into_a_hole",
        |cx, _| cx.vmar_unmap(Handle::Region, plus(BASE, PAGE), PAGE)?.ok().map(drop),
        false,
    ),
    (
        "into_a_read_only_page",
        |cx, _| cx.vmar_protect(Handle::Region, plus(BASE, PAGE), PAGE, READ_ONLY)?.ok().map(drop),
        false,
    ),
    ("beyond_the_end", |cx, vmo| cx.resize(vmo, 2 * PAGE), false),
    (
        "where_it_shrank_and_grew",
        |cx, vmo| {
            cx.resize(vmo, PAGE)?;
            cx.resize(vmo, 3 * PAGE)
        },
        true,
    ),
    (
        "into_another_mapping",
        |cx, _| {
            cx.vmar_unmap(Handle::Region, plus(BASE, PAGE), PAGE)?.ok()?;
            let other = create(cx, "x")?;
            map_at(cx, Handle::Region, 1, other, 0, 1, READ_WRITE).map(drop)
        },
        true,
    ),
    ("after_the_handle_was_closed", |cx, vmo| cx.close(vmo), true),
];

pub(super) fn add(suite: &mut Suite) {
    for stores in STORES {
        for &(place_row, prepare, can_store) in PLACES {
            suite.test(
                format!("over_a_border::{place_row}::{}", stores.name),
                stores.clauses(),
                stores.needs,
                move |cx| over_a_border(cx, stores, prepare, can_store),
            );
        }

        suite.test(
            format!("is_found_in_the_vmo::{}", stores.name),
            if stores.len <= 8 {
                &["GEN-08", "GEN-10", "VMAR-MAP-39", "VMAR-MAP-40"]
            } else {
                &["GEN-10", "VMAR-MAP-39", "VMAR-MAP-40"]
            },
            stores.needs,
            move |cx| {
                let pieces = lay(cx, Handle::Region, "[ab]")?;
                let vmo = cx.create_filled(PAGE, 0x33)?;
                let start = PAGE - stores.len / 2;
                (stores.call)(cx, vmo, plus(BASE, start))?.is(stores.status)?;
                // Nothing around it has changed, and the VMO holds what a load
                // gives.
                let loaded = cx.load_bytes(plus(BASE, start - 8), stores.len + 16)?;
                cx.expect_bytes(pieces[0].vmo, PAGE + start - 8, &loaded)?;
                let (before, rest) = loaded.split_at(8);
                let (stored, behind) = rest.split_at(stores.len as usize);
                let around = before == b"aaaaaaaa" && behind == b"bbbbbbbb";
                cx.expect(around, "bytes around as before", "one changed")?;
                let half = stored.len() / 2;
                let is_old = stored[..half].iter().all(|byte| *byte == b'a')
                    && stored[half..].iter().all(|byte| *byte == b'b');
                cx.expect(!is_old, "something stored", "nothing")
            },
        );
    }
    reading(suite);
    lists(suite);
}

fn over_a_border(
    cx: &mut Context<'_>,
    stores: &Stores,
    prepare: fn(&mut Context<'_>, Handle) -> Checked,
    can_store: bool,
) -> Checked {
    let pieces = lay(cx, Handle::Region, "[ab]")?;
    let vmo = cx.create_filled(PAGE, 0x33)?;
    prepare(cx, pieces[0].vmo)?;
    for before in [1, stores.len / 2, stores.len - 1] {
        let answer = (stores.call)(cx, vmo, plus(BASE, PAGE - before))?;
        answer.is(if can_store { stores.status } else { ZX_ERR_INVALID_ARGS })?;
    }
    // Up to the border, and with one byte before that.
    for before in [stores.len, stores.len + 1] {
        (stores.call)(cx, vmo, plus(BASE, PAGE - before))?.is(stores.status)?;
    }
    let answer = (stores.call)(cx, vmo, plus(BASE, PAGE))?;
    answer.is(if can_store { stores.status } else { ZX_ERR_INVALID_ARGS }).map(drop)
}

fn reading(suite: &mut Suite) {
    // Where a buffer of more than two pages starts in `[ab][cd]`.
    for (row, start) in [("first", 0), ("unaligned", 9), ("late", PAGE - 1)] {
        suite.test(
            format!("a_long_buffer_over_mappings::{row}"),
            &["GEN-10", "VMAR-MAP-39"],
            &[Mapping],
            move |cx| {
                let pieces = lay(cx, Handle::Region, "[ab][cd]")?;
                let len = 2 * PAGE + 77;
                let source = cx.create(3 * PAGE)?;
                cx.write(source, 0, &pattern(0, 3 * PAGE))?;
                cx.with("buffer", plus(BASE, start)).vmo_read(source, 5, len)?.ok()?;
                cx.expect_load(plus(BASE, start), &pattern(5, len))?;
                let here = 2 * PAGE - start;
                cx.expect_bytes(pieces[0].vmo, PAGE + start, &pattern(5, here))?;
                cx.expect_bytes(pieces[1].vmo, PAGE, &pattern(5 + here, len - here))?;

                let sink = cx.create(3 * PAGE)?;
                cx.with("buffer", plus(BASE, start)).vmo_write_from_buffer(sink, 9, len)?.ok()?;
                cx.expect_bytes(sink, 9, &pattern(5, len))
            },
        );
    }

    // What is on the second of three pages of a buffer, and whether it can be
    // read from.
    type Prepare = fn(&mut Context<'_>, Handle) -> Checked;
    for (row, prepare, can_read) in [
        (
            "nothing",
            (|cx, _| cx.vmar_unmap(Handle::Region, plus(BASE, PAGE), PAGE)?.ok().map(drop))
                as Prepare,
            false,
        ),
        (
            "a_read_only_page",
            |cx, _| {
                cx.vmar_protect(Handle::Region, plus(BASE, PAGE), PAGE, READ_ONLY)?.ok().map(drop)
            },
            true,
        ),
        (
            "a_page_beyond_its_end",
            |cx, _| {
                let short = cx.create(0)?;
                cx.vmar_unmap(Handle::Region, plus(BASE, PAGE), PAGE)?.ok()?;
                map_at(cx, Handle::Region, 1, short, 0, 1, READ_WRITE).map(drop)
            },
            false,
        ),
    ] {
        suite.test(
            format!("a_long_buffer_with_a_gap::{row}"),
            &["GEN-10"],
            &[Mapping],
            move |cx| {
                let pieces = lay(cx, Handle::Region, "[abc]")?;
                prepare(cx, pieces[0].vmo)?;
                let other = create(cx, "xyzw")?;
                for start in [0, 100] {
                    let len = 3 * PAGE - start;
                    let answer = cx.with("buffer", plus(BASE, start)).vmo_read(other, 0, len)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                let sink = cx.create(4 * PAGE)?;
                let answer = cx.with("buffer", BASE).vmo_write_from_buffer(sink, 0, 3 * PAGE)?;
                answer.is(if can_read { ZX_OK } else { ZX_ERR_INVALID_ARGS })?;
                cx.expect_bytes(other, 0, b"xxxx")
            },
        );
    }

    suite.test("a_name_from_a_mapping", &["GEN-10"], &[Mapping, Properties], |cx| {
        let pieces = lay(cx, Handle::Region, "[ab]")?;
        let vmo = cx.create(0)?;
        let set = |cx: &mut Context<'_>, at, len| {
            cx.with("value", plus(BASE, at)).object_set_property_sized(vmo, ZX_PROP_NAME, b"", len)
        };
        set(cx, PAGE - 3, 7)?.ok()?;
        cx.expect_name(vmo, b"aaabbbb")?;
        cx.vmar_protect(Handle::Region, BASE, 2 * PAGE, READ_ONLY)?.ok()?;
        set(cx, PAGE - 2, 3)?.ok()?;
        cx.expect_name(vmo, b"aab")?;
        cx.vmar_unmap(Handle::Region, plus(BASE, PAGE), PAGE)?.ok()?;
        set(cx, PAGE - 2, 3)?.is(ZX_ERR_INVALID_ARGS)?;
        cx.expect_name(vmo, b"aab")?;
        set(cx, PAGE - 2, 2)?.ok()?;
        cx.expect_name(vmo, b"aa")?;
        // The name is a copy.
        cx.write(pieces[0].vmo, 2 * PAGE - 2, b"zz")?;
        cx.expect_name(vmo, b"aa")
    });

    suite.test("a_zero_length_looks_at_no_mapping", &["VMO-READ-07"], &[Mapping], |cx| {
        lay(cx, Handle::Region, "[a]")?;
        let vmo = create(cx, "x")?;
        cx.with("buffer", plus(BASE, PAGE)).vmo_read(vmo, 0, 0)?.ok()?;
        cx.with("buffer", plus(BASE, PAGE)).vmo_write_from_buffer(vmo, 0, 0)?.ok()?;
        pages_show(cx, BASE, "a-")
    });
}

fn lists(suite: &mut Suite) {
    suite.test("handles_from_a_mapping", &["GEN-10"], &[Mapping, Handles, Info], |cx| {
        let pieces = lay(cx, Handle::Region, "[a]")?;
        let vmos = [cx.create(0)?, cx.create(0)?];
        let values = vmos.map(|vmo| cx.handle_value(vmo).to_le_bytes()).concat();
        cx.write(pieces[0].vmo, 2 * PAGE - 8, &values)?;
        cx.vmar_protect(Handle::Region, BASE, PAGE, READ_ONLY)?.ok()?;
        let handles = Value::Address(plus(BASE, PAGE - 8));
        cx.call(Syscall::handle_close_many, vec![handles, number(2_u64)])?.ok()?;
        cx.expect_valid(vmos[0], false)?;
        cx.expect_valid(vmos[1], false)
    });

    suite.test("wait_items_in_a_mapping", &["GEN-10"], &[Mapping, Signals], |cx| {
        let pieces = lay(cx, Handle::Region, "[a]")?;
        let vmo = cx.create(0)?;
        let value = cx.handle_value(vmo).to_le_bytes();
        let item = [value, 8_u32.to_le_bytes(), [0xff; 4]].concat();
        cx.write(pieces[0].vmo, 2 * PAGE - 12, &item)?;
        let wait = |cx: &mut Context<'_>, at| {
            let items = Value::Address(plus(BASE, at));
            cx.call(Syscall::object_wait_many, vec![items, number(1_u64), number(0_u64)])
        };
        wait(cx, PAGE - 12)?.ok()?;
        cx.expect_bytes(pieces[0].vmo, 2 * PAGE - 4, &8_u32.to_le_bytes())?;
        wait(cx, PAGE - 11)?.is(ZX_ERR_INVALID_ARGS)?;
        // The signals cannot be stored.
        cx.vmar_protect(Handle::Region, BASE, PAGE, READ_ONLY)?.ok()?;
        wait(cx, PAGE - 12)?.is(ZX_ERR_INVALID_ARGS).map(drop)
    });
}
