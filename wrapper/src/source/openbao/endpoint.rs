//! One address of the server and the HTTP client for it: TLS, names, proxy, socket, limits.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use url::{Host, Url};

use super::address::Address;
use super::error::ServerError;
use super::fault::tls_failed;
use super::handshake::refusal;
use super::resolve::Resolver;
use super::settings::ServerConfig;

/// Header bytes of an answer over HTTP/2. Chosen: the API's answers have less than 1 KiB. HTTP/1.1
/// is limited by the client library (100 headers, 400 KiB).
const MAX_HEADERS: u32 = 64 << 10;
/// Time to connect, TLS included; a part of a request's own limit. Chosen: three times what a
/// far continent and a lost packet take.
const CONNECT: Duration = Duration::from_secs(5);

/// An address, and the client that speaks to it.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// As it was configured.
    pub(super) address: Address,
    /// The same, for messages.
    pub(super) shown: String,
    /// The base of every request's URL; its host may be the certificate's name.
    pub(super) base: Url,
    /// The name that the certificate must have, if it is not the address's host.
    name: Option<String>,
    /// What is offered and demanded; `None` where somebody else speaks TLS for us (a proxy), or
    /// nobody.
    tls: Option<rustls::ClientConfig>,
    /// Keeps its connections until it is dropped.
    pub(super) client: Client,
}

impl Endpoint {
    /// Prepares a client; connects to nothing.
    ///
    /// # Errors
    ///
    /// [`ServerError::Client`].
    pub(super) fn new(
        config: &ServerConfig,
        address: &Address,
        tls: &rustls::ClientConfig,
    ) -> Result<Self, ServerError> {
        let mut base = address.url().clone();
        let own_name = address.url().host_str().unwrap_or_default().to_owned();
        let mut stands_for = None;
        if let (Some(name), true) = (&config.tls.server_name, address.is_tls()) {
            // `config` has checked the name.
            if base.set_host(Some(name)).is_ok() {
                stands_for = Some((name.clone(), own_name));
            }
        }
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT.min(config.limits.request))
            .http2_max_header_list_size(MAX_HEADERS)
            .user_agent(concat!("cloudtaser/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Resolver { stands_for }));
        let failed = |source: reqwest::Error| ServerError::Client {
            what: String::from("the HTTP client"),
            source: source.into(),
        };
        if let Some(proxy) = &config.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.as_str()).map_err(failed)?);
        }
        if let Some(path) = address.socket_path() {
            builder = builder.unix_socket(path);
        }
        Ok(Self {
            address: address.clone(),
            shown: address.to_string(),
            base,
            name: config.tls.server_name.clone(),
            tls: (address.is_tls() && config.proxy.is_none()).then(|| tls.clone()),
            client: builder.build().map_err(failed)?,
        })
    }

    /// Asks again why the server breaks connections off, if `error` is of that kind.
    pub(super) async fn explain(&self, error: ServerError) -> ServerError {
        let (ServerError::Broken { request, .. }, Some(tls)) = (&error, &self.tls) else {
            return error;
        };
        match refusal(&self.address, self.name.as_deref(), tls).await {
            Some(alert) => tls_failed(self.shown.clone(), request.clone(), alert),
            None => error,
        }
    }
}

/// Whether `name` can be the host of a URL and the name of a certificate: no address.
pub(crate) fn is_server_name(name: &str) -> bool {
    matches!(Host::parse(name), Ok(Host::Domain(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_can_stand_for_a_host() {
        assert!(is_server_name("bao.example"));
        for name in ["", "127.0.0.1", "[::1]", "a b", "a/b", "a:1"] {
            assert!(!is_server_name(name), "{name}");
        }
    }
}
