//! Names to addresses, less those that are never connected to. The connection is made to what is
//! looked at here, so a name that changes its address between the two gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{self, NamedBy};

/// Why a name is not connected to. Found again in the HTTP client's chain of causes.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// All its addresses are forbidden.
    #[error("the name's address is not connected to: {why}")]
    Refused { why: &'static str },
    /// It has none.
    #[error("the name has no address")]
    None(#[source] Option<Box<NetError>>),
}

/// Looks names up for one kind of host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolver {
    pub(super) by: NamedBy,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let by = self.by;
        Box::pin(async move {
            let found = allowed(look_up(name.as_str()).await?, by)?;
            // Port 0 stands for the URL's.
            let sockets: Vec<_> = found.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            let addresses: Addrs = Box::new(sockets.into_iter());
            Ok(addresses)
        })
    }
}

/// The addresses that may be connected to. *Fails closed*: none is an error.
fn allowed(found: Vec<IpAddr>, by: NamedBy) -> Result<Vec<IpAddr>, ResolveError> {
    let mut why = None;
    let fine: Vec<IpAddr> = found
        .into_iter()
        .filter(|ip| match address::address_refused(*ip, by) {
            Some(rule) => {
                why = Some(rule);
                false
            }
            None => true,
        })
        .collect();
    match why {
        Some(why) if fine.is_empty() => Err(ResolveError::Refused { why }),
        _ if fine.is_empty() => Err(ResolveError::None(None)),
        _ => Ok(fine),
    }
}

async fn look_up(name: &str) -> Result<Vec<IpAddr>, ResolveError> {
    if name == "localhost" || name.ends_with(".localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let builder = TokioResolver::builder_tokio().unwrap_or_else(|_no_configuration| {
        let server = NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into());
        let config = ResolverConfig::from_name_servers(vec![server]);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    });
    let failed = |source: NetError| {
        let is_unknown = source.is_no_records_found();
        ResolveError::None((!is_unknown).then(|| Box::new(source)))
    };
    let answer = builder
        .build()
        .map_err(failed)?
        .lookup_ip(name)
        .await
        .map_err(failed)?;
    Ok(answer.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_addresses_are_left_out_and_only_they() {
        let good: IpAddr = "10.0.0.9".parse().unwrap();
        let metadata: IpAddr = "169.254.169.254".parse().unwrap();
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let mixed = vec![metadata, good, loopback];
        assert_eq!(allowed(mixed.clone(), NamedBy::Anyone).unwrap(), [good]);
        assert_eq!(allowed(mixed, NamedBy::Operator).unwrap(), [good, loopback]);
        let refused = allowed(vec![metadata], NamedBy::Operator);
        assert!(matches!(refused, Err(ResolveError::Refused { .. })));
        assert!(matches!(
            allowed(Vec::new(), NamedBy::Anyone),
            Err(ResolveError::None(None))
        ));
    }
}
