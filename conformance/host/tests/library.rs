//! Shared libraries are opened, and claim what they export.

use std::path::PathBuf;
use std::process::Command;

use vmo_abi::{Backend, Capabilities, Capability, Syscall, ZX_ERR_BAD_SYSCALL, ZX_OK};
use vmo_host::{Library, LibraryError};

/// Compiles a library from C; `None` if there is no compiler.
fn compile(folder: &tempfile::TempDir, name: &str, text: &str) -> Option<PathBuf> {
    let source = folder.path().join(name).with_extension("c");
    let library = folder.path().join(name).with_extension("so");
    std::fs::write(&source, text).expect("the source can be written");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let Ok(output) =
        Command::new(compiler).args(["-shared", "-fPIC", "-o"]).args([&library, &source]).output()
    else {
        eprintln!("skipped: there is no C compiler; CC names one");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(library)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

/// The six calls of plain VMOs, of which `get_size` tells its arguments, one
/// call of two, and every other name.
const SOME: &str = "
#include <stdint.h>
static uint64_t seen = 1;
static uint64_t limit, nth;
int32_t zx_vmo_create(uint64_t size, uint32_t options, uint32_t* out) {
    *out = options;
    return size == 0xfedcba9876543210 ? 0 : -1;
}
int32_t zx_vmo_read(uint32_t handle, void* buffer, uint64_t offset, uint64_t len) { return -2; }
int32_t zx_vmo_write(uint32_t handle, const void* b, uint64_t offset, uint64_t len) { return -3; }
int32_t zx_vmo_get_size(uint32_t handle, uint64_t* size) { *size = seen += handle; return 0; }
int32_t zx_vmo_set_size(uint32_t handle, uint64_t size) { return -4; }
int32_t zx_handle_close(uint32_t handle) { return -5; }
int32_t zx_vmar_allocate(uint32_t p, uint64_t o, uint64_t s, uint32_t f, uint32_t* v, uint64_t* a) {
    return -6;
}
int32_t zx_channel_read(uint32_t h, uint32_t o, void* b, uint32_t* hs, uint32_t nb, uint32_t nh,
                        uint32_t* ab, uint32_t* ah) {
    *ab = nb;
    *ah = nh;
    return o;
}
int32_t zx_channel_write(uint32_t h, uint32_t o, const void* b, uint32_t nb, const uint32_t* hs,
                         uint32_t nh) { return -7; }
uint64_t zx_deadline_after(uint64_t duration) { return 1000 + duration; }
uint32_t vmo_backend_observed_process(void) { return 77; }
void vmo_backend_set_memory_limit(uint64_t pages) { limit = pages; }
void vmo_backend_fail_allocation(uint64_t n) { nth = n; }
void vmo_backend_reset(void) { seen = 1; }
int32_t zx_object_signal(uint32_t h, uint32_t c, uint32_t s) {
    return (limit == UINT64_MAX) + 2 * (nth == 0);
}
";

#[test]
fn a_library_claims_what_it_exports() {
    let folder = folder();
    let Some(path) = compile(&folder, "some", SOME) else { return };
    let library = Library::open(&path).expect("it can be opened");
    let environment = library.environment();
    let claims = Capabilities::NONE
        .with(Capability::Vmo)
        .with(Capability::Channels)
        .with(Capability::ProcessVmos)
        .with(Capability::MemoryControl);
    assert_eq!(environment.capabilities, claims);
    assert_eq!((environment.root_vmar, environment.process), (0, 0));
    assert_eq!(environment.observed_process, 77);
    let missing = library.missing();
    assert!(missing.contains(&"zx_vmo_clone".to_owned()));
    assert!(missing.contains(&"zx_vmar_root_self".to_owned()));
    assert!(!missing.contains(&"zx_vmo_create".to_owned()));
    let threads = library.claiming_threads().environment().capabilities;
    assert_eq!(threads, claims.with(Capability::Threads));
}

#[test]
fn calls_reach_the_library_with_their_arguments() {
    let folder = folder();
    let Some(path) = compile(&folder, "calls", SOME) else { return };
    let library = Library::open(&path).expect("it can be opened");
    let at = library.environment().arena.base;
    let word = |at| {
        let mut bytes = [0; 4];
        library.load(at, &mut bytes).expect("the arena can be read");
        u32::from_le_bytes(bytes)
    };
    // The upper half of a register is no part of a 32-bit argument.
    let create = [0xfedc_ba98_7654_3210, 0xffff_ffff_0000_0042, at, 0, 0, 0, 0, 0];
    assert_eq!(library.syscall(Syscall::vmo_create, &create), ZX_OK);
    assert_eq!(word(at), 0x42);
    assert_eq!(library.channel_read(1, 5, 0, 0, 21, 22, at, at + 4), 5);
    assert_eq!((word(at), word(at + 4)), (21, 22));
    assert_eq!(library.vmo_read(0, 0, 0, 0), -2);
    assert_eq!(library.vmo_clone(0, 0, 0, 0, 0), ZX_ERR_BAD_SYSCALL);
    assert_eq!(library.monotonic_now(), 1000);

    assert_eq!(library.vmo_get_size(5, at), ZX_OK);
    assert_eq!(word(at), 6);
    assert!(library.reset());
    assert_eq!(library.vmo_get_size(1, at), ZX_OK);
    assert_eq!(word(at), 2);

    assert!(library.set_memory_limit(Some(3)) && library.fail_allocation(Some(3)));
    assert_eq!(library.object_signal(0, 0, 0), 0);
    assert!(library.set_memory_limit(None) && library.fail_allocation(None));
    assert_eq!(library.object_signal(0, 0, 0), 3);
}

#[test]
fn errors_say_what_to_do() {
    let folder = folder();
    let missing = folder.path().join("missing.so");
    let error = Library::open(&missing).expect_err("it is missing");
    assert!(matches!(error, LibraryError::File { .. }), "{error}");
    let words = error.to_string();
    assert!(words.contains("missing.so") && words.contains("build the library first"), "{words}");

    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").expect("it can be written");
    let error = Library::open(&text).expect_err("it is text");
    assert!(matches!(error, LibraryError::NotLoaded { .. }), "{error}");
    let words = error.to_string();
    // The second part is what the host says.
    assert!(words.contains("text.so cannot be loaded: ") && words.contains("too short"), "{words}");

    let Some(path) = compile(&folder, "other", "int zx_answer(void) { return 42; }") else {
        return;
    };
    let error = Library::open(&path).expect_err("it has no call");
    assert!(matches!(error, LibraryError::NoFunctions { .. }), "{error}");
    assert!(error.to_string().contains("nm -D"), "{error}");

    let unlinked = "int nowhere(void); int zx_vmo_create(void) { return nowhere(); }";
    let Some(path) = compile(&folder, "unlinked", unlinked) else { return };
    let words = Library::open(&path).expect_err("a symbol is missing").to_string();
    assert!(words.contains("nowhere"), "{words}");
}
