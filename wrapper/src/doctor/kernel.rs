//! Checks of the kernel and of /proc.

use std::fs::File;

use super::report::Verdict;
use super::{Place, status};

/// Kernel version and machine. Only what cannot be tried is concluded from the version.
pub(super) fn version(_: &Place<'_>) -> Verdict {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    judge(&release, &uname.machine().to_string_lossy())
}

fn judge(release: &str, machine: &str) -> Verdict {
    let finding = format!("Linux {release} on {machine}");
    let Some(version) = parse(release) else {
        return Verdict::warn(
            format!("{finding}: this version cannot be read"),
            "trust the other checks; they try",
        );
    };
    if version < (5, 14) {
        return Verdict::warn(
            format!("{finding}: older than memfd_secret (5.14)"),
            "use Linux 6.5 or newer",
        );
    }
    if machine == "aarch64" && version < (6, 12) {
        return Verdict::warn(
            format!(
                "{finding}: before the fix of CVE-2024-50182 memfd_secret may succeed on arm64 \
                 and protect nothing"
            ),
            "use Linux 6.12 or newer, or a stable kernel that has the fix",
        );
    }
    Verdict::ok(finding)
}

fn parse(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(['.', '-', '+']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A start executes itself again through /proc/self/exe, and `copy` reads it.
pub(super) fn proc_mounted(_: &Place<'_>) -> Verdict {
    match File::open("/proc/self/exe") {
        Ok(_) => Verdict::ok("mounted, and our own program is readable there"),
        Err(error) => Verdict::fail(
            status::INTERNAL,
            format!("/proc/self/exe cannot be read ({error}), and a start needs it"),
            "mount /proc",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Outcome;

    #[test]
    fn old_kernels_and_arm64_before_the_fix_are_warned_of() {
        for (release, machine, outcome) in [
            ("6.18.44-x", "x86_64", Outcome::Ok),
            ("5.14.0-427.el9.x86_64", "x86_64", Outcome::Ok),
            ("5.13.19", "x86_64", Outcome::Warn),
            ("5.10.0-28-amd64", "x86_64", Outcome::Warn),
            ("6.1.0", "aarch64", Outcome::Warn),
            ("6.12-rc1", "aarch64", Outcome::Ok),
            ("strange", "x86_64", Outcome::Warn),
        ] {
            assert_eq!(judge(release, machine).outcome, outcome, "{release}");
        }
    }
}
