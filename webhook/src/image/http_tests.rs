//! Who may be asked, and settings that are refused. What needs a server is in `tests/`.

use super::*;

fn http(hosts: &[HostSettings]) -> Result<Http, SettingsError> {
    Http::new(&RegistrySettings {
        hosts: hosts.to_vec(),
        ..RegistrySettings::default()
    })
}

fn plain(host: &str) -> HostSettings {
    HostSettings {
        host: host.to_owned(),
        insecure_plain_http: true,
        ..HostSettings::default()
    }
}

fn may_ask(http: &Http, url: &str) -> Result<(), String> {
    let allowed = http.client(&Url::parse(url).unwrap()).map(|_client| ());
    allowed.map_err(|problem| problem.reason().to_owned())
}

#[test]
fn only_what_is_configured_is_asked_without_tls_or_on_loopback() {
    let tls = HostSettings {
        host: String::from("localhost:5001"),
        ..HostSettings::default()
    };
    let http = http(&[plain("127.0.0.1:5000"), plain("old.example"), tls]).unwrap();
    for (url, allowed) in [
        ("https://reg.example/v2/", Ok(())),
        ("http://reg.example/v2/", Err("registry_no_tls")),
        ("ftp://reg.example/v2/", Err("registry_no_tls")),
        ("http://old.example/v2/", Ok(())),
        ("https://old.example/v2/", Ok(())),
        ("http://old.example:81/v2/", Err("registry_no_tls")),
        ("http://127.0.0.1:5000/", Ok(())),
        ("http://127.1:5000/", Ok(())),
        ("https://127.0.0.1:5002/", Err("registry_address")),
        ("https://localhost:5001/", Ok(())),
        ("http://localhost:5001/", Err("registry_no_tls")),
        ("https://169.254.169.254/", Err("registry_address")),
        ("https://u:p@reg.example/", Err("registry_address")),
    ] {
        assert_eq!(may_ask(&http, url), allowed.map_err(str::to_owned), "{url}");
    }
    assert_eq!(http.base("old.example").unwrap().scheme(), "http");
    assert_eq!(
        http.base("docker.io").unwrap().as_str(),
        "https://registry-1.docker.io/"
    );
}

#[test]
fn not_even_the_operator_opens_the_metadata_service() {
    let http = http(&[plain("169.254.169.254"), plain("127.0.0.1")]).unwrap();
    assert_eq!(may_ask(&http, "http://127.0.0.1/"), Ok(()), "the control");
    let refused = may_ask(&http, "http://169.254.169.254/");
    assert_eq!(refused, Err(String::from("registry_address")));
}

#[test]
fn mirrors_are_found_by_the_name_in_images() {
    let hub = HostSettings {
        host: String::from("docker.io"),
        mirrors: vec![String::from("mirror.example/hub")],
        ..HostSettings::default()
    };
    let http = http(&[hub]).unwrap();
    assert_eq!(http.mirrors("docker.io"), ["mirror.example/hub"]);
    assert!(http.mirrors("quay.io").is_empty());
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    for host in [
        "",
        "a b",
        "reg.example/path",
        "u@reg.example",
        "reg.example?x",
    ] {
        assert!(
            matches!(http(&[plain(host)]), Err(SettingsError::Host { .. })),
            "{host}"
        );
    }
    let twice = http(&[plain("a.example"), plain("A.example")]);
    assert!(matches!(twice, Err(SettingsError::Twice { .. })));
    let no_pem = HostSettings {
        authorities_pem: Some(String::from("no certificate")),
        ..plain("a.example")
    };
    assert!(matches!(
        http(&[no_pem]),
        Err(SettingsError::Authorities { .. })
    ));
}

#[test]
fn the_client_itself_refuses_a_name_that_leads_to_loopback() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = Url::parse(&format!("http://name.localhost:{port}/")).unwrap();
        let ask = |by| {
            let client = client(RootCertStore::empty(), by, true).unwrap();
            let request = client.get(url.clone()).timeout(Duration::from_secs(20));
            let url = url.clone();
            async move { send(request, &url).await }
        };
        let refused = ask(NamedBy::Anyone).await.unwrap_err();
        assert_eq!(refused.reason(), "registry_address");
        // The control: for the operator the name leads to the listener, which hangs up.
        let (allowed, ()) = tokio::join!(ask(NamedBy::Operator), async {
            drop(listener.accept().await.unwrap());
        });
        assert_eq!(allowed.unwrap_err().reason(), "registry_unreachable");
    });
}
