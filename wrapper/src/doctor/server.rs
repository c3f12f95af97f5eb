//! Checks of the server: judges what `source::openbao::probe` found. Pure, but for our clock.
//!
//! A check whose forerunner failed says "not tried" as a warning: one failure is one FAIL line.

use std::time::SystemTime;

use super::clock::{date, skew, soon};
use super::report::Verdict;
use super::{Place, grants, status};
use crate::report::chain;
use crate::source::openbao::ServerError;
use crate::source::openbao::probe::{Findings, Life, Node};
use crate::source::openbao::settings::ServerConfig;

/// Longest life of a token that is not warned of, in seconds. Chosen: whoever finds it can use it
/// no longer than a day; `run` needs it for the time of a start.
const LONG_LIFE: u64 = 24 * 60 * 60;
/// Shortest life of a token that is not warned of, in seconds. Chosen: twice the time that a start
/// may take (`--total-timeout`, 30 s).
const SHORT_LIFE: u64 = 60;

/// Whether the settings can be read, and what they weaken.
pub(super) fn settings(place: &Place<'_>) -> Verdict {
    let server = &place.source.server;
    let origin = match &place.survey.server {
        Err(error) => {
            let fix = "correct that setting; `cloudtaser run --help` says what it takes";
            return Verdict::fail(status::USAGE, chain(error), fix);
        }
        Ok(origin) => origin.as_deref().unwrap_or("the configuration"),
    };
    if place.survey.is_passed_over {
        return Verdict::ok("a server is named, and this configuration does not ask it");
    }
    if server.addresses.is_empty() {
        return Verdict::ok(NONE);
    }
    let shown: Vec<_> = server.addresses.iter().map(ToString::to_string).collect();
    let finding = format!("{} by {origin}", shown.join(", "));
    match server.weaknesses().as_slice() {
        [] => Verdict::ok(finding),
        found => Verdict::warn(
            format!("{finding}; {}", found.join("; ")),
            "take that option away; use https with --ca-cert",
        ),
    }
}

const NONE: &str = "none configured";

/// The findings, or what a check says without them.
fn found<'p>(place: &'p Place<'_>) -> Result<&'p Findings, Verdict> {
    if place.survey.server.is_err() {
        return Err(not_tried("server-settings"));
    }
    place.server.as_ref().ok_or_else(|| Verdict::ok(NONE))
}

fn not_tried(before: &str) -> Verdict {
    Verdict::warn("not tried", format!("see {before} first"))
}

/// Which check an error of an address belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Topic {
    Address,
    Tls,
    ClientCertificate,
}

fn topic(error: &ServerError) -> Topic {
    match error {
        ServerError::Identity { .. } | ServerError::Tls(_) => Topic::Tls,
        ServerError::ClientCertificate { .. } => Topic::ClientCertificate,
        _ => Topic::Address,
    }
}

fn fix(error: &ServerError) -> &'static str {
    match error {
        ServerError::Resolve { .. } => "see --addr, and the resolver here (/etc/resolv.conf)",
        ServerError::Connect { .. } => {
            "see --addr, whether the server runs, and whether a firewall or network policy is between"
        }
        ServerError::Slow { .. } | ServerError::Deadline { .. } => {
            "see the network and the server's load; then --request-timeout and --total-timeout"
        }
        ServerError::Sealed { .. } | ServerError::Uninitialised { .. } => {
            "an operator of the server must do that"
        }
        ServerError::Identity { .. } => {
            "see --ca-cert and --tls-server-name, and the server's certificate"
        }
        ServerError::ClientCertificate { .. } => "see --client-cert and --client-key",
        ServerError::Tls(_) => "see --ca-cert, --client-cert, --client-key and --crl",
        ServerError::Credential(_) => "see --auth, and the options of that method",
        ServerError::Login { .. } => {
            "see --auth, --auth-mount and --role here, and the role at the server"
        }
        ServerError::Token { .. } | ServerError::Unwrap { .. } => "give a new one",
        ServerError::Interrupted { .. } => "let it end",
        _ => "see the server's log, and what stands before the server",
    }
}

