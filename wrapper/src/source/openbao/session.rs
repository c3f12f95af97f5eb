//! From credentials to a token, and to its end: login, unwrapping, revocation.

use std::time::Duration;

use serde_json::{Map, Value};

use super::error::ServerError;
use super::login::{self, Credential, Method};
use super::reply::{Reply, kind};
use super::settings::ServerConfig;
use super::transport::{Call, Repeat, Transport};
use crate::secret::Secret;

/// A token, and what the end of the start does with it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) token: Secret,
    /// It was made for us alone, by our login: we revoke it. A token that was handed to us is its
    /// owner's.
    pub(super) is_ours: bool,
    /// How long it lives; `None` when it does not end, or is not known.
    pub(super) ttl: Option<Duration>,
    /// How we got it, for `--verbose`.
    pub(super) method: &'static str,
}

/// Logs in.
///
/// # Errors
///
/// [`ServerError`]: credentials that cannot be had, a login that is refused, everything of the
/// transport.
pub(super) async fn log_in(
    transport: &Transport,
    config: &ServerConfig,
) -> Result<Session, ServerError> {
    let method = login::method(config)?;
    let login = Login {
        transport,
        config,
        method,
    };
    let credential = method.credential(&config.login)?;
    match login.with(credential.clone()).await {
        // The kubelet may just have replaced the token that we read.
        Err(error @ ServerError::Login { .. }) => match method.credential(&config.login) {
            Ok(newer) if newer != credential => login.with(newer).await,
            _ => Err(error),
        },
        result => result,
    }
}

/// Ends a token and everything that hangs on it.
///
/// # Errors
///
/// [`ServerError`] when the server does not do it. A token that is already gone is none.
pub(super) async fn revoke(transport: &Transport, token: &Secret) -> Result<(), ServerError> {
    let nothing = Secret::from(String::from("{}"));
    let call = Call {
        // A second revocation finds the token gone.
        repeat: Repeat::Always,
        ..Call::post("auth/token/revoke-self", Some(token), &nothing)
    };
    let reply = transport.call(&call).await?;
    match reply.status {
        200..=299 => Ok(()),
        _ if reply.is_dead_token() => Ok(()),
        _ => Err(ServerError::Forbidden {
            address: transport.address(),
            request: String::from("POST /v1/auth/token/revoke-self"),
            text: reply.words_behind_colon(&[token]),
        }),
    }
}

/// A login under way.
struct Login<'a> {
    transport: &'a Transport,
    config: &'a ServerConfig,
    method: &'static dyn Method,
}

