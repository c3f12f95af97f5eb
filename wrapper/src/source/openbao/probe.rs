//! What `doctor` wants to know of a server: everything over the network, once. Nothing is decided
//! here; no secret is read. The token that the login makes is revoked at the end.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::diagnosed;
use super::error::ServerError;
use super::fetch::Fetch;
pub use super::grant::{Fault, Grant, Need};
use super::grant::{is_allowed, needs};
pub use super::handshake::Handshake;
use super::handshake::shake;
use super::local_pem::LocalPem;
use super::reply::Reply;
use super::session::Session;
use super::settings::ServerConfig;
use super::tls;
use super::transport::{Call, Repeat, Transport};
pub use super::validity::Validity;
use super::visit::Visit;
use crate::secret::Secret;
use crate::source::{Action, Request, SourceConfig};

/// What was found. What is absent could not be tried, because of what stands before it.
#[derive(Debug, Default)]
pub struct Findings {
    /// Certificates, keys or our own system calls that keep us from asking at all.
    pub preparation: Option<ServerError>,
    /// Of our client certificate, if one is given and can be read.
    pub client_certificate: Option<Validity>,
    /// Every configured address, in their order.
    pub nodes: Vec<Node>,
    /// With the first address that answers; absent where the connection is not ours alone (a
    /// proxy) or has no TLS.
    pub handshake: Option<Handshake>,
    /// The server's clock and ours at one moment.
    pub clock: Option<Clock>,
    /// The login; not tried when no address answers, or when it would use up what a start needs.
    pub login: Option<Result<Login, ServerError>>,
    /// What the references need, and whether the token may do it.
    pub grants: Option<Result<Vec<Grant>, ServerError>>,
    /// A signal that ended all this early.
    pub interruption: Option<ServerError>,
    /// Why the token could not be revoked.
    pub left_behind: Option<ServerError>,
}

/// One address of the server.
#[derive(Debug)]
pub struct Node {
    /// The address.
    pub address: String,
    /// The server's version, or why it does not serve.
    pub state: Result<String, ServerError>,
}

/// Two clocks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clock {
    /// The server's `Date` header.
    pub server: String,
    /// Our clock when it came.
    pub ours: SystemTime,
}

/// A login that succeeded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Login {
    /// The method's name.
    pub method: &'static str,
    /// How long the token lives.
    pub life: Life,
}

/// How long a token lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Life {
    /// It has no end.
    Endless,
    /// This long from now.
    Left(Duration),
    /// The token may not ask.
    Unknown,
}

/// Asks the server of `config` about itself, and whether `requests` would be allowed.
///
/// Takes as long as `--total-timeout` for the addresses, and once more for login and policies; a
/// revocation comes on top (3 s).
#[must_use]
pub fn probe(config: &SourceConfig, requests: &[Request]) -> Findings {
    let server = &config.server;
    let mut findings = Findings::default();
    let pem = LocalPem::read(config);
    let look_up = |text: &str| pem.look_up(text);
    if let Some(source) = &server.tls.client_cert
        && let Ok(chain) = tls::client_chain(source, &look_up)
    {
        findings.client_certificate = chain.first().and_then(Validity::of);
    }
    let tls = match tls::client_config(&server.tls, &look_up) {
        Ok(tls) => tls,
        Err(error) => {
            findings.preparation = Some(error.into());
            return findings;
        }
    };
    let transport = match Transport::new(server, &tls) {
        Ok(transport) => transport,
        Err(error) => {
            findings.preparation = Some(error);
            return findings;
        }
    };
    let visit = Visit::new(&transport, server);
    let (outcome, ended) = visit.pay(ask(&visit, &tls, requests, &mut findings));
    match outcome {
        Ok(()) => {}
        Err(error @ ServerError::Interrupted { .. }) => findings.interruption = Some(error),
        Err(error) => findings.preparation = Some(error),
    }
    findings.left_behind = ended.err();
    findings
}

async fn ask(
    visit: &Visit<'_>,
    tls: &rustls::ClientConfig,
    requests: &[Request],
    findings: &mut Findings,
) {
    let server = visit.server;
    let nodes = server.addresses.iter().map(|address| async {
        let alone = ServerConfig {
            addresses: vec![address.clone()],
            ..server.clone()
        };
        let (state, clock) = node(&alone, tls).await;
        let address = address.to_string();
        (Node { address, state }, clock)
    });
    for (node, clock) in join_all(nodes).await {
        findings.nodes.push(node);
        findings.clock = findings.clock.take().or(clock);
    }
    let mut answering = findings.nodes.iter().zip(&server.addresses);
    let Some((_, address)) = answering.find(|(node, _)| node.state.is_ok()) else {
        return;
    };
    if address.is_tls() && server.proxy.is_none() {
        let shaken = shake(address, server.tls.server_name.as_deref(), tls);
        let shaken = tokio::time::timeout(server.limits.request, shaken).await;
        findings.handshake = shaken.unwrap_or_default();
    }
    // A wrapped credential works once, and that is the start's.
    if server.login.is_wrapped {
        return;
    }
    let session = match visit.log_in().await {
        Ok(session) => session,
        Err(error) => {
            findings.login = Some(Err(error));
            return;
        }
    };
    let login = about(visit, session).await;
    let is_in = login.is_ok();
    findings.login = Some(login);
    if is_in && !requests.is_empty() {
        findings.grants = Some(grants(visit, &session.token, requests).await);
    }
}

