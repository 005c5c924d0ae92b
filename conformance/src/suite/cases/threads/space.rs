//! Mappings that are replaced while others map, unmap and protect.

use vmo_abi::Capability::{Mapping, Regions, Threads};
use vmo_abi::{
    ZX_ERR_NO_MEMORY, ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC,
    ZX_VM_FLAG_CAN_MAP_WRITE, ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE,
};

use super::{in_threads, ok, one_of, watched};
use crate::level::Level;
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const ANY: u32 = ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE | ZX_VM_FLAG_CAN_MAP_SPECIFIC;
const NEEDS: &[vmo_abi::Capability] = &[Mapping, Regions, Threads];

pub(super) fn add(suite: &mut Suite) {
    suite
        .test("a_place_is_never_free_while_it_is_replaced", &["VMAR-MAP-28"], NEEDS, |cx| {
            let (first, second) = (cx.create_filled(PAGE, 1)?, cx.create_filled(PAGE, 2)?);
            let (region, base) = cx.allocate(2 * PAGE, ANY)?;
            let flags = READ_ONLY | ZX_VM_FLAG_SPECIFIC;
            cx.vmar_map(region, PAGE, first, 0, PAGE, flags)?.ok()?;
            let memory = [cx.handle_value(first), cx.handle_value(second)];
            let region = cx.handle_value(region);
            watched(
                cx,
                |round, hand| {
                    let flags = READ_ONLY | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
                    let memory = memory[round % 2];
                    ok(hand.backend.vmar_map(region, PAGE, memory, 0, PAGE, flags, hand.place))
                },
                |hand| {
                    let memory = memory[0];
                    let status =
                        hand.backend.vmar_map(region, PAGE, memory, 0, PAGE, flags, hand.place);
                    one_of(status, &[ZX_ERR_NO_MEMORY])
                },
            )?;
            // The last round mapped the second.
            cx.expect_load(plus(base, PAGE), &[2])
        })
        .at(Level::Kernel);

    suite.test("replacements_by_several_leave_one_mapping", &["VMAR-MAP-28"], NEEDS, |cx| {
        let mut memory = Vec::new();
        for byte in 1..5 {
            let vmo = cx.create_filled(PAGE, byte)?;
            memory.push(cx.handle_value(vmo));
        }
        let (region, base) = cx.allocate(3 * PAGE, ANY)?;
        let value = cx.handle_value(region);
        in_threads(cx, 4, |nth, hand| {
            let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
            for _ in 0..200 {
                let memory = memory[nth];
                ok(hand.backend.vmar_map(value, PAGE, memory, 0, PAGE, flags, hand.place))?;
            }
            Ok(())
        })?;
        let seen = cx.load_bytes(plus(base, PAGE), PAGE)?;
        super::expect_alike(&seen)?;
        cx.expect((1..5).contains(&seen[0]), "one of the four", seen[0])?;
        cx.vmar_unmap(region, plus(base, PAGE), PAGE)?.ok()?;
        cx.expect_load_fault(plus(base, PAGE))
    });

    suite.test(
        "mappings_of_several_stay_apart",
        &["VMAR-UNMAP-01", "VMAR-PROTECT-01"],
        NEEDS,
        |cx| {
            let vmo = cx.create(PAGE)?;
            let memory = cx.handle_value(vmo);
            let (region, base) = cx.allocate(4 * PAGE, ANY)?;
            let (region, base) = (cx.handle_value(region), cx.address_of(base)?);
            in_threads(cx, 4, |nth, hand| {
                let offset = nth as u64 * PAGE;
                let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
                for _ in 0..200 {
                    ok(hand.backend.vmar_map(region, offset, memory, 0, PAGE, flags, hand.place))?;
                    ok(hand.backend.vmar_protect(region, base + offset, PAGE, READ_ONLY))?;
                    ok(hand.backend.vmar_unmap(region, base + offset, PAGE))?;
                }
                Ok(())
            })
            .map(drop)
        },
    );
}
