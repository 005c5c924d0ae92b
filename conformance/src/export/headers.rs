//! Headers of ours with the names of Zircon's, made from the tables of
//! `vmo-abi`: what exported C programs include where Zircon's are not at hand.

use std::fmt::Write as _;

use vmo_abi::{
    CACHE_POLICIES, CLONE_OPTIONS, INFO_TOPICS, MAP_FLAGS, OBJECT_TYPES, PROPERTIES, RIGHTS,
    SIGNALS, STATUSES, Syscall, VMO_OPERATIONS, ZX_CACHE_POLICY_MASK, ZX_CHANNEL_MAX_MSG_BYTES,
    ZX_CHANNEL_MAX_MSG_HANDLES, ZX_CHANNEL_PEER_CLOSED, ZX_CHANNEL_READABLE, ZX_CHANNEL_WRITABLE,
    ZX_INFO_VMO_IS_COW_CLONE, ZX_INFO_VMO_TYPE_PAGED, ZX_INFO_VMO_VIA_HANDLE,
    ZX_INFO_VMO_VIA_MAPPING, ZX_MAX_NAME_LEN, ZX_OBJ_PROP_WAITABLE, ZX_USER_SIGNAL_ALL,
    ZX_WAIT_MANY_MAX_ITEMS,
};

use super::c::signal;

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its path below the folder of headers, such as `zircon/syscalls.h`.
    pub path: &'static str,
    /// What stands in it.
    pub text: String,
}

/// Every header.
#[must_use]
pub fn headers() -> Vec<Header> {
    vec![
        Header { path: "zircon/types.h", text: types() },
        Header { path: "zircon/errors.h", text: errors() },
        Header { path: "zircon/rights.h", text: rights() },
        Header { path: "zircon/process.h", text: process() },
        Header { path: "zircon/syscalls/object.h", text: object() },
        Header { path: "zircon/syscalls.h", text: syscalls() },
    ]
}

fn header(contents: &str) -> String {
    format!(
        "// Made by `vmo-conformance export --headers` from its table of system calls.\n\
         \n#pragma once\n\n{contents}"
    )
}

/// A `#define` for each row of a table.
fn defines(table: &[(&str, u64)], kind: &str, name: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for (short, value) in table {
        // A `String` takes everything.
        let _ = writeln!(text, "#define {} (({kind}){value:#x}u)", name(short));
    }
    text.push('\n');
    text
}

fn prefixed(prefix: &str) -> impl Fn(&str) -> String {
    move |name| format!("{prefix}{name}")
}

fn types() -> String {
    let mut text = "\
#include <stddef.h>
#include <stdint.h>

#include <zircon/errors.h>
#include <zircon/rights.h>

typedef uint32_t zx_handle_t;
typedef int32_t zx_status_t;
typedef uint32_t zx_signals_t;
typedef uint64_t zx_koid_t;
typedef uint64_t zx_time_t;
typedef uint64_t zx_duration_t;
typedef uintptr_t zx_vaddr_t;

typedef struct zx_wait_item {
    zx_handle_t handle;
    zx_signals_t waitfor;
    zx_signals_t pending;
} zx_wait_item_t;

#define ZX_HANDLE_INVALID ((zx_handle_t)0)
#define ZX_KOID_INVALID ((zx_koid_t)0)
#define ZX_TIME_INFINITE UINT64_MAX

"
    .to_owned();
    text.push_str(&defines(SIGNALS, "zx_signals_t", signal));
    let channel: &[(&str, u64)] = &[
        ("USER_SIGNAL_ALL", ZX_USER_SIGNAL_ALL as u64),
        ("CHANNEL_READABLE", ZX_CHANNEL_READABLE as u64),
        ("CHANNEL_WRITABLE", ZX_CHANNEL_WRITABLE as u64),
        ("CHANNEL_PEER_CLOSED", ZX_CHANNEL_PEER_CLOSED as u64),
    ];
    text.push_str(&defines(channel, "zx_signals_t", prefixed("ZX_")));
    text.push_str(&defines(MAP_FLAGS, "uint32_t", prefixed("ZX_VM_FLAG_")));
    text.push_str(&defines(VMO_OPERATIONS, "uint32_t", prefixed("ZX_VMO_OP_")));
    text.push_str(&defines(CLONE_OPTIONS, "uint32_t", prefixed("ZX_VMO_CLONE_")));
    text.push_str(&defines(CACHE_POLICIES, "uint32_t", prefixed("ZX_CACHE_POLICY_")));
    let limits: &[(&str, u64)] = &[
        ("CACHE_POLICY_MASK", ZX_CACHE_POLICY_MASK as u64),
        ("MAX_NAME_LEN", ZX_MAX_NAME_LEN as u64),
        ("WAIT_MANY_MAX_ITEMS", ZX_WAIT_MANY_MAX_ITEMS),
        ("CHANNEL_MAX_MSG_BYTES", ZX_CHANNEL_MAX_MSG_BYTES as u64),
        ("CHANNEL_MAX_MSG_HANDLES", ZX_CHANNEL_MAX_MSG_HANDLES as u64),
    ];
    text.push_str(&defines(limits, "uint32_t", prefixed("ZX_")));
    header(text.trim_end()) + "\n"
}

