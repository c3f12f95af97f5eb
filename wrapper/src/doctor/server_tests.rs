//! Every check on findings that are made up.

use std::time::{Duration, SystemTime};

use super::*;
use crate::doctor::report::Outcome;
use crate::source::openbao::address::Address;
use crate::source::openbao::probe::{Handshake, Login, Validity};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn connect() -> ServerError {
    ServerError::Connect {
        address: String::from("https://a"),
        source: "refused".into(),
    }
}

fn identity() -> ServerError {
    ServerError::Identity {
        address: String::from("https://a"),
        reason: "expired",
        source: rustls::Error::DecryptError,
    }
}

fn client() -> ServerError {
    ServerError::ClientCertificate {
        address: String::from("https://a"),
        reason: "expired",
        source: rustls::Error::DecryptError,
    }
}

fn of(states: Vec<Result<&str, ServerError>>) -> Findings {
    let nodes = states.into_iter().map(|state| Node {
        address: String::from("https://a"),
        state: state.map(str::to_owned),
    });
    Findings {
        nodes: nodes.collect(),
        ..Findings::default()
    }
}

fn server() -> ServerConfig {
    ServerConfig {
        addresses: vec![Address::parse("https://a", false).expect("an address")],
        ..ServerConfig::default()
    }
}

fn validity(before: Duration, after: Duration) -> Validity {
    let now = SystemTime::now();
    Validity {
        not_before: now - before,
        not_after: now + after,
    }
}

#[test]
fn an_error_is_a_failure_of_one_check_and_the_others_are_not_tried() {
    let now = SystemTime::now();
    for (error, expected) in [
        (connect as fn() -> ServerError, [69, 0, 0]),
        (identity, [0, 76, 0]),
        (client, [0, 0, 77]),
    ] {
        let found = of(vec![Err(error())]);
        let verdicts = [
            judge_address(&found),
            judge_tls(&found, &server(), now),
            judge_client_certificate(&found, &server(), now),
        ];
        let statuses = [0, 1, 2].map(|index: usize| verdicts[index].exit_status);
        assert_eq!(statuses, expected, "{verdicts:?}");
        let login = judge_login(&found, false);
        assert_eq!(login.outcome, Outcome::Warn);
        assert_eq!(login.finding, "not tried");
    }
}

#[test]
fn one_address_that_serves_is_enough() {
    let found = of(vec![Err(connect()), Ok("1.21.0")]);
    assert_eq!(judge_address(&found).outcome, Outcome::Warn);
    let found = of(vec![Ok("1.21.0")]);
    let verdict = judge_address(&found);
    assert_eq!(verdict.outcome, Outcome::Ok);
    assert!(verdict.finding.contains("1.21.0"), "{verdict:?}");
}

#[test]
fn what_was_agreed_on_is_told() {
    let mut found = of(vec![Ok("1")]);
    found.handshake = Some(Handshake {
        version: String::from("TLSv1_3"),
        key_exchange: Some(String::from("X25519MLKEM768")),
        certificate: Some(validity(DAY * 300, DAY * 60)),
    });
    let verdict = judge_tls(&found, &server(), SystemTime::now());
    assert_eq!(verdict.outcome, Outcome::Ok);
    assert!(
        verdict
            .finding
            .starts_with("TLS 1.3, key exchange X25519MLKEM768; "),
        "{verdict:?}"
    );
    let late = judge_tls(&found, &server(), SystemTime::now() + DAY * 55);
    assert_eq!(late.outcome, Outcome::Warn);
}

#[test]
fn our_certificates_end_is_told_in_time() {
    for (before, after, outcome, status) in [
        (DAY * 300, DAY * 60, Outcome::Ok, 0),
        (DAY * 300, DAY * 6, Outcome::Warn, 0),
    ] {
        let mut found = of(vec![Ok("1")]);
        found.client_certificate = Some(validity(before, after));
        let verdict = judge_client_certificate(&found, &server(), SystemTime::now());
        assert_eq!((verdict.outcome, verdict.exit_status), (outcome, status));
    }
    let mut found = of(vec![Ok("1")]);
    found.client_certificate = Some(validity(DAY, DAY));
    for now in [SystemTime::now() + DAY * 2, SystemTime::now() - DAY * 2] {
        let verdict = judge_client_certificate(&found, &server(), now);
        assert_eq!(verdict.exit_status, status::PRIVILEGE, "{verdict:?}");
    }
}

#[test]
fn a_token_that_ends_too_late_or_too_soon_is_warned_of() {
    let verdict = |life| {
        let mut found = of(vec![Ok("1")]);
        let method = "cert";
        found.login = Some(Ok(Login { method, life }));
        judge_login(&found, false)
    };
    for (life, outcome) in [
        (Life::Endless, Outcome::Warn),
        (Life::Left(DAY + Duration::from_secs(1)), Outcome::Warn),
        (Life::Left(DAY), Outcome::Ok),
        (Life::Left(Duration::from_secs(60)), Outcome::Ok),
        (Life::Left(Duration::from_secs(59)), Outcome::Warn),
        (Life::Unknown, Outcome::Ok),
    ] {
        let verdict = verdict(life);
        assert_eq!(verdict.outcome, outcome, "{verdict:?}");
        assert!(verdict.finding.contains("cert"), "{verdict:?}");
    }
    let wrapped = judge_login(&of(vec![Ok("1")]), true);
    assert!(wrapped.finding.contains("works once"), "{wrapped:?}");
}
