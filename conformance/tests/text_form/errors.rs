//! What an error says, and where it points.

use vmo_conformance::program::{Position, parse, parse_bytes, parse_golden};

fn message(text: &str) -> String {
    match parse("t.vmo", text) {
        Ok(programs) => panic!("accepted: {programs:?}"),
        Err(error) => error.to_string(),
    }
}

/// Checks messages for lines that stand behind `program p` and a step that
/// binds `v0`.
#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        let text = format!("program p\nv0 = event_create(options=0)\n  {line}\n");
        assert_eq!(message(&text), format!("t.vmo:{expected}"), "{line}");
    }
}

#[test]
fn headers() {
    for (text, expected) in [
        ("v0 = x", "1:1: expected `program` before the first step, found `v0`"),
        ("?", "1:1: expected `program` before the first step, found `?`"),
        ("program", "1:8: expected the name of the program, found the end of the text"),
        ("program \n", "1:9: expected the name of the program, found the end of the line"),
        ("program #p\n", "1:9: expected the name of the program, found a comment"),
        ("program p q\n", "1:11: expected `topic=`, `marks=` or the end of the line, found `q`"),
        (
            "program p \r q\n",
            "1:11: expected `topic=`, `marks=` or the end of the line, found `\\r`",
        ),
        ("program é topic=\n", "1:11: expected `topic=` and a topic, found `topic=`"),
        (
            "program p marks=a,,b\n",
            "1:11: expected `marks=` and marks joined by `,`, found `marks=a,,b`",
        ),
        (
            "program p topic=a topic=b\n",
            "1:19: expected `topic=` at most once, found a second `topic=`",
        ),
        (
            "program p marks=a marks=b\n",
            "1:19: expected `marks=` at most once, found a second `marks=`",
        ),
    ] {
        assert_eq!(message(text), format!("t.vmo:{expected}"));
    }
}

#[test]
fn steps() {
    check(&[
        ("(", "3:3: expected a step or `program`, found `(`"),
        ("v1", "3:5: expected `(`, `=` or `,`, found the end of the line"),
        ("v1 event_create", "3:6: expected `(`, `=` or `,`, found `event_create`"),
        ("v1, = event_create", "3:7: expected a name, found `=`"),
        ("v1 = # x", "3:8: expected a system call, found a comment"),
        ("v1 = load(", "3:8: expected a system call, found `load`"),
        ("vmo_frob(handle=v0)", "3:3: expected a call, found `vmo_frob`"),
        (
            "vmo_reed(handle=v0)",
            "3:3: expected a call, found `vmo_reed` (did you mean `vmo_read`?)",
        ),
        ("v1 = vmo_crate(", "3:8: expected a call, found `vmo_crate` (did you mean `vmo_create`?)"),
        ("lod(address=0)", "3:3: expected a call, found `lod` (did you mean `load`?)"),
        ("event_create", "3:15: expected `(`, `=` or `,`, found the end of the line"),
        ("handle_close(handle=v0) v1", "3:27: expected the end of the line, found `v1`"),
        ("handle_close(handle=v0)\r\r", "3:26: expected the end of the line, found `\\r`"),
        ("handle_close(handle=v0) - > OK", "3:27: expected the end of the line, found `-`"),
    ]);
}

#[test]
fn arguments() {
    check(&[
        (
            "vmo_set_size(handle=v0, sise=1)",
            "3:27: expected an argument of vmo_set_size (handle, size), found `sise` \
             (did you mean `size`?)",
        ),
        (
            "vmo_read(handle=v0, data=hex(00))",
            "3:23: expected an argument of vmo_read (handle, [buffer], offset, buffer_size), \
             found `data`",
        ),
        (
            "vmo_set_size(handle=v0,)",
            "3:26: expected an argument of vmo_set_size (handle, size), found `)`",
        ),
        (
            "vmo_set_size(size=1, handle=v0, size=1)",
            "3:35: expected each argument of vmo_set_size once (handle, size), \
             found a second `size`",
        ),
        (
            "vmo_set_size(handle=v0 )",
            "3:26: expected the argument `size` of vmo_set_size (handle, size), found `)`",
        ),
        (
            "handle_duplicate()",
            "3:20: expected the argument `handle` of handle_duplicate (handle, rights, [out]), \
             found `)`",
        ),
        ("load(address=0)", "3:17: expected the argument `len` of load (address, len), found `)`"),
        ("limit_memory(nth=1)", "3:16: expected an argument of limit_memory (pages), found `nth`"),
        ("handle_close(handle v0)", "3:23: expected `=`, found `v0`"),
        ("vmo_set_size(handle=v0 size=1)", "3:26: expected `,` or `)`, found `size`"),
        ("handle_close(handle=v0", "3:25: expected `,` or `)`, found the end of the line"),
    ]);
}

