//! The C functions that exported programs are made of. Only those that a
//! program uses are written.

/// A piece of C with the word that shows that a program uses it.
struct Piece {
    used_as: &'static str,
    text: &'static str,
}

/// Every piece; each uses only those before it.
const PIECES: &[Piece] = &[
    Piece { used_as: "status_name(", text: "@STATUS_NAME@" },
    Piece {
        used_as: "inconclusive(",
        text: r#"// Another choice that is allowed as well: what follows depends on it.
static void inconclusive(void) {
    printf("%s: came out in another way that is allowed; nothing more can be said\n", step);
    exit(77);
}
"#,
    },
    Piece {
        used_as: "broken(",
        text: r#"static void broken(const char* clause, const char* expected, const char* actual) {
    printf("%s\n  breaks    %s\n  expected  %s\n  actual    %s\n", step, clause, expected, actual);
    exit(1);
}
"#,
    },
    Piece {
        used_as: "expect_status(",
        text: r#"// One of the statuses of a list has to be returned.
static void expect_status(const char* clause, zx_status_t actual, const zx_status_t* allowed,
                          size_t count) {
    char expected[1024] = "";
    for (size_t i = 0; i < count; i++) {
        if (actual == allowed[i])
            return;
        if (i > 0)
            strcat(expected, " or ");
        strcat(expected, status_name(allowed[i]));
    }
    broken(clause, expected, status_name(actual));
}
"#,
    },
    Piece {
        used_as: "expect_number(",
        text: r#"// The bits of `mask` have to be those of `expected`.
static void expect_number(const char* clause, const char* what, uint64_t actual, uint64_t mask,
                          uint64_t expected) {
    char words[2][96];
    if ((actual & mask) == expected)
        return;
    if ((actual & ~mask) == 0)
        snprintf(words[0], sizeof(words[0]), "%s %#" PRIx64, what, expected);
    else
        snprintf(words[0], sizeof(words[0]), "%s %#" PRIx64 " in the bits %#" PRIx64, what,
                 expected, mask);
    snprintf(words[1], sizeof(words[1]), "%#" PRIx64, actual);
    broken(clause, words[0], words[1]);
}
"#,
    },
    Piece {
        used_as: "expect_other(",
        text: r#"// Two numbers have to be different.
static void expect_other(const char* clause, const char* what, uint64_t actual, uint64_t other) {
    char words[2][96];
    if (actual != other)
        return;
    snprintf(words[0], sizeof(words[0]), "%s other than %#" PRIx64, what, other);
    snprintf(words[1], sizeof(words[1]), "%#" PRIx64, actual);
    broken(clause, words[0], words[1]);
}
"#,
    },
    Piece {
        used_as: "expect_byte(",
        text: r#"static void expect_byte(const char* clause, size_t index, uint8_t actual, uint8_t expected) {
    char words[2][96];
    if (actual == expected)
        return;
    snprintf(words[0], sizeof(words[0]), "byte %#zx is %#x", index, expected);
    snprintf(words[1], sizeof(words[1]), "%#x", actual);
    broken(clause, words[0], words[1]);
}
"#,
    },
    Piece {
        used_as: "expect_fill(",
        text: r#"// `len` bytes from `offset` on have to be `byte`.
static void expect_fill(const char* clause, const uint8_t* bytes, size_t offset, uint8_t byte,
                        size_t len) {
    for (size_t i = 0; i < len; i++)
        expect_byte(clause, offset + i, bytes[offset + i], byte);
}
"#,
    },
    Piece {
        used_as: "expect_sequence(",
        text: r#"// Byte i from `offset` on has to be (first + i) mod 251.
static void expect_sequence(const char* clause, const uint8_t* bytes, size_t offset, uint8_t first,
                            size_t len) {
    for (size_t i = 0; i < len; i++)
        expect_byte(clause, offset + i, bytes[offset + i], (uint8_t)((first + i) % 251));
}
"#,
    },
    Piece {
        used_as: "expect_bytes(",
        text: r#"static void expect_bytes(const char* clause, const uint8_t* bytes, size_t offset,
                         const char* expected, size_t len) {
    for (size_t i = 0; i < len; i++)
        expect_byte(clause, offset + i, bytes[offset + i], (uint8_t)expected[i]);
}
"#,
    },
    Piece {
        used_as: "expect_untouched(",
        text: r#"// A place has to hold what `prepare` put there.
static void expect_untouched(const char* clause, const void* place, size_t len) {
    const uint8_t* bytes = place;
    for (size_t i = 0; i < len; i++)
        expect_byte(clause, i, bytes[i], 0xaa);
}
"#,
    },
    Piece {
        used_as: "prepare(",
        text: r#"// Fills a place so that it shows what a call stores there.
static void prepare(void* place, size_t len) {
    memset(place, 0xaa, len);
}
"#,
    },
    Piece {
        used_as: "sequence(",
        text: r#"// Byte i becomes (first + i) mod 251.
static void sequence(uint8_t* bytes, uint8_t first, size_t len) {
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)((first + i) % 251);
}
"#,
    },
    Piece {
        used_as: "load(",
        text: r#"// Copies bytes out of a mapping.
static void load(void* to, uint64_t address, size_t len) {
    const volatile uint8_t* from = (const volatile uint8_t*)(uintptr_t)address;
    for (size_t i = 0; i < len; i++)
        ((uint8_t*)to)[i] = from[i];
}
"#,
    },
    Piece {
        used_as: "store(",
        text: r#"// Copies bytes into a mapping.
static void store(uint64_t address, const void* from, size_t len) {
    volatile uint8_t* to = (volatile uint8_t*)(uintptr_t)address;
    for (size_t i = 0; i < len; i++)
        to[i] = ((const uint8_t*)from)[i];
}
"#,
    },
    Piece {
        used_as: "must(",
        text: r#"// What the program needs and does not check.
static void must(zx_status_t status) {
    if (status != ZX_OK) {
        printf("the program cannot be set up: %s\n", status_name(status));
        exit(77);
    }
}
"#,
    },
    Piece {
        used_as: "read_only_page",
        text: r#"// A page of zeros that cannot be written.
static const uint8_t read_only_page[4096] __attribute__((aligned(4096))) = {0};
"#,
    },
    Piece {
        used_as: "unmapped_address(",
        text: r#"// An address where nothing is mapped: in a region of its own.
static uint64_t unmapped_address(void) {
    static zx_vaddr_t address;
    zx_handle_t region;
    if (address == 0)
        must(zx_vmar_allocate(zx_vmar_root_self(), 0, 16 * 4096, ZX_VM_FLAG_CAN_MAP_READ, &region,
                              &address));
    return address;
}
"#,
    },
    Piece {
        used_as: "straddling_address(",
        text: r#"// The address of the last bytes of a good page before unmapped ground.
static uint64_t straddling_address(uint64_t bytes) {
    static zx_vaddr_t page;
    zx_vaddr_t start;
    zx_handle_t region, vmo;
    if (page == 0) {
        must(zx_vmar_allocate(zx_vmar_root_self(), 0, 16 * 4096,
                              ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE |
                                  ZX_VM_FLAG_CAN_MAP_SPECIFIC,
                              &region, &start));
        must(zx_vmo_create(4096, 0, &vmo));
        must(zx_vmar_map(region, 0, vmo, 0, 4096,
                         ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE | ZX_VM_FLAG_SPECIFIC,
                         &page));
        must(zx_handle_close(vmo));
    }
    return page + 4096 - bytes;
}
"#,
    },
];

