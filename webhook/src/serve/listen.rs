//! Takes connections: a place for each, TLS, HTTP/1.1 or HTTP/2 by ALPN, and an end for whoever is
//! slow ([`Activity`]) or when we are asked to end ([`Phase`]).

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Extension;
use axum::http::{HeaderValue, Version, header};
use axum::{Router, body::Body};
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::ResolvesServerCert;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::activity::{Activity, Overdue};
use super::connections::{Connections, Place};
use super::metrics::Metrics;
use super::settings::Limits;
use super::shutdown::{Phase, Told, reached};
use super::watched::Watched;

/// Bytes of a request's head, at most. Chosen: the API server's has some 300.
const HEAD: usize = 16 << 10;
/// Headers of a request, at most. Chosen: the API server sends six.
const HEADERS: usize = 64;
/// Requests at once on a connection of HTTP/2. Chosen: the API server uses HTTP/1.1 for webhooks;
/// each may make us hold a piece of its answer.
const STREAMS: u32 = 32;
/// Bytes under way on a stream and on a connection of HTTP/2. Chosen: 64 KiB is the protocol's own
/// default; all connections together could make us hold a quarter of a MiB each.
const WINDOWS: [u32; 2] = [64 << 10, 256 << 10];
/// The pause after the system gave us no connection (no descriptors left, say).
const PAUSE: Duration = Duration::from_millis(100);

/// A listener's server.
#[derive(Clone, Debug)]
pub struct Listening {
    /// Who answers.
    pub router: Router,
    /// TLS; without, plain HTTP/1.
    pub tls: Option<Arc<ServerConfig>>,
    /// All connections.
    pub connections: Arc<Connections>,
    /// The limits.
    pub limits: Limits,
    /// Where ends are counted.
    pub metrics: Arc<Metrics>,
    /// Where we are.
    pub phase: Told,
}

