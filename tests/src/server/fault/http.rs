//! The fault proxy: ends TLS with a certificate of the test's choice, demands a client
//! certificate, and forwards to the real server, except where a rule says otherwise.
//!
//! HTTP/1.1 in front. To the server it shows the client certificate that the server's own tests
//! use, whichever the wrapper showed to it.

use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use reqwest::blocking::Client;
use reqwest::header::HeaderValue;
use rustls::{ALL_VERSIONS, ServerConfig, SupportedProtocolVersion};

use super::ALWAYS;
use super::answer::{Answer, Forwarded};
use crate::process::eventually;
use crate::server::admin::client;
use crate::server::certs::{Flaw, Identity};
use crate::server::front::{Front, Shared};
use crate::server::https::{Connection, Request, server_config};
use crate::server::vault::Server;

/// Headers that belong to one connection (RFC 9110, section 7.6.1), or that are written anew.
const OWN_HEADERS: [&str; 5] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "transfer-encoding",
];

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    front: Front,
    state: Arc<State>,
}

/// A request that came, and over what.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The request.
    pub request: Request,
    /// The number of its connection, from 1.
    pub connection: usize,
    /// TLS, such as `TLSv1_3`.
    pub tls: String,
    /// The key exchange, such as `X25519MLKEM768`.
    pub key_exchange: String,
    /// The client's certificate, DER.
    pub client_certificate: Vec<u8>,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    server: String,
    client: Client,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
    refusals: Mutex<Vec<String>>,
    handshakes: AtomicUsize,
    written: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Rule {
    method: String,
    path: String,
    left: usize,
    answer: Answer,
}

impl Proxy {
    /// Before this server, with a good certificate of the server's authority.
    #[must_use]
    pub fn new(server: &Server) -> Self {
        Self::showing(server, &server.pki.authority.server(Flaw::None))
    }

    /// Before this server, with this certificate.
    #[must_use]
    pub fn showing(server: &Server, certificate: &Identity) -> Self {
        Self::speaking(server, certificate, ALL_VERSIONS)
    }

    /// Before this server, speaking TLS 1.2 only to whoever asks it.
    #[must_use]
    pub fn of_tls12(server: &Server) -> Self {
        let certificate = server.pki.authority.server(Flaw::None);
        Self::speaking(server, &certificate, &[&rustls::version::TLS12])
    }

    fn speaking(
        server: &Server,
        certificate: &Identity,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let authority = &server.pki.authority;
        let state = Arc::new(State {
            config: server_config(certificate, Some(authority), versions),
            server: server.url(),
            client: client(authority.client_config(Some(&server.pki.client))),
            rules: Mutex::default(),
            seen: Mutex::default(),
            refusals: Mutex::default(),
            handshakes: AtomicUsize::default(),
            written: Arc::default(),
        });
        let serving = Arc::clone(&state);
        let front = Front::new(move |stream, shared| serving.serve(stream, shared));
        Self { front, state }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.front.address)
    }

    /// Answers so the first `times` requests of this method (any, if empty) whose path contains
    /// `path`. The first rule that fits and is not used up counts; with none, the server answers.
    pub fn on(&self, method: &str, path: &str, times: usize, answer: Answer) -> &Self {
        self.state.rules.lock().expect("lock").push(Rule {
            method: method.to_owned(),
            path: path.to_owned(),
            left: times,
            answer,
        });
        self
    }

    /// Everything that was asked, in the order in which it came.
    ///
    /// # Panics
    ///
    /// When a thread of ours panicked.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().expect("lock").clone()
    }

    /// The same as `METHOD PATH`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let line = |seen: &Seen| format!("{} {}", seen.request.method, seen.request.path);
        self.seen().iter().map(line).collect()
    }

    /// How many TCP connections came.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.front.connections()
    }

    /// Why the first handshake failed, as we were told, which is waited for: the client's alert,
    /// or what we did not like.
    ///
    /// # Panics
    ///
    /// When none fails within the limit.
    #[must_use]
    pub fn refusal(&self) -> String {
        let refusals = || self.state.refusals.lock().expect("lock");
        assert!(eventually(|| !refusals().is_empty()), "no handshake failed");
        refusals()[0].clone()
    }

    /// Bytes of answers that were taken from us, before TLS: how much of an endless one.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.state.written.load(Ordering::SeqCst)
    }
}

impl State {
    fn serve(&self, stream: TcpStream, shared: &Shared) {
        let accepted = Connection::accept(stream, Arc::clone(&self.config));
        let mut connection = match accepted {
            Ok(connection) => connection.counting(Arc::clone(&self.written)),
            Err(error) => {
                self.refusals.lock().expect("lock").push(error.to_string());
                return;
            }
        };
        let number = self.handshakes.fetch_add(1, Ordering::SeqCst) + 1;
        // An end in the middle of anything is what faults are for; the client's side is tested.
        while let Ok(Some(request)) = connection.request() {
            let seen = Seen::new(request.clone(), number, &connection);
            self.seen.lock().expect("lock").push(seen);
            let answer = self.choose(&request);
            let forward = || self.forward(&request);
            let written = answer.write(&request, &mut connection, shared, forward);
            if !written.is_ok_and(|is_open| is_open) {
                return;
            }
        }
    }

    fn choose(&self, request: &Request) -> Answer {
        let mut rules = self.rules.lock().expect("lock");
        let rule = rules.iter_mut().find(|rule| rule.fits(request));
        rule.map_or(Answer::Forward, |rule| {
            rule.left = rule.left.saturating_sub(usize::from(rule.left != ALWAYS));
            rule.answer.clone()
        })
    }

    fn forward(&self, request: &Request) -> io::Result<Forwarded> {
        let method = Method::from_bytes(request.method.as_bytes()).map_err(io::Error::other)?;
        let url = format!("{}{}", self.server, request.path);
        let mut copy = self.client.request(method, url).body(request.body.clone());
        for (name, value) in request.headers.iter().filter(is_end_to_end) {
            copy = copy.header(name, value);
        }
        let answer = copy.send().map_err(io::Error::other)?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: Vec<_> = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .filter(|header| is_end_to_end(&header))
            .collect();
        Ok(Forwarded {
            status: answer.status().as_u16(),
            headers,
            body: answer.bytes().map_err(io::Error::other)?.to_vec(),
        })
    }
}

impl Rule {
    fn fits(&self, request: &Request) -> bool {
        let is_method = self.method.is_empty() || self.method == request.method;
        is_method && self.left > 0 && request.path.contains(&self.path)
    }
}

impl Seen {
    fn new(request: Request, connection: usize, over: &Connection) -> Self {
        let tls = over.tls();
        let certificate = tls.peer_certificates().and_then(<[_]>::first);
        let group = tls.negotiated_key_exchange_group();
        Self {
            request,
            connection,
            tls: format!("{:?}", tls.protocol_version().expect("a version")),
            key_exchange: group.map_or_else(String::new, |group| format!("{:?}", group.name())),
            client_certificate: certificate.map_or_else(Vec::new, |one| one.to_vec()),
        }
    }
}

fn is_end_to_end((name, _): &&(String, String)) -> bool {
    !OWN_HEADERS.contains(&name.as_str())
}
