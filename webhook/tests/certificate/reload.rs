//! What the server shows: from files, with half-written pairs and exchanged links, and over real
//! handshakes.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use cloudtaser_webhook::certificate::{FilePair, ReloadError, ReloadingCertificate};
use rustls::pki_types::CertificateDer;
use tokio::io::duplex;

struct Pair {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
}

fn pair() -> Pair {
    let made = rcgen::generate_simple_self_signed(["webhook.test".to_owned()]).unwrap();
    Pair {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
        der: made.cert.der().clone(),
    }
}

fn write(folder: &Path, certificate: &str, key: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("tls.crt"), certificate).unwrap();
    std::fs::write(folder.join("tls.key"), key).unwrap();
}

fn shown(certificate: &ReloadingCertificate) -> CertificateDer<'static> {
    certificate.loaded().unwrap().chain[0].clone()
}

#[test]
fn a_half_written_pair_keeps_the_old_one_and_tells() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (pair(), pair());
    let certificate = Arc::new(ReloadingCertificate::default());
    let (crt, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let files = FilePair::new(crt.clone(), key.clone(), Arc::clone(&certificate));
    assert!(matches!(files.sync(), Err(ReloadError::File { .. })));
    let now = time::OffsetDateTime::now_utc();
    assert!(!certificate.is_ready(now));
    write(folder.path(), &first.certificate, &first.key);
    files.sync().unwrap();
    assert_eq!(
        (shown(&certificate), certificate.error()),
        (first.der.clone(), None)
    );
    assert!(certificate.is_ready(now));
    for half in [&second.certificate, &second.certificate[..100], ""] {
        std::fs::write(&crt, half).unwrap();
        assert!(matches!(files.sync(), Err(ReloadError::Pair)));
        assert_eq!(shown(&certificate), first.der);
        assert_eq!(certificate.error(), Some("pair"));
        assert!(certificate.is_ready(now));
    }
    write(folder.path(), &second.certificate, &second.key);
    files.sync().unwrap();
    assert_eq!(
        (shown(&certificate), certificate.error()),
        (second.der, None)
    );
}

/// As the kubelet does it: `tls.crt -> ..data/tls.crt`, `..data -> ..time`, renamed over.
#[test]
fn an_exchanged_link_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (pair(), pair());
    write(&folder.path().join("..1"), &first.certificate, &first.key);
    write(&folder.path().join("..2"), &second.certificate, &second.key);
    symlink("..1", folder.path().join("..data")).unwrap();
    for name in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(name), folder.path().join(name)).unwrap();
    }
    let certificate = Arc::new(ReloadingCertificate::default());
    let (crt, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let files = FilePair::new(crt, key, Arc::clone(&certificate));
    files.sync().unwrap();
    assert_eq!(shown(&certificate), first.der);
    symlink("..2", folder.path().join("..new")).unwrap();
    std::fs::rename(folder.path().join("..new"), folder.path().join("..data")).unwrap();
    files.sync().unwrap();
    assert_eq!(shown(&certificate), second.der);
}

/// The certificate that a client sees.
async fn handshake(
    server: &Arc<rustls::ServerConfig>,
    trusted: &[&Pair],
) -> CertificateDer<'static> {
    let mut roots = rustls::RootCertStore::empty();
    for pair in trusted {
        roots.add(pair.der.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (near, far) = duplex(16_384);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(server));
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let name = "webhook.test".try_into().unwrap();
    let (client, server) = tokio::join!(connector.connect(name, near), acceptor.accept(far));
    server.unwrap();
    let client = client.unwrap();
    client.get_ref().1.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

#[tokio::test]
async fn w34_handshakes_get_the_new_certificate_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (pair(), pair());
    let certificate = Arc::new(ReloadingCertificate::default());
    let (crt, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let files = FilePair::new(crt, key, Arc::clone(&certificate));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let resolver: Arc<dyn rustls::server::ResolvesServerCert> = certificate;
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    let server = Arc::new(server);
    for pair in [&first, &second, &first] {
        write(folder.path(), &pair.certificate, &pair.key);
        files.sync().unwrap();
        for _ in 0..3 {
            assert_eq!(handshake(&server, &[&first, &second]).await, pair.der);
        }
    }
}