/// The pieces that a text uses, in order.
pub(super) fn for_text(text: &str) -> String {
    let mut wanted = vec![false; PIECES.len()];
    for index in (0..PIECES.len()).rev() {
        let word = PIECES[index].used_as;
        let by_later = wanted
            .iter()
            .zip(PIECES)
            .skip(index + 1)
            .any(|(wanted, piece)| *wanted && uses(piece.text, word));
        wanted[index] = by_later || uses(text, word);
    }
    let chosen = PIECES.iter().zip(wanted).filter(|(_, wanted)| *wanted);
    let texts: Vec<_> = chosen
        .map(|(piece, _)| match piece.text {
            "@STATUS_NAME@" => status_names(),
            text => text.to_owned(),
        })
        .collect();
    texts.join("\n")
}

/// Whether a word stands in a text, and not as the end of a longer one.
fn uses(text: &str, word: &str) -> bool {
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

/// A function that names statuses, as libc knows none of them.
fn status_names() -> String {
    let mut text =
        "static const char* status_name(zx_status_t status) {\n    switch (status) {\n".to_owned();
    for (name, _) in vmo_abi::STATUSES {
        text.push_str(&format!("    case ZX_{name}:\n        return \"ZX_{name}\";\n"));
    }
    text.push_str("    default:\n        return \"a status without a name\";\n    }\n}\n");
    text
}
