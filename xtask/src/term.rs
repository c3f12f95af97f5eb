//! Colours: on a terminal only, never when `NO_COLOR` is set (no-color.org) or `TERM=dumb`.

use std::env;
use std::io::IsTerminal;

/// Whether and how to colour one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

/// Colours for standard output.
pub(crate) fn stdout() -> Paint {
    Paint {
        on: wanted(std::io::stdout().is_terminal()),
    }
}

/// Colours for standard error.
pub(crate) fn stderr() -> Paint {
    Paint {
        on: wanted(std::io::stderr().is_terminal()),
    }
}

fn wanted(terminal: bool) -> bool {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    terminal && !set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Paint {
    /// SGR parameters as in ECMA-48: 31 red, 32 green, 33 yellow, 2 faint, 1 bold.
    fn wrap(self, parameter: u8, text: &str) -> String {
        if self.on {
            format!("\x1b[{parameter}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap(31, text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap(32, text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap(33, text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.wrap(2, text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap(1, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_when_off_and_marked_when_on() {
        assert_eq!(Paint { on: false }.red("x"), "x");
        assert_eq!(Paint { on: true }.red("x"), "\x1b[31mx\x1b[0m");
        assert!(!wanted(false));
    }
}
