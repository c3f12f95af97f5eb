//! A token service as registries know it: a signed token for whoever has the password, an empty one
//! for everyone else's wish.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use cloudtaser_webhook::image::HostSettings;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use tokio::net::TcpListener;

/// Ends with the test's runtime.
pub(crate) struct TokenService {
    address: SocketAddr,
    signer: Arc<Signer>,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Signer {
    key: EcdsaKeyPair,
    certificate: Vec<u8>,
    pem: String,
}

impl TokenService {
    pub(crate) async fn start() -> Self {
        let pair = KeyPair::generate().unwrap();
        let certificate = CertificateParams::default().self_signed(&pair).unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let signer = Arc::new(Signer {
            key: EcdsaKeyPair::from_pkcs8(algorithm, pair.serialized_der()).unwrap(),
            certificate: certificate.der().to_vec(),
            pem: certificate.pem(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = Self {
            address: listener.local_addr().unwrap(),
            signer: Arc::clone(&signer),
            asked: Arc::default(),
        };
        let asked = Arc::clone(&service.asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (signer, asked) = (Arc::clone(&signer), Arc::clone(&asked));
                let service = service_fn(move |request| {
                    let answer = answer(&signer, &asked, &request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        service
    }

    pub(crate) fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    pub(crate) fn certificate_pem(&self) -> &str {
        &self.signer.pem
    }

    /// What the operator says about it.
    pub(crate) fn settings(&self) -> HostSettings {
        HostSettings {
            host: self.address.to_string(),
            insecure_plain_http: true,
            ..HostSettings::default()
        }
    }

    /// The scopes that were asked for with the right password.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn token(&self, repository: &str, actions: &[&str]) -> String {
        self.signer.token(repository, actions)
    }
}

fn answer(
    signer: &Signer,
    asked: &Mutex<Vec<String>>,
    request: &Request<Incoming>,
) -> Response<Full<Bytes>> {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let scope = pairs
        .find(|(name, _)| name == "scope")
        .unwrap()
        .1
        .into_owned();
    let password = request.headers().get("authorization");
    let token = match password.map(hyper::header::HeaderValue::as_bytes) {
        Some(b"Basic dTpyaWdodA==") => {
            asked.lock().unwrap().push(scope.clone());
            let repository = scope.split(':').nth(1).unwrap();
            signer.token(repository, &["pull"])
        }
        Some(_) => {
            let refused = Response::builder().status(401);
            return refused.body(Full::default()).unwrap();
        }
        None => signer.token("nothing", &[]),
    };
    let body = json!({"token": token}).to_string();
    Response::new(Full::from(body))
}

impl Signer {
    /// A token as `distribution` wants it (its page "Token Authentication Implementation").
    fn token(&self, repository: &str, actions: &[&str]) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let header =
            json!({"typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(&self.certificate)]});
        let claims = json!({
            "iss": "test", "sub": "u", "aud": "test", "jti": "1",
            "nbf": now - 60, "iat": now - 60, "exp": now + 600,
            "access": [{"type": "repository", "name": repository, "actions": actions}],
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
