use super::*;

const POD: Origin = Origin::Pod {
    allows_private: false,
};
const PRIVATE: Origin = Origin::Pod {
    allows_private: true,
};

#[test]
fn h1_case_slash_and_default_port_do_not_count() {
    for other in [
        "https://bao.example",
        "HTTPS://BAO.Example/",
        "https://bao.example:443/",
        "https://bao.example.:443",
    ] {
        assert!(is_same("https://bao.example/", other), "{other}");
        assert_eq!(check(other, POD).unwrap(), "https://bao.example");
    }
    assert!(!is_same("https://bao.example", "https://bao.example:8200"));
    assert!(!is_same(
        "https://bao.example",
        "https://bao.example.evil.net"
    ));
    assert!(!is_same("nonsense", "nonsense"));
}

#[test]
fn h2_own_private_and_reserved_addresses_are_refused() {
    for text in [
        "https://127.0.0.1:8200",
        "https://localhost",
        "https://a.localhost.",
        "https://2130706433",
        "https://0x7f000001",
        "https://0x7f.1",
        "https://0177.0.0.1",
        "https://127.1",
        "https://0",
        "https://0.1.2.3",
        "https://[::1]",
        "https://[::]",
        "https://[::ffff:127.0.0.1]",
        "https://[::127.0.0.1]",
        "https://[64:ff9b::10.0.0.1]",
        "https://[2002:7f00:1::]",
        "https://169.254.1.1",
        "https://[fe80::1]",
        "https://10.1.2.3",
        "https://012.1.2.3",
        "https://172.16.0.1",
        "https://192.168.1.1",
        "https://0xc0a80101",
        "https://100.64.0.1",
        "https://[fd12::1]",
        "https://[fec0::1]",
        "https://224.0.0.1",
        "https://[ff02::1]",
        "https://255.255.255.255",
        "https://vault",
        "https://vault.vault.svc:8200",
        "https://vault.vault.svc.cluster.local",
        "https://%31%32%37.0.0.1",
    ] {
        let error = check(text, POD);
        assert!(
            matches!(error, Err(AddressError::Local(_))),
            "{text}: {error:?}"
        );
        assert!(check(text, Origin::Profile).is_ok(), "{text}");
    }
}

#[test]
fn h2_metadata_services_are_refused_whoever_names_them() {
    for text in [
        "https://169.254.169.254",
        "http://2852039166/",
        "http://0xA9FEA9FE",
        "http://0251.0376.0251.0376",
        "http://169.254.43518",
        "https://[::ffff:169.254.169.254]",
        "https://[fd00:ec2::254]",
        "https://Metadata.Google.Internal.",
        "https://metadata",
        "https://100.100.100.200",
        "https://168.63.129.16",
    ] {
        for origin in [POD, PRIVATE, Origin::Profile] {
            assert_eq!(check(text, origin), Err(AddressError::Metadata), "{text}");
        }
    }
}

#[test]
fn h2_private_ranges_can_be_allowed_but_not_the_pod_itself() {
    for text in [
        "https://10.1.2.3:8200",
        "https://vault.vault.svc:8200",
        "https://[fd12::1]",
    ] {
        assert!(check(text, PRIVATE).is_ok(), "{text}");
    }
    for text in [
        "https://127.0.0.1",
        "https://localhost",
        "https://169.254.1.1",
        "https://[::1]",
    ] {
        assert!(check(text, PRIVATE).is_err(), "{text}");
    }
}

#[test]
fn h2_what_is_no_plain_https_address_is_refused() {
    for text in [
        "",
        "bao.example",
        "https:",
        "https://",
        "https:///x",
        "https:bao.example",
        "//bao.example",
        "ftp://bao.example",
        "unix:///run/bao.sock",
        "javascript://x",
        "https://user@bao.example",
        "https://user:pw@bao.example",
        "https://@bao.example",
        "https://bao.example@evil.net",
        "https://bao.example?x",
        "https://bao.example/?",
        "https://bao.example#",
        "https://bao.example/v1",
        "https://bao.example:0",
        "https://bao.example:99999",
        "https://bao .example",
        "https://bao.example\n",
        "https://bao\\.example",
        "https://{{host}}",
        "https://bao.example\u{0}",
        "https://[::1",
        "https://１２７.0.0.1",
        "https://1.2.3.4.5",
    ] {
        assert!(check(text, POD).is_err(), "{text:?}");
    }
    assert_eq!(check("http://bao.example", POD), Err(AddressError::Scheme));
    assert!(check("http://bao.example", Origin::Profile).is_ok());
}

/// Names that only a network of one's own resolves, and the metadata services of each cloud.
#[test]
fn h2_every_name_of_the_lists_is_refused() {
    for text in ["https://bao.home.arpa", "https://a.b.HOME.ARPA.:8200"] {
        let error = check(text, POD);
        assert!(
            matches!(error, Err(AddressError::Local(_))),
            "{text}: {error:?}"
        );
    }
    for host in METADATA_NAMES {
        for text in [
            format!("https://{host}"),
            format!("https://{}.", host.to_uppercase()),
        ] {
            assert_eq!(
                check(&text, Origin::Profile),
                Err(AddressError::Metadata),
                "{text}"
            );
        }
    }
    assert!(METADATA_NAMES.contains(&"metadata.azure.internal"));
    // The control: a name beside them.
    assert!(check("https://metadata.example", POD).is_ok());
}
