//! The embedded store as a source.
//!
//! One read and one decryption for all requests; only the fields of the requested paths are copied
//! out of the decrypted text, which is wiped before the answer is given.

use std::collections::BTreeMap;

use super::{
    Action, Fields, ReadError, Request, Source, SourceConfig, SourceError, SourceKind, render,
};
use crate::status;
use crate::store::StoreError;
use crate::store::document::Document;
use crate::store::open::{Opened, open as open_store};
use crate::store::path::SecretPath;

/// The embedded store, `local:` and the default of `vault:` and `bao:`.
pub const KIND: SourceKind = SourceKind {
    name: "local",
    open,
};

/// What is needed to open the store; every read opens it anew and so sees changes.
struct Local(SourceConfig);

/// Opens nothing yet: the store is opened by the first read, and closed by its end.
fn open(config: &SourceConfig) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(Local(config.clone())))
}

impl Source for Local {
    fn read(
        &mut self,
        requests: &[Request],
    ) -> Result<Vec<Result<Fields, ReadError>>, SourceError> {
        let opened = open_store(&self.0).map_err(failed)?;
        read_all(&opened, requests).map_err(failed)
    }
}

fn read_all(
    opened: &Opened,
    requests: &[Request],
) -> Result<Vec<Result<Fields, ReadError>>, StoreError> {
    let document = opened.document()?;
    requests
        .iter()
        .map(|request| match locate(&document, request) {
            Ok((path, version)) => {
                let fields = version.fields().map_err(|e| opened.damaged(e))?;
                let values: BTreeMap<_, _> = fields
                    .into_iter()
                    .map(|(name, value)| (name, render(value)))
                    .collect();
                Ok(Ok(Fields {
                    canonical_path: path.canonical().to_owned(),
                    values,
                }))
            }
            Err(error) => Ok(Err(error)),
        })
        .collect()
}

/// Finds the version that a request asks for.
fn locate<'d, 'a>(
    document: &'d Document<'a>,
    request: &Request,
) -> Result<(SecretPath, &'d crate::store::document::Version<'a>), ReadError> {
    let version = match &request.action {
        Action::Read { version } => *version,
        Action::Write { .. } => {
            let reason = "the local store issues nothing; references that write (`>>`) need a \
                          server (--source openbao, --addr)";
            return Err(ReadError::Unsupported { reason });
        }
        Action::Decrypt => {
            let reason = "the local store decrypts nothing; transit ciphertexts need a server \
                          (--source openbao, --addr)";
            return Err(ReadError::Unsupported { reason });
        }
    };
    let path = SecretPath::parse(&request.path).map_err(|reason| ReadError::BadPath {
        path: request.path.clone(),
        reason,
    })?;
    let (_, version) = document.find(&path, version)?;
    Ok((path, version))
}

fn failed(error: StoreError) -> SourceError {
    SourceError {
        source_name: KIND.name,
        status: status::SOURCE,
        cause: Box::new(error),
    }
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;
