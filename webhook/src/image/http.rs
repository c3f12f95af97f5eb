//! Bounded requests to registries: who may be asked, over what, how much is read, and where a
//! redirect may lead.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::WWW_AUTHENTICATE;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::Url;

use super::address::{self, NamedBy};
use super::challenge::Challenge;
use super::error::Problem;
use super::reference::api_host;
use super::resolve::{ResolveError, Resolver};
use super::settings::{HostSettings, RegistrySettings, SettingsError};

/// Redirects of one request that are followed. Chosen: registries redirect once, to a store.
const MAX_REDIRECTS: u32 = 3;
/// How much of a refusal is read so that the connection can be used again, in bytes. Chosen: a
/// registry's has less than 1 KiB.
const MAX_REFUSAL: u64 = 8 << 10;
/// How long a connection is kept. Chosen: the pods of one roll-out use it.
const IDLE: Duration = Duration::from_secs(20);
/// Kept connections of one host. Chosen: as many as are asked of one registry at once.
const MAX_IDLE: usize = 4;

/// A document that was asked for.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) content_type: Option<String>,
    /// `Docker-Content-Digest`, if the registry says so.
    pub(super) digest: Option<String>,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Answer {
    Body(Body),
    Status(StatusCode, Option<Challenge>),
}

/// A document: where, in which forms, how long at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) what: &'static str,
    pub(super) accept: Option<&'static str>,
    pub(super) most: u64,
    pub(super) authorization: Option<&'a HeaderValue>,
}

/// The clients: one for each host that is configured, one for all others.
#[derive(Debug)]
pub(super) struct Http {
    configured: HashMap<String, Host>,
    others: Client,
}

#[derive(Debug)]
struct Host {
    client: Client,
    settings: HostSettings,
}

impl Http {
    /// Connects to nothing.
    pub(super) fn new(settings: &RegistrySettings) -> Result<Self, SettingsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        add(
            &mut roots,
            settings.authorities_pem.as_deref(),
            "all registries",
        )?;
        let mut configured = HashMap::new();
        for host in &settings.hosts {
            let key = configured_key(host)?;
            let mut own = roots.clone();
            add(&mut own, host.authorities_pem.as_deref(), &host.host)?;
            let client = client(own, NamedBy::Operator, host.insecure_plain_http)?;
            let entry = Host {
                client,
                settings: host.clone(),
            };
            if configured.insert(key, entry).is_some() {
                let host = host.host.clone();
                return Err(SettingsError::Twice { host });
            }
        }
        let only_configured = !configured.is_empty();
        let others = client(roots, NamedBy::Anyone, only_configured)?;
        Ok(Self { configured, others })
    }

    /// Where a registry's answers are: `https://HOST/`.
    pub(super) fn base(&self, registry: &str) -> Result<Url, Problem> {
        let host = api_host(registry);
        let unusable = || Problem::Address {
            host: host.to_owned(),
            why: "it cannot be the host of a URL",
        };
        let url = Url::parse(&format!("https://{host}/")).map_err(|_no_url| unusable())?;
        let plain = self
            .host(&url)
            .is_some_and(|host| host.settings.insecure_plain_http);
        if !plain {
            return Ok(url);
        }
        Url::parse(&format!("http://{host}/")).map_err(|_no_url| unusable())
    }

    /// The mirrors of a registry.
    pub(super) fn mirrors(&self, registry: &str) -> &[String] {
        let url = Url::parse(&format!("https://{}/", api_host(registry))).ok();
        let host = url.as_ref().and_then(|url| self.host(url));
        host.map_or(&[], |host| &host.settings.mirrors)
    }

    fn host(&self, url: &Url) -> Option<&Host> {
        self.configured.get(&shown(url))
    }

    /// The client for a place that may be asked.
    ///
    /// *Fails closed*: a place that is refused gets no request at all, also in a redirect.
    fn client(&self, url: &Url) -> Result<&Client, Problem> {
        let host = self.host(url);
        let by = if host.is_some() {
            NamedBy::Operator
        } else {
            NamedBy::Anyone
        };
        if let Some(why) = address::refused(url, by) {
            let host = shown(url);
            return Err(Problem::Address { host, why });
        }
        let may_be_plain = host.is_some_and(|host| host.settings.insecure_plain_http);
        if url.scheme() != "https" && !(url.scheme() == "http" && may_be_plain) {
            return Err(Problem::NoTls { host: shown(url) });
        }
        Ok(host.map_or(&self.others, |host| &host.client))
    }

    /// Asks for a document. The authorization goes to the first origin only, and only that one may
    /// demand a login: a host that it redirects to would name where the password goes.
    pub(super) async fn get(&self, url: Url, wanted: Wanted<'_>) -> Result<Answer, Problem> {
        let origin = url.origin();
        let mut url = url;
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.client(&url)?.get(url.clone());
            if let Some(accept) = wanted.accept {
                request = request.header(ACCEPT, accept);
            }
            if let (true, Some(value)) = (url.origin() == origin, wanted.authorization) {
                request = request.header(AUTHORIZATION, value.clone());
            }
            let response = send(request, &url).await?;
            let Some(next) = redirect(&response, &url)? else {
                return Ok(match answer(response, &url, wanted).await? {
                    Answer::Status(status, _) if url.origin() != origin => {
                        Answer::Status(status, None)
                    }
                    answer => answer,
                });
            };
            url = next;
        }
        Err(Problem::Redirect { host: shown(&url) })
    }

    /// Sends a form to a token service; a redirect is not followed.
    pub(super) async fn post(
        &self,
        url: Url,
        form: String,
        wanted: Wanted<'_>,
    ) -> Result<Answer, Problem> {
        let request = self.client(&url)?.post(url.clone());
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = send(request.body(form), &url).await?;
        answer(response, &url, wanted).await
    }
}

