//! A server on loopback, a cluster that answers when the test says so, and clients.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cloudtaser_webhook::certificate::{ReloadingCertificate, Serving};
use cloudtaser_webhook::decide::{Operator, SourceFact, SourceKey};
use cloudtaser_webhook::image::{ImageResolver, PullSecret, RegistrySettings};
use cloudtaser_webhook::lookup::{Answer, Cluster, Lookup, ProfileStore};
use cloudtaser_webhook::profile::Scope;
use cloudtaser_webhook::serve::admit::Admission;
use cloudtaser_webhook::serve::connections::Connections;
use cloudtaser_webhook::serve::gate::Gate;
use cloudtaser_webhook::serve::http::{self, Asked};
use cloudtaser_webhook::serve::listen::{self, Listening};
use cloudtaser_webhook::serve::metrics::Metrics;
use cloudtaser_webhook::serve::probes::{self, Probed};
use cloudtaser_webhook::serve::ready::Readiness;
use cloudtaser_webhook::serve::settings::Limits;
use cloudtaser_webhook::serve::shutdown::{Teller, phases};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The namespace whose labels the cluster holds back until the test lets it answer.
pub(crate) const HELD: &str = "held";
/// The namespace whose service accounts the cluster holds back until the test lets it answer.
pub(crate) const TARPIT: &str = "tarpit";
/// The namespace whose labels make the look-up panic.
pub(crate) const PANICS: &str = "panics";
/// For what must happen. Long enough for a loaded machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The cluster of the tests.
#[derive(Debug)]
pub(crate) struct Double {
    /// Questions about [`HELD`] and [`TARPIT`] that came.
    pub(crate) asked: AtomicUsize,
    /// A permit for each answer about them.
    pub(crate) answers: Semaphore,
}

impl Cluster for Double {
    fn labels(&self, namespace: String) -> Answer<'_, BTreeMap<String, String>> {
        Box::pin(async move {
            assert_ne!(namespace, PANICS, "planted-in-a-panic");
            if namespace == HELD {
                self.asked.fetch_add(1, Ordering::SeqCst);
                self.answers.acquire().await.unwrap().forget();
            }
            Ok(BTreeMap::from([("team".to_owned(), "a".to_owned())]))
        })
    }

    fn source(&self, _: String, _: SourceKey) -> Answer<'_, SourceFact> {
        Box::pin(async { Ok(SourceFact::Missing) })
    }

    fn account(&self, namespace: String, _: String) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            if namespace == TARPIT {
                self.asked.fetch_add(1, Ordering::SeqCst);
                self.answers.acquire().await.unwrap().forget();
            }
            Ok(Vec::new())
        })
    }

    fn pull_secret(&self, _: String, _: String) -> Answer<'_, Option<PullSecret>> {
        Box::pin(async { Ok(None) })
    }
}

/// A server that runs.
pub(crate) struct Up {
    pub(crate) address: SocketAddr,
    pub(crate) probes: SocketAddr,
    pub(crate) cluster: Arc<Double>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) phase: Teller,
    pub(crate) profiles: Arc<ProfileStore>,
    pub(crate) shown: Arc<ReloadingCertificate>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) served: JoinHandle<()>,
    authority: CertificateDer<'static>,
}

/// Limits of tests about something else.
pub(crate) fn patient() -> Limits {
    Limits {
        read: LIMIT,
        handshake: LIMIT,
        ..Limits::default()
    }
}

/// Profiles: one for namespaces with a label, so that labels are asked for.
pub(crate) fn read_profiles(profiles: &ProfileStore) {
    read_cluster_profiles(profiles);
    profiles.replace(Scope::Namespace, &[]);
}

/// Those of the cluster; of the namespaces nothing is known yet.
pub(crate) fn read_cluster_profiles(profiles: &ProfileStore) {
    let profile = json!({
        "apiVersion": "cloudtaser.io/v1alpha1",
        "kind": "ClusterCloudTaserProfile",
        "metadata": {"name": "default"},
        "spec": {
            "server": {"addresses": ["https://bao.example:8200"]},
            "namespaces": {"matchLabels": {"team": "a"}},
        },
    });
    profiles.replace(Scope::Cluster, &[profile]);
}

/// A server that is ready.
pub(crate) async fn up(limits: Limits) -> Up {
    let up = up_unready(limits).await;
    read_profiles(&up.profiles);
    up.readiness.trusted(true);
    up
}

