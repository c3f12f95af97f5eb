//! What a registry demands: `WWW-Authenticate`, read by `http-auth`. Pure.
//!
//! The realm is chosen by the registry and is hostile input: `http` looks at it before anything is
//! sent there. The scope that a registry names is not used: we ask for reading one repository.

use http_auth::ChallengeRef;
use http_auth::parser::ChallengeParser;
use url::Url;

/// Longest header that is looked at, in bytes. Chosen: Docker Hub's has 150.
const MAX_HEADER: usize = 4 << 10;
/// Challenges in one header that are looked at. Chosen: a registry sends one.
const MAX_CHALLENGES: usize = 8;

/// How a registry wants to be asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Challenge {
    /// With a token of this service.
    Bearer { realm: Url, service: Option<String> },
    /// With name and password.
    Basic,
}

impl Challenge {
    /// The first challenge that we can answer; tokens before passwords.
    pub(super) fn read<'h>(headers: impl Iterator<Item = &'h str>) -> Option<Self> {
        let mut basic = None;
        for header in headers.filter(|text| text.len() <= MAX_HEADER) {
            for challenge in ChallengeParser::new(header)
                .take(MAX_CHALLENGES)
                .map_while(Result::ok)
            {
                if challenge.scheme.eq_ignore_ascii_case("bearer") {
                    if let Some(bearer) = bearer(&challenge) {
                        return Some(bearer);
                    }
                } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                    basic = Some(Self::Basic);
                }
            }
        }
        basic
    }
}

fn bearer(challenge: &ChallengeRef<'_>) -> Option<Challenge> {
    let parameter = |name: &str| {
        let mut all = challenge.params.iter();
        let (_, value) = all.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value.to_unescaped())
    };
    let mut realm = Url::parse(&parameter("realm")?).ok()?;
    realm.set_fragment(None);
    let service = parameter("service");
    Some(Challenge::Bearer { realm, service })
}

/// What we ask a token service for.
pub(super) fn scope(repository: &str) -> String {
    format!("repository:{repository}:pull")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(header: &str) -> Option<Challenge> {
        Challenge::read([header].into_iter())
    }

    #[test]
    fn a_token_is_preferred_and_a_password_taken() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push""#;
        let Some(Challenge::Bearer { realm, service }) = read(hub) else {
            panic!("no challenge");
        };
        assert_eq!(realm.as_str(), "https://auth.docker.io/token");
        assert_eq!(service.as_deref(), Some("registry.docker.io"));
        assert_eq!(read(r#"Basic realm="x""#), Some(Challenge::Basic));
        assert!(matches!(
            read(r#"basic realm="x", bearer realm="https://a/b?c=d#e""#),
            Some(Challenge::Bearer { realm, service: None }) if realm.as_str() == "https://a/b?c=d"
        ));
        let two = [r#"Basic realm="x""#, r#"Bearer realm="https://a/""#];
        assert!(matches!(
            Challenge::read(two.into_iter()),
            Some(Challenge::Bearer { .. })
        ));
    }

    #[test]
    fn what_cannot_be_answered_is_no_challenge() {
        for header in [
            "",
            "Negotiate",
            "Bearer",
            r#"Bearer realm="no url""#,
            "Bearer realm=",
            "=",
        ] {
            assert_eq!(read(header), None, "{header}");
        }
        let long = format!(r#"Basic realm="{}""#, "x".repeat(5000));
        assert_eq!(read(&long), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "\\PC{0,200}", parts in "[Ba-z =\",\\\\/:]{0,60}") {
            read(&text);
            read(&format!("Bearer {parts}"));
        }
    }
}