fn errors() -> String {
    let mut text = String::new();
    for (name, value) in STATUSES {
        let _ = writeln!(text, "#define ZX_{name} ({value})");
    }
    header(&text)
}

fn rights() -> String {
    let mut text = "#include <stdint.h>\n\ntypedef uint32_t zx_rights_t;\n\n".to_owned();
    text.push_str("#define ZX_RIGHT_NONE ((zx_rights_t)0u)\n");
    text.push_str(&defines(RIGHTS, "zx_rights_t", prefixed("ZX_RIGHT_")));
    header(text.trim_end()) + "\n"
}

fn process() -> String {
    header(
        "#include <zircon/types.h>

#ifdef __cplusplus
extern \"C\" {
#endif

zx_handle_t zx_process_self(void);
zx_handle_t zx_vmar_root_self(void);

#ifdef __cplusplus
}
#endif
",
    )
}

fn object() -> String {
    let mut text = "\
#include <zircon/types.h>

typedef uint32_t zx_obj_type_t;

typedef struct zx_info_handle_basic {
    zx_koid_t koid;
    zx_rights_t rights;
    uint32_t type;
    zx_koid_t related_koid;
    uint32_t props;
} zx_info_handle_basic_t;

typedef struct zx_info_vmar {
    uintptr_t base;
    size_t len;
} zx_info_vmar_t;

typedef struct zx_info_vmo {
    zx_koid_t koid;
    char name[32];
    uint64_t size_bytes;
    zx_koid_t parent_koid;
    size_t num_children;
    size_t num_mappings;
    size_t share_count;
    uint32_t flags;
    uint64_t committed_bytes;
    zx_rights_t handle_rights;
} zx_info_vmo_t;

"
    .to_owned();
    text.push_str(&defines(OBJECT_TYPES, "zx_obj_type_t", prefixed("ZX_OBJ_TYPE_")));
    text.push_str(&defines(INFO_TOPICS, "uint32_t", prefixed("ZX_INFO_")));
    text.push_str(&defines(PROPERTIES, "uint32_t", prefixed("ZX_PROP_")));
    let flags: &[(&str, u64)] = &[
        ("OBJ_PROP_WAITABLE", ZX_OBJ_PROP_WAITABLE as u64),
        ("INFO_VMO_TYPE_PAGED", ZX_INFO_VMO_TYPE_PAGED as u64),
        ("INFO_VMO_IS_COW_CLONE", ZX_INFO_VMO_IS_COW_CLONE as u64),
        ("INFO_VMO_VIA_HANDLE", ZX_INFO_VMO_VIA_HANDLE as u64),
        ("INFO_VMO_VIA_MAPPING", ZX_INFO_VMO_VIA_MAPPING as u64),
    ];
    text.push_str(&defines(flags, "uint32_t", prefixed("ZX_")));
    header(text.trim_end()) + "\n"
}

fn syscalls() -> String {
    let mut text = "\
#include <zircon/types.h>

#ifdef __cplusplus
extern \"C\" {
#endif

zx_time_t zx_deadline_after(zx_duration_t nanoseconds);

"
    .to_owned();
    for syscall in Syscall::ALL {
        let _ = writeln!(text, "{};", syscall.declaration().c_prototype());
    }
    text.push_str("\n#ifdef __cplusplus\n}\n#endif\n");
    header(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_status_and_right_is_declared() {
        let all: String = headers().into_iter().map(|header| header.text).collect();
        for syscall in Syscall::ALL {
            assert!(all.contains(&format!("zx_status_t zx_{}(", syscall.name())));
        }
        for (name, value) in STATUSES {
            assert!(all.contains(&format!("#define ZX_{name} ({value})\n")));
        }
        for (name, value) in RIGHTS {
            assert!(all.contains(&format!("#define ZX_RIGHT_{name} ((zx_rights_t){value:#x}u)")));
        }
        assert!(all.contains("#define ZX_VMO_ZERO_CHILDREN ((zx_signals_t)0x8u)\n"));
    }
}
