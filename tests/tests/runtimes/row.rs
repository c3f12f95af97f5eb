//! What a row of a table says.
//!
//! Every text may hold words in braces, which [`crate::fill`] replaces: `{dir}`, the folder of the
//! secret files; `{here}`, a folder of the row's own with ordinary files, which is the working
//! directory and `HOME`; `{marker}`, random; `{port}`, a free port; `{key NAME}` and the like, what
//! [`crate::materials`] makes; `{bin NAME}`, a program that [`crate::programs`] builds.

/// One program that reads secrets in one way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// How it reads, for whoever reads the table or a failure.
    pub(crate) reads: &'static str,
    pub(crate) library: Library,
    /// Secret files: name below `{dir}`, content.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// Secret variables: name, value.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// Ordinary files: name below `{here}`, content.
    pub(crate) beside: &'static [(&'static str, &'static str)],
    /// Ordinary variables.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// A shell script that prepares `{here}`, once.
    pub(crate) prepare: &'static str,
    /// A server that `command` talks to; it runs without us, and is there when its port is and
    /// `ready` says so.
    pub(crate) helper: &'static [&'static str],
    /// If an open port is not enough: asked until its status is 0.
    pub(crate) ready: &'static [&'static str],
    /// The program under test.
    pub(crate) command: &'static [&'static str],
    /// If the program is a server: asked, again and again until its status is 0. Its output is
    /// what is compared then.
    pub(crate) ask: &'static [&'static str],
    /// Who owns the real files; root where we are not root.
    pub(crate) owner: u32,
    /// The mode of the secret files.
    pub(crate) mode: u32,
    /// Only root can start it so.
    pub(crate) root: bool,
    /// The status with everything there.
    pub(crate) status: i32,
    /// Takes out of an output what differs from run to run, argued beside each use.
    pub(crate) normal: fn(String) -> String,
    pub(crate) expected: Expected,
}

/// Which C library the program has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Library {
    Glibc,
    Musl,
    /// None that a library could be loaded into.
    None,
}

/// What the program is to see with us.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// What it sees with real files.
    Same,
    /// The same, except that a child's `in environ 1` is `in environ 0`; see [`CHILD`].
    Hidden,
    /// What this text on its standard error tells: the library refuses.
    Refused(&'static str),
    /// What it sees without any; the wrapper says this on its standard error. Whatever can be
    /// delivered is, not by the preload library alone.
    Unserved(&'static str),
    /// What it sees with real variables, which then stand in its environment; the wrapper says so.
    Plain(&'static str),
}

/// One file, `password`, with the marker in a line.
pub(crate) const PASSWORD: &[(&str, &str)] = &[("password", "{marker}\n")];

/// Readable by the owner alone, as a secret is by default.
pub(crate) const PRIVATE: u32 = 0o400;

/// The row that others are changes of: a glibc program with one secret file.
pub(crate) const ROW: Row = Row {
    reads: "",
    library: Library::Glibc,
    files: PASSWORD,
    variables: &[],
    beside: &[],
    environment: &[],
    prepare: "",
    helper: &[],
    ready: &[],
    command: &[],
    ask: &[],
    owner: 0,
    mode: PRIVATE,
    root: false,
    status: 0,
    normal: |text| text,
    expected: Expected::Same,
};

/// The same on musl.
pub(crate) const MUSL: Row = Row {
    library: Library::Musl,
    ..ROW
};

/// One secret variable, no file.
pub(crate) const VARIABLE: Row = Row {
    files: &[],
    variables: &[("CT_SECRET", "{marker}")],
    ..ROW
};

/// A shell command that prints the secret variable, and whether the kernel's copies of its own
/// and its child's environment show it.
pub(crate) const CHILD: &str = "printenv CT_SECRET; for p in self $$; do echo in environ \
    $(grep -cz ^CT_SECRET= /proc/$p/environ); done";

/// A test for each row: `name: row;`.
macro_rules! rows {
    ($($name:ident: $row:expr;)+) => {
        $(
            #[test]
            fn $name() {
                $crate::check::check(stringify!($name), &$row);
            }
        )+
    };
}
