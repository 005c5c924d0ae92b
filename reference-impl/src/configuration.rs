//! How a reference machine is set up.

use std::io;

use vmo_abi::{Capabilities, EDITION_2018_06, Edition, ZX_PAGE_SIZE};

use crate::process;

/// Half of what a process can address.
const LARGEST_AREA: u64 = 1 << 46;

/// How a [`Reference`](crate::Reference) is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// The edition of the contract whose rules it follows.
    pub edition: Edition,
    /// What it claims to offer.
    pub capabilities: Capabilities,
    /// Pages of physical memory: what can be committed in all. At most
    /// 2^32 - 2. The memory is sparse, only pages in use cost anything.
    pub physical_pages: u64,
    /// Pages that can be committed in all, at most `physical_pages`; can be
    /// changed later through the backend trait.
    pub memory_limit: Option<u64>,
    /// Bytes of the tester's arena, a multiple of the page size, at least 16
    /// pages and at most 2^46.
    pub arena_bytes: u64,
    /// Bytes of the root region, a multiple of the page size, at most 2^46.
    /// Only addresses are taken up, not memory.
    pub root_region_bytes: u64,
    /// Handles that can exist at once, at most 262,144 (HV-11).
    pub largest_handle_count: u32,
    /// Whether the job's policy forbids new VMOs (VMO-CREATE-13).
    pub deny_new_vmo: bool,
    /// Whether the process's own memory is memory of user code as well, besides
    /// the machine's arena and mappings: calls then take pointers to variables of
    /// the process. Needs a handler for faults, which is
    /// [installed](crate::fault_handler::install) with the machine. Offered on
    /// x86_64 and aarch64.
    ///
    /// A call checks a pointer before it follows it; the memory there must not be
    /// unmapped by another thread meanwhile.
    pub process_memory: bool,
    /// Seed of the places that are chosen at random.
    pub seed: u64,
}

impl Configuration {
    /// Checks the ranges that the fields state.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`], naming the field that is out of range.
    pub(crate) fn check(&self) -> io::Result<()> {
        let whole = |bytes: u64| bytes != 0 && bytes.is_multiple_of(ZX_PAGE_SIZE);
        let fields = [
            ("physical_pages", self.physical_pages < u64::from(u32::MAX)),
            ("arena_bytes", whole(self.arena_bytes) && self.arena_bytes >= 16 * ZX_PAGE_SIZE),
            ("arena_bytes", self.arena_bytes <= LARGEST_AREA),
            ("root_region_bytes", whole(self.root_region_bytes)),
            ("root_region_bytes", self.root_region_bytes <= LARGEST_AREA),
            ("largest_handle_count", self.largest_handle_count <= 1 << 18),
            ("process_memory", process::IS_SUPPORTED || !self.process_memory),
        ];
        match fields.iter().find(|(_, holds)| !holds) {
            None => Ok(()),
            Some((name, _)) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{name} of the configuration is out of range"),
            )),
        }
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            edition: EDITION_2018_06,
            capabilities: Capabilities::all(),
            physical_pages: (2 << 30) / ZX_PAGE_SIZE,
            memory_limit: None,
            arena_bytes: 4 << 20,
            root_region_bytes: 1 << 40,
            largest_handle_count: 1 << 18,
            deny_new_vmo: false,
            process_memory: false,
            seed: 0x5eed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = ZX_PAGE_SIZE;

    fn refused(change: impl FnOnce(&mut Configuration)) -> Option<String> {
        let mut configuration = Configuration::default();
        change(&mut configuration);
        configuration.check().err().map(|error| error.to_string())
    }

    #[test]
    fn ends_of_ranges_are_allowed() {
        assert_eq!(refused(|c| c.physical_pages = (1 << 32) - 2), None);
        assert_eq!(refused(|c| c.arena_bytes = 16 * PAGE), None);
        assert_eq!(refused(|c| c.arena_bytes = 1 << 46), None);
        assert_eq!(refused(|c| c.root_region_bytes = PAGE), None);
        assert_eq!(refused(|c| c.root_region_bytes = 1 << 46), None);
        assert_eq!(refused(|c| c.largest_handle_count = 1 << 18), None);
    }

    #[test]
    fn what_lies_beyond_is_refused_by_name() {
        let names =
            |text: Option<String>, name: &str| text.is_some_and(|text| text.starts_with(name));
        assert!(names(refused(|c| c.physical_pages = (1 << 32) - 1), "physical_pages"));
        for bytes in [0, 15 * PAGE, 16 * PAGE + 1, (1 << 46) + PAGE] {
            assert!(names(refused(|c| c.arena_bytes = bytes), "arena_bytes"), "{bytes}");
        }
        for bytes in [0, PAGE + 1, (1 << 46) + PAGE] {
            assert!(
                names(refused(|c| c.root_region_bytes = bytes), "root_region_bytes"),
                "{bytes}"
            );
        }
        assert!(names(refused(|c| c.largest_handle_count = (1 << 18) + 1), "largest_handle_count"));
    }
}
