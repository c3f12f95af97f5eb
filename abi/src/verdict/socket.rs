//! Unix sockets that a debugger listens on inside a process, known by what they are called.

use super::{Verdict, access};

/// The last 16 bytes of a name that is read byte by byte, the newest lowest.
#[derive(Clone, Copy, Debug)]
pub struct SocketName {
    older: u64,
    newer: u64,
}

impl SocketName {
    /// Before the first byte.
    pub const EMPTY: Self = Self { older: 0, newer: 0 };

    /// Takes the next byte; answers whether what was read so far ends like a debugger's socket:
    /// `.java_pid…` (HotSpot's attach), `dotnet-diagnostic-…` (of which 16 bytes count), `rdbg-…`
    /// (Ruby), whatever folder it is in and whatever follows.
    #[inline(always)]
    pub const fn push(&mut self, byte: u8) -> bool {
        self.older = self.older << 8 | self.newer >> 56;
        self.newer = self.newer << 8 | byte as u64;
        let is_java =
            self.newer == u64::from_be_bytes(*b"java_pid") && self.older & 0xff == b'.' as u64;
        let is_dotnet = self.newer == u64::from_be_bytes(*b"iagnosti")
            && self.older == u64::from_be_bytes(*b"dotnet-d");
        let is_ruby = self.newer & 0xffff_ffff_ffff == u64::from_be_bytes(*b"\0\0/rdbg-");
        is_java || is_dotnet || is_ruby
    }
}

/// A connection to a listening Unix socket of a group. What a program serves to others on a socket
/// (a database, php-fpm) is its business; a debugger inside it is not for strangers.
#[must_use]
#[inline(always)]
pub const fn connect(actor: u64, target: u64, is_debuggers: bool) -> Verdict {
    if is_debuggers {
        access(actor, target)
    } else {
        Verdict::Allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_debuggers(text: &str) -> bool {
        let mut name = SocketName::EMPTY;
        text.bytes().any(|byte| name.push(byte))
    }

    #[test]
    fn debuggers_are_known_by_name() {
        for text in [
            "/tmp/.java_pid1",
            "/tmp/.java_pid4711.tmp",
            "/var/run/x/dotnet-diagnostic-1-2-socket",
            "dotnet-diagnostic-1-2-socket",
            "/run/user/1000/rdbg-12",
            "\0abstract/.java_pid",
        ] {
            assert!(is_debuggers(text), "{text}");
        }
        for text in [
            "",
            "/tmp/java_pid1",
            "/tmp/.java_pi",
            "/run/dotnet-d/app.sock",
            "/var/run/postgresql/.s.PGSQL.5432",
            "/run/php/php-fpm.sock",
            "/tmp/cardbg-1",
        ] {
            assert!(!is_debuggers(text), "{text}");
        }
    }

    #[test]
    fn only_strangers_are_refused() {
        assert_eq!(connect(0, 7, true), Verdict::Deny);
        assert_eq!(connect(8, 7, true), Verdict::Deny);
        assert_eq!(connect(7, 7, true), Verdict::Allow);
        assert_eq!(connect(0, 0, true), Verdict::Allow);
        assert_eq!(connect(0, 7, false), Verdict::Allow);
    }
}
