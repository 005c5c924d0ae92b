//! Many VMOs, clones, handles and mappings at once.

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, Signals};
use vmo_abi::{ZX_RIGHT_SAME_RIGHTS, ZX_VMO_CLONE_COPY_ON_WRITE as COPY, ZX_VMO_ZERO_CHILDREN};

use crate::program::Handle;
use crate::suite::cases::copy_on_write::pages::{clone, create, map, put, put_at, shows, shows_at};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, READ_ONLY, Suite};

/// Bytes written at once, so many that pieces end anywhere in a page, and few
/// enough for the smallest arena.
const PIECE: usize = 10 * PAGE as usize + 12;

/// Every index once, in an order that jumps about; `count` is a power of two.
fn scattered(count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |nth| (nth * 769 + 13) % count)
}

pub(super) fn add(suite: &mut Suite) {
    add_vmos(suite);
    add_clones(suite);
    add_handles(suite);
    add_sizes(suite);
}

fn add_vmos(suite: &mut Suite) {
    suite.test("two_thousand_vmos", &["VMO-CREATE-42", "VMO-READ-01"], &[], |cx| {
        let mut vmos = Vec::new();
        for number in 0..2000_u32 {
            let vmo = cx.create(PAGE)?;
            cx.write(vmo, u64::from(number), &number.to_le_bytes())?;
            vmos.push(vmo);
        }
        for (number, vmo) in (0..2000_u32).zip(vmos) {
            cx.expect_bytes(vmo, u64::from(number), &number.to_le_bytes())?;
            cx.close(vmo)?;
        }
        Ok(())
    });

    suite.test("a_vmo_of_a_thousand_pages", &["VMO-WRITE-01", "VMO-READ-01"], &[], |cx| {
        let vmo = cx.create(1000 * PAGE)?;
        let words = (0..1000 * PAGE / 4).flat_map(|word| (word as u32).to_le_bytes());
        let bytes: Vec<u8> = words.collect();
        for (piece, part) in (0..).zip(bytes.chunks(PIECE)) {
            cx.write(vmo, piece * PIECE as u64, part)?;
        }
        // Read in other pieces than written.
        for (piece, part) in (0..).zip(bytes.chunks(PIECE - 20)) {
            cx.expect_bytes(vmo, piece * (PIECE as u64 - 20), part)?;
        }
        Ok(())
    });

    suite.test("a_clone_of_a_thousand_pages", &["COW-03", "COW-04", "COW-07"], &[Clone], |cx| {
        let parent = cx.create(1000 * PAGE)?;
        for page in 0..1000 {
            put(cx, parent, page, 'a')?;
        }
        let copy = clone(cx, parent, 0, 1000)?;
        for page in (0..1000).step_by(3) {
            cx.write(copy, page * PAGE + page, b"x")?;
        }
        for page in 0..1000 {
            put(cx, parent, page, 'b')?;
        }
        for page in 0..1000 {
            let (start, at) = (page * PAGE, page * PAGE + page);
            let (fill, own) = if page % 3 == 0 { (b'a', b'x') } else { (b'b', b'b') };
            cx.expect_bytes(copy, at, &[own, fill])?;
            cx.expect_bytes(copy, start + PAGE - 1, &[fill])?;
        }
        Ok(())
    });
}

fn add_clones(suite: &mut Suite) {
    const COUNT: usize = 1024;

    suite.test("a_thousand_clones_of_one_vmo", &["COW-02", "COW-06"], &[Clone], |cx| {
        let parent = create(cx, "ab")?;
        let mut clones = Vec::new();
        for number in 0..COUNT as u32 {
            let copy = clone(cx, parent, 0, 2)?;
            if number % 2 == 0 {
                cx.write(copy, PAGE, &number.to_le_bytes())?;
            }
            clones.push(copy);
        }
        put(cx, parent, 0, 'x')?;
        put(cx, parent, 1, 'y')?;
        for (number, copy) in (0..).zip(clones) {
            cx.expect_bytes(copy, PAGE - 2, b"xx")?;
            let bytes = if number % 2 == 0 { u32::to_le_bytes(number) } else { *b"yyyy" };
            cx.expect_bytes(copy, PAGE, &bytes)?;
        }
        Ok(())
    });

    suite.test(
        "the_last_of_a_thousand_clones_raises_it",
        &["SIG-ZC-05"],
        &[Clone, Signals],
        |cx| {
            let parent = cx.create(PAGE)?;
            let clones: Vec<_> =
                (0..COUNT).map(|_| clone(cx, parent, 0, 1)).collect::<Checked<_>>()?;
            for (left, index) in (0..COUNT).rev().zip(scattered(COUNT)) {
                cx.close(clones[index])?;
                let expected = if left == 0 { ZX_VMO_ZERO_CHILDREN } else { 0 };
                cx.expect_signals(parent, expected)?;
            }
            Ok(())
        },
    );

    suite.test("a_tree_of_clones", &["COW-23", "COW-26"], &[Clone], |cx| {
        let parent = create(cx, "abcdefgh")?;
        let mut tree = vec![(parent, "abcdefgh".to_owned())];
        // Each of two clones of each member replaces one more page.
        for page in 0..7_usize {
            let first = tree.len() / 2;
            for index in first..tree.len() {
                let (above, letters) = tree[index].clone();
                for letter in ['0', '1'] {
                    let copy = clone(cx, above, 0, 8)?;
                    put(cx, copy, page as u64, letter)?;
                    let mut letters = letters.clone();
                    letters.replace_range(page..=page, letter.encode_utf8(&mut [0; 4]));
                    tree.push((copy, letters));
                }
            }
        }
        tree.iter().try_for_each(|(vmo, letters)| shows(cx, *vmo, letters))
    });

    suite.test(
        "a_clone_mapped_five_hundred_times",
        &["COW-31", "COW-32"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            let mut views = Vec::new();
            for _ in 0..500 {
                let at = cx.map(copy, 0, 2 * PAGE, READ_ONLY)?;
                cx.expect_load(at, b"aaaa")?;
                views.push(at);
            }
            put(cx, parent, 0, 'x')?;
            let writable = map(cx, copy, 2)?;
            put_at(cx, writable, 1, 'y')?;
            for at in views {
                shows_at(cx, at, "xy")?;
                cx.vmar_unmap(Handle::Region, at, 2 * PAGE)?.ok()?;
            }
            shows_at(cx, writable, "xy")
        },
    );

    suite.test("clones_that_come_and_go", &["COW-01", "VMO-CLONE-01"], &[Clone], |cx| {
        let parent = create(cx, "a..")?;
        for round in 0..1000_u64 {
            let copy = clone(cx, parent, 0, 3)?;
            put(cx, copy, round % 3, 'x')?;
            cx.close(copy)?;
        }
        let copy = clone(cx, parent, 0, 3)?;
        shows(cx, copy, "a..")?;
        shows(cx, parent, "a..")
    });
}

