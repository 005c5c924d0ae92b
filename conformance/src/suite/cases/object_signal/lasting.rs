//! User signals belong to the object, and nothing but `object_signal` changes
//! them.

use vmo_abi::Capability::{
    self, CachePolicy, Clone, Handles, Info, Mapping, Properties, Range, Signals,
};
use vmo_abi::{
    ZX_CACHE_POLICY_CACHED, ZX_CACHE_POLICY_UNCACHED, ZX_RIGHT_SAME_RIGHTS, ZX_USER_SIGNAL_0,
    ZX_USER_SIGNAL_ALL, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_ZERO_CHILDREN,
};

use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, READ_WRITE, Suite};

/// Something done to a VMO of two pages, and what it needs.
type Deed = (&'static str, &'static [Capability], fn(&mut Context<'_>, Handle) -> Checked);

const DEEDS: &[Deed] = &[
    ("read", &[], |cx, vmo| cx.read(vmo, 0, 8).map(drop)),
    ("write", &[], |cx, vmo| cx.write(vmo, 0, &[0xff; 2 * PAGE as usize])),
    ("a_refused_write", &[], |cx, vmo| {
        cx.vmo_write(vmo, 2 * PAGE, b"x")?.is(vmo_abi::ZX_ERR_OUT_OF_RANGE).map(drop)
    }),
    ("grow", &[], |cx, vmo| cx.resize(vmo, 9 * PAGE)),
    ("shrink", &[], |cx, vmo| cx.resize(vmo, 0)),
    ("get_size", &[], |cx, vmo| cx.size(vmo).map(drop)),
    ("commit", &[Range], |cx, vmo| cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)),
    ("decommit", &[Range], |cx, vmo| cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)),
    ("cache_policy", &[CachePolicy], |cx, vmo| {
        cx.vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_UNCACHED)?.ok()?;
        cx.vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_CACHED)?.ok().map(drop)
    }),
    ("map_and_store", &[Mapping], |cx, vmo| {
        let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
        cx.store_bytes(address, b"x")?;
        cx.vmar_unmap(Handle::Region, address, PAGE)?.ok().map(drop)
    }),
    ("clone_and_close", &[Clone], |cx, vmo| {
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        cx.write(clone, 0, b"x")?;
        cx.close(clone)
    }),
    ("name", &[Properties], |cx, vmo| cx.set_name(vmo, b"name")),
    ("info", &[Info], |cx, vmo| cx.koid(vmo).map(drop)),
    ("duplicate_and_close", &[Handles], |cx, vmo| {
        let second = cx.duplicate_same(vmo)?;
        cx.close(second)
    }),
    ("wait", &[], |cx, vmo| {
        cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, true)?;
        cx.expect_timeout(vmo, 0, std::time::Duration::from_millis(1))
    }),
];

pub(super) fn add(suite: &mut Suite) {
    for &(row, needs, act) in DEEDS {
        let needs: Vec<_> = needs.iter().copied().chain([Signals]).collect();
        suite.test(format!("calls_leave_signals::{row}"), &["OBJ-SIGNAL-11"], &needs, move |cx| {
            for signals in [0, 0x5a00_0000, ZX_USER_SIGNAL_ALL] {
                let vmo = cx.create(2 * PAGE)?;
                cx.object_signal(vmo, 0, signals)?.ok()?;
                act(cx, vmo)?;
                cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | signals)?;
            }
            Ok(())
        });
    }

    suite.test("signals_are_seen_through_any_handle", &["OBJ-SIGNAL-11"], &[Signals, Handles], {
        |cx| {
            let vmo = cx.create(PAGE)?;
            let (second, third) = (cx.duplicate_same(vmo)?, cx.duplicate_same(vmo)?);
            cx.object_signal(second, 0, ZX_USER_SIGNAL_0)?.ok()?;
            cx.close(second)?;
            for handle in [vmo, third] {
                cx.expect_signals(handle, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
            }
            let other = cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            cx.expect_signals(other, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
            cx.object_signal(third, ZX_USER_SIGNAL_0, 1 << 31)?.ok()?;
            cx.expect_signals(other, ZX_VMO_ZERO_CHILDREN | 1 << 31)
        }
    });

    suite.test("objects_have_their_own_signals", &["OBJ-SIGNAL-11"], &[Signals], |cx| {
        let mut vmos = Vec::new();
        for bit in 24..32 {
            let vmo = cx.create(PAGE)?;
            cx.object_signal(vmo, 0, 1 << bit)?.ok()?;
            vmos.push(vmo);
        }
        for (vmo, bit) in vmos.iter().zip(24..) {
            cx.expect_signals(*vmo, ZX_VMO_ZERO_CHILDREN | 1 << bit)?;
        }
        cx.close(vmos[0])?;
        let fresh = cx.create(PAGE)?;
        cx.expect_signals(fresh, ZX_VMO_ZERO_CHILDREN)
    });

    suite.test("a_clone_has_its_own_signals", &["OBJ-SIGNAL-11"], &[Signals, Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        cx.object_signal(vmo, 0, 0x0f00_0000)?.ok()?;
        cx.object_signal(clone, 0, 0xf000_0000)?.ok()?;
        cx.expect_signals(vmo, 0x0f00_0000)?;
        cx.expect_signals(clone, ZX_VMO_ZERO_CHILDREN | 0xf000_0000)?;
        cx.object_signal(vmo, ZX_USER_SIGNAL_ALL, 0)?.ok()?;
        cx.expect_signals(clone, ZX_VMO_ZERO_CHILDREN | 0xf000_0000)?;
        cx.close(clone)?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
    });
}
