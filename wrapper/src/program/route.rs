//! Decides by which route a program gets its secrets, and says so in a sentence.
//!
//! Pure: a [`Program`] and the state of the preload library in, a [`Route`] out. A route that the
//! program cannot take is an error only when it was demanded: else the program must start.

use std::fmt;

use super::{Kind, Program, Unknown};
use crate::cli::run::DeliveryMode;

/// Paths that a warning names, at most. Chosen: fits a few lines.
const SHOWN_FILES: usize = 20;

/// The way of the values to the program, weakest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Delivery {
    /// Plain environment variables. Whoever may read `/proc/PID/environ` has them: the same user
    /// and root; and every descendant inherits them.
    Environ,
    /// The program reads the region itself.
    Sdk,
    /// The preload library gives the program files and variables out of the region.
    Preload,
}

impl Delivery {
    /// The delivery's name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Environ => "environ",
            Self::Sdk => "sdk",
            Self::Preload => "preload",
        }
    }
}

/// What could bring secrets into a program without its environment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// A preload library: its dynamic linker loads one.
    Preload,
    /// The Go SDK, called by the program's own code; whether it is linked into the program.
    Sdk(bool),
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
        Kind::Go { has_sdk, .. } => Reach::Sdk(*has_sdk),
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
    /// What could reach the program.
    pub reach: Reach,
    /// Why it is not the preload library; absent when it is, or when the environment was asked
    /// for.
    pub obstacle: Option<String>,
}

/// The preload library was demanded, and cannot reach the program. Exit status 77.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{program}` cannot get its secrets from the preload library, which is demanded \
     (--delivery preload): {obstacle}"
)]
pub struct RouteError {
    /// The program.
    program: String,
    /// What stands between.
    obstacle: String,
}

/// Chooses the route for `program`. `library` says why there is no preload library, if so.
///
/// # Errors
///
/// [`RouteError`] for [`DeliveryMode::Preload`] alone.
pub fn choose(
    program: &Program,
    mode: DeliveryMode,
    library: Result<(), String>,
) -> Result<Route, RouteError> {
    let reach = reach(program);
    let obstacle = match reach {
        Reach::Preload => library.err(),
        Reach::Sdk(_) => Some("it is a Go program, which makes its system calls itself".into()),
        Reach::Environ(reason) => Some(reason.into()),
    };
    let (delivery, obstacle) = match (mode, obstacle) {
        (DeliveryMode::Environ, _) => (Delivery::Environ, None),
        (DeliveryMode::Sdk, _) => (Delivery::Sdk, None),
        (DeliveryMode::Auto, Some(_)) if reach == Reach::Sdk(true) => (Delivery::Sdk, None),
        (_, None) => (Delivery::Preload, None),
        (DeliveryMode::Auto, obstacle) => (Delivery::Environ, obstacle),
        (DeliveryMode::Preload, Some(obstacle)) => {
            let program = program.path.display().to_string();
            return Err(RouteError { program, obstacle });
        }
    };
    Ok(Route {
        delivery,
        reach,
        obstacle,
    })
}

impl Route {
    /// What the user must know of this route: a level below the wanted one, when there are secret
    /// variables, and files that are not there.
    #[must_use]
    pub fn warnings(&self, program: &Program, has_secrets: bool, files: &[&str]) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.delivery != Delivery::Environ {
            return warnings;
        }
        let program = program.path.display();
        if let (Some(obstacle), true) = (&self.obstacle, has_secrets) {
            warnings.push(format!(
                "`{program}` gets its secrets as plain variables (level `environ`), which \
                 /proc/PID/environ shows to the same user and to root: {obstacle}"
            ));
        }
        if !files.is_empty() {
            let asked = "--delivery environ has no files";
            let obstacle = self.obstacle.as_deref().unwrap_or(asked);
            let names = named(files);
            warnings.push(format!(
                "files are not served to `{program}`: {obstacle}: {names}"
            ));
        }
        warnings
    }
}

