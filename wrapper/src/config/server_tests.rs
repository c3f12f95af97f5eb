//! Where settings of the server come from, and which are refused.

use super::*;

const NONE: FileServer = FileServer::new();

fn config(
    args: &ServerArgs,
    variables: &[(&str, &str)],
    file: &FileServer,
) -> Result<ServerConfig, ServerSettingError> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(set, _)| *set == name);
        found.map(|(_, value)| OsString::from(value))
    };
    let lookup = Lookup {
        file,
        variable: &variable,
    };
    server_config(args, &lookup)
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn a_flag_wins_over_bao_that_over_vault_and_that_over_the_file() {
    let file = FileServer::from([("addr", String::from("https://file"))]);
    let flag = ServerArgs {
        addr: text("https://flag"),
        ..ServerArgs::default()
    };
    let none = ServerArgs::default();
    let both = [("VAULT_ADDR", "https://vault"), ("BAO_ADDR", "https://bao")];
    for (args, variables, expected) in [
        (&flag, &both[..], "https://flag"),
        (&none, &both[..], "https://bao"),
        (&none, &both[..1], "https://vault"),
        (&none, &[("VAULT_ADDR", "")], "https://file"),
    ] {
        let config = config(args, variables, &file).expect("valid");
        assert_eq!(config.addresses[0].to_string(), expected);
    }
}

