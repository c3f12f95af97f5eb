//! Programs that refuse a secret which others may read: with us they refuse and accept just as they
//! do with a real file of that mode. The rows that are accepted are of the mode that a secret has
//! by default, and are the controls.

use crate::row::{PRIVATE, ROW, Row};

/// A mode that lets everybody read.
const OPEN: u32 = 0o644;

/// OpenSSH's status for a key that it does not take.
const NO_KEY: i32 = 255;

const fn ssh_key(mode: u32, status: i32) -> Row {
    Row {
        reads: "a private key, with the permission check",
        files: &[("id", "{ssh}")],
        command: &["ssh-keygen", "-y", "-f", "{dir}/id"],
        mode,
        status,
        ..ROW
    }
}

const fn pgpass(mode: u32, status: i32) -> Row {
    Row {
        reads: "PGPASSFILE, with the permission check",
        files: &[(
            "pgpass",
            "127.0.0.1:{pg.port}:postgres:owner:{pg.password}\n",
        )],
        environment: &[("PGPASSFILE", "{dir}/pgpass")],
        command: &[
            "psql",
            "-XtAw",
            "-h",
            "127.0.0.1",
            "-p",
            "{pg.port}",
            "-U",
            "owner",
            "-d",
            "postgres",
            "-c",
            "select 1 + 1",
        ],
        mode,
        status,
        ..ROW
    }
}

rows! {
    ssh_key_private: ssh_key(PRIVATE, 0);
    ssh_key_open: ssh_key(OPEN, NO_KEY);
    pgpass_private: pgpass(PRIVATE, 0);
    pgpass_open: pgpass(OPEN, 2);
}