#[test]
fn names() {
    check(&[
        (
            "handle_close(handle=v1)",
            "3:23: expected a handle, or a name that an earlier step binds, found `v1` \
             (did you mean `v0`?)",
        ),
        (
            "v1 = handle_replace(handle=vmo, rights=0, out=vmo)",
            "3:30: expected a handle, or a name that an earlier step binds, found `vmo`",
        ),
        (
            "load(address=somewhere+1, len=1)",
            "3:16: expected an address, or a name that an earlier step binds, found `somewhere`",
        ),
        ("v0 = event_create(options=0)", "3:3: expected a name that is not bound yet, found `v0`"),
        (
            "c, c = channel_create(options=0)",
            "3:6: expected a name that is not bound yet, found `c`",
        ),
        (
            "region = event_create(options=0)",
            "3:3: expected a name without a fixed meaning, found `region`",
        ),
        (
            "V1 = event_create(options=0)",
            "3:3: expected a name of a-z, 0-9 and _ that starts with a-z, found `V1`",
        ),
        (
            "c = channel_create(options=0)",
            "3:3: expected 2 names for the results of channel_create, found `c`",
        ),
        (
            "a, b = event_create(options=0)",
            "3:3: expected 1 name for the result of event_create, found 2 names",
        ),
        (
            "v1 = handle_close(handle=v0)",
            "3:3: expected no name, as handle_close makes no handle and no mapping, found `v1`",
        ),
        ("a, b, c = event_create(options=0)", "3:9: expected at most 2 names, found `c`"),
    ]);
}

#[test]
fn values() {
    check(&[
        ("handle_close(handle=)", "3:23: expected a handle, found `)`"),
        (
            "handle_close(handle=0x1_0000_0000)",
            "3:23: expected a number up to 0xffffffff, found `0x1_0000_0000`",
        ),
        ("vmo_create(size=-1, options=0)", "3:19: expected a number, found `-`"),
        (
            "vmo_create(size=18446744073709551616, options=0)",
            "3:19: expected a number up to 0xffffffffffffffff, found `18446744073709551616`",
        ),
        (
            "vmo_create(size=0, options=4294967296)",
            "3:30: expected a number up to 0xffffffff, found `4294967296`",
        ),
        (
            "vmo_create(size=12ab, options=0)",
            "3:19: expected a number, decimal or with 0x hexadecimal, found `12ab`",
        ),
        (
            "vmo_create(size=0x_, options=0)",
            "3:19: expected a number, decimal or with 0x hexadecimal, found `0x_`",
        ),
        (
            "handle_replace(handle=v0, rights=REED)",
            "3:36: expected a number or a name for one, found `REED` (did you mean `READ`?)",
        ),
        (
            "handle_replace(handle=v0, rights=READ|)",
            "3:41: expected a number or a name for one, found `)`",
        ),
        (
            "handle_replace(handle=v0, rights=READ|0x100000000)",
            "3:41: expected a number up to 0xffffffff, found `0x100000000`",
        ),
        (
            "vmo_set_cache_policy(handle=v0, cache_policy=CACHED|1)",
            "3:54: expected `,` or `)`, found `|`",
        ),
        (
            "object_wait_one(handle=v0, signals=0, deadline=soon)",
            "3:50: expected a number, `now` or `infinite`, found `soon`",
        ),
        ("vmo_get_size(handle=v0, size=[1])", "3:32: expected an address, found `[`"),
        ("load(address=straddle, len=1)", "3:24: expected `:`, found `,`"),
        ("load(address=v0+, len=1)", "3:19: expected a number, found `,`"),
        (
            "load(address=v0, len=4194305)",
            "3:24: expected a number up to 0x400000, found `4194305`",
        ),
        ("limit_memory(pages=all)", "3:22: expected a number or `none`, found `all`"),
        (
            "handle_close_many(handles=v0 + hex(00), num_handles=1)",
            "3:34: expected a number, found `hex`",
        ),
        (
            "handle_close_many(handles=(v0), num_handles=1)",
            "3:29: expected a list or an address, found `(`",
        ),
        (
            "handle_close_many(handles=[v0; v0], num_handles=1)",
            "3:32: expected `,` or `]`, found `;`",
        ),
        ("object_wait_many(items=[v0], count=1, deadline=0)", "3:29: expected `:`, found `]`"),
    ]);
}

