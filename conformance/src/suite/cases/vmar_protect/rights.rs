//! What can be granted: rights when it was mapped, rights now, and every flag.

use vmo_abi::Capability::{Handles, Mapping, Regions};
use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_RIGHT_MAP, ZX_RIGHT_READ,
    zx_status_t,
};

use crate::level::Level;
use crate::program::{Address, Handle, Value};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::{lay, map_at, pages_allow};
use crate::suite::cases::prototypes::{ANY_MAPPING, number};
use crate::suite::cases::vmar_map::rights::{READABLE, named, rights_for};
use crate::suite::{Answer, Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite};

/// What a page allows after it got each of the eight permissions.
const ALLOWS: [&str; 8] = ["-", "r", "", "w", "", "r", "", "w"];

fn expected(possible: u32, asked: u32) -> zx_status_t {
    if asked & !possible == 0 { ZX_OK } else { ZX_ERR_ACCESS_DENIED }
}

/// Asks for each permission, one after the other, for a page that allows
/// nothing at first, and expects just those that are possible.
fn ask_for_each(cx: &mut Context<'_>, region: Handle, page: Address, possible: u32) -> Checked {
    let mut now = 0;
    for asked in READABLE.into_iter().chain([1, 7, 3, 5]) {
        let status = expected(possible, asked);
        cx.vmar_protect(region, page, PAGE, asked)?.is(status)?;
        if status == ZX_OK {
            now = asked;
        }
        pages_allow(cx, page, ALLOWS[now as usize])?;
    }
    Ok(())
}

pub(super) fn add(suite: &mut Suite) {
    when_mapped(suite);
    now(suite);
    flags(suite);
}

fn when_mapped(suite: &mut Suite) {
    for of_vmo in 0..8 {
        for of_region in 0..8 {
            suite.test(
                format!("rights_when_mapped::vmo_{}::region_{}", named(of_vmo), named(of_region)),
                &["VMAR-PROTECT-03", "VMAR-MAP-45"],
                &[Mapping, Regions, Handles],
                move |cx| {
                    let vmo = create(cx, "a")?;
                    let used = cx.duplicate(vmo, ZX_RIGHT_MAP | rights_for(of_vmo))?;
                    let (region, _) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
                    let through = cx.duplicate(region, rights_for(of_region))?;
                    let page = cx.vmar_map(through, 0, used, 0, PAGE, 0)?.ok()?.address();
                    cx.close(through)?;
                    cx.close(used)?;
                    ask_for_each(cx, region, page, of_vmo & of_region)
                },
            );
        }
    }

    suite.test(
        "each_mapping_has_its_own_bounds",
        &["VMAR-PROTECT-03"],
        &[Mapping, Handles],
        |cx| {
            let vmo = create(cx, "a")?;
            let weak = cx.duplicate(vmo, ZX_RIGHT_MAP | ZX_RIGHT_READ)?;
            map_at(cx, Handle::Region, 0, vmo, 0, 1, READ_ONLY)?;
            map_at(cx, Handle::Region, 1, weak, 0, 1, READ_ONLY)?;
            map_at(cx, Handle::Region, 2, vmo, 0, 1, READ_ONLY)?;
            for (page, status) in [(0, ZX_OK), (1, ZX_ERR_ACCESS_DENIED), (2, ZX_OK)] {
                let address = Address::Region(page * PAGE);
                cx.vmar_protect(Handle::Region, address, PAGE, READ_WRITE)?.is(status)?;
            }
            pages_allow(cx, Address::Region(0), "wrw")
        },
    );

    suite.test(
        "replacing_the_handle_grants_no_more",
        &["VMAR-MAP-46"],
        &[Mapping, Handles],
        |cx| {
            let vmo = create(cx, "a")?;
            let weak = cx.duplicate(vmo, ZX_RIGHT_MAP | ZX_RIGHT_READ)?;
            let page = cx.map(weak, 0, PAGE, READ_ONLY)?;
            cx.close(weak)?;
            let strong = cx.duplicate_same(vmo)?;
            cx.map(strong, 0, PAGE, READ_WRITE)?;
            let answer = cx.vmar_protect(Handle::Region, page, PAGE, READ_WRITE)?;
            answer.is(ZX_ERR_ACCESS_DENIED)?;
            pages_allow(cx, page, "r")
        },
    );

    suite.test("what_was_taken_away_can_be_given_back", &["VMAR-PROTECT-01"], &[Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[a]")?;
        let page = Address::Region(0);
        cx.close(pieces[0].vmo)?;
        for permissions in [READ_ONLY, READ_WRITE, READ_ONLY, READ_WRITE] {
            cx.vmar_protect(Handle::Region, page, PAGE, permissions)?.ok()?;
            pages_allow(cx, page, ALLOWS[permissions as usize])?;
        }
        Ok(())
    });
}

