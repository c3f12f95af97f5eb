//! Runs an editor on a file that exists in memory only.
//!
//! The file is a `memfd`, which the editor inherits and opens as `/proc/self/fd/N`: no name, no
//! folder, nothing on a disk. What the editor itself writes elsewhere (swap files, backups, undo)
//! is switched off where we know how.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{MemfdFlags, memfd_create};
use zeroize::Zeroizing;

use super::StoreError;

/// Largest text that is taken back, in bytes. Chosen: 64 values of 1 MiB.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// What the vim family is told after the user's own settings file. One option with all of them:
/// vim takes ten at most, and the user may have some. `silent!`, because a small vim does not know
/// each of these.
const VIM_SETTINGS: &str = "silent! set noswapfile | silent! set nobackup nowritebackup | \
    silent! set noundofile | silent! set viminfo= | silent! set nomodeline";

/// An editor of the user's choice.
#[derive(Debug)]
pub struct Editor {
    program: OsString,
    arguments: Vec<OsString>,
}

impl Editor {
    /// `$VISUAL`, else `$EDITOR`, else `vi`; words are split at blanks, there are no quotes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Usage`] when the variable holds blanks only.
    pub fn from_environment() -> Result<Self, StoreError> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let text = set("VISUAL")
            .or_else(|| set("EDITOR"))
            .unwrap_or_else(|| "vi".into());
        let Some(text) = text.to_str() else {
            return Err(StoreError::Usage(
                "$VISUAL or $EDITOR is not UTF-8 text".to_owned(),
            ));
        };
        let mut words = text.split_ascii_whitespace().map(OsString::from);
        let program = words
            .next()
            .ok_or_else(|| StoreError::Usage("$VISUAL or $EDITOR names no program".to_owned()))?;
        Ok(Self {
            program,
            arguments: words.collect(),
        })
    }

    /// Shows `text` to the user and gives back what it has become.
    ///
    /// # Errors
    ///
    /// [`StoreError::Editor`] when it cannot be run or does not end with status 0;
    /// [`StoreError::Io`].
    pub fn edit(&self, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let fail = |source| StoreError::Io {
            call: "memfd_create",
            source,
        };
        // Without CLOEXEC: the editor is to inherit it.
        let fd = memfd_create("cloudtaser-edit.json", MemfdFlags::empty())
            .map_err(|error| fail(error.into()))?;
        let mut file = File::from(fd);
        file.write_all(text).map_err(fail)?;
        self.start(&PathBuf::from(format!(
            "/proc/self/fd/{}",
            file.as_raw_fd()
        )))?;
        read_back(&file).map_err(fail)
    }

    fn start(&self, file: &Path) -> Result<(), StoreError> {
        let editor = || self.program.to_string_lossy().into_owned();
        let failed = |what| StoreError::Editor {
            editor: editor(),
            what,
        };
        let status = Command::new(&self.program)
            // First ours: vim obeys in this order, and the user's may be to write and quit.
            .args(self.precautions())
            .args(&self.arguments)
            .arg(file)
            .status()
            .map_err(|error| failed(format!("could not be started ({error})")))?;
        match (status.success(), status.code()) {
            (true, _) => Ok(()),
            (false, Some(code)) => Err(failed(format!("ended with status {code}"))),
            (false, None) => Err(failed("was killed by a signal".to_owned())),
        }
    }

    /// Options that keep the text out of other files.
    fn precautions(&self) -> Vec<OsString> {
        if !is_vim(&resolve(&self.program)) {
            return Vec::new();
        }
        ["-n", "-i", "NONE", "-c", VIM_SETTINGS]
            .map(OsString::from)
            .into()
    }
}

/// Reads what the editor left, from the start, whatever it did to the file's position.
fn read_back(file: &File) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let length = file.metadata()?.len();
    let size = usize::try_from(length.min(MAX_TEXT_BYTES)).unwrap_or(0);
    let mut text = Zeroizing::new(vec![0; size]);
    file.read_exact_at(&mut text, 0)?;
    if length > MAX_TEXT_BYTES {
        return Err(std::io::Error::other(
            "the edited text is larger than 64 MiB",
        ));
    }
    Ok(text)
}

/// The program's file behind `PATH` and symbolic links; `vi` is often one to vim.
fn resolve(program: &OsString) -> PathBuf {
    let program = Path::new(program);
    let found = if program.components().count() > 1 {
        Some(program.to_owned())
    } else {
        std::env::var_os("PATH").and_then(|path| {
            std::env::split_paths(&path)
                .map(|folder| folder.join(program))
                .find(|p| p.is_file())
        })
    };
    found
        .and_then(|file| file.canonicalize().ok())
        .unwrap_or_else(|| program.to_owned())
}

/// Whether a program's file is vim or neovim: `vim`, `vim.basic`, `nvim`, `gvim`.
fn is_vim(file: &Path) -> bool {
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    let stem = name.split(['.', '-']).next().unwrap_or_default();
    matches!(
        stem,
        "vim" | "nvim" | "gvim" | "rvim" | "vimdiff" | "view" | "mvim"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vim_family_is_known_by_its_file() {
        for name in ["vim", "/usr/bin/vim.basic", "nvim", "vim.tiny", "gvim"] {
            assert!(is_vim(Path::new(name)), "{name}");
        }
        for name in ["nano", "emacs", "busybox", "vimtutor", ""] {
            assert!(!is_vim(Path::new(name)), "{name}");
        }
    }
}
