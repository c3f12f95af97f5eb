//! Keys and certificates for the rows, made once for all of them.
//!
//! `{ca.crt}`, `{server.crt}`, `{server.key}`, `{client.crt}`, `{client.key}`: one authority, a
//! server on the loopback interface and a client. `{ssh}`, `{ssh.pub}`: a key of OpenSSH.
//! `{pg.port}`, `{pg.password}`: a running PostgreSQL and its owner's password.

use std::process::Command;
use std::sync::OnceLock;

use cloudtaser_tests::Ended;
use cloudtaser_tests::server::keep::folder;
use cloudtaser_tests::server::{Authority, Flaw, Identity, Postgres};

/// What a word in braces stands for, if it is one of these.
pub(crate) fn named(word: &str) -> Option<String> {
    Some(match word {
        "ca.crt" => pki().ca.clone(),
        "server.crt" => pki().server.certificate_pem.clone(),
        "server.key" => pki().server.key_pem.clone(),
        "client.crt" => pki().client.certificate_pem.clone(),
        "client.key" => pki().client.key_pem.clone(),
        "ssh" => ssh().0.clone(),
        "ssh.pub" => ssh().1.clone(),
        "pg.port" => Postgres::shared().port.to_string(),
        "pg.password" => Postgres::shared().password.clone(),
        _ => return None,
    })
}

struct Pki {
    ca: String,
    server: Identity,
    client: Identity,
}

fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| {
        let authority = Authority::new("runtimes");
        Pki {
            ca: authority.pem(),
            server: authority.server(Flaw::None),
            client: authority.client("client", Flaw::None),
        }
    })
}

/// Private and public.
fn ssh() -> &'static (String, String) {
    static SSH: OnceLock<(String, String)> = OnceLock::new();
    SSH.get_or_init(|| {
        let file = folder("ssh").join("key");
        let mut keygen = Command::new("ssh-keygen");
        keygen
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
            .arg(&file);
        let _ended = Ended::of(keygen, b"").with(0);
        let read = |name| std::fs::read_to_string(file.with_extension(name)).expect("a key");
        (read(""), read("pub"))
    })
}
