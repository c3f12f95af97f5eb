//! A tree of files twice: on a disk, and in the secret region only. What a program says about the
//! one and about the other must be the same.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip::skip;
use crate::wrapper::{Ended, Wrapper};

/// Where the programs in C are.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/preload-c");

/// The files: name, content. Read-only, as ours are; none has a hole or a second name.
fn files() -> Vec<(&'static str, String)> {
    let large = (0..25_000).map(|line| format!("{line:07}\n")).collect();
    let text = "alpha 1\nbeta 22 words\nümläut 333\n\nlast line 7\n";
    vec![
        ("db/text", text.into()),
        ("db/large", large),
        ("db/empty", String::new()),
        ("db/sub/one", "1".into()),
        ("db/sub/two", "22".into()),
        ("deep/er/still/x", "xx".into()),
        ("top", "t".into()),
    ]
}

/// Both trees, and the wrapper that serves the second.
#[derive(Debug)]
pub struct Tree {
    wrapper: Wrapper,
}

/// How two outputs are compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Line by line.
    Kept,
    /// In any order: a file system lists a directory as it likes.
    Any,
}

impl Tree {
    /// The second tree is in the region as a whole.
    ///
    /// # Panics
    ///
    /// When the first cannot be written.
    #[must_use]
    pub fn new() -> Self {
        Self::with_real(&[])
    }

    /// Of the second tree, the files `real` are on the disk, and all others in the region.
    ///
    /// # Panics
    ///
    /// When they cannot be written.
    #[must_use]
    pub fn with_real(real: &[&str]) -> Self {
        let mut wrapper = Wrapper::product().delivery(Some("preload"));
        for (name, content) in files() {
            let template = write(wrapper.folder(), "disk", name, &content);
            let path = wrapper.folder().join("virt").join(name);
            if real.contains(&name) {
                write(wrapper.folder(), "virt", name, &content);
            } else {
                let text = format!("{}=@{}", path.display(), template.display());
                wrapper = wrapper.flags(&["--file", &text]);
            }
        }
        for tree in ["disk", "virt"] {
            read_only(&wrapper.folder().join(tree));
        }
        Self { wrapper }
    }

    /// The wrapper.
    #[must_use]
    pub fn wrapper(&self) -> &Wrapper {
        &self.wrapper
    }

    /// Compiles `source` of `tests/preload-c` with `compiler`; `None`, and a skip, when there is
    /// none.
    ///
    /// # Panics
    ///
    /// When it does not compile.
    #[must_use]
    pub fn compile(&self, compiler: &str, source: &str) -> Option<PathBuf> {
        let program = self
            .wrapper
            .folder()
            .join(format!("{compiler}-{source}.out"));
        let source = Path::new(SOURCES).join(source);
        let mut command = Command::new(compiler);
        command.args(["-O1", "-w", "-o"]).arg(&program).arg(source);
        let Ok(done) = command.output() else {
            skip(compiler);
            return None;
        };
        assert!(done.status.success(), "{done:?}");
        Some(program)
    }

    /// Runs `program` over both trees, `@` in a word standing for the tree's path, and compares
    /// status and both outputs.
    ///
    /// # Panics
    ///
    /// When they differ.
    #[track_caller]
    pub fn compare(&self, order: Order, program: &[&str]) {
        let of = |tree: &str| -> (String, Vec<String>) {
            let path = self.wrapper.folder().join(tree);
            let path = path.to_str().expect("text");
            let words: Vec<_> = program.iter().map(|word| word.replace('@', path)).collect();
            let ended = if tree == "disk" {
                self.wrapper.run_bare(&words)
            } else {
                self.wrapper.run(&words)
            };
            (format!("{ended:?}"), said(&ended, path, order))
        };
        let (real, virt) = (of("disk"), of("virt"));
        let differing = real.1.iter().zip(&virt.1).find(|(real, virt)| real != virt);
        assert!(
            real.1 == virt.1,
            "{program:?}: {differing:?}\n=== on the disk\n{}\n=== in the region\n{}",
            real.0,
            virt.0
        );
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

/// The lines of both outputs and the status.
fn said(ended: &Ended, path: &str, order: Order) -> Vec<String> {
    let stdout = ended.stdout().replace(path, "@");
    let stderr = ended.stderr().replace(path, "@");
    // The wrapper's own lines, such as that the program has failed.
    let stderr = stderr
        .lines()
        .filter(|line| !line.starts_with("cloudtaser:"));
    let mut lines: Vec<_> = stdout.lines().chain(stderr).map(String::from).collect();
    if order == Order::Any {
        lines.sort();
    }
    lines.push(format!("status {}", ended.status()));
    lines
}

fn write(folder: &Path, tree: &str, name: &str, content: &str) -> PathBuf {
    let path = folder.join(tree).join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, content).expect("written");
    path
}

/// Directories 0555 and files 0400. Whoever is root writes all the same.
fn read_only(path: &Path) {
    let Ok(attributes) = path.symlink_metadata() else {
        return;
    };
    if attributes.is_dir() {
        for entry in path.read_dir().expect("listed") {
            read_only(&entry.expect("listed").path());
        }
    }
    let mode = if attributes.is_dir() { 0o555 } else { 0o400 };
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("chmod");
}

impl Drop for Tree {
    /// The folder can be removed by who is not root.
    fn drop(&mut self) {
        for tree in ["disk", "virt"] {
            writable(&self.wrapper.folder().join(tree));
        }
    }
}

fn writable(path: &Path) {
    let Ok(entries) = path.read_dir() else {
        return;
    };
    let mode = std::fs::Permissions::from_mode(0o755);
    let _changed = std::fs::set_permissions(path, mode);
    for entry in entries.flatten() {
        writable(&entry.path());
    }
}
