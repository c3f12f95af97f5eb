//! An administrator: the few requests with which a test sets a server up and looks at it.
//!
//! Blocking, over mutual TLS, and not the code under test. What the server refuses is a panic
//! with its answer, unless the test asks for the answer by [`Admin::ask`].

use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Client, ClientBuilder, RequestBuilder, Response};
use rustls::ClientConfig;
use serde_json::{Value, json};

use crate::process::eventually;

/// Longest wait for one answer. Chosen: far more than any takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// A client with a token.
#[derive(Clone, Debug)]
pub struct Admin {
    client: Client,
    tls: ClientConfig,
    url: String,
    token: String,
    namespace: Option<String>,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body; null when it is empty or no JSON.
    pub body: Value,
}

impl Admin {
    /// A client of the server at `url`.
    ///
    /// # Panics
    ///
    /// When the client cannot be made.
    #[must_use]
    pub fn new(url: &str, tls: ClientConfig, token: &str) -> Self {
        Self {
            client: client(tls.clone()),
            tls,
            url: url.to_owned(),
            token: token.to_owned(),
            namespace: None,
        }
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// The same client in a namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            ..self.clone()
        }
    }

    /// The same client, which waits no longer than this for an answer.
    ///
    /// # Panics
    ///
    /// When the client cannot be made.
    #[must_use]
    pub fn patient_for(&self, limit: Duration) -> Self {
        let builder = builder(self.tls.clone()).timeout(limit);
        Self {
            client: builder.build().expect("a client"),
            ..self.clone()
        }
    }

    /// The same client, through an HTTP proxy.
    ///
    /// # Panics
    ///
    /// When the client cannot be made.
    #[must_use]
    pub fn through(&self, proxy: &str) -> Self {
        let proxy = reqwest::Proxy::all(proxy).expect("a URL");
        let builder = builder(self.tls.clone()).proxy(proxy);
        Self {
            client: builder.build().expect("a client"),
            ..self.clone()
        }
    }

    /// The token that it sends.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request to `/v1/PATH`, whatever comes back.
    ///
    /// # Panics
    ///
    /// When no answer comes.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.try_ask(method, path, body).expect("an answer")
    }

    /// Sends a request to `/v1/PATH`.
    ///
    /// # Errors
    ///
    /// The chain of causes, when no answer comes or it is cut.
    pub fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Reply, String> {
        let reply = self.send(method, path, body, None);
        reply.map_err(|error| chain(&error))
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        ttl: Option<&str>,
    ) -> reqwest::Result<Reply> {
        let mut request = self.request(method, path);
        if let Some(ttl) = ttl {
            request = request.header("X-Vault-Wrap-TTL", ttl);
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let response = request.send()?;
        let status = response.status().as_u16();
        let text = response.text()?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Reply { status, body })
    }

    /// Sends a request to `/v1/PATH`: the answer with its headers, its body not yet read.
    ///
    /// # Panics
    ///
    /// When no answer comes.
    #[track_caller]
    #[must_use]
    pub fn raw(&self, method: &str, path: &str) -> Response {
        self.request(method, path).send().expect("an answer")
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = format!("{}/v1/{path}", self.url);
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.request(method, &url);
        if !self.token.is_empty() {
            request = request.header("X-Vault-Token", &self.token);
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        request
    }

    /// Reads `path`: the whole answer.
    #[track_caller]
    pub fn read(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null).ok(path)
    }

    /// Writes to `path`; the whole answer.
    #[track_caller]
    pub fn write(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, body).ok(path)
    }

    /// The keys under `path`; none if there is nothing.
    #[track_caller]
    pub fn list(&self, path: &str) -> Vec<String> {
        let reply = self.ask("LIST", path, &Value::Null);
        if reply.status == 404 {
            return Vec::new();
        }
        let keys = reply.ok(path)["data"]["keys"].take();
        serde_json::from_value(keys).expect("a list of texts")
    }

    /// Deletes `path`.
    #[track_caller]
    pub fn delete(&self, path: &str) {
        let _answer = self.ask("DELETE", path, &Value::Null).ok(path);
    }

    /// Has the answer to a request wrapped for `ttl`, such as `60s`; the wrapping token.
    #[track_caller]
    pub fn wrapped(&self, method: &str, path: &str, body: &Value, ttl: &str) -> String {
        let reply = self.send(method, path, body, Some(ttl));
        let answer = reply.expect("an answer").ok(path);
        text(&answer["wrap_info"]["token"])
    }

    /// Initialises the server with one key share: the root token and the key.
    #[track_caller]
    pub(super) fn initialise(&self) -> (String, String) {
        let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let answer = self.write("sys/init", &shares);
        (text(&answer["root_token"]), text(&answer["keys_base64"][0]))
    }

    /// Unseals it and waits until it is active, or a stand-by.
    #[track_caller]
    pub fn unseal(&self, key: &str) {
        let _answer = self.write("sys/unseal", &json!({ "key": key }));
        let is_ready = || [200, 429].contains(&self.health());
        assert!(eventually(is_ready), "not ready after unsealing");
    }

    /// The status of `sys/health`: 200 active, 429 stand-by, 501 uninitialised, 503 sealed.
    pub fn health(&self) -> u16 {
        self.ask("GET", "sys/health", &Value::Null).status
    }
}

impl Reply {
    /// The body of a success.
    ///
    /// # Panics
    ///
    /// With the answer, when it is none.
    #[track_caller]
    #[must_use]
    pub fn ok(self, path: &str) -> Value {
        assert!((200..300).contains(&self.status), "{path}: {self:?}");
        self.body
    }
}

/// An error and its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    Vec::from_iter(causes.map(ToString::to_string)).join(": ")
}

/// A client that follows nothing and asks no proxy.
pub(crate) fn client(tls: ClientConfig) -> Client {
    builder(tls).build().expect("a client")
}

fn builder(tls: ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(LIMIT)
}

/// A text in an answer.
///
/// # Panics
///
/// When it is none.
#[track_caller]
pub(super) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