/// Asks one address whether it serves; every server answers this, sealed or standby too.
async fn node(
    config: &ServerConfig,
    tls: &rustls::ClientConfig,
) -> (Result<String, ServerError>, Option<Clock>) {
    let transport = match Transport::new(config, tls) {
        Ok(transport) => transport,
        Err(error) => return (Err(error), None),
    };
    let asked = async {
        let reply = transport.call(&Call::get("sys/seal-status", None)).await?;
        let is_true = |name: &str| reply.body.0.get(name).and_then(Value::as_bool);
        let address = transport.address();
        if is_true("initialized") == Some(false) {
            return Err(ServerError::Uninitialised { address });
        }
        if is_true("sealed") == Some(true) {
            return Err(ServerError::Sealed { address });
        }
        let version = reply.text("version").unwrap_or("not told");
        Ok(version
            .chars()
            .filter(|c| !c.is_control())
            .take(40)
            .collect())
    };
    let state = diagnosed(&transport, asked).await;
    let ours = SystemTime::now();
    let clock = transport.date().map(|server| Clock { server, ours });
    (state, clock)
}

/// How long the token lives, from itself.
async fn about(visit: &Visit<'_>, session: &Session) -> Result<Login, ServerError> {
    let call = Call::get("auth/token/lookup-self", Some(&session.token));
    let mut reply = visit.transport.call(&call).await?;
    if reply.status == 403 {
        fetch(visit, &session.token, &Cell::new(0))
            .check_token()
            .await?;
    }
    let data = reply.take_data().ok().flatten();
    let life = data
        .filter(|_| reply.is_success())
        .map_or(Life::Unknown, |data| life(&data));
    Ok(Login {
        method: session.method,
        life: match (life, session.ttl) {
            (Life::Unknown, Some(ttl)) => Life::Left(ttl),
            (life, _) => life,
        },
    })
}

fn life(data: &Map<String, Value>) -> Life {
    let seconds = data.get("ttl").and_then(Value::as_u64);
    match (seconds, data.get("expire_time")) {
        (Some(0), Some(Value::Null)) => Life::Endless,
        (Some(seconds), _) => Life::Left(Duration::from_secs(seconds)),
        (None, _) => Life::Unknown,
    }
}

async fn grants(
    visit: &Visit<'_>,
    token: &Secret,
    requests: &[Request],
) -> Result<Vec<Grant>, ServerError> {
    const NAME: &str = "sys/capabilities-self";
    let reads = requests
        .iter()
        .filter(|request| matches!(request.action, Action::Read { .. }));
    let paths: Vec<_> = reads.map(|request| request.path.as_str()).collect();
    let mounts = fetch(visit, token, &Cell::new(0)).mounts(&paths).await?;
    let needs = needs(requests, &mounts, &visit.server.transit);
    let paths: Vec<_> = needs.iter().map(|need| need.path.as_str()).collect();
    let body = Secret::from(json!({ "paths": paths }).to_string());
    let call = Call {
        repeat: Repeat::Always,
        ..Call::post(NAME, Some(token), &body)
    };
    let mut reply: Reply = visit.transport.call(&call).await?;
    let (address, request) = (visit.transport.address(), format!("POST /v1/{NAME}"));
    if !reply.is_success() {
        return Err(ServerError::Forbidden {
            address,
            request,
            text: reply.words_behind_colon(&[token]),
        });
    }
    let data = reply.take_data().map_err(|problem| ServerError::Protocol {
        address,
        request,
        problem,
    })?;
    let data = data.unwrap_or_default();
    let grants = needs.into_iter().map(|need| Grant {
        is_allowed: need.fault.is_none() && is_allowed(&data, &need),
        need,
    });
    Ok(grants.collect())
}

fn fetch<'a>(visit: &Visit<'a>, token: &'a Secret, leases: &'a Cell<usize>) -> Fetch<'a> {
    Fetch {
        transport: visit.transport,
        config: visit.server,
        token,
        leases,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_token_has_no_end_and_others_have() {
        let life = |value: Value| match value {
            Value::Object(data) => life(&data),
            _ => Life::Unknown,
        };
        let end = "2026-01-01T00:00:00Z";
        assert_eq!(life(json!({"ttl": 0, "expire_time": null})), Life::Endless);
        assert_eq!(
            life(json!({"ttl": 60, "expire_time": end})),
            Life::Left(Duration::from_secs(60))
        );
        assert_eq!(
            life(json!({"ttl": 0, "expire_time": end})),
            Life::Left(Duration::ZERO)
        );
        assert_eq!(life(json!({"ttl": "x"})), Life::Unknown);
    }
}