fn add_handles(suite: &mut Suite) {
    const COUNT: usize = 4096;

    /// So many handles to one VMO.
    fn duplicates(cx: &mut Context<'_>, vmo: Handle) -> Checked<Vec<Handle>> {
        (0..COUNT).map(|_| cx.duplicate_same(vmo)).collect()
    }

    suite.test(
        "four_thousand_handles",
        &["HANDLE-DUP-01", "HV-10", "OBJ-INFO-18"],
        &[Handles, Info],
        |cx| {
            let vmo = create(cx, "a")?;
            let handles = duplicates(cx, vmo)?;
            let count = cx.handle_count(vmo)?;
            cx.expect(count as usize == COUNT + 1, COUNT + 1, count)?;
            for index in scattered(COUNT) {
                cx.expect_bytes(handles[index], 0, b"a")?;
                cx.close(handles[index])?;
            }
            let count = cx.handle_count(vmo)?;
            cx.expect(count == 1, 1, count)
        },
    );

    suite.test(
        "four_thousand_handles_of_a_clone",
        &["SIG-ZC-11"],
        &[Clone, Handles, Signals],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let copy = clone(cx, vmo, 0, 1)?;
            let handles = duplicates(cx, copy)?;
            cx.close(copy)?;
            let (last, others) = handles.split_last().expect("there are many");
            cx.handle_close_many(others)?.ok()?;
            cx.expect_signals(vmo, 0)?;
            cx.close(*last)?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
        },
    );

    suite.test(
        "a_handle_replaced_five_thousand_times",
        &["HANDLE-REPLACE-01", "SIG-ZC-19"],
        &[Clone, Handles, Signals],
        |cx| {
            let vmo = create(cx, "a")?;
            let mut copy = clone(cx, vmo, 0, 1)?;
            for _ in 0..5000 {
                copy = cx.handle_replace(copy, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            }
            shows(cx, copy, "a")?;
            cx.expect_signals(vmo, 0)?;
            cx.close(copy)?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
        },
    );
}

fn add_sizes(suite: &mut Suite) {
    const LARGEST: u64 = 0xffff_ffff_ffff_f000;

    suite.test("a_hundred_vmos_of_the_largest_size", &["VMO-CREATE-38"], &[], |cx| {
        let mut vmos = Vec::new();
        for letter in 0..100 {
            let vmo = cx.create(LARGEST)?;
            cx.write(vmo, u64::from(letter) << 50, &[letter + 1])?;
            vmos.push(vmo);
        }
        for (letter, vmo) in (0..).zip(vmos) {
            cx.expect_size(vmo, LARGEST)?;
            cx.expect_bytes(vmo, u64::from(letter) << 50, &[letter + 1, 0])?;
        }
        Ok(())
    });

    suite.test(
        "a_hundred_clones_of_the_largest_size",
        &["VMO-CLONE-28", "COW-24"],
        &[Clone],
        |cx| {
            let mut newest = cx.create(LARGEST)?;
            let mut members = vec![newest];
            cx.write(newest, 1 << 60, b"root")?;
            for _ in 0..20 {
                newest = cx.clone_of(newest, 0, LARGEST)?;
                for _ in 0..4 {
                    members.push(cx.clone_of(newest, 0, LARGEST)?);
                }
            }
            for vmo in members {
                cx.expect_size(vmo, LARGEST)?;
                cx.expect_bytes(vmo, 1 << 60, b"root\0")?;
                cx.expect_bytes(vmo, LARGEST - 1, b"\0")?;
            }
            Ok(())
        },
    );

    // A page of the largest VMO that it is safe to commit.
    suite.test(
        "the_far_end_of_the_largest_vmo",
        &["COW-03", "COW-05", "VMO-CREATE-38"],
        &[Clone],
        |cx| {
            let far = 0xffff_ffff_fffe_0000;
            let parent = cx.create(LARGEST)?;
            cx.write(parent, far, b"far")?;
            let copy = cx.clone_of(parent, far, 2 * PAGE)?;
            cx.expect_bytes(copy, 0, b"far\0")?;
            cx.write(copy, 1, b"u")?;
            cx.expect_bytes(copy, 0, b"fur\0")?;
            cx.expect_bytes(parent, far, b"far\0")?;
            let answer = cx.vmo_clone(parent, COPY, far, 0x2_0000)?;
            answer.is(vmo_abi::ZX_ERR_OUT_OF_RANGE)?.untouched().map(drop)
        },
    );
}
