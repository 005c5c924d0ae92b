//! How many programs there are.

/// What decides how many programs there are after a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Calls that are tried in the state.
    pub calls: u64,
    /// Those of them after which more is tried.
    pub changing: u64,
}

impl Size {
    /// How many programs with up to `depth` calls there are after the state, if
    /// it is the same in all states after it. It is more in most, as there are
    /// more handles.
    #[must_use]
    pub fn programs(self, depth: usize) -> f64 {
        let mut programs = 0.0;
        let mut states = 1.0;
        for _ in 0..depth {
            programs += states * self.calls as f64;
            states *= self.changing as f64;
        }
        programs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_counted_call_by_call() {
        let size = Size { calls: 10, changing: 3 };
        assert_eq!(size.programs(0), 0.0);
        assert_eq!(size.programs(1), 10.0);
        assert_eq!(size.programs(3), 10.0 + 30.0 + 90.0);
        assert!(size.programs(40) > 1e19);
    }
}
