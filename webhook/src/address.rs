//! Addresses of servers, read as hostile input.
//!
//! A pod may name a server only where its profile allows it, and even then none that leads back
//! into the cluster, the node or the cloud's metadata service. The operator's own profile may name
//! private addresses, never a metadata service.
//!
//! What it does not do: resolve names. A public name whose record is a private address passes;
//! where that matters, list the allowed addresses in the profile instead of allowing any.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Who named the address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A pod. `allows_private`: its profile allows private addresses.
    Pod {
        /// See [`Origin::Pod`].
        allows_private: bool,
    },
    /// The operator's profile.
    Profile,
}

/// Why an address is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not readable as an address.
    #[error("it is no address of the form https://HOST:PORT")]
    Unreadable,
    /// Another scheme.
    #[error("only https is taken")]
    Scheme,
    /// Something that an address of a server does not have.
    #[error("it holds {0}; the form is https://HOST:PORT")]
    Extra(&'static str),
    /// A cloud's metadata service.
    #[error("it is a metadata service of the cloud, which is never a secret server")]
    Metadata,
    /// An address that is not for others.
    #[error("it is {0}")]
    Local(&'static str),
}

/// Hosts of metadata services: Google, AWS, Azure, OpenStack, Tencent, Equinix, Alibaba.
const METADATA_NAMES: [&str; 8] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
    "metadata.platformequinix.com",
];

/// Addresses of metadata services: nearly every cloud; Azure's wire server; Alibaba; Oracle.
const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// AWS over IPv6, and Google.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
];

/// Reads an address and gives its one spelling: lower case, numbers in decimal, no slash at the
/// end.
///
/// # Errors
///
/// [`AddressError`]. Fails closed: what cannot be judged is refused.
pub fn check(text: &str, origin: Origin) -> Result<String, AddressError> {
    let url = parse(text)?;
    let host = url.host().ok_or(AddressError::Unreadable)?;
    if is_metadata(&host) {
        return Err(AddressError::Metadata);
    }
    match origin {
        Origin::Pod {
            allows_private: false,
        } => refuse_private(&host)?,
        Origin::Pod {
            allows_private: true,
        } => refuse_own(&host)?,
        Origin::Profile => {}
    }
    let is_plain = url.scheme() == "http";
    match (is_plain, origin) {
        (true, Origin::Pod { .. }) => Err(AddressError::Scheme),
        _ => Ok(url.as_str().trim_end_matches('/').to_owned()),
    }
}

/// Whether two addresses are the same: case, default port and a slash at the end do not count.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    match (parse(one), parse(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// The standard's parser (WHATWG URL) reads decimal, octal, hexadecimal and shortened spellings of
/// an IPv4 address as browsers and HTTP clients do; what it forgives, such as tabs, backslashes and
/// missing slashes, is refused before.
fn parse(text: &str) -> Result<Url, AddressError> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    let lower = text.to_ascii_lowercase();
    let rest = match lower.split_once("://") {
        Some(("https" | "http", rest)) => rest,
        Some(_) => return Err(AddressError::Scheme),
        None => return Err(AddressError::Unreadable),
    };
    if text.chars().any(is_odd) || rest.is_empty() || rest.starts_with('/') {
        return Err(AddressError::Unreadable);
    }
    let mut url = Url::parse(text).map_err(|_url| AddressError::Unreadable)?;
    let extra = if !url.username().is_empty() || url.password().is_some() || rest.contains('@') {
        Some("a user")
    } else if url.query().is_some() {
        Some("a query")
    } else if url.fragment().is_some() {
        Some("a fragment")
    } else if !matches!(url.path(), "" | "/") {
        Some("a path")
    } else if url.port() == Some(0) {
        Some("port 0")
    } else {
        None
    };
    if let Some(extra) = extra {
        return Err(AddressError::Extra(extra));
    }
    // A dot at a name's end means the same host.
    if let Some(Host::Domain(name)) = url.host() {
        let name = name.trim_end_matches('.').to_owned();
        url.set_host(Some(&name))
            .map_err(|_host| AddressError::Unreadable)?;
    }
    Ok(url)
}

fn is_metadata(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => METADATA_NAMES.contains(name),
        Host::Ipv4(address) => METADATA_V4.contains(address),
        Host::Ipv6(address) => {
            METADATA_V6.contains(address)
                || inner_v4(address).is_some_and(|inner| METADATA_V4.contains(&inner))
        }
    }
}

/// Refuses the pod itself and its node: even where private addresses are allowed.
fn refuse_own(host: &Host<&str>) -> Result<(), AddressError> {
    let kind = match host {
        Host::Domain(name) if *name == "localhost" || name.ends_with(".localhost") => {
            Some("the pod itself")
        }
        Host::Domain(_) => None,
        Host::Ipv4(address) => own(IpAddr::V4(*address)),
        Host::Ipv6(address) => own(inner_v4(address).map_or(IpAddr::V6(*address), IpAddr::V4)),
    };
    kind.map_or(Ok(()), |kind| Err(AddressError::Local(kind)))
}

fn own(address: IpAddr) -> Option<&'static str> {
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    // All of 0.0.0.0/8 is "this host on this network" (RFC 1122).
    let is_this_host = matches!(address, IpAddr::V4(v4) if v4.octets().first() == Some(&0));
    if address.is_loopback() || address.is_unspecified() || is_this_host {
        Some("the pod itself")
    } else if is_link_local {
        Some("a link-local address")
    } else if address.is_multicast() {
        Some("a multicast address")
    } else {
        None
    }
}

fn refuse_private(host: &Host<&str>) -> Result<(), AddressError> {
    refuse_own(host)?;
    let kind = match host {
        Host::Domain(name) => private_name(name),
        Host::Ipv4(address) => private_v4(*address),
        Host::Ipv6(address) => match inner_v4(address) {
            Some(inner) => private_v4(inner),
            None => private_v6(*address),
        },
    };
    kind.map_or(Ok(()), |kind| Err(AddressError::Local(kind)))
}

/// Names that only the cluster or the local network knows.
fn private_name(name: &str) -> Option<&'static str> {
    const ENDS: [&str; 8] = [
        ".svc",
        ".local",
        ".internal",
        ".localdomain",
        ".lan",
        ".home.arpa",
        ".intranet",
        ".corp",
    ];
    if !name.contains('.') || ENDS.iter().any(|end| name.ends_with(end)) {
        return Some("a name inside the cluster or the local network");
    }
    None
}

fn private_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    if address.is_private() {
        Some("a private address")
    } else if a == 100 && (64..128).contains(&b) {
        Some("a shared address of a carrier (100.64.0.0/10)")
    } else if a >= 240 || (a, b, c) == (192, 0, 0) || (a == 198 && (18..20).contains(&b)) {
        Some("a reserved address")
    } else if address.is_documentation() {
        Some("an address for documentation")
    } else {
        None
    }
}

fn private_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [first, second, ..] = address.segments();
    if address.is_unique_local() || first & 0xffc0 == 0xfec0 {
        Some("a private address")
    } else if (first, second) == (0x2001, 0x0db8) {
        Some("an address for documentation")
    } else if first & 0xe000 != 0x2000 {
        Some("a reserved address")
    } else {
        None
    }
}

/// The IPv4 address inside an IPv6 one: mapped, compatible, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn inner_v4(address: &Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let join = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, 0, 0, 0, 0) => {
            Some(join(g, h))
        }
        (0, 0, 0, 0, 0, 0) if g != 0 => Some(join(g, h)),
        (0x2002, ..) => Some(join(b, c)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
