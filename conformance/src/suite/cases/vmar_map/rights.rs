//! Every combination of rights and permissions.

use vmo_abi::Capability::{Handles, Mapping, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_RIGHT_MAP, zx_rights_t, zx_status_t,
};

use crate::program::Handle;
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::pages_allow;
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::{Checked, Context, PAGE, Suite};

/// What a mapping with each of the eight permissions allows.
const ALLOWS: [&str; 8] = ["-", "r", "-", "w", "-", "r", "-", "w"];

/// Permissions that go with the permission to read.
pub(in crate::suite::cases) const READABLE: [u32; 4] = [1, 3, 5, 7];

/// The name of permissions, or of the rights for them.
pub(in crate::suite::cases) fn named(permissions: u32) -> &'static str {
    ["none", "r", "w", "rw", "x", "rx", "wx", "rwx"][permissions as usize]
}

/// The rights READ, WRITE and EXECUTE for permissions.
pub(in crate::suite::cases) fn rights_for(permissions: u32) -> zx_rights_t {
    permissions << 2
}

/// What comes of asking for permissions of which some are possible.
fn expected(possible: u32, asked: u32) -> zx_status_t {
    if asked & 1 == 0 && asked != 0 {
        ZX_ERR_INVALID_ARGS
    } else if asked & !possible != 0 {
        ZX_ERR_ACCESS_DENIED
    } else {
        ZX_OK
    }
}

/// The clauses that say so.
fn clauses(possible: u32, asked: u32) -> &'static [&'static str] {
    match asked & !possible {
        _ if asked == 0 => &["VMAR-MAP-11"],
        _ if asked & 1 == 0 => &["VMAR-MAP-10"],
        0 => &["VMAR-MAP-07", "VMAR-MAP-08", "VMAR-MAP-09", "VMAR-MAP-44"],
        missing if missing & 1 != 0 => &["VMAR-MAP-07"],
        missing if missing & 2 != 0 => &["VMAR-MAP-08"],
        _ => &["VMAR-MAP-09"],
    }
}

/// Maps a page and expects a refusal, or a mapping that allows just what was
/// asked for.
fn try_to_map(
    cx: &mut Context<'_>,
    region: Handle,
    vmo: Handle,
    asked: u32,
    status: zx_status_t,
) -> Checked {
    let answer = cx.vmar_map(region, 0, vmo, 0, PAGE, asked)?.is(status)?;
    if status != ZX_OK {
        return answer.untouched().map(drop);
    }
    pages_allow(cx, answer.address(), ALLOWS[asked as usize])
}

pub(super) fn add(suite: &mut Suite) {
    for rights in 0..8 {
        for asked in 0..8 {
            suite.test(
                format!("vmo_rights::map_{}::flags_{}", named(rights), named(asked)),
                clauses(rights, asked),
                &[Mapping, Handles],
                move |cx| {
                    let vmo = create(cx, "a")?;
                    let used = cx.duplicate(vmo, ZX_RIGHT_MAP | rights_for(rights))?;
                    try_to_map(cx, Handle::Region, used, asked, expected(rights, asked))
                },
            );

            let clauses_without: &[_] =
                if asked & 1 == 0 && asked != 0 { &["VMAR-MAP-06"] } else { &["VMAR-MAP-05"] };
            suite.test(
                format!("vmo_rights::{}::flags_{}", named(rights), named(asked)),
                clauses_without,
                &[Mapping, Handles],
                move |cx| {
                    let vmo = create(cx, "a")?;
                    let used = cx.duplicate(vmo, rights_for(rights))?;
                    try_to_map(cx, Handle::Region, used, asked, ZX_ERR_ACCESS_DENIED)
                },
            );

            let clauses = if asked == 0 { &["VMAR-MAP-47"] } else { clauses(rights, asked) };
            suite.test(
                format!("region_rights::{}::flags_{}", named(rights), named(asked)),
                clauses,
                &[Mapping, Regions, Handles],
                move |cx| {
                    let vmo = create(cx, "a")?;
                    let (region, _) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
                    let used = cx.duplicate(region, rights_for(rights))?;
                    try_to_map(cx, used, vmo, asked, expected(rights, asked))
                },
            );
        }

        for of_region in 0..8 {
            suite.test(
                format!("both_rights::vmo_{}::region_{}", named(rights), named(of_region)),
                &["VMAR-MAP-07", "VMAR-MAP-08", "VMAR-MAP-09"],
                &[Mapping, Regions, Handles],
                move |cx| {
                    let vmo = create(cx, "a")?;
                    let vmo = cx.duplicate(vmo, ZX_RIGHT_MAP | rights_for(rights))?;
                    let (region, _) = cx.allocate(8 * PAGE, ANY_MAPPING)?;
                    let region = cx.duplicate(region, rights_for(of_region))?;
                    for asked in READABLE {
                        try_to_map(cx, region, vmo, asked, expected(rights & of_region, asked))?;
                    }
                    Ok(())
                },
            );
        }
    }
}
