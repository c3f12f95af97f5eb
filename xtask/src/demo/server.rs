//! A PostgreSQL server of the demo's own: random password, loopback only, never as root.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown, fchown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::needle::Needle;
use super::place::Place;
use crate::exec::Cmd;
use crate::{paths, setup};

/// The user that the server runs as when we are root: it refuses root. `nobody` owns no file.
const SERVER_USER: &str = "nobody";
/// Longest wait for the server. Chosen: it takes about a second.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Pause between two looks at a condition.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// The running server.
#[derive(Debug)]
pub(super) struct Server {
    /// TCP port on 127.0.0.1.
    pub(super) port: u16,
    log: PathBuf,
    /// Stopped by the sweeper, by the process id that it wrote itself; reaped here.
    _process: Child,
}

impl Server {
    /// Makes a database cluster in the place and starts it.
    pub(super) fn start(place: &Place, password: &Needle) -> Result<Self> {
        let dir = place.shared("pg");
        fs::create_dir(&dir)?;
        let user = ids(SERVER_USER)?;
        if let Some((uid, gid)) = user {
            chown(&dir, Some(uid), Some(gid)).context("cannot give the server its folder")?;
        }
        let data = dir.join("data");
        init(&data, user, password)?;
        // Free now; whoever takes it in between makes the server fail, not something worse.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = place.private("server.log");
        let file = fs::File::create(&log)?;
        let process = as_user("postgres", user)?
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"])
            .arg(&dir)
            // A scratch database need not survive a power cut.
            .args([
                "-c",
                "fsync=off",
                "-c",
                "log_statement=all",
                "-c",
                "log_connections=on",
            ])
            .dir(&dir)
            .into_std()
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start the server")?;
        let mut server = Self {
            port,
            log,
            _process: process,
        };
        server.wait_until_ready(&data)?;
        Ok(server)
    }

    /// Everything that it printed.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// PostgreSQL writes its state into the last line of `postmaster.pid`.
    fn wait_until_ready(&mut self, data: &Path) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < READY_WITHIN {
            let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            if state
                .lines()
                .last()
                .is_some_and(|line| line.trim() == "ready")
            {
                return Ok(());
            }
            if let Some(status) = self._process.try_wait()? {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                bail!("the server ended with {status}:\n{log}");
            }
            std::thread::sleep(PAUSE);
        }
        bail!("the server is not ready after {READY_WITHIN:?}")
    }
}

/// `initdb`, with the password through a pipe: in no argument and in no file.
fn init(data: &Path, user: Option<(u32, u32)>, password: &Needle) -> Result<()> {
    let (reader, mut writer) = std::io::pipe()?;
    if let Some((uid, gid)) = user {
        // It opens its input by name, so the pipe must belong to the user that it runs as.
        fchown(&reader, Some(uid), Some(gid)).context("cannot give the pipe away")?;
    }
    // The pipe's buffer (64 KiB, pipe(7)) takes the line before anyone reads it.
    writeln!(writer, "{}", password.text())?;
    drop(writer);
    let output = as_user("initdb", user)?
        .arg("--pgdata")
        .arg(data)
        .args([
            "--username=demo",
            "--auth=scram-sha-256",
            "--pwfile=/dev/stdin",
        ])
        .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
        .dir(data.parent().unwrap_or(data))
        .into_std()
        .stdin(reader)
        .output()
        .context("cannot run initdb")?;
    ensure!(
        output.status.success(),
        "initdb ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Stops the server of a demo's folder, if there is one; part of the cleaning up.
pub(super) fn stop(dir: &Path) -> Result<()> {
    let data = dir.join("pg/data");
    if !data.join("postmaster.pid").exists() {
        return Ok(());
    }
    let owner = fs::metadata(&data)?;
    let user = paths::is_root().then(|| (owner.uid(), owner.gid()));
    // Reads the process id that the server wrote. `immediate`: the folder goes next.
    let output = as_user("pg_ctl", user)?
        .args(["stop", "--silent", "--mode=immediate", "--pgdata"])
        .arg(&data)
        .dir(dir)
        .ask()?;
    ensure!(
        output.status.success(),
        "pg_ctl stop: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// A program of PostgreSQL's, as the given user when we are root.
fn as_user(name: &str, user: Option<(u32, u32)>) -> Result<Cmd> {
    let program = setup::program(name).with_context(|| format!("{name} is missing"))?;
    Ok(match user {
        None => Cmd::new(program),
        Some((uid, gid)) => Cmd::new("setpriv")
            .args([
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".to_owned(),
            ])
            .arg(program),
    })
}

/// User and group of a name from `/etc/passwd`; nothing when we are not root and stay ourselves.
fn ids(name: &str) -> Result<Option<(u32, u32)>> {
    if !paths::is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let found =
        find_user(&passwd, name).with_context(|| format!("no user {name} in /etc/passwd"))?;
    Ok(Some(found))
}

/// passwd(5): name, password, user id, group id, …
fn find_user(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_is_found_by_whole_name() {
        let passwd = "nobody2:x:1:2::/:\nnobody:x:65534:65533:n:/:/sbin/nologin\n";
        assert_eq!(find_user(passwd, "nobody"), Some((65534, 65533)));
        assert_eq!(find_user(passwd, "body"), None);
    }
}
