//! The text form of programs: round trips, recordings, hostile texts.

#[path = "text_form/errors.rs"]
mod errors;
#[path = "text_form/generated.rs"]
mod generated;
#[path = "text_form/random.rs"]
mod random;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use random::Random;
use vmo_conformance::program::{Field, Program, parse, parse_bytes, parse_golden, print};

/// Every construct of the grammar, in canonical form.
const SAMPLE: &str = "\
# What the first program is about.
#
# It has two paragraphs.
program b/clone/12 topic=clone marks=C-12,ND-07
  # Before a step.
  v0 = vmo_create(size=0x1001, options=0) -> OK
  vmo_get_size(handle=v0) -> OK size=0x2000
  vmo_write(handle=v0, buffer=hex(4142) + fill(0xab, 16) + seq(3, 100), offset=0x10, buffer_size=0x76) -> OK
  vmo_write(handle=v0, buffer=none, offset=0, buffer_size=0) -> OK
  vmo_write(handle=v0, offset=0, buffer_size=0x10) -> OK
  vmo_read(handle=v0, offset=0, buffer_size=0x20) -> OK data=fill(0, 16) + hex(4142) + fill(0xab, 14)
  v1 = vmo_clone(handle=v0, options=COPY_ON_WRITE, offset=0, size=0x1000) -> OK
  v2 = handle_duplicate(handle=v0, rights=READ|MAP, out=null) -> ERR_INVALID_ARGS untouched=true
  vmo_op_range(handle=v0, op=COMMIT, offset=0, size=0x1000, buffer=null, buffer_size=0)
  m0 = vmar_map(vmar=region, vmar_offset=0, vmo=v0, vmo_offset=0, len=0x1000, map_flags=PERM_READ|PERM_WRITE) -> OK addr_is=region+0x1000
  load(address=m0+0xfff, len=2) -> FAULT
  load(address=m0, len=1) -> OK data=hex(00)
  store(address=m0+0x10, data=hex(4142)) -> OK
  store(address=readonly, data=hex()) -> FAULT
  r0 = vmar_allocate(parent_vmar=root, offset=0, size=0x1000, map_flags=0x80000000) -> -99
  vmar_unmap(vmar=r0, addr=r0, len=0x1000) -> ERR_BAD_HANDLE
  c0, c1 = channel_create(options=0, out1=straddle:2) -> OK
  handle_close_many(handles=[v0, invalid, 0x1234], num_handles=3) -> OK
  handle_close_many(handles=unmapped, num_handles=18446744073709551615)
  object_get_info(handle=v1, topic=HANDLE_BASIC, buffer_size=0x20) -> OK rights=READ|WRITE type=VMO related_koid=0 props=0x1 koid_same_as=v0 koid_differs=[v1, process] actual=1 avail=1
  object_get_info(handle=observed, topic=0x63, buffer=kernel, buffer_size=0) -> OK count=2
  object_get_property(handle=never, property=NAME, value_size=0x20) -> OK value=fill(0, 32)
  object_wait_one(handle=v0, signals=ZERO_CHILDREN, deadline=now+1000000) -> OK observed=ZERO_CHILDREN
  object_wait_one(handle=v0, signals=0x2, deadline=infinite) -> ERR_TIMED_OUT observed=0
  object_wait_many(items=[v0:ZERO_CHILDREN, v1:0x1000002], count=2, deadline=0) -> OK pending=[0x9, 0]
  limit_memory(pages=64)
  limit_memory(pages=none)
  fail_allocation(nth=3) -> OK
  fail_allocation(nth=none)
  # After the last step.

# Before the second program.
program empty
";

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/golden")
}