#[test]
fn every_well_known_variable_is_read() {
    let variables = [
        ("VAULT_ADDR", "https://a,https://b"),
        ("VAULT_NAMESPACE", "/team/"),
        ("VAULT_CAPATH", "/ca"),
        ("VAULT_CACERT", "/ca.pem"),
        ("VAULT_CLIENT_CERT", "/c.pem"),
        ("VAULT_CLIENT_KEY", "local:tls/client#key"),
        ("VAULT_TLS_SERVER_NAME", "bao.example"),
        ("VAULT_SKIP_VERIFY", "T"),
        ("VAULT_ROLE", "app"),
        ("VAULT_AUTH_METHOD", "jwt"),
        ("VAULT_TOKEN", "hvs.hunter2"),
        ("VAULT_TRANSIT_KEY_ID", "k"),
        ("VAULT_TRANSIT_PATH", "team/transit/"),
        ("VAULT_CLIENT_TIMEOUT", "7"),
        ("VAULT_MAX_RETRIES", "0"),
    ];
    let config = config(&ServerArgs::default(), &variables, &NONE).expect("valid");
    assert_eq!(config.addresses.len(), 2);
    assert_eq!(config.namespace.as_deref(), Some("team"));
    let tls = &config.tls;
    assert_eq!(tls.ca_certs, [PathBuf::from("/ca.pem")]);
    assert_eq!(tls.ca_path, Some("/ca".into()));
    assert_eq!(tls.client_cert, Some(PemSource::File("/c.pem".into())));
    let key = PemSource::Reference("local:tls/client#key".into());
    assert_eq!(tls.client_key, Some(key));
    assert_eq!(tls.server_name.as_deref(), Some("bao.example"));
    assert!(tls.insecure_skip_verify);
    assert_eq!(config.login.role.as_deref(), Some("app"));
    assert_eq!(config.login.method.as_deref(), Some("jwt"));
    assert!(config.login.token.is_some());
    assert_eq!(config.transit.key.as_deref(), Some("k"));
    assert_eq!(config.transit.mount, "team/transit");
    assert_eq!(config.limits.request, Duration::from_secs(7));
    assert_eq!(config.limits.retries, 0);
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_proxy_is_taken_from_the_well_known_variable_but_not_beside_a_server_name() {
    let proxy = ("VAULT_PROXY_ADDR", "http://proxy:3128");
    let none = ServerArgs::default();
    let alone = config(&none, &[proxy], &NONE).expect("valid");
    assert_eq!(alone.proxy.as_deref(), Some("http://proxy:3128"));
    let named = config(
        &none,
        &[proxy, ("BAO_TLS_SERVER_NAME", "bao.example")],
        &NONE,
    );
    assert!(
        named
            .expect_err("both")
            .to_string()
            .contains("--tls-server-name")
    );
}

#[test]
fn authorities_as_text_count_when_no_file_is_named() {
    let bytes = ("VAULT_CACERT_BYTES", "-----BEGIN…");
    let none = ServerArgs::default();
    let alone = config(&none, &[bytes], &NONE).expect("valid");
    assert!(alone.tls.ca_pem.is_some());
    let file = config(&none, &[bytes, ("VAULT_CACERT", "/ca")], &NONE).expect("valid");
    assert!(file.tls.ca_pem.is_none());
}

#[test]
fn values_of_the_file_are_checked_too() {
    for (key, value, expected) in [
        ("kv_version", "3", "1 or 2"),
        ("retries", "-1", "0 to 100"),
        ("request_timeout", "x", "a time"),
        ("insecure_http", "ja", "true or false"),
        ("tls_server_name", "127.0.0.1", "the name of a host"),
    ] {
        let file = FileServer::from([(key, value.to_owned())]);
        let error = config(&ServerArgs::default(), &[], &file)
            .expect_err(key)
            .to_string();
        assert!(error.contains(key) && error.contains(expected), "{error}");
        assert!(!error.contains(value), "{error}");
    }
}

#[test]
fn h1_h2_an_address_that_cannot_be_is_told_by_number_and_reason() {
    let args = |addr: &str| ServerArgs {
        addr: text(addr),
        ..ServerArgs::default()
    };
    let error = config(&args("https://a, http://10.0.0.1"), &[], &NONE).expect_err("plain http");
    assert!(error.to_string().contains("number 2 of --addr"), "{error}");
    let mixed = config(&args("https://a,http://127.0.0.1"), &[], &NONE);
    assert!(matches!(mixed, Err(ServerSettingError::MixedSchemes)));
    let insecure = ServerArgs {
        insecure_http: Some(true),
        ..args("http://10.0.0.1")
    };
    let config = config(&insecure, &[], &NONE).expect("allowed");
    assert_eq!(config.weaknesses().len(), 1);
}

#[test]
fn r15_the_login_token_is_never_asked_for_as_a_token() {
    let error = config(
        &ServerArgs::default(),
        &[("VAULT_TOKEN", "vault:login")],
        &NONE,
    );
    let error = error.expect_err("no token").to_string();
    assert!(
        error.contains("VAULT_TOKEN") && error.contains("never handed"),
        "{error}"
    );
}

#[test]
fn a_proxy_is_an_http_address_without_a_user_and_gets_no_plain_http() {
    let error = |addr: &str, proxy: &str| {
        let args = ServerArgs {
            addr: text(addr),
            proxy: text(proxy),
            ..ServerArgs::default()
        };
        config(&args, &[], &NONE).expect_err(proxy).to_string()
    };
    for proxy in [
        "ftp://p",
        "socks5://p:1",
        "http://us er:x@[",
        "http://me:hunter2@p:1",
        "unix:///p",
    ] {
        let said = error("https://a", proxy);
        assert!(
            said.contains("--proxy must be the address of a proxy"),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    for addr in ["http://127.0.0.1:8200", "unix:///run/bao.sock"] {
        let said = error(addr, "http://p:3128");
        assert!(said.contains("would be told the login"), "{said}");
    }
    let insecure = ServerArgs {
        addr: text("http://127.0.0.1:8200"),
        proxy: text("http://p:3128"),
        insecure_http: Some(true),
        ..ServerArgs::default()
    };
    let config = config(&insecure, &[], &NONE).expect("allowed");
    assert_eq!(config.weaknesses().len(), 1, "and it lowers the level");
}

#[test]
fn h4_settings_that_are_part_of_a_path_lead_nowhere_else() {
    for value in ["../sys/x", "a/../b", ".", "a//b", "a\nb"] {
        let auth = ServerArgs {
            auth_mount: text(value),
            ..ServerArgs::default()
        };
        let transit = ServerArgs {
            transit_mount: text(value),
            ..ServerArgs::default()
        };
        let key = ServerArgs {
            transit_key: text(value),
            ..ServerArgs::default()
        };
        for args in [auth, transit, key] {
            let error = config(&args, &[], &NONE).expect_err(value).to_string();
            assert!(error.contains("a path of names"), "{error}");
        }
    }
}

#[test]
fn a_token_of_the_environment_fits_into_a_header() {
    let error = config(
        &ServerArgs::default(),
        &[("VAULT_TOKEN", "hvs.x\nhunter2")],
        &NONE,
    );
    let error = error.expect_err("two lines").to_string();
    assert!(
        error.contains("VAULT_TOKEN") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn a_mount_may_be_written_with_auth() {
    for (written, mount) in [
        ("auth/k8s-a/", "k8s-a"),
        ("k8s-a", "k8s-a"),
        ("/a/b", "a/b"),
    ] {
        let args = ServerArgs {
            auth_mount: text(written),
            ..ServerArgs::default()
        };
        let config = config(&args, &[], &NONE).expect("valid");
        assert_eq!(config.login.mount.as_deref(), Some(mount));
    }
}

/// The word is for whoever starts us: what the environment or the image says about authorities does
/// not count then.
#[test]
fn the_systems_authorities_can_be_said_and_nothing_else_counts_then() {
    let args = |text: &str| ServerArgs {
        ca_cert: Some(text.into()),
        ..ServerArgs::default()
    };
    let variables = [
        ("VAULT_CACERT", "/other.pem"),
        ("VAULT_CACERT_BYTES", "text"),
    ];
    let tls = config(&args("system"), &variables, &NONE)
        .expect("valid")
        .tls;
    assert!(tls.system_ca);
    assert!(tls.ca_certs.is_empty() && tls.ca_pem.is_none());
    // Controls: a file that is called so, and the file's word, which is a name.
    let tls = config(&args("./system"), &variables, &NONE)
        .expect("valid")
        .tls;
    assert!(!tls.system_ca);
    assert_eq!(tls.ca_certs, [PathBuf::from("./system")]);
    let variables = [("VAULT_CACERT", "system")];
    let tls = config(&ServerArgs::default(), &variables, &NONE);
    assert!(!tls.expect("valid").tls.system_ca);
}