/// A place for messages and for the table of hosts: the host, and the port if it is not the
/// scheme's.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn configured_key(settings: &HostSettings) -> Result<String, SettingsError> {
    let wrong = || SettingsError::Host {
        host: settings.host.clone(),
    };
    let scheme = if settings.insecure_plain_http {
        "http"
    } else {
        "https"
    };
    let text = format!("{scheme}://{}/", api_host(&settings.host));
    let url = Url::parse(&text).map_err(|_no_url| wrong())?;
    let is_host = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !is_host || !url.username().is_empty() || settings.host.is_empty() {
        return Err(wrong());
    }
    Ok(shown(&url))
}

fn add(roots: &mut RootCertStore, pem: Option<&str>, of: &str) -> Result<(), SettingsError> {
    let Some(pem) = pem else {
        return Ok(());
    };
    let before = roots.len();
    let wrong = || SettingsError::Authorities { of: of.to_owned() };
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_no_pem| wrong())?;
        roots.add(certificate).map_err(|_no_authority| wrong())?;
    }
    if roots.len() == before {
        Err(wrong())
    } else {
        Ok(())
    }
}

/// `may_lack_roots`: a client that is not meant for TLS, or not for more than what is configured.
fn client(
    roots: RootCertStore,
    by: NamedBy,
    may_lack_roots: bool,
) -> Result<Client, SettingsError> {
    if roots.is_empty() && !may_lack_roots {
        return Err(SettingsError::NoRoots);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SettingsError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        // The library's limits for HTTP/1.1 are enough: 100 headers, 400 KiB.
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MAX_IDLE)
        .user_agent(concat!("cloudtaser-webhook/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::new(Resolver { by }))
        .build()
        .map_err(SettingsError::Http)
}

async fn send(request: RequestBuilder, url: &Url) -> Result<Response, Problem> {
    request.send().await.map_err(|error| broken(error, url))
}

/// The URL is left out of the cause: a redirect's may hold a signature.
fn broken(error: reqwest::Error, url: &Url) -> Problem {
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(ResolveError::Refused { why }) = inner.downcast_ref() {
            let host = shown(url);
            return Problem::Address { host, why };
        }
        cause = inner.source();
    }
    Problem::Unreachable {
        host: shown(url),
        source: error.into(),
    }
}

fn redirect(response: &Response, url: &Url) -> Result<Option<Url>, Problem> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = text(response.headers(), LOCATION.as_str());
    match location.and_then(|location| url.join(location).ok()) {
        Some(next) => Ok(Some(next)),
        None => Err(Problem::Redirect { host: shown(url) }),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

async fn answer(response: Response, url: &Url, wanted: Wanted<'_>) -> Result<Answer, Problem> {
    let status = response.status();
    let headers = response.headers();
    if status == StatusCode::OK {
        let content_type = text(headers, CONTENT_TYPE.as_str()).map(str::to_owned);
        let digest = text(headers, "docker-content-digest").map(str::to_owned);
        let bytes = read(response, url, wanted.what, wanted.most).await?;
        return Ok(Answer::Body(Body {
            bytes,
            content_type,
            digest,
        }));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Problem::RateLimited);
    }
    let demands = headers.get_all(WWW_AUTHENTICATE).into_iter();
    let challenge = Challenge::read(demands.filter_map(|value| value.to_str().ok()));
    if status == StatusCode::UNAUTHORIZED {
        // Only for the connection's sake: what it says, or that it breaks off, changes nothing.
        drop(read(response, url, "refusal", MAX_REFUSAL).await);
    }
    Ok(Answer::Status(status, challenge))
}

async fn read(
    mut response: Response,
    url: &Url,
    what: &'static str,
    limit: u64,
) -> Result<Vec<u8>, Problem> {
    let too_large = Problem::TooLarge { what, limit };
    if response
        .content_length()
        .is_some_and(|length| length > limit)
    {
        return Err(too_large);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(error, url))? {
        let length = bytes.len().saturating_add(chunk.len());
        if u64::try_from(length).map_or(true, |length| length > limit) {
            return Err(too_large);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