fn parsed(text: &str) -> Vec<Program> {
    parse("test.vmo", text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_sample_is_canonical() {
    let programs = parsed(SAMPLE);
    assert_eq!(print(&programs), SAMPLE);
    let [first, second] = programs.as_slice() else { panic!("{} programs", programs.len()) };
    assert_eq!(first.name, "b/clone/12");
    assert_eq!(first.topic, "clone");
    assert_eq!(first.marks, ["C-12", "ND-07"]);
    assert_eq!(first.names, ["v0", "v1", "v2", "m0", "r0", "c0", "c1"]);
    assert_eq!(first.comments.len(), 3);
    assert_eq!(first.trailing_comments, ["After the last step."]);
    assert_eq!(second.comments, ["Before the second program."]);
    assert!(second.steps.is_empty());
    assert_eq!(first.step_text(1), "vmo_get_size(handle=v0) -> OK size=0x2000");
}

/// What may be written in more than one way has one canonical form.
#[test]
fn other_ways_to_write_it() {
    for (written, canonical) in [
        ("vmo_set_size(size=4_096,handle=0)", "vmo_set_size(handle=0, size=0x1000)"),
        ("vmo_set_size ( handle = 0x0 , size = 0 )->OK", "vmo_set_size(handle=0, size=0) -> OK"),
        ("vmo_get_size(handle=0, size=0x0)", "vmo_get_size(handle=0, size=0)"),
        (
            "object_signal(handle=region, clear_mask=USER_1|8|USER_0, set_mask=0)",
            "object_signal(handle=region, clear_mask=ZERO_CHILDREN|USER_0|USER_1, set_mask=0)",
        ),
        (
            "object_wait_one(handle=root, signals=8, deadline=0xffff_ffff_ffff_ffff)",
            "object_wait_one(handle=root, signals=ZERO_CHILDREN, deadline=infinite)",
        ),
        (
            "object_wait_one(handle=root, signals=0, deadline=now)",
            "object_wait_one(handle=root, signals=0, deadline=now+0)",
        ),
        (
            "vmo_op_range(handle=0, op=1, offset=0, size=0, buffer_size=0)",
            "vmo_op_range(handle=0, op=COMMIT, offset=0, size=0, buffer_size=0)",
        ),
        (
            "vmo_set_cache_policy(handle=0, cache_policy=0)",
            "vmo_set_cache_policy(handle=0, cache_policy=CACHED)",
        ),
        (
            "vmo_set_cache_policy(handle=0, cache_policy=9)",
            "vmo_set_cache_policy(handle=0, cache_policy=0x9)",
        ),
        (
            "store( data=hex(aBCd)+fill(0xFF,1), address=region+0 )",
            "store(address=region, data=hex(abcd) + fill(0xff, 1))",
        ),
        ("vmo_get_size(handle=0) -> 0", "vmo_get_size(handle=0) -> OK"),
        ("vmo_get_size(handle=0) -> -10", "vmo_get_size(handle=0) -> ERR_INVALID_ARGS"),
        ("vmo_get_size(handle=0) -> -2147483648", "vmo_get_size(handle=0) -> -2147483648"),
    ] {
        let programs = parsed(&format!("program p\n{written}\n"));
        assert_eq!(print(&programs), format!("program p\n  {canonical}\n"));
    }
}

#[test]
fn comments_stay() {
    let written = "\
\t# indented, but there is no program yet
#no space
program p # on the line of the header
# before the step
    #  two spaces
handle_close(handle=0)# on the line of the step
#
handle_close(handle=1)
# before the last one
  # belongs to p as the end of p
# belongs to q
program q
# the end
";
    let canonical = "\
# indented, but there is no program yet
# no space
# on the line of the header
program p
  # before the step
  #  two spaces
  # on the line of the step
  handle_close(handle=0)
  #
  handle_close(handle=0x1)
  # before the last one
  # belongs to p as the end of p

# belongs to q
program q
  # the end
";
    assert_eq!(print(&parsed(written)), canonical);
    assert_eq!(print(&parsed(canonical)), canonical);
}

#[test]
fn texts_without_programs() {
    for text in ["", "\n", "  \n\t\r\n", "# only\n  # comments", "\u{feff}", "#"] {
        assert_eq!(parsed(text), []);
    }
}

#[test]
fn line_ends_of_other_systems() {
    let expected = parsed(SAMPLE);
    assert_eq!(parsed(&SAMPLE.replace('\n', "\r\n")), expected);
    assert_eq!(parsed(&format!("\u{feff}{SAMPLE}")), expected);
    assert_eq!(parsed(SAMPLE.trim_end()), expected);
    assert_eq!(parsed(&format!("{}\r", SAMPLE.trim_end())), expected);
}

/// The page that describes the grammar says what is so.
#[test]
fn the_grammar_page() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/GRAMMAR.md");
    let page = fs::read_to_string(path).unwrap();
    let example = page.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(print(&parsed(example)), example);
    let words = page.split("no step can bind: `").nth(1).unwrap().split('`').next().unwrap();
    let words: Vec<&str> = words.split_whitespace().collect();
    assert_eq!(words.len(), 24);
    for word in words {
        let error = parse("t", &format!("program p\n{word} = event_create(options=0)\n"));
        assert!(error.is_err(), "{word} can be bound");
    }
    for key in Field::KEYS {
        assert!(page.contains(&format!("\"{key}=\"")), "{key}");
    }
}

/// The recordings in the corpus are canonical text.
#[test]
fn recordings_round_trip() {
    let (mut programs, mut steps) = (0, 0);
    for (path, text) in corpus_files() {
        let parsed = parsed(&text);
        assert!(print(&parsed) == text, "{} is not canonical", path.display());
        programs += parsed.len();
        steps += parsed.iter().map(|program| program.steps.len()).sum::<usize>();
    }
    assert_eq!((programs, steps), (8140, 117_247));
}

/// Nothing was lost between the recordings and the corpus.
#[test]
fn recordings_were_converted_exactly() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/golden");
    if !folder.exists() {
        println!("skipped: the recordings are not at {}", folder.display());
        return;
    }
    let mut by_name = HashMap::new();
    for (_, text) in corpus_files() {
        for mut program in parsed(&text) {
            // The first program of each file carries the head of the file.
            program.comments.clear();
            by_name.insert(program.name.clone(), program);
        }
    }
    for stem in ["boundary", "random"] {
        let path = folder.join(format!("{stem}.jsonl"));
        let text = fs::read_to_string(&path).unwrap();
        for program in parse_golden(&path.display().to_string(), &text).unwrap() {
            assert_eq!(by_name.remove(&program.name).as_ref(), Some(&program));
        }
    }
    assert!(by_name.is_empty(), "{} programs come from nowhere", by_name.len());
}

