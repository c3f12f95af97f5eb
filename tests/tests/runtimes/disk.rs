//! The secret files of a row as real files, for the run that the others are compared with.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown};
use std::path::Path;

use crate::fill::Filled;

/// Real files with the mode and owner of the row. Removed when dropped.
#[derive(Debug)]
pub(crate) struct OnDisk<'a> {
    filled: &'a Filled,
}

impl<'a> OnDisk<'a> {
    pub(crate) fn write(filled: &'a Filled) -> Self {
        assert_absent(filled);
        let written = Self { filled };
        for (path, content) in &filled.files {
            let path = Path::new(path);
            let folder = path.parent().expect("a folder");
            let mut builder = fs::DirBuilder::new();
            builder
                .recursive(true)
                .mode(0o755)
                .create(folder)
                .expect("made");
            let mut file = fs::OpenOptions::new();
            let file = file
                .write(true)
                .create_new(true)
                .mode(filled.mode)
                .open(path);
            file.expect("new")
                .write_all(content.as_bytes())
                .expect("written");
            if rustix::process::geteuid().is_root() {
                chown(path, Some(filled.owner), Some(filled.owner)).expect("chown");
            }
        }
        written
    }
}

impl Drop for OnDisk<'_> {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.filled.dir));
    }
}

/// Panics if anything of the row is on disk (F3).
pub(crate) fn assert_absent(filled: &Filled) {
    let found = fs::symlink_metadata(&filled.dir);
    assert!(found.is_err(), "{} is on disk", filled.dir);
}
