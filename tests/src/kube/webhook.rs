//! An admission webhook of the tests' own, which remembers what it was asked: it shows what the
//! API server does with a webhook's configuration, whatever the webhook.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::api::Api;
use super::namespace::{Namespace, pod};
use super::path;
use crate::process::eventually;
use crate::server::certs::{Authority, Flaw};
use crate::server::front::Front;
use crate::server::https::{Connection, Request, reply, server_config};
use crate::server::unique;

/// The label that [`Hook`] puts on what it is asked about.
pub const MARK: &str = "seen-by";

/// A webhook on the loopback interface that allows everything and adds the label [`MARK`].
#[derive(Debug)]
pub struct Hook {
    authority: Authority,
    front: Front,
    seen: Arc<Mutex<Vec<Value>>>,
}

/// What a configuration sets besides address and rules, which are creations of pods.
#[derive(Clone, Debug)]
pub struct Mutating {
    /// Fields of the webhook, such as `objectSelector`.
    pub fields: Value,
}

impl Hook {
    /// Starts one, with an authority of its own.
    ///
    /// # Panics
    ///
    /// When there is no port.
    #[must_use]
    pub fn start() -> Self {
        Self::adding(|_| Vec::new())
    }

    /// One that makes more of an object: the operations of a JSON patch.
    ///
    /// # Panics
    ///
    /// When there is no port.
    #[must_use]
    pub fn adding(more: impl Fn(&Value) -> Vec<Value> + Send + Sync + 'static) -> Self {
        let authority = Authority::new("a webhook");
        let config = server_config(&authority.server(Flaw::None), None, rustls::ALL_VERSIONS);
        let seen = Arc::<Mutex<Vec<Value>>>::default();
        let known = Arc::clone(&seen);
        let front = Front::new(move |stream, _| {
            let Ok(mut connection) = Connection::accept(stream, Arc::clone(&config)) else {
                return;
            };
            while let Ok(Some(request)) = connection.request() {
                if connection.write(&answer(&request, &known, &more)).is_err() {
                    return;
                }
            }
        });
        Self {
            authority,
            front,
            seen,
        }
    }

    /// How a configuration names it.
    #[must_use]
    pub fn client_config(&self) -> Value {
        json!({
            "url": format!("{}/mutate", self.front.url()),
            "caBundle": BASE64_STANDARD.encode(self.authority.pem()),
        })
    }

    /// The requests about objects of this name (`request` of an AdmissionReview), in their order.
    ///
    /// # Panics
    ///
    /// When a thread of ours panicked.
    #[must_use]
    pub fn seen(&self, name: &str) -> Vec<Value> {
        let seen = self.seen.lock().expect("lock");
        let named = seen.iter().filter(|request| request["name"] == name);
        named.cloned().collect()
    }

    /// Has the server ask it about pods created in `namespace`, and waits until it does: the name
    /// of the configuration. `mutating` may narrow that; then `probe` is a pod that it fits.
    ///
    /// # Panics
    ///
    /// When it is not asked within the limit.
    #[track_caller]
    pub fn register(
        &self,
        api: &Api,
        namespace: &Namespace,
        mutating: &Mutating,
        probe: &Value,
    ) -> String {
        self.register_as(&unique("hook"), api, namespace, mutating, probe)
    }

    /// The same with a name for the configuration: the API server asks in the order of names.
    ///
    /// # Panics
    ///
    /// As [`Hook::register`].
    #[track_caller]
    pub fn register_as(
        &self,
        name: &str,
        api: &Api,
        namespace: &Namespace,
        mutating: &Mutating,
        probe: &Value,
    ) -> String {
        let mut hook = json!({
            "name": "pods.cloudtaser.test",
            "clientConfig": self.client_config(),
            "rules": [{
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["pods"],
            }],
            "namespaceSelector": namespace.selector(),
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
        });
        for (field, value) in mutating.fields.as_object().into_iter().flatten() {
            hook[field] = value.clone();
        }
        let object = json!({ "metadata": { "name": name }, "webhooks": [hook] });
        let group = "admissionregistration.k8s.io/v1";
        let path = path::cluster(group, "mutatingwebhookconfigurations");
        let _object = api.admin().create(&path, &object);
        // The server learns of its own configurations a moment later.
        let is_asked = || marked(&api.admin().dry_run(&namespace.pods(), probe).body);
        assert!(eventually(is_asked), "{name} is not asked");
        name.to_owned()
    }
}

impl Mutating {
    /// All pods created in the namespace.
    #[must_use]
    pub fn all() -> Self {
        Self { fields: json!({}) }
    }

    /// The same, narrowed by fields of the webhook.
    #[must_use]
    pub fn with(fields: Value) -> Self {
        Self { fields }
    }
}

/// Whether a webhook has put its mark on an object.
#[must_use]
pub fn marked(object: &Value) -> bool {
    object["metadata"]["labels"][MARK] == "a-test"
}

/// A pod with these labels.
#[must_use]
pub fn labelled(name: &str, labels: &Value) -> Value {
    let mut object = pod(name);
    object["metadata"]["labels"] = labels.clone();
    object
}

fn answer(
    request: &Request,
    seen: &Mutex<Vec<Value>>,
    more: &dyn Fn(&Value) -> Vec<Value>,
) -> Vec<u8> {
    let path = request.path.split('?').next().unwrap_or_default();
    if (request.method.as_str(), path) != ("POST", "/mutate") {
        return reply(404, &[], b"");
    }
    let mut review: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let asked = review["request"].take();
    // Labels may be missing as a whole, and a path into nothing is an error (RFC 6902).
    let labels = asked["object"]["metadata"]["labels"].as_object().cloned();
    let mut labels = labels.unwrap_or_default();
    labels.insert(MARK.to_owned(), json!("a-test"));
    let mark = json!({ "op": "add", "path": "/metadata/labels", "value": labels });
    let mut patch = vec![mark];
    patch.extend(more(&asked["object"]));
    let response = json!({
        "apiVersion": review["apiVersion"],
        "kind": review["kind"],
        "response": {
            "uid": asked["uid"],
            "allowed": true,
            "patchType": "JSONPatch",
            "patch": BASE64_STANDARD.encode(json!(patch).to_string()),
        },
    });
    seen.lock().expect("lock").push(asked);
    let json = [("content-type", "application/json")];
    reply(200, &json, response.to_string().as_bytes())
}