fn corpus_files() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "vmo"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// Whatever the bytes are, they are refused or read as programs that survive
/// a round trip.
fn check_hostile(bytes: &[u8]) {
    let Ok(programs) = parse_bytes("hostile.vmo", bytes) else {
        return;
    };
    let text = print(&programs);
    match parse("printed.vmo", &text) {
        Ok(again) => assert_eq!(again, programs),
        Err(error) => panic!("{error}\n{text}"),
    }
}

#[test]
fn truncated_texts() {
    for end in 0..SAMPLE.len() {
        check_hostile(&SAMPLE.as_bytes()[..end]);
        check_hostile(&SAMPLE.as_bytes()[end..]);
    }
}

#[test]
fn mutated_texts() {
    let mut random = Random::new(1);
    let pieces = [
        "\n",
        "\r",
        " ",
        "#",
        "(",
        ")",
        "[",
        "]",
        ",",
        "=",
        "|",
        ":",
        "+",
        "->",
        "0",
        "0x",
        "é",
        "\0",
        "\u{7f}",
        "v0",
        "hex(",
        "none",
        "program",
        "99999999999999999999",
    ];
    for _ in 0..20_000 {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => drop(bytes.remove(at)),
                2 => {
                    let piece = pieces[random.below(pieces.len() as u64) as usize];
                    bytes.splice(at..at, piece.bytes());
                }
                _ => {
                    let end = (at + random.below(40) as usize).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    let to = random.below(bytes.len() as u64) as usize;
                    bytes.splice(to..to, copy);
                }
            }
        }
        check_hostile(&bytes);
    }
}

#[test]
fn random_bytes() {
    let mut random = Random::new(2);
    for len in 0..2000 {
        let bytes: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
        check_hostile(&bytes);
        let ascii: Vec<u8> = bytes.iter().map(|byte| byte & 0x7f).collect();
        check_hostile(&[b"program p\n", ascii.as_slice()].concat());
    }
}

#[test]
fn huge_lines() {
    const HUGE: usize = 10 << 20;
    for unit in ["a", "0", "(", "[", "#", " ", "\r", "é", "a,", "hex(", "a="] {
        let line = unit.repeat(HUGE / unit.len());
        for start in [
            "",
            "program ",
            "program p ",
            "program p\n",
            "program p\nload(address=",
            "program p\nload(address=0, len=0) -> ",
            "program p\nstore(address=0, data=hex(",
            "program p\nhandle_close_many(num_handles=0, handles=[",
        ] {
            if let Err(error) = parse("huge.vmo", &format!("{start}{line}")) {
                assert!(error.to_string().len() < 1000, "{error}");
            }
        }
    }
}

#[test]
fn many_names_stay_fast() {
    let mut text = String::from("program p\n");
    for i in 0..u16::MAX {
        text.push_str(&format!("e{i} = event_create(options=0)\nhandle_close(handle=e{i})\n"));
    }
    assert_eq!(parsed(&text)[0].names.len(), usize::from(u16::MAX));
    text.push_str("one_more = event_create(options=0)\n");
    assert_eq!(
        parse("t", &text).unwrap_err().to_string(),
        "t:131072:1: expected at most 65535 names in a program, found `one_more`"
    );
}
