//! The programs of the tier `runtimes`: Debian's packages, two Python programs, and some
//! built against musl from Debian's sources as upstream released them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::exec::{self, Cmd};
use crate::versions::{APT_RUNTIMES, MUSL_PROGRAMS, MuslProgram, PYTHON_PROGRAMS};

/// Tells the tests where the built programs are.
const PROGRAMS: &str = "CLOUDTASER_RUNTIMES";

/// What was built, in one folder of the cache.
#[derive(Debug)]
pub(crate) struct Runtimes {
    folder: PathBuf,
}

impl Runtimes {
    /// Tells a test where they are.
    pub(crate) fn told(&self, cmd: Cmd) -> Cmd {
        cmd.env(PROGRAMS, &self.folder)
    }
}

/// Installs and builds what is missing.
///
/// # Errors
///
/// Without root when a package is missing; when pip or a compiler fails.
pub(crate) fn for_runtimes() -> Result<Runtimes> {
    super::packages(APT_RUNTIMES)?;
    python_tests()?;
    compiler_of_32_bits()?;
    let version = PYTHON_PROGRAMS.join("-").replace("==", "-");
    let folder = super::tool_dir("runtimes", &version)?;
    python(&folder.join("python"))?;
    for program in MUSL_PROGRAMS {
        musl(program, &folder)?;
    }
    Ok(Runtimes { folder })
}

/// CPython's own tests for the distribution's Python: a package without a program.
fn python_tests() -> Result<()> {
    let python = |code: &str| {
        let command = Cmd::new("/usr/bin/python3").args(["-c", code]);
        command
            .quiet()
            .output()
            .context("cannot start /usr/bin/python3")
    };
    if python("import test.test_os")?.status.success() {
        return Ok(());
    }
    let version = python("import sys; print('%d.%d' % sys.version_info[:2])")?;
    let version = String::from_utf8(version.stdout).context("a version is text")?;
    super::packages_of(&[&format!("libpython{}-testsuite", version.trim())])
}

/// A compiler's other half, for programs of 32 bits: a package without a program.
fn compiler_of_32_bits() -> Result<()> {
    let asked = Cmd::new("cc").args(["-m32", "-print-file-name=libc.so"]);
    let answer = asked.quiet().output().context("cannot start cc")?;
    // A file that the compiler does not find is answered as it was asked.
    if answer.stdout.starts_with(b"/") {
        return Ok(());
    }
    super::packages_of(&["gcc-multilib"])
}

/// A virtual environment with the pinned programs, complete when its last file is there.
fn python(folder: &Path) -> Result<()> {
    let complete = folder.join("complete");
    if complete.is_file() {
        return Ok(());
    }
    println!("setup: installing {} once", PYTHON_PROGRAMS.join(", "));
    // The distribution's, whose files every user may read.
    Cmd::new("/usr/bin/python3")
        .args(["-m", "venv", "--clear"])
        .arg(folder)
        .run()?;
    Cmd::new(folder.join("bin/pip"))
        .args(["install", "--quiet"])
        .args(PYTHON_PROGRAMS)
        .run()?;
    std::fs::write(&complete, "").context("cannot write into the cache")
}

/// Builds one program against musl into `musl/` of the folder, unless it is there.
fn musl(program: &MuslProgram, folder: &Path) -> Result<()> {
    let bin = folder.join("musl");
    let finished = bin.join(program.name);
    if finished.is_file() {
        return Ok(());
    }
    println!("setup: building {} with musl once", program.source);
    let work = work_folder(folder, program.name)?;
    download(program.source, &work)?;
    let tree = work.join("tree");
    std::fs::create_dir_all(&tree).context("cannot make a folder in the cache")?;
    Cmd::new("tar")
        .args(["--extract", "--strip-components=1", "--file"])
        .arg(tarball(&work)?)
        .arg("--directory")
        .arg(&tree)
        .run()?;
    for step in program.steps {
        let words = step
            .iter()
            .map(|word| word.replace("HOST", std::env::consts::ARCH));
        let words: Vec<String> = words.collect();
        let (name, args) = words.split_first().context("a step without a program")?;
        Cmd::new(name).args(args).dir(&tree).run()?;
    }
    std::fs::create_dir_all(&bin).context("cannot make a folder in the cache")?;
    std::fs::rename(tree.join(program.built), &finished)
        .with_context(|| format!("{} was built, but is not there", program.source))?;
    super::remove(&work);
    Ok(())
}

/// An empty folder to build in.
fn work_folder(folder: &Path, name: &str) -> Result<PathBuf> {
    let work = folder.join(format!("{name}.unfinished"));
    if work.exists() {
        super::remove(&work);
    }
    std::fs::create_dir_all(work.join("lists/partial"))
        .context("cannot make a folder in the cache")?;
    Ok(work)
}

/// Fetches a source package of the running distribution; the system's own lists stay as they are.
fn download(source: &str, work: &Path) -> Result<()> {
    if exec::which("apt-get").is_none() {
        bail!("{source} comes as a Debian source package, and there is no apt-get");
    }
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let list = work.join("sources.list");
    std::fs::write(&list, source_line(&release)?).context("cannot write into the cache")?;
    let apt = || super::apt_from(&list, &work.join("lists")).dir(work);
    apt().arg("update").run()?;
    apt().args(["source", "--download-only", source]).run()
}

/// Where the distribution keeps its sources, from `/etc/os-release`.
fn source_line(release: &str) -> Result<String> {
    let field = |name: &str| {
        let mut lines = release.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    let suite = field("VERSION_CODENAME").context("/etc/os-release has no VERSION_CODENAME")?;
    let archive = match field("ID") {
        Some("debian") => "http://deb.debian.org/debian",
        Some("ubuntu") => "http://archive.ubuntu.com/ubuntu",
        other => bail!("no source packages are known for {other:?}"),
    };
    let part = if archive.contains("ubuntu") {
        "main universe"
    } else {
        "main"
    };
    Ok(format!("deb-src {archive} {suite} {part}\n"))
}

fn tarball(work: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(work).context("cannot list the cache")?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .find(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.contains(".orig.tar."))
        })
        .context("the source package has no upstream archive")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_those_of_the_running_release() {
        let debian = "NAME=x\nID=debian\nVERSION_CODENAME=bookworm\n";
        let line = source_line(debian).unwrap();
        assert_eq!(line, "deb-src http://deb.debian.org/debian bookworm main\n");
        assert!(source_line("ID=plan9\nVERSION_CODENAME=x\n").is_err());
        assert!(source_line("ID=debian\n").is_err());
    }
}