#[test]
fn data() {
    check(&[
        (
            "store(address=0, data=0x00)",
            "3:25: expected data: `hex(...)`, `fill(BYTE, COUNT)` or `seq(FIRST, COUNT)`, \
             found `0x00`",
        ),
        (
            "store(address=0, data=hex(00) + none)",
            "3:35: expected data: `hex(...)`, `fill(BYTE, COUNT)` or `seq(FIRST, COUNT)`, \
             found `none`",
        ),
        (
            "vmo_write(handle=v0, buffer=\"a\", offset=0, buffer_size=1)",
            "3:31: expected data or an address, found `\"`",
        ),
        ("store(address=0, data=hex 00)", "3:29: expected `(`, found `00`"),
        (
            "store(address=0, data=hex(004))",
            "3:29: expected two hexadecimal digits for each byte, found 3 digits",
        ),
        ("store(address=0, data=hex(00 gg))", "3:32: expected `)`, found `gg`"),
        ("store(address=0, data=fill(256, 1))", "3:30: expected a number up to 0xff, found `256`"),
        ("store(address=0, data=fill(1))", "3:31: expected `,`, found `)`"),
        ("store(address=0, data=seq(0, x))", "3:32: expected a number of bytes, found `x`"),
        (
            "store(address=0, data=hex(00) + fill(0, 4194304))",
            "3:35: expected at most 4194304 bytes of data, found 4194305 bytes",
        ),
        (
            "store(address=0, data=hex(00) + seq(0, 0xffffffffffffffff))",
            "3:35: expected at most 4194304 bytes of data, found 18446744073709551615 bytes",
        ),
    ]);
}

#[test]
fn results() {
    check(&[
        (
            "handle_close(handle=v0) ->",
            "3:29: expected a status or `FAULT`, found the end of the line",
        ),
        (
            "handle_close(handle=v0) -> OKAY",
            "3:30: expected a status or `FAULT`, found `OKAY` (did you mean `OK`?)",
        ),
        (
            "handle_close(handle=v0) -> ERR_OUT_OF_RANG",
            "3:30: expected a status or `FAULT`, found `ERR_OUT_OF_RANG` \
             (did you mean `ERR_OUT_OF_RANGE`?)",
        ),
        (
            "handle_close(handle=v0) -> 2147483648",
            "3:30: expected a number up to 0x7fffffff, found `2147483648`",
        ),
        (
            "handle_close(handle=v0) -> -2147483649",
            "3:31: expected a number up to 0x80000000, found `2147483649`",
        ),
        (
            "handle_close(handle=v0) -> OK sise=1",
            "3:33: expected a result (size, data, value, observed, pending, rights, type, \
             related_koid, props, koid_same_as, koid_differs, count, actual, avail, addr_is, \
             untouched), found `sise` (did you mean `size`?)",
        ),
        (
            "handle_close(handle=v0) -> OK size=1 size=1",
            "3:40: expected each result once, found a second `size`",
        ),
        (
            "handle_close(handle=v0) -> OK, size=1",
            "3:32: expected a result or the end of the line, found `,`",
        ),
        ("handle_close(handle=v0) -> OK size 1", "3:38: expected `=`, found `1`"),
        (
            "handle_close(handle=v0) -> OK untouched=yes",
            "3:43: expected `true` or `false`, found `yes`",
        ),
        (
            "handle_close(handle=v0) -> OK koid_differs=v0",
            "3:46: expected `[` and a handle, found `v0`",
        ),
        (
            "handle_close(handle=v0) -> OK count=0x100000000",
            "3:39: expected a number up to 0xffffffff, found `0x100000000`",
        ),
        (
            "handle_close(handle=v0) -> OK type=VMOS",
            "3:38: expected a number or a name for one, found `VMOS` (did you mean `VMO`?)",
        ),
    ]);
}

#[test]
fn bytes_that_are_no_text() {
    let check = |bytes: &[u8], expected: &str| {
        let error = parse_bytes("t.vmo", bytes).unwrap_err();
        assert_eq!(error.to_string(), format!("t.vmo:{expected}"));
    };
    check(b"# \xc3\xa9\n#\xff", "2:2: expected text in UTF-8, found the byte 0xff");
    check(b"\x7fELF\0\xff", "1:5: expected text in UTF-8, found a NUL byte");
    check(b"# a\n# \0", "2:3: expected text, found a NUL byte");
    check(b"program p\n\x1b", "2:1: expected a step or `program`, found `\\u{1b}`");
}

