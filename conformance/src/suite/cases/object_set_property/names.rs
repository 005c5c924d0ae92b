//! Names as they are set, and as they are read back.

use vmo_abi::Capability::Properties;
use vmo_abi::ZX_PROP_NAME;

use crate::suite::{PAGE, Suite};

/// Longest name that is kept in full.
const LONGEST: usize = 31;

/// A name of so many bytes, each of them another one.
fn name(len: usize) -> Vec<u8> {
    (0..len).map(|index| b'0' + index as u8 % 75).collect()
}

pub(super) fn add(suite: &mut Suite) {
    lengths(suite);
    nuls(suite);
    contents(suite);
    sizes(suite);
}

fn lengths(suite: &mut Suite) {
    for len in 1..=64 {
        let clauses: &[&str] =
            if len <= LONGEST { &["OBJ-SETPROP-01"] } else { &["OBJ-SETPROP-06"] };
        suite.test(format!("sets_the_name::{len}_bytes"), clauses, &[Properties], move |cx| {
            let vmo = cx.create(PAGE)?;
            // With the NUL that ends it, if there is room for it.
            let mut terminated = name(len);
            terminated.push(0);
            cx.set_name(vmo, b"some longer name from before")?;
            cx.set_name(vmo, &terminated)?;
            cx.expect_name(vmo, &name(len.min(LONGEST)))
        });
        suite.test(
            format!("needs_no_nul::{len}_bytes"),
            &["OBJ-SETPROP-09"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, &[b'b'; LONGEST])?;
                cx.set_name(vmo, &name(len))?;
                cx.expect_name(vmo, &name(len.min(LONGEST)))
            },
        );
    }

    for len in [100, 255, 256, 257, 4096, 5000] {
        suite.test(
            format!("cuts_a_long_name::{len}_bytes"),
            &["OBJ-SETPROP-06"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, &name(len))?;
                cx.expect_name(vmo, &name(LONGEST))
            },
        );
    }

    suite.test("the_last_name_counts", &["OBJ-SETPROP-01"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        for len in [31, 1, 30, 2, 16, 15, 17, 31, 5] {
            cx.set_name(vmo, &name(len))?;
            cx.expect_name(vmo, &name(len))?;
            cx.set_name(vmo, &name(len))?;
            cx.expect_name(vmo, &name(len))?;
        }
        Ok(())
    });
}

fn nuls(suite: &mut Suite) {
    for place in 0..40 {
        suite.test(
            format!("ends_at_the_first_nul::byte_{place}"),
            &["OBJ-SETPROP-08"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let mut set = name(40);
                set[place] = 0;
                cx.set_name(vmo, &[b'b'; LONGEST])?;
                cx.set_name(vmo, &set)?;
                cx.expect_name(vmo, &name(place.min(LONGEST)))
            },
        );
    }

    for (row, set, read) in [
        ("two", &b"head\0tail\0end"[..], &b"head"[..]),
        ("next_to_each_other", b"a\0\0b", b"a"),
        ("only_nuls", &[0; 40], b""),
        ("first_and_more", b"\0tail\0", b""),
    ] {
        suite.test(format!("several_nuls::{row}"), &["OBJ-SETPROP-08"], &[Properties], move |cx| {
            let vmo = cx.create(PAGE)?;
            cx.set_name(vmo, &[b'b'; LONGEST])?;
            cx.set_name(vmo, set)?;
            cx.expect_name(vmo, read)
        });
    }
}

fn contents(suite: &mut Suite) {
    suite.test("every_byte_is_kept", &["OBJ-SETPROP-11"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        for byte in 1..=u8::MAX {
            cx.set_name(vmo, &[byte])?;
            cx.expect_name(vmo, &[byte])?;
        }
        Ok(())
    });

    for (row, bytes) in [
        ("above_127", &b"\xff\xfe\x80\x9f\xa0\xc0"[..]),
        ("controls", b"\x01\n\t\r\x1b\x7f \x08"),
        ("cut_utf_8", b"\xe2\x82"),
        ("overlong_utf_8", b"\xc0\xaf\xe0\x80\xaf"),
        ("surrogate", b"\xed\xa0\x80"),
        ("spaces", b"  both ends  "),
        ("upper_and_lower", b"aAbBzZ"),
        ("percent", b"%s%n%d"),
        ("slashes", b"../\\//."),
    ] {
        suite.test(
            format!("bytes_are_kept_as_they_are::{row}"),
            &["OBJ-SETPROP-11"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, bytes)?;
                cx.expect_name(vmo, bytes)?;
                // The cut falls where it falls.
                let long = bytes.repeat(16);
                cx.set_name(vmo, &long)?;
                cx.expect_name(vmo, &long[..LONGEST])
            },
        );
    }
}

fn sizes(suite: &mut Suite) {
    for size in 1..LONGEST {
        suite.test(
            format!("only_so_many_bytes_are_taken::{size}"),
            &["OBJ-SETPROP-09"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let bytes = name(40);
                cx.object_set_property_sized(vmo, ZX_PROP_NAME, &bytes, size as u64)?.ok()?;
                cx.expect_name(vmo, &bytes[..size])
            },
        );
    }

    suite.test("size_0_sets_the_empty_name", &["OBJ-SETPROP-10"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"before")?;
        cx.object_set_property_sized(vmo, ZX_PROP_NAME, b"unread", 0)?.ok()?;
        cx.expect_name(vmo, b"")?;
        cx.set_name(vmo, b"behind")?;
        cx.expect_name(vmo, b"behind")
    });

    for (row, size) in [
        ("2_to_31", 1 << 31),
        ("2_to_32", 1 << 32),
        ("2_to_32_and_3", (1 << 32) + 3),
        ("2_to_40", 1 << 40),
        ("2_to_63", 1 << 63),
        ("2_to_63_and_3", (1 << 63) + 3),
        ("all_ones", u64::MAX),
    ] {
        suite.test(
            format!("a_huge_size_is_cut_to_31::{row}"),
            &["OBJ-SETPROP-07"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.object_set_property_sized(vmo, ZX_PROP_NAME, &name(64), size)?.ok()?;
                cx.expect_name(vmo, &name(LONGEST))
            },
        );
    }
}
