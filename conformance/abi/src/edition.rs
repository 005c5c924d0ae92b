//! Editions of the contract, as values that rules ask for single features.

use crate::constants::{
    ZX_DEFAULT_VMO_RIGHTS, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, zx_rights_t, zx_status_t,
};

/// One edition of the contract: what it is called, and its features.
///
/// Rules ask for a feature and never compare editions, so that a backend can
/// name an edition and override single features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Year and month, such as `2018-06`.
    pub name: &'static str,
    /// Rights of a fresh VMO handle (VMO-CREATE-24).
    pub default_vmo_rights: zx_rights_t,
    /// Options that `vmo_create` accepts (VMO-CREATE-07).
    pub create_options: u32,
    /// Largest size of a VMO in bytes (VMO-CREATE-05).
    pub largest_vmo_size: u64,
    /// Whether `vmo_clone` ignores option bits it does not know (VMO-CLONE-08).
    pub unknown_clone_options_ignored: bool,
    /// Whether COMMIT and DECOMMIT cut a range at the VMO's end instead of
    /// refusing it (VMO-OPRANGE-15).
    pub ranges_are_trimmed: bool,
    /// Whether an unaligned `len` of `vmar_map` is rounded up (VMAR-MAP-15).
    pub map_length_is_rounded: bool,
    /// What a place that is taken answers to a specific mapping (VMAR-MAP-26).
    pub overlap_status: zx_status_t,
    /// What `vmar_map` and `vmar_allocate` answer when there is no room
    /// (VMAR-MAP-52).
    pub no_room_status: zx_status_t,
    /// What a bad buffer of `vmo_read` and `vmo_write` answers (VMO-READ-06).
    pub bad_buffer_status: zx_status_t,
    /// What an unknown property answers (OBJ-GETPROP-09).
    pub unknown_property_status: zx_status_t,
    /// Whether `vmo_read` and `vmo_write` touch every page of the buffer before
    /// they judge the range (VMO-READ-14).
    pub buffers_are_probed: bool,
}

/// The edition of the seed page, June 2018.
pub const EDITION_2018_06: Edition = Edition {
    name: "2018-06",
    default_vmo_rights: ZX_DEFAULT_VMO_RIGHTS,
    create_options: 0,
    largest_vmo_size: 0xffff_ffff_ffff_f000,
    unknown_clone_options_ignored: true,
    ranges_are_trimmed: true,
    map_length_is_rounded: true,
    overlap_status: ZX_ERR_NO_MEMORY,
    no_room_status: ZX_ERR_NO_MEMORY,
    bad_buffer_status: ZX_ERR_INVALID_ARGS,
    unknown_property_status: ZX_ERR_INVALID_ARGS,
    buffers_are_probed: true,
};

/// Every edition that is described so far.
pub const EDITIONS: &[Edition] = &[EDITION_2018_06];

impl Edition {
    /// The edition called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        EDITIONS.iter().copied().find(|edition| edition.name == name)
    }
}
