//! A stand-in for the one request of the Kubernetes API that the kubernetes login makes:
//! `POST /apis/authentication.k8s.io/v1/tokenreviews`.
//!
//! It knows the tokens that it has issued, and no other. It stands for an API server only as far
//! as the secret server asks it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::certs::{Authority, Flaw};
use super::front::Front;
use super::https::{Connection, Request, reply, server_config};
use super::jwt::{JwtKey, seconds};

const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// A running stand-in.
#[derive(Debug)]
pub struct TokenReview {
    authority: Authority,
    key: JwtKey,
    issued: Arc<Mutex<Vec<Issued>>>,
    front: Front,
}

#[derive(Debug)]
struct Issued {
    token: String,
    user: Value,
}

impl TokenReview {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        let authority = Authority::new("a cluster");
        let config = server_config(&authority.server(Flaw::None), None, rustls::ALL_VERSIONS);
        let issued = Arc::<Mutex<Vec<Issued>>>::default();
        let known = Arc::clone(&issued);
        let front = Front::new(move |stream, _| {
            let Ok(mut connection) = Connection::accept(stream, Arc::clone(&config)) else {
                return;
            };
            while let Ok(Some(request)) = connection.request() {
                if connection.write(&answer(&request, &known)).is_err() {
                    return;
                }
            }
        });
        Self {
            authority,
            key: JwtKey::new(),
            issued,
            front,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.front.address)
    }

    /// The certificate that signed its own.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    /// Issues a token as the kubelet mounts it: bound to a service account, for an hour.
    ///
    /// # Panics
    ///
    /// When a thread of ours panicked.
    #[must_use]
    pub fn issue(&self, namespace: &str, account: &str) -> String {
        let name = format!("system:serviceaccount:{namespace}:{account}");
        let uid = crate::marker();
        let token = self.key.sign(&json!({
            "iss": "https://kubernetes.default.svc.cluster.local",
            "aud": ["https://kubernetes.default.svc.cluster.local"],
            "sub": name,
            "iat": seconds(Duration::ZERO),
            "exp": seconds(Duration::from_hours(1)),
            "jti": crate::marker(),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": { "name": account, "uid": uid },
            },
        }));
        let issued = Issued {
            token: token.clone(),
            user: json!({ "username": name, "uid": uid, "groups": ["system:serviceaccounts"] }),
        };
        self.issued.lock().expect("lock").push(issued);
        token
    }
}

fn answer(request: &Request, issued: &Mutex<Vec<Issued>>) -> Vec<u8> {
    if (request.method.as_str(), request.path.as_str()) != ("POST", PATH) {
        return reply(404, &[], b"");
    }
    let mut review: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let issued = issued.lock().expect("lock");
    let found = issued
        .iter()
        .find(|known| review["spec"]["token"] == known.token.as_str());
    review["status"] = match found {
        None => json!({ "authenticated": false, "error": "unknown token" }),
        Some(known) => json!({
            "authenticated": true,
            "user": known.user,
            "audiences": review["spec"]["audiences"],
        }),
    };
    let json = [("content-type", "application/json")];
    reply(201, &json, review.to_string().as_bytes())
}
