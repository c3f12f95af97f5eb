//! Names to addresses without the C library: its resolver loads shared objects, which a static
//! program does not have.
//!
//! `/etc/resolv.conf` and `/etc/hosts` are read as usual. Without the former the name server on
//! this machine is asked (resolv.conf(5)), never one on the Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_localhost;
use super::error::BoxedCause;

/// Why a name has no address. Found again in the HTTP client's chain of causes.
#[derive(Debug, thiserror::Error)]
#[error("no address for the name `{name}`")]
pub(super) struct ResolveError {
    name: String,
    #[source]
    source: Option<BoxedCause>,
}

/// Looks names up; a name of the server's certificate is looked up under the address's own.
#[derive(Debug)]
pub(super) struct Resolver {
    /// What to look up instead of the name that is asked for.
    pub(super) stands_for: Option<(String, String)>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = match &self.stands_for {
            Some((asked, own)) if asked.eq_ignore_ascii_case(name.as_str()) => own.clone(),
            _ => name.as_str().to_owned(),
        };
        Box::pin(async move {
            match look_up(&name).await {
                Ok(found) if !found.is_empty() => {
                    // Port 0 stands for the URL's.
                    let sockets = found.into_iter().map(|ip| SocketAddr::new(ip, 0));
                    let addresses: Addrs = Box::new(sockets.collect::<Vec<_>>().into_iter());
                    Ok(addresses)
                }
                Ok(_none) => Err(ResolveError { name, source: None }.into()),
                Err(source) => {
                    let is_unknown = source
                        .downcast_ref::<NetError>()
                        .is_some_and(NetError::is_no_records_found);
                    let source = (!is_unknown).then_some(source);
                    Err(ResolveError { name, source }.into())
                }
            }
        })
    }
}

pub(super) async fn look_up(name: &str) -> Result<Vec<IpAddr>, BoxedCause> {
    if let Ok(address) = name.trim_matches(['[', ']']).parse() {
        return Ok(vec![address]);
    }
    if is_localhost(name) {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let builder = TokioResolver::builder_tokio().unwrap_or_else(|_no_configuration| {
        let server = NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into());
        let config = ResolverConfig::from_name_servers(vec![server]);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    });
    let answer = builder.build()?.lookup_ip(name).await?;
    Ok(answer.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(resolver: &Resolver, name: &str) -> Result<Vec<IpAddr>, BoxedCause> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let found = runtime.block_on(resolver.resolve(name.parse().unwrap()))?;
        Ok(found.map(|socket| socket.ip()).collect())
    }

    #[test]
    fn localhost_and_addresses_need_no_name_server() {
        let plain = Resolver { stands_for: None };
        for name in ["localhost", "bao.localhost"] {
            let found = resolve(&plain, name).unwrap();
            assert!(found.iter().all(IpAddr::is_loopback) && !found.is_empty());
        }
        assert_eq!(
            resolve(&plain, "10.1.2.3").unwrap(),
            [IpAddr::from([10, 1, 2, 3])]
        );
    }

    #[test]
    fn a_certificates_name_is_looked_up_under_the_hosts_own() {
        let named = Resolver {
            stands_for: Some((String::from("bao.example"), String::from("127.0.0.9"))),
        };
        assert_eq!(
            resolve(&named, "Bao.Example").unwrap(),
            [IpAddr::from([127, 0, 0, 9])]
        );
    }

    #[test]
    fn a_name_that_cannot_exist_is_an_error_of_ours() {
        let error = resolve(&Resolver { stands_for: None }, "nowhere.invalid").unwrap_err();
        assert!(error.downcast_ref::<ResolveError>().is_some(), "{error}");
    }
}
