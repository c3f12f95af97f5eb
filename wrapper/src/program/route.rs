//! Decides by which route a program gets its secrets, and says so in a sentence.
//!
//! Pure: a [`Program`] in, a [`Route`] out. In this version there is one route, the environment.
//! [`Reach`] is where a preload library and the Go SDK will be chosen: it says already which of
//! them could reach the program.

use std::fmt;

use super::{Kind, Program, Unknown};

/// The way of the values to the program, weakest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Delivery {
    /// Plain environment variables. Whoever may read `/proc/PID/environ` has them: the same user
    /// and root; and every descendant inherits them.
    Environ,
}

impl Delivery {
    /// The delivery's name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Environ => "environ",
        }
    }
}

/// What could bring secrets into a program without its environment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// A preload library: its dynamic linker loads one.
    Preload,
    /// The Go SDK, called by the program's own code.
    Sdk,
    /// Nothing but the environment, because of this.
    Environ(&'static str),
}

/// What could bring secrets into `program`.
#[must_use]
pub fn reach(program: &Program) -> Reach {
    let program = program.executed();
    if program.privileged.is_some() {
        return Reach::Environ(
            "its set-user-ID bit, set-group-ID bit or file capabilities make \
             the dynamic linker ignore preload libraries",
        );
    }
    if program.foreign.is_some() {
        return Reach::Environ("it is built for another machine than the wrapper");
    }
    match &program.kind {
        Kind::DynamicGlibc { .. } | Kind::DynamicMusl { .. } => Reach::Preload,
        Kind::Go { .. } => Reach::Sdk,
        Kind::Static => Reach::Environ("it is statically linked and loads no library"),
        Kind::DynamicOther { .. } => Reach::Environ("its dynamic linker is not a known one"),
        Kind::Unknown(Unknown::Unreadable) => Reach::Environ("its file cannot be read"),
        Kind::Unknown(Unknown::NoFormat) => Reach::Environ("its format is not known"),
        // `executed` ends at the first program that is none.
        Kind::Script { .. } => Reach::Environ("it is a script"),
    }
}

/// The route for one program, with the reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// The way that the values take.
    pub delivery: Delivery,
    /// What else could have reached the program.
    pub reach: Reach,
}

/// Chooses the route for `program`, the one that was asked for or the best below it.
///
/// A route that the program cannot take is never an error: the program must start.
#[must_use]
pub fn choose(program: &Program, wanted: Delivery) -> Route {
    Route {
        delivery: match wanted {
            Delivery::Environ => Delivery::Environ,
        },
        reach: reach(program),
    }
}

impl fmt::Display for Route {
    /// One sentence: the route, what it means, and why this one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "values are in the program's environment: /proc/PID/environ shows them to the same \
             user and to root, and its children inherit them (",
        )?;
        match self.reach {
            Reach::Preload => f.write_str("the program could load a preload library"),
            Reach::Sdk => f.write_str("a Go program; it could use the Go SDK"),
            Reach::Environ(reason) => write!(f, "no other route could reach it: {reason}"),
        }?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Machine, Privileged};
    use std::path::PathBuf;

    fn program(kind: Kind) -> Program {
        Program {
            path: PathBuf::from("/x"),
            kind,
            privileged: None,
            foreign: None,
        }
    }

    fn glibc() -> Program {
        program(Kind::DynamicGlibc {
            interpreter: PathBuf::from("/lib64/ld-linux-x86-64.so.2"),
        })
    }

    #[test]
    fn reach_follows_what_really_runs() {
        assert_eq!(reach(&glibc()), Reach::Preload);
        let script = program(Kind::Script {
            interpreter: Box::new(glibc()),
            argument: None,
        });
        assert_eq!(reach(&script), Reach::Preload);
        let go = program(Kind::Go { interpreter: None });
        assert_eq!(reach(&go), Reach::Sdk);
        let of_static = reach(&program(Kind::Static));
        assert!(matches!(of_static, Reach::Environ(why) if why.contains("statically")));
    }

    #[test]
    fn privileges_and_foreign_machines_rule_a_preload_out() {
        let mut privileged = glibc();
        privileged.privileged = Some(Privileged {
            has_capabilities: true,
            ..Privileged::default()
        });
        assert!(matches!(reach(&privileged), Reach::Environ(why) if why.contains("capabilities")));
        let mut foreign = glibc();
        foreign.foreign = Some(Machine {
            number: 3,
            bits: 32,
        });
        assert!(matches!(reach(&foreign), Reach::Environ(why) if why.contains("machine")));
    }

    #[test]
    fn the_sentence_says_route_and_reason() {
        let sentence = choose(&program(Kind::Static), Delivery::Environ).to_string();
        assert!(sentence.contains("/proc/PID/environ"), "{sentence}");
        assert!(sentence.contains("statically linked"), "{sentence}");
    }
}