fn failure(error: &ServerError) -> Verdict {
    Verdict::fail(error.status(), chain(error), fix(error))
}

/// The failures of `topic` among the addresses: a warning as long as another address serves.
fn failures(nodes: &[Node], wanted: Topic) -> Option<Verdict> {
    let of_topic = |node: &&Node| matches!(&node.state, Err(error) if topic(error) == wanted);
    let errors: Vec<_> = nodes
        .iter()
        .filter(of_topic)
        .filter_map(|node| node.state.as_ref().err())
        .collect();
    let first = errors.first()?;
    let texts: Vec<_> = errors.iter().map(|error| chain(*error)).collect();
    let text = texts.join("; ");
    Some(match nodes.iter().any(|node| node.state.is_ok()) {
        true => Verdict::warn(format!("{text}; another address serves"), fix(first)),
        false => Verdict::fail(first.status(), text, fix(first)),
    })
}

/// Connects to every address.
pub(super) fn address(place: &Place<'_>) -> Verdict {
    found(place).map_or_else(|verdict| verdict, judge_address)
}

fn judge_address(found: &Findings) -> Verdict {
    if found.preparation.is_some() {
        return not_tried("server-tls");
    }
    if found.nodes.is_empty() {
        return not_tried("login");
    }
    failures(&found.nodes, Topic::Address).unwrap_or_else(|| {
        let each = found.nodes.iter().map(|node| match &node.state {
            Ok(version) => format!("{} answers (version {version})", node.address),
            Err(_) => format!("{} answers", node.address),
        });
        Verdict::ok(each.collect::<Vec<_>>().join(", "))
    })
}

/// What was agreed on, and the server's certificate.
pub(super) fn tls(place: &Place<'_>) -> Verdict {
    found(place).map_or_else(
        |verdict| verdict,
        |found| judge_tls(found, &place.source.server, SystemTime::now()),
    )
}

fn judge_tls(found: &Findings, server: &ServerConfig, now: SystemTime) -> Verdict {
    if let Some(error) = &found.preparation {
        return failure(error);
    }
    if !server.addresses.iter().any(|address| address.is_tls()) {
        return Verdict::ok("none: plain http or a Unix socket");
    }
    if let Some(verdict) = failures(&found.nodes, Topic::Tls) {
        return verdict;
    }
    if !found.nodes.iter().any(|node| node.state.is_ok()) {
        return match failures(&found.nodes, Topic::ClientCertificate) {
            Some(_) => not_tried("client-certificate"),
            None => not_tried("server-address"),
        };
    }
    let Some(handshake) = &found.handshake else {
        return Verdict::ok("in order; what was agreed on cannot be seen from here");
    };
    let mut finding = handshake.version.replace("TLSv1_", "TLS 1.");
    if let Some(group) = &handshake.key_exchange {
        finding.push_str(&format!(", key exchange {group}"));
    }
    let Some(validity) = &handshake.certificate else {
        return Verdict::ok(finding);
    };
    let until = date(validity.not_after);
    finding.push_str(&format!("; the server's certificate ends {until}"));
    match soon(validity, now) {
        // With --insecure-skip-verify only; else the handshake would have failed.
        _ if validity.not_after <= now => Verdict::warn(finding, "renew the server's certificate"),
        true => Verdict::warn(
            finding + ", which is soon",
            "renew the server's certificate",
        ),
        false => Verdict::ok(finding),
    }
}

/// Until when our certificate is valid, and whether the server takes it.
pub(super) fn client_certificate(place: &Place<'_>) -> Verdict {
    found(place).map_or_else(
        |verdict| verdict,
        |found| judge_client_certificate(found, &place.source.server, SystemTime::now()),
    )
}

