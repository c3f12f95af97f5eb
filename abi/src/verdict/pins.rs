//! The pins that enforcement hangs on when the daemon is gone.

use super::Verdict;

/// A mount that is about to go.
#[derive(Clone, Copy, Debug)]
pub struct Unmount {
    /// Of the file system that the pins are in.
    pub is_pins: bool,
    /// Of a file system that it is mounted in, or that that one is.
    pub is_above: bool,
    /// Of the whole file system, not of a folder of it.
    pub is_whole: bool,
    /// With everything that is mounted below.
    pub is_lazy: bool,
    /// By somebody in the daemon's mount namespace.
    pub is_our_namespace: bool,
}

/// Removal or renaming in the folder of the pins, or of it.
#[must_use]
#[inline(always)]
pub const fn pin(is_pin: bool) -> Verdict {
    if is_pin {
        Verdict::Deny
    } else {
        Verdict::Allow
    }
}

/// Without its mounts a file system ends, and the pins with it.
#[must_use]
#[inline(always)]
pub const fn unmount(mount: &Unmount) -> Verdict {
    let takes_along = mount.is_above && mount.is_whole && mount.is_lazy && mount.is_our_namespace;
    if mount.is_pins || takes_along {
        Verdict::Deny
    } else {
        Verdict::Allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_may_unmount_and_nobody_what_the_pins_hang_on() {
        let sysfs = Unmount {
            is_pins: false,
            is_above: true,
            is_whole: true,
            is_lazy: true,
            is_our_namespace: true,
        };
        assert_eq!(unmount(&sysfs), Verdict::Deny);
        for other in [
            Unmount {
                is_above: false,
                ..sysfs
            },
            // A volume: a folder of the root's file system.
            Unmount {
                is_whole: false,
                ..sysfs
            },
            // The kernel itself refuses it, for something is mounted below.
            Unmount {
                is_lazy: false,
                ..sysfs
            },
            // A container's `/sys`.
            Unmount {
                is_our_namespace: false,
                ..sysfs
            },
        ] {
            assert_eq!(unmount(&other), Verdict::Allow, "{other:?}");
            let pins = Unmount {
                is_pins: true,
                ..other
            };
            assert_eq!(unmount(&pins), Verdict::Deny, "{pins:?}");
        }
        assert_eq!(pin(true), Verdict::Deny);
        assert_eq!(pin(false), Verdict::Allow);
    }
}
