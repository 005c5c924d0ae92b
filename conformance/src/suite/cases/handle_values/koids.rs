//! Koids: unique, the same for all handles of an object, ever larger.

use std::collections::BTreeSet;

use vmo_abi::Capability::{Clone, Handles, Info, OtherObjects, Regions};
use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_RIGHT_SAME_RIGHTS};

use crate::program::Address;
use crate::suite::{Checked, Context, PAGE, Suite};

/// The first koid that a call gives out.
const FIRST: u64 = 1024;

/// The koids of an object of each kind, in the order of their creation.
fn one_of_each(cx: &mut Context<'_>) -> Checked<Vec<u64>> {
    let vmo = cx.create(PAGE)?;
    let clone = cx.clone_of(vmo, 0, PAGE)?;
    let event = cx.event()?;
    let second = cx.clone_of(clone, 0, 0)?;
    let port = cx.port()?;
    let (region, _) = cx.allocate(PAGE, 0)?;
    let (near, far) = cx.channel()?;
    let last = cx.create(0)?;
    let made = [vmo, clone, event, second, port, region, near, far, last];
    made.into_iter().map(|handle| cx.koid(handle)).collect()
}

const EACH: &[vmo_abi::Capability] = &[Clone, Info, OtherObjects, Regions];

pub(super) fn add(suite: &mut Suite) {
    suite.test("koids_differ_and_are_not_0", &["KOID-01", "KOID-03"], &[Info], |cx| {
        let mut koids = BTreeSet::new();
        for round in 0..200 {
            let vmo = cx.create(0)?;
            let koid = cx.koid(vmo)?;
            cx.expect(koid != 0, "a koid", koid)?;
            cx.expect(koids.insert(koid), "a koid of its own", format!("{koid} again"))?;
            if round % 2 == 0 {
                cx.close(vmo)?;
            }
        }
        Ok(())
    });

    suite.test("koids_of_any_objects_differ", &["KOID-01", "KOID-03"], EACH, |cx| {
        let mut koids = BTreeSet::new();
        for _ in 0..5 {
            for koid in one_of_each(cx)? {
                cx.expect(koid != 0, "a koid", koid)?;
                cx.expect(koids.insert(koid), "a koid of its own", format!("{koid} again"))?;
            }
        }
        Ok(())
    });

    suite.test("a_koid_does_not_come_back_with_a_value", &["KOID-01"], &[Info], |cx| {
        let first = cx.create(0)?;
        let koid = cx.koid(first)?;
        cx.close(first)?;
        for _ in 0..5000 {
            let vmo = cx.create(0)?;
            cx.close(vmo)?;
        }
        let last = cx.create(0)?;
        let other = cx.koid(last)?;
        cx.expect(other != koid, "another koid", format!("{other} again"))
    });

    suite.test("a_koid_stays", &["KOID-02"], &[Info, Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        let koid = cx.koid(vmo)?;
        cx.write(vmo, 0, b"x")?;
        cx.resize(vmo, 0)?;
        cx.clone_of(vmo, 0, PAGE)?;
        for _ in 0..20 {
            cx.create(0)?;
        }
        let same = cx.koid(vmo)?;
        cx.expect(same == koid, koid, same)
    });

    suite.test("all_handles_tell_the_same_koid", &["KOID-02"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let koid = cx.koid(vmo)?;
        let mut handle = vmo;
        for rights in [ZX_RIGHT_SAME_RIGHTS, 0x5, 0x1, 0] {
            handle = cx.duplicate(handle, rights)?;
            let same = cx.koid(handle)?;
            cx.expect(same == koid, koid, same)?;
        }
        for _ in 0..3 {
            handle = cx.handle_replace(handle, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            let same = cx.koid(handle)?;
            cx.expect(same == koid, koid, same)?;
        }
        cx.close(vmo)?;
        let same = cx.koid(handle)?;
        cx.expect(same == koid, koid, same)
    });

    suite.test("koids_grow_from_1024", &["KOID-04"], EACH, |cx| {
        let mut last = FIRST - 1;
        for _ in 0..4 {
            for koid in one_of_each(cx)? {
                cx.expect(koid > last, format!("more than {last}"), koid)?;
                last = koid;
            }
        }
        Ok(())
    });

    suite.test("handles_use_up_no_koid", &["KOID-04"], &[Info, Handles], |cx| {
        // They need not follow each other closely, as others may create
        // objects; but they grow whatever is done in between.
        let mut last = FIRST - 1;
        for _ in 0..10 {
            let vmo = cx.create(0)?;
            let second = cx.duplicate_same(vmo)?;
            let koid = cx.koid(second)?;
            cx.expect(koid > last, format!("more than {last}"), koid)?;
            last = koid;
            cx.close(vmo)?;
            cx.with("out", Address::Null);
            cx.vmo_create(0, 0)?.is(ZX_ERR_INVALID_ARGS)?;
        }
        Ok(())
    });

    suite.test("a_clone_has_a_koid_of_its_own", &["KOID-05"], &[Info, Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        let mut koids = BTreeSet::from([cx.koid(vmo)?]);
        let mut parent = vmo;
        for depth in 0..10 {
            let clone = cx.clone_of(parent, 0, depth % 2 * PAGE)?;
            let koid = cx.koid(clone)?;
            cx.expect(koids.insert(koid), "a koid of its own", format!("{koid} again"))?;
            parent = if depth % 3 == 0 { vmo } else { clone };
        }
        Ok(())
    });
}
