//! A client of the API: plain JSON in and out, blocking, and not the code under test.
//!
//! What the server refuses is a panic with its answer, unless the test asks for the answer by
//! [`Client::ask`]. Paths are those of [`super::path`]; a query may follow.

use reqwest::Method;
use reqwest::blocking::Client as Http;
use reqwest::header::HeaderValue;
use rustls::ClientConfig;
use serde_json::Value;

use crate::process::eventually;
use crate::server::Reply;
use crate::server::admin::{chain, client};

/// Has the server do all but store it.
pub const DRY_RUN: &str = "dryRun=All";

/// How a patch is meant (`Content-Type` of a PATCH).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Patch {
    /// RFC 7396.
    Merge,
    /// RFC 6902.
    Json,
    /// Kubernetes' own, which knows the keys of lists.
    Strategic,
    /// The whole of what a field manager wants.
    Apply,
}

/// A client with a certificate, or with a token.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    url: String,
    token: Option<String>,
}

impl Client {
    /// A client of the server at `url`.
    pub(super) fn new(url: &str, tls: ClientConfig, token: Option<&str>) -> Self {
        Self {
            http: client(tls),
            url: url.to_owned(),
            token: token.map(str::to_owned),
        }
    }

    /// Sends a request, whatever comes back. No body if it is null.
    ///
    /// # Panics
    ///
    /// When no answer comes.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.ask_warned(method, path, body).0
    }

    /// The same with the warnings that came along, as `kubectl` would print them.
    ///
    /// # Panics
    ///
    /// When no answer comes.
    #[track_caller]
    pub fn ask_warned(&self, method: &str, path: &str, body: &Value) -> (Reply, Vec<String>) {
        let reply = self.send(method, path, "application/json", body);
        reply.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// The chain of causes, when no answer comes.
    pub fn try_ask(&self, method: &str, path: &str) -> Result<Reply, String> {
        let reply = self.send(method, path, "application/json", &Value::Null);
        Ok(reply?.0)
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &Value,
    ) -> Result<(Reply, Vec<String>), String> {
        let name = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(name, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.header("content-type", kind).body(body.to_string());
        }
        let response = request.send().map_err(|error| chain(&error))?;
        let status = response.status().as_u16();
        let warnings = response
            .headers()
            .get_all("warning")
            .iter()
            .map(warning)
            .collect();
        let text = response.text().map_err(|error| chain(&error))?;
        // What is no JSON (`/readyz`) stays a text.
        let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text));
        Ok((Reply { status, body }, warnings))
    }

    /// Reads an object, or whatever stands there.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null).ok(path)
    }

    /// The objects of a collection.
    #[track_caller]
    pub fn list(&self, path: &str) -> Vec<Value> {
        let items = self.get(path)["items"].take();
        serde_json::from_value(items).expect("a list of objects")
    }

    /// Creates an object in a collection: as the server stored it.
    #[track_caller]
    pub fn create(&self, path: &str, object: &Value) -> Value {
        self.ask("POST", path, object).ok(path)
    }

    /// Tries to create an object without storing it.
    #[track_caller]
    pub fn dry_run(&self, path: &str, object: &Value) -> Reply {
        self.ask("POST", &format!("{path}?{DRY_RUN}"), object)
    }

    /// Replaces an object.
    #[track_caller]
    pub fn replace(&self, path: &str, object: &Value) -> Value {
        self.ask("PUT", path, object).ok(path)
    }

    /// Deletes an object at once, without the time to end that pods are given.
    #[track_caller]
    pub fn delete(&self, path: &str) {
        let path = format!("{path}?gracePeriodSeconds=0");
        let _answer = self.ask("DELETE", &path, &Value::Null).ok(&path);
    }

    /// Changes an object, whatever comes back. [`Patch::Apply`] wants `fieldManager` in the query.
    ///
    /// # Panics
    ///
    /// When no answer comes.
    #[track_caller]
    pub fn patch(&self, path: &str, patch: Patch, body: &Value) -> Reply {
        let reply = self.send("PATCH", path, patch.media_type(), body);
        reply.map_or_else(|error| panic!("PATCH {path}: {error}"), |(reply, _)| reply)
    }

    /// Applies an object on the server's side as this field manager, whatever comes back.
    #[track_caller]
    pub fn apply(&self, path: &str, manager: &str, object: &Value) -> Reply {
        let path = format!("{path}?fieldManager={manager}");
        self.patch(&path, Patch::Apply, object)
    }

    /// Reads an object until `holds` (20 s): the object that did.
    ///
    /// # Panics
    ///
    /// With the last answer, when it does not come to that.
    #[track_caller]
    pub fn wait_until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let is_so = eventually(|| {
            last = self.ask("GET", path, &Value::Null).body;
            holds(&last)
        });
        assert!(is_so, "{path} stayed: {last}");
        last
    }
}

/// The text of a header `299 - "TEXT"` (RFC 7234, 5.5), in which a backslash stands before what it
/// takes literally.
fn warning(header: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(header.as_bytes());
    let quoted = text
        .strip_prefix("299 - \"")
        .and_then(|text| text.strip_suffix('"'));
    let mut characters = quoted.unwrap_or(&text).chars();
    let mut plain = String::new();
    while let Some(character) = characters.next() {
        plain.extend(match character {
            '\\' => characters.next(),
            other => Some(other),
        });
    }
    plain
}

impl Patch {
    fn media_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Json => "application/json-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            // JSON is YAML.
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}
