//! The C files, and how they are compiled.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use vmo_abi::Syscall;

/// What the agent must compile with.
pub const STRICT: [&str; 6] =
    ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"];

/// A call that the fake kernel does not have.
pub const MISSING: Syscall = Syscall::vmar_destroy;

/// The folder of the agent.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../agent")
}

/// Whether a program can be run.
pub fn exists(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The C compilers that there are.
pub fn compilers() -> Vec<String> {
    let named = std::env::var("CC").ok();
    let mut known: Vec<String> =
        named.into_iter().chain(["gcc", "clang"].map(str::to_owned)).collect();
    known.retain(|name| exists(name));
    known.dedup();
    if known.is_empty() {
        eprintln!("skipped: there is no C compiler; CC names one");
    }
    known
}

/// Runs a compiler, which must have nothing to say.
pub fn compile<S: AsRef<OsStr>>(compiler: &str, arguments: &[S]) {
    let output = Command::new(compiler).args(arguments).output().expect("the compiler runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && words.is_empty(), "{compiler}: {words}");
}

/// The fake calls, which write their arguments down.
fn fake_calls() -> String {
    let mut text = String::new();
    let present = || Syscall::ALL.iter().filter(|syscall| **syscall != MISSING);
    for syscall in present() {
        let name = syscall.name();
        let arguments = syscall.arguments();
        let parameters: Vec<String> =
            arguments.iter().map(|a| format!("{} {}", a.c_type(), a.name)).collect();
        let values: Vec<String> = arguments
            .iter()
            .map(|a| {
                let cast = if a.kind.is_pointer() { "(uint64_t)(uintptr_t)" } else { "" };
                format!("{cast}{}", a.name)
            })
            .collect();
        let _ = writeln!(
            text,
            "static zx_status_t fake_{name}({}) {{\n    uint64_t a[] = {{{}}};\n    \
             return record({}, a, {});\n}}",
            parameters.join(", "),
            values.join(", "),
            *syscall as u8,
            arguments.len()
        );
    }
    text.push_str("static const struct agent_calls calls = {\n");
    for syscall in present() {
        let _ = writeln!(text, "    .{0} = fake_{0},", syscall.name());
    }
    text.push_str("};\n");
    text
}

/// The fake kernel with an agent whose payloads are of so many bytes at most;
/// `None` if there is no compiler.
pub fn fake(payload: u32) -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let compiler = compilers().into_iter().next()?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agent");
        fs::create_dir_all(&folder).expect("there is room for a folder");
        fs::write(folder.join("fake_calls.h"), fake_calls()).expect("it can be written");
        for payload in PAYLOADS {
            build(&compiler, &folder, payload);
        }
        Some(folder)
    });
    Some(folder.as_ref()?.join(format!("fake{payload}")))
}

/// The limits that the fake kernel is built with.
pub const PAYLOADS: [u32; 2] = [1024, 0x10000];

fn build(compiler: &str, folder: &Path, payload: u32) {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/agent/fake.c");
    let include = |path: &Path| format!("-I{}", path.display());
    let mut arguments: Vec<String> =
        ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
            .map(str::to_owned)
            .to_vec();
    arguments.extend(STRICT.map(str::to_owned));
    arguments.extend([
        format!("-DAGENT_PAYLOAD={payload}"),
        include(&self::folder()),
        include(folder),
        own.display().to_string(),
        self::folder().join("agent.c").display().to_string(),
        "-o".to_owned(),
        folder.join(format!("fake{payload}")).display().to_string(),
    ]);
    compile(compiler, &arguments);
}

#[test]
fn the_agent_compiles_everywhere_and_calls_nothing() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let source = self::folder().join("agent.c").display().to_string();
    for compiler in compilers() {
        for level in ["-O0", "-O2", "-O3", "-Os"] {
            let object = folder.path().join("agent.o").display().to_string();
            let mut arguments = vec!["-ffreestanding", level, "-c", &source, "-o", &object];
            arguments.extend(STRICT);
            compile(&compiler, &arguments);
            let output = Command::new("nm").args(["-u", &object]).output().expect("nm runs");
            let text = String::from_utf8_lossy(&output.stdout);
            let mut undefined: Vec<&str> =
                text.split_ascii_whitespace().filter(|word| *word != "U").collect();
            undefined.retain(|name| !name.starts_with("__"));
            assert_eq!(undefined, ["agent_receive", "agent_send"], "{compiler} {level}");
        }
        // Other machines, as far as the compiler knows them.
        for machine in ["-m32", "--target=aarch64-none-elf", "--target=riscv64-none-elf"] {
            let probe = Command::new(&compiler)
                .args([machine, "-fsyntax-only", "-xc", "/dev/null"])
                .output()
                .expect("the compiler runs");
            if probe.status.success() {
                let mut arguments = vec!["-ffreestanding", machine, "-fsyntax-only", &source];
                arguments.extend(STRICT);
                compile(&compiler, &arguments);
            }
        }
    }
}