#[test]
fn what_was_found_is_shortened() {
    let name = "x".repeat(1000);
    assert_eq!(
        message(&format!("program p\n{name}()")),
        format!("t.vmo:2:1: expected a call, found `{}…`", &name[..40])
    );
}

#[test]
fn parts_of_an_error() {
    let error = parse("t.vmo", "program p\n# é\n é = vmo_reed()").unwrap_err();
    assert_eq!(error.position(), Position { line: 3, column: 2 });
    let error = parse("t.vmo", "program p\nvmo_reed()").unwrap_err();
    assert_eq!(error.source_name(), "t.vmo");
    assert_eq!(error.expected(), "a call");
    assert_eq!(error.found(), "`vmo_reed`");
    assert_eq!(error.suggestion(), Some("vmo_read"));
}

#[test]
fn recordings() {
    let step = |step: &str| format!(r#"{{"id":"a/1","topic":"t","steps":[{step}]}}"#);
    let create = r#"{"call":"vmo_create","size":"0x1","out":"v0","status":"OK"}"#;
    for (text, expected) in [
        ("\n[1", "2:2: expected JSON, found EOF while parsing a list at line 1 column 2"),
        ("[]", "1:1: expected an object, found `[]`"),
        (r#"{"id":"a","topic":"t"}"#, "1:1: expected the key `steps`, found none"),
        (
            r#"{"id":"a","topic":"t","steps":[],"extra":1}"#,
            "1:1: expected keys that the conversion knows, found `extra`",
        ),
        (r#"{"id":"a b","topic":"t","steps":[]}"#, "1:1: expected a word, found `\"a b\"`"),
        (
            &step(r#"{"call":"vmo_frob","status":"OK"}"#),
            "1:1: expected a system call in step 1 of `a/1`, found `\"vmo_frob\"`",
        ),
        (
            &step(r#"{"call":"vmo_create","size":"0x1","status":"OK","data":[]}"#),
            "1:1: expected keys that the conversion knows in step 1 of `a/1`, found `data`",
        ),
        (
            &step(r#"{"call":"vmo_create","size":"0x1","status":"OK","ptr":{"oot":"null"}}"#),
            "1:1: expected keys that the conversion knows in step 1 of `a/1`, found `oot`",
        ),
        (
            &step(r#"{"call":"vmo_create","status":"OK"}"#),
            "1:1: expected the key `size` in step 1 of `a/1`, found none",
        ),
        (
            &step(r#"{"call":"vmo_create","size":"1","status":"OK"}"#),
            "1:1: expected a string with a hexadecimal number in step 1 of `a/1`, found `\"1\"`",
        ),
        (
            &step(r#"{"call":"vmo_create","size":"0x1","options":"0x100000000","status":"OK"}"#),
            "1:1: expected a number of 32 bits in step 1 of `a/1`, found `\"0x100000000\"`",
        ),
        (
            &step(r#"{"call":"vmo_create","size":"0x1"}"#),
            "1:1: expected the key `status` in step 1 of `a/1`, found none",
        ),
        (
            &step(&format!("{create},{create}")),
            "1:1: expected a name that is not bound yet in step 2 of `a/1`, found `\"v0\"`",
        ),
        (
            &step(&format!(
                "{create},{}",
                r#"{"call":"handle_close","handle":"v1","status":"OK"}"#
            )),
            "1:1: expected a handle in step 2 of `a/1`, found `\"v1\"`",
        ),
        (
            &step(r#"{"load":"region","len":1,"fault":false}"#),
            "1:1: expected `fault` to be true in step 1 of `a/1`, found `false`",
        ),
        (
            &step(r#"{"store":"region","data":{"hex":"0"}}"#),
            "1:1: expected bytes in hex in step 1 of `a/1`, found `\"0\"`",
        ),
        (
            &step(r#"{"call":"channel_create","out0":"c","status":"OK"}"#),
            "1:1: expected the key `out0` and `out1` in step 1 of `a/1`, found none",
        ),
    ] {
        let error = parse_golden("r.jsonl", text).unwrap_err();
        assert_eq!(error.to_string(), format!("r.jsonl:{expected}"));
    }
}
