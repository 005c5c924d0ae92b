//! What in the C files follows from the table of calls.
//!
//! `UPDATE=1` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use vmo_abi::{Argument, Syscall};

use crate::sources::folder;

const BEGIN: &str = "/* Made from the table of calls: begin. */\n";
const END: &str = "/* Made from the table of calls: end. */\n";

/// Compares a marked section, or writes it.
fn pin(file: &Path, expected: &str) {
    let name = file.display();
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (before, rest) = text.split_once(BEGIN).unwrap_or_else(|| panic!("{name}: no section"));
    let (section, after) = rest.split_once(END).unwrap_or_else(|| panic!("{name}: no end"));
    if section == expected {
        return;
    }
    assert!(
        std::env::var_os("UPDATE").is_some(),
        "{name} does not follow from the table of calls; UPDATE=1 writes\n{expected}"
    );
    fs::write(file, format!("{before}{BEGIN}{expected}{END}{after}")).expect("it can be written");
}

/// Joins words with commas into lines of at most 100 columns.
fn list(start: &str, items: &[String], end: &str, indent: &str) -> String {
    let mut text = String::new();
    let mut line = start.to_owned();
    for (index, item) in items.iter().enumerate() {
        let word =
            if index + 1 == items.len() { format!("{item}{end}") } else { format!("{item},") };
        if line.len() + 1 + word.len() > 100 {
            text.push_str(line.trim_end());
            text.push('\n');
            indent.clone_into(&mut line);
        }
        line.push_str(&word);
        line.push(' ');
    }
    text.push_str(line.trim_end());
    text.push('\n');
    text
}

fn parameters(syscall: Syscall) -> Vec<String> {
    let arguments = syscall.arguments().iter();
    arguments.map(|argument| format!("{} {}", argument.c_type(), argument.name)).collect()
}

fn cast(index: usize, argument: &Argument) -> String {
    match (argument.kind.is_pointer(), argument.c_type()) {
        (true, pointer) => format!("({pointer})(uintptr_t)a[{index}]"),
        (false, "uint64_t") => format!("a[{index}]"),
        (false, number) => format!("({number})a[{index}]"),
    }
}

#[test]
fn the_table_of_pointers_follows_from_the_table_of_calls() {
    let mut text = format!("#define AGENT_CALLS {}\n\n", Syscall::ALL.len());
    text.push_str("/* The calls of the kernel; NULL for those that it does not have. */\n");
    text.push_str("struct agent_calls {\n");
    for syscall in Syscall::ALL {
        let start = format!("    zx_status_t (*{})(", syscall.name());
        text.push_str(&list(&start, &parameters(*syscall), ");", "        "));
    }
    text.push_str("};\n");
    pin(&folder().join("agent.h"), &text);
}

#[test]
fn the_dispatch_follows_from_the_table_of_calls() {
    let mut text = "\
static const uint8_t arguments_of_call[AGENT_CALLS] = {
"
    .to_owned();
    let counts: Vec<String> =
        Syscall::ALL.iter().map(|syscall| syscall.arguments().len().to_string()).collect();
    text.push_str(&list("    ", &counts, ",", "    "));
    text.push_str(
        "};

static uint64_t calls_present(const struct agent_calls* calls) {
    uint64_t present = 0;
",
    );
    for syscall in Syscall::ALL {
        let _ = writeln!(
            text,
            "    present |= (uint64_t)(calls->{} != NULL) << {};",
            syscall.name(),
            *syscall as u8
        );
    }
    text.push_str(
        "    return present;
}

static zx_status_t call(const struct agent_calls* calls, uint64_t number, const uint64_t* a) {
    if (number >= AGENT_CALLS || (calls_present(calls) >> number & 1) == 0) {
        return BAD_SYSCALL;
    }
    switch (number) {
",
    );
    for syscall in Syscall::ALL {
        let name = syscall.name();
        let _ = writeln!(text, "    case {}:", *syscall as u8);
        let arguments: Vec<String> = syscall
            .arguments()
            .iter()
            .enumerate()
            .map(|(index, argument)| cast(index, argument))
            .collect();
        let start = format!("        return calls->{name}(");
        text.push_str(&list(&start, &arguments, ");", "            "));
    }
    text.push_str("    default:\n        return BAD_SYSCALL;\n    }\n}\n");
    pin(&folder().join("agent.c"), &text);
}

#[test]
fn the_prototypes_of_the_port_follow_from_the_table_of_calls() {
    let mut text = "#ifndef AGENT_TYPES\n".to_owned();
    for syscall in Syscall::ALL {
        let start = format!("zx_status_t zx_{}(", syscall.name());
        text.push_str(&list(&start, &parameters(*syscall), ") OPTIONAL;", "    "));
    }
    text.push_str("#endif\n\nstatic const struct agent_calls calls = {\n");
    for syscall in Syscall::ALL {
        let _ = writeln!(text, "    .{0} = zx_{0},", syscall.name());
    }
    text.push_str("};\n");
    pin(&folder().join("ports/posix.c"), &text);
}