fn now(suite: &mut Suite) {
    for rights in 0..8 {
        suite.test(
            format!("rights_of_the_region_handle::{}", named(rights)),
            &["VMAR-PROTECT-02"],
            &[Mapping, Regions, Handles],
            move |cx| {
                let vmo = create(cx, "a")?;
                let (region, _) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
                let page = cx.vmar_map(region, 0, vmo, 0, PAGE, 0)?.ok()?.address();
                let used = cx.duplicate(region, rights_for(rights))?;
                ask_for_each(cx, used, page, rights)
            },
        );
    }

    suite
        .test(
            "taking_all_away_needs_no_right",
            &["VMAR-PROTECT-02", "VMAR-PROTECT-07"],
            &[Mapping, Regions, Handles],
            |cx| {
                let (region, base) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
                lay(cx, region, "[ab]")?;
                let bare = cx.duplicate(region, 0)?;
                let answer = cx.vmar_protect(bare, base, PAGE, 0)?;
                let (answer, _) = cx.either("C-20", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
                let is_ok = answer.status() == Some(ZX_OK);
                pages_allow(cx, base, if is_ok { "-w" } else { "ww" })
            },
        )
        .at(Level::Page);
}

/// `vmar_protect` of a page with a whole register as its flags.
fn protect_with_register(cx: &mut Context<'_>, flags: u64) -> Checked<Answer> {
    let arguments = vec![
        Handle::Region.into(),
        Value::Address(Address::Region(0)),
        number(PAGE),
        number(flags),
    ];
    cx.call(Syscall::vmar_protect, arguments)
}

fn flags(suite: &mut Suite) {
    for bit in 3..32 {
        for (kind, with) in [("alone", 0), ("with_read", READ_ONLY), ("with_write", READ_WRITE)] {
            suite.test(
                format!("flag_changes_nothing::bit_{bit}::{kind}"),
                &["VMAR-PROTECT-08"],
                &[Mapping],
                move |cx| {
                    lay(cx, Handle::Region, "[ab]")?;
                    let page = Address::Region(0);
                    let answer = cx.vmar_protect(Handle::Region, page, PAGE, with | 1 << bit)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                    pages_allow(cx, page, "ww")
                },
            );
        }
    }

    for (name, upper) in [("lowest", 1 << 32), ("highest", 1 << 63), ("all", u64::MAX << 32)] {
        suite
            .test(
                format!("ignores_the_upper_half_of_the_flags::{name}"),
                &["VMAR-PROTECT-08"],
                &[Mapping],
                move |cx| {
                    lay(cx, Handle::Region, "[ab]")?;
                    protect_with_register(cx, upper | 1)?.ok()?;
                    pages_allow(cx, Address::Region(0), "rw")?;
                    protect_with_register(cx, upper | 8 | 1)?.is(ZX_ERR_INVALID_ARGS).map(drop)
                },
            )
            .at(Level::Kernel);
    }
}
