//! The `Authorization` that answers a registry's challenge.
//!
//! A password goes to the registry itself (Basic) or to the realm that it names (Bearer): that is
//! what the credential was made for. The HTTP library's copies of a header are not wiped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;
use zeroize::{Zeroize as _, Zeroizing};

use super::challenge::{Challenge, scope};
use super::credentials::{Credential, SecretText};
use super::error::Problem;
use super::http::{Answer, Http, Wanted, shown};

/// Largest answer of a token service in bytes. Chosen: tokens have 1 to 5 KiB.
const MAX_ANSWER: u64 = 64 << 10;
/// How we are called where a refresh token is exchanged (OAuth 2.0, RFC 6749, section 2.2).
const CLIENT_ID: &str = "cloudtaser";

#[derive(Deserialize)]
struct Tokens {
    token: Option<SecretText>,
    access_token: Option<SecretText>,
}

/// What to send from now on; nothing if the credential was refused or is of no use here.
///
/// # Errors
///
/// [`Problem`] when the token service may not be asked, or does not answer as one.
pub(super) async fn authorization(
    http: &Http,
    challenge: &Challenge,
    repository: &str,
    credential: Option<&Credential>,
) -> Result<Option<HeaderValue>, Problem> {
    match challenge {
        Challenge::Basic => Ok(credential.and_then(basic)),
        Challenge::Bearer { realm, service } => {
            let place = (realm, service.as_deref());
            bearer(http, place, repository, credential).await
        }
    }
}

fn basic(credential: &Credential) -> Option<HeaderValue> {
    let Credential::Password { username, password } = credential else {
        return None;
    };
    let pair = Zeroizing::new(format!("{}:{}", username.expose(), password.expose()));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    sensitive(&Zeroizing::new(format!("Basic {}", encoded.as_str())))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

async fn bearer(
    http: &Http,
    (realm, service): (&Url, Option<&str>),
    repository: &str,
    credential: Option<&Credential>,
) -> Result<Option<HeaderValue>, Problem> {
    let scope = scope(repository);
    let authorization = credential.and_then(basic);
    let wanted = Wanted {
        what: "token service's answer",
        accept: None,
        most: MAX_ANSWER,
        authorization: authorization.as_ref(),
    };
    let answer = if let Some(Credential::IdentityToken(token)) = credential {
        let form = exchange(token, service.unwrap_or_default(), &scope);
        http.post(realm.clone(), form, wanted).await?
    } else {
        http.get(asking(realm, service, &scope), wanted).await?
    };
    let refused = [
        StatusCode::BAD_REQUEST,
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
    ];
    let mut bytes = match answer {
        Answer::Body(body) => body.bytes,
        Answer::Status(status, _) if refused.contains(&status) => return Ok(None),
        Answer::Status(status, _) => {
            return Err(Problem::Status {
                host: shown(realm),
                status: status.as_u16(),
            });
        }
    };
    let tokens = serde_json::from_slice::<Tokens>(&bytes);
    bytes.zeroize();
    let token = tokens
        .ok()
        .and_then(|found| found.token.or(found.access_token));
    let header = token
        .filter(|token| !token.expose().is_empty())
        .and_then(|token| sensitive(&Zeroizing::new(format!("Bearer {}", token.expose()))));
    header
        .map(Some)
        .ok_or_else(|| Problem::Token { host: shown(realm) })
}

/// The form that gives a token for a refresh token.
fn exchange(token: &SecretText, service: &str, scope: &str) -> String {
    Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", CLIENT_ID)
        .append_pair("scope", scope)
        .append_pair("service", service)
        .append_pair("refresh_token", token.expose())
        .finish()
}

/// The realm with what is asked of it; what it has of its own stays.
fn asking(realm: &Url, service: Option<&str>, scope: &str) -> Url {
    let mut url = realm.clone();
    if let Some(service) = service {
        url.query_pairs_mut().append_pair("service", service);
    }
    url.query_pairs_mut().append_pair("scope", scope);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_never_prints_what_is_in_it() {
        let login = Credential::Password {
            username: String::from("aladdin").into(),
            password: String::from("opensesame").into(),
        };
        let value = basic(&login).unwrap();
        // RFC 7617's example.
        assert_eq!(value.as_bytes(), b"Basic YWxhZGRpbjpvcGVuc2VzYW1l");
        assert!(!format!("{value:?}").contains("YWxh"));
        assert!(basic(&Credential::IdentityToken(String::from("t").into())).is_none());
        assert!(sensitive("a\r\nb").is_none());
    }
}
