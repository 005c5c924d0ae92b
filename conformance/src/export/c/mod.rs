//! A C program for Zircon.
//!
//! It exits with 0 if everything is as it should be, with 1 after it has said
//! which call broke which clause, and with 77, which test harnesses take for
//! skipped, if something came out in another way that is allowed, too.

mod step;
mod support;
mod values;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ExportError;
use super::allowed::{Allowed, Check, What, allowed};
use super::expected::EXPECTATION;
use super::text::heading;
use crate::ledger::clause_of;
use crate::level::Level;
use crate::oracle::Violation;
use crate::program::{Action, Program};
use crate::reproduce::action_name;
use crate::runner::REGION_BYTES;
pub(super) use values::signal;

/// The exit code after which nothing can be said.
pub const INCONCLUSIVE: i32 = 77;

pub(super) fn export(
    program: &Program,
    finding: Option<&Violation>,
    level: Level,
) -> Result<String, ExportError> {
    let mut steps = allowed(program, level)?;
    if let Some(finding) = finding {
        aim_at(program, &mut steps, finding)?;
    }
    let mut body = String::new();
    for (index, allowed) in steps.iter().enumerate() {
        let last = index + 1 == steps.len();
        step::write(&mut body, program, index, allowed, last)?;
    }
    let mut text = heading_comment(program, finding, level);
    text.push_str(INCLUDES);
    for (name, sentence) in clauses(&steps) {
        // A `String` takes everything.
        let _ = writeln!(text, "#define {} {}", clause_constant(&name), string(&name, sentence));
    }
    text.push_str("\n// What is being done.\nstatic const char* step = \"\";\n\n");
    let main = format!("int main(void) {{\n{}{body}    return 0;\n}}\n", variables(program, &body));
    text.push_str(&support::for_text(&main));
    text.push('\n');
    text.push_str(&main);
    Ok(text)
}

const INCLUDES: &str = "\
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zircon/errors.h>
#include <zircon/process.h>
#include <zircon/rights.h>
#include <zircon/syscalls.h>
#include <zircon/syscalls/object.h>
#include <zircon/types.h>

";

fn heading_comment(program: &Program, finding: Option<&Violation>, level: Level) -> String {
    let mut lines = match finding {
        Some(finding) => heading(finding, level),
        None => vec![format!("Holds a kernel to the contract at level {}.", level.name())],
    };
    lines.push(String::new());
    lines.push(format!("program {}", program.name));
    lines.extend((0..program.steps.len()).map(|index| format!("  {}", program.step_text(index))));
    let lines = lines.iter().map(|line| format!("// {line}").trim_end().to_owned() + "\n");
    // A backslash at the end of a line would make the next line a comment.
    lines.map(|line| line.replace("\\\n", "\\.\n")).collect::<String>() + "\n"
}

/// The clauses that the checks name, with their sentences.
fn clauses(steps: &[Allowed]) -> BTreeMap<String, &'static str> {
    let ids = steps.iter().flat_map(|allowed| {
        std::iter::once(allowed.clause).chain(allowed.checks.iter().map(|check| check.clause))
    });
    ids.filter(|id| !id.is_empty()).map(|id| (id.to_owned(), sentence(id))).collect()
}

fn sentence(id: &str) -> &'static str {
    if id == EXPECTATION {
        return "The program expects it.";
    }
    clause_of(id).map_or("", |clause| clause.text)
}

fn string(id: &str, sentence: &str) -> String {
    match sentence {
        "" => values::string(id.as_bytes()),
        _ => values::string(format!("{id}: {sentence}").as_bytes()),
    }
}

/// The constant with a clause's sentence.
fn clause_constant(id: &str) -> String {
    id.replace('-', "_")
}

/// Sees to it that what is wrong is reported as the clause that was found to be
/// broken.
fn aim_at(
    program: &Program,
    steps: &mut [Allowed],
    finding: &Violation,
) -> Result<(), ExportError> {
    let does = |index: usize| action_name(&program.steps[index].action) == finding.call;
    let Some(index) = (0..steps.len()).rev().find(|index| does(*index)) else {
        return Err(ExportError::NotVisible { clause: finding.clause.to_owned() });
    };
    let allowed = &mut steps[index];
    if !matches!(program.steps[index].action, Action::Call(_)) {
        if allowed.statuses.as_deref() == Some(&[]) {
            return Err(ExportError::ExpectsFault { step: index + 1 });
        }
        if allowed.checks.is_empty() && finding.actual != "a fault" {
            // That it faults shows by itself.
            allowed.clause = finding.clause;
        }
        return Ok(());
    }
    let is_status = vmo_abi::STATUSES.iter().any(|(name, _)| *name == finding.actual);
    if is_status {
        allowed.clause = finding.clause;
    } else if allowed.checks.is_empty() {
        return Err(ExportError::NotVisible { clause: finding.clause.to_owned() });
    } else if !allowed.checks.iter().any(|check| check.clause == finding.clause) {
        allowed.checks.iter_mut().for_each(|check| check.clause = finding.clause);
    }
    Ok(())
}

/// The variables that a program uses.
fn variables(program: &Program, body: &str) -> String {
    let mut text = String::new();
    let uses = |word: &str| body.contains(word);
    for step in &program.steps {
        let Action::Call(call) = &step.action else { continue };
        for name in &call.results {
            let name = values::identifier(program, *name);
            let is_word = |word: &str| {
                body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|w| w == word)
            };
            if is_word(&name) {
                let _ = writeln!(text, "    zx_handle_t {name} = ZX_HANDLE_INVALID;");
                let _ = writeln!(text, "    (void){name};");
            }
            if is_word(&format!("{name}_address")) {
                let _ = writeln!(text, "    zx_vaddr_t {name}_address = 0;");
                let _ = writeln!(text, "    (void){name}_address;");
            }
        }
    }
    for index in 0..program.steps.len() {
        if uses(&format!("koid_{}", index + 1)) {
            let _ = writeln!(text, "    zx_koid_t koid_{} = ZX_KOID_INVALID;", index + 1);
            let _ = writeln!(text, "    (void)koid_{};", index + 1);
        }
    }
    if uses("region_address") || uses("(region,") || uses("(region)") || uses(", region,") {
        let _ = write!(
            text,
            "    // The program's own region.
    zx_handle_t region = ZX_HANDLE_INVALID;
    zx_vaddr_t region_address = 0;
    must(zx_vmar_allocate(zx_vmar_root_self(), 0, {REGION_BYTES:#x}ull,
                          ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE |
                              ZX_VM_FLAG_CAN_MAP_EXECUTE | ZX_VM_FLAG_CAN_MAP_SPECIFIC,
                          &region, &region_address));
    (void)region;
    (void)region_address;
"
        );
    }
    text
}

/// Whether a check is about the koid.
fn is_about_koid(check: &Check) -> bool {
    matches!(check.what, What::SameKoid { .. } | What::OtherKoid { .. })
}