fn judge_client_certificate(found: &Findings, server: &ServerConfig, now: SystemTime) -> Verdict {
    let refusal = failures(&found.nodes, Topic::ClientCertificate);
    let Some(validity) = &found.client_certificate else {
        return match (refusal, &found.preparation, &server.tls.client_cert) {
            (Some(refusal), ..) => refusal,
            (None, Some(_), _) => not_tried("server-tls"),
            (None, None, Some(_)) => Verdict::warn(
                "its dates cannot be read",
                "see --client-cert; it should be a certificate of X.509 version 3",
            ),
            (None, None, None) => Verdict::ok("none given, and the server asks for none"),
        };
    };
    let (from, until) = (date(validity.not_before), date(validity.not_after));
    let renew = "renew it (--client-cert), or look at the clock here";
    if validity.not_after <= now {
        let finding = format!("it expired {until}");
        Verdict::fail(status::PRIVILEGE, finding, renew)
    } else if now < validity.not_before {
        let finding = format!("it is not valid before {from}");
        Verdict::fail(status::PRIVILEGE, finding, renew)
    } else if let Some(refusal) = refusal {
        refusal
    } else if soon(validity, now) {
        let finding = format!("it ends {until}, which is soon");
        Verdict::warn(finding, "renew it (--client-cert)")
    } else {
        Verdict::ok(format!("valid until {until}"))
    }
}

/// The login, and the life of its token.
pub(super) fn login(place: &Place<'_>) -> Verdict {
    found(place).map_or_else(
        |verdict| verdict,
        |found| judge_login(found, place.source.server.login.is_wrapped),
    )
}

fn judge_login(found: &Findings, is_wrapped: bool) -> Verdict {
    if let Some(error) = &found.interruption {
        return failure(error);
    }
    let login = match &found.login {
        Some(Ok(login)) => login,
        Some(Err(error)) => return failure(error),
        None if is_wrapped && found.nodes.iter().any(|node| node.state.is_ok()) => {
            return Verdict::warn(
                "not tried: a wrapped credential works once, and that is the start's",
                "none needed; without --auth-wrapped doctor would try",
            );
        }
        None => return not_tried("server-address, server-tls and client-certificate"),
    };
    let method = format!("by the method {}", login.method);
    if let Some(error) = &found.left_behind {
        return Verdict::warn(
            format!("{method}; the token could not be revoked: {}", chain(error)),
            "it ends by itself; let its policies allow auth/token/revoke-self",
        );
    }
    let left = match login.life {
        Life::Unknown => return Verdict::ok(format!("{method}; the token's life is not known")),
        Life::Endless => {
            return Verdict::warn(
                format!("{method}; the token has no end"),
                "use a token that ends, from a login or with a TTL",
            );
        }
        Life::Left(left) => left,
    };
    let finding = format!(
        "{method}; the token ends in {}",
        humantime::format_duration(left)
    );
    match left.as_secs() {
        seconds if seconds > LONG_LIFE => Verdict::warn(
            format!("{finding}, more than a day"),
            "give the role a shorter token_ttl",
        ),
        seconds if seconds < SHORT_LIFE => Verdict::warn(
            format!("{finding}, less than a minute"),
            "give the role a longer token_ttl, or renew the token",
        ),
        _ => Verdict::ok(finding),
    }
}

/// Whether every reference would be allowed.
pub(super) fn policies(place: &Place<'_>) -> Verdict {
    let requests = match &place.survey.requests {
        Ok(requests) => requests,
        Err(error) => {
            let fix = "correct the reference; docs/references.md describes them";
            return Verdict::fail(error.status(), chain(error).replace('\n', "; "), fix);
        }
    };
    let found = match found(place) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    match &found.grants {
        _ if requests.is_empty() => Verdict::ok("no reference asks the server"),
        None => not_tried("login"),
        Some(Err(error @ ServerError::Forbidden { .. })) => Verdict::warn(
            chain(error),
            "let a policy of the role have `update` on sys/capabilities-self",
        ),
        Some(Err(error)) => failure(error),
        Some(Ok(grants)) => grants::judge(grants),
    }
}

/// The server's clock and ours.
pub(super) fn clock_skew(place: &Place<'_>) -> Verdict {
    let found = match found(place) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    match &found.clock {
        Some(clock) => skew(&clock.server, clock.ours),
        None if found.nodes.iter().any(|node| node.state.is_ok()) => {
            Verdict::ok("unknown: the server sends no Date header")
        }
        None => not_tried("server-address"),
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
