//! Ways to prove to the server who we are. Each is one file and one line in [`METHODS`]; a new one
//! changes nothing else.
//!
//! A method reads its credentials anew at every login and says which request logs in with them.
//! Sending it, and keeping the token, is [`super::session`]'s.

mod approle;
mod cert;
mod jwt;
mod kubernetes;
mod token;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::file;
use super::settings::{LoginSettings, ServerConfig};
use crate::secret::Secret;

/// Largest credential in bytes. Chosen: a service-account token has about 1 KiB, and HTTP servers
/// take headers of some KiB.
const MAX_CREDENTIAL: u64 = 64 << 10;

/// One way to log in.
pub trait Method: Sync {
    /// Its name, for `--auth`, and where it is mounted unless `--auth-mount` says otherwise.
    fn name(&self) -> &'static str;

    /// What to look at when the server refuses.
    fn hint(&self) -> &'static str;

    /// Whether the settings can only mean this method, when `--auth` does not say.
    fn is_meant(&self, config: &ServerConfig) -> bool;

    /// Reads the credentials.
    ///
    /// # Errors
    ///
    /// [`LoginError`]: a setting is missing, or a file cannot be read.
    fn credential(&self, settings: &LoginSettings) -> Result<Credential, LoginError>;
}

/// Every method, in the order in which they are tried to be [meant](Method::is_meant).
pub static METHODS: [&dyn Method; 5] = [
    &token::Token,
    &approle::AppRole,
    &kubernetes::Kubernetes,
    &jwt::Jwt,
    &cert::Cert,
];

/// What proves who we are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credential {
    /// A token that somebody else has logged in for.
    Token(Secret),
    /// The parameters of `auth/MOUNT/login`.
    Login(Vec<(&'static str, Secret)>),
}

/// Why credentials cannot be had. Exit status 64.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// No method is named, and nothing tells which is meant.
    #[error(
        "no way to log in is given: name one with --auth ({}), or give what it needs, such as \
         --role with a service-account token, --role-id, --jwt-file, --client-cert or --token-file",
        names()
    )]
    NoMethod,
    /// There is no such method.
    #[error("there is no login method of that name; --auth takes {}", names())]
    UnknownMethod,
    /// A method lacks a setting.
    #[error("the login method {method} needs {what}")]
    Missing {
        /// The method.
        method: &'static str,
        /// The option, and its variable.
        what: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {what} `{}`", path.display())]
    Read {
        /// Which file, and the option that names it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        source: std::io::Error,
    },
    /// A file holds something that cannot be a credential.
    #[error("{what} `{}` {reason}", path.display())]
    Content {
        /// Which file, and the option that names it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// The methods' names, for messages.
#[must_use]
pub fn names() -> String {
    let names: Vec<_> = METHODS.iter().map(|method| method.name()).collect();
    names.join(", ")
}

/// The method that `config` names or means.
///
/// # Errors
///
/// [`LoginError::NoMethod`], [`LoginError::UnknownMethod`].
pub fn method(config: &ServerConfig) -> Result<&'static dyn Method, LoginError> {
    let mut methods = METHODS.into_iter();
    match &config.login.method {
        Some(name) => methods
            .find(|method| method.name() == name)
            .ok_or(LoginError::UnknownMethod),
        None => methods
            .find(|method| method.is_meant(config))
            .ok_or(LoginError::NoMethod),
    }
}

/// The body of a login, and of an unwrapping: an object of texts.
#[must_use]
pub fn body(parameters: &[(&str, &Secret)]) -> Secret {
    let object: Map<String, Value> = parameters
        .iter()
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.expose());
            ((*name).to_owned(), Value::String(text.into_owned()))
        })
        .collect();
    // `Value::to_string` cannot fail; both strings are wiped when they are freed.
    Value::Object(object).to_string().into()
}

/// Reads a file that holds one word: a token, an id.
fn read_word(what: &'static str, path: &Path) -> Result<Secret, LoginError> {
    let bytes = file::read(path, MAX_CREDENTIAL).map_err(|source| LoginError::Read {
        what,
        path: path.to_owned(),
        source,
    })?;
    let word = bytes.trim_ascii();
    let reason = if word.is_empty() {
        "is empty"
    } else if bytes.len() as u64 == MAX_CREDENTIAL {
        "is larger than 64 KiB"
    } else if !word.iter().all(u8::is_ascii_graphic) {
        "holds more than one word, or something that is no ASCII text"
    } else {
        return Ok(Secret::new(word.to_vec()));
    };
    Err(LoginError::Content {
        what,
        path: path.to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::super::settings::{PemSource, TlsSettings};
    use super::*;

    fn meant(login: LoginSettings, tls: TlsSettings) -> Result<&'static str, LoginError> {
        let config = ServerConfig {
            login,
            tls,
            ..ServerConfig::default()
        };
        method(&config).map(Method::name)
    }

    #[test]
    fn what_is_given_tells_the_method() {
        let settings = LoginSettings::default;
        let file = |name: &str| Some(PathBuf::from(name));
        let name = |text: &str| Some(text.to_owned());
        let certificate = || TlsSettings {
            client_cert: Some(PemSource::File("c".into())),
            ..TlsSettings::default()
        };
        for (login, tls, expected) in [
            (
                LoginSettings {
                    token_file: file("t"),
                    ..settings()
                },
                certificate(),
                "token",
            ),
            (
                LoginSettings {
                    role_id: name("r"),
                    ..settings()
                },
                certificate(),
                "approle",
            ),
            (
                LoginSettings {
                    role_id_file: file("r"),
                    ..settings()
                },
                certificate(),
                "approle",
            ),
            (
                LoginSettings {
                    jwt_file: file("j"),
                    ..settings()
                },
                certificate(),
                "jwt",
            ),
            (settings(), certificate(), "cert"),
            (
                LoginSettings {
                    method: name("cert"),
                    token_file: file("t"),
                    ..settings()
                },
                certificate(),
                "cert",
            ),
        ] {
            assert_eq!(meant(login, tls).ok(), Some(expected));
        }
        let unknown = LoginSettings {
            method: name("x"),
            ..settings()
        };
        assert!(matches!(
            meant(unknown, TlsSettings::default()),
            Err(LoginError::UnknownMethod)
        ));
    }

    #[test]
    fn a_credential_is_one_word_without_its_newline() {
        let folder = tempfile::tempdir().unwrap();
        let read = |content: &[u8]| {
            let path = folder.path().join("credential");
            std::fs::write(&path, content).unwrap();
            read_word("the token (--token-file)", &path)
        };
        assert_eq!(
            read(b" hvs.x\n").unwrap(),
            Secret::from(String::from("hvs.x"))
        );
        for content in [&b""[..], b"\n", b"a b", b"a\nb", b"\xff", &[b'a'; 70_000]] {
            let error = read(content).expect_err("no word");
            assert!(matches!(error, LoginError::Content { .. }), "{error}");
        }
        let missing = read_word("x", &folder.path().join("none"));
        assert!(matches!(missing, Err(LoginError::Read { .. })));
    }

    #[test]
    fn h4_a_role_is_data_in_the_body() {
        let role = Secret::from(String::from("a\"b\\{{}}\n"));
        let written = body(&[("role", &role)]);
        let read: Value = serde_json::from_slice(written.expose()).unwrap();
        assert_eq!(read, serde_json::json!({ "role": "a\"b\\{{}}\n" }));
    }
}
