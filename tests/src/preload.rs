//! A program with the preload library in it, and the same program without us over the real thing.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::binary::cloudtaser;
use crate::wrapper::{Ended, Planted, Wrapper};

/// One secret, delivered as a file that exists in the region only; and a real file of the same
/// content, mode and depth for the comparison.
#[derive(Debug)]
pub struct Served {
    wrapper: Wrapper,
    value: String,
}

/// The file's path below its folder.
const BELOW: &str = "deep/db/password";

impl Served {
    /// A secret of this value, which must be text.
    ///
    /// # Panics
    ///
    /// When the real file cannot be made.
    #[must_use]
    pub fn new(value: &str) -> Self {
        let secrets = [Planted::new("secret/db", "password", value)];
        let wrapper = Wrapper::local(&secrets).delivery(Some("preload"));
        let real = wrapper.folder().join("real").join(BELOW);
        std::fs::create_dir_all(real.parent().expect("a folder")).expect("made");
        std::fs::write(&real, value).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o400);
        std::fs::set_permissions(&real, mode).expect("chmod");
        std::fs::create_dir(wrapper.folder().join("scratch")).expect("made");
        std::fs::create_dir(wrapper.folder().join("scratch-real")).expect("made");
        let mut file = wrapper
            .folder()
            .join("virtual")
            .join(BELOW)
            .into_os_string();
        file.push("=vault:secret/db#password");
        let wrapper = wrapper.flags(&[OsString::from("--file"), file]);
        let value = value.into();
        Self { wrapper, value }
    }

    /// Changes how it is started.
    #[must_use]
    pub fn with(self, change: impl FnOnce(Wrapper) -> Wrapper) -> Self {
        Self {
            wrapper: change(self.wrapper),
            value: self.value,
        }
    }

    /// The secret is also the variable `name`.
    #[must_use]
    pub fn variable(self, name: &str) -> Self {
        let assignment = format!("{name}=vault:secret/db#password");
        self.with(|wrapper| wrapper.flags(&["--env", &assignment]))
    }

    /// The secret's value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The path of the virtual file. Nothing exists there, nor the folders above it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder().join("virtual").join(BELOW)
    }

    /// The path of the real file.
    #[must_use]
    pub fn real_path(&self) -> PathBuf {
        self.folder().join("real").join(BELOW)
    }

    /// A folder for programs and scratch files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.wrapper.folder()
    }

    /// How it is started.
    #[must_use]
    pub const fn wrapper(&self) -> &Wrapper {
        &self.wrapper
    }

    /// Runs a program with the library.
    pub fn run<W: AsRef<OsStr>>(&self, program: &[W]) -> Ended {
        self.wrapper.run(program)
    }

    /// Runs a program without us.
    pub fn run_bare<W: AsRef<OsStr>>(&self, program: &[W]) -> Ended {
        self.wrapper.run_bare(program)
    }
}

/// Where the library lies: beside the binary under test.
///
/// # Panics
///
/// When it is not there.
#[must_use]
pub fn library_file() -> PathBuf {
    let file = cloudtaser().with_file_name(cloudtaser_abi::names::PRELOAD_LIBRARY);
    assert!(
        file.is_file(),
        "{} is not there; run `cargo xtask build --release`",
        file.display()
    );
    file
}
