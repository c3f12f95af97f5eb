//! Pull secrets: `.dockerconfigjson` and `.dockercfg`, read into credentials that wipe themselves.
//!
//! Pure. What the JSON library holds while it reads a text with escapes is not wiped; everything
//! that is kept is. An entry's name is not secret; its values are in [`SecretText`].

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::{Zeroize as _, Zeroizing};

/// With and without padding, as the kubelet takes it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A secret text: wiped on drop, printed as a placeholder.
#[derive(Clone, Deserialize, Eq, PartialEq)]
#[serde(from = "String")]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The text itself. Every caller must keep it out of messages and logs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// One way to log in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credential {
    /// A user's name, which some registries take for secret too, and a password.
    Password {
        /// The name.
        username: SecretText,
        /// The password.
        password: SecretText,
    },
    /// A refresh token that the registry's token service exchanges (`identitytoken`).
    IdentityToken(SecretText),
}

/// Which of the two forms a pull secret has: its key in the Secret's data, and its type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PullSecretKind {
    /// `.dockerconfigjson` of `kubernetes.io/dockerconfigjson`.
    DockerConfigJson,
    /// `.dockercfg` of `kubernetes.io/dockercfg`.
    DockerCfg,
}

impl PullSecretKind {
    /// The kind for a key of a Secret's data.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        match key {
            ".dockerconfigjson" => Some(Self::DockerConfigJson),
            ".dockercfg" => Some(Self::DockerCfg),
            _ => None,
        }
    }
}

/// Why a pull secret cannot be read. Whoever made the secret must act.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The text is no JSON of the expected shape. The JSON library's text is left out: it quotes.
    #[error(
        "cannot read the pull secret `{secret}`: no JSON of a docker configuration at line {line}, column {column}; make it with `kubectl create secret docker-registry`"
    )]
    Json {
        /// The secret's name.
        secret: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// `auth` of an entry is not `NAME:PASSWORD` in base64.
    #[error(
        "cannot read the pull secret `{secret}`: `auth` for `{registry}` is not NAME:PASSWORD in base64; make it with `kubectl create secret docker-registry`"
    )]
    Auth {
        /// The secret's name.
        secret: String,
        /// The entry's name.
        registry: String,
    },
}

impl CredentialsError {
    /// A label for metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "pull_secret"
    }
}

/// A pull secret's entries in the order of the text: where each is meant for, and the login.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PullSecret {
    pub(super) entries: Vec<(String, Credential)>,
}

impl PullSecret {
    /// Reads the value of a Secret's key; `secret` is its name, for messages.
    ///
    /// Entries without a login are left out: `docker login` writes such for credential helpers.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`]; nothing of the text is in it.
    pub fn read(
        secret: &str,
        kind: PullSecretKind,
        value: &[u8],
    ) -> Result<Self, CredentialsError> {
        let failed = |error: serde_json::Error| CredentialsError::Json {
            secret: secret.to_owned(),
            line: error.line(),
            column: error.column(),
        };
        let Entries(raw) = match kind {
            PullSecretKind::DockerConfigJson => {
                serde_json::from_slice::<DockerConfig>(value)
                    .map_err(failed)?
                    .auths
            }
            PullSecretKind::DockerCfg => serde_json::from_slice(value).map_err(failed)?,
        };
        let mut entries = Vec::with_capacity(raw.len());
        for (registry, entry) in raw {
            match entry.credential() {
                Ok(Some(credential)) => entries.push((registry, credential)),
                Ok(None) => {}
                Err(NotBase64) => {
                    let secret = secret.to_owned();
                    return Err(CredentialsError::Auth { secret, registry });
                }
            }
        }
        Ok(Self { entries })
    }
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: Entries,
}

/// A JSON object in its own order; `null` is none.
#[derive(Default)]
struct Entries(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of registries")
            }

            fn visit_unit<E>(self) -> Result<Entries, E> {
                Ok(Entries::default())
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Entries, A::Error> {
                let mut found = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    found.push(entry);
                }
                Ok(Entries(found))
            }
        }
        from.deserialize_any(Visitor)
    }
}

#[derive(Deserialize)]
struct Entry {
    username: Option<SecretText>,
    password: Option<SecretText>,
    auth: Option<SecretText>,
    #[serde(rename = "identitytoken")]
    identity_token: Option<SecretText>,
    #[serde(rename = "email")]
    _email: Option<IgnoredAny>,
}

struct NotBase64;

