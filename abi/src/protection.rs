//! The protection levels of secret memory, a ladder: each rung includes the ones below it.

use core::fmt;
use core::str::FromStr;

/// How well the memory that holds the secrets is protected, weakest first.
///
/// The level speaks of the region alone. How a value reaches the program (its environment, a
/// virtual file) is the *delivery* and is reported beside the level.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u32)]
pub enum Protection {
    /// Shared anonymous memory: out of core dumps, but it may be swapped out, and whoever may
    /// trace the process reads it.
    None = 0,
    /// The same, locked into memory (`mlock(2)`): never swapped out.
    Locked = 1,
    /// `memfd_secret(2)`: out of the kernel's direct map, so that `process_vm_readv`, `ptrace`,
    /// `/proc/PID/mem`, core dumps and `/proc/kcore` cannot read it, root included. Code injected
    /// into the process, and descriptors stolen from it, still can.
    Secretmem = 2,
    /// `memfd_secret`, and the process is registered with an enforcer that refuses tracing,
    /// injection and descriptor theft.
    Enforced = 3,
}

impl Protection {
    /// Every level, weakest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Locked, Self::Secretmem, Self::Enforced];

    /// The level's name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Locked => "locked",
            Self::Secretmem => "secretmem",
            Self::Enforced => "enforced",
        }
    }

    /// The number that stands in a region's header.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The level for a header's number, if there is one.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.number() == number)
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no protection level.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownProtection;

impl fmt::Display for UnknownProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a protection level: none, locked, secretmem or enforced")
    }
}

impl core::error::Error for UnknownProtection {}

impl FromStr for Protection {
    type Err = UnknownProtection;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.name() == text)
            .ok_or(UnknownProtection)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn names_and_numbers_go_both_ways() {
        for level in Protection::ALL {
            assert_eq!(level.name().parse(), Ok(level));
            assert_eq!(Protection::from_number(level.number()), Some(level));
        }
        assert_eq!("Locked".parse::<Protection>(), Err(UnknownProtection));
        assert_eq!(Protection::from_number(4), None);
    }
}
