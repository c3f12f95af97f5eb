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
pub(super) struct LocalPem(Result<BTreeMap<String, Secret>, String>);

impl LocalPem {
    /// Reads all of them; the store is not opened when there are none.
    pub(super) fn read(config: &SourceConfig) -> Self {
        let wanted = references(&config.server.tls);
        if wanted.is_empty() {
            return Self(Ok(BTreeMap::new()));
        }
        // The cause is told for each reference that is looked up, so it must be a text.
        Self(read_all(config, wanted).map_err(|error| chain(&*error)))
    }

    /// The text that `reference` names.
    ///
    /// # Errors
    ///
    /// Why the store could not be read.
    pub(super) fn look_up(&self, reference: &str) -> Result<Secret, BoxedCause> {
        match &self.0 {
            Ok(texts) => Ok(texts.get(reference).cloned().ok_or("it was not read")?),
            Err(error) => Err(error.clone().into()),
        }
    }

    /// Moves them out of the heap.
    ///
    /// # Errors
    ///
    /// Those of [`Kept::keep`].
    pub(super) fn keep(self) -> Result<KeptPem, ServerError> {
        let texts = self.0.unwrap_or_default().into_iter();
        let kept = texts.map(|(reference, text)| Ok((reference, Kept::keep(&text)?)));
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
        LocalPem(Ok(texts
            .map(|(name, kept)| (name.clone(), kept.copy()))
            .collect()))
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

fn read_all(
    config: &SourceConfig,
    wanted: Vec<&str>,
) -> Result<BTreeMap<String, Secret>, BoxedCause> {
    let mut requests = Vec::new();
    let mut fields = Vec::new();
    for text in &wanted {
        let reference = reference::parse(text, &Schemes::new([local::KIND.name]))?;
        let Target::Read {
            path,
            field,
            version,
        } = reference.target
        else {
            return Err("the local store is only read".into());
        };
        requests.push(Request::read(path, version));
        fields.push(field);
    }
    let answers = (local::KIND.open)(config)?.read(&requests)?;
    let found = answers.into_iter().zip(fields).zip(wanted);
    found
        .map(|((answer, field), text)| Ok((text.to_owned(), take(answer, field.as_deref())?)))
        .collect()
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