/// A certificate of its own making is there; nothing else is.
pub(crate) async fn up_unready(limits: Limits) -> Up {
    let names = vec!["localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let shown = Arc::<ReloadingCertificate>::default();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let serving = Serving::read(certificate.as_bytes(), key.as_bytes()).unwrap();
    shown.show(&serving).unwrap();
    let metrics = Arc::<Metrics>::default();
    let profiles = Arc::<ProfileStore>::default();
    let cluster = Arc::new(Double {
        asked: AtomicUsize::new(0),
        answers: Semaphore::new(0),
    });
    let admission = Arc::new(Admission {
        lookup: Lookup {
            cluster: cluster.clone(),
            images: ImageResolver::new(&RegistrySettings::default()).unwrap(),
            default_pull: Vec::new(),
            architecture: "amd64".to_owned(),
            metrics: Arc::clone(&metrics),
        },
        profiles: Arc::clone(&profiles),
        operator: Operator {
            image: "registry.example/cloudtaser:1".to_owned(),
        },
        metrics: Arc::clone(&metrics),
        events: None,
    });
    let (phase, told) = phases();
    let connections = Connections::new(limits.connections);
    let gate = Arc::new(Gate::new(&limits));
    let listening = Listening {
        router: http::router(Arc::new(Asked {
            admission,
            gate: Arc::clone(&gate),
            connections: Arc::clone(&connections),
            limits: limits.clone(),
        })),
        tls: Some(listen::tls(shown.clone()).unwrap()),
        connections: Arc::clone(&connections),
        limits: limits.clone(),
        metrics: Arc::clone(&metrics),
        phase: told.clone(),
    };
    let readiness = Arc::new(Readiness::new(
        Arc::clone(&shown),
        Arc::clone(&profiles),
        told,
        limits.stale,
    ));
    let probing = Listening {
        router: probes::router(Probed {
            readiness: Arc::clone(&readiness),
            metrics,
            certificate: Arc::clone(&shown),
            profiles: Arc::clone(&profiles),
            connections: Arc::clone(&connections),
            gate: Arc::clone(&gate),
        }),
        tls: None,
        connections: Connections::new(8),
        ..listening.clone()
    };
    let (reviews, plain) = (bind().await, bind().await);
    Up {
        address: reviews.local_addr().unwrap(),
        probes: plain.local_addr().unwrap(),
        cluster,
        connections,
        gate,
        phase,
        profiles,
        shown,
        readiness,
        served: tokio::spawn(async move {
            let _probes = tokio::spawn(probing.serve(plain));
            listening.serve(reviews).await;
        }),
        authority: made.cert.der().clone(),
    }
}

async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// A connection of HTTP/1.1, for one request after the other.
pub(crate) type Http1 = http1::SendRequest<Full<Bytes>>;

impl Up {
    /// A TLS connection; `protocol` is what ALPN asks for.
    pub(crate) async fn tls(&self, protocol: &str) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        self.tls_over(stream, protocol).await
    }

    pub(crate) async fn tls_over(&self, stream: TcpStream, protocol: &str) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = "localhost".try_into().unwrap();
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        timeout(LIMIT, connecting).await.unwrap().unwrap()
    }

    pub(crate) async fn http1(&self) -> Http1 {
        let stream = TokioIo::new(self.tls("http/1.1").await);
        let (sender, connection) = http1::handshake(stream).await.unwrap();
        let _ends = tokio::spawn(connection);
        sender
    }

    pub(crate) async fn http2(&self) -> http2::SendRequest<Full<Bytes>> {
        let stream = TokioIo::new(self.tls("h2").await);
        let made = http2::handshake(TokioExecutor::new(), stream).await;
        let (sender, connection) = made.unwrap();
        let _ends = tokio::spawn(connection);
        sender
    }

    /// A client that does everything right is answered, on a connection of its own.
    #[track_caller]
    pub(crate) fn works(&self) -> impl Future<Output = ()> + '_ {
        let place = std::panic::Location::caller();
        async move {
            let mut client = self.http1().await;
            let answer = ask(&mut client, review("control", &pod("shop"))).await;
            let (status, body) = read(answer).await;
            assert_eq!(status, 200, "{place}");
            assert_eq!(body["response"]["allowed"], true, "{place}: {body}");
        }
    }

    /// A page of the port for probes.
    pub(crate) async fn page(&self, path: &str) -> (StatusCode, String) {
        page_of(self.probes, path).await
    }

    /// The value of a metric with this label.
    pub(crate) async fn count(&self, metric: &str, reason: &str) -> f64 {
        let (_, text) = self.page("/metrics").await;
        let begin = format!("cloudtaser_webhook_{metric}{{reason=\"{reason}\"}} ");
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(&begin)?.parse().ok());
        value.unwrap_or_default()
    }
}

/// A page of that address, over plain HTTP.
pub(crate) async fn page_of(address: SocketAddr, path: &str) -> (StatusCode, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let made = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = made.unwrap();
    let _ends = tokio::spawn(connection);
    let request = Request::get(path).header("host", "localhost");
    let request = request.body(Full::new(Bytes::new())).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (head.status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// Waits until something holds that nobody tells us of.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let all = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, all).await.expect("it never held");
}

/// A pod that opted in, with a command of its own.
pub(crate) fn pod(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "app", "namespace": namespace,
            "annotations": {"cloudtaser.io/inject": "true"},
        },
        "spec": {"containers": [{"name": "app", "image": "app:1", "command": ["/app"]}]},
    })
}

/// A review of its creation.
pub(crate) fn review(uid: &str, pod: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "namespace": pod["metadata"]["namespace"],
            "object": pod,
        },
    })
}

/// As the API server asks.
pub(crate) fn request(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::post("/mutate?timeout=30s").header("host", "localhost");
    let request = request.header("content-type", "application/json");
    request.body(Full::new(body.into())).unwrap()
}

pub(crate) async fn ask(client: &mut Http1, review: Value) -> Response<hyper::body::Incoming> {
    let asking = client.send_request(request(review.to_string()));
    timeout(LIMIT, asking).await.unwrap().unwrap()
}

/// Status and body.
pub(crate) async fn read(answer: Response<hyper::body::Incoming>) -> (u16, Value) {
    let (head, body) = answer.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::String(text));
    (head.status.as_u16(), body)
}

/// Set when something has happened.
pub(crate) fn flag() -> Arc<AtomicBool> {
    Arc::default()
}
