//! The requests of one look-up at one registry: the first goes without a login, a refusal is
//! answered with the next login that fits.
//!
//! As the kubelet does: where logins fit, each is tried in turn, and there is no way back to none;
//! where none fits, a token is asked for without one. A 404 counts as a refusal, for many
//! registries hide so what may not be read.

use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use url::Url;

use super::challenge::Challenge;
use super::credentials::Credential;
use super::error::Problem;
use super::http::{Answer, Body, Http, Wanted, shown};
use super::keyring::Keyring;
use super::reference::ImageName;
use super::token;

/// One registry or mirror, and one repository there.
#[derive(Debug)]
pub(super) struct Session<'a> {
    http: &'a Http,
    base: Url,
    place: &'a Place<'a>,
    tried: usize,
    challenge: Option<Challenge>,
    authorization: Option<HeaderValue>,
}

impl<'a> Session<'a> {
    /// Asks for nothing yet.
    pub(super) fn new(http: &'a Http, place: &'a Place<'a>) -> Result<Self, Problem> {
        Ok(Self {
            http,
            base: http.base(place.host)?,
            place,
            tried: 0,
            challenge: None,
            authorization: None,
        })
    }

    /// A document of the repository: `kind` is `manifests` or `blobs`.
    pub(super) async fn get(
        &mut self,
        kind: &str,
        version: &str,
        wanted: Wanted<'_>,
    ) -> Result<Body, Problem> {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{kind}/{version}", self.place.repository));
        if let Some(registry) = self.place.stands_for {
            // As containerd tells a mirror; one that knows no other registry ignores it.
            url.query_pairs_mut().append_pair("ns", registry);
        }
        loop {
            let wanted = Wanted {
                authorization: self.authorization.as_ref(),
                ..wanted
            };
            let (status, challenge) = match self.http.get(url.clone(), wanted).await? {
                Answer::Body(body) => return Ok(body),
                Answer::Status(status, challenge) => (status, challenge),
            };
            let refusals = [
                StatusCode::UNAUTHORIZED,
                StatusCode::FORBIDDEN,
                StatusCode::NOT_FOUND,
            ];
            if !refusals.contains(&status) {
                let (host, status) = (shown(&url), status.as_u16());
                return Err(Problem::Status { host, status });
            }
            if !self.log_in(challenge).await? {
                let tried = self.tried.min(self.place.logins.len());
                return Err(if status == StatusCode::NOT_FOUND {
                    Problem::NotFound { tried }
                } else {
                    Problem::Denied { tried }
                });
            }
        }
    }

    /// Takes the next login that the registry may accept; says whether there is one.
    async fn log_in(&mut self, challenge: Option<Challenge>) -> Result<bool, Problem> {
        if challenge.is_some() {
            self.challenge = challenge;
        }
        let Some(challenge) = &self.challenge else {
            return Ok(false);
        };
        // Without a login there is one try too.
        while self.tried < self.place.logins.len().max(1) {
            let login = self.place.logins.get(self.tried).copied();
            self.tried += 1;
            let found =
                token::authorization(self.http, challenge, &self.place.repository, login).await?;
            if found.is_some() {
                self.authorization = found;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Where an image may be found.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) host: &'a str,
    pub(super) repository: String,
    /// For a mirror: the registry that it stands for.
    pub(super) stands_for: Option<&'a str>,
    /// What may be used there, in this order.
    pub(super) logins: Vec<&'a Credential>,
}

/// The mirrors of an image's registry, then the registry itself; each with the logins for it.
pub(super) fn places<'a>(
    mirrors: &'a [String],
    image: &'a ImageName,
    keyring: &'a Keyring,
) -> Vec<Place<'a>> {
    let place = |host: &'a str, repository: String, stands_for| Place {
        logins: keyring.candidates(host, &repository),
        host,
        repository,
        stands_for,
    };
    let (registry, repository) = (image.registry(), image.repository());
    let mut all = Vec::with_capacity(mirrors.len() + 1);
    for mirror in mirrors {
        let (host, prefix) = mirror.split_once('/').unwrap_or((mirror, ""));
        let path = match prefix.trim_matches('/') {
            "" => repository.to_owned(),
            prefix => format!("{prefix}/{repository}"),
        };
        all.push(place(host, path, Some(registry)));
    }
    all.push(place(registry, repository.to_owned(), None));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_come_first_and_a_prefix_goes_before_the_repository() {
        let mirrors = ["m.example:5000", "h.example/hub/"].map(String::from);
        let (image, keyring) = ("a".parse().unwrap(), Keyring::default());
        let found = places(&mirrors, &image, &keyring);
        let found: Vec<_> = found
            .iter()
            .map(|place| (place.host, place.repository.as_str(), place.stands_for))
            .collect();
        assert_eq!(
            found,
            [
                ("m.example:5000", "library/a", Some("docker.io")),
                ("h.example", "hub/library/a", Some("docker.io")),
                ("docker.io", "library/a", None),
            ]
        );
    }
}
