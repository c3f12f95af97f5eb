//! What an answer of the API means for one request. Pure: an answer goes in, fields or the reason
//! why there are none come out. Values are moved, never copied.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::mounts::Engine;
use super::reply::{Reply, cleaned, kind, take_object};
use crate::secret::Secret;
use crate::source::{Fields, PLAINTEXT_FIELD, ReadError, render};

/// One request, as far as its answer is concerned.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// As the user wrote it.
    pub(super) path: &'a str,
    /// As the API has it.
    pub(super) api_path: &'a str,
    pub(super) engine: Engine,
    pub(super) version: Option<u64>,
    /// What was sent in secret, and must not come back in a message.
    pub(super) ours: &'a [&'a Secret],
    /// What a policy must allow: `read`, or `update` for a write.
    pub(super) capability: &'static str,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answer {
    /// The fields, and whether a lease hangs on them.
    Fields(Fields, bool),
    /// Nothing there, or not allowed.
    Not(ReadError),
    /// Neither path nor version is there: which of the two, the metadata tells.
    NoSuchVersion(u64),
}

/// The fields of a secret, and whether a lease hangs on them.
pub(super) type Document = (Map<String, Value>, bool);

impl Asked<'_> {
    /// Reads the answer to it.
    ///
    /// # Errors
    ///
    /// What is wrong with a successful answer.
    pub(super) fn answer(&self, reply: Reply) -> Result<Answer, String> {
        Ok(match self.document(reply)? {
            Ok((data, has_lease)) => Answer::Fields(self.fields(data), has_lease),
            Err(not) => not,
        })
    }

    /// The same with the fields' JSON types kept; the inner error is never
    /// [`Answer::Fields`].
    ///
    /// # Errors
    ///
    /// What is wrong with a successful answer.
    pub(super) fn document(&self, mut reply: Reply) -> Result<Result<Document, Answer>, String> {
        if !reply.is_success() {
            return self.refusal(reply).map(Err);
        }
        let has_lease = reply.text("lease_id").is_some_and(|id| !id.is_empty());
        let Some(mut data) = reply.take_data()? else {
            return Ok(Err(Answer::Not(self.no_secret())));
        };
        if self.engine == Engine::KvVersioned {
            return Ok(match versioned(&mut data)? {
                Some(found) => Ok((found, has_lease)),
                None => Err(Answer::Not(self.gone(&data))),
            });
        }
        Ok(Ok((data, has_lease)))
    }

    fn fields(&self, data: Map<String, Value>) -> Fields {
        let values = data.into_iter().map(|(name, value)| (name, render(value)));
        Fields {
            canonical_path: self.api_path.to_owned(),
            values: values.collect(),
        }
    }

    fn no_secret(&self) -> ReadError {
        let path = self.path.to_owned();
        ReadError::NoSecret { path }
    }

    fn refusal(&self, mut reply: Reply) -> Result<Answer, String> {
        Ok(match reply.status {
            404 => match (self.engine, self.version) {
                // A deleted version comes with its metadata.
                (Engine::KvVersioned, version) => match reply.take_data()? {
                    Some(data) => Answer::Not(self.gone(&data)),
                    None => {
                        version.map_or_else(|| Answer::Not(self.no_secret()), Answer::NoSuchVersion)
                    }
                },
                _ => Answer::Not(self.no_secret()),
            },
            403 => Answer::Not(forbidden(self.api_path, self.capability)),
            _ => Answer::Not(ReadError::Refused {
                path: self.api_path.to_owned(),
                text: reply.complaint(self.ours),
            }),
        })
    }

    /// A version without data: deleted, or destroyed.
    fn gone(&self, data: &Map<String, Value>) -> ReadError {
        let metadata = data.get("metadata");
        let of = |name: &str| metadata.and_then(|metadata| metadata.get(name));
        let version = of("version").and_then(Value::as_u64).or(self.version);
        let (path, version) = (self.path.to_owned(), version.unwrap_or_default());
        if of("destroyed").and_then(Value::as_bool) == Some(true) {
            ReadError::Destroyed { path, version }
        } else if of("deletion_time")
            .and_then(Value::as_str)
            .is_some_and(|at| !at.is_empty())
        {
            ReadError::Deleted { path, version }
        } else {
            ReadError::NoSecret { path }
        }
    }
}

/// `data.data` of KV version 2; `None` when the version has none.
fn versioned(data: &mut Map<String, Value>) -> Result<Option<Map<String, Value>>, String> {
    if !data.contains_key("metadata") {
        return Err(String::from("no `data.metadata`, which KV version 2 has"));
    }
    let mut inner = data.remove("data").map_or(Value::Null, |data| {
        Value::Object(Map::from_iter([(String::from("data"), data)]))
    });
    take_object(&mut inner, "data").map_err(|problem| format!("{problem} (inside `data`)"))
}

/// A policy is missing; `path` as the API has it.
pub(super) fn forbidden(path: &str, capability: &str) -> ReadError {
    ReadError::Forbidden {
        path: path.to_owned(),
        fix: format!(
            "the role's policies need `path \"{path}\" {{ capabilities = [\"{capability}\"] }}`"
        ),
    }
}

/// Reads one item of a batch of decryptions.
///
/// # Errors
///
/// What is wrong with it as an answer.
pub(super) fn plaintext(
    item: Value,
    canonical_path: String,
    ours: &[&Secret],
) -> Result<Answer, String> {
    let Value::Object(mut item) = item else {
        return Err(format!("{} in `batch_results`", kind(&item)));
    };
    if let Some(Value::String(text)) = item.get("error")
        && !text.is_empty()
    {
        let shown = cleaned(text.clone(), ours);
        return Ok(Answer::Not(ReadError::Refused {
            path: canonical_path,
            text: shown,
        }));
    }
    let Some(Value::String(encoded)) = item.remove("plaintext") else {
        return Err(String::from("no text at `plaintext` in `batch_results`"));
    };
    let encoded = Secret::from(encoded);
    // The library's error holds a byte of the text and its place.
    let decoded = STANDARD
        .decode(encoded.expose())
        .map_err(|_invalid| String::from("no base64 at `plaintext` in `batch_results`"))?;
    let value = (PLAINTEXT_FIELD.to_owned(), Secret::new(decoded));
    let values = BTreeMap::from([value]);
    let fields = Fields {
        canonical_path,
        values,
    };
    Ok(Answer::Fields(fields, false))
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