/// The paths, the first ones of many.
fn named(files: &[&str]) -> String {
    let shown = files.iter().take(SHOWN_FILES);
    let shown: Vec<_> = shown
        .map(|file| format!("`{}`", file.escape_debug()))
        .collect();
    match files.len().saturating_sub(SHOWN_FILES) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

impl fmt::Display for Route {
    /// One sentence: the route, what it means, and why this one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.delivery {
            Delivery::Preload => {
                return f.write_str(
                    "values stay in the secret region, from which the preload library gives them \
                     to the program; /proc/PID/environ shows none",
                );
            }
            Delivery::Sdk => {
                return f.write_str(
                    "values stay in the secret region, which the program reads itself (the Go \
                     SDK); its environment has none, nor do os.Getenv and the programs it starts",
                );
            }
            Delivery::Environ => {}
        }
        f.write_str(
            "values are in the program's environment: /proc/PID/environ shows them to the same \
             user and to root, and its children inherit them (",
        )?;
        match (self.reach, &self.obstacle) {
            (Reach::Preload, None) => f.write_str("the program could load the preload library"),
            (Reach::Preload, Some(obstacle)) => f.write_str(obstacle),
            (Reach::Sdk(_), _) => f.write_str("a Go program; it could use the Go SDK"),
            (Reach::Environ(reason), _) => write!(f, "no other route could reach it: {reason}"),
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

    fn go(has_sdk: bool) -> Program {
        program(Kind::Go {
            interpreter: None,
            has_sdk,
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
        let go = go(false);
        assert_eq!(reach(&go), Reach::Sdk(false));
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

    /// Every way that is asked for, with and without library, for four kinds of program.
    #[test]
    fn the_preload_library_is_taken_where_it_can_and_may() {
        use DeliveryMode::{Auto, Environ, Preload, Sdk};
        let [dynamic, fixed, go, sdk] = [glibc(), program(Kind::Static), go(false), go(true)];
        let (there, missing) = (Ok(()), Err(String::from("no library")));
        for (program, mode, library, delivery, obstacle) in [
            (&dynamic, Auto, &there, Ok(Delivery::Preload), None),
            (&dynamic, Preload, &there, Ok(Delivery::Preload), None),
            (&dynamic, Environ, &there, Ok(Delivery::Environ), None),
            (
                &dynamic,
                Auto,
                &missing,
                Ok(Delivery::Environ),
                Some("no library"),
            ),
            (&dynamic, Preload, &missing, Err(()), Some("no library")),
            (&dynamic, Environ, &missing, Ok(Delivery::Environ), None),
            (
                &fixed,
                Auto,
                &there,
                Ok(Delivery::Environ),
                Some("statically"),
            ),
            (&fixed, Preload, &there, Err(()), Some("statically")),
            (&fixed, Environ, &there, Ok(Delivery::Environ), None),
            (&go, Auto, &there, Ok(Delivery::Environ), Some("Go program")),
            (&go, Preload, &missing, Err(()), Some("Go program")),
            (&go, Sdk, &missing, Ok(Delivery::Sdk), None),
            (&fixed, Sdk, &missing, Ok(Delivery::Sdk), None),
            (&dynamic, Sdk, &there, Ok(Delivery::Sdk), None),
            (&sdk, Auto, &there, Ok(Delivery::Sdk), None),
            (&sdk, Auto, &missing, Ok(Delivery::Sdk), None),
            (&sdk, Environ, &there, Ok(Delivery::Environ), None),
            (&sdk, Preload, &there, Err(()), Some("Go program")),
        ] {
            let (found, why) = match choose(program, mode, library.clone()) {
                Ok(route) => (Ok(route.delivery), route.obstacle),
                Err(error) => (Err(()), Some(error.to_string())),
            };
            let case = format!("{:?} {mode:?} {library:?}: {why:?}", program.kind);
            assert_eq!(found, delivery, "{case}");
            assert_eq!(why.is_some(), obstacle.is_some(), "{case}");
            assert!(
                why.unwrap_or_default()
                    .contains(obstacle.unwrap_or_default()),
                "{case}"
            );
        }
    }

    #[test]
    fn a_warning_is_given_for_what_is_lost_alone() {
        let lines = |mode, has_secrets, files: &[&str]| {
            let program = program(Kind::Static);
            let route = choose(&program, mode, Ok(())).expect("no demand");
            route.warnings(&program, has_secrets, files)
        };
        assert!(lines(DeliveryMode::Auto, false, &[]).is_empty());
        assert!(lines(DeliveryMode::Environ, true, &[]).is_empty());
        let level = lines(DeliveryMode::Auto, true, &[]);
        assert!(
            matches!(level.as_slice(), [one] if one.contains("`environ`")),
            "{level:?}"
        );
        let files = lines(DeliveryMode::Auto, false, &["/a", "/b\n"]);
        assert!(
            matches!(files.as_slice(), [one] if one.ends_with("loads no library: `/a`, `/b\\n`")),
            "{files:?}"
        );
        assert_eq!(lines(DeliveryMode::Environ, true, &["/a"]).len(), 1);
        assert!(lines(DeliveryMode::Auto, false, &["/a"; 21])[0].ends_with("and 1 more"));
    }

    #[test]
    fn the_sentence_says_route_and_reason() {
        let sentence = |mode, library| {
            let route = choose(&glibc(), mode, library).expect("no demand");
            route.to_string()
        };
        let given = sentence(DeliveryMode::Auto, Err(String::from("no library")));
        assert!(given.contains("/proc/PID/environ shows them"), "{given}");
        assert!(given.ends_with("(no library)"), "{given}");
        assert!(sentence(DeliveryMode::Environ, Ok(())).contains("could load"));
        assert!(sentence(DeliveryMode::Auto, Ok(())).contains("shows none"));
        let route = choose(&program(Kind::Static), DeliveryMode::Environ, Ok(()));
        assert!(
            route
                .expect("no demand")
                .to_string()
                .contains("statically linked")
        );
    }
}
