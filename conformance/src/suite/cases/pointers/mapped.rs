//! Pointers into mappings: they obey the mapping's permissions and the VMO's
//! present size, and a forbidden access is a status, not an exception.

use vmo_abi::Capability::{Mapping, Regions};
use vmo_abi::{Capability, ZX_ERR_INVALID_ARGS, ZX_OK, zx_vaddr_t};

use super::calls::{CALLS, Use};
use super::expect_works;
use crate::program::{Address, Handle};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

/// How far a place lies from the start of its mapping.
const OFFSET: u64 = 24;

/// Maps two pages of a VMO whose pages are its own, and answers with the VMO
/// and the address.
fn mapped(cx: &mut Context<'_>) -> Checked<(Handle, Address)> {
    let vmo = cx.create_filled(2 * PAGE, 0x66)?;
    let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
    Ok((vmo, address))
}

/// Expects the refusal of a place that cannot be accessed. Of an array of
/// handles below the level of the kernel an error is as good (C-29).
fn expect_refused(cx: &mut Context<'_>, used: &Use, place: zx_vaddr_t) -> Checked {
    let answer = (used.call)(cx, place)?.0;
    if used.refusal == ZX_OK {
        return cx.either("C-29", answer, ZX_ERR_INVALID_ARGS, ZX_OK).map(drop);
    }
    answer.is(used.refusal).map(drop)
}

fn needs_of(used: &Use) -> Vec<Capability> {
    used.needs.iter().copied().chain([Mapping]).collect()
}

pub(super) fn add(suite: &mut Suite) {
    for used in CALLS {
        let needs = needs_of(used);
        suite.test(format!("into_a_mapping::{}", used.name), &["GEN-10"], &needs, |cx| {
            let (vmo, address) = mapped(cx)?;
            let base = cx.address_of(address)?;
            expect_works(cx, used, base + OFFSET)?;
            // What was stored there is in the VMO.
            let len = used.len as usize;
            let seen = super::peek(cx, base + OFFSET, len)?;
            cx.expect_bytes(vmo, OFFSET, &seen)
        });

        suite.test(
            format!("over_the_pages_of_a_mapping::{}", used.name),
            &["GEN-08", "GEN-10"],
            &needs,
            |cx| {
                let (_, address) = mapped(cx)?;
                let base = cx.address_of(address)?;
                expect_works(cx, used, base + PAGE - 1)?;
                expect_works(cx, used, base + PAGE - used.len + 1)
            },
        );

        suite.test(
            format!("into_a_mapping_of_uncommitted_pages::{}", used.name),
            &["GEN-10"],
            &needs,
            |cx| {
                let vmo = cx.create(2 * PAGE)?;
                let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
                let base = cx.address_of(address)?;
                if !used.reads {
                    let (answer, object) = (used.call)(cx, base + OFFSET)?;
                    let answer = answer.ok()?;
                    (used.check)(cx, &answer, object, base + OFFSET)?;
                }
                expect_works(cx, used, base + PAGE + OFFSET)
            },
        );

        suite.test(format!("beyond_the_present_size::{}", used.name), &["GEN-10"], &needs, |cx| {
            let (vmo, address) = mapped(cx)?;
            let place = cx.address_of(address)? + PAGE + OFFSET;
            cx.resize(vmo, PAGE)?;
            expect_refused(cx, used, place)?;
            cx.resize(vmo, 2 * PAGE)?;
            expect_works(cx, used, place)?;
            cx.resize(vmo, 0)?;
            expect_refused(cx, used, place)?;
            expect_refused(cx, used, place - PAGE)
        });

        suite.test(
            format!("half_beyond_the_present_size::{}", used.name),
            &["GEN-10"],
            &needs,
            |cx| {
                let (vmo, address) = mapped(cx)?;
                let border = cx.address_of(address)? + PAGE;
                cx.resize(vmo, PAGE)?;
                for before in [1, used.len / 2, used.len - 1] {
                    expect_refused(cx, used, border - before)?;
                }
                let (answer, object) = (used.call)(cx, border - used.len)?;
                let answer = answer.ok()?;
                (used.check)(cx, &answer, object, border - used.len)
            },
        );

        suite.test(
            format!("into_a_mapping_that_is_protected::{}", used.name),
            &["GEN-10"],
            &needs,
            |cx| {
                let (_, address) = mapped(cx)?;
                let place = cx.address_of(address)? + OFFSET;
                expect_works(cx, used, place)?;
                for (flags, reading, writing) in
                    [(READ_ONLY, true, false), (0, false, false), (READ_WRITE, true, true)]
                {
                    let answer = cx.vmar_protect(Handle::Region, address, 2 * PAGE, flags)?;
                    if flags == 0 {
                        let (answer, _) = cx.either("C-20", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
                        if answer.status() != Some(ZX_OK) {
                            continue;
                        }
                    } else {
                        answer.ok()?;
                    }
                    let works = if used.reads { reading } else { writing };
                    if works && flags == READ_WRITE {
                        expect_works(cx, used, place)?;
                    } else if !works {
                        expect_refused(cx, used, place)?;
                    }
                }
                Ok(())
            },
        );

        suite.test(
            format!("into_a_mapping_that_is_gone::{}", used.name),
            &["GEN-10"],
            &needs,
            |cx| {
                let (_, address) = mapped(cx)?;
                let place = cx.address_of(address)? + OFFSET;
                expect_works(cx, used, place)?;
                cx.vmar_unmap(Handle::Region, address, PAGE)?.ok()?;
                expect_refused(cx, used, place)?;
                expect_refused(cx, used, place - OFFSET + PAGE - 1)?;
                expect_works(cx, used, place + PAGE)
            },
        );
    }
    sources(suite);
}

fn sources(suite: &mut Suite) {
    suite.test("a_read_only_mapping_is_a_source", &["GEN-10"], &[Mapping], |cx| {
        let source = cx.create(PAGE)?;
        cx.write(source, 10, b"source")?;
        let address = cx.map(source, 0, PAGE, READ_ONLY)?;
        let vmo = cx.create(PAGE)?;
        cx.with("buffer", plus(address, 10));
        cx.vmo_write_from_buffer(vmo, 0, 6)?.ok()?;
        cx.expect_bytes(vmo, 0, b"source\0")
    });

    suite.test("two_mappings_next_to_each_other", &["GEN-10"], &[Mapping, Regions], |cx| {
        let (region, base) = cx.allocate(2 * PAGE, 0x1c0)?;
        let (first, second) = (cx.create(PAGE)?, cx.create(PAGE)?);
        cx.vmar_map(region, 0, first, 0, PAGE, READ_WRITE | 0x10)?.ok()?;
        cx.vmar_map(region, PAGE, second, 0, PAGE, READ_WRITE | 0x10)?.ok()?;
        let vmo = cx.create(PAGE)?;
        cx.write(vmo, 0, b"leftright")?;
        cx.with("buffer", plus(base, PAGE - 4));
        cx.vmo_read(vmo, 0, 9)?.ok()?;
        cx.expect_bytes(first, PAGE - 4, b"left")?;
        cx.expect_bytes(second, 0, b"right\0")?;
        // Without the second the buffer is not good as a whole.
        cx.vmar_unmap(region, plus(base, PAGE), PAGE)?.ok()?;
        cx.with("buffer", plus(base, PAGE - 4));
        cx.vmo_read(vmo, 0, 9)?.is(ZX_ERR_INVALID_ARGS)?;
        cx.with("buffer", plus(base, PAGE - 4));
        cx.vmo_read(vmo, 0, 4)?.is(ZX_OK).map(drop)
    });
}
