//! What a backend claims to offer.

/// A part of the contract that a backend may offer or not.
///
/// A claim is checked: what is claimed and missing is a failure, what is not
/// claimed is reported as unsupported and never as passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Capability {
    /// Creating, reading, writing, measuring and resizing VMOs, closing handles.
    Vmo,
    /// `vmo_clone`.
    Clone,
    /// `vmo_op_range`.
    Range,
    /// `vmo_set_cache_policy`.
    CachePolicy,
    /// `handle_duplicate`, `handle_replace`, `handle_close_many`.
    Handles,
    /// `object_get_property` and `object_set_property`.
    Properties,
    /// `object_get_info`.
    Info,
    /// `object_wait_one`, `object_wait_many`, `object_signal`.
    Signals,
    /// Objects that are not VMOs: events, channels, ports.
    OtherObjects,
    /// `channel_write` and `channel_read`, which move handles.
    Channels,
    /// `vmar_map`, `vmar_unmap`, `vmar_protect`, and loads and stores.
    Mapping,
    /// `vmar_allocate` and `vmar_destroy`.
    Regions,
    /// A process handle for which `ZX_INFO_PROCESS_VMOS` answers.
    ProcessVmos,
    /// A memory limit and failing allocations that the tester controls.
    MemoryControl,
    /// Calls from several threads at once.
    Threads,
}

impl Capability {
    /// Every capability, in the order of the report.
    pub const ALL: [Self; 15] = [
        Self::Vmo,
        Self::Clone,
        Self::Range,
        Self::CachePolicy,
        Self::Handles,
        Self::Properties,
        Self::Info,
        Self::Signals,
        Self::OtherObjects,
        Self::Channels,
        Self::Mapping,
        Self::Regions,
        Self::ProcessVmos,
        Self::MemoryControl,
        Self::Threads,
    ];

    /// The name used on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vmo => "vmo",
            Self::Clone => "clone",
            Self::Range => "range",
            Self::CachePolicy => "cache-policy",
            Self::Handles => "handles",
            Self::Properties => "properties",
            Self::Info => "info",
            Self::Signals => "signals",
            Self::OtherObjects => "other-objects",
            Self::Channels => "channels",
            Self::Mapping => "mapping",
            Self::Regions => "regions",
            Self::ProcessVmos => "process-vmos",
            Self::MemoryControl => "memory-control",
            Self::Threads => "threads",
        }
    }
}

/// A set of [`Capability`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// Every capability there is.
    #[must_use]
    pub fn all() -> Self {
        Capability::ALL.into_iter().collect()
    }

    /// Whether `capability` is claimed.
    #[must_use]
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u8) != 0
    }

    /// This set and `capability`.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | 1 << capability as u8)
    }

    /// This set less `capability`.
    #[must_use]
    pub const fn without(self, capability: Capability) -> Self {
        Self(self.0 & !(1 << capability as u8))
    }

    /// The members, in the order of [`Capability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |capability| self.contains(*capability))
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(members: I) -> Self {
        members.into_iter().fold(Self::NONE, Self::with)
    }
}
