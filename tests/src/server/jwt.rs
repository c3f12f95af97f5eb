//! JSON web tokens of the tests' own: ES256 (RFC 7518, section 3.4).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::KeyPair;
use serde_json::{Value, json};

/// A key that signs tokens.
pub struct JwtKey {
    key: EcdsaKeyPair,
    public_pem: String,
    private_pem: String,
}

impl JwtKey {
    /// A new key.
    ///
    /// # Panics
    ///
    /// When none can be made.
    #[must_use]
    pub fn new() -> Self {
        let pair = KeyPair::generate().expect("a key");
        let (kind, private) = (&ECDSA_P256_SHA256_FIXED_SIGNING, pair.serialized_der());
        Self {
            key: EcdsaKeyPair::from_pkcs8(kind, private).expect("the same key"),
            public_pem: pair.public_key_pem(),
            private_pem: pair.serialize_pem(),
        }
    }

    /// Its public half.
    #[must_use]
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// Its private half, in PKCS #8, for a server that signs with it as well.
    #[must_use]
    pub fn private_pem(&self) -> &str {
        &self.private_pem
    }

    /// A token with these claims, and no other.
    ///
    /// # Panics
    ///
    /// When it cannot be signed.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "JWT" });
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let part = |value: &Value| encode(value.to_string().as_bytes());
        let text = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes());
        let signature = signature.expect("a signature");
        format!("{text}.{}", encode(signature.as_ref()))
    }
}

impl Default for JwtKey {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtKey").finish_non_exhaustive()
    }
}

/// Seconds since 1970 at `ahead` from now, as claims want it.
///
/// # Panics
///
/// When the clock stands before 1970.
#[must_use]
pub fn seconds(ahead: Duration) -> u64 {
    let now = SystemTime::now() + ahead;
    now.duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}
