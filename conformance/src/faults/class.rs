//! Kinds of mistakes.

/// What kind of mistake a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Sizes, offsets and lengths that are no multiple of the page size.
    Rounding,
    /// Ends of ranges: off by one, wrapped, cut to 32 bits, compared as signed.
    Overflow,
    /// Rights that are not looked at, and rights that handles get.
    Rights,
    /// Options, flags, codes and masks.
    Options,
    /// The right refusal with the wrong status.
    ErrorCode,
    /// The choice among several refusals that apply at once.
    Precedence,
    /// What a refused call leaves behind.
    StateAfterFailure,
    /// What a clone and its family show.
    CopyOnWrite,
    /// Bytes that have to be 0.
    ZeroFill,
    /// `ZX_VMO_ZERO_CHILDREN` and user signals.
    Signals,
    /// Handle values, koids, closing, duplicating, replacing.
    Handles,
    /// Mappings and regions.
    Mapping,
    /// What a change of the size does.
    Resize,
    /// What is committed, and the cache policy, which depends on that.
    Commit,
    /// What is never given back.
    Leaks,
    /// Names, other properties, and facts about objects.
    Properties,
    /// Waiting for signals.
    Waits,
}

impl Class {
    /// Every class, in the order of the table.
    pub const ALL: [Self; 17] = [
        Self::Rounding,
        Self::Overflow,
        Self::Rights,
        Self::Options,
        Self::ErrorCode,
        Self::Precedence,
        Self::StateAfterFailure,
        Self::CopyOnWrite,
        Self::ZeroFill,
        Self::Signals,
        Self::Handles,
        Self::Mapping,
        Self::Resize,
        Self::Commit,
        Self::Leaks,
        Self::Properties,
        Self::Waits,
    ];

    /// The name used on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rounding => "rounding",
            Self::Overflow => "overflow",
            Self::Rights => "rights",
            Self::Options => "options",
            Self::ErrorCode => "error-code",
            Self::Precedence => "precedence",
            Self::StateAfterFailure => "state-after-failure",
            Self::CopyOnWrite => "copy-on-write",
            Self::ZeroFill => "zero-fill",
            Self::Signals => "signals",
            Self::Handles => "handles",
            Self::Mapping => "mapping",
            Self::Resize => "resize",
            Self::Commit => "commit",
            Self::Leaks => "leaks",
            Self::Properties => "properties",
            Self::Waits => "waits",
        }
    }

    /// The class called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}