/// TLS 1.2 and 1.3, with the certificate that `resolver` has at each handshake.
///
/// # Errors
///
/// [`rustls::Error`], if the library lacks what it is built with.
pub fn tls(resolver: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl Listening {
    /// Serves until the phase is [`Phase::Closing`], then until all connections have ended or the
    /// time for that is over.
    pub async fn serve(self, listener: TcpListener) {
        let mut tasks = JoinSet::new();
        let mut phase = self.phase.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = reached(&mut phase, Phase::Closing) => break,
                Some(_done) = tasks.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.take(&mut tasks, stream).await,
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot take a connection");
                    sleep(PAUSE).await;
                }
            }
        }
        // Who has connected already is answered.
        while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
            self.take(&mut tasks, stream).await;
        }
        drop(listener);
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(self.limits.finish, all).await.is_err() {
            tracing::warn!("connections that did not end in time are cut");
        }
    }

    async fn take(&self, tasks: &mut JoinSet<()>, stream: TcpStream) {
        let end = Instant::now() + self.limits.handshake;
        let Some(place) = self.connections.place(end).await else {
            self.metrics.end_connection("full");
            return;
        };
        let listening = self.clone();
        tasks.spawn(async move { listening.connection(stream, place).await });
    }

    async fn connection(self, stream: TcpStream, place: Place) {
        let _not_fatal = stream.set_nodelay(true);
        let activity = &place.activity;
        let watched = Watched::new(stream, Arc::clone(activity));
        let Some(config) = &self.tls else {
            self.http1(watched, activity).await;
            return;
        };
        let accepting = TlsAcceptor::from(Arc::clone(config)).accept(watched);
        let accepted = tokio::select! {
            accepted = timeout(self.limits.handshake, accepting) => accepted,
            () = activity.evicted.notified() => return self.metrics.end_connection("evicted"),
        };
        let stream = match accepted {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "no TLS handshake");
                return self.metrics.end_connection("handshake");
            }
            Err(_elapsed) => return self.metrics.end_connection("handshake_slow"),
        };
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => self.http2(stream, activity).await,
            _ => self.http1(stream, activity).await,
        }
    }

    async fn http1<S>(&self, stream: S, activity: &Arc<Activity>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        activity.count_heads();
        let mut builder = http1::Builder::new();
        // Its own clock for heads runs between requests too; ours is in `Activity`.
        builder.header_read_timeout(None);
        builder.max_headers(HEADERS).max_header_size(HEAD);
        let connection = builder.serve_connection(TokioIo::new(stream), self.service(activity));
        tokio::pin!(connection);
        self.run(
            connection,
            |connection| connection.graceful_shutdown(),
            activity,
            Phase::Closing,
        )
        .await;
    }

    async fn http2<S>(&self, stream: S, activity: &Arc<Activity>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let [of_stream, of_connection] = WINDOWS;
        builder.timer(TokioTimer::new());
        builder.max_concurrent_streams(STREAMS);
        builder.max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX));
        builder.initial_stream_window_size(of_stream);
        builder.initial_connection_window_size(of_connection);
        let connection = builder.serve_connection(TokioIo::new(stream), self.service(activity));
        tokio::pin!(connection);
        // One that began while we drain stays to the end: else its client would come back at once.
        let goes = match *self.phase.borrow() {
            Phase::Serving => Phase::Draining,
            _ => Phase::Closing,
        };
        self.run(
            connection,
            |connection| connection.graceful_shutdown(),
            activity,
            goes,
        )
        .await;
    }

    /// Drives a connection to its end.
    async fn run<C, E>(
        &self,
        mut connection: std::pin::Pin<&mut C>,
        end: impl Fn(std::pin::Pin<&mut C>),
        activity: &Activity,
        goes: Phase,
    ) where
        C: Future<Output = Result<(), E>>,
        E: std::error::Error,
    {
        let mut phase = self.phase.clone();
        let mut is_ending = false;
        loop {
            let look = activity.look_again(&self.limits, Instant::now());
            tokio::select! {
                biased;
                done = connection.as_mut() => {
                    if let Err(error) = done {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                () = reached(&mut phase, goes), if !is_ending => {
                    is_ending = true;
                    end(connection.as_mut());
                }
                () = activity.evicted.notified() => {
                    if is_ending || !activity.has_served() {
                        return self.metrics.end_connection("evicted");
                    }
                    is_ending = true;
                    self.metrics.end_connection("evicted");
                    end(connection.as_mut());
                }
                () = sleep_until(look) => match activity.overdue(&self.limits, Instant::now()) {
                    None => {}
                    Some(Overdue::Idle) if !is_ending => {
                        is_ending = true;
                        self.metrics.end_connection("idle");
                        end(connection.as_mut());
                    }
                    Some(overdue) => return self.metrics.end_connection(overdue.reason()),
                }
            }
        }
    }

    /// The router, which knows whose requests it answers; from the drain on its answers of HTTP/1
    /// are the last of their connection.
    fn service(
        &self,
        activity: &Arc<Activity>,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Body>,
        Error = Infallible,
        Future: Send + 'static,
    > + use<> {
        let router = self.router.clone().layer(Extension(Arc::clone(activity)));
        let router = TowerToHyperService::new(router);
        let phase = self.phase.clone();
        let activity = Arc::clone(activity);
        service_fn(move |request: Request<Incoming>| {
            activity.begin(Instant::now());
            let phase = phase.clone();
            let is_first_version = request.version() <= Version::HTTP_11;
            let answering = router.call(request);
            async move {
                let mut response = answering.await?;
                if is_first_version && *phase.borrow() > Phase::Serving {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                }
                Ok(response)
            }
        })
    }
}

impl Overdue {
    fn reason(self) -> &'static str {
        match self {
            Self::Head => "head_slow",
            Self::Answer => "answer_not_taken",
            Self::Idle => "idle",
        }
    }
}

/// The client went before we took it.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}
