//! A small HTTP(S) server on loopback that can be slow, huge and lying, and remembers what it was
//! asked. A real registry is asked in `tests/real_registry`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::images::{self, Image};

/// A body that need not end.
pub(crate) struct Reply {
    first: Option<Bytes>,
    then: Then,
}

#[derive(Clone, Copy)]
pub(crate) enum Then {
    End,
    /// Nothing more comes, and the connection stays open.
    Never,
    /// The same again and again.
    Again,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.then {
            Then::Again => self.first.clone(),
            Then::End | Then::Never => self.first.take(),
        };
        match (next, self.then) {
            (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            (None, Then::Never) => Poll::Pending,
            (None, _) => Poll::Ready(None),
        }
    }
}

pub(crate) type Answer = Response<Reply>;

pub(crate) fn body(bytes: impl Into<Bytes>, then: Then) -> Reply {
    let bytes = bytes.into();
    Reply {
        first: (!bytes.is_empty()).then_some(bytes),
        then,
    }
}

pub(crate) fn status(code: u16) -> Answer {
    let builder = Response::builder().status(code);
    builder.body(body("", Then::End)).unwrap()
}

pub(crate) fn document(content_type: &str, bytes: &[u8]) -> Answer {
    Response::builder()
        .header("content-type", content_type)
        .body(body(bytes.to_vec(), Then::End))
        .unwrap()
}

/// A status with one header.
pub(crate) fn with(code: u16, name: &str, value: &str) -> Answer {
    let mut answer = status(code);
    let name: hyper::header::HeaderName = name.parse().unwrap();
    answer.headers_mut().insert(name, value.parse().unwrap());
    answer
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

impl Seen {
    /// `GET manifests`, `GET blobs`, or the path of anything else.
    pub(crate) fn kind(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        let kinds = ["manifests", "blobs"];
        let part = kinds
            .into_iter()
            .find(|kind| path.contains(&format!("/{kind}/")));
        format!("{} {}", self.method, part.unwrap_or(path))
    }
}

/// Ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(None, answer).await
    }

    pub(crate) async fn start_tls(
        tls: &Tls,
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Some(tls.acceptor.clone()), answer).await
    }

    async fn listen(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
        };
        let (seen, answer) = (Arc::clone(&server.seen), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer, tls) = (Arc::clone(&seen), Arc::clone(&answer), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                        async move {
                            let one = read(request).await;
                            seen.lock().unwrap().push(one.clone());
                            Ok::<_, Infallible>(answer(&one))
                        }
                    });
                    let http = hyper::server::conn::http1::Builder::new();
                    // A client that breaks off is no failure of the test.
                    match tls {
                        None => drop(http.serve_connection(TokioIo::new(stream), service).await),
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                drop(http.serve_connection(TokioIo::new(stream), service).await);
                            }
                        }
                    }
                });
            }
        });
        server
    }

    /// `127.0.0.1:PORT`, as an image's name begins.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.seen().iter().map(Seen::kind).collect()
    }

    /// Forgets what was asked until now.
    pub(crate) fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }
}

async fn read(request: Request<Incoming>) -> Seen {
    let authorization = request.headers().get("authorization");
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    let (method, target) = (request.method().to_string(), request.uri().to_string());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Seen {
        method,
        target,
        authorization,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// An authority of the test's own and a certificate for 127.0.0.1.
pub(crate) struct Tls {
    pub(crate) authority_pem: String,
    acceptor: TlsAcceptor,
}

impl Tls {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = [String::from("127.0.0.1")];
        let leaf = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &authority)
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        Self {
            authority_pem: authority.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }
}

/// What a registry holds, by the last part of the path: a tag or a digest.
#[derive(Clone, Default)]
pub(crate) struct Store(HashMap<String, (&'static str, Vec<u8>)>);

impl Store {
    pub(crate) fn with(mut self, tag: &str, image: &Image) -> Self {
        let manifest = (images::MANIFEST, image.manifest.clone());
        self.0.insert(tag.to_owned(), manifest.clone());
        self.0.insert(image.digest(), manifest);
        let config = ("application/octet-stream", image.config.clone());
        self.0.insert(images::digest(&image.config), config);
        self
    }

    pub(crate) fn with_index(mut self, tag: &str, index: &[u8]) -> Self {
        let index = (images::INDEX, index.to_vec());
        self.0.insert(tag.to_owned(), index.clone());
        self.0.insert(images::digest(&index.1), index);
        self
    }

    pub(crate) fn answer(&self, seen: &Seen) -> Answer {
        let path = seen.target.split('?').next().unwrap_or_default();
        match self.0.get(path.rsplit('/').next().unwrap_or_default()) {
            Some((content_type, bytes)) => document(content_type, bytes),
            None => status(404),
        }
    }
}
