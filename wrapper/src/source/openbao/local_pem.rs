//! Certificate and key of TLS out of the embedded store (`local:tls/client#key`): read once for a
//! start, with one opening, because that may take a passphrase; kept in secret memory for the
//! revocation at the end, where nobody is to be asked again.

use std::collections::BTreeMap;

use super::error::{BoxedCause, ServerError};
use super::kept::Kept;
use super::settings::{PemSource, TlsSettings};
use crate::reference::{self, Schemes, Target};
use crate::report::chain;
use crate::secret::Secret;
use crate::source::{Fields, ReadError, Request, SourceConfig, local};

/// What the references of [`TlsSettings`] name, by reference.
#[derive(Debug)]
pub(super) struct LocalPem(BTreeMap<String, Result<Secret, String>>);

impl LocalPem {
    /// Reads all of them; the store is not opened when there are none.
    pub(super) fn read(config: &SourceConfig) -> Self {
        let wanted = references(&config.server.tls);
        // The cause is told for the reference that is looked up, so it must be a text.
        match read_all(config, &wanted) {
            Ok(texts) => Self(texts),
            Err(error) => {
                let text = chain(&*error);
                let failed = wanted
                    .into_iter()
                    .map(|name| (name.to_owned(), Err(text.clone())));
                Self(failed.collect())
            }
        }
    }

    /// The text that `reference` names.
    ///
    /// # Errors
    ///
    /// Why it could not be read.
    pub(super) fn look_up(&self, reference: &str) -> Result<Secret, BoxedCause> {
        match self.0.get(reference) {
            Some(Ok(text)) => Ok(text.clone()),
            Some(Err(error)) => Err(error.clone().into()),
            None => Err("it was not read".into()),
        }
    }

    /// Copies them into secret memory.
    ///
    /// # Errors
    ///
    /// Those of [`Kept::keep`].
    pub(super) fn keep(&self) -> Result<KeptPem, ServerError> {
        let texts = self.0.iter();
        let read = texts.filter_map(|(reference, text)| Some((reference, text.as_ref().ok()?)));
        let kept = read.map(|(reference, text)| Ok((reference.clone(), Kept::keep(text)?)));
        Ok(KeptPem(kept.collect::<Result<_, ServerError>>()?))
    }
}

/// The same in secret memory.
#[derive(Debug)]
pub(super) struct KeptPem(Vec<(String, Kept)>);

impl KeptPem {
    /// Copies on the heap, for one connection.
    pub(super) fn copy(&self) -> LocalPem {
        let texts = self.0.iter();
        LocalPem(
            texts
                .map(|(name, kept)| (name.clone(), Ok(kept.copy())))
                .collect(),
        )
    }
}

fn references(tls: &TlsSettings) -> Vec<&str> {
    let sources = [&tls.client_cert, &tls.client_key].into_iter().flatten();
    let references = sources.filter_map(|source| match source {
        PemSource::File(_) => None,
        PemSource::Reference(reference) => Some(reference.as_str()),
    });
    references.collect()
}

type Texts = BTreeMap<String, Result<Secret, String>>;

/// One opening of the store for all.
fn read_all(config: &SourceConfig, wanted: &[&str]) -> Result<Texts, BoxedCause> {
    let mut texts = Texts::new();
    let (mut requests, mut fields) = (Vec::new(), Vec::new());
    for text in wanted {
        match read_reference(text) {
            Ok((request, field)) => {
                requests.push(request);
                fields.push((field, (*text).to_owned()));
            }
            Err(error) => {
                texts.insert((*text).to_owned(), Err(chain(&*error)));
            }
        }
    }
    if requests.is_empty() {
        return Ok(texts);
    }
    let answers = (local::KIND.open)(config)?.read(&requests)?;
    for (answer, (field, text)) in answers.into_iter().zip(fields) {
        let found = take(answer, field.as_deref()).map_err(|error| chain(&*error));
        texts.insert(text, found);
    }
    Ok(texts)
}

/// The path to read, and the field.
fn read_reference(text: &str) -> Result<(Request, Option<String>), BoxedCause> {
    let reference = reference::parse(text, &Schemes::new([local::KIND.name]))?;
    match reference.target {
        Target::Read {
            path,
            field,
            version,
        } => Ok((Request::read(path, version), field)),
        _ => Err("the local store is only read".into()),
    }
}

fn take(answer: Result<Fields, ReadError>, field: Option<&str>) -> Result<Secret, BoxedCause> {
    let mut fields = answer?.values;
    let value = match field {
        Some(name) => fields.remove(name),
        None if fields.len() == 1 => fields.pop_first().map(|(_, value)| value),
        None => None,
    };
    Ok(value.ok_or("the secret has no such field")?)
}
