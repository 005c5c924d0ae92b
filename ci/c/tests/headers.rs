//! The headers in the tree are those that the table of calls gives, a C compiler
//! takes them, and programs can be linked with the library in either form.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vmo_conformance::export::headers;

/// The folder of the headers.
fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// The folder of the library with the C functions.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    test.parent().expect("it lies in a folder").to_owned()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_headers_in_the_tree_are_what_the_table_gives() {
    for header in headers() {
        let path = include().join(header.path);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let again = "`cargo run -- export --headers ci/c/include` writes it";
        assert!(text == header.text, "{} is out of date: {again}", path.display());
    }
    let ours = include().join("zircon");
    let known: BTreeSet<_> = headers().iter().map(|header| include().join(header.path)).collect();
    let found: BTreeSet<_> = files(&ours).into_iter().collect();
    assert_eq!(found, known, "nothing else is there");
}

/// Runs a C compiler; `false` if there is none.
fn compile(arguments: &[&str]) -> bool {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let include = include();
    let Ok(output) = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(include)
        .args(arguments)
        .output()
    else {
        eprintln!("skipped: there is no C compiler; CC names one");
        return false;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

#[test]
fn each_header_stands_alone() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    for header in files(&include()) {
        let name = header.strip_prefix(include()).expect("it lies there").display().to_string();
        let source = folder.path().join("alone.c");
        // A file of its own needs a declaration of its own.
        let text = format!("#include <{name}>\n#include <{name}>\nint unused;\n");
        fs::write(&source, text).expect("it can be written");
        let source = source.display().to_string();
        if !compile(&["-fsyntax-only", &source]) {
            return;
        }
    }
}

/// Uses every function that is no call of the table, and variables wherever C
/// programs have them.
const PROGRAM: &str = r#"
#include <vmo/backend.h>
#include <zircon/process.h>
#include <zircon/syscalls.h>
#include <zircon/syscalls/object.h>

static zx_handle_t vmo;
static const char words[] = "words";

int main(void) {
    zx_info_vmo_t infos[4];
    size_t actual = 0;
    size_t available = 0;
    uint64_t size = 0;
    zx_vaddr_t at = 0;
    if (zx_vmo_create(1, 0, &vmo) != ZX_OK) return 1;
    if (zx_vmo_get_size(vmo, &size) != ZX_OK || size != 4096) return 2;
    if (zx_vmo_write(vmo, words, 0, sizeof words) != ZX_OK) return 3;
    if (zx_vmo_read(vmo, (void*)(uintptr_t)words, 0, 1) != ZX_ERR_INVALID_ARGS) return 4;
    if (zx_vmar_map(zx_vmar_root_self(), 0, vmo, 0, 4096,
                    ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE, &at) != ZX_OK) return 5;
    if (((char*)at)[4] != 's') return 6;
    ((char*)at)[4] = 'S';
    if (zx_vmo_read(vmo, (char*)at + 100, 0, sizeof words) != ZX_OK) return 7;
    if (((char*)at)[104] != 'S') return 8;
    if (zx_object_get_info(vmo_backend_observed_process(), ZX_INFO_PROCESS_VMOS, infos,
                           sizeof infos, &actual, &available) != ZX_OK) return 9;
    if (actual != 2 || infos[0].committed_bytes != 4096) return 10;
    if (zx_process_self() == 0 || zx_deadline_after(5) < 5) return 11;
    vmo_backend_set_memory_limit(1);
    if (zx_vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 0, 4096, 0, 0) != ZX_OK) return 12;
    if (zx_vmo_set_size(vmo, 8192) != ZX_OK) return 13;
    if (zx_vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 0, 8192, 0, 0) != ZX_ERR_NO_MEMORY) return 14;
    vmo_backend_set_memory_limit(UINT64_MAX);
    vmo_backend_fail_allocation(1);
    if (zx_vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 0, 8192, 0, 0) != ZX_ERR_NO_MEMORY) return 15;
    if (zx_vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 0, 8192, 0, 0) != ZX_OK) return 16;
    vmo_backend_fail_allocation(1);
    vmo_backend_fail_allocation(0);
    if (zx_vmo_get_size(0xfffffff3, &size) != ZX_ERR_BAD_HANDLE) return 17;
    vmo_backend_reset();
    if (zx_vmo_get_size(vmo, &size) != ZX_ERR_BAD_HANDLE) return 18;
    if (zx_vmo_create(2, 0, &vmo) != ZX_OK) return 19;
    return 0;
}
"#;

#[test]
fn programs_are_linked_with_either_form_of_the_library() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let source = folder.path().join("program.c").display().to_string();
    fs::write(&source, PROGRAM).expect("it can be written");
    let program = folder.path().join("program").display().to_string();
    let folder = library().display().to_string();
    let (search, run_path) = (format!("-L{folder}"), format!("-Wl,-rpath,{folder}"));
    let archive = format!("{folder}/libvmo_c.a");
    // Programs at fixed addresses have their variables below what was user space
    // on the day.
    for link in [
        &[&*search, "-lvmo_c", &run_path][..],
        &[&*archive, "-pthread", "-ldl", "-lm"],
        &["-no-pie", &archive, "-pthread", "-ldl", "-lm"],
    ] {
        let arguments: Vec<_> =
            [&*source, "-o", &program].into_iter().chain(link.iter().copied()).collect();
        if !compile(&arguments) {
            return;
        }
        // Cargo names folders where an older library may lie.
        let output = Command::new(&program)
            .env_remove("LD_LIBRARY_PATH")
            .env_remove("VMO_BACKEND")
            .output()
            .expect("it runs");
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{link:?}: {words}");
    }
}