impl Entry {
    /// An identity token comes before `auth`, and that before name and password: so do docker
    /// and the kubelet (which knows no identity token).
    fn credential(self) -> Result<Option<Credential>, NotBase64> {
        let filled = |text: Option<SecretText>| text.filter(|text| !text.is_empty());
        if let Some(token) = filled(self.identity_token) {
            return Ok(Some(Credential::IdentityToken(token)));
        }
        if let Some(auth) = filled(self.auth) {
            return Ok(Some(decode(&auth)?));
        }
        let Some(username) = filled(self.username) else {
            return Ok(None);
        };
        let password = self.password.unwrap_or_else(|| String::new().into());
        Ok(Some(Credential::Password { username, password }))
    }
}

fn decode(auth: &SecretText) -> Result<Credential, NotBase64> {
    let bytes = BASE64
        .decode(auth.expose().trim())
        .map_err(|_not_base64| NotBase64)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        error.into_bytes().zeroize();
        NotBase64
    })?;
    let text = Zeroizing::new(text);
    let (username, password) = text.split_once(':').ok_or(NotBase64)?;
    // docker pads the password with zero bytes.
    let password = password.trim_end_matches('\0');
    Ok(Credential::Password {
        username: username.to_owned().into(),
        password: password.to_owned().into(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(value: &str) -> Result<PullSecret, CredentialsError> {
        PullSecret::read("pull", PullSecretKind::DockerConfigJson, value.as_bytes())
    }

    fn password(name: &str, word: &str) -> Credential {
        Credential::Password {
            username: name.to_owned().into(),
            password: word.to_owned().into(),
        }
    }

    #[test]
    fn each_form_of_a_login_is_read_in_the_texts_order() {
        let read = json(
            r#"{"auths":{"z.example":{"auth":"dTpwOnE="},"a.example":{"username":"n","password":"p"},
            "b.example":{"auth":"dTpw"},"t.example":{"auth":"dTpw","identitytoken":"tok"},
            "helper.example":{},"e.example":{"auth":"","username":"v","email":"x@y"}},
            "credsStore":"desktop"}"#,
        )
        .unwrap();
        let expected = [
            ("z.example", password("u", "p:q")),
            ("a.example", password("n", "p")),
            ("b.example", password("u", "p")),
            (
                "t.example",
                Credential::IdentityToken(String::from("tok").into()),
            ),
            ("e.example", password("v", "")),
        ];
        let expected: Vec<_> = expected.map(|(at, login)| (at.to_owned(), login)).into();
        assert_eq!(read.entries, expected);
    }

    #[test]
    fn the_old_form_has_no_auths() {
        let old = br#"{"https://reg.example/v1/":{"username":"n","password":"p","email":"e"}}"#;
        let read = PullSecret::read("s", PullSecretKind::DockerCfg, old).unwrap();
        assert_eq!(read.entries[0].0, "https://reg.example/v1/");
        // The other kind finds nothing in it, and nothing is no error.
        let other = PullSecret::read("s", PullSecretKind::DockerConfigJson, old).unwrap();
        assert!(other.entries.is_empty());
        assert!(json("{\"auths\":null}").unwrap().entries.is_empty());
        assert_eq!(
            PullSecretKind::of_key(".dockercfg"),
            Some(PullSecretKind::DockerCfg)
        );
        assert_eq!(PullSecretKind::of_key("config.json"), None);
    }

    #[test]
    fn missing_padding_and_dockers_zero_bytes_are_taken() {
        for auth in ["dXU6cA==", "dXU6cA", "dXU6cAA=", " dXU6cA==\\n"] {
            let read = json(&format!(r#"{{"auths":{{"r":{{"auth":"{auth}"}}}}}}"#)).unwrap();
            assert_eq!(read.entries[0].1, password("uu", "p"), "{auth}");
        }
    }

    #[test]
    fn no_error_and_no_debug_text_holds_a_secret() {
        for text in [
            r#"{"auths":{"r":{"auth":"MARKERMARKER!"}}}"#,
            r#"{"auths":{"r":{"auth":"TUFSS0VS"}}}"#,
            r#"{"auths":{"r":{"password":["MARKER"]}}}"#,
            r#"{"auths":"MARKER"}"#,
            "MARKER",
        ] {
            let error = json(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("MARKER") && shown.contains("pull"),
                "{shown}"
            );
        }
        let fine = json(r#"{"auths":{"r":{"username":"MARKER","password":"MARKER"}}}"#).unwrap();
        assert!(!format!("{fine:?}").contains("MARKER"));
    }

    proptest! {
        #[test]
        fn any_name_and_password_survive_base64(name in "[^:\0]{1,20}", word in "[^\0]{0,20}") {
            let auth = BASE64.encode(format!("{name}:{word}"));
            let text = serde_json::json!({"auths": {"r": {"auth": auth}}}).to_string();
            prop_assert_eq!(&json(&text).unwrap().entries[0].1, &password(&name, &word));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for kind in [PullSecretKind::DockerCfg, PullSecretKind::DockerConfigJson] {
                drop(PullSecret::read("s", kind, &bytes));
            }
        }
    }
}
