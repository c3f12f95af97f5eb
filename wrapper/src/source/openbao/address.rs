//! Where a server is: the URL of `--addr`, checked.
//!
//! Pure. TLS is the rule; plain `http` is for the loopback interface, and behind an option whose
//! name says `insecure` elsewhere. A Unix socket's address is `unix:///path`.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use url::{Host, Url};

/// One server's address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    url: Url,
    socket: Option<PathBuf>,
}

/// Why a text is no server's address. Exit status 64.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// No URL at all.
    #[error("it is no URL; write https://HOST:PORT or unix:///PATH")]
    NotUrl,
    /// Another scheme.
    #[error("its scheme is none of https, http and unix; write https://HOST:PORT")]
    Scheme,
    /// `user:password@`.
    #[error("it holds a user name or password; take that out, and see `--auth`")]
    UserInfo,
    /// `?…` or `#…`.
    #[error("it holds a `?` or `#`; the address is scheme, host, port and nothing else")]
    Query,
    /// A path.
    #[error("it holds a path; the API is always below /v1, so the address ends with the port")]
    Path,
    /// `unix:` without an absolute path.
    #[error("a Unix socket needs an absolute path: unix:///run/openbao.sock")]
    SocketPath,
    /// Plain HTTP to another machine.
    #[error(
        "plain http would show the login and every secret to the network; use https, or give \
         --insecure-http if that is meant"
    )]
    PlainHttp,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`AddressError`]; plain `http` beyond the loopback interface is one unless
    /// `insecure_http`.
    pub fn parse(text: &str, insecure_http: bool) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Self::socket(path);
        }
        let url = Url::parse(text).map_err(|_no_url| AddressError::NotUrl)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(AddressError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Query);
        }
        // Vault's own client takes and ignores a slash at the end.
        if !matches!(url.path(), "" | "/") {
            return Err(AddressError::Path);
        }
        let address = Self { url, socket: None };
        if address.is_insecure() && !insecure_http {
            return Err(AddressError::PlainHttp);
        }
        Ok(address)
    }

    fn socket(path: &str) -> Result<Self, AddressError> {
        let path = path.strip_prefix("//").unwrap_or(path);
        if !path.starts_with('/') || path.contains(['?', '#', '\0']) {
            return Err(AddressError::SocketPath);
        }
        // Requests need a host; nobody looks it up.
        let url = Url::parse("http://localhost").map_err(|_no_url| AddressError::NotUrl)?;
        Ok(Self {
            url,
            socket: Some(PathBuf::from(path)),
        })
    }

    /// The base of every request's URL: scheme, host and port.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The socket's file, for `unix:` addresses.
    #[must_use]
    pub fn socket_path(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether what is sent there can be read on a network: plain `http` and not loopback.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.socket.is_none() && !self.is_tls() && !self.is_loopback()
    }

    /// `localhost` and names below it never leave the machine (RFC 6761, 6.3).
    fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => {
                let mapped = address.to_ipv4_mapped().map(IpAddr::V4);
                mapped.unwrap_or(IpAddr::V6(address)).is_loopback()
            }
            Some(Host::Domain(name)) => is_localhost(name),
            None => false,
        }
    }

    /// Whether the server may send a client on to `target`, as a standby node does: the same
    /// scheme and host at any port, or just one of the configured addresses.
    #[must_use]
    pub fn allows_redirect(&self, target: &Url, configured: &[Self]) -> bool {
        let is_same_host = self.socket.is_none()
            && target.scheme() == self.url.scheme()
            && target.host() == self.url.host();
        is_same_host
            || configured
                .iter()
                .any(|address| address.socket.is_none() && address.url.origin() == target.origin())
    }
}

/// Whether `name` is `localhost` or below it.
pub(super) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(path) => write!(f, "unix://{}", path.display()),
            None => f.write_str(self.url.as_str().trim_end_matches('/')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> AddressError {
        Address::parse(text, false).expect_err(text)
    }

    #[test]
    fn servers_and_sockets_are_read_and_printed() {
        for (text, shown) in [
            ("https://bao.example:8200", "https://bao.example:8200"),
            ("https://bao.example:8200/", "https://bao.example:8200"),
            ("HTTPS://Bao.Example", "https://bao.example"),
            ("http://127.0.0.1:8200", "http://127.0.0.1:8200"),
            ("http://[::1]:8200", "http://[::1]:8200"),
            ("http://localhost:8200", "http://localhost:8200"),
            ("unix:///run/bao.sock", "unix:///run/bao.sock"),
            ("unix:/run/bao.sock", "unix:///run/bao.sock"),
        ] {
            let address = Address::parse(text, false).expect(text);
            assert_eq!(address.to_string(), shown);
            assert!(!address.is_insecure(), "{text}");
        }
        assert!(Address::parse("https://h", false).unwrap().is_tls());
        let socket = Address::parse("unix:///a", false).unwrap();
        assert_eq!(socket.socket_path(), Some(Path::new("/a")));
    }

    #[test]
    fn h2_what_is_no_address_is_refused() {
        for (text, error) in [
            ("", AddressError::NotUrl),
            ("bao.example:8200", AddressError::Scheme),
            ("bao", AddressError::NotUrl),
            ("ftp://h", AddressError::Scheme),
            ("file:///etc", AddressError::Scheme),
            ("https://user@h", AddressError::UserInfo),
            ("https://:pw@h", AddressError::UserInfo),
            ("https://h?x=y", AddressError::Query),
            ("https://h/#x", AddressError::Query),
            ("https://h/v1", AddressError::Path),
            ("unix://run", AddressError::SocketPath),
            ("unix:", AddressError::SocketPath),
            ("http://10.0.0.1:8200", AddressError::PlainHttp),
            ("http://bao.example", AddressError::PlainHttp),
            ("http://localhost.example", AddressError::PlainHttp),
            ("http://[::ffff:10.0.0.1]", AddressError::PlainHttp),
        ] {
            assert_eq!(fault(text), error, "{text}");
        }
    }

    #[test]
    fn other_spellings_of_loopback_are_loopback_and_no_other_is() {
        // The URL standard's parser turns these into 127.0.0.1 before anything is decided.
        for text in ["http://2130706433", "http://0x7f.1", "http://0177.0.0.1"] {
            assert!(Address::parse(text, false).is_ok(), "{text}");
        }
        for text in ["http://167772161", "http://0xa9fea9fe", "http://0.0.0.0"] {
            assert_eq!(fault(text), AddressError::PlainHttp, "{text}");
        }
        let insecure = Address::parse("http://10.0.0.1", true).unwrap();
        assert!(insecure.is_insecure());
    }

    #[test]
    fn a_redirect_stays_with_host_and_scheme_or_goes_to_a_configured_address() {
        let parse = |text| Address::parse(text, true).expect("an address");
        let own = parse("https://a:8200");
        let configured = [own.clone(), parse("https://b:8200")];
        for (target, is_allowed) in [
            ("https://a:8200/v1/x", true),
            ("https://a:9999/v1/x", true),
            ("https://b:8200/v1/x", true),
            ("https://b:9999/v1/x", false),
            ("http://a:8200/v1/x", false),
            ("https://c:8200/v1/x", false),
            ("https://a.evil:8200/", false),
        ] {
            let url = Url::parse(target).unwrap();
            assert_eq!(
                own.allows_redirect(&url, &configured),
                is_allowed,
                "{target}"
            );
        }
        let socket = parse("unix:///run/a");
        let url = Url::parse("http://localhost/v1").unwrap();
        assert!(!socket.allows_redirect(&url, std::slice::from_ref(&socket)));
    }
}