impl Login<'_> {
    async fn with(&self, credential: Credential) -> Result<Session, ServerError> {
        let is_wrapped = self.config.login.is_wrapped;
        match credential {
            Credential::Token(token) if is_wrapped => {
                let mut reply = self.unwrap(&token, "token").await?;
                let auth = reply.take_auth().map_err(|problem| self.no_api(problem))?;
                let Some(auth) = auth else {
                    return Err(self.not_unwrapped("token", "it holds no token"));
                };
                self.session(auth)
            }
            Credential::Token(token) => Ok(Session {
                token,
                is_ours: false,
                ttl: None,
                method: self.method.name(),
            }),
            Credential::Login(mut parameters) => {
                if is_wrapped {
                    self.unwrap_secret_id(&mut parameters).await?;
                }
                self.post(&parameters).await
            }
        }
    }

    async fn post(&self, parameters: &[(&str, Secret)]) -> Result<Session, ServerError> {
        let pairs: Vec<_> = parameters
            .iter()
            .map(|(name, value)| (*name, value))
            .collect();
        let (path, body) = (format!("auth/{}/login", self.mount()), login::body(&pairs));
        let ours: Vec<&Secret> = parameters.iter().map(|(_, value)| value).collect();
        let call = Call {
            ours: &ours,
            ..Call::post(&path, None, &body)
        };
        let mut reply = self.transport.call(&call).await?;
        if !reply.is_success() {
            return Err(self.refused(&reply, &ours));
        }
        match reply.take_auth().map_err(|problem| self.no_api(problem))? {
            Some(auth) => self.session(auth),
            None => Err(self.no_api(String::from("no object at `auth`"))),
        }
    }

    /// Takes the token out of the object `auth`.
    fn session(&self, mut auth: Map<String, Value>) -> Result<Session, ServerError> {
        let token = match auth.remove("client_token") {
            Some(Value::String(token)) if is_token(&token) => Secret::from(token),
            Some(Value::String(_)) => {
                let problem = "a text at `auth.client_token` that no header can hold";
                return Err(self.no_api(problem.to_owned()));
            }
            _ if auth.get("mfa_requirement").is_some_and(Value::is_object) => {
                return Err(ServerError::Login {
                    address: self.transport.address(),
                    place: self.place(),
                    text: String::from("a second factor is demanded"),
                    hint: String::from("use a role without multi-factor authentication"),
                });
            }
            other => {
                let found = other.as_ref().map_or("nothing", kind);
                return Err(self.no_api(format!("{found} at `auth.client_token`")));
            }
        };
        let seconds = auth.get("lease_duration").and_then(Value::as_u64);
        // Batch tokens cannot be revoked; they are not stored, and end by themselves.
        let is_batch = auth.get("token_type").and_then(Value::as_str) == Some("batch");
        Ok(Session {
            token,
            is_ours: !is_batch,
            ttl: seconds
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            method: self.method.name(),
        })
    }

    fn mount(&self) -> &str {
        let configured = self.config.login.mount.as_deref();
        configured.unwrap_or_else(|| self.method.name())
    }

    /// Where and as whom, for messages.
    fn place(&self) -> String {
        let role = self.config.login.role.as_deref();
        let role = role.map(|role| format!(", role `{}`", role.escape_debug()));
        let (mount, method) = (self.mount(), self.method.name());
        format!("auth/{mount} (method {method}{})", role.unwrap_or_default())
    }

    fn refused(&self, reply: &Reply, ours: &[&Secret]) -> ServerError {
        // An unknown mount or namespace is answered like a wrong credential, with 403 or 404.
        let mut hint = match reply.status {
            403 | 404 => format!(
                "is a method mounted there (--auth-mount)? {}",
                self.method.hint()
            ),
            _ => self.method.hint().to_owned(),
        };
        if let Some(namespace) = &self.config.namespace {
            let namespace = namespace.escape_debug();
            hint.push_str(&format!(" and is the namespace `{namespace}` right?"));
        }
        ServerError::Login {
            address: self.transport.address(),
            place: self.place(),
            text: reply.complaint(ours),
            hint,
        }
    }

    fn no_api(&self, problem: String) -> ServerError {
        ServerError::Protocol {
            address: self.transport.address(),
            request: format!("POST /v1/auth/{}/login", self.mount()),
            problem,
        }
    }

    async fn unwrap_secret_id(
        &self,
        parameters: &mut [(&'static str, Secret)],
    ) -> Result<(), ServerError> {
        for (name, value) in parameters {
            if *name != "secret_id" {
                continue;
            }
            let mut reply = self.unwrap(value, "secret id").await?;
            let data = reply.take_data().map_err(|problem| self.no_api(problem))?;
            match data.and_then(|mut data| data.remove("secret_id")) {
                Some(Value::String(secret_id)) => *value = Secret::from(secret_id),
                _ => return Err(self.not_unwrapped("secret id", "it holds no secret id")),
            }
        }
        Ok(())
    }

    /// Asks first where the wrapping token is from, as the server's documentation demands: whoever
    /// stole the real one could have put another in its place.
    async fn unwrap(&self, wrapping: &Secret, what: &'static str) -> Result<Reply, ServerError> {
        const GONE: &str = "the wrapping token was used before or has expired; if nobody here \
                            used it, somebody else has what it held: revoke that";
        let body = login::body(&[("token", wrapping)]);
        let call = Call {
            repeat: Repeat::Always,
            ours: &[wrapping],
            ..Call::post("sys/wrapping/lookup", None, &body)
        };
        let mut found = self.transport.call(&call).await?;
        let data = found.take_data().map_err(|problem| self.no_api(problem))?;
        let Some(data) = data.filter(|_| found.is_success()) else {
            return Err(self.not_unwrapped(what, GONE));
        };
        let path = data
            .get("creation_path")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !is_made_for(what, self.mount(), path) {
            return Err(self.not_unwrapped(
                what,
                "it was wrapped by another path than the one that makes such a thing; do not use \
                 it, and find out who made it",
            ));
        }
        let nothing = Secret::from(String::from("{}"));
        let call = Call::post("sys/wrapping/unwrap", Some(wrapping), &nothing);
        let reply = self.transport.call(&call).await?;
        if reply.is_success() {
            Ok(reply)
        } else {
            Err(self.not_unwrapped(what, GONE))
        }
    }

    fn not_unwrapped(&self, what: &'static str, reason: &str) -> ServerError {
        ServerError::Unwrap {
            address: self.transport.address(),
            what,
            reason: reason.to_owned(),
        }
    }
}

/// Whether a text can be a token: it travels in a header.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a thing of this kind is made by that path of the API.
fn is_made_for(what: &str, mount: &str, path: &str) -> bool {
    let below = |base: &str| path.strip_prefix(base);
    if what == "secret id" {
        let role = below(&format!("auth/{mount}/role/")).and_then(|p| p.strip_suffix("/secret-id"));
        return role.is_some_and(|role| !role.is_empty() && !role.contains('/'));
    }
    let created = below("auth/token/create");
    let is_created =
        created.is_some_and(|rest| rest.is_empty() || rest == "-orphan" || rest.starts_with('/'));
    is_created || (path.starts_with("auth/") && path.ends_with("/login"))
}

#[cfg(test)]
mod tests {
    use super::is_made_for;

    #[test]
    fn a_wrapped_thing_is_made_by_its_own_path() {
        for (what, path, expected) in [
            ("secret id", "auth/approle/role/app/secret-id", true),
            ("secret id", "auth/approle/role/a/b/secret-id", false),
            ("secret id", "auth/other/role/app/secret-id", false),
            ("secret id", "auth/approle/role//secret-id", false),
            ("secret id", "sys/wrapping/wrap", false),
            (
                "secret id",
                "secret/data/auth/approle/role/app/secret-id",
                false,
            ),
            ("token", "auth/token/create", true),
            ("token", "auth/token/create-orphan", true),
            ("token", "auth/token/create/role", true),
            ("token", "auth/kubernetes/login", true),
            ("token", "auth/token/createx", false),
            ("token", "sys/wrapping/wrap", false),
            ("token", "", false),
        ] {
            assert_eq!(
                is_made_for(what, "approle", path),
                expected,
                "{what} {path}"
            );
        }
    }
}
