//! Hosts that are never asked: a pod's image name and a registry's answer choose where we connect.
//!
//! Pure. Stops a pod's author from reaching, through the webhook, the cloud's metadata service and
//! what listens on the webhook's own loopback. Private ranges stay allowed: most clusters' own
//! registries are there. What the author learns of a private host is whether it answers HTTPS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Who named a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NamedBy {
    /// A pod, or an answer of a registry.
    Anyone,
    /// The operator's settings, with this very port.
    Operator,
}

/// Names of metadata services. They resolve to link-local addresses, which are refused as well.
const METADATA_NAMES: [&str; 5] = [
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
    "metadata.goog",
    "metadata.google.internal",
];

/// Metadata services outside the link-local range: Alibaba Cloud, Azure's host agent, Oracle
/// Cloud (their documentation).
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// AWS's and Google's over IPv6 (their documentation).
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Why the host of `url` is not asked; a name that is fine here is looked at again as an address.
pub(super) fn refused(url: &Url, by: NamedBy) -> Option<&'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Some("there is a user's name in it");
    }
    match url.host() {
        None => Some("it has no host"),
        Some(Host::Ipv4(ip)) => address_refused(ip.into(), by),
        Some(Host::Ipv6(ip)) => address_refused(ip.into(), by),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            if METADATA_NAMES.contains(&name.as_str()) {
                return Some(METADATA);
            }
            let is_local = name == "localhost" || name.ends_with(".localhost");
            (is_local && by == NamedBy::Anyone).then_some(LOOPBACK)
        }
    }
}

const METADATA: &str = "it is a metadata service's";
const LOOPBACK: &str = "it is a loopback address, and the registry is not configured";

/// Why an address is not connected to.
pub(super) fn address_refused(ip: IpAddr, by: NamedBy) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => v4_refused(ip, by),
        IpAddr::V6(ip) => match embedded(ip) {
            Some(inner) => v4_refused(inner, by),
            None => v6_refused(ip, by),
        },
    }
}

fn v4_refused(ip: Ipv4Addr, by: NamedBy) -> Option<&'static str> {
    if ip.is_link_local() || METADATA_V4.contains(&ip) {
        Some(METADATA)
    } else if ip.octets().first() == Some(&0) || ip.is_broadcast() || ip.is_multicast() {
        Some("no host has such an address")
    } else if ip.is_loopback() && by == NamedBy::Anyone {
        Some(LOOPBACK)
    } else {
        None
    }
}

fn v6_refused(ip: Ipv6Addr, by: NamedBy) -> Option<&'static str> {
    if ip.is_unicast_link_local() || METADATA_V6.contains(&ip) {
        Some(METADATA)
    } else if ip.is_unspecified() || ip.is_multicast() {
        Some("no host has such an address")
    } else if ip.is_loopback() && by == NamedBy::Anyone {
        Some(LOOPBACK)
    } else {
        None
    }
}

/// The IPv4 address that an IPv6 one leads to: mapped and compatible (RFC 4291), NAT64 (RFC 6052),
/// 6to4 (RFC 3056).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(join(g, h)),
        (0, 0, 0, 0, 0, 0) if g != 0 => Some(join(g, h)),
        (0x2002, ..) => Some(join(b, c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(host: &str, by: NamedBy) -> bool {
        let url = Url::parse(&format!("https://{host}/v2/")).unwrap();
        refused(&url, by).is_none()
    }

    #[test]
    fn metadata_services_are_refused_in_every_spelling_and_to_everyone() {
        for host in [
            "169.254.169.254",
            "2852039166",
            "0xA9FEA9FE",
            "0251.0376.0251.0376",
            "169.254.43518",
            "[::ffff:169.254.169.254]",
            "[::169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::1]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "100.100.100.200",
            "168.63.129.16",
            "169.254.170.2:443",
            "Metadata.Google.Internal",
            "metadata.google.internal.",
            "0.0.0.0",
            "0",
            "[::]",
            "224.0.0.1",
            "255.255.255.255",
            "user@reg.example",
        ] {
            for by in [NamedBy::Anyone, NamedBy::Operator] {
                assert!(!asked(host, by), "{host} {by:?}");
            }
        }
        for host in [
            "reg.example",
            "10.0.0.1:5000",
            "192.168.1.1",
            "8.8.8.8",
            "[2001:db8::1]",
        ] {
            assert!(asked(host, NamedBy::Anyone), "{host}");
        }
    }

    #[test]
    fn loopback_is_the_operators_word_only() {
        for host in [
            "127.0.0.1:5000",
            "127.1",
            "localhost",
            "a.localhost",
            "[::1]:5000",
            "0x7f.1",
        ] {
            assert!(!asked(host, NamedBy::Anyone), "{host}");
            assert!(asked(host, NamedBy::Operator), "{host}");
        }
    }

    proptest! {
        #[test]
        fn an_embedded_address_is_judged_as_itself(bits in any::<u32>()) {
            let ip = Ipv4Addr::from(bits);
            let plain = address_refused(ip.into(), NamedBy::Anyone);
            let mapped = address_refused(ip.to_ipv6_mapped().into(), NamedBy::Anyone);
            prop_assert_eq!(plain, mapped);
        }
    }
}
