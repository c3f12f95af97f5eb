//! A PostgreSQL of the tests' own: on the loopback interface, never as root, gone with us.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::keep::{Kept, Started, folder, free_port};
use crate::wrapper::{Ended, helper};

/// Where Debian keeps PostgreSQL's server programs, a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Whom the server runs as when we are root, which it refuses: `nobody`, user and group, whose
/// number is this on every Linux (`/proc/sys/kernel/overflowuid`).
const NOBODY: u32 = 65534;
/// The database's owner.
const OWNER: &str = "owner";

/// A running database.
#[derive(Debug)]
pub struct Postgres {
    /// TCP port on 127.0.0.1.
    pub port: u16,
    /// The owner's password.
    pub password: String,
    folder: PathBuf,
    _process: Started,
}

impl Postgres {
    /// The database that all tests of a process share.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts one.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        let user = rustix::process::geteuid().is_root().then_some(NOBODY);
        let folder = folder("postgres");
        chown(&folder, user, user).expect("chown");
        let password = crate::marker();
        initialise(&folder, user, &password);
        let port = free_port();
        // Told to quit at once, it still removes what the kernel keeps for it (postgres(1)).
        let mut kept = Kept::new(
            &program("postgres"),
            libc::SIGQUIT,
            user,
            folder.join("log"),
        );
        kept.command()
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", "", "-D"])
            .arg(folder.join("data"))
            // A scratch database need not survive a power cut.
            .args(["-c", "fsync=off", "-c", "log_connections=on"])
            .current_dir(&folder);
        let mut process = kept.start();
        // PostgreSQL writes its state into the last line of `postmaster.pid`.
        let state = folder.join("data/postmaster.pid");
        let last = || {
            fs::read_to_string(&state)
                .ok()?
                .lines()
                .last()
                .map(str::to_owned)
        };
        let is_ready = process.is_ready(|| last().is_some_and(|line| line.trim() == "ready"));
        assert!(is_ready, "{}", process.log());
        Self {
            port,
            password,
            folder,
            _process: process,
        }
    }

    /// Where the secret server finds it; the braces are filled by the server.
    #[must_use]
    pub fn connection_url(&self) -> String {
        let address = format!("127.0.0.1:{}", self.port);
        format!("postgresql://{{{{username}}}}:{{{{password}}}}@{address}/postgres?sslmode=disable")
    }

    /// Its owner's name.
    #[must_use]
    pub fn owner(&self) -> &'static str {
        OWNER
    }

    /// Runs a statement as `user`: standard output is the bare result, a line for each row.
    pub fn query(&self, user: &str, password: &str, statement: &str) -> Ended {
        let mut psql = Command::new(program("psql"));
        psql.args([
            "--no-psqlrc",
            "--no-password",
            "--tuples-only",
            "--no-align",
        ])
        .args(["--host=127.0.0.1", "--dbname=postgres"])
        .arg(format!("--port={}", self.port))
        .arg(format!("--username={user}"))
        .arg(format!("--command={statement}"))
        .env("PGPASSWORD", password)
        .current_dir(&self.folder);
        Ended::of(psql, b"")
    }

    /// Whether it lets this user in.
    #[must_use]
    pub fn admits(&self, user: &str, password: &str) -> bool {
        self.query(user, password, "select 1").status() == 0
    }
}

/// `initdb`, as the user that the server will run as.
fn initialise(folder: &Path, user: Option<u32>, password: &str) {
    let file = folder.join("password");
    fs::write(&file, password).expect("written");
    chown(&file, user, user).expect("chown");
    let mut initdb = Command::new(helper("start_with"));
    initdb
        .args(user.map(|user| format!("uid={user}")))
        .arg("--")
        .arg(program("initdb"))
        .arg("--pgdata")
        .arg(folder.join("data"))
        .arg(format!("--username={OWNER}"))
        .arg(format!("--pwfile={}", file.display()))
        .args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
        .arg("--no-sync")
        .current_dir(folder);
    let _ended = Ended::of(initdb, b"").with(0);
}

/// A program of PostgreSQL's: on `PATH`, else in the newest of Debian's folders.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))
        })
        .collect();
    versions.sort();
    let folders = versions.into_iter().rev().map(|(_, dir)| dir.join("bin"));
    std::env::split_paths(&path)
        .chain(folders)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is missing; run `cargo xtask setup`"))
}
